/* SPDX-License-Identifier: Apache-2.0
 * keyed_sum_answer.c - what the sink of jobs/keyed_sum.c must have added up: with n records of a
 * key, each of value 1, its updates are 1 … n in whatever order they came.
 *
 *	keyed_sum_answer RECORDS KEYS		prints the sum of all updates, modulo 2^64 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "tests/bench/connector/bench_keys.h"

#define KEYS_MAX 100000000

int main(int argc, char **argv)
{
	uint64_t records = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t keys = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t state = 1, total = 0;

	if (records == 0 || keys == 0 || keys > KEYS_MAX) {
		fprintf(stderr, "usage: keyed_sum_answer RECORDS KEYS\n");
		return 2;
	}
	uint64_t *counts = MEM_NEW_ARRAY(uint64_t, keys);

	for (uint64_t i = 0; i < records; i++)
		total += ++counts[bench_key_number(&state, keys)];
	mem_free(counts);
	printf("%" PRIu64 "\n", total);
	return 0;
}
