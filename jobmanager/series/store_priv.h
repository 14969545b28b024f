/* SPDX-License-Identifier: Apache-2.0
 * store_priv.h - what the files of the store share.
 *
 *   store.c        tables, rows, the wall clock, packing
 *   store_read.c   questions
 *   store_evict.c  what goes when the budget is used up */
#ifndef JOBMANAGER_SERIES_STORE_PRIV_H
#define JOBMANAGER_SERIES_STORE_PRIV_H

#include "common/base/buf.h"
#include "common/base/list.h"
#include "jobmanager/series/store.h"

#define SHOWN_MAX 256 /* jumps of the wall clock that are remembered */

/* Points one after the other, some of them null. Rows while it grows, so that a tick writes one
 * stretch of memory; then column after column, each packed by itself, so that a question about one
 * unpacks that one. */
struct series_block {
	int64_t first; /* tick, of coarse blocks: tick / SERIES_COARSE_TICKS */
	uint16_t points, room; /* room: of rows */
	bool closed, packed;
	uint16_t *rows;      /* [room][columns]; NULL: packed */
	/* packed: columns_count offsets (and one past the end), then the bytes */
	uint32_t *columns;
	size_t size_bytes;   /* of either */
};

struct series_level { /* of one resolution */
	struct series_block *blocks; /* oldest first; only the last may be open */
	uint32_t count, room;
};

struct series_table {
	struct list_node node; /* of store.tables */
	struct series_store *store;
	struct series_table_options options;
	struct series_level levels[2]; /* fine, coarse */
	bool has_rows, dropped, shortened;
	int64_t last_tick;
	/* The coarse point under way */
	int64_t coarse_number;
	uint64_t *sums;  /* [columns]; of SERIES_NULLs none */
	uint8_t *counts; /* [columns] */
	size_t size_bytes; /* all of it */
};

struct series_shown { /* from `tick` on the wall clock showed tick + offset */
	int64_t tick, offset;
};

struct series_store {
	struct list tables;
	size_t size_bytes, budget_bytes;
	struct series_shown shown[SHOWN_MAX];
	uint32_t shown_count;
	/* packing under way */
	/* NULL: none; else its first block that is closed, not packed */
	struct series_table *packing;
	uint32_t packing_level, packing_column;
	struct buf packed;
	uint32_t *packed_columns;
};

void store_grew(struct series_table *table, size_t size_bytes);
void store_shrank(struct series_table *table, size_t size_bytes);
void store_free_rows(struct series_table *table);
/* Drops the first blocks of a level. */
void store_drop_blocks(struct series_table *table, uint32_t level, uint32_t count);
/* Gives up what is over the budget. */
void store_fit(struct series_store *store);

#endif
