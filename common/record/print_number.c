/* SPDX-License-Identifier: Apache-2.0
 * print_number.c - FLOAT and DOUBLE in the form of Java's Double.toString and Float.toString.
 *
 * Which digits: of all decimals that read back as the number, the shortest, and of these the
 * nearest (Java 19 and later; older versions sometimes printed a digit too many). Where they
 * stand: plain from 10^-3 up to 10^7, else with an exponent; always a digit on both sides of the
 * point.
 *
 * The digits come from the C library's exact conversion, tried from few digits to many. 15 (6 for
 * FLOAT) are enough for most numbers people have, so that is the first and usually the only try. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/record/record.h"

#define DIGITS_MAX 17

struct decimal { /* 0.d1d2d3… × 10^exponent */
	char digits[DIGITS_MAX + 2];
	int count, exponent;
};

static bool reads_back(const struct decimal *decimal, double value, bool single)
{
	char text[DIGITS_MAX + 16];

	/* Without a point: strtod would look for the locale's. */
	snprintf(text, sizeof(text), "%.*se%d", decimal->count, decimal->digits,
		 decimal->exponent - decimal->count);
	return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* The decimal of `count` digits that is nearest to value > 0. */
static void nearest(double value, int count, struct decimal *decimal)
{
	char text[DIGITS_MAX + 16];

	snprintf(text, sizeof(text), "%.*e", count - 1, value);
	const char *exponent = strchr(text, 'e');

	decimal->count = 0;
	for (const char *at = text; at < exponent && decimal->count < count; at++)
		if (*at >= '0' && *at <= '9')
			decimal->digits[decimal->count++] = *at;
	decimal->exponent = (int)strtol(exponent + 1, NULL, 10) + 1;
}

/* The next decimal of as many digits. */
static void step_up(struct decimal *decimal)
{
	int i = decimal->count - 1;

	while (i >= 0 && decimal->digits[i] == '9')
		decimal->digits[i--] = '0';
	if (i >= 0) {
		decimal->digits[i]++;
		return;
	}
	decimal->digits[0] = '1';
	decimal->exponent++;
}

static void shortest(double value, bool single, struct decimal *decimal)
{
	bool subnormal = single ? value < 0x1p-126 : value < 0x1p-1022;
	int fraction_exponent;
	/* Below a power of two the neighbours are twice as near as above it: the nearest decimal
	 * may lie too far below while the next one above still reads back. */
	bool lopsided = frexp(value, &fraction_exponent) == 0.5;
	int most = single ? 9 : DIGITS_MAX;

	/* 15 (6) digits always survive the way there and back, so fewer need not be tried one by
	 * one: trailing zeroes are cut off. Subnormals have less precision. Java wants two. */
	for (int count = subnormal ? 2 : single ? 6 : 15;; count++) {
		nearest(value, count, decimal);
		if (count == most || reads_back(decimal, value, single))
			break;
		if (lopsided) {
			step_up(decimal);
			if (reads_back(decimal, value, single))
				break;
		}
	}
	while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
		decimal->count--;
}

static void add_digits(const struct decimal *decimal, int from, int to, struct buf *into)
{
	for (int i = from; i < to; i++)
		buf_add(into, i < decimal->count ? &decimal->digits[i] : "0", 1);
}

static void print_number(double value, bool single, struct buf *into)
{
	struct decimal decimal;

	if (isnan(value)) {
		buf_add_text(into, "NaN");
		return;
	}
	if (signbit(value))
		buf_add_text(into, "-");
	value = fabs(value);
	if (isinf(value)) {
		buf_add_text(into, "Infinity");
		return;
	}
	if (value == 0) {
		buf_add_text(into, "0.0");
		return;
	}
	shortest(value, single, &decimal);
	int whole = decimal.exponent; /* digits in front of the point in plain form */

	if (whole > 7 || whole < -2) {
		add_digits(&decimal, 0, 1, into);
		buf_add_text(into, ".");
		add_digits(&decimal, 1, decimal.count > 2 ? decimal.count : 2, into);
		buf_printf(into, "E%d", whole - 1);
		return;
	}
	if (whole > 0) {
		add_digits(&decimal, 0, whole, into);
		buf_add_text(into, ".");
		add_digits(&decimal, whole, decimal.count > whole ? decimal.count : whole + 1,
			   into);
		return;
	}
	buf_add(into, "0.00", (size_t)(2 - whole)); /* whole is 0, -1 or -2 */
	add_digits(&decimal, 0, decimal.count, into);
}

void print_double(double value, struct buf *into)
{
	print_number(value, false, into);
}

void print_float(float value, struct buf *into)
{
	print_number((double)value, true, into);
}
