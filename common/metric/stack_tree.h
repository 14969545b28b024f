/* SPDX-License-Identifier: Apache-2.0
 * stack_tree.h - samples of stacks summed up: a tree of names, counted where stacks end.
 *
 * Node 0 is the root; a node's number is larger than its parent's, so a walk over the numbers meets
 * parents first. Bounded in nodes and depth: what would need a new node is then counted at the
 * deepest one that is there, so that no sample is lost. */
#ifndef COMMON_METRIC_STACK_TREE_H
#define COMMON_METRIC_STACK_TREE_H

#include <stdint.h>

#define STACK_TREE_NODES_MAX 10000
#define STACK_TREE_DEPTH_MAX 140 /* nodes from the root to a leaf */

enum stack_kind { STACK_ON_CPU, STACK_OFF_CPU, STACK_KINDS };

struct stack_node {
	const char *name;
	uint32_t parent, depth; /* the root's depth is 0 */
	uint64_t samples[STACK_KINDS]; /* that end here */
	uint32_t first_child, next_sibling; /* 0: none */
};

struct stack_tree;

struct stack_tree *stack_tree_create(void);
void stack_tree_destroy(struct stack_tree **tree);
/* The child of that name, made if it is not there; the parent itself if there is no room. */
uint32_t stack_tree_child(struct stack_tree *tree, uint32_t parent, const char *name);
void stack_tree_count(struct stack_tree *tree, uint32_t node, enum stack_kind kind,
		      uint64_t samples);
uint32_t stack_tree_size(const struct stack_tree *tree); /* nodes, with the root */
const struct stack_node *stack_tree_node(const struct stack_tree *tree, uint32_t index);
/* Samples that end at the node or below, of each kind. into: one entry per node. */
void stack_tree_totals(const struct stack_tree *tree, uint64_t (*into)[STACK_KINDS]);

#endif
