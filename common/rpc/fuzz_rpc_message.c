/* SPDX-License-Identifier: Apache-2.0
 * fuzz_rpc_message.c - bytes from outside as every message that RPC unpacks.
 *
 * The first byte chooses a method and whether it is the request or the answer; the rest is the
 * message. */
#include "common/base/check.h"
#include "common/rpc/rpc_priv.h"
#include "dispatcher.pb-c.h"
#include "resource_manager.pb-c.h"
#include "task_executor.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *fuzz_type(uint8_t choice)
{
	static const ProtobufCServiceDescriptor *const services[] = {
		&flink__dispatcher__descriptor,
		&flink__resource_manager__descriptor,
		&flink__task_executor__descriptor,
	};
	unsigned index = choice >> 1;

	for (size_t i = 0; i < ARRAY_COUNT(services); i++) {
		if (index < services[i]->n_methods)
			return choice & 1 ? services[i]->methods[index].output :
					    services[i]->methods[index].input;
		index -= services[i]->n_methods;
	}
	return &flink__error_message__descriptor;
}

static void fuzz_failure(struct bytes body)
{
	struct err err = ERR_INIT;

	rpc_unpack_failure(body, &err);
	CHECK(err.code != ERR_NONE, "a failure that is none");
	CHECK(memchr(err.text, '\0', sizeof(err.text)) != NULL, "a text without an end");
}

/* What was read is written in our own order; that form, read again, must not change any more. (It
 * may be refused: protobuf-c carries unknown fields that it would not read when spelt shorter.) */
static void fuzz_pack(struct arena *arena, const ProtobufCMessage *message)
{
	size_t size_bytes = protobuf_c_message_get_packed_size(message);
	uint8_t *once = arena_alloc(arena, size_bytes), *twice = arena_alloc(arena, size_bytes);
	struct err err = ERR_INIT;
	ProtobufCMessage *again;

	CHECK(protobuf_c_message_pack(message, once) == size_bytes, "packed size");
	again = rpc_unpack(arena, message->descriptor, bytes_of(once, size_bytes), &err);
	if (again == NULL)
		return;
	CHECK(protobuf_c_message_get_packed_size(again) == size_bytes, "packed size of the copy");
	protobuf_c_message_pack(again, twice);
	CHECK(memcmp(once, twice, size_bytes) == 0, "a message changed on its way");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create("fuzz");
	struct err err = ERR_INIT;

	if (size > 0) {
		struct bytes body = bytes_of(data + 1, size - 1);
		const ProtobufCMessageDescriptor *type = fuzz_type(data[0]);
		ProtobufCMessage *message = rpc_unpack(arena, type, body, &err);

		if (message != NULL)
			fuzz_pack(arena, message);
		else
			CHECK(err.code == ERR_NET_PROTOCOL, "refused without a reason");
		if (type == &flink__error_message__descriptor)
			fuzz_failure(body);
	}
	arena_destroy(&arena);
	return 0;
}
