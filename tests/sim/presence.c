/* SPDX-License-Identifier: Apache-2.0
 * presence.c - the list of open sources and sinks. Not a part of the simulated world, as the
 * ledger. */
#include "tests/sim/presence.h"

#include "common/contract/operator.h"

static struct list all = { { &all.head, &all.head } };

void presence_begin(struct presence *presence, const struct ledger *ledger,
		    const struct operator_context *context)
{
	presence->ledger = ledger;
	presence->world = context->world;
	presence->attempt = context->attempt;
	list_push_back(&all, &presence->node);
}

void presence_end(struct presence *presence)
{
	list_remove(&presence->node);
}

struct list *presence_all(void)
{
	return &all;
}
