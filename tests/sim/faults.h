/* SPDX-License-Identifier: Apache-2.0
 * faults.h - what befalls the cluster in act one, drawn blow by blow from the seed. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "common/base/time.h"
#include "tests/sim/cluster.h"

#define FAULTS_CUTS_MAX 8

struct faults {
	struct cluster *cluster;
	struct fault_cut { /* a way between two machines, by name: they may die meanwhile */
		const char *from, *to; /* NULL: no cut */
		mono_t until;
	} cuts[FAULTS_CUTS_MAX];
	mono_t next_at; /* of the next blow; MONO_NEVER: none comes */
	uint32_t count;
};

void faults_begin(struct faults *faults, struct cluster *cluster);
/* Strikes if it is time, and ends what is over. Between events. */
void faults_step(struct faults *faults);
mono_t faults_next_at(const struct faults *faults); /* when to step again */

#endif
