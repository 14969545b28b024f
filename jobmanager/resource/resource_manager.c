/* SPDX-License-Identifier: Apache-2.0
 * resource_manager.c - membership: TaskManagers come, fall silent, break off, and come back.
 *
 *   registered ---- heartbeat.timeout without a word, or its connection ends ---> not available
 *   not available - a heartbeat over the same connection (it was stopped), or
 *                   a registration of the same life (it had lost the connection) -> available
 *   any ----------- a registration of another life of the same resource id ------> replaced
 *
 * While it is not available its slots do not count and its executions have failed; when it comes
 * back it is told that all it was told before is over, and slots that it still holds are taken away
 * by comparing its slot reports. All on the JobManager's thread. */
#include "jobmanager/resource/resource_manager.h"

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/resource/resource_priv.h"

/* A silent connection is closed after so many times heartbeat.timeout, and the entry forgotten. */
#define GIVE_UP_TIMEOUTS 12

static enum step resource_manager_step(struct agent *agent, mono_t now, mono_t *wake_at);

struct resource_manager *resource_manager_create(const struct resource_manager_options *options)
{
	struct resource_manager *manager = MEM_NEW(struct resource_manager);

	manager->service = resource_service;
	manager->options = *options;
	manager->loop = runner_loop(options->runner);
	manager->heartbeat_interval_ms = conf_duration_ms(options->conf, "heartbeat.interval");
	manager->heartbeat_timeout_ms = conf_duration_ms(options->conf, "heartbeat.timeout");
	manager->by_resource_id = map_create();
	manager->slots_by_allocation = map_create();
	list_init(&manager->taskmanagers);
	list_init(&manager->demands);
	agent_init(&manager->agent, "resource manager", resource_manager_step);
	runner_add(options->runner, &manager->agent);
	return manager;
}

static void taskmanager_free(struct resource_manager *manager, struct taskmanager_info *taskmanager)
{
	CHECK(!taskmanager->available, "%s is forgotten while it is there",
	      taskmanager->resource_id);
	if (taskmanager->peer != NULL)
		rpc_peer_set_owner(taskmanager->peer, NULL);
	list_remove(&taskmanager->node);
	map_remove(manager->by_resource_id, bytes_of_text(taskmanager->resource_id));
	mem_free(taskmanager->resource_id);
	mem_free(taskmanager->data_host);
	mem_free(taskmanager->rpc_address);
	mem_free(taskmanager->slots);
	mem_free(taskmanager);
}

void resource_manager_close(struct resource_manager *manager)
{
	manager->closing = true;
}

void resource_manager_destroy(struct resource_manager **manager)
{
	struct resource_manager *gone = *manager;

	if (gone == NULL)
		return;
	*manager = NULL;
	CHECK(list_empty(&gone->demands), "a job still demands slots");
	if (atomic_load(&gone->agent.runner) != NULL)
		runner_remove(gone->options.runner, &gone->agent);
	LIST_FOR_EACH(&gone->taskmanagers, struct taskmanager_info, node, taskmanager) {
		taskmanager->available = false;
		taskmanager->peer = NULL; /* closed before */
		taskmanager_free(gone, taskmanager);
	}
	map_destroy(&gone->by_resource_id);
	map_destroy(&gone->slots_by_allocation);
	mem_free(gone);
}

/* ---- questions ------------------------------------------------------------------------------- */

const struct list *resource_manager_taskmanagers(const struct resource_manager *manager)
{
	return &manager->taskmanagers;
}

struct taskmanager_info *resource_manager_find(struct resource_manager *manager,
					       const char *resource_id)
{
	return map_get(manager->by_resource_id, bytes_of_text(resource_id));
}

void resource_manager_counts(const struct resource_manager *manager, uint32_t *taskmanagers,
			     uint32_t *slots_total, uint32_t *slots_free)
{
	*taskmanagers = manager->available_count;
	*slots_total = manager->slots_total;
	*slots_free = manager->slots_free;
}

ProtobufCService *resource_manager_service(struct resource_manager *manager)
{
	return &manager->service.base;
}

void resource_manager_stub(const struct resource_manager *manager,
			   const struct taskmanager_info *taskmanager, uint32_t attempt,
			   struct rpc_stub *stub)
{
	struct rpc_fence fence = { .leader_epoch = manager->options.leader_epoch,
				   .attempt = attempt };

	CHECK(taskmanager->available, "a call to %s, which is gone", taskmanager->resource_id);
	memcpy(fence.incarnation, taskmanager->incarnation.bytes, sizeof(fence.incarnation));
	rpc_stub_init(stub, taskmanager->peer, &flink__task_executor__descriptor, &fence);
}

/* ---- coming and going ------------------------------------------------------------------------ */

static void become_available(struct resource_manager *manager, struct taskmanager_info *taskmanager)
{
	taskmanager->available = true;
	manager->available_count++;
	slot_table_add(manager, taskmanager);
}

void resource_taskmanager_gone(struct resource_manager *manager,
			       struct taskmanager_info *taskmanager, const struct err *why,
			       bool note_may_follow)
{
	if (!taskmanager->available)
		return;
	if (!manager->closing)
		log_warn(RESOURCE_LOGGER, "Closing TaskExecutor connection %s because: %s",
			 taskmanager->resource_id, why->text);
	slot_table_lose(manager, taskmanager);
	taskmanager->available = false;
	manager->available_count--;
	if (!manager->closing)
		manager->options.events->taskmanager_gone(manager->options.events_context,
							  taskmanager, why, note_may_follow);
}

static void set_peer(struct taskmanager_info *taskmanager, struct rpc_peer *peer)
{
	struct err err = ERR_INIT;

	if (taskmanager->peer == peer)
		return;
	if (taskmanager->peer != NULL) {
		err_set(&err, ERR_NET_CLOSED, "TaskManager %s has opened another connection",
			taskmanager->resource_id);
		rpc_peer_set_owner(taskmanager->peer, NULL);
		rpc_peer_close(taskmanager->peer, &err);
	}
	taskmanager->peer = peer;
	if (peer != NULL)
		rpc_peer_set_owner(peer, taskmanager);
}

static void set_text(char **text, const char *value)
{
	mem_free(*text);
	*text = mem_strdup(value);
}

/* One that does not say counts as the three totals that every one says. */
static void describe_memory(struct taskmanager_info *taskmanager,
			    const Flink__RegisterTaskManagerRequest *request)
{
	const Flink__MemoryConfiguration *parts = request->memory;
	uint64_t others = request->managed_memory_bytes + request->network_memory_bytes;

	taskmanager->process_memory_bytes = request->process_memory_bytes;
	taskmanager->managed_memory_bytes = request->managed_memory_bytes;
	taskmanager->network_memory_bytes = request->network_memory_bytes;
	memset(&taskmanager->memory, 0, sizeof(taskmanager->memory));
	taskmanager->memory.flink_bytes = request->process_memory_bytes;
	if (request->process_memory_bytes > others)
		taskmanager->memory.task_heap_bytes = request->process_memory_bytes - others;
	if (parts == NULL)
		return;
	taskmanager->memory.framework_heap_bytes = parts->framework_heap;
	taskmanager->memory.task_heap_bytes = parts->task_heap;
	taskmanager->memory.framework_off_heap_bytes = parts->framework_off_heap;
	taskmanager->memory.task_off_heap_bytes = parts->task_off_heap;
	taskmanager->memory.metaspace_bytes = parts->jvm_metaspace;
	taskmanager->memory.overhead_bytes = parts->jvm_overhead;
	taskmanager->memory.flink_bytes = parts->total_flink;
}

static void describe(struct resource_manager *manager, struct taskmanager_info *taskmanager,
		     struct rpc_peer *peer, const Flink__RegisterTaskManagerRequest *request)
{
	const char *peer_name = rpc_peer_name(peer), *colon = strrchr(peer_name, ':');

	mem_free(taskmanager->data_host);
	taskmanager->data_host = request->data_host[0] != '\0' || colon == NULL
					 ? mem_strdup(request->data_host)
					 : mem_strndup(peer_name, (size_t)(colon - peer_name));
	taskmanager->data_port = (uint16_t)request->data_port;
	set_text(&taskmanager->rpc_address,
		 request->rpc_address[0] != '\0' ? request->rpc_address : peer_name);
	taskmanager->cpu_cores = request->cpu_cores;
	taskmanager->physical_memory_bytes = request->physical_memory_bytes;
	describe_memory(taskmanager, request);
	taskmanager->segment_bytes = request->segment_bytes;
	taskmanager->registered_ms = world_wall(manager->options.world);
}

/* Of this life: the entry stays. Of another one: it is replaced. */
static struct taskmanager_info *known_life(struct resource_manager *manager,
					   const Flink__RegisterTaskManagerRequest *request,
					   const struct id *incarnation)
{
	struct taskmanager_info *taskmanager = resource_manager_find(manager, request->resource_id);
	struct err err = ERR_INIT;
	bool same;

	if (taskmanager == NULL)
		return NULL;
	same = id_equal(&taskmanager->incarnation, incarnation) &&
	       taskmanager->slots_count == request->slots;
	err_set(&err, ERR_TASKMANAGER_LOST, "TaskManager %s %s", taskmanager->resource_id,
		same ? "has connected again; its tasks were cancelled" : "was restarted");
	resource_taskmanager_gone(manager, taskmanager, &err, !same);
	if (same)
		SOMETIMES("the same life of a TaskManager registers again");
	else
		SOMETIMES("another life of a TaskManager registers under its name");
	if (same)
		return taskmanager;
	set_peer(taskmanager, NULL);
	taskmanager_free(manager, taskmanager);
	return NULL;
}

struct taskmanager_info *resource_taskmanager_register(
	struct resource_manager *manager, struct rpc_peer *peer,
	const Flink__RegisterTaskManagerRequest *request)
{
	struct taskmanager_info *taskmanager, *before = rpc_peer_owner(peer);
	struct id incarnation;

	CHECK(id_from_message(&request->incarnation, &incarnation), "an unchecked registration");
	if (before != NULL && strcmp(before->resource_id, request->resource_id) != 0) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_TASKMANAGER_LOST, "TaskManager %s calls itself %s now",
			before->resource_id, request->resource_id);
		resource_taskmanager_gone(manager, before, &err, false);
		taskmanager_free(manager, before);
	}
	taskmanager = known_life(manager, request, &incarnation);
	if (taskmanager == NULL) {
		taskmanager = MEM_NEW(struct taskmanager_info);
		taskmanager->resource_id = mem_strdup(request->resource_id);
		taskmanager->incarnation = incarnation;
		taskmanager->slots_count = request->slots;
		taskmanager->slots = MEM_NEW_ARRAY(struct slot, request->slots);
		for (uint32_t i = 0; i < request->slots; i++)
			taskmanager->slots[i] = (struct slot){
				.taskmanager = taskmanager, .index = i, .state = SLOT_LOST };
		list_push_back(&manager->taskmanagers, &taskmanager->node);
		map_put(manager->by_resource_id, bytes_of_text(taskmanager->resource_id),
			taskmanager);
	}
	set_peer(taskmanager, peer);
	describe(manager, taskmanager, peer, request);
	log_info(RESOURCE_LOGGER,
		 "Registering TaskManager with ResourceID %s (%s) at ResourceManager: "
		 "%u slots, data port %s:%u",
		 taskmanager->resource_id, taskmanager->rpc_address, taskmanager->slots_count,
		 taskmanager->data_host, taskmanager->data_port);
	become_available(manager, taskmanager);
	resource_taskmanager_heard(manager, taskmanager);
	manager->options.events->taskmanager_here(manager->options.events_context, taskmanager,
						  request);
	return taskmanager;
}

/* A word from it. If it was thought gone (it had been stopped), it is back. */
void resource_taskmanager_heard(struct resource_manager *manager,
				struct taskmanager_info *taskmanager)
{
	taskmanager->heard_at = loop_now(manager->loop);
	taskmanager->last_heartbeat_ms = world_wall(manager->options.world);
	if (taskmanager->available)
		return;
	SOMETIMES("a TaskManager that was given up answers again");
	log_info(RESOURCE_LOGGER, "TaskManager %s answers again", taskmanager->resource_id);
	become_available(manager, taskmanager);
}

void resource_manager_peer_down(struct resource_manager *manager, struct rpc_peer *peer,
				const struct err *why)
{
	struct taskmanager_info *taskmanager = rpc_peer_owner(peer);
	struct err err = ERR_INIT;

	if (taskmanager == NULL)
		return;
	err_set(&err, ERR_TASKMANAGER_LOST, "the connection to TaskManager %s is lost: %s",
		taskmanager->resource_id, why->text);
	resource_taskmanager_gone(manager, taskmanager, &err, true);
	taskmanager->peer = NULL;
	agent_wake(&manager->agent);
}

void resource_manager_give_up(struct resource_manager *manager,
			      struct taskmanager_info *taskmanager, const struct err *why)
{
	resource_taskmanager_gone(manager, taskmanager, why, false);
	if (taskmanager->peer != NULL)
		rpc_peer_close(taskmanager->peer, why);
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

static void check_silent(struct resource_manager *manager, struct taskmanager_info *taskmanager,
			 mono_t now, mono_t *wake_at)
{
	mono_t deadline = mono_after_ms(taskmanager->heard_at, manager->heartbeat_timeout_ms);
	struct err err = ERR_INIT;

	if (taskmanager->available) {
		if (now >= deadline) {
			SOMETIMES("a TaskManager falls silent");
			err_set(&err, ERR_TASKMANAGER_LOST,
				"the heartbeat of TaskManager %s timed out: nothing was heard of it for %lld ms",
				taskmanager->resource_id,
				(long long)((now - taskmanager->heard_at) / NS_PER_MS));
			resource_taskmanager_gone(manager, taskmanager, &err, false);
		}
		*wake_at = mono_min(*wake_at, now >= deadline ? now : deadline);
		return;
	}
	if (taskmanager->peer != NULL)
		deadline = mono_after_ms(taskmanager->heard_at,
					 GIVE_UP_TIMEOUTS * manager->heartbeat_timeout_ms);
	if (now < deadline) {
		*wake_at = mono_min(*wake_at, deadline);
		return;
	}
	if (taskmanager->peer != NULL) {
		err_set(&err, ERR_NET_TIMEOUT, "nothing was heard of TaskManager %s for %lld ms",
			taskmanager->resource_id,
			(long long)((now - taskmanager->heard_at) / NS_PER_MS));
		rpc_peer_close(taskmanager->peer, &err);
	}
	taskmanager_free(manager, taskmanager);
}

/* If this process stood still (stopped, or its machine was), heartbeats wait unread in the sockets:
 * the silence was ours. */
static void forgive_own_absence(struct resource_manager *manager, mono_t now)
{
	if (manager->stepped_at == 0 ||
	    now - manager->stepped_at < manager->heartbeat_timeout_ms * NS_PER_MS * 3 / 4)
		return;
	SOMETIMES("the JobManager stood still and forgives the silence");
	log_warn(RESOURCE_LOGGER,
		 "The JobManager stood still for %lld ms; heartbeats count from now",
		 (long long)((now - manager->stepped_at) / NS_PER_MS));
	LIST_FOR_EACH(&manager->taskmanagers, struct taskmanager_info, node, taskmanager)
		taskmanager->heard_at = now;
}

static enum step resource_manager_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct resource_manager *manager = CONTAINER_OF(agent, struct resource_manager, agent);

	forgive_own_absence(manager, now);
	manager->stepped_at = now;
	LIST_FOR_EACH(&manager->taskmanagers, struct taskmanager_info, node, taskmanager)
		check_silent(manager, taskmanager, now, wake_at);
	*wake_at = mono_min(*wake_at, slot_table_serve(manager, now));
	if (!list_empty(&manager->taskmanagers))
		*wake_at =
			mono_min(*wake_at, mono_after_ms(now, manager->heartbeat_timeout_ms / 2));
	else
		manager->stepped_at = 0;
	return STEP_IDLE;
}
