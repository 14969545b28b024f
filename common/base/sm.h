/* SPDX-License-Identifier: Apache-2.0
 * sm.h - state machines as tables: names, legal successors, and which states are final.
 *
 * Every machine of the project (job, execution, slot, connection, channel …) is declared by one
 * table; sm_move CHECKs that the move is legal, so an illegal move cannot go unseen. REST, logs and
 * the simulator print the table's names. `build/…/sm-print` prints all of them. */
#ifndef COMMON_BASE_SM_H
#define COMMON_BASE_SM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/compiler.h"

#define SM_STATES_MAX 24

struct sm_state {
	const char *name;
	uint32_t successors; /* bit n: state n may follow */
	bool final;
};

struct sm_table {
	const char *name; /* "job" */
	uint32_t states_count;
	const struct sm_state *states;
};

#define SM_TO(state) (UINT32_C(1) << (state))

/* Called after each move, if set: the simulator and the tests listen here. Not thread-local: the
 * listener must be safe for the threads that move machines. */
typedef void sm_listener_fn(void *context, const struct sm_table *table, const void *subject,
			    uint32_t from, uint32_t to);
void sm_listen(sm_listener_fn *listener, void *context);

/* subject: the object whose state it is, for the listener only. */
void sm_move(const struct sm_table *table, uint32_t *state, uint32_t to, const void *subject);
bool sm_may_move(const struct sm_table *table, uint32_t state, uint32_t to);
bool sm_is_final(const struct sm_table *table, uint32_t state);
const char *sm_name(const struct sm_table *table, uint32_t state);
/* The index of the state with that name, or -1. */
int sm_find(const struct sm_table *table, const char *name);

#endif
