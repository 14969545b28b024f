/* SPDX-License-Identifier: Apache-2.0
 * store.h - keeps numbers over time: a second each for an hour, ten seconds each for a day, packed,
 * within a budget (docs/adr/0022-time-series.md).
 *
 * "I keep rows, and know neither jobs nor clocks." A table has one row per tick, a column is a
 * series. Ticks are seconds of the monotonic clock, numbered so that they were wall-clock seconds
 * when the store began; what the wall clock did since then is told with series_store_at, and every
 * question is asked in the wall-clock time that was shown at that moment. One thread. */
#ifndef JOBMANAGER_SERIES_STORE_H
#define JOBMANAGER_SERIES_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobmanager/series/code.h"

#define SERIES_COARSE_TICKS 10
#define SERIES_FINE_KEPT_TICKS 3600
#define SERIES_COARSE_KEPT_TICKS 86400

struct series_store;
struct series_table;

struct series_store *series_store_create(size_t budget_bytes);
void series_store_destroy(struct series_store **store); /* with its tables */
/* The wall clock shows `wall_s` in this tick, the latest from now on. Less than a second's
 * difference to what it showed before is the caller's rounding. */
void series_store_at(struct series_store *store, int64_t tick, int64_t wall_s);
/* Bounded work that need not be done at once: packs. False: there is nothing to do. */
bool series_store_work(struct series_store *store);
size_t series_store_bytes(const struct series_store *store);
size_t series_store_budget(const struct series_store *store);

struct series_column {
	bool largest;     /* a point of several ticks is the largest, not the mean */
	bool thousandths; /* units are 1/1000 */
};

/* When the budget is used up, details go first, those of the largest weight before others; then
 * blocks that are older than all others; then whole tables, those that got a row longest ago. */
enum series_class { SERIES_MAIN, SERIES_DETAIL };

struct series_table_options {
	uint32_t columns_count;
	/* Column i is like kinds[i % kinds_count]. Borrowed: a table of the program. */
	const struct series_column *kinds;
	uint32_t kinds_count;
	enum series_class class;
	uint32_t weight;
};

struct series_table *series_table_create(struct series_store *store,
					 const struct series_table_options *options);
void series_table_destroy(struct series_table **table);
/* Its numbers were given up, and it takes no more: no room. */
bool series_table_dropped(const struct series_table *table);
/* Blocks of it were given up before their time. */
bool series_table_shortened(const struct series_table *table);
/* One code for each column. Ticks only grow; those left out are null. */
void series_table_append(struct series_table *table, int64_t tick, const uint16_t *row);
/* No row will come any more: all of it is packed when there is time. */
void series_table_end(struct series_table *table);
size_t series_table_bytes(const struct series_table *table);
const struct series_column *series_table_kind(const struct series_table *table, uint32_t column);
/* When its oldest point was (wall-clock seconds); INT64_MAX: it has none. */
int64_t series_table_begin_s(const struct series_table *table, bool coarse);

struct series_range {
	int64_t from_s;  /* wall-clock seconds */
	uint32_t step_s; /* of a cell; when coarse at least SERIES_COARSE_TICKS */
	uint32_t cells_count;
	bool coarse;     /* from the points of ten seconds */
};

struct series_cell {
	uint64_t sum, largest; /* units */
	uint32_t count;        /* of points; 0: there is none */
};

/* Cell i has the points from from_s + i × step_s on. */
void series_table_read(const struct series_table *table, uint32_t column,
		       const struct series_range *range, struct series_cell *cells);
/* What the cell is worth in thousandths; not of an empty one. */
int64_t series_cell_thousandths(const struct series_cell *cell, const struct series_column *kind);

#endif
