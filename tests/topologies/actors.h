/* SPDX-License-Identifier: Apache-2.0
 * actors.h - the sources, relays and sinks of a topology, which keep the book, and feeders: agents
 * that stand in for a source's task and send what tasks do not yet make by themselves: watermarks
 * in the middle of the records, and idleness. */
#ifndef TESTS_TOPOLOGIES_ACTORS_H
#define TESTS_TOPOLOGIES_ACTORS_H

#include "common/contract/registry.h"
#include "taskmanager/exec/router.h"
#include "tests/topologies/book.h"

#define ACTORS_SOURCE "topology-source"
#define ACTORS_RELAY "topology-relay"
#define ACTORS_RELAY_LATE "topology-relay-late"
#define ACTORS_SINK "topology-sink"

/* What a sink that refuses wakes its task with; the stage rings it. */
struct actors_alarm {
	struct agent *agent;
	mono_t at; /* on the simulation's clock */
	struct list_node node;
};

struct actors_stage { /* what they need of the world around them */
	const struct sheet *sheet;
	struct sim *sim;
	mono_t begun_at;
	void (*ring)(struct actors_alarm *alarm, mono_t at);
	/* The operator that fails, once: SHEET_OPERATOR; UINT32_MAX: none does. */
	uint32_t fails, fails_subtask;
	uint64_t stalls; /* of sinks, so far */
};

void actors_register(void);
void actors_begin(struct actors_stage *stage);
/* Parameters of an operator of the sheet; the same memory each time. */
struct bytes actors_parameters(uint32_t vertex, uint32_t operator);

/* ---- feeders --------------------------------------------------------------------------------- */

enum feeder_state { FEEDER_RUNNING, FEEDER_FINISHED, FEEDER_FAILED, FEEDER_CANCELED };

struct feeder_options { /* borrowed for its life */
	struct world *world;
	struct runner *runner;
	struct shuffle *shuffle;
	const Flink__JobGraph *graph;
	struct record_type *const *types;
	struct module *const *modules;
	const Flink__TaskDeployment *deployment;
	/* From `done`: it may be destroyed then. */
	void (*over)(void *context, enum feeder_state state, const struct err *why);
	void *context;
};

struct feeder;
MUST_USE int feeder_create(const struct feeder_options *options, const struct sheet *sheet,
			   struct feeder **feeder, struct err *err);
void feeder_cancel(struct feeder *feeder);
void feeder_destroy(struct feeder **feeder);

#endif
