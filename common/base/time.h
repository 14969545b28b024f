/* SPDX-License-Identifier: Apache-2.0
 * time.h - the three kinds of time, as three types. Clocks are read only through common/world. */
#ifndef COMMON_BASE_TIME_H
#define COMMON_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t mono_t;  /* monotonic nanoseconds; only differences mean anything */
typedef int64_t wall_t;  /* milliseconds since 1970-01-01 UTC */
typedef int64_t event_t; /* event time, milliseconds since 1970-01-01 UTC */

#define MONO_NEVER INT64_MAX
#define EVENT_MIN INT64_MIN
#define EVENT_MAX INT64_MAX
#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define MS_PER_S INT64_C(1000)

static inline mono_t mono_after_ms(mono_t now, int64_t ms)
{
	return ms >= (MONO_NEVER - now) / NS_PER_MS ? MONO_NEVER : now + ms * NS_PER_MS;
}

static inline mono_t mono_min(mono_t a, mono_t b)
{
	return a < b ? a : b;
}

#define TIME_TEXT_SIZE 32
/* "2026-11-24 04:52:40,123" in local time, Flink's log format. Returns text. */
const char *wall_format_log(wall_t at, char text[TIME_TEXT_SIZE]);
/* "24.11.2026 04:52:40" in local time, the format of `flink list`. Returns text. */
const char *wall_format_list(wall_t at, char text[TIME_TEXT_SIZE]);

#endif
