/* SPDX-License-Identifier: Apache-2.0
 * latencies.h - what subtasks told of latency markers: a histogram per operator and source, of the
 * current attempt, and sums over subtasks (docs/adr/0016-latency-markers.md). */
#ifndef JOBMANAGER_JOB_LATENCIES_H
#define JOBMANAGER_JOB_LATENCIES_H

#include "resource_manager.pb-c.h"

#include "common/base/map.h"
#include "common/metric/latency.h"

struct job;
struct job_vertex;
struct latencies; /* of one subtask; NULL: none */

#define LATENCIES_PER_SUBTASK_MAX 256
#define LATENCIES_SHOWN_MAX 2000 /* histograms of a job that have names */

/* Takes in what is newer. Returns how many histograms were refused, because they cannot be. */
uint32_t latencies_take(struct latencies **latencies, const struct job_vertex *vertex,
			const Flink__TaskMetrics *message);
void latencies_free(struct latencies **latencies);

/* "latency.source_id.<id>.operator_id.<id>.operator_subtask_index.0" -> struct latency_counts, and
 * without the subtask for all of them together; freed with latencies_names_free. */
struct map *latencies_by_name(const struct job *job);
void latencies_names_free(struct map **names);

#endif
