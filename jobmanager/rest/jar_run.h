/* SPDX-License-Identifier: Apache-2.0
 * jar_run.h - a program that runs for a request: between jar_run.c, which holds its life, and
 * jar_order.c, which writes what the process is told. */
#ifndef JOBMANAGER_REST_JAR_RUN_H
#define JOBMANAGER_REST_JAR_RUN_H

#include "common/wire/hand_over.h"
#include "jobmanager/rest/jar_request.h"
#include "jobmanager/rest/jars.h"

struct jar_run {
	struct jar_look look; /* first */
	struct jar_order order;
	bool plans; /* the job is looked at, and not run */
	bool queued, has_turn;
	struct list_node waiting; /* in rest->jar_queue */
	mono_t deadline, kill_at;
	/* the process */
	struct process *process;
	struct conn *conn;
	char *folder;	 /* its own */
	struct buf said; /* what it printed: the end */
	bool said_cut;
	struct buf out;
	size_t written;
	/* what it hands over */
	struct buf in;
	struct hand_over_header header;
	bool has_header;
	struct arena *arena;
	Flink__SubmitJobRequest *message; /* NULL: the body is not whole */
	uint32_t artifact_bytes;	  /* that have come */
	struct err failure;
	bool taken; /* there is a job */
};

/* Puts the order into run->out. False: the program cannot be run so; why: a sentence. */
bool jar_run_order(struct jar_run *run, const struct jar *jar, struct buf *why);
/* Adds what the program printed, as it may be shown. */
void jar_run_show(const struct jar_run *run, struct buf *into);

#endif
