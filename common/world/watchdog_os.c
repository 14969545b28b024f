/* SPDX-License-Identifier: Apache-2.0
 * watchdog_os.c - one thread that looks at every runner's current step and evicts agents that stay
 * in it, so that a user function that sleeps or spins stops nobody else (agent.h, runner_evict).
 *
 * It ticks only while some runner that could evict an agent is not parked; else it sleeps until one
 * goes on. A step is stuck when it was seen under way for STUCK_NS, and its thread either waits in
 * the kernel or has computed all that time: a thread that merely had no core is not stuck, up to a
 * limit. When the watchdog itself stood still (SIGSTOP, a busy machine), it begins anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/world/world_os_priv.h"

#define TICK_NS (2 * NS_PER_MS)
#define STUCK_NS (6 * NS_PER_MS) /* after the first sight, which comes ≤ one tick after the begin */
#define STUCK_ANYHOW_NS (100 * NS_PER_MS)
#define TICKS_BEFORE_SLEEP 10

/* The state letter of /proc/…/stat: S and D wait in the kernel, R runs or would. */
static bool thread_waits(int thread_id)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread_id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t length = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	const char *name_end = strrchr(text, ')');

	return name_end != NULL && (name_end[2] == 'S' || name_end[2] == 'D');
}

static int64_t thread_cpu_ns(pthread_t thread)
{
	clockid_t clock;
	struct timespec used;

	if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	return used.tv_sec * NS_PER_S + used.tv_nsec;
}

static bool is_stuck(struct runner_os *r, mono_t now)
{
	if (now - r->suspect_seen < STUCK_NS)
		return false;
	pthread_mutex_lock(&r->loop->lock);
	struct seat *seat = r->seat;
	bool stuck = now - r->suspect_seen >= STUCK_ANYHOW_NS ||
		     thread_waits(atomic_load(&seat->thread_id)) ||
		     thread_cpu_ns(seat->thread) - r->suspect_cpu_ns >= STUCK_NS;

	pthread_mutex_unlock(&r->loop->lock);
	return stuck;
}

static void look_at(struct runner_os *r, mono_t now)
{
	mono_t since;
	struct agent *agent = runner_os_current(&r->base, &since);
	struct err err = ERR_INIT;

	if (agent == NULL || atomic_load(&r->base.together)) {
		r->suspect = NULL;
	} else if (agent != r->suspect || since != r->suspect_since) {
		pthread_mutex_lock(&r->loop->lock);
		r->suspect = agent;
		r->suspect_since = since;
		r->suspect_seen = now;
		r->suspect_cpu_ns = thread_cpu_ns(r->seat->thread);
		pthread_mutex_unlock(&r->loop->lock);
	} else if (atomic_load(&r->agents_count) > 1 && is_stuck(r, now)) {
		r->suspect = NULL;
		if (runner_os_evict(&r->base, agent, &err) != 0)
			log_warn("Watchdog", "%s: %s", r->name, err.text);
	}
}

static bool is_busy(const struct runner_os *r)
{
	return atomic_load(&r->parked) == 0 && runner_os_evictable(r);
}

/* With the world's lock held. Waits until a runner goes on that could have a stuck agent. */
static void sleep_deep(struct world_os *world)
{
	struct watchdog *watchdog = &world->watchdog;
	bool busy = false;

	atomic_store(&watchdog->asleep, 1);
	LIST_FOR_EACH(&world->runners, struct runner_os, node, r)
		busy = busy || is_busy(r);
	while (!busy && !watchdog->stop && atomic_load(&watchdog->asleep) != 0)
		pthread_cond_wait(&watchdog->rouse, &world->lock);
	atomic_store(&watchdog->asleep, 0);
}

static void *watchdog_main(void *context)
{
	struct world_os *world = context;
	struct watchdog *watchdog = &world->watchdog;
	uint32_t idle_ticks = 0;
	mono_t last = os_clock();

	pthread_mutex_lock(&world->lock);
	while (!watchdog->stop) {
		if (idle_ticks >= TICKS_BEFORE_SLEEP) {
			sleep_deep(world);
			idle_ticks = 0;
			last = os_clock();
			continue;
		}
		mono_t next = os_clock() + TICK_NS;
		struct timespec until = { .tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S };

		pthread_cond_timedwait(&watchdog->rouse, &world->lock, &until);
		mono_t now = os_clock();
		bool stood_still = now - last > 10 * TICK_NS;

		last = now;
		idle_ticks++;
		LIST_FOR_EACH(&world->runners, struct runner_os, node, r) {
			if (stood_still)
				r->suspect = NULL;
			if (is_busy(r))
				idle_ticks = 0;
			look_at(r, now);
		}
	}
	pthread_mutex_unlock(&world->lock);
	return NULL;
}

void watchdog_start(struct world_os *world)
{
	struct watchdog *watchdog = &world->watchdog;

	if (watchdog->started)
		return;
	os_cond_init(&watchdog->rouse);
	int failed = os_thread_start(&watchdog->thread, "watchdog", watchdog_main, world);

	if (failed == 0)
		watchdog->started = true;
	else
		log_warn("Watchdog", "cannot start its thread: %s; a user function that blocks will "
			 "hold up its slot", strerror(failed));
}

void watchdog_stop(struct world_os *world)
{
	struct watchdog *watchdog = &world->watchdog;

	if (!watchdog->started)
		return;
	pthread_mutex_lock(&world->lock);
	watchdog->stop = true;
	pthread_cond_signal(&watchdog->rouse);
	pthread_mutex_unlock(&world->lock);
	pthread_join(watchdog->thread, NULL);
	pthread_cond_destroy(&watchdog->rouse);
}

void watchdog_rouse(struct world_os *world)
{
	if (atomic_exchange(&world->watchdog.asleep, 0) == 0)
		return;
	pthread_mutex_lock(&world->lock);
	pthread_cond_signal(&world->watchdog.rouse);
	pthread_mutex_unlock(&world->lock);
}
