/* SPDX-License-Identifier: Apache-2.0
 * door.h - the public HTTP port: takes requests in whole, passes them on to civetweb, gives answers
 * back. "I let in what is well formed, and wait for slow people so that nobody else has to."
 *
 * civetweb has few threads, and each can be held by a client that sends or reads one byte a second.
 * So the door stands in front: agents on a runner of its own read heads and bodies with bounds and
 * deadlines; only a complete request goes on, over a kept connection on loopback, and the answer is
 * taken whole before it is written out. A handler that must wait (a long poll, a TaskManager's
 * file) answers "later", which gives its thread back, and the door keeps the client until
 * door_answer. What has no end (server-sent events) begins the same way, as a stream. */
#ifndef JOBMANAGER_REST_DOOR_H
#define JOBMANAGER_REST_DOOR_H

#include "common/base/buf.h"
#include "common/base/ring.h"
#include "common/world/world.h"

struct door;

/* Headers between door and civetweb. */
#define DOOR_KEY_HEADER "X-Door-Key"	   /* proves that a request came through the door */
#define DOOR_NUMBER_HEADER "X-Door-Number" /* names it, for door_answer */
#define DOOR_LATER_HEADER "X-Door-Later"   /* in an answer: the real one comes by door_answer */
#define DOOR_KEY_SIZE 33
/* Headers of a client that are passed on beside Host; the list ends with NULL. */
#define DOOR_PASSED_MAX 9
extern const char *const door_passed[DOOR_PASSED_MAX + 1];

struct door_options { /* texts are borrowed, for the call only */
	struct world *world;
	const char *host;  /* to listen on */
	const char *ports; /* "8081", a list, a range: the first free one is taken */
	uint32_t inner_connections; /* at most so many requests are inside at once */
	char key[DOOR_KEY_SIZE];
	uint64_t body_bytes_max;
	uint64_t held_bytes_max; /* bodies and answers in memory; 0: 128 MiB and two bodies */
	int64_t idle_ms; /* how long a kept connection may be silent */
	/* 0: 512. Above, the one that has made the least of its time goes. */
	uint32_t connections_max;
	const char *allow_origin; /* other pages that may call: an origin, "*", or NULL */
	/* A host that a request may name beside those of this machine's loopback, so that no
	 * foreign site can lend its own name to this address; NULL: any host. */
	const char *host_name;
	/* Whether a request does more than look, which pages of other sites may not ask for. On the
	 * door's thread; NULL: all methods do but GET, HEAD and OPTIONS. */
	bool (*changes_something)(const char *method, const char *target);
	const char *token; /* without it nobody gets in; NULL: everybody does */
	/* Nobody listens to that stream any more: its client has left, was cut, or came too late
	 * for its beginning. On the door's thread, once for each that was begun and not ended. */
	void (*stream_over)(void *context, uint64_t number);
	void *context;
};

/* Opens the port; whoever comes waits until door_start. ERR_CONF_PORT_TAKEN tells who holds the
 * (last) port tried. */
MUST_USE int door_open(const struct door_options *options, struct door **door, struct err *err);
void door_start(struct door *door, uint16_t inner_port); /* civetweb's, on 127.0.0.1 */
uint16_t door_port(const struct door *door);
struct runner *door_runner(const struct door *door);

enum door_answer_kind {
	DOOR_WHOLE,
	DOOR_STREAM, /* the head of an answer without an end, and its beginning */
	DOOR_PIECE,  /* … more of it */
	DOOR_LAST,   /* … the rest of it */
};

struct door_answer {
	struct inbox_node node;
	uint64_t number; /* of the request */
	enum door_answer_kind kind;
	int status;
	const char *content_type; /* a literal */
	struct buf headers;	  /* further lines, each with its CRLF */
	struct buf body;
	bool ends; /* of DOOR_STREAM: there is no more of it */
};
/* A whole one of status 200 until the caller says otherwise. */
struct door_answer *door_answer_create(uint64_t number, const char *content_type);
void door_answer_free(struct door_answer **answer);
/* Any thread. The answer is taken; nobody waiting any more is no error.
 *
 * A client that is slow on a stream is cut when DOOR_STREAM_WAITING_MAX bytes wait for it, not
 * counting the beginning: what comes with DOOR_STREAM may be as large as any answer. In
 * DOOR_STREAM_SILENCE_MS of silence a comment is sent, so that whatever lies between client and
 * door sees life. */
void door_answer(struct door *door, struct door_answer *answer);
#define DOOR_STREAM_WAITING_MAX (1024 * 1024)
#define DOOR_STREAM_SILENCE_MS 15000

/* Takes no more requests, tells those that wait for a late answer that the server ends, lets the
 * others finish for at most wait_ms. From then on it knocks at civetweb's port every few
 * milliseconds: civetweb looks whether it shall stop only when somebody comes, or every 2 s. */
void door_drain(struct door *door, int64_t wait_ms);
void door_close(struct door **door);

#endif
