/* SPDX-License-Identifier: Apache-2.0
 * series.h - the time series of a job as one answer, for those who keep it when the job is gone. */
#ifndef JOBMANAGER_REST_SERIES_H
#define JOBMANAGER_REST_SERIES_H

#include <stdbool.h>
#include <stddef.h>

struct dispatcher;
struct job;
struct json_out;

/* Writes what GET /jobs/:jobid/series answers for all of the job's life (at most a day) and all its
 * series but those of single subtasks: one object, at the finest step with which it stays at about
 * a megabyte. On the JobManager's thread, some milliseconds. False: nothing is known of the job,
 * and nothing was written. */
bool rest_series_write_job(struct json_out *json, const struct dispatcher *dispatcher,
			   const struct job *job);

/* Whether the name is one of those that a pattern of `get` stands for. */
bool rest_series_fits(const char *pattern, size_t length, const char *name);

#endif
