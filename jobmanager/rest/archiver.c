/* SPDX-License-Identifier: Apache-2.0
 * archiver.c - the answers that outlive a job, and in what order they are asked for. What matters
 * most comes first, because an archive has a bound. */
#include "jobmanager/rest/archiver.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"
#include "jobmanager/rest/series.h"

#define STEP_BYTES (256 * 1024) /* of answers in one step; one answer may be more */
#define STEP_ANSWERS 32
#define ARCHIVE_ANSWERS_BYTES_MAX ((size_t)16 << 20)
/* An answer that goes through this many subtasks takes about 5 ms. */
#define WIDE_SUBTASKS 2000
#define PICTURE_SUBTASKS_MAX 40000 /* half a millisecond for each thousand of them */
#define ATTEMPT_SUBTASKS_MAX 128   /* of a vertex whose subtasks are kept one by one */
#define ATTEMPTS_MAX 1024	   /* of a job */
#define ATTEMPTS_BACK 7		   /* of a subtask, before its last */

struct archiver {
	struct agent agent; /* first */
	struct dispatcher *dispatcher;
	bool at_work, writing;
	struct id job_id; /* of the job that is archived */
	struct history_draft *draft;
	char **paths; /* still to be asked for, from `next` on */
	size_t paths_count, paths_room, next;
};

/* ---- which paths ---------------------------------------------------------------------------- */

static const char *const job_paths[] = {
	"",
	"/config",
	"/plan",
	"/exceptions",
	"/execution-result",
	"/accumulators",
	"/checkpoints",
	"/checkpoints/config",
	"/resource-requirements",
	"/jobmanager/config",
	"/jobmanager/environment",
};

static const char *const vertex_paths[] = {
	"",
	"/subtasktimes",
	"/taskmanagers",
	"/accumulators",
	"/watermarks",
	"/backpressure",
	"/subtasks/accumulators",
};

static void add_path(struct archiver *archiver, const char *format, ...) PRINTF(2, 3);

static void add_path(struct archiver *archiver, const char *format, ...)
{
	char path[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	if (archiver->paths_count == archiver->paths_room) {
		archiver->paths_room = archiver->paths_room == 0 ? 64 : archiver->paths_room * 2;
		archiver->paths = mem_realloc(archiver->paths,
					      archiver->paths_room * sizeof(*archiver->paths));
	}
	archiver->paths[archiver->paths_count++] = mem_strdup(path);
}

static void leave_out_vertex(struct archiver *archiver, const char *vertex, const char *below,
			     const char *why)
{
	char *path = mem_printf("%s%s", vertex, below);

	history_draft_leave_out(archiver->draft, path, why);
	mem_free(path);
}

static void add_attempts(struct archiver *archiver, const struct job_vertex *vertex,
			 const char *path)
{
	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		uint32_t last = vertex->executions[i].attempt;
		uint32_t first = last < ATTEMPTS_BACK ? 0 : last - ATTEMPTS_BACK;

		add_path(archiver, "%s/subtasks/%u", path, i);
		for (uint32_t a = first; a <= last; a++) {
			add_path(archiver, "%s/subtasks/%u/attempts/%u", path, i, a);
			add_path(archiver, "%s/subtasks/%u/attempts/%u/accumulators", path, i, a);
		}
	}
}

static void add_vertices(struct archiver *archiver, const struct job *job, const char *id)
{
	uint32_t attempts = 0;
	char why[160];

	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];
		uint32_t subtasks = vertex->message->parallelism;
		char vertex_id[ID_TEXT_SIZE], path[96];

		snprintf(path, sizeof(path), "/jobs/%s/vertices/%s", id,
			 id_format(&vertex->id, vertex_id));
		snprintf(
			why, sizeof(why),
			"the vertex had %u subtasks; of more than %u the job's answer alone is kept",
			subtasks, WIDE_SUBTASKS);
		if (subtasks > WIDE_SUBTASKS) {
			leave_out_vertex(archiver, path, "", why);
			continue;
		}
		for (size_t i = 0; i < ARRAY_COUNT(vertex_paths); i++)
			add_path(archiver, "%s%s", path, vertex_paths[i]);
		attempts += subtasks;
		if (subtasks <= ATTEMPT_SUBTASKS_MAX && attempts <= ATTEMPTS_MAX)
			continue;
		snprintf(
			why, sizeof(why),
			"single subtasks are kept of vertices with at most %u, and %u of a job; the "
			"vertex's own answer has them",
			ATTEMPT_SUBTASKS_MAX, ATTEMPTS_MAX);
		leave_out_vertex(archiver, path, "/subtasks", why);
	}
}

/* Single subtasks come last: what they tell stands in their vertex's answer too. */
static void add_subtasks(struct archiver *archiver, const struct job *job, const char *id)
{
	uint32_t attempts = 0;

	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];
		uint32_t subtasks = vertex->message->parallelism;
		char vertex_id[ID_TEXT_SIZE], path[96];

		if (subtasks > WIDE_SUBTASKS)
			continue;
		snprintf(path, sizeof(path), "/jobs/%s/vertices/%s", id,
			 id_format(&vertex->id, vertex_id));
		attempts += subtasks;
		if (subtasks <= ATTEMPT_SUBTASKS_MAX && attempts <= ATTEMPTS_MAX)
			add_attempts(archiver, vertex, path);
	}
}

/* ---- what is not asked by a path ------------------------------------------------------------ */

static void keep(struct archiver *archiver, const char *path, struct json_out *json,
		 struct buf *answer)
{
	json_out_check(json);
	history_draft_add(archiver->draft, path, answer);
}

/* The list of jobs, as if there were no other; the series and the lines whole. */
static void add_own(struct archiver *archiver, const struct job *job, const char *id)
{
	wall_t now = world_wall(dispatcher_world(archiver->dispatcher));
	struct json_out json;
	struct buf answer;
	char path[96];

	buf_init(&answer);
	json_out_init(&json, &answer);
	json_out_object(&json, NULL);
	json_out_array(&json, "jobs");
	rest_put_job_details(&json, job, now);
	json_out_close(&json);
	json_out_close(&json);
	keep(archiver, "/jobs/overview", &json, &answer);

	json_out_init(&json, &answer);
	rest_put_whole_output(&json, job);
	snprintf(path, sizeof(path), "/jobs/%s/output", id);
	keep(archiver, path, &json, &answer);

	json_out_init(&json, &answer);
	if (rest_series_write_job(&json, archiver->dispatcher, job)) {
		snprintf(path, sizeof(path), "/jobs/%s/series", id);
		keep(archiver, path, &json, &answer);
	}
	buf_fini(&answer);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void add_snapshot(struct archiver *archiver, const struct job *job, const char *id)
{
	uint32_t counts[EXECUTION_STATE_COUNT], subtasks = 0;
	char path[64], why[96];

	job_count_states(job, counts);
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++)
		subtasks += counts[i];
	snprintf(path, sizeof(path), "/jobs/%s/snapshot", id);
	snprintf(why, sizeof(why), "the job had %u subtasks; pictures are kept of up to %u",
		 subtasks, PICTURE_SUBTASKS_MAX);
	if (subtasks > PICTURE_SUBTASKS_MAX)
		history_draft_leave_out(archiver->draft, path, why);
	else
		add_path(archiver, "%s", path);
}

static void begin(struct archiver *archiver, const struct job *job)
{
	char id[ID_TEXT_SIZE];

	id_format(&job->id, id);
	archiver->job_id = job->id;
	archiver->at_work = true;
	archiver->draft = history_draft_create(job, rest_job_type(job));
	add_own(archiver, job, id);
	for (size_t i = 0; i < ARRAY_COUNT(job_paths); i++)
		add_path(archiver, "/jobs/%s%s", id, job_paths[i]);
	add_snapshot(archiver, job, id);
	add_vertices(archiver, job, id);
	add_subtasks(archiver, job, id);
}

static void forget_paths(struct archiver *archiver)
{
	for (size_t i = 0; i < archiver->paths_count; i++)
		mem_free(archiver->paths[i]);
	mem_free(archiver->paths);
	archiver->paths = NULL;
	archiver->paths_count = archiver->paths_room = archiver->next = 0;
}

static void written(void *context, const struct id *job_id, bool good)
{
	struct archiver *archiver = context;

	archiver->at_work = archiver->writing = false;
	dispatcher_archived(archiver->dispatcher, job_id);
	agent_wake(&archiver->agent);
}

/* Returns the answer's bytes. */
static size_t ask_next(struct archiver *archiver)
{
	const char *path = archiver->paths[archiver->next++];
	struct buf answer;
	size_t bytes;

	buf_init(&answer);
	int status = rest_look(archiver->dispatcher, path, &answer);

	bytes = answer.size_bytes;
	if (history_draft_bytes(archiver->draft) + bytes > ARCHIVE_ANSWERS_BYTES_MAX)
		history_draft_leave_out(archiver->draft, path,
					"the job's archive was full before it");
	else if (status == 200)
		history_draft_add(archiver->draft, path, &answer);
	buf_fini(&answer);
	return bytes;
}

static enum step archiver_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct archiver *archiver = CONTAINER_OF(agent, struct archiver, agent);
	size_t bytes = 0;

	if (archiver->writing)
		return STEP_IDLE;
	if (!archiver->at_work) {
		struct job *job = dispatcher_next_to_archive(archiver->dispatcher);

		if (job == NULL)
			return STEP_IDLE;
		begin(archiver, job);
		return STEP_WORKED;
	}
	for (int i = 0; i < STEP_ANSWERS && bytes < STEP_BYTES; i++)
		if (archiver->next < archiver->paths_count)
			bytes += ask_next(archiver);
	if (archiver->next < archiver->paths_count)
		return STEP_WORKED;
	forget_paths(archiver);
	archiver->writing = true;
	history_write(dispatcher_history(archiver->dispatcher), archiver->draft, written, archiver);
	archiver->draft = NULL;
	return STEP_WORKED;
}

struct archiver *archiver_create(struct dispatcher *dispatcher)
{
	struct archiver *archiver;

	if (dispatcher_history(dispatcher) == NULL)
		return NULL;
	archiver = MEM_NEW(struct archiver);
	archiver->dispatcher = dispatcher;
	agent_init(&archiver->agent, "archiver", archiver_step);
	runner_add(dispatcher_runner(dispatcher), &archiver->agent);
	dispatcher_set_archiver(dispatcher, &archiver->agent);
	return archiver;
}

void archiver_destroy(struct archiver **pointer)
{
	struct archiver *archiver = *pointer;

	if (archiver == NULL)
		return;
	*pointer = NULL;
	dispatcher_set_archiver(archiver->dispatcher, NULL);
	history_draft_destroy(&archiver->draft);
	forget_paths(archiver);
	mem_free(archiver);
}
