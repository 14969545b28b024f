/* SPDX-License-Identifier: Apache-2.0
 * buf.c - a growing byte string. */
#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"

static char nothing[1]; /* so that data is a valid empty text from the start */

void buf_init(struct buf *buf)
{
	buf->data = nothing;
	buf->size_bytes = buf->capacity_bytes = 0;
}

void buf_fini(struct buf *buf)
{
	if (buf->capacity_bytes > 0)
		mem_free(buf->data);
	buf_init(buf);
}

void buf_clear(struct buf *buf)
{
	buf->size_bytes = 0;
	if (buf->capacity_bytes > 0)
		buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t more_bytes)
{
	size_t need = buf->size_bytes + more_bytes;

	if (need + 1 > buf->capacity_bytes) {
		size_t capacity = buf->capacity_bytes ? buf->capacity_bytes * 2 : 64;

		while (capacity < need + 1)
			capacity *= 2;
		buf->data = mem_realloc(buf->capacity_bytes ? buf->data : NULL, capacity);
		buf->capacity_bytes = capacity;
		buf->data[buf->size_bytes] = '\0';
	}
	return buf->data + buf->size_bytes;
}

void buf_add(struct buf *buf, const void *data, size_t size_bytes)
{
	if (size_bytes == 0)
		return;
	memcpy(buf_reserve(buf, size_bytes), data, size_bytes);
	buf->size_bytes += size_bytes;
	buf->data[buf->size_bytes] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	size_t room = buf->capacity_bytes ? buf->capacity_bytes - buf->size_bytes : 0;

	va_start(arguments, format);
	int length = vsnprintf(room ? buf->data + buf->size_bytes : NULL, room, format, arguments);
	va_end(arguments);
	CHECK(length >= 0, "format \"%s\"", format);
	if ((size_t)length >= room) {
		char *at = buf_reserve(buf, (size_t)length);

		va_start(arguments, format);
		vsnprintf(at, (size_t)length + 1, format, arguments);
		va_end(arguments);
	}
	buf->size_bytes += (size_t)length;
}

void buf_consume(struct buf *buf, size_t size_bytes)
{
	CHECK(size_bytes <= buf->size_bytes, "%zu of %zu", size_bytes, buf->size_bytes);
	if (size_bytes == 0)
		return;
	buf->size_bytes -= size_bytes;
	memmove(buf->data, buf->data + size_bytes, buf->size_bytes);
	buf->data[buf->size_bytes] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *text;

	buf_reserve(buf, 0);
	text = buf->data;
	text[buf->size_bytes] = '\0';
	buf_init(buf);
	return text;
}
