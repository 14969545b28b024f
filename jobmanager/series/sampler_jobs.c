/* SPDX-License-Identifier: Apache-2.0
 * sampler_jobs.c - jobs: what their vertices and subtasks do, what happened to them.
 *
 * A wide job takes several steps, between which anything may happen: so nothing of a job is kept
 * from one step to the next but its id, and a row is written when all of it was seen. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/series/sampler_priv.h"

#define SUBTASKS_PER_STEP 512 /* about 0.1 ms */
#define MARKER_TEXT_BYTES 240

/* ---- columns --------------------------------------------------------------------------------- */

static const char *const job_names[] = { "numRestarts", "numRunningTasks" };
static const struct series_column job_kinds[] = { { .largest = true }, { .largest = false } };
static const struct sampled_names job_columns = { job_names, job_kinds, ARRAY_COUNT(job_names) };

#define RATES 4  /* METRIC_RECORDS_IN … METRIC_BYTES_OUT */
#define SHARES 4 /* METRIC_BUSY_US … METRIC_WAITING_US */
_Static_assert(METRIC_BYTES_OUT == RATES - 1 && METRIC_BUSY_US == RATES &&
		       METRIC_WAITING_US == RATES + SHARES - 1 && TASK_COUNTERS == RATES + SHARES,
	       "columns stand in the order of the counters");

/* clang-format off */
#define RATE_NAMES "numRecordsInPerSecond", "numRecordsOutPerSecond", "numBytesInPerSecond", \
	"numBytesOutPerSecond"
#define SHARE_NAMES(suffix) "busyTimeMsPerSecond" suffix, "idleTimeMsPerSecond" suffix, \
	"backPressuredTimeMsPerSecond" suffix, "waitingTimeMsPerSecond" suffix
/* clang-format on */
#define MEAN { .largest = false }
#define MEAN_THOUSANDTHS { .thousandths = true }
#define LARGEST { .largest = true }
#define FOUR(kind) kind, kind, kind, kind

static const char *const vertex_names[] = { RATE_NAMES, SHARE_NAMES(""), SHARE_NAMES(".avg") };
static const struct series_column vertex_kinds[] = { FOUR(MEAN_THOUSANDTHS), FOUR(LARGEST),
						     FOUR(MEAN) };
static const struct sampled_names vertex_columns = { vertex_names, vertex_kinds,
						     ARRAY_COUNT(vertex_names) };
static const char *const subtask_names[] = { RATE_NAMES, SHARE_NAMES("") };
static const struct series_column subtask_kinds[] = { FOUR(MEAN_THOUSANDTHS), FOUR(LARGEST) };
static const struct sampled_names subtask_columns = { subtask_names, subtask_kinds,
						      ARRAY_COUNT(subtask_names) };
_Static_assert(ARRAY_COUNT(vertex_names) == RATES + 2 * SHARES &&
		       ARRAY_COUNT(vertex_kinds) == RATES + 2 * SHARES &&
		       ARRAY_COUNT(subtask_names) == RATES + SHARES &&
		       ARRAY_COUNT(subtask_kinds) == RATES + SHARES,
	       "a kind for each name");

/* Microseconds per second are told in milliseconds. A share is never more than all of the time. */
static double shown(double rate, uint32_t counter)
{
	if (counter < RATES)
		return rate;
	return rate > 1e6 ? 1000 : rate / 1000;
}

/* ---- the jobs there are ---------------------------------------------------------------------- */

static uint32_t count_subtasks(const struct job *job)
{
	uint32_t count = 0;

	for (size_t v = 0; v < job->graph->n_vertices; v++)
		count += job->vertices[v].message->parallelism;
	return count;
}

static void add_job(struct sampler *sampler, const struct job *job)
{
	uint32_t vertices = (uint32_t)job->graph->n_vertices;
	struct sampled *sampled = sampled_create(sampler, job->name, 2 + vertices);

	sampled->id = job->id;
	sampled->vertices_count = vertices;
	sampled->subtasks_count = count_subtasks(job);
	sampled->vertices = MEM_NEW_ARRAY(struct sampled_vertex, vertices);
	for (uint32_t v = 0; v < vertices; v++) {
		struct sampled_vertex *vertex = &sampled->vertices[v];

		vertex->id = job->vertices[v].id;
		vertex->parallelism = job->vertices[v].message->parallelism;
		vertex->news = MEM_NEW_ARRAY(struct sampled_news, vertex->parallelism);
	}
	sampled_add_part(sampled, SAMPLED_ONE, &job_columns, 0, SERIES_MAIN);
	sampled_add_part(sampled, SAMPLED_VERTICES, &vertex_columns, 0, SERIES_MAIN);
	for (uint32_t v = 0; v < vertices && sampled->subtasks_count <= sampler->subtasks_max; v++)
		sampled_add_part(sampled, SAMPLED_SUBTASKS, &subtask_columns, v, SERIES_DETAIL);
	map_put(sampler->jobs, map_key_id(&sampled->id), sampled);
	list_push_back(&sampler->jobs_list, &sampled->node);
}

void sampler_sync_jobs(struct sampler *sampler)
{
	LIST_FOR_EACH (dispatcher_jobs(sampler->dispatcher), struct job, node, job) {
		struct sampled *sampled = map_get(sampler->jobs, map_key_id(&job->id));

		if (sampled == NULL) {
			add_job(sampler, job);
			sampled = map_get(sampler->jobs, map_key_id(&job->id));
		}
		sampled->seen = sampler->tick;
	}
	LIST_FOR_EACH (&sampler->jobs_list, struct sampled, node, sampled) {
		if (sampled->seen == sampler->tick)
			continue;
		map_remove(sampler->jobs, map_key_id(&sampled->id));
		sampled_destroy(&sampled);
	}
	sampler->at_job = LIST_FIRST(&sampler->jobs_list, struct sampled, node);
	sampler->at_vertex = sampler->at_subtask = 0;
}

/* ---- what happened --------------------------------------------------------------------------- */

static void describe(const struct job_failure *failure, char text[MARKER_TEXT_BYTES])
{
	struct buf line;
	size_t length;

	buf_init(&line);
	if (failure->task_name != NULL) {
		/* Which attempt it was is told with the failure, not on a chart. */
		const char *attempt = strstr(failure->task_name, " - execution #");
		size_t task = attempt != NULL ? (size_t)(attempt - failure->task_name)
					      : strlen(failure->task_name);

		buf_printf(&line, "%.*s: ", (int)task, failure->task_name);
	}
	buf_add_text(&line, failure->err.text);
	length = line.size_bytes < MARKER_TEXT_BYTES - 1 ? line.size_bytes : MARKER_TEXT_BYTES - 1;
	/* Not in the middle of a character. */
	while (length > 0 && length < line.size_bytes &&
	       ((unsigned char)line.data[length] & 0xc0) == 0x80)
		length--;
	memcpy(text, line.data, length);
	text[length] = '\0';
	buf_fini(&line);
}

static struct sampled_marker *last_failure(struct sampled *sampled)
{
	for (struct list_node *node = sampled->markers.head.previous;
	     node != &sampled->markers.head; node = node->previous) {
		struct sampled_marker *marker = CONTAINER_OF(node, struct sampled_marker, node);

		if (marker->kind == SAMPLED_FAILURE)
			return marker;
	}
	return NULL;
}

/* The cause of the last one may become better known: a process tells why it died when it is
 * back. */
static void refresh_failure(struct sampled *sampled, const struct job *job)
{
	struct sampled_marker *marker = last_failure(sampled);
	struct list_node *last = job->failures.head.previous;
	char text[MARKER_TEXT_BYTES];

	if (marker == NULL || last == &job->failures.head)
		return;
	describe(CONTAINER_OF(last, struct job_failure, node), text);
	if (strcmp(text, marker->text) == 0)
		return;
	mem_free(marker->text);
	marker->text = mem_strdup(text);
}

static void mark_what_happened(struct sampled *sampled, const struct job *job)
{
	uint64_t fresh = job->failures_total - sampled->failures, kept = job->failures_count;
	char text[MARKER_TEXT_BYTES];

	LIST_FOR_EACH (&job->failures, struct job_failure, node, failure) {
		if (kept-- > fresh)
			continue;
		describe(failure, text);
		sampled_mark(sampled, SAMPLED_FAILURE, failure->at, text);
	}
	if (fresh == 0)
		refresh_failure(sampled, job);
	sampled->failures = job->failures_total;
	if (job->restarts > sampled->restarts) {
		snprintf(text, sizeof(text), "restart %u", job->restarts);
		sampled_mark(sampled, SAMPLED_RESTART, job->entered_ms[JOB_RUNNING], text);
	}
	sampled->restarts = job->restarts;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Whether there are numbers of it now: it runs, and told something within the last heartbeats. */
static bool is_heard(const struct sampler *sampler, const struct execution *execution,
		     struct sampled_news *news)
{
	const struct figures *figures = execution_figures(execution);

	if (figures == NULL || figures->sequence == 0)
		return false;
	if (figures->sequence != news->sequence)
		*news = (struct sampled_news){ .sequence = figures->sequence };
	else if (news->ticks <= sampler->silence_ticks)
		news->ticks++;
	return news->ticks <= sampler->silence_ticks;
}

static void add_subtask(struct sampler *sampler, const struct execution *execution,
			struct sampled_news *news, uint16_t *row)
{
	struct sampler_sums *sums = &sampler->sums;
	double rates[TASK_COUNTERS];

	memset(row, 0xff, TASK_COUNTERS * sizeof(*row));
	if (execution->state != EXECUTION_RUNNING)
		return;
	if (!is_heard(sampler, execution, news)) {
		sums->silent = true;
		return;
	}
	sums->running++;
	figures_task_rates(execution_figures(execution), rates);
	for (uint32_t i = 0; i < TASK_COUNTERS; i++) {
		double value = shown(rates[i], i);

		row[i] = sampled_code(value, &subtask_kinds[i]);
		sums->rates[i] += value;
		if (value > sums->largest[i])
			sums->largest[i] = value;
	}
}

/* A sum of which a part is not known is not known. */
static void put_vertex(const struct sampler *sampler, uint16_t *row)
{
	const struct sampler_sums *sums = &sampler->sums;
	bool known = sums->running > 0 && !sums->silent;

	for (uint32_t i = 0; i < ARRAY_COUNT(vertex_names); i++) {
		double value = i < RATES            ? sums->rates[i]
			       : i < RATES + SHARES ? sums->largest[i]
						    : sums->rates[i - SHARES] / sums->running;

		row[i] = known ? sampled_code(value, &vertex_kinds[i]) : SERIES_NULL;
	}
}

static uint16_t *room_for(uint16_t **row, uint32_t *room, uint32_t columns)
{
	if (columns > *room) {
		*row = mem_realloc(*row, columns * sizeof(**row));
		*room = columns;
	}
	return *row;
}

static struct sampled_part *subtasks_part(struct sampled *sampled, uint32_t vertex)
{
	return 2 + vertex < sampled->parts_count ? &sampled->parts[2 + vertex] : NULL;
}

/* Some subtasks of the vertex under way; returns how many. */
static uint32_t step_vertex(struct sampler *sampler, const struct job *job, uint32_t most)
{
	struct sampled *sampled = sampler->at_job;
	uint32_t v = sampler->at_vertex, first = sampler->at_subtask;
	struct sampled_vertex *vertex = &sampled->vertices[v];
	struct sampled_part *part = subtasks_part(sampled, v);
	uint32_t left = vertex->parallelism - first, count = left < most ? left : most;
	bool each = part != NULL && !series_table_dropped(part->table);
	uint16_t one[TASK_COUNTERS];
	uint16_t *row = each ? room_for(&sampler->row, &sampler->row_room,
					vertex->parallelism * TASK_COUNTERS)
			     : NULL;

	if (first == 0)
		memset(&sampler->sums, 0, sizeof(sampler->sums));
	for (uint32_t i = first; i < first + count; i++)
		add_subtask(sampler, &job->vertices[v].executions[i], &vertex->news[i],
			    each ? row + i * TASK_COUNTERS : one);
	sampler->at_subtask += count;
	if (sampler->at_subtask < vertex->parallelism)
		return count;
	if (each)
		sampled_append(sampled, part, row);
	put_vertex(sampler, sampler->vertices_row + v * ARRAY_COUNT(vertex_names));
	sampler->at_vertex++;
	sampler->at_subtask = 0;
	return count;
}

static void finish_job(struct sampler *sampler, const struct job *job)
{
	struct sampled *sampled = sampler->at_job;
	uint32_t running = 0;
	uint16_t row[ARRAY_COUNT(job_names)];

	for (uint32_t v = 0; v < sampled->vertices_count; v++)
		running += job->vertices[v].counts[EXECUTION_RUNNING];
	row[0] = series_code(job->restarts);
	row[1] = series_code(running);
	sampled_append(sampled, &sampled->parts[0], row);
	sampled_append(sampled, &sampled->parts[1], sampler->vertices_row);
}

static void tell_dropped(struct sampled *sampled)
{
	for (uint32_t i = 0; i < sampled->parts_count; i++) {
		struct sampled_part *part = &sampled->parts[i];

		if (part->told || !series_table_dropped(part->table))
			continue;
		part->told = true;
		log_warn(SAMPLER_LOGGER,
			 "Job '%s': its time series%s were given up, rest.series.memory is used up "
			 "(%zu bytes).",
			 sampled->name,
			 part->scope == SAMPLED_SUBTASKS ? " of single subtasks" : "",
			 series_store_budget(sampled->sampler->store));
		/* One line says it for all of its vertices. */
		for (uint32_t j = i + 1; j < sampled->parts_count; j++)
			sampled->parts[j].told |= sampled->parts[j].scope == part->scope;
	}
}

static void next_job(struct sampler *sampler)
{
	struct list_node *next = sampler->at_job->node.next;

	tell_dropped(sampler->at_job);
	sampler->at_job = next == &sampler->jobs_list.head
				  ? NULL
				  : CONTAINER_OF(next, struct sampled, node);
	sampler->at_vertex = sampler->at_subtask = 0;
}

bool sampler_step_jobs(struct sampler *sampler)
{
	uint32_t done = 0;

	while (sampler->at_job != NULL && done < SUBTASKS_PER_STEP) {
		struct sampled *sampled = sampler->at_job;
		const struct job *job =
			sampled->ended ? NULL : dispatcher_find(sampler->dispatcher, &sampled->id);

		done++;
		if (job != NULL && sampler->at_vertex == 0 && sampler->at_subtask == 0)
			mark_what_happened(sampled, job);
		if (job != NULL && job_is_final(job))
			sampled_end(sampled);
		if (job == NULL || sampled->ended) {
			next_job(sampler);
			continue;
		}
		room_for(&sampler->vertices_row, &sampler->vertices_row_room,
			 sampled->vertices_count * ARRAY_COUNT(vertex_names));
		done += step_vertex(sampler, job, SUBTASKS_PER_STEP);
		if (sampler->at_vertex < sampled->vertices_count)
			continue;
		finish_job(sampler, job);
		next_job(sampler);
	}
	return sampler->at_job != NULL;
}
