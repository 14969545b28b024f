/* SPDX-License-Identifier: Apache-2.0
 * past.h - somebody who looks at the charts all the time: what the JobManager remembers of a job
 * was possible, its parts add up, and it takes no more memory than it may. */
#ifndef TESTS_SIM_PAST_H
#define TESTS_SIM_PAST_H

struct cluster;
struct job;

/* A breach is told by cluster->breach. */
void past_look(struct cluster *cluster, const struct job *job);

#endif
