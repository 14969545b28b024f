/* SPDX-License-Identifier: Apache-2.0
 * task_executor.c - the agent behind the TaskExecutor service: slots, deployment, cancellation, and
 * the connection to the JobManager.
 *
 * A task lives here from SubmitTask until its final state was acknowledged: waiting for its job's
 * artifacts, then as a struct task on its slot's runner, then as a report. The step is a walk over
 * all of it; every part is idempotent, so nothing depends on which event woke the agent. */
#include "taskmanager/exec/task_executor.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/exec/executor_priv.h"

struct rpc_fence executor_fence(const struct task_executor *executor)
{
	struct rpc_fence fence = { .leader_epoch = executor->leader_epoch };

	memcpy(fence.incarnation, executor->options.incarnation.bytes, sizeof(fence.incarnation));
	return fence;
}

void executor_post(struct task_executor *executor, struct event *event)
{
	inbox_post(&executor->inbox, &event->node);
	agent_wake(&executor->agent);
}

struct executor_task *executor_find_task(struct task_executor *executor,
					 const ProtobufCBinaryData *id)
{
	return map_get(executor->tasks, bytes_of(id->data, id->len));
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static void state_changed(void *context, struct task *task, enum task_state state,
			  const struct err *failure, const char *failed_operator)
{
	struct executor_task *owner = context;
	struct event *event = MEM_NEW(struct event);

	event->kind = EVENT_STATE;
	event->execution_id = owner->execution_id;
	event->state = state;
	if (failure != NULL)
		event->failure = *failure;
	event->failed_operator = mem_strdup(failed_operator);
	executor_post(owner->executor, event);
}

static void reader_ready(void *context, struct task *task, uint32_t operator)
{
	struct executor_task *owner = context;
	struct event *event = MEM_NEW(struct event);

	event->kind = EVENT_READER;
	event->execution_id = owner->execution_id;
	event->operator = operator;
	executor_post(owner->executor, event);
}

static void task_failed(struct executor_task *task, const struct err *why)
{
	task->state = TASK_FAILED;
	task->failure = *why;
	agent_wake(&task->executor->agent);
}

static int make_task(struct executor_task *task, struct err *err)
{
	struct task_executor *executor = task->executor;
	struct executor_slot *slot = executor_find_slot(executor, &task->allocation_id);
	const struct conf *conf = executor->conf;

	if (slot == NULL)
		return err_set(err, ERR_DEPLOY_FAILED,
			       "the slot was given back before the task began");
	if (task->deployment->job_attempt > task->job->attempt) {
		task->job->attempt = task->deployment->job_attempt;
		shuffle_release_attempts(executor->options.shuffle, &task->job->id,
					 task->job->attempt);
	}
	shuffle_size_job(executor->options.shuffle, &task->job->id,
			 task->placement->message->segment_bytes,
			 task->placement->message->buffers_per_channel_max);
	if (slot->runner == NULL) {
		slot->runner = runner_create(executor->world, "slot", err);
		if (slot->runner == NULL)
			return -1;
		shuffle_serve_on(executor->options.shuffle, slot->runner);
	}
	struct task_options options = {
		.world = executor->world,
		.runner = slot->runner,
		.shuffle = executor->options.shuffle,
		.graph = task->job->graph,
		.types = task->job->types,
		.modules = task->job->modules,
		.deployment = task->deployment,
		.placement = task->placement->message,
		.managed = &slot->managed,
		.overdraft_bytes = executor->options.budget.overdraft_bytes,
		.local_resource_id = executor->options.resource_id,
		.fire_at_end = conf_bool(conf, "pipeline.processing-time.fire-at-end"),
		.buffer_timeout_ms =
			executor_job_duration_ms(task, "execution.buffer-timeout.interval"),
		.latency_interval_ms = executor_job_duration_ms(task, "metrics.latency.interval"),
		.state_changed = state_changed,
		.reader_ready = reader_ready,
		.print = executor_output_print,
		.context = task,
	};
	const char *fire_at_end =
		job_graph_setting(task->job->graph, "pipeline.processing-time.fire-at-end");
	const char *granularity =
		job_graph_setting(task->job->graph, "metrics.latency.granularity");

	if (fire_at_end != NULL)
		options.fire_at_end = strcmp(fire_at_end, "false") != 0;
	(void)latency_granularity_parse(conf_text(conf, "metrics.latency.granularity"),
					&options.latency_granularity);
	if (granularity != NULL)
		(void)latency_granularity_parse(granularity, &options.latency_granularity);
	return task_create(&options, &task->task, err);
}

/* ---- room for channels: others may be about to give theirs back ----------------------------- */

#define ROOM_WAIT_MS 2000
#define ROOM_TRY_MS 20

void executor_room_given_up(struct executor_task *task)
{
	if (!task->waits_for_room)
		return;
	task->waits_for_room = false;
	segment_pool_hold(shuffle_pool(task->executor->options.shuffle), false);
}

static void wait_for_room(struct executor_task *task, mono_t now)
{
	if (!task->waits_for_room) {
		SOMETIMES("a task waits for network buffers");
		task->waits_for_room = true;
		task->room_until = mono_after_ms(now, ROOM_WAIT_MS);
		segment_pool_hold(shuffle_pool(task->executor->options.shuffle), true);
	}
	task->room_at = mono_after_ms(now, ROOM_TRY_MS);
}

/* Of a task whose job is ready. */
static void try_to_make(struct executor_task *task)
{
	struct task_executor *executor = task->executor;
	mono_t now = loop_now(runner_loop(executor->options.runner));
	struct err err;

	if (!task->waits_for_room || now >= task->room_at) {
		bool made = make_task(task, &err) == 0;

		if (!made && err.code == ERR_BUFFERS &&
		    (!task->waits_for_room || now < task->room_until)) {
			wait_for_room(task, now);
		} else {
			executor_room_given_up(task);
			executor_task_has_come(task);
			if (!made)
				task_failed(task, &err);
		}
	}
	if (task->waits_for_room)
		executor->room_at = mono_min(executor->room_at, task->room_at);
}

static void give_splits(struct executor_task *task)
{
	struct list_node *node;

	while ((node = list_pop_front(&task->waiting_splits)) != NULL) {
		struct pending_splits *pending = CONTAINER_OF(node, struct pending_splits, node);

		if (task->task != NULL)
			task_add_splits(task->task, pending->operator, pending->splits,
					pending->count, pending->no_more);
		mem_free(pending);
	}
}

static void task_forget(struct executor_task *task)
{
	struct executor_job *job = task->job;

	map_remove(task->executor->tasks, map_key_id(&task->execution_id));
	give_splits(task);
	executor_room_given_up(task);
	executor_task_has_come(task);
	if (task->task != NULL)
		task_destroy(&task->task);
	executor_deployment_free(task);
	mem_free(task->failed_operator);
	executor_told_fini(&task->told);
	mem_free(task);
	job->tasks_count--;
}

void executor_task_advance(struct executor_task *task)
{
	if (task->task == NULL && task->state == TASK_CREATED) {
		if (task->job->failure.code != ERR_NONE)
			task_failed(task, &task->job->failure);
		else if (task->job->ready)
			try_to_make(task);
	}
	if (task->task != NULL)
		give_splits(task);
	executor_tell_readers(task);
	executor_report(task);
	if (sm_is_final(&task_states, task->state) && task->reported_state == task->state &&
	    !task->sending)
		task_forget(task);
}

static void cancel_task_call(Flink__TaskExecutor_Service *service,
			     const Flink__CancelTaskRequest *input, Flink__Empty_Closure closure,
			     void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct executor_task *task = executor_find_task(executor, &input->execution_id);

	if (task ==
	    NULL) { /* it ended and was acknowledged, or never came: the caller may forget it */
		struct err err;

		err_set(&err, ERR_FENCED, "there is no such task here");
		rpc_fail(closure_data, &err);
		return;
	}
	executor_cancel_task(task);
	executor_answer_empty(closure, closure_data);
}

static void add_splits(Flink__TaskExecutor_Service *service, const Flink__AddSplitsRequest *input,
		       Flink__Empty_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct executor_task *task = executor_find_task(executor, &input->execution_id);
	struct err err;
	size_t bodies = 0;

	if (task == NULL || sm_is_final(&task_states, task->state)) {
		err_set(&err, ERR_FENCED, "there is no such task here");
		rpc_fail(closure_data, &err);
		return;
	}
	for (size_t i = 0; i < input->n_splits; i++)
		bodies += input->splits[i]->body.len;
	struct pending_splits *pending =
		mem_alloc(sizeof(*pending) + input->n_splits * sizeof(struct split) + bodies);
	char *body = (char *)(pending->splits + input->n_splits);

	pending->operator = input->operator_;
	pending->count = (uint32_t)input->n_splits;
	pending->no_more = input->no_more;
	for (size_t i = 0; i < input->n_splits; i++) {
		if (input->splits[i]->body.len > 0) /* an empty one has no data to point at */
			memcpy(body, input->splits[i]->body.data, input->splits[i]->body.len);
		pending->splits[i] = (struct split){ input->splits[i]->id,
						     bytes_of(body, input->splits[i]->body.len) };
		body += input->splits[i]->body.len;
	}
	list_push_back(&task->waiting_splits, &pending->node);
	executor_answer_empty(closure, closure_data);
	agent_wake(&executor->agent);
}

static void release_job(Flink__TaskExecutor_Service *service, const Flink__ReleaseJobRequest *input,
			Flink__Empty_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct executor_job *job =
		map_get(executor->jobs, bytes_of(input->job_id.data, input->job_id.len));

	if (job != NULL)
		executor_job_release(job);
	executor_answer_empty(closure, closure_data);
}

static void thread_dump(Flink__TaskExecutor_Service *service, const Flink__Empty *input,
			Flink__ThreadDumpResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	Flink__ThreadDumpResponse answer = FLINK__THREAD_DUMP_RESPONSE__INIT;
	struct arena *arena = arena_create("thread dump");

	answer.threads = arena_alloc(arena, executor->options.slots * sizeof(*answer.threads));
	for (uint32_t i = 0; i < executor->options.slots; i++) {
		struct executor_slot *slot = &executor->slots[i];
		mono_t since = 0;

		if (slot->runner == NULL)
			continue;
		struct agent *current = runner_current(slot->runner, &since);
		Flink__KeyValue *thread = arena_alloc(arena, sizeof(*thread));
		int64_t us = current ? (world_now(executor->world) - since) / NS_PER_US : 0;

		flink__key_value__init(thread);
		thread->key = arena_printf(arena, "slot-%u", i);
		thread->value = arena_printf(
			arena, "\"slot-%u\" %s%s%s\n", i, current ? "in a step of " : "idle",
			current ? current->name : "",
			us > 0 ? arena_printf(arena, " for %lld us", (long long)us) : "");
		answer.threads[answer.n_threads++] = thread;
	}
	closure(&answer, closure_data);
	arena_destroy(&arena);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void take_event(struct task_executor *executor, struct event *event)
{
	struct executor_task *task = map_get(executor->tasks, map_key_id(&event->execution_id));

	switch (event->kind) {
	case EVENT_OUTPUT:
		executor_output_take(event->job, event);
		break;
	case EVENT_READER:
		if (task != NULL)
			task->readers_ready |= UINT32_C(1) << event->operator;
		break;
	case EVENT_STATE:
		if (task == NULL)
			break;
		task->state = event->state;
		if (event->state == TASK_FAILED) {
			task->failure = event->failure;
			task->failed_operator = event->failed_operator;
			event->failed_operator = NULL;
			log_warn(EXECUTOR_LOGGER, "%s switched to FAILED: %s",
				 task_name(task->task), task->failure.text);
		}
		break;
	}
	mem_free(event->failed_operator);
	mem_free(event);
}

static void take_events(struct task_executor *executor)
{
	struct inbox_node *node;

	while ((node = inbox_take(&executor->inbox)) != NULL)
		take_event(executor, CONTAINER_OF(node, struct event, node));
}

static void walk(struct task_executor *executor)
{
	size_t at = 0;
	void *value;

	executor->room_at = MONO_NEVER;
	while (map_next(executor->jobs, &at, NULL, &value)) {
		struct executor_job *job = value;

		executor_job_step(job);
		executor_output_push(job);
	}
	at = 0;
	while (map_next(executor->tasks, &at, NULL, &value))
		executor_task_advance(value);
	for (uint32_t i = 0; i < executor->options.slots; i++)
		executor_slot_step(executor, &executor->slots[i]);
	executor_jobs_leave(executor);
	executor_files_step(executor);
	executor_tidy_step(executor);
}

/* A JobManager that stays away for the heartbeat timeout is given up: its tasks have no master. */
static void watch_loss(struct task_executor *executor, mono_t now, mono_t *wake_at)
{
	if (executor->lost_at == MONO_NEVER)
		return;
	mono_t give_up = mono_after_ms(executor->lost_at, executor->heartbeat_timeout_ms);

	if (now < give_up) {
		*wake_at = mono_min(*wake_at, give_up);
		return;
	}
	SOMETIMES("the JobManager stays away and its tasks are cancelled");
	executor->lost_at = MONO_NEVER;
	executor_cancel_all(executor, "the JobManager stayed away");
	agent_wake(&executor->agent);
}

static int open_client(struct task_executor *executor, struct err *err);

static enum step executor_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct task_executor *executor = CONTAINER_OF(agent, struct task_executor, agent);
	struct err err;

	if (!executor->started) {
		executor->started = true;
		executor_tidy_begin(executor);
		if (open_client(executor, &err) != 0)
			log_error(EXECUTOR_LOGGER, "Cannot connect to the JobManager: %s",
				  err.text);
	}
	take_events(executor);
	if (atomic_load(&executor->stopping) && !atomic_load(&executor->idle)) {
		executor_cancel_all(executor, "the TaskManager is stopping");
		if (executor->peer == NULL) { /* nobody to report to */
			size_t at = 0;
			void *value;

			while (map_next(executor->tasks, &at, NULL, &value))
				((struct executor_task *)value)->reported_state =
					((struct executor_task *)value)->state;
		}
	}
	walk(executor);
	if (executor->register_at <= now && executor->peer != NULL && !executor->registering)
		executor_register(executor, executor->peer);
	executor_heartbeat(executor, now, wake_at);
	watch_loss(executor, now, wake_at);
	executor_watch_cancelled(executor, now, wake_at);
	executor_watch_tries(executor, now, wake_at);
	executor_samples_step(executor, now, wake_at);
	*wake_at = mono_min(*wake_at, executor->room_at);
	if (executor->register_at != MONO_NEVER)
		*wake_at = mono_min(*wake_at, executor->register_at > now ? executor->register_at
									  : now + NS_PER_MS);
	if (atomic_load(&executor->stopping) && map_count(executor->tasks) == 0)
		atomic_store(&executor->idle, true);
	return STEP_IDLE;
}

static void peer_up(void *context, struct rpc_peer *peer)
{
	struct task_executor *executor = context;

	log_info(EXECUTOR_LOGGER, "Connected to the JobManager at %s.", rpc_peer_name(peer));
	executor_register(executor, peer);
}

static void peer_down(void *context, struct rpc_peer *peer, const struct err *why)
{
	struct task_executor *executor = context;
	bool was_registered = atomic_load(&executor->registered);

	if (peer != executor->peer)
		return;
	executor->peer = NULL;
	atomic_store(&executor->registered, false);
	if (executor->destroying)
		return;
	log_warn(EXECUTOR_LOGGER, "Connection to the JobManager is lost: %s", why->text);
	if (was_registered)
		executor->lost_at = loop_now(runner_loop(executor->options.runner));
	executor->registering = executor->heartbeating = false;
	executor->register_at = MONO_NEVER;
	agent_wake(&executor->agent); /* reports under way are answered in any case */
}

/* A call of a leader that is not the one registered with is refused. */
static int fence_check(void *context, struct rpc_peer *peer, const struct rpc_fence *fence,
		       const char *method, struct err *err)
{
	const struct task_executor *executor = context;

	if (fence->leader_epoch == 0 || executor->leader_epoch == 0 ||
	    fence->leader_epoch == executor->leader_epoch)
		return 0;
	return err_set(
		err, ERR_FENCED,
		"%s comes from the leader of epoch %016llx, this TaskManager follows %016llx",
		method, (unsigned long long)fence->leader_epoch,
		(unsigned long long)executor->leader_epoch);
}

static int open_client(struct task_executor *executor, struct err *err)
{
	const struct taskmanager_options *base = &executor->base;
	const char *host = base->jobmanager_host
				   ? base->jobmanager_host
				   : conf_text(executor->conf, "jobmanager.rpc.address");
	uint16_t port = base->jobmanager_port
				? base->jobmanager_port
				: (uint16_t)conf_int(executor->conf, "jobmanager.rpc.port");
	struct rpc_options options = {
		.component = EXECUTOR_LOGGER,
		.secret = executor->options.secret,
		.incarnation = executor->options.incarnation,
		.role = "taskmanager",
		.services = { &executor->service.base },
		.services_count = 1,
		.peer_up = peer_up,
		.peer_down = peer_down,
		.fence_check = fence_check,
		.context = executor,
	};

	log_info(EXECUTOR_LOGGER, "Connecting to the JobManager at %s:%u.", host, (unsigned)port);
	return rpc_client_open(executor->options.runner, host, port, &options, &executor->client,
			       err);
}

int task_executor_create(const struct task_executor_options *options, struct task_executor **out,
			 struct err *err)
{
	static const Flink__TaskExecutor_Service service = {
		.base = FLINK__TASK_EXECUTOR__BASE_INIT,
		.request_slot = executor_request_slot,
		.free_slot = executor_free_slot,
		.submit_tasks = executor_submit_tasks,
		.cancel_task = cancel_task_call,
		.add_splits = add_splits,
		.release_job = release_job,
		.list_files = executor_files_list,
		.read_file = executor_files_read,
		.read_lines = executor_files_lines,
		.thread_dump = thread_dump,
		.sample_stacks = executor_sample_stacks,
	};
	struct task_executor *executor = MEM_NEW(struct task_executor);

	executor->base = *options->base;
	executor->options = *options;
	executor->world = options->base->world;
	executor->conf = options->base->conf;
	executor->service = service;
	executor->lost_at = executor->register_at = MONO_NEVER;
	executor->heartbeat_timeout_ms = 5000;
	executor->slots = MEM_NEW_ARRAY(struct executor_slot, options->slots);
	for (uint32_t i = 0; i < options->slots; i++) {
		executor->slots[i].index = i;
		executor->slots[i].managed.limit_bytes =
			options->budget.slot_state_bytes;
		list_init(&executor->slots[i].free_calls);
	}
	executor->jobs = map_create();
	list_init(&executor->leaving);
	executor->tasks = map_create();
	list_init(&executor->file_calls);
	list_init(&executor->line_calls);
	list_init(&executor->stack_calls);
	list_init(&executor->removals);
	inbox_init(&executor->inbox);
	pthread_mutex_init(&executor->trouble_lock, NULL);
	executor->artifact_directory =
		executor_artifact_folder(executor->conf, options->resource_id);
	agent_init(&executor->agent, "task executor", executor_step);
	runner_add(options->runner, &executor->agent);
	*out = executor;
	return 0;
}

bool task_executor_registered(const struct task_executor *executor)
{
	return atomic_load(&((struct task_executor *)(uintptr_t)executor)->registered);
}

uint32_t task_executor_tasks(const struct task_executor *executor)
{
	return (uint32_t)map_count(executor->tasks);
}

void task_executor_stop(struct task_executor *executor)
{
	atomic_store(&executor->stopping, true);
	agent_wake(&executor->agent);
}

bool task_executor_idle(const struct task_executor *executor)
{
	return atomic_load(&((struct task_executor *)(uintptr_t)executor)->idle);
}

void task_executor_stop_slots(struct task_executor *executor)
{
	for (uint32_t i = 0; i < executor->options.slots; i++)
		shuffle_runner_destroy(executor->options.shuffle, &executor->slots[i].runner);
}

void task_executor_destroy(struct task_executor **pointer)
{
	struct task_executor *executor = *pointer;
	struct list_node *node;
	size_t at = 0;
	void *value;

	if (executor == NULL)
		return;
	executor->destroying = true;
	executor->peer = NULL; /* what is answered now is answered to nobody */
	if (executor->client != NULL)
		rpc_client_close(&executor->client); /* answers every call under way */
	executor_samples_fini(executor);
	take_events(executor);
	while (map_next(executor->tasks, &at, NULL, &value))
		task_forget(value);
	at = 0;
	while (map_next(executor->jobs, &at, NULL, &value))
		executor_job_destroy(value);
	LIST_FOR_EACH(&executor->leaving, struct executor_job, leaving_node, job)
		executor_job_destroy(job);
	executor_tidy_end(executor);
	map_destroy(&executor->tasks);
	map_destroy(&executor->jobs);
	executor_files_fini(executor);
	for (uint32_t i = 0; i < executor->options.slots; i++)
		while ((node = list_pop_front(&executor->slots[i].free_calls)) != NULL) {
			struct pending_call *call = CONTAINER_OF(node, struct pending_call, node);

			executor_answer_empty(call->closure,
				     call->closure_data); /* frees the call; nobody hears it */
			mem_free(call);
		}
	pthread_mutex_destroy(&executor->trouble_lock);
	mem_free(executor->slots);
	mem_free(executor->artifact_directory);
	mem_free(executor);
	*pointer = NULL;
}
