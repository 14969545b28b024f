/* SPDX-License-Identifier: Apache-2.0
 * check.h - CHECK stops the process on a bug of ours, in release builds too.
 *
 * A bug is not an error: errors (the world did not do what was asked) travel as struct err, and a
 * refusal (full, empty, not yet) is a plain return value. CHECK is for what cannot happen. */
#ifndef COMMON_BASE_CHECK_H
#define COMMON_BASE_CHECK_H

#include "common/base/compiler.h"

/* Writes "file:line: bug: condition: message" to stderr without allocating, then aborts. */
NO_RETURN COLD void check_failed(const char *file, int line, const char *condition,
				 const char *format, ...) PRINTF(4, 5);

#define CHECK(condition, ...) \
	do { \
		if (unlikely(!(condition))) \
			check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__); \
	} while (0)

#endif
