/* SPDX-License-Identifier: Apache-2.0
 * submit.c - hands a job graph to a cluster and, attached, shows the job until it ends. Called by
 * flink_execute, on the main thread, which waits here. */
#include <stdio.h>
#include <string.h>

#include "client/api/program.h"
#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/guard.h"
#include "client/cli/waiter.h"

/* What a shell shows for a command that Ctrl-C ended. */
#define EXIT_INTERRUPTED 130

static void note(void *context, const char *text)
{
	cli_note("%s", text);
}

static void ended(void *context)
{
	atomic_store((atomic_bool *)context, true);
	waiter_post();
}

/* Waits for the job's end, passing interrupts on. */
static void follow(struct cli *cli, struct session *session, const struct id *id, bool local,
		   struct follower *follower)
{
	static atomic_bool over; /* outlives the follower's last call */

	atomic_store(&over, false);
	*follower = (struct follower){ .session = session, .job_id = *id, .command = cli->command,
				       .must_cancel = local, .printed_already = local, .note = note,
				       .ended = ended, .context = &over };
	waiter_catch_interrupts();
	follower_start(follower);
	while (!atomic_load(&over))
		for (unsigned interrupts = waiter_wait(); interrupts > 0; interrupts--)
			follower_interrupt(follower);
}

/* The program must not go on after its job was let go or failed. */
static int tell_end(struct cli *cli, const struct follower *follower, const char *id,
		    struct err *err)
{
	if (follower->let_go || follower->cancelled_here) {
		cli->exit_code = EXIT_INTERRUPTED;
		if (follower->err.code == ERR_NONE || follower->err.code == ERR_CANCELED) {
			if (!follower->let_go)
				cli_note("Job %s %s.", id,
					 follower->err.code == ERR_NONE ? "had finished"
									: "is cancelled");
			return err_set(err, ERR_CANCELED, "interrupted");
		}
	}
	if (follower->err.code != ERR_NONE) {
		*err = follower->err;
		return -1;
	}
	cli_print(
		cli,
		"Program execution finished\nJob with JobID %s has finished.\nJob Runtime: %lld ms\n\n",
		id, (long long)follower->runtime_ms);
	return 0;
}

/* What a job computes and nobody takes is a print() that was forgotten, as a rule. */
static void tell_open_ends(const Flink__JobGraph *graph)
{
	for (uint32_t v = 0; v < graph->n_vertices; v++) {
		const Flink__Vertex *vertex = graph->vertices[v];

		for (uint32_t i = 0; i < vertex->n_operators; i++) {
			const Flink__Operator *operator = vertex->operators[i];
			bool taken = operator->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK;

			for (uint32_t j = i + 1; j < vertex->n_operators; j++)
				taken |= vertex->operators[j]->input_operator == i;
			for (size_t e = 0; e < graph->n_edges; e++)
				taken |= graph->edges[e]->source_vertex == v &&
					 graph->edges[e]->source_operator == i;
			if (!taken)
				cli_note("note: nothing takes the records of \"%s\"; print(stream) "
					 "would show them",
					 operator->name);
		}
	}
}

int cli_submit_over(struct cli_job *job, struct session *session, const Flink__JobGraph *graph,
		    bool local, struct err *err)
{
	struct cli *cli = job->cli;
	struct follower follower;
	char id_text[ID_TEXT_SIZE];
	struct call call;
	struct id id;

	tell_open_ends(graph);
	memcpy(id.bytes, graph->job_id.data, sizeof(id.bytes));
	call_init(&call, CALL_SUBMIT, NULL, NULL);
	call.graph = graph;
	if (graph->n_artifacts > 0)
		call.artifact = bytes_of(job->program->content, job->program->size_bytes);
	int result = cli_call(session, &call, err);

	call_fini(&call);
	if (result < 0) {
		session_close(&session);
		return -1;
	}
	guard_submitted();
	cli_print(cli, "Job has been submitted with JobID %s\n", id_format(&id, id_text));
	if (cli->options->detached && !local) {
		session_close(&session);
		return 0;
	}
	follow(cli, session, &id, local, &follower);
	session_close(&session);
	result = tell_end(cli, &follower, id_text, err);
	follower_fini(&follower);
	return result;
}

int cli_submit(void *context, const Flink__JobGraph *graph, struct err *err)
{
	struct cli_job *job = context;
	struct session *session;

	if (cli_connect(job->cli, &session, err) < 0)
		return -1;
	return cli_submit_over(job, session, graph, false, err);
}
