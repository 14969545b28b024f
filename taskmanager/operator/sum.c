/* SPDX-License-Identifier: Apache-2.0
 * sum.c - the running sum of a keyed stream: every record gives an update, as Flink's sum does, or,
 * in runtime mode BATCH, every key one record at the end. */
#include "taskmanager/operator/keyed_state.h"
#include "taskmanager/operator/keyed_sum.h"
#include "taskmanager/operator/operators.h"

struct sum {
	struct keyed_sum keyed;
	struct keyed_table *table;
	bool final_only; /* a record per key when the input ends, instead of one per update */
	uint64_t emitted; /* of those: slots before this one are out (keyed_table_next) */
};

static int sum_open(void **self, const struct operator_context *context, struct err *err)
{
	struct sum *sum = MEM_NEW(struct sum);
	Flink__OperatorParameters *parameters = keyed_state_parameters(context, err);

	*self = sum;
	if (parameters == NULL)
		return -1;
	int outcome = keyed_sum_init(&sum->keyed, context, parameters->field, err);

	sum->final_only = parameters->final_only;
	flink__operator_parameters__free_unpacked(parameters, NULL);
	if (outcome == 0)
		sum->table = keyed_sum_table(&sum->keyed);
	return outcome;
}

struct stretch { /* of records whose keys have slots already */
	const struct batch *batch;
	struct keyed_slot *const *slots; /* of records from … from + count */
	uint32_t from, count;
	char *at; /* where the updates go */
};

/* The ordinary case in one loop: adds records to their slots and writes the updates. Stops at a
 * key's first record and at an update with a tail. How many. `kind` and `size_bytes` are constants
 * in each call; what does not change lies in locals, which the compiler cannot know by itself. */
static ALWAYS_INLINE uint32_t add_and_write(const struct keyed_sum *keyed,
					    const struct stretch *stretch, uint8_t kind,
					    uint32_t size_bytes, bool dense)
{
	const struct batch view = *stretch->batch;
	struct keyed_slot *const *slots = stretch->slots;
	uint32_t offset_bytes = keyed->offset_bytes, from = stretch->from, count = stretch->count;
	const char *record = batch_at(&view, from);
	char *at = stretch->at;
	bool tails = keyed->type->has_tails;

	for (uint32_t i = 0; i < count; i++, at += size_bytes) {
		char *value = keyed_slot_value(slots[i]);

		if (unlikely(!slots[i]->filled))
			return i;
		if (tails && unlikely(record_size(keyed->type, value) != size_bytes))
			return i;
		if (!dense)
			record = batch_at(&view, from + i);
		memcpy(at, value, size_bytes);
		number_add_to_both(kind, value + offset_bytes, record + offset_bytes,
				   at + offset_bytes);
		record += size_bytes; /* which is the stride of a dense batch */
	}
	return count;
}

/* A loop for each of the usual sizes. Records without tails are dense wherever they come from. */
static inline uint32_t add_and_write_sized(const struct keyed_sum *keyed,
					   const struct stretch *stretch, uint8_t kind)
{
	bool dense = stretch->batch->offsets == NULL;
	uint32_t size_bytes = keyed->type->size_bytes;

	if (!dense)
		return add_and_write(keyed, stretch, kind, size_bytes, false);
	switch (size_bytes) {
	case 16: return add_and_write(keyed, stretch, kind, 16, true);
	case 24: return add_and_write(keyed, stretch, kind, 24, true);
	case 32: return add_and_write(keyed, stretch, kind, 32, true);
	case 40: return add_and_write(keyed, stretch, kind, 40, true);
	default: return add_and_write(keyed, stretch, kind, size_bytes, true);
	}
}

static inline uint32_t sum_many(struct sum *sum, const struct batch *batch, uint32_t from,
				uint32_t count, struct keyed_slot *const *slots,
				struct outbox *out)
{
	const struct keyed_sum *keyed = &sum->keyed;
	uint32_t room, done;
	char *at = outbox_room(out, &room);

	if (count > room)
		count = room;
	if (count == 0 || keyed->nullable)
		return 0;
	struct stretch stretch = {
		.batch = batch, .slots = slots, .from = from, .count = count, .at = at
	};

	switch (keyed->kind) {
	case FIELD_BIGINT: done = add_and_write_sized(keyed, &stretch, FIELD_BIGINT); break;
	case FIELD_INT: done = add_and_write_sized(keyed, &stretch, FIELD_INT); break;
	case FIELD_DOUBLE: done = add_and_write_sized(keyed, &stretch, FIELD_DOUBLE); break;
	default: done = add_and_write_sized(keyed, &stretch, keyed->kind); break;
	}
	outbox_added(out, done);
	return done;
}

static HOT int sum_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			   struct outbox *out, struct err *err)
{
	struct sum *sum = self;
	struct keyed_slot **slots = sum->keyed.slots;

	while (*taken < batch->count) {
		uint32_t from = *taken, i = 0;
		uint32_t count;

		if (keyed_sum_find(&sum->keyed, sum->table, batch, from, &count, err) != 0)
			return -1;
		if (sum->final_only) {
			for (; i < count; i++)
				keyed_sum_add(&sum->keyed, sum->table, slots[i],
					      batch_at(batch, from + i));
			*taken = from + count;
			continue;
		}
		for (; i < count; *taken = from + i) {
			if (outbox_full(out))
				return 0;
			uint32_t done = sum_many(sum, batch, from + i, count - i, slots + i, out);

			i += done;
			if (done > 0)
				continue;
			keyed_sum_add(&sum->keyed, sum->table, slots[i], batch_at(batch, from + i));
			outbox_emit(out, sum->keyed.type, keyed_slot_value(slots[i]));
			i++;
		}
	}
	return 1;
}

static int sum_end_of_input(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	struct sum *sum = self;

	return sum->final_only ? keyed_sum_emit(&sum->keyed, sum->table, &sum->emitted, out) : 1;
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
	.end_of_input = sum_end_of_input,
	.close = sum_close,
};
