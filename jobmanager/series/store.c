/* SPDX-License-Identifier: Apache-2.0
 * store.c - tables, rows, the wall clock, packing. */
#include "jobmanager/series/store_priv.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"

#define ROWS_FIRST 15 /* a block's first room: short jobs need no more; doubled up to a block's */
#define TILE_COLUMNS 32 /* packed at once: a cache line of each row */

/* ---- the store ------------------------------------------------------------------------------- */

struct series_store *series_store_create(size_t budget_bytes)
{
	struct series_store *store = MEM_NEW(struct series_store);

	list_init(&store->tables);
	buf_init(&store->packed);
	store->budget_bytes = budget_bytes;
	return store;
}

void series_store_destroy(struct series_store **store)
{
	struct series_store *gone = *store;

	if (gone == NULL)
		return;
	*store = NULL;
	LIST_FOR_EACH (&gone->tables, struct series_table, node, table)
		series_table_destroy(&table);
	CHECK(gone->size_bytes == 0, "%zu bytes are counted and not there", gone->size_bytes);
	buf_fini(&gone->packed);
	mem_free(gone->packed_columns);
	mem_free(gone);
}

size_t series_store_bytes(const struct series_store *store)
{
	return store->size_bytes;
}

size_t series_store_budget(const struct series_store *store)
{
	return store->budget_bytes;
}

void store_grew(struct series_table *table, size_t size_bytes)
{
	table->size_bytes += size_bytes;
	table->store->size_bytes += size_bytes;
}

void store_shrank(struct series_table *table, size_t size_bytes)
{
	table->size_bytes -= size_bytes;
	table->store->size_bytes -= size_bytes;
}

void series_store_at(struct series_store *store, int64_t tick, int64_t wall_s)
{
	struct series_shown *last =
		store->shown_count > 0 ? &store->shown[store->shown_count - 1] : NULL;

	if (last != NULL && last->offset == wall_s - tick)
		return;
	if (last != NULL && last->tick == tick) {
		last->offset = wall_s - tick;
		return;
	}
	/* Nobody asks for what was before the oldest point. A clock that jumps more often than can
	 * be remembered has its oldest jumps forgotten: those points are told at a wrong time. */
	while (store->shown_count > 1 &&
	       (store->shown_count == SHOWN_MAX ||
		store->shown[1].tick < tick - 2 * SERIES_COARSE_KEPT_TICKS))
		memmove(store->shown, store->shown + 1,
			--store->shown_count * sizeof(*store->shown));
	store->shown[store->shown_count++] = (struct series_shown){ tick, wall_s - tick };
}

/* ---- tables ---------------------------------------------------------------------------------- */

struct series_table *series_table_create(struct series_store *store,
					 const struct series_table_options *options)
{
	struct series_table *table = MEM_NEW(struct series_table);

	CHECK(options->columns_count > 0 && options->kinds_count > 0, "%u columns of %u kinds",
	      options->columns_count, options->kinds_count);
	table->store = store;
	table->options = *options;
	table->sums = MEM_NEW_ARRAY(uint64_t, options->columns_count);
	table->counts = MEM_NEW_ARRAY(uint8_t, options->columns_count);
	list_push_back(&store->tables, &table->node);
	store_grew(table, sizeof(*table) + options->columns_count *
						   (sizeof(*table->sums) + sizeof(*table->counts)));
	return table;
}

static void stop_packing(struct series_store *store)
{
	store->packing = NULL;
	buf_fini(&store->packed);
	mem_free(store->packed_columns);
	store->packed_columns = NULL;
}

void store_drop_blocks(struct series_table *table, uint32_t level, uint32_t count)
{
	struct series_level *of = &table->levels[level];

	if (count == 0)
		return;
	if (table->store->packing == table && table->store->packing_level == level)
		stop_packing(table->store);
	for (uint32_t i = 0; i < count; i++) {
		store_shrank(table, of->blocks[i].size_bytes);
		mem_free(of->blocks[i].rows);
		mem_free(of->blocks[i].columns);
	}
	of->count -= count;
	memmove(of->blocks, of->blocks + count, of->count * sizeof(*of->blocks));
}

void store_free_rows(struct series_table *table)
{
	for (uint32_t level = 0; level < 2; level++) {
		struct series_level *of = &table->levels[level];

		store_drop_blocks(table, level, of->count);
		store_shrank(table, of->room * sizeof(*of->blocks));
		mem_free(of->blocks);
		*of = (struct series_level){ .blocks = NULL };
	}
	table->has_rows = false;
	memset(table->counts, 0, table->options.columns_count);
}

void series_table_destroy(struct series_table **table)
{
	struct series_table *gone = *table;

	if (gone == NULL)
		return;
	*table = NULL;
	store_free_rows(gone);
	store_shrank(gone, gone->size_bytes);
	list_remove(&gone->node);
	mem_free(gone->sums);
	mem_free(gone->counts);
	mem_free(gone);
}

bool series_table_dropped(const struct series_table *table)
{
	return table->dropped;
}

bool series_table_shortened(const struct series_table *table)
{
	return table->shortened;
}

size_t series_table_bytes(const struct series_table *table)
{
	return table->size_bytes;
}

const struct series_column *series_table_kind(const struct series_table *table, uint32_t column)
{
	return &table->options.kinds[column % table->options.kinds_count];
}

/* ---- rows ------------------------------------------------------------------------------------ */

static struct series_block *add_block(struct series_table *table, uint32_t level, int64_t first)
{
	struct series_level *of = &table->levels[level];

	if (of->count > 0)
		of->blocks[of->count - 1].closed = true;
	if (of->count == of->room) {
		uint32_t room = of->room > 0 ? 2 * of->room : 2;

		of->blocks = mem_realloc(of->blocks, room * sizeof(*of->blocks));
		store_grew(table, (room - of->room) * sizeof(*of->blocks));
		of->room = room;
	}
	of->blocks[of->count] = (struct series_block){ .first = first };
	return &of->blocks[of->count++];
}

/* A doubled row is cheap once in a while; a whole block for every short job is not. */
static uint16_t *grow_to(struct series_table *table, struct series_block *block, uint16_t points)
{
	size_t row = table->options.columns_count * sizeof(uint16_t);

	if (points > block->room) {
		uint16_t room = block->room > 0 ? block->room : ROWS_FIRST;

		while (room < points)
			room *= 2;
		block->rows = mem_realloc(block->rows, room * row);
		store_grew(table, (size_t)(room - block->room) * row);
		block->size_bytes += (size_t)(room - block->room) * row;
		block->room = room;
	}
	/* SERIES_NULL in what was left out */
	memset(block->rows + block->points * table->options.columns_count, 0xff,
	       (size_t)(points - block->points) * row);
	block->points = points;
	return block->rows + (size_t)(points - 1) * table->options.columns_count;
}

static void put_row(struct series_table *table, uint32_t level, int64_t number, const uint16_t *row)
{
	struct series_level *of = &table->levels[level];
	struct series_block *block = of->count > 0 ? &of->blocks[of->count - 1] : NULL;
	int64_t kept = level == 0 ? SERIES_FINE_KEPT_TICKS
				  : SERIES_COARSE_KEPT_TICKS / SERIES_COARSE_TICKS;
	uint32_t old = 0;

	if (block == NULL || block->closed || number >= block->first + SERIES_BLOCK_POINTS) {
		while (old < of->count &&
		       of->blocks[old].first + of->blocks[old].points <= number - kept)
			old++;
		store_drop_blocks(table, level, old);
		block = add_block(table, level, number);
	}
	memcpy(grow_to(table, block, (uint16_t)(number - block->first + 1)), row,
	       table->options.columns_count * sizeof(*row));
}

/* ---- coarse points --------------------------------------------------------------------------- */

static void flush_coarse(struct series_table *table)
{
	uint32_t columns = table->options.columns_count;
	uint16_t *row = MEM_NEW_ARRAY(uint16_t, columns);

	for (uint32_t i = 0; i < columns; i++) {
		uint64_t sum = table->sums[i], count = table->counts[i];

		row[i] = count == 0 ? SERIES_NULL
			 : series_table_kind(table, i)->largest
				 ? series_code(sum)
				 : series_code((sum + count / 2) / count);
	}
	put_row(table, 1, table->coarse_number, row);
	mem_free(row);
	memset(table->counts, 0, columns);
	memset(table->sums, 0, columns * sizeof(*table->sums));
}

static void add_to_coarse(struct series_table *table, const uint16_t *row)
{
	uint32_t kinds = table->options.kinds_count, kind = 0;

	for (uint32_t i = 0; i < table->options.columns_count; i++) {
		uint64_t units = series_units(row[i]);

		if (row[i] != SERIES_NULL) {
			if (!table->options.kinds[kind].largest)
				table->sums[i] += units;
			else if (units > table->sums[i])
				table->sums[i] = units;
			table->counts[i]++;
		}
		if (++kind == kinds)
			kind = 0;
	}
}

static int64_t coarse_of(int64_t tick)
{
	return (tick - (tick < 0 ? SERIES_COARSE_TICKS - 1 : 0)) / SERIES_COARSE_TICKS;
}

void series_table_append(struct series_table *table, int64_t tick, const uint16_t *row)
{
	if (table->dropped)
		return;
	CHECK(!table->has_rows || tick > table->last_tick, "tick %lld after %lld",
	      (long long)tick, (long long)table->last_tick);
	if (table->has_rows && coarse_of(tick) != table->coarse_number)
		flush_coarse(table);
	table->has_rows = true;
	table->last_tick = tick;
	table->coarse_number = coarse_of(tick);
	add_to_coarse(table, row);
	put_row(table, 0, tick, row);
	if (table->store->size_bytes > table->store->budget_bytes)
		store_fit(table->store);
}

void series_table_end(struct series_table *table)
{
	if (!table->has_rows)
		return;
	flush_coarse(table);
	for (uint32_t level = 0; level < 2; level++)
		table->levels[level].blocks[table->levels[level].count - 1].closed = true;
	table->has_rows = false;
}

/* ---- packing --------------------------------------------------------------------------------- */

static struct series_block *first_to_pack(struct series_table *table, uint32_t level)
{
	struct series_level *of = &table->levels[level];

	/* All before the last were closed one after the other, and packed in that order. */
	for (uint32_t i = of->count; i > 0; i--) {
		struct series_block *block = &of->blocks[i - 1];

		if (block->packed)
			return i < of->count && of->blocks[i].closed ? block + 1 : NULL;
	}
	return of->count > 0 && of->blocks[0].closed ? of->blocks : NULL;
}

static struct series_block *find_to_pack(struct series_store *store)
{
	LIST_FOR_EACH (&store->tables, struct series_table, node, table) {
		for (uint32_t level = 0; level < 2; level++) {
			struct series_block *block = first_to_pack(table, level);

			if (block == NULL)
				continue;
			store->packing = table;
			store->packing_level = level;
			store->packing_column = 0;
			store->packed_columns =
				MEM_NEW_ARRAY(uint32_t, table->options.columns_count + 1);
			/* Who is behind in the list comes first next time. */
			list_remove(&table->node);
			list_push_back(&store->tables, &table->node);
			return block;
		}
	}
	return NULL;
}

static void pack_tile(struct series_store *store, const struct series_block *block,
		      uint32_t columns_count)
{
	uint16_t codes[TILE_COLUMNS][SERIES_BLOCK_POINTS];
	uint32_t first = store->packing_column, count = columns_count - first;

	if (count > TILE_COLUMNS)
		count = TILE_COLUMNS;
	for (uint32_t point = 0; point < block->points; point++)
		for (uint32_t i = 0; i < count; i++)
			codes[i][point] =
				block->rows[(size_t)point * columns_count + first + i];
	for (uint32_t i = 0; i < count; i++) {
		char *room = buf_reserve(&store->packed, SERIES_PACKED_BYTES_MAX);

		store->packed_columns[first + i] = (uint32_t)store->packed.size_bytes;
		store->packed.size_bytes +=
			series_pack(codes[i], block->points, (uint8_t *)room);
	}
	store->packing_column += count;
}

static void finish_packing(struct series_store *store, struct series_block *block)
{
	struct series_table *table = store->packing;
	uint32_t columns = table->options.columns_count;
	size_t head = (columns + 1) * sizeof(uint32_t);

	store->packed_columns[columns] = (uint32_t)store->packed.size_bytes;
	store_shrank(table, block->size_bytes);
	block->size_bytes = head + store->packed.size_bytes;
	block->columns = mem_alloc(block->size_bytes);
	memcpy(block->columns, store->packed_columns, head);
	memcpy((uint8_t *)block->columns + head, store->packed.data, store->packed.size_bytes);
	store_grew(table, block->size_bytes);
	mem_free(block->rows);
	block->rows = NULL;
	block->packed = true;
	stop_packing(store);
}

bool series_store_work(struct series_store *store)
{
	struct series_block *block = store->packing != NULL
					     ? first_to_pack(store->packing, store->packing_level)
					     : find_to_pack(store);

	if (block == NULL)
		return false;
	pack_tile(store, block, store->packing->options.columns_count);
	if (store->packing_column == store->packing->options.columns_count)
		finish_packing(store, block);
	return true;
}
