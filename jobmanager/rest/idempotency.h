/* SPDX-License-Identifier: Apache-2.0
 * idempotency.h - a submit that is sent again, because its answer was lost, is the same submit.
 *
 *   Idempotency-Key: 8c7d…   with POST /jobs, and whatever else api_table.c names that header for
 *
 * The same key with the same content gets the answer that the first one got, also while that one is
 * still under way; with other content it is refused (422). Only what went well is remembered: after
 * a failure the key is free. 24 hours, the newest 10 000, as long as the JobManager lives. */
#ifndef JOBMANAGER_REST_IDEMPOTENCY_H
#define JOBMANAGER_REST_IDEMPOTENCY_H

#include <stdbool.h>

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/time.h"

#define IDEMPOTENCY_HOURS 24
#define IDEMPOTENCY_KEYS_MAX 10000
#define IDEMPOTENCY_ANSWER_BYTES_MAX 4096 /* a larger one is no submit's, and not remembered */

struct rest;
struct rest_request;

struct idempotency {
	struct map *by_key;
	struct list done; /* of struct submit, oldest first */
};

void idempotency_init(struct idempotency *idempotency);
void idempotency_fini(struct idempotency *idempotency);
/* True: the request is taken care of; false: its handler is to be called. */
bool idempotency_took(struct rest *rest, struct rest_request *request, mono_t now);
/* The request is about to be answered. */
void idempotency_answered(struct rest_request *request, mono_t now);
/* Forgets what is old. */
void idempotency_step(struct idempotency *idempotency, mono_t now, mono_t *wake_at);

#endif
