/* SPDX-License-Identifier: Apache-2.0
 * operator.h - what an operator is. 1 = done, 0 = call again with the same arguments, -1 = error.
 * (Opening is never called again: there 0 and 1 both mean open.)
 * No call waits; calls of one operator come from one thread at a time. */
#ifndef COMMON_CONTRACT_OPERATOR_H
#define COMMON_CONTRACT_OPERATOR_H

#include "common/base/agent.h"
#include "common/base/id.h"
#include "common/contract/outbox.h"
#include "common/metric/metric.h"

struct module;
struct state_reader; /* the exactly-once issue fills these */
struct state_writer;
struct managed_memory; /* taskmanager/state/managed.h */

/* Given to open; lives as long as the subtask. Strings are borrowed for that long. */
struct operator_context {
	const char *job_name, *operator_name; /* "Flat Map" */
	struct id job_id;
	uint32_t subtask, parallelism, key_groups, attempt;
	struct bytes
		parameters; /* the operator's own encoding (a protobuf, see graph/operators.h) */
	const struct record_type *input_types[2];  /* NULL: no such input */
	const struct record_type *output_type;     /* NULL: a sink */
	const struct key_spec *input_keys[2];      /* NULL: not keyed */
	struct module *module;                /* the job's artifact; NULL: none */
	struct world *world;
	struct loop *loop;      /* of the runner that steps the subtask */
	struct agent *agent;    /* wake it when something outside becomes ready */
	struct managed_memory *managed; /* of the slot; NULL: unbounded */
	bool fire_at_end;       /* pipeline.processing-time.fire-at-end */
	uint32_t record_bytes_max; /* the largest record_size that may be emitted */
	int64_t (*setting_ms)(const struct operator_context *context, const char *key,
			      int64_t otherwise);
	/* One line of print() output (with its newline): to the process's stdout and to the job's
	 * output ring. NULL in tests that do not print. */
	void (*print)(const struct operator_context *context, const char *line, size_t size_bytes);
	void *owner; /* the task's; for the functions above */
	struct counter *outside_bytes; /* see operator_outside; NULL: nobody counts */
};

/* For sources and sinks: so many bytes were read from, or written to, the system outside. One that
 * never says it is shown with the size of its records. On the task's thread. */
static inline void operator_outside(const struct operator_context *context, uint64_t bytes)
{
	if (context->outside_bytes != NULL)
		counter_add(context->outside_bytes, bytes);
}

struct operator_vtable {
	const char *name; /* the factory's name: "flat-map" */
	int (*open)(void **self, const struct operator_context *context, struct err *err);
	int (*restore)(void *self, struct state_reader *from, struct err *err);
	/* Takes records of the batch from the front; *taken counts those fully handled (it comes in
	 * as 0). 1: all taken; 0: stopped because outbox_full, call again with the rest. */
	int (*process)(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
		       struct outbox *out, struct err *err);
	int (*watermark)(void *self, event_t watermark, struct outbox *out, struct err *err);
	/* Processing-time work: fires what is due at wall time `now` and lowers *next (wall_t) to
	 * when it wants to be called again. Called at that time, and in each step before records
	 * come (so `now` is the time of those records) and after them. NULL: none. */
	int (*processing_time)(void *self, wall_t now, wall_t *next, struct outbox *out,
			       struct err *err);
	int (*end_of_input)(void *self, uint32_t input, struct outbox *out, struct err *err);
	int (*snapshot)(void *self, uint64_t checkpoint, struct state_writer *to, struct err *err);
	int (*checkpoint_done)(void *self, uint64_t checkpoint, bool completed, struct err *err);
	void (*close)(void **self); /* after any outcome of open, also when open failed half way */
};

#endif
