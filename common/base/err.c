/* SPDX-License-Identifier: Apache-2.0
 * err.c - errors as values, and the table behind them. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/utf8.h"

struct row {
	enum err_code code;
	enum err_class class;
	int http;
	const char *name, *sentence, *hint;
};

static const struct row rows[] = {
#define ROW(name, number, class, http, sentence, hint) \
	{ name, ERR_CLASS_##class, http, #name, sentence, hint },
	ERR_TABLE(ROW)
#undef ROW
};

static const struct row *row_of(enum err_code code)
{
	const struct row *last = &rows[ARRAY_COUNT(rows) - 1];

	for (const struct row *row = rows; row < last; row++)
		if (row->code == code)
			return row;
	return last; /* ERR_BUG */
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list arguments;

	err->code = code;
	err->origin[0] = '\0';
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	utf8_clean(err->text);
	return -1;
}

int err_set_errno(struct err *err, enum err_code code, int saved_errno, const char *format, ...)
{
	va_list arguments;
	char reason[128];

	err->code = code;
	err->origin[0] = '\0';
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		 strerror_r(saved_errno, reason, sizeof(reason)));
	utf8_clean(err->text);
	return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
	va_list arguments;
	char text[sizeof(err->text)];

	va_start(arguments, format);
	int used = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (used < 0)
		used = 0;
	if ((size_t)used < sizeof(text) - 3)
		snprintf(text + used, sizeof(text) - (size_t)used, ": %.*s",
			 (int)(sizeof(text) - (size_t)used - 3), err->text);
	memcpy(err->text, text, sizeof(text));
	utf8_clean(err->text);
	return -1;
}

void err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->origin[0] = '\0';
	err->text[0] = '\0';
}

enum err_class err_class_of(enum err_code code)
{
	return row_of(code)->class;
}

const char *err_name(enum err_code code)
{
	return code == ERR_NONE ? "ERR_NONE" : row_of(code)->name;
}

const char *err_sentence(enum err_code code)
{
	return row_of(code)->sentence;
}

const char *err_hint(enum err_code code)
{
	return row_of(code)->hint;
}

int err_http_status(enum err_code code)
{
	return row_of(code)->http;
}

int err_exit_code(enum err_code code)
{
	return code == ERR_NONE ? 0 : 1;
}

size_t err_format(const struct err *err, char *text, size_t size_bytes)
{
	const char *what = err->text[0] ? err->text : err_sentence(err->code);
	int used = snprintf(text, size_bytes, "error E%04d: %s%s%s%s\n hint: %s\n", (int)err->code,
			    what, err->origin[0] ? " (at " : "", err->origin,
			    err->origin[0] ? ")" : "", err_hint(err->code));

	if (used < 0 || size_bytes == 0)
		return 0;
	return (size_t)used < size_bytes ? (size_t)used : size_bytes - 1;
}
