/* SPDX-License-Identifier: Apache-2.0
 * log_reader.c - the agent that reads a page of lines.
 *
 *   LISTING -> STATING -> OPENING -> MARKING -> READING … -> CLOSING -> done
 *                 ^                                             |
 *                 `------------------ WAITING <-----------------'  nothing to tell yet
 *
 * Forwards, blocks follow each other. Backwards, a block ends where the one behind it began its
 * first whole line. Where levels are wanted, a block begins some way before what it is read for:
 * the first line of interest may belong to an event that began there. */
#include "common/logs/log_reader.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#define BLOCK_BYTES 65536
#define LEAD_BYTES 65536
#define MARK_BYTES 256
#define LOOK_MS 200 /* between two looks whether a file has grown */

enum reader_stage { LISTING, STATING, OPENING, MARKING, READING, CLOSING, WAITING };

struct log_reader {
	struct agent agent; /* first */
	struct runner *runner;
	char *directory, *name, *mark, *path;
	struct log_query query;
	struct log_filter filter;
	log_reader_done_fn *done;
	void *context;
	enum reader_stage stage;
	struct file_op op;
	int64_t handle;
	mono_t until, look_at;
	/* A block: its bytes are [block_at, block_at + block_bytes) of the file. */
	char *block;
	uint64_t block_at;
	size_t block_bytes;
	uint64_t wanted; /* what lies before is read for its levels alone */
	uint64_t edge;	 /* backwards: where the block's last line ends */
	uint64_t scanned;
	bool shown;	   /* the event under way is of a wanted level */
	bool led;	   /* forwards: that is known from the block before */
	bool seen;	   /* size_seen is set */
	int64_t size_seen; /* when nothing was to tell */
	struct log_page page;
	struct err failure;
};

static enum step submit(struct log_reader *reader, enum reader_stage stage, struct file_op op)
{
	reader->stage = stage;
	reader->op = op;
	file_submit(runner_loop(reader->runner), &reader->op, &reader->agent);
	return STEP_IDLE;
}

static void reader_free(struct log_reader *reader)
{
	mem_free(reader->op.names);
	mem_free(reader->directory);
	mem_free(reader->name);
	mem_free(reader->mark);
	mem_free(reader->path);
	mem_free(reader->block);
	log_page_fini(&reader->page);
	mem_free(reader);
}

static void reader_done(struct agent *agent)
{
	reader_free(CONTAINER_OF(agent, struct log_reader, agent));
}

static enum step end(struct log_reader *reader)
{
	if (reader->failure.code != ERR_NONE)
		reader->done(reader->context, NULL, &reader->failure);
	else
		reader->done(reader->context, &reader->page, NULL);
	return STEP_DONE;
}

static enum step missing(struct log_reader *reader)
{
	reader->page.missing = true;
	return end(reader);
}

static enum step close_file(struct log_reader *reader)
{
	return submit(reader, CLOSING,
		      (struct file_op){ .kind = FILE_CLOSE, .handle = reader->handle });
}

/* ---- finding the file ----------------------------------------------------------------------- */

static enum step stat_file(struct log_reader *reader)
{
	return submit(reader, STATING, (struct file_op){ .kind = FILE_STAT, .path = reader->path });
}

static enum step listed(struct log_reader *reader)
{
	char *names = reader->op.names;
	bool found = false;

	reader->op.names = NULL;
	for (const char *name = names; *name != '\0' && !found; name += strlen(name) + 1)
		found = strcmp(name, reader->name) == 0;
	mem_free(names);
	if (!found)
		return missing(reader);
	reader->path = mem_printf("%s/%s", reader->directory, reader->name);
	return stat_file(reader);
}

static enum step wait_more(struct log_reader *reader, mono_t now)
{
	mem_free(reader->block); /* many may wait */
	reader->block = NULL;
	reader->stage = WAITING;
	reader->look_at = mono_after_ms(now, LOOK_MS);
	return STEP_IDLE;
}

static enum step stated(struct log_reader *reader, mono_t now)
{
	bool there = reader->op.result == 1 && !reader->op.is_directory;

	if (reader->seen && now < reader->until &&
	    (!there || reader->op.size_bytes == reader->size_seen))
		return wait_more(reader, now); /* renamed just now, or nothing new */
	if (!there)
		return missing(reader);
	return submit(reader, OPENING,
		      (struct file_op){ .kind = FILE_OPEN_READ, .path = reader->path });
}

static enum step opened(struct log_reader *reader)
{
	if (reader->op.result < 0) {
		reader->failure = reader->op.err;
		return end(reader);
	}
	reader->handle = reader->op.handle;
	if (reader->block == NULL)
		reader->block = mem_alloc(LEAD_BYTES + BLOCK_BYTES);
	reader->page.size_bytes = (uint64_t)reader->op.size_bytes;
	return submit(reader, MARKING,
		      (struct file_op){ .kind = FILE_READ,
					.handle = reader->handle,
					.into = { reader->block, MARK_BYTES } });
}

/* ---- which file it is, and where to begin --------------------------------------------------- */

static void make_mark(struct log_reader *reader, size_t size_bytes)
{
	const char *line_end = memchr(reader->block, '\n', size_bytes);
	size_t length = line_end ? (size_t)(line_end + 1 - reader->block) : size_bytes;
	uint8_t sum[32];

	reader->page.mark[0] = '\0';
	if (line_end == NULL && size_bytes < MARK_BYTES)
		return;
	hash_sha256(reader->block, length, sum);
	for (size_t i = 0; i < 8; i++)
		snprintf(reader->page.mark + 2 * i, 3, "%02x", sum[i]);
}

/* Reads [at, to) and what leads to it. */
static enum step read_block(struct log_reader *reader, uint64_t at, uint64_t to)
{
	uint64_t lead = at < LEAD_BYTES ? at : LEAD_BYTES;

	if (reader->filter.level == LOG_TRACE || reader->led)
		lead = 0;
	reader->block_at = at - lead;
	reader->block_bytes = 0;
	return submit(
		reader, READING,
		(struct file_op){ .kind = FILE_READ,
				  .handle = reader->handle,
				  .offset = (int64_t)reader->block_at,
				  .into = { reader->block, (size_t)(to - reader->block_at) } });
}

static enum step read_on(struct log_reader *reader)
{
	struct log_page *page = &reader->page;

	if (page->next == page->size_bytes || reader->scanned >= LOG_READ_SCAN_BYTES)
		return close_file(reader);
	uint64_t left = page->size_bytes - page->next;

	reader->wanted = page->next;
	return read_block(reader, page->next,
			  page->next + (left < BLOCK_BYTES ? left : BLOCK_BYTES));
}

static enum step read_back(struct log_reader *reader)
{
	uint64_t to = reader->edge;

	if (to == 0 || reader->scanned >= LOG_READ_SCAN_BYTES)
		return close_file(reader);
	reader->shown = false;
	reader->wanted = to < BLOCK_BYTES ? 0 : to - BLOCK_BYTES;
	return read_block(reader, reader->wanted, to);
}

static enum step marked(struct log_reader *reader)
{
	struct log_page *page = &reader->page;
	const struct log_query *query = &reader->query;
	uint64_t from = query->from < 0 ? page->size_bytes : (uint64_t)query->from;

	if (reader->op.result < 0) {
		reader->failure = reader->op.err;
		return close_file(reader);
	}
	make_mark(reader, (size_t)reader->op.result);
	/* A file that got shorter was cut, even where it begins as before. */
	if (from > page->size_bytes || (reader->mark[0] != '\0' && page->mark[0] != '\0' &&
					strcmp(reader->mark, page->mark) != 0)) {
		page->restarted = true;
		from = query->backwards ? page->size_bytes : 0;
	}
	log_page_clear(page);
	page->from = page->next = reader->edge = from;
	reader->shown = reader->led = false;
	reader->scanned = 0;
	return query->backwards ? read_back(reader) : read_on(reader);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Whether a whole line is wanted; lines in the lead too are looked at, for the event's level. */
static bool is_wanted(struct log_reader *reader, const char *line, size_t size_bytes)
{
	enum log_level level;

	if (reader->filter.level == LOG_TRACE)
		return log_filter_matches(&reader->filter, line, size_bytes);
	if (log_line_level(line, size_bytes, &level))
		reader->shown = level >= reader->filter.level;
	return reader->shown && log_filter_matches(&reader->filter, line, size_bytes);
}

/* The next line of the block from *offset on, to its end in the block. False: none. */
static bool next_line(const struct log_reader *reader, size_t *offset, struct log_line *line)
{
	const char *text = reader->block + *offset;
	size_t left = reader->block_bytes - *offset;
	const char *line_end = left > 0 ? memchr(text, '\n', left) : NULL;

	if (left == 0)
		return false;
	*line = (struct log_line){
		.at = reader->block_at + *offset,
		.offset = *offset,
		.size_bytes = line_end ? (size_t)(line_end - text) : left,
		.open = line_end == NULL,
	};
	*offset += line->size_bytes + !line->open;
	if (line->size_bytes > 0 && !line->open && text[line->size_bytes - 1] == '\r')
		line->size_bytes--;
	return true;
}

/* What of the line lies in front of what is wanted is not shown. */
static void clip(const struct log_reader *reader, struct log_line *line)
{
	uint64_t cut = line->at < reader->wanted ? reader->wanted - line->at : 0;

	if (cut > line->size_bytes)
		cut = line->size_bytes;
	line->at += cut;
	line->offset += (size_t)cut;
	line->size_bytes -= (size_t)cut;
}

/* Where the first whole line begins in a block that does not begin with one. */
static size_t first_line(const struct log_reader *reader, size_t from, size_t to)
{
	const char *line_end =
		reader->block_at + from == 0 ? NULL : memchr(reader->block + from, '\n', to - from);

	if (reader->block_at + from == 0 || line_end == NULL)
		return from;
	return (size_t)(line_end + 1 - reader->block);
}

static enum step took_forwards(struct log_reader *reader)
{
	struct log_page *page = &reader->page;
	bool last = reader->block_at + reader->block_bytes == page->size_bytes;
	size_t lead = (size_t)(reader->wanted - reader->block_at);
	size_t offset = lead > 0 ? first_line(reader, 0, lead) : 0;
	struct log_line line;

	while (next_line(reader, &offset, &line)) {
		/* One that fills a block is given in pieces. */
		if (line.open && !last && line.at > reader->wanted)
			break; /* the next block begins with it */
		bool wanted = is_wanted(reader, reader->block + line.offset, line.size_bytes);

		if (reader->block_at + offset <= reader->wanted)
			continue;
		clip(reader, &line);
		if (wanted && !log_page_add(page, reader->query.bytes_max, false, &line,
					    reader->block + line.offset)) {
			page->next = line.at;
			return close_file(reader);
		}
		page->next = reader->block_at + offset;
		if (wanted && page->lines[page->lines_count - 1].size_bytes < line.size_bytes) {
			page->next = line.at + page->lines[page->lines_count - 1].size_bytes;
			return close_file(reader);
		}
	}
	reader->led = true;
	return read_on(reader);
}

/* From the block's last line to its first. False: the page is full. */
static bool put_backwards(struct log_reader *reader, const struct log_line *lines, uint32_t count)
{
	struct log_page *page = &reader->page;

	while (count-- > 0) {
		if (!log_page_add(page, reader->query.bytes_max, true, &lines[count],
				  reader->block + lines[count].offset))
			return false;
		page->from = page->lines[page->lines_count - 1].at;
		if (page->from != lines[count].at)
			return false; /* its front is cut */
	}
	return true;
}

static enum step took_backwards(struct log_reader *reader)
{
	struct log_page *page = &reader->page;
	size_t lead = (size_t)(reader->wanted - reader->block_at);
	/* The line end that closes the block belongs to its last line. */
	size_t begin = first_line(reader, lead, reader->block_bytes - 1);
	size_t offset = lead > 0 ? first_line(reader, 0, lead) : begin;
	struct log_line *lines = NULL, line;
	uint32_t count = 0, room = 0;

	reader->wanted = reader->block_at + begin;
	while (next_line(reader, &offset, &line)) {
		bool wanted = is_wanted(reader, reader->block + line.offset, line.size_bytes);

		if (!wanted || reader->block_at + offset <= reader->wanted)
			continue;
		clip(reader, &line);
		if (count == room) {
			room = room == 0 ? 256 : room * 2;
			lines = mem_realloc(lines, room * sizeof(*lines));
		}
		lines[count++] = line;
	}
	bool more = put_backwards(reader, lines, count);

	mem_free(lines);
	if (!more)
		return close_file(reader);
	page->from = reader->edge = reader->wanted;
	return read_back(reader);
}

static enum step cut_meanwhile(struct log_reader *reader)
{
	struct log_page *page = &reader->page;

	log_page_clear(page);
	page->restarted = true;
	page->from = page->next = page->size_bytes;
	return close_file(reader);
}

static enum step was_read(struct log_reader *reader)
{
	struct log_page *page = &reader->page;

	if (reader->op.result < 0) {
		reader->failure = reader->op.err;
		return close_file(reader);
	}
	reader->block_bytes = (size_t)reader->op.result;
	reader->scanned += reader->block_bytes;
	if (reader->block_bytes < reader->op.into.size_bytes) {
		page->size_bytes = reader->block_at + reader->block_bytes;
		if (reader->query.backwards || page->size_bytes < page->next)
			return cut_meanwhile(reader);
	}
	return reader->query.backwards ? took_backwards(reader) : took_forwards(reader);
}

/* ---- the end -------------------------------------------------------------------------------- */

static enum step closed(struct log_reader *reader, mono_t now)
{
	struct log_page *page = &reader->page;

	if (reader->failure.code == ERR_NONE && !page->restarted && page->lines_count == 0 &&
	    page->next == page->size_bytes && !reader->query.backwards && now < reader->until) {
		/* What was looked at need not be looked at again. */
		reader->query.from = (int64_t)page->next;
		if (page->mark[0] != '\0') {
			mem_free(reader->mark);
			reader->mark = mem_strdup(page->mark);
		}
		reader->seen = true;
		reader->size_seen = (int64_t)page->size_bytes;
		return wait_more(reader, now);
	}
	if (reader->query.backwards)
		log_page_reverse(page);
	return end(reader);
}

static enum step advance(struct log_reader *reader, mono_t now)
{
	switch (reader->stage) {
	case LISTING:
		if (reader->op.result < 0) {
			reader->failure = reader->op.err;
			return end(reader);
		}
		return listed(reader);
	case STATING: return stated(reader, now);
	case OPENING: return opened(reader);
	case MARKING: return marked(reader);
	case READING: return was_read(reader);
	case CLOSING: return closed(reader, now);
	default: CHECK(false, "stage %d", (int)reader->stage);
	}
}

static enum step reader_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct log_reader *reader = CONTAINER_OF(agent, struct log_reader, agent);

	if (reader->stage == WAITING) {
		*wake_at = mono_min(reader->look_at, reader->until);
		return now < *wake_at ? STEP_IDLE : stat_file(reader);
	}
	if (!atomic_load(&reader->op.done))
		return STEP_IDLE;
	enum step step = advance(reader, now);

	if (step == STEP_DONE)
		return STEP_DONE;
	if (reader->stage == WAITING)
		*wake_at = mono_min(reader->look_at, reader->until);
	return reader->stage != WAITING && atomic_load(&reader->op.done) ? STEP_WORKED : STEP_IDLE;
}

struct log_reader *log_reader_start(struct runner *runner, const char *directory,
				    const struct log_query *query, log_reader_done_fn *done,
				    void *context)
{
	struct log_reader *reader = MEM_NEW(struct log_reader);
	uint32_t wait_ms =
		query->wait_ms < LOG_READ_WAIT_MS_MAX ? query->wait_ms : LOG_READ_WAIT_MS_MAX;

	CHECK(query->bytes_max > 0 && query->bytes_max <= LOG_PAGE_BYTES_MAX, "%u bytes a page",
	      query->bytes_max);
	reader->runner = runner;
	reader->directory = mem_strdup(directory);
	reader->name = mem_strdup(query->name);
	reader->mark = mem_strdup(query->mark);
	reader->query = *query;
	reader->query.backwards = query->backwards || query->from < 0;
	log_filter_init(&reader->filter, query->search, query->level);
	reader->done = done;
	reader->context = context;
	reader->until = mono_after_ms(loop_now(runner_loop(runner)), wait_ms);
	log_page_init(&reader->page);
	agent_init(&reader->agent, "log reader", reader_step);
	reader->agent.done = reader_done;
	(void)submit(reader, LISTING,
		     (struct file_op){ .kind = FILE_LIST, .path = reader->directory });
	runner_add(runner, &reader->agent);
	return reader;
}

void log_reader_drop(struct log_reader **reader)
{
	if (*reader == NULL)
		return;
	reader_free(*reader);
	*reader = NULL;
}
