/* SPDX-License-Identifier: Apache-2.0
 * history_priv.h - what the files of jobmanager/history share.
 *
 *   archive_text.c   the form of the files (archive_text.h)
 *   history.c        the index, and which archives stay
 *   history_load.c   reads the folder when the JobManager starts
 *   history_write.c  drafts, and how one becomes a file
 *   history_read.c   opens a file, keeps the last few, takes answers out of them */
#ifndef JOBMANAGER_HISTORY_HISTORY_PRIV_H
#define JOBMANAGER_HISTORY_HISTORY_PRIV_H

#include "common/base/map.h"
#include "common/world/world.h"
#include "jobmanager/history/archive_text.h"
#include "jobmanager/history/history.h"

#define HISTORY_LOGGER "History"
#define HISTORY_TEMPORARY ".tmp"

struct history {
	struct agent agent; /* first; removes what is too old */
	struct world *world;
	struct runner *runner;
	const struct conf *conf;
	char *directory;
	bool remove_old, loaded;
	uint64_t version;
	struct list jobs;	   /* of struct history_job, by archived_ms */
	struct map *index;	   /* job id -> struct history_job */
	uint64_t bytes;		   /* of their files */
	struct list removals;	   /* of struct removal */
	struct history_load *load; /* NULL: over */
	struct list writes;	   /* of struct history_write, one at a time */
	struct list opens;	   /* of struct archive_open: files being read */
	struct list reads;	   /* of struct history_read */
	struct list cached;	   /* of struct archive, that used last at the end */
	size_t cached_bytes;
};

/* "<directory>/<id>", and what follows; mem_free. */
char *history_path(const struct history *history, const struct id *job_id, const char *more);
/* An archive's name is a job's id in lower case, and nothing else. */
bool history_parse_name(const char *name, struct id *job_id);

/* ---- the index (history.c) ------------------------------------------------------------------ */

struct history_bounds {
	uint64_t jobs, bytes;
	wall_t oldest; /* what was archived before goes */
};
struct history_bounds history_bounds(const struct history *history);
void history_job_free(struct history_job *job);
/* Takes it; one of the same id goes. */
void history_add(struct history *history, struct history_job *job);
void history_remove_file(struct history *history, const struct id *job_id, const char *more);
void history_expire(struct history *history);

/* ---- open archives (history_read.c) --------------------------------------------------------- */

struct archive {	       /* a file in memory; background work reads it, nobody writes */
	struct list_node node; /* in history->cached */
	struct id job_id;
	uint32_t holders; /* the runner's count */
	struct buf text;
	struct archive_view view;
	struct history_job *job; /* from its listing; NULL: taken, or err */
	struct err err;		 /* why it is none */
};
void archive_unref(struct archive **archive);
/* Reads and checks the file. `done` gets the archive for its own (view empty and err set if it is
 * none), once, unless the history is destroyed before. */
struct archive_open;
void archive_open_start(struct history *history, const struct id *job_id,
			void (*done)(void *context, struct archive *archive), void *context);
void history_reads_free(struct history *history);
void history_forget_cached(struct history *history, const struct id *job_id);

/* ---- and the others ------------------------------------------------------------------------- */

void history_load_start(struct history *history);
void history_load_free(struct history *history);
void history_writes_free(struct history *history);

/* "/jobs/overview" and "/jobs/<id>/archive" of an archive, parsed. NULL with err: it lacks what is
 * needed. Background work may call it. */
struct history_job *history_job_parse(const struct archive_view *view, const struct id *job_id,
				      struct err *err);
/* Whether the archive says that the path is left out, and why (mem_free); NULL: it does not. */
char *history_left_out(const struct archive_view *view, const struct id *job_id, const char *path);

#endif
