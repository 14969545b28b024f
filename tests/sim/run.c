/* SPDX-License-Identifier: Apache-2.0
 * run.c - the acts of a run, and its verdict. */
#include "tests/sim/run.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "tests/sim/checks.h"
#include "tests/sim/cluster.h"
#include "tests/sim/faults.h"
#include "tests/sim/ledger.h"

#define ACT_TWO_MS 180000  /* for all jobs to end */
#define STILL_MS 45000     /* so long nothing happens to any job: it hangs */
#define REST_MS 30000      /* for everything to be given back */
#define SLICE_MS 250       /* between two looks from outside */

struct run {
	const struct plan *plan;
	struct cluster *cluster;
	struct faults faults;
	struct run_result *result;
	bool failed, in_act_one;
};

static void fail(struct run *run, const char *format, ...) PRINTF(2, 3);
static void fail(struct run *run, const char *format, ...)
{
	va_list arguments;

	if (run->failed)
		return;
	run->failed = true;
	va_start(arguments, format);
	vsnprintf(run->result->why, sizeof(run->result->why), format, arguments);
	va_end(arguments);
}

static bool is_breached(void *context)
{
	return ((struct run *)context)->cluster->breach.code != ERR_NONE;
}

static bool is_interrupted(void *context)
{
	struct run *run = context;

	return is_breached(run) || (run->in_act_one && faults_are_due(&run->faults));
}

/* Runs on for that long, or until a checker finds something, or until an ambush. */
static void go_on(struct run *run, int64_t ms)
{
	if (run->failed)
		return;
	sim_run(run->cluster->sim, ms, is_interrupted, run, NULL);
	cluster_step(run->cluster);
	if (is_breached(run))
		fail(run, "%s", run->cluster->breach.text);
}

static mono_t now(const struct run *run)
{
	return sim_now(run->cluster->sim);
}

/* ---- acts ----------------------------------------------------------------------------------- */

/* Who has not started yet and whose time has come. */
static void start_late(struct run *run, bool everybody)
{
	const struct plan *plan = run->plan;
	struct cluster *cluster = run->cluster;

	if (cluster->jm_lives == 0 && (everybody || now(run) >= plan->jm_late_ms * NS_PER_MS))
		cluster_start_jobmanager(cluster);
	for (uint32_t tm = 0; tm < cluster->tms_count; tm++) {
		mono_t due = tm < plan->tms ? 0 : plan->late_ms * NS_PER_MS;

		if (cluster->tms[tm].lives == 0 && (everybody || now(run) >= due))
			cluster_start_taskmanager(cluster, tm);
	}
}

static void act_one(struct run *run)
{
	mono_t until = mono_after_ms(0, run->plan->act_one_ms);

	faults_begin(&run->faults, run->cluster);
	run->in_act_one = true;
	run->cluster->moved = faults_moved;
	run->cluster->moved_context = &run->faults;
	while (now(run) < until && !run->failed && !client_has_ended(run->cluster->client)) {
		mono_t next = mono_min(until, faults_next_at(&run->faults));
		int64_t ms = (next - now(run)) / NS_PER_MS;

		go_on(run, ms < 1 ? 1 : ms > SLICE_MS ? SLICE_MS : ms);
		start_late(run, false);
		if (!run->failed)
			faults_step(&run->faults);
	}
	run->in_act_one = false;
	run->cluster->moved = NULL;
}

static void heal(struct run *run)
{
	struct cluster *cluster = run->cluster;

	sim_heal(cluster->sim);
	ledger_heal();
	client_heal(cluster->client);
	start_late(run, true);
	cluster_start_jobmanager(cluster);
}

/* Also those that were still stopping when the world healed. */
static void raise_the_dead(struct run *run)
{
	for (uint32_t tm = 0; tm < run->cluster->tms_count; tm++)
		cluster_start_taskmanager(run->cluster, tm);
}

static void await_ends(struct run *run)
{
	mono_t until = mono_after_ms(now(run), ACT_TWO_MS), moved_at = now(run);
	unsigned long long progress = checks_progress(run->cluster->checks);
	char text[512], machines[2048] = "";

	while (!run->failed && !client_has_ended(run->cluster->client)) {
		raise_the_dead(run);
		go_on(run, SLICE_MS);
		if (checks_progress(run->cluster->checks) != progress) {
			progress = checks_progress(run->cluster->checks);
			moved_at = now(run);
		}
		bool too_long = now(run) >= until,
		     still = now(run) >= mono_after_ms(moved_at, STILL_MS);

		if (!too_long && !still)
			continue;
		client_describe(run->cluster->client, text, sizeof(text));
		checks_describe(run->cluster, machines, sizeof(machines));
		if (still)
			fail(run, "healed, but for %d s nothing happens: %s%s", STILL_MS / 1000, text,
			     machines);
		else
			fail(run, "healed, but after %d s: %s%s", ACT_TWO_MS / 1000, text,
			     machines);
	}
}

static void await_rest(struct run *run)
{
	mono_t until = mono_after_ms(now(run), REST_MS);
	char text[512] = "";

	while (!run->failed && !checks_at_rest(run->cluster, text, sizeof(text))) {
		raise_the_dead(run);
		go_on(run, SLICE_MS);
		if (now(run) >= until)
			fail(run, "all jobs have ended, but after %d s %s", REST_MS / 1000, text);
	}
}

static void check_ends(struct run *run, bool calm)
{
	struct err err;

	if (!run->failed && client_check_ends(run->cluster->client, calm,
					       run->plan->slot_request_ms != 0, &err) != 0)
		fail(run, "%s", err.text);
}

static void epilogue(struct run *run)
{
	struct plan_job job = run->plan->jobs[0];

	if (!run->plan->epilogue || run->failed)
		return;
	SOMETIMES("one more job after the end");
	job.submit_ms = job.failures = 0;
	job.cancel_ms = UINT32_MAX;
	job.restarts = RESTARTS_NONE;
	job.records = 200;
	client_add_job(run->cluster->client, &job);
	await_ends(run);
	await_rest(run);
}

static bool is_calm(const struct run *run)
{
	return plan_is_calm(run->plan) && run->cluster->jm_lives == 1;
}

static void play(struct run *run)
{
	start_late(run, false);
	sim_on_event(run->cluster->sim, checks_after_event, run->cluster);
	act_one(run);
	if (!run->failed)
		heal(run);
	await_ends(run);
	await_rest(run);
	check_ends(run, is_calm(run));
	epilogue(run);
	check_ends(run, is_calm(run));
}

void run_plan(const struct plan *plan, bool verbose, struct run_result *result)
{
	struct run run = { .plan = plan, .result = result };
	int64_t bytes = mem_bytes_out(), blocks = mem_blocks_out();

	*result = (struct run_result){ .right = false };
	run.cluster = cluster_create(plan);
	sim_set_verbose(run.cluster->sim, verbose);
	play(&run);
	result->simulated_ms = now(&run) / NS_PER_MS;
	result->fingerprint = sim_fingerprint(run.cluster->sim);
	result->events = checks_events(run.cluster->checks);
	result->faults = run.faults.count;
	result->attempts = client_attempts(run.cluster->client);
	cluster_destroy(&run.cluster);
	if (mem_bytes_out() != bytes)
		fail(&run, "%lld bytes in %lld blocks were not freed",
		     (long long)(mem_bytes_out() - bytes), (long long)(mem_blocks_out() - blocks));
	result->right = !run.failed;
}
