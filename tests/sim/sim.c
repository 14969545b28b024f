/* SPDX-License-Identifier: Apache-2.0
 * sim.c - the cluster under faults drawn from a seed.
 *
 *   sim --seed N [--verbose]    one run; exit 0 = right
 *   sim --seed N --twice        the same run twice, fingerprints compared
 *   sim --seeds A-B             many runs, one line each only on failure
 *   sim --bench                 the named workload (1 JobManager, 3 TaskManagers, parallelism 3,
 *                               1 000 records/s, default faults): simulated seconds per real second
 *
 * Act one: the job runs while TaskManagers are killed and restarted, connections cut (also inside a
 * frame), nodes paused, clocks jump, links clogged. Act two: everything heals, and the job must run
 * to its end within a budget of simulated time. Then the ledger of the last attempt must equal the
 * model, and nothing may be left: no byte, no segment, no task. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "taskmanager/operator/operators.h"
#include "tests/sim/cluster.h"
#include "tests/sim/ledger.h"

#define TMS 3
#define ACT_ONE_MS_MAX 8000
#define ACT_TWO_MS 120000

struct scenario { /* everything drawn from the seed, printed before the run */
	struct sim_options options;
	struct ledger_plan plan;
	uint32_t parallelism, slots, act_one_ms;
	uint32_t fault_gap_ms; /* mean; 0: no faults but the network's */
	bool kills, cuts, pauses, jumps;
};

struct result {
	bool right;
	uint64_t fingerprint;
	int64_t simulated_ms;
	uint64_t events;
	uint32_t faults, attempts;
	char why[512];
};

static uint32_t below(uint64_t *state, uint32_t bound)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((z ^ (z >> 31)) % bound);
}

/* Swarm testing: each seed turns a random half of the fault kinds off. */
static struct scenario draw(uint64_t seed)
{
	uint64_t state = seed * 2654435761u + 1;
	struct scenario s = { 0 };

	s.options.delay_us_min = below(&state, 200);
	s.options.delay_us_max = s.options.delay_us_min + 1 + below(&state, 5000);
	s.options.clog_ppm = below(&state, 2) ? below(&state, 2000) : 0;
	s.options.clog_ms_max = 200;
	s.options.connection_cut_ppm = below(&state, 2) ? below(&state, 300) : 0;
	s.options.short_read_ppm = below(&state, 2) ? below(&state, 50000) : 0;
	s.options.file_delay_us_max = 1 + below(&state, 5000);
	s.options.chance_ppm = below(&state, 2) ? 1000 : 0;
	s.options.step_cost_ns_max = 1 + below(&state, 20000);
	s.options.shuffle_ties = below(&state, 2);
	s.parallelism = 1 + below(&state, TMS * 2);
	s.slots = 2 + below(&state, 2);
	s.plan = (struct ledger_plan){ .total = 500 + below(&state, 3000),
				       .keys = 1 + below(&state, 60),
				       .rate_per_s = 500 + below(&state, 4000),
				       .parallelism = s.parallelism };
	s.act_one_ms = 500 + below(&state, ACT_ONE_MS_MAX);
	s.fault_gap_ms = below(&state, 4) ? 100 + below(&state, 1500) : 0;
	s.kills = below(&state, 2);
	s.cuts = below(&state, 2);
	s.pauses = below(&state, 2);
	s.jumps = below(&state, 2);
	return s;
}

static void print_scenario(uint64_t seed, const struct scenario *s)
{
	printf("seed %" PRIu64
	       ": p=%u slots=%ux%u records=%u keys=%u rate=%u/s act1=%ums gap=%ums%s%s%s%s "
	       "delay=%u-%uus clog=%uppm cut=%uppm short=%uppm chance=%uppm ties=%d\n",
	       seed, s->parallelism, TMS, s->slots, s->plan.total, s->plan.keys, s->plan.rate_per_s,
	       s->act_one_ms, s->fault_gap_ms, s->kills ? " kill" : "", s->cuts ? " cut" : "",
	       s->pauses ? " pause" : "", s->jumps ? " jump" : "", s->options.delay_us_min,
	       s->options.delay_us_max, s->options.clog_ppm, s->options.connection_cut_ppm,
	       s->options.short_read_ppm, s->options.chance_ppm, s->options.shuffle_ties);
}

/* ---- faults --------------------------------------------------------------------------------- */

static void one_fault(struct cluster *cluster, const struct scenario *s, struct result *result)
{
	uint32_t tm = (uint32_t)(sim_random(cluster->sim) % TMS);
	struct world *node = cluster->tms[tm].world;

	result->faults++;
	if (cluster->tms[tm].taskmanager == NULL) {
		cluster_restart(cluster, tm);
		return;
	}
	switch (sim_random(cluster->sim) % 5) {
	case 0:
		if (s->kills)
			cluster_kill(cluster, tm);
		break;
	case 1:
		if (s->cuts)
			sim_cut_connections(node, cluster->jm_world);
		break;
	case 2:
		if (s->cuts && cluster->tms[(tm + 1) % TMS].taskmanager != NULL)
			sim_cut_connections(node, cluster->tms[(tm + 1) % TMS].world);
		break;
	case 3:
		if (s->pauses)
			sim_pause(node, (int64_t)(sim_random(cluster->sim) % 4000));
		break;
	default:
		if (s->jumps)
			sim_clock_jump(node, (int64_t)(sim_random(cluster->sim) % 20000) - 10000);
	}
}

static bool never(void *context)
{
	return ((struct cluster *)context)->breach.code != ERR_NONE;
}

static bool ended_or_breach(void *context)
{
	return never(context) || cluster_job_ended(context);
}

static void act_one(struct cluster *cluster, const struct scenario *s, struct result *result)
{
	mono_t until = sim_now(cluster->sim) + (mono_t)s->act_one_ms * NS_PER_MS;

	while (sim_now(cluster->sim) < until && !ended_or_breach(cluster)) {
		int64_t left_ms = (until - sim_now(cluster->sim)) / NS_PER_MS + 1;
		int64_t gap =
			s->fault_gap_ms
				? (int64_t)(sim_random(cluster->sim) % (2 * s->fault_gap_ms)) + 1
				: left_ms;

		sim_run(cluster->sim, gap < left_ms ? gap : left_ms, ended_or_breach, cluster,
			NULL);
		if (s->fault_gap_ms && !ended_or_breach(cluster))
			one_fault(cluster, s, result);
	}
}

static void judge(struct cluster *cluster, struct result *result)
{
	struct err err;

	result->attempts = ledger_attempt_last() + 1;
	if (cluster->breach.code != ERR_NONE)
		snprintf(result->why, sizeof(result->why), "%.500s", cluster->breach.text);
	else if (!cluster_job_ended(cluster))
		snprintf(result->why, sizeof(result->why), "healed, but after %d s the job is still %s", ACT_TWO_MS / 1000,
			 cluster->status);
	else if (strcmp(cluster->status, "FINISHED") != 0)
		snprintf(result->why, sizeof(result->why), "the job ended as %s: %.400s",
			 cluster->status, cluster->failure.text);
	else if (ledger_check(ledger_attempt_last(), &err) != 0)
		snprintf(result->why, sizeof(result->why), "%.500s", err.text);
	else
		result->right = true;
}

static const char *const job_settings[] = {
	"restart-strategy.type=fixed-delay", "restart-strategy.fixed-delay.attempts=1000",
	"restart-strategy.fixed-delay.delay=50 ms", NULL,
};

static struct result run_once(uint64_t seed, const struct scenario *s, bool verbose)
{
	struct result result = { 0 };
	struct cluster *cluster;
	int64_t bytes_before = mem_bytes_out(), blocks_before = mem_blocks_out();

	ledger_reset(&s->plan);
	cluster = cluster_create(seed, &s->options, TMS, s->slots);
	sim_set_verbose(cluster->sim, verbose);
	cluster_submit(cluster, s->parallelism, job_settings);
	act_one(cluster, s, &result);
	sim_heal(cluster->sim);
	for (uint32_t i = 0; i < TMS; i++)
		cluster_restart(cluster, i);
	sim_run(cluster->sim, ACT_TWO_MS, ended_or_breach, cluster, NULL);
	judge(cluster, &result);
	result.simulated_ms = sim_now(cluster->sim) / NS_PER_MS;
	result.fingerprint = sim_fingerprint(cluster->sim);
	result.events = cluster->events;
	cluster_destroy(&cluster);
	ledger_free();
	if (result.right && mem_bytes_out() != bytes_before) {
		result.right = false;
		snprintf(result.why, sizeof(result.why), "%lld bytes in %lld blocks were not freed",
			 (long long)(mem_bytes_out() - bytes_before),
			 (long long)(mem_blocks_out() - blocks_before));
	}
	return result;
}

/* ---- commands ------------------------------------------------------------------------------- */

static int run_seed(uint64_t seed, bool twice, bool verbose, bool quiet)
{
	struct scenario s = draw(seed);
	struct result result, again;

	if (!quiet)
		print_scenario(seed, &s);
	result = run_once(seed, &s, verbose);
	if (result.right && twice) {
		again = run_once(seed, &s, verbose);
		if (again.fingerprint != result.fingerprint) {
			result.right = false;
			snprintf(result.why, sizeof(result.why),
				 "two runs differ: %016" PRIx64 " and %016" PRIx64,
				 result.fingerprint, again.fingerprint);
		}
	}
	if (!result.right && quiet)
		print_scenario(seed, &s);
	if (!result.right || !quiet)
		printf("seed %" PRIu64 ": %s%s, %" PRId64 " ms simulated, %" PRIu64
		       " events, %u faults, %u attempts, fingerprint %016" PRIx64 "\n",
		       seed, result.right ? "right" : "WRONG: ", result.why, result.simulated_ms,
		       result.events, result.faults, result.attempts, result.fingerprint);
	if (!result.right)
		printf("  again: make sim SEED=%" PRIu64 "\n", seed);
	fflush(stdout);
	return result.right ? 0 : 1;
}

static int bench(void)
{
	struct scenario s = draw(1);
	struct timespec before, after;

	s.options = (struct sim_options){ .delay_us_min = 50,
					  .delay_us_max = 500,
					  .connection_cut_ppm = 5,
					  .file_delay_us_max = 1000,
					  .step_cost_ns_max = 5000 };
	s.plan = (struct ledger_plan){
		.total = 60000, .keys = 100, .rate_per_s = 1000, .parallelism = 3
	};
	s.parallelism = 3;
	s.slots = 2;
	s.act_one_ms = 60000;
	s.fault_gap_ms = 5000;
	s.kills = s.cuts = s.pauses = s.jumps = true;
	clock_gettime(CLOCK_MONOTONIC, &before);
	struct result result = run_once(1, &s, false);
	clock_gettime(CLOCK_MONOTONIC, &after);
	double real = (double)(after.tv_sec - before.tv_sec) +
		      (double)(after.tv_nsec - before.tv_nsec) * 1e-9;

	printf("sim.speedup %.1f x (%s; %.1f s simulated in %.3f s, %" PRIu64
	       " events, %.2f M events/s)\n",
	       (double)result.simulated_ms / 1000 / real, result.right ? "right" : result.why,
	       (double)result.simulated_ms / 1000, real, result.events,
	       (double)result.events / real / 1e6);
	return result.right ? 0 : 1;
}

static void quiet_log(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	if (*(bool *)context)
		fwrite(line, 1, size_bytes, stderr);
}

static wall_t no_clock(void *context)
{
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, to = 1;
	bool twice = false, verbose = false, many = false;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			from = to = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
			many = sscanf(argv[++i], "%" SCNu64 "-%" SCNu64, &from, &to) == 2;
		} else if (strcmp(argv[i], "--twice") == 0) {
			twice = true;
		} else if (strcmp(argv[i], "--verbose") == 0) {
			verbose = true;
		} else if (strcmp(argv[i], "--bench") == 0) {
			log_to(quiet_log, &verbose, no_clock, NULL);
			operators_register();
			ledger_register();
			return bench();
		} else {
			fprintf(stderr, "usage: sim --seed N [--twice] [--verbose] | --seeds A-B | --bench\n");
			return 2;
		}
	}
	log_to(quiet_log, &verbose, no_clock, NULL);
	operators_register();
	ledger_register();
	for (uint64_t seed = from; seed <= to; seed++)
		failed += run_seed(seed, twice, verbose, many);
	printf("[==========] %" PRIu64 " test(s) run.\n", to - from + 1);
	printf("[  PASSED  ] %" PRIu64 " test(s).\n", to - from + 1 - (uint64_t)failed);
	if (failed > 0)
		printf("[  FAILED  ] %d test(s).\n", failed);
	return failed > 0;
}
