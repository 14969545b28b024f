/* SPDX-License-Identifier: Apache-2.0
 * log_lines.h - lines of a log file: which of them are wanted, and a page of them. */
#ifndef COMMON_LOGS_LOG_LINES_H
#define COMMON_LOGS_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/log.h"

#define LOG_SEARCH_BYTES_MAX 200
#define LOG_PAGE_BYTES_MAX (1024 * 1024)
#define LOG_PAGE_LINES_MAX 10000

/* ---- which lines ---------------------------------------------------------------------------- */

struct log_filter {
	enum log_level
		level;	     /* the least severe that is wanted; LOG_TRACE: all lines, any file's */
	size_t search_bytes; /* 0: any text */
	char search[LOG_SEARCH_BYTES_MAX];     /* in lower case */
	uint8_t failure[LOG_SEARCH_BYTES_MAX]; /* Knuth, Morris and Pratt's */
};

/* search: longer than LOG_SEARCH_BYTES_MAX is the caller's to refuse. */
void log_filter_init(struct log_filter *filter, const char *search, enum log_level level);
/* A-Z equal a-z. Takes time by the line's length alone, whatever is searched. */
bool log_filter_matches(const struct log_filter *filter, const char *line, size_t size_bytes);
/* "WARN", "warn"; false: no such level. */
bool log_level_parse(const char *name, enum log_level *level);
/* Whether the line begins an event of the log, "2026-11-24 04:52:40,123 WARN …", and of what level.
 * Lines that do not belong to the event before them. */
bool log_line_level(const char *line, size_t size_bytes, enum log_level *level);

/* ---- a page --------------------------------------------------------------------------------- */

struct log_line {
	uint64_t at;		   /* its first byte in the file */
	size_t offset, size_bytes; /* of its text, without its end, in the page's */
	bool open;		   /* it goes on where this ends: long, or not written out */
};

struct log_page { /* what lies in [from, next) of the file, as far as it is wanted */
	uint64_t size_bytes, from, next;
	char mark[17];	/* says which file it was: "" while its first line is not whole */
	bool missing;	/* there is no such file */
	bool restarted; /* it is another file than the one that was asked for, or was cut */
	struct buf text;
	struct log_line *lines;
	uint32_t lines_count, lines_room;
};

void log_page_init(struct log_page *page);
void log_page_fini(struct log_page *page);
void log_page_clear(struct log_page *page); /* no lines; the rest stays */
/* Of a line too long for what is left of bytes_max, a page's first is cut (its end, or its front
 * when the page is filled from its last line on), any other refused: false. */
bool log_page_add(struct log_page *page, size_t bytes_max, bool from_behind,
		  const struct log_line *line, const char *text);
void log_page_reverse(struct log_page *page);

/* A page of a text in memory that begins at byte `text_at` of what it is a part of: the lines with
 * the text that is searched from `from` on or, backwards, those that end there. */
void log_page_of_text(struct log_page *page, struct bytes text, uint64_t text_at,
		      const struct log_filter *filter, size_t bytes_max, int64_t from,
		      bool backwards);

#endif
