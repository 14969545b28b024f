/* SPDX-License-Identifier: Apache-2.0
 * function.h - one Python function of one subtask: batches in, records out. The same for functions
 * in the script's process and in a worker. All calls hold the interpreter's lock. */
#ifndef CLIENT_PYTHON_ENGINE_FUNCTION_H
#define CLIENT_PYTHON_ENGINE_FUNCTION_H

#include "client/python/engine/codec.h"
#include "common/contract/outbox.h"

enum function_verb {
	FUNCTION_MAP, FUNCTION_FLAT_MAP, FUNCTION_FILTER, FUNCTION_KEY, FUNCTION_VALUES,
	FUNCTION_REDUCE,
};

struct function_place { /* for messages and for RuntimeContext; borrowed */
	const char *operator_name, *job_name;
	uint32_t subtask, parallelism, max_parallelism, attempt;
};

struct function {
	enum function_verb verb;
	struct function_place place;
	const struct record_type *input_type, *output_type;
	struct codec input, output;
	PyObject *call, *close; /* close: None, or to be called at the end */
	PyObject *state;        /* REDUCE: key bytes -> value */
	PyObject *keep;
	void *record;           /* of the output type, zero between emissions */
	PyObject *exception;    /* what failed it */
};

/* payload: what pyflink/fn_execution/operations.py pickled. -1 with err. */
int function_open(struct function *function, const struct function_place *place,
		  struct bytes payload, const struct record_type *input_type,
		  const struct record_type *output_type, struct err *err);
/* As an operator's process: takes records from the front until the outbox is full. */
int function_process(struct function *function, const struct batch *batch, uint32_t *taken,
		     struct outbox *out, struct err *err);
int function_finish(struct function *function, struct err *err); /* the user's close() */
void function_fini(struct function *function); /* also of one that failed to open */

#endif
