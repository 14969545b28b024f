/* SPDX-License-Identifier: Apache-2.0
 * presence.h - which sources and sinks of which attempt are open, and on which machine. They sign
 * themselves in and out; the checkers ask whether somebody is there who should not be any more. */
#ifndef TESTS_SIM_PRESENCE_H
#define TESTS_SIM_PRESENCE_H

#include "common/base/list.h"
#include "tests/sim/ledger.h"

struct operator_context;

struct presence {
	struct list_node node;
	const struct ledger *ledger;
	const struct world *world;
	uint32_t attempt;
};

void presence_begin(struct presence *presence, const struct ledger *ledger,
		    const struct operator_context *context);
void presence_end(struct presence *presence); /* also of one that never began */
struct list *presence_all(void); /* of struct presence, by node */

#endif
