/* SPDX-License-Identifier: Apache-2.0
 * feeder.c - an agent in a source's place: real routers, with watermarks and idleness between the
 * runs. */
#include "common/base/mark.h"
#include "common/world/world.h"
#include "tests/topologies/actors.h"

#define RUN_RECORDS_MAX 60
#define WATERMARKS_AT_ONCE_MAX 40 /* more than a channel's queue of control elements takes */
#define WATERMARKS_MAX 80

struct feeder {
	struct agent agent; /* first */
	struct feeder_options options;
	const struct sheet *sheet;
	const struct sheet_vertex *vertex;
	struct task_metrics metrics;
	struct router routers[SHEET_EDGES_MAX];
	uint32_t routers_count, stage; /* routers that have what is under way */
	struct run_builder builder;
	struct output_run *run;
	bool run_under_way, control_under_way;
	struct control control;
	uint32_t left, v, subtask, watermarks, watermarks_now;
	event_t watermark;
	bool idle, last_watermark, end_sent, cancelled;
	mono_t pause_until;
	enum feeder_state state;
	struct err why;
};

static uint32_t dice(struct feeder *feeder, uint32_t bound)
{
	return bound <= 1 ? 0 : (uint32_t)(world_random(feeder->options.world) % bound);
}

/* ---- what comes next ------------------------------------------------------------------------- */

static void make_run(struct feeder *feeder)
{
	const struct record_type *type = feeder->builder.type;
	uint32_t count = 1 + dice(feeder, RUN_RECORDS_MAX);
	char *data = feeder->run->data;

	if (!run_begin(&feeder->builder, data, feeder->run->capacity_bytes))
		return;
	for (; count > 0 && feeder->left > 0; count--) {
		/* The largest record fits only into an empty run, and its size is not known
		 * before. */
		uint32_t used = feeder->builder.used_bytes +
				(feeder->builder.count + 1) * sizeof(uint32_t) + 16;
		uint32_t worst = (uint32_t)sizeof(struct book_text) + feeder->sheet->text_bytes_max;

		if (feeder->builder.count > 0 && used + worst > feeder->run->capacity_bytes)
			break;
		const void *record = book_emit(feeder->v, 0, feeder->subtask);

		record_copy(type, record,
			    run_reserve(&feeder->builder, record_size(type, record)));
		feeder->left--;
	}
	feeder->run->count = feeder->builder.count;
	feeder->run->size_bytes = run_end(&feeder->builder);
	feeder->run_under_way = feeder->run->size_bytes > 0;
}

static void begin_control(struct feeder *feeder, enum control_kind kind)
{
	feeder->control = (struct control){ .kind = (uint8_t)kind, .watermark = feeder->watermark };
	feeder->control_under_way = true;
	if (kind == CONTROL_WATERMARK)
		book_watermark_sent(feeder->v, 0, feeder->subtask, feeder->watermark);
}

static void next_watermark(struct feeder *feeder)
{
	feeder->watermarks++;
	feeder->watermark += 1 + dice(feeder, 1000);
	begin_control(feeder, CONTROL_WATERMARK);
}

static void at_end(struct feeder *feeder)
{
	if (!feeder->last_watermark) {
		feeder->last_watermark = true;
		feeder->watermark = EVENT_MAX;
		begin_control(feeder, CONTROL_WATERMARK);
		return;
	}
	feeder->end_sent = true;
	book_ended(feeder->v, 0, feeder->subtask);
	begin_control(feeder, CONTROL_END_OF_INPUT);
}

static void choose_next(struct feeder *feeder, mono_t now)
{
	uint32_t choice = dice(feeder, 100);

	feeder->stage = 0;
	if (feeder->idle) {
		feeder->idle = false;
		begin_control(feeder, CONTROL_ACTIVE);
	} else if (feeder->watermarks_now > 0) {
		feeder->watermarks_now--;
		next_watermark(feeder);
	} else if (feeder->left == 0) {
		at_end(feeder);
	} else if (choice < 20 && feeder->watermarks < WATERMARKS_MAX) {
		next_watermark(feeder);
	} else if (choice < 23 && feeder->watermarks < WATERMARKS_MAX) {
		feeder->watermarks_now = dice(feeder, WATERMARKS_AT_ONCE_MAX);
	} else if (choice < 28 && feeder->vertex->sends_idle) {
		SOMETIMES("a feeder is idle");
		feeder->idle = true;
		begin_control(feeder, CONTROL_IDLE);
		feeder->pause_until = now + NS_PER_US * dice(feeder, 20000);
	} else if (choice < 35 && feeder->vertex->pause_ms_max > 0) {
		feeder->pause_until =
			now + NS_PER_US * dice(feeder, feeder->vertex->pause_ms_max * 1000);
	} else {
		make_run(feeder);
	}
}

/* ---- the agent ------------------------------------------------------------------------------- */

static enum step end_as(struct feeder *feeder, enum feeder_state state)
{
	struct err why = feeder->why;

	if (state == FEEDER_CANCELED)
		err_set(&why, ERR_CANCELED, "feeder %u/%u was cancelled", feeder->v,
			feeder->subtask);
	feeder->state = state;
	for (uint32_t i = 0; i < feeder->routers_count; i++)
		router_close(&feeder->routers[i], feeder->options.shuffle,
			     state == FEEDER_FINISHED, &why);
	feeder->routers_count = 0;
	return STEP_DONE;
}

static void publish(struct feeder *feeder)
{
	for (uint32_t i = 0; i < feeder->routers_count; i++)
		router_publish(&feeder->routers[i]);
}

/* 1: nothing is under way any more; 0: a channel refuses; -1. */
static int deliver(struct feeder *feeder)
{
	for (; feeder->stage < feeder->routers_count; feeder->stage++) {
		struct router *router = &feeder->routers[feeder->stage];
		int answer = feeder->run_under_way ?
				     router_route(router, feeder->run, &feeder->why) :
				     router_control(router, &feeder->control, &feeder->why);

		if (answer <= 0)
			return answer;
	}
	feeder->run_under_way = feeder->control_under_way = false;
	return 1;
}

static bool is_broken(struct feeder *feeder)
{
	for (uint32_t i = 0; i < feeder->routers_count; i++)
		for (uint32_t c = 0; c < feeder->routers[i].channels_count; c++)
			if (channel_failed(feeder->routers[i].channels[c], &feeder->why))
				return true;
	return false;
}

static enum step feeder_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct feeder *feeder = CONTAINER_OF(agent, struct feeder, agent);

	if (feeder->cancelled)
		return end_as(feeder, FEEDER_CANCELED);
	if (is_broken(feeder))
		return end_as(feeder, FEEDER_FAILED);
	for (int i = 0; i < 8; i++) {
		if (feeder->run_under_way || feeder->control_under_way) {
			int answer = deliver(feeder);

			if (answer < 0)
				return end_as(feeder, FEEDER_FAILED);
			if (answer == 0) {
				publish(feeder);
				return STEP_BLOCKED;
			}
		}
		if (feeder->end_sent)
			return end_as(feeder, FEEDER_FINISHED);
		if (now < feeder->pause_until) {
			publish(feeder);
			*wake_at = feeder->pause_until;
			return STEP_IDLE;
		}
		choose_next(feeder, now);
	}
	return STEP_WORKED;
}

static void feeder_done(struct agent *agent)
{
	struct feeder *feeder = CONTAINER_OF(agent, struct feeder, agent);

	feeder->options.over(feeder->options.context, feeder->state, &feeder->why);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_routers(struct feeder *feeder, struct err *err)
{
	const struct feeder_options *options = &feeder->options;
	const Flink__TaskDeployment *deployment = options->deployment;

	for (size_t i = 0; i < deployment->n_outputs; i++) {
		const Flink__Edge *edge = options->graph->edges[deployment->outputs[i]->edge];
		struct router_options router = { .world = options->world,
						 .shuffle = options->shuffle,
						 .graph = options->graph,
						 .deployment = deployment,
						 .output = deployment->outputs[i],
						 .type = options->types[edge->record_type],
						 .operator_name = "feeder",
						 .modules = options->modules,
						 .agent = &feeder->agent,
						 .metrics = &feeder->metrics };

		if (router_open(&feeder->routers[feeder->routers_count], &router, err) != 0)
			return -1;
		feeder->routers_count++;
	}
	return 0;
}

int feeder_create(const struct feeder_options *options, const struct sheet *sheet,
		  struct feeder **result, struct err *err)
{
	struct feeder *feeder = MEM_NEW(struct feeder);
	uint32_t segment_bytes = segment_pool_segment_bytes(shuffle_pool(options->shuffle));

	feeder->options = *options;
	feeder->sheet = sheet;
	feeder->v = options->deployment->vertex;
	feeder->subtask = options->deployment->subtask;
	feeder->vertex = &sheet->vertices[feeder->v];
	feeder->left = feeder->vertex->records;
	agent_init(&feeder->agent, "feeder", feeder_step);
	feeder->agent.done = feeder_done;
	feeder->run = mem_alloc(sizeof(*feeder->run) + segment_bytes);
	feeder->run->capacity_bytes = segment_bytes;
	run_builder_init(&feeder->builder,
			 options->types[feeder->vertex->operators[0].has_text ? 1 : 0],
			 segment_bytes, false);
	if (open_routers(feeder, err) != 0) {
		feeder_destroy(&feeder);
		return -1;
	}
	*result = feeder;
	runner_add(options->runner, &feeder->agent);
	return 0;
}

void feeder_cancel(struct feeder *feeder)
{
	feeder->cancelled = true;
	agent_wake(&feeder->agent);
}

void feeder_destroy(struct feeder **result)
{
	struct feeder *feeder = *result;
	struct err why;

	*result = NULL;
	if (feeder == NULL)
		return;
	err_set(&why, ERR_CANCELED, "the topology is over");
	for (uint32_t i = 0; i < feeder->routers_count; i++)
		router_close(&feeder->routers[i], feeder->options.shuffle, false, &why);
	run_builder_fini(&feeder->builder);
	mem_free(feeder->run);
	mem_free(feeder);
}
