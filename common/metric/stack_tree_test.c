/* SPDX-License-Identifier: Apache-2.0
 * stack_tree_test.c - stacks share their beginnings, sums go up, a full tree loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "common/metric/stack_tree.h"

static void stacks_share_their_beginning(void **state)
{
	struct stack_tree *tree = stack_tree_create();
	uint32_t map = stack_tree_child(tree, 0, "Map");
	uint32_t split = stack_tree_child(tree, map, "split");
	uint32_t waits = stack_tree_child(tree, map, "waits in read");
	uint64_t totals[4][STACK_KINDS];

	assert_int_equal(stack_tree_child(tree, 0, "Map"), map);
	assert_int_equal(stack_tree_child(tree, map, "split"), split);
	stack_tree_count(tree, split, STACK_ON_CPU, 3);
	stack_tree_count(tree, map, STACK_ON_CPU, 1);
	stack_tree_count(tree, waits, STACK_OFF_CPU, 5);
	assert_int_equal(stack_tree_size(tree), 4);
	stack_tree_totals(tree, totals);
	assert_int_equal(totals[0][STACK_ON_CPU], 4);
	assert_int_equal(totals[0][STACK_OFF_CPU], 5);
	assert_int_equal(totals[map][STACK_ON_CPU], 4);
	assert_int_equal(totals[split][STACK_ON_CPU], 3);
	assert_int_equal(totals[split][STACK_OFF_CPU], 0);
	assert_string_equal(stack_tree_node(tree, split)->name, "split");
	assert_int_equal(stack_tree_node(tree, split)->parent, map);
	stack_tree_destroy(&tree);
	stack_tree_destroy(&tree);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_deep_stack_is_cut(void **state)
{
	struct stack_tree *tree = stack_tree_create();
	uint32_t node = 0;

	for (uint32_t i = 0; i < 2 * STACK_TREE_DEPTH_MAX; i++)
		node = stack_tree_child(tree, node, "again");
	assert_int_equal(stack_tree_size(tree), STACK_TREE_DEPTH_MAX);
	assert_int_equal(stack_tree_node(tree, node)->depth, STACK_TREE_DEPTH_MAX - 1);
	stack_tree_destroy(&tree);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_full_tree_still_counts(void **state)
{
	static uint64_t totals[STACK_TREE_NODES_MAX][STACK_KINDS];
	struct stack_tree *tree = stack_tree_create();
	uint32_t node = 0;
	char name[16];

	for (uint32_t i = 0; i < 2 * STACK_TREE_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "f%u", i % 300);
		node = stack_tree_child(tree, i % 300 == 0 ? 0 : node, name);
		stack_tree_count(tree, node, STACK_ON_CPU, 1);
		if (i % 300 == 299) /* another stack, sharing nothing */
			node = stack_tree_child(tree, 0, "");
	}
	for (uint32_t i = 0; i < STACK_TREE_NODES_MAX; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		node = stack_tree_child(tree, i % 100 == 0 ? 0 : node, name);
	}
	assert_int_equal(stack_tree_size(tree), STACK_TREE_NODES_MAX);
	assert_int_equal(stack_tree_child(tree, node, "more"), node);
	stack_tree_count(tree, node, STACK_ON_CPU, 1);
	stack_tree_totals(tree, totals);
	assert_int_equal(totals[0][STACK_ON_CPU], 2 * STACK_TREE_NODES_MAX + 1);
	stack_tree_destroy(&tree);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_share_their_beginning),
		cmocka_unit_test(a_deep_stack_is_cut),
		cmocka_unit_test(a_full_tree_still_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
