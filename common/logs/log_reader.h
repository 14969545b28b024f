/* SPDX-License-Identifier: Apache-2.0
 * log_reader.h - reads a page of lines of a log file, forwards from a byte or backwards from one,
 * filtered where the file is.
 *
 * A reader is an agent of the runner it is started on, one small file operation at a time; it never
 * has more of the file in memory than a page and a block. A name is looked up in the folder's
 * listing and never joined to a path unchecked. It looks at LOG_READ_SCAN_BYTES of a file at
 * most: a page may so hold less than there is, down to nothing; the next one begins at its `next`
 * (backwards: ends at its `from`).
 *
 * Files grow, are cut and renamed while they are read. The length is settled when a file is opened;
 * its mark, made of its first line, tells a reader who comes again that it is another file now. */
#ifndef COMMON_LOGS_LOG_READER_H
#define COMMON_LOGS_LOG_READER_H

#include "common/logs/log_lines.h"
#include "common/world/world.h"

#define LOG_READ_SCAN_BYTES (16 * 1024 * 1024)
#define LOG_READ_WAIT_MS_MAX 10000

struct log_query {
	const char *name;     /* as the listing has it */
	const char *search;   /* "": all lines; at most LOG_SEARCH_BYTES_MAX */
	enum log_level level; /* LOG_TRACE: all lines */
	int64_t from; /* the page begins at this byte or, backwards, ends there; < 0: the end */
	bool backwards;
	uint32_t bytes_max; /* of the lines; at least 1, at most LOG_PAGE_BYTES_MAX */
	/* Forwards, where there is nothing to tell yet: waits so long for it. */
	uint32_t wait_ms;
	const char *mark; /* of the page that `from` is taken from; "": none */
};

struct log_reader;

/* On the runner's thread, exactly once. page NULL: err says why. */
typedef void log_reader_done_fn(void *context, const struct log_page *page, const struct err *err);

/* directory and query are copied. */
struct log_reader *log_reader_start(struct runner *runner, const char *directory,
				    const struct log_query *query, log_reader_done_fn *done,
				    void *context);
/* For who ends before it, when nobody steps it any more (the runner is gone): `done` is not called.
 */
void log_reader_drop(struct log_reader **reader);

#endif
