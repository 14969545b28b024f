/* SPDX-License-Identifier: Apache-2.0
 * stage.c - the machines, the job, and the director. */
#include "tests/topologies/stage.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "common/graph/graph.h"
#include "tests/lib/test_functions.h"

#define MODULE_PATH "topologies"
#define ROOM_WAIT_MS 2000 /* as an executor's */
#define ROOM_TRY_MS 20

static struct stage *current; /* for alarms */

static uint32_t below(struct stage *stage, uint32_t bound)
{
	stage->random = sheet_mix(stage->random, 1, 1, 1);
	return (uint32_t)((stage->random >> 32) * bound >> 32);
}

/* ---- the job --------------------------------------------------------------------------------- */

static void make_operator(struct stage *stage, uint32_t v, uint32_t o)
{
	static const Flink__OperatorKind kinds[] = {
		[ROLE_SOURCE] = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
		[ROLE_RELAY] = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
		[ROLE_SINK] = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
	};
	static const char *const factories[] = { ACTORS_SOURCE, ACTORS_RELAY, ACTORS_SINK };
	const struct sheet *sheet = stage->sheet;
	const struct sheet_vertex *vertex = &sheet->vertices[v];
	const struct sheet_operator *operator = &vertex->operators[o];
	bool late = operator->role == ROLE_RELAY && operator->timer_ms > 0;
	struct test_operator made = {
		.kind = kinds[operator->role],
		.name = late ? ACTORS_RELAY_LATE : factories[operator->role],
		.factory = late ? ACTORS_RELAY_LATE : factories[operator->role],
		.input_type = operator->role == ROLE_SOURCE ? -1 : 0,
		.output_type = operator->role == ROLE_SINK ? -1 : operator->has_text,
		.key_field = -1,
	};

	if (o > 0)
		made.input_type = vertex->operators[operator->parent].has_text;
	for (uint32_t i = 0; o == 0 && i < sheet->edges_count; i++) {
		const struct sheet_edge *edge = &sheet->edges[i];

		if (edge->target == v && edge->input == 0)
			made.input_type =
				sheet->vertices[edge->source].operators[edge->operator].has_text;
	}
	test_job_operator(stage->job, v, &made);
	Flink__Operator *message = stage->job->graph->vertices[v]->operators[o];
	struct bytes parameters = actors_parameters(v, o);

	message->input_operator = operator->parent;
	message->parameters = (ProtobufCBinaryData){
		parameters.size_bytes, (uint8_t *)(uintptr_t)parameters.data
	};
}

static void make_edge(struct stage *stage, const struct sheet_edge *edge)
{
	bool has_text = stage->sheet->vertices[edge->source].operators[edge->operator].has_text;
	bool keyed = edge->ship == FLINK__SHIP_STRATEGY__SHIP_HASH;
	uint32_t index = test_job_edge(stage->job, edge->source, edge->target, edge->ship,
				       !keyed ? -1 : edge->by_text ? 4 : 1);
	Flink__Edge *message = stage->job->graph->edges[index];

	message->source_operator = edge->operator;
	message->record_type = has_text;
	message->target_input = edge->input;
	if (edge->ship == FLINK__SHIP_STRATEGY__SHIP_CUSTOM)
		test_job_partitioner(stage->job, index, (void *)(uintptr_t)book_partition, NULL);
}

static void make_job(struct stage *stage)
{
	const struct sheet *sheet = stage->sheet;
	struct err err = ERR_INIT;

	stage->job = test_job_create("topology", stage->module);
	test_job_type(stage->job,
		      &(struct flink_type){ "plain", NULL, book_plain_fields,
					    ARRAY_COUNT(book_plain_fields),
					    sizeof(struct book_plain) });
	test_job_type(stage->job,
		      &(struct flink_type){ "text", NULL, book_text_fields,
					    ARRAY_COUNT(book_text_fields),
					    sizeof(struct book_text) });
	for (uint32_t v = 0; v < sheet->vertices_count; v++) {
		char name[32];

		snprintf(name, sizeof(name), "vertex %u", v);
		test_job_vertex(stage->job, name, sheet->vertices[v].parallelism);
		stage->job->graph->vertices[v]->max_parallelism =
			sheet->vertices[v].max_parallelism;
		for (uint32_t o = 0; o < sheet->vertices[v].operators_count; o++)
			make_operator(stage, v, o);
	}
	for (uint32_t i = 0; i < sheet->edges_count; i++)
		make_edge(stage, &sheet->edges[i]);
	CHECK(job_graph_check(stage->job->graph, &err) == 0, "%s", err.text);
}

/* Where everybody is, as a JobMaster tells it. */
static Flink__Placement *placement_of(struct stage *stage)
{
	const struct sheet *sheet = stage->sheet;
	Flink__Placement *placement = test_job_placement(stage->job);
	uint32_t slot;

	placement->locations =
		arena_alloc(stage->job->arena, SHEET_NODES_MAX * sizeof(placement->locations[0]));
	placement->n_locations = sheet->nodes_count;
	for (uint32_t n = 0; n < sheet->nodes_count; n++) {
		Flink__Location *location = arena_alloc(stage->job->arena, sizeof(*location));

		flink__location__init(location);
		location->resource_id = location->data_host = stage->nodes[n].name;
		location->data_port = shuffle_port(stage->nodes[n].shuffle);
		placement->locations[n] = location;
	}
	for (uint32_t v = 0; v < sheet->vertices_count; v++)
		for (uint32_t s = 0; s < sheet->vertices[v].parallelism; s++)
			sheet_place(sheet, v, s,
				    &placement->slot_location[placement->vertex_slot_first[v] + s],
				    &slot);
	return placement;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

bool stage_task_is_over(const struct stage_task *task)
{
	return sm_is_final(&task_states, task->state);
}

/* Segments that are lent before everybody is there would be missed by those who come later, and who
 * has them may wait for just those: so nothing is lent before all tasks of an attempt are here. */
static void is_here(struct stage_task *task)
{
	struct stage_node *node = &task->stage->nodes[task->node];

	if (!task->is_to_come)
		return;
	task->is_to_come = false;
	if (--node->tasks_to_come == 0 && !node->dead)
		segment_pool_hold(shuffle_pool(node->shuffle), false);
}

static void wait_for(struct stage_task *task)
{
	struct stage_node *node = &task->stage->nodes[task->node];

	task->is_to_come = true;
	if (node->tasks_to_come++ == 0)
		segment_pool_hold(shuffle_pool(node->shuffle), true);
}

static void task_over(struct stage_task *task, enum task_state state, const struct err *why)
{
	struct stage *stage = task->stage;

	is_here(task); /* or will not come */
	task->state = state;
	task->ended_at = sim_now(stage->sim);
	if (why != NULL && state == TASK_FAILED)
		task->why = *why;
	stage->failed_count += state == TASK_FAILED;
	stage->over_count++;
	sim_trace(stage->sim, "task %u/%u is %s", task->vertex, task->subtask,
		  sm_name(&task_states, state));
}

static void state_changed(void *context, struct task *made, enum task_state state,
			  const struct err *failure, const char *failed_operator)
{
	struct stage_task *task = context;

	task->state = state;
	if (!sm_is_final(&task_states, state))
		return;
	task_over(task, state, failure);
	task_destroy(&task->task);
}

static void feeder_over(void *context, enum feeder_state state, const struct err *why)
{
	static const enum task_state states[] = { [FEEDER_FINISHED] = TASK_FINISHED,
						  [FEEDER_FAILED] = TASK_FAILED,
						  [FEEDER_CANCELED] = TASK_CANCELED };
	struct stage_task *task = context;

	task_over(task, states[state], why);
	feeder_destroy(&task->feeder);
}

static void reader_ready(void *context, struct task *task, uint32_t operator)
{
}

/* Some may have been opened by their consumers. */
static uint32_t channels_missing(struct shuffle *shuffle, const Flink__TaskDeployment *deployment)
{
	struct channel_name name = { .job_attempt = deployment->job_attempt,
				     .producer = deployment->subtask };
	uint32_t missing = 0;

	memcpy(name.job_id.bytes, deployment->job_id.data, sizeof(name.job_id.bytes));
	for (size_t i = 0; i < deployment->n_outputs; i++) {
		const Flink__OutputEdge *output = deployment->outputs[i];

		name.edge = output->edge;
		for (name.consumer = output->consumer_first;
		     name.consumer <= output->consumer_last; name.consumer++)
			missing += !shuffle_has_output(shuffle, &name);
	}
	return missing;
}

static int make_feeder(struct stage_task *task, const Flink__TaskDeployment *deployment,
		       struct err *err)
{
	struct stage *stage = task->stage;
	struct stage_node *node = &stage->nodes[task->node];
	struct feeder_options options = { .world = node->world,
					  .runner = node->slots[task->slot],
					  .shuffle = node->shuffle,
					  .graph = stage->job->graph,
					  .types = stage->job->types,
					  .modules = stage->job->modules,
					  .deployment = deployment,
					  .over = feeder_over,
					  .context = task };
	uint32_t channels = channels_missing(node->shuffle, deployment);

	segment_pool_hold(shuffle_pool(node->shuffle), true);
	int made = shuffle_room(
		node->shuffle, (const struct id *)deployment->job_id.data, channels, err);

	if (made == 0)
		made = feeder_create(&options, stage->sheet, &task->feeder, err);
	segment_pool_hold(shuffle_pool(node->shuffle), false);
	return made;
}

static int make_task(struct stage_task *task, struct err *err)
{
	struct stage *stage = task->stage;
	struct stage_node *node = &stage->nodes[task->node];
	Flink__TaskDeployment *deployment =
		test_job_deploy(stage->job, task->vertex, task->subtask, stage->attempt);
	struct task_options options = {
		.world = node->world,
		.runner = node->slots[task->slot],
		.shuffle = node->shuffle,
		.graph = stage->job->graph,
		.types = stage->job->types,
		.modules = stage->job->modules,
		.deployment = deployment,
		.placement = stage->placement,
		.local_resource_id = node->name,
		.fire_at_end = true,
		.buffer_timeout_ms = stage->sheet->vertices[task->vertex].buffer_timeout_ms,
		.latency_interval_ms = stage->sheet->latency_ms,
		.latency_granularity = (enum latency_granularity)(stage->sheet->seed % 3),
		.state_changed = state_changed,
		.reader_ready = reader_ready,
		.context = task,
	};

	const struct id *job_id = (const struct id *)deployment->job_id.data;

	shuffle_release_attempts(node->shuffle, job_id, stage->attempt);
	shuffle_size_job(node->shuffle, job_id, stage->sheet->sized_bytes,
			 stage->sheet->sized_exclusive);
	if (stage->sheet->vertices[task->vertex].is_fed)
		return make_feeder(task, deployment, err);
	return task_create(&options, &task->task, err);
}

static void try_to_make(struct stage_task *task, mono_t now)
{
	struct stage_node *node = &task->stage->nodes[task->node];
	struct err err = ERR_INIT;

	if (node->dead) {
		task->deploy_at = MONO_NEVER;
		task_over(task, TASK_CANCELED, NULL);
		return;
	}
	if (make_task(task, &err) == 0) {
		if (task->room_until != 0)
			segment_pool_hold(shuffle_pool(node->shuffle), false);
		is_here(task);
		task->began = true;
		task->deploy_at = MONO_NEVER;
		return;
	}
	CHECK(err.code == ERR_BUFFERS, "task %u/%u: %s", task->vertex, task->subtask, err.text);
	SOMETIMES("a task waits for room in the pool");
	if (task->room_until == 0) {
		task->room_until = mono_after_ms(now, ROOM_WAIT_MS);
		segment_pool_hold(shuffle_pool(node->shuffle), true);
	} else if (now >= task->room_until) {
		book_complain("task %u/%u found no room for its channels: %s", task->vertex,
			      task->subtask, err.text);
	}
	task->deploy_at = mono_after_ms(now, ROOM_TRY_MS);
}

/* ---- the director ---------------------------------------------------------------------------- */

static void ring_at(struct actors_alarm *alarm, mono_t at)
{
	struct stage *stage = current;

	alarm->at = at;
	if (!list_linked(&alarm->node))
		list_push_back(&stage->alarms, &alarm->node);
	agent_wake(&stage->director);
}

static void ring_alarms(struct stage *stage, mono_t now, mono_t *next)
{
	LIST_FOR_EACH(&stage->alarms, struct actors_alarm, node, alarm) {
		if (alarm->at <= now) {
			list_remove(&alarm->node);
			agent_wake(alarm->agent);
		} else {
			*next = mono_min(*next, alarm->at);
		}
	}
}

static void excuse_until(struct stage *stage, mono_t until)
{
	if (until > stage->paused_until)
		stage->paused_until = until;
}

/* A TaskManager, or one of its threads, stands still for a while. */
static void pause_somebody(struct stage *stage, mono_t now)
{
	struct stage_node *node = &stage->nodes[below(stage, stage->sheet->nodes_count)];
	int64_t ms = 1 + below(stage, stage->sheet->pause_ms_max);
	uint32_t who = below(stage, stage->sheet->slots_count + 2);

	stage->pauses_left--;
	stage->pause_at = now + NS_PER_US * below(stage, 300000);
	if (node->dead)
		return;
	excuse_until(stage, mono_after_ms(now, ms));
	if (who == stage->sheet->slots_count)
		sim_pause(node->world, ms);
	else if (who > stage->sheet->slots_count)
		sim_stall(node->network, ms);
	else
		sim_stall(node->slots[who], ms);
}

/* Between two TaskManagers no bytes pass for a while, both ways or one: nobody may fail of it. */
static void part_or_join(struct stage *stage, mono_t now)
{
	struct world *a = stage->nodes[stage->parted_a].world;
	struct world *b = stage->nodes[stage->parted_b].world;
	uint32_t ms = 1 + below(stage, stage->sheet->partition_ms_max);

	if (stage->is_parted) {
		stage->is_parted = false;
		stage->part_at = now + NS_PER_US * below(stage, 300000);
		sim_cut(a, b, false); /* also of one that died: its last packets come now */
		return;
	}
	stage->partitions_left--;
	stage->parted_a = below(stage, stage->sheet->nodes_count);
	stage->parted_b = (stage->parted_a + 1) % stage->sheet->nodes_count;
	a = stage->nodes[stage->parted_a].world;
	b = stage->nodes[stage->parted_b].world;
	stage->part_at = mono_after_ms(now, ms);
	if (sim_node_dead(a) || sim_node_dead(b))
		return;
	stage->is_parted = true;
	excuse_until(stage, stage->part_at);
	if (below(stage, 2) == 0)
		sim_cut(a, b, true);
	else
		sim_cut_way(a, b, true);
}

/* Another job ends, and gives its segments back. */
static void others_end(struct stage *stage, uint32_t index)
{
	struct stage_node *node = &stage->nodes[index];

	if (node->others > 0)
		segment_pool_dismiss(shuffle_pool(node->shuffle), SEGMENT_WHOLE, node->others);
	node->others = 0;
}

static void others_begin(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++) {
		struct segment_pool *pool = shuffle_pool(stage->nodes[i].shuffle);
		uint32_t count = 1 + below(stage, segment_pool_total(pool));
		struct err err;

		if (segment_pool_admit(pool, SEGMENT_WHOLE, count, &err) == 0)
			stage->nodes[i].others = count;
	}
}

static enum step direct(struct agent *agent, mono_t node_now, mono_t *wake_at)
{
	struct stage *stage = CONTAINER_OF(agent, struct stage, director);
	mono_t now = sim_now(stage->sim), next = MONO_NEVER;

	ring_alarms(stage, now, &next);
	for (uint32_t i = 0; i < stage->tasks_count; i++) {
		struct stage_task *task = &stage->tasks[i];

		if (task->deploy_at <= now)
			try_to_make(task, now);
		next = mono_min(next, task->deploy_at);
	}
	if (stage->pauses_left > 0 && stage->pause_at <= now)
		pause_somebody(stage, now);
	if (stage->pauses_left > 0)
		next = mono_min(next, stage->pause_at);
	if ((stage->partitions_left > 0 || stage->is_parted) && stage->part_at <= now)
		part_or_join(stage, now);
	if (stage->partitions_left > 0 || stage->is_parted)
		next = mono_min(next, stage->part_at);
	if (stage->others_until <= now) {
		stage->others_until = MONO_NEVER;
		for (uint32_t i = 0; i < stage->sheet->nodes_count; i++)
			others_end(stage, i);
	}
	next = mono_min(next, stage->others_until);
	if (next != MONO_NEVER)
		*wake_at = node_now + (next - now);
	return STEP_IDLE;
}

struct stage_task *stage_task_of(struct stage *stage, uint32_t vertex, uint32_t subtask)
{
	uint32_t at = subtask;

	for (uint32_t v = 0; v < vertex; v++)
		at += stage->sheet->vertices[v].parallelism;
	return &stage->tasks[at];
}

static void cast_tasks(struct stage *stage)
{
	mono_t now = sim_now(stage->sim);

	stage->placement = placement_of(stage);
	stage->tasks_count = stage->over_count = stage->failed_count = 0;
	for (uint32_t v = 0; v < stage->sheet->vertices_count; v++)
		for (uint32_t s = 0; s < stage->sheet->vertices[v].parallelism; s++) {
			struct stage_task *task = &stage->tasks[stage->tasks_count++];

			memset(task, 0, offsetof(struct stage_task, why));
			err_clear(&task->why);
			task->stage = stage;
			task->vertex = v;
			task->subtask = s;
			sheet_place(stage->sheet, v, s, &task->node, &task->slot);
			wait_for(task);
			task->deploy_at =
				now +
				NS_PER_US * below(stage, stage->sheet->deploy_ms_max * 1000 + 1);
		}
	stage->actors.begun_at = now;
	if (stage->sheet->fault == FAULT_LATE && stage->attempt == 0)
		stage->tasks[below(stage, stage->tasks_count)].deploy_at =
			mono_after_ms(now, STAGE_LATE_MS);
}

bool stage_is_over(const struct stage *stage)
{
	return stage->over_count == stage->tasks_count;
}

void stage_cancel(struct stage *stage, uint32_t index)
{
	struct stage_task *task = &stage->tasks[index];

	if (stage_task_is_over(task))
		return;
	if (task->task != NULL) {
		task_cancel(task->task);
	} else if (task->feeder != NULL) {
		feeder_cancel(task->feeder);
	} else {
		if (task->room_until != 0 && !stage->nodes[task->node].dead)
			segment_pool_hold(shuffle_pool(stage->nodes[task->node].shuffle), false);
		task->deploy_at = MONO_NEVER;
		task_over(task, TASK_CANCELED, NULL);
	}
}

void stage_cancel_all(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->tasks_count; i++)
		stage_cancel(stage, i);
}

/* ---- machines -------------------------------------------------------------------------------- */

static void open_node(struct stage *stage, uint32_t index)
{
	const struct sheet *sheet = stage->sheet;
	struct stage_node *node = &stage->nodes[index];
	struct err err = ERR_INIT;
	uint64_t bytes = (uint64_t)sheet_channels_of_node(sheet, index) * sheet_exclusive(sheet) *
			 sheet_segment_bytes(sheet);
	uint64_t segments = (bytes + sheet->segment_bytes - 1) / sheet->segment_bytes +
			    sheet->spare_segments;

	snprintf(node->name, sizeof(node->name), "tm%u", index);
	node->dead = false;
	node->tasks_to_come = 0;
	node->world = sim_node(stage->sim, node->name);
	node->network = runner_create(node->world, "network", &err);
	for (uint32_t i = 0; i < sheet->slots_count; i++)
		node->slots[i] = runner_create(node->world, "slot", &err);
	struct shuffle_options options = {
		.bind_host = node->name,
		.secret = bytes_of_text("between TaskManagers"),
		.incarnation = { { (uint8_t)(index + 1), (uint8_t)stage->attempt } },
		.pool_bytes = (segments > 16 ? segments : 16) * sheet->segment_bytes,
		.segment_bytes = sheet->segment_bytes,
		.exclusive_segments_per_channel = sheet->exclusive,
		.floating_segments_per_gate = sheet->floating,
		.record_bytes_max = sheet->text_bytes_max + 64,
		.debloat = { .enabled = sheet->debloat_target_ms > 0,
			     .target_ms = sheet->debloat_target_ms,
			     .period_ms = sheet->debloat_period_ms,
			     .samples = 4,
			     .threshold_percent = 25,
			     .segment_bytes_min = LIMIT_SEGMENT_BYTES_MIN },
		.compress_lz4 = sheet->compress_mask >> index & 1,
	};
	CHECK(shuffle_create(node->network, &options, &node->shuffle, &err) == 0, "%s", err.text);
	for (uint32_t i = 0; i < sheet->slots_count && sheet->slots_serve; i++)
		shuffle_serve_on(node->shuffle, node->slots[i]);
}

/* As a TaskManager ends: no runner steps any more, then tasks, then the shuffle. */
static void close_node(struct stage *stage, uint32_t index)
{
	struct stage_node *node = &stage->nodes[index];

	others_end(stage, index);
	for (uint32_t i = 0; i < stage->sheet->slots_count; i++)
		shuffle_runner_destroy(node->shuffle, &node->slots[i]);
	runner_destroy(&node->network);
	for (uint32_t i = 0; i < stage->tasks_count; i++) {
		struct stage_task *task = &stage->tasks[i];

		if (task->node != index || (task->task == NULL && task->feeder == NULL))
			continue;
		task_destroy(&task->task);
		feeder_destroy(&task->feeder);
		if (!stage_task_is_over(task))
			task_over(task, TASK_CANCELED, NULL);
	}
	shuffle_destroy(&node->shuffle);
	world_destroy(&node->world);
}

void stage_kill(struct stage *stage, uint32_t index)
{
	struct stage_node *node = &stage->nodes[index];

	node->dead = true;
	sim_kill(node->world);
	for (uint32_t i = 0; i < stage->tasks_count; i++) {
		struct stage_task *task = &stage->tasks[i];

		if (task->node != index || stage_task_is_over(task))
			continue;
		task->deploy_at = MONO_NEVER;
		task_over(task, TASK_CANCELED, NULL); /* its memory goes with the machine */
	}
}

void stage_open(struct stage *stage, const struct sheet *sheet, bool verbose)
{
	struct err err = ERR_INIT;

	memset(stage, 0, sizeof(*stage));
	current = stage;
	stage->sheet = sheet;
	stage->random = sheet_mix(sheet->seed, 7, 7, 7);
	stage->sim = sim_create(sheet->seed, &sheet->world);
	sim_set_verbose(stage->sim, verbose);
	sim_module_add(stage->sim, MODULE_PATH);
	stage->director_world = sim_node(stage->sim, "director");
	stage->director_runner = runner_create(stage->director_world, "director", &err);
	CHECK(module_open(stage->director_world, MODULE_PATH, NULL, &stage->module, &err) == 0,
	      "%s", err.text);
	list_init(&stage->alarms);
	for (uint32_t i = 0; i < sheet->nodes_count; i++)
		open_node(stage, i);
	make_job(stage);
	stage->actors = (struct actors_stage){ .sheet = sheet,
					       .sim = stage->sim,
					       .ring = ring_at,
					       .fails = UINT32_MAX };
	actors_begin(&stage->actors);
	book_open(sheet);
	cast_tasks(stage);
	stage->others_until = MONO_NEVER;
	if (sheet->others_ms > 0) {
		stage->others_until = mono_after_ms(sim_now(stage->sim), sheet->others_ms);
		others_begin(stage);
	}
	stage->pauses_left = sheet->pauses;
	stage->pause_at = sim_now(stage->sim) + NS_PER_US * below(stage, 100000);
	stage->partitions_left = sheet->partitions;
	stage->part_at = sim_now(stage->sim) + NS_PER_US * below(stage, 100000);
	agent_init(&stage->director, "director", direct);
	runner_add(stage->director_runner, &stage->director);
}

/* New threads for the slots, while connections may still be served on the old ones. */
static void change_slots(struct stage *stage, struct stage_node *node)
{
	struct err err = ERR_INIT;

	for (uint32_t i = 0; i < stage->sheet->slots_count; i++) {
		shuffle_runner_destroy(node->shuffle, &node->slots[i]);
		node->slots[i] = runner_create(node->world, "slot", &err);
		if (stage->sheet->slots_serve)
			shuffle_serve_on(node->shuffle, node->slots[i]);
	}
}

void stage_again(struct stage *stage)
{
	stage->attempt++;
	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++) {
		if (stage->nodes[i].dead) {
			close_node(stage, i);
			open_node(stage, i);
		} else if (below(stage, 2) == 0) {
			change_slots(stage, &stage->nodes[i]);
		}
	}
	sim_heal(stage->sim);
	stage->is_parted = false;
	stage->actors.fails = UINT32_MAX;
	book_open(stage->sheet);
	cast_tasks(stage);
	agent_wake(&stage->director);
}

void stage_close(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->sheet->nodes_count; i++)
		close_node(stage, i);
	test_job_destroy(&stage->job);
	module_close(&stage->module);
	runner_destroy(&stage->director_runner);
	world_destroy(&stage->director_world);
	sim_destroy(&stage->sim);
	book_close();
}
