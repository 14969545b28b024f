/* SPDX-License-Identifier: Apache-2.0
 * text_file_reader.c - reads byte ranges of files and emits their lines. See text_file_source.h.
 *
 * Reading runs ahead of cutting: up to CHUNKS chunks of one file are asked for, in order. A chunk
 * has room in front of its bytes for the line that the chunk before it left unfinished, so every
 * line is contiguous when it is emitted:
 *
 *     | unused | unfinished line | bytes read from the file              |
 *              ^ begin           ^ CARRY_BYTES_MAX                       ^ end
 *
 * A line longer than that room is gathered in a buffer of its own, chunk by chunk.
 *
 * Runs on the subtask's runner; the file operations on the world's. */
#include "connectors/file/text_file_source.h"

#include "common/base/check.h"
#include "connectors/file/file_io.h"
#include "connectors/text_line.h"

#define CHUNKS 3
#define CHUNK_BYTES (512 * 1024)
#define TAIL_BYTES (64 * 1024) /* chunks behind a split's end, where its last line ends */
#define CARRY_BYTES_MAX (32 * 1024)
#define BYTES_PER_POLL_MAX (256 * 1024)

_Static_assert(CHUNKS + 2 <= FILE_IO_OPERATIONS_MAX, "chunks, an open and a close at a time");

struct chunk {
	struct file_op operation;
	char *memory; /* CARRY_BYTES_MAX + CHUNK_BYTES */
};

struct queued_split {
	uint64_t begin_bytes, end_bytes;
	char *path;
	struct list_node node;
};

enum reader_state { READER_IDLE, READER_OPENING, READER_READING };

struct text_file_reader {
	struct file_io io;
	const struct operator_context *context;
	struct list queue; /* of queued_split; the first is the one being read */
	bool no_more_splits;
	enum reader_state state;
	struct file_op open, close;
	bool closing;            /* `close` is under way */
	struct chunk chunks[CHUNKS];
	uint32_t first_chunk;    /* being cut, or the next to be */
	uint32_t chunks_ahead;   /* submitted, from first_chunk on */
	uint64_t read_at;        /* offset of the next chunk to ask for */
	/* the chunk being cut; NULL: none */
	char *cut;               /* its memory */
	size_t begin, searched, end;
	uint64_t line_at;        /* file offset where the line begins whose bytes are at `begin` */
	bool ascii, end_of_file;
	bool skipping;           /* up to the first newline: another split's line */
	size_t carry_bytes;      /* of the unfinished line, already in front of the next chunk */
	struct buf long_line;    /* what came of one that does not fit there; empty: none */
	uint32_t line_bytes_max;
	uint64_t lines;          /* of this split, for messages */
	uint64_t foreign_bytes;  /* of lines that were skipped */
	struct buf scratch;
};

/* ---- the split's body ------------------------------------------------------------------------ */

void file_range_write(const struct file_range *range, struct buf *into)
{
	buf_add(into, &range->begin_bytes, sizeof(range->begin_bytes));
	buf_add(into, &range->end_bytes, sizeof(range->end_bytes));
	buf_add(into, range->path, range->path_bytes);
}

int file_range_read(struct bytes body, struct file_range *range, struct err *err)
{
	const char *data = body.data;

	if (body.size_bytes <= 16)
		return err_set(err, ERR_PLAN_INVALID, "a split of %zu bytes names no file",
			       body.size_bytes);
	memcpy(&range->begin_bytes, data, 8);
	memcpy(&range->end_bytes, data + 8, 8);
	range->path = data + 16;
	range->path_bytes = body.size_bytes - 16;
	if (range->begin_bytes >= range->end_bytes || range->end_bytes > INT64_MAX ||
	    memchr(range->path, '\0', range->path_bytes) != NULL)
		return err_set(err, ERR_PLAN_INVALID, "a split from %llu to %llu is not valid",
			       (unsigned long long)range->begin_bytes,
			       (unsigned long long)range->end_bytes);
	return 0;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void free_split(struct queued_split *split)
{
	mem_free(split->path);
	mem_free(split);
}

static void release(struct file_io *io)
{
	struct text_file_reader *reader = CONTAINER_OF(io, struct text_file_reader, io);
	struct list_node *node;

	while ((node = list_pop_front(&reader->queue)) != NULL)
		free_split(CONTAINER_OF(node, struct queued_split, node));
	for (uint32_t i = 0; i < CHUNKS; i++)
		mem_free(reader->chunks[i].memory);
	buf_fini(&reader->long_line);
	buf_fini(&reader->scratch);
	mem_free(reader);
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct text_file_reader *reader = self;

	for (uint32_t i = 0; i < count; i++) {
		struct file_range range;

		if (file_range_read(splits[i].body, &range, err) < 0)
			return -1;
		struct queued_split *split = MEM_NEW(struct queued_split);

		split->begin_bytes = range.begin_bytes;
		split->end_bytes = range.end_bytes;
		split->path = mem_strndup(range.path, range.path_bytes);
		list_push_back(&reader->queue, &split->node);
	}
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	struct text_file_reader *reader = self;

	reader->no_more_splits = true;
	return 0;
}

static struct queued_split *current_split(struct text_file_reader *reader)
{
	return LIST_FIRST(&reader->queue, struct queued_split, node);
}

/* Operations of one handle are carried out in order: the close comes after the reads. */
static void close_file(struct text_file_reader *reader)
{
	reader->close = (struct file_op){ .kind = FILE_CLOSE, .handle = reader->open.handle };
	reader->closing = true;
	file_io_submit(&reader->io, &reader->close);
}

/* Nothing is under way and the reader is closed: a file may still be open. */
static bool settle(struct file_io *io)
{
	struct text_file_reader *reader = CONTAINER_OF(io, struct text_file_reader, io);
	bool is_open = reader->state != READER_IDLE && reader->open.result >= 0;

	reader->state = READER_IDLE;
	if (is_open)
		close_file(reader);
	return is_open;
}

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct text_file_reader *reader = MEM_NEW(struct text_file_reader);

	*self = reader;
	reader->context = context;
	reader->line_bytes_max = text_line_bytes_max(context);
	list_init(&reader->queue);
	buf_init(&reader->long_line);
	buf_init(&reader->scratch);
	file_io_open(&reader->io, context->loop, context->agent, settle, release);
	return text_line_type_check(context->output_type, err);
}

static void reader_close(void **self)
{
	struct text_file_reader *reader = *self;

	if (reader == NULL)
		return;
	file_io_close(&reader->io);
	*self = NULL;
}

/* ---- reading ahead --------------------------------------------------------------------------- */

static void start_split(struct text_file_reader *reader)
{
	struct queued_split *split = current_split(reader);

	reader->open = (struct file_op){ .kind = FILE_OPEN_READ, .path = split->path };
	reader->state = READER_OPENING;
	file_io_submit(&reader->io, &reader->open);
}

static void begin_reading(struct text_file_reader *reader, const struct queued_split *split)
{
	reader->state = READER_READING;
	reader->skipping = split->begin_bytes > 0;
	reader->read_at = split->begin_bytes - (reader->skipping ? 1 : 0);
	reader->line_at = reader->read_at;
	reader->first_chunk = reader->chunks_ahead = 0;
	reader->cut = NULL;
	reader->carry_bytes = 0;
	reader->end_of_file = false;
	reader->lines = 0;
	for (uint32_t i = 0; i < CHUNKS; i++)
		if (reader->chunks[i].memory == NULL)
			reader->chunks[i].memory = mem_alloc(CARRY_BYTES_MAX + CHUNK_BYTES);
}

/* Asks for chunks up to the split's end; beyond it only one at a time, as the last line needs. */
static void read_ahead(struct text_file_reader *reader, const struct queued_split *split)
{
	while (reader->chunks_ahead < CHUNKS && !reader->end_of_file) {
		uint64_t left =
			split->end_bytes > reader->read_at ? split->end_bytes - reader->read_at : 0;

		if (left == 0 && reader->chunks_ahead > 0)
			return;
		uint64_t size_bytes = left == 0		   ? TAIL_BYTES
				      : left < CHUNK_BYTES ? left
							   : CHUNK_BYTES;
		struct chunk *chunk =
			&reader->chunks[(reader->first_chunk + reader->chunks_ahead) % CHUNKS];

		chunk->operation = (struct file_op){
			.kind = FILE_READ,
			.handle = reader->open.handle,
			.offset = (int64_t)reader->read_at,
			.into = { chunk->memory + CARRY_BYTES_MAX, size_bytes },
		};
		reader->read_at += size_bytes;
		reader->chunks_ahead++;
		file_io_submit(&reader->io, &chunk->operation);
	}
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* The next chunk becomes the one being cut, the unfinished line in front of it. 1, or 0 when it is
 * not there yet, -1 with err. */
static int take_chunk(struct text_file_reader *reader, const struct queued_split *split,
		      struct err *err)
{
	struct chunk *chunk = &reader->chunks[reader->first_chunk];

	if (!atomic_load(&chunk->operation.done))
		return 0;
	int64_t got = chunk->operation.result;

	if (got < 0)
		return err_set(err, ERR_SOURCE_UNREADABLE, "input file %s: %s", split->path,
			       chunk->operation.err.text);
	reader->cut = chunk->memory;
	reader->begin = CARRY_BYTES_MAX - reader->carry_bytes;
	reader->searched = CARRY_BYTES_MAX;
	reader->end = CARRY_BYTES_MAX + (size_t)got;
	/* Shorter than asked: the file ends here, and chunks asked for behind it are empty. */
	reader->end_of_file = (size_t)got < chunk->operation.into.size_bytes;
	reader->ascii =
		text_line_is_ascii(reader->cut + reader->begin, reader->end - reader->begin);
	return 1;
}

/* The chunk is cut up; what is left of it is the beginning of a line, and goes in front of the next
 * chunk's bytes at once: this chunk's memory is about to be read into again. */
static int leave_chunk(struct text_file_reader *reader, const struct queued_split *split,
		       struct err *err)
{
	size_t left = reader->end - reader->begin;

	if (reader->skipping) {
		reader->line_at += left;
		left = 0;
	}
	if (reader->long_line.size_bytes + left > (size_t)reader->line_bytes_max + 1)
		return text_line_too_long(err, split->path, reader->lines + 1,
					  reader->line_bytes_max);
	if (left > CARRY_BYTES_MAX || reader->long_line.size_bytes > 0) {
		buf_add(&reader->long_line, reader->cut + reader->begin, left);
		left = 0;
	}
	reader->first_chunk = (reader->first_chunk + 1) % CHUNKS;
	reader->chunks_ahead--;
	reader->carry_bytes = left;
	memcpy(reader->chunks[reader->first_chunk].memory + CARRY_BYTES_MAX - left,
	       reader->cut + reader->begin, left);
	reader->cut = NULL;
	return 0;
}

/* The end of a line whose beginning was gathered. False: too long. */
static COLD bool emit_long(struct text_file_reader *reader, struct outbox *out, const char *text,
			   size_t size_bytes)
{
	struct buf *line = &reader->long_line;

	buf_add(line, text, size_bytes);
	reader->line_at += line->size_bytes - size_bytes; /* the caller adds the rest */
	bool emitted = text_line_emit(out, line->data, line->size_bytes, reader->line_bytes_max,
				      text_line_is_ascii(line->data, line->size_bytes),
				      &reader->scratch);

	buf_fini(line);
	buf_init(line);
	return emitted;
}

static inline bool emit_line(struct text_file_reader *reader, struct outbox *out, const char *text,
			     size_t size_bytes)
{
	if (unlikely(reader->long_line.size_bytes > 0))
		return emit_long(reader, out, text, size_bytes);
	return text_line_emit(out, text, size_bytes, reader->line_bytes_max, reader->ascii,
			      &reader->scratch);
}

/* Emits the chunk's lines. 1: it is cut up; 0: the outbox or the poll is full; 2: the split's last
 * line is out; -1: err. */
HOT static int cut_chunk(struct text_file_reader *reader, const struct queued_split *split,
			 struct outbox *out, struct err *err)
{
	size_t until = reader->begin + BYTES_PER_POLL_MAX;

	while (!outbox_full(out) && reader->begin < until) {
		if (reader->line_at >= split->end_bytes)
			return 2;
		char *newline = memchr(reader->cut + reader->searched, '\n',
				       reader->end - reader->searched);

		if (newline == NULL)
			return 1;
		const char *line = reader->cut + reader->begin;
		size_t size_bytes = (size_t)(newline - line);

		if (likely(!reader->skipping)) {
			if (!emit_line(reader, out, line, size_bytes))
				return text_line_too_long(err, split->path, reader->lines + 1,
							  reader->line_bytes_max);
			reader->lines++;
		} else {
			reader->foreign_bytes += size_bytes + 1;
		}
		reader->skipping = false;
		reader->line_at += size_bytes + 1;
		reader->begin = reader->searched = (size_t)(newline + 1 - reader->cut);
	}
	return reader->line_at >= split->end_bytes ? 2 : 0;
}

/* The file's last line may lack its end. */
static int emit_rest(struct text_file_reader *reader, const struct queued_split *split,
		     struct outbox *out, struct err *err)
{
	size_t left = reader->end - reader->begin;
	uint64_t from = reader->line_at; /* a long line moves it */

	if (left + reader->long_line.size_bytes == 0 || reader->skipping ||
	    reader->line_at >= split->end_bytes)
		return 0;
	if (!emit_line(reader, out, reader->cut + reader->begin, left))
		return text_line_too_long(err, split->path, reader->lines + 1,
					  reader->line_bytes_max);
	operator_outside(reader->context, left + (reader->line_at - from));
	return 0;
}

static enum poll end_split(struct text_file_reader *reader)
{
	struct queued_split *split = current_split(reader);

	list_remove(&split->node);
	free_split(split);
	reader->state = READER_IDLE;
	reader->cut = NULL;
	close_file(reader);
	return POLL_MORE;
}

/* Chunks that were asked for and are not needed: their memory is in use until they are done. */
static bool chunks_are_done(const struct text_file_reader *reader)
{
	for (uint32_t i = 0; i < CHUNKS; i++) {
		const struct chunk *chunk = &reader->chunks[i];

		if (chunk->operation.into.size_bytes > 0 && !atomic_load(&chunk->operation.done))
			return false;
	}
	return true;
}

static enum poll poll_reading(struct text_file_reader *reader, struct outbox *out, struct err *err)
{
	struct queued_split *split = current_split(reader);

	read_ahead(reader, split);
	if (reader->cut == NULL) {
		int taken = take_chunk(reader, split, err);

		if (taken <= 0)
			return taken < 0 ? POLL_ERROR : POLL_WAIT;
	}
	uint64_t from = reader->line_at, foreign = reader->foreign_bytes;
	int cut = cut_chunk(reader, split, out, err);

	operator_outside(reader->context,
			 reader->line_at - from - (reader->foreign_bytes - foreign));
	if (cut == 1 && reader->end_of_file)
		cut = emit_rest(reader, split, out, err) < 0 ? -1 : 2;
	else if (cut == 1)
		cut = leave_chunk(reader, split, err) < 0 ? -1 : 0;
	if (cut < 0)
		return POLL_ERROR;
	return cut == 2 ? end_split(reader) : POLL_MORE;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct text_file_reader *reader = self;

	switch (reader->state) {
	case READER_IDLE:
		if (reader->closing &&
		    !(atomic_load(&reader->close.done) && chunks_are_done(reader)))
			return POLL_WAIT;
		reader->closing = false;
		if (list_empty(&reader->queue))
			return reader->no_more_splits ? POLL_END : POLL_WAIT;
		start_split(reader);
		return POLL_WAIT;
	case READER_OPENING:
		if (!atomic_load(&reader->open.done))
			return POLL_WAIT;
		if (reader->open.result < 0) {
			err_set(err, ERR_SOURCE_UNREADABLE, "input file %s: %s",
				current_split(reader)->path, reader->open.err.text);
			return POLL_ERROR;
		}
		begin_reading(reader, current_split(reader));
		return poll_reading(reader, out, err);
	case READER_READING:
		return poll_reading(reader, out, err);
	}
	return POLL_ERROR;
}

const struct source_vtable text_file_source = {
	.name = "file",
	.enumerator_open = text_file_enumerator_open,
	.enumerator_step = text_file_enumerator_step,
	.enumerator_reader = text_file_enumerator_reader,
	.enumerator_close = text_file_enumerator_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_close = reader_close,
};
