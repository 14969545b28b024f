/* SPDX-License-Identifier: Apache-2.0
 * test_outbox.h - an outbox that keeps every record apart, and says full as often as a test wants.
 * Asserts with cmocka. */
#ifndef TESTS_LIB_TEST_OUTBOX_H
#define TESTS_LIB_TEST_OUTBOX_H

#include "common/contract/outbox.h"

struct test_outbox {
	struct outbox out;      /* given to the operator; `full` is the test's to clear */
	/* Without room_records only its type counts: it never has room, so every record asks us. */
	struct run_builder run;
	void *memory; /* of the run */
	void **records;
	uint32_t records_count, records_room;
	uint32_t full_after; /* after so many records in a row it says full; 0: never */
	uint32_t since_full;
};

/* room_records: how many records without tails find room at once, as in the real thing; 0: none. */
void test_outbox_init(struct test_outbox *outbox, const struct record_type *type,
		      uint32_t full_after, uint32_t room_records);
void test_outbox_fini(struct test_outbox *outbox);
void test_outbox_make_room(struct test_outbox *outbox); /* no longer full */
/* After each call of the operator: what it wrote where there was room is counted too. */
void test_outbox_collect(struct test_outbox *outbox);
/* The records as print() shows them, each on the heap (mem_free); sorted if asked for. */
char **test_outbox_lines(const struct test_outbox *outbox, bool sorted);
void test_outbox_free_lines(char ***lines, uint32_t count);
/* Fails the test unless the lines are these; says what is missing and what is too much. */
void test_outbox_expect(const struct test_outbox *outbox, const char *const *expected,
			uint32_t count, bool ordered);

#endif
