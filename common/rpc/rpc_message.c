/* SPDX-License-Identifier: Apache-2.0
 * rpc_message.c - the table of methods, and messages from outside: bounded and checked.
 *
 * protobuf-c itself trusts sizes to the allocator: two bytes on the wire can become a struct of two
 * hundred, so 64 MiB could become 6 GiB. Here it unpacks into an arena that says no. Nesting needs
 * no bound: no message type contains itself. */
#include "common/rpc/rpc_priv.h"

#include "common/base/check.h"
#include "common/record/record.h"
#include "proto/methods.h"

#define UNPACK_GROWTH_MAX 64 /* structs of empty sub-messages and protobuf-c's own notes */
#define UNPACK_BYTES_MIN (64 * 1024)
#define UNPACK_BYTES_MAX (256 * 1024 * 1024)

#define METHOD(service, method, number, idempotent, deadline_ms, bytes_max) \
	{ number, #service, #method, idempotent, deadline_ms, bytes_max },
static const struct rpc_method methods_all[] = { METHODS_ALL(METHOD) };
#undef METHOD
#define METHOD(service, method, number, idempotent, deadline_ms, bytes_max) \
	_Static_assert((bytes_max) <= LIMIT_RPC_FRAME_BYTES_MAX, #method ": larger than a frame"); \
	_Static_assert((number) > 0 && (number) <= UINT16_MAX, #method ": wire number"); \
	_Static_assert((deadline_ms) > 0 && (deadline_ms) < RPC_ORIGIN_LINGER_MS, \
		       #method ": deadline");
METHODS_ALL(METHOD)
#undef METHOD
/* A wire number that stands for two methods does not compile. */
#define METHOD(service, method, number, idempotent, deadline_ms, bytes_max) case number:
UNUSED static bool rpc_number_is_known(uint16_t number)
{
	switch (number) {
		METHODS_ALL(METHOD) return true;
	}
	return false;
}
#undef METHOD

static const struct rpc_method *rpc_methods(const struct rpc_options *options, size_t *count)
{
	*count = options->methods ? options->methods_count : ARRAY_COUNT(methods_all);
	return options->methods ? options->methods : methods_all;
}

const struct rpc_method *rpc_method_by_id(const struct rpc_options *options, uint16_t id)
{
	size_t count;
	const struct rpc_method *methods = rpc_methods(options, &count);

	for (size_t i = 0; i < count; i++) {
		if (methods[i].id == id)
			return &methods[i];
	}
	return NULL;
}

const struct rpc_method *rpc_method_of(const struct rpc_options *options,
				       const ProtobufCServiceDescriptor *service, unsigned index)
{
	size_t count;
	const struct rpc_method *methods = rpc_methods(options, &count);

	CHECK(index < service->n_methods, "method %u of %s", index, service->name);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(methods[i].name, service->methods[index].name) == 0 &&
		    strcmp(methods[i].service, service->short_name) == 0)
			return &methods[i];
	}
	CHECK(false, "%s.%s is not in proto/methods.h", service->short_name,
	      service->methods[index].name);
}

ProtobufCService *rpc_method_service(const struct rpc_options *options,
				     const struct rpc_method *method, unsigned *index)
{
	for (uint32_t i = 0; i < options->services_count; i++) {
		const ProtobufCServiceDescriptor *service = options->services[i]->descriptor;

		if (strcmp(service->short_name, method->service) != 0)
			continue;
		for (*index = 0; *index < service->n_methods; ++*index) {
			if (strcmp(service->methods[*index].name, method->name) == 0)
				return options->services[i];
		}
	}
	return NULL;
}

int64_t rpc_method_bytes_max(const struct rpc_method *method)
{
	return method->size_bytes_max < RPC_MESSAGE_BYTES_MAX ? method->size_bytes_max :
								RPC_MESSAGE_BYTES_MAX;
}

/* ---- unpacking ------------------------------------------------------------------------------- */

struct unpack {
	struct arena *arena;
	size_t left_bytes;
};

static void *unpack_alloc(void *context, size_t size_bytes)
{
	struct unpack *unpack = context;

	if (size_bytes > unpack->left_bytes)
		return NULL;
	unpack->left_bytes -= size_bytes;
	return arena_alloc(unpack->arena, size_bytes);
}

static void unpack_free(void *context, void *memory)
{
	/* the arena's end */
}

static const char *rpc_texts_check(const ProtobufCMessage *message);

/* One value of a field: a string, or a message to look into. */
static const char *rpc_value_check(const ProtobufCFieldDescriptor *field, const void *value)
{
	if (value == NULL)
		return NULL;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return rpc_texts_check(value);
	return utf8_valid(value, strlen(value)) ? NULL : field->name;
}

/* The name of the first string field that is not UTF-8, or NULL. JSON and logs rely on it. */
static const char *rpc_texts_check(const ProtobufCMessage *message)
{
	const char *base = (const char *)message, *wrong = NULL;

	for (unsigned i = 0; i < message->descriptor->n_fields && wrong == NULL; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const void *member = base + field->offset;
		const void *quantifier = base + field->quantifier_offset;

		if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t count = *(const size_t *)quantifier;
			void *const *values = *(void *const *const *)member;

			for (size_t j = 0; j < count && wrong == NULL; j++)
				wrong = rpc_value_check(field, values[j]);
			continue;
		}
		if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		    *(const uint32_t *)quantifier != field->id)
			continue;
		wrong = rpc_value_check(field, *(void *const *)member);
	}
	return wrong;
}

ProtobufCMessage *rpc_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
			     struct bytes bytes, struct err *err)
{
	size_t size_bytes_max = bytes.size_bytes > UNPACK_BYTES_MAX / UNPACK_GROWTH_MAX ?
					UNPACK_BYTES_MAX :
					bytes.size_bytes * UNPACK_GROWTH_MAX;
	/* Twice the bytes themselves always fit: a message of one long string is no trick. */
	struct unpack unpack = { arena, UNPACK_BYTES_MIN + size_bytes_max + 2 * bytes.size_bytes };
	ProtobufCAllocator allocator = { unpack_alloc, unpack_free, &unpack };
	const uint8_t *data = bytes.size_bytes > 0 ? bytes.data : (const void *)"";
	ProtobufCMessage *message =
		protobuf_c_message_unpack(type, &allocator, bytes.size_bytes, data);

	if (message == NULL) {
		err_set(err, ERR_NET_PROTOCOL, "sent %zu bytes that are no %s", bytes.size_bytes,
			type->short_name);
		return NULL;
	}
	const char *wrong = rpc_texts_check(message);
	if (wrong != NULL) {
		err_set(err, ERR_NET_PROTOCOL, "sent a %s whose %s is not UTF-8", type->short_name,
			wrong);
		return NULL;
	}
	return message;
}

struct bytes rpc_pack_failure(const struct err *err)
{
	Flink__ErrorMessage message;

	err_to_message(err, &message);
	size_t size_bytes = flink__error_message__get_packed_size(&message);
	uint8_t *body = mem_alloc(size_bytes);

	flink__error_message__pack(&message, body);
	return bytes_of(body, size_bytes);
}

void rpc_unpack_failure(struct bytes body, struct err *err)
{
	struct arena *arena = arena_create("rpc failure");
	ProtobufCMessage *message = rpc_unpack(arena, &flink__error_message__descriptor, body, err);

	if (message != NULL)
		err_from_message(err, (const Flink__ErrorMessage *)message);
	if (err->code == ERR_NONE)
		err_set(err, ERR_NET_PROTOCOL, "sent a failure without an error number");
	arena_destroy(&arena);
}

void *rpc_message_copy(const void *original, ProtobufCAllocator *allocator)
{
	const ProtobufCMessage *message = original;
	size_t size_bytes = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = mem_alloc(size_bytes);

	protobuf_c_message_pack(message, packed);
	void *copy = protobuf_c_message_unpack(message->descriptor, allocator, size_bytes, packed);

	mem_free(packed);
	CHECK(copy != NULL, "a %s of %zu bytes packs and does not unpack",
	      message->descriptor->short_name, size_bytes);
	return copy;
}
