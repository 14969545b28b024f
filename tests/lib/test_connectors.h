/* SPDX-License-Identifier: Apache-2.0
 * test_connectors.h - a source with known content and a sink that keeps a ledger, for tests of
 * tasks and clusters. No cmocka: the simulator's own program uses them too.
 *
 * "test-list-source": the OperatorParameters' elements, dealt out to the subtasks in turn (subtask
 * k of p gives elements k, k + p, …), as many times as its options say:
 *	repeat=N          rounds through the elements (default 1); "forever" never ends
 *	interval_us=N     one record every N microseconds (default 0: as fast as they are taken)
 *	fail_after=N      reports a failure after N records of a subtask
 * "test-ledger-sink": what was written, by (job, subtask, attempt):
 *	refuse_every=N    every Nth write takes half and says not now, then wakes the task
 *	flush_later=1     a flush answers "not yet" once, then wakes the task
 *	fail_after=N      reports a failure after N records of a subtask
 *	block=1           takes nothing until ledger_unblock */
#ifndef TESTS_LIB_TEST_CONNECTORS_H
#define TESTS_LIB_TEST_CONNECTORS_H

#include "common/contract/registry.h"

extern const struct source_vtable test_list_source;
extern const struct sink_vtable test_ledger_sink;
void test_connectors_register(void);

/* ---- the ledger: of this process ------------------------------------------------------------ */

struct ledger_line {
	struct id job_id;
	uint32_t subtask, attempt;
	uint64_t serial;  /* the order in which the whole process wrote */
	const char *text; /* the record as print() shows it */
};

uint64_t ledger_count(const struct id *job_id); /* lines; NULL: of all jobs */
/* Iterates: uint64_t at = 0; while (ledger_next(job_id, &at, &line)). Not while tasks write. */
bool ledger_next(const struct id *job_id, uint64_t *at, struct ledger_line *line);
uint64_t ledger_flushes(void);  /* of all sinks: idle flushes that were completed */
uint64_t ledger_ends(void);     /* flushes at the end of input */
void ledger_block(
	bool block); /* sinks with block=1 take nothing; unblocking wakes nobody by itself */
void ledger_reset(void);        /* forgets everything; frees the memory */

#endif
