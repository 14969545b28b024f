/* SPDX-License-Identifier: Apache-2.0
 * op_verify.h - drives any operator through a grid and compares what it emits.
 *
 *	records singly | three by three | together
 *	× output never full | full after every record | with room for three at once
 *
 * In each cell the same steps run; the operator must give the same records, make progress with
 * every call, emit nothing into a full outbox, and answer 0 only when its outbox is full. Snapshots
 * join the grid with the state contract. */
#ifndef TESTS_LIB_OP_VERIFY_H
#define TESTS_LIB_OP_VERIFY_H

#include "common/contract/operator.h"
#include "common/world/world_sim.h"

enum op_step_kind {
	OP_RECORD,    /* `record`, to `input` */
	OP_TIME,      /* the wall clock says `at` */
	OP_WATERMARK, /* `at` */
	OP_END,       /* of `input` */
};

struct op_step {
	enum op_step_kind kind;
	uint32_t input;
	const void *record; /* strings may be borrowed */
	int64_t at;
};

#define OP_RECORD_OF(type, ...) { .kind = OP_RECORD, .record = &(const struct type){ __VA_ARGS__ } }
#define OP_TIME_AT(ms) { .kind = OP_TIME, .at = (ms) }
#define OP_END_OF_INPUT { .kind = OP_END }

struct op_test {
	const struct operator_vtable *operator;
	const struct record_type *input_type, *output_type;
	struct key_spec key;          /* fields_count 0: not keyed */
	struct bytes parameters;      /* packed OperatorParameters */
	struct bytes function_parameters; /* what flink_parameters() gives */
	struct managed_memory *managed; /* NULL: unbounded */
	bool fire_at_end;
	const struct op_step *steps;
	uint32_t steps_count;
	const char *const *expected;  /* printed records */
	uint32_t expected_count;
	bool ordered;
	const char *expected_error;   /* part of its text; NULL: none. From open or from a step */
};

/* With cmocka's assertions. */
void op_verify(const struct op_test *test);

/* A world and a module to make functions and contexts from; shared with other tests. */
struct test_world {
	struct sim *sim;
	struct world *node;
	struct module *module;
};
void test_world_open(struct test_world *world, uint64_t seed);
void test_world_close(struct test_world *world);
/* Packed OperatorParameters with a function of this program (NULL: none), on the heap. */
struct bytes test_parameters(void *function, const char *function_parameters, int32_t field,
			     int64_t window_size_ms, int64_t window_offset_ms);
void test_parameters_free(struct bytes *parameters);

#endif
