/* SPDX-License-Identifier: Apache-2.0
 * operations.h - what REST was asked to begin and tells of later: Flink's asynchronous operations.
 *
 * A trigger gives an id, the client's own or a random one; polling with it tells IN_PROGRESS or
 * COMPLETED, with the outcome or why it failed. The same id again means the same operation. An
 * outcome is kept rest.async.store-duration, and of the newest OPERATIONS_MAX only. */
#ifndef JOBMANAGER_REST_OPERATIONS_H
#define JOBMANAGER_REST_OPERATIONS_H

#include "common/base/err.h"
#include "common/base/id.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/time.h"

#define OPERATIONS_MAX 10000

enum operation_kind { OPERATION_CHECKPOINT, OPERATION_SAVEPOINT, OPERATION_DISPOSAL };

struct operation {
	struct list_node node; /* once it is done: oldest first */
	char *key;
	bool done;
	mono_t until;	       /* done: forgotten then */
	struct err failure;    /* ERR_NONE: it went well */
};

struct operations {
	struct map *by_key;
	struct list done;
};

void operations_init(struct operations *operations);
void operations_fini(struct operations *operations);
/* job: that it is about; NULL: none. *fresh: it did not exist before. */
struct operation *operations_begin(struct operations *operations, enum operation_kind kind,
				   const struct id *job, const struct id *trigger, bool *fresh);
struct operation *operations_find(const struct operations *operations, enum operation_kind kind,
				  const struct id *job, const struct id *trigger); /* NULL */
void operations_fail(struct operations *operations, struct operation *operation,
		      const struct err *why, mono_t now, int64_t kept_ms);
/* Forgets what is old. */
void operations_step(struct operations *operations, mono_t now, mono_t *wake_at);

#endif
