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
 * Only idempotent calls are retried (by rpc_client, on a new connection). The receiver suppresses
 * duplicates by (peer incarnation, call id). */
#ifndef COMMON_RPC_RPC_H
#define COMMON_RPC_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/base/id.h"
#include "common/rpc/err_message.h"
#include "common/world/world.h"

#define RPC_PROTOCOL_VERSION 1
#define RPC_SECRET_BYTES_MAX 256

struct rpc_peer;   /* one live connection, either side */
struct rpc_server; /* a listener and its peers */
struct rpc_client; /* a name to stay connected to */

struct rpc_fence {
	uint64_t leader_epoch;
	uint8_t incarnation[16];
	uint32_t attempt;
};

struct rpc_options {
	const char *component;      /* logger: "Dispatcher" */
	struct bytes secret;        /* empty: none. Copied */
	struct id incarnation;      /* of this process */
	const char *role;           /* "jobmanager", "taskmanager", "client" */
	/* Services served to the other end, by descriptor; borrowed, outlive the peers. */
	ProtobufCService *services[4];
	uint32_t services_count;
	/* A peer passed the handshake / is gone (err says why; CLOSED on a clean end). May be NULL. */
	void (*peer_up)(void *context, struct rpc_peer *peer);
	void (*peer_down)(void *context, struct rpc_peer *peer, const struct err *why);
	void *context;
	/* For a call with a stale fence: return -1 with err (ERR_FENCED) to refuse. May be NULL. */
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
 * closure_data), or by rpc_fail(closure_data, err), now or later. rpc_call_peer: who asks. A call
 * whose peer is gone may still be answered; the answer is dropped. */
void rpc_fail(void *closure_data, const struct err *err);
struct rpc_peer *rpc_call_peer(void *closure_data);

/* ---- calling -------------------------------------------------------------------------------- */

/* Stays connected to host:port: connects at once, then with back-off 20 ms … 500 ms, until closed.
 * The address is copied. peer_up/peer_down of the options tell. */
MUST_USE int rpc_client_open(struct runner *runner, const char *host, uint16_t port,
			     const struct rpc_options *options, struct rpc_client **client,
			     struct err *err);
struct rpc_peer *rpc_client_peer(struct rpc_client *client); /* NULL: not connected */
const struct err *rpc_client_error(const struct rpc_client *client); /* why the last try failed */
void rpc_client_close(struct rpc_client **client);

const char *rpc_peer_name(const struct rpc_peer *peer); /* "127.0.0.1:40711" */
const char *rpc_peer_role(const struct rpc_peer *peer);
const struct id *rpc_peer_incarnation(const struct rpc_peer *peer);
void rpc_peer_set_owner(struct rpc_peer *peer, void *owner); /* the application's */
void *rpc_peer_owner(const struct rpc_peer *peer);
void rpc_peer_close(struct rpc_peer *peer, const struct err *why); /* peer_down follows, later */
size_t rpc_peer_unsent_bytes(const struct rpc_peer *peer);

/* A stub: lets the generated client functions call over a peer. Put on the caller's stack or in its
 * struct; must outlive the calls made through it only until they are sent (it is copied). */
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

/* A call's closure gets (answer, data). On failure answer is NULL and, during the closure, this
 * tells why: the server's err, ERR_NET_TIMEOUT, or ERR_NET_CLOSED. Every call is answered once, also
 * when its peer is closed or destroyed. The answer is freed after the closure. */
const struct err *rpc_error(void);

#endif
