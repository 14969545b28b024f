/* SPDX-License-Identifier: Apache-2.0
 * pool_os.c - threads that may block: file operations, name resolution, background work.
 * A thread is started when a job comes and none is idle, up to the pool's maximum. */
#include <stdio.h>

#include "common/base/check.h"
#include "common/world/world_os_priv.h"

void pool_init(struct pool *pool, const char *name, uint32_t threads_max, pool_run_fn *run)
{
	CHECK(threads_max <= ARRAY_COUNT(pool->threads), "%u threads", threads_max);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	list_init(&pool->queue);
	pool->name = name;
	pool->threads_max = threads_max;
	pool->run = run;
}

void pool_fini(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	CHECK(list_empty(&pool->queue), "pool %s still has jobs", pool->name);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
}

static void *pool_main(void *context)
{
	struct pool *pool = context;
	void *stack = os_signal_stack_begin();

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct list_node *job = list_pop_front(&pool->queue);

		if (job != NULL) {
			pthread_mutex_unlock(&pool->lock);
			pool->run(job);
			pthread_mutex_lock(&pool->lock);
			continue;
		}
		if (pool->stop)
			break;
		pool->idle_count++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	os_signal_stack_end(stack);
	return NULL;
}

/* With the lock held. */
static void start_thread(struct pool *pool)
{
	char name[16];

	snprintf(name, sizeof(name), "%s-%u", pool->name, pool->threads_count + 1);
	if (os_thread_start(&pool->threads[pool->threads_count], name, pool_main, pool) == 0)
		pool->threads_count++;
}

void pool_submit(struct pool *pool, struct list_node *job)
{
	pthread_mutex_lock(&pool->lock);
	list_push_back(&pool->queue, job);
	uint32_t waiting = 0;

	for (struct list_node *at = pool->queue.head.next; at != &pool->queue.head; at = at->next)
		if (++waiting > pool->idle_count)
			break;
	if (waiting > pool->idle_count && pool->threads_count < pool->threads_max)
		start_thread(pool);
	bool alone = pool->threads_count == 0;

	if (alone)
		list_remove(job);
	else
		pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	if (alone)
		pool->run(job);
}

struct list_node *pool_cancel(struct pool *pool, pool_match_fn *match, const void *context)
{
	struct list_node *found = NULL;

	pthread_mutex_lock(&pool->lock);
	for (struct list_node *at = pool->queue.head.next; at != &pool->queue.head; at = at->next) {
		if (!match(at, context))
			continue;
		found = at;
		list_remove(at);
		break;
	}
	pthread_mutex_unlock(&pool->lock);
	return found;
}
