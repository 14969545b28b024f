/* SPDX-License-Identifier: Apache-2.0
 * plan.h - what one seed means: the cluster, its jobs, and what befalls them. All of it is drawn
 * before the run and printed as one sheet; the run itself draws only moments and victims. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "common/graph/graph.h"
#include "common/world/world_sim.h"

#define PLAN_TMS_MAX 6
#define PLAN_JOBS_MAX 3
#define PLAN_PARALLELISM_MAX 8
#define PLAN_KEY_BYTES_MAX 700
#define PLAN_LARGE_BYTES_MAX 60000
#define PLAN_LARGE_EVERY 5

enum plan_shape {
	SHAPE_SUM,    /* source -> map -> filter -HASH-> sum -> sink: running sums without a gap */
	SHAPE_UNION,  /* the same with two sources */
	SHAPE_WINDOW, /* source -HASH-> window sum -> sink: the sums of all windows add up */
	SHAPE_RECORDS, /* source -any-> flat map -> sink: every record, in order per channel */
	SHAPE_PRINT,  /* source -any-> flat map -> print: every line, at the client */
	SHAPE_COUNT,
};

enum plan_restarts { RESTARTS_FIXED, RESTARTS_BACKOFF, RESTARTS_RATE, RESTARTS_FEW, RESTARTS_NONE };

/* When the user cancels, other than by the clock. */
enum plan_cancel { CANCEL_BY_CLOCK, CANCEL_RESTARTING, CANCEL_WAITING, CANCEL_FINISHED };

struct plan_job {
	enum plan_shape shape;
	enum ship ship; /* of RECORDS and PRINT */
	uint32_t sources, source_parallelism, parallelism, sink_parallelism;
	bool unchained, own_group; /* own_group: the source has a slot sharing group of its own */
	uint32_t records, keys, rate_per_s;
	uint32_t key_bytes; /* at least so long are the keys; 0: short */
	uint32_t large_bytes; /* and each PLAN_LARGE_EVERY-th of them so long; 0: none */
	uint32_t drop_every; /* the filter drops record n if n % drop_every == 0; 0: none */
	int64_t buffer_timeout_ms;
	uint32_t window_ms;
	bool fire_at_end;
	uint32_t sink_rest_every, sink_rest_ms; /* "not now" after so many records; 0: never */
	uint32_t failures; /* so often a user function fails, at most */
	bool innocent; /* it has the restarts that it needs itself: no other one may be charged */
	enum plan_restarts restarts;
	uint32_t restart_delay_ms;
	uint32_t submit_ms;
	bool submit_twice;
	enum plan_cancel cancel;
	uint32_t cancel_ms; /* after the submission; UINT32_MAX: never */
};

enum plan_fault {
	FAULT_KILL_TM = 1, FAULT_KILL_JM = 2, FAULT_KILL_CLIENT = 4, FAULT_STOP_TM = 8,
	FAULT_RESET = 16, FAULT_CUT = 32, FAULT_CUT_WAY = 64, FAULT_PAUSE = 128, FAULT_JUMP = 256,
	FAULT_CRASH_NOTE = 512, /* a killed TaskManager's next life blames a job */
	FAULT_ALL = 1023,
};

/* An ambush strikes not by the clock but when something happens, with one blow of one kind, so that
 * it comes between two steps that are near each other. */
enum plan_moment {
	MOMENT_NONE,
	MOMENT_SUBMIT,  /* a job is on its way from the client */
	MOMENT_SLOT,    /* a slot is asked for */
	MOMENT_FREE,    /* a slot is given back */
	MOMENT_DEPLOY,  /* a task is sent to its TaskManager */
	MOMENT_RUNNING, /* a task tells that it runs */
	MOMENT_FINISH,  /* a task tells that it has finished */
	MOMENT_CANCEL,  /* a task is told to end */
	MOMENT_RESTART, /* a job restarts */
	MOMENT_COUNT,
};

/* Some seeds are bent towards a kind of trouble that chance alone meets too seldom. */
enum plan_theme {
	THEME_NONE,
	THEME_CRASHES, /* functions that take their TaskManager along, next to innocent jobs */
	THEME_FLOOD,   /* more printed lines than anybody keeps */
	THEME_TIGHT,   /* wide records, and memory for exactly the buffers that are needed */
	THEME_CUTS,    /* the network is away for longer than any call waits */
	THEME_AMBUSH,
	THEME_COUNT,
};

struct plan {
	uint64_t seed;
	enum plan_theme theme;
	struct sim_options world;
	/* cluster */
	uint32_t tms, late_tms, slots; /* late: they come at late_ms */
	uint32_t late_ms, jm_late_ms;
	bool fixed_ids; /* a TaskManager's next life has the same resource id */
	uint32_t segment_bytes, exclusive_segments, floating_segments, network_bytes;
	uint32_t record_bytes_max; /* 0: the default */
	uint32_t debloat_target_ms, debloat_period_ms; /* target 0: off */
	uint32_t heartbeat_ms, heartbeat_timeout_ms;
	uint32_t slot_idle_ms, cancellation_ms; /* timeouts */
	uint32_t slot_request_ms; /* a job that waits longer for its slots fails; 0: hardly ever */
	/* jobs */
	struct plan_job jobs[PLAN_JOBS_MAX];
	uint32_t jobs_count;
	bool epilogue; /* one more job when all is over: the cluster still works */
	/* act one */
	uint32_t faults; /* enum plan_fault */
	uint32_t act_one_ms, fault_gap_ms; /* mean; 0: none but the network's own */
	bool one_guilty; /* every death is the first job's doing, and all notes of it arrive */
	enum plan_moment ambush;
	enum plan_fault ambush_fault;
};

void plan_draw(uint64_t seed, struct plan *plan);
void plan_bench(struct plan *plan); /* the named workload */
void plan_print(const struct plan *plan);
/* Was anything planned that could make a job fail through no fault of the engine? */
bool plan_is_calm(const struct plan *plan);
uint32_t plan_job_slots(const struct plan_job *job);

#endif
