/* SPDX-License-Identifier: Apache-2.0
 * log_text.c - pages of a text that is in memory whole. */
#include "common/logs/log_lines.h"

#include <string.h>

static void fill_forwards(struct log_page *page, struct bytes text, uint64_t text_at,
			  const struct log_filter *filter, size_t bytes_max)
{
	const char *start = text.data;

	while (page->next < page->size_bytes) {
		const char *at = start + (page->next - text_at);
		size_t left = (size_t)(page->size_bytes - page->next);
		const char *line_end = memchr(at, '\n', left);
		struct log_line line = {
			.at = page->next,
			.size_bytes = line_end != NULL ? (size_t)(line_end - at) : left,
			.open = line_end == NULL,
		};

		if (log_filter_matches(filter, at, line.size_bytes)) {
			if (!log_page_add(page, bytes_max, false, &line, at))
				return;
			const struct log_line *added = &page->lines[page->lines_count - 1];

			if (added->size_bytes < line.size_bytes) {
				page->next = line.at + added->size_bytes;
				return;
			}
		}
		page->next += line.size_bytes + !line.open;
	}
}

static void fill_backwards(struct log_page *page, struct bytes text, uint64_t text_at,
			   const struct log_filter *filter, size_t bytes_max)
{
	const char *start = text.data;

	while (page->from > text_at) {
		size_t end = (size_t)(page->from - text_at), begin;
		bool open = start[end - 1] != '\n';

		begin = end -= !open;
		while (begin > 0 && start[begin - 1] != '\n')
			begin--;
		struct log_line line = { .at = text_at + begin,
					 .size_bytes = end - begin,
					 .open = open };

		if (log_filter_matches(filter, start + begin, line.size_bytes)) {
			if (!log_page_add(page, bytes_max, true, &line, start + begin))
				return;
			page->from = page->lines[page->lines_count - 1].at;
			if (page->from != line.at)
				return;
		}
		page->from = line.at;
	}
}

void log_page_of_text(struct log_page *page, struct bytes text, uint64_t text_at,
		      const struct log_filter *filter, size_t bytes_max, int64_t from,
		      bool backwards)
{
	uint64_t at = from < 0 ? UINT64_MAX : (uint64_t)from;

	log_page_init(page);
	page->size_bytes = text_at + text.size_bytes;
	at = at < text_at ? text_at : at > page->size_bytes ? page->size_bytes : at;
	page->from = page->next = at;
	if (backwards || from < 0) {
		fill_backwards(page, text, text_at, filter, bytes_max);
		log_page_reverse(page);
	} else {
		fill_forwards(page, text, text_at, filter, bytes_max);
	}
}
