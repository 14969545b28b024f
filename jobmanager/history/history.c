/* SPDX-License-Identifier: Apache-2.0
 * history.c - the index of archives, and which of them stay. */
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/history/history_priv.h"

#define EXPIRE_MS 60000 /* between two looks at what is too old */

struct removal {
	struct list_node node;
	struct file_op op;
	char *path;
};

char *history_path(const struct history *history, const struct id *job_id, const char *more)
{
	char text[ID_TEXT_SIZE];

	return mem_printf("%s/%s%s", history->directory, id_format(job_id, text), more);
}

bool history_parse_name(const char *name, struct id *job_id)
{
	char text[ID_TEXT_SIZE];

	return id_parse(name, job_id) && strcmp(id_format(job_id, text), name) == 0;
}

/* ---- the index ------------------------------------------------------------------------------ */

void history_job_free(struct history_job *job)
{
	if (job == NULL)
		return;
	mem_free(job->name);
	mem_free(job->note);
	mem_free(job->job_type);
	mem_free(job);
}

const struct list *history_jobs(const struct history *history)
{
	return &history->jobs;
}

const struct history_job *history_find(const struct history *history, const struct id *job_id)
{
	return map_get(history->index, map_key_id(job_id));
}

uint64_t history_version(const struct history *history)
{
	return history->version;
}

bool history_is_loaded(const struct history *history)
{
	return history->loaded;
}

static void drop(struct history *history, struct history_job *job)
{
	map_remove(history->index, map_key_id(&job->id));
	list_remove(&job->node);
	history->bytes -= job->size_bytes;
	history->version++;
	history_job_free(job);
}

void history_add(struct history *history, struct history_job *job)
{
	struct history_job *same = map_get(history->index, map_key_id(&job->id));
	struct list_node *before;

	if (same != NULL) {
		history_forget_cached(history, &job->id);
		drop(history, same);
	}
	before = history->jobs.head.previous;
	while (before != &history->jobs.head &&
	       CONTAINER_OF(before, struct history_job, node)->archived_ms > job->archived_ms)
		before = before->previous;
	list_insert_before(before->next, &job->node);
	map_put(history->index, map_key_id(&job->id), job);
	history->bytes += job->size_bytes;
	history->version++;
}

/* ---- what stays ----------------------------------------------------------------------------- */

struct history_bounds history_bounds(const struct history *history)
{
	const struct conf *conf = history->conf;
	int64_t keep_s = conf_is_set(conf, "jobstore.expiration-time")
				 ? conf_int(conf, "jobstore.expiration-time")
				 : (int64_t)HISTORY_DAYS * 24 * 3600;
	int64_t jobs = conf_int(conf, "jobstore.max-capacity");

	return (struct history_bounds){
		.jobs = jobs < HISTORY_JOBS_MAX ? (uint64_t)jobs : HISTORY_JOBS_MAX,
		.bytes = (uint64_t)conf_memory_bytes(conf, "jobmanager.archive.max-size"),
		.oldest = world_wall(history->world) - keep_s * MS_PER_S,
	};
}

void history_remove_file(struct history *history, const struct id *job_id, const char *more)
{
	struct removal *removal = MEM_NEW(struct removal);

	removal->path = history_path(history, job_id, more);
	removal->op = (struct file_op){ .kind = FILE_REMOVE, .path = removal->path };
	list_push_back(&history->removals, &removal->node);
	file_submit(runner_loop(history->runner), &removal->op, &history->agent);
}

void history_expire(struct history *history)
{
	struct history_bounds bounds = history_bounds(history);

	LIST_FOR_EACH (&history->jobs, struct history_job, node, job) {
		if (map_count(history->index) <= bounds.jobs && history->bytes <= bounds.bytes &&
		    job->archived_ms >= bounds.oldest)
			break;
		history_forget_cached(history, &job->id);
		if (history->remove_old)
			history_remove_file(history, &job->id, "");
		drop(history, job);
	}
}

static void removal_free(struct removal *removal)
{
	list_remove(&removal->node);
	mem_free(removal->path);
	mem_free(removal);
}

static enum step history_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct history *history = CONTAINER_OF(agent, struct history, agent);

	LIST_FOR_EACH (&history->removals, struct removal, node, removal) {
		if (!atomic_load(&removal->op.done))
			continue;
		if (removal->op.result < 0)
			log_warn(HISTORY_LOGGER, "An old archive stays: %s", removal->op.err.text);
		removal_free(removal);
	}
	history_expire(history);
	*wake_at = mono_after_ms(now, EXPIRE_MS);
	return STEP_IDLE;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

struct history *history_create(const struct history_options *options)
{
	struct history *history = MEM_NEW(struct history);

	history->world = options->world;
	history->runner = options->runner;
	history->conf = options->conf;
	history->directory = mem_strdup(options->directory);
	history->remove_old = options->remove_old;
	history->index = map_create();
	list_init(&history->jobs);
	list_init(&history->removals);
	list_init(&history->writes);
	list_init(&history->opens);
	list_init(&history->reads);
	list_init(&history->cached);
	agent_init(&history->agent, "history", history_step);
	runner_add(history->runner, &history->agent);
	history_load_start(history);
	return history;
}

void history_destroy(struct history **pointer)
{
	struct history *history = *pointer;

	if (history == NULL)
		return;
	*pointer = NULL;
	history_load_free(history);
	history_writes_free(history);
	history_reads_free(history);
	LIST_FOR_EACH (&history->removals, struct removal, node, removal)
		removal_free(removal);
	LIST_FOR_EACH (&history->jobs, struct history_job, node, job)
		drop(history, job);
	map_destroy(&history->index);
	mem_free(history->directory);
	mem_free(history);
}
