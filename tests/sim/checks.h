/* SPDX-License-Identifier: Apache-2.0
 * checks.h - what must hold after every event, and what must be left when all is over. The first
 * breach stops the run; it is told by cluster->breach. */
#ifndef TESTS_SIM_CHECKS_H
#define TESTS_SIM_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/sm.h"

struct cluster;
struct checks;

struct checks *checks_create(struct cluster *cluster);
void checks_destroy(struct checks **checks);
/* A state machine has moved: something happens. */
void checks_moved(struct checks *checks, const struct sm_table *table);
void checks_forget_jobs(struct checks *checks); /* their JobManager died */

void checks_after_event(void *cluster);
/* Nothing is left of any job anywhere, and all slots are free; text says what is not so. */
bool checks_at_rest(struct cluster *cluster, char *text, size_t size_bytes);
/* What each TaskManager has, for people who look for what hangs. */
void checks_describe(struct cluster *cluster, char *text, size_t size_bytes);
/* Grows with everything that happens to jobs: stands still only if nothing moves. */
unsigned long long checks_progress(const struct checks *checks);
unsigned long long checks_events(const struct checks *checks);

#endif
