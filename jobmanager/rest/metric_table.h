/* SPDX-License-Identifier: Apache-2.0
 * metric_table.h - the metrics of a subtask by Flink's names, and what each is worth.
 *
 * Ids are "numRecordsIn" for the task, "Flat_Map.numRecordsIn" for an operator of its chain (the
 * second one of a name is "Flat_Map_2"), "Output.0.…" for an edge that leaves it. */
#ifndef JOBMANAGER_REST_METRIC_TABLE_H
#define JOBMANAGER_REST_METRIC_TABLE_H

#include "jobmanager/job/job.h"

struct metric_row;

struct metric {
	const struct metric_row *row;
	uint32_t index; /* of the operator, or of the edge */
};

/* False: the vertex has no metric of that name. */
bool metric_find_name(const struct job_vertex *vertex, const char *name, size_t length,
		      struct metric *metric);
double metric_worth(const struct execution *execution, const struct metric *metric);
bool metric_is_flag(const struct metric *metric); /* its worth, 0 or 1, is written as a word */
/* All there are, whatever the vertex: the index of an operator or edge is the caller's to set.
 * False: there are no more. */
enum metric_scope { METRIC_OF_TASK, METRIC_OF_OPERATOR, METRIC_OF_EDGE };
struct metric_kind {
	struct metric metric;
	const char *name;
	enum metric_scope scope;
	bool is_total; /* it only grows */
};
bool metric_kind_at(size_t row, struct metric_kind *kind);
typedef void metric_name_fn(void *context, const char *id);
void metric_each_name(const struct job_vertex *vertex, const char *prefix, metric_name_fn *put,
		      void *context);

#endif
