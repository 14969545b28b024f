/* SPDX-License-Identifier: Apache-2.0
 * fuzz_http.c - any bytes may come from whatever listens at the address that -m names. */
#include <stddef.h>
#include <stdint.h>

#include "client/cli/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response response;
	struct err err = ERR_INIT;

	buf_init(&response.body);
	for (int end = 0; end <= 1; end++)
		(void)!http_parse(bytes_of(data, size), end, &response, &err);
	buf_fini(&response.body);
	return 0;
}
