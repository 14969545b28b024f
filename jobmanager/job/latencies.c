/* SPDX-License-Identifier: Apache-2.0
 * latencies.c - see latencies.h. Histograms are kept as they travel, without their empty buckets:
 * few of them are in use. */
#include "jobmanager/job/latencies.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "jobmanager/job/job.h"

struct latency_kept {
	uint32_t operator, source_vertex, source_subtask; /* as in the message */
	uint64_t sum, min, max, negative;
	uint32_t buckets_count;
	uint16_t *buckets;
	uint64_t *counts;
};

struct latencies {
	uint32_t count;
	struct latency_kept kept[LATENCIES_PER_SUBTASK_MAX];
};

/* ---- taking in ------------------------------------------------------------------------------- */

static bool can_be(const struct job_vertex *vertex, const Flink__LatencyHistogram *told)
{
	const Flink__JobGraph *graph = vertex->job->graph;
	uint64_t count = 0;

	if (told->operator_ >= vertex->message->n_operators ||
	    told->source_vertex > graph->n_vertices || told->n_buckets != told->n_counts ||
	    told->n_buckets == 0 || told->min > told->max || told->max > LATENCY_MS_MAX)
		return false;
	if (told->source_subtask > 0 &&
	    (told->source_vertex == 0 ||
	     told->source_subtask > graph->vertices[told->source_vertex - 1]->parallelism))
		return false;
	for (size_t i = 0; i < told->n_buckets; i++) {
		if (told->buckets[i] >= LATENCY_BUCKETS ||
		    (i > 0 && told->buckets[i] <= told->buckets[i - 1]) ||
		    told->counts[i] > UINT64_MAX / LATENCY_BUCKETS)
			return false;
		count += told->counts[i];
	}
	return told->negative <= count;
}

static struct latency_kept *find(struct latencies *latencies, const Flink__LatencyHistogram *told)
{
	for (uint32_t i = 0; i < latencies->count; i++) {
		struct latency_kept *kept = &latencies->kept[i];

		if (kept->operator == told->operator_ &&
		    kept->source_vertex == told->source_vertex &&
		    kept->source_subtask == told->source_subtask)
			return kept;
	}
	if (latencies->count == LATENCIES_PER_SUBTASK_MAX)
		return NULL;
	struct latency_kept *kept = &latencies->kept[latencies->count++];

	*kept = (struct latency_kept){ .operator = told->operator_,
				       .source_vertex = told->source_vertex,
				       .source_subtask = told->source_subtask };
	return kept;
}

static void keep(struct latency_kept *kept, const Flink__LatencyHistogram *told)
{
	if (told->n_buckets != kept->buckets_count) {
		mem_free(kept->buckets);
		mem_free(kept->counts);
		kept->buckets_count = (uint32_t)told->n_buckets;
		kept->buckets = MEM_NEW_ARRAY(uint16_t, told->n_buckets);
		kept->counts = MEM_NEW_ARRAY(uint64_t, told->n_buckets);
	}
	kept->sum = told->sum;
	kept->min = told->min;
	kept->max = told->max;
	kept->negative = told->negative;
	for (size_t i = 0; i < told->n_buckets; i++) {
		kept->buckets[i] = (uint16_t)told->buckets[i];
		kept->counts[i] = told->counts[i];
	}
}

uint32_t latencies_take(struct latencies **latencies, const struct job_vertex *vertex,
			const Flink__TaskMetrics *message)
{
	uint32_t refused = 0;

	for (size_t i = 0; i < message->n_latencies; i++) {
		const Flink__LatencyHistogram *told = message->latencies[i];
		struct latency_kept *kept = NULL;

		if (*latencies == NULL)
			*latencies = MEM_NEW(struct latencies);
		if (can_be(vertex, told))
			kept = find(*latencies, told);
		if (kept != NULL)
			keep(kept, told);
		else
			refused++;
	}
	return refused;
}

void latencies_free(struct latencies **latencies)
{
	for (uint32_t i = 0; *latencies != NULL && i < (*latencies)->count; i++) {
		mem_free((*latencies)->kept[i].buckets);
		mem_free((*latencies)->kept[i].counts);
	}
	mem_free(*latencies);
	*latencies = NULL;
}

/* ---- by name --------------------------------------------------------------------------------- */

static void add_id(struct buf *name, const ProtobufCBinaryData *id)
{
	for (size_t i = 0; i < id->len; i++)
		buf_printf(name, "%02x", id->data[i]);
}

static void add(struct map *names, const struct buf *name, const struct latency_counts *counts)
{
	struct latency_counts *there = map_get(names, buf_bytes(name));

	if (there == NULL) {
		if (map_count(names) >= LATENCIES_SHOWN_MAX)
			return;
		there = MEM_NEW(struct latency_counts);
		map_put(names, buf_bytes(name), there);
	}
	latency_counts_add(there, counts);
}

static void add_kept(struct map *names, const struct execution *execution,
		     const struct latency_kept *kept)
{
	const struct job_vertex *vertex = execution->vertex;
	struct latency_counts counts = { .sum = kept->sum,
					 .min = kept->min,
					 .max = kept->max,
					 .negative = kept->negative };
	struct buf name;

	for (uint32_t i = 0; i < kept->buckets_count; i++) {
		counts.buckets[kept->buckets[i]] = kept->counts[i];
		counts.count += kept->counts[i];
	}
	buf_init(&name);
	buf_add_text(&name, "latency");
	if (kept->source_vertex > 0) {
		const Flink__JobGraph *graph = vertex->job->graph;

		buf_add_text(&name, ".source_id.");
		add_id(&name, &graph->vertices[kept->source_vertex - 1]->operators[0]->id);
	}
	if (kept->source_subtask > 0)
		buf_printf(&name, ".source_subtask_index.%u", kept->source_subtask - 1);
	buf_add_text(&name, ".operator_id.");
	add_id(&name, &vertex->message->operators[kept->operator]->id);
	if (kept->source_subtask == 0)
		add(names, &name, &counts);
	buf_printf(&name, ".operator_subtask_index.%u", execution_subtask(execution));
	add(names, &name, &counts);
	buf_fini(&name);
}

struct map *latencies_by_name(const struct job *job)
{
	struct map *names = map_create();

	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];

		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			const struct latencies *latencies = vertex->executions[i].latencies;

			for (uint32_t j = 0; latencies != NULL && j < latencies->count; j++)
				add_kept(names, &vertex->executions[i], &latencies->kept[j]);
		}
	}
	return names;
}

void latencies_names_free(struct map **names)
{
	size_t at = 0;
	void *counts;

	while (map_next(*names, &at, NULL, &counts))
		mem_free(counts);
	map_destroy(names);
}
