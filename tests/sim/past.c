/* SPDX-License-Identifier: Apache-2.0
 * past.c - looks at the last seconds of all series of a job. */
#include "tests/sim/past.h"

#include <stdio.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/base/mark.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/series/sampler.h"
#include "tests/sim/cluster.h"

#define SECONDS 30
#define EMPTY_TABLES_BYTES 65536 /* are there whatever the budget is */

struct points { /* thousandths; -1: there is none, or two lie on one another */
	int64_t at[SECONDS];
};

static void read_points(struct cluster *cluster, const struct sampled *sampled, const char *name,
			int64_t now_s, struct points *points)
{
	struct series_range range = { .from_s = now_s - SECONDS + 1,
				      .step_s = 1,
				      .cells_count = SECONDS };
	struct series_cell cells[SECONDS];
	struct sampled_series series;

	memset(points, 0xff, sizeof(*points));
	if (!sampled_find(sampled, name, strlen(name), &series))
		return;
	series_table_read(series.table, series.column, &range, cells);
	for (int i = 0; i < SECONDS; i++)
		if (cells[i].count == 1)
			points->at[i] = series_cell_thousandths(
				&cells[i], series_table_kind(series.table, series.column));
}

/* A task's time is busy, idle or back-pressured, and of busy some is waiting. */
static void judge_shares(struct cluster *cluster, const struct sampled *sampled, const char *prefix,
			 bool of_one, int64_t now_s)
{
	static const char *const names[] = { "busy", "idle", "backPressured", "waiting" };
	struct points points[ARRAY_COUNT(names)];
	char name[128];

	for (size_t n = 0; n < ARRAY_COUNT(names); n++) {
		snprintf(name, sizeof(name), "%s%sTimeMsPerSecond", prefix, names[n]);
		read_points(cluster, sampled, name, now_s, &points[n]);
	}
	for (int i = 0; i < SECONDS; i++) {
		int64_t sum = points[0].at[i] + points[1].at[i] + points[2].at[i];

		for (size_t n = 0; n < ARRAY_COUNT(names); n++) {
			if (points[n].at[i] > 1000000)
				err_set(&cluster->breach, ERR_BUG, "%s%s: %lld us of a second",
					prefix, names[n], (long long)points[n].at[i]);
			if ((points[n].at[i] < 0) != (points[0].at[i] < 0))
				err_set(&cluster->breach, ERR_BUG, "%s%s: known without %s", prefix,
					names[n], names[0]);
		}
		if (of_one && sum > 0 && (sum < 998000 || sum > 1002000))
			err_set(&cluster->breach, ERR_BUG, "%s: a second of %lld us", prefix,
				(long long)sum);
		if (sum > 0)
			SOMETIMES_IF(of_one, "a subtask is on a chart in a simulated cluster");
	}
}

/* What a vertex did is what its subtasks did. */
static void judge_sum(struct cluster *cluster, const struct sampled *sampled,
		      const struct job_vertex *vertex, int64_t now_s)
{
	struct points whole, one, sum = { .at = { 0 } };
	char name[128], id[ID_TEXT_SIZE];

	id_format(&vertex->id, id);
	snprintf(name, sizeof(name), "%s.numRecordsInPerSecond", id);
	read_points(cluster, sampled, name, now_s, &whole);
	for (uint32_t s = 0; s < vertex->message->parallelism; s++) {
		struct sampled_series series;

		snprintf(name, sizeof(name), "%s.%u.numRecordsInPerSecond", id, s);
		if (!sampled_find(sampled, name, strlen(name), &series) ||
		    series_table_dropped(series.table))
			return; /* not kept one by one */
		read_points(cluster, sampled, name, now_s, &one);
		for (int i = 0; i < SECONDS; i++)
			sum.at[i] += one.at[i] > 0 ? one.at[i] : 0;
	}
	/* A row of subtasks is written before that of their vertices: the second under way may have
	 * one without the other. */
	for (int i = 0; i < SECONDS - 1; i++) {
		int64_t off = whole.at[i] > sum.at[i] ? whole.at[i] - sum.at[i]
						      : sum.at[i] - whole.at[i];

		if (whole.at[i] >= 0 && off > whole.at[i] / 400 + 1000)
			err_set(&cluster->breach, ERR_BUG, "%s: %lld is not %lld, its subtasks'",
				name, (long long)whole.at[i], (long long)sum.at[i]);
	}
}

static void judge_markers(struct cluster *cluster, const struct sampled *sampled,
			  const struct job *job)
{
	uint64_t restarts = 0, failures = 0;

	LIST_FOR_EACH(sampled_markers(sampled), struct sampled_marker, node, marker) {
		restarts += marker->kind == SAMPLED_RESTART;
		failures += marker->kind == SAMPLED_FAILURE;
	}
	if (restarts > job->restarts || failures > job->failures_total)
		err_set(&cluster->breach, ERR_BUG, "%llu restarts and %llu failures of %u and %llu",
			(unsigned long long)restarts, (unsigned long long)failures, job->restarts,
			(unsigned long long)job->failures_total);
	SOMETIMES_IF(restarts > 0, "a restart is marked on a chart");
}

void past_look(struct cluster *cluster, const struct job *job)
{
	const struct dispatcher *dispatcher = jobmanager_dispatcher(cluster->jobmanager);
	const struct sampler *sampler = dispatcher_sampler(dispatcher);
	const struct sampled *sampled = sampler_job(sampler, &job->id);
	const struct series_store *store = sampler_store(sampler);
	int64_t now_s = world_wall(dispatcher_world(dispatcher)) / MS_PER_S;
	char prefix[64], id[ID_TEXT_SIZE];

	if (series_store_bytes(store) > series_store_budget(store) + EMPTY_TABLES_BYTES)
		err_set(&cluster->breach, ERR_BUG, "time series of %zu bytes, at most %zu",
			series_store_bytes(store), series_store_budget(store));
	if (sampled == NULL)
		return;
	judge_markers(cluster, sampled, job);
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];

		snprintf(prefix, sizeof(prefix), "%s.", id_format(&vertex->id, id));
		judge_shares(cluster, sampled, prefix, false, now_s);
		judge_sum(cluster, sampled, vertex, now_s);
		for (uint32_t s = 0; s < vertex->message->parallelism; s++) {
			snprintf(prefix, sizeof(prefix), "%s.%u.", id, s);
			judge_shares(cluster, sampled, prefix, true, now_s);
		}
	}
}
