/* SPDX-License-Identifier: Apache-2.0
 * map.c - map, filter and flat-map: one call of a user function per record. They keep nothing from
 * record to record. A function that fails (flink_fail) makes the outbox full, so the loops need no
 * check of their own; the chain then fails the task. */
#include "taskmanager/operator/operators.h"
#include "taskmanager/operator/user_function.h"

struct mapping {
	user_map_fn *map;
	user_filter_fn *filter;
	user_flat_map_fn *flat_map;
	const struct record_type *input_type, *output_type;
	void *record; /* map: what the function fills when its strings are borrowed */
};

static struct mapping *mapping_create(void **self, const struct operator_context *context)
{
	struct mapping *mapping = MEM_NEW(struct mapping);

	*self = mapping;
	mapping->input_type = context->input_types[0];
	mapping->output_type = context->output_type;
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

static HOT int map_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			   struct outbox *out, struct err *err)
{
	struct mapping *mapping = self;
	const struct record_type *type = mapping->output_type;
	uint32_t size_bytes = type->size_bytes;

	for (; *taken < batch->count; ++*taken) {
		if (outbox_full(out))
			return 0;
		void *record = type->has_tails ? mapping->record : outbox_reserve(out, size_bytes);

		memset(record, 0, size_bytes);
		mapping->map(batch_at(batch, *taken), record);
		if (type->has_tails)
			outbox_emit(out, type, record);
	}
	return 1;
}

const struct operator_vtable operator_map = {
	.name = "map",
	.open = map_open,
	.process = map_process,
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
