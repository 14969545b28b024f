/* SPDX-License-Identifier: Apache-2.0
 * test_functions.h - record types and functions as a user writes them, with flink/flink.h, for the
 * tests of operators, tasks and clusters. */
#ifndef TESTS_LIB_TEST_FUNCTIONS_H
#define TESTS_LIB_TEST_FUNCTIONS_H

#include "client/api/flink/flink.h"

FLINK_RECORD(word_count, FIELD(STRING, word) FIELD(BIGINT, count));
FLINK_RECORD(number, FIELD(BIGINT, value));

/* The type that the graph carries for it; record_type_destroy. CHECKs that it is valid. */
struct record_type *test_record_type(const struct flink_type *type);

void test_split(const struct line *in, struct collector *out); /* words of a line: (word, 1) */
void test_split_twice(const struct line *in, struct collector *out); /* each word and its reverse */
void test_collect_number(
	const struct line *in,
	struct collector *out); /* a number: the wrong type when word_count is declared */
void test_length(const struct line *in, struct number *out);         /* map: the line's length */
void test_halve(const struct number *in, struct number *out, uint32_t count); /* map_batch */
/* The same; fails at the first negative number, and halves nothing behind it. */
void test_halve_positive(const struct number *in, struct number *out, uint32_t count);
void test_upper(const struct line *in, struct line *out); /* map with a borrowed string */
bool test_even(const struct number *in);                             /* filter */
/* reduce: the sum; the words side by side, of which the first 100 bytes are kept */
void test_join(const struct word_count *a, const struct word_count *b, struct word_count *out);
/* Both wrong, but for texts that stand in the struct: a map, a reduce. */
void test_same(const struct line *in, struct line *out);
void test_later(const struct word_count *a, const struct word_count *b, struct word_count *out);
void test_larger(const struct number *a, const struct number *b, struct number *out);
bool test_not_empty(const struct line *in);
/* By the line's length; one partition too far with parameter "far", a failure with "fail". */
uint32_t test_partition(const struct line *in, uint32_t partitions);
void test_fail_on_poison(const struct line *in,
			 struct collector *out);	       /* fails at the line "poison" */
void test_flood(const struct line *in, struct collector *out); /* emits without end, some 100 MB */
void test_giant(const struct line *in,
		struct collector *out); /* one record larger than any segment */
void test_with_parameters(const struct line *in,
			  struct line *out); /* map: parameters, '/', subtask */

#endif
