/* SPDX-License-Identifier: Apache-2.0
 * client.c - one agent per life of the client: sends what is due, keeps one long poll per job.
 *
 *   PLANNED --> SENDING --> FOLLOWING --> ENDED
 *      ^___________|___________| the JobManager died and does not know it any more
 *
 * Times are the simulation's, because each life of the client has its own clock. */
#include "tests/sim/client.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/base/sm.h"
#include "common/rpc/rpc.h"
#include "jobmanager/job/job.h"
#include "tests/sim/shapes.h"

#define JOBS_MAX 8
#define RETRY_MS 300
#define POLL_WAIT_MS_MAX 2000
#define OUTPUT_BYTES_MIN 1024 /* more than a line, but for its large key */
#define SUBMIT_PAUSE_MS_MAX 200 /* between the artifact and the job */

enum state { PLANNED, SENDING, FOLLOWING, ENDED };

struct client_job {
	struct plan_job plan;
	uint32_t state; /* enum state */
	struct id id;
	struct ledger *ledger;
	mono_t submit_at, retry_at, cancel_at;
	bool artifact_sent, sending, polling, cancelling, cancel_sent, cancel_known, may_be_lost,
		asked_again;
	int status; /* enum job_status; -1: not known yet */
	struct err failure;
	char note[160];
	uint64_t output_next;
	uint32_t submits_open;
};

struct client {
	struct sim *sim;
	const char *secret;
	struct world *world;
	struct runner *runner;
	struct rpc_client *rpc;
	struct agent agent;
	uint32_t life; /* 0: never started */
	bool alive;
	struct client_job jobs[JOBS_MAX];
	uint32_t jobs_count;
	struct err breach;
};

/* A call under way; its answer is for this life only. */
struct call {
	struct client *client;
	struct client_job *job;
	uint32_t life;
	struct id job_id;
};

static void breach(struct client *client, const struct client_job *job, const char *format, ...)
	PRINTF(3, 4);
static void breach(struct client *client, const struct client_job *job, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (client->breach.code != ERR_NONE)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err_set(&client->breach, ERR_BUG, "client, job %u: %s",
		job->ledger ? ledger_number(job->ledger) : 0, text);
}

static struct call *call_begin(struct client *client, struct client_job *job)
{
	struct call *call = MEM_NEW(struct call);

	*call = (struct call){ client, job, client->life, job->id };
	return call;
}

/* The job, if the answer is for this life and this submission; NULL otherwise. */
static struct client_job *call_end(struct call *call)
{
	struct client_job *job = call->job;
	bool current = call->client->alive && call->life == call->client->life &&
		       id_equal(&call->job_id, &job->id);

	if (call->client->alive)
		agent_wake(&call->client->agent);
	mem_free(call);
	return current ? job : NULL;
}

static struct rpc_stub stub(struct client *client)
{
	struct rpc_stub stub;

	rpc_stub_init(&stub, rpc_client_peer(client->rpc), &flink__dispatcher__descriptor, NULL);
	return stub;
}

static mono_t after_ms(const struct client *client, uint32_t ms)
{
	return mono_after_ms(sim_now(client->sim), ms);
}

/* ---- submitting ----------------------------------------------------------------------------- */

static void submit_again(struct client *client, struct client_job *job)
{
	job->state = PLANNED;
	job->submit_at = after_ms(client, RETRY_MS);
}

static void submitted(const Flink__SubmitJobResponse *answer, void *data)
{
	struct client *client = ((struct call *)data)->client;
	struct client_job *job = call_end(data);
	const struct err *err = rpc_error();
	struct id id;

	if (job == NULL)
		return;
	job->submits_open--;
	job->sending = false;
	if (answer != NULL) {
		if (!id_from_message(&answer->job_id, &id) || !id_equal(&id, &job->id))
			breach(client, job, "its submission was answered with another id");
		if (job->state != SENDING) {
			SOMETIMES("the same submission is answered again");
			return;
		}
		job->state = FOLLOWING;
		if (job->plan.cancel_ms != UINT32_MAX)
			job->cancel_at = after_ms(client, job->plan.cancel_ms);
		if (answer->waiting_for[0] != '\0')
			SOMETIMES("a job waits for slots when it is submitted");
		return;
	}
	job->retry_at = after_ms(client, RETRY_MS);
	job->artifact_sent = false;
	if (err->code == ERR_ARTIFACT_UNREADABLE)
		SOMETIMES("an artifact was lost between its sending and the job");
	else if (err->code != ERR_NET_CLOSED && err->code != ERR_NET_TIMEOUT)
		breach(client, job, "its submission was refused: %.300s", err->text);
	else
		SOMETIMES("a submission is not answered");
}

static void artifact_put(const Flink__PutArtifactResponse *answer, void *data)
{
	struct client *client = ((struct call *)data)->client;
	struct client_job *job = call_end(data);
	const struct err *err = rpc_error();

	if (job == NULL)
		return;
	job->sending = false;
	job->artifact_sent = answer != NULL;
	job->retry_at = after_ms(client, (uint32_t)(sim_random(client->sim) % SUBMIT_PAUSE_MS_MAX));
	if (answer == NULL && err->code != ERR_NET_CLOSED && err->code != ERR_NET_TIMEOUT)
		breach(client, job, "its artifact was refused: %.300s", err->text);
}

static void send_artifact(struct client *client, struct client_job *job,
			  const Flink__Artifact *artifact)
{
	Flink__PutArtifactRequest put = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	struct bytes content = shapes_artifact();
	struct rpc_stub to = stub(client);

	put.sha256 = artifact->sha256;
	put.name = artifact->name;
	put.size_bytes = content.size_bytes;
	put.content = (ProtobufCBinaryData){ content.size_bytes,
					     (uint8_t *)(uintptr_t)content.data };
	flink__dispatcher__put_artifact(rpc_stub_service(&to), &put, artifact_put,
					call_begin(client, job));
}

/* The artifact first, then the job. */
static void send_job(struct client *client, struct client_job *job, uint32_t times)
{
	Flink__SubmitJobRequest submit = FLINK__SUBMIT_JOB_REQUEST__INIT;
	struct arena *arena = arena_create("submission");
	struct rpc_stub to = stub(client);

	submit.graph = shapes_job_graph(&job->plan, job->ledger, &job->id, client->world, arena);
	job->sending = true;
	if (!job->artifact_sent) {
		send_artifact(client, job, submit.graph->artifacts[0]);
	} else {
		job->submits_open += times;
		for (uint32_t i = 0; i < times; i++)
			flink__dispatcher__submit_job(rpc_stub_service(&to), &submit, submitted,
						      call_begin(client, job));
	}
	arena_destroy(&arena);
}

static void begin_submission(struct client *client, struct client_job *job)
{
	struct plan_job plan = job->plan;

	*job = (struct client_job){ .plan = plan, .state = SENDING, .cancel_at = MONO_NEVER,
				    .status = -1 };
	for (size_t i = 0; i < sizeof(job->id.bytes); i++)
		job->id.bytes[i] = (uint8_t)sim_random(client->sim);
	job->ledger = ledger_open(&job->plan, &job->id);
}

/* ---- following ------------------------------------------------------------------------------ */

static void read_lines(struct client *client, struct client_job *job,
		       const Flink__JobStatusResponse *answer)
{
	const char *at = (const char *)answer->output.data, *end = at + answer->output.len;

	if (answer->output_offset < job->output_next)
		breach(client, job, "its output went back from %llu to %llu",
		       (unsigned long long)job->output_next,
		       (unsigned long long)answer->output_offset);
	if (answer->output_offset > job->output_next)
		ledger_lines_lost(job->ledger);
	job->output_next = answer->output_offset + answer->output.len;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline == NULL) {
			breach(client, job, "a line has no end: \"%.*s\"", (int)(end - at), at);
			return;
		}
		ledger_line(job->ledger, at, (size_t)(newline - at));
		at = newline + 1;
	}
}

static void check_status(struct client *client, struct client_job *job, int status)
{
	bool was_final = job->status >= 0 && sm_is_final(&job_states, (uint32_t)job->status);

	if (status < 0 || (was_final && status != job->status))
		breach(client, job, "its status went from %s to %d",
		       job->status < 0 ? "nothing" : sm_name(&job_states, (uint32_t)job->status),
		       status);
	if (status == JOB_RESTARTING && job->status != JOB_RESTARTING)
		SOMETIMES("a client sees a job that restarts");
	if (status == JOB_SUSPENDED || status == JOB_RECONCILING)
		breach(client, job, "it is %s", sm_name(&job_states, (uint32_t)status));
	job->status = status;
}

/* Now, if the user has waited for that. */
static void cancel_when(struct client *client, struct client_job *job, enum plan_cancel when)
{
	if (job->plan.cancel != when || job->state != FOLLOWING || job->cancel_sent)
		return;
	job->cancel_at = mono_min(job->cancel_at, sim_now(client->sim));
	agent_wake(&client->agent);
}

static void take_news(struct client *client, struct client_job *job,
		      const Flink__JobStatusResponse *answer)
{
	check_status(client, job, sm_find(&job_states, answer->status));
	snprintf(job->note, sizeof(job->note), "%s", answer->note);
	if (strncmp(answer->note, "needs ", 6) == 0)
		SOMETIMES("a client is told which slots are missing");
	if (job->status == JOB_RUNNING && strncmp(job->note, "needs ", 6) == 0)
		cancel_when(client, job, CANCEL_WAITING);
	if (job->status == JOB_RESTARTING)
		cancel_when(client, job, CANCEL_RESTARTING);
	if (answer->failure != NULL)
		err_from_message(&job->failure, answer->failure);
	read_lines(client, job, answer);
	if (job->status < 0 || !sm_is_final(&job_states, (uint32_t)job->status) ||
	    !answer->output_end)
		return;
	job->state = ENDED;
	sim_trace(client->sim, "the client knows that job %u is %s", ledger_number(job->ledger),
		  answer->status);
}

static void polled(const Flink__JobStatusResponse *answer, void *data)
{
	struct client *client = ((struct call *)data)->client;
	struct client_job *job = call_end(data);
	const struct err *err = rpc_error();

	if (job == NULL)
		return;
	job->polling = false;
	if (answer != NULL) {
		take_news(client, job, answer);
	} else if (err->code == ERR_JOB_NOT_FOUND && job->may_be_lost) {
		SOMETIMES("a job is lost with its JobManager and submitted anew");
		submit_again(client, job);
	} else if (err->code == ERR_NET_CLOSED || err->code == ERR_NET_TIMEOUT) {
		job->retry_at = after_ms(client, RETRY_MS);
	} else {
		breach(client, job, "its status is refused: %.300s", err->text);
	}
}

static void poll(struct client *client, struct client_job *job)
{
	Flink__JobStatusRequest request = FLINK__JOB_STATUS_REQUEST__INIT;
	struct rpc_stub to = stub(client);

	request.job_id = id_to_message(&job->id);
	request.wait_ms = (uint32_t)(sim_random(client->sim) % POLL_WAIT_MS_MAX);
	request.status_seen = (char *)(uintptr_t)(
		job->status < 0 ? "" : sm_name(&job_states, (uint32_t)job->status));
	request.note_seen = job->note;
	request.output_from = job->output_next;
	request.output_max_bytes = OUTPUT_BYTES_MIN + job->plan.large_bytes +
				   (uint32_t)(sim_random(client->sim) % (64 * 1024));
	job->polling = true;
	flink__dispatcher__job_status(rpc_stub_service(&to), &request, polled,
				      call_begin(client, job));
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static void cancelled(const Flink__Empty *answer, void *data)
{
	struct client *client = ((struct call *)data)->client;
	struct client_job *job = call_end(data);
	const struct err *err = rpc_error();

	if (job == NULL)
		return;
	job->cancelling = false;
	if (answer != NULL || err->code == ERR_JOB_ENDED) {
		job->cancel_known = true;
		if (answer == NULL)
			SOMETIMES("a job has ended before its cancellation");
	} else if (err->code == ERR_NET_CLOSED || err->code == ERR_NET_TIMEOUT ||
		   (err->code == ERR_JOB_NOT_FOUND && job->may_be_lost)) {
		job->cancel_at = after_ms(client, RETRY_MS);
	} else {
		breach(client, job, "its cancellation is refused: %.300s", err->text);
	}
}

static void cancel(struct client *client, struct client_job *job)
{
	Flink__CancelJobRequest request = FLINK__CANCEL_JOB_REQUEST__INIT;
	struct rpc_stub to = stub(client);

	if (job->status == JOB_RESTARTING)
		SOMETIMES("a job is cancelled while it restarts");
	if (job->status == JOB_RUNNING && strncmp(job->note, "needs ", 6) == 0)
		SOMETIMES("a job is cancelled while it waits for slots");
	request.job_id = id_to_message(&job->id);
	job->cancelling = job->cancel_sent = true;
	flink__dispatcher__cancel_job(rpc_stub_service(&to), &request, cancelled,
				      call_begin(client, job));
}

void client_job_moved(struct client *client, const struct sm_table *table, const void *subject,
		      uint32_t to)
{
	const struct job *moved = subject;

	if (table != &job_states || to != JOB_FINISHED || !client->alive)
		return;
	for (uint32_t i = 0; i < client->jobs_count; i++)
		if (id_equal(&client->jobs[i].id, &moved->id))
			cancel_when(client, &client->jobs[i], CANCEL_FINISHED);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void job_step(struct client *client, struct client_job *job, mono_t sim_time,
		     mono_t *next)
{
	bool connected = rpc_client_peer(client->rpc) != NULL;

	if (job->state == PLANNED && sim_time >= job->submit_at)
		begin_submission(client, job);
	if (job->state == PLANNED)
		*next = mono_min(*next, job->submit_at);
	else if (sim_time < job->retry_at)
		*next = mono_min(*next, job->retry_at);
	else if (job->state == SENDING && connected && !job->sending)
		send_job(client, job, job->plan.submit_twice ? 2 : 1);
	else if (job->state == FOLLOWING && connected && !job->polling)
		poll(client, job);
	else if (job->state == ENDED && connected && job->plan.submit_twice && !job->asked_again) {
		job->asked_again = true;
		if (!job->may_be_lost)
			send_job(client, job, 1);
	}
	if (job->state != FOLLOWING || job->cancel_known || job->cancelling)
		return;
	if (sim_time < job->cancel_at)
		*next = mono_min(*next, job->cancel_at);
	else if (connected)
		cancel(client, job);
}

static enum step client_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct client *client = CONTAINER_OF(agent, struct client, agent);
	mono_t sim_time = sim_now(client->sim), next = MONO_NEVER;

	for (uint32_t i = 0; i < client->jobs_count; i++)
		job_step(client, &client->jobs[i], sim_time, &next);
	if (next != MONO_NEVER)
		*wake_at = now + (next - sim_time);
	return STEP_IDLE;
}

static void peer_changed(void *context, struct rpc_peer *peer)
{
	struct client *client = context;

	if (client->alive)
		agent_wake(&client->agent);
}

/* ---- life ----------------------------------------------------------------------------------- */

void client_add_job(struct client *client, const struct plan_job *job)
{
	CHECK(client->jobs_count < JOBS_MAX, "%u jobs", client->jobs_count);
	client->jobs[client->jobs_count++] = (struct client_job){
		.plan = *job,
		.submit_at = after_ms(client, job->submit_ms),
		.cancel_at = MONO_NEVER,
		.status = -1,
	};
	if (client->alive)
		agent_wake(&client->agent);
}

struct client *client_create(struct sim *sim, const struct plan *plan, const char *secret)
{
	struct client *client = MEM_NEW(struct client);

	client->sim = sim;
	client->secret = secret;
	for (uint32_t i = 0; i < plan->jobs_count; i++)
		client_add_job(client, &plan->jobs[i]);
	return client;
}

void client_start(struct client *client)
{
	struct rpc_options options = { .role = "client", .peer_up = peer_changed,
				       .context = client };
	struct err err;

	CHECK(!client->alive, "the client is alive");
	client->alive = true;
	client->life++;
	client->world = sim_node(client->sim, "client");
	options.secret = bytes_of_text(client->secret);
	world_random_bytes(client->world, options.incarnation.bytes,
			   sizeof(options.incarnation.bytes));
	client->runner = runner_create(client->world, "client", &err);
	CHECK(client->runner != NULL, "%s", err.text);
	agent_init(&client->agent, "client", client_step);
	CHECK(rpc_client_open(client->runner, "jm", 6123, &options, &client->rpc, &err) == 0, "%s",
	      err.text);
	runner_add(client->runner, &client->agent);
}

static void client_end(struct client *client)
{
	if (!client->alive)
		return;
	client->alive = false; /* what is answered now is answered to nobody */
	rpc_client_close(&client->rpc);
	runner_destroy(&client->runner);
	world_destroy(&client->world);
	for (uint32_t i = 0; i < client->jobs_count; i++) {
		struct client_job *job = &client->jobs[i];

		job->sending = job->polling = job->cancelling = false;
		job->submits_open = 0;
		job->retry_at = 0;
	}
}

void client_kill(struct client *client)
{
	if (!client->alive)
		return;
	sim_kill(client->world);
	client_end(client);
	SOMETIMES("a client dies and comes back");
}

void client_destroy(struct client **client)
{
	client_end(*client);
	mem_free(*client);
	*client = NULL;
}

struct world *client_world(const struct client *client)
{
	return client->world;
}

void client_jobs_are_lost(struct client *client)
{
	for (uint32_t i = 0; i < client->jobs_count; i++) {
		struct client_job *job = &client->jobs[i];

		job->may_be_lost = true;
		if (job->state == SENDING || job->submits_open > 0)
			ledger_is_ambiguous(job->ledger);
	}
}

void client_heal(struct client *client)
{
	for (uint32_t i = 0; i < client->jobs_count; i++)
		if (!client->jobs[i].cancel_sent)
			client->jobs[i].cancel_known = true;
}

/* ---- questions ------------------------------------------------------------------------------ */

bool client_has_ended(const struct client *client)
{
	for (uint32_t i = 0; i < client->jobs_count; i++)
		if (client->jobs[i].state != ENDED)
			return false;
	return true;
}

bool client_any_job(struct client *client, bool only_first, struct id *job_id)
{
	uint32_t first = (uint32_t)(sim_random(client->sim) % client->jobs_count);
	uint32_t count = only_first ? 1 : client->jobs_count;

	if (only_first)
		first = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct client_job *job = &client->jobs[(first + i) % client->jobs_count];

		if (job->state != FOLLOWING)
			continue;
		*job_id = job->id;
		return true;
	}
	return false;
}

bool client_is_submitting(const struct client *client)
{
	for (uint32_t i = 0; i < client->jobs_count; i++)
		if (client->jobs[i].state == SENDING && client->jobs[i].submits_open > 0)
			return true;
	return false;
}

int client_breach(const struct client *client, struct err *err)
{
	if (client->breach.code == ERR_NONE)
		return 0;
	*err = client->breach;
	return -1;
}

static int check_end(const struct client_job *job, bool calm, bool may_lack_slots,
		     struct err *err)
{
	bool limited = job->plan.restarts == RESTARTS_FEW || job->plan.restarts == RESTARTS_NONE;
	bool may_fail = (limited && !job->plan.innocent && (!calm || job->plan.failures > 0)) ||
			job->failure.code == ERR_USER_FUNCTION_CRASHED ||
			(may_lack_slots && job->failure.code == ERR_NO_SLOTS);
	const char *status = sm_name(&job_states, (uint32_t)job->status);

	if (calm && job->plan.failures == 0 && ledger_attempts(job->ledger) > 1)
		return err_set(err, ERR_BUG, "it started anew, and nothing had happened");
	switch (job->status) {
	case JOB_FINISHED:
		return ledger_check_finished(job->ledger, err);
	case JOB_CANCELED:
		SOMETIMES("a job is cancelled");
		return job->cancel_sent ? 0 : err_set(err, ERR_BUG, "nobody cancelled it");
	case JOB_FAILED:
		if (job->failure.code == ERR_NONE)
			return err_set(err, ERR_BUG, "it FAILED without saying why");
		if (!may_fail)
			return err_set(err, ERR_BUG, "it FAILED: %.400s", job->failure.text);
		SOMETIMES("a job fails for good");
		return 0;
	default:
		return err_set(err, ERR_BUG, "it ended as %s", status);
	}
}

int client_check_ends(const struct client *client, bool calm, bool may_lack_slots,
		      struct err *err)
{
	for (uint32_t i = 0; i < client->jobs_count; i++) {
		const struct client_job *job = &client->jobs[i];

		if (job->state != ENDED)
			return err_set(err, ERR_BUG, "job %u has not ended", i);
		if (check_end(job, calm, may_lack_slots, err) != 0)
			return err_wrap(err, "job %u", ledger_number(job->ledger));
	}
	return 0;
}

void client_describe(const struct client *client, char *text, size_t size_bytes)
{
	static const char *const states[] = { "planned", "being sent", "followed" };
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < client->jobs_count && at < size_bytes; i++) {
		const struct client_job *job = &client->jobs[i];

		if (job->state == ENDED)
			continue;
		int length = snprintf(text + at, size_bytes - at, "%sjob %u is %s, %s: %.100s",
				      at ? "; " : "", i, states[job->state],
				      job->status < 0
					      ? "status unknown"
					      : sm_name(&job_states, (uint32_t)job->status),
				      job->note);

		at += length > 0 ? (size_t)length : 0;
	}
}

uint32_t client_attempts(const struct client *client)
{
	uint32_t attempts = 0;

	for (uint32_t i = 0; i < client->jobs_count; i++)
		if (client->jobs[i].ledger != NULL)
			attempts += ledger_attempts(client->jobs[i].ledger);
	return attempts;
}
