/* SPDX-License-Identifier: Apache-2.0
 * run.h - one run of one plan.
 *
 * Prologue: the machines start, in the planned order. Act one: jobs are submitted and faults
 * strike; what is checked is safety. Act two: everything heals, and all jobs must end as they may
 * within a budget of simulated time; nothing may stand still. Then nothing may be left of them.
 * Epilogue: one more job, if planned, to see that the cluster still works. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/plan.h"

struct run_result {
	bool right;
	uint64_t fingerprint;
	int64_t simulated_ms;
	unsigned long long events;
	uint32_t faults, attempts;
	char why[3072];
};

void run_plan(const struct plan *plan, bool verbose, struct run_result *result);

#endif
