/* SPDX-License-Identifier: Apache-2.0
 * scheduler.c - from slots to running tasks. All tasks of a job are deployed at once, producers
 * first; consumers may still arrive before them, since a TaskManager waits for channels it does not
 * know yet.
 *
 * A job keeps one place per TaskManager it uses; calls to it go through the place's queue, so that
 * a wide job does not have thousands of them under way. Where tasks are is one table per attempt,
 * which all SubmitTask messages share; edges are ranges of it. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/graph/graph.h"
#include "jobmanager/job/job_priv.h"

#define PLACE_CALLS_MAX 64
#define SENDS_PER_STEP 256

struct place_name { /* in the job's arena */
	const char *resource_id, *endpoint;
};

uint32_t execution_slot_number(const struct execution *execution)
{
	return execution->vertex->slot_first + execution_subtask(execution);
}

/* ---- places --------------------------------------------------------------------------------- */

void job_place_unref(struct job_place *place)
{
	if (place->taskmanager != NULL || place->calls > 0)
		return;
	list_remove(&place->node);
	mem_free(place);
}

static const struct place_name *place_name(struct job_master *master,
					   const struct taskmanager_info *taskmanager)
{
	char *key = mem_printf("%s %s:%u", taskmanager->resource_id, taskmanager->data_host,
			       taskmanager->data_port);
	struct place_name *name = map_get(master->names, bytes_of_text(key));

	if (name == NULL) {
		name = arena_alloc(master->arena, sizeof(*name));
		name->resource_id = arena_strdup(master->arena, taskmanager->resource_id);
		name->endpoint = arena_printf(master->arena, "%s:%u", taskmanager->data_host,
					      taskmanager->data_port);
		map_put(master->names, bytes_of_text(key), name);
	}
	mem_free(key);
	return name;
}

static struct job_place *place_of(struct job_master *master, struct taskmanager_info *taskmanager)
{
	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		if (place->taskmanager == taskmanager)
			return place;
	}
	struct job_place *place = MEM_NEW(struct job_place);
	const struct place_name *name = place_name(master, taskmanager);

	place->master = master;
	place->taskmanager = taskmanager;
	place->resource_id = name->resource_id;
	place->endpoint = name->endpoint;
	place->location = UINT32_MAX;
	list_init(&place->wanted);
	list_push_back(&master->places, &place->node);
	return place;
}

/* ---- slots ---------------------------------------------------------------------------------- */

static void slots_granted(void *context, struct slot *const *slots, uint32_t count)
{
	struct job_master *master = context;

	CHECK(count == master->slots_needed, "%u slots for %u", count, master->slots_needed);
	memcpy(master->slots, slots, count * sizeof(slots[0]));
	master->granted = true;
	agent_wake(&master->agent);
}

static void slots_waiting(void *context)
{
	struct job_master *master = context;
	const char *text = slot_demand_waiting_for(master->demand);

	if (master->job.status == JOB_RUNNING)
		job_say(master, mem_strdup(text));
	agent_wake(&master->agent);
}

/* One slot is gone, its TaskManager is not. */
static void slot_lost(void *context, struct slot *slot, const struct err *why)
{
	struct job_master *master = context;
	const struct execution *first = NULL;

	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] == slot)
			master->slots[i] = NULL;
	FOR_EACH_EXECUTION(master, execution) {
		if (execution->slot != slot)
			continue;
		first = first ? first : execution;
		execution_move(execution,
			       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
								       : EXECUTION_FAILED, why);
	}
	if (first != NULL)
		job_fail(master, CAUSE_TASKMANAGER_LOST, why, first, 0);
}

static void demand_slots(struct job_master *master)
{
	struct slot_demand_options options = {
		.job_id = master->job.id,
		.job_name = master->job.name,
		.age = master->options.age,
		.slots_count = master->slots_needed,
		.one_group = master->groups_count == 1,
		.ran_before = master->job.job_attempt > 0,
		.granted = slots_granted,
		.lost = slot_lost,
		.waiting = slots_waiting,
		.context = master,
	};
	const char *text;

	master->demand_until = mono_after_ms(
		loop_now(master->loop), conf_duration_ms(master->job.conf, "slot.request.timeout"));
	master->demand = resource_manager_demand(master->options.resources, &options);
	text = slot_demand_waiting_for(master->demand);
	job_say(master, mem_strdup(text));
}

void job_slots_give_back(struct job_master *master, const char *reason)
{
	master->granted = false;
	resource_manager_withdraw(master->options.resources, &master->demand, reason);
	memset(master->slots, 0, master->slots_needed * sizeof(master->slots[0]));
	FOR_EACH_EXECUTION(master, execution)
		execution->slot = NULL;
}

void job_slot_unused(struct job_master *master, uint32_t number)
{
	int64_t timeout_ms = conf_duration_ms(master->job.conf, "slot.idle.timeout");

	master->slot_idle_at[number] = mono_after_ms(loop_now(master->loop), timeout_ms);
	master->idle_next = mono_min(master->idle_next, master->slot_idle_at[number]);
}

/* Slots whose tasks have all finished go back after a while. */
void job_slots_step(struct job_master *master, mono_t now, mono_t *wake_at)
{
	if (master->job.status != JOB_RUNNING || master->idle_next == MONO_NEVER)
		return;
	if (now >= master->idle_next) {
		master->idle_next = MONO_NEVER;
		for (uint32_t i = 0; i < master->slots_needed; i++) {
			if (master->slots[i] == NULL || master->slot_users[i] > 0)
				continue;
			if (now < master->slot_idle_at[i]) {
				master->idle_next =
					mono_min(master->idle_next, master->slot_idle_at[i]);
				continue;
			}
			SOMETIMES("a slot that is not used any more goes back");
			resource_manager_release(master->options.resources, master->slots[i],
						 "its tasks have finished");
			master->slots[i] = NULL;
		}
	}
	*wake_at = mono_min(*wake_at, master->idle_next);
}

/* ---- scheduling ----------------------------------------------------------------------------- */

static bool has_all_slots(const struct job_master *master)
{
	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] == NULL)
			return false;
	return true;
}

static bool holds_no_slot(const struct job_master *master)
{
	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] != NULL)
			return false;
	return true;
}

void job_schedule(struct job_master *master)
{
	struct err err = ERR_INIT;

	if (job_sources_open(master, &err) != 0) {
		job_fail(master, CAUSE_TASK, &err, NULL, 0);
		return;
	}
	FOR_EACH_EXECUTION(master, execution)
		execution_move(execution, EXECUTION_SCHEDULED, NULL);
	if (has_all_slots(master)) {
		SOMETIMES_IF(master->job.job_attempt > 0, "a job starts again in the slots that it has");
		master->granted = true;
		return;
	}
	job_slots_give_back(master, "the job needs other slots");
	demand_slots(master);
}

/* Which place has which number in the table of locations. */
static uint32_t locate(struct job_master *master, struct job_place *place)
{
	if (place->location != UINT32_MAX)
		return place->location;
	Flink__Location *location = arena_alloc(master->attempt_arena, sizeof(*location));

	flink__location__init(location);
	location->resource_id = (char *)(uintptr_t)place->resource_id;
	location->data_host = arena_strdup(master->attempt_arena, place->taskmanager->data_host);
	location->data_port = place->taskmanager->data_port;
	place->location = master->locations_count++;
	master->location_table[place->location] = location;
	return place->location;
}

static void want_call(struct execution *execution, enum call_wanted what)
{
	list_remove(&execution->call_node);
	execution->call_wanted = (uint8_t)what;
	list_push_back(&execution->place->wanted, &execution->call_node);
}

void job_deploy(struct job_master *master)
{
	size_t vertices = master->job.graph->n_vertices;

	if (!has_all_slots(master)) { /* one was lost since they were granted */
		job_slots_give_back(master, "the job needs other slots");
		demand_slots(master);
		return;
	}
	master->granted = false;
	arena_destroy(&master->attempt_arena);
	master->attempt_arena = arena_create("deployment");
	master->locations =
		arena_alloc(master->attempt_arena, vertices * sizeof(master->locations[0]));
	master->location_table = arena_alloc(
		master->attempt_arena, master->slots_needed * sizeof(master->location_table[0]));
	master->locations_count = 0;
	LIST_FOR_EACH(&master->places, struct job_place, node, place)
		place->location = UINT32_MAX;
	struct job_place **places = MEM_NEW_ARRAY(struct job_place *, master->slots_needed);

	for (uint32_t i = 0; i < master->slots_needed; i++)
		places[i] =
			i > 0 && master->slots[i]->taskmanager == master->slots[i - 1]->taskmanager
				? places[i - 1]
				: place_of(master, master->slots[i]->taskmanager);
	for (size_t v = 0; v < vertices; v++) {
		struct job_vertex *vertex = &master->job.vertices[v];

		master->locations[v] = arena_alloc(master->attempt_arena,
						   vertex->message->parallelism * sizeof(uint32_t));
		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			struct execution *execution = &vertex->executions[i];

			execution->slot = master->slots[vertex->slot_first + i];
			execution->place = places[vertex->slot_first + i];
			execution->resource_id = execution->place->resource_id;
			execution->endpoint = execution->place->endpoint;
			master->locations[v][i] = locate(master, execution->place);
			want_call(execution, CALL_SUBMIT);
		}
	}
	mem_free(places);
	job_say(master, NULL);
}

/* ---- calls ---------------------------------------------------------------------------------- */

struct job_call *job_call_begin(struct execution *execution)
{
	struct job_call *call = MEM_NEW(struct job_call);

	call->place = execution->place;
	call->execution = execution;
	call->execution_id = execution->id;
	execution->place->calls++;
	execution->place->master->calls++;
	return call;
}

struct execution *job_call_end(struct job_call *call)
{
	struct job_place *place = call->place;
	struct job_master *master = place->master;
	struct execution *execution = call->execution;
	bool current = id_equal(&execution->id, &call->execution_id) && execution->place == place;

	place->calls--;
	master->calls--;
	job_place_unref(place);
	agent_wake(&master->agent);
	mem_free(call);
	return current ? execution : NULL;
}

static void submit_answered(const Flink__Empty *answer, void *data)
{
	struct job_place *place = ((struct job_call *)data)->place;
	struct job_master *master = place->master;
	const struct err *reason = rpc_error();
	struct err err = *reason;

	SOMETIMES_IF(answer == NULL, "a deployment is refused, or not answered");
	if (answer == NULL)
		place->graph_sent = false; /* unsure: the next one carries it again */
	struct execution *execution = job_call_end(data);

	/* A closed connection is told by job_master_taskmanager_gone. */
	if (answer != NULL || execution == NULL || err.code == ERR_NET_CLOSED)
		return;
	if (err.code == ERR_NET_TIMEOUT) {
		/* It may run there: it must not be left alone. */
		if (execution->state != EXECUTION_CANCELING)
			execution_move(execution, EXECUTION_CANCELING, &err);
		want_call(execution, CALL_CANCEL);
	} else {
		execution_move(execution,
			       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
								       : EXECUTION_FAILED, &err);
	}
	if (err_class_of(err.code) == ERR_CLASS_RETRY || err.code == ERR_FENCED)
		err.code = ERR_DEPLOY_FAILED;
	job_fail(master, CAUSE_TASK, &err, execution, 0);
}

static void cancel_answered(const Flink__Empty *answer, void *data)
{
	const struct err *err = rpc_error();
	bool again = answer == NULL && err->code == ERR_NET_TIMEOUT;
	bool unknown = answer == NULL && !again && err->code != ERR_NET_CLOSED;
	struct execution *execution = job_call_end(data);

	if (execution == NULL || execution->state != EXECUTION_CANCELING)
		return;
	if (again) {
		SOMETIMES("a cancellation is not answered in time");
		want_call(execution, CALL_CANCEL);
	}
	if (unknown) { /* there is no such task */
		SOMETIMES("a task to be cancelled is not known there");
		execution_move(execution, EXECUTION_CANCELED, err);
	}
}

static uint32_t edges_of(const struct job_master *master, const struct job_vertex *vertex,
			 Flink__InputGate *gates, Flink__OutputEdge *outputs, uint32_t subtask,
			 uint32_t *outputs_count)
{
	const Flink__JobGraph *graph = master->job.graph;
	uint32_t inputs = 0, outs = 0;

	for (uint32_t e = 0; e < graph->n_edges; e++) {
		const Flink__Edge *edge = graph->edges[e];
		uint32_t source = edge->source_vertex, target = edge->target_vertex, first, last;
		uint32_t producers = graph->vertices[source]->parallelism;
		uint32_t consumers = graph->vertices[target]->parallelism;

		if (target == vertex->index) {
			Flink__InputGate *gate = &gates[inputs++];

			flink__input_gate__init(gate);
			edge_producers(edge->ship_strategy, subtask, producers, consumers, &first,
				       &last);
			gate->input = edge->target_input;
			gate->producer_vertex = id_to_message(&master->job.vertices[source].id);
			gate->edge = e;
			gate->producer_first = first;
			gate->producer_last = last;
			gate->n_producer_location = last - first + 1;
			gate->producer_location = master->locations[source] + first;
			gate->producer_attempt = master->job.job_attempt;
		}
		if (source == vertex->index) {
			Flink__OutputEdge *output = &outputs[outs++];

			flink__output_edge__init(output);
			edge_consumers(edge->ship_strategy, subtask, producers, consumers, &first,
				       &last);
			output->edge = e;
			output->consumer_first = first;
			output->consumer_last = last;
			output->n_consumer_location = last - first + 1;
			output->consumer_location = master->locations[target] + first;
		}
	}
	*outputs_count = outs;
	return inputs;
}

static void send_submit(struct job_master *master, struct execution *execution)
{
	const struct job_vertex *vertex = execution->vertex;
	struct job_place *place = execution->place;
	uint32_t edges = (uint32_t)master->job.graph->n_edges,
		 subtask = execution_subtask(execution);
	Flink__SubmitTaskRequest request = FLINK__SUBMIT_TASK_REQUEST__INIT;
	Flink__InputGate *gates = MEM_NEW_ARRAY(Flink__InputGate, edges);
	Flink__OutputEdge *outputs = MEM_NEW_ARRAY(Flink__OutputEdge, edges);
	Flink__InputGate **gate_table = MEM_NEW_ARRAY(Flink__InputGate *, edges);
	Flink__OutputEdge **output_table = MEM_NEW_ARRAY(Flink__OutputEdge *, edges);
	Flink__JobGraph graph = *master->job.graph;
	struct rpc_stub stub;
	uint32_t outputs_count;
	char id[ID_TEXT_SIZE];

	for (uint32_t e = 0; e < edges; e++) {
		gate_table[e] = &gates[e];
		output_table[e] = &outputs[e];
	}
	graph.execution_plan = (char *)(uintptr_t)protobuf_c_empty_string;
	request.execution_id = id_to_message(&execution->id);
	request.job_id = id_to_message(&master->job.id);
	request.job_name = master->job.name;
	request.allocation_id = id_to_message(&execution->slot->allocation_id);
	request.vertex = vertex->index;
	request.subtask = subtask;
	request.attempt = execution->attempt;
	request.job_attempt = master->job.job_attempt;
	request.graph_known = place->graph_sent;
	request.graph = place->graph_sent ? NULL : &graph;
	request.n_inputs = edges_of(master, vertex, gates, outputs, subtask, &outputs_count);
	request.inputs = gate_table;
	request.n_outputs = outputs_count;
	request.outputs = output_table;
	request.n_locations = master->locations_count;
	request.locations = master->location_table;
	resource_manager_stub(master->options.resources, place->taskmanager, execution->attempt,
			      &stub);
	request.leader_epoch = stub.fence.leader_epoch;
	log_info(GRAPH_LOGGER, "Deploying %s (%u/%u) (attempt #%u) with attempt id %s to %s @ %s.",
		 vertex->message->name, subtask + 1, vertex->message->parallelism,
		 execution->attempt, id_format(&execution->id, id), execution->resource_id,
		 execution->endpoint);
	execution_move(execution, EXECUTION_DEPLOYING, NULL);
	execution->submitted = true;
	place->graph_sent = place->told = true;
	flink__task_executor__submit_task(rpc_stub_service(&stub), &request, submit_answered,
					  job_call_begin(execution));
	mem_free(gates);
	mem_free(outputs);
	mem_free(gate_table);
	mem_free(output_table);
}

static void send_cancel(struct job_master *master, struct execution *execution)
{
	Flink__CancelTaskRequest request = FLINK__CANCEL_TASK_REQUEST__INIT;
	struct rpc_stub stub;

	resource_manager_stub(master->options.resources, execution->place->taskmanager,
			      execution->attempt, &stub);
	request.execution_id = id_to_message(&execution->id);
	flink__task_executor__cancel_task(rpc_stub_service(&stub), &request, cancel_answered,
					  job_call_begin(execution));
}

bool job_places_pump(struct job_master *master)
{
	uint32_t sent = 0;

	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		struct list_node *node;

		while (place->taskmanager != NULL && place->calls < PLACE_CALLS_MAX &&
		       sent < SENDS_PER_STEP && (node = list_pop_front(&place->wanted)) != NULL) {
			struct execution *execution =
				CONTAINER_OF(node, struct execution, call_node);
			uint8_t wanted = execution->call_wanted;

			execution->call_wanted = CALL_NONE;
			if (wanted == CALL_SUBMIT)
				send_submit(master, execution);
			else
				send_cancel(master, execution);
			sent++;
		}
	}
	return sent == SENDS_PER_STEP;
}

void job_cancel_executions(struct job_master *master)
{
	int64_t timeout_ms = conf_duration_ms(master->job.conf, "task.cancellation.timeout");

	master->granted = false;
	if (holds_no_slot(master))
		resource_manager_withdraw(master->options.resources, &master->demand,
					  "the job does not run now");
	FOR_EACH_EXECUTION(master, execution) {
		switch ((enum execution_state)execution->state) {
		case EXECUTION_CREATED:
		case EXECUTION_SCHEDULED:
			execution_move(execution, EXECUTION_CANCELED, NULL);
			break;
		case EXECUTION_DEPLOYING:
		case EXECUTION_INITIALIZING:
		case EXECUTION_RUNNING:
			execution_move(execution, EXECUTION_CANCELING, NULL);
			want_call(execution, CALL_CANCEL);
			break;
		default:
			break;
		}
	}
	master->cancel_until = timeout_ms > 0 ? mono_after_ms(loop_now(master->loop), timeout_ms)
					      : MONO_NEVER;
}
