/* SPDX-License-Identifier: Apache-2.0
 * archiver.h - when a job has ended: asks the handlers of REST for its answers, as a client would,
 * and has them written to the history (jobmanager/history/history.h). An agent on the JobManager's
 * runner: an answer or a few per step, so that nobody waits for a wide job's archive.
 *
 * "I ask what everybody asks, once more than anybody needs it." */
#ifndef JOBMANAGER_REST_ARCHIVER_H
#define JOBMANAGER_REST_ARCHIVER_H

struct archiver;
struct dispatcher;

struct archiver *archiver_create(struct dispatcher *dispatcher); /* NULL: there is no history */
void archiver_destroy(struct archiver **archiver);		 /* after the runner; NULL-safe */

#endif
