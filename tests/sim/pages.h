/* SPDX-License-Identifier: Apache-2.0
 * pages.h - somebody who looks at the dashboard all the time: between any two events REST answers,
 * with JSON that says nothing absurd. The handlers are called directly; HTTP is not simulated. */
#ifndef TESTS_SIM_PAGES_H
#define TESTS_SIM_PAGES_H

struct cluster;

/* One answer, another one with each number; a breach is told by cluster->breach. */
void pages_look(struct cluster *cluster, unsigned long long number);

#endif
