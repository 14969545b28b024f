/* SPDX-License-Identifier: Apache-2.0
 * connector_kit.h - drives a source or a sink by its contract, in either world, without a cluster.
 *
 * The kit is one agent: it steps the enumerator, hands splits to the readers, polls them, and keeps
 * what they emit as printed lines per subtask. Or it feeds a writer its batches and ends it. */
#ifndef TESTS_LIB_CONNECTOR_KIT_H
#define TESTS_LIB_CONNECTOR_KIT_H

#include "common/base/buf.h"
#include "common/contract/sink.h"
#include "common/contract/source.h"
#include "common/world/world_sim.h"

struct kit;

struct kit_options {
	struct world *world;
	struct sim *sim; /* of a simulated world; else NULL */
	const struct source_vtable *source; /* or */
	const struct sink_vtable *sink;
	/* packed OperatorParameters; kit_parameters makes them */
	struct bytes parameters;
	const struct record_type *type;     /* what the source gives or the sink takes */
	uint32_t parallelism;               /* 0: 1 */
	uint32_t subtask;                   /* a sink is one subtask of `parallelism` */
	uint32_t attempt;
	uint32_t segment_bytes;             /* the outbox refuses after each; 0: 32 KiB */
	uint32_t record_bytes_max;          /* 0: 64 MiB */
	/* A sink's input: count records of the type, `times` times, in batches of batch_count (0:
	 * all at once). Strings may be borrowed. */
	const void *records;
	uint32_t count, times, batch_count;
};

/* options' pointers are borrowed until kit_destroy. */
struct kit *kit_start(const struct kit_options *options);
/* all readers ended, or the writer is flushed, or an error; any thread */
bool kit_ended(void *kit);
/* Until kit_ended: at most 20 s, or 10 min of simulated time; else the test fails. */
void kit_wait(struct kit *kit);
/* Closes everything, at whatever moment, and waits until nothing of it is under way. */
void kit_destroy(struct kit **kit);

/* After kit_ended, or on the simulator's thread. */
const struct err *kit_error(const struct kit *kit);        /* ERR_NONE: none */
const char *kit_lines(const struct kit *kit, uint32_t subtask); /* what it emitted or printed */
const char *kit_statuses(const struct kit *kit); /* each change of reader_status, a line each */
uint64_t kit_outside_bytes(const struct kit *kit); /* read or written, as it tells */
uint32_t kit_splits(const struct kit *kit);      /* assigned so far */
uint32_t kit_refusals(const struct kit *kit);    /* write answers of "not now" */

/* NULL-terminated key, value … Free with mem_free(data). */
struct bytes kit_parameters(const char *key, ...);

#endif
