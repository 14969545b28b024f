/* SPDX-License-Identifier: Apache-2.0
 * seed_runs.h - what programs have in common that run one simulation per seed: which seeds, how a
 * seed that fails or ends the process says how to run it again, and the list of marks.
 *
 *   --seed N     one run, traced with --verbose     --twice   each seed twice, compared
 *   --seeds A-B  many (or --seeds COUNT)            --marks   fails if a mark was never hit */
#ifndef TESTS_LIB_SEED_RUNS_H
#define TESTS_LIB_SEED_RUNS_H

#include <stdbool.h>
#include <stdint.h>

struct seed_runs {
	const char *command; /* "make sim": " SEED=n" is put behind it */
	uint64_t from, to;
	bool many, twice, verbose, marks;
	/* that other tests must hit; NULL-terminated, or NULL */
	const char *const *marks_elsewhere;
	/* One run; true: right. It prints what there is to say. */
	bool (*run)(const struct seed_runs *runs, uint64_t seed);
};

/* Takes one of the options above: how many arguments it took, 0 if it is another, -1 if bad. */
int seed_runs_option(struct seed_runs *runs, int count, char **texts);
/* All seeds; the exit status. Its last lines count as cmocka's do. */
int seed_runs_all(const struct seed_runs *runs);

#endif
