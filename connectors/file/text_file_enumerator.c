/* SPDX-License-Identifier: Apache-2.0
 * text_file_enumerator.c - finds the files, cuts them into ranges, hands them to the readers. Runs
 * on the JobMaster's thread; one file operation at a time.
 *
 *   LOOK --file--------------------------> READY
 *     '--folder--> LIST --> SIZES (each) ----^
 *
 * All files laid end to end are divided by the number of readers; reader i gets the i-th part. So
 * the parts differ by a byte at most, whatever the sizes of the files. */
#include "common/base/log.h"
#include "connectors/file/file_io.h"
#include "connectors/file/text_file_source.h"
#include "connectors/options.h"

#define LOGGER "TextFileSource"

enum stage { STAGE_LOOK, STAGE_LIST, STAGE_SIZES, STAGE_READY };

struct input_file {
	char *path;
	uint64_t size_bytes;
};

struct planned_split {
	uint32_t subtask, file;
	uint64_t begin_bytes, end_bytes;
};

struct waiting_reader {
	bool waits;
	uint32_t owned_count;
	uint64_t *owned; /* ids of splits that it has already */
};

struct text_file_enumerator {
	struct file_io io;
	const struct job_context *context;
	struct options options;
	const char *path;
	enum stage stage;
	struct file_op operation;
	bool under_way; /* the operation was submitted and its answer not yet used */
	struct input_file *files;
	uint32_t files_count, files_max, sized_count;
	struct planned_split *splits; /* a split's id is its index */
	uint32_t splits_count;
	struct waiting_reader *readers; /* [context->parallelism] */
};

static void release(struct file_io *io)
{
	struct text_file_enumerator *enumerator = CONTAINER_OF(io, struct text_file_enumerator, io);

	for (uint32_t i = 0; i < enumerator->files_count; i++)
		mem_free(enumerator->files[i].path);
	mem_free(enumerator->files);
	mem_free(enumerator->splits);
	mem_free(enumerator->operation.names);
	options_close(&enumerator->options);
	mem_free(enumerator);
}

int text_file_enumerator_open(void **self, const struct job_context *context,
			      struct state_reader *from, struct err *err)
{
	struct text_file_enumerator *enumerator = MEM_NEW(struct text_file_enumerator);

	*self = enumerator;
	enumerator->context = context;
	enumerator->readers = MEM_NEW_ARRAY(struct waiting_reader, context->parallelism);
	file_io_open(&enumerator->io, context->loop, context->agent, NULL, release);
	if (options_open(&enumerator->options, context->parameters, err) < 0)
		return -1;
	enumerator->path = options_need(&enumerator->options, "path", err);
	return enumerator->path != NULL ? 0 : -1;
}

static void submit(struct text_file_enumerator *enumerator, enum file_op_kind kind,
		   const char *path)
{
	mem_free(enumerator->operation.names);
	enumerator->operation = (struct file_op){ .kind = kind, .path = path };
	enumerator->under_way = true;
	file_io_submit(&enumerator->io, &enumerator->operation);
}

static void add_file(struct text_file_enumerator *enumerator, char *path, uint64_t size_bytes)
{
	if (enumerator->files_count == enumerator->files_max) {
		enumerator->files_max = enumerator->files_max ? enumerator->files_max * 2 : 8;
		enumerator->files = mem_realloc(enumerator->files, enumerator->files_max *
							sizeof(*enumerator->files));
	}
	enumerator->files[enumerator->files_count++] = (struct input_file){ path, size_bytes };
}

/* Flink unpacks these by their ending; lines of the packed bytes would be nonsense. */
static int check_not_packed(const char *path, struct err *err)
{
	static const char *const endings[] = { ".gz", ".gzip", ".deflate", ".bz2", ".xz", ".zst" };
	size_t length = strlen(path);

	for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (length > ending && strcmp(path + length - ending, endings[i]) == 0)
			return err_set(
				err, ERR_SOURCE_UNREADABLE,
				"input file %s is compressed, which is not supported yet: unpack "
				"it first",
				path);
	}
	return 0;
}

/* Cuts [0, total) into one part per reader and each part at the borders of the files. */
static int plan(struct text_file_enumerator *enumerator, struct err *err)
{
	uint32_t readers = enumerator->context->parallelism;
	unsigned __int128 total = 0;
	uint64_t at = 0; /* where file i begins when all are laid end to end */

	for (uint32_t i = 0; i < enumerator->files_count; i++) {
		if (check_not_packed(enumerator->files[i].path, err) < 0)
			return -1;
		total += enumerator->files[i].size_bytes;
	}
	enumerator->splits = MEM_NEW_ARRAY(struct planned_split,
					   (size_t)enumerator->files_count + readers);
	uint32_t reader = 0;

	for (uint32_t i = 0; i < enumerator->files_count; i++) {
		uint64_t begin = 0, size_bytes = enumerator->files[i].size_bytes;

		while (begin < size_bytes) {
			uint64_t part_end = (uint64_t)(total * (reader + 1) / readers);

			if (part_end <= at + begin) {
				reader++;
				continue;
			}
			uint64_t end = part_end - at < size_bytes ? part_end - at : size_bytes;

			enumerator->splits[enumerator->splits_count++] =
				(struct planned_split){ reader, i, begin, end };
			begin = end;
		}
		at += size_bytes;
	}
	enumerator->stage = STAGE_READY;
	log_info(LOGGER, "%s: %llu bytes in %u file%s", enumerator->path, (unsigned long long)total,
		 enumerator->files_count, enumerator->files_count == 1 ? "" : "s");
	return 0;
}

static int look_done(struct text_file_enumerator *enumerator, struct err *err)
{
	const struct file_op *operation = &enumerator->operation;

	if (operation->result == 0)
		return err_set(err, ERR_SOURCE_UNREADABLE,
			       "there is no input file %s on %s, where the JobManager runs",
			       enumerator->path, world_host_name(enumerator->context->world));
	if (operation->is_directory) {
		enumerator->stage = STAGE_LIST;
		submit(enumerator, FILE_LIST, enumerator->path);
		return 0;
	}
	add_file(enumerator, mem_strdup(enumerator->path), (uint64_t)operation->size_bytes);
	return plan(enumerator, err);
}

static int size_next(struct text_file_enumerator *enumerator, struct err *err)
{
	if (enumerator->sized_count == enumerator->files_count)
		return plan(enumerator, err);
	submit(enumerator, FILE_STAT, enumerator->files[enumerator->sized_count].path);
	return 0;
}

static int list_done(struct text_file_enumerator *enumerator, struct err *err)
{
	const char *slash = enumerator->path[strlen(enumerator->path) - 1] == '/' ? "" : "/";

	for (const char *name = enumerator->operation.names; *name != '\0';
	     name += strlen(name) + 1)
		if (name[0] != '.' && name[0] != '_')
			add_file(enumerator, mem_printf("%s%s%s", enumerator->path, slash, name),
				 0);
	enumerator->stage = STAGE_SIZES;
	return size_next(enumerator, err);
}

/* A file that vanished since it was listed has no bytes; so has a folder inside the folder. */
static int size_done(struct text_file_enumerator *enumerator, struct err *err)
{
	const struct file_op *operation = &enumerator->operation;
	struct input_file *file = &enumerator->files[enumerator->sized_count++];

	if (operation->result == 1 && !operation->is_directory)
		file->size_bytes = (uint64_t)operation->size_bytes;
	return size_next(enumerator, err);
}

static int use_answer(struct text_file_enumerator *enumerator, struct err *err)
{
	enumerator->under_way = false;
	if (enumerator->operation.result < 0)
		return err_set(err, ERR_SOURCE_UNREADABLE, "input %s: %s", enumerator->path,
			       enumerator->operation.err.text);
	switch (enumerator->stage) {
	case STAGE_LOOK:
		return look_done(enumerator, err);
	case STAGE_LIST:
		return list_done(enumerator, err);
	case STAGE_SIZES:
		return size_done(enumerator, err);
	case STAGE_READY:
		break;
	}
	return 0;
}

static bool owns(const struct waiting_reader *reader, uint64_t id)
{
	for (uint32_t i = 0; i < reader->owned_count; i++)
		if (reader->owned[i] == id)
			return true;
	return false;
}

static void assign(struct text_file_enumerator *enumerator, uint32_t subtask,
		   struct split_assigner *to)
{
	struct waiting_reader *reader = &enumerator->readers[subtask];
	struct buf body;

	buf_init(&body);
	for (uint32_t i = 0; i < enumerator->splits_count; i++) {
		const struct planned_split *split = &enumerator->splits[i];

		if (split->subtask != subtask || owns(reader, i))
			continue;
		const char *path = enumerator->files[split->file].path;
		struct file_range range = { split->begin_bytes, split->end_bytes, path,
					    strlen(path) };

		buf_clear(&body);
		file_range_write(&range, &body);
		to->assign(to, subtask, &(struct split){ .id = i, .body = buf_bytes(&body) });
	}
	buf_fini(&body);
	to->no_more_splits(to, subtask);
	mem_free(reader->owned);
	*reader = (struct waiting_reader){ .waits = false };
}

int text_file_enumerator_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			      struct err *err)
{
	struct text_file_enumerator *enumerator = self;

	if (enumerator->stage == STAGE_LOOK && !enumerator->under_way)
		submit(enumerator, FILE_STAT, enumerator->path);
	if (enumerator->under_way && atomic_load(&enumerator->operation.done) &&
	    use_answer(enumerator, err) < 0)
		return -1;
	if (enumerator->stage != STAGE_READY)
		return 1; /* the operation's end wakes */
	for (uint32_t i = 0; i < enumerator->context->parallelism; i++)
		if (enumerator->readers[i].waits)
			assign(enumerator, i, to);
	return 1;
}

int text_file_enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
				uint32_t count, struct err *err)
{
	struct text_file_enumerator *enumerator = self;

	if (subtask >= enumerator->context->parallelism)
		return err_set(err, ERR_BUG, "reader %u of %u", subtask,
			       enumerator->context->parallelism);
	struct waiting_reader *reader = &enumerator->readers[subtask];

	mem_free(reader->owned);
	*reader = (struct waiting_reader){ .waits = true, .owned_count = count };
	reader->owned = MEM_NEW_ARRAY(uint64_t, count);
	for (uint32_t i = 0; i < count; i++)
		reader->owned[i] = owned[i].id;
	return 0;
}

void text_file_enumerator_close(void **self)
{
	struct text_file_enumerator *enumerator = *self;

	if (enumerator == NULL)
		return;
	for (uint32_t i = 0; i < enumerator->context->parallelism; i++)
		mem_free(enumerator->readers[i].owned);
	mem_free(enumerator->readers);
	file_io_close(&enumerator->io);
	*self = NULL;
}
