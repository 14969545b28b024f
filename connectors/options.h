/* SPDX-License-Identifier: Apache-2.0
 * options.h - a connector's parameters as they travel in the job graph: the options of
 * OperatorParameters (job_graph.proto), by key, and its elements. */
#ifndef CONNECTORS_OPTIONS_H
#define CONNECTORS_OPTIONS_H

#include "job_graph.pb-c.h"

#include "common/base/bytes.h"
#include "common/base/err.h"

struct options {
	Flink__OperatorParameters *message; /* NULL: not open */
};

/* Copies what it needs of `parameters`. ERR_PLAN_INVALID when they are no OperatorParameters. On
 * the heap until options_close, which accepts options that are not open (zeroed). */
MUST_USE int options_open(struct options *options, struct bytes parameters, struct err *err);
void options_close(struct options *options);
/* The value, borrowed until options_close. NULL: not given. */
const char *options_get(const struct options *options, const char *key);
/* The same for one that must be there and not be empty: NULL with ERR_PLAN_INVALID. */
const char *options_need(const struct options *options, const char *key, struct err *err);
/* A TCP port that must be there, 1 … 65535. */
MUST_USE int options_port(const struct options *options, const char *key, uint16_t *port,
			  struct err *err);

#endif
