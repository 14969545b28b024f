/* SPDX-License-Identifier: Apache-2.0
 * ready.h - how one side of a channel reaches the other: wakers, and lists of what became ready.
 *
 * The side that reaches out runs on another thread than the side that is reached, and the latter
 * may leave, with its agent, at any moment. So an agent is woken only between two steps of a
 * counter, and whoever takes the agent away waits until nobody is between them: a few instructions,
 * and only when a side leaves.
 *
 * A node is in a list at most once: `listed` is raised by whoever puts it there and lowered by the
 * list's owner before it looks whether there is anything left. Raise and lower, and what they
 * guard, are seq_cst operations on both sides, so a change is either seen by the owner's last look
 * or lists the node again. */
#ifndef TASKMANAGER_SHUFFLE_READY_H
#define TASKMANAGER_SHUFFLE_READY_H

#include "common/base/agent.h"
#include "common/base/ring.h"

struct waker {
	_Atomic(struct agent *) agent; /* NULL: nobody is there */
	atomic_uint users;             /* threads inside waker_wake */
};

void waker_wake(struct waker *waker); /* any thread */
/* NULL takes the agent away: when this returns nobody wakes it through this waker any more. */
void waker_set(struct waker *waker, struct agent *agent);

/* The runner its agent is on; NULL: nobody is there. To be compared, not called. */
const struct runner *waker_runner(struct waker *waker);

struct ready_node {
	struct inbox_node node;
	atomic_uint listed;
};

struct ready_list { /* created by its owner, referred to by all who may list something there */
	struct inbox inbox;
	struct waker waker;
	atomic_uint refs;
	void *memory;
};

struct ready_list *ready_list_create(struct agent *agent);
void ready_list_ref(struct ready_list *list);
void ready_list_unref(struct ready_list **list); /* NULL-safe */
/* The owner goes: nothing is listed and nobody is woken when this returns. What is listed already
 * can still be taken. */
void ready_list_close(struct ready_list *list);

/* Any thread: lists the node and wakes the owner unless it is listed already. */
void ready_list_notify_slow(struct ready_list *list, struct ready_node *node);
static inline void ready_list_notify(struct ready_list *list, struct ready_node *node)
{
	if (atomic_load(&node->listed) == 0)
		ready_list_notify_slow(list, node);
}

/* The owner's. A taken node keeps `listed` raised until ready_node_lower. */
struct ready_node *ready_list_take(struct ready_list *list); /* NULL: none just now */
void ready_list_put_back(struct ready_list *list, struct ready_node *node); /* at the end */
static inline void ready_node_lower(struct ready_node *node)
{
	atomic_store(&node->listed, 0);
}
/* True: it was low, and is ours now; nobody lists it until it is lowered again. */
static inline bool ready_node_raise(struct ready_node *node)
{
	return atomic_exchange(&node->listed, 1) == 0;
}

#endif
