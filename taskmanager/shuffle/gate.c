/* SPDX-License-Identifier: Apache-2.0
 * gate.c - the consuming end of several channels: the list of those with something to take, and the
 * segments lent to those that need more than their own.
 *
 * A channel's node is lowered (may be listed) or raised: on its way into the list, in it, the
 * gate's current one, or out of it for good. */
#include "common/base/check.h"
#include "taskmanager/shuffle/channel_priv.h"

struct gate *gate_create(struct agent *agent)
{
	struct gate *gate = MEM_NEW(struct gate);

	gate->list = ready_list_create(agent);
	return gate;
}

void gate_destroy(struct gate **pointer)
{
	struct gate *gate = *pointer;

	*pointer = NULL;
	if (gate == NULL)
		return;
	CHECK(gate->channels_count == 0, "a gate is destroyed before %u of its channels left",
	      gate->channels_count);
	ready_list_close(gate->list);
	CHECK(gate_next(gate) == NULL, "a gate's list holds a channel that did not leave");
	ready_list_unref(&gate->list);
	mem_free(gate);
}

void gate_add(struct gate *gate, struct channel *channel, uint32_t index)
{
	CHECK(channel->gate == NULL, "a channel is added to two gates");
	channel->gate = gate;
	channel->gate_index = index;
	gate->channels_count++;
	ready_list_ref(gate->list);
	atomic_store(&channel->consumer_list, gate->list);
	/* What came before is looked at once. */
	ready_list_notify(gate->list, &channel->consumer_node);
}

void gate_set_floating(struct gate *gate, struct segment_pool *pool, uint32_t count)
{
	if (gate->pool == NULL)
		gate->pool = pool;
	if (count <= gate->floating_total)
		return;
	/* Also after a channel kept its lent ones for good: see gate_take_back. */
	gate->floating_free += count - gate->floating_total;
	gate->floating_total = count;
}

/* A producer that has not ended may go on to the limit it was given, so what was lent stays set
 * aside until the channel is freed. */
static void gate_take_back(struct gate *gate, struct channel *channel)
{
	uint32_t lent = channel->floating_segments;
	uint64_t opened_max = channel_released_segments(channel) + channel->window_segments_base;

	channel->floating_segments = 0;
	if (channel_limit(channel) > opened_max) {
		gate->floating_total -= lent;
		channel->admitted_segments += lent;
	} else {
		gate->floating_free += lent;
		if (lent > 0)
			segment_pool_dismiss(gate->pool, channel->size_class, lent);
	}
}

bool gate_forget(struct channel *channel)
{
	struct gate *gate = channel->gate;
	bool listed = false;

	if (gate == NULL)
		return false;
	gate_take_back(gate, channel);
	if (gate->current == channel)
		gate->current = NULL;
	else if (channel->retired != GATE_RETIRED)
		listed = channel->retired == GATE_RETIRING ||
			 !ready_node_raise(&channel->consumer_node);
	gate->channels_count--;
	return listed;
}

struct channel *gate_next(struct gate *gate)
{
	struct ready_node *node;

	while (gate->current == NULL && (node = ready_list_take(gate->list)) != NULL) {
		struct channel *channel = CONTAINER_OF(node, struct channel, consumer_node);

		if (channel->consumer_gone)
			channel_unref(channel);
		else if (channel->retired == GATE_RETIRING)
			channel->retired = GATE_RETIRED;
		else
			gate->current = channel;
	}
	return gate->current;
}

void gate_yield(struct gate *gate, struct channel *channel)
{
	CHECK(gate->current == channel, "a channel that is not the current one yields");
	gate->current = NULL;
	ready_list_put_back(gate->list, &channel->consumer_node);
}

bool gate_rest(struct channel *channel)
{
	struct gate *gate = channel->gate;

	if (gate == NULL || gate->current != channel)
		return true; /* listed already, or nobody lists it */
	ready_node_lower(&channel->consumer_node);
	bool something = atomic_load(&channel->published) >
				 atomic_load_explicit(&channel->taken, memory_order_relaxed) ||
			 atomic_load(&channel->control_tail) != channel->control_head_own ||
			 atomic_load(&channel->urgent_set) ||
			 atomic_load(&channel->failure) != NULL;

	if (something && ready_node_raise(&channel->consumer_node))
		return false;
	gate->current = NULL;
	return true;
}

void gate_park(struct gate *gate, struct channel *channel)
{
	CHECK(gate->current == channel, "a channel that is not the current one is parked");
	gate->current = NULL;
	ready_node_lower(&channel->consumer_node);
	if (atomic_load(&channel->urgent_set) || atomic_load(&channel->failure) != NULL)
		ready_list_notify(gate->list, &channel->consumer_node);
}

void gate_unpark(struct gate *gate, struct channel *channel)
{
	ready_list_notify(gate->list, &channel->consumer_node);
}

void gate_retire(struct gate *gate, struct channel *channel)
{
	if (gate->current == channel) {
		gate->current = NULL;
		channel->retired = GATE_RETIRED;
	} else if (channel->retired == GATE_LISTABLE) {
		channel->retired =
			ready_node_raise(&channel->consumer_node) ? GATE_RETIRED : GATE_RETIRING;
	}
}

uint32_t gate_index(const struct channel *channel)
{
	return channel->gate_index;
}
