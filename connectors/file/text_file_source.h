/* SPDX-License-Identifier: Apache-2.0
 * text_file_source.h - lines of a file, or of all files in a folder, as Flink's readTextFile.
 * Option: "path", absolute.
 *
 * Files are cut into byte ranges and spread evenly over the subtasks when the source starts. A line
 * belongs to the split that holds its first byte: a split that does not begin at 0 starts after the
 * first newline at or after its first byte less one, and its last line may reach beyond its end.
 * Names that begin with '.' or '_' are left out, and folders inside the folder, as Flink does. */
#ifndef CONNECTORS_FILE_TEXT_FILE_SOURCE_H
#define CONNECTORS_FILE_TEXT_FILE_SOURCE_H

#include "common/contract/source.h"

extern const struct source_vtable text_file_source; /* "file" */

/* A split's body: two little-endian 64-bit offsets [begin, end), then the path. */
struct file_range {
	uint64_t begin_bytes, end_bytes;
	const char *path; /* borrowed from the body; not NUL-terminated */
	size_t path_bytes;
};
void file_range_write(const struct file_range *range, struct buf *into);
MUST_USE int file_range_read(struct bytes body, struct file_range *range, struct err *err);

/* The enumerator's half (text_file_enumerator.c). */
MUST_USE int text_file_enumerator_open(void **self, const struct job_context *context,
				       struct state_reader *from, struct err *err);
MUST_USE int text_file_enumerator_step(void *self, mono_t now, struct split_assigner *to,
				       mono_t *wake_at, struct err *err);
MUST_USE int text_file_enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
					 uint32_t count, struct err *err);
void text_file_enumerator_close(void **self);

#endif
