/* SPDX-License-Identifier: Apache-2.0
 * sampler.h - looks at every job, TaskManager and at the JobManager itself once a second and keeps
 * what it sees: an agent on the JobManager's runner, whose steps are short however wide jobs are.
 *
 * "I look, and keep what I saw." Names are Flink's metric ids:
 *
 *   numRestarts                               of a job
 *   <vertexid>.numRecordsInPerSecond          over its subtasks: the sum
 *   <vertexid>.busyTimeMsPerSecond            … the largest of them, …TimeMsPerSecond.avg the mean
 *   <vertexid>.<subtask>.busyTimeMsPerSecond  of one subtask
 *   Status.JVM.CPU.Load                       of a TaskManager, of the JobManager
 *
 * A vertex that does not run, and one of which nothing was heard for a few heartbeats, has no
 * number (null), not 0. */
#ifndef JOBMANAGER_SERIES_SAMPLER_H
#define JOBMANAGER_SERIES_SAMPLER_H

#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/time.h"
#include "jobmanager/series/store.h"

struct dispatcher;
struct sampler;
struct sampled; /* a job, a TaskManager, or the JobManager */

/* Begins at once, unless rest.series.memory is 0. The dispatcher lives longer. */
struct sampler *sampler_create(struct dispatcher *dispatcher);
void sampler_destroy(struct sampler **sampler); /* NULL-safe; after the runner, or on its thread */
const struct series_store *sampler_store(const struct sampler *sampler);

/* NULL: nothing was seen of it yet, or not any more. Borrowed until the next step. A TaskManager
 * that is gone is remembered for a day. */
const struct sampled *sampler_job(const struct sampler *sampler, const struct id *id);
const struct sampled *sampler_taskmanager(const struct sampler *sampler, const char *resource_id);
const struct sampled *sampler_jobmanager(const struct sampler *sampler);

/* ---- its series ------------------------------------------------------------------------------ */

struct sampled_series {
	const struct series_table *table;
	uint32_t column;
};

/* False: it has no series of that name. */
bool sampled_find(const struct sampled *sampled, const char *name, size_t length,
		  struct sampled_series *series);
/* Every one. Those of single subtasks: each, or once for all with '*' for the subtask (their series
 * then is the first one's). */
enum sampled_subtasks { SAMPLED_STARRED, SAMPLED_EACH };
typedef void sampled_name_fn(void *context, const char *name, struct sampled_series series);
void sampled_each(const struct sampled *sampled, enum sampled_subtasks subtasks,
		  sampled_name_fn *tell, void *context);
/* When its oldest point was, wall-clock seconds; INT64_MAX: there is none. coarse: of those of ten
 * seconds. */
int64_t sampled_begin_s(const struct sampled *sampled, bool coarse);
/* A sentence for each thing that is not kept though somebody may miss it. */
void sampled_each_loss(const struct sampled *sampled,
		       void (*tell)(void *context, const char *sentence), void *context);

/* ---- what happened to a job ------------------------------------------------------------------ */

enum sampled_marker_kind { SAMPLED_RESTART, SAMPLED_FAILURE, SAMPLED_MARKER_KINDS };
extern const char *const sampled_marker_names[SAMPLED_MARKER_KINDS];

struct sampled_marker {
	struct list_node node;
	enum sampled_marker_kind kind;
	wall_t at;
	char *text;
};
const struct list *sampled_markers(const struct sampled *sampled); /* oldest first */

#endif
