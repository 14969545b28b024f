/* SPDX-License-Identifier: Apache-2.0
 * faults.h - what befalls the cluster in act one, drawn blow by blow from the seed. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "common/base/sm.h"
#include "common/base/time.h"
#include "tests/sim/cluster.h"

#define FAULTS_CUTS_MAX 8

struct faults {
	struct cluster *cluster;
	struct fault_cut { /* a way between two machines, by name: they may die meanwhile */
		const char *from, *to; /* NULL: no cut */
		mono_t since, until;
		uint32_t lives; /* of all machines so far: another life is not cut off */
	} cuts[FAULTS_CUTS_MAX];
	mono_t awake_at[PLAN_TMS_MAX]; /* the last pause of a TaskManager ends then */
	mono_t next_at; /* of the next blow; MONO_NEVER: none comes */
	/* The ambush: when it strikes, MONO_NEVER: it waits; not again before; where. */
	mono_t ambush_at, ambush_again_at;
	uint32_t ambush_tm;
	bool in_ambush;
	uint32_t count;
};

void faults_begin(struct faults *faults, struct cluster *cluster);
/* Strikes if it is time, and ends what is over. Between events. */
void faults_step(struct faults *faults);
/* Something has moved: is it what the ambush waits for? */
void faults_moved(void *faults, const struct sm_table *table, const void *subject, uint32_t to);
bool faults_are_due(struct faults *faults); /* after every event: an ambush wants to strike */
mono_t faults_next_at(const struct faults *faults); /* when to step again */

#endif
