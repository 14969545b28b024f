/* SPDX-License-Identifier: Apache-2.0
 * follow.c - see follow.h. One status call at a time, each answered when something changed. */
#include "client/cli/follow.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

#define POLL_MS 10000
#define SECOND_INTERRUPT_MS 5000

static void ask(struct follower *follower);

static void end(struct follower *follower)
{
	session_timer(follower->session, MONO_NEVER, NULL, NULL);
	follower->over = true;
	follower->ended(follower->context);
}

static void say(struct follower *follower, const char *text)
{
	if (text[0] != '\0')
		follower->note(follower->context, text);
}

/* ---- what the job says ---------------------------------------------------------------------- */

static void take_output(struct follower *follower, const struct job_state *job)
{
	if (job->output_offset > follower->output_from && !follower->printed_already) {
		char *text = mem_printf(
			"%llu bytes of the job's output came too fast and are not shown; they "
			"are in the TaskManagers' .out files",
			(unsigned long long)(job->output_offset - follower->output_from));

		say(follower, text);
		mem_free(text);
	}
	if (job->output.size_bytes > 0 && !follower->printed_already)
		world_print(session_world(follower->session), job->output.data,
			    job->output.size_bytes);
	follower->output_from = job->output_offset + job->output.size_bytes;
}

static void take_note(struct follower *follower, const struct job_state *job)
{
	const char *note = job->note ? job->note : "";

	/* Why it fails comes as its error, with the hint. */
	if ((follower->note_seen == NULL || strcmp(follower->note_seen, note) != 0) &&
	    strncmp(job->status, "FAIL", 4) != 0)
		say(follower, note);
	mem_free(follower->note_seen);
	follower->note_seen = mem_strdup(note);
	/* Why it restarts, if it does, is its note. */
	if (strcmp(follower->status_seen, "RESTARTING") == 0 &&
	    strcmp(job->status, "RUNNING") == 0)
		say(follower, "the job runs again, from its beginning; printed lines may repeat");
	snprintf(follower->status_seen, sizeof(follower->status_seen), "%s", job->status);
}

static bool is_final(const char *status)
{
	return strcmp(status, "FINISHED") == 0 || strcmp(status, "CANCELED") == 0 ||
	       strcmp(status, "FAILED") == 0;
}

static void take_end(struct follower *follower, const struct job_state *job)
{
	char id[ID_TEXT_SIZE];

	follower->runtime_ms = job->end_ms - job->start_ms;
	if (strcmp(job->status, "CANCELED") == 0)
		err_set(&follower->err, ERR_CANCELED, "job %s was cancelled",
			id_format(&follower->job_id, id));
	else if (strcmp(job->status, "FAILED") == 0 && job->failure.code != ERR_NONE)
		follower->err = job->failure;
	else if (strcmp(job->status, "FAILED") == 0)
		err_set(&follower->err, ERR_RESTARTS_USED_UP, "job %s failed",
			id_format(&follower->job_id, id));
}

static void status_came(struct call *call)
{
	struct follower *follower = call->context;
	const struct job_state *job = &call->state;

	if (follower->over) { /* the user let go while the call was under way */
		call_fini(call);
		return;
	}
	if (call->err.code != ERR_NONE) {
		char id[ID_TEXT_SIZE];

		follower->err = call->err;
		if (call->err.code == ERR_JOB_NOT_FOUND)
			err_set(&follower->err, ERR_JOB_NOT_FOUND,
				"job %s is gone: its JobManager was started anew, and jobs do not "
				"outlive it",
				id_format(&follower->job_id, id));
		else
			err_wrap(&follower->err,
				 "job %s was submitted and can no longer be seen",
				 id_format(&follower->job_id, id));
		end(follower);
		return;
	}
	take_output(follower, job);
	take_note(follower, job);
	if (is_final(job->status) && job->output_end) {
		take_end(follower, job);
		end(follower);
		return;
	}
	call_fini(call);
	ask(follower);
}

static void ask(struct follower *follower)
{
	call_init(&follower->status, CALL_STATUS, status_came, follower);
	follower->status.job_id = follower->job_id;
	follower->status.wait_ms =
		follower->note_seen != NULL ? POLL_MS : 0; /* nothing known: at once */
	follower->status.status_seen = follower->status_seen;
	follower->status.note_seen = follower->note_seen;
	follower->status.output_from = follower->output_from;
	session_begin(follower->session, &follower->status);
}

/* ---- what the user says --------------------------------------------------------------------- */

static void cancel_came(struct call *call)
{
	struct follower *follower = call->context;

	if (call->err.code != ERR_NONE)
		say(follower, call->err.text);
	call_fini(call);
}

static void cancel(struct follower *follower)
{
	char id[ID_TEXT_SIZE];
	char *text = mem_printf("Cancelling job %s.", id_format(&follower->job_id, id));

	session_timer(follower->session, MONO_NEVER, NULL, NULL);
	follower->cancelled_here = true;
	say(follower, text);
	mem_free(text);
	call_init(&follower->cancel, CALL_CANCEL, cancel_came, follower);
	follower->cancel.job_id = follower->job_id;
	session_begin(follower->session, &follower->cancel);
}

static void let_go(void *context)
{
	struct follower *follower = context;

	follower->let_go = true;
	end(follower);
}

static void interrupt_came(struct follower *follower)
{
	char id[ID_TEXT_SIZE];

	follower->interrupts++;
	if (follower->over)
		return;
	if (follower->cancelled_here) {
		say(follower, "The job is being cancelled; Ctrl-C once more ends this command "
			      "without waiting for it.");
		return;
	}
	if (follower->interrupts > 1 || follower->must_cancel) {
		cancel(follower);
		return;
	}
	char *text = mem_printf(
		"The job goes on running. Press Ctrl-C again within 5 s to cancel it, or later:\n"
		"  %s cancel %s",
		follower->command, id_format(&follower->job_id, id));

	say(follower, text);
	mem_free(text);
	session_timer(follower->session,
		      mono_after_ms(session_now(follower->session), SECOND_INTERRUPT_MS), let_go,
		      follower);
}

static void run_interrupts(struct session_task *task)
{
	struct follower *follower = CONTAINER_OF(task, struct follower, interrupt_task);

	atomic_store(&follower->interrupt_queued, false);
	for (unsigned count = atomic_exchange(&follower->interrupts_posted, 0); count > 0; count--)
		interrupt_came(follower);
}

void follower_interrupt(struct follower *follower)
{
	atomic_fetch_add(&follower->interrupts_posted, 1);
	if (!atomic_exchange(&follower->interrupt_queued, true))
		session_run(follower->session, &follower->interrupt_task);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void tell_news(void *context, const char *text)
{
	struct follower *follower = context;

	if (!follower->over)
		say(follower, text);
}

static void run_start(struct session_task *task)
{
	struct follower *follower = CONTAINER_OF(task, struct follower, start_task);

	session_on_news(follower->session, tell_news, follower);
	ask(follower);
}

void follower_start(struct follower *follower)
{
	follower->start_task.run = run_start;
	follower->interrupt_task.run = run_interrupts;
	session_run(follower->session, &follower->start_task);
}

void follower_fini(struct follower *follower)
{
	if (follower->status.finished != NULL)
		call_fini(&follower->status);
	mem_free(follower->note_seen);
	follower->note_seen = NULL;
}
