/* SPDX-License-Identifier: Apache-2.0
 * state_bench.c - how fast records are added up in keyed state, and what frozen views cost.
 *
 *   state_bench [KEYS]     (default 100, 100000 and 1000000) prints "name value unit" lines
 *
 * 32-byte records with uniform BIGINT keys, as a keyed operator takes them: keys read by the batch,
 * slots found, a field added. "frozen" does the same while a view is taken every 100 ms and another
 * thread reads it to its end. Both in turn; medians. Beside it: limit/keyed_sum.c. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "taskmanager/state/key_batch.h"
#include "taskmanager/state/keyed_table.h"

#define RUNS 7
#define RECORDS (1u << 20) /* in memory, gone over again and again */
#define PASSES 24
#define FREEZE_EVERY_NS 100000000

struct record {
	int64_t key, time, value, extra;
};

struct bench {
	struct record_type *type;
	struct record *records;
	struct key_batch keys;
	struct keyed_table *table;
	struct keyed_frozen *frozen;
	pthread_t reader;
	bool reading;
	atomic_bool read; /* by the reader: to the end */
	uint64_t slots_read, views;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void *read_view(void *context)
{
	struct bench *bench = context;
	struct keyed_chunk chunk;

	while (keyed_frozen_next(bench->frozen, &chunk))
		bench->slots_read += chunk.count;
	atomic_store(&bench->read, true);
	return NULL;
}

static void end_view(struct bench *bench)
{
	if (!bench->reading)
		return;
	pthread_join(bench->reader, NULL);
	keyed_frozen_release(&bench->frozen, true);
	bench->reading = false;
	bench->views++;
}

static void begin_view(struct bench *bench)
{
	if (bench->reading && !atomic_load(&bench->read))
		return; /* the last one is still being read */
	end_view(bench);
	bench->frozen = keyed_table_freeze(bench->table);
	atomic_store(&bench->read, false);
	bench->reading = true;
	CHECK(pthread_create(&bench->reader, NULL, read_view, bench) == 0, "no thread");
}

static void add_batch(struct bench *bench, uint32_t from)
{
	struct batch batch = { .type = bench->type,
			       .base = (const char *)(bench->records + from),
			       .stride_bytes = sizeof(struct record),
			       .count = KEY_BATCH_RECORDS };
	struct keyed_slot *slots[KEY_BATCH_RECORDS];

	CHECK(keyed_table_find(bench->table, &bench->keys, &batch, 0, KEY_BATCH_RECORDS, slots),
	      "a key of nobody's");
	for (uint32_t i = 0; i < KEY_BATCH_RECORDS; i++) {
		int64_t *value = keyed_slot_value(slots[i]);

		*value += bench->records[from + i].value;
	}
}

/* Millions of records per second. */
static double run(struct bench *bench, bool freezing)
{
	/* This thread's own time: other work on the machine does not count. */
	int64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID), next = 0;

	for (uint32_t pass = 0; pass < PASSES; pass++) {
		for (uint32_t from = 0; from < RECORDS; from += KEY_BATCH_RECORDS) {
			if (freezing && from % (1024 * KEY_BATCH_RECORDS) == 0 &&
			    now_ns(CLOCK_MONOTONIC) >= next) {
				begin_view(bench);
				next = now_ns(CLOCK_MONOTONIC) + FREEZE_EVERY_NS;
			}
			add_batch(bench, from);
		}
	}
	int64_t took_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;

	end_view(bench);
	return (double)PASSES * RECORDS * 1000 / (double)took_ns;
}

static int by_size(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

static void report(uint64_t keys, const char *what, double *values, const char *unit)
{
	qsort(values, RUNS, sizeof(*values), by_size);
	printf("state.%llu.%s %.3f %s [%.3f … %.3f]\n", (unsigned long long)keys, what,
	       values[RUNS / 2], unit, values[0], values[RUNS - 1]);
}

static void check(struct bench *bench, uint64_t runs)
{
	struct keyed_slot *slot;
	uint64_t at = 0;
	int64_t sum = 0, expected = 0;

	while ((slot = keyed_table_next(bench->table, &at)) != NULL)
		sum += *(int64_t *)keyed_slot_value(slot);
	for (uint32_t i = 0; i < RECORDS; i++)
		expected += bench->records[i].value;
	CHECK(sum == expected * PASSES * (int64_t)runs, "the sums are wrong");
}

static void measure(uint64_t keys)
{
	static const struct field fields[] = { { "key", FIELD_BIGINT, 0 },
					       { "time", FIELD_BIGINT, 0 },
					       { "value", FIELD_BIGINT, 0 },
					       { "extra", FIELD_BIGINT, 0 } };
	struct bench bench = { .reading = false };
	struct key_spec key = { .fields_count = 1 };
	struct err err = ERR_INIT;
	double plain[RUNS], frozen[RUNS], ratio[RUNS];
	uint64_t random = 1;

	CHECK(record_type_create("record", NULL, fields, 4, &bench.type, &err) == 0, "%s",
	      err.text);
	bench.records = MEM_NEW_ARRAY(struct record, RECORDS);
	for (uint32_t i = 0; i < RECORDS; i++) {
		random += UINT64_C(0x9E3779B97F4A7C15);
		bench.records[i].key = (int64_t)(hash_fold(random, UINT64_C(0xD6E8FEB86659FD93)) %
						 keys);
		bench.records[i].value = i & 1023;
	}
	key_batch_init(&bench.keys, bench.type, &key);
	bench.table = keyed_table_create(&(struct keyed_table_options){
		.value_bytes = 8,
		.seed = 42,
		.narrow_keys = true,
		.key_groups = 128,
		.groups = { 0, 127 },
	});
	run(&bench, false); /* every key is made */
	for (uint32_t i = 0; i < RUNS; i++) {
		plain[i] = run(&bench, false);
		frozen[i] = run(&bench, true);
		ratio[i] = frozen[i] / plain[i];
	}
	check(&bench, 2 * RUNS + 1);
	report(keys, "plain", plain, "Mrecords/s");
	report(keys, "frozen", frozen, "Mrecords/s");
	report(keys, "ratio", ratio, "of plain");
	printf("state.%llu.views %llu, %llu slots read, table of %.1f MB\n",
	       (unsigned long long)keys, (unsigned long long)bench.views,
	       (unsigned long long)bench.slots_read,
	       (double)keyed_table_bytes(bench.table) / 1e6);
	keyed_table_destroy(&bench.table);
	key_batch_fini(&bench.keys);
	mem_free(bench.records);
	record_type_destroy(&bench.type);
}

int main(int argc, char **argv)
{
	static const uint64_t usual[] = { 100, 100000, 1000000 };

	if (argc > 1)
		measure(strtoull(argv[1], NULL, 10));
	for (size_t i = 0; argc == 1 && i < ARRAY_COUNT(usual); i++)
		measure(usual[i]);
	return 0;
}
