/* SPDX-License-Identifier: Apache-2.0
 * job_metrics.c - /jobs/:jobid/metrics: what aggregate.c knows of a job, and the latencies between
 * its sources and operators, by Flink's names. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/job/latencies.h"
#include "jobmanager/rest/rest_priv.h"

struct names_out {
	struct arena *arena;
	struct rest_metric *metrics;
	size_t count;
};

static void put(struct names_out *out, struct bytes name, const char *statistic, double value)
{
	out->metrics[out->count++] = (struct rest_metric){
		arena_printf(out->arena, "%.*s.latency_%s", (int)name.size_bytes,
			     (const char *)name.data, statistic),
		value
	};
}

#define STATISTICS 13

static void put_latency(struct names_out *out, struct bytes name,
			const struct latency_counts *counts)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = { { "median", 0.5 }, { "p75", 0.75 }, { "p90", 0.9 }, { "p95", 0.95 },
			  { "p98", 0.98 },   { "p99", 0.99 }, { "p999", 0.999 } };

	put(out, name, "count", (double)counts->count);
	put(out, name, "min", (double)counts->min);
	put(out, name, "max", (double)counts->max);
	put(out, name, "mean", latency_mean(counts));
	put(out, name, "stddev", latency_deviation(counts));
	for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
		put(out, name, quantiles[i].name, latency_quantile(counts, quantiles[i].share));
	put(out, name, "negative", (double)counts->negative); /* ours */
	_Static_assert(ARRAY_COUNT(quantiles) + 6 == STATISTICS, "room");
}

void rest_job_metrics(struct rest *rest, struct rest_request *request)
{
	struct names_out out = { .arena = arena_create("job metrics") };
	struct map *latencies = NULL;
	struct job *job = NULL;
	struct bytes name;
	size_t at = 0;
	void *counts;
	struct id id;

	if (id_parse(rest_parameter(request, "jobid"), &id))
		job = dispatcher_find(rest->dispatcher, &id);
	if (job != NULL) {
		latencies = latencies_by_name(job);
		out.metrics = arena_alloc(out.arena, (REST_METRICS_MAX + map_count(latencies) *
						      STATISTICS) * sizeof(*out.metrics));
		out.count = rest_metrics_of_job(rest, job, out.metrics);
		while (map_next(latencies, &at, &name, &counts))
			put_latency(&out, name, counts);
		latencies_names_free(&latencies);
	}
	rest_answer_metrics(request, out.metrics, out.count);
	arena_destroy(&out.arena);
}
