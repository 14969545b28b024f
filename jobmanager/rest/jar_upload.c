/* SPDX-License-Identifier: Apache-2.0
 * jar_upload.c - POST /jars/upload: one program, in one part of a multipart form.
 *
 *   background: parts, name, kind -> folder -> temporary file: append, sync, close -> rename
 *
 * The body is looked at on another thread, for it may be 100 MB. A file has its name only when it
 * is there as a whole and on the disk; what a JobManager that died has left goes an hour later
 * (jars.c). */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/jars.h"
#include "jobmanager/rest/multipart.h"

struct jar_upload {
	struct jar_task task; /* first */
	struct background look;
	/* what the look finds */
	bool attribute; /* a field that is no file */
	int status; /* 0: it is a program */
	char *problem;
	char name[JAR_NAME_BYTES_MAX + 1];
	struct bytes content; /* in the request's body */
	/* writing it */
	char id[JAR_ID_SIZE];
	int64_t handle;
	struct err failure;
};

static struct jar_upload *upload_of(struct jar_task *task)
{
	return CONTAINER_OF(task, struct jar_upload, task);
}

/* ---- in the background ---------------------------------------------------------------------- */

/* The first problem is told. */
static void refuse(struct jar_upload *upload, const char *text, const char *name)
{
	if (upload->status == 0)
		upload->problem = mem_printf("%s%.200s%s", text, name, name[0] ? "." : "");
	upload->status = 400;
}

static void take_part(struct jar_upload *upload, const struct multipart_part *part, uint32_t files)
{
	const char *why;

	if (!part->is_file) {
		upload->attribute = true;
		refuse(upload, "Received unknown attribute ", part->name);
		return;
	}
	if (files > 1)
		return;
	why = jar_name_take(bytes_of(part->filename, part->filename_bytes), upload->name);
	if (why == NULL)
		why = jar_misfit(upload->name, part->content);
	if (why != NULL)
		refuse(upload, why, "");
	upload->content = part->content;
}

/* All that went before counts no more. */
static void refuse_all(struct jar_upload *upload, int status, const char *what, const char *why)
{
	mem_free(upload->problem);
	upload->status = status;
	upload->problem = mem_printf("%s%s.", what, why);
}

static void look(struct jar_upload *upload)
{
	const struct rest_request *request = upload->task.request;
	const char *type = rest_header(request, "Content-Type");
	struct multipart_part *part = MEM_NEW(struct multipart_part);
	struct multipart multipart;
	char number[16];
	uint32_t files = 0;
	int result = 0;

	if (type != NULL && multipart_is(type)) {
		result = multipart_open(&multipart, type, buf_bytes(&request->body));
		while (result >= 0 && (result = multipart_next(&multipart, part)) == 1)
			take_part(upload, part, files += part->is_file);
	}
	mem_free(part);
	snprintf(number, sizeof(number), "%u", files);
	if (result < 0)
		refuse_all(upload, 500, "File upload failed: ", multipart.why);
	else if (files != 1 && !upload->attribute)
		refuse_all(upload, 400, "Exactly 1 file must be sent, received ", number);
}

static void look_run(struct background *work)
{
	look(CONTAINER_OF(work, struct jar_upload, look));
}

/* ---- writing -------------------------------------------------------------------------------- */

static enum step answer(struct jar_upload *upload)
{
	struct jar_task *task = &upload->task;
	struct json_out *json = &task->request->json;

	json_out_object(json, NULL);
	json_out_text(json, "filename", task->path_to);
	json_out_text(json, "status", "success");
	json_out_close(json);
	rest_answer(task->request, 200);
	task->request = NULL;
	return STEP_DONE;
}

static enum step discarded(struct jar_task *task)
{
	return jar_task_fail(task, &upload_of(task)->failure);
}

static enum step discard(struct jar_task *task)
{
	return jar_task_file(task, (struct file_op){ .kind = FILE_REMOVE, .path = task->path },
			     discarded);
}

/* The disk did not take it: the file goes, and the reason is told. */
static enum step give_up(struct jar_task *task)
{
	struct jar_upload *upload = upload_of(task);

	upload->failure = task->op.err;
	if (upload->handle == 0)
		return discard(task);
	return jar_task_file(task, (struct file_op){ .kind = FILE_CLOSE, .handle = upload->handle },
			     discard);
}

static enum step renamed(struct jar_task *task)
{
	return task->op.result < 0 ? give_up(task) : answer(upload_of(task));
}

static enum step closed(struct jar_task *task)
{
	struct jar_upload *upload = upload_of(task);

	upload->handle = 0;
	if (task->op.result < 0)
		return give_up(task);
	task->path_to = mem_printf("%s/%s", task->rest->upload_directory, upload->id);
	return jar_task_file(task,
			     (struct file_op){ .kind = FILE_RENAME,
					       .path = task->path,
					       .path_to = task->path_to },
			     renamed);
}

static enum step synced(struct jar_task *task)
{
	if (task->op.result < 0)
		return give_up(task);
	return jar_task_file(
		task,
		(struct file_op){ .kind = FILE_CLOSE, .handle = upload_of(task)->handle }, closed);
}

static enum step written(struct jar_task *task)
{
	if (task->op.result < 0)
		return give_up(task);
	return jar_task_file(
		task, (struct file_op){ .kind = FILE_SYNC, .handle = upload_of(task)->handle },
		synced);
}

static enum step created(struct jar_task *task)
{
	struct jar_upload *upload = upload_of(task);

	if (task->op.result < 0)
		return jar_task_fail(task, &task->op.err);
	upload->handle = task->op.handle;
	return jar_task_file(task,
			     (struct file_op){ .kind = FILE_APPEND,
					       .handle = upload->handle,
					       .from = upload->content },
			     written);
}

static enum step create(struct jar_task *task)
{
	struct jar_upload *upload = upload_of(task);
	struct id random;
	char *name;

	if (task->op.result < 0)
		return jar_task_fail(task, &task->op.err);
	world_random_bytes(task->rest->world, &random, sizeof(random));
	jar_id_make(&random, upload->name, upload->id);
	/* Without the program's own name: the two together may be too long for a file's. */
	name = mem_printf(JAR_UNFINISHED "%.*s", JAR_UUID_BYTES, upload->id);
	const char *path = jar_task_path(task, name);

	mem_free(name);
	return jar_task_file(
		task,
		(struct file_op){ .kind = FILE_OPEN_WRITE, .path = path, .exclusive = true },
		created);
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum step looked(struct jar_task *task)
{
	struct jar_upload *upload = upload_of(task);

	if (upload->status != 0)
		return jar_task_refuse(task, upload->status, "%s", upload->problem);
	return jar_task_folder(task, create);
}

static void upload_clear(struct jar_task *task)
{
	mem_free(upload_of(task)->problem);
}

void rest_jar_upload(struct rest *rest, struct rest_request *request)
{
	struct jar_upload *upload = MEM_NEW(struct jar_upload);

	upload->task.clear = upload_clear;
	upload->look.run = look_run;
	jar_task_begin(&upload->task, rest, request, &upload->look, looked);
}
