/* SPDX-License-Identifier: Apache-2.0
 * latency_table.h - how long latency markers took from their sources to each operator of a task.
 *
 * Written by the task's thread, read by any. A histogram is made when the first marker of a source
 * comes by; past LATENCY_ENTRIES_MAX of them what would need another is counted as left out. */
#ifndef TASKMANAGER_EXEC_LATENCY_TABLE_H
#define TASKMANAGER_EXEC_LATENCY_TABLE_H

#include "resource_manager.pb-c.h"

#include "common/base/mem.h"
#include "common/metric/latency.h"

#define LATENCY_ENTRIES_MAX 256 /* per task */

/* metrics.latency.granularity: which sources share a histogram */
enum latency_granularity { LATENCY_SINGLE, LATENCY_OPERATOR, LATENCY_SUBTASK };
bool latency_granularity_parse(const char *text, enum latency_granularity *granularity);

struct latency_entry;

struct latency_table {
	enum latency_granularity granularity;
	_Atomic(struct latency_entry *) entries[LATENCY_ENTRIES_MAX];
	atomic_uint count;
	struct counter left_out;
};

/* How a marker names its source: vertex of the job graph, and subtask. */
static inline uint64_t latency_source(uint32_t vertex, uint32_t subtask)
{
	return (uint64_t)vertex << 32 | subtask;
}

void latency_table_record(struct latency_table *table, uint32_t operator, uint64_t source,
			  int64_t ms);
/* Those that have more values than told[i] says, which is then set; told: one per entry, NULL: all.
 * In the arena. */
uint32_t latency_table_tell(struct latency_table *table, uint64_t told[LATENCY_ENTRIES_MAX],
			    struct arena *arena, Flink__LatencyHistogram ***into);
void latency_table_fini(struct latency_table *table);

#endif
