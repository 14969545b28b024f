/* SPDX-License-Identifier: Apache-2.0
 * buf.h - a growing byte string. Always followed by a NUL that is not counted. */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/compiler.h"

struct buf { /* the caller may read data and size_bytes */
	char *data;
	size_t size_bytes, capacity_bytes;
};

void buf_init(struct buf *buf);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
char *buf_reserve(struct buf *buf,
		  size_t more_bytes); /* room at the end; add to size_bytes yourself */
void buf_add(struct buf *buf, const void *data, size_t size_bytes);
void buf_add_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);
void buf_consume(struct buf *buf, size_t size_bytes); /* drops from the front */
char *buf_take(struct buf *buf); /* the text becomes the caller's (mem_free); buf is empty again */
static inline struct bytes buf_bytes(const struct buf *buf)
{
	return bytes_of(buf->data, buf->size_bytes);
}

#endif
