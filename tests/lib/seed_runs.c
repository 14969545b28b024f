/* SPDX-License-Identifier: Apache-2.0
 * seed_runs.c - see seed_runs.h. */
#include "tests/lib/seed_runs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/compiler.h"
#include "common/base/mark.h"

#define FAILED_SHOWN 10

static struct {
	uint64_t count, first[FAILED_SHOWN];
} failed;

/* ---- a run that ends the process ------------------------------------------------------------- */

static char last_words[256]; /* written beforehand: nothing may be called then but write */

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

static bool is_elsewhere(const struct seed_runs *runs, const struct mark *mark)
{
	for (size_t i = 0; runs->marks_elsewhere && runs->marks_elsewhere[i]; i++)
		if (strcmp(runs->marks_elsewhere[i], mark->name) == 0)
			return true;
	return false;
}

/* All marks and how often they were hit; returns how many never were. */
static uint32_t print_marks(const struct seed_runs *runs)
{
	const struct mark *mark;
	uint32_t missing = 0;
	size_t at = 0;

	while ((mark = mark_next(&at)) != NULL) {
		uint64_t hits = hits_of(mark->name);

		if (!is_first(mark) || (hits == 0 && is_elsewhere(runs, mark)))
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

static bool parse_seeds(const char *text, struct seed_runs *runs)
{
	char *end;

	runs->many = true;
	runs->from = strtoull(text, &end, 10);
	if (end == text)
		return false;
	if (*end == '\0') { /* so many */
		runs->to = runs->from;
		runs->from = 1;
		return true;
	}
	runs->to = strtoull(end + 1, &end, 10);
	return *end == '\0';
}

int seed_runs_option(struct seed_runs *runs, int count, char **texts)
{
	const char *option = texts[0];

	if (strcmp(option, "--seed") == 0 && count > 1) {
		runs->from = runs->to = strtoull(texts[1], NULL, 10);
		return 2;
	}
	if (strcmp(option, "--seeds") == 0 && count > 1)
		return parse_seeds(texts[1], runs) ? 2 : -1;
	if (strcmp(option, "--twice") == 0)
		runs->twice = true;
	else if (strcmp(option, "--verbose") == 0)
		runs->verbose = true;
	else if (strcmp(option, "--marks") == 0)
		runs->marks = true;
	else
		return 0;
	return 1;
}

/* Among the last lines, where whoever reads a long log looks first; to copy as it stands. */
static void print_failed(const struct seed_runs *runs)
{
	if (failed.count == 0)
		return;
	printf("%" PRIu64 " seed(s) failed; each again, traced:\n", failed.count);
	for (uint64_t i = 0; i < failed.count && i < FAILED_SHOWN; i++)
		printf("    %s SEED=%" PRIu64 "\n", runs->command, failed.first[i]);
}

int seed_runs_all(const struct seed_runs *runs)
{
	uint64_t count = runs->to - runs->from + 1;

	listen_for_death();
	for (uint64_t seed = runs->from; seed <= runs->to; seed++) {
		snprintf(last_words, sizeof(last_words),
			 "\nseed %" PRIu64 " ends here: %s SEED=%" PRIu64 "\n", seed, runs->command,
			 seed);
		if (!runs->run(runs, seed) && failed.count++ < FAILED_SHOWN)
			failed.first[failed.count - 1] = seed;
	}
	uint32_t missing = runs->marks ? print_marks(runs) : 0;

	if (missing > 0)
		printf("%u mark(s) were never hit: see \"never\" above\n", missing);
	print_failed(runs);
	printf("[==========] %" PRIu64 " test(s) run.\n", count);
	printf("[  PASSED  ] %" PRIu64 " test(s).\n", count - failed.count);
	if (failed.count + missing > 0)
		printf("[  FAILED  ] %" PRIu64 " test(s).\n", failed.count + (missing > 0));
	return failed.count + missing > 0;
}
