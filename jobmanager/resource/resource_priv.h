/* SPDX-License-Identifier: Apache-2.0
 * resource_priv.h - what the files of jobmanager/resource share.
 *
 *   resource_manager.c   which TaskManagers there are: registration, loss, heartbeat timeouts
 *   resource_service.c   the RPC service: checks what comes in, answers
 *   slots.c              demands, the line they stand in, the slot protocol
 *   spread.c             which free slots to take */
#ifndef JOBMANAGER_RESOURCE_RESOURCE_PRIV_H
#define JOBMANAGER_RESOURCE_RESOURCE_PRIV_H

#include "task_executor.pb-c.h"

#include "common/base/map.h"
#include "jobmanager/resource/resource_manager.h"

#define RESOURCE_LOGGER "ResourceManager"

struct resource_manager {
	Flink__ResourceManager_Service service; /* first */
	struct agent agent;
	struct resource_manager_options options;
	struct loop *loop;
	int64_t heartbeat_interval_ms, heartbeat_timeout_ms;
	struct list taskmanagers;
	struct map *by_resource_id;
	uint32_t available_count, slots_total, slots_free, slots_freeing; /* of those available */
	mono_t stepped_at; /* the last time the agent ran */
	bool closing;
	struct list demands; /* by age */
	struct map *slots_by_allocation;
};

enum demand_state { DEMAND_WAITING, DEMAND_REQUESTING, DEMAND_GRANTED, DEMAND_STATE_COUNT };
extern const struct sm_table demand_states;

struct slot_demand {
	struct list_node node; /* of manager.demands */
	struct slot_demand_options options;
	char *job_name;
	uint32_t state; /* enum demand_state */
	struct slot **slots; /* [options.slots_count]; REQUESTED or ALLOCATED */
	uint32_t slots_count, allocated_count;
	char *waiting_for;
	mono_t patient_until; /* then nobody passes by any more; 0: it never waited for others */
};

/* resource_manager.c */
/* Its slots do not count any more and whoever used them is told. */
void resource_taskmanager_gone(struct resource_manager *manager,
			       struct taskmanager_info *taskmanager, const struct err *why,
			       bool note_may_follow);
struct taskmanager_info *resource_taskmanager_register(
	struct resource_manager *manager, struct rpc_peer *peer,
	const Flink__RegisterTaskManagerRequest *request);
void resource_taskmanager_heard(struct resource_manager *manager,
				struct taskmanager_info *taskmanager);

/* resource_service.c */
extern const Flink__ResourceManager_Service resource_service;

/* slots.c */
void slot_table_add(struct resource_manager *manager, struct taskmanager_info *taskmanager);
void slot_table_lose(struct resource_manager *manager, struct taskmanager_info *taskmanager);
/* What the TaskManager says it holds, against what it should. */
void slot_table_reconcile(struct resource_manager *manager, struct taskmanager_info *taskmanager,
			  Flink__SlotReport *const *reports, size_t count);
/* Serves the line. Returns when to look again. */
mono_t slot_table_serve(struct resource_manager *manager, mono_t now);

/* spread.c: takes up to `count` free slots, each time one of the TaskManager that is least used.
 * Returns how many; all are of TaskManagers that are available and do not refuse now. */
uint32_t spread_pick(const struct resource_manager *manager, mono_t now, struct slot **slots,
		     uint32_t count);

#endif
