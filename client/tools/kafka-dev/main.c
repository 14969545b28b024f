/* SPDX-License-Identifier: Apache-2.0
 * main.c - kafka-dev, a Kafka broker to try things with, in one process and in memory: librdkafka's
 * mock cluster. Topics appear when somebody asks for them. It is no Kafka: it forgets old messages
 * after about 5 MB a partition, everything when it ends, and its transactions mean nothing, so
 * nothing about exactly-once can be learned from it.
 *
 *	kafka-dev [--port 9092] [--topic NAME[:PARTITIONS]]...
 *
 * The mock chooses its port by itself, so connections to ours are passed on to it; clients learn
 * its own address from the first answer and go on there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "client/cli/waiter.h"
#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world.h"

#define PORT 9092
#define PARTITIONS 4
#define BUFFERED_BYTES_MAX (256 * 1024) /* of one direction, before its reading side waits */

static const char usage[] =
	"usage: kafka-dev [--port 9092] [--topic NAME[:PARTITIONS]]...\n"
	"A Kafka broker to try things with. In memory; not for exactly-once. Port 0: any that is free.\n";

/* ---- passing bytes on ----------------------------------------------------------------------- */

struct half {
	struct buf kept;
};

struct passage {
	struct conn *client, *broker;
	struct half to_broker, to_client;
	struct list_node node;
};

struct door {
	struct agent agent;
	struct runner *runner;
	struct listener *listener;
	char host[128]; /* the mock's */
	uint16_t port;
	struct list passages;
};

/* False: one side is gone. */
static bool pass(struct conn *from, struct conn *to, struct half *half)
{
	struct err err = ERR_INIT;

	for (;;) {
		while (half->kept.size_bytes > 0) {
			struct bytes bytes = buf_bytes(&half->kept);
			ssize_t sent = conn_write(to, &bytes, 1, &err);

			if (sent < 0)
				return false;
			if (sent == 0)
				break;
			buf_consume(&half->kept, (size_t)sent);
		}
		if (half->kept.size_bytes >= BUFFERED_BYTES_MAX)
			return true;
		struct slice room = { buf_reserve(&half->kept, 64 * 1024), 64 * 1024 };
		ssize_t got = conn_read(from, &room, 1, &err);

		if (got < 0)
			return false;
		if (got == 0)
			return true;
		half->kept.size_bytes += (size_t)got;
	}
}

static void close_passage(struct passage *passage)
{
	list_remove(&passage->node);
	conn_close(&passage->client);
	conn_close(&passage->broker);
	buf_fini(&passage->to_broker.kept);
	buf_fini(&passage->to_client.kept);
	mem_free(passage);
}

static void accept_clients(struct door *door)
{
	struct conn *client;

	while ((client = listener_accept(door->listener, &door->agent)) != NULL) {
		struct passage *passage = MEM_NEW(struct passage);
		struct err err = ERR_INIT;

		passage->client = client;
		buf_init(&passage->to_broker.kept);
		buf_init(&passage->to_client.kept);
		list_push_back(&door->passages, &passage->node);
		if (conn_open(runner_loop(door->runner), door->host, door->port, &door->agent,
			      &passage->broker, &err) < 0)
			close_passage(passage);
	}
}

static enum step step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct door *door = CONTAINER_OF(agent, struct door, agent);

	accept_clients(door);
	LIST_FOR_EACH(&door->passages, struct passage, node, passage)
		if (!pass(passage->client, passage->broker, &passage->to_broker) ||
		    !pass(passage->broker, passage->client, &passage->to_client))
			close_passage(passage);
	return STEP_IDLE;
}

/* ---- the broker ----------------------------------------------------------------------------- */

struct arguments {
	uint16_t port;
	const char *topics[64];
	uint32_t topics_count;
};

static bool parse(int argc, char **argv, struct arguments *arguments)
{
	*arguments = (struct arguments){ .port = PORT };
	for (int i = 1; i < argc; i += 2) {
		char *end = NULL;

		if (i + 1 >= argc)
			return false;
		if (strcmp(argv[i], "--port") == 0) {
			long port = strtol(argv[i + 1], &end, 10);

			if (*end != '\0' || port < 0 || port > 65535)
				return false;
			arguments->port = (uint16_t)port;
		} else if (strcmp(argv[i], "--topic") == 0 &&
			   arguments->topics_count < ARRAY_COUNT(arguments->topics)) {
			arguments->topics[arguments->topics_count++] = argv[i + 1];
		} else {
			return false;
		}
	}
	return true;
}

static bool create_topic(rd_kafka_mock_cluster_t *mock, const char *text)
{
	const char *colon = strchr(text, ':');
	char *name = mem_strndup(text, colon != NULL ? (size_t)(colon - text) : strlen(text));
	long partitions = colon != NULL ? strtol(colon + 1, NULL, 10) : PARTITIONS;
	bool created = partitions > 0 && partitions <= 1000 && name[0] != '\0' &&
		       rd_kafka_mock_topic_create(mock, name, (int)partitions, 1) == 0;

	mem_free(name);
	return created;
}

static void quiet(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	if (level <= 3)
		fprintf(stderr, "kafka-dev: %s: %s\n", facility, text);
}

static rd_kafka_mock_cluster_t *open_broker(const struct arguments *arguments)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char reason[256];

	rd_kafka_conf_set_log_cb(conf, quiet);
	rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	rd_kafka_mock_cluster_t *mock =
		handle != NULL ? rd_kafka_mock_cluster_new(handle, 1) : NULL;

	if (mock == NULL) {
		fprintf(stderr, "kafka-dev: the broker does not start: %s\n",
			handle ? "no socket" : reason);
		return NULL;
	}
	for (uint32_t i = 0; i < arguments->topics_count; i++)
		if (!create_topic(mock, arguments->topics[i])) {
			fprintf(stderr, "kafka-dev: \"%s\" is not NAME or NAME:PARTITIONS\n",
				arguments->topics[i]);
			return NULL;
		}
	return mock;
}

static int open_door(struct door *door, const char *bootstrap, uint16_t port, struct err *err)
{
	const char *colon = strrchr(bootstrap, ':');
	struct world *world = world_os_create(err);
	struct listen_options options = { .host = "localhost", .port = port };

	snprintf(door->host, sizeof(door->host), "%.*s", (int)(colon - bootstrap), bootstrap);
	door->port = (uint16_t)strtol(colon + 1, NULL, 10);
	list_init(&door->passages);
	agent_init(&door->agent, "kafka-dev", step);
	if (world == NULL || (door->runner = runner_create(world, "kafka-dev", err)) == NULL ||
	    listener_open(runner_loop(door->runner), &options, &door->agent, &door->listener, err) <
		    0)
		return -1;
	runner_add(door->runner, &door->agent);
	return 0;
}

int main(int argc, char **argv)
{
	static struct door door;
	struct arguments arguments;
	struct err err = ERR_INIT;

	if (!parse(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return 1;
	}
	log_set_level(LOG_ERROR);
	waiter_open();
	waiter_catch_interrupts();
	rd_kafka_mock_cluster_t *mock = open_broker(&arguments);

	if (mock == NULL)
		return 1;
	if (open_door(&door, rd_kafka_mock_cluster_bootstraps(mock), arguments.port, &err) < 0) {
		fprintf(stderr, "kafka-dev: %s\n", err.text);
		return 1;
	}
	printf("Kafka to try things with: bootstrap.servers=localhost:%u\n"
	       "Topics appear when they are asked for (%d partitions). In memory: about 5 MB a partition, and\n"
	       "gone when this ends. Not for exactly-once: its transactions mean nothing. Ctrl-C ends it.\n",
	       listener_port(door.listener), PARTITIONS);
	fflush(stdout);
	while (waiter_wait() == 0)
		;
	return 0; /* the threads of broker and door end with the process */
}
