/* SPDX-License-Identifier: Apache-2.0
 * kafka_source.c - the reader: one consumer per subtask, told which partitions to read, asked for
 * messages in batches that never wait. Runs on the subtask's runner; librdkafka's threads fetch.
 *
 * Offsets are committed behind what was emitted, if there is a group.id; never ahead of it. */
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/world/world.h"
#include "connectors/kafka/kafka.h"
#include "connectors/text_line.h"

/* A host of two addresses is tried at one after the other: trouble for a moment is none. */
#define TROUBLE_SHOWN_NS (2 * NS_PER_S)
#define BATCH_MAX 512

struct partition {
	struct kafka_split split;
	bool ended;
};

struct kafka_reader {
	const struct operator_context *context;
	struct options options;
	const char *topic, *servers;
	rd_kafka_t *handle;
	rd_kafka_queue_t *queue;
	bool stores_offsets; /* there is a group.id */
	struct partition *partitions;
	uint32_t partitions_count;
	bool assigned, no_more_splits;
	rd_kafka_message_t *messages[BATCH_MAX];
	uint32_t messages_count, next; /* next: not yet emitted */
	uint32_t line_bytes_max;
	struct buf scratch;
	char trouble[256]; /* of the brokers; "" when anything came since */
	mono_t trouble_since; /* the poll that saw it; INT64_MAX: none */
	rd_kafka_resp_err_t fatal;
};

static void wake(rd_kafka_t *handle, void *context)
{
	agent_wake(((struct kafka_reader *)context)->context->agent);
}

static void broker_trouble(rd_kafka_t *handle, int code, const char *reason, void *context)
{
	struct kafka_reader *reader = context;

	if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
	    code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		kafka_cause(reason, reader->trouble, sizeof(reader->trouble));
	else
		reader->fatal = (rd_kafka_resp_err_t)code;
}

/* Defaults that differ from librdkafka's, where the program says nothing. */
static int set_default(rd_kafka_conf_t *conf, const struct options *options, const char *key,
		       const char *value, struct err *err)
{
	char reason[256], prefixed[64];

	snprintf(prefixed, sizeof(prefixed), "properties.%s", key);
	if (options_get(options, key) != NULL || options_get(options, prefixed) != NULL ||
	    rd_kafka_conf_set(conf, key, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK)
		return 0;
	return err_set(err, ERR_KAFKA, "%s: %s", key, reason);
}

static int set_defaults(struct kafka_reader *reader, rd_kafka_conf_t *conf, struct err *err)
{
	const struct options *options = &reader->options;
	char group[ID_TEXT_SIZE + 8], id[ID_TEXT_SIZE];
	enum kafka_startup startup;
	bool bounded;

	if (kafka_startup_of(options, &startup, &bounded, err) < 0)
		return -1;
	/* A broker tells of an end after this long without news: who waits for it asks for less. */
	if (bounded && set_default(conf, options, "fetch.wait.max.ms", "10", err) < 0)
		return -1;
	reader->stores_offsets = options_get(options, "group.id") != NULL ||
				 options_get(options, "properties.group.id") != NULL;
	snprintf(group, sizeof(group), "flink-%s", id_format(&reader->context->job_id, id));
	if (set_default(conf, options, "group.id", group, err) < 0 ||
	    set_default(conf, options, "enable.auto.commit",
			reader->stores_offsets ? "true" : "false", err) < 0 ||
	    set_default(conf, options, "enable.auto.offset.store", "false", err) < 0 ||
	    set_default(conf, options, "enable.partition.eof", "true", err) < 0 ||
	    set_default(conf, options, "auto.offset.reset", "earliest", err) < 0)
		return -1;
	return 0;
}

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct kafka_reader *reader = MEM_NEW(struct kafka_reader);

	*self = reader;
	reader->context = context;
	reader->trouble_since = INT64_MAX;
	reader->line_bytes_max = text_line_bytes_max(context);
	buf_init(&reader->scratch);
	if (options_open(&reader->options, context->parameters, err) < 0 ||
	    text_line_type_check(context->output_type, err) < 0 ||
	    (reader->topic = options_need(&reader->options, "topic", err)) == NULL ||
	    (reader->servers = options_need(&reader->options, "bootstrap.servers", err)) == NULL)
		return -1;
	rd_kafka_conf_t *conf = kafka_configure(&reader->options, err);

	if (conf == NULL)
		return -1;
	rd_kafka_conf_set_opaque(conf, reader);
	rd_kafka_conf_set_error_cb(conf, broker_trouble);
	if (set_defaults(reader, conf, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	reader->handle = kafka_open(RD_KAFKA_CONSUMER, conf, err);
	if (reader->handle == NULL)
		return -1;
	rd_kafka_poll_set_consumer(reader->handle);
	reader->queue = rd_kafka_queue_get_consumer(reader->handle);
	rd_kafka_queue_cb_event_enable(reader->queue, wake, reader);
	return 0;
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct kafka_reader *reader = self;

	reader->partitions = mem_realloc(reader->partitions, (reader->partitions_count + count) *
								     sizeof(*reader->partitions));
	for (uint32_t i = 0; i < count; i++) {
		struct partition *partition = &reader->partitions[reader->partitions_count];

		if (kafka_split_read(splits[i].body, &partition->split, err) < 0)
			return -1;
		partition->ended = partition->split.stop == 0;
		reader->partitions_count++;
	}
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	struct kafka_reader *reader = self;

	reader->no_more_splits = true;
	return 0;
}

/* All partitions come at once from the enumerator, so they are assigned once, when it says so. */
static int assign(struct kafka_reader *reader, struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)reader->partitions_count);

	for (uint32_t i = 0; i < reader->partitions_count; i++) {
		const struct kafka_split *split = &reader->partitions[i].split;

		rd_kafka_topic_partition_list_add(list, reader->topic, split->partition)->offset =
			split->start;
	}
	rd_kafka_resp_err_t failed = rd_kafka_assign(reader->handle, list);

	rd_kafka_topic_partition_list_destroy(list);
	reader->assigned = true;
	if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_error(err, &reader->options, "taking partitions", failed);
	return 0;
}

static struct partition *partition_of(struct kafka_reader *reader, int32_t number)
{
	for (uint32_t i = 0; i < reader->partitions_count; i++)
		if (reader->partitions[i].split.partition == number)
			return &reader->partitions[i];
	return NULL;
}

/* An event that is no message: the end of a partition, or trouble. */
static int take_event(struct kafka_reader *reader, const rd_kafka_message_t *event, struct err *err)
{
	struct partition *partition = partition_of(reader, event->partition);

	if (event->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		reader->trouble[0] = '\0';
		if (partition != NULL && partition->split.stop >= 0 &&
		    event->offset >= partition->split.stop)
			partition->ended = true;
		return 0;
	}
	if (event->err == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    event->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	    event->err == RD_KAFKA_RESP_ERR__RESOLVE) {
		kafka_cause(rd_kafka_message_errstr(event), reader->trouble,
			    sizeof(reader->trouble));
		return 0;
	}
	return err_set(err, ERR_KAFKA, "topic %s at %s, partition %d: %s", reader->topic,
		       reader->servers, event->partition, rd_kafka_message_errstr(event));
}

static int take_message(struct kafka_reader *reader, const rd_kafka_message_t *message,
			struct outbox *out, struct err *err)
{
	struct partition *partition = partition_of(reader, message->partition);

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return take_event(reader, message, err);
	if (partition == NULL || partition->ended)
		return 0;
	int64_t stop = partition->split.stop;

	if (stop >= 0 && message->offset + 1 >= stop)
		partition->ended = true;
	if (stop >= 0 && message->offset >= stop)
		return 0;
	reader->trouble[0] = '\0';
	operator_outside(reader->context, message->len);
	/* A message without a value (a tombstone) is no line. */
	if (message->payload != NULL &&
	    !text_line_emit_whole(out, message->payload, message->len, reader->line_bytes_max,
				  false, &reader->scratch))
		return err_set(
			err, ERR_RECORD_TOO_LARGE,
			"the message at offset %lld of topic %s, partition %d, has %zu bytes; at most "
			"%u fit into a record",
			(long long)message->offset, reader->topic, message->partition, message->len,
			reader->line_bytes_max);
	if (reader->stores_offsets)
		rd_kafka_offset_store(message->rkt, message->partition, message->offset);
	return 0;
}

static bool all_ended(const struct kafka_reader *reader)
{
	for (uint32_t i = 0; i < reader->partitions_count; i++)
		if (!reader->partitions[i].ended)
			return false;
	return true;
}

static enum poll emit_batch(struct kafka_reader *reader, struct outbox *out, struct err *err)
{
	while (reader->next < reader->messages_count) {
		if (outbox_full(out))
			return POLL_MORE;
		rd_kafka_message_t *message = reader->messages[reader->next++];
		int result = take_message(reader, message, out, err);

		rd_kafka_message_destroy(message);
		if (result < 0)
			return POLL_ERROR;
	}
	return POLL_WAIT;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct kafka_reader *reader = self;

	if (!reader->no_more_splits)
		return POLL_WAIT;
	if (!reader->assigned && reader->partitions_count > 0 && assign(reader, err) < 0)
		return POLL_ERROR;
	enum poll answer = emit_batch(reader, out, err);

	if (answer != POLL_WAIT)
		return answer;
	if (all_ended(reader))
		return POLL_END;
	ssize_t got = rd_kafka_consume_batch_queue(reader->queue, 0, reader->messages, BATCH_MAX);

	/* Not in the callback: that one is called while librdkafka closes, too, when only the
	 * reader itself is left. */
	if (reader->trouble[0] == '\0')
		reader->trouble_since = INT64_MAX;
	else if (reader->trouble_since > now)
		reader->trouble_since = now;

	if (reader->fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
		kafka_error(err, &reader->options, "reading", reader->fatal);
		return POLL_ERROR;
	}
	reader->next = 0;
	reader->messages_count = got > 0 ? (uint32_t)got : 0;
	return got > 0 ? POLL_MORE : POLL_WAIT;
}

static size_t reader_status(const void *self, char *text, size_t size_bytes)
{
	const struct kafka_reader *reader = self;
	int length = 0;

	text[0] = '\0';
	mono_t now = world_now(reader->context->world);

	if (reader->trouble[0] != '\0' && reader->trouble_since <= now &&
	    now - reader->trouble_since >= TROUBLE_SHOWN_NS)
		length = snprintf(text, size_bytes, "waiting for Kafka at %s (%s)", reader->servers,
				  reader->trouble);
	return length < 0 ? 0 : (size_t)length < size_bytes ? (size_t)length : size_bytes - 1;
}

static void release(void *owner)
{
	struct kafka_reader *reader = owner;

	options_close(&reader->options);
	buf_fini(&reader->scratch);
	mem_free(reader->partitions);
	mem_free(reader);
}

static void reader_close(void **self)
{
	struct kafka_reader *reader = *self;

	if (reader == NULL)
		return;
	if (reader->queue != NULL) {
		rd_kafka_queue_cb_event_enable(reader->queue, NULL,
					       NULL); /* nobody is woken after this */
		rd_kafka_queue_destroy(reader->queue);
	}
	while (reader->next < reader->messages_count)
		rd_kafka_message_destroy(reader->messages[reader->next++]);
	kafka_close(reader->handle, release, reader);
	*self = NULL;
}

static bool is_endless(struct bytes parameters)
{
	struct options options = { .message = NULL };
	struct err err = ERR_INIT;
	enum kafka_startup startup;
	bool bounded = false;

	if (options_open(&options, parameters, &err) < 0 ||
	    kafka_startup_of(&options, &startup, &bounded, &err) < 0)
		bounded = true; /* opening it says what is wrong */
	options_close(&options);
	return !bounded;
}

const struct source_vtable kafka_source_vtable = {
	.name = "kafka",
	.is_endless = is_endless,
	.enumerator_open = kafka_enumerator_open,
	.enumerator_step = kafka_enumerator_step,
	.enumerator_reader = kafka_enumerator_reader,
	.enumerator_close = kafka_enumerator_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_status = reader_status,
	.reader_close = reader_close,
};
