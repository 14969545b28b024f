/* SPDX-License-Identifier: Apache-2.0
 * jar_request.h - what a request to run a program, or to plan it, says: in its body, which wins
 * wherever it names a thing, or in its query. Flink's page says everything twice. */
#ifndef JOBMANAGER_REST_JAR_REQUEST_H
#define JOBMANAGER_REST_JAR_REQUEST_H

#include "jobmanager/rest/rest_priv.h"

#define JAR_ORDER_BYTES_MAX (128 * 1024) /* of arguments and settings: execve takes no more */

struct jar_order {
	char *entry;	      /* NULL: the program's own */
	uint32_t parallelism; /* 0: not said */
	struct buf arguments; /* each with its NUL */
	struct buf settings;  /* key=value, each with its NUL */
	struct id job_id;     /* none: not said */
};

void jar_order_fini(struct jar_order *order);
/* False: something is wrong with it; answered. The order is to be freed all the same. */
bool jar_order_take(struct rest_request *request, struct jar_order *order);
/* Splits as Flink does: at white space, with ' or " around a text that has some; quotes go, and
 * nothing escapes. An empty pair of quotes is an empty argument. Each gets its NUL. */
void jar_split_arguments(const char *text, struct buf *into);

#endif
