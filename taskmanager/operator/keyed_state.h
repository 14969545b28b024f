/* SPDX-License-Identifier: Apache-2.0
 * keyed_state.h - what all keyed operators have in common: what they ask for when they are opened,
 * and what they say when their table cannot serve them. */
#ifndef TASKMANAGER_OPERATOR_KEYED_STATE_H
#define TASKMANAGER_OPERATOR_KEYED_STATE_H

#include "job_graph.pb-c.h"

#include "common/contract/operator.h"
#include "taskmanager/state/keyed_table.h"

/* One type for input and output, and a key: ERR_PLAN_INVALID otherwise. */
MUST_USE int keyed_state_check(const struct operator_context *context, struct err *err);
/* The operator's parameters; free with flink__operator_parameters__free_unpacked. NULL with
 * ERR_PLAN_INVALID: they are damaged. */
Flink__OperatorParameters *keyed_state_parameters(const struct operator_context *context,
						  struct err *err);
/* Of a table for the subtask's key groups, whose keys are read by `keys`. */
struct keyed_table_options keyed_state_options(const struct operator_context *context,
					       const struct key_batch *keys, uint32_t value_bytes);

/* The table refused: its managed memory is used up (ERR_MANAGED_MEMORY), or it was asked for a key
 * of another subtask (ERR_RECORD_INVALID). */
void keyed_state_refused(const char *operator_name, const struct keyed_table_options *options,
			 const struct keyed_table *table, struct err *err);

#endif
