/* SPDX-License-Identifier: Apache-2.0
 * sampler_priv.h - what the files of the sampler share.
 *
 *   sampler.c        the agent: ticks, the clock, TaskManagers, the JobManager
 *   sampler_jobs.c   jobs
 *   sampled.c        what is kept of one thing, by names */
#ifndef JOBMANAGER_SERIES_SAMPLER_PRIV_H
#define JOBMANAGER_SERIES_SAMPLER_PRIV_H

#include "common/base/agent.h"
#include "common/base/map.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/series/sampler.h"

#define SAMPLER_LOGGER "Series"

enum sampled_scope {
	SAMPLED_ONE,      /* "name" */
	SAMPLED_VERTICES, /* "<vertexid>.name", for every vertex one after the other */
	SAMPLED_SUBTASKS, /* "<vertexid>.<subtask>.name", for every subtask of one vertex */
};

struct sampled_names {
	const char *const *names;
	const struct series_column *kinds;
	uint32_t count;
};

struct sampled_part { /* one table */
	enum sampled_scope scope;
	const struct sampled_names *names;
	uint32_t vertex;            /* SAMPLED_SUBTASKS */
	struct series_table *table;
	bool told;                  /* that it was given up */
};

struct sampled_news { /* of a subtask */
	uint64_t sequence; /* of what it told last */
	uint32_t ticks;    /* since then */
};

struct sampled_vertex {
	struct id id;
	uint32_t parallelism;
	struct sampled_news *news; /* [parallelism] */
};

struct sampled {
	struct list_node node; /* of the sampler's jobs, taskmanagers or those that are gone */
	struct sampler *sampler;
	char *name; /* for the log; of a TaskManager its resource id */
	struct sampled_part *parts;
	uint32_t parts_count;
	int64_t seen; /* tick in which it was there */
	bool ended;
	/* a job */
	struct id id;
	struct sampled_vertex *vertices;
	uint32_t vertices_count, subtasks_count;
	uint32_t restarts;
	uint64_t failures;
	struct list markers; /* of struct sampled_marker */
	uint32_t markers_count;
	/* a process */
	int64_t heartbeat_ms; /* when its CPU time was this */
	uint64_t cpu_ms;
	uint16_t cpu_code;    /* its load since then */
	uint32_t silent_ticks;
};

struct sampler_sums { /* over the subtasks of a vertex */
	double rates[TASK_COUNTERS], largest[TASK_COUNTERS];
	uint32_t running;
	bool silent; /* one of those that run has not been heard of */
};

struct sampler {
	struct agent agent; /* first */
	struct dispatcher *dispatcher;
	struct world *world;
	struct runner *runner;
	struct series_store *store;
	uint32_t subtasks_max;  /* of a job whose subtasks are kept one by one */
	uint32_t silence_ticks; /* longer without news: no number */
	struct map *jobs, *taskmanagers; /* id, resource id -> struct sampled */
	struct list jobs_list, taskmanagers_list;
	/* TaskManagers that are remembered, in the order in which they went */
	struct list gone_list;
	uint32_t gone_count;
	struct sampled *jobmanager;
	bool told_shortened;
	/* The clock: tick T is due at began + (T - first_tick) s */
	bool started;
	mono_t began;
	wall_t began_wall_ms; /* what the wall clock showed then */
	int64_t first_tick, tick, shown_offset;
	/* a tick under way */
	bool busy;
	struct sampled *at_taskmanager, *at_job; /* NULL: all are done */
	uint32_t at_vertex, at_subtask;
	struct sampler_sums sums;
	uint16_t *row, *vertices_row; /* of the job under way; grown */
	uint32_t row_room, vertices_row_room;
};

/* sampler_jobs.c */
void sampler_sync_jobs(struct sampler *sampler);
/* Some more of the jobs; false: all are done. */
bool sampler_step_jobs(struct sampler *sampler);

/* sampled.c */
struct sampled *sampled_create(struct sampler *sampler, const char *name, uint32_t parts_count);
void sampled_destroy(struct sampled **sampled);
struct sampled_part *sampled_add_part(struct sampled *sampled, enum sampled_scope scope,
				      const struct sampled_names *names, uint32_t vertex,
				      enum series_class class);
void sampled_append(struct sampled *sampled, struct sampled_part *part, const uint16_t *row);
void sampled_end(struct sampled *sampled);
void sampled_mark(struct sampled *sampled, enum sampled_marker_kind kind, wall_t at,
		  const char *text);

/* A number as a code: a finite one from 0 on. */
uint16_t sampled_code(double value, const struct series_column *kind);

#endif
