/* SPDX-License-Identifier: Apache-2.0
 * line_format.c - see line_format.h. */
#include "connectors/line_format.h"

void line_format_init(struct line_format *format, const struct record_type *type,
		      bool with_prefix, uint32_t subtask, uint32_t parallelism)
{
	*format = (struct line_format){ .type = type };
	if (with_prefix && parallelism > 1)
		format->prefix = mem_printf("%u> ", subtask + 1);
}

void line_format_set_name(struct line_format *format, const char *name, uint32_t subtask,
			  uint32_t parallelism)
{
	line_format_fini(format);
	format->prefix = parallelism > 1 ? mem_printf("%s:%u> ", name, subtask + 1)
					 : mem_printf("%s> ", name);
}

void line_format_fini(struct line_format *format)
{
	mem_free(format->prefix);
	format->prefix = NULL;
}

void line_format_batch(const struct line_format *format, const struct batch *batch,
		       struct buf *into)
{
	struct bytes prefix = format->prefix ? bytes_of_text(format->prefix) : BYTES_EMPTY;

	record_print_lines(format->type, prefix, batch, into);
}
