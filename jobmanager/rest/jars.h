/* SPDX-License-Identifier: Apache-2.0
 * jars.h - programs uploaded over REST, between the files jars.c (the folder: list, delete, find),
 * jar_upload.c and jar_run.c. All of it on the JobManager's runner; disks are waited for by agents
 * of their own, one for each request. */
#ifndef JOBMANAGER_REST_JARS_H
#define JOBMANAGER_REST_JARS_H

#include "jobmanager/rest/jar_file.h"
#include "jobmanager/rest/rest_priv.h"

/* One request under way. */
struct jar_task {
	struct agent agent;    /* first */
	struct list_node node; /* in rest->jar_tasks */
	struct rest *rest;
	struct rest_request *request; /* NULL: answered */
	struct file_op op;
	enum step (*advance)(struct jar_task *task);
	const atomic_bool *waits_for; /* then comes `advance`; NULL: nothing */
	/* Steps of what waits for other things; NULL: there is no such thing */
	enum step (*run)(struct jar_task *task, mono_t now, mono_t *wake_at);
	enum step (*made)(struct jar_task *task); /* after the folder is */
	char *path, *path_to;
	void (*clear)(struct jar_task *task); /* what it has beyond this; may be NULL */
};

#define JAR_UNFINISHED ".upload-" /* a file that is being written */

/* Begins a request's task, which is zeroed but for `clear`: it defers the request. First comes
 * `work` on another thread, or, without work, the folder's making; then `advance`. */
void jar_task_begin(struct jar_task *task, struct rest *rest, struct rest_request *request,
		    struct background *work, enum step (*advance)(struct jar_task *task));
/* Makes the folder if it is not there; an error is answered. */
enum step jar_task_folder(struct jar_task *task, enum step (*advance)(struct jar_task *task));
/* The next operation on a file, and what to do when it is done; task->op has its outcome. */
enum step jar_task_file(struct jar_task *task, struct file_op op,
			enum step (*advance)(struct jar_task *task));
/* The path of an entry of the folder, in task->path until the next call. */
const char *jar_task_path(struct jar_task *task, const char *name);
/* Both answer the request and end the task. */
enum step jar_task_fail(struct jar_task *task, const struct err *err);
enum step jar_task_refuse(struct jar_task *task, int status, const char *format, ...) PRINTF(3, 4);
void jar_tasks_free(struct rest *rest); /* after the runner */

/* ---- one program, found (jars.c) ------------------------------------------------------------ */

struct jar {
	char id[JAR_ID_SIZE];
	wall_t uploaded;
	struct buf entries; /* jar_entries */
};

/* A task that looks at programs of the folder: at all of them, or at the one that is wanted. */
struct jar_look {
	struct jar_task task; /* first */
	char *wanted;	      /* an id; NULL: all */
	char *names;
	const char *next_name;
	struct jar *jars;
	size_t count, room;
	int64_t handle;
	struct buf tail;
	struct err failure;
	enum step (*found)(struct jar_look *look); /* when all is looked at */
};

/* The look may be the first member of something larger, allocated by the caller, zeroed. */
void jar_look_begin(struct jar_look *look, struct rest *rest, struct rest_request *request,
		    const char *wanted, enum step (*found)(struct jar_look *look));
void jar_look_clear(struct jar_task *task); /* for a `clear` of one's own */

#endif
