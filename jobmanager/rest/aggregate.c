/* SPDX-License-Identifier: Apache-2.0
 * aggregate.c - metrics of a job, of all jobs and of all TaskManagers: names, values, and min, max,
 * avg and sum over several. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

void rest_aggregate(struct rest_aggregates *of, double value)
{
	of->low = of->count == 0 ? value : fmin(of->low, value);
	of->high = of->count == 0 ? value : fmax(of->high, value);
	of->sum += value;
	of->count++;
}

void rest_aggregate_again(struct rest_aggregates *of, double value)
{
	of->deviation += fabs(value - of->sum / of->count);
}

double rest_aggregate_skew(const struct rest_aggregates *of)
{
	return of->sum > 0 ? fmin(of->deviation / of->sum * 100, 100) : 0;
}

/* Whether `agg` asks for this one, in any case; NULL asks for all. */
static bool asked(const char *agg, const char *name)
{
	const char *item;
	size_t length;

	if (agg == NULL)
		return true;
	while (rest_list_next(&agg, &item, &length))
		if (strlen(name) == length && strncasecmp(name, item, length) == 0)
			return true;
	return false;
}

bool rest_aggregates_known(const char *agg)
{
	static const char *const known[] = { "min", "max", "avg", "sum", "skew" };
	const char *item;
	size_t length;

	while (agg != NULL && rest_list_next(&agg, &item, &length)) {
		size_t i = 0;

		while (i < ARRAY_COUNT(known) && (strlen(known[i]) != length ||
						  strncasecmp(known[i], item, length) != 0))
			i++;
		if (i == ARRAY_COUNT(known))
			return false;
	}
	return true;
}

void rest_put_aggregates(struct json_out *json, const char *id, size_t length, const char *agg,
			 const struct rest_aggregates *of)
{
	json_out_object(json, NULL);
	json_out_bytes(json, "id", id, length);
	if (asked(agg, "min"))
		json_out_real(json, "min", of->low);
	if (asked(agg, "max"))
		json_out_real(json, "max", of->high);
	if (asked(agg, "avg"))
		json_out_real(json, "avg", of->sum / of->count);
	if (asked(agg, "sum"))
		json_out_real(json, "sum", of->sum);
	if (asked(agg, "skew"))
		json_out_real(json, "skew", rest_aggregate_skew(of));
	json_out_close(json);
}

/* ---- over things that have the same few metrics ---------------------------------------------- */

/* Each value of that name is given to `take`. */
static void each_value(const struct rest_group *group, const char *id, size_t length,
		       void (*take)(struct rest_aggregates *of, double value),
		       struct rest_aggregates *of)
{
	struct rest_metric metrics[REST_METRICS_MAX];

	for (size_t i = 0; i < group->count; i++) {
		size_t count = group->metrics_of(group->rest, group->items[i], metrics);

		for (size_t m = 0; m < count; m++)
			if (strlen(metrics[m].id) == length &&
			    memcmp(metrics[m].id, id, length) == 0)
				take(of, metrics[m].value);
	}
}

static void put_one(struct rest_request *request, const struct rest_group *group, const char *id,
		    size_t length, const char *agg)
{
	struct rest_aggregates sum = { .count = 0 };

	each_value(group, id, length, rest_aggregate, &sum);
	if (sum.count == 0)
		return;
	each_value(group, id, length, rest_aggregate_again, &sum);
	rest_put_aggregates(&request->json, id, length, agg, &sum);
}

/* A bound for the runner: the names asked for in one request. */
#define NAMES_MAX 256

static void answer_group(struct rest_request *request, const struct rest_group *group)
{
	char *get = rest_query(request, "get"), *agg = rest_query(request, "agg");
	struct rest_metric metrics[REST_METRICS_MAX];
	const char *at = get, *item;
	size_t length;

	if (!rest_aggregates_known(agg)) {
		rest_bad_parameter(request, "query", "agg", agg);
		mem_free(get);
		mem_free(agg);
		return;
	}
	json_out_array(&request->json, NULL);
	if (get == NULL && group->count > 0) {
		size_t count = group->metrics_of(group->rest, group->items[0], metrics);

		for (size_t m = 0; m < count; m++)
			rest_put_metric_name(&request->json, metrics[m].id);
	}
	for (int names = 0; get != NULL && names < NAMES_MAX; names++) {
		if (!rest_list_next(&at, &item, &length))
			break;
		put_one(request, group, item, length, agg);
	}
	json_out_close(&request->json);
	mem_free(get);
	mem_free(agg);
	rest_answer(request, 200);
}

/* Whether a query names this one; NULL names all. */
static bool named(const char *list, const char *name)
{
	const char *item;
	size_t length;

	if (list == NULL)
		return true;
	while (rest_list_next(&list, &item, &length))
		if (strlen(name) == length && memcmp(name, item, length) == 0)
			return true;
	return false;
}

static void group_add(struct rest_group *group, const void *item, const char *only,
		      const char *name)
{
	if (!named(only, name))
		return;
	if (group->count == group->room) {
		group->room = group->room > 0 ? 2 * group->room : 16;
		group->items = mem_realloc(group->items, group->room * sizeof(*group->items));
	}
	group->items[group->count++] = item;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Statuses that Flink tells times of, and by what names. */
static const struct {
	enum job_status status;
	const char *state, *time, *total;
} stays[] = {
	{ JOB_INITIALIZING, "initializingState", "initializingTime", "initializingTimeTotal" },
	{ JOB_CREATED, "createdState", "createdTime", "createdTimeTotal" },
	{ JOB_RUNNING, "runningState", "runningTime", "runningTimeTotal" },
	{ JOB_RESTARTING, "restartingState", "restartingTime", "restartingTimeTotal" },
	{ JOB_CANCELLING, "cancellingState", "cancellingTime", "cancellingTimeTotal" },
	{ JOB_FAILING, "failingState", "failingTime", "failingTimeTotal" },
};

/* How long it has had that status, the last time it came to it; 0: it has another. */
static double time_in(const struct job *job, enum job_status status, wall_t now)
{
	if (job->status != status || now < job->entered_ms[status])
		return 0;
	return (double)(now - job->entered_ms[status]);
}

size_t rest_metrics_of_job(struct rest *rest, const void *item,
			   struct rest_metric metrics[REST_METRICS_MAX])
{
	const struct job *job = item;
	wall_t now = world_wall(rest->world);
	bool over = job_is_final(job);
	const struct rest_metric others[] = {
		{ "numRestarts", job->restarts },
		{ "fullRestarts", job->restarts },
		{ "uptime", over ? -1 : time_in(job, JOB_RUNNING, now) },
		{ "downtime", over ? -1 : time_in(job, JOB_RESTARTING, now) +
						  time_in(job, JOB_FAILING, now) },
		/* None is taken, so none is the last. */
		{ "numberOfInProgressCheckpoints", 0 },
		{ "numberOfCompletedCheckpoints", 0 },
		{ "numberOfFailedCheckpoints", 0 },
		{ "totalNumberOfCheckpoints", 0 },
		{ "lastCheckpointDuration", -1 },
		{ "lastCheckpointSize", -1 },
		{ "lastCheckpointFullSize", -1 },
		{ "lastCompletedCheckpointId", -1 },
		{ "lastCheckpointRestoreTimestamp", -1 },
		/* ours */
		{ "numMetricsDropped", (double)job->metrics_dropped },
		{ "numMetricsRefused", (double)job->metrics_refused },
	};
	size_t count = ARRAY_COUNT(others);

	_Static_assert(ARRAY_COUNT(others) + 3 * ARRAY_COUNT(stays) <= REST_METRICS_MAX, "room");
	memcpy(metrics, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_COUNT(stays); i++) {
		enum job_status status = stays[i].status;
		double time = time_in(job, status, now);

		metrics[count++] = (struct rest_metric){ stays[i].state, job->status == status };
		metrics[count++] = (struct rest_metric){ stays[i].time, time };
		metrics[count++] = (struct rest_metric){ stays[i].total,
							 (double)job->spent_ms[status] + time };
	}
	return count;
}

void rest_jobs_metrics(struct rest *rest, struct rest_request *request)
{
	struct rest_group group = { .rest = rest, .metrics_of = rest_metrics_of_job };
	char *only = rest_query(request, "jobs"), text[ID_TEXT_SIZE];

	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		group_add(&group, job, only, id_format(&job->id, text));
	answer_group(request, &group);
	mem_free(group.items);
	mem_free(only);
}

/* ---- TaskManagers ---------------------------------------------------------------------------- */

size_t rest_metrics_of_taskmanager(struct rest *rest, const void *item,
				   struct rest_metric metrics[REST_METRICS_MAX])
{
	const struct taskmanager_info *info = item;
	double used = (double)(info->segments_total - info->segments_free),
	       segment = info->segment_bytes;
	const struct rest_metric all[] = {
		{ "Status.JVM.Memory.Heap.Used", (double)info->heap_used_bytes },
		{ "Status.JVM.Memory.Heap.Committed", (double)info->heap_used_bytes },
		{ "Status.JVM.Memory.Heap.Max", (double)info->process_memory_bytes },
		/* Only a Java machine has these; pages divide by each Max. */
		{ "Status.JVM.Memory.NonHeap.Used", 0 },
		{ "Status.JVM.Memory.NonHeap.Committed", 0 },
		{ "Status.JVM.Memory.NonHeap.Max", 1 },
		{ "Status.JVM.Memory.Metaspace.Used", 0 },
		{ "Status.JVM.Memory.Metaspace.Committed", 0 },
		{ "Status.JVM.Memory.Metaspace.Max", 1 },
		{ "Status.JVM.Memory.Direct.Count", 0 },
		{ "Status.JVM.Memory.Direct.MemoryUsed", 0 },
		{ "Status.JVM.Memory.Direct.TotalCapacity", 0 },
		{ "Status.JVM.Memory.Mapped.Count", 0 },
		{ "Status.JVM.Memory.Mapped.MemoryUsed", 0 },
		{ "Status.JVM.Memory.Mapped.TotalCapacity", 0 },
		{ "Status.JVM.Threads.Count", info->threads },
		{ "Status.JVM.CPU.Time", (double)info->cpu_time_ms * 1000000 },
		{ "Status.Flink.Memory.Managed.Used", (double)info->managed_used_bytes },
		{ "Status.Flink.Memory.Managed.Total", (double)info->managed_memory_bytes },
		{ "Status.Shuffle.Netty.UsedMemorySegments", used },
		{ "Status.Shuffle.Netty.AvailableMemorySegments", (double)info->segments_free },
		{ "Status.Shuffle.Netty.TotalMemorySegments", (double)info->segments_total },
		{ "Status.Shuffle.Netty.UsedMemory", used * segment },
		{ "Status.Shuffle.Netty.AvailableMemory", (double)info->segments_free * segment },
		{ "Status.Shuffle.Netty.TotalMemory", (double)info->segments_total * segment },
		{ "numMetricsLate", (double)info->metrics_late }, /* ours */
	};

	_Static_assert(ARRAY_COUNT(all) <= REST_METRICS_MAX, "room");
	memcpy(metrics, all, sizeof(all));
	return ARRAY_COUNT(all);
}

void rest_taskmanager_metrics(struct rest *rest, struct rest_request *request)
{
	struct taskmanager_info *info =
		resource_manager_find(dispatcher_resource_manager(rest->dispatcher),
				      rest_parameter(request, "taskmanagerid"));
	struct rest_metric metrics[REST_METRICS_MAX];
	size_t count = info != NULL ? rest_metrics_of_taskmanager(rest, info, metrics) : 0;

	rest_answer_metrics(request, metrics, count);
}

void rest_taskmanagers_metrics(struct rest *rest, struct rest_request *request)
{
	struct rest_group group = { .rest = rest, .metrics_of = rest_metrics_of_taskmanager };
	char *only = rest_query(request, "taskmanagers");

	LIST_FOR_EACH (resource_manager_taskmanagers(dispatcher_resource_manager(rest->dispatcher)),
		       struct taskmanager_info, node, info)
		if (info->available)
			group_add(&group, info, only, info->resource_id);
	answer_group(request, &group);
	mem_free(group.items);
	mem_free(only);
}
