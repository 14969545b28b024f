/* SPDX-License-Identifier: Apache-2.0
 * history_read.c - opens archives, keeps those used last, takes answers out of them.
 *
 *   OPENING -> READING -> CLOSING -> CHECKING (background: every byte, the listing) -> done */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/history/history_priv.h"

#define CACHED_MAX 8
#define CACHED_BYTES_MAX ((size_t)64 << 20)

/* ---- a file --------------------------------------------------------------------------------- */

enum open_stage { OPENING, READING, CLOSING, CHECKING };

struct archive_open {
	struct agent agent; /* first */
	struct list_node node;
	struct history *history;
	enum open_stage stage;
	struct file_op op;
	struct background check;
	char *path;
	int64_t handle;
	struct archive *archive;
	void (*done)(void *context, struct archive *archive);
	void *context;
};

static void archive_free(struct archive *archive)
{
	archive_view_fini(&archive->view);
	buf_fini(&archive->text);
	history_job_free(archive->job);
	mem_free(archive);
}

void archive_unref(struct archive **archive)
{
	if (*archive != NULL && --(*archive)->holders == 0)
		archive_free(*archive);
	*archive = NULL;
}

static void open_free(struct archive_open *open)
{
	list_remove(&open->node);
	archive_unref(&open->archive);
	mem_free(open->path);
	mem_free(open);
}

static void open_done(struct agent *agent)
{
	open_free(CONTAINER_OF(agent, struct archive_open, agent));
}

/* On another thread. */
static void check(struct background *work)
{
	struct archive_open *open = CONTAINER_OF(work, struct archive_open, check);
	struct archive *archive = open->archive;

	if (archive_view_init(&archive->view, buf_bytes(&archive->text), &archive->err) != 0)
		return;
	archive->job = history_job_parse(&archive->view, &archive->job_id, &archive->err);
}

static enum step submit(struct archive_open *open, enum open_stage stage, struct file_op op)
{
	open->stage = stage;
	open->op = op;
	file_submit(runner_loop(open->history->runner), &open->op, &open->agent);
	return STEP_IDLE;
}

static enum step hand_over(struct archive_open *open)
{
	struct archive *archive = open->archive;

	open->archive = NULL;
	open->done(open->context, archive);
	return STEP_DONE;
}

static enum step opened(struct archive_open *open)
{
	struct archive *archive = open->archive;
	int64_t size = open->op.size_bytes;

	if (open->op.result < 0) {
		archive->err = open->op.err;
		return hand_over(open);
	}
	open->handle = open->op.handle;
	if (size > HISTORY_FILE_BYTES_MAX) {
		err_set(&archive->err, ERR_IO, "it has %lld bytes; %d are the most that are read",
			(long long)size, HISTORY_FILE_BYTES_MAX);
		return submit(open, CLOSING,
			      (struct file_op){ .kind = FILE_CLOSE, .handle = open->handle });
	}
	return submit(open, READING,
		      (struct file_op){ .kind = FILE_READ,
					.handle = open->handle,
					.into = { buf_reserve(&archive->text, (size_t)size + 1),
						  (size_t)size } });
}

static enum step was_read(struct archive_open *open)
{
	if (open->op.result < 0) {
		open->archive->err = open->op.err;
	} else {
		open->archive->text.size_bytes = (size_t)open->op.result;
		open->archive->text.data[open->op.result] = '\0';
	}
	return submit(open, CLOSING,
		      (struct file_op){ .kind = FILE_CLOSE, .handle = open->handle });
}

static enum step closed(struct archive_open *open)
{
	if (open->archive->err.code != ERR_NONE)
		return hand_over(open);
	open->stage = CHECKING;
	open->check.run = check;
	background_submit(runner_loop(open->history->runner), &open->check, &open->agent);
	return STEP_IDLE;
}

static enum step open_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct archive_open *open = CONTAINER_OF(agent, struct archive_open, agent);

	if (open->stage == CHECKING)
		return atomic_load(&open->check.done) ? hand_over(open) : STEP_IDLE;
	if (!atomic_load(&open->op.done))
		return STEP_IDLE;
	switch (open->stage) {
	case OPENING: return opened(open) == STEP_DONE ? STEP_DONE : STEP_WORKED;
	case READING: return was_read(open) == STEP_DONE ? STEP_DONE : STEP_WORKED;
	default: return closed(open) == STEP_DONE ? STEP_DONE : STEP_WORKED;
	}
}

void archive_open_start(struct history *history, const struct id *job_id,
			void (*done)(void *context, struct archive *archive), void *context)
{
	struct archive_open *open = MEM_NEW(struct archive_open);

	open->history = history;
	open->done = done;
	open->context = context;
	open->path = history_path(history, job_id, "");
	open->archive = MEM_NEW(struct archive);
	open->archive->holders = 1;
	open->archive->job_id = *job_id;
	buf_init(&open->archive->text);
	list_push_back(&history->opens, &open->node);
	agent_init(&open->agent, "archive", open_step);
	open->agent.done = open_done;
	(void)submit(open, OPENING, (struct file_op){ .kind = FILE_OPEN_READ, .path = open->path });
	runner_add(history->runner, &open->agent);
}

/* ---- the last few --------------------------------------------------------------------------- */

static struct archive *find_cached(struct history *history, const struct id *job_id)
{
	LIST_FOR_EACH (&history->cached, struct archive, node, archive) {
		if (!id_equal(&archive->job_id, job_id))
			continue;
		list_remove(&archive->node);
		list_push_back(&history->cached, &archive->node);
		return archive;
	}
	return NULL;
}

static void uncache(struct history *history, struct archive *archive)
{
	list_remove(&archive->node);
	history->cached_bytes -= archive->text.size_bytes;
	archive_unref(&archive);
}

void history_forget_cached(struct history *history, const struct id *job_id)
{
	struct archive *archive = find_cached(history, job_id);

	if (archive != NULL)
		uncache(history, archive);
}

/* Takes the reference. */
static void keep(struct history *history, struct archive *archive)
{
	uint32_t count = 0;

	history_forget_cached(history, &archive->job_id); /* opened twice at once */
	list_push_back(&history->cached, &archive->node);
	history->cached_bytes += archive->text.size_bytes;
	LIST_FOR_EACH (&history->cached, struct archive, node, one)
		count++;
	while (count > 1 && (count > CACHED_MAX || history->cached_bytes > CACHED_BYTES_MAX)) {
		uncache(history, LIST_FIRST(&history->cached, struct archive, node));
		count--;
	}
}

/* ---- an answer ------------------------------------------------------------------------------ */

struct history_read {
	struct agent agent; /* first */
	struct list_node node;
	struct history *history;
	struct archive *archive; /* NULL: it is being opened */
	struct err err;
	char *path, *left_out;
	struct background look;
	struct buf answer;
	bool found;
	history_cut_fn *cut;
	const void *query;
	history_read_fn *done;
	void *context;
};

static void read_free(struct history_read *read)
{
	list_remove(&read->node);
	archive_unref(&read->archive);
	buf_fini(&read->answer);
	mem_free(read->path);
	mem_free(read->left_out);
	mem_free(read);
}

static void read_done(struct agent *agent)
{
	read_free(CONTAINER_OF(agent, struct history_read, agent));
}

/* On another thread. */
static void look(struct background *work)
{
	struct history_read *read = CONTAINER_OF(work, struct history_read, look);
	const struct archive *archive = read->archive;

	read->found = archive_view_get(&archive->view, read->path, &read->answer);
	if (read->found && read->cut != NULL)
		read->cut(read->query, &read->answer);
	if (!read->found)
		read->left_out = history_left_out(&archive->view, &archive->job_id, read->path);
}

static void begin_look(struct history_read *read, struct archive *archive)
{
	archive->holders++;
	read->archive = archive;
	read->look.run = look;
	background_submit(runner_loop(read->history->runner), &read->look, &read->agent);
}

static void archive_came(void *context, struct archive *archive)
{
	struct history_read *read = context;

	if (archive->err.code != ERR_NONE) {
		read->err = archive->err;
		err_wrap(&read->err, "archive %s", read->path);
		archive_unref(&archive);
		agent_wake(&read->agent);
		return;
	}
	keep(read->history, archive);
	begin_look(read, archive);
}

static enum step read_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct history_read *read = CONTAINER_OF(agent, struct history_read, agent);

	if (read->err.code != ERR_NONE) {
		read->done(read->context, NULL, NULL, &read->err);
		return STEP_DONE;
	}
	if (read->archive == NULL || !atomic_load(&read->look.done))
		return STEP_IDLE;
	if (read->found)
		read->done(read->context, &read->answer, NULL, NULL);
	else
		read->done(read->context, NULL,
			   read->left_out != NULL ? read->left_out
						  : "it was not kept when the job ended",
			   NULL);
	return STEP_DONE;
}

void history_read(struct history *history, const struct id *job_id, const char *path,
		  history_cut_fn *cut, const void *query, history_read_fn *done, void *context)
{
	struct history_read *read = MEM_NEW(struct history_read);
	struct archive *archive = find_cached(history, job_id);

	read->history = history;
	read->path = mem_strdup(path);
	read->cut = cut;
	read->query = query;
	read->done = done;
	read->context = context;
	buf_init(&read->answer);
	list_push_back(&history->reads, &read->node);
	agent_init(&read->agent, "archive reader", read_step);
	read->agent.done = read_done;
	if (archive != NULL)
		begin_look(read, archive);
	else
		archive_open_start(history, job_id, archive_came, read);
	runner_add(history->runner, &read->agent);
}

void history_reads_free(struct history *history)
{
	LIST_FOR_EACH (&history->opens, struct archive_open, node, open)
		open_free(open);
	LIST_FOR_EACH (&history->reads, struct history_read, node, read)
		read_free(read);
	while (!list_empty(&history->cached))
		uncache(history, LIST_FIRST(&history->cached, struct archive, node));
}
