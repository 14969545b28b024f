/* SPDX-License-Identifier: Apache-2.0
 * gate.c - the consuming end of several channels: the list of those with something to take, and the
 * segments lent to those that need more than their own.
 *
 * A channel's node is lowered (may be listed) or raised: on its way into the list, in it, the
 * gate's current one, or out of it for good. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/channel_priv.h"

/* ---- no more than is drained in time --------------------------------------------------------- */

void gate_set_debloat(struct gate *gate, const struct debloat_options *options)
{
	gate->debloat.options = *options;
}

struct queued { /* in a gate's channels, right now */
	uint64_t taken_bytes, bytes, window_bytes_max;
	uint32_t channels; /* that have something */
};

/* LIST_FOR_EACH takes the list's head for an item, which is not aligned as a channel is. */
static struct channel *gate_channel(struct list_node *node)
{
	return CONTAINER_OF(node, struct channel, gate_node);
}

static struct queued gate_queued(const struct gate *gate)
{
	struct queued queued = { .taken_bytes = gate->gone_bytes };
	uint32_t segment_bytes = 0;

	for (struct list_node *node = gate->channels.head.next; node != &gate->channels.head;
	     node = node->next) {
		struct channel *channel = gate_channel(node);
		uint64_t bytes = channel_bytes_in(channel) - channel->taken_bytes;

		segment_bytes = channel->segment_bytes;
		queued.taken_bytes += channel->taken_bytes;
		queued.bytes += bytes;
		queued.channels += bytes > 0;
		queued.window_bytes_max += (uint64_t)channel->window_segments_base * segment_bytes;
	}
	queued.window_bytes_max += (uint64_t)gate->floating_total * segment_bytes;
	return queued;
}

/* Of a far producer's channel there are two, each with a window: each gets half. */
static void channel_allow_share(struct channel *channel, const struct gate *gate)
{
	uint64_t bytes = gate->allowed_bytes;
	uint64_t least =
		(uint64_t)gate->debloat.options.segment_bytes_min * channel->window_segments_base;

	if (bytes != 0 &&
	    atomic_load_explicit(&channel->producer_list, memory_order_relaxed) != NULL)
		bytes = (bytes + 1) / 2;
	if (bytes != 0 && bytes < least)
		bytes = least;
	channel_allow(channel, bytes);
}

/* Small changes are not worth the noise. */
static bool worth_telling(const struct gate *gate, uint64_t allowed)
{
	uint64_t before = gate->allowed_bytes;
	uint64_t difference = before > allowed ? before - allowed : allowed - before;

	return before == 0 || allowed == 0
		       ? before != allowed
		       : difference * 100 > before * gate->debloat.options.threshold_percent;
}

static void gate_allow(struct gate *gate, uint64_t allowed)
{
	uint64_t fill = 0, segment = 0;

	if (!worth_telling(gate, allowed))
		return;
	gate->allowed_bytes = allowed;
	for (struct list_node *node = gate->channels.head.next; node != &gate->channels.head;
	     node = node->next) {
		struct channel *channel = gate_channel(node);

		channel_allow_share(channel, gate);
		fill = atomic_load_explicit(&channel->fill_bytes, memory_order_relaxed);
		segment = channel->segment_bytes;
	}
	SOMETIMES_IF(fill < segment, "segments are filled only in part");
	atomic_store_explicit(&gate->fill_bytes, fill, memory_order_relaxed);
}

void gate_debloat(struct gate *gate, mono_t now, uint64_t idle_ns)
{
	struct debloat *debloat = &gate->debloat;

	if (!debloat->options.enabled || now < debloat->at)
		return;
	struct queued queued = gate_queued(gate);
	bool known =
		debloat_reckon(debloat, now, queued.taken_bytes, idle_ns, queued.window_bytes_max);

	if (!known || queued.window_bytes_max == 0)
		return;
	atomic_store_explicit(&gate->queued_ms, debloat_time_ms(debloat, queued.bytes),
			      memory_order_relaxed);
	if (debloat->window_bytes == queued.window_bytes_max)
		gate_allow(gate, 0);
	else if (queued.channels > 0)
		gate_allow(gate, debloat->window_bytes / queued.channels + 1);
}

uint64_t gate_queued_ms(const struct gate *gate)
{
	return atomic_load_explicit(&((struct gate *)(uintptr_t)gate)->queued_ms,
				    memory_order_relaxed);
}

uint64_t gate_fill_bytes(const struct gate *gate)
{
	return atomic_load_explicit(&((struct gate *)(uintptr_t)gate)->fill_bytes,
				    memory_order_relaxed);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct gate *gate_create(struct agent *agent)
{
	struct gate *gate = MEM_NEW(struct gate);

	gate->list = ready_list_create(agent);
	list_init(&gate->channels);
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
	list_push_back(&gate->channels, &channel->gate_node);
	gate->channels_count++;
	if (gate->allowed_bytes != 0)
		channel_allow_share(channel, gate);
	else if (atomic_load(&gate->fill_bytes) == 0)
		atomic_store(&gate->fill_bytes, channel->segment_bytes);
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
	list_remove(&channel->gate_node);
	gate->gone_bytes += channel->taken_bytes;
	if (gate->current == channel)
		gate->current = NULL;
	else if (channel->retired != GATE_RETIRED)
		listed = channel->retired == GATE_RETIRING ||
			 !ready_node_raise(&channel->consumer_node);
	gate->channels_count--;
	return listed;
}

/* ---- the list ------------------------------------------------------------------------------- */

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
