/* SPDX-License-Identifier: Apache-2.0
 * ready.c - wakers and ready lists. */
#include "taskmanager/shuffle/ready.h"

#include "common/base/mem.h"
#include "taskmanager/shuffle/aligned.h"

void waker_wake(struct waker *waker)
{
	atomic_fetch_add(&waker->users, 1);
	struct agent *agent = atomic_load(&waker->agent);

	if (agent != NULL)
		agent_wake(agent);
	atomic_fetch_sub(&waker->users, 1);
}

const struct runner *waker_runner(struct waker *waker)
{
	atomic_fetch_add(&waker->users, 1);
	struct agent *agent = atomic_load(&waker->agent);
	const struct runner *runner = agent != NULL ? atomic_load(&agent->runner) : NULL;

	atomic_fetch_sub(&waker->users, 1);
	return runner;
}

void waker_set(struct waker *waker, struct agent *agent)
{
	atomic_store(&waker->agent, agent);
	/* Another thread is inside agent_wake: it neither waits nor wants a lock of ours. */
	while (agent == NULL && atomic_load(&waker->users) != 0)
		;
}

struct ready_list *ready_list_create(struct agent *agent)
{
	void *memory;
	struct ready_list *list = aligned_alloc_lines(sizeof(*list), &memory);

	list->memory = memory;
	inbox_init(&list->inbox);
	atomic_init(&list->waker.agent, agent);
	atomic_init(&list->refs, 1);
	return list;
}

void ready_list_ref(struct ready_list *list)
{
	atomic_fetch_add(&list->refs, 1);
}

void ready_list_unref(struct ready_list **list)
{
	struct ready_list *old = *list;

	*list = NULL;
	if (old != NULL && atomic_fetch_sub(&old->refs, 1) == 1)
		mem_free(old->memory);
}

void ready_list_close(struct ready_list *list)
{
	waker_set(&list->waker, NULL);
}

void ready_list_notify_slow(struct ready_list *list, struct ready_node *node)
{
	/* The counter goes up before the node is raised: a closed list has no node on its way to
	 * it. */
	atomic_fetch_add(&list->waker.users, 1);
	struct agent *agent = atomic_load(&list->waker.agent);

	if (agent != NULL && ready_node_raise(node)) {
		inbox_post(&list->inbox, &node->node);
		agent_wake(agent);
	}
	atomic_fetch_sub(&list->waker.users, 1);
}

struct ready_node *ready_list_take(struct ready_list *list)
{
	struct inbox_node *node = inbox_take(&list->inbox);

	return node ? CONTAINER_OF(node, struct ready_node, node) : NULL;
}

void ready_list_put_back(struct ready_list *list, struct ready_node *node)
{
	inbox_post(&list->inbox, &node->node);
}
