/* SPDX-License-Identifier: Apache-2.0
 * jars.c - the folder of uploaded programs: listing it, finding one, deleting one.
 *
 * The folder is all the memory there is: an answer is made from what lies there now, so uploads
 * outlive the JobManager, and a file that somebody removes by hand is gone here too. A name from a
 * client is looked up in the folder's listing and never joined to a path. */
#include "jobmanager/rest/jars.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/mem.h"

#define LEFTOVER_MS (60 * 60 * MS_PER_S) /* nobody writes to a file for so long */

/* ---- tasks ---------------------------------------------------------------------------------- */

static void task_free(struct jar_task *task)
{
	list_remove(&task->node);
	if (task->clear != NULL)
		task->clear(task);
	mem_free(task->op.names);
	mem_free(task->path);
	mem_free(task->path_to);
	mem_free(task);
}

static void task_done(struct agent *agent)
{
	task_free(CONTAINER_OF(agent, struct jar_task, agent));
}

static enum step task_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct jar_task *task = CONTAINER_OF(agent, struct jar_task, agent);

	while (task->waits_for != NULL && atomic_load(task->waits_for)) {
		task->waits_for = NULL;
		if (task->advance(task) == STEP_DONE)
			return STEP_DONE;
	}
	return task->run != NULL ? task->run(task, now, wake_at) : STEP_IDLE;
}

enum step jar_task_file(struct jar_task *task, struct file_op op,
			enum step (*advance)(struct jar_task *task))
{
	mem_free(task->op.names);
	task->op = op;
	task->advance = advance;
	task->waits_for = &task->op.done;
	file_submit(runner_loop(task->rest->runner), &task->op, &task->agent);
	return STEP_IDLE;
}

static enum step folder_is_made(struct jar_task *task)
{
	return task->op.result < 0 ? jar_task_fail(task, &task->op.err) : task->made(task);
}

enum step jar_task_folder(struct jar_task *task, enum step (*advance)(struct jar_task *task))
{
	task->made = advance;
	return jar_task_file(task,
			     (struct file_op){ .kind = FILE_MKDIRS,
					       .path = task->rest->upload_directory,
					       .exclusive = true },
			     folder_is_made);
}

void jar_task_begin(struct jar_task *task, struct rest *rest, struct rest_request *request,
		    struct background *work, enum step (*advance)(struct jar_task *task))
{
	task->rest = rest;
	task->request = request;
	list_push_back(&rest->jar_tasks, &task->node);
	agent_init(&task->agent, "program", task_step);
	task->agent.done = task_done;
	rest_defer(request);
	if (work != NULL) {
		task->advance = advance;
		task->waits_for = &work->done;
		background_submit(runner_loop(rest->runner), work, &task->agent);
	} else {
		(void)jar_task_folder(task, advance);
	}
	runner_add(rest->runner, &task->agent);
}

const char *jar_task_path(struct jar_task *task, const char *name)
{
	mem_free(task->path);
	task->path = mem_printf("%s/%s", task->rest->upload_directory, name);
	return task->path;
}

enum step jar_task_fail(struct jar_task *task, const struct err *err)
{
	rest_answer_err(task->request, err);
	task->request = NULL;
	return STEP_DONE;
}

enum step jar_task_refuse(struct jar_task *task, int status, const char *format, ...)
{
	char message[LIMIT_ERROR_TEXT_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	rest_answer_error(task->request, status, "%s", message);
	task->request = NULL;
	return STEP_DONE;
}

void jar_tasks_free(struct rest *rest)
{
	LIST_FOR_EACH (&rest->jar_tasks, struct jar_task, node, task) {
		if (task->request != NULL)
			rest_request_unref(task->request);
		task_free(task);
	}
}

/* ---- looking -------------------------------------------------------------------------------- */

static struct jar_look *look_of(struct jar_task *task)
{
	return CONTAINER_OF(task, struct jar_look, task);
}

static enum step look_at_next(struct jar_look *look);

void jar_look_clear(struct jar_task *task)
{
	struct jar_look *look = look_of(task);

	for (size_t i = 0; i < look->count; i++)
		buf_fini(&look->jars[i].entries);
	mem_free(look->jars);
	mem_free(look->wanted);
	mem_free(look->names);
	buf_fini(&look->tail);
}

static struct jar *last_of(struct jar_look *look)
{
	return &look->jars[look->count - 1];
}

static enum step tail_closed(struct jar_task *task)
{
	struct jar_look *look = look_of(task);

	/* One that cannot be read is shown all the same, without an entry. */
	return look_at_next(look);
}

static enum step tail_was_read(struct jar_task *task)
{
	struct jar_look *look = look_of(task);
	struct jar *jar = last_of(look);

	if (task->op.result > 0)
		jar_entries(jar_id_name(jar->id),
			    bytes_of(look->tail.data, (size_t)task->op.result),
			    (uint64_t)task->op.offset + (uint64_t)task->op.result, &jar->entries);
	return jar_task_file(task, (struct file_op){ .kind = FILE_CLOSE, .handle = look->handle },
			     tail_closed);
}

static enum step tail_opened(struct jar_task *task)
{
	struct jar_look *look = look_of(task);
	int64_t size = task->op.size_bytes,
		wanted = size < JAR_TAIL_BYTES_MAX ? size : JAR_TAIL_BYTES_MAX;

	if (task->op.result < 0)
		return look_at_next(look);
	look->handle = task->op.handle;
	buf_clear(&look->tail);
	return jar_task_file(task,
			     (struct file_op){ .kind = FILE_READ,
					       .handle = look->handle,
					       .offset = size - wanted,
					       .into = { buf_reserve(&look->tail, (size_t)wanted),
							 (size_t)wanted } },
			     tail_was_read);
}

static void add_jar(struct jar_look *look, const char *id, wall_t uploaded)
{
	if (look->count == look->room) {
		look->room = look->room == 0 ? 16 : look->room * 2;
		look->jars = mem_realloc(look->jars, look->room * sizeof(look->jars[0]));
	}
	struct jar *jar = &look->jars[look->count++];

	snprintf(jar->id, sizeof(jar->id), "%s", id);
	jar->uploaded = uploaded;
	buf_init(&jar->entries);
}

static bool is_unfinished(const char *name)
{
	return strncmp(name, JAR_UNFINISHED, strlen(JAR_UNFINISHED)) == 0;
}

static enum step leftover_removed(struct jar_task *task)
{
	return look_at_next(look_of(task));
}

static enum step stated(struct jar_task *task)
{
	struct jar_look *look = look_of(task);
	const char *id = look->next_name;
	enum jar_kind kind;

	look->next_name += strlen(id) + 1;
	if (task->op.result != 1 || task->op.is_directory)
		return look_at_next(look);
	if (is_unfinished(id) && world_wall(task->rest->world) < task->op.modified + LEFTOVER_MS)
		return look_at_next(look);
	if (is_unfinished(id))
		return jar_task_file(task,
				     (struct file_op){ .kind = FILE_REMOVE, .path = task->path },
				     leftover_removed);
	add_jar(look, id, task->op.modified);
	if (jar_kind_of(jar_id_name(id), &kind) && kind == JAR_ARCHIVE)
		return jar_task_file(
			task, (struct file_op){ .kind = FILE_OPEN_READ, .path = task->path },
			tail_opened);
	jar_entries(jar_id_name(id), BYTES_EMPTY, 0, &last_of(look)->entries);
	return look_at_next(look);
}

static enum step look_at_next(struct jar_look *look)
{
	for (; *look->next_name != '\0'; look->next_name += strlen(look->next_name) + 1)
		if (look->wanted != NULL ? strcmp(look->next_name, look->wanted) == 0
					 : jar_id_name(look->next_name) != NULL ||
						   is_unfinished(look->next_name))
			return jar_task_file(
				&look->task,
				(struct file_op){ .kind = FILE_STAT,
						  .path = jar_task_path(&look->task,
									look->next_name) },
				stated);
	return look->found(look);
}

static enum step listed(struct jar_task *task)
{
	struct jar_look *look = look_of(task);

	if (task->op.result < 0)
		return jar_task_fail(task, &task->op.err);
	look->names = task->op.names;
	task->op.names = NULL;
	look->next_name = look->names;
	return look_at_next(look);
}

static enum step list_folder(struct jar_task *task)
{
	return jar_task_file(
		task,
		(struct file_op){ .kind = FILE_LIST, .path = task->rest->upload_directory },
		listed);
}

void jar_look_begin(struct jar_look *look, struct rest *rest, struct rest_request *request,
		    const char *wanted, enum step (*found)(struct jar_look *look))
{
	/* What is no id is nowhere, even if there should be a file of that name. */
	look->wanted = wanted != NULL && jar_id_name(wanted) == NULL ? mem_strdup("")
								     : mem_strdup(wanted);
	look->found = found;
	buf_init(&look->tail);
	if (look->task.clear == NULL)
		look->task.clear = jar_look_clear;
	jar_task_begin(&look->task, rest, request, NULL, list_folder);
}

/* ---- GET /jars ------------------------------------------------------------------------------ */

static int newest_first(const void *a, const void *b)
{
	const struct jar *left = a, *right = b;

	if (left->uploaded != right->uploaded)
		return left->uploaded > right->uploaded ? -1 : 1;
	return strcmp(left->id, right->id);
}

static void put_jar(struct json_out *json, const struct jar *jar)
{
	const char *at = jar->entries.data, *end = at + jar->entries.size_bytes;

	json_out_object(json, NULL);
	json_out_text(json, "id", jar->id);
	json_out_text(json, "name", jar_id_name(jar->id));
	json_out_int(json, "uploaded", jar->uploaded);
	json_out_array(json, "entry");
	for (; at < end; at += strlen(at) + 1) {
		json_out_object(json, NULL);
		json_out_text(json, "name", at);
		json_out_null(json, "description");
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
}

static enum step put_jars(struct jar_look *look)
{
	struct rest *rest = look->task.rest;
	struct json_out *json = &look->task.request->json;
	char *address = mem_printf("http://%s:%u", conf_text(rest->conf, "rest.address"),
				   (unsigned)rest->port);

	if (look->count > 0)
		qsort(look->jars, look->count, sizeof(look->jars[0]), newest_first);
	json_out_object(json, NULL);
	json_out_text(json, "address", address);
	json_out_array(json, "files");
	for (size_t i = 0; i < look->count; i++)
		put_jar(json, &look->jars[i]);
	json_out_close(json);
	json_out_close(json);
	mem_free(address);
	rest_answer(look->task.request, 200);
	look->task.request = NULL;
	return STEP_DONE;
}

void rest_jars(struct rest *rest, struct rest_request *request)
{
	jar_look_begin(MEM_NEW(struct jar_look), rest, request, NULL, put_jars);
}

/* ---- DELETE /jars/:jarid -------------------------------------------------------------------- */

static enum step removed(struct jar_task *task)
{
	if (task->op.result < 0)
		return jar_task_fail(task, &task->op.err);
	rest_answer_empty(task->request, 200);
	task->request = NULL;
	return STEP_DONE;
}

static enum step remove_jar(struct jar_look *look)
{
	struct jar_task *task = &look->task;

	if (look->count == 0)
		return jar_task_refuse(task, 400, "File %.300s does not exist in %s.",
				       rest_parameter(task->request, "jarid"),
				       task->rest->upload_directory);
	return jar_task_file(task,
			     (struct file_op){ .kind = FILE_REMOVE,
					       .path = jar_task_path(task, look->jars[0].id) },
			     removed);
}

void rest_jar_delete(struct rest *rest, struct rest_request *request)
{
	jar_look_begin(MEM_NEW(struct jar_look), rest, request, rest_parameter(request, "jarid"),
		       remove_jar);
}
