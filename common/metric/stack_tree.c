/* SPDX-License-Identifier: Apache-2.0
 * stack_tree.c - see stack_tree.h. Names lie in an arena, nodes in one array that grows. */
#include "common/metric/stack_tree.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"

struct stack_tree {
	struct arena *arena;
	struct stack_node *nodes;
	uint32_t count, capacity;
};

struct stack_tree *stack_tree_create(void)
{
	struct stack_tree *tree = MEM_NEW(struct stack_tree);

	tree->arena = arena_create("stack tree");
	tree->capacity = 64;
	tree->nodes = MEM_NEW_ARRAY(struct stack_node, tree->capacity);
	tree->nodes[0].name = "root";
	tree->count = 1;
	return tree;
}

void stack_tree_destroy(struct stack_tree **pointer)
{
	struct stack_tree *tree = *pointer;

	if (tree == NULL)
		return;
	arena_destroy(&tree->arena);
	mem_free(tree->nodes);
	mem_free(tree);
	*pointer = NULL;
}

uint32_t stack_tree_child(struct stack_tree *tree, uint32_t parent, const char *name)
{
	CHECK(parent < tree->count, "node %u of %u", parent, tree->count);
	for (uint32_t i = tree->nodes[parent].first_child; i != 0; i = tree->nodes[i].next_sibling)
		if (strcmp(tree->nodes[i].name, name) == 0)
			return i;
	if (tree->count == STACK_TREE_NODES_MAX ||
	    tree->nodes[parent].depth == STACK_TREE_DEPTH_MAX - 1)
		return parent;
	if (tree->count == tree->capacity) {
		tree->capacity *= 2;
		tree->nodes = mem_realloc(tree->nodes, tree->capacity * sizeof(*tree->nodes));
	}
	tree->nodes[tree->count] = (struct stack_node){
		.name = arena_strdup(tree->arena, name),
		.parent = parent,
		.depth = tree->nodes[parent].depth + 1,
		.next_sibling = tree->nodes[parent].first_child,
	};
	tree->nodes[parent].first_child = tree->count;
	return tree->count++;
}

void stack_tree_count(struct stack_tree *tree, uint32_t node, enum stack_kind kind,
		      uint64_t samples)
{
	CHECK(node < tree->count, "node %u of %u", node, tree->count);
	tree->nodes[node].samples[kind] += samples;
}

uint32_t stack_tree_size(const struct stack_tree *tree)
{
	return tree->count;
}

const struct stack_node *stack_tree_node(const struct stack_tree *tree, uint32_t index)
{
	CHECK(index < tree->count, "node %u of %u", index, tree->count);
	return &tree->nodes[index];
}

void stack_tree_totals(const struct stack_tree *tree, uint64_t (*into)[STACK_KINDS])
{
	for (uint32_t i = 0; i < tree->count; i++)
		memcpy(into[i], tree->nodes[i].samples, sizeof(into[i]));
	for (uint32_t i = tree->count; i-- > 1;)
		for (uint32_t kind = 0; kind < STACK_KINDS; kind++)
			into[tree->nodes[i].parent][kind] += into[i][kind];
}
