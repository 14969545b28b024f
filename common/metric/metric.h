/* SPDX-License-Identifier: Apache-2.0
 * metric.h - counters of a subtask: written by the one thread that steps it, read by others
 * (relaxed atomics; no reader ever stops the writer). Times come from step answers, two clock reads
 * per step, never per record. */
#ifndef COMMON_METRIC_METRIC_H
#define COMMON_METRIC_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *counter, uint64_t n) /* the owner's thread only */
{
	atomic_store_explicit(&counter->value,
			      atomic_load_explicit(&counter->value, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *counter)
{
	return atomic_load_explicit(&((struct counter *)counter)->value, memory_order_relaxed);
}

struct task_metrics {
	struct counter records_in, records_out, bytes_in, bytes_out;
	struct counter busy_ns, idle_ns, backpressured_ns;
};

#endif
