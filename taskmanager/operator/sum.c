/* SPDX-License-Identifier: Apache-2.0
 * sum.c - the running sum of a keyed stream: every record gives an update, as Flink's sum does. */
#include "job_graph.pb-c.h"

#include "taskmanager/operator/keyed_sum.h"
#include "taskmanager/operator/operators.h"

struct sum {
	struct keyed_sum keyed;
	struct keyed_table *table;
};

static int sum_open(void **self, const struct operator_context *context, struct err *err)
{
	struct sum *sum = MEM_NEW(struct sum);
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);

	*self = sum;
	if (parameters == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "the parameters of operator \"%s\" are damaged",
			       context->operator_name);
	int outcome = keyed_sum_init(&sum->keyed, context, parameters->field, err);

	flink__operator_parameters__free_unpacked(parameters, NULL);
	if (outcome == 0)
		sum->table = keyed_sum_table(&sum->keyed);
	return outcome;
}

static HOT int sum_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			   struct outbox *out, struct err *err)
{
	struct sum *sum = self;
	const struct record_type *type = sum->keyed.type;

	while (*taken < batch->count) {
		uint32_t count = keyed_sum_find(&sum->keyed, sum->table, batch, *taken);

		for (uint32_t i = 0; i < count; i++, ++*taken) {
			struct keyed_slot *slot = sum->keyed.slots[i];

			if (outbox_full(out))
				return 0;
			keyed_sum_add(&sum->keyed, sum->table, slot, batch_at(batch, *taken));
			outbox_emit(out, type, keyed_slot_value(slot));
		}
	}
	return 1;
}

static void sum_close(void **self)
{
	struct sum *sum = *self;

	if (sum == NULL)
		return;
	keyed_table_destroy(&sum->table);
	keyed_sum_fini(&sum->keyed);
	mem_free(sum);
	*self = NULL;
}

const struct operator_vtable operator_sum = {
	.name = "sum",
	.open = sum_open,
	.process = sum_process,
	.close = sum_close,
};
