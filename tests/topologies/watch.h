/* SPDX-License-Identifier: Apache-2.0
 * watch.h - what must hold between any two events, whatever the topology: credit and segments add
 * up on both sides of every channel, nothing starves, nothing stands still. */
#ifndef TESTS_TOPOLOGIES_WATCH_H
#define TESTS_TOPOLOGIES_WATCH_H

#include "tests/topologies/stage.h"

struct watch_channel { /* of the last look: to see what does not move */
	struct position taken;
	mono_t since;       /* data and credit are there, and it did not move */
	uint64_t batches;   /* of its consumer then; UINT64_MAX: it had nothing */
};

struct watch {
	struct stage *stage;
	uint32_t channels_count;
	uint32_t every, events;      /* the channels are looked at each `every` events */
	uint64_t looks;
	uint64_t moves;
	mono_t moved_at;
	uint32_t edges_first[SHEET_EDGES_MAX]; /* index of an edge's first channel below */
	struct watch_channel *senders, *receivers; /* by edge, producer, consumer */
	bool has_pieces; /* records larger than a segment */
	bool may_starve; /* a fault has struck */
};

void watch_open(struct watch *watch, struct stage *stage);
void watch_close(struct watch *watch);
void watch_again(struct watch *watch); /* another attempt begins */
/* After every event. What is wrong goes into the book. */
void watch_event(struct watch *watch);
/* The same, of every channel, now. */
void watch_look(struct watch *watch);
/* Nothing is held any more: no channel, connection or segment. */
bool watch_at_rest(struct stage *stage, char *text, size_t size_bytes);
/* What is under way, for somebody who wants to know why nothing moves. */
void watch_dump(struct stage *stage);

#endif
