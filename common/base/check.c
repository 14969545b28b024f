/* SPDX-License-Identifier: Apache-2.0
 * check.c - how a bug ends the process: one line on stderr, then abort. No allocation, no locks. */
#include "common/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *condition, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int used = snprintf(text, sizeof(text), "%s:%d: bug: %s: ", file, line, condition);

	va_start(arguments, format);
	if (used > 0 && (size_t)used < sizeof(text) - 2) {
		int more =
			vsnprintf(text + used, sizeof(text) - (size_t)used - 1, format, arguments);
		used += more > 0 ? more : 0;
	}
	va_end(arguments);
	if ((size_t)used > sizeof(text) - 2)
		used = sizeof(text) - 2;
	text[used] = '\n';
	if (write(STDERR_FILENO, text, (size_t)used + 1) < 0)
		abort();
	abort();
}
