/* SPDX-License-Identifier: Apache-2.0
 * agent.h - everything alive is an agent: bounded work per step, never waits, reads no clock.
 *
 * A runner steps the agents it owns, on one thread (world_os) or on the simulator's one thread
 * (world_sim). Exactly one thread at a time calls step. Agents meet only through rings, inboxes and
 * channels; agent_wake may be called from any thread and calls into the kernel only when the runner
 * is parked. The runner's implementation is common/world/runner.c. */
#ifndef COMMON_BASE_AGENT_H
#define COMMON_BASE_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/compiler.h"
#include "common/base/err.h"
#include "common/base/list.h"
#include "common/base/time.h"

struct world;
struct loop;
struct runner;
struct agent;

enum step {
	STEP_WORKED,  /* did something: call again soon */
	STEP_IDLE,    /* no input: call after a wake or at *wake_at */
	STEP_BLOCKED, /* output refused: likewise */
	STEP_DONE,    /* never call again; the runner forgets the agent after this answer */
};

/* *wake_at comes in as MONO_NEVER; step may lower it. It counts only with IDLE and BLOCKED. */
typedef enum step agent_step_fn(struct agent *agent, mono_t now, mono_t *wake_at);

struct agent { /* embedded first in its owner's struct; all fields are the runner's after add */
	agent_step_fn *step;
	const char *name; /* borrowed, outlives the agent */
	_Atomic(struct runner *) runner;
	atomic_uint awake;
	/* Called by the runner's thread after STEP_DONE, when nothing of the runner refers to the
	 * agent any more; may free it. NULL: nothing. */
	void (*done)(struct agent *agent);
	mono_t wake_at;
	_Atomic int64_t worked_ns, longest_step_ns; /* gauges: any thread may read them */
	struct list_node node;
};

void agent_init(struct agent *agent, const char *name, agent_step_fn *step);
/* Any thread, any number of times; before runner_add it only remembers. */
void agent_wake(struct agent *agent);

/* Starts the thread at once (world_os) or registers with the simulator (world_sim). */
struct runner *runner_create(struct world *world, const char *name, struct err *err);
/* Any thread. The first step comes as if woken. */
void runner_add(struct runner *runner, struct agent *agent);
/* From the runner's own thread (inside a step of another agent, or of this one with STEP_DONE as
 * its answer): forgets the agent at once; `done` is not called. If the agent was evicted and is
 * inside a step, or on another thread, this waits. Of an agent on no runner: nothing. */
void runner_remove(struct runner *runner, struct agent *agent);
/* From inside the agent's own step, as the last thing that step does: the agent goes on on another
 * runner of the same world, also one that was evicted. It may be stepped there, and end, before
 * this step has returned; so nothing of it is touched after this, and the step's answer does not
 * count. Its connections go with it: conn_move, before this. */
void runner_move(struct agent *agent, struct runner *to);
/* How long a round through the runner's agents took lately, when one of them worked: what an agent
 * there waits for its turn. Any thread; 0 in world_sim. */
int64_t runner_round_ns(const struct runner *runner);
struct loop *runner_loop(struct runner *runner);
/* Moves all agents but the stuck one to a fresh thread. The runner keeps its identity and its
 * loop; the old thread, when its step returns, runs only the stuck agent from then on, for good,
 * and that agent counts as `blocking` (runner_blocking_count). 0 also if its step is over by then.
 * Called by the watchdog of world_os after about 10 ms in one step; any thread.
 * An evicted agent is stepped beside the others of its runner, so it may share nothing with them
 * but rings, inboxes and channels; its connections, files and background work stay usable, and its
 * `done` is called on the runner's thread as ever. Always an error in world_sim. */
MUST_USE int runner_evict(struct runner *runner, struct agent *stuck, struct err *err);
/* The agents of this runner share more than rings, as those of a control plane do: from now on none
 * of them is evicted, and a stuck one stops them all. Any thread, for good. */
void runner_keep_together(struct runner *runner);
/* The agent whose step is under way and since when (0: none); for the watchdog and crash notes. */
struct agent *runner_current(const struct runner *runner, mono_t *since);
uint32_t runner_blocking_count(const struct runner *runner);
/* Asks the thread to end after its current step and joins it (a stuck one is waited for ≤ 1 s, then
 * left behind with a line in the log; what its step still uses must then not be freed). Files under
 * way are waited for, background work too if it was begun. Agents still on it are not stepped
 * again; their owners free them, and may close connections and listeners of its loop after this. */
void runner_destroy(struct runner **runner);
/* The agent being stepped on this thread, or NULL: crash notes and profiles are charged to it. */
struct agent *agent_current(void);
/* False: somebody closed the runner's descriptors, user code with a number too many. Costs a call
 * into the kernel. */
bool runner_intact(const struct runner *runner);

#endif
