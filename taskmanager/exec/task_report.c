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
static char *status_copy(struct task *task, struct arena *arena)
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

/* ---- the report ----------------------------------------------------------------------------- */

/* What the last answer stands for goes on while nobody steps the task. */
static void report_times(struct task *task, Flink__TaskMetrics *into)
{
	const struct task_metrics *metrics = &task->metrics;
	uint64_t busy = counter_get(&metrics->busy_ns), idle = counter_get(&metrics->idle_ns);
	uint64_t backpressured = counter_get(&metrics->backpressured_ns);
	mono_t now = world_now(task->options.world), since = atomic_load(&task->accounted_until);
	uint64_t running = now > since ? (uint64_t)(now - since) : 0;
	mono_t step_since = atomic_load(&task->step_since);

	if (sm_is_final(&task_states, atomic_load(&task->state_seen)))
		running = 0;
	switch ((enum step)atomic_load(&task->accounted_as)) {
	case STEP_IDLE: idle += running; break;
	case STEP_BLOCKED: backpressured += running; break;
	case STEP_WORKED: busy += running; break;
	case STEP_DONE: break;
	}
	into->busy_ms = busy / NS_PER_MS;
	into->idle_ms = idle / NS_PER_MS;
	into->backpressured_ms = backpressured / NS_PER_MS;
	into->blocking = step_since != 0 && now - step_since > BLOCKING_NS;
}

void task_report(struct task *task, struct arena *arena, Flink__TaskMetrics *into)
{
	const struct chain *chain = &task->chain;
	struct bytes id = arena_dup(arena, bytes_of(task->execution_id.bytes, sizeof(struct id)));

	flink__task_metrics__init(into);
	into->execution_id = (ProtobufCBinaryData){ id.size_bytes, (uint8_t *)(uintptr_t)id.data };
	into->records_in = counter_get(&task->metrics.records_in);
	into->records_out = counter_get(&task->metrics.records_out);
	into->bytes_in = counter_get(&task->metrics.bytes_in);
	into->bytes_out = counter_get(&task->metrics.bytes_out);
	report_times(task, into);
	into->status_text = status_copy(task, arena);
	into->n_operators = chain->links_count;
	into->operators = arena_alloc(arena, chain->links_count * sizeof(*into->operators));
	for (uint32_t i = 0; i < chain->links_count; i++) {
		Flink__OperatorMetrics *metrics = arena_alloc(arena, sizeof(*metrics));

		flink__operator_metrics__init(metrics);
		metrics->records_in = counter_get(&chain->links[i].records_in);
		metrics->records_out = counter_get(&chain->links[i].records_out);
		into->operators[i] = metrics;
	}
}
