/* SPDX-License-Identifier: Apache-2.0
 * resource_manager.h - which TaskManagers there are, which slots they have, and who owns them.
 *
 *   slot: FREE -> REQUESTED -> ALLOCATED -> FREE   (any -> LOST when its TaskManager goes)
 *
 * A slot has one owner at a time. Requirements are declared per job; a requirement that cannot be
 * met is told with numbers and a fix within the same step. All on the JobManager's runner thread. */
#ifndef JOBMANAGER_RESOURCE_RESOURCE_MANAGER_H
#define JOBMANAGER_RESOURCE_RESOURCE_MANAGER_H

#include "resource_manager.pb-c.h"

#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/sm.h"
#include "common/rpc/rpc.h"

struct resource_manager;
struct taskmanager_info;
struct job;

enum slot_state { SLOT_FREE, SLOT_REQUESTED, SLOT_ALLOCATED, SLOT_LOST };
extern const struct sm_table slot_states;

struct slot {
	struct taskmanager_info *taskmanager;
	uint32_t index;
	uint32_t state; /* enum slot_state */
	struct id allocation_id, job_id; /* none when free */
};

struct taskmanager_info {
	char *resource_id, *data_host, *rpc_address;
	uint16_t data_port;
	struct id incarnation;
	struct rpc_peer *peer; /* NULL: connection lost, within heartbeat.timeout of being given up */
	wall_t registered_ms, last_heartbeat_ms;
	uint32_t cpu_cores;
	uint64_t physical_memory_bytes, process_memory_bytes, managed_memory_bytes, network_memory_bytes;
	uint32_t segment_bytes;
	/* from its last heartbeat */
	uint64_t heap_used_bytes, segments_total, segments_free, physical_memory_free_bytes, cpu_time_ms;
	uint32_t threads, blocking_agents;
	bool available; /* false: heartbeat missed; its slots do not count */
	uint32_t slots_count;
	struct slot *slots;
	struct list_node node; /* in resource_manager_taskmanagers, by registration */
};

const struct list *resource_manager_taskmanagers(const struct resource_manager *manager);
struct taskmanager_info *resource_manager_find(struct resource_manager *manager, const char *resource_id);
void resource_manager_counts(const struct resource_manager *manager, uint32_t *taskmanagers,
			     uint32_t *slots_total, uint32_t *slots_free);

#endif
