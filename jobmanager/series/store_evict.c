/* SPDX-License-Identifier: Apache-2.0
 * store_evict.c - what goes when the budget is used up. */
#include "jobmanager/series/store_priv.h"

static void drop(struct series_table *table)
{
	store_free_rows(table);
	table->dropped = true;
}

/* The details of the greatest weight; of equal ones the largest. */
static struct series_table *heaviest(struct series_store *store)
{
	struct series_table *found = NULL;

	LIST_FOR_EACH (&store->tables, struct series_table, node, table) {
		if (table->dropped || table->options.class != SERIES_DETAIL)
			continue;
		if (found == NULL || table->options.weight > found->options.weight ||
		    (table->options.weight == found->options.weight &&
		     table->size_bytes > found->size_bytes))
			found = table;
	}
	return found;
}

/* Drops the block that ended before all others, of those that are closed. False: there is none. */
static bool drop_oldest_block(struct series_store *store)
{
	struct series_table *found = NULL;
	int64_t oldest = INT64_MAX;
	uint32_t found_level = 0;

	LIST_FOR_EACH (&store->tables, struct series_table, node, table) {
		for (uint32_t level = 0; level < 2; level++) {
			const struct series_block *block = table->levels[level].blocks;
			int64_t ticks = level == 0 ? 1 : SERIES_COARSE_TICKS;

			if (table->levels[level].count == 0 || !block->closed ||
			    (block->first + block->points) * ticks >= oldest)
				continue;
			oldest = (block->first + block->points) * ticks;
			found = table;
			found_level = level;
		}
	}
	if (found == NULL)
		return false;
	store_drop_blocks(found, found_level, 1);
	found->shortened = true;
	return true;
}

static struct series_table *stalest(struct series_store *store)
{
	struct series_table *found = NULL;

	LIST_FOR_EACH (&store->tables, struct series_table, node, table)
		if (!table->dropped && table->has_rows &&
		    (found == NULL || table->last_tick < found->last_tick))
			found = table;
	return found;
}

void store_fit(struct series_store *store)
{
	struct series_table *table;

	while (store->size_bytes > store->budget_bytes) {
		if ((table = heaviest(store)) != NULL)
			drop(table);
		else if (drop_oldest_block(store))
			continue;
		else if ((table = stalest(store)) != NULL)
			drop(table);
		else
			return; /* empty tables */
	}
}
