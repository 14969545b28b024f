/* SPDX-License-Identifier: Apache-2.0
 * series_bench.c - what the time series of a job of 200 subtasks cost: memory after a day, the
 * JobManager's time per second, the time of an answer.
 *
 *   series_bench [HOURS]   (24) prints "name value unit" lines
 *
 * Source -> HASH -> sum, 100 subtasks each. The sampler and the answers are the real ones, on a
 * simulated node; time passes as fast as it can. What the tasks tell is made up here, and not
 * timed: rates that wobble by a few percent around a slow swell, one task with twice the work of
 * the others, a quarter of an hour of back-pressure every three hours.
 *
 *   memory        after HOURS, at a million bytes
 *   point         of it per point that is kept
 *   tick          the sampler's time per second, packing included; .longest: its longest step
 *   answer.chart  64 series of the last 15 minutes: 900 points each
 *   answer.day    12 series of a day, ten minutes each
 *   answer.heat   all 100 subtasks of a vertex, 15 minutes
 *
 * All times are CPU time of the one thread: they hold while others use the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest.h"
#include "jobmanager/series/sampler.h"
#include "tests/lib/dice.h"
#include "tests/lib/jobmanager_bed.h"

#define PARALLELISM 100
#define TASKMANAGERS 7
#define SLOTS 16
#define RECORD_BYTES 37

static struct bed *bed;
static struct job *job;

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- what tasks tell ------------------------------------------------------------------------- */

struct wobble { /* of a task */
	double rate, busy; /* 1 is usual; each drifts back to it */
	uint64_t told[TASK_COUNTERS];
};

static struct wobble wobbles[2][PARALLELISM];

/* Nearly normal, of deviation 1. */
static double noise(uint64_t *dice)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += (double)below(dice, 1u << 30) / (1u << 30);
	return sum - 6;
}

static void tell(uint32_t vertex, uint32_t subtask, int64_t second, uint64_t *dice)
{
	struct wobble *wobble = &wobbles[vertex][subtask];
	double swell = 1 + 0.4 * sin((double)second / 86400 * 2 * 3.14159265);
	double rate, busy, pressed;
	bool pressure = second % 10800 < 900;
	uint32_t ids[TASK_COUNTERS];
	Flink__TaskMetrics message = FLINK__TASK_METRICS__INIT;
	struct err err = ERR_INIT;
	bool fresh;

	wobble->rate += 0.1 * (1 - wobble->rate) + 0.02 * noise(dice);
	wobble->busy += 0.1 * (1 - wobble->busy) + 0.03 * noise(dice);
	rate = 50000 * swell * wobble->rate * (vertex == 1 && subtask == 7 ? 2 : 1);
	busy = fmin(0.97, 0.4 * swell * wobble->busy * (vertex == 1 && subtask == 7 ? 2 : 1));
	pressed = vertex == 0 && pressure ? fmax(0, fmin(1 - busy, 0.3 + 0.02 * noise(dice))) : 0;
	const double add[TASK_COUNTERS] = {
		[METRIC_RECORDS_IN] = rate,
		[METRIC_RECORDS_OUT] = rate,
		[METRIC_BYTES_IN] = rate * RECORD_BYTES,
		[METRIC_BYTES_OUT] = vertex == 0 ? rate * RECORD_BYTES : 0,
		[METRIC_BUSY_US] = busy * 1e6,
		[METRIC_IDLE_US] = (1 - busy - pressed) * 1e6,
		[METRIC_BACKPRESSURED_US] = pressed * 1e6,
	};

	for (uint32_t i = 0; i < TASK_COUNTERS; i++) {
		ids[i] = i;
		wobble->told[i] += (uint64_t)fmax(0, add[i]);
	}
	message.sequence = (uint64_t)second + 1;
	message.ids = ids;
	message.values = wobble->told;
	message.n_ids = message.n_values = TASK_COUNTERS;
	if (figures_take(&job->vertices[vertex].figures, subtask, &message, &fresh, &err) != 0)
		fail_msg("%s", err.text);
}

/* ---- the day --------------------------------------------------------------------------------- */

static void begin(void)
{
	log_set_level(LOG_ERROR);
	bed = bed_create(1, NULL);
	for (uint32_t i = 0; i < TASKMANAGERS; i++)
		bed_taskmanager(bed, i, SLOTS);
	bed_until_slots(bed, TASKMANAGERS * SLOTS, 1000);
	job = bed_submit(bed, "Wide", PARALLELISM, PARALLELISM, NULL);
	if (job == NULL)
		fail_msg("%s", bed->err.text);
	bed_until_running(bed, job, 5000);
	bed_pass(bed, 2000);
	for (uint32_t v = 0; v < 2; v++)
		for (uint32_t i = 0; i < PARALLELISM; i++)
			wobbles[v][i] = (struct wobble){ .rate = 1, .busy = 1 };
}

struct spent {
	double sum_us, longest_us;
	uint64_t steps;
};

static void steps(struct agent *sampler, mono_t now, struct spent *spent)
{
	enum step step;

	do {
		mono_t wake_at = MONO_NEVER;
		double began = cpu_us(), took;

		step = sampler->step(sampler, now, &wake_at);
		took = cpu_us() - began;
		spent->sum_us += took;
		spent->steps++;
		if (took > spent->longest_us)
			spent->longest_us = took;
	} while (step == STEP_WORKED);
}

static struct spent pass(int64_t seconds)
{
	/* Its agent comes first in it; nobody else steps while the simulation stands still. */
	struct agent *sampler = (struct agent *)dispatcher_sampler(bed->dispatcher);
	struct spent spent = { 0 };
	mono_t began = sim_now(bed->sim);
	uint64_t dice = 1;

	for (int64_t second = 0; second < seconds; second++) {
		sim_clock_jump(bed->jobmanager_world, 1000);
		for (uint32_t v = 0; v < 2; v++)
			for (uint32_t i = 0; i < PARALLELISM; i++)
				tell(v, i, second, &dice);
		steps(sampler, began + (second + 1) * NS_PER_S, &spent);
	}
	return spent;
}

/* ---- answers --------------------------------------------------------------------------------- */

#define ASK_TIMES 21

static int smaller(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void ask(const char *name, const char *query)
{
	double took[ASK_TIMES];
	char path[8192], id[ID_TEXT_SIZE];
	size_t bytes = 0;

	snprintf(path, sizeof(path), "/jobs/%s/series?%s", id_format(&job->id, id), query);
	for (int i = 0; i < ASK_TIMES; i++) {
		struct buf answer;
		double began;

		buf_init(&answer);
		began = cpu_us();
		if (rest_look(bed->dispatcher, path, &answer) != 200)
			fail_msg("%s: %.300s", path, answer.data);
		took[i] = cpu_us() - began;
		bytes = answer.size_bytes;
		buf_fini(&answer);
	}
	qsort(took, ASK_TIMES, sizeof(took[0]), smaller);
	printf("answer.%s %.2f ms\n", name, took[ASK_TIMES / 2] / 1e3);
	printf("answer.%s.size %.0f kB\n", name, (double)bytes / 1e3);
}

static void ask_all(void)
{
	wall_t now = world_wall(bed->jobmanager_world);
	char id[ID_TEXT_SIZE];
	struct buf query;

	buf_init(&query);
	buf_add_text(&query, "step=1s&get=");
	for (int i = 0; i < 64; i++)
		buf_printf(&query, "%s.%d.%s,", id_format(&job->vertices[i / 32].id, id), i / 2,
			   i % 2 == 0 ? "numRecordsInPerSecond" : "busyTimeMsPerSecond");
	ask("chart", query.data);
	buf_clear(&query);
	buf_printf(&query, "get=%s.*,%s.*.avg&step=600s&from=%lld",
		   id_format(&job->vertices[1].id, id), id, (long long)now - 86400 * 1000);
	ask("day", query.data);
	buf_clear(&query);
	buf_printf(&query, "get=%s.*.busyTimeMsPerSecond", id_format(&job->vertices[1].id, id));
	ask("heat", query.data);
	buf_fini(&query);
}

int main(int argc, char **argv)
{
	int64_t hours = argc > 1 ? strtol(argv[1], NULL, 10) : 24, seconds = hours * 3600;
	/* Of 200 subtasks 8 each, of two vertices 12 each, of the job 2, of processes a few. */
	double series = 2 * PARALLELISM * 8 + 2 * 12 + 2;
	double fine = fmin((double)seconds, SERIES_FINE_KEPT_TICKS),
	       coarse = fmin((double)seconds, SERIES_COARSE_KEPT_TICKS) / SERIES_COARSE_TICKS;
	const struct series_store *store;
	struct spent spent;

	if (hours < 1) {
		fprintf(stderr, "usage: series_bench [HOURS]\n");
		return 2;
	}
	begin();
	store = sampler_store(dispatcher_sampler(bed->dispatcher));
	spent = pass(seconds);
	printf("memory %.2f MB\n", (double)series_store_bytes(store) / 1e6);
	printf("point %.2f B\n", (double)series_store_bytes(store) / (series * (fine + coarse)));
	printf("tick %.1f us\n", spent.sum_us / (double)seconds);
	printf("tick.longest_step %.0f us\n", spent.longest_us);
	ask_all();
	bed_destroy(bed);
	return 0;
}
