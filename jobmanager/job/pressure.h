/* SPDX-License-Identifier: Apache-2.0
 * pressure.h - who holds a job back, in one sentence.
 *
 * A function of the vertices, the edges and the shares of time alone: whoever is back-pressured is
 * held back by the edge that refused most, and by the busiest of those behind it that are held back
 * in turn (docs/adr/0014-where-time-goes.md). Vertices come in topological order. */
#ifndef JOBMANAGER_JOB_PRESSURE_H
#define JOBMANAGER_JOB_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

struct pressure_shares { /* of a subtask's time, 0 … 1 */
	double busy, idle, pressured;
	double waiting; /* of busy: for what lies outside */
};

struct pressure_edge {
	uint32_t target; /* vertex */
	double pressured; /* the largest share of a producing subtask's time that it refused */
};

struct pressure_vertex {
	const char *name;
	const char *status;   /* of its source or sink: "waiting for localhost:9000"; "": nothing */
	/* where most of its busiest subtask's time goes; NULL: nowhere most */
	const char *operator;
	bool is_source;
	const struct pressure_edge *edges; /* that leave it */
	uint32_t edges_count;
	/* filled by pressure_vertex_add */
	uint32_t subtasks, running;
	uint32_t busiest; /* subtask */
	struct pressure_shares of_busiest;
	double busy_sum, pressured_max;
	/* filled by pressure_find */
	bool held;        /* back */
	uint32_t culprit; /* who holds it back, if it is */
	uint32_t holds;   /* the one most held back by this one; PRESSURE_NOBODY */
	uint32_t holds_count;
};

#define PRESSURE_NOBODY UINT32_MAX

/* Subtasks one after another, from 0. NULL: it does not run. */
void pressure_vertex_add(struct pressure_vertex *vertex, const struct pressure_shares *shares);
void pressure_find(struct pressure_vertex *vertices, uint32_t count);
/* Without a full stop; nothing is added when nothing runs. */
void pressure_of_vertex(const struct pressure_vertex *vertices, uint32_t vertex, struct buf *into);
void pressure_of_all(const struct pressure_vertex *vertices, uint32_t count, struct buf *into);

#endif
