/* SPDX-License-Identifier: Apache-2.0
 * rest.h - the REST API and the dashboard's files. "I translate HTTP to calls; no decision lives in
 * me." A door takes requests in, civetweb routes them, an agent on the JobManager's runner makes
 * every answer from the JobManager's own tables (docs/rest.md, docs/adr/0007-rest-door.md). */
#ifndef JOBMANAGER_REST_REST_H
#define JOBMANAGER_REST_REST_H

#include "common/base/buf.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/jobmanager.h"

struct rest;

/* Listens on rest.bind-address and rest.bind-port (a port, a list or a range; 0: any). Beyond
 * loopback it wants a token unless rest.auth says otherwise. ERR_CONF_PORT_TAKEN names the
 * holder. */
MUST_USE int rest_create(struct dispatcher *dispatcher, struct runner *runner,
			 const struct jobmanager_options *options, struct rest **rest,
			 struct err *err);
uint16_t rest_port(const struct rest *rest);
/* Two steps, so that no thread waits for a runner that is gone: stop (answers 503 to whoever waits,
 * ends civetweb's threads) while the runner lives, destroy after it. */
void rest_stop(struct rest *rest);
void rest_destroy(struct rest **rest);

/* For checkers, on the JobManager's thread: what a GET of this path, with its query, would answer
 * now, without HTTP.
 * Returns the status; 0: there is no such route. Not for answers that come later (files, long
 * polls, thread dumps): nobody waits for them here. */
int rest_look(struct dispatcher *dispatcher, const char *path, struct buf *answer);

#endif
