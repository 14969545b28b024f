/* SPDX-License-Identifier: Apache-2.0
 * operators.h - the built-in operators, by the factory names of the job graph. */
#ifndef TASKMANAGER_OPERATOR_OPERATORS_H
#define TASKMANAGER_OPERATOR_OPERATORS_H

#include "common/contract/operator.h"

extern const struct operator_vtable operator_map;        /* "map" */
extern const struct operator_vtable operator_map_batch;  /* "map-batch" */
extern const struct operator_vtable operator_filter;     /* "filter" */
extern const struct operator_vtable operator_flat_map;   /* "flat-map" */
extern const struct operator_vtable operator_reduce;     /* "reduce": per key, likewise */
extern const struct operator_vtable operator_sum;        /* "sum": per key, an update per record */
extern const struct operator_vtable operator_combine_sum; /* "combine-sum": before a final "sum" */
extern const struct operator_vtable operator_window_sum; /* "window-sum": tumbling */

void operators_register(void); /* all of them, in common/contract/registry.h */

#endif
