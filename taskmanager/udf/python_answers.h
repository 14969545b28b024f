/* SPDX-License-Identifier: Apache-2.0
 * python_answers.h - the answers of a worker process as they arrive: bytes from outside, since user
 * code may write to the descriptor too. Only what was asked for is taken, and only valid records.
 */
#ifndef TASKMANAGER_UDF_PYTHON_ANSWERS_H
#define TASKMANAGER_UDF_PYTHON_ANSWERS_H

#include "common/contract/outbox.h"
#include "taskmanager/udf/python_frame.h"

struct python_answers {
	const char *operator_name;
	const struct record_type *output_type;
	uint32_t record_bytes_max; /* of an answer's records */
	struct buf received; /* the owner appends what it reads */
	uint32_t asked;      /* records that are with the process */
	bool end_sent, end_done;
};

/* Takes answers until the one that ends what was asked (1), until the rest is not there yet or the
 * outbox is full (0), or until something is wrong (-1). */
MUST_USE int python_answers_take(struct python_answers *answers, struct outbox *out,
				 struct err *err);

#endif
