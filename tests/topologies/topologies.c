/* SPDX-License-Identifier: Apache-2.0
 * topologies.c - random topologies of tasks over the real shuffle, one per seed, in the simulated
 * world.
 *
 *   topologies --seed N [--verbose]     one, its sheet first; exit 0 = right
 *   topologies --seeds A-B | COUNT      many (--twice, --marks: see seed_runs.h)
 *
 * Less of it, to find what matters (tests/topologies/shrink does that by itself):
 *   --vertices N --parallelism N --records N --nodes N    at most so many
 *   --no-fault --no-stalls --no-controls --no-timers --calm
 *
 * What a topology is: sheet.h. What is judged: book.h, watch.h, trial.h. Why:
 * docs/adr/0017-topologies.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "tests/lib/seed_runs.h"
#include "tests/topologies/actors.h"
#include "tests/topologies/trial.h"

/* The sizes of segments are the unit tests' part: nothing asks for small ones here. */
static const char *const marks_elsewhere[] = { "a segment is cut into smaller ones",
					       "a segment is whole again", NULL };

static struct sheet_limits limits;
static char command[200] = "make topologies";
static uint64_t arrivals, events;
static int64_t simulated_ms;

static void print_result(uint64_t seed, const struct trial_result *result)
{
	printf("seed %" PRIu64 ": %s%s, %" PRId64 " ms simulated, %llu events, %" PRIu64
	       " records arrived, fingerprint %016" PRIx64 "\n",
	       seed, result->right ? "right" : "WRONG: ", result->why, result->simulated_ms,
	       result->events, result->arrivals, result->fingerprint);
	fflush(stdout);
}

static bool run_seed(const struct seed_runs *runs, uint64_t seed)
{
	struct trial_result result, again;
	struct sheet sheet;

	sheet_draw(seed, &limits, &sheet);
	if (!runs->many)
		sheet_print(&sheet);
	fflush(stdout);
	trial_run(&sheet, runs->verbose, &result);
	arrivals += result.arrivals;
	events += result.events;
	simulated_ms += result.simulated_ms;
	if (result.right && runs->twice) {
		trial_run(&sheet, runs->verbose, &again);
		if (again.fingerprint != result.fingerprint) {
			result.right = false;
			snprintf(result.why, sizeof(result.why),
				 "two runs differ: %016" PRIx64 " and %016" PRIx64,
				 result.fingerprint, again.fingerprint);
		}
	}
	if (!result.right && runs->many)
		sheet_print(&sheet);
	if (!result.right || !runs->many)
		print_result(seed, &result);
	return result.right;
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

static int limit_option(int count, char **texts)
{
	const struct {
		const char *name;
		uint32_t *number;
		bool *flag;
	} options[] = {
		{ "--vertices", &limits.vertices_max, NULL },
		{ "--parallelism", &limits.parallelism_max, NULL },
		{ "--records", &limits.records_max, NULL },
		{ "--nodes", &limits.nodes_max, NULL },
		{ "--no-fault", NULL, &limits.no_fault },
		{ "--no-stalls", NULL, &limits.no_stalls },
		{ "--no-controls", NULL, &limits.no_controls },
		{ "--no-timers", NULL, &limits.no_timers },
		{ "--calm", NULL, &limits.calm },
	};

	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		if (strcmp(texts[0], options[i].name) != 0)
			continue;
		if (options[i].flag != NULL) {
			*options[i].flag = true;
			return 1;
		}
		if (count < 2)
			return -1;
		*options[i].number = (uint32_t)strtoul(texts[1], NULL, 10);
		return *options[i].number > 0 ? 2 : -1;
	}
	return -1;
}

/* The options are part of what a seed means: whoever repeats it must give them too. */
static void add_to_command(int count, char **texts)
{
	size_t length = strlen(command);
	bool is_first = strchr(command, '\'') == NULL;

	if (!is_first)
		command[--length] = '\0'; /* the closing quote */
	for (int i = 0; i < count && length < sizeof(command); i++)
		length += (size_t)snprintf(command + length, sizeof(command) - length, "%s%s",
					   is_first && i == 0 ? " OPTIONS='" : " ", texts[i]);
	if (length < sizeof(command) - 1)
		snprintf(command + length, sizeof(command) - length, "'");
}

int main(int argc, char **argv)
{
	struct seed_runs runs = { .command = command,
				  .from = 1,
				  .to = 1,
				  .marks_elsewhere = marks_elsewhere,
				  .run = run_seed };

	for (int i = 1; i < argc;) {
		int taken = seed_runs_option(&runs, argc - i, argv + i);

		if (taken == 0) {
			taken = limit_option(argc - i, argv + i);
			if (taken > 0)
				add_to_command(taken, argv + i);
		}
		if (taken <= 0) {
			fprintf(stderr, "usage: topologies --seed N [--verbose] | --seeds A-B "
					"[--twice] [--marks] [limits: see topologies.c]\n");
			return 2;
		}
		i += taken;
	}
	log_to(take_line, NULL, no_clock, NULL);
	log_set_level(runs.verbose ? LOG_INFO : (enum log_level)(LOG_ERROR + 1));
	actors_register();
	int status = seed_runs_all(&runs);

	printf("# %" PRIu64 " records, %" PRIu64 " events, %" PRId64 " s simulated\n", arrivals,
	       events, simulated_ms / 1000);
	return status;
}
