/* SPDX-License-Identifier: Apache-2.0
 * number.h - adding fields of any numeric kind. Integers wrap around as Java's do. */
#ifndef TASKMANAGER_OPERATOR_NUMBER_H
#define TASKMANAGER_OPERATOR_NUMBER_H

#include "common/record/record.h"

static inline bool number_is_kind(uint8_t kind)
{
	return kind >= FIELD_TINYINT && kind <= FIELD_DOUBLE;
}

#define NUMBER_ADD(type, wide) \
	do { \
		type a, b; \
		memcpy(&a, into, sizeof(a)); \
		memcpy(&b, from, sizeof(b)); \
		a = (type)((wide)a + (wide)b); \
		memcpy(into, &a, sizeof(a)); \
		memcpy(copy, &a, sizeof(a)); \
	} while (0)

/* *into += *from, and the sum goes to *copy as well; all are fields of this kind (number_is_kind).
 * Whoever copies a record that a number was just added to would wait: a wide load cannot take a
 * narrow store out of the store buffer. So the record is copied first, and this comes after. */
static inline void number_add_to_both(uint8_t kind, void *into, const void *from, void *copy)
{
	switch (kind) {
	case FIELD_BIGINT: NUMBER_ADD(int64_t, uint64_t); break;
	case FIELD_INT: NUMBER_ADD(int32_t, uint32_t); break;
	case FIELD_DOUBLE: NUMBER_ADD(double, double); break;
	case FIELD_FLOAT: NUMBER_ADD(float, float); break;
	case FIELD_SMALLINT: NUMBER_ADD(int16_t, uint32_t); break;
	default: NUMBER_ADD(int8_t, uint32_t); break;
	}
}
#undef NUMBER_ADD

static inline void number_add(uint8_t kind, void *into, const void *from)
{
	number_add_to_both(kind, into, from, into);
}

#endif
