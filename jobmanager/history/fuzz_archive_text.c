/* SPDX-License-Identifier: Apache-2.0
 * fuzz_archive_text.c - any bytes as an archive: refused, or every entry of it can be read. */
#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/history/archive_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct archive_view view;
	struct buf answer;

	buf_init(&answer);
	if (archive_view_init(&view, bytes_of(data, size), &err) == 0) {
		for (size_t i = 0; i < view.count; i++) {
			struct bytes path = view.entries[i].path;
			char *text = mem_strndup(path.data, path.size_bytes);

			buf_clear(&answer);
			CHECK(archive_view_get(&view, text, &answer) ||
				      strlen(text) < path.size_bytes,
			      "%s is not found", text);
			mem_free(text);
		}
		archive_view_fini(&view);
	}
	buf_fini(&answer);
	return 0;
}
