/* SPDX-License-Identifier: Apache-2.0
 * text_file_sink.c - see text_file_sink.h. Lines are formatted into a few large buffers, each
 * appended by one operation at a time; when all are under way, write answers "not now".
 *
 *   FOLDER_LOOK -> FOLDER -> LOOK --not there-------> CREATE -> READY --end--> CLOSING -> CLOSED
 *                             '--there, of an attempt  ^
 *                                before--> ASIDE ------'
 *
 * Runs on the subtask's runner; the operations on the world's. */
#include "connectors/file/text_file_sink.h"

#include "common/base/log.h"
#include "connectors/file/file_io.h"
#include "connectors/line_format.h"
#include "connectors/options.h"

#define LOGGER "TextFileSink"
#define BUFFERS 3
#define BUFFER_BYTES (256 * 1024) /* appended when it holds this much */

_Static_assert(BUFFERS + 2 <= FILE_IO_OPERATIONS_MAX, "buffers, a step of opening and a close");

enum stage {
	STAGE_FOLDER_LOOK, STAGE_FOLDER, STAGE_LOOK, STAGE_ASIDE, STAGE_CREATE, STAGE_READY,
	STAGE_CLOSING, STAGE_CLOSED,
};

struct out_buffer {
	struct buf text;
	struct file_op operation;
	bool under_way;
};

struct text_file_writer {
	struct file_io io;
	const struct operator_context *context;
	struct options options;
	struct line_format format;
	enum stage stage;
	char *folder, *path, *path_aside; /* the file, and the folder it lies in; NULL: the root */
	struct file_op operation; /* of the stage */
	bool under_way;
	int64_t handle;
	struct out_buffer buffers[BUFFERS];
	uint32_t current;
};

static void submit(struct text_file_writer *writer, enum stage stage, struct file_op operation)
{
	writer->stage = stage;
	writer->operation = operation;
	writer->under_way = true;
	file_io_submit(&writer->io, &writer->operation);
}

static void look_at(struct text_file_writer *writer, enum stage stage, const char *path)
{
	submit(writer, stage, (struct file_op){ .kind = FILE_STAT, .path = path });
}

/* Closed while the file is open: nobody else gives the handle back. */
static bool settle(struct file_io *io)
{
	struct text_file_writer *writer = CONTAINER_OF(io, struct text_file_writer, io);
	bool is_open = writer->stage == STAGE_READY ||
		       (writer->stage == STAGE_CREATE && writer->under_way &&
			writer->operation.result >= 0);
	int64_t handle = writer->stage == STAGE_READY ? writer->handle : writer->operation.handle;

	if (!is_open)
		return false;
	submit(writer, STAGE_CLOSING, (struct file_op){ .kind = FILE_CLOSE, .handle = handle });
	return true;
}

static void release(struct file_io *io)
{
	struct text_file_writer *writer = CONTAINER_OF(io, struct text_file_writer, io);

	for (uint32_t i = 0; i < BUFFERS; i++)
		buf_fini(&writer->buffers[i].text);
	options_close(&writer->options);
	mem_free(writer->folder);
	mem_free(writer->path);
	mem_free(writer->path_aside);
	mem_free(writer);
}

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct text_file_writer *writer = MEM_NEW(struct text_file_writer);

	*self = writer;
	writer->context = context;
	for (uint32_t i = 0; i < BUFFERS; i++)
		buf_init(&writer->buffers[i].text);
	file_io_open(&writer->io, context->loop, context->agent, settle, release);
	if (options_open(&writer->options, context->parameters, err) < 0)
		return -1;
	const char *path = options_need(&writer->options, "path", err);

	if (path == NULL)
		return -1;
	if (context->input_types[0] == NULL)
		return err_set(err, ERR_PLAN_INVALID, "a file sink needs an input");
	line_format_init(&writer->format, context->input_types[0], false, 0, 1);
	writer->path = context->parallelism > 1 ? mem_printf("%s/%u", path, context->subtask + 1)
						: mem_strdup(path);
	const char *slash = strrchr(writer->path, '/');

	if (slash != NULL && slash > writer->path)
		writer->folder = mem_strndup(writer->path, (size_t)(slash - writer->path));
	if (writer->folder != NULL)
		look_at(writer, STAGE_FOLDER_LOOK, writer->folder);
	else
		look_at(writer, STAGE_LOOK, writer->path);
	return 0;
}

static int unwritable(const struct text_file_writer *writer, const struct file_op *operation,
		      struct err *err)
{
	return err_set(err, ERR_SINK_UNWRITABLE, "output %s: %s", writer->path,
		       operation->err.text);
}

static void create(struct text_file_writer *writer)
{
	submit(writer, STAGE_CREATE,
	       (struct file_op){
		       .kind = FILE_OPEN_WRITE, .path = writer->path, .exclusive = true });
}

static int looked(struct text_file_writer *writer, struct err *err)
{
	const struct file_op *operation = &writer->operation;

	if (operation->result == 0) {
		create(writer);
		return 0;
	}
	if (operation->is_directory || writer->context->attempt == 0)
		return err_set(err, ERR_SINK_EXISTS, "the output %s %s exists already",
			       operation->is_directory ? "folder" : "file", writer->path);
	writer->path_aside =
		mem_printf("%s.attempt-%u", writer->path, writer->context->attempt - 1);
	log_info(LOGGER, "%s of an earlier attempt goes to %s", writer->path, writer->path_aside);
	submit(writer, STAGE_ASIDE,
	       (struct file_op){
		       .kind = FILE_RENAME, .path = writer->path, .path_to = writer->path_aside });
	return 0;
}

static int folder_looked(struct text_file_writer *writer, struct err *err)
{
	if (writer->operation.result == 1 && !writer->operation.is_directory)
		return err_set(err, ERR_SINK_EXISTS, "%s exists already and is no folder",
			       writer->folder);
	if (writer->operation.result == 1)
		look_at(writer, STAGE_LOOK, writer->path);
	else
		submit(writer, STAGE_FOLDER,
		       (struct file_op){ .kind = FILE_MKDIRS, .path = writer->folder });
	return 0;
}

/* Uses the answer of the stage's operation. */
static int next_stage(struct text_file_writer *writer, struct err *err)
{
	writer->under_way = false;
	if (writer->operation.result < 0)
		return unwritable(writer, &writer->operation, err);
	switch (writer->stage) {
	case STAGE_FOLDER_LOOK:
		return folder_looked(writer, err);
	case STAGE_FOLDER:
		look_at(writer, STAGE_LOOK, writer->path);
		return 0;
	case STAGE_LOOK:
		return looked(writer, err);
	case STAGE_ASIDE:
		create(writer);
		return 0;
	case STAGE_CREATE:
		writer->handle = writer->operation.handle;
		writer->stage = STAGE_READY;
		return 0;
	case STAGE_CLOSING:
		writer->stage = STAGE_CLOSED;
		return 0;
	case STAGE_READY:
	case STAGE_CLOSED:
		break;
	}
	return 0;
}

/* Looks at what is done. -1 with err when something failed. */
static int look_at_answers(struct text_file_writer *writer, struct err *err)
{
	if (writer->under_way && atomic_load(&writer->operation.done) &&
	    next_stage(writer, err) < 0)
		return -1;
	for (uint32_t i = 0; i < BUFFERS; i++) {
		struct out_buffer *buffer = &writer->buffers[i];

		if (!buffer->under_way || !atomic_load(&buffer->operation.done))
			continue;
		buffer->under_way = false;
		buf_clear(&buffer->text);
		if (buffer->operation.result < 0)
			return unwritable(writer, &buffer->operation, err);
	}
	return 0;
}

static void append_current(struct text_file_writer *writer)
{
	struct out_buffer *buffer = &writer->buffers[writer->current];

	buffer->operation = (struct file_op){ .kind = FILE_APPEND,
					      .handle = writer->handle,
					      .from = buf_bytes(&buffer->text) };
	buffer->under_way = true;
	writer->current = (writer->current + 1) % BUFFERS;
	file_io_submit(&writer->io, &buffer->operation);
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct text_file_writer *writer = self;

	if (look_at_answers(writer, err) < 0)
		return -1;
	struct out_buffer *buffer = &writer->buffers[writer->current];

	if (writer->stage != STAGE_READY || buffer->under_way)
		return 0; /* an operation's end wakes */
	size_t before = buffer->text.size_bytes;

	line_format_batch(&writer->format, batch, &buffer->text);
	operator_outside(writer->context, buffer->text.size_bytes - before);
	if (buffer->text.size_bytes >= BUFFER_BYTES)
		append_current(writer);
	*taken = batch->count;
	return 1;
}

static bool appends_under_way(const struct text_file_writer *writer)
{
	for (uint32_t i = 0; i < BUFFERS; i++)
		if (writer->buffers[i].under_way)
			return true;
	return false;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct text_file_writer *writer = self;

	if (look_at_answers(writer, err) < 0)
		return -1;
	if (writer->stage == STAGE_CLOSED)
		return 1;
	if (writer->stage != STAGE_READY)
		return 0;
	const struct out_buffer *buffer = &writer->buffers[writer->current];

	if (!buffer->under_way && buffer->text.size_bytes > 0)
		append_current(writer);
	if (!end_of_input)
		return checkpoint == 0 || !appends_under_way(writer) ? 1 : 0;
	if (appends_under_way(writer))
		return 0;
	submit(writer, STAGE_CLOSING,
	       (struct file_op){ .kind = FILE_CLOSE, .handle = writer->handle });
	return 0;
}

static void writer_close(void **self)
{
	struct text_file_writer *writer = *self;

	if (writer == NULL)
		return;
	file_io_close(&writer->io);
	*self = NULL;
}

const struct sink_vtable text_file_sink = {
	.name = "text-file",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};
