/* SPDX-License-Identifier: Apache-2.0
 * store_read.c - questions about one column: points of a range of wall-clock time, added up in
 * cells. Only blocks that have a part of it are unpacked. */
#include <string.h>

#include "jobmanager/series/store_priv.h"

/* ---- what the clock showed ------------------------------------------------------------------- */

/* The stretch of ticks in which the wall clock showed tick + offset. */
struct stretch {
	int64_t first, end, offset;
};

static struct stretch stretch_at(const struct series_store *store, uint32_t index)
{
	struct stretch stretch = { INT64_MIN, INT64_MAX, 0 };

	if (store->shown_count == 0)
		return stretch;
	stretch.offset = store->shown[index].offset;
	if (index > 0)
		stretch.first = store->shown[index].tick;
	if (index + 1 < store->shown_count)
		stretch.end = store->shown[index + 1].tick;
	return stretch;
}

static uint32_t stretches(const struct series_store *store)
{
	return store->shown_count > 0 ? store->shown_count : 1;
}

static int64_t wall_of(const struct series_store *store, int64_t tick)
{
	uint32_t index = stretches(store) - 1;

	while (index > 0 && store->shown[index].tick > tick)
		index--;
	return tick + stretch_at(store, index).offset;
}

int64_t series_table_begin_s(const struct series_table *table, bool coarse)
{
	const struct series_level *level = &table->levels[coarse];
	int64_t ticks = coarse ? SERIES_COARSE_TICKS : 1;

	if (level->count > 0)
		return wall_of(table->store, level->blocks[0].first * ticks);
	if (table->has_rows)
		return wall_of(table->store, table->coarse_number * ticks);
	return INT64_MAX;
}

/* ---- points ---------------------------------------------------------------------------------- */

struct reading {
	const struct series_table *table;
	uint32_t column;
	const struct series_range *range;
	struct series_cell *cells;
	struct stretch stretch;
	int64_t ticks; /* of a point */
};

static void add_point(struct series_cell *cell, uint64_t units)
{
	cell->sum += units;
	cell->count++;
	if (units > cell->largest)
		cell->largest = units;
}

/* Points [from, end) of a block whose first is at this tick: all within the stretch and range. */
static void add_points(const struct reading *reading, const uint16_t *codes, size_t apart,
		       int64_t first, int64_t from, int64_t end)
{
	int64_t at = (first + from) * reading->ticks + reading->stretch.offset -
		     reading->range->from_s;
	int64_t step = reading->range->step_s, left = step - at % step;
	struct series_cell *cell = reading->cells + at / step;

	for (int64_t i = from; i < end; i++) {
		uint16_t code = codes[(size_t)i * apart];

		if (code != SERIES_NULL)
			add_point(cell, series_units(code));
		left -= reading->ticks;
		while (left <= 0) {
			left += step;
			cell++;
		}
	}
}

static int64_t divide_up(int64_t a, int64_t b)
{
	return a / b + (a % b > 0);
}

/* The numbers of points that lie in both the stretch and the range. */
static void bounds(const struct reading *reading, int64_t *first, int64_t *end)
{
	const struct series_range *range = reading->range;
	int64_t from = range->from_s - reading->stretch.offset,
		to = from + (int64_t)range->cells_count * range->step_s;

	if (from < reading->stretch.first)
		from = reading->stretch.first;
	if (to > reading->stretch.end)
		to = reading->stretch.end;
	*first = divide_up(from, reading->ticks);
	*end = divide_up(to, reading->ticks);
}

static void read_block(const struct reading *reading, const struct series_block *block)
{
	uint32_t columns = reading->table->options.columns_count;
	uint16_t codes[SERIES_BLOCK_POINTS];
	const uint16_t *from = codes;
	int64_t first, end;

	bounds(reading, &first, &end);
	first = first > block->first ? first - block->first : 0;
	end = end < block->first + block->points ? end - block->first : block->points;
	if (first >= end)
		return;
	if (block->packed) {
		const uint8_t *bytes = (const uint8_t *)(block->columns + columns + 1);
		const uint32_t *at = block->columns + reading->column;

		series_unpack(bytes + at[0], at[1] - at[0], codes, block->points);
	} else {
		from = block->rows + reading->column;
	}
	add_points(reading, from, block->packed ? 1 : columns, block->first, first, end);
}

/* The ten seconds that are not over. */
static void read_coarse_under_way(const struct reading *reading)
{
	const struct series_table *table = reading->table;
	uint64_t sum = table->sums[reading->column], count = table->counts[reading->column];
	int64_t first, end;

	if (!table->has_rows || count == 0)
		return;
	bounds(reading, &first, &end);
	if (table->coarse_number < first || table->coarse_number >= end)
		return;
	int64_t at = table->coarse_number * reading->ticks + reading->stretch.offset -
		     reading->range->from_s;

	add_point(reading->cells + at / reading->range->step_s,
		  series_table_kind(table, reading->column)->largest ? sum : sum / count);
}

void series_table_read(const struct series_table *table, uint32_t column,
		       const struct series_range *range, struct series_cell *cells)
{
	const struct series_level *level = &table->levels[range->coarse];
	struct reading reading = { .table = table,
				   .column = column,
				   .range = range,
				   .cells = cells,
				   .ticks = range->coarse ? SERIES_COARSE_TICKS : 1 };

	memset(cells, 0, range->cells_count * sizeof(*cells));
	for (uint32_t i = 0; i < stretches(table->store); i++) {
		reading.stretch = stretch_at(table->store, i);
		for (uint32_t b = 0; b < level->count; b++)
			read_block(&reading, &level->blocks[b]);
		if (range->coarse)
			read_coarse_under_way(&reading);
	}
}

int64_t series_cell_thousandths(const struct series_cell *cell, const struct series_column *kind)
{
	uint64_t units = kind->largest ? cell->largest : 0;
	/* Of a mean three digits behind the point are told, also where the units have none. */
	uint64_t factor = kind->thousandths ? 1 : 1000;

	if (kind->largest)
		return units > INT64_MAX / factor ? INT64_MAX : (int64_t)(units * factor);
	units = cell->sum / cell->count;
	if (units > INT64_MAX / 1000 - 1)
		return INT64_MAX;
	return (int64_t)(units * factor + cell->sum % cell->count * factor / cell->count);
}
