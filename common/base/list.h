/* SPDX-License-Identifier: Apache-2.0
 * list.h - an intrusive doubly linked list. A node is in at most one list; zeroed = in none. */
#ifndef COMMON_BASE_LIST_H
#define COMMON_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/compiler.h"

struct list_node {
	struct list_node *next, *previous;
};

struct list {
	struct list_node head;
};

static inline void list_init(struct list *list)
{
	list->head.next = list->head.previous = &list->head;
}

static inline bool list_empty(const struct list *list)
{
	return list->head.next == &list->head;
}

static inline bool list_linked(const struct list_node *node)
{
	return node->next != NULL;
}

static inline void list_insert_before(struct list_node *at, struct list_node *node)
{
	node->previous = at->previous;
	node->next = at;
	at->previous->next = node;
	at->previous = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
	list_insert_before(&list->head, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
	list_insert_before(list->head.next, node);
}

static inline void list_remove(struct list_node *node)
{
	if (!list_linked(node))
		return;
	node->next->previous = node->previous;
	node->previous->next = node->next;
	node->next = node->previous = NULL;
}

static inline struct list_node *list_pop_front(struct list *list)
{
	struct list_node *node = list->head.next;

	if (node == &list->head)
		return NULL;
	list_remove(node);
	return node;
}

#define LIST_FIRST(list, type, member) \
	(list_empty(list) ? NULL : CONTAINER_OF((list)->head.next, type, member))

/* The body may remove the current item. */
#define LIST_FOR_EACH(list, type, member, item) \
	for (type *item = CONTAINER_OF((list)->head.next, type, member), \
		  *item##_next = CONTAINER_OF(item->member.next, type, member); \
	     &item->member != &(list)->head; \
	     item = item##_next, item##_next = CONTAINER_OF(item->member.next, type, member))

#endif
