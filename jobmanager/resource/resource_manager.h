/* SPDX-License-Identifier: Apache-2.0
 * resource_manager.h - which TaskManagers there are, which slots they have, and who owns them.
 *
 *   slot: FREE -> REQUESTED -> ALLOCATED -> FREEING -> FREE
 *         any -> LOST when its TaskManager goes, LOST -> FREE when it comes back
 *
 * A slot has one owner at a time. Requirements are declared per job; a requirement that cannot be
 * met is told with numbers and a fix within the same step. All on the JobManager's runner
 * thread. */
#ifndef JOBMANAGER_RESOURCE_RESOURCE_MANAGER_H
#define JOBMANAGER_RESOURCE_RESOURCE_MANAGER_H

#include "resource_manager.pb-c.h"

#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/sm.h"
#include "common/conf/conf.h"
#include "common/rpc/rpc.h"

struct resource_manager;
struct taskmanager_info;
struct slot_demand;

enum slot_state { SLOT_FREE, SLOT_REQUESTED, SLOT_ALLOCATED, SLOT_LOST, SLOT_FREEING };
extern const struct sm_table slot_states;

struct slot {
	struct taskmanager_info *taskmanager;
	uint32_t index;
	uint32_t state; /* enum slot_state */
	struct id allocation_id, job_id; /* none when free or lost */
	/* private to jobmanager/resource */
	struct slot_demand *demand; /* whose it is; NULL: nobody's */
	mono_t refused_until;       /* the TaskManager said no: not asked again before */
};

struct taskmanager_info {
	char *resource_id, *data_host, *rpc_address;
	uint16_t data_port;
	struct id incarnation;
	struct rpc_peer
		*peer; /* NULL: connection lost, within heartbeat.timeout of being given up */
	wall_t registered_ms, last_heartbeat_ms;
	uint32_t cpu_cores;
	uint64_t physical_memory_bytes, process_memory_bytes, managed_memory_bytes,
		network_memory_bytes;
	struct { /* Flink's other parts of its memory */
		uint64_t framework_heap_bytes, task_heap_bytes, framework_off_heap_bytes,
			task_off_heap_bytes, metaspace_bytes, overhead_bytes, flink_bytes;
	} memory;
	uint32_t segment_bytes;
	/* from its last heartbeat */
	uint64_t heap_used_bytes, segments_total, segments_free, physical_memory_free_bytes,
		managed_used_bytes, cpu_time_ms, metrics_late;
	uint32_t threads, blocking_agents;
	bool available; /* false: heartbeat missed; its slots do not count */
	uint32_t slots_count;
	struct slot *slots;
	struct list_node node; /* in resource_manager_taskmanagers, by registration */
	/* private to jobmanager/resource */
	mono_t heard_at; /* last registration or heartbeat */
	uint32_t slots_free;
};

const struct list *resource_manager_taskmanagers(const struct resource_manager *manager);
struct taskmanager_info *resource_manager_find(struct resource_manager *manager,
					       const char *resource_id);
void resource_manager_counts(const struct resource_manager *manager, uint32_t *taskmanagers,
			     uint32_t *slots_total, uint32_t *slots_free);

/* ---- for the dispatcher and the JobMasters --------------------------------------------------- */

/* What TaskManagers tell. Called on the runner's thread from service functions; the handlers note
 * it and wake whoever decides. Those that return int refuse with err. */
struct resource_events {
	/* It is not available any more: its executions are gone. note_may_follow: the process died
	 * or the connection broke, so its next life may say what it died of. Its slots are LOST
	 * already. */
	void (*taskmanager_gone)(void *context, struct taskmanager_info *taskmanager,
				 const struct err *why, bool note_may_follow);
	/* Registered (again); the request may carry a crash note. */
	void (*taskmanager_here)(void *context, struct taskmanager_info *taskmanager,
				 const Flink__RegisterTaskManagerRequest *request);
	int (*task_state)(void *context, struct taskmanager_info *from,
			  const Flink__UpdateTaskStateRequest *request, struct err *err);
	void (*task_metrics)(void *context, struct taskmanager_info *from,
			     const Flink__TaskMetrics *metrics);
	int (*output)(void *context, struct taskmanager_info *from,
		      const Flink__PushOutputRequest *request, struct err *err);
	int (*reader_ready)(void *context, struct taskmanager_info *from,
			    const Flink__ReaderReadyRequest *request, struct err *err);
	/* The whole artifact; borrowed. NULL with err: not there. */
	const struct bytes *(*artifact)(void *context, const uint8_t sha256[32], struct err *err);
};

struct resource_manager_options {
	struct world *world;
	struct runner *runner;
	const struct conf *conf; /* borrowed for its whole life */
	uint64_t leader_epoch;
	const struct resource_events *events;
	void *events_context;
};

struct resource_manager *resource_manager_create(const struct resource_manager_options *options);
/* From now on TaskManagers that go are no trouble for anybody: the process ends. */
void resource_manager_close(struct resource_manager *manager);
/* After the RPC server is closed and all demands are withdrawn. */
void resource_manager_destroy(struct resource_manager **manager);
ProtobufCService *resource_manager_service(struct resource_manager *manager);
/* For rpc_options: a peer is gone; may this call pass? */
void resource_manager_peer_down(struct resource_manager *manager, struct rpc_peer *peer,
				const struct err *why);
MUST_USE int resource_manager_fence_check(struct resource_manager *manager, struct rpc_peer *peer,
					  const struct rpc_fence *fence, const char *method,
					  struct err *err);
/* A stub for calls to the TaskManager, fenced. The TaskManager must be available. */
void resource_manager_stub(const struct resource_manager *manager,
			   const struct taskmanager_info *taskmanager, uint32_t attempt,
			   struct rpc_stub *stub);
/* It does not do what it is told: its connection is closed, its slots are lost. */
void resource_manager_give_up(struct resource_manager *manager,
			      struct taskmanager_info *taskmanager, const struct err *why);

/* ---- slots for a job --------------------------------------------------------------------------
 * A demand is met whole or not at all, so that two jobs never hold half of their slots and wait for
 * each other. Demands stand in line by age of their jobs. One that has to wait lets those behind it
 * that fit go first for 10 s, and then keeps what gets free; one that could never be met with the
 * slots there are always lets them, unless its job ran before (its TaskManager is expected back).
 *
 *   WAITING -> REQUESTING -> GRANTED;  REQUESTING -> WAITING (a slot was refused or lost) */
struct slot_demand_options {
	struct id job_id;
	const char *job_name;   /* borrowed */
	uint64_t age;           /* smaller: older, served first */
	uint32_t slots_count;
	bool one_group; /* one slot sharing group: a smaller parallelism needs fewer slots */
	bool ran_before;
	/* All slots are ALLOCATED to the demand; `slots` is borrowed, in the order of the
	 * spread. */
	void (*granted)(void *context, struct slot *const *slots, uint32_t count);
	/* A granted slot is gone though its TaskManager is there; it is no longer the demand's.
	 * (Those of a TaskManager that is gone: resource_events.taskmanager_gone.) */
	void (*lost)(void *context, struct slot *slot, const struct err *why);
	/* slot_demand_waiting_for has changed. */
	void (*waiting)(void *context);
	void *context;
};
/* No callback comes from inside this call; the reason to wait, if any, is there when it returns. */
struct slot_demand *resource_manager_demand(struct resource_manager *manager,
					    const struct slot_demand_options *options);
/* Gives all its slots back. `reason` goes to the TaskManagers' logs. */
void resource_manager_withdraw(struct resource_manager *manager, struct slot_demand **demand,
			       const char *reason);
/* Gives back one slot of a granted demand. */
void resource_manager_release(struct resource_manager *manager, struct slot *slot,
			      const char *reason);
/* "needs 4 slots, 2 free: start another TaskManager …"; NULL: it does not wait. */
const char *slot_demand_waiting_for(const struct slot_demand *demand);

#endif
