/* SPDX-License-Identifier: Apache-2.0
 * ledger.h - the simulator's own source and sink: a source whose content is known, and a sink that
 * writes down what reached it, per attempt. Together they decide whether a run was right.
 *
 * Record i (0 … total-1) has key "k<i mod keys>" (every seventh a long key, with a tail) and value
 * 1, so the running sum of key k must reach the sink as 1, 2, 3 … n_k, each once and in order,
 * within an attempt that ran to its end. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "common/contract/registry.h"

struct ledger_plan {
	uint32_t total, keys, rate_per_s, parallelism;
};

void ledger_register(void); /* "sim-source" and "sim-ledger" */
void ledger_reset(const struct ledger_plan *plan);
void ledger_free(void);
struct bytes ledger_source_parameters(void); /* of the plan */
extern const struct field ledger_fields[2];
/* The attempt's book against the plan: 0, or -1 with what is wrong first. */
int ledger_check(uint32_t attempt, struct err *err);
/* A key's updates never go back or skip within one attempt, whatever happened: 0 or -1. */
int ledger_check_order(struct err *err);
uint64_t ledger_records(uint32_t attempt);
uint32_t ledger_attempt_last(void);

#endif
