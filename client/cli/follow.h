/* SPDX-License-Identifier: Apache-2.0
 * follow.h - an attached client: shows what a job prints and why it waits, until it has ended, or
 * until the user lets go of it.
 *
 * The first interrupt leaves the job running and tells how to cancel it; a second one within five
 * seconds cancels it, and the follower waits for its end. */
#ifndef CLIENT_CLI_FOLLOW_H
#define CLIENT_CLI_FOLLOW_H

#include "client/cli/session.h"

struct follower {
	/* set by the owner */
	struct session *session;
	struct id job_id;
	const char *command; /* "./bin/flink", for "flink cancel …" */
	bool must_cancel;    /* the cluster ends with us: the first interrupt cancels already */
	bool printed_already; /* the TaskManager is in this process and prints to the same stdout */
	void (*note)(void *context,
		     const char *text); /* a line for stderr, on the session's thread */
	void (*ended)(void *context);                  /* once, on the session's thread */
	void *context;
	/* the outcome, after `ended` */
	bool let_go;         /* the job still runs */
	bool cancelled_here; /* by an interrupt */
	struct err err; /* ERR_NONE: FINISHED; ERR_CANCELED; why it failed; why it cannot be seen */
	int64_t runtime_ms;
	/* private */
	struct call status, cancel;
	char status_seen[SESSION_STATUS_BYTES];
	char *note_seen;
	uint64_t output_from;
	uint32_t interrupts;
	bool over;
	struct session_task start_task, interrupt_task;
	atomic_uint interrupts_posted;
	atomic_bool interrupt_queued;
};

/* Any thread. The follower is the session's until `ended`. */
void follower_start(struct follower *follower);
void follower_interrupt(struct follower *follower); /* any thread, between start and ended */
void follower_fini(struct follower *follower);

#endif
