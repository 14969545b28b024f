/* SPDX-License-Identifier: Apache-2.0
 * session.h - a client's conversation with a cluster: submit, list, cancel, status.
 *
 * Two ways lead there and give the same answers: RPC to jobmanager.rpc.address (rpc_transport.c)
 * and REST (rest_transport.c). In a program that a JobManager runs (HAND_OVER_ENV is set) there is
 * a third for all but a mini cluster, whatever the options say: the job is handed to that
 * JobManager (hand_over_transport.c). A session is an agent on a runner of its own; everything
 * named "on the session's thread" happens there. Other threads post calls and are told by
 * call->finished. */
#ifndef CLIENT_CLI_SESSION_H
#define CLIENT_CLI_SESSION_H

#include "job_graph.pb-c.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/ring.h"
#include "common/world/world.h"

#define SESSION_STATUS_BYTES 32

enum call_kind { CALL_SUBMIT, CALL_LIST, CALL_CANCEL, CALL_STATUS };

struct job_summary {
	struct id id;
	char *name, *status, *note;
	wall_t start_ms, end_ms; /* end -1 while running */
};

struct job_state { /* where a job stands, and a piece of what it printed */
	char status[SESSION_STATUS_BYTES];
	char *note;
	wall_t start_ms, end_ms;
	struct err failure; /* with FAILED */
	struct buf output;  /* whole lines */
	uint64_t output_offset; /* of its first byte; above the one asked for: lines were dropped */
	bool output_end;
};

struct call { /* the caller's; left alone from session_post until finished is called */
	enum call_kind kind;
	void (*finished)(
		struct call *call); /* on the session's thread; the last touch of the call */
	void *context;                       /* the caller's */
	/* asked */
	const Flink__JobGraph *graph; /* SUBMIT; borrowed */
	struct bytes artifact;        /* SUBMIT: the bytes of graph->artifacts[0]; empty: none */
	struct id job_id;             /* CANCEL, STATUS */
	uint32_t wait_ms;             /* STATUS: answer when something changed, or after this */
	const char *status_seen, *note_seen; /* STATUS: what is known already; borrowed */
	uint64_t output_from;
	/* answered */
	struct err err; /* ERR_NONE: done */
	struct job_summary *jobs;
	size_t jobs_count;
	struct job_state state;
	/* private */
	struct inbox_node node;
	void *transport_data;
};

void call_init(struct call *call, enum call_kind kind, void (*finished)(struct call *call),
	       void *context);
void call_fini(
	struct call *call); /* frees the answers; the call may be used again after call_init */

struct session;
struct transport;

struct session_options {
	struct world *world;
	const char *host;    /* copied */
	uint16_t port;
	bool rest;           /* REST, else RPC */
	struct bytes secret; /* of the cluster, for RPC; copied */
	const char *token;   /* for REST; copied; NULL: none */
};

MUST_USE int session_open(const struct session_options *options, struct session **session,
			  struct err *err);
/* Calls under way are dropped: their finished is not called. Not on the session's thread. */
void session_close(struct session **session);
const char *session_address(const struct session *session); /* "localhost:6123" */

/* Any thread. */
void session_post(struct session *session, struct call *call);
/* Runs function(context) on the session's thread. */
struct session_task {
	void (*run)(struct session_task *task);
	struct inbox_node node;
};
void session_run(struct session *session, struct session_task *task);

/* ---- on the session's thread ---------------------------------------------------------------- */

/* Begins at once. */
void session_begin(struct session *session, struct call *call);
/* Asks for `run` at `at`; one timer per session, MONO_NEVER: none. */
void session_timer(struct session *session, mono_t at, void (*run)(void *context), void *context);
mono_t session_now(const struct session *session);
struct runner *session_runner(struct session *session);
struct agent *session_agent(struct session *session);
struct world *session_world(struct session *session);
/* Who hears of the connection's ups and downs between answers; NULL: nobody. */
void session_on_news(struct session *session, void (*news)(void *context, const char *text),
		     void *context);

/* ---- transports ----------------------------------------------------------------------------- */

struct transport_vtable {
	/* Ends with call_finish, now or later. */
	void (*begin)(struct transport *transport, struct call *call);
	/* Called in every step of the session. */
	void (*step)(struct transport *transport, mono_t now, mono_t *wake_at);
	void (*close)(struct transport *transport);
};
struct transport { /* embedded first */
	const struct transport_vtable *vtable;
	struct session *session;
};
/* For session_on_news: "the JobManager at … does not answer: …". */
void session_tell(struct session *session, const char *format, ...) PRINTF(2, 3);
void call_finish(struct call *call); /* call->err and the answers are set */
/* ERR_CLUSTER_UNREACHABLE with the address, and the last try's cause where it says more. */
void call_unreachable(struct call *call, const struct session *session, const struct err *why);

/* A cluster that has not answered for this long is not there. */
#define SESSION_CONNECT_MS 1200
/* One that answered before is waited for so long, from the moment it was lost: its supervisor
 * starts it again within a second or so. */
#define SESSION_RECONNECT_MS 4000

MUST_USE int rpc_transport_open(struct session *session, const struct session_options *options,
				struct transport **transport, struct err *err);
MUST_USE int rest_transport_open(struct session *session, const struct session_options *options,
				 struct transport **transport, struct err *err);
MUST_USE int hand_over_transport_open(struct session *session, struct transport **transport,
				      struct err *err);

#endif
