/* SPDX-License-Identifier: Apache-2.0
 * history_write.c - drafts of archives, and how one becomes a file.
 *
 *   COMPOSING (background) -> MAKING (the folder) -> CREATING -> APPENDING -> SYNCING -> CLOSING
 *   -> RENAMING -> done
 *
 * One at a time: a hundred jobs that end at once do not write a hundred files at once. */
#include <string.h>

#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "jobmanager/history/history_priv.h"
#include "jobmanager/rest/json_out.h"

struct draft_answer {
	char *path;
	struct buf answer;
};

struct history_draft {
	struct history_job *job;
	struct draft_answer *answers;
	size_t count, room, bytes;
	struct buf left_out; /* members of an array */
};

/* ---- drafts --------------------------------------------------------------------------------- */

struct history_draft *history_draft_create(const struct job *job, const char *job_type)
{
	struct history_draft *draft = MEM_NEW(struct history_draft);
	struct history_job *summary = draft->job = MEM_NEW(struct history_job);
	struct buf note;

	buf_init(&note);
	buf_add_text(&note, "");
	job_note(job, &note);
	summary->id = job->id;
	summary->name = mem_strdup(job->name);
	summary->note = buf_take(&note);
	summary->job_type = mem_strdup(job_type);
	summary->status = job->status;
	summary->start_ms = job->start_ms;
	summary->end_ms = job->end_ms;
	summary->last_modified_ms = job->last_modified_ms;
	job_count_states(job, summary->tasks);
	summary->restarts = job->restarts;
	buf_init(&draft->left_out);
	return draft;
}

void history_draft_add(struct history_draft *draft, const char *path, struct buf *answer)
{
	if (draft->count == draft->room) {
		draft->room = draft->room == 0 ? 64 : draft->room * 2;
		draft->answers = mem_realloc(draft->answers, draft->room * sizeof(*draft->answers));
	}
	draft->bytes += answer->size_bytes;
	draft->answers[draft->count++] = (struct draft_answer){ mem_strdup(path), *answer };
	buf_init(answer);
}

void history_draft_leave_out(struct history_draft *draft, const char *path, const char *why)
{
	struct json_out json;

	if (draft->left_out.size_bytes > 0)
		buf_add_text(&draft->left_out, ",");
	json_out_init(&json, &draft->left_out);
	json_out_object(&json, NULL);
	json_out_text(&json, "path", path);
	json_out_text(&json, "why", why);
	json_out_close(&json);
}

size_t history_draft_bytes(const struct history_draft *draft)
{
	return draft->bytes;
}

void history_draft_destroy(struct history_draft **draft)
{
	if (*draft == NULL)
		return;
	for (size_t i = 0; i < (*draft)->count; i++) {
		mem_free((*draft)->answers[i].path);
		buf_fini(&(*draft)->answers[i].answer);
	}
	mem_free((*draft)->answers);
	buf_fini(&(*draft)->left_out);
	history_job_free((*draft)->job);
	mem_free(*draft);
	*draft = NULL;
}

static void compose(const struct history_draft *draft, struct buf *text)
{
	struct buf listing;

	buf_init(&listing);
	buf_reserve(text, draft->bytes + draft->bytes / 4 + 4096);
	archive_begin(text);
	for (size_t i = 0; i < draft->count; i++)
		archive_add(text, draft->answers[i].path, buf_bytes(&draft->answers[i].answer));
	buf_printf(&listing, "\"version\":1,\"restarts\":%u,\"left-out\":[", draft->job->restarts);
	buf_add(&listing, draft->left_out.data, draft->left_out.size_bytes);
	buf_add_text(&listing, "]");
	archive_end(text, &draft->job->id, buf_bytes(&listing));
	buf_fini(&listing);
}

/* ---- a file --------------------------------------------------------------------------------- */

enum write_stage { COMPOSING, MAKING, CREATING, APPENDING, SYNCING, CLOSING, RENAMING };

struct history_write {
	struct agent agent; /* first */
	struct list_node node;
	struct history *history;
	struct history_draft *draft;
	enum write_stage stage;
	bool begun;
	struct background work;
	struct buf text;
	struct file_op op;
	char *path, *temporary;
	int64_t handle;
	struct err failure;
	void (*done)(void *context, const struct id *job_id, bool written);
	void *context;
};

static void write_free(struct history_write *write)
{
	list_remove(&write->node);
	history_draft_destroy(&write->draft);
	buf_fini(&write->text);
	mem_free(write->path);
	mem_free(write->temporary);
	mem_free(write);
}

static void wake_next(struct history *history)
{
	struct history_write *next = LIST_FIRST(&history->writes, struct history_write, node);

	if (next != NULL)
		agent_wake(&next->agent);
}

static void write_done(struct agent *agent)
{
	struct history_write *write = CONTAINER_OF(agent, struct history_write, agent);
	struct history *history = write->history;

	write_free(write);
	wake_next(history);
}

/* On another thread. */
static void compose_work(struct background *work)
{
	struct history_write *write = CONTAINER_OF(work, struct history_write, work);

	compose(write->draft, &write->text);
}

static enum step submit(struct history_write *write, enum write_stage stage, struct file_op op)
{
	write->stage = stage;
	write->op = op;
	file_submit(runner_loop(write->history->runner), &write->op, &write->agent);
	return STEP_IDLE;
}

static enum step over(struct history_write *write)
{
	struct history *history = write->history;
	struct history_job *job = write->draft->job;
	struct id id = job->id;
	bool written = write->failure.code == ERR_NONE;

	if (written) {
		write->draft->job = NULL;
		job->size_bytes = write->text.size_bytes;
		job->archived_ms = world_wall(history->world);
		history_add(history, job);
		history_expire(history);
		SOMETIMES("an ended job is archived");
	} else {
		log_warn(HISTORY_LOGGER, "Job %s '%s' will be forgotten with this JobManager: %s",
			 write->path + strlen(history->directory) + 1, job->name,
			 write->failure.text);
	}
	write->done(write->context, &id, written);
	return STEP_DONE;
}

static enum step create(struct history_write *write)
{
	return submit(write, CREATING,
		      (struct file_op){ .kind = FILE_OPEN_WRITE, .path = write->temporary });
}

static enum step close_file(struct history_write *write)
{
	return submit(write, CLOSING,
		      (struct file_op){ .kind = FILE_CLOSE, .handle = write->handle });
}

static enum step created(struct history_write *write)
{
	write->handle = write->op.handle;
	return submit(write, APPENDING,
		      (struct file_op){ .kind = FILE_APPEND,
					.handle = write->handle,
					.from = buf_bytes(&write->text) });
}

static enum step closed(struct history_write *write)
{
	if (write->failure.code != ERR_NONE) {
		history_remove_file(write->history, &write->draft->job->id, HISTORY_TEMPORARY);
		return over(write);
	}
	return submit(write, RENAMING,
		      (struct file_op){ .kind = FILE_RENAME,
					.path = write->temporary,
					.path_to = write->path });
}

static enum step advance(struct history_write *write)
{
	bool failed = write->op.result < 0;

	if (failed && write->failure.code == ERR_NONE)
		write->failure = write->op.err;
	switch (write->stage) {
	case MAKING: return failed ? over(write) : create(write);
	case CREATING: return failed ? over(write) : created(write);
	case APPENDING:
		return failed ? close_file(write)
			      : submit(write, SYNCING,
				       (struct file_op){ .kind = FILE_SYNC,
							 .handle = write->handle });
	case SYNCING: return close_file(write);
	case CLOSING: return closed(write);
	default: return over(write);
	}
}

static enum step write_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct history_write *write = CONTAINER_OF(agent, struct history_write, agent);
	struct history *history = write->history;

	if (LIST_FIRST(&history->writes, struct history_write, node) != write)
		return STEP_IDLE;
	if (!write->begun) {
		write->begun = true;
		write->work.run = compose_work;
		background_submit(runner_loop(history->runner), &write->work, &write->agent);
		return STEP_IDLE;
	}
	if (write->stage == COMPOSING)
		return atomic_load(&write->work.done)
			       ? submit(write, MAKING,
					(struct file_op){ .kind = FILE_MKDIRS,
							  .path = history->directory })
			       : STEP_IDLE;
	if (!atomic_load(&write->op.done))
		return STEP_IDLE;
	return advance(write) == STEP_DONE ? STEP_DONE : STEP_WORKED;
}

void history_write(struct history *history, struct history_draft *draft,
		   void (*done)(void *context, const struct id *job_id, bool written),
		   void *context)
{
	struct history_write *write = MEM_NEW(struct history_write);

	write->history = history;
	write->draft = draft;
	write->done = done;
	write->context = context;
	write->path = history_path(history, &draft->job->id, "");
	write->temporary = history_path(history, &draft->job->id, HISTORY_TEMPORARY);
	buf_init(&write->text);
	list_push_back(&history->writes, &write->node);
	agent_init(&write->agent, "archive writer", write_step);
	write->agent.done = write_done;
	runner_add(history->runner, &write->agent);
}

void history_writes_free(struct history *history)
{
	LIST_FOR_EACH (&history->writes, struct history_write, node, write)
		write_free(write);
}
