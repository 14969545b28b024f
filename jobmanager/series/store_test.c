/* SPDX-License-Identifier: Apache-2.0
 * store_test.c - the store against a plain array of all points: random rows, gaps, clocks that
 * jump, questions about any range; and what goes when there is no room. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/base/mem.h"
#include "jobmanager/series/store.h"
#include "tests/lib/dice.h"

#define ROOMY ((size_t)1 << 30)

static const struct series_column kinds[] = { { .largest = false, .thousandths = true },
					      { .largest = true },
					      { .largest = false } };
#define KINDS ARRAY_COUNT(kinds)

static struct series_table *make_table(struct series_store *store, uint32_t columns,
				       enum series_class class, uint32_t weight)
{
	struct series_table_options options = { .columns_count = columns,
						.kinds = kinds,
						.kinds_count = KINDS,
						.class = class,
						.weight = weight };

	return series_table_create(store, &options);
}

/* ---- the model ------------------------------------------------------------------------------- */

struct point {
	int64_t tick, wall_s;
	uint16_t *row;
};

struct model {
	struct series_store *store;
	struct series_table *table;
	uint32_t columns;
	struct point *points;
	size_t count;
	int64_t tick, offset;
};

static void model_init(struct model *model, uint32_t columns, size_t room)
{
	*model = (struct model){ .columns = columns, .tick = 1000 };
	model->store = series_store_create(ROOMY);
	model->table = make_table(model->store, columns, SERIES_MAIN, 0);
	model->points = MEM_NEW_ARRAY(struct point, room);
}

static void model_fini(struct model *model)
{
	for (size_t i = 0; i < model->count; i++)
		mem_free(model->points[i].row);
	mem_free(model->points);
	series_table_destroy(&model->table);
	assert_int_equal(series_store_bytes(model->store), 0);
	series_store_destroy(&model->store);
	assert_int_equal(mem_bytes_out(), 0);
}

/* The next row: near the one before, now and then null, far away, or after a gap. */
static void model_add(struct model *model, uint64_t *dice)
{
	struct point *point = &model->points[model->count++], *before = point - 1;

	model->tick += one_in(dice, 200) ? between(dice, 2, 400) : 1;
	if (one_in(dice, 300))
		model->offset += (int64_t)between(dice, 0, 2000) - 1000;
	series_store_at(model->store, model->tick, model->tick + model->offset);
	*point = (struct point){ .tick = model->tick,
				 .wall_s = model->tick + model->offset,
				 .row = MEM_NEW_ARRAY(uint16_t, model->columns) };
	for (uint32_t i = 0; i < model->columns; i++) {
		bool anew = model->count == 1 || before->row[i] == SERIES_NULL || one_in(dice, 50);
		uint32_t near = anew ? below(dice, 40000) : before->row[i] + below(dice, 21);

		point->row[i] = one_in(dice, 40) ? SERIES_NULL
				: anew || near < 10 ? (uint16_t)near
						    : (uint16_t)(near - 10);
	}
	series_table_append(model->table, model->tick, point->row);
	for (uint32_t i = below(dice, 3); i > 0; i--)
		series_store_work(model->store);
}

/* What series_table_read must find in the points of seconds. */
static void model_read(const struct model *model, uint32_t column,
		       const struct series_range *range, struct series_cell *cells)
{
	memset(cells, 0, range->cells_count * sizeof(*cells));
	for (size_t i = 0; i < model->count; i++) {
		const struct point *point = &model->points[i];
		int64_t at = point->wall_s - range->from_s;
		uint64_t units = series_units(point->row[column]);

		if (at < 0 || at / range->step_s >= range->cells_count ||
		    point->row[column] == SERIES_NULL)
			continue;
		struct series_cell *cell = &cells[at / range->step_s];

		cell->sum += units;
		cell->count++;
		if (units > cell->largest)
			cell->largest = units;
	}
}

/* ---- seconds --------------------------------------------------------------------------------- */

static void ask_anything(struct model *model, uint64_t *dice)
{
	struct series_cell got[300], wanted[300];
	struct series_range range = {
		.from_s = model->points[below(dice, (uint32_t)model->count)].wall_s +
			  (int64_t)between(dice, 0, 2000) - 1000,
		.step_s = one_in(dice, 2) ? 1 : between(dice, 1, 97),
		.cells_count = between(dice, 1, 300),
	};
	uint32_t column = below(dice, model->columns);

	series_table_read(model->table, column, &range, got);
	model_read(model, column, &range, wanted);
	for (uint32_t i = 0; i < range.cells_count; i++)
		if (memcmp(&got[i], &wanted[i], sizeof(got[i])) != 0)
			fail_msg("column %u, from %lld, cell %u of %u s: %u points, sum %llu; "
				 "wanted %u, %llu",
				 column, (long long)range.from_s, i, range.step_s, got[i].count,
				 (unsigned long long)got[i].sum, wanted[i].count,
				 (unsigned long long)wanted[i].sum);
}

static void every_question_is_answered_as_by_a_plain_array(void **state)
{
	for (uint64_t seed = 1; seed <= 25; seed++) {
		uint64_t dice = seed;
		struct model model;
		uint32_t rows = between(&dice, 1, 2500);

		model_init(&model, between(&dice, 1, 70), rows);
		/* With gaps: less than the hour that is kept. */
		for (uint32_t i = 0; i < rows && model.tick < 1000 + 3500; i++) {
			model_add(&model, &dice);
			if (one_in(&dice, 20))
				ask_anything(&model, &dice);
		}
		for (int i = 0; i < 200; i++)
			ask_anything(&model, &dice);
		series_table_end(model.table);
		while (series_store_work(model.store))
			ask_anything(&model, &dice);
		for (int i = 0; i < 200; i++)
			ask_anything(&model, &dice);
		model_fini(&model);
	}
}

/* ---- tens of seconds ------------------------------------------------------------------------- */

/* The points of one tick / 10 as one. False: none is there. */
static bool model_coarse(const struct model *model, int64_t number, uint32_t column,
			 uint64_t *units)
{
	uint64_t sum = 0, count = 0, largest = 0;

	for (size_t i = 0; i < model->count; i++) {
		uint64_t one = series_units(model->points[i].row[column]);

		if (model->points[i].tick / SERIES_COARSE_TICKS != number ||
		    model->points[i].row[column] == SERIES_NULL)
			continue;
		sum += one;
		count++;
		largest = one > largest ? one : largest;
	}
	*units = count == 0                        ? 0
		 : kinds[column % KINDS].largest ? largest
						   : (sum + count / 2) / count;
	return count > 0;
}

static void tens_of_seconds_are_means_or_largest_ones(void **state)
{
	uint64_t dice = 77;
	struct model model;

	model_init(&model, 6, 3000);
	for (int i = 0; i < 3000; i++) {
		model_add(&model, &dice);
		model.offset = 0; /* so that a number is a time */
	}
	for (uint32_t column = 0; column < model.columns; column++) {
		struct series_range range = { .from_s = 1000,
					      .step_s = SERIES_COARSE_TICKS,
					      .cells_count = (uint32_t)(model.tick - 1000) / 10,
					      .coarse = true };
		struct series_cell *cells =
			MEM_NEW_ARRAY(struct series_cell, range.cells_count);

		series_table_read(model.table, column, &range, cells);
		for (uint32_t i = 0; i < range.cells_count; i++) {
			uint64_t units;

			assert_int_equal(cells[i].count,
					 model_coarse(&model, 100 + i, column, &units));
			if (cells[i].count > 0)
				assert_int_equal(cells[i].sum, series_units(series_code(units)));
		}
		mem_free(cells);
	}
	model_fini(&model);
}

static void an_hour_of_seconds_and_a_day_of_tens_are_kept(void **state)
{
	struct series_store *store = series_store_create(ROOMY);
	struct series_table *table = make_table(store, 3, SERIES_MAIN, 0);
	int64_t end = 100000 + 2 * SERIES_COARSE_KEPT_TICKS;
	uint16_t row[3] = { 0, 1, 2 };

	series_store_at(store, 100000, 100000);
	for (int64_t tick = 100000; tick < end; tick++) {
		row[0] = (uint16_t)(tick % 1000);
		series_table_append(table, tick, row);
		series_store_work(store);
	}
	int64_t fine = end - series_table_begin_s(table, false),
		coarse = end - series_table_begin_s(table, true);

	assert_in_range(fine, SERIES_FINE_KEPT_TICKS,
			SERIES_FINE_KEPT_TICKS + 2 * SERIES_BLOCK_POINTS);
	assert_in_range(coarse, SERIES_COARSE_KEPT_TICKS,
			SERIES_COARSE_KEPT_TICKS + 20 * SERIES_BLOCK_POINTS);
	assert_false(series_table_shortened(table));
	/* Two columns never changed, the third does so evenly. */
	assert_in_range(series_store_bytes(store), 1, 17000);
	series_table_destroy(&table);
	series_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- the wall clock -------------------------------------------------------------------------- */

static uint32_t points_at(const struct series_table *table, int64_t wall_s)
{
	struct series_range range = { .from_s = wall_s, .step_s = 1, .cells_count = 1 };
	struct series_cell cell;

	series_table_read(table, 0, &range, &cell);
	return cell.count;
}

static void a_clock_that_is_set_moves_only_what_comes_after(void **state)
{
	struct series_store *store = series_store_create(ROOMY);
	struct series_table *table = make_table(store, 1, SERIES_MAIN, 0);
	const uint16_t row[1] = { 5 };
	int64_t offset = 0;

	for (int64_t tick = 1000; tick < 1300; tick++) {
		if (tick == 1100)
			offset = 3600; /* it slept */
		if (tick == 1200)
			offset = 3550; /* set back */
		series_store_at(store, tick, tick + offset);
		series_table_append(table, tick, row);
	}
	assert_int_equal(points_at(table, 999), 0);
	assert_int_equal(points_at(table, 1099), 1);
	assert_int_equal(points_at(table, 1100), 0); /* the clock never showed it */
	assert_int_equal(points_at(table, 4699), 0);
	assert_int_equal(points_at(table, 4700), 1);
	assert_int_equal(points_at(table, 4749), 1);
	assert_int_equal(points_at(table, 4750), 2); /* twice */
	assert_int_equal(points_at(table, 4799), 2);
	assert_int_equal(points_at(table, 4849), 1);
	assert_int_equal(points_at(table, 4850), 0);
	series_table_destroy(&table);
	series_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_clock_that_is_never_right_costs_nothing_but_its_times(void **state)
{
	struct series_store *store = series_store_create(ROOMY);
	struct series_table *table = make_table(store, 1, SERIES_MAIN, 0);
	const uint16_t row[1] = { 5 };
	uint64_t dice = 5;
	uint32_t found = 0;

	for (int64_t tick = 5000; tick < 8000; tick++) {
		int64_t wall = tick + below(&dice, 4000);

		series_store_at(store, tick, wall);
		series_table_append(table, tick, row);
		assert_int_equal(points_at(table, wall) > 0, true);
	}
	struct series_cell cells[2000];
	struct series_range range = { .from_s = 0, .step_s = 10, .cells_count = 2000 };

	series_table_read(table, 0, &range, cells);
	for (size_t i = 0; i < ARRAY_COUNT(cells); i++)
		found += cells[i].count;
	assert_int_equal(found, 3000);
	series_table_destroy(&table);
	series_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- the budget ------------------------------------------------------------------------------ */

static void add_rows(struct series_table *table, int64_t from, int64_t count, uint64_t *dice)
{
	uint16_t row[512];

	for (int64_t tick = from; tick < from + count; tick++) {
		for (size_t i = 0; i < ARRAY_COUNT(row); i++)
			row[i] = (uint16_t)below(dice, 60000);
		series_table_append(table, tick, row);
	}
}

static void details_of_the_widest_go_first_then_what_is_oldest(void **state)
{
	struct series_store *store = series_store_create(3 << 20);
	struct series_table *main = make_table(store, 512, SERIES_MAIN, 0);
	struct series_table *narrow = make_table(store, 512, SERIES_DETAIL, 10);
	struct series_table *wide = make_table(store, 512, SERIES_DETAIL, 20);
	uint64_t dice = 3;
	int64_t tick = 1000;

	/* Half a MiB for 500 rows of each. */
	for (; !series_table_dropped(wide); tick++) {
		add_rows(main, tick, 1, &dice);
		add_rows(narrow, tick, 1, &dice);
		add_rows(wide, tick, 1, &dice);
		assert_true(series_store_bytes(store) <= series_store_budget(store));
		assert_in_range(tick, 1000, 4000);
	}
	assert_false(series_table_dropped(narrow));
	assert_false(series_table_shortened(main));
	assert_int_equal(series_table_begin_s(wide, false), INT64_MAX);
	for (; !series_table_dropped(narrow); tick++) {
		add_rows(main, tick, 1, &dice);
		add_rows(narrow, tick, 1, &dice);
		add_rows(wide, tick, 1, &dice); /* is not taken */
		assert_in_range(tick, 1000, 8000);
	}
	assert_false(series_table_shortened(main));
	for (int64_t end = tick + 6000; tick < end; tick++) {
		add_rows(main, tick, 1, &dice);
		assert_true(series_store_bytes(store) <= series_store_budget(store));
	}
	assert_true(series_table_shortened(main));
	assert_false(series_table_dropped(main));
	assert_true(series_table_begin_s(main, false) > tick - SERIES_FINE_KEPT_TICKS);
	series_table_destroy(&main);
	series_table_destroy(&narrow);
	series_table_destroy(&wide);
	series_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void there_is_never_more_than_the_budget_whatever_comes(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t dice = seed;
		struct series_store *store = series_store_create((size_t)50000 << below(&dice, 4));
		struct series_table *tables[40] = { NULL };
		int64_t tick = 0;
		size_t empty = 0;

		for (int i = 0; i < 3000; i++) {
			uint32_t at = below(&dice, ARRAY_COUNT(tables));
			struct series_table **table = &tables[at];

			if (*table == NULL)
				*table = make_table(store, between(&dice, 1, 512),
						    below(&dice, 2) ? SERIES_MAIN : SERIES_DETAIL,
						    below(&dice, 9));
			else if (one_in(&dice, 100))
				series_table_destroy(table);
			else if (one_in(&dice, 100))
				series_table_end(*table);
			else
				add_rows(*table, ++tick, 1, &dice);
			if (one_in(&dice, 3))
				series_store_work(store);
			empty = 0;
			for (size_t t = 0; t < ARRAY_COUNT(tables); t++)
				if (tables[t] != NULL && (series_table_dropped(tables[t]) ||
							  series_table_begin_s(tables[t], false) ==
								  INT64_MAX))
					empty += series_table_bytes(tables[t]);
			/* Tables without rows are not counted as the budget's. */
			assert_true(series_store_bytes(store) <=
				    series_store_budget(store) + empty + 512 * 10 * 2);
		}
		series_store_destroy(&store); /* with its tables */
		assert_int_equal(mem_bytes_out(), 0);
	}
}

static void a_cell_is_told_in_thousandths(void **state)
{
	struct series_cell cell = { .sum = 10, .largest = 7, .count = 4 };

	assert_int_equal(series_cell_thousandths(&cell, &kinds[0]), 2);
	assert_int_equal(series_cell_thousandths(&cell, &kinds[1]), 7000);
	assert_int_equal(series_cell_thousandths(&cell, &kinds[2]), 2500);
	cell = (struct series_cell){ .sum = SERIES_UNITS_MAX,
				     .largest = SERIES_UNITS_MAX,
				     .count = 1 };
	for (size_t i = 0; i < KINDS; i++)
		assert_true(series_cell_thousandths(&cell, &kinds[i]) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_question_is_answered_as_by_a_plain_array),
		cmocka_unit_test(tens_of_seconds_are_means_or_largest_ones),
		cmocka_unit_test(an_hour_of_seconds_and_a_day_of_tens_are_kept),
		cmocka_unit_test(a_clock_that_is_set_moves_only_what_comes_after),
		cmocka_unit_test(a_clock_that_is_never_right_costs_nothing_but_its_times),
		cmocka_unit_test(details_of_the_widest_go_first_then_what_is_oldest),
		cmocka_unit_test(there_is_never_more_than_the_budget_whatever_comes),
		cmocka_unit_test(a_cell_is_told_in_thousandths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
