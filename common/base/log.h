/* SPDX-License-Identifier: Apache-2.0
 * log.h - the daemons' log: Flink's line pattern, one line per event, for people who grep.
 *
 *   2026-11-24 04:52:40,123 INFO  Dispatcher           [] - Received JobGraph submission …
 *
 * The logger is a component name ("Dispatcher"). Formatting goes to a stack buffer and one write;
 * a line over 8 KiB is cut. Each (file, line) may log 100 lines per second; past that, lines are
 * counted and one line tells how many were left out. Values of keys that look like secrets are the
 * caller's to mask (conf_mask). Rule: an error is logged once, where it is handled. */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/err.h"
#include "common/base/time.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* One call site's budget; LOG_AT makes a static one per line. */
struct log_site {
	_Atomic long long second;
	_Atomic unsigned lines, skipped;
};

/* Where lines go: context and a function that takes one whole line with its newline. The default
 * writes to stderr. `clock` gives the wall time (the world's). Call before threads exist. */
typedef void log_sink_fn(void *context, enum log_level level, const char *line, size_t size_bytes);
typedef wall_t log_clock_fn(void *context);
void log_to(log_sink_fn *sink, void *sink_context, log_clock_fn *clock, void *clock_context);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

void log_write(struct log_site *site, enum log_level level, const char *logger, const char *format,
	       ...) PRINTF(4, 5);

#define LOG_AT(level, logger, ...) \
	do { \
		static struct log_site log_site_; \
		if (log_enabled(level)) \
			log_write(&log_site_, level, logger, __VA_ARGS__); \
	} while (0)
#define log_debug(logger, ...) LOG_AT(LOG_DEBUG, logger, __VA_ARGS__)
#define log_info(logger, ...) LOG_AT(LOG_INFO, logger, __VA_ARGS__)
#define log_warn(logger, ...) LOG_AT(LOG_WARN, logger, __VA_ARGS__)
#define log_error(logger, ...) LOG_AT(LOG_ERROR, logger, __VA_ARGS__)

#endif
