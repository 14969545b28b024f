/* SPDX-License-Identifier: Apache-2.0
 * runner.c - what agents and runners have in common in both worlds: waking, and the dispatch to
 * runner_os.c (threads) or runner_sim.c (events). */
#include <string.h>

#include "common/base/agent.h"
#include "common/base/check.h"
#include "common/world/world_priv.h"

_Thread_local struct agent *runner_agent_here;

void agent_init(struct agent *agent, const char *name, agent_step_fn *step)
{
	memset(agent, 0, sizeof(*agent));
	agent->step = step;
	agent->name = name;
	agent->wake_at = MONO_NEVER;
}

void agent_wake(struct agent *agent)
{
	/* Always an exchange, never a load first: what the waker wrote before must be visible to
	 * the step that takes this flag down, also when the flag was up already. The runner is told
	 * only by the one who raises it. The order flag, then runner, is what runner_evict relies
	 * on. */
	if (atomic_exchange(&agent->awake, 1) != 0)
		return;
	struct runner *runner = atomic_load(&agent->runner);

	if (runner != NULL)
		runner->vtable->runner_wake(runner);
}

struct agent *agent_current(void)
{
	return runner_agent_here;
}

struct runner *runner_create(struct world *world, const char *name, struct err *err)
{
	return world->vtable->runner_create(world, name, err);
}

void runner_add(struct runner *runner, struct agent *agent)
{
	CHECK(agent->step != NULL, "an agent that was not initialised");
	CHECK(!list_linked(&agent->node), "agent %s is on a runner already", agent->name);
	runner->vtable->runner_add(runner, agent);
}

void runner_remove(struct runner *runner, struct agent *agent)
{
	runner->vtable->runner_remove(runner, agent);
}

void runner_move(struct agent *agent, struct runner *to)
{
	CHECK(agent == runner_agent_here, "agent %s is moved from outside its step", agent->name);
	runner_remove(atomic_load(&agent->runner), agent);
	runner_add(to, agent);
}

int64_t runner_round_ns(const struct runner *runner)
{
	return atomic_load_explicit(&((struct runner *)(uintptr_t)runner)->round_ns,
				    memory_order_relaxed);
}

bool runner_intact(const struct runner *runner)
{
	return runner->vtable->runner_intact == NULL || runner->vtable->runner_intact(runner);
}

struct loop *runner_loop(struct runner *runner)
{
	return runner->loop;
}

void runner_keep_together(struct runner *runner)
{
	atomic_store(&runner->together, true);
}

int runner_evict(struct runner *runner, struct agent *stuck, struct err *err)
{
	if (atomic_load(&runner->together))
		return err_set(err, ERR_RESOURCE, "agent %s shares the state of its runner's others",
			       stuck->name);
	return runner->vtable->runner_evict(runner, stuck, err);
}

struct agent *runner_current(const struct runner *runner, mono_t *since)
{
	return runner->vtable->runner_current(runner, since);
}

uint32_t runner_blocking_count(const struct runner *runner)
{
	return runner->vtable->runner_blocking_count(runner);
}

int runner_sample_start(struct runner *runner, const struct sample_options *options,
			struct err *err)
{
	CHECK(options->frames_max <= SAMPLE_FRAMES_MAX && options->period_ns > 0,
	      "samples of %u frames every %lld ns", options->frames_max,
	      (long long)options->period_ns);
	return runner->vtable->runner_sample_start(runner, options, err);
}

bool runner_sample_take(struct runner *runner, struct sample *into)
{
	return runner->vtable->runner_sample_take(runner, into);
}

void runner_sample_stop(struct runner *runner)
{
	runner->vtable->runner_sample_stop(runner);
}

const char *agent_waits_in(struct agent *agent)
{
	struct runner *runner = atomic_load(&agent->runner);

	if (runner == NULL || runner->vtable->runner_waits_in == NULL)
		return NULL;
	return runner->vtable->runner_waits_in(runner, agent);
}

void runner_destroy(struct runner **runner)
{
	if (*runner == NULL)
		return;
	(*runner)->vtable->runner_destroy(*runner);
	*runner = NULL;
}
