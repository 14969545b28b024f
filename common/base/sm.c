/* SPDX-License-Identifier: Apache-2.0
 * sm.c - legal moves only. */
#include "common/base/sm.h"

#include <string.h>

#include "common/base/check.h"

static sm_listener_fn *listen_fn;
static void *listen_context;

void sm_listen(sm_listener_fn *listener, void *context)
{
	listen_fn = listener;
	listen_context = context;
}

void sm_move(const struct sm_table *table, uint32_t *state, uint32_t to, const void *subject)
{
	uint32_t from = *state;

	CHECK(from < table->states_count && to < table->states_count, "%s: state %u to %u of %u",
	      table->name, from, to, table->states_count);
	CHECK(sm_may_move(table, from, to), "%s may not move from %s to %s", table->name,
	      table->states[from].name, table->states[to].name);
	*state = to;
	if (listen_fn)
		listen_fn(listen_context, table, subject, from, to);
}

bool sm_may_move(const struct sm_table *table, uint32_t state, uint32_t to)
{
	return state < table->states_count && to < table->states_count &&
	       (table->states[state].successors & SM_TO(to)) != 0;
}

bool sm_is_final(const struct sm_table *table, uint32_t state)
{
	CHECK(state < table->states_count, "%s: state %u", table->name, state);
	return table->states[state].final;
}

const char *sm_name(const struct sm_table *table, uint32_t state)
{
	CHECK(state < table->states_count, "%s: state %u", table->name, state);
	return table->states[state].name;
}

int sm_find(const struct sm_table *table, const char *name)
{
	for (uint32_t i = 0; i < table->states_count; i++)
		if (strcmp(table->states[i].name, name) == 0)
			return (int)i;
	return -1;
}
