/* SPDX-License-Identifier: Apache-2.0
 * restart.h - restart strategies: how many failures a job may have, and how long it rests after
 * one. Pure rules over a given time; the JobMaster (failover.c) asks and acts. */
#ifndef JOBMANAGER_JOB_RESTART_H
#define JOBMANAGER_JOB_RESTART_H

#include "common/base/buf.h"
#include "common/base/time.h"
#include "common/conf/conf.h"

enum restart_kind {
	RESTART_NONE,
	RESTART_FIXED_DELAY,
	RESTART_FAILURE_RATE,
	RESTART_EXPONENTIAL_DELAY
};

struct restart_strategy {
	enum restart_kind kind;
	bool chosen;         /* somebody set restart-strategy.type */
	uint32_t used;       /* restarts charged; exponential-delay: since its last reset */
	uint32_t attempts;   /* UINT32_MAX: no bound */
	int64_t delay_ms;    /* fixed-delay, failure-rate */
	int64_t interval_ms; /* failure-rate */
	mono_t *failures;    /* failure-rate: those of the last interval, oldest first */
	uint32_t failures_count;
	int64_t backoff_ms, backoff_ms_min,
		backoff_ms_max;	   /* exponential-delay: the next one, bounds */
	int64_t backoff_ms_before; /* the last charge, for restart_refund */
	double multiplier, jitter;
	int64_t reset_ms;
	mono_t last_at; /* of the last charge */
};

void restart_init(struct restart_strategy *strategy, const struct conf *conf);
void restart_fini(struct restart_strategy *strategy);
/* Charges a failure. True: the job may start again after *delay_ms. chance: 0 … 1, for the
 * jitter. */
bool restart_charge(struct restart_strategy *strategy, mono_t now, double chance,
		    int64_t *delay_ms);
/* The last charge was somebody else's fault. */
void restart_refund(struct restart_strategy *strategy);
/* The rest before a restart that is not charged. */
int64_t restart_delay_ms(const struct restart_strategy *strategy);
/* "fixed-delay, 2 of 2 restarts used" */
void restart_describe(const struct restart_strategy *strategy, struct buf *into);

#endif
