/* SPDX-License-Identifier: Apache-2.0
 * watch.c - see watch.h. */
#include "tests/topologies/watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/shuffle/shuffle_view.h"

#define CHANNELS_PER_EVENT 12 /* how many channels' worth of looking an event may cost */
#define STANDSTILL_MS 15000   /* nothing at all moves */
#define STARVING_MS 3000      /* a channel with data and credit does not, beyond pauses */
#define TURNS_SPARE 8         /* batches that a gate may take from others out of turn */

void watch_open(struct watch *watch, struct stage *stage)
{
	const struct sheet *sheet = stage->sheet;
	uint32_t count = 0;

	*watch = (struct watch){ .stage = stage };
	for (uint32_t i = 0; i < sheet->edges_count; i++) {
		watch->edges_first[i] = count;
		count +=
			SHEET_PARALLELISM_MAX * sheet->vertices[sheet->edges[i].source].parallelism;
	}
	watch->channels_count = count;
	watch->has_pieces = sheet->text_bytes_max > sheet_segment_bytes(sheet) - 64;
	watch->senders = MEM_NEW_ARRAY(struct watch_channel, count);
	watch->receivers = MEM_NEW_ARRAY(struct watch_channel, count);
	watch->every = 1 + sheet_channels_count(sheet) / CHANNELS_PER_EVENT;
	watch_again(watch);
}

void watch_again(struct watch *watch)
{
	watch->may_starve = false;
	watch->moved_at = sim_now(watch->stage->sim);
	for (uint32_t i = 0; i < watch->channels_count; i++) {
		watch->senders[i] = (struct watch_channel){ .since = 0 };
		watch->receivers[i] = (struct watch_channel){ .batches = UINT64_MAX };
	}
}

void watch_close(struct watch *watch)
{
	mem_free(watch->senders);
	mem_free(watch->receivers);
}

/* ---- one channel ----------------------------------------------------------------------------- */

static void mark(const struct shuffle_view_channel *view)
{
	if (view->is_far_input)
		return;
	if (view->blocked_on_credit && view->window_segments == 1)
		SOMETIMES("a window of one is full");
	else if (view->blocked_on_credit)
		SOMETIMES("a producer is blocked on credit");
	if (view->blocked_on_credit && view->lent_segments > 0)
		SOMETIMES("a producer is blocked although it was lent segments");
	if (view->controls_queued == CHANNEL_CONTROLS_MAX)
		SOMETIMES("a queue of control elements is full");
}

static uint64_t packed(struct position at)
{
	return at.segment << 24 | at.offset_bytes;
}

static bool is_alive(const struct stage_task *task)
{
	return task->began && !stage_task_is_over(task) && task->state == TASK_RUNNING;
}

/* A gate takes turns: while this channel has something, its task may take only so many batches from
 * others. */
static void watch_turns(struct watch *watch, const struct shuffle_view_channel *view, uint32_t at)
{
	const struct sheet_edge *edge = &watch->stage->sheet->edges[view->name->edge];
	struct watch_channel *before = &watch->receivers[at];
	uint32_t inputs = 0;
	uint64_t batches = book_batches(edge->target, view->name->consumer);
	struct position taken = channel_taken(view->channel);

	if (packed(view->published) <= packed(taken) || packed(taken) != packed(before->taken) ||
	    before->batches == UINT64_MAX) {
		before->taken = taken;
		before->batches = packed(view->published) > packed(taken) ? batches : UINT64_MAX;
		return;
	}
	for (uint32_t i = 0; i < watch->stage->sheet->edges_count; i++) {
		const struct sheet_edge *other = &watch->stage->sheet->edges[i];
		uint32_t first, last;

		if (other->target != edge->target)
			continue;
		edge_producers(other->ship, view->name->consumer,
			       watch->stage->sheet->vertices[other->source].parallelism,
			       watch->stage->sheet->vertices[other->target].parallelism, &first,
			       &last);
		inputs += last - first + 1;
	}
	if (batches - before->batches > inputs + TURNS_SPARE)
		book_complain("edge %u, %u to %u: its gate of %u channels took %llu batches from "
			      "others while it had data",
			      view->name->edge, view->name->producer, view->name->consumer, inputs,
			      (unsigned long long)(batches - before->batches));
}

/* Data at the producing TaskManager and room at the consuming one: it must move. */
static void watch_wire(struct watch *watch, const struct shuffle_view_channel *view, uint32_t at)
{
	const struct sheet_edge *edge = &watch->stage->sheet->edges[view->name->edge];
	struct stage *stage = watch->stage;
	struct stage_task *producer = stage_task_of(stage, edge->source, view->name->producer);
	struct watch_channel *before = &watch->senders[at];
	mono_t now = sim_now(stage->sim);

	if (stage->nodes[producer->node].dead)
		return;
	const struct channel *far =
		shuffle_view_output(stage->nodes[producer->node].shuffle, view->name);

	if (far == NULL)
		return;
	struct position sent = channel_taken(far);
	struct position received = channel_received(view->channel);
	uint64_t limit = channel_limit(view->channel);

	/* (A limit of n lets segments 0 … n - 1 be sent, whose end is position (n, 0).) */
	if (sent.segment > limit || (sent.segment == limit && sent.offset_bytes > 0))
		book_complain("edge %u, %u to %u: segment %llu was sent, the limit is %llu",
			      view->name->edge, view->name->producer, view->name->consumer,
			      (unsigned long long)sent.segment, (unsigned long long)limit);
	if (packed(received) > packed(sent))
		book_complain("edge %u, %u to %u: %llx was received, %llx was sent",
			      view->name->edge, view->name->producer, view->name->consumer,
			      (unsigned long long)packed(received),
			      (unsigned long long)packed(sent));
	/* Room for control elements is told when half of the queue was taken. */
	bool has_data = channel_backlog_segments(far) > 0 && sent.segment < limit &&
			view->controls_queued <= CHANNEL_CONTROLS_MAX / 2;

	if (!has_data || packed(sent) != packed(before->taken) || before->since == 0 ||
	    watch->may_starve) {
		before->taken = sent;
		before->since = has_data ? now : 0;
	} else if (now > mono_after_ms(before->since, STARVING_MS) &&
		   now > mono_after_ms(stage->paused_until, STARVING_MS)) {
		book_complain("edge %u, %u to %u: data and credit are there, and nothing was sent for "
			      "%d ms",
			      view->name->edge, view->name->producer, view->name->consumer,
			      STARVING_MS);
	}
}

/* It has said that it waits for something. */
static bool is_asleep(const struct stage_task *task)
{
	if (task->task == NULL || task->state != TASK_RUNNING)
		return false;
	const struct agent *agent = task_agent(task->task);

	return atomic_load(&((struct agent *)(uintptr_t)agent)->awake) == 0 && agent->wake_at > 0;
}

struct look {
	struct watch *watch;
	uint32_t node;
	bool is_blocked[STAGE_TASKS_MAX]; /* by a channel of its own */
};

/* What a task that sleeps has made must be on its way: published, unless only full segments are to
 * be. */
static void watch_output(struct look *look, const struct shuffle_view_channel *view)
{
	struct stage *stage = look->watch->stage;
	const struct sheet_edge *edge = &stage->sheet->edges[view->name->edge];
	struct stage_task *task = stage_task_of(stage, edge->source, view->name->producer);

	if (task->node != look->node || !is_asleep(task))
		return;
	if (view->blocked_on_credit || view->controls_queued == CHANNEL_CONTROLS_MAX)
		look->is_blocked[task - stage->tasks] = true;
	if (stage->sheet->vertices[edge->source].buffer_timeout_ms >= 0 &&
	    channel_has_unpublished(view->channel))
		book_complain("edge %u, %u to %u: its producer sleeps on what it did not publish",
			      view->name->edge, view->name->producer, view->name->consumer);
}

static bool has_slow_sink(const struct stage *stage, uint32_t vertex)
{
	const struct sheet_vertex *v = &stage->sheet->vertices[vertex];

	for (uint32_t o = 0; o < v->operators_count; o++)
		if (v->operators[o].role == ROLE_SINK &&
		    (v->operators[o].stall_ppm > 0 || v->operators[o].flushes_later ||
		     stage->sheet->shut_ms > 0))
			return true;
	return false;
}

/* … and taken by the operators behind, unless somebody refuses. */
static void watch_chains(const struct look *look)
{
	const struct stage *stage = look->watch->stage;

	for (uint32_t i = 0; i < stage->tasks_count; i++) {
		const struct stage_task *task = &stage->tasks[i];

		if (task->node == look->node && is_asleep(task) && !look->is_blocked[i] &&
		    !has_slow_sink(stage, task->vertex) &&
		    book_has_unfinished(task->vertex, task->subtask))
			book_complain("task %u/%u sleeps on records of its own operators",
				      task->vertex, task->subtask);
	}
}

static void look_at_channel(void *context, const struct shuffle_view_channel *view)
{
	struct look *look = context;
	struct watch *watch = look->watch;
	struct stage *stage = watch->stage;
	const struct sheet_edge *edge = &stage->sheet->edges[view->name->edge];
	uint32_t at = watch->edges_first[view->name->edge] +
		      view->name->producer * SHEET_PARALLELISM_MAX + view->name->consumer;

	if (view->channel == NULL || view->name->job_attempt != stage->attempt ||
	    channel_failed(view->channel, NULL))
		return;
	mark(view);
	/* Each has its own set aside, and credit for no more than those and what it was lent. */
	if (view->blocked_on_pool)
		book_complain("edge %u, %u to %u: it waits for a segment of the pool",
			      view->name->edge, view->name->producer, view->name->consumer);
	struct stage_task *consumer = stage_task_of(stage, edge->target, view->name->consumer);

	/* (A channel whose record waits for memory is left out of the turns.) */
	if (consumer->node == look->node && is_alive(consumer) && !watch->has_pieces &&
	    !channel_consumer_left(view->channel))
		watch_turns(watch, view, at);
	if (view->is_far_input)
		watch_wire(watch, view, at);
	else
		watch_output(look, view);
}

/* ---- all ------------------------------------------------------------------------------------- */

void watch_look(struct watch *watch)
{
	struct stage *stage = watch->stage;
	char text[300] = "";

	watch->looks++;
	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++) {
		struct stage_node *node = &stage->nodes[i];
		struct look look = { .watch = watch, .node = i };

		if (node->dead)
			continue;
		if (!shuffle_check(node->shuffle, text, sizeof(text)))
			book_complain("%s: %s", node->name, text);
		shuffle_view_channels(node->shuffle, look_at_channel, &look);
		watch_chains(&look);
	}
}

void watch_event(struct watch *watch)
{
	mono_t now = sim_now(watch->stage->sim);

	if (book_moves() + watch->stage->over_count != watch->moves) {
		watch->moves = book_moves() + watch->stage->over_count;
		watch->moved_at = now;
	} else if (now > mono_after_ms(watch->moved_at, STANDSTILL_MS)) {
		book_complain("nothing has moved for %d ms", STANDSTILL_MS);
	}
	if (++watch->events % watch->every == 0)
		watch_look(watch);
}

bool watch_at_rest(struct stage *stage, char *text, size_t size_bytes)
{
	char rest[200];

	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++) {
		struct stage_node *node = &stage->nodes[i];

		if (!node->dead && !shuffle_at_rest(node->shuffle, rest, sizeof(rest))) {
			snprintf(text, size_bytes, "%s: %s", node->name, rest);
			return false;
		}
	}
	return true;
}

/* ---- dump ------------------------------------------------------------------------------------ */

static void dump_channel(void *context, const struct shuffle_view_channel *view)
{
	const struct stage_node *node = context;
	struct err why = ERR_INIT;

	if (view->channel == NULL) {
		printf("    %s: edge %u, %u to %u is asked for\n", node->name, view->name->edge,
		       view->name->producer, view->name->consumer);
		return;
	}
	struct position taken = channel_taken(view->channel);
	bool failed = channel_failed(view->channel, &why);

	if (!failed && channel_drained(view->channel) && !view->blocked_on_credit)
		return;
	printf("    %s: edge %u, %u to %u%s: taken %" PRIu64 "+%u of %" PRIu64 "+%u, limit %" PRIu64
	       "%s%s%s%s%s%s%s\n",
	       node->name, view->name->edge, view->name->producer, view->name->consumer,
	       view->is_far_input ? " (from far)" : "", taken.segment, taken.offset_bytes,
	       view->published.segment, view->published.offset_bytes, channel_limit(view->channel),
	       view->blocked_on_credit ? ", waits for credit" : "",
	       view->blocked_on_pool ? ", waits for a segment" : "",
	       view->controls_queued == CHANNEL_CONTROLS_MAX ? ", controls full" : "",
	       channel_producer_left(view->channel) ? ", producer left" : "",
	       channel_consumer_left(view->channel) ? ", consumer left" : "",
	       failed ? ", failed: " : "", failed ? why.text : "");
}

void watch_dump(struct stage *stage)
{
	char text[300];

	for (uint32_t i = 0; i < stage->tasks_count; i++) {
		const struct stage_task *task = &stage->tasks[i];

		if (task->state != TASK_FINISHED)
			printf("    task %u/%u on tm%u.%u is %s%s%s\n", task->vertex, task->subtask,
			       task->node, task->slot, sm_name(&task_states, task->state),
			       task->state == TASK_FAILED ? ": " : "",
			       task->state == TASK_FAILED ? task->why.text : "");
	}
	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++) {
		struct stage_node *node = &stage->nodes[i];

		if (node->dead || node->shuffle == NULL)
			continue;
		shuffle_at_rest(node->shuffle, text, sizeof(text));
		printf("    %s: %s\n", node->name, text);
		shuffle_view_channels(node->shuffle, dump_channel, node);
	}
}
