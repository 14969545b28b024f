/* SPDX-License-Identifier: Apache-2.0
 * sim.c - the cluster under faults drawn from a seed.
 *
 *   sim --seed N [--verbose]    one run, its sheet first, its fingerprint last; exit 0 = right
 *   sim --seed N --twice        the same run twice, fingerprints compared
 *   sim --seeds A-B | COUNT     many runs; only those that fail say something, and once more at
 *                               the end, as commands that replay them
 *   sim --seeds … --twice       each of them twice
 *   sim --seeds … --marks       lists the marks and their hits; exit 1 if one was never hit
 *   sim --bench                 the named workload: simulated seconds per real second
 *
 * What a run is: run.h. What a seed means: plan.h. Why: docs/adr/0009-simulation.md. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "connectors/connectors.h"
#include "taskmanager/operator/operators.h"
#include "tests/lib/seed_runs.h"
#include "tests/sim/ledger.h"
#include "tests/sim/run.h"

/* ---- runs ----------------------------------------------------------------------------------- */

static void print_result(uint64_t seed, const struct run_result *result)
{
	printf("seed %" PRIu64 ": %s%s, %" PRId64 " ms simulated, %llu events, %u faults, "
	       "%u attempts, fingerprint %016" PRIx64 "\n",
	       seed, result->right ? "right" : "WRONG: ", result->why, result->simulated_ms,
	       result->events, result->faults, result->attempts, result->fingerprint);
	fflush(stdout);
}

static bool run_seed(const struct seed_runs *runs, uint64_t seed)
{
	struct run_result result, again;
	struct plan plan;

	plan_draw(seed, &plan);
	if (!runs->many)
		plan_print(&plan);
	fflush(stdout);
	run_plan(&plan, runs->verbose, &result);
	if (result.right && runs->twice) {
		run_plan(&plan, runs->verbose, &again);
		if (again.fingerprint != result.fingerprint) {
			result.right = false;
			snprintf(result.why, sizeof(result.why),
				 "two runs differ: %016" PRIx64 " and %016" PRIx64,
				 result.fingerprint, again.fingerprint);
		}
	}
	if (!result.right && runs->many)
		plan_print(&plan);
	if (!result.right || !runs->many)
		print_result(seed, &result);
	return result.right;
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The processor's time is told beside the wall clock's, because others may use the machine. */
static int bench(bool verbose)
{
	struct run_result result;
	struct plan plan;

	plan_bench(&plan);
	double real = -seconds_of(CLOCK_MONOTONIC), cpu = -seconds_of(CLOCK_PROCESS_CPUTIME_ID);

	run_plan(&plan, verbose, &result);
	real += seconds_of(CLOCK_MONOTONIC);
	cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	double simulated = (double)result.simulated_ms / 1000;

	printf("sim.speedup %.1f x (%s; %.1f s simulated in %.3f s, %.3f s of processor time; "
	       "%llu events, %.2f M events/s)\n",
	       simulated / real, result.right ? "right" : result.why, simulated, real, cpu,
	       result.events, (double)result.events / real / 1e6);
	return result.right ? 0 : 1;
}

/* ---- the command line ------------------------------------------------------------------------ */

static void take_line(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	fwrite(line, 1, size_bytes, stderr);
}

static wall_t no_clock(void *context)
{
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim --seed N [--twice] [--verbose] | "
			"--seeds A-B [--twice] [--marks] | --bench\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct seed_runs runs = { .command = "make sim", .from = 1, .to = 1, .run = run_seed };
	bool wants_bench = false;

	for (int i = 1; i < argc;) {
		int taken = seed_runs_option(&runs, argc - i, argv + i);

		if (taken == 0 && strcmp(argv[i], "--bench") == 0) {
			wants_bench = true;
			taken = 1;
		}
		if (taken <= 0)
			return usage();
		i += taken;
	}
	log_to(take_line, NULL, no_clock, NULL);
	log_set_level(runs.verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
	operators_register();
	connectors_register_all();
	ledger_register();
	return wants_bench ? bench(runs.verbose) : seed_runs_all(&runs);
}
