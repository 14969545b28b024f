/* SPDX-License-Identifier: Apache-2.0
 * user_function.h - the functions of a job as the TaskManager calls them, and how one is found.
 *
 * The same types as in client/api/flink/flink.h, repeated because the TaskManager does not
 * include the client: part of the ABI, so they change together (FLINK_ABI). */
#ifndef TASKMANAGER_OPERATOR_USER_FUNCTION_H
#define TASKMANAGER_OPERATOR_USER_FUNCTION_H

#include "job_graph.pb-c.h"

#include "common/contract/operator.h"

typedef void user_flat_map_fn(const void *in, struct outbox *out);
typedef void user_map_fn(const void *in, void *out); /* *out comes zeroed */
typedef void user_map_batch_fn(const void *in, void *out, uint32_t count); /* *out comes zeroed */
/* *out comes zeroed, and may borrow from a and b */
typedef void user_reduce_fn(const void *a, const void *b, void *out);
typedef bool user_filter_fn(const void *in);
typedef uint32_t user_partition_fn(const void *in, uint32_t partitions);

/* The function of the job that ref names in its artifact, to *function, a pointer to a function
 * pointer. False: it does not lie there, or module is NULL. */
MUST_USE bool user_function_at(struct module *module, const Flink__FunctionRef *ref,
			       void *function);
/* Finds the function that the operator's parameters (OperatorParameters) name in context->module
 * and writes it to *function, a pointer to a function pointer. ERR_PLAN_INVALID: there is none. */
MUST_USE int user_function_find(const struct operator_context *context, void *function,
				struct err *err);
/* A record that a function has built: it may hold long strings as str_of and str_copy give them.
 * ERR_USER_FUNCTION_FAILED: one was copied with `=`, so its bytes are not where it says. */
MUST_USE int user_record_check(const struct record_type *type, const void *record, struct err *err);

#endif
