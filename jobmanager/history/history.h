/* SPDX-License-Identifier: Apache-2.0
 * history.h - ended jobs on disk: one archive file each (archive_text.h), named by the job's id,
 * and an index of them in memory. "I keep what others have said, and make nothing up."
 *
 * All on the JobManager's runner. Files are written and read one small operation at a time, texts
 * are put together and taken apart in background work, so that no step takes long whatever the size
 * of a job. An archive is written beside its name, synced and renamed: it is there whole or not at
 * all. Names come from the folder's listing and from ids, never from a client's text.
 *
 * Of the archives in the JobManager's own folder the oldest go: past jobstore.max-capacity of them,
 * jobmanager.archive.max-size together, or jobstore.expiration-time (unset: HISTORY_DAYS). In a
 * folder that jobmanager.archive.fs.dir names nothing is ever removed; there the bounds say what is
 * listed. docs/adr/0024-ended-jobs-on-disk.md tells why. */
#ifndef JOBMANAGER_HISTORY_HISTORY_H
#define JOBMANAGER_HISTORY_HISTORY_H

#include "common/base/agent.h"
#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "jobmanager/job/job.h"

#define HISTORY_DAYS 7
#define HISTORY_JOBS_MAX 1000		  /* in the index, whatever the settings say */
#define HISTORY_FILE_BYTES_MAX (64 << 20) /* of one archive; larger ones are not read */
#define HISTORY_NUMBER_MAX ((int64_t)1 << 52) /* no time, count or offset in an archive is larger */

struct history;

struct history_options {
	struct world *world;
	struct runner *runner;
	const struct conf *conf; /* borrowed */
	const char *directory;	 /* made if it is not there */
	bool remove_old;
};

/* Begins to read the folder; jobs appear in the index as their files are read. */
struct history *history_create(const struct history_options *options);
void history_destroy(struct history **history); /* after the runner; NULL-safe */
bool history_is_loaded(const struct history *history);

/* What lists of jobs tell of an ended one. */
struct history_job {
	struct id id;
	char *name, *note, *job_type;
	uint32_t status; /* enum job_status, a final one */
	wall_t start_ms, end_ms, last_modified_ms;
	uint32_t tasks[EXECUTION_STATE_COUNT];
	uint32_t restarts;
	/* of its file */
	uint64_t size_bytes;
	wall_t archived_ms;
	struct list_node node;
};
const struct list *history_jobs(const struct history *history); /* of them, oldest first */
const struct history_job *history_find(const struct history *history, const struct id *job_id);
/* Counts up when a job comes or goes. */
uint64_t history_version(const struct history *history);

/* ---- writing -------------------------------------------------------------------------------- */

struct history_draft; /* of one archive */
struct history_draft *history_draft_create(const struct job *job, const char *job_type);
/* Takes what is in `answer`. */
void history_draft_add(struct history_draft *draft, const char *path, struct buf *answer);
/* What lies at the path and below it is not kept: too large, or one of too many. `why` is what its
 * reader is told. */
void history_draft_leave_out(struct history_draft *draft, const char *path, const char *why);
size_t history_draft_bytes(const struct history_draft *draft);
void history_draft_destroy(struct history_draft **draft);
/* Takes the draft. `done`: once, in a step of the runner, unless the history is destroyed before.
 */
void history_write(struct history *history, struct history_draft *draft,
		   void (*done)(void *context, const struct id *job_id, bool written),
		   void *context);

/* ---- reading -------------------------------------------------------------------------------- */

/* The answer kept under a path ("/jobs/<id>/plan"), which may be taken; or NULL, and either
 * `not_kept` says why it is not there, or err that the file cannot be read. Once, in a step of the
 * runner, unless the history is destroyed before. */
typedef void history_read_fn(void *context, struct buf *answer, const char *not_kept,
			     const struct err *err);
/* Makes what is wanted of the answer that is kept, in its place. On another thread: it may touch
 * nothing but the two. */
typedef void history_cut_fn(const void *query, struct buf *answer);
/* cut NULL: the answer as it is. query stays until `done`, or the history's end. */
void history_read(struct history *history, const struct id *job_id, const char *path,
		  history_cut_fn *cut, const void *query, history_read_fn *done, void *context);

#endif
