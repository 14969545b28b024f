/* SPDX-License-Identifier: Apache-2.0
 * log_lines.c - the filter of lines and the page they are put on. */
#include "common/logs/log_lines.h"

#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#define LEVEL_AT 24 /* behind "2026-11-24 04:52:40,123 " */

static const char *const level_names[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR" };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

void log_filter_init(struct log_filter *filter, const char *search, enum log_level level)
{
	size_t size = strlen(search);

	CHECK(size <= LOG_SEARCH_BYTES_MAX, "%zu bytes are searched", size);
	*filter = (struct log_filter){ .level = level, .search_bytes = size };
	for (size_t i = 0; i < size; i++)
		filter->search[i] = lower(search[i]);
	for (size_t i = 1, known = 0; i < size; i++) {
		while (known > 0 && filter->search[i] != filter->search[known])
			known = filter->failure[known - 1];
		known += filter->search[i] == filter->search[known];
		filter->failure[i] = (uint8_t)known;
	}
}

bool log_filter_matches(const struct log_filter *filter, const char *line, size_t size_bytes)
{
	size_t known = 0;

	for (size_t i = 0; i < size_bytes && known < filter->search_bytes; i++) {
		char c = lower(line[i]);

		while (known > 0 && c != filter->search[known])
			known = filter->failure[known - 1];
		known += c == filter->search[known];
	}
	return known == filter->search_bytes;
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_COUNT(level_names); i++)
		if (strcasecmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	return false;
}

bool log_line_level(const char *line, size_t size_bytes, enum log_level *level)
{
	static const char form[] = "dddd-dd-dd dd:dd:dd,ddd ";

	if (size_bytes < LEVEL_AT + 5)
		return false;
	for (size_t i = 0; i < LEVEL_AT; i++)
		if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
			return false;
	for (size_t i = 0; i < ARRAY_COUNT(level_names); i++) {
		size_t length = strlen(level_names[i]);

		if (memcmp(line + LEVEL_AT, level_names[i], length) == 0 &&
		    (length == 5 || line[LEVEL_AT + length] == ' ')) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* ---- a page --------------------------------------------------------------------------------- */

void log_page_init(struct log_page *page)
{
	*page = (struct log_page){ .size_bytes = 0 };
	buf_init(&page->text);
}

void log_page_fini(struct log_page *page)
{
	buf_fini(&page->text);
	mem_free(page->lines);
	page->lines = NULL;
}

void log_page_clear(struct log_page *page)
{
	buf_clear(&page->text);
	page->lines_count = 0;
}

/* So many of the first bytes that no character is cut. */
static size_t cut_before(const char *text, size_t size_bytes)
{
	size_t cut = size_bytes;

	while (cut > 0 && size_bytes - cut < 4 && utf8_is_tail((uint8_t)text[cut]))
		cut--;
	return cut > 0 && !utf8_is_tail((uint8_t)text[cut]) ? cut : size_bytes;
}

/* The front of a line goes where no character is cut. */
static size_t cut_behind(const char *text, size_t size_bytes, size_t cut)
{
	size_t moved = cut;

	while (moved < size_bytes && moved - cut < 4 && utf8_is_tail((uint8_t)text[moved]))
		moved++;
	return moved < size_bytes && moved - cut < 4 ? moved : cut;
}

bool log_page_add(struct log_page *page, size_t bytes_max, bool from_behind,
		  const struct log_line *line, const char *text)
{
	struct log_line added = *line;

	if (page->lines_count > 0 && (page->lines_count == LOG_PAGE_LINES_MAX ||
				      page->text.size_bytes + line->size_bytes > bytes_max))
		return false;
	if (line->size_bytes > bytes_max && from_behind) {
		size_t cut = cut_behind(text, line->size_bytes, line->size_bytes - bytes_max);

		added.at += cut;
		text += cut;
		added.size_bytes -= cut;
	} else if (line->size_bytes > bytes_max) {
		added.size_bytes = cut_before(text, bytes_max);
		added.open = true;
	}
	if (page->lines_count == page->lines_room) {
		page->lines_room = page->lines_room == 0 ? 64 : page->lines_room * 2;
		page->lines = mem_realloc(page->lines, page->lines_room * sizeof(*page->lines));
	}
	added.offset = page->text.size_bytes;
	buf_add(&page->text, text, added.size_bytes);
	page->lines[page->lines_count++] = added;
	return true;
}

void log_page_reverse(struct log_page *page)
{
	for (uint32_t i = 0, j = page->lines_count; i + 1 < j; i++) {
		struct log_line line = page->lines[i];

		page->lines[i] = page->lines[--j];
		page->lines[j] = line;
	}
}
