/* SPDX-License-Identifier: Apache-2.0
 * task.c - the agent of one subtask. See task.h.
 *
 * A step: commands, what is under way in the chain, timers, input, flush, rest. It ends as soon as
 * an output refuses (BLOCKED), when there is nothing to take (IDLE), or when it has done enough for
 * one turn (WORKED); the next step goes on where it stopped, because the chain remembers. */
#include "common/base/check.h"
#include "common/world/world.h"
#include "taskmanager/exec/task_priv.h"

#define CALLS_PER_STEP \
	32 /* of operators: bounds what firing windows or a flat_map make of a step */
#define RECORDS_PER_STEP 1024
#define BYTES_PER_STEP (32 * 1024)
#define RECORDS_PER_POLL_MIN 64 /* what a poll counts for at least */
#define STATUS_INTERVAL_NS (50 * NS_PER_MS)
#define STATUS_TEXT_BYTES (TASK_STATUS_WORDS * 8)

#define UNFINISHED(name, next) { name, (next) | SM_TO(TASK_CANCELING) | SM_TO(TASK_FAILED), false }
static const struct sm_state states[] = {
	[TASK_CREATED] = UNFINISHED("CREATED", SM_TO(TASK_DEPLOYING)),
	[TASK_DEPLOYING] = UNFINISHED("DEPLOYING", SM_TO(TASK_INITIALIZING)),
	[TASK_INITIALIZING] = UNFINISHED("INITIALIZING", SM_TO(TASK_RUNNING)),
	[TASK_RUNNING] = UNFINISHED("RUNNING", SM_TO(TASK_FINISHED)),
	[TASK_FINISHED] = { "FINISHED", 0, true },
	[TASK_CANCELING] = { "CANCELING", SM_TO(TASK_CANCELED) | SM_TO(TASK_FAILED), false },
	[TASK_CANCELED] = { "CANCELED", 0, true },
	[TASK_FAILED] = { "FAILED", 0, true },
};
#undef UNFINISHED
const struct sm_table task_states = { "task", ARRAY_COUNT(states), states };

static void move(struct task *task, enum task_state to)
{
	bool failed = to == TASK_FAILED;

	sm_move(&task_states, &task->state, to, task);
	atomic_store(&task->state_seen, task->state);
	task->options.state_changed(task->options.context, task, to, failed ? &task->failure : NULL,
				    failed ? task->failed_operator : NULL);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Everything is closed now; the final state is told by `done`, when the runner has let go of the
 * agent, so that whoever hears it may destroy the task at once. */
static enum step end_as(struct task *task, enum task_state state)
{
	task->final_state = state;
	task_close_all(task);
	return STEP_DONE;
}

static enum step fail(struct task *task, const struct err *why, const char *operator)
{
	task->failure = *why;
	task->failed_operator = operator;
	return end_as(task, TASK_FAILED);
}

static enum step chain_failed(struct task *task, const struct err *why)
{
	return fail(task, why, task->chain.failed_operator);
}

void task_done(struct agent *agent)
{
	move((struct task *)agent, ((struct task *)agent)->final_state); /* nothing may follow */
}

/* ---- input ---------------------------------------------------------------------------------- */

/* The record that came in pieces is done with: its memory may serve who waits for some. */
static COLD void release_whole(struct task *task)
{
	pieces_drop(&task->pieces, task->whole);
	task->whole = NULL;
	for (uint32_t i = 0; task->pieces.waiting_count > 0 && i < task->inputs_count; i++)
		if (task->inputs[i].assembly.waiting != NULL)
			gate_unpark(task->gate, task->inputs[i].channel);
}

static void release_input(struct task *task)
{
	if (task->taking == NULL)
		return;
	if (unlikely(task->whole != NULL))
		release_whole(task);
	channel_release(task->taking, channel_taken(task->taking));
	gate_yield(task->gate, task->taking);
	task->taking = NULL;
}

static void channel_ended(struct task *task, uint32_t index)
{
	struct task_input *input = &task->inputs[index];

	if (input->ended)
		return;
	input->ended = true;
	valve_end(&task->valve, index);
	if (--task->channels_open[input->input] == 0)
		task->input_ends[input->input] = true;
}

static int take_control(struct task *task, uint32_t index, const struct control *control,
			struct err *err)
{
	switch ((enum control_kind)control->kind) {
	case CONTROL_WATERMARK: valve_watermark(&task->valve, index, control->watermark); return 0;
	case CONTROL_IDLE: valve_idle(&task->valve, index, true); return 0;
	case CONTROL_ACTIVE: valve_idle(&task->valve, index, false); return 0;
	case CONTROL_END_OF_INPUT: channel_ended(task, index); return 0;
	case CONTROL_LATENCY: task->marker = *control; return 0;
	case CONTROL_BARRIER: break;
	}
	return err_set(err, ERR_NET_PROTOCOL,
		       "control element %u of checkpoint %llu, which this version does not know",
		       control->kind, (unsigned long long)control->checkpoint);
}

static uint64_t round_8(uint64_t bytes)
{
	return (bytes + 7) & ~UINT64_C(7);
}

/* Of the run that the batch views: header, records, columns. */
static uint64_t batch_bytes(const struct batch *batch)
{
	uint64_t records = (uint64_t)batch->count * batch->stride_bytes;
	uint64_t columns = batch->timestamps_ms ? batch->count * UINT64_C(8) : 0;

	if (batch->offsets != NULL) {
		uint32_t first = batch->offsets[0], last = batch->offsets[batch->count - 1];

		records = last - first + record_size(batch->type, batch->base + last);
		columns += round_8(batch->count * UINT64_C(4));
	}
	return sizeof(struct run_header) + round_8(records) + columns;
}

enum taken { TAKEN_FAILED = -1, TAKEN_NOTHING, TAKEN_SOME };

static COLD enum taken take_piece(struct task *task, struct channel *channel, const void *piece,
				  struct err *err)
{
	struct task_input *input = &task->inputs[gate_index(channel)];
	uint32_t size_bytes = ((const struct run_header *)piece)->size_bytes;
	const struct channel_name *name = channel_name_of(channel);
	struct batch batch;
	enum pieces_answer answer = pieces_take(&task->pieces, &input->assembly,
						  channel_type(channel), piece, &batch, err);

	if (answer == PIECES_FAILED) {
		err_wrap(err, "a record in pieces from subtask %u over edge %u", name->producer,
			 name->edge);
		return TAKEN_FAILED;
	}
	if (answer == PIECES_WAIT) {
		gate_park(task->gate, channel);
		return TAKEN_NOTHING;
	}
	counter_add(&task->metrics.bytes_in, size_bytes);
	task->bytes_left -= size_bytes;
	channel_release(channel, channel_taken(channel));
	if (answer == PIECES_MORE) {
		gate_yield(task->gate, channel);
		return TAKEN_SOME;
	}
	counter_add(&task->metrics.records_in, 1);
	task->records_left--;
	task->taking = channel;
	task->whole = &input->assembly;
	chain_take(&task->chain, input->input, &batch);
	return TAKEN_SOME;
}

/* A piece that waits for memory keeps its channel from everything but what is urgent. */
static COLD enum taken take_waiting(struct task *task, struct channel *channel, struct err *err)
{
	if (channel_failed(channel, err))
		return TAKEN_FAILED;
	return take_piece(task, channel, task->inputs[gate_index(channel)].assembly.waiting, err);
}

static enum taken take_control_of(struct task *task, struct channel *channel,
				  const struct control *control, struct err *err)
{
	uint32_t index = gate_index(channel);
	const struct assembly *assembly = &task->inputs[index].assembly;

	if (!control->urgent && unlikely(piece_under_way(&assembly->sequence))) {
		err_set(err, ERR_NET_PROTOCOL,
			"control element %u came after %u of %u bytes of a record that travels in pieces",
			control->kind, assembly->sequence.have_bytes,
			assembly->sequence.record_bytes);
		return TAKEN_FAILED;
	}
	if (likely(assembly->waiting == NULL))
		channel_release(channel, channel_taken(channel));
	return take_control(task, index, control, err) == 0 ? TAKEN_SOME : TAKEN_FAILED;
}

static enum taken take_from(struct task *task, struct channel *channel, struct err *err)
{
	uint32_t index = gate_index(channel);
	struct control control;
	struct batch batch;

	if (unlikely(task->inputs[index].assembly.waiting != NULL) &&
	    !channel_urgent_outstanding(channel))
		return take_waiting(task, channel, err);
	switch (channel_take(channel, &batch, &control)) {
	case CHANNEL_BATCH: {
		uint64_t bytes = batch_bytes(&batch);

		counter_add(&task->metrics.records_in, batch.count);
		counter_add(&task->metrics.bytes_in, bytes);
		task->records_left -=
			batch.count < task->records_left ? batch.count : task->records_left;
		task->bytes_left -= (int64_t)bytes;
		task->taking = channel;
		chain_take(&task->chain, task->inputs[index].input, &batch);
		return TAKEN_SOME;
	}
	case CHANNEL_CONTROL: return take_control_of(task, channel, &control, err);
	case CHANNEL_PIECE: return take_piece(task, channel, batch.base, err);
	case CHANNEL_FAILED:
		channel_failed(channel, err);
		return TAKEN_FAILED;
	case CHANNEL_NOTHING: break;
	}
	return TAKEN_NOTHING;
}

static enum taken take_from_gate(struct task *task, struct err *err)
{
	struct channel *channel;

	while ((channel = gate_next(task->gate)) != NULL) {
		enum taken taken = take_from(task, channel, err);

		if (taken != TAKEN_NOTHING)
			return taken;
	}
	return TAKEN_NOTHING;
}

static enum taken poll_source(struct task *task, mono_t now, mono_t *wake_at, struct err *err)
{
	uint64_t before = counter_get(&task->chain.links[0].records_out);

	switch (chain_poll(&task->chain, now, wake_at, err)) {
	case POLL_ERROR: return TAKEN_FAILED;
	case POLL_END: task->source_ended = true; return TAKEN_SOME;
	case POLL_WAIT: return TAKEN_NOTHING;
	case POLL_MORE: break;
	}
	uint64_t emitted = counter_get(&task->chain.links[0].records_out) - before;

	if (emitted < RECORDS_PER_POLL_MIN)
		emitted = RECORDS_PER_POLL_MIN;
	task->records_left -= emitted < task->records_left ? (uint32_t)emitted : task->records_left;
	return TAKEN_SOME;
}

/* ---- passes --------------------------------------------------------------------------------- */

static bool begin(struct task *task, struct pass pass)
{
	chain_begin(&task->chain, &pass);
	return true;
}

static bool begin_valve_pass(struct task *task)
{
	switch (valve_take(&task->valve)) {
	case VALVE_NOTHING: return false;
	case VALVE_WATERMARK:
		return begin(task, (struct pass){ .kind = PASS_WATERMARK,
						  .watermark = task->valve.watermark });
	case VALVE_IDLE: return begin(task, (struct pass){ .kind = PASS_IDLE });
	case VALVE_ACTIVE: return begin(task, (struct pass){ .kind = PASS_ACTIVE });
	}
	return false;
}

static bool begin_marker_pass(struct task *task, event_t marked_at, uint64_t source)
{
	return begin(task, (struct pass){ .kind = PASS_LATENCY, .watermark = marked_at,
					  .source = source });
}

/* A source marks the time now and then; a marker that came goes on before anything else does. */
static bool begin_latency_pass(struct task *task, mono_t now)
{
	const Flink__TaskDeployment *deployment = task->deployment;

	if (task->marker.kind != 0) {
		task->marker.kind = 0;
		return begin_marker_pass(task, task->marker.watermark, task->marker.checkpoint);
	}
	if (likely(now < task->marker_at) || task->source_ended)
		return false;
	task->marker_at = mono_after_ms(now, task->options.latency_interval_ms);
	return begin_marker_pass(task, world_wall(task->options.world),
				 latency_source(deployment->vertex, deployment->subtask));
}

/* What control elements asked for, in order: watermarks before ends. False: nothing (task->ended:
 * and nothing ever again). */
static bool begin_control_pass(struct task *task)
{
	if (task->gate == NULL) {
		if (!task->source_ended)
			return false;
		if (!task->source_watermark_sent) { /* event time is over too */
			task->source_watermark_sent = true;
			return begin(task, (struct pass){ .kind = PASS_WATERMARK,
							  .watermark = EVENT_MAX });
		}
		if (task->ended)
			return false;
		task->ended = true;
		return begin(task, (struct pass){ .kind = PASS_END, .last = true });
	}
	if (begin_valve_pass(task))
		return true;
	for (uint32_t i = 0; i < 2; i++) {
		if (!task->input_ends[i])
			continue;
		task->input_ends[i] = false;
		task->ended = task->channels_open[0] + task->channels_open[1] == 0 &&
			      !task->input_ends[1];
		return begin(task,
			     (struct pass){ .kind = PASS_END, .input = i, .last = task->ended });
	}
	return false;
}

static bool begin_time_pass(struct task *task)
{
	if (!task->chain.has_timers)
		return false;
	if (task->wall == INT64_MIN)
		task->wall = world_wall(task->options.world);
	return begin(task, (struct pass){ .kind = PASS_TIME, .now = task->wall });
}

/* ---- the end of a step ---------------------------------------------------------------------- */

static void publish(struct task *task)
{
	task->unpublished_since = MONO_NEVER;
	for (uint32_t i = 0; i < task->chain.links_count; i++)
		for (uint32_t j = 0; j < task->chain.links[i].routers_count; j++)
			router_publish(&task->chain.links[i].routers[j]);
}

static bool has_unpublished(const struct task *task)
{
	for (uint32_t i = 0; i < task->chain.links_count; i++)
		for (uint32_t j = 0; j < task->chain.links[i].routers_count; j++)
			if (task->chain.links[i].routers[j].unpublished)
				return true;
	return false;
}

/* Full segments are published by the channels; the rest when the task has nothing to do, or at the
 * buffer timeout (0: always, negative: never). */
static void publish_if_due(struct task *task, mono_t now, bool resting, mono_t *wake_at)
{
	int64_t timeout_ms = task->options.buffer_timeout_ms;

	if (timeout_ms < 0 || !has_unpublished(task))
		return;
	if (task->unpublished_since == MONO_NEVER)
		task->unpublished_since = now;
	mono_t due = mono_after_ms(task->unpublished_since, timeout_ms);

	if (resting || now >= due)
		publish(task);
	else
		*wake_at = mono_min(*wake_at, due);
}

static void ask_status(struct task *task, mono_t now, mono_t *wake_at)
{
	char text[STATUS_TEXT_BYTES];
	const struct link *head = &task->chain.links[0];

	if (!chain_is_source(&task->chain) || head->source->reader_status == NULL)
		return;
	if (task->status_at != 0 && now - task->status_at < STATUS_INTERVAL_NS) {
		*wake_at = mono_min(*wake_at, task->status_at + STATUS_INTERVAL_NS);
		return;
	}
	task->status_at = now;
	size_t length = head->source->reader_status(head->self, text, sizeof(text));

	task_set_status(task, text, length < sizeof(text) ? length : sizeof(text) - 1);
}

static void wake_for_timers(struct task *task, mono_t now, mono_t *wake_at)
{
	if (task->chain.has_timers && task->chain.next_timer != INT64_MAX) {
		int64_t wait_ms = task->chain.next_timer - task->wall;

		*wake_at = mono_min(*wake_at, mono_after_ms(now, wait_ms > 0 ? wait_ms : 0));
	}
}

/* The first channel of a router to which the end of input was not offered yet. */
static uint32_t first_not_ended(const struct chain *chain, uint32_t link, uint32_t router)
{
	const struct pass *pass = &chain->pass;
	const struct router *of = &chain->links[link].routers[router];

	if (pass->kind != PASS_END || !pass->last || link > pass->link)
		return 0;
	if (link < pass->link || router < pass->router)
		return of->channels_count;
	bool is_offering = router == pass->router && pass->called &&
			   output_first(&chain->links[link].output) == NULL;

	return is_offering ? of->channel : 0;
}

/* A broken channel ends the task at once, also one that waits for another: an input whose records
 * it has no room for, an output that it has nothing for. Those that are at their end do not count:
 * whoever has the end has everything. */
static bool is_broken(struct task *task, struct err *why)
{
	const struct chain *chain = &task->chain;
	uint64_t failures = channel_failures();

	if (likely(failures == task->failures_seen))
		return false;
	task->failures_seen = failures;
	for (uint32_t i = 0; i < task->inputs_count; i++)
		if (!task->inputs[i].ended && channel_failed(task->inputs[i].channel, why))
			return true;
	for (uint32_t i = 0; i < chain->links_count; i++)
		for (uint32_t j = 0; j < chain->links[i].routers_count; j++)
			if (router_failed(&chain->links[i].routers[j], first_not_ended(chain, i, j),
					  why))
				return true;
	return false;
}

static enum step blocked(struct task *task, mono_t now, mono_t *wake_at)
{
	struct err why;

	if (is_broken(task, &why))
		return fail(task, &why, NULL);
	publish_if_due(task, now, true, wake_at);
	ask_status(task, now, wake_at);
	return STEP_BLOCKED;
}

/* What the sinks buffer becomes visible when the task goes idle, or after the buffer timeout. */
static int flush_sinks_if_due(struct task *task, mono_t now, bool resting, struct err *err)
{
	int64_t timeout_ms = task->options.buffer_timeout_ms;

	if (!chain_has_dirty_sink(&task->chain))
		return 1;
	if (task->dirty_since == MONO_NEVER)
		task->dirty_since = now;
	if (!resting && (timeout_ms < 0 || now < mono_after_ms(task->dirty_since, timeout_ms)))
		return 1;
	task->dirty_since = MONO_NEVER;
	return chain_flush_sinks(&task->chain, err);
}

static enum step rest(struct task *task, mono_t now, mono_t *wake_at)
{
	struct err err = ERR_INIT;

	if (flush_sinks_if_due(task, now, task->found_nothing, &err) < 0)
		return chain_failed(task, &err);
	publish_if_due(task, now, task->found_nothing, wake_at);
	if (!task->found_nothing)
		return STEP_WORKED;
	if (is_broken(task, &err))
		return fail(task, &err, NULL);
	wake_for_timers(task, now, wake_at);
	if (!task->source_ended)
		*wake_at = mono_min(*wake_at, task->marker_at);
	ask_status(task, now, wake_at);
	return STEP_IDLE;
}

/* ---- running -------------------------------------------------------------------------------- */

/* 1: go on; 0: nothing more in this step; -1: failed. Moves the step to its next phase, or gives
 * the chain something to do. */
static int advance(struct task *task, mono_t now, mono_t *wake_at, struct err *err)
{
	enum taken taken;

	switch (task->phase) {
	case PHASE_TIME:
		task->phase = PHASE_INPUT;
		begin_time_pass(task);
		return 1;
	case PHASE_INPUT:
		if (task->records_left == 0 || task->bytes_left <= 0) {
			task->phase = PHASE_FLUSH;
			return 1;
		}
		taken = task->gate ? take_from_gate(task, err)
				   : poll_source(task, now, wake_at, err);
		if (taken == TAKEN_NOTHING) {
			task->found_nothing = true;
			task->phase = PHASE_FLUSH;
		}
		return taken == TAKEN_FAILED ? -1 : 1;
	case PHASE_FLUSH:
		task->phase = PHASE_REST;
		if (!begin_time_pass(task) && chain_has_unflushed(&task->chain))
			begin(task, (struct pass){ .kind = PASS_FLUSH });
		return 1;
	case PHASE_REST: break;
	}
	return 0;
}

static enum step run(struct task *task, mono_t now, mono_t *wake_at)
{
	struct err err = ERR_INIT;

	task->chain.calls_left = CALLS_PER_STEP;
	task->records_left = RECORDS_PER_STEP;
	task->bytes_left = BYTES_PER_STEP;
	task->phase = PHASE_TIME;
	task->found_nothing = false;
	task->wall = INT64_MIN;
	for (;;) {
		int flushed = task->chain.flushing ? chain_flush_sinks(&task->chain, &err) : 1;

		if (flushed < 0)
			return chain_failed(task, &err);
		if (flushed == 0)
			return blocked(task, now, wake_at);
		switch (chain_run(&task->chain, &err)) {
		case CHAIN_FAILED: return chain_failed(task, &err);
		case CHAIN_REFUSED: return blocked(task, now, wake_at);
		case CHAIN_AGAIN:
			if (flush_sinks_if_due(task, now, false, &err) < 0)
				return chain_failed(task, &err);
			publish_if_due(task, now, false, wake_at);
			return STEP_WORKED;
		case CHAIN_DONE: break;
		}
		release_input(task);
		if (begin_latency_pass(task, now) || begin_control_pass(task))
			continue;
		if (task->ended)
			return end_as(task, TASK_FINISHED);
		int more = advance(task, now, wake_at, &err);

		if (more < 0)
			return chain_failed(task, &err);
		if (more == 0)
			return rest(task, now, wake_at);
	}
}

/* ---- before running ------------------------------------------------------------------------- */

/* One operator per step: opening may do real work. */
static enum step open_chain(struct task *task)
{
	struct err err = ERR_INIT;
	int answer = chain_open_next(&task->chain, &err);

	if (answer < 0)
		return chain_failed(task, &err);
	if (answer == 0)
		return STEP_WORKED;
	move(task, TASK_RUNNING);
	if (chain_is_source(&task->chain) && task->chain.links[0].source->reader_add != NULL)
		task->options.reader_ready(task->options.context, task, 0);
	return STEP_WORKED;
}

/* ---- commands ------------------------------------------------------------------------------- */

/* True: the task ended; *answer says how the step ends. */
static bool obey(struct task *task, struct command *command, enum step *answer)
{
	struct err err = ERR_INIT;

	switch (command->kind) {
	case COMMAND_CANCEL:
		move(task, TASK_CANCELING);
		*answer = end_as(task, TASK_CANCELED);
		return true;
	case COMMAND_FAIL:
		*answer = fail(task, &command->why, NULL);
		return true;
	case COMMAND_SPLITS:
		if (command->operator != 0)
			err_set(&err, ERR_BUG, "splits for operator %u of \"%s\"",
				command->operator, task->name);
		else if (chain_add_splits(&task->chain, command->splits, command->count,
					  command->no_more, &err) == 0)
			return false;
		*answer = chain_failed(task, &err);
		return true;
	}
	return false;
}

static bool obey_and_free(struct task *task, struct command *command, enum step *answer)
{
	bool ended = obey(task, command, answer);

	command_free(command);
	return ended;
}

static bool obey_all(struct task *task, enum step *answer)
{
	struct inbox_node *node;

	while ((node = inbox_take(&task->inbox)) != NULL) {
		struct command *command = CONTAINER_OF(node, struct command, node);

		if (command->kind == COMMAND_SPLITS && task->state != TASK_RUNNING)
			list_push_back(&task->splits_held,
				       &command->held); /* until the reader is open */
		else if (obey_and_free(task, command, answer))
			return true;
	}
	while (task->state == TASK_RUNNING && !list_empty(&task->splits_held)) {
		struct list_node *held = list_pop_front(&task->splits_held);

		if (obey_and_free(task, CONTAINER_OF(held, struct command, held), answer))
			return true;
	}
	return false;
}

/* ---- the agent ------------------------------------------------------------------------------ */

/* An edge refused, or an operator waits for what lies outside: that is its own slowness, so it is
 * busy time of the task and of the operator. */
static struct counter *account_blocked(struct task *task, uint64_t ns)
{
	int64_t by = atomic_load_explicit(&task->blocked_by, memory_order_relaxed);
	struct link *waiter = chain_waiter(&task->chain, by);

	counter_add(waiter ? &waiter->waits_ns : &task->edges_ns[by], ns);
	return waiter ? &task->metrics.busy_ns : &task->metrics.backpressured_ns;
}

/* The time since the last answer belongs to that answer, and the time of this step is busy. */
static void account(struct task *task, mono_t until, enum step as)
{
	mono_t since = atomic_load_explicit(&task->accounted_until, memory_order_relaxed);
	uint64_t ns = until > since ? (uint64_t)(until - since) : 0;
	struct counter *counter = as == STEP_IDLE      ? &task->metrics.idle_ns
				  : as == STEP_BLOCKED ? account_blocked(task, ns)
						       : &task->metrics.busy_ns;

	counter_add(counter, ns);
	atomic_store_explicit(&task->accounted_until, until, memory_order_relaxed);
}

static enum step step_as_state_has_it(struct task *task, mono_t now, mono_t *wake_at)
{
	enum step answer;

	if (obey_all(task, &answer))
		return answer;
	switch ((enum task_state)task->state) {
	case TASK_CREATED:
		move(task, TASK_DEPLOYING);
		move(task, TASK_INITIALIZING);
		return STEP_WORKED;
	case TASK_INITIALIZING: return open_chain(task);
	case TASK_RUNNING: return run(task, now, wake_at);
	default: CHECK(false, "a step of a task that is %s", sm_name(&task_states, task->state));
	}
	return STEP_DONE;
}

/* A function has closed descriptors by number, ours among them. Nothing works from here on, and
 * whoever stumbles next is innocent: so it ends now, in the function's name. */
static void accuse(struct link *link)
{
	user_call_enter(&link->call);
	CHECK(false, "\"%s\": its function closed descriptors of this process",
	      link->context.operator_name);
}

enum step task_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct task *task = (struct task *)agent;
	enum step before = atomic_load_explicit(&task->accounted_as, memory_order_relaxed);

	account(task, now, before);
	if (task->gate != NULL)
		gate_debloat(task->gate, now, counter_get(&task->metrics.idle_ns));
	atomic_store_explicit(&task->step_since, now, memory_order_relaxed);
	enum step answer = step_as_state_has_it(task, now, wake_at);

	if (answer != STEP_WORKED && task->chain.foreign != NULL &&
	    unlikely(!runner_intact(task->options.runner)))
		accuse(task->chain.foreign);
	if (answer != STEP_WORKED) /* while it works, busy time runs on until the next step */
		account(task, world_now(task->options.world), STEP_WORKED);
	atomic_store_explicit(&task->blocked_by, task->chain.refused_by, memory_order_relaxed);
	atomic_store_explicit(&task->accounted_as, answer, memory_order_relaxed);
	atomic_store_explicit(&task->step_since, 0, memory_order_relaxed);
	return answer;
}
