/* SPDX-License-Identifier: Apache-2.0
 * user_abi.h - what a job's functions call back: flink_fail, flink_collect_check, flink_parameters,
 * flink_subtask_index. Declared for users in client/api/flink/flink.h, defined here because the
 * TaskManager's program exports them to the shared objects it opens.
 *
 * The chain names the call under way on this thread (user_call_enter … user_call_leave), so the
 * functions need no argument and know nothing of tasks. */
#ifndef TASKMANAGER_EXEC_USER_ABI_H
#define TASKMANAGER_EXEC_USER_ABI_H

#include "common/contract/outbox.h"

struct flink_type;

struct user_call { /* one per operator of a chain */
	const char *operator_name; /* "Flat Map" */
	const char *function;      /* its symbol; may be "" */
	struct bytes parameters;   /* of the function */
	uint32_t subtask;
	uint32_t daemon_call;      /* see daemon_call_add; 0: none */
	struct outbox *out;        /* NULL: the operator has no output */
	bool failed;
	struct err err;            /* why; the first failure stays */
};

void user_call_enter(struct user_call *call); /* does not nest */
void user_call_leave(void);
const struct user_call *user_call_current(void); /* on this thread; NULL: none. For crash notes */
/* The call failed: remembers the first reason and makes the outbox full, so that the operator
 * stops. */
void user_call_fail(struct user_call *call, const struct err *why);

/* The ABI, as flink.h has it. */
void flink_fail(const char *format, ...) PRINTF(1, 2);
bool flink_collect_check(struct outbox *out, const struct flink_type *type);
struct bytes flink_parameters(void);
uint32_t flink_subtask_index(void);

#endif
