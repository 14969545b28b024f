/* SPDX-License-Identifier: Apache-2.0
 * executor_metrics.c - the numbers of tasks in heartbeats: those that changed since the JobManager
 * last answered.
 *
 * A number travels whole, not as a difference: a heartbeat that is lost is made up for by the next
 * one, and one that comes twice changes nothing. One heartbeat is under way at a time. */
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "taskmanager/exec/executor_priv.h"

void executor_told_fini(struct executor_told *told)
{
	mem_free(told->answered);
	mem_free(told->sent);
	mem_free(told->text_answered);
	mem_free(told->text_sent);
	mem_free(told->latencies_answered);
	mem_free(told->latencies_sent);
	*told = (struct executor_told){ .count = 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void begin_telling(struct executor_told *told, uint32_t count)
{
	if (told->sent != NULL)
		return;
	told->count = count;
	told->sent = MEM_NEW_ARRAY(uint64_t, count);
	told->answered = MEM_NEW_ARRAY(uint64_t, count);
}

/* Status and blocking go together, when either changed. */
static void tell_status(struct executor_task *task, struct arena *arena, Flink__TaskMetrics *into)
{
	struct executor_told *told = &task->told;
	char *text = task_status_text(task->task, arena);
	bool blocking = task_is_blocking(task->task);

	if (same_text(told->text_answered, text) && told->blocking_answered == blocking)
		return;
	into->status_told = true;
	into->status_text = text;
	into->blocking = blocking;
	told->text_sent = mem_strdup(text);
	told->blocking_sent = blocking;
}

static void tell_latencies(struct executor_task *task, struct arena *arena,
			   Flink__TaskMetrics *into)
{
	struct executor_told *told = &task->told;

	if (!task_has_latencies(task->task))
		return;
	if (told->latencies_sent == NULL) {
		told->latencies_sent = MEM_NEW_ARRAY(uint64_t, LATENCY_ENTRIES_MAX);
		told->latencies_answered = MEM_NEW_ARRAY(uint64_t, LATENCY_ENTRIES_MAX);
	}
	memcpy(told->latencies_sent, told->latencies_answered,
	       LATENCY_ENTRIES_MAX * sizeof(*told->latencies_sent));
	into->n_latencies =
		task_latencies(task->task, told->latencies_sent, arena, &into->latencies);
}

/* False: more than `room` numbers changed; nothing is told. */
static bool tell_task(struct executor_task *task, struct arena *arena, uint32_t *room,
		      Flink__HeartbeatRequest *request)
{
	struct metric_value values[LIMIT_TASK_METRICS_MAX];
	uint32_t count = task_values(task->task, values), changed = 0;
	struct executor_told *told = &task->told;

	begin_telling(told, count);
	mem_free(told->text_sent); /* of a heartbeat that was not answered */
	told->text_sent = NULL;
	for (uint32_t i = 0; i < count; i++)
		changed += values[i].value != told->answered[i];
	if (changed > *room)
		return false;
	*room -= changed;
	Flink__TaskMetrics *into = arena_alloc(arena, sizeof(*into));

	flink__task_metrics__init(into);
	into->ids = arena_alloc(arena, changed * sizeof(*into->ids));
	into->values = arena_alloc(arena, changed * sizeof(*into->values));
	for (uint32_t i = 0; i < count; i++) {
		told->sent[i] = values[i].value;
		if (values[i].value == told->answered[i])
			continue;
		into->ids[into->n_ids++] = values[i].id;
		into->values[into->n_values++] = values[i].value;
	}
	tell_status(task, arena, into);
	tell_latencies(task, arena, into);
	told->under_way = into->n_ids > 0 || into->status_told || into->n_latencies > 0;
	if (!told->under_way)
		return true;
	into->execution_id = id_to_message(&task->execution_id);
	into->sequence = ++task->executor->metrics_sequence;
	request->tasks[request->n_tasks++] = into;
	return true;
}

/* Numbers that a heartbeat has no room for come with the next one, which begins with them. */
static void tell_in_turns(struct task_executor *executor, struct executor_task **tasks,
			  size_t count, struct arena *arena, Flink__HeartbeatRequest *request)
{
	uint32_t room = LIMIT_HEARTBEAT_METRICS_MAX;
	size_t first = count > 0 ? executor->metrics_first % count : 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = (first + i) % count;

		if (tell_task(tasks[at], arena, &room, request))
			continue;
		if (executor->metrics_late == 0)
			log_warn(EXECUTOR_LOGGER,
				 "More than %d numbers of %zu tasks changed within one heartbeat; "
				 "the rest are told in turns, so they lag behind.",
				 LIMIT_HEARTBEAT_METRICS_MAX, count);
		executor->metrics_late += count - i;
		executor->metrics_first = at;
		return;
	}
}

void executor_metrics_tell(struct task_executor *executor, struct arena *arena,
			   Flink__HeartbeatRequest *request)
{
	size_t room = map_count(executor->tasks), at = 0, count = 0;
	struct executor_task **tasks = arena_alloc(arena, room * sizeof(*tasks));
	void *value;

	request->tasks = arena_alloc(arena, room * sizeof(*request->tasks));
	while (map_next(executor->tasks, &at, NULL, &value)) {
		struct executor_task *task = value;

		task->told.under_way = false;
		if (task->task != NULL)
			tasks[count++] = task;
	}
	tell_in_turns(executor, tasks, count, arena, request);
	request->metrics_late = executor->metrics_late;
}

void executor_metrics_answered(struct task_executor *executor)
{
	size_t at = 0;
	void *value;

	while (map_next(executor->tasks, &at, NULL, &value)) {
		struct executor_told *told = &((struct executor_task *)value)->told;

		if (!told->under_way)
			continue;
		told->under_way = false;
		memcpy(told->answered, told->sent, told->count * sizeof(*told->sent));
		if (told->latencies_sent != NULL)
			memcpy(told->latencies_answered, told->latencies_sent,
			       LATENCY_ENTRIES_MAX * sizeof(*told->latencies_sent));
		if (told->text_sent == NULL)
			continue;
		mem_free(told->text_answered);
		told->text_answered = told->text_sent;
		told->text_sent = NULL;
		told->blocking_answered = told->blocking_sent;
	}
}
