/* SPDX-License-Identifier: Apache-2.0
 * plan.c - draws a plan from a seed. Swarm testing: each seed turns a random half of the kinds of
 * trouble off, so that rare ones are not always drowned by loud ones. */
#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/lib/dice.h"

#define NETWORK_BYTES_MIN (1024 * 1024) /* of taskmanager.memory.network.max */
#define LARGE_BYTES_IN_ALL (60 * 1024 * 1024) /* if all records of a job were large */
#define SHEET_COLUMN "    "

static void draw_world(uint64_t *state, struct sim_options *world)
{
	world->delay_us_min = below(state, 200);
	world->delay_us_max =
		world->delay_us_min + 1 + below(state, one_in(state, 5) ? 50000 : 5000);
	world->clog_ppm = one_in(state, 2) ? below(state, 2000) : 0;
	world->clog_ms_max = one_in(state, 4) ? 4000 : 200;
	world->connection_cut_ppm = one_in(state, 2) ? below(state, 300) : 0;
	world->short_read_ppm = one_in(state, 2) ? below(state, 50000) : 0;
	world->file_delay_us_max = 1 + below(state, one_in(state, 4) ? 400000 : 5000);
	world->chance_ppm = one_in(state, 2) ? 1000 : 0;
	world->step_cost_ns_max = 1 + below(state, 20000);
	world->shuffle_ties = one_in(state, 2);
}

static void draw_cluster(uint64_t *state, struct plan *plan)
{
	plan->tms = between(state, 1, 4);
	plan->late_tms = one_in(state, 4) ? between(state, 1, 2) : 0;
	plan->slots = between(state, 1, 4);
	plan->late_ms = between(state, 500, 6000);
	plan->jm_late_ms = one_in(state, 6) ? between(state, 1, 3000) : 0;
	plan->fixed_ids = one_in(state, 3);
	plan->segment_bytes = UINT32_C(2048) << (one_in(state, 3) ? 4 : below(state, 4));
	plan->exclusive_segments = between(state, 1, 3);
	plan->floating_segments = one_in(state, 3) ? 0 : between(state, 1, 8);
	plan->heartbeat_ms = between(state, 100, 800);
	plan->heartbeat_timeout_ms = plan->heartbeat_ms * between(state, 3, 6) + 500;
	plan->slot_idle_ms = between(state, 50, 3000);
	plan->cancellation_ms = one_in(state, 4) ? between(state, 100, 3000) : 180000;
	plan->slot_request_ms = one_in(state, 8) ? between(state, 500, 4000) : 0;
}

static enum ship draw_ship(uint64_t *state)
{
	static const enum ship ships[] = { SHIP_HASH,	 SHIP_HASH,    SHIP_REBALANCE,
					   SHIP_RESCALE, SHIP_SHUFFLE, SHIP_BROADCAST,
					   SHIP_GLOBAL,	 SHIP_DEFAULT, SHIP_CUSTOM };

	return ships[below(state, sizeof(ships) / sizeof(ships[0]))];
}

static void draw_parallelism(uint64_t *state, struct plan_job *job, uint32_t slots)
{
	uint32_t widest = slots < PLAN_PARALLELISM_MAX ? slots : PLAN_PARALLELISM_MAX;

	job->own_group = widest > 1 && one_in(state, 6);
	if (job->own_group)
		widest /= 2;
	job->parallelism = between(state, 1, widest);
	job->source_parallelism = one_in(state, 2) ? job->parallelism : between(state, 1, widest);
	job->sink_parallelism = one_in(state, 3) ? between(state, 1, widest) : job->parallelism;
}

static void draw_restarts(uint64_t *state, struct plan_job *job)
{
	uint32_t dice = below(state, 10);

	job->restarts = dice < 5   ? RESTARTS_FIXED
			: dice < 7 ? RESTARTS_BACKOFF
			: dice < 8 ? RESTARTS_RATE
			: dice < 9 ? RESTARTS_FEW
				   : RESTARTS_NONE;
	job->restart_delay_ms = one_in(state, 4) ? below(state, 1500) : below(state, 100);
	job->failures = one_in(state, 3) ? between(state, 1, 4) : 0;
}

static void draw_job(uint64_t *state, struct plan *plan, struct plan_job *job)
{
	uint32_t slots = (plan->tms + plan->late_tms) * plan->slots;

	job->shape = below(state, SHAPE_COUNT);
	job->ship = draw_ship(state);
	draw_parallelism(state, job, slots);
	job->sources = job->shape == SHAPE_UNION ? 2 : 1;
	job->unchained = one_in(state, 4);
	job->records = 300 + below(state, 3000);
	job->keys = 1 + below(state, 60);
	job->key_bytes = one_in(state, 4) ? below(state, PLAN_KEY_BYTES_MAX) : 0;
	job->rate_per_s = 200 + below(state, one_in(state, 3) ? 40000 : 1500);
	job->drop_every = one_in(state, 2) ? between(state, 2, 9) : 0;
	job->buffer_timeout_ms = one_in(state, 3) ? (int64_t)below(state, 3) - 1 : 100;
	job->window_ms = between(state, 20, 1500);
	job->fire_at_end = !one_in(state, 4);
	if (one_in(state, 3)) {
		job->sink_rest_every = between(state, 5, 200);
		job->sink_rest_ms = between(state, 1, 30);
	}
	draw_restarts(state, job);
	job->submit_ms = one_in(state, 2) ? 0 : below(state, 2000);
	job->submit_twice = one_in(state, 4);
	job->cancel_ms = one_in(state, 7) ? below(state, 3000) : UINT32_MAX;
	if (one_in(state, 12))
		job->cancel = between(state, CANCEL_RESTARTING, CANCEL_FINISHED);
}

static void draw_faults(uint64_t *state, struct plan *plan)
{
	for (uint32_t kind = 1; kind < FAULT_ALL; kind *= 2)
		if (one_in(state, kind == FAULT_KILL_JM || kind == FAULT_KILL_CLIENT ? 4 : 2))
			plan->faults |= kind;
	plan->act_one_ms = 500 + below(state, one_in(state, 6) ? 30000 : 8000);
	plan->fault_gap_ms = one_in(state, 5)   ? 0
			     : one_in(state, 2) ? 50 + below(state, 400)
						: 300 + below(state, 1500);
}

/* ---- themes --------------------------------------------------------------------------------- */

static void be_narrow(struct plan_job *job, uint32_t parallelism)
{
	job->own_group = false;
	job->source_parallelism = job->parallelism = job->sink_parallelism = parallelism;
}

static void draw_crashes(uint64_t *state, struct plan *plan)
{
	plan->tms = between(state, 1, 2);
	plan->late_tms = 0;
	plan->slots = 4;
	plan->jobs_count = 2;
	for (uint32_t i = 0; i < plan->jobs_count; i++) {
		be_narrow(&plan->jobs[i], between(state, 1, 2));
		plan->jobs[i].rate_per_s = between(state, 200, 600);
		plan->jobs[i].submit_ms = 0;
		plan->jobs[i].cancel_ms = UINT32_MAX;
	}
	plan->faults = FAULT_KILL_TM | FAULT_CRASH_NOTE;
	plan->act_one_ms = between(state, 4000, 9000);
	plan->fault_gap_ms = between(state, 300, 1500);
	plan->one_guilty = one_in(state, 2);
	if (!plan->one_guilty)
		return;
	plan->world.connection_cut_ppm = plan->world.clog_ppm = plan->world.chance_ppm = 0;
	plan->world.delay_us_max = plan->world.delay_us_min + 1 + below(state, 5000);
	plan->ambush = MOMENT_NONE;
	plan->tms = one_in(state, 4) ? 2 : 1;
	plan->fault_gap_ms = between(state, 200, 800);
	for (uint32_t i = 0; i < plan->jobs_count; i++) { /* long enough for three crashes */
		plan->jobs[i].cancel = CANCEL_BY_CLOCK;
		plan->jobs[i].records = 3000;
		plan->jobs[i].rate_per_s = between(state, 200, 400);
	}
	plan->jobs[1].restarts = RESTARTS_FEW; /* as many as it fails by itself */
	plan->jobs[1].failures = 2;
	plan->jobs[1].innocent = true;
}

static void draw_flood(uint64_t *state, struct plan *plan)
{
	struct plan_job *job = &plan->jobs[0];

	job->shape = SHAPE_PRINT;
	job->sources = 1;
	job->key_bytes = PLAN_KEY_BYTES_MAX - below(state, 100);
	job->records = between(state, 3000, 5000);
	job->rate_per_s = 40000;
	plan->world.delay_us_max = plan->world.delay_us_min + between(state, 1000, 60000);
}

static void draw_tight(uint64_t *state, struct plan *plan)
{
	plan->tms = 1;
	plan->late_tms = 0;
	plan->slots = 4;
	plan->segment_bytes = 32768;
	plan->exclusive_segments = 3;
	plan->floating_segments = 8;
	plan->jobs_count = 2;
	for (uint32_t i = 0; i < plan->jobs_count; i++) {
		struct plan_job *job = &plan->jobs[i];

		be_narrow(job, 2);
		job->unchained = true;
		job->key_bytes = between(state, 300, PLAN_KEY_BYTES_MAX);
		job->rate_per_s = 30000;
		job->sink_rest_every = between(state, 5, 50);
		job->sink_rest_ms = between(state, 1, 10);
		job->submit_ms = i * between(state, 100, 800);
		job->cancel_ms = UINT32_MAX;
	}
}

static void draw_cuts(uint64_t *state, struct plan *plan)
{
	if (plan->tms == 1)
		plan->tms = 2;
	plan->heartbeat_ms = between(state, 800, 2000);
	plan->heartbeat_timeout_ms = between(state, 7000, one_in(state, 2) ? 12000 : 20000);
	plan->cancellation_ms = between(state, 50, 3000);
	plan->faults = FAULT_CUT | FAULT_CUT_WAY | FAULT_PAUSE | FAULT_RESET;
	plan->act_one_ms = between(state, 15000, 35000);
	plan->fault_gap_ms = between(state, 200, 2000);
	for (uint32_t i = 0; i < plan->jobs_count; i++) { /* they start again during a cut */
		plan->jobs[i].failures = between(state, 2, 6);
		plan->jobs[i].rate_per_s = between(state, 200, 1000);
		plan->jobs[i].submit_ms = between(state, 0, 3000);
	}
}

/* Moment and blow that meet what no chance meets: a submission that is not answered, a producer
 * that comes too late, artifacts that are still being written when their job comes anew, a slot's
 * return or a cancellation that is not answered though nobody is given up. */
static void draw_known_ambush(uint64_t *state, struct plan *plan)
{
	static const struct {
		enum plan_moment moment;
		enum plan_fault fault;
	} known[] = { { MOMENT_SUBMIT, FAULT_CUT },	 { MOMENT_DEPLOY, FAULT_CUT_WAY },
		      { MOMENT_DEPLOY, FAULT_CUT_WAY }, { MOMENT_DEPLOY, FAULT_RESET },
		      { MOMENT_DEPLOY, FAULT_RESET },	 { MOMENT_FREE, FAULT_CUT_WAY },
		      { MOMENT_FREE, FAULT_CUT_WAY },	 { MOMENT_CANCEL, FAULT_CUT_WAY } };
	uint32_t i = below(state, sizeof(known) / sizeof(known[0]));

	plan->ambush = known[i].moment;
	plan->ambush_fault = known[i].fault;
	if (known[i].fault == FAULT_RESET)
		plan->world.file_delay_us_max = 400000;
	if (known[i].moment != MOMENT_FREE && known[i].moment != MOMENT_CANCEL)
		return;
	plan->heartbeat_timeout_ms = between(state, 15000, 20000);
	plan->cancellation_ms = 180000;
	if (known[i].moment == MOMENT_CANCEL)
		return;
	plan->jobs_count = 2; /* the first gives its slots back, the second goes on meanwhile */
	plan->jobs[0].cancel_ms = between(state, 500, 3000);
	plan->jobs[1].records = 3300;
	plan->jobs[1].rate_per_s = 200;
}

static void draw_ambush(uint64_t *state, struct plan *plan)
{
	static const enum plan_fault faults[] = { FAULT_KILL_TM, FAULT_KILL_JM, FAULT_STOP_TM,
						  FAULT_RESET,	 FAULT_CUT,	FAULT_CUT_WAY,
						  FAULT_CUT_WAY, FAULT_PAUSE };

	plan->ambush = between(state, MOMENT_NONE + 1, MOMENT_COUNT - 1);
	plan->ambush_fault = faults[below(state, sizeof(faults) / sizeof(faults[0]))];
	if (plan->theme != THEME_AMBUSH)
		return;
	draw_cuts(state, plan);
	plan->faults = 0;
	plan->fault_gap_ms = between(state, 1000, 4000);
	if (!one_in(state, 3))
		draw_known_ambush(state, plan);
}

static void apply_theme(uint64_t *state, struct plan *plan)
{
	if (one_in(state, 5))
		draw_ambush(state, plan);
	if (one_in(state, 2))
		return;
	plan->theme = below(state, THEME_COUNT + 1);
	if (plan->theme == THEME_COUNT)
		plan->theme = THEME_AMBUSH;
	switch (plan->theme) {
	case THEME_CRASHES: draw_crashes(state, plan); break;
	case THEME_FLOOD: draw_flood(state, plan); break;
	case THEME_TIGHT: draw_tight(state, plan); break;
	case THEME_CUTS: draw_cuts(state, plan); break;
	case THEME_AMBUSH: draw_ambush(state, plan); break;
	default: break;
	}
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Of one exchange: at least as many as it may have. */
static uint32_t channels_of(enum ship ship, uint32_t from, uint32_t to)
{
	bool forward = ship == SHIP_DEFAULT && from == to;

	return forward ? from : from * to;
}

static uint32_t job_channels(const struct plan_job *job)
{
	bool sums = job->shape == SHAPE_SUM || job->shape == SHAPE_UNION;
	bool any = job->shape == SHAPE_RECORDS || job->shape == SHAPE_PRINT;
	uint32_t p = job->parallelism, channels = 0;

	if (sums && job->unchained) /* to map, to filter; behind the sum */
		channels += 2 * job->sources * job->source_parallelism + p;
	channels +=
		job->sources * channels_of(any ? job->ship : SHIP_HASH, job->source_parallelism, p);
	if (job->unchained || job->sink_parallelism != p)
		channels += channels_of(SHIP_DEFAULT, p, job->sink_parallelism);
	return channels;
}

/* A channel may lie half here and half there, and costs each side its exclusive segments; so the
 * worst is that one TaskManager has an end of every channel of every job. */
static uint32_t segments_needed(const struct plan *plan)
{
	uint32_t channels = 0;

	for (uint32_t i = 0; i < plan->jobs_count; i++)
		channels += job_channels(&plan->jobs[i]);
	return channels * plan->exclusive_segments;
}

static void draw_debloat(uint64_t *state, struct plan *plan)
{
	if (one_in(state, 4))
		return;
	plan->debloat_target_ms = 1 + below(state, one_in(state, 2) ? 10 : 200);
	plan->debloat_period_ms = 1 + below(state, one_in(state, 2) ? 5 : 100);
}

static void draw_memory(uint64_t *state, struct plan *plan)
{
	plan->network_bytes = segments_needed(plan) * plan->segment_bytes;
	if (plan->theme != THEME_TIGHT && one_in(state, 2))
		plan->network_bytes *= 2;
	else if (one_in(state, 2)) /* too little for buffers of full size: smaller ones */
		plan->network_bytes = 0;
	if (plan->network_bytes < NETWORK_BYTES_MIN)
		plan->network_bytes = NETWORK_BYTES_MIN;
}

/* Records larger than a segment, and memory for one of them at a time. */
static void draw_large(uint64_t *state, struct plan *plan)
{
	if (plan->theme == THEME_TIGHT || !one_in(state, 3))
		return;
	plan->segment_bytes = one_in(state, 2) ? 2048 : 4096;
	plan->record_bytes_max = one_in(state, 2) ? 65536 : 0;
	for (uint32_t i = 0; i < plan->jobs_count; i++) {
		struct plan_job *job = &plan->jobs[i];
		uint32_t most = LARGE_BYTES_IN_ALL / job->records;

		if (most > PLAN_LARGE_BYTES_MAX)
			most = PLAN_LARGE_BYTES_MAX;
		job->large_bytes = one_in(state, 4) ? 0 : between(state, 1500, most);
	}
}

void plan_draw(uint64_t seed, struct plan *plan)
{
	uint64_t state = seed * UINT64_C(2654435761) + 1;

	*plan = (struct plan){ .seed = seed };
	draw_world(&state, &plan->world);
	draw_cluster(&state, plan);
	plan->jobs_count = one_in(&state, 3) ? 2 : 1;
	for (uint32_t i = 0; i < 2; i++)
		draw_job(&state, plan, &plan->jobs[i]);
	draw_faults(&state, plan);
	plan->epilogue = one_in(&state, 3);
	apply_theme(&state, plan);
	draw_memory(&state, plan);
	draw_debloat(&state, plan);
	draw_large(&state, plan); /* last: the rest of a seed stays as it was */
}

/* 1 JobManager, 3 TaskManagers, parallelism 3, 1 000 records a second, default faults. */
void plan_bench(struct plan *plan)
{
	*plan = (struct plan){
		.seed = 1,
		.world = { .delay_us_min = 50,
			   .delay_us_max = 500,
			   .connection_cut_ppm = 5,
			   .file_delay_us_max = 1000,
			   .step_cost_ns_max = 5000 },
		.tms = 3,
		.slots = 2,
		.segment_bytes = 4096,
		.exclusive_segments = 2,
		.floating_segments = 8,
		.network_bytes = 2 * NETWORK_BYTES_MIN,
		.heartbeat_ms = 500,
		.heartbeat_timeout_ms = 2500,
		.slot_idle_ms = 50000,
		.cancellation_ms = 180000,
		.jobs_count = 1,
		.faults = FAULT_KILL_TM | FAULT_RESET | FAULT_PAUSE | FAULT_JUMP,
		.act_one_ms = 60000,
		.fault_gap_ms = 5000,
	};
	plan->jobs[0] = (struct plan_job){
		.shape = SHAPE_SUM,
		.sources = 1,
		.source_parallelism = 3,
		.parallelism = 3,
		.sink_parallelism = 3,
		.records = 60000,
		.keys = 100,
		.rate_per_s = 1000,
		.buffer_timeout_ms = 100,
		.restarts = RESTARTS_FIXED,
		.restart_delay_ms = 50,
		.cancel_ms = UINT32_MAX,
	};
}

bool plan_is_calm(const struct plan *plan)
{
	return plan->fault_gap_ms == 0 && plan->ambush == MOMENT_NONE &&
	       plan->world.connection_cut_ppm == 0 &&
	       (plan->world.clog_ppm == 0 || plan->world.clog_ms_max <= 200);
}

uint32_t plan_job_slots(const struct plan_job *job)
{
	uint32_t widest = job->parallelism;

	if (job->sink_parallelism > widest)
		widest = job->sink_parallelism;
	if (job->own_group)
		return widest + job->source_parallelism;
	return job->source_parallelism > widest ? job->source_parallelism : widest;
}

/* ---- the sheet ------------------------------------------------------------------------------ */

static const char *const shape_names[] = { "sum", "union", "window", "records", "print" };
static const char *const cancel_names[] = { "", "restarts", "waits", "has finished" };
static const char *const moment_names[] = { "",		    "submission",   "slot request",
					    "slot's return", "deployment",   "running task",
					    "finished task", "cancellation", "restart" };
static const char *const fault_names[] = { "kill-tm", "kill-jm", "kill-client", "stop-tm",
					   "reset",   "cut",	 "cut-way",	"pause",
					   "jump",    "crash-note" };
static const char *const restart_names[] = { "fixed", "backoff", "rate", "few", "none" };

static void print_job(const struct plan_job *job)
{
	printf(SHEET_COLUMN "job %s", shape_names[job->shape]);
	if (job->shape == SHAPE_RECORDS || job->shape == SHAPE_PRINT)
		printf(" %s",
		       job->ship < 0 ? "default" : ship_name((Flink__ShipStrategy)job->ship));
	printf(": %u x p=%u -> %u -> %u%s%s, %u records of %u keys at %u/s", job->sources,
	       job->source_parallelism, job->parallelism, job->sink_parallelism,
	       job->unchained ? " unchained" : "", job->own_group ? " own group" : "", job->records,
	       job->keys, job->rate_per_s);
	if (job->key_bytes)
		printf(" of %u bytes", job->key_bytes);
	if (job->large_bytes)
		printf(", some of %u bytes", job->large_bytes);
	if (job->drop_every)
		printf(", drops each %u.", job->drop_every);
	if (job->shape == SHAPE_WINDOW)
		printf(", windows of %u ms%s", job->window_ms,
		       job->fire_at_end ? " fired at the end" : "");
	if (job->sink_rest_every)
		printf(", sink rests %u ms per %u", job->sink_rest_ms, job->sink_rest_every);
	if (job->failures)
		printf(", %u failures", job->failures);
	if (job->innocent)
		printf(", innocent");
	printf(", restarts %s/%u ms, buffer timeout %" PRId64 " ms", restart_names[job->restarts],
	       job->restart_delay_ms, job->buffer_timeout_ms);
	printf(", submitted at %u ms%s", job->submit_ms, job->submit_twice ? " twice" : "");
	if (job->cancel_ms != UINT32_MAX)
		printf(", cancelled after %u ms", job->cancel_ms);
	if (job->cancel != CANCEL_BY_CLOCK)
		printf(", cancelled when it %s", cancel_names[job->cancel]);
	printf("\n");
}

static void print_faults(const struct plan *plan)
{
	printf(SHEET_COLUMN "act one %u ms, a fault each %u ms:", plan->act_one_ms,
	       plan->fault_gap_ms);
	for (uint32_t i = 0; i < sizeof(fault_names) / sizeof(fault_names[0]); i++)
		if (plan->faults & 1u << i && plan->fault_gap_ms > 0)
			printf(" %s", fault_names[i]);
	if (plan->ambush != MOMENT_NONE)
		printf("; %s at a %s", fault_names[__builtin_ctz((unsigned)plan->ambush_fault)],
		       moment_names[plan->ambush]);
	if (plan->one_guilty)
		printf("; all blamed on the first job");
	printf("%s\n", plan->epilogue ? "; then one more job" : "");
}

void plan_print(const struct plan *plan)
{
	static const char *const themes[] = { "",	  ", crashes", ", flood",
					      ", tight", ", cuts",    ", ambush" };
	const struct sim_options *world = &plan->world;

	printf("seed %" PRIu64
	       "%s: delay %u-%u us, clog %u ppm of %u ms, cut %u ppm, short read %u ppm, "
	       "files %u us, chance %u ppm, steps %u ns, ties %s\n",
	       plan->seed, themes[plan->theme], world->delay_us_min, world->delay_us_max,
	       world->clog_ppm, world->clog_ms_max, world->connection_cut_ppm,
	       world->short_read_ppm, world->file_delay_us_max, world->chance_ppm,
	       world->step_cost_ns_max, world->shuffle_ties ? "shuffled" : "in order");
	printf(SHEET_COLUMN "%u TaskManagers of %u slots", plan->tms, plan->slots);
	if (plan->late_tms)
		printf(" and %u more at %u ms", plan->late_tms, plan->late_ms);
	if (plan->jm_late_ms)
		printf(", JobManager at %u ms", plan->jm_late_ms);
	printf("%s, %u KiB in segments of %u bytes, %u + %u per channel, heartbeats %u/%u ms\n",
	       plan->fixed_ids ? ", fixed ids" : "", plan->network_bytes / 1024,
	       plan->segment_bytes, plan->exclusive_segments, plan->floating_segments,
	       plan->heartbeat_ms, plan->heartbeat_timeout_ms);
	if (plan->debloat_target_ms > 0)
		printf(SHEET_COLUMN "buffers for %u ms, measured each %u ms\n",
		       plan->debloat_target_ms, plan->debloat_period_ms);
	printf(SHEET_COLUMN "timeouts: idle slots %u ms, cancellation %u ms", plan->slot_idle_ms,
	       plan->cancellation_ms);
	if (plan->slot_request_ms)
		printf(", slot requests %u ms", plan->slot_request_ms);
	printf("\n");
	for (uint32_t i = 0; i < plan->jobs_count; i++)
		print_job(&plan->jobs[i]);
	print_faults(plan);
}
