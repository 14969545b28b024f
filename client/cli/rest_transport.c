/* SPDX-License-Identifier: Apache-2.0
 * rest_transport.c - a session over the REST API, for -m host:port: what a firewall or a proxy lets
 * through. Artifacts go by PUT /v1/artifacts/<sha256>, the job graph by POST /v1/jobs as the same
 * message that RPC carries; status and output by a long poll. */
#include <jansson.h>
#include <stdio.h>

#include "client/cli/http.h"
#include "client/cli/session.h"
#include "common/base/limits.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "dispatcher.pb-c.h"

#define RETRY_MS 100
#define ANSWER_MS 10000 /* beyond what the call itself waits */

struct rest_transport {
	struct transport base;
	char *host, *token;
	uint16_t port;
	struct list calls; /* rest_call */
	bool heard_once; /* a REST server answers there */
	bool lost;       /* and did not the last time */
	mono_t lost_at;
};

/* What a call keeps while it is under way: one or two requests in turn. */
struct rest_call {
	struct call *call;
	struct http_call *http; /* NULL: between two tries */
	bool artifact_sent;
	mono_t since, tried_at, retry_at; /* since: the last time that the cluster was heard */
	struct buf body;        /* of the request */
	struct list_node node;
};

static void end_call(struct rest_call *rest)
{
	struct call *call = rest->call;

	http_close(&rest->http);
	list_remove(&rest->node);
	buf_fini(&rest->body);
	mem_free(rest);
	call_finish(call);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void put_artifact_request(const struct call *call, struct http_request *request,
				 struct buf *target)
{
	const Flink__Artifact *artifact = call->graph->artifacts[0];

	buf_add_text(target, "/v1/artifacts/");
	for (size_t i = 0; i < artifact->sha256.len; i++)
		buf_printf(target, "%02x", artifact->sha256.data[i]);
	buf_add_text(target, "?name=");
	http_escape(artifact->name, target);
	request->method = "PUT";
	request->content_type = "application/octet-stream";
	request->body = call->artifact;
}

static void submit_request(struct rest_call *rest, struct http_request *request, struct buf *target)
{
	Flink__SubmitJobRequest message = FLINK__SUBMIT_JOB_REQUEST__INIT;

	message.graph = (Flink__JobGraph *)(uintptr_t)rest->call->graph;
	size_t size_bytes = flink__submit_job_request__get_packed_size(&message);

	buf_clear(&rest->body);
	flink__submit_job_request__pack(&message, (uint8_t *)buf_reserve(&rest->body, size_bytes));
	rest->body.size_bytes = size_bytes;
	buf_add_text(target, "/v1/jobs");
	request->method = "POST";
	request->content_type = "application/x-protobuf";
	request->body = buf_bytes(&rest->body);
}

static void status_request(const struct call *call, const char *id, struct buf *target)
{
	buf_printf(target, "/v1/jobs/%s/output?from=%llu&max=%d&wait_ms=%u", id,
		   (unsigned long long)call->output_from, LIMIT_OUTPUT_RING_BYTES, call->wait_ms);
	/* An empty value is not seen as given: before anything is known, anything is news. */
	if (call->status_seen != NULL && call->status_seen[0] != '\0') {
		buf_add_text(target, "&status=");
		http_escape(call->status_seen, target);
	}
	if (call->note_seen != NULL) {
		buf_add_text(target, "&note=");
		http_escape(call->note_seen, target);
	}
}

static void make_request(struct rest_call *rest, struct http_request *request, struct buf *target)
{
	const struct call *call = rest->call;
	char id[ID_TEXT_SIZE];

	request->method = "GET";
	switch (call->kind) {
	case CALL_SUBMIT:
		if (!rest->artifact_sent && call->artifact.size_bytes > 0)
			put_artifact_request(call, request, target);
		else
			submit_request(rest, request, target);
		return;
	case CALL_LIST:
		buf_add_text(target, "/v1/jobs/overview");
		return;
	case CALL_CANCEL:
		buf_printf(target, "/v1/jobs/%s?mode=cancel", id_format(&call->job_id, id));
		request->method = "PATCH";
		return;
	case CALL_STATUS:
		status_request(call, id_format(&call->job_id, id), target);
		return;
	}
}

static void send(struct rest_transport *transport, struct rest_call *rest)
{
	struct http_request request = { .host = transport->host,
					.port = transport->port,
					.token = transport->token };
	struct runner *runner = session_runner(transport->base.session);
	struct err err = ERR_INIT;
	struct buf target;

	buf_init(&target);
	rest->tried_at = session_now(transport->base.session);
	make_request(rest, &request, &target);
	request.target = target.data;
	if (http_open(runner_loop(runner), &request, session_agent(transport->base.session),
		      &rest->http, &err) < 0) {
		rest->call->err = err;
		end_call(rest);
	}
	buf_fini(&target);
}

/* ---- answers -------------------------------------------------------------------------------- */

static const char *text_of(const json_t *root, const char *key)
{
	const char *text = json_string_value(json_object_get(root, key));

	return text != NULL ? text : "";
}

static int64_t number_of(const json_t *root, const char *key)
{
	return json_integer_value(json_object_get(root, key));
}

/* An error answer: ours says code and text apart, others only Flink's list of messages. */
static void take_error(struct call *call, const struct http_response *response, const json_t *root)
{
	int64_t code = number_of(root, "code");
	const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
	const char *text = json_string_value(first);

	if (code > 0) {
		err_set(&call->err, (enum err_code)code, "%s", text_of(root, "text"));
		snprintf(call->err.origin, sizeof(call->err.origin), "%s", text_of(root, "origin"));
	} else if (response->status == 401) {
		err_set(&call->err, ERR_REST_TOKEN,
			"the JobManager wants the token of its REST address, and got none or another");
	} else if (response->status == 404 && text != NULL) {
		err_set(&call->err, ERR_JOB_NOT_FOUND, "%s", text);
	} else {
		err_set(&call->err, ERR_NET_PROTOCOL, "the answer is HTTP %d%s%s", response->status,
			text ? ": " : "", text ? text : "");
	}
}

static void take_jobs(struct call *call, const json_t *root)
{
	const json_t *jobs = json_object_get(root, "jobs");

	call->jobs = MEM_NEW_ARRAY(struct job_summary, json_array_size(jobs));
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		const json_t *from = json_array_get(jobs, i);
		struct job_summary *job = &call->jobs[call->jobs_count];

		if (!id_parse(text_of(from, "jid"), &job->id))
			continue;
		job->name = mem_strdup(text_of(from, "name"));
		job->status = mem_strdup(text_of(from, "state"));
		job->note = mem_strdup(text_of(from, "note"));
		job->start_ms = number_of(from, "start-time");
		job->end_ms = number_of(from, "end-time");
		call->jobs_count++;
	}
}

static void take_status(struct call *call, const json_t *root)
{
	struct job_state *job = &call->state;
	const json_t *output = json_object_get(root, "output"),
		     *failure = json_object_get(root, "failure");

	snprintf(job->status, sizeof(job->status), "%s", text_of(root, "status"));
	job->note = mem_strdup(text_of(root, "note"));
	job->start_ms = number_of(root, "start-time");
	job->end_ms = number_of(root, "end-time");
	if (failure != NULL) {
		err_set(&job->failure, (enum err_code)number_of(failure, "code"), "%s",
			text_of(failure, "text"));
		snprintf(job->failure.origin, sizeof(job->failure.origin), "%s",
			 text_of(failure, "origin"));
	}
	if (json_is_string(output))
		buf_add(&job->output, json_string_value(output), json_string_length(output));
	job->output_offset = (uint64_t)number_of(root, "offset");
	job->output_end = json_is_true(json_object_get(root, "end"));
}

/* True: the call is over; false: another request follows. */
static bool take_answer(struct rest_call *rest, const struct http_response *response)
{
	struct call *call = rest->call;
	json_t *root =
		json_loadb(response->body.data, response->body.size_bytes, JSON_ALLOW_NUL, NULL);

	if (response->status >= 400) {
		take_error(call, response, root);
	} else if (!json_is_object(root)) {
		err_set(&call->err, ERR_NET_PROTOCOL,
			"the answer (HTTP %d) is not JSON; is this Flink's REST port?",
			response->status);
	} else if (call->kind == CALL_SUBMIT && !rest->artifact_sent &&
		   call->artifact.size_bytes > 0) {
		json_decref(root);
		rest->artifact_sent = true;
		return false;
	} else if (call->kind == CALL_LIST) {
		take_jobs(call, root);
	} else if (call->kind == CALL_STATUS) {
		take_status(call, root);
	}
	json_decref(root);
	return true;
}

/* The request came to nothing: again soon, or never. */
static void failed(struct rest_transport *transport, struct rest_call *rest, const struct err *why,
		   mono_t now)
{
	if (transport->heard_once && !transport->lost) {
		transport->lost_at = now;
		transport->lost = true;
		session_tell(transport->base.session,
			     "the connection to the JobManager at %s is lost (%s); trying again",
			     session_address(transport->base.session), why->text);
	}
	bool over = transport->lost
			    ? now >= mono_after_ms(transport->lost_at, SESSION_RECONNECT_MS)
			    : now >= mono_after_ms(rest->since, SESSION_CONNECT_MS);
	/* Something listens there and never says a word of HTTP. */
	bool other = why->code == ERR_NET_PROTOCOL ||
		     (over && why->code == ERR_NET_CLOSED && !transport->heard_once);

	http_close(&rest->http);
	if (other)
		err_set(&rest->call->err, ERR_NET_PROTOCOL,
			"%s is no REST address of a cluster: %s",
			session_address(transport->base.session), why->text);
	else if (over)
		call_unreachable(rest->call, transport->base.session, why);
	rest->retry_at = mono_after_ms(now, RETRY_MS);
	if (rest->call->err.code != ERR_NONE)
		end_call(rest);
}

/* No answer yet: is there still hope? */
static int check_patience(const struct rest_call *rest, mono_t now, mono_t *wake_at,
			  struct err *err)
{
	bool connected = http_connected(rest->http);
	int64_t patience_ms = connected ? rest->call->wait_ms + ANSWER_MS : SESSION_CONNECT_MS;
	mono_t until = mono_after_ms(connected ? rest->tried_at : rest->since, patience_ms);

	*wake_at = mono_min(*wake_at, until);
	if (now < until)
		return 0;
	return err_set(err, ERR_NET_TIMEOUT, "no answer within %lld ms", (long long)patience_ms);
}

static void step_call(struct rest_transport *transport, struct rest_call *rest, mono_t now,
		      mono_t *wake_at)
{
	struct err err = ERR_INIT;

	if (rest->http == NULL && now < rest->retry_at) {
		*wake_at = mono_min(*wake_at, rest->retry_at);
		return;
	}
	if (rest->http == NULL) {
		send(transport, rest);
		return; /* the connection wakes */
	}
	int result = http_step(rest->http, &err);

	if (http_heard(rest->http)) {
		if (transport->lost)
			session_tell(transport->base.session,
				     "connected to the JobManager again");
		transport->lost = false;
		transport->heard_once = true;
		rest->since = now;
	}
	if (result == 0)
		result = check_patience(rest, now, wake_at, &err);
	if (result == 0)
		return;
	if (result > 0 && http_response(rest->http)->status == 503) /* as good as gone */
		result = err_set(&err, ERR_NET_CLOSED,
				 "HTTP 503: it is shutting down, or too busy");
	if (result < 0) {
		failed(transport, rest, &err, now);
		*wake_at = mono_min(*wake_at, mono_after_ms(now, RETRY_MS));
	} else if (take_answer(rest, http_response(rest->http))) {
		end_call(rest);
	} else {
		http_close(&rest->http);
		send(transport, rest);
	}
}

/* ---- the transport -------------------------------------------------------------------------- */

static void begin(struct transport *base, struct call *call)
{
	struct rest_transport *transport = (struct rest_transport *)base;
	struct rest_call *rest = MEM_NEW(struct rest_call);

	rest->call = call;
	rest->since = session_now(base->session);
	buf_init(&rest->body);
	list_push_back(&transport->calls, &rest->node);
	send(transport, rest);
}

static void step(struct transport *base, mono_t now, mono_t *wake_at)
{
	struct rest_transport *transport = (struct rest_transport *)base;

	LIST_FOR_EACH(&transport->calls, struct rest_call, node, rest)
		step_call(transport, rest, now, wake_at);
}

static void close_transport(struct transport *base)
{
	struct rest_transport *transport = (struct rest_transport *)base;

	LIST_FOR_EACH(&transport->calls, struct rest_call, node, rest) {
		http_close(&rest->http);
		list_remove(&rest->node);
		buf_fini(&rest->body);
		mem_free(rest);
	}
	mem_free(transport->host);
	mem_free(transport->token);
	mem_free(transport);
}

static const struct transport_vtable rest_transport_vtable = {
	.begin = begin,
	.step = step,
	.close = close_transport,
};

int rest_transport_open(struct session *session, const struct session_options *options,
			struct transport **transport_at, struct err *err)
{
	struct rest_transport *transport = MEM_NEW(struct rest_transport);

	transport->base = (struct transport){ &rest_transport_vtable, session };
	transport->host = mem_strdup(options->host);
	transport->token = mem_strdup(options->token);
	transport->port = options->port;
	list_init(&transport->calls);
	*transport_at = &transport->base;
	return 0;
}
