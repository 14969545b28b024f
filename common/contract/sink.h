/* SPDX-License-Identifier: Apache-2.0
 * sink.h - what a sink is. flush answers 1 once everything before the barrier is out, 0 = not yet;
 * commit is idempotent and may come after a restore. */
#ifndef COMMON_CONTRACT_SINK_H
#define COMMON_CONTRACT_SINK_H

#include "common/contract/operator.h"

enum commit_answer {
	COMMIT_DONE,
	COMMIT_LATER,
	COMMIT_UNKNOWN,
	COMMIT_FAILED
}; /* unknown: ask the system, never guess */

struct sink_vtable {
	const char *name; /* "print" */
	int (*writer_open)(void **self, const struct operator_context *context,
			   struct state_reader *from, struct err *err);
	/* As operator's process: 1 all taken, 0 not now (the writer wakes context->agent), -1
	 * error. */
	int (*write)(void *self, const struct batch *batch, uint32_t *taken, struct err *err);
	/* checkpoint 0 with end_of_input false: the idle flush (make visible what is buffered).
	 * After a 0 nothing else is called before the flush has answered 1; the writer wakes the
	 * agent. */
	int (*flush)(void *self, uint64_t checkpoint, bool end_of_input, struct err *err);
	int (*prepare)(void *self, uint64_t checkpoint, struct state_writer *committable,
		       struct err *err);
	enum commit_answer (*commit)(void *self, uint64_t checkpoint, struct bytes committable,
				     struct err *err);
	enum commit_answer (*discard)(void *self, uint64_t checkpoint, struct bytes committable,
				      struct err *err);
	int (*leftovers)(void *self, uint32_t subtasks_before, struct err *err);
	void (*writer_close)(void **self);
};

#endif
