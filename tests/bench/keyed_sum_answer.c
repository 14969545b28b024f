/* SPDX-License-Identifier: Apache-2.0
 * keyed_sum_answer.c - what the sink of jobs/keyed_sum.c must have added up: with n records of a
 * key, each of value 1, its updates are 1 … n in whatever order they came.
 *
 *	keyed_sum_answer RECORDS SUBTASKS KEYS
 *
 * RECORDS of each subtask. Prints the sum of all updates, modulo 2^64. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "tests/bench/connector/bench_keys.h"

/* How often each key comes. */
static void count_keys(uint64_t *counts, uint64_t records, uint32_t subtasks, uint32_t keys)
{
	uint32_t *numbers = MEM_NEW_ARRAY(uint32_t, BENCH_KEYS_PERIOD);
	uint64_t rounds = records / BENCH_KEYS_PERIOD, rest = records % BENCH_KEYS_PERIOD;

	for (uint32_t subtask = 0; subtask < subtasks; subtask++) {
		bench_keys_draw(numbers, BENCH_KEYS_PERIOD, subtask, keys);
		for (uint32_t i = 0; i < BENCH_KEYS_PERIOD; i++)
			counts[numbers[i]] += rounds + (i < rest);
	}
	mem_free(numbers);
}

int main(int argc, char **argv)
{
	uint64_t records = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t subtasks = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t keys = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t total = 0;

	if (records == 0 || subtasks == 0 || subtasks > UINT32_MAX || keys == 0 ||
	    keys > UINT32_MAX) {
		fprintf(stderr, "usage: keyed_sum_answer RECORDS SUBTASKS KEYS\n");
		return 2;
	}
	uint64_t *counts = MEM_NEW_ARRAY(uint64_t, keys);

	count_keys(counts, records, (uint32_t)subtasks, (uint32_t)keys);
	for (uint64_t i = 0; i < keys; i++)
		total += (counts[i] & 1) ? counts[i] * ((counts[i] + 1) / 2) :
					   counts[i] / 2 * (counts[i] + 1);
	mem_free(counts);
	printf("%" PRIu64 "\n", total);
	return 0;
}
