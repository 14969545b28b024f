/* SPDX-License-Identifier: Apache-2.0
 * latency_table.c - see latency_table.h. */
#include "taskmanager/exec/latency_table.h"

#include <string.h>

struct latency_entry {
	uint32_t operator; /* of the chain */
	uint64_t source;   /* as far as the granularity tells them apart */
	struct latency_histogram histogram;
};

bool latency_granularity_parse(const char *text, enum latency_granularity *granularity)
{
	static const char *const names[] = { [LATENCY_SINGLE] = "single",
					     [LATENCY_OPERATOR] = "operator",
					     [LATENCY_SUBTASK] = "subtask" };

	for (uint32_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*granularity = (enum latency_granularity)i;
			return true;
		}
	return false;
}

static struct latency_entry *find(struct latency_table *table, uint32_t operator, uint64_t source)
{
	uint32_t count = atomic_load(&table->count);

	for (uint32_t i = 0; i < count; i++) {
		struct latency_entry *entry = atomic_load(&table->entries[i]);

		if (entry->operator == operator && entry->source == source)
			return entry;
	}
	if (count == LATENCY_ENTRIES_MAX)
		return NULL;
	struct latency_entry *entry = MEM_NEW(struct latency_entry);

	entry->operator = operator;
	entry->source = source;
	atomic_store(&table->entries[count], entry);
	atomic_store(&table->count, count + 1);
	return entry;
}

void latency_table_record(struct latency_table *table, uint32_t operator, uint64_t source,
			  int64_t ms)
{
	switch (table->granularity) {
	case LATENCY_SINGLE: source = 0; break;
	case LATENCY_OPERATOR: source &= ~(uint64_t)UINT32_MAX; break;
	case LATENCY_SUBTASK: break;
	}
	struct latency_entry *entry = find(table, operator, source);

	if (entry != NULL)
		latency_record(&entry->histogram, ms);
	else
		counter_add(&table->left_out, 1);
}

static Flink__LatencyHistogram *describe(const struct latency_table *table,
					 const struct latency_entry *entry, struct arena *arena)
{
	Flink__LatencyHistogram *into = arena_alloc(arena, sizeof(*into));
	struct latency_counts *counts = arena_alloc(arena, sizeof(*counts));

	latency_counts_read(counts, &entry->histogram);
	flink__latency_histogram__init(into);
	into->operator_ = entry->operator;
	if (table->granularity != LATENCY_SINGLE)
		into->source_vertex = (uint32_t)(entry->source >> 32) + 1;
	if (table->granularity == LATENCY_SUBTASK)
		into->source_subtask = (uint32_t)entry->source + 1;
	into->sum = counts->sum;
	into->min = counts->min;
	into->max = counts->max;
	into->negative = counts->negative;
	into->buckets = arena_alloc(arena, LATENCY_BUCKETS * sizeof(*into->buckets));
	into->counts = arena_alloc(arena, LATENCY_BUCKETS * sizeof(*into->counts));
	for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
		if (counts->buckets[i] == 0)
			continue;
		into->buckets[into->n_buckets++] = i;
		into->counts[into->n_counts++] = counts->buckets[i];
	}
	return into;
}

uint32_t latency_table_tell(struct latency_table *table, uint64_t told[LATENCY_ENTRIES_MAX],
			    struct arena *arena, Flink__LatencyHistogram ***into)
{
	uint32_t count = atomic_load(&table->count), changed = 0;

	*into = arena_alloc(arena, count * sizeof(**into));
	for (uint32_t i = 0; i < count; i++) {
		const struct latency_entry *entry = atomic_load(&table->entries[i]);
		uint64_t values = counter_get(&entry->histogram.count);

		if (values == 0 || (told != NULL && told[i] == values))
			continue;
		if (told != NULL)
			told[i] = values;
		(*into)[changed++] = describe(table, entry, arena);
	}
	return changed;
}

void latency_table_fini(struct latency_table *table)
{
	for (uint32_t i = 0; i < atomic_load(&table->count); i++)
		mem_free(atomic_load(&table->entries[i]));
	atomic_store(&table->count, 0);
}
