/* SPDX-License-Identifier: Apache-2.0
 * session.c - the agent behind session.h: takes what other threads post, drives the transport,
 * keeps one timer. */
#include "client/cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/wire/hand_over.h"

struct session {
	struct agent agent;
	struct world *world;
	struct runner *runner;
	struct transport *transport;
	char *address;
	struct inbox calls; /* call.node */
	struct inbox tasks; /* session_task.node */
	mono_t timer_at;
	void (*timer_run)(void *context);
	void *timer_context;
	void (*news)(void *context, const char *text);
	void *news_context;
};

/* ---- calls ---------------------------------------------------------------------------------- */

void call_init(struct call *call, enum call_kind kind, void (*finished)(struct call *call),
	       void *context)
{
	memset(call, 0, sizeof(*call));
	call->kind = kind;
	call->finished = finished;
	call->context = context;
	buf_init(&call->state.output);
}

void call_fini(struct call *call)
{
	for (size_t i = 0; i < call->jobs_count; i++) {
		mem_free(call->jobs[i].name);
		mem_free(call->jobs[i].status);
		mem_free(call->jobs[i].note);
	}
	mem_free(call->jobs);
	mem_free(call->state.note);
	buf_fini(&call->state.output);
	call->jobs = NULL;
	call->jobs_count = 0;
	call->state.note = NULL;
}

void call_finish(struct call *call)
{
	call->finished(call);
}

void call_unreachable(struct call *call, const struct session *session, const struct err *why)
{
	char *prefix = mem_printf("cannot connect to %s: ", session->address);
	bool repeats = strncmp(why->text, prefix, strlen(prefix)) == 0;
	const char *cause = why->text + (repeats ? strlen(prefix) : 0);

	err_set(&call->err, ERR_CLUSTER_UNREACHABLE, "no cluster answers at %s%s%s%s",
		session->address, cause[0] ? " (" : "", cause, cause[0] ? ")" : "");
	mem_free(prefix);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static enum step step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct session *session = CONTAINER_OF(agent, struct session, agent);
	struct inbox_node *node;

	while ((node = inbox_take(&session->tasks)) != NULL) {
		struct session_task *task = CONTAINER_OF(node, struct session_task, node);

		task->run(task);
	}
	while ((node = inbox_take(&session->calls)) != NULL)
		session_begin(session, CONTAINER_OF(node, struct call, node));
	if (now >= session->timer_at) {
		session->timer_at = MONO_NEVER;
		session->timer_run(session->timer_context);
	}
	session->transport->vtable->step(session->transport, now, wake_at);
	*wake_at = mono_min(*wake_at, session->timer_at);
	return STEP_IDLE;
}

static int open_transport(struct session *session, const struct session_options *options,
			  struct err *err)
{
	if (options->host[0] != '@' && world_env(options->world, HAND_OVER_ENV) != NULL)
		return hand_over_transport_open(session, &session->transport, err);
	return options->rest ? rest_transport_open(session, options, &session->transport, err)
			     : rpc_transport_open(session, options, &session->transport, err);
}

int session_open(const struct session_options *options, struct session **session_at,
		 struct err *err)
{
	struct session *session = MEM_NEW(struct session);

	*session_at = NULL;
	session->world = options->world;
	session->timer_at = MONO_NEVER;
	session->address = mem_printf("%s:%u", options->host, options->port);
	inbox_init(&session->calls);
	inbox_init(&session->tasks);
	agent_init(&session->agent, "session", step);
	session->runner = runner_create(options->world, "session", err);
	if (session->runner == NULL || open_transport(session, options, err) < 0) {
		session_close(&session);
		return -1;
	}
	runner_add(session->runner, &session->agent);
	*session_at = session;
	return 0;
}

void session_close(struct session **session_at)
{
	struct session *session = *session_at;

	if (session == NULL)
		return;
	runner_destroy(&session->runner); /* nobody steps any more */
	if (session->transport != NULL)
		session->transport->vtable->close(session->transport);
	mem_free(session->address);
	mem_free(session);
	*session_at = NULL;
}

void session_on_news(struct session *session, void (*news)(void *context, const char *text),
		     void *context)
{
	session->news = news;
	session->news_context = context;
}

void session_tell(struct session *session, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (session->news == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->news(session->news_context, text);
}

const char *session_address(const struct session *session)
{
	return session->address;
}

void session_post(struct session *session, struct call *call)
{
	inbox_post(&session->calls, &call->node);
	agent_wake(&session->agent);
}

void session_run(struct session *session, struct session_task *task)
{
	inbox_post(&session->tasks, &task->node);
	agent_wake(&session->agent);
}

/* ---- on the session's thread ---------------------------------------------------------------- */

void session_begin(struct session *session, struct call *call)
{
	session->transport->vtable->begin(session->transport, call);
}

void session_timer(struct session *session, mono_t at, void (*run)(void *context), void *context)
{
	session->timer_at = at;
	session->timer_run = run;
	session->timer_context = context;
	agent_wake(&session->agent);
}

mono_t session_now(const struct session *session)
{
	return loop_now(runner_loop(session->runner));
}

struct runner *session_runner(struct session *session)
{
	return session->runner;
}

struct agent *session_agent(struct session *session)
{
	return &session->agent;
}

struct world *session_world(struct session *session)
{
	return session->world;
}
