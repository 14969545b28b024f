/* SPDX-License-Identifier: Apache-2.0
 * line_format.h - records as lines of text, by the batch: what print() and write_as_text write. */
#ifndef CONNECTORS_LINE_FORMAT_H
#define CONNECTORS_LINE_FORMAT_H

#include "common/record/batch.h"

struct line_format {
	const struct record_type *type;
	char *prefix; /* "3> ", "mine:3> "; NULL: none */
};

/* subtask counts from 0; Flink's prefix "N> " counts from 1 and is there if parallelism > 1. */
void line_format_init(struct line_format *format, const struct record_type *type,
		      bool with_prefix, uint32_t subtask, uint32_t parallelism);
/* Flink's sink identifier: "mine:3> " above parallelism 1, else "mine> ". */
void line_format_set_name(struct line_format *format, const char *name, uint32_t subtask,
			  uint32_t parallelism);
void line_format_fini(struct line_format *format);
/* Appends each record of the batch and a newline. */
void line_format_batch(const struct line_format *format, const struct batch *batch,
		       struct buf *into);

#endif
