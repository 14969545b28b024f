/* SPDX-License-Identifier: Apache-2.0
 * python_frame.h - the frames of proto/python_worker.proto, for both ends. */
#ifndef TASKMANAGER_UDF_PYTHON_FRAME_H
#define TASKMANAGER_UDF_PYTHON_FRAME_H

#include "python_worker.pb-c.h"

#include "common/base/buf.h"
#include "common/base/bytes.h"
#include "common/base/limits.h"

#define PYTHON_FRAME_HEADER_BYTES 8
/* A run of one record has this much beside the record, at most. */
#define PYTHON_RUN_EXTRA_BYTES 64
/* OPEN carries the pickled function, which comes in a job graph; BATCH may be one large record. */
#define PYTHON_FRAME_BYTES_MAX (LIMIT_RECORD_BYTES_MAX + PYTHON_RUN_EXTRA_BYTES)

_Static_assert(PYTHON_FRAME_BYTES_MAX >= LIMIT_RPC_FRAME_BYTES_MAX, "an OPEN fits");

/* An answer is one run, or the text of an error. */
static inline size_t python_answer_bytes_max(uint32_t record_bytes_max)
{
	size_t run_bytes = (size_t)record_bytes_max + PYTHON_RUN_EXTRA_BYTES;

	return run_bytes > LIMIT_SEGMENT_BYTES_MAX ? run_bytes : LIMIT_SEGMENT_BYTES_MAX;
}

/* Appends a frame. */
void python_frame_add(struct buf *into, Flink__PythonFrame kind, const void *body,
		      size_t size_bytes);
/* The frame at `data`, if all of it is there: 1, its size with the header in *whole_bytes; 0: not
 * yet; -1: no frame, or one whose body is larger than body_bytes_max. */
int python_frame_parse(struct bytes data, size_t body_bytes_max, Flink__PythonFrame *kind,
		       struct bytes *body, size_t *whole_bytes);

#endif
