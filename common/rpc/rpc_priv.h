/* SPDX-License-Identifier: Apache-2.0
 * rpc_priv.h - what the files of common/rpc share.
 *
 *   rpc_endpoint   what a server and a client have in common: options, peers, failed calls. An
 *     |            agent: accepts or connects, watches deadlines, delivers local failures.
 *     +- rpc_peer     one connection. An agent: reads, dispatches, writes.
 *     |    +- rpc_origin    whose requests come in here: calls under way, answers kept
 *     |    +- rpc_caller    whose requests go out here: calls waiting for an answer
 *
 * A client's caller lives in the client and survives connections, so that calls can be sent again;
 * its counterpart, the server's origin, survives them too. Everywhere else (a server calling back)
 * caller and origin live and die with the connection.
 *
 * Closing: a peer goes down only in its own step or in the close of its endpoint. The latter may
 * run inside a callback of that very peer's step; then the memory stays until the step has
 * unwound (in_step), and the step does nothing more. */
#ifndef COMMON_RPC_RPC_PRIV_H
#define COMMON_RPC_RPC_PRIV_H

#include "common/base/agent.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/sm.h"
#include "common/rpc/rpc.h"
#include "common/wire/frame.h"

/* Body of FRAME_REQUEST: this head, then the protobuf message.
 *   0 leader_epoch 8 | 8 incarnation 16 | 24 attempt 4 | 28 deadline_ms 4 (what is left of it)
 *  32 calls_open_from 4: answers to calls before this id are not wanted any more | 36 reserved 4 */
#define RPC_REQUEST_HEAD_BYTES 40
#define RPC_FLAG_AGAIN 1u /* this request may have been sent before, on another connection */
/* Body of FRAME_SESSION, the connector's first frame: 0 session 8 | 8 connection number 4. */
#define RPC_SESSION_BYTES 12
#define RPC_MESSAGE_BYTES_MAX \
	(LIMIT_RPC_FRAME_BYTES_MAX - FRAME_HEADER_BYTES - RPC_REQUEST_HEAD_BYTES)
#define RPC_FAILURE_BYTES_MAX (LIMIT_ERROR_TEXT_BYTES_MAX + 1024)
#define RPC_UNSENT_BYTES_MAX (2 * (size_t)LIMIT_RPC_FRAME_BYTES_MAX)
#define RPC_REQUESTS_BYTES_MAX (2 * (size_t)LIMIT_RPC_FRAME_BYTES_MAX) /* held per origin */
#define RPC_BACKOFF_MS_MIN 4 /* daemons that are started together find each other at once */
#define RPC_BACKOFF_MS_MAX 500
#define RPC_KEPT_ANSWER_BYTES_MAX (64 * 1024)    /* larger ones are computed again */
#define RPC_KEPT_ANSWERS_BYTES_MAX (1024 * 1024) /* of all origins of a server */
#define RPC_ORIGIN_LINGER_MS 60000               /* after its connection ended */
#define RPC_ORIGINS_MAX (2 * LIMIT_CONNECTIONS_MAX)

enum rpc_state { RPC_HANDSHAKE, RPC_UP, RPC_DOWN };

/* ---- calls that go out ----------------------------------------------------------------------- */

struct rpc_caller {
	uint64_t session;     /* random: tells callers of one process apart */
	uint32_t call_next;   /* wraps; compared by rpc_id_before */
	struct list calls;    /* struct rpc_call waiting for an answer, by id */
	uint32_t calls_count;
	mono_t deadline_next; /* no deadline of a call is before it */
	bool sends_again;     /* calls survive their connection */
	struct agent *agent;  /* watches deadline_next */
};

struct rpc_call {
	struct list_node node; /* of caller.calls or endpoint.failed */
	const struct rpc_method *method;
	const ProtobufCMessageDescriptor *answer_type;
	ProtobufCClosure closure;
	void *data;
	uint32_t id;
	uint32_t timeout_ms;
	mono_t deadline;
	struct bytes request; /* head and message; empty unless it may be sent again */
	struct err *failure;  /* in endpoint.failed: why */
};

/* ---- calls that come in ---------------------------------------------------------------------- */

struct rpc_origin {
	struct list_node node; /* of endpoint.origins, if it lingers */
	struct rpc_endpoint *endpoint;
	struct rpc_peer *peer; /* where it is connected now; NULL: gone */
	uint32_t connection;   /* number of that connection */
	bool called;           /* call_last is set */
	uint32_t call_last;    /* newest id seen */
	struct list running;   /* struct rpc_inbound */
	uint32_t running_count;
	size_t requests_bytes;
	struct list kept;      /* struct rpc_kept, oldest first */
	mono_t forget_at;      /* MONO_NEVER while connected */
	uint8_t key[24];       /* incarnation, session */
};

struct rpc_inbound { /* what closure_data points to */
	struct list_node node; /* of origin.running */
	struct rpc_origin *origin; /* NULL: forgotten */
	struct rpc_peer *peer;     /* NULL: gone */
	const struct rpc_method *method;
	uint32_t id;
	mono_t deadline; /* the caller has given up by then */
	size_t request_bytes;
	struct rpc_fence fence;
	struct arena *arena; /* of the request */
	bool invoking, answered;
};

struct rpc_kept { /* an answer that may have to be sent again */
	struct list_node node, age_node; /* of origin.kept, endpoint.kept */
	uint16_t kind, method;
	uint32_t id;
	struct bytes body; /* follows the struct */
};

/* ---- connections ----------------------------------------------------------------------------- */

struct rpc_peer {
	struct agent agent;
	struct list_node node; /* of endpoint.peers */
	struct rpc_endpoint *endpoint;
	uint32_t state; /* enum rpc_state */
	bool in_step;
	bool closing;   /* goes down at the next chance, for `why` */
	bool owes_down; /* peer_up was told, peer_down not yet */
	struct err why;
	struct conn *conn;
	struct frame_reader reader;
	struct buf out;
	size_t out_sent_bytes; /* of out */
	struct handshake handshake;
	mono_t handshake_until;
	mono_t up_since;
	struct rpc_caller *caller;
	struct rpc_caller own_caller;
	struct rpc_origin *origin; /* NULL: acceptor before the session frame */
	struct rpc_origin own_origin;
	void *owner;
	char name[80];
};

struct rpc_endpoint {
	struct agent agent;
	struct runner *runner;
	struct loop *loop;
	struct world *world;
	struct rpc_options options;
	bool is_client, in_step, closed;
	uint32_t references; /* itself and its peers */
	struct list peers;
	struct list failed; /* struct rpc_call to be told */
	/* server */
	struct listener *listener;
	bool loopback_only;
	struct map *origins_by_key;
	struct list origins; /* in order of their last connecting */
	struct list kept;    /* answers of all origins, oldest first */
	size_t kept_bytes;
	/* client */
	char *host;
	uint16_t port;
	struct rpc_peer *peer; /* connecting or connected; NULL: waiting for retry_at */
	struct rpc_caller caller;
	uint32_t connections; /* tried so far */
	mono_t retry_at;
	int64_t backoff_ms;
	struct err error;
	enum err_code error_logged;
};

/* rpc_message.c */
const struct rpc_method *rpc_method_by_id(const struct rpc_options *options, uint16_t id);
const struct rpc_method *rpc_method_of(const struct rpc_options *options,
				       const ProtobufCServiceDescriptor *service, unsigned index);
/* The service of ours that has the method, and its index there; NULL: none. */
ProtobufCService *rpc_method_service(const struct rpc_options *options,
				     const struct rpc_method *method, unsigned *index);
int64_t rpc_method_bytes_max(const struct rpc_method *method);
/* Unpacks bytes from outside into an arena, with a bound on what they may grow to and all strings
 * checked to be UTF-8. NULL with ERR_NET_PROTOCOL: they are no such message. */
ProtobufCMessage *rpc_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
			     struct bytes bytes, struct err *err);
struct bytes rpc_pack_failure(const struct err *err); /* mem_free its data */
void rpc_unpack_failure(struct bytes body, struct err *err);

static inline bool rpc_id_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* rpc_peer.c */
struct rpc_peer *rpc_peer_create(struct rpc_endpoint *endpoint, bool connecting);
void rpc_peer_start(struct rpc_peer *peer, struct conn *conn); /* conn is taken */
void rpc_peer_frame(struct rpc_peer *peer, uint16_t kind, uint16_t method, uint32_t call,
		    uint32_t flags, struct bytes body);
bool rpc_peer_usable(const struct rpc_peer *peer);
/* Ends all of it but the memory. May be called again while it runs; picks up where it was. */
void rpc_peer_down(struct rpc_peer *peer, const struct err *why);
void rpc_peer_free(struct rpc_peer *peer);

/* rpc_call.c */
void rpc_caller_init(struct rpc_caller *caller, struct world *world, bool sends_again,
		     struct agent *agent);
void rpc_caller_expire(struct rpc_endpoint *endpoint, struct rpc_caller *caller, mono_t now);
/* A connection ended: fails calls that may not be sent again. all: every call. */
void rpc_caller_disconnected(struct rpc_endpoint *endpoint, struct rpc_caller *caller, bool all,
			     const struct err *why);
void rpc_caller_send_again(struct rpc_caller *caller, struct rpc_peer *peer);
MUST_USE int rpc_caller_frame(struct rpc_peer *peer, const struct frame *frame, struct err *err);
void rpc_deliver_failed(struct rpc_endpoint *endpoint, bool all);

/* rpc_serve.c */
void rpc_origin_init(struct rpc_origin *origin, struct rpc_endpoint *endpoint,
		     struct rpc_peer *peer);
void rpc_origin_disconnected(struct rpc_origin *origin, struct rpc_peer *peer);
void rpc_origin_fini(struct rpc_origin *origin);
MUST_USE int rpc_serve_frame(struct rpc_peer *peer, const struct frame *frame, struct err *err);
void rpc_origins_forget(struct rpc_endpoint *endpoint, mono_t now, mono_t *wake_at);

/* rpc_endpoint.c */
void rpc_client_disconnected(struct rpc_endpoint *client, struct rpc_peer *peer, bool was_up);
void rpc_endpoint_unref(struct rpc_endpoint *endpoint);

#define rpc_log(level, endpoint, ...) \
	do { \
		if ((endpoint)->options.component != NULL) \
			log_##level((endpoint)->options.component, __VA_ARGS__); \
	} while (0)

#endif
