/* SPDX-License-Identifier: Apache-2.0
 * runner_sim.c - a runner as an event: each time it happens, every awake agent is stepped once.
 *
 * A step takes 0 … step_cost_ns_max of virtual time, a round at least ROUND_NS_MIN, so that time
 * goes on even if an agent always answers WORKED. */
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_sim_priv.h"

#define ROUND_NS_MIN 1000
#define READY INT64_MIN /* agent.wake_at of one that answered WORKED */

/* ---- samples: of steps that worked, by simulated time -------------------------------------- */

#define SAMPLES_MAX 16

int sim_runner_sample_start(struct runner *runner, const struct sample_options *options,
			    struct err *err)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	if (r->samples == NULL)
		r->samples = MEM_NEW_ARRAY(struct sample, SAMPLES_MAX);
	r->sampling = *options;
	r->sampled_at = loop_now(&r->loop);
	r->samples_written = r->samples_taken = 0;
	return 0;
}

bool sim_runner_sample_take(struct runner *runner, struct sample *into)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	if (r->samples == NULL || r->samples_taken == r->samples_written)
		return false;
	*into = r->samples[r->samples_taken++ % SAMPLES_MAX];
	return true;
}

void sim_runner_sample_stop(struct runner *runner)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	mem_free(r->samples);
	r->samples = NULL;
}

static void sample_step(struct sim_runner *r, const struct agent *agent, mono_t now)
{
	if (now - r->sampled_at < r->sampling.period_ns ||
	    r->samples_written - r->samples_taken == SAMPLES_MAX)
		return;
	struct sample *sample = &r->samples[r->samples_written % SAMPLES_MAX];

	*sample = (struct sample){ .at = (uintptr_t)agent->step };
	if (!r->sampling.describe(agent, sample))
		return;
	r->sampled_at = now;
	r->samples_written++;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void step_agent(struct sim *sim, struct sim_runner *r, struct agent *agent)
{
	mono_t now = sim_time(sim) + r->owner->clock_offset, wake_at = MONO_NEVER;
	struct agent *outer = runner_agent_here; /* a step may run sim_kill, never another step */
	int64_t cost =
		sim->options.step_cost_ns_max == 0
			? 0
			: (int64_t)sim_below(sim, (uint64_t)sim->options.step_cost_ns_max + 1);

	CHECK(outer == NULL, "%s is stepped inside a step of %s", agent->name, outer->name);
	atomic_store_explicit(&r->loop.now, now, memory_order_relaxed);
	r->current = agent;
	r->current_gone = false;
	runner_agent_here = agent;
	enum step answer = agent->step(agent, now, &wake_at);

	runner_agent_here = NULL;
	r->current = NULL;
	sim->elapsed += cost;
	if (r->current_gone)
		return;
	atomic_store_explicit(&agent->worked_ns, agent->worked_ns + cost, memory_order_relaxed);
	if (cost > agent->longest_step_ns)
		atomic_store_explicit(&agent->longest_step_ns, cost, memory_order_relaxed);
	agent->wake_at = answer == STEP_WORKED ? READY : wake_at;
	if (answer == STEP_WORKED && r->samples != NULL)
		sample_step(r, agent, now);
	if (answer != STEP_DONE)
		return;
	sim_runner_remove(&r->base, agent);
	if (agent->done != NULL)
		agent->done(agent);
}

/* The earliest moment somebody wants to be stepped, on the node's clock. */
static mono_t earliest_wake(struct sim_runner *r)
{
	mono_t earliest = MONO_NEVER;

	LIST_FOR_EACH(&r->agents, struct agent, node, agent)
		earliest =
			mono_min(earliest, atomic_load_explicit(&agent->awake, memory_order_relaxed)
						   ? READY
						   : agent->wake_at);
	return earliest;
}

static void schedule_next(struct sim *sim, struct sim_runner *r)
{
	mono_t earliest = earliest_wake(r);

	if (earliest == MONO_NEVER)
		return;
	/* READY - offset would overflow, so compare before converting. */
	if (earliest <= r->busy_until + r->owner->clock_offset)
		sim_schedule(sim, &r->event, r->busy_until);
	else
		sim_schedule(sim, &r->event, earliest - r->owner->clock_offset);
}

static void run_round(struct sim *sim, struct sim_event *event)
{
	struct sim_runner *r = CONTAINER_OF(event, struct sim_runner, event);

	if (r->owner->paused_until > sim->now) {
		sim_schedule(sim, event, r->owner->paused_until);
		return;
	}
	sim->elapsed = 0;
	r->in_round = true;
	r->refs++; /* an agent may end its own runner's node, not free it under us */
	r->cursor = r->agents.head.next;
	while (r->cursor != &r->agents.head && !r->owner->dead && !r->ended) {
		struct agent *agent = CONTAINER_OF(r->cursor, struct agent, node);

		r->cursor = r->cursor->next;
		if (atomic_load_explicit(&agent->awake, memory_order_relaxed) != 0)
			atomic_store_explicit(&agent->awake, 0, memory_order_relaxed);
		else if (agent->wake_at > sim_time(sim) + r->owner->clock_offset)
			continue;
		step_agent(sim, r, agent);
	}
	r->in_round = false;
	r->busy_until = sim->now + (sim->elapsed > ROUND_NS_MIN ? sim->elapsed : ROUND_NS_MIN);
	sim->elapsed = 0;
	if (!r->owner->dead && !r->ended)
		schedule_next(sim, r);
	sim_runner_unref(r);
}

void sim_runner_wake(struct runner *runner)
{
	struct sim_runner *r = (struct sim_runner *)runner;
	struct sim *sim = r->owner->sim;

	if (r->in_round || r->owner->dead || r->ended)
		return; /* the end of the round looks at everybody */
	mono_t at = sim_time(sim) > r->busy_until ? sim_time(sim) : r->busy_until;

	if (r->event.slot == 0 || r->event.at > at)
		sim_schedule(sim, &r->event, at);
}

void sim_runner_add(struct runner *runner, struct agent *agent)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	list_push_back(&r->agents, &agent->node);
	agent->wake_at = MONO_NEVER;
	atomic_store(&agent->runner, runner);
	atomic_store(&agent->awake, 1);
	sim_runner_wake(runner);
}

void sim_runner_remove(struct runner *runner, struct agent *agent)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	if (atomic_load(&agent->runner) == NULL)
		return;
	CHECK(atomic_load(&agent->runner) == runner, "%s is not an agent of runner %s", agent->name,
	      r->name);
	if (r->cursor == &agent->node)
		r->cursor = agent->node.next;
	if (r->current == agent)
		r->current_gone = true;
	list_remove(&agent->node);
	atomic_store(&agent->runner, NULL);
}

void sim_stall(struct runner *runner, int64_t ms)
{
	struct sim_runner *r = (struct sim_runner *)runner;
	struct sim *sim = r->owner->sim;
	mono_t until = mono_after_ms(sim->now, ms);

	CHECK(!r->in_round, "runner %s is stalled by one of its own agents", r->name);
	sim_trace(sim, "runner %s of %s stands still for %lld ms", r->name, r->owner->name,
		  (long long)ms);
	if (until > r->busy_until)
		r->busy_until = until;
	if (r->event.slot != 0 && r->event.at < r->busy_until)
		sim_schedule(sim, &r->event, r->busy_until);
}

int sim_runner_evict(struct runner *runner, struct agent *stuck, struct err *err)
{
	return err_set(err, ERR_RESOURCE, "%s cannot be evicted: a simulated step takes no real time",
		       stuck->name);
}

struct agent *sim_runner_current(const struct runner *runner, mono_t *since)
{
	const struct sim_runner *r = (const struct sim_runner *)runner;

	*since = r->current != NULL ? loop_now(&r->loop) : 0;
	return r->current;
}

uint32_t sim_runner_blocking_count(const struct runner *runner)
{
	return 0;
}

struct runner *sim_runner_create(struct world *world, const char *name, struct err *err)
{
	struct sim_node *node = (struct sim_node *)world;
	struct sim_runner *r = MEM_NEW(struct sim_runner);

	r->base.vtable = world->vtable;
	r->base.world = world;
	r->base.loop = &r->loop;
	r->loop.world = world;
	r->loop.runner = &r->base;
	atomic_init(&r->loop.now, sim_time(node->sim) + node->clock_offset);
	r->owner = node;
	r->name = mem_strdup(name);
	r->refs = 1;
	list_init(&r->agents);
	list_init(&r->jobs);
	sim_event_init(node->sim, &r->event, SIM_RUN, run_round);
	list_push_back(&node->runners, &r->node);
	return &r->base;
}

void sim_runner_unref(struct sim_runner *r)
{
	if (--r->refs > 0)
		return;
	mem_free(r->samples);
	mem_free(r->name);
	mem_free(r);
}

void sim_runner_destroy(struct runner *runner)
{
	struct sim_runner *r = (struct sim_runner *)runner;

	sim_unschedule(r->owner->sim, &r->event);
	sim_jobs_settle(r);
	LIST_FOR_EACH(&r->agents, struct agent, node, agent)
		sim_runner_remove(runner, agent);
	r->ended = true;
	/* Whoever closes what belongs to its loop after this still names it, as in the real
	 * world. */
	list_remove(&r->node);
	list_push_back(&r->owner->ended, &r->node);
}
