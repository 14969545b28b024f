/* SPDX-License-Identifier: Apache-2.0
 * rpc.h - protobuf services over length-framed connections, both ways on one connection.
 *
 * Both ends speak through the stubs that protoc-c makes: a client calls
 * flink__dispatcher__submit_job(rpc_stub_service(&stub), &request, closure, data); a server fills
 * Flink__Dispatcher_Service with functions. proto/methods.h says per method: idempotent or not,
 * deadline, largest size. Order is kept per connection. Everything runs on the loop's one thread.
 *
 * Frame: see common/wire/frame.h. The handshake comes first on every connection: protocol version,
 * role, and (always, answering a challenge) an HMAC with the cluster secret when one is configured;
 * a listener that is bound beyond loopback requires it.
 *
 * Only idempotent calls are sent again (by rpc_client, on a new connection, while their deadline
 * lasts). The receiver suppresses duplicates by (peer incarnation, session, call id): a call that
 * still runs is not run again, an answer that was lost is sent again.
 *
 * When callbacks come: closures, service functions, peer_up, peer_down and fence_check are called
 * from a step of an agent of this module, or from rpc_server_close and rpc_client_close; never
 * from inside a call, an answer or rpc_peer_close. Any function here may be called in a callback.
 * After a close has returned, nothing of that server or client calls back any more; only calls that
 * a service function kept must still be answered (which frees them).
 *
 * Everything here, services and closures included, runs on the runner's one thread: opening a
 * server or client keeps the runner together (agent.h), so nothing on it is evicted for a long
 * step.
 *
 * docs/adr/0003-rpc.md tells why. */
#ifndef COMMON_RPC_RPC_H
#define COMMON_RPC_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/base/id.h"
#include "common/rpc/err_message.h"
#include "common/wire/frame.h"
#include "common/world/world.h"

#define RPC_PROTOCOL_VERSION FRAME_PROTOCOL_VERSION
#define RPC_SECRET_BYTES_MAX 256

struct rpc_peer;   /* one live connection, either side */
struct rpc_server; /* a listener and its peers */
struct rpc_client; /* a name to stay connected to */

struct rpc_fence {
	uint64_t leader_epoch;
	uint8_t incarnation[16];
	uint32_t attempt;
};

struct rpc_method { /* a row of proto/methods.h */
	uint16_t id; /* on the wire */
	const char *service, *name;
	bool idempotent;
	uint32_t timeout_ms, size_bytes_max; /* a request, an answer */
};

struct rpc_options { /* copied; strings are borrowed and outlive the server or client */
	const char *component;      /* logger: "Dispatcher". NULL: logs nothing */
	struct bytes secret;        /* empty: none. Copied */
	/* Server: without a secret, rpc_server_open refuses a host that is not this machine itself
	 * ("localhost", 127.x.x.x, "::1", "@name"). Set: it listens, and believes everybody. */
	bool open_without_secret;
	struct id incarnation;      /* of this process */
	const char *role;           /* "jobmanager", "taskmanager", "client" */
	/* Services served to the other end, by descriptor; borrowed, outlive the peers. */
	ProtobufCService *services[4];
	uint32_t services_count;
	/* NULL: proto/methods.h. For services of tests. Borrowed. */
	const struct rpc_method *methods;
	uint32_t methods_count;
	/* A peer passed the handshake / is gone (err says why; CLOSED on a clean end). peer_down
	 * comes once for each peer_up, after the peer's calls have failed, and is the last time the
	 * peer may be touched. May be NULL. */
	void (*peer_up)(void *context, struct rpc_peer *peer);
	void (*peer_down)(void *context, struct rpc_peer *peer, const struct err *why);
	void *context;
	/* Asked before every call from the peer: return -1 with err (ERR_FENCED) to refuse it; the
	 * caller gets err, the connection stays. May be NULL. */
	int (*fence_check)(void *context, struct rpc_peer *peer, const struct rpc_fence *fence,
			   const char *method, struct err *err);
};

/* ---- serving -------------------------------------------------------------------------------- */

MUST_USE int rpc_server_open(struct runner *runner, const char *host, uint16_t port,
			     const struct rpc_options *options, struct rpc_server **server,
			     struct err *err);
uint16_t rpc_server_port(const struct rpc_server *server);
void rpc_server_close(struct rpc_server **server); /* peers go down, calls fail */

/* Inside a service function: `closure_data` names the call. Answer exactly once: by closure(answer,
 * closure_data), or by rpc_fail(closure_data, err), now or later, on the runner's thread. The
 * request stays until the function has returned and the call is answered. A call whose peer is gone
 * must be answered all the same: that frees it; the answer of an idempotent one is kept for a while
 * in case the peer asks again. */
void rpc_fail(void *closure_data, const struct err *err);
struct rpc_peer *rpc_call_peer(void *closure_data); /* who asks; NULL: gone */
const struct rpc_fence *rpc_call_fence(void *closure_data);

/* ---- calling -------------------------------------------------------------------------------- */

/* Stays connected to host:port: connects at once, then with back-off 4 ms … 500 ms, until closed.
 * The address is copied. peer_up/peer_down of the options tell. A try lasts LIMIT_HANDSHAKE_MS. */
MUST_USE int rpc_client_open(struct runner *runner, const char *host, uint16_t port,
			     const struct rpc_options *options, struct rpc_client **client,
			     struct err *err);
struct rpc_peer *rpc_client_peer(struct rpc_client *client); /* NULL: not connected */
/* Why the last try failed, or the last connection ended; ERR_NONE while connected. */
const struct err *rpc_client_error(const struct rpc_client *client);
void rpc_client_close(struct rpc_client **client);

const char *rpc_peer_name(const struct rpc_peer *peer); /* "127.0.0.1:40711" */
const char *rpc_peer_role(const struct rpc_peer *peer);
const struct id *rpc_peer_incarnation(const struct rpc_peer *peer);
void rpc_peer_set_owner(struct rpc_peer *peer, void *owner); /* the application's */
void *rpc_peer_owner(const struct rpc_peer *peer);
/* Soon, with what was sent before written as far as it goes now. peer_down follows, later. A client
 * connects again. why may be NULL. */
void rpc_peer_close(struct rpc_peer *peer, const struct err *why);
size_t rpc_peer_unsent_bytes(const struct rpc_peer *peer);

/* A stub: lets the generated client functions call over a peer. Put on the caller's stack or in its
 * struct; a call copies what it needs of it. The peer may not be NULL. */
struct rpc_stub {
	ProtobufCService service; /* first */
	struct rpc_peer *peer;
	struct rpc_fence fence;
	uint32_t deadline_ms; /* 0: the method's own */
};
/* descriptor: &flink__dispatcher__descriptor */
void rpc_stub_init(struct rpc_stub *stub, struct rpc_peer *peer,
		   const ProtobufCServiceDescriptor *descriptor, const struct rpc_fence *fence);
static inline ProtobufCService *rpc_stub_service(struct rpc_stub *stub)
{
	return &stub->service;
}

/* A call's closure gets (answer, data), and the answer is freed after it. On failure answer is NULL
 * and, during the closure, rpc_error() tells why:
 *   the other side's err; ERR_FENCED if it refused the fence;
 *   ERR_NET_TIMEOUT  no answer before the deadline, or LIMIT_RPC_CALLS_MAX calls are under way;
 *   ERR_NET_CLOSED   the peer is gone, and the call may not be sent again;
 *   ERR_TOO_LARGE    the request is larger than the method allows;
 *   ERR_NET_PROTOCOL the answer could not be read.
 * Every call is answered once, also when its peer is closed or destroyed, and never before the stub
 * has returned. A call through a peer that is being closed fails with ERR_NET_CLOSED. */
const struct err *rpc_error(void);

/* A message of its own, by packing and unpacking: protobuf-c has no copy. allocator NULL: freed by
 * the type's free_unpacked(copy, NULL). The message is one of ours: it unpacks. */
void *rpc_message_copy(const void *message, ProtobufCAllocator *allocator);

#endif
