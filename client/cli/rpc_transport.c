/* SPDX-License-Identifier: Apache-2.0
 * rpc_transport.c - a session over the Dispatcher service of proto/dispatcher.proto. Calls wait for
 * the connection; an artifact goes in chunks, from where the JobManager says it has it. */
#include "client/cli/session.h"

#include <stdio.h>

#include "common/base/limits.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "dispatcher.pb-c.h"

struct rpc_transport {
	struct transport base;
	struct rpc_client *client;
	struct list waiting; /* rpc_call_state: not begun, there is no connection */
	bool connected_once, lost, closing;
	mono_t lost_at;
	struct err why_given_up; /* ERR_NONE: it has not given up */
};

/* What a call keeps while it is under way. */
struct rpc_call_state {
	struct rpc_transport *transport;
	struct call *call;
	mono_t since;
	struct list_node node;
};

static void go_on(struct rpc_call_state *state);

static void end_call(struct rpc_call_state *state)
{
	struct call *call = state->call;
	bool closing = state->transport->closing;

	list_remove(&state->node);
	mem_free(state);
	if (!closing)
		call_finish(call);
}

/* A closure's answer is NULL: why. */
static void fail_call(struct rpc_call_state *state)
{
	const struct rpc_transport *transport = state->transport;

	if (transport->why_given_up.code != ERR_NONE)
		call_unreachable(state->call, transport->base.session, &transport->why_given_up);
	else
		state->call->err = *rpc_error();
	end_call(state);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void submit_done(const Flink__SubmitJobResponse *answer, void *data)
{
	struct rpc_call_state *state = data;

	if (answer == NULL)
		fail_call(state);
	else
		end_call(state);
}

static void list_done(const Flink__ListJobsResponse *answer, void *data)
{
	struct rpc_call_state *state = data;
	struct call *call = state->call;

	if (answer == NULL) {
		fail_call(state);
		return;
	}
	call->jobs = MEM_NEW_ARRAY(struct job_summary, answer->n_jobs);
	for (size_t i = 0; i < answer->n_jobs; i++) {
		const Flink__JobSummary *from = answer->jobs[i];
		struct job_summary *job = &call->jobs[call->jobs_count];

		if (!id_from_message(&from->job_id, &job->id))
			continue;
		job->name = mem_strdup(from->name);
		job->status = mem_strdup(from->status);
		job->note = mem_strdup(from->note);
		job->start_ms = from->start_ms;
		job->end_ms = from->end_ms;
		call->jobs_count++;
	}
	end_call(state);
}

static void cancel_done(const Flink__Empty *answer, void *data)
{
	struct rpc_call_state *state = data;

	if (answer == NULL)
		fail_call(state);
	else
		end_call(state);
}

static void status_done(const Flink__JobStatusResponse *answer, void *data)
{
	struct rpc_call_state *state = data;
	struct job_state *job = &state->call->state;

	if (answer == NULL) {
		fail_call(state);
		return;
	}
	snprintf(job->status, sizeof(job->status), "%s", answer->status);
	job->note = mem_strdup(answer->note);
	job->start_ms = answer->start_ms;
	job->end_ms = answer->end_ms;
	if (answer->failure != NULL)
		err_from_message(&job->failure, answer->failure);
	buf_add(&job->output, answer->output.data, answer->output.len);
	job->output_offset = answer->output_offset;
	job->output_end = answer->output_end;
	end_call(state);
}

/* ---- asking --------------------------------------------------------------------------------- */

static void send_submit(struct rpc_call_state *state, struct rpc_stub *stub)
{
	Flink__SubmitJobRequest request = FLINK__SUBMIT_JOB_REQUEST__INIT;

	request.graph = (Flink__JobGraph *)(uintptr_t)state->call->graph;
	flink__dispatcher__submit_job(rpc_stub_service(stub), &request, submit_done, state);
}

static void artifact_done(const Flink__PutArtifactResponse *answer, void *data);

/* from == NULL: asks how much is there. */
static void send_artifact(struct rpc_call_state *state, struct rpc_stub *stub, const uint64_t *from)
{
	Flink__PutArtifactRequest request = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	const Flink__Artifact *artifact = state->call->graph->artifacts[0];
	struct bytes content = state->call->artifact;

	request.sha256 = artifact->sha256;
	request.name = artifact->name;
	request.size_bytes = content.size_bytes;
	if (from != NULL) {
		uint64_t left = content.size_bytes - *from;

		request.offset = *from;
		request.content.data = (uint8_t *)(uintptr_t)content.data + *from;
		request.content.len =
			left < LIMIT_ARTIFACT_CHUNK_BYTES ? left : LIMIT_ARTIFACT_CHUNK_BYTES;
	}
	flink__dispatcher__put_artifact(rpc_stub_service(stub), &request, artifact_done, state);
}

static bool stub_of(struct rpc_call_state *state, struct rpc_stub *stub)
{
	struct rpc_client *client = state->transport->client;
	struct rpc_peer *peer = client ? rpc_client_peer(client) : NULL;

	if (peer != NULL)
		rpc_stub_init(stub, peer, &flink__dispatcher__descriptor, NULL);
	return peer != NULL;
}

static void artifact_done(const Flink__PutArtifactResponse *answer, void *data)
{
	struct rpc_call_state *state = data;
	struct rpc_stub stub;

	if (answer == NULL) {
		fail_call(state);
		return;
	}
	if (!stub_of(state, &stub)) {
		go_on(state); /* lost between two chunks: asks again how much is there */
		return;
	}
	uint64_t received = answer->received_bytes;

	if (received >= state->call->artifact.size_bytes)
		send_submit(state, &stub);
	else
		send_artifact(state, &stub, &received);
}

static void send_status(struct rpc_call_state *state, struct rpc_stub *stub)
{
	Flink__JobStatusRequest request = FLINK__JOB_STATUS_REQUEST__INIT;
	const struct call *call = state->call;

	request.job_id = id_to_message(&call->job_id);
	request.wait_ms = call->wait_ms;
	request.status_seen = (char *)(uintptr_t)(call->status_seen ? call->status_seen : "");
	request.note_seen = (char *)(uintptr_t)(call->note_seen ? call->note_seen : "");
	request.output_from = call->output_from;
	request.output_max_bytes = LIMIT_OUTPUT_RING_BYTES;
	flink__dispatcher__job_status(rpc_stub_service(stub), &request, status_done, state);
}

static void send(struct rpc_call_state *state, struct rpc_stub *stub)
{
	struct call *call = state->call;

	switch (call->kind) {
	case CALL_SUBMIT:
		if (call->artifact.size_bytes > 0)
			send_artifact(state, stub, NULL);
		else
			send_submit(state, stub);
		return;
	case CALL_LIST: {
		Flink__ListJobsRequest request = FLINK__LIST_JOBS_REQUEST__INIT;

		flink__dispatcher__list_jobs(rpc_stub_service(stub), &request, list_done, state);
		return;
	}
	case CALL_CANCEL: {
		Flink__CancelJobRequest request = FLINK__CANCEL_JOB_REQUEST__INIT;

		request.job_id = id_to_message(&call->job_id);
		flink__dispatcher__cancel_job(rpc_stub_service(stub), &request, cancel_done, state);
		return;
	}
	case CALL_STATUS:
		send_status(state, stub);
		return;
	}
}

/* Sends the call, or lets it wait for the connection. */
static void go_on(struct rpc_call_state *state)
{
	struct rpc_stub stub;

	if (stub_of(state, &stub)) {
		list_remove(&state->node);
		send(state, &stub);
		return;
	}
	state->since = session_now(state->transport->base.session);
	if (!list_linked(&state->node))
		list_push_back(&state->transport->waiting, &state->node);
	agent_wake(session_agent(state->transport->base.session));
}

/* ---- the transport -------------------------------------------------------------------------- */

static void begin(struct transport *base, struct call *call)
{
	struct rpc_call_state *state = MEM_NEW(struct rpc_call_state);

	state->transport = (struct rpc_transport *)base;
	state->call = call;
	go_on(state);
}

static void peer_up(void *context, struct rpc_peer *peer)
{
	struct rpc_transport *transport = context;

	if (transport->lost)
		session_tell(transport->base.session, "connected to the JobManager again");
	transport->connected_once = true;
	transport->lost = false;
	agent_wake(session_agent(transport->base.session));
}

static void peer_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	struct rpc_transport *transport = context;

	if (transport->closing || transport->why_given_up.code != ERR_NONE)
		return;
	transport->lost = true;
	transport->lost_at = session_now(transport->base.session);
	agent_wake(session_agent(transport->base.session));
	session_tell(transport->base.session,
		     "the connection to the JobManager at %s is lost (%s); trying again",
		     session_address(transport->base.session), why->text);
}

/* Trying again cannot help. */
static bool is_final(const struct err *err)
{
	return err->code == ERR_NET_VERSION || err->code == ERR_NET_SECRET;
}

static void give_up(struct rpc_transport *transport, struct rpc_call_state *state,
		    const struct err *why)
{
	if (is_final(why))
		state->call->err = *why;
	else
		call_unreachable(state->call, transport->base.session, why);
	end_call(state);
}

/* The cluster was there and has not come back: calls that it was sent will not be answered. */
static void check_lost(struct rpc_transport *transport, mono_t now, mono_t *wake_at)
{
	mono_t until = mono_after_ms(transport->lost_at, SESSION_RECONNECT_MS);

	if (!transport->lost || transport->client == NULL)
		return;
	if (now < until) {
		*wake_at = mono_min(*wake_at, until);
		return;
	}
	transport->why_given_up = *rpc_client_error(transport->client);
	if (transport->why_given_up.code == ERR_NONE)
		err_set(&transport->why_given_up, ERR_NET_CLOSED, "the connection is lost");
	rpc_client_close(&transport->client);
}

static void step(struct transport *base, mono_t now, mono_t *wake_at)
{
	struct rpc_transport *transport = (struct rpc_transport *)base;

	check_lost(transport, now, wake_at);
	const struct rpc_client *client = transport->client;
	const struct err *why = client ? rpc_client_error(client) : &transport->why_given_up;
	bool connected = client != NULL && rpc_client_peer(transport->client) != NULL;

	LIST_FOR_EACH(&transport->waiting, struct rpc_call_state, node, state) {
		mono_t until = client == NULL ? now
			       : transport->connected_once
				       ? mono_after_ms(state->since, SESSION_RECONNECT_MS)
				       : mono_after_ms(state->since, SESSION_CONNECT_MS);
		if (connected)
			go_on(state);
		else if (now >= until || is_final(why))
			give_up(transport, state, why);
		else
			*wake_at = mono_min(*wake_at, mono_min(until, mono_after_ms(now, 50)));
	}
}

static void close_transport(struct transport *base)
{
	struct rpc_transport *transport = (struct rpc_transport *)base;

	LIST_FOR_EACH(&transport->waiting, struct rpc_call_state, node, state) {
		list_remove(&state->node);
		mem_free(state);
	}
	transport->closing =
		true; /* calls that were sent are answered now, and nobody waits for them */
	rpc_client_close(&transport->client);
	mem_free(transport);
}

static const struct transport_vtable rpc_transport_vtable = {
	.begin = begin,
	.step = step,
	.close = close_transport,
};

int rpc_transport_open(struct session *session, const struct session_options *options,
		       struct transport **transport_at, struct err *err)
{
	struct rpc_transport *transport = MEM_NEW(struct rpc_transport);
	struct rpc_options rpc = { .component = "Client",
				   .secret = options->secret,
				   .role = "client",
				   .peer_up = peer_up,
				   .peer_down = peer_down,
				   .context = transport };

	transport->base = (struct transport){ &rpc_transport_vtable, session };
	list_init(&transport->waiting);
	world_random_bytes(options->world, &rpc.incarnation, sizeof(rpc.incarnation));
	if (rpc_client_open(session_runner(session), options->host, options->port, &rpc,
			    &transport->client, err) < 0) {
		mem_free(transport);
		return -1;
	}
	*transport_at = &transport->base;
	return 0;
}
