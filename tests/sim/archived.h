/* SPDX-License-Identifier: Apache-2.0
 * archived.h - jobs that have ended and their JobManager's deaths: what was archived before one is
 * known to the next, unless somebody has damaged the file; what is no archive is never taken for a
 * job; every archive that is known can be read. */
#ifndef TESTS_SIM_ARCHIVED_H
#define TESTS_SIM_ARCHIVED_H

#include "tests/sim/cluster.h"

#define ARCHIVED_DIRECTORY "/history"

struct archived *archived_create(void);
void archived_destroy(struct archived **archived);
void archived_before_kill(struct cluster *cluster);
void archived_before_start(struct cluster *cluster); /* of the JobManager; its node is there */
/* After an event, now and then: what is known is what was noted; one answer is read. */
void archived_look(struct cluster *cluster, unsigned long long number);

#endif
