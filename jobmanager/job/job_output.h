/* SPDX-License-Identifier: Apache-2.0
 * job_output.h - the lines that a job's print() wrote, merged over its TaskManagers; the writing
 * side (job.h has the reading one).
 *
 * The merged stream has offsets of its own: a line gets its place in the order in which it came
 * here. What a TaskManager dropped, and what fell out of the ring at the front, are holes in the
 * offsets, so a reader sees that something is missing and how much. */
#ifndef JOBMANAGER_JOB_JOB_OUTPUT_H
#define JOBMANAGER_JOB_JOB_OUTPUT_H

#include "common/base/buf.h"
#include "common/base/id.h"

struct job_output;

struct job_output *job_output_create(void);
void job_output_destroy(struct job_output **output);
/* Lines of one stream of one life of a TaskManager (it begins a new stream when it was told to
 * forget the job and gets it again). `offset` counts the bytes of that stream, those it dropped in
 * front of the lines included. What came before is left out: a push may be repeated. */
void job_output_push(struct job_output *output, const struct id *incarnation, uint64_t stream,
		     uint64_t offset, uint64_t dropped_bytes, struct bytes lines);
size_t job_output_copy(const struct job_output *output, uint64_t from, size_t max_bytes,
		       struct buf *into, uint64_t *offset);
uint64_t job_output_length(const struct job_output *output);
size_t job_output_kept_bytes(const struct job_output *output);

#endif
