/* SPDX-License-Identifier: Apache-2.0
 * loop_os.c - a runner's event base: sockets, the eventfd that wakes it, one timer.
 *
 * All descriptors are registered once, edge-triggered, and never re-armed; the timer is a timerfd
 * of our own (nanoseconds, set only when the earliest moment changes). Neither the eventfd nor the
 * timerfd is ever read: each write or expiry is an edge.
 *
 * The event base is used by the thread that drives the runner. An evicted agent's thread may open
 * and close connections beside it, which libevent's own locks allow (evthread_use_pthreads). */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

static void nothing(evutil_socket_t fd, short what, void *context)
{
	/* Waking from event_base_loop is all that is wanted. */
}

static struct loop_os *loop_alloc(struct runner_os *runner)
{
	struct loop_os *loop = MEM_NEW(struct loop_os);

	loop->base.world = runner->base.world;
	loop->base.runner = &runner->base;
	loop->timer_fd = -1;
	pthread_mutex_init(&loop->lock, NULL);
	os_cond_init(&loop->changed);
	list_init(&loop->files_done);
	list_init(&loop->background_done);
	return loop;
}

static void close_events(struct loop_os *loop)
{
	if (loop->wake_event != NULL)
		event_free(loop->wake_event);
	if (loop->timer_event != NULL)
		event_free(loop->timer_event);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->events != NULL)
		event_base_free(loop->events);
	loop->wake_event = loop->timer_event = NULL;
	loop->timer_fd = -1;
	loop->events = NULL;
	atomic_store(&loop->idle, true); /* last: from here on it may have another life */
}

static int open_events(struct loop_os *loop, int wake_fd, struct err *err)
{
	loop->events = event_base_new();
	if (loop->events == NULL)
		return err_set_errno(err, ERR_RESOURCE, errno,
				     "cannot create an event queue (epoll)");
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "cannot create a timer");
	loop->wake_event =
		event_new(loop->events, wake_fd, EV_READ | EV_PERSIST | EV_ET, nothing, NULL);
	loop->timer_event = event_new(loop->events, loop->timer_fd, EV_READ | EV_PERSIST | EV_ET,
				      nothing, NULL);
	if (loop->wake_event == NULL || loop->timer_event == NULL ||
	    event_add(loop->wake_event, NULL) != 0 || event_add(loop->timer_event, NULL) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno,
				     "cannot watch a descriptor (epoll_ctl)");
	return 0;
}

int loop_os_open(struct runner_os *runner, struct err *err)
{
	if (runner->own_loop == NULL)
		runner->own_loop = loop_alloc(runner);
	struct loop_os *loop = runner->own_loop;

	runner->loop = loop;
	runner->base.loop = &loop->base;
	atomic_store(&loop->idle, false);
	if (open_events(loop, runner->wake_fd, err) != 0) {
		close_events(loop);
		return -1;
	}
	loop->timer_armed = MONO_NEVER;
	atomic_store(&loop->refs, 1);
	loop_os_advance(loop, os_clock());
	pthread_mutex_lock(&loop->lock); /* a late file_submit may be looking */
	loop->driven = true;
	pthread_mutex_unlock(&loop->lock);
	return 0;
}

void loop_os_free(struct loop_os *loop)
{
	CHECK(atomic_load(&loop->idle), "a world ends before its connections");
	pthread_cond_destroy(&loop->changed);
	pthread_mutex_destroy(&loop->lock);
	mem_free(loop);
}

void loop_os_ref(struct loop_os *loop)
{
	atomic_fetch_add(&loop->refs, 1);
}

void loop_os_unref(struct loop_os *loop)
{
	if (atomic_fetch_sub(&loop->refs, 1) == 1)
		close_events(loop);
}

/* Lanes share the loop, so two threads may move its clock: it never goes back. */
void loop_os_advance(struct loop_os *loop, mono_t now)
{
	mono_t seen = atomic_load_explicit(&loop->base.now, memory_order_relaxed);

	while (seen < now &&
	       !atomic_compare_exchange_weak_explicit(&loop->base.now, &seen, now,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

void loop_os_poll(struct loop_os *loop)
{
	int failed = event_base_loop(loop->events, EVLOOP_NONBLOCK);

	CHECK(failed >= 0, "libevent's loop failed: errno %d", errno);
}

void loop_os_wait(struct loop_os *loop, mono_t until)
{
	/* A timer left armed for a moment nobody waits for costs one empty round, no more. */
	if (until != MONO_NEVER && until != loop->timer_armed) {
		/* 0 would disarm it; a moment long past fires at once, which is what is wanted. */
		mono_t at = until > 0 ? until : 1;
		struct itimerspec when = {
			.it_value = { .tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S },
		};
		int failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);

		CHECK(failed == 0, "timerfd_settime: errno %d", errno);
		loop->timer_armed = until;
	}
	int failed = event_base_loop(loop->events, EVLOOP_ONCE);

	CHECK(failed >= 0, "libevent's loop failed: errno %d", errno);
}

void loop_os_in_event(struct loop_os *loop)
{
	struct runner_os *runner = (struct runner_os *)loop->base.runner;

	atomic_store(&runner->parked, 0);
}

/* ---- jobs that come back from the pools ------------------------------------------------------ */

static void come_back(struct loop_os *loop, struct list *list, struct list_node *node)
{
	struct runner_os *runner = (struct runner_os *)loop->base.runner;

	/* All under the lock: as soon as it is released, runner_destroy may go on and free us. */
	pthread_mutex_lock(&loop->lock);
	list_push_back(list, node);
	atomic_store(&runner->posted, 1);
	pthread_cond_broadcast(&loop->changed);
	runner_os_wake(&runner->base);
	pthread_mutex_unlock(&loop->lock);
}

void loop_os_file_done(struct loop_os *loop, struct file_op *op)
{
	come_back(loop, &loop->files_done, &op->node_);
}

void loop_os_background_done(struct loop_os *loop, struct background *work)
{
	come_back(loop, &loop->background_done, &work->node_);
}

/* Once `done` is true the owner may free the job, and with it the agent; both only on a thread that
 * takes the lock for it (runner_os_remove, STEP_DONE), so the agent outlives the wake. */
void loop_os_deliver(struct loop_os *loop)
{
	struct list_node *node;

	while ((node = list_pop_front(&loop->files_done)) != NULL) {
		struct file_op *op = CONTAINER_OF(node, struct file_op, node_);
		struct agent *wake = op->wake_;

		loop->under_way--;
		atomic_store(&op->done, true);
		if (wake != NULL)
			agent_wake(wake);
	}
	while ((node = list_pop_front(&loop->background_done)) != NULL) {
		struct background *work = CONTAINER_OF(node, struct background, node_);
		struct agent *wake = work->wake_;

		loop->under_way--;
		if (work->finished_ != NULL) {
			work->finished_(work);
			continue;
		}
		atomic_store(&work->done, true);
		if (wake != NULL)
			agent_wake(wake);
	}
}
