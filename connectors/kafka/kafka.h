/* SPDX-License-Identifier: Apache-2.0
 * kafka.h - a Kafka source and sink by librdkafka, in lib/flink-kafka.so so that the daemons do not
 * load it before a job names "kafka". Plain: at least once; a job that restarts reads again.
 *
 * Options: "bootstrap.servers" and "topic"; for the source also
 *   "scan.startup.mode"   earliest-offset (default), latest-offset, group-offsets
 *   "scan.bounded.mode"   unbounded (default), latest-offset: ends at what was there when it began
 * Every other option is librdkafka's ("properties." in front is taken off, as in Flink SQL).
 *
 * librdkafka has threads, sockets and clocks of its own: outside the world's seam, like every heavy
 * library. What blocks is called as background work; its events wake the task. */
#ifndef CONNECTORS_KAFKA_KAFKA_H
#define CONNECTORS_KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "common/contract/sink.h"
#include "common/contract/source.h"
#include "connectors/options.h"

extern const struct source_vtable kafka_source_vtable; /* "kafka" */
extern const struct sink_vtable kafka_sink_vtable; /* "kafka" */

int flink_connector(uint32_t abi); /* the library's entry, see registry.h */

/* ---- between the files of this folder ------------------------------------------------------- */

/* A configuration with the options that are librdkafka's. NULL with ERR_PLAN_INVALID for a wrong
 * one; rd_kafka_new takes the configuration on success. */
rd_kafka_conf_t *kafka_configure(const struct options *options, struct err *err);
/* A handle of this kind; its own log lines go to ours. NULL with ERR_KAFKA. Takes conf. */
rd_kafka_t *kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err);
/* Closes a handle (NULL: none) on a thread of its own, because that takes as long as the network
 * does; a consumer commits what it has stored first. Callbacks may come until then, so the handle's
 * owner is given to `release` on that thread, when nothing refers to it any more. */
void kafka_close(rd_kafka_t *handle, void (*release)(void *owner), void *owner);
uint32_t kafka_closing_count(void); /* closes under way; for tests */
/* ERR_KAFKA "topic T at SERVERS: …"; always -1. */
int kafka_error(struct err *err, const struct options *options, const char *what,
		rd_kafka_resp_err_t code);

/* The cause within librdkafka's "host:port/bootstrap: CAUSE (after 0ms in state CONNECT, …)". */
void kafka_cause(const char *reason, char *text, size_t size_bytes);

enum kafka_startup { KAFKA_EARLIEST, KAFKA_LATEST, KAFKA_GROUP_OFFSETS };
MUST_USE int kafka_startup_of(const struct options *options, enum kafka_startup *startup,
			      bool *bounded, struct err *err);

/* A split is a partition. start: an offset, or RD_KAFKA_OFFSET_BEGINNING, or …_STORED. */
struct kafka_split {
	int32_t partition;
	int64_t start, stop; /* stop: the first offset not read; -1: none */
};
void kafka_split_write(const struct kafka_split *split, struct buf *into);
MUST_USE int kafka_split_read(struct bytes body, struct kafka_split *split, struct err *err);

MUST_USE int kafka_enumerator_open(void **self, const struct job_context *context,
				   struct state_reader *from, struct err *err);
MUST_USE int kafka_enumerator_step(void *self, mono_t now, struct split_assigner *to,
				   mono_t *wake_at, struct err *err);
MUST_USE int kafka_enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
				     uint32_t count, struct err *err);
void kafka_enumerator_close(void **self);

#endif
