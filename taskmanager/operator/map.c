/* SPDX-License-Identifier: Apache-2.0
 * map.c - map, filter and flat-map: one call of a user function per record; map-batch: one for as
 * many records as lie side by side. They keep nothing from record to record. A function that fails
 * (flink_fail) makes the outbox full, so the loops need no check of their own; the chain then fails
 * the task. */
#include "taskmanager/operator/operators.h"
#include "taskmanager/operator/user_function.h"

/* Of one call at most, so that what is zeroed is still in the nearest cache when it is written. */
#define PIECE_BYTES 4096

struct mapping {
	user_map_fn *map;
	user_map_batch_fn *map_batch;
	user_filter_fn *filter;
	user_flat_map_fn *flat_map;
	const struct record_type *input_type, *output_type;
	uint32_t piece_records; /* map into a dense run, map-batch: PIECE_BYTES of output */
	void *record; /* map: what the function fills when its strings are borrowed */
};

static struct mapping *mapping_create(void **self, const struct operator_context *context)
{
	struct mapping *mapping = MEM_NEW(struct mapping);

	*self = mapping;
	mapping->input_type = context->input_types[0];
	mapping->output_type = context->output_type;
	if (context->output_type != NULL)
		mapping->piece_records = 1 + PIECE_BYTES / context->output_type->size_bytes;
	return mapping;
}

static int types_check(const struct operator_context *context, bool same, struct err *err)
{
	const struct record_type *in = context->input_types[0], *out = context->output_type;

	if (in == NULL || out == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" needs an input and an output type",
			       context->operator_name);
	if (same && in->hash != out->hash)
		return err_set(
			err, ERR_PLAN_INVALID,
			"operator \"%s\" gives what it gets, but its input type is \"%s\" and its output type \"%s\"",
			context->operator_name, in->name, out->name);
	return 0;
}

static void mapping_close(void **self)
{
	struct mapping *mapping = *self;

	if (mapping == NULL)
		return;
	mem_free(mapping->record);
	mem_free(mapping);
	*self = NULL;
}

/* ---- map ------------------------------------------------------------------------------------- */

static int map_open(void **self, const struct operator_context *context, struct err *err)
{
	struct mapping *mapping = mapping_create(self, context);

	if (types_check(context, false, err) != 0)
		return -1;
	mapping->record = mem_alloc(mapping->output_type->size_bytes);
	return user_function_find(context, &mapping->map, err);
}

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Into the run itself, as many as fit there: nothing is decided anew for each record. */
static HOT uint32_t map_dense(struct mapping *mapping, const struct batch *batch, uint32_t from,
			      struct outbox *out)
{
	user_map_fn *map = mapping->map;
	uint32_t size_bytes = mapping->output_type->size_bytes, room = 0, done = 0;
	char *at = outbox_room(out, &room);
	uint32_t count = least(room, batch->count - from, mapping->piece_records);

	if (count == 0)
		return 0;
	memset(at, 0, (size_t)count * size_bytes);
	if (batch->offsets != NULL) {
		for (; done < count && !outbox_full(out); done++, at += size_bytes)
			map(batch->base + batch->offsets[from + done], at);
	} else {
		uint32_t stride_bytes = batch->stride_bytes;
		const char *in = batch->base + (size_t)from * stride_bytes;

		for (; done < count && !outbox_full(out); done++, at += size_bytes) {
			map(in, at);
			in += stride_bytes;
		}
	}
	outbox_added(out, done);
	return done;
}

static HOT int map_one(struct mapping *mapping, const void *in, struct outbox *out, struct err *err)
{
	const struct record_type *type = mapping->output_type;
	uint32_t size_bytes = type->size_bytes;
	void *record = type->has_tails ? mapping->record : outbox_reserve(out, size_bytes);

	memset(record, 0, size_bytes);
	mapping->map(in, record);
	if (!type->has_tails)
		return 0;
	if (likely(record_size(type, record) == size_bytes)) {
		record_copy_struct(record, size_bytes, outbox_reserve(out, size_bytes));
		return 0;
	}
	if (user_record_check(type, record, err) != 0)
		return -1;
	outbox_emit(out, type, record);
	return 0;
}

static HOT int map_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			   struct outbox *out, struct err *err)
{
	struct mapping *mapping = self;
	bool dense = !mapping->output_type->has_tails;

	while (*taken < batch->count) {
		if (outbox_full(out))
			return 0;
		uint32_t done = dense ? map_dense(mapping, batch, *taken, out) : 0;

		if (done == 0) { /* at the end of the run, or with strings */
			if (map_one(mapping, batch_at(batch, *taken), out, err) != 0)
				return -1;
			done = 1;
		}
		*taken += done;
	}
	return 1;
}

const struct operator_vtable operator_map = {
	.name = "map",
	.open = map_open,
	.process = map_process,
	.close = mapping_close,
};

/* ---- map-batch ------------------------------------------------------------------------------- */

static int map_batch_open(void **self, const struct operator_context *context, struct err *err)
{
	struct mapping *mapping = mapping_create(self, context);

	if (types_check(context, false, err) != 0)
		return -1;
	if (mapping->input_type->has_tails || mapping->output_type->has_tails)
		return err_set(
			err, ERR_PLAN_INVALID,
			"operator \"%s\" takes records of one size: no STRING and no BYTES fields",
			context->operator_name);
	return user_function_find(context, &mapping->map_batch, err);
}

static HOT int map_batch_process(void *self, uint32_t input, const struct batch *batch,
				 uint32_t *taken, struct outbox *out, struct err *err)
{
	struct mapping *mapping = self;
	uint32_t size_bytes = mapping->output_type->size_bytes;
	bool side_by_side =
		batch->offsets == NULL && batch->stride_bytes == mapping->input_type->size_bytes;

	while (*taken < batch->count) {
		if (outbox_full(out))
			return 0;
		uint32_t room = 0, pieces = side_by_side ? mapping->piece_records : 1;
		char *at = outbox_room(out, &room);

		if (room == 0)
			at = outbox_reserve(out, size_bytes);
		uint32_t count = least(room > 0 ? room : 1, batch->count - *taken, pieces);

		memset(at, 0, (size_t)count * size_bytes);
		mapping->map_batch(batch_at(batch, *taken), at, count);
		if (room > 0)
			outbox_added(out, count);
		*taken += count;
	}
	return 1;
}

const struct operator_vtable operator_map_batch = {
	.name = "map-batch",
	.open = map_batch_open,
	.process = map_batch_process,
	.close = mapping_close,
};

/* ---- filter ---------------------------------------------------------------------------------- */

static int filter_open(void **self, const struct operator_context *context, struct err *err)
{
	struct mapping *mapping = mapping_create(self, context);

	if (types_check(context, true, err) != 0)
		return -1;
	return user_function_find(context, &mapping->filter, err);
}

static HOT int filter_process(void *self, uint32_t input, const struct batch *batch,
			      uint32_t *taken, struct outbox *out, struct err *err)
{
	struct mapping *mapping = self;

	for (; *taken < batch->count; ++*taken) {
		if (outbox_full(out))
			return 0;
		const void *record = batch_at(batch, *taken);

		if (mapping->filter(record))
			outbox_emit(out, mapping->output_type, record);
	}
	return 1;
}

const struct operator_vtable operator_filter = {
	.name = "filter",
	.open = filter_open,
	.process = filter_process,
	.close = mapping_close,
};

/* ---- flat-map -------------------------------------------------------------------------------- */

static int flat_map_open(void **self, const struct operator_context *context, struct err *err)
{
	struct mapping *mapping = mapping_create(self, context);

	if (types_check(context, false, err) != 0)
		return -1;
	return user_function_find(context, &mapping->flat_map, err);
}

static HOT int flat_map_process(void *self, uint32_t input, const struct batch *batch,
				uint32_t *taken, struct outbox *out, struct err *err)
{
	struct mapping *mapping = self;

	for (; *taken < batch->count; ++*taken) {
		if (outbox_full(out))
			return 0;
		mapping->flat_map(batch_at(batch, *taken), out);
	}
	return 1;
}

const struct operator_vtable operator_flat_map = {
	.name = "flat-map",
	.open = flat_map_open,
	.process = flat_map_process,
	.close = mapping_close,
};
