/* SPDX-License-Identifier: Apache-2.0
 * book.h - what every operator emitted and what reached whom, held against a plain model of each
 * ship strategy.
 *
 * Every record is stamped by the subtask of the operator that emits it and numbered by it from 0;
 * its key and its string follow from the stamp. So who gets a record knows which edge it came by,
 * which one must come next, and every byte of it. Nothing is kept of records but counts.
 *
 * The book stands outside of the simulated world. The first thing that is wrong stays in it. */
#ifndef TESTS_TOPOLOGIES_BOOK_H
#define TESTS_TOPOLOGIES_BOOK_H

#include "common/record/batch.h"
#include "tests/topologies/sheet.h"

#define BOOK_TEXT_BYTES_MAX (5 * 32768)

struct book_plain { /* the C struct of type 0 */
	int64_t number, key;
	uint32_t emitter, subtask; /* SHEET_OPERATOR(vertex, operator) */
};

struct book_text { /* of type 1 */
	int64_t number, key;
	uint32_t emitter, subtask;
	struct str text;
};

extern const struct field book_plain_fields[4], book_text_fields[5];

void book_open(const struct sheet *sheet); /* forgets what was before */
void book_close(void);
/* 0, or -1: what went wrong first. */
int book_breach(struct err *err);
void book_complain(const char *format, ...) PRINTF(1, 2);
/* Goes up with everything that moves. */
uint64_t book_moves(void);
uint64_t book_arrivals(void); /* records */
uint64_t book_batches(uint32_t vertex, uint32_t subtask); /* taken by the head */

/* ---- emitting -------------------------------------------------------------------------------- */

/* The next record of this subtask; valid until the next call. Its string is borrowed. */
const void *book_emit(uint32_t vertex, uint32_t operator, uint32_t subtask);
/* All that was emitted before stands in front of it. */
void book_watermark_sent(uint32_t vertex, uint32_t operator, uint32_t subtask, event_t watermark);
void book_ended(uint32_t vertex, uint32_t operator, uint32_t subtask);

/* A record that an operator of this subtask emitted has not come to the one behind it. */
bool book_has_unfinished(uint32_t vertex, uint32_t subtask);
bool book_has_ended(uint32_t vertex, uint32_t operator, uint32_t subtask);

/* ---- arriving: at an operator of a subtask --------------------------------------------------- */

void book_batch_arrives(uint32_t vertex, uint32_t subtask);
void book_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask, uint32_t input,
		  const struct record_type *type, const void *record);
void book_watermark_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask,
			    event_t watermark);
/* Input `input` is over: everything that was emitted for it is here, and so is event time. */
void book_end_arrives(uint32_t vertex, uint32_t operator, uint32_t subtask, uint32_t input);
/* Of a topology that finished: every subtask of every operator ended, once. */
void book_expect_complete(void);

/* The partitioner of CUSTOM edges, as the job has it. */
uint32_t book_partition(const void *record, uint32_t partitions);

#endif
