/* SPDX-License-Identifier: Apache-2.0
 * combine_sum.c - adds up, where records come from, what a sum elsewhere adds up in the end: in
 * runtime mode BATCH nobody sees the updates in between.
 *
 * The table stays about as small as the caches: when it is full, all of it goes out and it begins
 * anew. Where that does not make records fewer (keys that hardly repeat), they are passed on as
 * they are for a while, and then it is tried again. */
#include "taskmanager/operator/keyed_state.h"
#include "taskmanager/operator/keyed_sum.h"
#include "taskmanager/operator/operators.h"

#define TABLE_BYTES_MAX (4 * 1024 * 1024)
#define FEWER_TIMES_MIN 2
#define PASS_RECORDS (1 << 20)

struct combine {
	struct keyed_sum keyed;
	struct keyed_table *table;
	uint64_t records;  /* in the table */
	uint64_t to_pass;  /* this many more go on as they are */
	uint64_t emitted;  /* while emptying: slots before this one are out */
	bool emptying;
};

static int combine_open(void **self, const struct operator_context *context, struct err *err)
{
	struct combine *combine = MEM_NEW(struct combine);
	Flink__OperatorParameters *parameters = keyed_state_parameters(context, err);

	*self = combine;
	if (parameters == NULL)
		return -1;
	int outcome = keyed_sum_init(&combine->keyed, context, parameters->field, err);

	flink__operator_parameters__free_unpacked(parameters, NULL);
	if (outcome != 0)
		return -1;
	/* Keys are not divided among subtasks yet. */
	combine->keyed.table.groups = (struct key_groups){ 0, context->key_groups - 1 };
	combine->table = keyed_sum_table(&combine->keyed);
	return 0;
}

/* 1: the table is empty; 0: the output is full. */
static int empty(struct combine *combine, struct outbox *out)
{
	if (keyed_sum_emit(&combine->keyed, combine->table, &combine->emitted, out) == 0)
		return 0;
	if (combine->records < FEWER_TIMES_MIN * keyed_table_count(combine->table))
		combine->to_pass = PASS_RECORDS;
	keyed_table_clear(combine->table);
	combine->records = combine->emitted = 0;
	combine->emptying = false;
	return 1;
}

/* False: the output is full. */
static bool pass(struct combine *combine, const struct batch *batch, uint32_t *taken,
		 struct outbox *out)
{
	for (; combine->to_pass > 0 && *taken < batch->count; combine->to_pass--, ++*taken) {
		if (outbox_full(out))
			return false;
		outbox_emit(out, combine->keyed.type, batch_at(batch, *taken));
	}
	return true;
}

static HOT int combine_process(void *self, uint32_t input, const struct batch *batch,
			       uint32_t *taken, struct outbox *out, struct err *err)
{
	struct combine *combine = self;
	uint32_t count;

	while (*taken < batch->count) {
		if (combine->emptying && empty(combine, out) == 0)
			return 0;
		if (!pass(combine, batch, taken, out))
			return 0;
		if (*taken == batch->count)
			break;
		if (keyed_sum_find(&combine->keyed, combine->table, batch, *taken, &count, err) !=
		    0)
			return -1;
		for (uint32_t i = 0; i < count; i++, ++*taken)
			keyed_sum_add(&combine->keyed, combine->table, combine->keyed.slots[i],
				      batch_at(batch, *taken));
		combine->records += count;
		combine->emptying = keyed_table_bytes(combine->table) > TABLE_BYTES_MAX;
	}
	return 1;
}

static int combine_end_of_input(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	return empty(self, out);
}

static void combine_close(void **self)
{
	struct combine *combine = *self;

	if (combine == NULL)
		return;
	keyed_table_destroy(&combine->table);
	keyed_sum_fini(&combine->keyed);
	mem_free(combine);
	*self = NULL;
}

const struct operator_vtable operator_combine_sum = {
	.name = "combine-sum",
	.open = combine_open,
	.process = combine_process,
	.end_of_input = combine_end_of_input,
	.close = combine_close,
};
