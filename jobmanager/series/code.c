/* SPDX-License-Identifier: Apache-2.0
 * code.c - packs blocks of codes.
 *
 *   byte 0   how (2 bits), 4: some are SERIES_NULL, Rice parameter (from bit 3 on)
 *   EMPTY    nothing more: all are SERIES_NULL
 *   CONSTANT the code (2 bytes): none is SERIES_NULL
 *   RICE     a bit per code, 1: it is there (only with 4); the first code that is there (2 bytes);
 *            for each further one its difference to the one before, zigzag, as a Rice code
 *   PLAIN    the codes as they are, 2 bytes each: what Rice codes would not make shorter
 *
 * A Rice code of u with parameter k is u >> k ones, a zero, the low k bits of u; from RICE_ONES_MAX
 * ones on it is that many ones and all 17 bits of u. Differences of a chart that wobbles are about
 * exponentially distributed, for which it is within a few percent of the best code there is, and it
 * needs no table. */
#include "jobmanager/series/code.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/check.h"

enum { EMPTY, CONSTANT, RICE, PLAIN };
#define SOME_NULL 4
#define RICE_ONES_MAX 20
#define DIFFERENCE_BITS 17

/* ---- codes ----------------------------------------------------------------------------------- */

#define DECADE_CODES 3500

static const uint64_t powers[] = { 1,
				   10,
				   100,
				   1000,
				   10000,
				   100000,
				   1000000,
				   10000000,
				   100000000,
				   UINT64_C(1000000000),
				   UINT64_C(10000000000),
				   UINT64_C(100000000000),
				   UINT64_C(1000000000000) };
#define DECADE_MAX 12
_Static_assert(1000 * UINT64_C(1000000000000) == SERIES_UNITS_MAX, "the last decade has one code");
_Static_assert(DECADE_MAX * DECADE_CODES + 1000 < SERIES_NULL, "codes fit 16 bits");

/* What rounding takes to the end of a stretch is the first code of the next. */
uint16_t series_code_large(uint64_t units)
{
	unsigned decade = 0;
	uint64_t power, code;

	if (units > SERIES_UNITS_MAX)
		units = SERIES_UNITS_MAX;
	while (decade < DECADE_MAX && units >= 10000 * powers[decade])
		decade++;
	power = powers[decade];
	if (units < 2000 * power)
		code = (units + power / 2) / power;
	else if (units < 5000 * power)
		code = 2000 + (units - 2000 * power + power) / (2 * power);
	else
		code = 3500 + (units - 5000 * power + 5 * power / 2) / (5 * power);
	return (uint16_t)(decade * DECADE_CODES + code);
}

uint64_t series_units_large(uint16_t code)
{
	unsigned decade = code < 1000 ? 0 : (unsigned)(code - 1000) / DECADE_CODES;
	unsigned digits = code - decade * DECADE_CODES;

	if (digits >= 3500)
		digits = 5000 + (digits - 3500) * 5;
	else if (digits >= 2000)
		digits = 2000 + (digits - 2000) * 2;
	return digits * powers[decade <= DECADE_MAX ? decade : DECADE_MAX];
}

/* ---- bits, the lowest of a byte first -------------------------------------------------------- */

struct bits_out {
	uint8_t *at, *end;
	uint64_t bits;
	unsigned count; /* < 8 between calls */
	bool full;      /* did not fit */
};

/* count at most 56. */
static void put_bits(struct bits_out *out, uint64_t bits, unsigned count)
{
	out->bits |= bits << out->count;
	out->count += count;
	for (; out->count >= 8; out->count -= 8, out->bits >>= 8) {
		if (out->at == out->end) {
			out->full = true;
			out->count = 0;
			return;
		}
		*out->at++ = (uint8_t)out->bits;
	}
}

static uint8_t *finish_bits(struct bits_out *out)
{
	if (out->count > 0)
		put_bits(out, 0, 8 - out->count);
	return out->full ? NULL : out->at;
}

struct bits_in {
	const uint8_t *at, *end;
	uint64_t bits;
	unsigned count;
};

static inline void fill_bits(struct bits_in *in)
{
	while (in->count <= 56 && in->at < in->end) {
		in->bits |= (uint64_t)*in->at++ << in->count;
		in->count += 8;
	}
}

static inline void skip_bits(struct bits_in *in, unsigned count)
{
	in->bits >>= count;
	in->count = in->count > count ? in->count - count : 0;
}

/* ---- differences ----------------------------------------------------------------------------- */

static uint32_t zigzag(int32_t difference)
{
	return ((uint32_t)difference << 1) ^ (uint32_t)(difference >> 31);
}

static int32_t unzigzag(uint32_t value)
{
	return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

static void put_rice(struct bits_out *out, uint32_t value, unsigned k)
{
	uint32_t ones = value >> k;

	if (ones >= RICE_ONES_MAX) {
		put_bits(out, (1u << RICE_ONES_MAX) - 1, RICE_ONES_MAX);
		put_bits(out, value, DIFFERENCE_BITS);
		return;
	}
	put_bits(out, (1u << ones) - 1, ones + 1);
	put_bits(out, value & ((1u << k) - 1), k);
}

static inline uint32_t take_rice(struct bits_in *in, unsigned k)
{
	unsigned ones;
	uint32_t value;

	fill_bits(in);
	ones = ~in->bits == 0 ? RICE_ONES_MAX : (unsigned)__builtin_ctzll(~in->bits);
	if (ones >= RICE_ONES_MAX) {
		skip_bits(in, RICE_ONES_MAX);
		value = (uint32_t)in->bits & ((1u << DIFFERENCE_BITS) - 1);
		skip_bits(in, DIFFERENCE_BITS);
		return value;
	}
	skip_bits(in, ones + 1);
	value = (ones << k) | ((uint32_t)in->bits & ((1u << k) - 1));
	skip_bits(in, k);
	return value;
}

static uint64_t rice_bits(const uint32_t *values, size_t count, unsigned k)
{
	uint64_t bits = (uint64_t)count * (1 + k);

	for (size_t i = 0; i < count; i++) {
		uint32_t ones = values[i] >> k;

		bits += ones < RICE_ONES_MAX ? ones : RICE_ONES_MAX + DIFFERENCE_BITS - 1 - k;
	}
	return bits;
}

/* The parameter with the fewest bits: near the logarithm of the mean. */
static unsigned best_k(const uint32_t *values, size_t count)
{
	uint64_t sum = 0, fewest = UINT64_MAX;
	unsigned near = 0, best = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	while (near < DIFFERENCE_BITS - 2 && (uint64_t)count << (near + 1) <= sum)
		near++;
	for (unsigned k = near > 0 ? near - 1 : 0; k <= near + 1 && k < DIFFERENCE_BITS - 1; k++) {
		uint64_t bits = rice_bits(values, count, k);

		if (bits < fewest) {
			fewest = bits;
			best = k;
		}
	}
	return best;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static size_t pack_plain(const uint16_t *codes, size_t count, uint8_t *into)
{
	into[0] = PLAIN;
	for (size_t i = 0; i < count; i++) {
		into[1 + 2 * i] = (uint8_t)codes[i];
		into[2 + 2 * i] = (uint8_t)(codes[i] >> 8);
	}
	return 1 + 2 * count;
}

/* 0: it would not be shorter than plain. */
static size_t pack_rice(const uint16_t *codes, size_t count, uint16_t first, size_t there,
			uint8_t *into)
{
	uint32_t differences[SERIES_BLOCK_POINTS];
	struct bits_out out = { .at = into + 1, .end = into + 1 + 2 * count };
	uint16_t before = first;
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (codes[i] == SERIES_NULL)
			continue;
		differences[found++] = zigzag((int32_t)codes[i] - before);
		before = codes[i];
	}
	/* The first one's is zero, and not written. */
	unsigned k = best_k(differences + 1, found - 1);

	into[0] = (uint8_t)(RICE | (there < count ? SOME_NULL : 0) | k << 3);
	for (size_t i = 0; there < count && i < count; i++)
		put_bits(&out, codes[i] != SERIES_NULL, 1);
	put_bits(&out, first, 16);
	for (size_t i = 1; i < found; i++)
		put_rice(&out, differences[i], k);
	uint8_t *end = finish_bits(&out);

	return end == NULL ? 0 : (size_t)(end - into);
}

size_t series_pack(const uint16_t *codes, size_t count, uint8_t into[SERIES_PACKED_BYTES_MAX])
{
	uint16_t first = SERIES_NULL;
	bool constant = true;
	size_t there = 0, size;

	CHECK(count > 0 && count <= SERIES_BLOCK_POINTS, "%zu codes", count);
	for (size_t i = 0; i < count; i++) {
		constant = constant && codes[i] == codes[0];
		if (codes[i] != SERIES_NULL && there++ == 0)
			first = codes[i];
	}
	if (there == 0) {
		into[0] = EMPTY;
		return 1;
	}
	if (constant) {
		into[0] = CONSTANT;
		into[1] = (uint8_t)first;
		into[2] = (uint8_t)(first >> 8);
		return 3;
	}
	size = pack_rice(codes, count, first, there, into);
	return size > 0 ? size : pack_plain(codes, count, into);
}

static void unpack_rice(const uint8_t *from, size_t size_bytes, uint16_t *codes, size_t count)
{
	struct bits_in in = { .at = from + 1, .end = from + size_bytes };
	unsigned k = from[0] >> 3;
	bool any = false;
	uint16_t before;

	for (size_t i = 0; i < count; i++)
		codes[i] = 0;
	for (size_t i = 0; (from[0] & SOME_NULL) != 0 && i < count; i++) {
		fill_bits(&in);
		codes[i] = (in.bits & 1) != 0 ? 0 : SERIES_NULL;
		skip_bits(&in, 1);
	}
	fill_bits(&in);
	before = (uint16_t)in.bits;
	skip_bits(&in, 16);
	for (size_t i = 0; i < count; i++) {
		if (codes[i] == SERIES_NULL)
			continue;
		if (any)
			before = (uint16_t)(before + unzigzag(take_rice(&in, k)));
		any = true;
		codes[i] = before;
	}
}

void series_unpack(const uint8_t *from, size_t size_bytes, uint16_t *codes, size_t count)
{
	unsigned how = from[0] & 3;

	if (how == RICE) {
		unpack_rice(from, size_bytes, codes, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = how == PLAIN ? from + 1 + 2 * i : from + 1;

		codes[i] = how == EMPTY ? SERIES_NULL : (uint16_t)(at[0] | at[1] << 8);
	}
}
