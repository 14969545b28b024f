/* SPDX-License-Identifier: Apache-2.0
 * id.h - 16-byte identifiers (jobs, vertices, allocations, incarnations), shown as 32 hex digits.
 *  */
#ifndef COMMON_BASE_ID_H
#define COMMON_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct id {
	uint8_t bytes[16];
};

#define ID_TEXT_SIZE 33
#define ID_NONE ((struct id){ { 0 } })

static inline bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->bytes, b->bytes, 16) == 0;
}

static inline bool id_is_none(const struct id *a)
{
	static const struct id none;
	return id_equal(a, &none);
}

/* Lower-case hex; returns text. */
const char *id_format(const struct id *id, char text[ID_TEXT_SIZE]);
/* Exactly 32 hex digits of either case; false leaves *id untouched. */
bool id_parse(const char *text, struct id *id);

#endif
