/* SPDX-License-Identifier: Apache-2.0
 * keyed_state.c - see keyed_state.h. */
#include "taskmanager/operator/keyed_state.h"

static void no_memory(const char *operator_name, const struct managed_memory *memory,
		      const struct keyed_table *table, struct err *err)
{
	err_set(err, ERR_MANAGED_MEMORY,
		"operator \"%s\" has %llu keys in %.1f MiB and needs %.1f MiB more; all state in its "
		"slot has %.1f of the %.1f MiB of managed memory that a slot may use",
		operator_name, (unsigned long long)keyed_table_count(table),
		(double)keyed_table_bytes(table) / 0x1p20,
		(double)keyed_table_refused(table) / 0x1p20,
		(double)managed_memory_used(memory) / 0x1p20,
		(double)memory->limit_bytes / 0x1p20);
}

void keyed_state_refused(const char *operator_name, const struct keyed_table_options *options,
			 const struct keyed_table *table, struct err *err)
{
	if (keyed_table_refused(table) > 0)
		no_memory(operator_name, options->memory, table, err);
	else
		err_set(err, ERR_RECORD_INVALID,
			"operator \"%s\" was sent a key of another subtask; its own key groups are %u to %u",
			operator_name, options->groups.first, options->groups.last);
}
