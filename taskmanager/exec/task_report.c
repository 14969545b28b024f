/* SPDX-License-Identifier: Apache-2.0
 * task_report.c - what others ask a task, from any thread: names, state, counters, status. Nothing
 * here stops the runner's thread. */
#include "common/base/utf8.h"
#include "common/world/world.h"
#include "taskmanager/exec/task_priv.h"

#define BLOCKING_NS (10 * NS_PER_MS)
#define STATUS_TRIES_MAX 1000

const struct id *task_execution_id(const struct task *task)
{
	return &task->execution_id;
}

const struct id *task_job_id(const struct task *task)
{
	return &task->job_id;
}

const char *task_name(const struct task *task)
{
	return task->name;
}

enum task_state task_state_of(const struct task *task)
{
	return atomic_load(&((struct task *)(uintptr_t)task)->state_seen);
}

struct task_metrics *task_metrics_of(struct task *task)
{
	return &task->metrics;
}

const char *task_current_operator(const struct task *task)
{
	return atomic_load(&((struct task *)(uintptr_t)task)->chain.current);
}

struct agent *task_agent(struct task *task)
{
	return &task->agent;
}

/* ---- status text: one writer, any readers, nobody waits ------------------------------------- */

void task_set_status(struct task *task, const char *text, size_t length)
{
	uint64_t words[TASK_STATUS_WORDS] = { 0 };
	bool same = true;

	memcpy(words, text, length < sizeof(words) ? length : sizeof(words) - 1);
	for (uint32_t i = 0; i < TASK_STATUS_WORDS; i++)
		same &= atomic_load_explicit(&task->status[i], memory_order_relaxed) == words[i];
	if (same)
		return;
	atomic_fetch_add(&task->status_version, 1);
	for (uint32_t i = 0; i < TASK_STATUS_WORDS; i++)
		atomic_store(&task->status[i], words[i]);
	atomic_fetch_add(&task->status_version, 1);
}

/* A status that keeps changing while it is read is given as none: the next report has it. */
char *task_status_text(struct task *task, struct arena *arena)
{
	uint64_t words[TASK_STATUS_WORDS];

	for (uint32_t tries = 0; tries < STATUS_TRIES_MAX; tries++) {
		uint32_t version = atomic_load(&task->status_version);

		for (uint32_t i = 0; i < TASK_STATUS_WORDS; i++)
			words[i] = atomic_load(&task->status[i]);
		if (version % 2 == 0 && version == atomic_load(&task->status_version)) {
			char *text = arena_strndup(arena, (const char *)words,
						   strnlen((const char *)words, sizeof(words)));

			utf8_clean(text); /* a connector's words, perhaps cut to fit */
			return text;
		}
	}
	return arena_strdup(arena, "");
}

/* ---- numbers -------------------------------------------------------------------------------- */

bool task_is_blocking(const struct task *task)
{
	mono_t since = atomic_load(&((struct task *)(uintptr_t)task)->step_since);

	return since != 0 && world_now(task->options.world) - since > BLOCKING_NS;
}

struct times { /* ns */
	uint64_t busy, idle, backpressured;
	uint64_t running; /* contained in one of them: since the last account */
	enum metric_state state;
	int64_t blocked_by; /* where `running` belongs if the task is blocked … */
	bool blocked;       /* … which it is */
	mono_t now;
};

/* What the last answer stands for goes on while nobody steps the task, and a step is busy. */
static void times_now(struct task *task, mono_t since, struct times *times)
{
	const struct task_metrics *metrics = &task->metrics;
	enum step as = (enum step)atomic_load(&task->accounted_as);
	mono_t now = world_now(task->options.world);

	*times = (struct times){ .busy = counter_get(&metrics->busy_ns),
				 .idle = counter_get(&metrics->idle_ns),
				 .backpressured = counter_get(&metrics->backpressured_ns),
				 .state = METRIC_IS_IDLE,
				 .now = now,
				 .blocked_by = atomic_load(&task->blocked_by) };
	if (sm_is_final(&task_states, atomic_load(&task->state_seen)))
		return;
	times->running = now > since ? (uint64_t)(now - since) : 0;
	if (atomic_load(&task->step_since) != 0)
		as = STEP_WORKED;
	times->blocked = as == STEP_BLOCKED;
	if (as == STEP_IDLE) {
		times->idle += times->running;
	} else if (times->blocked && times->blocked_by >= 0) {
		times->backpressured += times->running;
		times->state = METRIC_IS_BACKPRESSURED;
	} else {
		times->busy += times->running;
		times->state = METRIC_IS_BUSY;
	}
}

/* All of one moment, unless the task accounts faster than it can be read. */
static void times_of(struct task *task, struct times *times)
{
	for (uint32_t tries = 0; tries < STATUS_TRIES_MAX; tries++) {
		mono_t since = atomic_load(&task->accounted_until);

		times_now(task, since, times);
		if (atomic_load(&task->accounted_until) == since)
			return;
	}
}

/* A source takes in what it emits and a sink gives out what it is given, in bytes as the system
 * outside has them. */
static void operator_figures(struct task *task, uint32_t index, const struct times *times,
			     uint64_t values[OPERATOR_METRICS])
{
	struct chain *chain = &task->chain;
	struct link *link = &chain->links[index];
	uint64_t outside = counter_get(&link->outside_bytes),
		 busy_ns = chain_link_busy_ns(chain, link, times->now);

	values[OPERATOR_RECORDS_IN] = counter_get(&link->records_in);
	values[OPERATOR_RECORDS_OUT] = counter_get(&link->records_out);
	values[OPERATOR_BYTES_IN] = counter_get(&link->bytes_in);
	values[OPERATOR_BYTES_OUT] = counter_get(&link->bytes_out);
	if (index == 0 && link->source == NULL)
		values[OPERATOR_BYTES_IN] = counter_get(&task->metrics.bytes_in);
	if (link->source != NULL) {
		values[OPERATOR_RECORDS_IN] = values[OPERATOR_RECORDS_OUT];
		values[OPERATOR_BYTES_IN] = outside ? outside : values[OPERATOR_BYTES_OUT];
	}
	if (link->sink != NULL) {
		values[OPERATOR_RECORDS_OUT] = values[OPERATOR_RECORDS_IN];
		values[OPERATOR_BYTES_OUT] = outside ? outside : values[OPERATOR_BYTES_IN];
	}
	if (times->blocked && chain_waiter(chain, times->blocked_by) == link)
		busy_ns += times->running;
	values[OPERATOR_BUSY_US] = busy_ns / NS_PER_US;
}

static void gauge_channels(struct task *task, uint64_t values[TASK_METRICS])
{
	pthread_mutex_lock(&task->channels_lock);
	if (task->gate != NULL) {
		values[METRIC_IN_QUEUED_MS] = gate_queued_ms(task->gate);
		values[METRIC_IN_FILL_BYTES] = gate_fill_bytes(task->gate);
	}
	for (uint32_t i = 0; i < task->inputs_count; i++) {
		struct channel_gauge gauge = channel_gauge_of(task->inputs[i].channel);
		uint32_t own = gauge.held < gauge.exclusive ? gauge.held : gauge.exclusive;

		values[METRIC_IN_QUEUED] += gauge.queued;
		values[METRIC_IN_EXCLUSIVE] += gauge.exclusive;
		values[METRIC_IN_EXCLUSIVE_HELD] += own;
		values[METRIC_IN_FLOATING_HELD] += gauge.held - own;
		if (gauge.allowed > gauge.exclusive)
			values[METRIC_IN_FLOATING] += gauge.allowed - gauge.exclusive;
	}
	for (uint32_t i = 0; i < task->chain.links_count; i++) {
		const struct link *link = &task->chain.links[i];

		for (uint32_t j = 0; j < link->routers_count; j++)
			for (uint32_t k = 0; k < link->routers[j].channels_count; k++) {
				struct channel_gauge gauge =
					channel_gauge_of(link->routers[j].channels[k]);

				values[METRIC_OUT_QUEUED] += gauge.queued;
				values[METRIC_OUT_HELD] += gauge.held;
				values[METRIC_OUT_ALLOWED] += gauge.allowed;
			}
	}
	pthread_mutex_unlock(&task->channels_lock);
}

static void task_figures(struct task *task, const struct times *times,
			 uint64_t values[TASK_METRICS])
{
	values[METRIC_RECORDS_IN] = counter_get(&task->metrics.records_in);
	values[METRIC_RECORDS_OUT] = counter_get(&task->metrics.records_out);
	values[METRIC_BYTES_IN] = counter_get(&task->metrics.bytes_in);
	values[METRIC_BYTES_OUT] = counter_get(&task->metrics.bytes_out);
	values[METRIC_BUSY_US] = times->busy / NS_PER_US;
	values[METRIC_IDLE_US] = times->idle / NS_PER_US;
	values[METRIC_BACKPRESSURED_US] = times->backpressured / NS_PER_US;
	values[METRIC_STATE] = times->state;
	if (times->blocked && times->blocked_by < 0)
		values[METRIC_WAITING_US] += times->running / NS_PER_US;
	for (uint32_t i = 0; i < task->chain.links_count; i++)
		values[METRIC_WAITING_US] +=
			counter_get(&task->chain.links[i].waits_ns) / NS_PER_US;
	gauge_channels(task, values);
}

static uint32_t put(struct metric_value *into, uint32_t scope, const uint64_t *values,
		    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		into[i] = (struct metric_value){ metric_id(scope, i), values[i] };
	return count;
}

static uint64_t edge_us(const struct task *task, const struct times *times, uint32_t edge)
{
	uint64_t ns = counter_get(&task->edges_ns[edge]);

	return (ns + (times->blocked && times->blocked_by == edge ? times->running : 0)) /
	       NS_PER_US;
}

uint32_t task_values(struct task *task, struct metric_value values[LIMIT_TASK_METRICS_MAX])
{
	uint64_t all[TASK_METRICS] = { 0 };
	uint32_t count = TASK_METRICS;
	struct times times = { 0 };

	times_of(task, &times);
	task_figures(task, &times, all);
	for (uint32_t i = 0; i < task->chain.links_count; i++) {
		const struct link *link = &task->chain.links[i];
		uint64_t of[OPERATOR_METRICS];

		operator_figures(task, i, &times, of);
		all[METRIC_RECORDS_IN] += link->source ? of[OPERATOR_RECORDS_IN] : 0;
		all[METRIC_BYTES_IN] += link->source ? of[OPERATOR_BYTES_IN] : 0;
		all[METRIC_RECORDS_OUT] += link->sink ? of[OPERATOR_RECORDS_OUT] : 0;
		all[METRIC_BYTES_OUT] += link->sink ? of[OPERATOR_BYTES_OUT] : 0;
		if (i < task->plan.operators)
			count += put(values + count, METRIC_SCOPE_OPERATOR + i, of,
				     OPERATOR_METRICS);
	}
	put(values, METRIC_SCOPE_TASK, all, TASK_METRICS);
	for (uint32_t i = 0; i < task->plan.edges; i++) {
		uint64_t us = edge_us(task, &times, i);

		count += put(values + count, METRIC_SCOPE_EDGE + i, &us, 1);
	}
	return count;
}

bool task_has_latencies(const struct task *task)
{
	return atomic_load(&((struct task *)(uintptr_t)task)->latencies.count) > 0;
}

uint32_t task_latencies(struct task *task, uint64_t told[LATENCY_ENTRIES_MAX], struct arena *arena,
			Flink__LatencyHistogram ***into)
{
	return latency_table_tell(&task->latencies, told, arena, into);
}

/* ---- the report ----------------------------------------------------------------------------- */

void task_report(struct task *task, struct arena *arena, Flink__TaskMetrics *into)
{
	struct bytes id = arena_dup(arena, bytes_of(task->execution_id.bytes, sizeof(struct id)));
	struct metric_value values[LIMIT_TASK_METRICS_MAX];
	uint32_t count = task_values(task, values);

	flink__task_metrics__init(into);
	into->execution_id = (ProtobufCBinaryData){ id.size_bytes, (uint8_t *)(uintptr_t)id.data };
	into->status_text = task_status_text(task, arena);
	into->blocking = task_is_blocking(task);
	into->status_told = true;
	into->ids = arena_alloc(arena, count * sizeof(*into->ids));
	into->values = arena_alloc(arena, count * sizeof(*into->values));
	into->n_ids = into->n_values = count;
	into->n_latencies = task_latencies(task, NULL, arena, &into->latencies);
	for (uint32_t i = 0; i < count; i++) {
		into->ids[i] = values[i].id;
		into->values[i] = values[i].value;
	}
}
