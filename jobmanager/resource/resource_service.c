/* SPDX-License-Identifier: Apache-2.0
 * resource_service.c - the ResourceManager service: what TaskManagers say is checked here and then
 * handed on. Every message but a registration must come from a registered life and carry this
 * leader's epoch (fence_check); the TaskManager that is told ERR_FENCED registers again. */
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/rpc/err_message.h"
#include "jobmanager/resource/resource_priv.h"

static struct resource_manager *manager_of(Flink__ResourceManager_Service *service)
{
	return CONTAINER_OF(service, struct resource_manager, service);
}

/* Who asks; NULL after having answered that it must register first. */
static struct taskmanager_info *sender(void *closure_data)
{
	struct rpc_peer *peer = rpc_call_peer(closure_data);
	struct taskmanager_info *taskmanager = peer ? rpc_peer_owner(peer) : NULL;
	struct err err = ERR_INIT;

	if (taskmanager == NULL) {
		SOMETIMES("a call comes before the registration");
		err_set(&err, ERR_FENCED, "this connection has not registered a TaskManager");
		rpc_fail(closure_data, &err);
	}
	return taskmanager;
}

int resource_manager_fence_check(struct resource_manager *manager, struct rpc_peer *peer,
				 const struct rpc_fence *fence, const char *method, struct err *err)
{
	const struct taskmanager_info *taskmanager = rpc_peer_owner(peer);

	if (strstr(method, "RegisterTaskManager") != NULL)
		return 0; /* it does not know yet who leads */
	SOMETIMES_IF(fence->leader_epoch != 0 && fence->leader_epoch != manager->options.leader_epoch, "a call for an earlier leader is refused");
	if (fence->leader_epoch != 0 && fence->leader_epoch != manager->options.leader_epoch)
		return err_set(err, ERR_FENCED,
			       "%s is meant for the leader of epoch %016llx, this one has %016llx",
			       method, (unsigned long long)fence->leader_epoch,
			       (unsigned long long)manager->options.leader_epoch);
	if (taskmanager == NULL)
		return 0;
	if (fence->leader_epoch == 0)
		return err_set(err, ERR_FENCED, "%s of TaskManager %s names no leader", method,
			       taskmanager->resource_id);
	if (memcmp(fence->incarnation, &ID_NONE, 16) != 0 &&
	    memcmp(fence->incarnation, taskmanager->incarnation.bytes, 16) != 0)
		return err_set(err, ERR_FENCED, "%s comes from another life of TaskManager %s",
			       method, taskmanager->resource_id);
	return 0;
}

/* ---- registration ---------------------------------------------------------------------------- */

static int registration_check(const struct resource_manager *manager,
			      const Flink__RegisterTaskManagerRequest *request, struct err *err)
{
	struct id incarnation;

	if (request->resource_id[0] == '\0' ||
	    strlen(request->resource_id) > LIMIT_FIELD_NAME_BYTES_MAX)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "taskmanager.resource-id has %zu bytes, 1 to %d are allowed",
			       strlen(request->resource_id), LIMIT_FIELD_NAME_BYTES_MAX);
	if (!id_from_message(&request->incarnation, &incarnation) || id_is_none(&incarnation))
		return err_set(err, ERR_NET_PROTOCOL,
			       "TaskManager %s registers without an incarnation",
			       request->resource_id);
	if (request->slots < 1 || request->slots > LIMIT_SLOTS_PER_TASKMANAGER_MAX)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "taskmanager.numberOfTaskSlots of %s is %u, 1 to %d are allowed",
			       request->resource_id, request->slots,
			       LIMIT_SLOTS_PER_TASKMANAGER_MAX);
	if (request->data_port > UINT16_MAX)
		return err_set(err, ERR_NET_PROTOCOL, "TaskManager %s has data port %u",
			       request->resource_id, request->data_port);
	if (manager->available_count >= LIMIT_TASKMANAGERS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			       "%u TaskManagers are registered, no more are allowed",
			       manager->available_count);
	return 0;
}

static void register_task_manager(Flink__ResourceManager_Service *service,
				  const Flink__RegisterTaskManagerRequest *request,
				  Flink__RegisterTaskManagerResponse_Closure closure,
				  void *closure_data)
{
	struct resource_manager *manager = manager_of(service);
	struct rpc_peer *peer = rpc_call_peer(closure_data);
	Flink__RegisterTaskManagerResponse response = FLINK__REGISTER_TASK_MANAGER_RESPONSE__INIT;
	struct taskmanager_info *taskmanager;
	struct err err = ERR_INIT;

	if (peer == NULL)
		err_set(&err, ERR_NET_CLOSED, "the connection is gone");
	if (peer == NULL || registration_check(manager, request, &err) != 0) {
		log_warn(RESOURCE_LOGGER, "A TaskManager cannot be registered: %s", err.text);
		rpc_fail(closure_data, &err);
		return;
	}
	taskmanager = resource_taskmanager_register(manager, peer, request);
	response.leader_epoch = manager->options.leader_epoch;
	response.heartbeat_interval_ms = (uint32_t)manager->heartbeat_interval_ms;
	response.heartbeat_timeout_ms = (uint32_t)manager->heartbeat_timeout_ms;
	closure(&response, closure_data);
	slot_table_reconcile(manager, taskmanager, request->slot_reports, request->n_slot_reports);
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

static void heartbeat(Flink__ResourceManager_Service *service,
		      const Flink__HeartbeatRequest *request,
		      Flink__HeartbeatResponse_Closure closure, void *closure_data)
{
	struct resource_manager *manager = manager_of(service);
	struct taskmanager_info *taskmanager = sender(closure_data);
	Flink__HeartbeatResponse response = FLINK__HEARTBEAT_RESPONSE__INIT;

	if (taskmanager == NULL)
		return;
	taskmanager->heap_used_bytes = request->heap_used_bytes;
	taskmanager->segments_total = request->segments_total;
	taskmanager->segments_free = request->segments_free;
	taskmanager->physical_memory_free_bytes = request->physical_memory_free_bytes;
	taskmanager->managed_used_bytes = request->managed_used_bytes;
	taskmanager->cpu_time_ms = request->cpu_time_ms;
	taskmanager->threads = request->threads;
	taskmanager->blocking_agents = request->blocking_agents;
	taskmanager->metrics_late = request->metrics_late;
	response.begin_anew = !taskmanager->available;
	resource_taskmanager_heard(manager, taskmanager);
	slot_table_reconcile(manager, taskmanager, request->slot_reports, request->n_slot_reports);
	for (size_t i = 0; i < request->n_tasks; i++)
		manager->options.events->task_metrics(manager->options.events_context, taskmanager,
						      request->tasks[i]);
	closure(&response, closure_data);
}

/* ---- what tasks report: handed on ------------------------------------------------------------ */

static void answer(int result, const struct err *err, Flink__Empty_Closure closure,
		   void *closure_data)
{
	Flink__Empty empty = FLINK__EMPTY__INIT;

	if (result == 0)
		closure(&empty, closure_data);
	else
		rpc_fail(closure_data, err);
}

static void update_task_state(Flink__ResourceManager_Service *service,
			      const Flink__UpdateTaskStateRequest *request,
			      Flink__Empty_Closure closure, void *closure_data)
{
	const struct resource_manager_options *options = &manager_of(service)->options;
	struct taskmanager_info *taskmanager = sender(closure_data);
	struct err err = ERR_INIT;

	if (taskmanager != NULL)
		answer(options->events->task_state(options->events_context, taskmanager, request,
						   &err),
		       &err, closure, closure_data);
}

static void push_output(Flink__ResourceManager_Service *service,
			const Flink__PushOutputRequest *request, Flink__Empty_Closure closure,
			void *closure_data)
{
	const struct resource_manager_options *options = &manager_of(service)->options;
	struct taskmanager_info *taskmanager = sender(closure_data);
	struct err err = ERR_INIT;

	if (taskmanager != NULL)
		answer(options->events->output(options->events_context, taskmanager, request, &err),
		       &err, closure, closure_data);
}

static void reader_ready(Flink__ResourceManager_Service *service,
			 const Flink__ReaderReadyRequest *request, Flink__Empty_Closure closure,
			 void *closure_data)
{
	const struct resource_manager_options *options = &manager_of(service)->options;
	struct taskmanager_info *taskmanager = sender(closure_data);
	struct err err = ERR_INIT;

	if (taskmanager != NULL)
		answer(options->events->reader_ready(options->events_context, taskmanager, request,
						     &err),
		       &err, closure, closure_data);
}

static void fetch_artifact(Flink__ResourceManager_Service *service,
			   const Flink__FetchArtifactRequest *request,
			   Flink__FetchArtifactResponse_Closure closure, void *closure_data)
{
	const struct resource_manager_options *options = &manager_of(service)->options;
	Flink__FetchArtifactResponse response = FLINK__FETCH_ARTIFACT_RESPONSE__INIT;
	struct taskmanager_info *taskmanager = sender(closure_data);
	struct err err = ERR_INIT;
	const struct bytes *artifact = NULL;
	uint64_t length;

	if (taskmanager == NULL)
		return;
	if (request->sha256.len != 32)
		err_set(&err, ERR_NET_PROTOCOL, "an artifact's SHA-256 has %zu bytes, not 32",
			request->sha256.len);
	else
		artifact = options->events->artifact(options->events_context, request->sha256.data,
						     &err);
	if (artifact == NULL) {
		rpc_fail(closure_data, &err);
		return;
	}
	length =
		request->offset < artifact->size_bytes ? artifact->size_bytes - request->offset : 0;
	if (length > request->max_bytes)
		length = request->max_bytes;
	if (length > LIMIT_ARTIFACT_CHUNK_BYTES)
		length = LIMIT_ARTIFACT_CHUNK_BYTES;
	response.size_bytes = artifact->size_bytes;
	if (length > 0)
		response.content = (ProtobufCBinaryData){
			length, (uint8_t *)(uintptr_t)artifact->data + request->offset };
	closure(&response, closure_data);
}

const Flink__ResourceManager_Service resource_service = {
	{ &flink__resource_manager__descriptor, protobuf_c_service_invoke_internal, NULL },
	register_task_manager,
	heartbeat,
	update_task_state,
	push_output,
	reader_ready,
	fetch_artifact,
};
