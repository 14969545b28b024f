/* SPDX-License-Identifier: Apache-2.0
 * bytes.h - views of memory: bytes is read-only and borrowed, slice is writable and borrowed. */
#ifndef COMMON_BASE_BYTES_H
#define COMMON_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const void *data;
	size_t size_bytes;
};

struct slice {
	void *data;
	size_t size_bytes;
};

#define BYTES_EMPTY ((struct bytes){ NULL, 0 })

static inline struct bytes bytes_of(const void *data, size_t size_bytes)
{
	return (struct bytes){ data, size_bytes };
}

static inline struct bytes bytes_of_text(const char *text)
{
	return (struct bytes){ text, text ? strlen(text) : 0 };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size_bytes == b.size_bytes &&
	       (a.size_bytes == 0 || memcmp(a.data, b.data, a.size_bytes) == 0);
}

#endif
