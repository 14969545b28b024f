/* SPDX-License-Identifier: Apache-2.0
 * keyed_state.c - see keyed_state.h. */
#include "taskmanager/operator/keyed_state.h"

#include "common/world/world.h"

int keyed_state_check(const struct operator_context *context, struct err *err)
{
	const struct record_type *in = context->input_types[0], *out = context->output_type;
	const struct key_spec *key = context->input_keys[0];

	if (in == NULL || out == NULL || in->hash != out->hash)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" needs one type for its input and its output",
			       context->operator_name);
	if (key == NULL || key->fields_count == 0)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" needs a keyed stream: call key_by before it",
			       context->operator_name);
	return 0;
}

Flink__OperatorParameters *keyed_state_parameters(const struct operator_context *context,
						  struct err *err)
{
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);

	if (parameters == NULL)
		err_set(err, ERR_PLAN_INVALID, "the parameters of operator \"%s\" are damaged",
			context->operator_name);
	return parameters;
}

struct keyed_table_options keyed_state_options(const struct operator_context *context,
					       const struct key_batch *keys, uint32_t value_bytes)
{
	return (struct keyed_table_options){
		.value_bytes = value_bytes,
		.seed = world_random(context->world),
		.memory = context->managed,
		.narrow_keys = keys->shape == KEY_SHAPE_FIXED && keys->size_bytes <= 8,
		.key_groups = context->key_groups,
		.groups = key_groups_of_subtask(context->subtask, context->key_groups,
						context->parallelism),
	};
}

static void no_memory(const char *operator_name, const struct managed_memory *memory,
		      const struct keyed_table *table, struct err *err)
{
	err_set(err, ERR_MANAGED_MEMORY,
		"operator \"%s\" has %llu keys in %.1f MiB and needs %.1f MiB more; all state in its "
		"slot has %.1f of the %.1f MiB of managed memory that a slot may use",
		operator_name, (unsigned long long)keyed_table_count(table),
		(double)keyed_table_bytes(table) / 0x1p20,
		(double)keyed_table_refused(table) / 0x1p20,
		(double)managed_memory_used(memory) / 0x1p20,
		(double)memory->limit_bytes / 0x1p20);
}

void keyed_state_refused(const char *operator_name, const struct keyed_table_options *options,
			 const struct keyed_table *table, struct err *err)
{
	if (keyed_table_refused(table) > 0)
		no_memory(operator_name, options->memory, table, err);
	else
		err_set(err, ERR_RECORD_INVALID,
			"operator \"%s\" was sent a key of another subtask; its own key groups are %u to %u",
			operator_name, options->groups.first, options->groups.last);
}
