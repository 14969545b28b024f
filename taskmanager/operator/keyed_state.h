/* SPDX-License-Identifier: Apache-2.0
 * keyed_state.h - what all keyed operators say when their table cannot serve them. */
#ifndef TASKMANAGER_OPERATOR_KEYED_STATE_H
#define TASKMANAGER_OPERATOR_KEYED_STATE_H

#include "taskmanager/state/keyed_table.h"

/* The table refused: its managed memory is used up (ERR_MANAGED_MEMORY), or it was asked for a key
 * of another subtask (ERR_RECORD_INVALID). */
void keyed_state_refused(const char *operator_name, const struct keyed_table_options *options,
			 const struct keyed_table *table, struct err *err);

#endif
