/* SPDX-License-Identifier: Apache-2.0
 * runner_os.c - one thread that steps its agents in turn, and parks when none of them is awake.
 *
 * Stepping. A round looks at every agent once: awake, or its moment has come, and it is stepped.
 * WORKED keeps it in the next round; IDLE and BLOCKED put it to sleep until a wake or *wake_at.
 * Under load the event base is polled now and then, so that sockets are served.
 *
 * Parking without lost wakes: the thread sets `parked`, then looks at every agent once more;
 * agent_wake raises the agent's flag, then looks at `parked`. All four are sequentially consistent,
 * so one of the two sees the other. Only who takes `parked` down writes to the eventfd.
 *
 * Eviction. While agent S is inside a step, a watchdog moves the runner to a fresh thread:
 *
 *      before                     after
 *      thread A: runner {S, X, Y}     thread A: lane {S}      a private runner with the same loop
 *                                     thread B: runner {X, Y} same identity, same event base
 *
 * Who owns the runner is decided by one compare-and-swap of runner.current from S to nothing: the
 * stepping thread makes it when the step returns, the evictor makes it while the step is under way,
 * one of them wins. S stays on its lane for good. Its connections belong to the runner's loop, and
 * stay usable from the lane: registration is guarded inside libevent, readiness flags are atomic,
 * the callbacks on thread B only raise flags. What thread B must not see half done (list changes by
 * others, jobs that come back, S being forgotten) is posted to it under loop->lock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#define POLL_EVERY_NS (100 * NS_PER_US) /* a poll costs about 1 µs */
#define DESTROY_WAIT_MS 1000
#define ROUND_SHARE 8                    /* of the latest round in the average */
#define READY INT64_MIN /* agent.wake_at of one that answered WORKED */

struct removal {
	struct agent *agent;
	bool made;
	struct list_node node;
};

_Thread_local struct seat *os_seat_here;
static struct agent agent_gone; /* runner.current of an agent that removed itself in its step */

static struct world_os *world_of(const struct runner_os *r)
{
	return (struct world_os *)r->base.world;
}

/* ---- waking ---------------------------------------------------------------------------------- */

void runner_os_wake(struct runner *runner)
{
	struct runner_os *r = (struct runner_os *)runner;
	uint64_t one = 1;

	if (atomic_load(&r->parked) == 0 || atomic_exchange(&r->parked, 0) == 0)
		return;
	/* Fails only when the counter is full, and then it is readable anyway. */
	if (write(r->wake_fd, &one, sizeof(one)) < 0)
		CHECK(errno == EAGAIN || errno == EINTR, "eventfd: errno %d", errno);
}

bool runner_os_intact(const struct runner *runner)
{
	return fcntl(((const struct runner_os *)runner)->wake_fd, F_GETFD) >= 0;
}

/* With the lock held. */
static void post(struct runner_os *r)
{
	atomic_store(&r->posted, 1);
	runner_os_wake(&r->base);
}

void runner_os_add(struct runner *runner, struct agent *agent)
{
	struct runner_os *r = (struct runner_os *)runner;

	pthread_mutex_lock(&r->loop->lock);
	list_push_back(&r->added, &agent->node);
	agent->wake_at = MONO_NEVER;
	atomic_store(&agent->runner, runner);
	atomic_store(&agent->awake, 1);
	atomic_fetch_add(&r->agents_count, 1);
	post(r);
	pthread_mutex_unlock(&r->loop->lock);
	if (watchdog_asleep(&world_of(r)->watchdog) && !atomic_load(&runner->together))
		watchdog_rouse(world_of(r)); /* it may be waiting behind a stuck step */
}

/* ---- forgetting agents ---------------------------------------------------------------------- */

/* With the lock held, on the driving thread or when there is none. */
static void unlink_agent(struct runner_os *r, struct agent *agent)
{
	if (r->cursor == &agent->node)
		r->cursor = agent->node.next;
	list_remove(&agent->node);
	atomic_store(&agent->runner, NULL);
	atomic_fetch_sub(&r->agents_count, 1);
}

static void remove_self(struct runner_os *r, struct agent *agent)
{
	os_seat_here->gone = true;
	atomic_store(&r->current, &agent_gone); /* nobody may evict it any more: it may be freed */
	unlink_agent(r, agent);
}

static void wait_until_forgotten(struct loop_os *loop, struct agent *agent)
{
	while (atomic_load(&agent->runner) != NULL)
		pthread_cond_wait(&loop->changed, &loop->lock);
	list_remove(&agent->node); /* it may have finished meanwhile: `done` is not called then */
}

void runner_os_remove(struct runner *runner, struct agent *agent)
{
	struct loop_os *loop = ((struct runner_os *)runner)->loop;

	pthread_mutex_lock(&loop->lock);
	struct runner_os *owner = (struct runner_os *)atomic_load(&agent->runner);

	if (owner == NULL) {
		list_remove(&agent->node); /* answered STEP_DONE, not yet told so */
	} else if (agent == runner_agent_here) {
		remove_self(owner, agent);
	} else if (owner->parent != NULL) {
		atomic_store(&owner->stop, true);
		runner_os_wake(&owner->base);
		wait_until_forgotten(loop, agent); /* as long as its step takes */
	} else if (os_seat_here != NULL && owner->seat == os_seat_here) {
		unlink_agent(owner, agent);
	} else {
		struct removal removal = { .agent = agent };

		list_push_back(&owner->removals, &removal.node);
		post(owner);
		while (!removal.made)
			pthread_cond_wait(&loop->changed, &loop->lock);
	}
	pthread_mutex_unlock(&loop->lock);
}

/* STEP_DONE. The runner's thread calls `done`; a lane hands the agent back for that and ends. */
static void finish_agent(struct runner_os *r, struct agent *agent)
{
	pthread_mutex_lock(&r->loop->lock);
	unlink_agent(r, agent);
	if (r->parent != NULL) {
		list_push_back(&r->parent->finished, &agent->node);
		atomic_store(&r->stop, true);
		post(r->parent);
		pthread_cond_broadcast(&r->loop->changed);
	}
	pthread_mutex_unlock(&r->loop->lock);
	if (r->parent == NULL && agent->done != NULL)
		agent->done(agent);
}

/* ---- the runner's thread -------------------------------------------------------------------- */

static void retire(struct runner_os *r)
{
	struct world_os *world = world_of(r);

	pthread_mutex_lock(&world->leaf_lock);
	list_push_back(&world->retired, &r->node);
	pthread_mutex_unlock(&world->leaf_lock);
}

static void reap_lane(struct runner_os *lane)
{
	pthread_join(lane->seat->thread, NULL);
	sampler_os_seat_free(lane->seat);
	lane->seat = NULL;
	retire(lane);
}

static void take_removals(struct runner_os *r)
{
	struct list_node *node;

	while ((node = list_pop_front(&r->removals)) != NULL) {
		struct removal *removal = CONTAINER_OF(node, struct removal, node);
		struct runner *owner = atomic_load(&removal->agent->runner);

		if (owner == &r->base)
			unlink_agent(r, removal->agent);
		else
			list_remove(&removal->agent->node); /* it finished first */
		removal->made = true;
	}
	pthread_cond_broadcast(&r->loop->changed);
}

static void take_posted(struct runner_os *r)
{
	struct list_node *node;
	struct list ended;

	list_init(&ended);
	pthread_mutex_lock(&r->loop->lock);
	atomic_store(&r->posted, 0);
	while ((node = list_pop_front(&r->added)) != NULL)
		list_push_back(&r->agents, node);
	loop_os_deliver(r->loop);
	take_removals(r);
	LIST_FOR_EACH(&r->lanes, struct runner_os, lane_node, lane) {
		if (!lane->seat->ended)
			continue;
		list_remove(&lane->lane_node);
		list_push_back(&ended, &lane->lane_node);
		atomic_fetch_sub(&r->lanes_count, 1);
	}
	while ((node = list_pop_front(&r->finished)) != NULL) {
		struct agent *agent = CONTAINER_OF(node, struct agent, node);

		pthread_mutex_unlock(&r->loop->lock);
		if (agent->done != NULL)
			agent->done(agent);
		pthread_mutex_lock(&r->loop->lock);
	}
	pthread_mutex_unlock(&r->loop->lock);
	while ((node = list_pop_front(&ended)) != NULL)
		reap_lane(CONTAINER_OF(node, struct runner_os, lane_node));
}

static void lane_wait(struct runner_os *lane, mono_t until, mono_t now)
{
	struct pollfd wake = { .fd = lane->wake_fd, .events = POLLIN };
	struct timespec left = { .tv_sec = (until - now) / NS_PER_S,
				 .tv_nsec = (until - now) % NS_PER_S };
	uint64_t count;

	/* Interrupted or not: the caller looks at its agent again. */
	if (ppoll(&wake, 1, until == MONO_NEVER ? NULL : &left, NULL) > 0 &&
	    read(lane->wake_fd, &count, sizeof(count)) < 0)
		CHECK(errno == EAGAIN || errno == EINTR, "eventfd: errno %d", errno);
}

static void park(struct runner_os *r, mono_t *now)
{
	mono_t earliest = MONO_NEVER;

	atomic_store(&r->parked, 1);
	bool busy = atomic_load(&r->posted) != 0 || atomic_load(&r->stop);

	LIST_FOR_EACH(&r->agents, struct agent, node, agent) {
		busy = busy || atomic_load(&agent->awake) != 0;
		earliest = mono_min(earliest, agent->wake_at);
	}
	if (!busy && earliest > *now) {
		if (r->parent != NULL)
			lane_wait(r, earliest, *now);
		else
			loop_os_wait(r->loop, earliest);
	}
	atomic_store(&r->parked, 0);
	*now = os_clock();
	loop_os_advance(r->loop, *now);
	if (watchdog_asleep(&world_of(r)->watchdog) && runner_os_evictable(r))
		watchdog_rouse(world_of(r));
}

/* The step returned, but runner.current is not its agent: the agent removed itself, or the runner
 * was moved to another thread, or both. Says where the agent is now; NULL: nowhere. */
static struct runner_os *step_was_disturbed(struct seat *seat)
{
	pthread_mutex_lock(&seat->loop->lock);
	if (seat->lane != NULL)
		seat->runner = seat->lane;
	struct runner_os *r = seat->runner;

	if (seat->gone && r->parent != NULL)
		atomic_store(&r->stop, true); /* a lane is nothing without its agent */
	atomic_store(&r->current, NULL);
	bool gone = seat->gone;

	pthread_mutex_unlock(&seat->loop->lock);
	return gone ? NULL : r;
}

/* *now comes in as the step's beginning and goes out as its end. */
HOT static bool step_agent(struct seat *seat, struct agent *agent, mono_t *now)
{
	struct runner_os *r = seat->runner;
	mono_t begin = *now, wake_at = MONO_NEVER;
	struct agent *expected = agent;

	seat->gone = false;
	atomic_store_explicit(&r->since, begin, memory_order_relaxed);
	atomic_store_explicit(&r->current, agent, memory_order_release);
	runner_agent_here = agent;
	enum step answer = agent->step(agent, begin, &wake_at);

	runner_agent_here = NULL;
	if (unlikely(!atomic_compare_exchange_strong(&r->current, &expected, NULL)))
		r = step_was_disturbed(seat);
	*now = os_clock();
	loop_os_advance(seat->loop, *now);
	if (r == NULL)
		return false;
	int64_t took = *now - begin;

	atomic_store_explicit(&agent->worked_ns,
			      atomic_load_explicit(&agent->worked_ns, memory_order_relaxed) + took,
			      memory_order_relaxed);
	if (took > atomic_load_explicit(&agent->longest_step_ns, memory_order_relaxed))
		atomic_store_explicit(&agent->longest_step_ns, took, memory_order_relaxed);
	agent->wake_at = answer == STEP_WORKED ? READY : wake_at;
	if (unlikely(answer == STEP_DONE))
		finish_agent(r, agent);
	return answer == STEP_WORKED;
}

/* Each agent that is awake once. True: some of them worked. */
HOT static bool run_round(struct seat *seat, struct runner_os *r, mono_t *now)
{
	bool worked = false;

	r->cursor = r->agents.head.next;
	while (r->cursor != &r->agents.head) {
		struct agent *agent = CONTAINER_OF(r->cursor, struct agent, node);

		r->cursor = r->cursor->next;
		if (atomic_load(&agent->awake) != 0)
			atomic_exchange(&agent->awake, 0);
		else if (agent->wake_at > *now)
			continue;
		worked |= step_agent(seat, agent, now);
		if (unlikely(seat->runner != r ||
			     atomic_load_explicit(&r->stop, memory_order_relaxed)))
			return true;
	}
	return worked;
}

/* An average that forgets half of what was in five rounds. */
static void count_round(struct runner_os *r, int64_t took_ns)
{
	int64_t before = atomic_load_explicit(&r->base.round_ns, memory_order_relaxed);

	atomic_store_explicit(&r->base.round_ns, before + (took_ns - before) / ROUND_SHARE,
			      memory_order_relaxed);
}

static void drive(struct seat *seat)
{
	mono_t now = os_clock(), polled = now;

	loop_os_advance(seat->loop, now);
	while (!atomic_load(&seat->runner->stop)) {
		struct runner_os *r = seat->runner;

		mono_t began = now;

		if (atomic_load(&r->posted) != 0)
			take_posted(r);
		if (!run_round(seat, r, &now)) {
			park(r, &now);
			polled = now;
		} else if (seat->runner == r && r->parent == NULL) {
			count_round(r, now - began);
			if (now - polled < POLL_EVERY_NS)
				continue;
			loop_os_poll(r->loop);
			polled = now;
		}
	}
}

/* With the lock held, at the end of a lane: its agent, if it has one left, is forgotten. */
static void lane_end(struct runner_os *lane)
{
	LIST_FOR_EACH(&lane->agents, struct agent, node, agent)
		unlink_agent(lane, agent);
	post(lane->parent);
}

/* pthread_exit in a user function: the rest of the step would never come, and everybody who waits
 * for this thread would wait for ever. While the step is known this is a crash like others. */
static void thread_left(void *context)
{
	const struct agent *agent = runner_agent_here;

	CHECK(false, "a step of \"%s\" ended its thread (pthread_exit)",
	      agent != NULL ? agent->name : "nobody");
}

static void *seat_main(void *context)
{
	struct seat *seat = context;
	void *stack = os_signal_stack_begin();

	os_seat_here = seat;
	sampler_os_seat_begin(seat, (uintptr_t)__builtin_frame_address(0));
	atomic_store(&seat->thread_id, (int)syscall(SYS_gettid));
	pthread_mutex_lock(&seat->loop->lock);
	bool go = seat->go;

	pthread_mutex_unlock(&seat->loop->lock);
	pthread_cleanup_push(thread_left, seat);
	if (go)
		drive(seat);
	pthread_cleanup_pop(0);
	pthread_mutex_lock(&seat->loop->lock);
	if (seat->runner->parent != NULL)
		lane_end(seat->runner);
	seat->ended = true;
	pthread_cond_broadcast(&seat->loop->changed);
	pthread_mutex_unlock(&seat->loop->lock);
	os_signal_stack_end(stack);
	return NULL;
}

/* ---- eviction ------------------------------------------------------------------------------- */

/* A retired one, unless connections of its former life are still open; NULL: none. */
static struct runner_os *take_retired(struct world_os *world)
{
	struct runner_os *found = NULL;

	pthread_mutex_lock(&world->leaf_lock);
	LIST_FOR_EACH(&world->retired, struct runner_os, node, r) {
		if (r->own_loop != NULL && !atomic_load(&r->own_loop->idle))
			continue;
		list_remove(&r->node);
		found = r;
		break;
	}
	pthread_mutex_unlock(&world->leaf_lock);
	return found;
}

static struct runner_os *runner_alloc(struct world_os *world, struct err *err)
{
	struct runner_os *r = take_retired(world);

	if (r == NULL) {
		int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		if (wake_fd < 0) {
			err_set_errno(err, ERR_RESOURCE, errno, "cannot create an eventfd");
			return NULL;
		}
		r = MEM_NEW(struct runner_os);
		r->base.vtable = world->base.vtable;
		r->base.world = &world->base;
		r->wake_fd = wake_fd;
	}
	r->parent = NULL;
	r->suspect = NULL;
	r->cursor = NULL;
	atomic_store(&r->base.together, false);
	atomic_store(&r->base.round_ns, 0);
	atomic_store(&r->posted, 0);
	atomic_store(&r->stop, false);
	atomic_store(&r->agents_count, 0);
	atomic_store(&r->lanes_count, 0);
	atomic_store(&r->current, NULL);
	list_init(&r->added);
	list_init(&r->finished);
	list_init(&r->removals);
	list_init(&r->lanes);
	list_init(&r->agents);
	return r;
}

/* With the lock held. The thread waits at its door for the lock, and goes away if !seat->go. */
static struct seat *seat_start(struct runner_os *r, struct err *err)
{
	struct seat *seat = MEM_NEW(struct seat);

	seat->runner = r;
	seat->loop = r->loop;
	int failed = os_thread_start(&seat->thread, r->name, seat_main, seat);

	if (failed != 0) {
		err_set_errno(err, ERR_RESOURCE, failed, "cannot start the thread of runner %s",
			      r->name);
		mem_free(seat);
		return NULL;
	}
	return seat;
}

/* With the lock held: if `stuck` is still in its step, the runner is fresh's and the lane
 * stuck's. */
static bool move_to_lane(struct runner_os *r, struct agent *stuck, struct runner_os *lane,
			 struct seat *fresh)
{
	struct agent *expected = stuck;

	if (!atomic_compare_exchange_strong(&r->current, &expected, NULL))
		return false;
	list_remove(&stuck->node);
	atomic_fetch_sub(&r->agents_count, 1);
	lane->parent = r;
	lane->loop = r->loop;
	lane->base.loop = &r->loop->base;
	memcpy(lane->name, r->name, sizeof(lane->name));
	lane->seat = r->seat;
	atomic_store(&lane->agents_count, 1);
	list_push_back(&lane->agents, &stuck->node);
	atomic_store(&lane->since, atomic_load(&r->since));
	atomic_store(&lane->current, stuck);
	list_push_back(&r->lanes, &lane->lane_node);
	atomic_fetch_add(&r->lanes_count, 1);
	r->seat->lane = lane;
	r->seat = fresh;
	/* After this a wake of it goes to the lane. One that went to the runner just before has
	 * raised the flag, which the lane sees before it parks. */
	atomic_store(&stuck->runner, &lane->base);
	fresh->go = true;
	return true;
}

int runner_os_evict(struct runner *runner, struct agent *stuck, struct err *err)
{
	struct runner_os *r = (struct runner_os *)runner;

	if (atomic_load(&r->current) != stuck)
		return 0; /* its step is over */
	struct runner_os *lane = runner_alloc(world_of(r), err);

	if (lane == NULL)
		return -1;
	pthread_mutex_lock(&r->loop->lock);
	struct seat *fresh = seat_start(r, err);
	bool moved = fresh != NULL && move_to_lane(r, stuck, lane, fresh);

	pthread_mutex_unlock(&r->loop->lock);
	if (fresh != NULL && !moved) {
		pthread_join(fresh->thread, NULL);
		sampler_os_seat_free(fresh);
	}
	if (!moved)
		retire(lane);
	return fresh != NULL ? 0 : -1;
}

struct agent *runner_os_current(const struct runner *runner, mono_t *since)
{
	const struct runner_os *r = (const struct runner_os *)runner;
	struct agent *agent = atomic_load(&r->current);

	*since = agent != NULL && agent != &agent_gone ? atomic_load(&r->since) : 0;
	return agent == &agent_gone ? NULL : agent;
}

uint32_t runner_os_blocking_count(const struct runner *runner)
{
	return atomic_load(&((const struct runner_os *)runner)->lanes_count);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

struct runner *runner_os_create(struct world *world, const char *name, struct err *err)
{
	struct world_os *os = (struct world_os *)world;
	struct runner_os *r = runner_alloc(os, err);

	if (r == NULL)
		return NULL;
	snprintf(r->name, sizeof(r->name), "%s", name);
	if (loop_os_open(r, err) != 0) {
		retire(r);
		return NULL;
	}
	pthread_mutex_lock(&r->loop->lock);
	r->seat = seat_start(r, err);
	if (r->seat != NULL)
		r->seat->go = true;
	pthread_mutex_unlock(&r->loop->lock);
	if (r->seat == NULL) {
		loop_os_unref(r->loop);
		retire(r);
		return NULL;
	}
	pthread_mutex_lock(&os->lock);
	list_push_back(&os->runners, &r->node);
	watchdog_start(os);
	pthread_mutex_unlock(&os->lock);
	return &r->base;
}

/* With the lock held: waits for the thread. False: it is stuck in a step, and left to itself; it
 * will touch neither its agent nor anything that is freed. */
static bool wait_seat(struct runner_os *r, mono_t deadline)
{
	struct timespec until = { .tv_sec = deadline / NS_PER_S, .tv_nsec = deadline % NS_PER_S };
	struct seat *seat = r->seat;

	while (!seat->ended) {
		if (pthread_cond_timedwait(&r->loop->changed, &r->loop->lock, &until) != ETIMEDOUT)
			continue;
		struct agent *stuck = atomic_load(&r->current);

		if (stuck == NULL || stuck == &agent_gone ||
		    !atomic_compare_exchange_strong(&r->current, &stuck, &agent_gone)) {
			/* not in a step: it is on its way */
			deadline += DESTROY_WAIT_MS * NS_PER_MS;
			until.tv_sec = deadline / NS_PER_S;
			continue;
		}
		seat->gone = true;
		sampler_os_disarm(seat);
		log_warn("Runner", "%s: %s does not return from a step; its thread is left behind",
			 r->name, stuck->name);
		pthread_detach(seat->thread);
		return false;
	}
	return true;
}

static bool background_of_loop(const struct list_node *job, const void *loop)
{
	return CONTAINER_OF(job, const struct background, node_)->loop_ == loop;
}

/* With the lock held: jobs of this loop are waited for, except background work nobody began. */
static void settle_jobs(struct loop_os *loop)
{
	struct world_os *world = (struct world_os *)loop->base.world;
	struct list_node *node;

	while ((node = pool_cancel(&world->background_pool, background_of_loop,
				   &loop->base)) != NULL)
		list_push_back(&loop->background_done, node);
	for (;;) {
		loop_os_deliver(loop);
		if (loop->under_way == 0)
			break;
		pthread_cond_wait(&loop->changed, &loop->lock);
	}
	loop->driven = false;
}

static void forget_agents(struct runner_os *r)
{
	struct list_node *node;

	while ((node = list_pop_front(&r->added)) != NULL)
		list_push_back(&r->agents, node);
	LIST_FOR_EACH(&r->agents, struct agent, node, agent)
		unlink_agent(r, agent);
}

void runner_os_destroy(struct runner *runner)
{
	struct runner_os *r = (struct runner_os *)runner;
	struct loop_os *loop = r->loop;
	struct world_os *world = world_of(r);
	mono_t deadline = os_clock() + DESTROY_WAIT_MS * NS_PER_MS;
	struct list_node *node;

	pthread_mutex_lock(&world->lock);
	list_remove(&r->node); /* from here on the watchdog does not see it */
	pthread_mutex_unlock(&world->lock);
	pthread_mutex_lock(&loop->lock);
	CHECK(os_seat_here == NULL || os_seat_here->loop != loop, "runner %s destroys itself",
	      r->name);
	atomic_store(&r->stop, true);
	runner_os_wake(&r->base);
	bool left = !wait_seat(r, deadline); /* first: it reaps lanes until it ends */

	LIST_FOR_EACH(&r->lanes, struct runner_os, lane_node, lane) {
		atomic_store(&lane->stop, true);
		runner_os_wake(&lane->base);
	}
	while ((node = list_pop_front(&r->lanes)) != NULL) {
		struct runner_os *lane = CONTAINER_OF(node, struct runner_os, lane_node);

		if (wait_seat(lane, deadline)) {
			pthread_mutex_unlock(&loop->lock);
			reap_lane(lane);
			pthread_mutex_lock(&loop->lock);
		} else {
			forget_agents(lane);
			left = true;
		}
	}
	settle_jobs(loop);
	take_removals(r);
	forget_agents(r);
	pthread_mutex_unlock(&loop->lock);
	while ((node = list_pop_front(&r->finished)) != NULL) {
		struct agent *agent = CONTAINER_OF(node, struct agent, node);

		if (agent->done != NULL)
			agent->done(agent);
	}
	if (left)
		return; /* the thread left behind will look at loop and runner once more */
	pthread_join(r->seat->thread, NULL);
	sampler_os_seat_free(r->seat);
	r->seat = NULL;
	loop_os_unref(loop);
	retire(r);
}

void runner_os_free_retired(struct list *retired)
{
	struct list_node *node;

	while ((node = list_pop_front(retired)) != NULL) {
		struct runner_os *r = CONTAINER_OF(node, struct runner_os, node);

		close(r->wake_fd);
		if (r->own_loop != NULL)
			loop_os_free(r->own_loop);
		mem_free(r);
	}
}
