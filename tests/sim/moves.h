/* SPDX-License-Identifier: Apache-2.0
 * moves.h - what must hold at the moment a state machine moves:
 *
 *   - when an attempt is deployed, no task of an earlier one is open; when a job has ended, none at
 *     all. Tasks on a TaskManager that the JobManager has given up since then are beyond its reach
 *     and do not count;
 *   - a task is deployed into a slot that its job has;
 *   - a job that FINISHED in its first attempt tells exactly as many records as there are.
 *
 * A breach is told by cluster->breach. */
#ifndef TESTS_SIM_MOVES_H
#define TESTS_SIM_MOVES_H

#include "common/base/sm.h"

struct cluster;
struct moves;

struct moves *moves_create(struct cluster *cluster);
void moves_destroy(struct moves **moves);
void moves_moved(struct moves *moves, const struct sm_table *table, const void *subject,
		 uint32_t to);
void moves_jobmanager_died(struct moves *moves);

#endif
