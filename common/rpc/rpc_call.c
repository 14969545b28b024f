/* SPDX-License-Identifier: Apache-2.0
 * rpc_call.c - calls that go out: from the stub to the closure, exactly once.
 *
 * A call is in one of two lists: caller.calls until its answer, its deadline or the end of its
 * connection, or endpoint.failed when it never got out. It leaves its list before its closure runs,
 * so whatever the closure does (call again, close everything) cannot answer it twice. */
#include "common/rpc/rpc_priv.h"

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/wire/little.h"

#define CALLS_WHILE_CLOSING_MAX 100000
#define FIRST_CALL (UINT32_MAX - 15) /* so that every life meets the wrap, not only long ones */

static _Thread_local const struct err *error_now;

const struct err *rpc_error(void)
{
	static const struct err none;

	return error_now ? error_now : &none;
}

void rpc_caller_init(struct rpc_caller *caller, struct world *world, bool sends_again,
		     struct agent *agent)
{
	*caller = (struct rpc_caller){
		.session = world_random(world),
		.call_next = FIRST_CALL,
		.deadline_next = MONO_NEVER,
		.sends_again = sends_again,
		.agent = agent,
	};
	list_init(&caller->calls);
}

/* The call is in no list any more. Frees it after its closure. */
static void rpc_call_finish(struct rpc_call *call, const ProtobufCMessage *answer,
			    const struct err *err)
{
	const struct err *error_before = error_now; /* a close inside a closure comes here again */

	error_now = answer ? NULL : err;
	call->closure(answer, call->data);
	error_now = error_before;
	mem_free((void *)(uintptr_t)call->request.data);
	mem_free(call->failure);
	mem_free(call);
}

static void rpc_call_remove(struct rpc_caller *caller, struct rpc_call *call)
{
	list_remove(&call->node);
	caller->calls_count--;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void rpc_head_put(uint8_t head[RPC_REQUEST_HEAD_BYTES], const struct rpc_fence *fence)
{
	little_put_u64(head, fence->leader_epoch);
	memcpy(head + 8, fence->incarnation, sizeof(fence->incarnation));
	little_put_u32(head + 24, fence->attempt);
	memset(head + 28, 0, RPC_REQUEST_HEAD_BYTES - 28);
}

static void rpc_call_send(struct rpc_call *call, struct rpc_caller *caller, struct rpc_peer *peer,
			  uint8_t *request, size_t size_bytes, uint32_t flags)
{
	int64_t left_ms = (call->deadline - loop_now(peer->endpoint->loop)) / NS_PER_MS;
	const struct rpc_call *oldest = LIST_FIRST(&caller->calls, struct rpc_call, node);

	little_put_u32(request + 28, left_ms > 1 ? (uint32_t)left_ms : 1);
	little_put_u32(request + 32, oldest->id);
	rpc_peer_frame(peer, FRAME_REQUEST, call->method->id, call->id, flags,
		       bytes_of(request, size_bytes));
}

void rpc_caller_send_again(struct rpc_caller *caller, struct rpc_peer *peer)
{
	LIST_FOR_EACH(&caller->calls, struct rpc_call, node, call) {
		SOMETIMES("a call is sent again on another connection");
		rpc_call_send(call, caller, peer, (uint8_t *)(uintptr_t)call->request.data,
			      call->request.size_bytes, RPC_FLAG_AGAIN);
	}
}

/* May this call go out? Else why not. */
static int rpc_call_check(const struct rpc_peer *peer, const struct rpc_call *call,
			  size_t message_bytes, struct err *err)
{
	const struct rpc_method *method = call->method;

	if (!rpc_peer_usable(peer))
		return err_set(err, ERR_NET_CLOSED, "%s.%s: the connection to %s is closed",
			       method->service, method->name, peer->name);
	if (peer->caller->calls_count >= LIMIT_RPC_CALLS_MAX)
		return err_set(err, ERR_NET_TIMEOUT,
			       "%s.%s was not sent: %d calls to %s wait for their answers already",
			       method->service, method->name, LIMIT_RPC_CALLS_MAX, peer->name);
	if (message_bytes > (uint64_t)rpc_method_bytes_max(method))
		return err_set(err, ERR_TOO_LARGE,
			       "%s.%s: the request has %zu bytes, at most %lld are allowed",
			       method->service, method->name, message_bytes,
			       (long long)rpc_method_bytes_max(method));
	return 0;
}

static void rpc_call_fail_later(struct rpc_endpoint *endpoint, struct rpc_call *call,
				const struct err *err)
{
	call->failure = mem_dup(err, sizeof(*err));
	list_push_back(&endpoint->failed, &call->node);
	agent_wake(&endpoint->agent);
}

static void rpc_stub_invoke(ProtobufCService *service, unsigned index,
			    const ProtobufCMessage *message, ProtobufCClosure closure, void *data)
{
	struct rpc_stub *stub = CONTAINER_OF(service, struct rpc_stub, service);
	struct rpc_peer *peer = stub->peer;
	struct rpc_endpoint *endpoint = peer->endpoint;
	struct rpc_caller *caller = peer->caller;
	struct rpc_call *call = MEM_NEW(struct rpc_call);
	size_t message_bytes = protobuf_c_message_get_packed_size(message);
	struct err err = ERR_INIT;

	call->method = rpc_method_of(&endpoint->options, service->descriptor, index);
	call->answer_type = service->descriptor->methods[index].output;
	call->closure = closure;
	call->data = data;
	if (rpc_call_check(peer, call, message_bytes, &err) != 0) {
		rpc_call_fail_later(endpoint, call, &err);
		return;
	}

	uint8_t *request = mem_alloc(RPC_REQUEST_HEAD_BYTES + message_bytes);
	rpc_head_put(request, &stub->fence);
	protobuf_c_message_pack(message, request + RPC_REQUEST_HEAD_BYTES);
	call->id = caller->call_next++;
	call->timeout_ms = stub->deadline_ms ? stub->deadline_ms : call->method->timeout_ms;
	call->deadline = mono_after_ms(loop_now(endpoint->loop), call->timeout_ms);
	list_push_back(&caller->calls, &call->node);
	caller->calls_count++;
	if (call->deadline < caller->deadline_next) {
		caller->deadline_next = call->deadline;
		agent_wake(caller->agent);
	}
	rpc_call_send(call, caller, peer, request, RPC_REQUEST_HEAD_BYTES + message_bytes, 0);
	if (caller->sends_again && call->method->idempotent)
		call->request = bytes_of(request, RPC_REQUEST_HEAD_BYTES + message_bytes);
	else
		mem_free(request);
}

void rpc_stub_init(struct rpc_stub *stub, struct rpc_peer *peer,
		   const ProtobufCServiceDescriptor *descriptor, const struct rpc_fence *fence)
{
	CHECK(peer != NULL, "a stub of %s without a peer", descriptor->name);
	*stub = (struct rpc_stub){
		.service = { .descriptor = descriptor, .invoke = rpc_stub_invoke },
		.peer = peer,
	};
	if (fence != NULL)
		stub->fence = *fence;
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct rpc_call *rpc_call_find(const struct rpc_caller *caller, uint32_t id)
{
	LIST_FOR_EACH(&caller->calls, struct rpc_call, node, call) {
		if (call->id == id)
			return call;
	}
	return NULL;
}

/* FRAME_ANSWER or FRAME_FAILURE. */
int rpc_caller_frame(struct rpc_peer *peer, const struct frame *frame, struct err *err)
{
	struct rpc_caller *caller = peer->caller;
	struct rpc_call *call = rpc_call_find(caller, frame->call);

	if (call == NULL) {
		if (rpc_id_before(frame->call, caller->call_next))
			return 0; /* given up before */
		return err_set(err, ERR_NET_PROTOCOL, "%s answered call %u, which was never made",
			       peer->name, frame->call);
	}
	if (frame->method != call->method->id)
		return err_set(err, ERR_NET_PROTOCOL,
			       "%s answered call %u of %s.%s as one of method %u", peer->name,
			       frame->call, call->method->service, call->method->name,
			       frame->method);
	rpc_call_remove(caller, call);
	if (frame->kind == FRAME_FAILURE) {
		struct err failure = ERR_INIT;

		rpc_unpack_failure(frame->body, &failure);
		rpc_call_finish(call, NULL, &failure);
		return 0;
	}

	struct arena *arena = arena_create("rpc answer");
	ProtobufCMessage *answer = rpc_unpack(arena, call->answer_type, frame->body, err);
	int result = answer != NULL ? 0 : err_wrap(err, "%s", peer->name);

	rpc_call_finish(call, answer, err);
	arena_destroy(&arena);
	return result;
}

/* ---- endings without an answer --------------------------------------------------------------- */

static struct rpc_call *rpc_caller_expired(struct rpc_caller *caller, mono_t now)
{
	caller->deadline_next = MONO_NEVER;
	LIST_FOR_EACH(&caller->calls, struct rpc_call, node, call) {
		if (call->deadline <= now)
			return call;
		caller->deadline_next = mono_min(caller->deadline_next, call->deadline);
	}
	return NULL;
}

void rpc_caller_expire(struct rpc_endpoint *endpoint, struct rpc_caller *caller, mono_t now)
{
	struct rpc_call *call;
	struct err err;

	while (now >= caller->deadline_next && (call = rpc_caller_expired(caller, now)) != NULL) {
		rpc_call_remove(caller, call);
		caller->deadline_next = now; /* look again; a closure may add and remove calls */
		SOMETIMES("a call is not answered in time");
		err = ERR_INIT;
		err_set(&err, ERR_NET_TIMEOUT, "%s.%s: no answer within %u ms",
			call->method->service, call->method->name, call->timeout_ms);
		if (endpoint->is_client && endpoint->error.code != ERR_NONE)
			err_set(&err, ERR_NET_TIMEOUT, "%s.%s: no answer within %u ms; %s",
				call->method->service, call->method->name, call->timeout_ms,
				endpoint->error.text);
		rpc_call_finish(call, NULL, &err);
	}
}

static struct rpc_call *rpc_caller_lost(struct rpc_caller *caller, bool all)
{
	LIST_FOR_EACH(&caller->calls, struct rpc_call, node, call) {
		if (all || call->request.data == NULL)
			return call;
	}
	return NULL;
}

void rpc_caller_disconnected(struct rpc_endpoint *endpoint, struct rpc_caller *caller, bool all,
			     const struct err *why)
{
	struct rpc_call *call;

	while ((call = rpc_caller_lost(caller, all)) != NULL) {
		struct err err = ERR_INIT;

		rpc_call_remove(caller, call);
		err_set(&err, ERR_NET_CLOSED, "%s.%s: %s", call->method->service,
			call->method->name, why->text);
		rpc_call_finish(call, NULL, &err);
	}
}

/* all: also those that closures add meanwhile, for there is no later. */
void rpc_deliver_failed(struct rpc_endpoint *endpoint, bool all)
{
	struct list_node *last = endpoint->failed.head.previous, *node = NULL;
	uint32_t count = 0;

	while ((all || node != last) && (node = list_pop_front(&endpoint->failed)) != NULL) {
		struct rpc_call *call = CONTAINER_OF(node, struct rpc_call, node);

		CHECK(!all || ++count < CALLS_WHILE_CLOSING_MAX,
		      "%s.%s: a closure calls again without end while its connection is closed",
		      call->method->service, call->method->name);
		rpc_call_finish(call, NULL, call->failure);
	}
}
