/* SPDX-License-Identifier: Apache-2.0
 * cancel.c - `flink cancel`: by id as in Flink, or by the beginning of an id, or by name. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "client/cli/cli.h"
#include "common/base/mem.h"

#define STILL_CANCELLING_MS 1000

static bool has_ended(const struct job_summary *job)
{
	return strcmp(job->status, "FINISHED") == 0 || strcmp(job->status, "CANCELED") == 0 ||
	       strcmp(job->status, "FAILED") == 0;
}

static bool id_begins_with(const struct id *id, const char *text)
{
	char its[ID_TEXT_SIZE];
	size_t length = strlen(text);

	id_format(id, its);
	return length > 0 && length < ID_TEXT_SIZE && strncasecmp(its, text, length) == 0;
}

static int several_match(const struct job_summary *jobs, size_t count, const char *text,
			 struct err *err)
{
	struct buf list;
	char id[ID_TEXT_SIZE];
	int listed = 0, matching = 0;

	buf_init(&list);
	for (size_t i = 0; i < count; i++) {
		if (has_ended(&jobs[i]) ||
		    !(id_begins_with(&jobs[i].id, text) || strcmp(jobs[i].name, text) == 0))
			continue;
		if (++matching <= 5) {
			buf_printf(&list, "\n  %s  %s", id_format(&jobs[i].id, id), jobs[i].name);
			listed++;
		}
	}
	if (matching > listed)
		buf_printf(&list, "\n  and %d more", matching - listed);
	err_set(err, ERR_JOB_AMBIGUOUS, "%d jobs match \"%s\":%s", matching, text, list.data);
	buf_fini(&list);
	return -1;
}

int cli_find_job(const struct job_summary *jobs, size_t count, const char *text, struct id *id,
		 struct err *err)
{
	const struct job_summary *found = NULL, *ended = NULL;
	size_t matching = 0;

	for (size_t i = 0; i < count; i++) {
		const struct job_summary *job = &jobs[i];

		if (!id_begins_with(&job->id, text) && strcmp(job->name, text) != 0)
			continue;
		if (has_ended(job)) {
			ended = job;
			continue;
		}
		found = job;
		matching++;
	}
	if (matching > 1)
		return several_match(jobs, count, text, err);
	if (found != NULL) {
		*id = found->id;
		return 0;
	}
	if (ended != NULL)
		return err_set(err, ERR_JOB_ENDED, "job \"%s\" is %s already", text, ended->status);
	return err_set(err, ERR_JOB_NOT_FOUND,
		       "no job has an id that begins with \"%s\", or that name", text);
}

/* A whole id needs no look at the list, as in Flink. */
static int find_id(struct session *session, const char *text, struct id *id, struct err *err)
{
	struct call call;

	if (id_parse(text, id))
		return 0;
	call_init(&call, CALL_LIST, NULL, NULL);
	int result = cli_call(session, &call, err);

	if (result == 0)
		result = cli_find_job(call.jobs, call.jobs_count, text, id, err);
	call_fini(&call);
	return result;
}

/* True while the job is still being cancelled after STILL_CANCELLING_MS. */
static bool goes_on(const struct cli *cli, struct session *session, const struct id *id)
{
	mono_t until = mono_after_ms(world_now(cli->world), STILL_CANCELLING_MS);
	char *note = mem_strdup("");
	bool cancelling = true;

	for (mono_t now; cancelling && (now = world_now(cli->world)) < until;) {
		struct err err = ERR_INIT;
		struct call call;

		call_init(&call, CALL_STATUS, NULL, NULL);
		call.job_id = *id;
		call.status_seen = "CANCELLING";
		call.note_seen = note; /* what it still says may change meanwhile */
		call.output_from = INT64_MAX; /* its lines are not asked for */
		call.wait_ms = (uint32_t)((until - now) / NS_PER_MS) + 1;
		cancelling = cli_call(session, &call, &err) == 0 &&
			     strcmp(call.state.status, "CANCELLING") == 0;
		if (cancelling) {
			mem_free(note);
			note = mem_strdup(call.state.note);
		}
		call_fini(&call);
	}
	mem_free(note);
	return cancelling;
}

static int cancel(const struct cli *cli, struct session *session, const char *text, struct err *err)
{
	char id_text[ID_TEXT_SIZE];
	struct call call;

	call_init(&call, CALL_CANCEL, NULL, NULL);
	int result = find_id(session, text, &call.job_id, err);

	if (result == 0) {
		id_format(&call.job_id, id_text);
		cli_print(cli, "Cancelling job %s.\n", id_text);
		result = cli_call(session, &call, err);
		if (result == 0) {
			cli_print(cli, "Cancelled job %s.\n", id_text);
			/* As in Flink, the job was asked to end. Most end at once; this one holds
			 * on. */
			if (goes_on(cli, session, &call.job_id))
				cli_note("One of its functions has not returned yet. If it does "
					 "not within task.cancellation.timeout, its TaskManager "
					 "is started anew.");
		} else {
			err_wrap(err, "Could not cancel job %s", id_text);
		}
	}
	call_fini(&call);
	return result;
}

int cli_cancel(struct cli *cli, struct err *err)
{
	struct session *session;

	if (cli->options->arguments_count == 0) {
		cli_print(cli, "Missing JobID. Specify a JobID to cancel a job.\n\n"
			       "Use the help option (-h or --help) to get help on the command.\n");
		cli->exit_code = 1;
		return 0;
	}
	if (cli->options->with_savepoint)
		return err_set(
			err, ERR_NOT_YET,
			"cancelling with a savepoint is not part of this version yet; '%s cancel <job>' ends "
			"the job without one",
			cli->command);
	if (cli_connect(cli, &session, err) < 0)
		return -1;
	int result = cancel(cli, session, cli->options->arguments[0], err);

	session_close(&session);
	return result;
}
