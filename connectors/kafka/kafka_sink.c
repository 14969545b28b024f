/* SPDX-License-Identifier: Apache-2.0
 * kafka_sink.c - each record's printed form as a message value, without a key. A message counts as
 * written when the broker says so; one that cannot be delivered fails the job. Runs on the
 * subtask's runner; librdkafka's threads send. */
#include <stdio.h>
#include <string.h>

#include "connectors/kafka/kafka.h"

struct kafka_writer {
	const struct operator_context *context;
	struct options options;
	rd_kafka_t *handle;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *events; /* delivery reports */
	struct buf text;
	rd_kafka_resp_err_t failure; /* the first */
};

static void wake(rd_kafka_t *handle, void *context)
{
	agent_wake(((struct kafka_writer *)context)->context->agent);
}

/* Called within rd_kafka_poll, on our thread. */
static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *context)
{
	struct kafka_writer *writer = context;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
	    writer->failure == RD_KAFKA_RESP_ERR_NO_ERROR)
		writer->failure = message->err;
}

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct kafka_writer *writer = MEM_NEW(struct kafka_writer);

	*self = writer;
	writer->context = context;
	buf_init(&writer->text);
	if (options_open(&writer->options, context->parameters, err) < 0)
		return -1;
	const char *topic = options_need(&writer->options, "topic", err);

	if (topic == NULL || options_need(&writer->options, "bootstrap.servers", err) == NULL)
		return -1;
	if (context->input_types[0] == NULL)
		return err_set(err, ERR_PLAN_INVALID, "a Kafka sink needs an input");
	rd_kafka_conf_t *conf = kafka_configure(&writer->options, err);

	if (conf == NULL)
		return -1;
	rd_kafka_conf_set_opaque(conf, writer);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	writer->handle = kafka_open(RD_KAFKA_PRODUCER, conf, err);
	if (writer->handle == NULL)
		return -1;
	writer->topic = rd_kafka_topic_new(writer->handle, topic, NULL);
	if (writer->topic == NULL)
		return kafka_error(err, &writer->options, "opening", rd_kafka_last_error());
	writer->events = rd_kafka_queue_get_main(writer->handle);
	rd_kafka_queue_cb_event_enable(writer->events, wake, writer);
	return 0;
}

/* Hears of deliveries. -1: one failed. */
static int hear(struct kafka_writer *writer, struct err *err)
{
	rd_kafka_poll(writer->handle, 0);
	if (writer->failure == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return kafka_error(err, &writer->options, "a message was not delivered", writer->failure);
}

/* 1: queued; 0: the queue is full; -1: err. */
static int produce(struct kafka_writer *writer, const void *record, struct err *err)
{
	buf_clear(&writer->text);
	record_print(writer->context->input_types[0], record, &writer->text);
	if (rd_kafka_produce(writer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
			     writer->text.data, writer->text.size_bytes, NULL, 0, NULL) == 0) {
		operator_outside(writer->context, writer->text.size_bytes);
		return 1;
	}
	if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return 0;
	return kafka_error(err, &writer->options, "a message was refused", rd_kafka_last_error());
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct kafka_writer *writer = self;

	if (hear(writer, err) < 0)
		return -1;
	while (*taken < batch->count) {
		int result = produce(writer, batch_at(batch, *taken), err);

		if (result <= 0)
			return result; /* full: a delivery report wakes */
		++*taken;
	}
	return 1;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	struct kafka_writer *writer = self;

	if (hear(writer, err) < 0)
		return -1;
	return rd_kafka_outq_len(writer->handle) == 0;
}

static void release(void *owner)
{
	struct kafka_writer *writer = owner;

	options_close(&writer->options);
	buf_fini(&writer->text);
	mem_free(writer);
}

static void writer_close(void **self)
{
	struct kafka_writer *writer = *self;

	if (writer == NULL)
		return;
	if (writer->events != NULL) {
		rd_kafka_queue_cb_event_enable(writer->events, NULL,
					       NULL); /* nobody is woken after this */
		rd_kafka_queue_destroy(writer->events);
	}
	if (writer->handle !=
	    NULL) /* what is still queued belongs to an attempt that did not end well */
		rd_kafka_purge(writer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
						       RD_KAFKA_PURGE_F_NON_BLOCKING);
	if (writer->topic != NULL)
		rd_kafka_topic_destroy(writer->topic);
	kafka_close(writer->handle, release, writer);
	*self = NULL;
}

const struct sink_vtable kafka_sink_vtable = {
	.name = "kafka",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};
