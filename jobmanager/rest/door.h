/* SPDX-License-Identifier: Apache-2.0
 * door.h - the public HTTP port: takes requests in whole, passes them on to civetweb, gives answers
 * back. "I let in what is well formed, and wait for slow people so that nobody else has to."
 *
 * civetweb has few threads, and each can be held by a client that sends or reads one byte a second.
 * So the door stands in front: agents on a runner of its own read heads and bodies with bounds and
 * deadlines; only a complete request goes on, over a kept connection on loopback, and the answer is
 * taken whole before it is written out. A handler that must wait (a long poll, a TaskManager's
 * file) answers "later", which gives its thread back, and the door keeps the client until
 * door_answer. */
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
};

/* Opens the port; whoever comes waits until door_start. ERR_CONF_PORT_TAKEN tells who holds the
 * (last) port tried. */
MUST_USE int door_open(const struct door_options *options, struct door **door, struct err *err);
void door_start(struct door *door, uint16_t inner_port); /* civetweb's, on 127.0.0.1 */
uint16_t door_port(const struct door *door);
struct runner *door_runner(const struct door *door);

struct door_answer { /* made by mem_alloc */
	struct inbox_node node;
	uint64_t number; /* of the request */
	int status;
	const char *content_type; /* a literal */
	struct buf body;
};
/* Any thread. The answer is taken; nobody waiting any more is no error. */
void door_answer(struct door *door, struct door_answer *answer);

/* Takes no more requests, tells those that wait for a late answer that the server ends, lets the
 * others finish for at most wait_ms. From then on it knocks at civetweb's port every few
 * milliseconds: civetweb looks whether it shall stop only when somebody comes, or every 2 s. */
void door_drain(struct door *door, int64_t wait_ms);
void door_close(struct door **door);

#endif
