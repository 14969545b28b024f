/* SPDX-License-Identifier: Apache-2.0
 * fuzz_record.c - one record's image from outside, for a type from outside. */
#include "common/record/fuzz_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *image;
	uint32_t size_bytes;
	struct err err = ERR_INIT;
	struct record_type *type = fuzz_type(data, size, &image, &size_bytes);

	if (type == NULL)
		return 0;
	if (record_check(type, image, size_bytes, &err) == 0) {
		struct buf text, scratch;

		buf_init(&text);
		buf_init(&scratch);
		CHECK(record_size(type, image) == size_bytes, "accepted at %u bytes", size_bytes);
		fuzz_use(type, image, &text, &scratch);
		buf_fini(&text);
		buf_fini(&scratch);
	} else {
		CHECK(err.code == ERR_RECORD_INVALID && err.text[0], "an error without a text");
	}
	mem_free(image);
	record_type_destroy(&type);
	CHECK(mem_bytes_out() == 0, "%lld bytes are out", (long long)mem_bytes_out());
	return 0;
}
