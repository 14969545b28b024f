/* SPDX-License-Identifier: Apache-2.0
 * slots.c - who owns which slot. Demands stand in line by age; one that can be met whole gets its
 * slots: RequestSlot goes out for each, the TaskManager's answer is the offer, and when all have
 * answered the job is told. A refusal sends the demand back to the line, with what it has. Smaller
 * ones pass by one that cannot be met, for a while; then what gets free is kept for it.
 *
 * A slot that is given back is FREEING until its TaskManager has answered FreeSlot, for that waits
 * for the tasks in it. A report of a slot that is held for somebody unknown begins the same way, so
 * what a broken connection or a pause left behind is cleared before anybody else gets the slot. */
#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/resource/resource_priv.h"

#define PASSED_BY_MS 10000 /* so long smaller demands may go before one that waits */
#define REFUSED_MS 1000 /* a slot that was refused is not asked for again before */

static const struct sm_state slot_state_rows[] = {
	[SLOT_FREE] = { "FREE", SM_TO(SLOT_REQUESTED) | SM_TO(SLOT_FREEING) | SM_TO(SLOT_LOST),
			false },
	[SLOT_REQUESTED] = { "REQUESTED",
			     SM_TO(SLOT_ALLOCATED) | SM_TO(SLOT_FREE) | SM_TO(SLOT_FREEING) |
				     SM_TO(SLOT_LOST),
			     false },
	[SLOT_ALLOCATED] = { "ALLOCATED", SM_TO(SLOT_FREEING) | SM_TO(SLOT_FREE) | SM_TO(SLOT_LOST),
			     false },
	[SLOT_LOST] = { "LOST", SM_TO(SLOT_FREE), false },
	[SLOT_FREEING] = { "FREEING", SM_TO(SLOT_FREE) | SM_TO(SLOT_LOST), false },
};
const struct sm_table slot_states = { "slot", ARRAY_COUNT(slot_state_rows), slot_state_rows };

static const struct sm_state demand_state_rows[] = {
	[DEMAND_WAITING] = { "WAITING", SM_TO(DEMAND_REQUESTING), false },
	[DEMAND_REQUESTING] = { "REQUESTING", SM_TO(DEMAND_WAITING) | SM_TO(DEMAND_GRANTED),
				false },
	[DEMAND_GRANTED] = { "GRANTED", 0, true },
};
const struct sm_table demand_states = { "demand", ARRAY_COUNT(demand_state_rows),
					demand_state_rows };

/* ---- single slots ---------------------------------------------------------------------------- */

/* The one place that moves a slot; keeps the counts. */
static void slot_move(struct resource_manager *manager, struct slot *slot, enum slot_state to)
{
	struct taskmanager_info *taskmanager = slot->taskmanager;
	int change = (to == SLOT_FREE) - (slot->state == SLOT_FREE);

	manager->slots_freeing += (uint32_t)((to == SLOT_FREEING) - (slot->state == SLOT_FREEING));
	sm_move(&slot_states, &slot->state, to, slot);
	taskmanager->slots_free += (uint32_t)change;
	if (taskmanager->available)
		manager->slots_free += (uint32_t)change;
}

/* Takes the slot away from its demand. */
static void slot_detach(struct slot *slot)
{
	struct slot_demand *demand = slot->demand;

	for (uint32_t i = demand->slots_count; i-- > 0;) { /* the last one goes first, mostly */
		if (demand->slots[i] != slot)
			continue;
		memmove(demand->slots + i, demand->slots + i + 1,
			(demand->slots_count - i - 1) * sizeof(demand->slots[0]));
		demand->slots_count--;
		break;
	}
	demand->allocated_count -= slot->state == SLOT_ALLOCATED;
	slot->demand = NULL;
}

/* To FREE or LOST: nobody has it. */
static void slot_clear(struct resource_manager *manager, struct slot *slot, enum slot_state to)
{
	if (slot->demand != NULL)
		slot_detach(slot);
	map_remove(manager->slots_by_allocation, map_key_id(&slot->allocation_id));
	slot->allocation_id = slot->job_id = ID_NONE;
	slot_move(manager, slot, to);
}

struct slot_call {
	struct resource_manager *manager;
	struct id allocation_id;
};

static struct slot_call *slot_call(struct resource_manager *manager, const struct id *allocation_id)
{
	struct slot_call *call = MEM_NEW(struct slot_call);

	call->manager = manager;
	call->allocation_id = *allocation_id;
	return call;
}

/* The slot that the call was about, if it still is; frees the call. */
static struct slot *slot_call_end(struct slot_call *call)
{
	struct slot *slot =
		map_get(call->manager->slots_by_allocation, map_key_id(&call->allocation_id));

	mem_free(call);
	return slot;
}

static void send_free(struct resource_manager *manager, const struct slot *slot,
		      const char *reason);

static void free_slot_answered(const Flink__Empty *answer, void *data)
{
	struct resource_manager *manager = ((struct slot_call *)data)->manager;
	const struct err *err = rpc_error();
	struct slot *slot = slot_call_end(data);

	if (slot == NULL || slot->state != SLOT_FREEING || err->code == ERR_NET_CLOSED)
		return;
	if (answer == NULL && err->code == ERR_NET_TIMEOUT) {
		SOMETIMES("a slot's return is not answered in time");
		send_free(manager, slot, "asked again"); /* its tasks take long to end */
		return;
	}
	slot_clear(manager, slot, SLOT_FREE);
	agent_wake(&manager->agent);
}

static void send_free(struct resource_manager *manager, const struct slot *slot, const char *reason)
{
	Flink__FreeSlotRequest request = FLINK__FREE_SLOT_REQUEST__INIT;
	struct rpc_stub stub;

	resource_manager_stub(manager, slot->taskmanager, 0, &stub);
	request.allocation_id = id_to_message(&slot->allocation_id);
	request.reason = (char *)(uintptr_t)reason;
	flink__task_executor__free_slot(rpc_stub_service(&stub), &request, free_slot_answered,
					slot_call(manager, &slot->allocation_id));
}

static void slot_free(struct resource_manager *manager, struct slot *slot, const char *reason)
{
	if (slot->demand != NULL)
		slot_detach(slot);
	slot_move(manager, slot, SLOT_FREEING);
	send_free(manager, slot, reason);
}

void slot_table_add(struct resource_manager *manager, struct taskmanager_info *taskmanager)
{
	for (uint32_t i = 0; i < taskmanager->slots_count; i++) {
		struct slot *slot = &taskmanager->slots[i];

		slot->refused_until = 0;
		if (slot->state == SLOT_LOST)
			slot_move(manager, slot, SLOT_FREE);
	}
	manager->slots_total += taskmanager->slots_count;
	agent_wake(&manager->agent);
}

void slot_table_lose(struct resource_manager *manager, struct taskmanager_info *taskmanager)
{
	for (uint32_t i = 0; i < taskmanager->slots_count; i++) {
		struct slot *slot = &taskmanager->slots[i];

		slot_clear(manager, slot, SLOT_LOST);
	}
	manager->slots_total -= taskmanager->slots_count;
	agent_wake(&manager->agent);
}

/* ---- asking for slots ------------------------------------------------------------------------ */

static void demand_granted(struct slot_demand *demand)
{
	sm_move(&demand_states, &demand->state, DEMAND_GRANTED, demand);
	demand->options.granted(demand->options.context, demand->slots, demand->slots_count);
}

static void request_slot_answered(const Flink__Empty *answer, void *data)
{
	struct resource_manager *manager = ((struct slot_call *)data)->manager;
	const struct err *err = rpc_error();
	struct slot *slot = slot_call_end(data);

	if (slot == NULL || slot->state != SLOT_REQUESTED || err->code == ERR_NET_CLOSED)
		return; /* withdrawn, or its TaskManager is gone */
	struct slot_demand *demand = slot->demand;

	if (answer != NULL) {
		slot_move(manager, slot, SLOT_ALLOCATED);
		if (++demand->allocated_count == demand->options.slots_count)
			demand_granted(demand);
		return;
	}
	SOMETIMES("a TaskManager refuses a slot");
	log_warn(RESOURCE_LOGGER, "TaskManager %s does not give slot %u to job '%s': %s",
		 slot->taskmanager->resource_id, slot->index, demand->job_name, err->text);
	slot->refused_until = mono_after_ms(loop_now(manager->loop), REFUSED_MS);
	if (err->code == ERR_NET_TIMEOUT) /* it may have given it all the same */
		slot_free(manager, slot, "its offer came too late");
	else
		slot_clear(manager, slot, SLOT_FREE);
	agent_wake(&manager->agent);
}

static void request_slot(struct resource_manager *manager, struct slot_demand *demand,
			 struct slot *slot, const struct id *allocation_id)
{
	Flink__RequestSlotRequest request = FLINK__REQUEST_SLOT_REQUEST__INIT;
	struct rpc_stub stub;

	slot->allocation_id = *allocation_id;
	slot->job_id = demand->options.job_id;
	slot->demand = demand;
	demand->slots[demand->slots_count++] = slot;
	map_put(manager->slots_by_allocation, map_key_id(&slot->allocation_id), slot);
	slot_move(manager, slot, SLOT_REQUESTED);

	resource_manager_stub(manager, slot->taskmanager, 0, &stub);
	request.slot = slot->index;
	request.allocation_id = id_to_message(&slot->allocation_id);
	request.job_id = id_to_message(&slot->job_id);
	flink__task_executor__request_slot(rpc_stub_service(&stub), &request, request_slot_answered,
					   slot_call(manager, &slot->allocation_id));
}

/* ---- the line -------------------------------------------------------------------------------- */

/* text NULL: it does not wait. */
static void say_waiting(struct slot_demand *demand, const char *text)
{
	if (text == NULL ? demand->waiting_for == NULL
			 : demand->waiting_for && strcmp(demand->waiting_for, text) == 0)
		return;
	mem_free(demand->waiting_for);
	demand->waiting_for = mem_strdup(text);
	if (text != NULL)
		log_info(RESOURCE_LOGGER, "Job '%s' %s", demand->job_name, text);
	if (demand->options.waiting != NULL)
		demand->options.waiting(demand->options.context);
}

static void say_numbers(struct buf *text, uint32_t needed, uint32_t free)
{
	buf_init(text);
	buf_printf(text, "needs %u slot%s, %u free", needed, needed == 1 ? "" : "s", free);
}

/* The numbers first, then what to do. */
static void explain_shortage(const struct resource_manager *manager, struct slot_demand *demand,
			     uint32_t free)
{
	uint32_t needed = demand->options.slots_count;
	bool others = needed <= manager->slots_total,
	     smaller = free > 0 && demand->options.one_group;
	struct buf text;

	say_numbers(&text, needed, free);
	if (manager->available_count == 0) {
		buf_add_text(
			&text,
			": no TaskManager is registered, start one (./bin/taskmanager.sh start)");
	} else {
		buf_printf(&text,
			   ": start another TaskManager (./bin/taskmanager.sh start)%s raise "
			   "taskmanager.numberOfTaskSlots",
			   others || smaller ? "," : " or");
		if (others)
			buf_printf(&text, ",%s cancel another job", smaller ? "" : " or");
		if (smaller)
			buf_printf(&text, ", or run with -p %u", free);
	}
	say_waiting(demand, text.data);
	buf_fini(&text);
}

static void explain_turn(struct slot_demand *demand, const struct slot_demand *first, uint32_t free)
{
	struct buf text;

	SOMETIMES("a job waits for its turn");
	say_numbers(&text, demand->options.slots_count, free);
	buf_printf(&text, ", but job '%s' is before it and needs %u: start another TaskManager "
		   "(./bin/taskmanager.sh start) or cancel that job", first->job_name,
		   first->options.slots_count);
	say_waiting(demand, text.data);
	buf_fini(&text);
}

/* Slots that are free but refused a moment ago; they do not count now. */
static uint32_t refused_count(const struct resource_manager *manager, mono_t now, mono_t *again)
{
	uint32_t count = 0;

	LIST_FOR_EACH(&manager->taskmanagers, struct taskmanager_info, node, taskmanager) {
		if (!taskmanager->available || taskmanager->slots_free == 0)
			continue;
		for (uint32_t i = 0; i < taskmanager->slots_count; i++) {
			const struct slot *slot = &taskmanager->slots[i];

			if (slot->state == SLOT_FREE && slot->refused_until > now) {
				*again = mono_min(*again, slot->refused_until);
				count++;
			}
		}
	}
	return count;
}

static void meet(struct resource_manager *manager, struct slot_demand *demand, mono_t now)
{
	uint32_t missing = demand->options.slots_count - demand->slots_count;
	struct slot **slots = MEM_NEW_ARRAY(struct slot *, missing);
	struct id *ids = MEM_NEW_ARRAY(struct id, missing);
	uint32_t picked = spread_pick(manager, now, slots, missing);

	CHECK(picked == missing, "%u of %u slots picked, %u free", picked, missing,
	      manager->slots_free);
	if (demand->state == DEMAND_WAITING)
		sm_move(&demand_states, &demand->state, DEMAND_REQUESTING, demand);
	say_waiting(demand, NULL);
	world_random_bytes(manager->options.world, ids, picked * sizeof(*ids));
	for (uint32_t i = 0; i < picked; i++)
		request_slot(manager, demand, slots[i], &ids[i]);
	mem_free(ids);
	mem_free(slots);
}

/* What a demand has is not enough and there is no more: back to the line with empty hands, so that
 * nobody waits for slots that it only keeps. */
static void give_all_back(struct resource_manager *manager, struct slot_demand *demand)
{
	while (demand->slots_count > 0)
		slot_free(manager, demand->slots[demand->slots_count - 1],
			  "the job did not get all its slots");
	SOMETIMES_IF(demand->state == DEMAND_REQUESTING, "a job gives back the slots that it has because others are gone");
	if (demand->state == DEMAND_REQUESTING)
		sm_move(&demand_states, &demand->state, DEMAND_WAITING, demand);
}

/* Does the demand, which cannot be met now, hold up those behind it? One that no empty cluster
 * could meet waits for a new TaskManager, which is no reason for others to wait; but one whose job
 * ran before expects its own back within a moment. */
static bool holds_up_others(const struct resource_manager *manager, struct slot_demand *demand,
			    mono_t now, mono_t *again)
{
	uint32_t needed = demand->options.slots_count;

	if (demand->options.ran_before || needed <= manager->slots_free + manager->slots_freeing)
		return true;
	if (needed > manager->slots_total)
		return false;
	if (demand->patient_until == 0)
		demand->patient_until = mono_after_ms(now, PASSED_BY_MS);
	if (now >= demand->patient_until)
		return true;
	SOMETIMES("a job lets smaller ones pass by");
	*again = mono_min(*again, demand->patient_until);
	return false;
}

mono_t slot_table_serve(struct resource_manager *manager, mono_t now)
{
	const struct slot_demand *blocking = NULL;
	mono_t again = MONO_NEVER;
	uint32_t refused = 0;
	bool refused_known = false;

	LIST_FOR_EACH(&manager->demands, struct slot_demand, node, demand) {
		uint32_t needed = demand->options.slots_count;

		if (demand->state == DEMAND_GRANTED || demand->slots_count == needed)
			continue;
		if (!refused_known)
			refused = refused_count(manager, now, &again);
		refused_known = true;
		if (blocking == NULL &&
		    needed - demand->slots_count <= manager->slots_free - refused) {
			meet(manager, demand, now);
			continue;
		}
		give_all_back(manager, demand);
		uint32_t free = manager->slots_free - refused;

		if (needed <= free)
			explain_turn(demand, blocking, free);
		else if (needed > free + manager->slots_freeing) /* else they come in a moment */
			explain_shortage(manager, demand, free);
		if (blocking == NULL && holds_up_others(manager, demand, now, &again))
			blocking = demand;
	}
	return again;
}

/* ---- demands --------------------------------------------------------------------------------- */

struct slot_demand *resource_manager_demand(struct resource_manager *manager,
					    const struct slot_demand_options *options)
{
	struct slot_demand *demand = MEM_NEW(struct slot_demand);
	struct list_node *at = &manager->demands.head;

	CHECK(options->slots_count > 0, "job '%s' demands no slots", options->job_name);
	demand->options = *options;
	demand->job_name = mem_strdup(options->job_name);
	demand->slots = MEM_NEW_ARRAY(struct slot *, options->slots_count);
	while (at->previous != &manager->demands.head &&
	       CONTAINER_OF(at->previous, struct slot_demand, node)->options.age > options->age)
		at = at->previous;
	list_insert_before(at, &demand->node);

	void (*waiting)(void *context) = demand->options.waiting;
	demand->options.waiting = NULL;
	slot_table_serve(manager, loop_now(manager->loop));
	demand->options.waiting = waiting;
	agent_wake(&manager->agent);
	return demand;
}

void resource_manager_withdraw(struct resource_manager *manager, struct slot_demand **demand,
			       const char *reason)
{
	struct slot_demand *gone = *demand;

	if (gone == NULL)
		return;
	*demand = NULL;
	while (gone->slots_count > 0)
		slot_free(manager, gone->slots[gone->slots_count - 1], reason);
	list_remove(&gone->node);
	mem_free(gone->slots);
	mem_free(gone->job_name);
	mem_free(gone->waiting_for);
	mem_free(gone);
	agent_wake(&manager->agent);
}

void resource_manager_release(struct resource_manager *manager, struct slot *slot,
			      const char *reason)
{
	CHECK(slot->state == SLOT_ALLOCATED && slot->demand->state == DEMAND_GRANTED,
	      "slot %u of %s is %s", slot->index, slot->taskmanager->resource_id,
	      sm_name(&slot_states, slot->state));
	slot_free(manager, slot, reason);
	agent_wake(&manager->agent);
}

const char *slot_demand_waiting_for(const struct slot_demand *demand)
{
	return demand->waiting_for;
}

/* ---- reports --------------------------------------------------------------------------------- */

/* The TaskManager holds the slot for somebody: is it the one it was given to? */
static void report_held(struct resource_manager *manager, struct slot *slot,
			const struct id *allocation_id)
{
	if (slot->state != SLOT_FREE)
		return; /* the same one, or it will refuse the new one */
	SOMETIMES("a slot is held for somebody unknown");
	slot->allocation_id = *allocation_id;
	map_put(manager->slots_by_allocation, map_key_id(allocation_id), slot);
	slot_free(manager, slot, "the JobManager does not know of it");
}

static void report_free(struct resource_manager *manager, struct slot *slot)
{
	struct slot_demand *demand = slot->demand;
	struct err err = ERR_INIT;

	if (slot->state != SLOT_ALLOCATED)
		return; /* free here too, or the request is still on its way */
	SOMETIMES("a slot that a job has is free on its TaskManager");
	err_set(&err, ERR_TASKMANAGER_LOST, "TaskManager %s has given up slot %u",
		slot->taskmanager->resource_id, slot->index);
	slot_clear(manager, slot, SLOT_FREE);
	if (demand->state == DEMAND_GRANTED)
		demand->options.lost(demand->options.context, slot, &err);
	agent_wake(&manager->agent);
}

void slot_table_reconcile(struct resource_manager *manager, struct taskmanager_info *taskmanager,
			  Flink__SlotReport *const *reports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct id allocation_id;

		if (reports[i]->slot >= taskmanager->slots_count)
			continue;
		struct slot *slot = &taskmanager->slots[reports[i]->slot];

		if (id_from_message(&reports[i]->allocation_id, &allocation_id) &&
		    !id_is_none(&allocation_id))
			report_held(manager, slot, &allocation_id);
		else
			report_free(manager, slot);
	}
}
