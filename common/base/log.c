/* SPDX-License-Identifier: Apache-2.0
 * log.c - one line per event, Flink's pattern, one write per line, a budget per call site. */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/utf8.h"

#define LINE_BYTES 8192
#define LINES_PER_SECOND 100

static void sink_stderr(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	if (write(STDERR_FILENO, line, size_bytes) < 0)
		return; /* nowhere left to say it */
}

static log_sink_fn *sink = sink_stderr;
static void *sink_context;
static log_clock_fn *clock_fn;
static void *clock_context;
static _Atomic int level_min = LOG_INFO;

void log_to(log_sink_fn *to, void *to_context, log_clock_fn *clock, void *context)
{
	sink = to ? to : sink_stderr;
	sink_context = to_context;
	clock_fn = clock;
	clock_context = context;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

static void emit(enum log_level level, wall_t now, const char *logger, const char *format,
		 va_list arguments)
{
	static const char *const names[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR" };
	char line[LINE_BYTES], at[TIME_TEXT_SIZE];
	int used = snprintf(line, sizeof(line), "%s %-5s %-60s [] - ", wall_format_log(now, at),
			    names[level], logger);
	int more = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);

	if (more < 0)
		more = 0;
	used += more;
	if ((size_t)used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used] = '\0';
	utf8_clean(line); /* a value may be anybody's */
	used = (int)strlen(line);
	/* One with a line break must not look like two events. */
	for (char *c = line; (c = memchr(c, '\n', (size_t)(line + used - c))) != NULL;)
		*c = ' ';
	line[used++] = '\n';
	sink(sink_context, level, line, (size_t)used);
}

static void emit_skipped(enum log_level level, wall_t now, const char *logger, const char *format,
			 ...)
{
	va_list arguments;

	va_start(arguments, format);
	emit(level, now, logger, format, arguments);
	va_end(arguments);
}

void log_write(struct log_site *site, enum log_level level, const char *logger, const char *format,
	       ...)
{
	wall_t now = clock_fn ? clock_fn(clock_context) : 0;
	long long second = now / 1000;
	va_list arguments;

	if (atomic_exchange(&site->second, second) != second) {
		unsigned skipped = atomic_exchange(&site->skipped, 0);

		atomic_store(&site->lines, 0);
		if (skipped > 0)
			emit_skipped(level, now, logger,
				     "(%u more lines like the next were left out)", skipped);
	}
	if (atomic_fetch_add(&site->lines, 1) >= LINES_PER_SECOND) {
		atomic_fetch_add(&site->skipped, 1);
		return;
	}
	va_start(arguments, format);
	emit(level, now, logger, format, arguments);
	va_end(arguments);
}
