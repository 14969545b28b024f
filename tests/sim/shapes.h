/* SPDX-License-Identifier: Apache-2.0
 * shapes.h - from a planned job to the message that a client hands in. */
#ifndef TESTS_SIM_SHAPES_H
#define TESTS_SIM_SHAPES_H

#include "dispatcher.pb-c.h"

#include "tests/sim/ledger.h"

#define SHAPES_MODULE "sim-job" /* the running program itself, as a module of the simulation */

/* The artifact that all jobs name; borrowed for ever. */
struct bytes shapes_artifact(void);
/* The whole message, in the arena. `client` is where the functions' addresses are looked up. */
Flink__JobGraph *shapes_job_graph(const struct plan_job *job, struct ledger *ledger,
				  const struct id *job_id, struct world *client,
				  struct arena *arena);

#endif
