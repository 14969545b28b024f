/* SPDX-License-Identifier: Apache-2.0
 * window_sum.c - sums of a keyed stream in tumbling windows of processing time.
 *
 *	offset + k × size          offset + (k+1) × size
 *	|-------- slice k ---------|-------- slice k+1 ------|      wall clock
 *	                           ^ the slice's one timer: all its keys fire, then it is dropped
 *
 * A slice is a table of its own, and there is one timer per slice, not one per key. Usually one
 * slice is open; more only when the wall clock was set back. A record belongs to the slice of the
 * `now` that the last processing_time call brought: the task reads the clock once per step, not per
 * record. Firing stops when the output is full and goes on where it stopped. */
#include "common/base/check.h"
#include "common/world/world.h"
#include "taskmanager/operator/keyed_state.h"
#include "taskmanager/operator/keyed_sum.h"
#include "taskmanager/operator/operators.h"

struct window_slice {
	struct list_node node;
	wall_t start;
	struct keyed_table *table;
	uint64_t fired; /* slots before this one are out (keyed_table_next) */
};

struct window_sum {
	struct keyed_sum keyed;
	struct world *world;
	int64_t size_ms, offset_ms;
	wall_t now;
	bool now_known, fire_at_end;
	struct list slices; /* by start, ascending */
	struct window_slice *spare;
};

static int parameters_check(struct window_sum *window, const struct operator_context *context,
			    const Flink__OperatorParameters *parameters, struct err *err)
{
	window->size_ms = parameters->window_size_ms;
	window->offset_ms = parameters->window_offset_ms;
	if (window->size_ms <= 0)
		return err_set(
			err, ERR_PLAN_INVALID,
			"the windows of operator \"%s\" have a size of %lld ms; allowed is 1 and more",
			context->operator_name, (long long)window->size_ms);
	if (window->offset_ms <= -window->size_ms || window->offset_ms >= window->size_ms)
		return err_set(
			err, ERR_PLAN_INVALID,
			"the windows of operator \"%s\" have an offset of %lld ms; it must be smaller than their size, %lld ms",
			context->operator_name, (long long)window->offset_ms,
			(long long)window->size_ms);
	if (parameters->aggregate[0] != '\0' && strcmp(parameters->aggregate, "sum") != 0)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" has no aggregate \"%s\"; allowed is \"sum\"",
			       context->operator_name, parameters->aggregate);
	return 0;
}

static int window_open(void **self, const struct operator_context *context, struct err *err)
{
	struct window_sum *window = MEM_NEW(struct window_sum);
	Flink__OperatorParameters *parameters = keyed_state_parameters(context, err);

	*self = window;
	list_init(&window->slices);
	window->world = context->world;
	window->fire_at_end = context->fire_at_end;
	if (parameters == NULL)
		return -1;
	int outcome = parameters_check(window, context, parameters, err);

	if (outcome == 0)
		outcome = keyed_sum_init(&window->keyed, context, parameters->field, err);
	flink__operator_parameters__free_unpacked(parameters, NULL);
	return outcome;
}

/* ---- slices ---------------------------------------------------------------------------------- */

static wall_t slice_start(const struct window_sum *window, wall_t at)
{
	int64_t into = (at - window->offset_ms) % window->size_ms;

	return at - (into < 0 ? into + window->size_ms : into);
}

static struct window_slice *slice_open(struct window_sum *window, wall_t start)
{
	struct list_node *before = &window->slices.head;

	LIST_FOR_EACH(&window->slices, struct window_slice, node, slice) {
		if (slice->start == start)
			return slice;
		if (slice->start > start) {
			before = &slice->node;
			break;
		}
	}
	struct window_slice *fresh = window->spare;

	window->spare = NULL;
	if (fresh == NULL) {
		fresh = MEM_NEW(struct window_slice);
		fresh->table = keyed_sum_table(&window->keyed);
	}
	fresh->start = start;
	fresh->fired = 0;
	list_insert_before(before, &fresh->node);
	return fresh;
}

static void slice_free(struct window_slice *slice)
{
	keyed_table_destroy(&slice->table);
	mem_free(slice);
}

/* One fired slice is kept: the next window has about as many keys. */
static void slice_drop(struct window_sum *window, struct window_slice *slice)
{
	list_remove(&slice->node);
	if (window->spare != NULL) {
		slice_free(slice);
		return;
	}
	keyed_table_clear(slice->table);
	window->spare = slice;
}

static int fire_until(struct window_sum *window, wall_t now, struct outbox *out)
{
	struct window_slice *slice;

	while ((slice = LIST_FIRST(&window->slices, struct window_slice, node)) != NULL &&
	       slice->start <= now - window->size_ms) {
		if (keyed_sum_emit(&window->keyed, slice->table, &slice->fired, out) == 0)
			return 0;
		slice_drop(window, slice);
	}
	return 1;
}

/* ---- the operator ---------------------------------------------------------------------------- */

static HOT int window_process(void *self, uint32_t input, const struct batch *batch,
			      uint32_t *taken, struct outbox *out, struct err *err)
{
	struct window_sum *window = self;
	wall_t now = window->now_known ? window->now : world_wall(window->world);
	struct window_slice *slice = slice_open(window, slice_start(window, now));

	while (*taken < batch->count) {
		uint32_t count;

		if (keyed_sum_find(&window->keyed, slice->table, batch, *taken, &count, err) != 0)
			return -1;
		for (uint32_t i = 0; i < count; i++, ++*taken)
			keyed_sum_add(&window->keyed, slice->table, window->keyed.slots[i],
				      batch_at(batch, *taken));
	}
	return 1;
}

static int window_processing_time(void *self, wall_t now, wall_t *next, struct outbox *out,
				  struct err *err)
{
	struct window_sum *window = self;

	window->now = now;
	window->now_known = true;
	if (fire_until(window, now, out) == 0)
		return 0;
	const struct window_slice *slice = LIST_FIRST(&window->slices, struct window_slice, node);

	if (slice != NULL && slice->start + window->size_ms < *next)
		*next = slice->start + window->size_ms;
	return 1;
}

static int window_end_of_input(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	struct window_sum *window = self;

	return window->fire_at_end ? fire_until(window, INT64_MAX, out) : 1;
}

static void window_close(void **self)
{
	struct window_sum *window = *self;
	struct list_node *node;

	if (window == NULL)
		return;
	while ((node = list_pop_front(&window->slices)) != NULL)
		slice_free(CONTAINER_OF(node, struct window_slice, node));
	if (window->spare != NULL)
		slice_free(window->spare);
	keyed_sum_fini(&window->keyed);
	mem_free(window);
	*self = NULL;
}

const struct operator_vtable operator_window_sum = {
	.name = "window-sum",
	.open = window_open,
	.process = window_process,
	.processing_time = window_processing_time,
	.end_of_input = window_end_of_input,
	.close = window_close,
};
