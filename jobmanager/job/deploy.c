/* SPDX-License-Identifier: Apache-2.0
 * deploy.c - from slots to running tasks. All tasks of a job are deployed at once, producers first;
 * consumers may still arrive before them, since a TaskManager waits for channels it does not know
 * yet.
 *
 * A job keeps one place per TaskManager it uses; calls to it go through the place's queue. What all
 * tasks share, the graph and where everybody is, goes to each place once; a task is a few numbers
 * and its edges are ranges, so a wide edge costs no more than a narrow one (ADR 0018). */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/graph/graph.h"
#include "jobmanager/job/buffers.h"
#include "jobmanager/job/job_priv.h"

#define PLACE_CALLS_MAX 64
#define TASKS_PER_CALL_MAX 256
#define EDGES_PER_CALL_MAX 16384 /* of all its tasks, if it holds more than one */
#define TASKS_PER_STEP 2048      /* about: submitted or cancelled */

struct place_name { /* in the job's arena */
	const char *resource_id, *endpoint;
};

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

static struct job_place *place_create(struct job_master *master,
				      struct taskmanager_info *taskmanager)
{
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

static struct bytes place_key(struct taskmanager_info *const *taskmanager)
{
	return bytes_of(taskmanager, sizeof(*taskmanager));
}

/* The place of every slot; those that are not there yet are made. */
static struct job_place **places_of_slots(struct job_master *master)
{
	struct job_place **places = MEM_NEW_ARRAY(struct job_place *, master->slots_needed);
	struct map *by_taskmanager = map_create();

	LIST_FOR_EACH(&master->places, struct job_place, node, place)
		if (place->taskmanager != NULL)
			map_put(by_taskmanager, place_key(&place->taskmanager), place);
	for (uint32_t i = 0; i < master->slots_needed; i++) {
		struct taskmanager_info *taskmanager = master->slots[i]->taskmanager;

		places[i] = map_get(by_taskmanager, place_key(&taskmanager));
		if (places[i] != NULL)
			continue;
		places[i] = place_create(master, taskmanager);
		map_put(by_taskmanager, place_key(&taskmanager), places[i]);
	}
	map_destroy(&by_taskmanager);
	return places;
}

/* ---- where everybody is --------------------------------------------------------------------- */

/* The place's number in the placement. */
static uint32_t locate(struct job_master *master, struct job_place *place)
{
	Flink__Placement *placement = &master->placement;

	if (place->location != UINT32_MAX)
		return place->location;
	Flink__Location *location = arena_alloc(master->attempt_arena, sizeof(*location));

	flink__location__init(location);
	location->resource_id = (char *)(uintptr_t)place->resource_id;
	location->data_host = arena_strdup(master->attempt_arena, place->taskmanager->data_host);
	location->data_port = place->taskmanager->data_port;
	place->location = (uint32_t)placement->n_locations;
	placement->locations[placement->n_locations++] = location;
	return place->location;
}

static void make_placement(struct job_master *master, struct job_place *const *places)
{
	Flink__Placement *placement = &master->placement;
	uint32_t slots = master->slots_needed;
	size_t vertices = master->job.graph->n_vertices;

	arena_destroy(&master->attempt_arena);
	master->attempt_arena = arena_create("deployment");
	flink__placement__init(placement);
	placement->locations =
		arena_alloc(master->attempt_arena, slots * sizeof(placement->locations[0]));
	placement->slot_location =
		arena_alloc(master->attempt_arena, slots * sizeof(placement->slot_location[0]));
	placement->vertex_slot_first = arena_alloc(
		master->attempt_arena, vertices * sizeof(placement->vertex_slot_first[0]));
	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		place->location = UINT32_MAX;
		place->placement_sent = false;
	}
	placement->n_slot_location = slots;
	for (uint32_t i = 0; i < slots; i++)
		placement->slot_location[i] = locate(master, places[i]);
	placement->n_vertex_slot_first = vertices;
	for (size_t v = 0; v < vertices; v++)
		placement->vertex_slot_first[v] = master->job.vertices[v].slot_first;
}

/* Before anything is deployed: what buffers the channels will have. */
static int plan_buffers(struct job_master *master, struct err *err)
{
	Flink__Placement *placement = &master->placement;
	struct buffer_place *places = MEM_NEW_ARRAY(struct buffer_place, placement->n_locations);
	struct buffer_plan plan;

	LIST_FOR_EACH(&master->places, struct job_place, node, place)
		if (place->location != UINT32_MAX)
			places[place->location] = (struct buffer_place){
				.resource_id = place->resource_id,
				.network_bytes = place->taskmanager->network_memory_bytes,
				.segment_bytes = place->taskmanager->segment_bytes,
				.slots = place->taskmanager->slots_count,
			};
	int answer = buffers_plan(master->job.graph, placement, places, &plan, err);

	mem_free(places);
	placement->segment_bytes = plan.segment_bytes;
	placement->buffers_per_channel_max = plan.per_channel_max;
	return answer;
}

void job_want_call(struct execution *execution, enum call_wanted what)
{
	list_remove(&execution->call_node);
	execution->call_wanted = (uint8_t)what;
	list_push_back(&execution->place->wanted, &execution->call_node);
}

void job_deploy(struct job_master *master)
{
	struct job_place **places;
	struct err err = ERR_INIT;

	if (!job_has_all_slots(master)) { /* one was lost since they were granted */
		job_slots_give_back(master, "the job needs other slots");
		job_demand_slots(master);
		return;
	}
	master->granted = false;
	places = places_of_slots(master);
	make_placement(master, places);
	FOR_EACH_EXECUTION(master, execution) {
		uint32_t number = execution_slot_number(execution);

		execution->slot = master->slots[number];
		execution->place = places[number];
		execution->resource_id = execution->place->resource_id;
		execution->endpoint = execution->place->endpoint;
		job_want_call(execution, CALL_SUBMIT);
	}
	mem_free(places);
	job_say(master, NULL);
	if (plan_buffers(master, &err) != 0)
		job_fail(master, CAUSE_TASK, &err, NULL, 0);
}

/* ---- calls about one execution -------------------------------------------------------------- */

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

/* ---- SubmitTasks ---------------------------------------------------------------------------- */

struct submit_call { /* data of the answer's closure */
	struct job_place *place;
	uint32_t count;
	struct submitted {
		struct execution *execution;
		struct id execution_id;
	} tasks[];
};

static void not_taken(struct job_place *place, const struct submitted *task, const struct err *why)
{
	struct job_master *master = place->master;
	struct execution *execution = task->execution;
	struct err err = *why;

	if (!id_equal(&execution->id, &task->execution_id) || execution->place != place)
		return; /* it is another attempt by now, or has ended */
	if (err.code == ERR_NET_TIMEOUT) {
		/* It may run there: it must not be left alone. */
		if (execution->state != EXECUTION_CANCELING)
			execution_move(execution, EXECUTION_CANCELING, &err);
		job_want_call(execution, CALL_CANCEL);
	} else {
		execution_move(execution,
			       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
								       : EXECUTION_FAILED, &err);
	}
	if (err_class_of(err.code) == ERR_CLASS_RETRY || err.code == ERR_FENCED)
		err.code = ERR_DEPLOY_FAILED;
	job_fail(master, CAUSE_TASK, &err, execution, 0);
}

static void submit_answered(const Flink__SubmitTasksResponse *answer, void *data)
{
	struct submit_call *call = data;
	struct job_place *place = call->place;
	struct job_master *master = place->master;
	struct err err = *rpc_error();

	place->calls--;
	master->calls--;
	SOMETIMES_IF(answer == NULL || answer->n_refused > 0, "a deployment is refused, or not answered");
	if (answer == NULL || answer->n_refused > 0) /* unsure: the next one carries all again */
		place->graph_sent = place->placement_sent = false;
	for (size_t i = 0; answer != NULL && i < answer->n_refused; i++) {
		const Flink__TaskRefusal *refusal = answer->refused[i];

		err_set(&err, ERR_DEPLOY_FAILED, "refused without a reason");
		if (refusal->why != NULL)
			err_from_message(&err, refusal->why);
		if (refusal->task < call->count)
			not_taken(place, &call->tasks[refusal->task], &err);
	}
	/* A closed connection is told by job_master_taskmanager_gone. */
	for (uint32_t i = 0; answer == NULL && err.code != ERR_NET_CLOSED && i < call->count; i++)
		not_taken(place, &call->tasks[i], &err);
	job_place_unref(place);
	agent_wake(&master->agent);
	mem_free(call);
}

static void add_input(const struct job_master *master, Flink__TaskDeployment *task, uint32_t e,
		      struct arena *arena)
{
	const Flink__JobGraph *graph = master->job.graph;
	const Flink__Edge *edge = graph->edges[e];
	Flink__InputGate *gate = arena_alloc(arena, sizeof(*gate));

	flink__input_gate__init(gate);
	gate->input = edge->target_input;
	gate->edge = e;
	gate->producer_attempt = task->job_attempt;
	edge_producers(edge->ship_strategy, task->subtask,
		       graph->vertices[edge->source_vertex]->parallelism,
		       graph->vertices[edge->target_vertex]->parallelism, &gate->producer_first,
		       &gate->producer_last);
	task->inputs[task->n_inputs++] = gate;
}

static void add_output(const struct job_master *master, Flink__TaskDeployment *task, uint32_t e,
		       struct arena *arena)
{
	const Flink__JobGraph *graph = master->job.graph;
	const Flink__Edge *edge = graph->edges[e];
	Flink__OutputEdge *output = arena_alloc(arena, sizeof(*output));

	flink__output_edge__init(output);
	output->edge = e;
	edge_consumers(edge->ship_strategy, task->subtask,
		       graph->vertices[edge->source_vertex]->parallelism,
		       graph->vertices[edge->target_vertex]->parallelism, &output->consumer_first,
		       &output->consumer_last);
	task->outputs[task->n_outputs++] = output;
}

static Flink__TaskDeployment *describe(const struct job_master *master,
				       const struct execution *execution, struct arena *arena)
{
	const struct job_vertex *vertex = execution->vertex;
	size_t table_bytes = vertex->edges_count * sizeof(void *);
	Flink__TaskDeployment *task = arena_alloc(arena, sizeof(*task));

	flink__task_deployment__init(task);
	task->execution_id = id_to_message(&execution->id);
	task->job_id = id_to_message(&master->job.id);
	task->allocation_id = id_to_message(&execution->slot->allocation_id);
	task->vertex = vertex->index;
	task->subtask = execution_subtask(execution);
	task->attempt = execution->attempt;
	task->job_attempt = master->job.job_attempt;
	task->inputs = arena_alloc(arena, table_bytes);
	task->outputs = arena_alloc(arena, table_bytes);
	for (uint32_t i = 0; i < vertex->edges_count; i++) {
		uint32_t e = vertex->edges[i];

		if (master->job.graph->edges[e]->target_vertex == vertex->index)
			add_input(master, task, e, arena);
		else
			add_output(master, task, e, arena);
	}
	return task;
}

/* Those at the head of the place's queue that are to be submitted; none: NULL. */
static struct submit_call *take_submits(struct job_place *place)
{
	struct submit_call *call;
	uint32_t count = 0, edges = 0;

	LIST_FOR_EACH(&place->wanted, struct execution, call_node, execution) {
		edges += execution->vertex->edges_count;
		if (execution->call_wanted != CALL_SUBMIT || count == TASKS_PER_CALL_MAX ||
		    (count > 0 && edges > EDGES_PER_CALL_MAX))
			break;
		count++;
	}
	if (count == 0)
		return NULL;
	call = mem_alloc(sizeof(*call) + count * sizeof(call->tasks[0]));
	call->place = place;
	while (call->count < count) {
		struct execution *execution =
			LIST_FIRST(&place->wanted, struct execution, call_node);

		list_remove(&execution->call_node);
		execution->call_wanted = CALL_NONE;
		call->tasks[call->count++] = (struct submitted){ execution, execution->id };
	}
	return call;
}

static void begin_deploying(struct execution *execution)
{
	const struct job_vertex *vertex = execution->vertex;
	char id[ID_TEXT_SIZE];

	log_info(GRAPH_LOGGER, "Deploying %s (%u/%u) (attempt #%u) with attempt id %s to %s @ %s.",
		 vertex->message->name, execution_subtask(execution) + 1,
		 vertex->message->parallelism, execution->attempt, id_format(&execution->id, id),
		 execution->resource_id, execution->endpoint);
	execution_move(execution, EXECUTION_DEPLOYING, NULL);
	execution->submitted = true;
}

static void send_submits(struct job_master *master, struct submit_call *call)
{
	struct job_place *place = call->place;
	Flink__SubmitTasksRequest request = FLINK__SUBMIT_TASKS_REQUEST__INIT;
	Flink__JobGraph graph = *master->job.graph;
	struct arena *arena = arena_create("submit tasks");
	struct rpc_stub stub;

	graph.execution_plan = (char *)(uintptr_t)protobuf_c_empty_string;
	request.job_id = id_to_message(&master->job.id);
	request.job_attempt = master->job.job_attempt;
	request.graph_known = place->graph_sent;
	request.graph = place->graph_sent ? NULL : &graph;
	request.placement_known = place->placement_sent;
	request.placement = place->placement_sent ? NULL : &master->placement;
	request.tasks = arena_alloc(arena, call->count * sizeof(request.tasks[0]));
	while (request.n_tasks < call->count) {
		struct execution *execution = call->tasks[request.n_tasks].execution;

		request.tasks[request.n_tasks++] = describe(master, execution, arena);
		begin_deploying(execution);
	}
	place->graph_sent = place->placement_sent = place->told = true;
	place->calls++;
	master->calls++;
	resource_manager_stub(master->options.resources, place->taskmanager,
			      master->job.job_attempt, &stub);
	flink__task_executor__submit_tasks(rpc_stub_service(&stub), &request, submit_answered,
					   call);
	arena_destroy(&arena);
}

/* Sends the next that the place wants. Returns how many tasks it was about. */
static uint32_t send_next(struct job_master *master, struct job_place *place)
{
	struct submit_call *call = take_submits(place);

	if (call != NULL) {
		uint32_t count = call->count;

		send_submits(master, call);
		return count;
	}
	struct execution *execution = LIST_FIRST(&place->wanted, struct execution, call_node);

	list_remove(&execution->call_node);
	execution->call_wanted = CALL_NONE;
	job_send_cancel(execution);
	return 1;
}

bool job_places_pump(struct job_master *master)
{
	uint32_t sent = 0;

	LIST_FOR_EACH(&master->places, struct job_place, node, place)
		while (place->taskmanager != NULL && place->calls < PLACE_CALLS_MAX &&
		       sent < TASKS_PER_STEP && !list_empty(&place->wanted))
			sent += send_next(master, place);
	return sent >= TASKS_PER_STEP;
}
