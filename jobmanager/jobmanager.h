/* SPDX-License-Identifier: Apache-2.0
 * jobmanager.h - the whole JobManager as one object: Dispatcher, ResourceManager, JobMasters, blob
 * store, REST. All of it but REST's own threads runs on one runner. */
#ifndef JOBMANAGER_JOBMANAGER_H
#define JOBMANAGER_JOBMANAGER_H

#include "common/conf/conf.h"
#include "common/world/world.h"

struct jobmanager;
struct dispatcher;

struct jobmanager_options {
	struct world *world;
	const struct conf *conf;   /* borrowed for its whole life */
	const char *log_directory; /* own .log and .out, for REST; NULL: none */
	const char *log_name, *out_name;
	const char *web_directory; /* the dashboard's files; NULL: none */
	void (*ask_stop)(void);    /* what DELETE /cluster calls; NULL: it is refused */
	/* Its bin/flink runs programs that were uploaded over REST, and they lie in its upload;
	 * NULL: none */
	const char *home_directory;
	bool without_rest;         /* mini cluster and simulator */
	/* Where ended jobs are kept unless jobmanager.archive.fs.dir says so; NULL: nowhere. */
	const char *archive_directory;
	/* Overrides for the mini cluster and the simulator; NULL: from the settings. */
	const char *rpc_bind_host; /* "@name" inside one process */
};

MUST_USE int jobmanager_create(const struct jobmanager_options *options,
			       struct jobmanager **jobmanager, struct err *err);
uint16_t jobmanager_rpc_port(const struct jobmanager *jobmanager);
uint16_t jobmanager_rest_port(const struct jobmanager *jobmanager); /* 0: none */
/* Running jobs are left alone: their TaskManagers see the connection end and cancel. */
void jobmanager_destroy(struct jobmanager **jobmanager);
struct dispatcher *jobmanager_dispatcher(
	struct jobmanager *jobmanager); /* on its runner's thread only */

#endif
