/* SPDX-License-Identifier: Apache-2.0
 * files.c - the JobManager's own log files: listing them, and the end of one or all of it.
 *
 * A file is an agent of its own, one small operation at a time, so that the runner never waits for
 * a disk. Names are looked up in the folder's listing and never joined to a path unchecked, so
 * nothing outside the folder can be asked for, however it is spelled. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

enum log_stage { LOG_LISTING, LOG_STATING, LOG_CHECKING, LOG_OPENING, LOG_READING, LOG_CLOSING };

struct log_read {
	struct agent agent;    /* first */
	struct list_node node; /* in rest->log_reads */
	struct rest *rest;
	struct rest_request *request;
	enum log_stage stage;
	struct file_op op;
	char *name;	       /* NULL: the listing is wanted */
	const char *otherwise; /* what to say when there is no such file; NULL: 404 */
	char *path, *names;
	const char *next_name;
	uint64_t tail_bytes, left_out_bytes;
	int64_t handle;
	struct buf content;
	struct err failure;
};

/* ---- which part ----------------------------------------------------------------------------- */

bool rest_file_tail(struct rest_request *request, uint64_t *tail_bytes)
{
	int64_t tail;

	if (!rest_query_int(request, "tail", 0, INT64_MAX, &tail))
		return false;
	*tail_bytes = (uint64_t)tail;
	return true;
}

uint64_t rest_file_skip(uint64_t size_bytes, uint64_t tail_bytes)
{
	uint64_t most = tail_bytes < REST_FILE_BYTES_MAX ? tail_bytes : REST_FILE_BYTES_MAX;

	return size_bytes > most ? size_bytes - most : 0;
}

void rest_file_finish(struct buf *text, uint64_t left_out_bytes, uint64_t tail_bytes)
{
	const char *line = left_out_bytes > 0 ? memchr(text->data, '\n', text->size_bytes) : NULL;
	struct buf whole;

	if (line != NULL) /* whatever the cut has left of a line */
		buf_consume(text, (size_t)(line + 1 - text->data));
	if (left_out_bytes == 0 || tail_bytes < REST_FILE_BYTES_MAX)
		return;
	buf_init(&whole);
	buf_printf(&whole, "[the first %llu bytes of this file are left out]\n",
		   (unsigned long long)left_out_bytes);
	buf_add(&whole, text->data, text->size_bytes);
	buf_fini(text);
	*text = whole;
}

/* ---- the agent ------------------------------------------------------------------------------ */

static void log_read_free(struct log_read *read)
{
	list_remove(&read->node);
	mem_free(read->name);
	mem_free(read->path);
	mem_free(read->names);
	buf_fini(&read->content);
	mem_free(read);
}

static void log_read_done(struct agent *agent)
{
	log_read_free(CONTAINER_OF(agent, struct log_read, agent));
}

static enum step submit(struct log_read *read, enum log_stage stage, struct file_op op)
{
	read->stage = stage;
	read->op = op;
	file_submit(runner_loop(read->rest->runner), &read->op, &read->agent);
	return STEP_IDLE;
}

static enum step fail(struct log_read *read, const struct err *err)
{
	rest_answer_err(read->request, err);
	return STEP_DONE;
}

static void put_path(struct log_read *read, const char *name)
{
	mem_free(read->path);
	read->path = mem_printf("%s/%s", read->rest->log_directory, name);
}

/* Stats the next name of the listing, or answers when there is none. */
static enum step stat_next(struct log_read *read)
{
	struct json_out *json = &read->request->json;

	if (*read->next_name == '\0') {
		json_out_close(json);
		json_out_close(json);
		rest_answer(read->request, 200);
		return STEP_DONE;
	}
	put_path(read, read->next_name);
	return submit(read, LOG_STATING, (struct file_op){ .kind = FILE_STAT, .path = read->path });
}

static bool is_name(const char *name, const char *of)
{
	return of != NULL && strcmp(name, of) == 0;
}

void rest_put_file_kind(struct json_out *json, bool is_log, bool is_stdout)
{
	json_out_text(json, "kind", is_log ? "log" : is_stdout ? "out" : "other");
}

static enum step stated(struct log_read *read)
{
	struct json_out *json = &read->request->json;

	if (read->op.result == 1 && !read->op.is_directory) {
		json_out_object(json, NULL);
		json_out_text(json, "name", read->next_name);
		json_out_int(json, "size", read->op.size_bytes);
		json_out_int(json, "mtime", read->op.modified);
		rest_put_file_kind(json, is_name(read->next_name, read->rest->log_name),
				   is_name(read->next_name, read->rest->out_name));
		json_out_close(json);
	}
	read->next_name += strlen(read->next_name) + 1;
	return stat_next(read);
}

static enum step no_such_file(struct log_read *read)
{
	struct buf text;

	if (read->otherwise == NULL) {
		rest_answer_error(read->request, 404, "There is no log file \"%.200s\".",
				  read->name);
		return STEP_DONE;
	}
	buf_init(&text);
	buf_add_text(&text, read->otherwise);
	rest_answer_text(read->request, &text);
	return STEP_DONE;
}

static enum step listed(struct log_read *read)
{
	read->names = read->op.names;
	read->op.names = NULL;
	read->next_name = read->names;
	if (read->name == NULL) {
		json_out_object(&read->request->json, NULL);
		json_out_array(&read->request->json, "logs");
		return stat_next(read);
	}
	for (const char *name = read->names; *name != '\0'; name += strlen(name) + 1) {
		if (strcmp(name, read->name) != 0)
			continue;
		put_path(read, name);
		return submit(read, LOG_CHECKING,
			      (struct file_op){ .kind = FILE_STAT, .path = read->path });
	}
	return no_such_file(read);
}

static enum step checked(struct log_read *read)
{
	if (read->op.result != 1 || read->op.is_directory)
		return no_such_file(read);
	return submit(read, LOG_OPENING,
		      (struct file_op){ .kind = FILE_OPEN_READ, .path = read->path });
}

/* What is added to the file from here on is not shown: its length is settled now. */
static enum step opened(struct log_read *read)
{
	uint64_t size = (uint64_t)read->op.size_bytes;
	size_t wanted;

	read->handle = read->op.handle;
	read->left_out_bytes = rest_file_skip(size, read->tail_bytes);
	wanted = (size_t)(size - read->left_out_bytes);
	return submit(read, LOG_READING,
		      (struct file_op){ .kind = FILE_READ,
					.handle = read->handle,
					.offset = (int64_t)read->left_out_bytes,
					.into = { buf_reserve(&read->content, wanted), wanted } });
}

static enum step was_read(struct log_read *read)
{
	if (read->op.result < 0) {
		read->failure = read->op.err;
	} else {
		read->content.size_bytes = (size_t)read->op.result;
		read->content.data[read->content.size_bytes] = '\0'; /* room was reserved */
	}
	return submit(read, LOG_CLOSING,
		      (struct file_op){ .kind = FILE_CLOSE, .handle = read->handle });
}

static enum step closed(struct log_read *read)
{
	if (read->failure.code != ERR_NONE)
		return fail(read, &read->failure);
	rest_file_finish(&read->content, read->left_out_bytes, read->tail_bytes);
	rest_answer_text(read->request, &read->content);
	return STEP_DONE;
}

static enum step advance(struct log_read *read)
{
	switch (read->stage) {
	case LOG_LISTING: return read->op.result < 0 ? fail(read, &read->op.err) : listed(read);
	case LOG_STATING: return stated(read);
	case LOG_CHECKING: return checked(read);
	case LOG_OPENING: return read->op.result < 0 ? fail(read, &read->op.err) : opened(read);
	case LOG_READING: return was_read(read);
	default: return closed(read);
	}
}

static enum step log_read_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct log_read *read = CONTAINER_OF(agent, struct log_read, agent);

	while (atomic_load(&read->op.done))
		if (advance(read) == STEP_DONE)
			return STEP_DONE;
	return STEP_IDLE;
}

/* name NULL: the listing. */
static void begin(struct rest *rest, struct rest_request *request, const char *name,
		  const char *otherwise)
{
	struct log_read *read;
	uint64_t tail_bytes;

	if (!rest_file_tail(request, &tail_bytes))
		return;
	read = MEM_NEW(struct log_read);
	read->rest = rest;
	read->request = request;
	read->name = mem_strdup(name);
	read->otherwise = otherwise;
	read->tail_bytes = tail_bytes;
	buf_init(&read->content);
	list_push_back(&rest->log_reads, &read->node);
	agent_init(&read->agent, "log reader", log_read_step);
	read->agent.done = log_read_done;
	rest_defer(request);
	(void)submit(read, LOG_LISTING,
		     (struct file_op){ .kind = FILE_LIST, .path = rest->log_directory });
	runner_add(rest->runner, &read->agent);
}

void rest_log_reads_free(struct rest *rest)
{
	LIST_FOR_EACH (&rest->log_reads, struct log_read, node, read) {
		mem_free(read->op.names);
		rest_request_unref(read->request);
		log_read_free(read);
	}
}

/* ---- the requests --------------------------------------------------------------------------- */

void rest_jobmanager_logs(struct rest *rest, struct rest_request *request)
{
	if (rest->log_directory != NULL) {
		begin(rest, request, NULL, NULL);
		return;
	}
	json_out_object(&request->json, NULL);
	json_out_array(&request->json, "logs");
	json_out_close(&request->json);
	json_out_close(&request->json);
	rest_answer(request, 200);
}

/* The main log and standard output always have an answer: a file, or where to look instead. */
static void main_file(struct rest *rest, struct rest_request *request, const char *name,
		      const char *otherwise)
{
	struct buf text;

	if (rest->log_directory != NULL && name != NULL) {
		begin(rest, request, name, otherwise);
		return;
	}
	buf_init(&text);
	buf_add_text(&text, otherwise);
	rest_answer_text(request, &text);
}

void rest_jobmanager_log(struct rest *rest, struct rest_request *request)
{
	main_file(
		rest, request, rest->log_name,
		"The JobManager writes its log to the terminal it was started in, not to a file.\n");
}

void rest_jobmanager_stdout(struct rest *rest, struct rest_request *request)
{
	main_file(
		rest, request, rest->out_name,
		"The JobManager's standard output is the terminal it was started in, not a file.\n");
}

void rest_jobmanager_file(struct rest *rest, struct rest_request *request)
{
	const char *name = rest_parameter(request, "filename");

	if (rest->log_directory == NULL)
		rest_answer_error(request, 404, "There is no log file \"%.200s\".", name);
	else
		begin(rest, request, name, NULL);
}
