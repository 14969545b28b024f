/* SPDX-License-Identifier: Apache-2.0
 * job_output.c - chunks of whole lines with their place in the merged stream, oldest first. Small
 * pushes join the last chunk, so that a line per second does not cost an allocation each. */
#include "jobmanager/job/job_output.h"

#include "common/base/limits.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "jobmanager/job/job.h"

#define CHUNK_BYTES (LIMIT_OUTPUT_RING_BYTES / 16)

struct chunk {
	struct list_node node;
	uint64_t offset;
	struct buf lines;
};

struct origin { /* one stream of one life of a TaskManager */
	uint64_t next; /* offset of the byte that comes next in its stream */
};

struct job_output {
	struct list chunks;
	uint64_t end; /* of the merged stream */
	size_t kept_bytes;
	struct map *origins; /* by incarnation and stream */
};

struct job_output *job_output_create(void)
{
	struct job_output *output = MEM_NEW(struct job_output);

	list_init(&output->chunks);
	output->origins = map_create();
	return output;
}

static void drop_first(struct job_output *output)
{
	struct chunk *chunk = LIST_FIRST(&output->chunks, struct chunk, node);

	list_remove(&chunk->node);
	output->kept_bytes -= chunk->lines.size_bytes;
	buf_fini(&chunk->lines);
	mem_free(chunk);
}

void job_output_destroy(struct job_output **output)
{
	size_t at = 0;
	void *origin;

	if (*output == NULL)
		return;
	while (!list_empty(&(*output)->chunks))
		drop_first(*output);
	while (map_next((*output)->origins, &at, NULL, &origin))
		mem_free(origin);
	map_destroy(&(*output)->origins);
	mem_free(*output);
	*output = NULL;
}

static struct chunk *last_chunk(struct job_output *output)
{
	return list_empty(&output->chunks)
		       ? NULL
		       : CONTAINER_OF(output->chunks.head.previous, struct chunk, node);
}

static void append(struct job_output *output, struct bytes lines)
{
	struct chunk *chunk = last_chunk(output);

	if (chunk == NULL || chunk->offset + chunk->lines.size_bytes != output->end ||
	    chunk->lines.size_bytes + lines.size_bytes > CHUNK_BYTES) {
		chunk = MEM_NEW(struct chunk);
		buf_init(&chunk->lines);
		chunk->offset = output->end;
		list_push_back(&output->chunks, &chunk->node);
	}
	buf_add(&chunk->lines, lines.data, lines.size_bytes);
	output->end += lines.size_bytes;
	output->kept_bytes += lines.size_bytes;
	while (output->kept_bytes > LIMIT_OUTPUT_RING_BYTES)
		drop_first(output);
}

static struct origin *origin_of(struct job_output *output, const struct id *incarnation,
				uint64_t stream)
{
	uint8_t key[sizeof(*incarnation) + sizeof(stream)];

	memcpy(key, incarnation, sizeof(*incarnation));
	memcpy(key + sizeof(*incarnation), &stream, sizeof(stream));
	struct origin *origin = map_get(output->origins, bytes_of(key, sizeof(key)));

	if (origin == NULL) {
		origin = MEM_NEW(struct origin);
		map_put(output->origins, bytes_of(key, sizeof(key)), origin);
	}
	return origin;
}

void job_output_push(struct job_output *output, const struct id *incarnation, uint64_t stream,
		     uint64_t offset, uint64_t dropped_bytes, struct bytes lines)
{
	struct origin *origin = origin_of(output, incarnation, stream);
	uint64_t hole = 0;

	if (offset < origin->next) {
		uint64_t known = origin->next - offset;

		if (known >= lines.size_bytes)
			return;
		lines.data = (const char *)lines.data + known;
		lines.size_bytes -= known;
	} else {
		hole = offset > origin->next ? offset - origin->next : dropped_bytes;
		origin->next = offset;
	}
	output->end += hole;
	origin->next += lines.size_bytes;
	if (lines.size_bytes > 0)
		append(output, lines);
}

/* The length of the whole lines at the front that fit into max_bytes; a line that is longer is cut,
 * because waiting for room would never end. */
static size_t whole_lines(const char *text, size_t size_bytes, size_t max_bytes)
{
	size_t length = size_bytes < max_bytes ? size_bytes : max_bytes;

	if (length == size_bytes)
		return length;
	for (size_t i = length; i > 0; i--)
		if (text[i - 1] == '\n')
			return i;
	return length;
}

size_t job_output_copy(const struct job_output *output, uint64_t from, size_t max_bytes,
		       struct buf *into, uint64_t *offset)
{
	size_t copied = 0;

	*offset = output->end;
	LIST_FOR_EACH(&output->chunks, struct chunk, node, chunk) {
		uint64_t chunk_end = chunk->offset + chunk->lines.size_bytes;

		if (chunk_end <= from)
			continue;
		uint64_t start = from > chunk->offset ? from : chunk->offset;

		if (copied == 0)
			*offset = start;
		else if (start != *offset + copied)
			break; /* a hole: the next read begins behind it */
		size_t skipped = (size_t)(start - chunk->offset);
		size_t left = chunk->lines.size_bytes - skipped;
		const char *text = chunk->lines.data + skipped;
		size_t length = left;

		if (left > max_bytes - copied) {
			length = whole_lines(text, left, max_bytes - copied);
			if (copied > 0 && text[length - 1] != '\n')
				break;
		}
		buf_add(into, text, length);
		copied += length;
		if (length < left || copied == max_bytes)
			break;
	}
	return copied;
}

uint64_t job_output_length(const struct job_output *output)
{
	return output->end;
}

size_t job_output_kept_bytes(const struct job_output *output)
{
	return output->kept_bytes;
}

size_t job_output_read(const struct job *job, uint64_t from, size_t max_bytes, struct buf *into,
		       uint64_t *offset)
{
	return job_output_copy(job->output, from, max_bytes, into, offset);
}

uint64_t job_output_end(const struct job *job)
{
	return job_output_length(job->output);
}
