/* SPDX-License-Identifier: Apache-2.0
 * metric.h - counters of a subtask and how they are numbered on the wire.
 *
 * Counters are written by the one thread that steps the subtask and read by others (relaxed
 * atomics; no reader ever stops the writer). Times come from step answers and from stopwatches,
 * never from a clock read per record (docs/adr/0014-where-time-goes.md). */
#ifndef COMMON_METRIC_METRIC_H
#define COMMON_METRIC_METRIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
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
	struct counter records_in, records_out, bytes_in, bytes_out; /* of gate and channels */
	struct counter busy_ns, idle_ns, backpressured_ns;
};

/* ---- numbers on the wire ---------------------------------------------------------------------
 * A metric's id is scope × 32 + kind. Scope 0 is the task, 1 … 64 are the operators of its chain,
 * 65 … its output edges (in the graph's order). Numbers are only added, never given a new meaning;
 * a receiver ignores those that it does not know. */

enum task_metric {
	/* counted: they only grow, and go on over the attempts of a subtask */
	METRIC_RECORDS_IN, METRIC_RECORDS_OUT, METRIC_BYTES_IN, METRIC_BYTES_OUT,
	METRIC_BUSY_US, METRIC_IDLE_US, METRIC_BACKPRESSURED_US,
	METRIC_WAITING_US, /* of BUSY: for what lies outside (a broker, a disk, a worker process) */
	TASK_COUNTERS,
	/* as they are now, of this attempt alone; buffers */
	METRIC_STATE = TASK_COUNTERS, /* enum metric_state */
	METRIC_IN_QUEUED, METRIC_IN_EXCLUSIVE_HELD, METRIC_IN_EXCLUSIVE, METRIC_IN_FLOATING_HELD,
	METRIC_IN_FLOATING, METRIC_OUT_QUEUED, METRIC_OUT_HELD, METRIC_OUT_ALLOWED,
	METRIC_IN_QUEUED_MS,  /* how long the task will take for what waits at its gate */
	METRIC_IN_FILL_BYTES, /* how far buffers are filled for it */
	TASK_METRICS,
	TASK_GAUGES = TASK_METRICS - TASK_COUNTERS,
};
enum metric_state { METRIC_IS_IDLE, METRIC_IS_BUSY, METRIC_IS_BACKPRESSURED };

enum operator_metric { /* all counted; the first four as of the task */
	OPERATOR_RECORDS_IN, OPERATOR_RECORDS_OUT, OPERATOR_BYTES_IN, OPERATOR_BYTES_OUT,
	OPERATOR_BUSY_US, /* its own calls, without those of the operators behind it */
	OPERATOR_METRICS,
};

enum edge_metric {
	EDGE_BACKPRESSURED_US, /* of the task's: this edge refused */
	EDGE_METRICS,
};

#define METRIC_SCOPE_KINDS 32
#define METRIC_SCOPE_TASK 0
#define METRIC_SCOPE_OPERATOR 1
#define METRIC_SCOPE_EDGE 65

struct metric_value {
	uint32_t id;
	uint64_t value;
};

static inline uint32_t metric_id(uint32_t scope, uint32_t kind)
{
	return scope * METRIC_SCOPE_KINDS + kind;
}

/* The value with this id of a message's parallel arrays; 0: it is not among them. */
static inline uint64_t metric_find(const uint32_t *ids, const uint64_t *values, size_t count,
				   uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return values[i];
	return 0;
}

/* ---- how long calls take --------------------------------------------------------------------- */

/* Two reads of the clock cost about 50 ns; they are spent once per STOPWATCH_EVERY_NS of measured
 * work, so they cost half a percent whatever a call's size. In between calls are counted by their
 * records, and are taken to have cost what the next measured ones do. */
#define STOPWATCH_EVERY_NS 10000
#define STOPWATCH_SKIP_MAX 65536 /* units */

struct stopwatch {
	struct counter ns;
	uint64_t skipped, skip; /* units since the last measured call; so many may be */
	uint64_t rate;          /* 1/256 ns per unit, of the last measured call */
};

static inline bool stopwatch_due(const struct stopwatch *watch)
{
	return watch->skipped >= watch->skip;
}

static inline void stopwatch_skip(struct stopwatch *watch, uint64_t units)
{
	watch->skipped += units;
}

/* units: records and the call itself, at least 1. */
void stopwatch_measured(struct stopwatch *watch, uint64_t units, uint64_t took_ns);

#endif
