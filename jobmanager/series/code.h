/* SPDX-License-Identifier: Apache-2.0
 * code.h - how a number of a series is kept: a code of 16 bits, and blocks of codes packed.
 *
 * "I am arithmetic: no clock, no memory of my own." A code is a decimal floating-point number
 * without a sign, of three digits and a half: whole numbers below 2000 are exact, and so are all
 * others of three digits and zeros; any other is within 1/2000 of its worth. Codes are ordered as
 * what they stand for, and those of neighbours on a chart are near each other, so their differences
 * are short whatever the scale. No code stands for NaN or infinity; SERIES_NULL says that there is
 * no number.
 *
 *   units of a decade   1000 … 1999   2000 … 4998 by 2   5000 … 9995 by 5   (times 10, 100, …)
 *   3500 codes for it   1000 … 1999   2000 … 3499        3500 … 4499        (and 3500, 7000, …) */
#ifndef JOBMANAGER_SERIES_CODE_H
#define JOBMANAGER_SERIES_CODE_H

#include <stddef.h>
#include <stdint.h>

#define SERIES_NULL UINT16_MAX
#define SERIES_UNITS_MAX UINT64_C(1000000000000000) /* the sum of a day of them fits 64 bits */
#define SERIES_BLOCK_POINTS 240 /* of a series in one block */
/* What packing needs room for: as bad as it gets, codes go in as they are. */
#define SERIES_PACKED_BYTES_MAX (1 + 2 * SERIES_BLOCK_POINTS)

/* More than SERIES_UNITS_MAX counts as that. */
uint16_t series_code_large(uint64_t units);
uint64_t series_units_large(uint16_t code);

static inline uint16_t series_code(uint64_t units)
{
	return units < 2000 ? (uint16_t)units : series_code_large(units);
}

static inline uint64_t series_units(uint16_t code)
{
	return code < 2000 ? code : series_units_large(code);
}

/* Packs `count` codes (1 to SERIES_BLOCK_POINTS). Returns how many bytes it took. */
size_t series_pack(const uint16_t *codes, size_t count, uint8_t into[SERIES_PACKED_BYTES_MAX]);
/* `count` as when it was packed. */
void series_unpack(const uint8_t *from, size_t size_bytes, uint16_t *codes, size_t count);

#endif
