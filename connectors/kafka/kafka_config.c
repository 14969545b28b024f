/* SPDX-License-Identifier: Apache-2.0
 * kafka_config.c - options to librdkafka's configuration, handles, errors, the library's entry. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/contract/registry.h"
#include "connectors/kafka/kafka.h"

#define LOGGER "Kafka"

int flink_connector(uint32_t abi)
{
	if (abi != CONTRACT_ABI)
		return -1;
	registry_add_source(&kafka_source_vtable);
	registry_add_sink(&kafka_sink_vtable);
	return 0;
}

static void log_line(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	/* Levels are syslog's. What goes wrong is told by events; its log repeats itself. */
	if (level <= 3)
		log_warn(LOGGER, "%s: %s", facility, text);
	else
		log_debug(LOGGER, "%s: %s", facility, text);
}

/* Ours, not librdkafka's. */
static bool is_ours(const char *key)
{
	return strcmp(key, "topic") == 0 || strcmp(key, "scan.startup.mode") == 0 ||
	       strcmp(key, "scan.bounded.mode") == 0;
}

rd_kafka_conf_t *kafka_configure(const struct options *options, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char reason[512];

	rd_kafka_conf_set_log_cb(conf, log_line);
	for (size_t i = 0; i < options->message->n_options; i++) {
		const char *key = options->message->options[i]->key;

		if (strncmp(key, "properties.", 11) == 0)
			key += 11;
		if (is_ours(key) ||
		    rd_kafka_conf_set(conf, key, options->message->options[i]->value, reason,
				      sizeof(reason)) == RD_KAFKA_CONF_OK)
			continue;
		err_set(err, ERR_PLAN_INVALID, "option \"%s\" of Kafka: %s", key, reason);
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

rd_kafka_t *kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
	char reason[512];
	rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof(reason));

	if (handle == NULL) {
		err_set(err, ERR_KAFKA, "%s", reason);
		rd_kafka_conf_destroy(conf);
	}
	return handle;
}

struct closing {
	rd_kafka_t *handle;
	void (*release)(void *owner);
	void *owner;
};

static atomic_uint closing_count;

static void *close_handle(void *context)
{
	struct closing *closing = context;

	if (rd_kafka_type(closing->handle) == RD_KAFKA_CONSUMER)
		rd_kafka_consumer_close(closing->handle);
	rd_kafka_destroy(closing->handle);
	closing->release(closing->owner);
	mem_free(closing);
	atomic_fetch_sub(&closing_count, 1);
	return NULL;
}

void kafka_close(rd_kafka_t *handle, void (*release)(void *owner), void *owner)
{
	pthread_t thread;

	if (handle == NULL) {
		release(owner);
		return;
	}
	struct closing *closing = MEM_NEW(struct closing);

	*closing = (struct closing){ handle, release, owner };
	atomic_fetch_add(&closing_count, 1);
	if (pthread_create(&thread, NULL, close_handle, closing) == 0)
		pthread_detach(thread);
	else
		close_handle(closing);
}

uint32_t kafka_closing_count(void)
{
	return atomic_load(&closing_count);
}

int kafka_error(struct err *err, const struct options *options, const char *what,
		rd_kafka_resp_err_t code)
{
	const char *servers = options_get(options, "bootstrap.servers");
	const char *topic = options_get(options, "topic");

	return err_set(err, ERR_KAFKA, "topic %s at %s: %s: %s", topic ? topic : "?",
		       servers ? servers : "?", what, rd_kafka_err2str(code));
}

void kafka_cause(const char *reason, char *text, size_t size_bytes)
{
	const char *colon = strstr(reason, "/bootstrap: ");
	const char *begin = colon != NULL ? colon + strlen("/bootstrap: ") : reason;
	const char *end = strstr(begin, " (after ");

	snprintf(text, size_bytes, "%.*s",
		 (int)(end != NULL ? (size_t)(end - begin) : strlen(begin)), begin);
}

int kafka_startup_of(const struct options *options, enum kafka_startup *startup, bool *bounded,
		     struct err *err)
{
	static const char *const modes[] = { "earliest-offset", "latest-offset", "group-offsets" };
	const char *mode = options_get(options, "scan.startup.mode");
	const char *end = options_get(options, "scan.bounded.mode");
	bool found = mode == NULL;

	*startup = KAFKA_EARLIEST;
	for (size_t i = 0; mode != NULL && i < ARRAY_COUNT(modes); i++)
		if (strcmp(mode, modes[i]) == 0) {
			*startup = (enum kafka_startup)i;
			found = true;
		}
	if (!found)
		return err_set(
			err, ERR_PLAN_INVALID,
			"scan.startup.mode is \"%s\"; allowed are earliest-offset, latest-offset and "
			"group-offsets",
			mode);
	*bounded = end != NULL && strcmp(end, "latest-offset") == 0;
	if (end != NULL && !*bounded && strcmp(end, "unbounded") != 0)
		return err_set(
			err, ERR_PLAN_INVALID,
			"scan.bounded.mode is \"%s\"; allowed are unbounded and latest-offset",
			end);
	return 0;
}

void kafka_split_write(const struct kafka_split *split, struct buf *into)
{
	buf_add(into, &split->partition, sizeof(split->partition));
	buf_add(into, &split->start, sizeof(split->start));
	buf_add(into, &split->stop, sizeof(split->stop));
}

int kafka_split_read(struct bytes body, struct kafka_split *split, struct err *err)
{
	const char *data = body.data;

	if (body.size_bytes != 20)
		return err_set(err, ERR_PLAN_INVALID, "a split of %zu bytes is no Kafka partition",
			       body.size_bytes);
	memcpy(&split->partition, data, 4);
	memcpy(&split->start, data + 4, 8);
	memcpy(&split->stop, data + 12, 8);
	if (split->partition < 0)
		return err_set(err, ERR_PLAN_INVALID, "partition %d", split->partition);
	return 0;
}
