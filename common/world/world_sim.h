/* SPDX-License-Identifier: Apache-2.0
 * world_sim.h - the deterministic world: virtual time, one thread, one heap of events, one seed.
 *
 * A simulation holds nodes (struct world *), each with its own clock offset, disk image, stdout and
 * network address (its name). The same seed and the same program replay exactly: events are ordered
 * by (time, serial), iteration is in insertion order, nothing depends on addresses. Every delivery,
 * wake, fault and state move is folded into a fingerprint. */
#ifndef COMMON_WORLD_WORLD_SIM_H
#define COMMON_WORLD_WORLD_SIM_H

#include "common/world/world.h"

struct sim;

/* All rates are per million unless named otherwise; zeroed options mean a calm world. */
struct sim_options {
	/* one way, per chunk; order on a connection is kept */
	uint32_t delay_us_min, delay_us_max;
	uint32_t clog_ppm, clog_ms_max;       /* a chunk that waits much longer */
	uint32_t connection_cut_ppm;          /* per chunk: both ends see it closed, mid-frame */
	uint32_t short_read_ppm;              /* a read that gives one byte */
	uint32_t file_delay_us_max;
	uint32_t chance_ppm;                  /* world_chance */
	uint32_t step_cost_ns_max;            /* virtual time one step takes: 0 … this */
	/* same-time events in seeded order, not insertion order */
	bool shuffle_ties;
};

struct sim *sim_create(uint64_t seed, const struct sim_options *options);
void sim_destroy(struct sim **sim); /* after all nodes' objects are destroyed */

/* The node's name is its host name and network address; a second node of a name that is dead takes
 * its disk over (a restart). */
struct world *sim_node(struct sim *sim, const char *name);
/* The power is cut: peers see connections reset, its agents are never stepped again, every world
 * call from it is a no-op (so that the owner may run the ordinary destroy functions to free its
 * memory), unsynced file data is lost or half kept by the seed. Then world_destroy. */
void sim_kill(struct world *node);
void sim_pause(struct world *node, int64_t ms);        /* its agents stand still; SIGSTOP */
/* One thread gets no processor; the node's others go on. Not from a step on that runner. */
void sim_stall(struct runner *runner, int64_t ms);
void sim_cut(struct world *a, struct world *b, bool cut); /* no bytes pass either way */
void sim_cut_way(struct world *from, struct world *to, bool cut); /* none that way */
void sim_cut_connections(struct world *a, struct world *b); /* reset all there are, once */
void sim_clock_jump(struct world *node, int64_t wall_ms); /* wall clock only */
bool sim_node_dead(const struct world *node);

/* Runs events until `until` answers true, or virtual time `budget_ms` from now is over (false), or
 * nothing is left to happen (false; *stuck set if not NULL). */
typedef bool sim_until_fn(void *context);
bool sim_run(struct sim *sim, int64_t budget_ms, sim_until_fn *until, void *context, bool *stuck);
/* Called after every event; for checkers. */
void sim_on_event(struct sim *sim, void (*check)(void *context), void *context);
mono_t sim_now(const struct sim *sim);
uint64_t sim_random(struct sim *sim); /* for the scenario itself: part of the replay */
uint64_t sim_fingerprint(const struct sim *sim); /* hash of the trace and the next random number */
/* also into the fingerprint */
void sim_trace(struct sim *sim, const char *format, ...) PRINTF(2, 3);
void sim_set_verbose(struct sim *sim, bool verbose); /* print trace lines to stderr */
void sim_heal(struct sim *sim); /* act two: from now on a calm world; cuts and pauses end */

/* A module of the simulation is the running program itself: functions travel as addresses. */
void sim_module_add(struct sim *sim, const char *path);
/* What module_symbol finds there under this name (static functions have no other way). */
void sim_module_symbol(struct sim *sim, const char *path, const char *name, void *address);
/* Files of a node, for scenarios and checkers. NULL: not there. Borrowed until the next event. */
const char *sim_file(struct world *node, const char *path, size_t *size_bytes);
void sim_file_put(struct world *node, const char *path, struct bytes content);
void sim_env_put(struct world *node, const char *name, const char *value);

#endif
