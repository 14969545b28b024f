/* SPDX-License-Identifier: Apache-2.0
 * fuzz_artifact.c - any bytes may be given as a program file; looking at them must do no harm. */
#include <stddef.h>
#include <stdint.h>

#include "client/api/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;

	(void)!artifact_check(bytes_of(data, size), "fuzz", &err);
	return 0;
}
