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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mark.h"
#include "connectors/connectors.h"
#include "taskmanager/operator/operators.h"
#include "tests/sim/ledger.h"
#include "tests/sim/run.h"

#define FAILED_SHOWN 10

struct command {
	uint64_t from, to;
	bool many, twice, verbose, marks, bench;
};

static struct {
	uint64_t count, first[FAILED_SHOWN];
} failed;

/* ---- a run that ends the process ------------------------------------------------------------- */

static char last_words[64]; /* written beforehand: nothing may be called then but write */

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void say_last_words(void)
{
	ssize_t written = write(STDOUT_FILENO, last_words, strlen(last_words));

	(void)written;
}

/* A CHECK, a bad address, or the time of who ran us is over. */
static void on_signal(int number)
{
	say_last_words();
	signal(number, SIG_DFL);
	raise(number);
}

static void listen_for_death(void)
{
	static const int numbers[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT };
	bool by_sanitizer = __sanitizer_set_death_callback != NULL;

	if (by_sanitizer)
		__sanitizer_set_death_callback(say_last_words);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		if (!by_sanitizer || (numbers[i] != SIGSEGV && numbers[i] != SIGBUS))
			signal(numbers[i], on_signal);
}

/* ---- runs ----------------------------------------------------------------------------------- */

static void print_result(uint64_t seed, const struct run_result *result)
{
	printf("seed %" PRIu64 ": %s%s, %" PRId64 " ms simulated, %llu events, %u faults, "
	       "%u attempts, fingerprint %016" PRIx64 "\n",
	       seed, result->right ? "right" : "WRONG: ", result->why, result->simulated_ms,
	       result->events, result->faults, result->attempts, result->fingerprint);
	fflush(stdout);
}

static void run_seed(uint64_t seed, const struct command *command)
{
	struct run_result result, again;
	struct plan plan;

	snprintf(last_words, sizeof(last_words),
		 "\nseed %" PRIu64 " ends here: make sim SEED=%" PRIu64 "\n", seed, seed);
	plan_draw(seed, &plan);
	if (!command->many)
		plan_print(&plan);
	fflush(stdout);
	run_plan(&plan, command->verbose, &result);
	if (result.right && command->twice) {
		run_plan(&plan, command->verbose, &again);
		if (again.fingerprint != result.fingerprint) {
			result.right = false;
			snprintf(result.why, sizeof(result.why),
				 "two runs differ: %016" PRIx64 " and %016" PRIx64,
				 result.fingerprint, again.fingerprint);
		}
	}
	if (!result.right && command->many)
		plan_print(&plan);
	if (!result.right || !command->many)
		print_result(seed, &result);
	if (!result.right && failed.count++ < FAILED_SHOWN)
		failed.first[failed.count - 1] = seed;
}

/* Among the last lines, where whoever reads a long log looks first; to copy as it stands. */
static void print_failed(void)
{
	if (failed.count == 0)
		return;
	printf("%" PRIu64 " seed(s) failed; each again, traced:\n", failed.count);
	for (uint64_t i = 0; i < failed.count && i < FAILED_SHOWN; i++)
		printf("    make sim SEED=%" PRIu64 "\n", failed.first[i]);
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The processor's time is told beside the wall clock's, because others may use the machine. */
static int bench(const struct command *command)
{
	struct run_result result;
	struct plan plan;

	plan_bench(&plan);
	double real = -seconds_of(CLOCK_MONOTONIC), cpu = -seconds_of(CLOCK_PROCESS_CPUTIME_ID);

	run_plan(&plan, command->verbose, &result);
	real += seconds_of(CLOCK_MONOTONIC);
	cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	double simulated = (double)result.simulated_ms / 1000;

	printf("sim.speedup %.1f x (%s; %.1f s simulated in %.3f s, %.3f s of processor time; "
	       "%llu events, %.2f M events/s)\n",
	       simulated / real, result.right ? "right" : result.why, simulated, real, cpu,
	       result.events, (double)result.events / real / 1e6);
	return result.right ? 0 : 1;
}

/* ---- marks ---------------------------------------------------------------------------------- */

/* A name may stand at several places. */
static uint64_t hits_of(const char *name)
{
	const struct mark *mark;
	uint64_t hits = 0;
	size_t at = 0;

	while ((mark = mark_next(&at)) != NULL)
		if (strcmp(mark->name, name) == 0)
			hits += mark->hits;
	return hits;
}

static bool is_first(const struct mark *mark)
{
	const struct mark *other;
	size_t at = 0;

	while ((other = mark_next(&at)) != mark)
		if (strcmp(other->name, mark->name) == 0)
			return false;
	return true;
}

/* All marks and how often they were hit; returns how many never were. */
static uint32_t print_marks(void)
{
	const struct mark *mark;
	uint32_t missing = 0;
	size_t at = 0;

	while ((mark = mark_next(&at)) != NULL) {
		uint64_t hits = hits_of(mark->name);

		if (!is_first(mark))
			continue;
		if (hits > 0)
			printf("%12" PRIu64 "  %s\n", hits, mark->name);
		else
			printf("       never  %s\n", mark->name);
		missing += hits == 0;
	}
	return missing;
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

static bool parse_seeds(const char *text, struct command *command)
{
	char *end;

	command->many = true;
	command->from = strtoull(text, &end, 10);
	if (end == text)
		return false;
	if (*end == '\0') { /* so many */
		command->to = command->from;
		command->from = 1;
		return true;
	}
	command->to = strtoull(end + 1, &end, 10);
	return *end == '\0';
}

static bool parse(int count, char **texts, struct command *command)
{
	for (int i = 1; i < count; i++) {
		if (strcmp(texts[i], "--seed") == 0 && i + 1 < count)
			command->from = command->to = strtoull(texts[++i], NULL, 10);
		else if (strcmp(texts[i], "--seeds") == 0 && i + 1 < count) {
			if (!parse_seeds(texts[++i], command))
				return false;
		} else if (strcmp(texts[i], "--twice") == 0)
			command->twice = true;
		else if (strcmp(texts[i], "--verbose") == 0)
			command->verbose = true;
		else if (strcmp(texts[i], "--marks") == 0)
			command->marks = true;
		else if (strcmp(texts[i], "--bench") == 0)
			command->bench = true;
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct command command = { .from = 1, .to = 1 };
	uint64_t count;

	if (!parse(argc, argv, &command)) {
		fprintf(stderr, "usage: sim --seed N [--twice] [--verbose] | "
				"--seeds A-B [--twice] [--marks] | --bench\n");
		return 2;
	}
	log_to(take_line, NULL, no_clock, NULL);
	log_set_level(command.verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
	operators_register();
	connectors_register_all();
	ledger_register();
	if (command.bench)
		return bench(&command);
	listen_for_death();
	for (uint64_t seed = command.from; seed <= command.to; seed++)
		run_seed(seed, &command);
	count = command.to - command.from + 1;
	uint32_t missing = command.marks ? print_marks() : 0;

	if (missing > 0)
		printf("%u mark(s) were never hit: see \"never\" above\n", missing);
	print_failed();
	printf("[==========] %" PRIu64 " test(s) run.\n", count);
	printf("[  PASSED  ] %" PRIu64 " test(s).\n", count - failed.count);
	if (failed.count + missing > 0)
		printf("[  FAILED  ] %" PRIu64 " test(s).\n", failed.count + (missing > 0));
	return failed.count + missing > 0;
}
