/* SPDX-License-Identifier: Apache-2.0
 * trial.h - one run of one topology.
 *
 * It runs until every task is over. Without a fault all must finish, with complete books. When a
 * fault has struck, those behind it must fail, at once, and nobody else; then the rest is
 * cancelled, nothing may be left of them, and the same topology must run to its end in a second
 * attempt. In the end no segment is held, no connection open, and no byte allocated. */
#ifndef TESTS_TOPOLOGIES_TRIAL_H
#define TESTS_TOPOLOGIES_TRIAL_H

#include "tests/topologies/sheet.h"

struct trial_result {
	bool right;
	uint64_t fingerprint, arrivals;
	int64_t simulated_ms;
	unsigned long long events;
	char why[1500];
};

void trial_run(const struct sheet *sheet, bool verbose, struct trial_result *result);

#endif
