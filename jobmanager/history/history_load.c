/* SPDX-License-Identifier: Apache-2.0
 * history_load.c - when the JobManager starts: which archives are there, and what is in them.
 *
 *   MAKING (the folder) -> LISTING -> STATING each -> the newest, one after the other: read
 *
 * What is no archive is left where it is, with a line in the log. What an end in the midst of
 * writing has left goes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/history/history_priv.h"

#define NAMES_MAX 100000 /* more are not looked at */

enum load_stage { MAKING, LISTING, STATING, LOADING };

struct seen {
	struct id job_id;
	uint64_t size_bytes;
	wall_t modified;
};

struct history_load {
	struct agent agent; /* first */
	struct history *history;
	enum load_stage stage;
	struct file_op op;
	char *names, *path;
	const char *next_name;
	struct seen *seen;
	size_t seen_count, seen_room, next_seen;
	bool opening;
};

/* ---- what an archive tells of its job ------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;

	return number >= 0 && number <= HISTORY_NUMBER_MAX ? number : -1;
}

static json_t *parse_entry(const struct archive_view *view, const char *path)
{
	struct buf text;
	json_t *root;

	buf_init(&text);
	root = archive_view_get(view, path, &text)
		       ? json_loadb(text.data, text.size_bytes, JSON_REJECT_DUPLICATES, NULL)
		       : NULL;
	buf_fini(&text);
	return root;
}

static json_t *parse_listing(const struct archive_view *view, const struct id *job_id)
{
	char path[64], id[ID_TEXT_SIZE];

	snprintf(path, sizeof(path), "/jobs/%s/archive", id_format(job_id, id));
	return parse_entry(view, path);
}

static void take_tasks(struct history_job *job, const json_t *tasks)
{
	for (uint32_t i = 0; i < EXECUTION_STATE_COUNT; i++) {
		char name[32] = "";
		const char *upper = sm_name(&execution_states, i);

		for (size_t c = 0; upper[c] != '\0' && c + 1 < sizeof(name); c++)
			name[c] = (char)(upper[c] | 0x20);
		int64_t count = number_of(tasks, name);

		job->tasks[i] = count > 0 && count <= UINT32_MAX ? (uint32_t)count : 0;
	}
}

static bool final_status(const char *name, uint32_t *status)
{
	static const uint32_t ends[] = { JOB_FINISHED, JOB_CANCELED, JOB_FAILED };

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		if (strcmp(name, sm_name(&job_states, ends[i])) == 0) {
			*status = ends[i];
			return true;
		}
	return false;
}

struct history_job *history_job_parse(const struct archive_view *view, const struct id *job_id,
				      struct err *err)
{
	json_t *overview = parse_entry(view, "/jobs/overview");
	json_t *row = json_array_get(json_object_get(overview, "jobs"), 0);
	json_t *listing = parse_listing(view, job_id);
	struct history_job *job = NULL;
	struct id id;
	uint32_t status;

	if (row == NULL)
		err_set(err, ERR_IO, "it lacks /jobs/overview");
	else if (!id_parse(text_of(row, "jid"), &id) || !id_equal(&id, job_id))
		err_set(err, ERR_IO, "it is of another job, %.40s", text_of(row, "jid"));
	else if (!final_status(text_of(row, "state"), &status))
		err_set(err, ERR_IO, "it is of a job that is \"%.40s\"", text_of(row, "state"));
	else
		job = MEM_NEW(struct history_job);
	if (job != NULL) {
		int64_t restarts = number_of(listing, "restarts");

		job->id = id;
		job->status = status;
		job->name = mem_strdup(text_of(row, "name"));
		job->note = mem_strdup(text_of(row, "note"));
		job->job_type = mem_strdup(text_of(row, "jobType"));
		job->start_ms = number_of(row, "start-time");
		job->end_ms = number_of(row, "end-time");
		job->last_modified_ms = number_of(row, "last-modification");
		job->restarts = restarts > 0 && restarts <= UINT32_MAX ? (uint32_t)restarts : 0;
		take_tasks(job, json_object_get(row, "tasks"));
	}
	json_decref(overview);
	json_decref(listing);
	return job;
}

char *history_left_out(const struct archive_view *view, const struct id *job_id, const char *path)
{
	json_t *listing = parse_listing(view, job_id), *left_out;
	char *why = NULL;
	size_t i;

	json_array_foreach(json_object_get(listing, "left-out"), i, left_out)
	{
		const char *below = text_of(left_out, "path");
		size_t length = strlen(below);

		if (why == NULL && strncmp(path, below, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			why = mem_strdup(text_of(left_out, "why"));
	}
	json_decref(listing);
	return why;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static void load_free(struct history_load *load)
{
	load->history->load = NULL;
	mem_free(load->op.names);
	mem_free(load->names);
	mem_free(load->path);
	mem_free(load->seen);
	mem_free(load);
}

static void load_done(struct agent *agent)
{
	struct history_load *load = CONTAINER_OF(agent, struct history_load, agent);

	load->history->loaded = true;
	load->history->version++;
	load_free(load);
}

static enum step submit(struct history_load *load, enum load_stage stage, struct file_op op)
{
	load->stage = stage;
	load->op = op;
	file_submit(runner_loop(load->history->runner), &load->op, &load->agent);
	return STEP_IDLE;
}

static void say_skipped(const struct history *history, const char *name, const char *why)
{
	log_warn(HISTORY_LOGGER, "%s/%.100s is left out of the history: %s", history->directory,
		 name, why);
}

/* What an end in the midst of writing left. */
static bool is_remnant(const char *name, struct id *job_id)
{
	size_t length = strlen(name), tail = strlen(HISTORY_TEMPORARY);
	char id[ID_TEXT_SIZE];

	if (length != ID_TEXT_SIZE - 1 + tail ||
	    strcmp(name + length - tail, HISTORY_TEMPORARY) != 0)
		return false;
	memcpy(id, name, ID_TEXT_SIZE - 1);
	id[ID_TEXT_SIZE - 1] = '\0';
	return history_parse_name(id, job_id);
}

static int newest_first(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->modified != y->modified)
		return x->modified > y->modified ? -1 : 1;
	return memcmp(x->job_id.bytes, y->job_id.bytes, sizeof(x->job_id.bytes));
}

/* Of those seen the newest that the bounds let in; the others go, or stay unread. */
static void choose(struct history_load *load)
{
	struct history *history = load->history;
	struct history_bounds bounds = history_bounds(history);
	uint64_t bytes = 0;
	size_t kept = 0;

	if (load->seen_count > 0)
		qsort(load->seen, load->seen_count, sizeof(*load->seen), newest_first);
	for (size_t i = 0; i < load->seen_count; i++) {
		const struct seen *seen = &load->seen[i];

		bytes += seen->size_bytes;
		if (kept == i && kept < bounds.jobs && bytes <= bounds.bytes &&
		    seen->modified >= bounds.oldest)
			kept++;
		else if (history->remove_old)
			history_remove_file(history, &seen->job_id, "");
	}
	load->seen_count = kept;
}

static enum step open_next(struct history_load *load);

static void archive_came(void *context, struct archive *archive)
{
	struct history_load *load = context;
	struct history *history = load->history;
	const struct seen *seen = &load->seen[load->next_seen++];
	char id[ID_TEXT_SIZE];

	load->opening = false;
	if (archive->job == NULL) {
		say_skipped(history, id_format(&seen->job_id, id), archive->err.text);
		SOMETIMES("a file in the history is no whole archive");
	} else if (history_find(history, &seen->job_id) == NULL) {
		archive->job->size_bytes = archive->text.size_bytes;
		archive->job->archived_ms = seen->modified;
		history_add(history, archive->job);
		archive->job = NULL;
		SOMETIMES("a restarted JobManager knows a job that had ended");
	}
	archive_unref(&archive);
	agent_wake(&load->agent);
}

static enum step open_next(struct history_load *load)
{
	load->stage = LOADING;
	if (load->opening)
		return STEP_IDLE;
	if (load->next_seen == load->seen_count)
		return STEP_DONE;
	load->opening = true;
	archive_open_start(load->history, &load->seen[load->next_seen].job_id, archive_came, load);
	return STEP_IDLE;
}

static enum step stat_next(struct history_load *load)
{
	struct id job_id;

	while (*load->next_name != '\0' && !history_parse_name(load->next_name, &job_id)) {
		if (is_remnant(load->next_name, &job_id)) {
			history_remove_file(load->history, &job_id, HISTORY_TEMPORARY);
			SOMETIMES("an archive was not written to its end");
		} else {
			say_skipped(load->history, load->next_name, "its name is no job's id");
		}
		load->next_name += strlen(load->next_name) + 1;
	}
	if (*load->next_name == '\0' || load->seen_count == NAMES_MAX) {
		choose(load);
		return open_next(load);
	}
	mem_free(load->path);
	load->path = history_path(load->history, &job_id, "");
	return submit(load, STATING, (struct file_op){ .kind = FILE_STAT, .path = load->path });
}

static enum step stated(struct history_load *load)
{
	struct id job_id;

	if (load->op.result == 1 && !load->op.is_directory &&
	    history_parse_name(load->next_name, &job_id)) {
		if (load->seen_count == load->seen_room) {
			load->seen_room = load->seen_room == 0 ? 64 : load->seen_room * 2;
			load->seen = mem_realloc(load->seen, load->seen_room * sizeof(*load->seen));
		}
		load->seen[load->seen_count++] =
			(struct seen){ job_id, (uint64_t)load->op.size_bytes, load->op.modified };
	}
	load->next_name += strlen(load->next_name) + 1;
	return stat_next(load);
}

static enum step advance(struct history_load *load)
{
	if (load->op.result < 0 && load->stage != STATING) {
		log_warn(HISTORY_LOGGER, "Jobs that ended before this start are not known: %s",
			 load->op.err.text);
		return STEP_DONE;
	}
	switch (load->stage) {
	case MAKING:
		return submit(
			load, LISTING,
			(struct file_op){ .kind = FILE_LIST, .path = load->history->directory });
	case LISTING:
		load->names = load->op.names;
		load->op.names = NULL;
		load->next_name = load->names;
		return stat_next(load);
	default: return stated(load);
	}
}

static enum step load_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct history_load *load = CONTAINER_OF(agent, struct history_load, agent);

	if (load->stage == LOADING)
		return open_next(load);
	if (!atomic_load(&load->op.done))
		return STEP_IDLE;
	return advance(load) == STEP_DONE ? STEP_DONE : STEP_WORKED;
}

void history_load_start(struct history *history)
{
	struct history_load *load = MEM_NEW(struct history_load);

	load->history = history;
	history->load = load;
	agent_init(&load->agent, "history loader", load_step);
	load->agent.done = load_done;
	(void)submit(load, MAKING,
		     (struct file_op){ .kind = FILE_MKDIRS, .path = history->directory });
	runner_add(history->runner, &load->agent);
}

void history_load_free(struct history *history)
{
	if (history->load != NULL)
		load_free(history->load);
}
