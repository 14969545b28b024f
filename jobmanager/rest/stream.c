/* SPDX-License-Identifier: Apache-2.0
 * stream.c - answers without an end: what is sent in one step of the REST agent goes to the door as
 * one piece, and the door's word that nobody listens any more comes back through an inbox.
 *
 * Nobody waits here: what a slow client has not read is the door's to bound (door_stream.c). */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

struct rest_stream {
	struct list_node node; /* in rest->streams */
	struct rest *rest;
	uint64_t number;
	void (*gone)(void *context);
	void *context;
	struct door_answer *waits; /* for the end of the step: the beginning, or a piece */
};

struct word { /* of the door */
	struct inbox_node node;
	uint64_t number;
};

/* Once the server stops the door is no longer the agent's to use. */
static void give(struct rest_stream *stream)
{
	struct door_answer *answer = stream->waits;

	stream->waits = NULL;
	if (answer == NULL)
		return;
	if (atomic_load(&stream->rest->stopping))
		door_answer_free(&answer);
	else
		door_answer(stream->rest->door, answer);
}

static void stream_free(struct rest_stream *stream)
{
	list_remove(&stream->node);
	stream->rest->streams_count--;
	door_answer_free(&stream->waits);
	mem_free(stream);
}

struct rest_stream *rest_stream_begin(struct rest_request *request, const char *content_type,
				      void (*gone)(void *context), void *context)
{
	struct rest *rest = request->rest;
	struct rest_stream *stream;

	if (rest->door == NULL || rest->streams_count >= REST_STREAMS_MAX) {
		rest_answer_header(request, "Retry-After", "5");
		rest_answer_error(request, 503,
				  "%u streams of events are read already, the most allowed; "
				  "close a page, or ask again later.",
				  rest->streams_count);
		return NULL;
	}
	stream = MEM_NEW(struct rest_stream);
	stream->rest = rest;
	stream->number = request->number;
	stream->gone = gone;
	stream->context = context;
	stream->waits = door_answer_create(request->number, content_type);
	stream->waits->kind = DOOR_STREAM;
	rest_answer_header(request, "Cache-Control", "no-store");
	stream->waits->headers = request->answer_headers;
	buf_init(&request->answer_headers);
	list_push_back(&rest->streams, &stream->node);
	rest->streams_count++;
	rest_defer(request);
	rest_request_unref(request);
	agent_wake(&rest->agent);
	return stream;
}

void rest_stream_send(struct rest_stream *stream, const char *bytes, size_t size_bytes)
{
	if (stream->waits == NULL) {
		stream->waits = door_answer_create(stream->number, NULL);
		stream->waits->kind = DOOR_PIECE;
		agent_wake(&stream->rest->agent);
	}
	buf_add(&stream->waits->body, bytes, size_bytes);
}

void rest_stream_end(struct rest_stream **pointer)
{
	struct rest_stream *stream = *pointer;

	*pointer = NULL;
	rest_stream_send(stream, NULL, 0);
	if (stream->waits->kind == DOOR_STREAM)
		stream->waits->ends = true;
	else
		stream->waits->kind = DOOR_LAST;
	give(stream);
	stream_free(stream);
}

void rest_stream_over(void *context, uint64_t number)
{
	struct rest *rest = context;
	struct word *word = MEM_NEW(struct word);

	word->number = number;
	inbox_post(&rest->streams_over, &word->node);
	agent_wake(&rest->agent);
}

static struct rest_stream *find(const struct rest *rest, uint64_t number)
{
	LIST_FOR_EACH (&rest->streams, struct rest_stream, node, stream)
		if (stream->number == number)
			return stream;
	return NULL;
}

static void tell_gone(struct rest_stream *stream)
{
	void (*gone)(void *context) = stream->gone;
	void *context = stream->context;

	list_remove(&stream->node); /* the speaker may end others meanwhile */
	gone(context);
	stream_free(stream);
}

void rest_streams_step(struct rest *rest)
{
	struct inbox_node *node;

	while ((node = inbox_take(&rest->streams_over)) != NULL) {
		struct word *word = CONTAINER_OF(node, struct word, node);
		struct rest_stream *stream = find(rest, word->number);

		mem_free(word);
		if (stream != NULL) /* else it was ended at the same time */
			tell_gone(stream);
	}
	LIST_FOR_EACH (&rest->streams, struct rest_stream, node, stream)
		give(stream);
}

void rest_streams_stop(struct rest *rest)
{
	struct rest_stream *stream;

	while ((stream = LIST_FIRST(&rest->streams, struct rest_stream, node)) != NULL)
		tell_gone(stream);
}

void rest_streams_free(struct rest *rest)
{
	struct inbox_node *node;

	LIST_FOR_EACH (&rest->streams, struct rest_stream, node, stream)
		stream_free(stream);
	while ((node = inbox_take(&rest->streams_over)) != NULL)
		mem_free(CONTAINER_OF(node, struct word, node));
}
