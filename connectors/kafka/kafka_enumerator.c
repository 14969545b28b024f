/* SPDX-License-Identifier: Apache-2.0
 * kafka_enumerator.c - asks the brokers once for the topic's partitions and where they begin and
 * end, and hands the i-th partition to reader i modulo readers. The asking blocks for as long as
 * the network does, so it has a thread of its own. Runs on the JobMaster's thread; partitions that
 * are added later are seen when the job restarts. */
#include <pthread.h>
#include <stdio.h>

#include "common/base/log.h"
#include "connectors/kafka/kafka.h"

#define LOGGER "KafkaSource"
#define ASK_MS 5000

/* Outlives the enumerator if that is closed while the question is under way. */
struct question {
	pthread_mutex_t lock;
	bool answered;       /* under the lock: the thread touches nothing below any more */
	struct agent *agent; /* under the lock: NULL once the enumerator is closed */
	atomic_uint refs;    /* the enumerator's and the thread's */
	struct options options;
	rd_kafka_t *handle;
	enum kafka_startup startup;
	bool bounded;
	struct kafka_split *splits;
	uint32_t splits_count;
	struct err err;
	char last_trouble[256]; /* why brokers cannot be reached, as librdkafka says it */
};

struct kafka_enumerator {
	const struct job_context *context;
	struct question *question;
	bool asked, answered;
	struct waiting {
		bool waits;
		uint32_t owned_count;
		uint64_t *owned;
	} *readers; /* [context->parallelism] */
};

static void release(void *owner)
{
	struct question *question = owner;

	options_close(&question->options);
	pthread_mutex_destroy(&question->lock);
	mem_free(question->splits);
	mem_free(question);
}

static void unref(struct question *question)
{
	if (atomic_fetch_sub(&question->refs, 1) == 1)
		kafka_close(question->handle, release, question);
}

static void trouble(rd_kafka_t *handle, int code, const char *reason, void *context)
{
	struct question *question = context;

	if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE)
		kafka_cause(reason, question->last_trouble, sizeof(question->last_trouble));
}

/* ---- the question, on a background thread --------------------------------------------------- */

static int ask_offsets(struct question *question, const char *topic, struct kafka_split *split)
{
	int64_t low, high;
	rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
		question->handle, topic, split->partition, &low, &high, ASK_MS);

	if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_error(&question->err, &question->options, "asking for offsets",
				   failed);
	if (question->startup == KAFKA_LATEST)
		split->start = high;
	if (question->bounded)
		split->stop = high;
	return 0;
}

static int ask_partitions(struct question *question, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(question->handle, topic, NULL);
	const struct rd_kafka_metadata *answer = NULL;
	rd_kafka_resp_err_t failed =
		rd_kafka_metadata(question->handle, 0, handle, &answer, ASK_MS);
	int result = 0;

	rd_kafka_poll(question->handle, 0); /* lets `trouble` hear */
	if (failed == RD_KAFKA_RESP_ERR_NO_ERROR && answer->topic_cnt == 1)
		failed = answer->topics[0].err;
	if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
		bool known = question->last_trouble[0] != '\0';

		result = kafka_error(&question->err, &question->options,
				     known ? question->last_trouble : "asking for partitions",
				     failed);
	} else {
		uint32_t count = (uint32_t)answer->topics[0].partition_cnt;

		question->splits = MEM_NEW_ARRAY(struct kafka_split, count);
		for (uint32_t i = 0; i < count; i++)
			question->splits[i] = (struct kafka_split){
				answer->topics[0].partitions[i].id,
				question->startup == KAFKA_GROUP_OFFSETS
					? RD_KAFKA_OFFSET_STORED
					: RD_KAFKA_OFFSET_BEGINNING,
				-1,
			};
		question->splits_count = count;
	}
	if (answer != NULL)
		rd_kafka_metadata_destroy(answer);
	rd_kafka_topic_destroy(handle);
	return result;
}

static void ask_all(struct question *question)
{
	const char *topic = options_get(&question->options, "topic");

	if (ask_partitions(question, topic) < 0)
		return;
	if (question->startup != KAFKA_LATEST && !question->bounded)
		return;
	for (uint32_t i = 0; i < question->splits_count; i++)
		if (ask_offsets(question, topic, &question->splits[i]) < 0)
			return;
}

static void *ask(void *context)
{
	struct question *question = context;

	ask_all(question);
	pthread_mutex_lock(&question->lock);
	question->answered = true;
	if (question->agent != NULL)
		agent_wake(question->agent);
	pthread_mutex_unlock(&question->lock);
	unref(question);
	return NULL;
}

static int start_asking(struct question *question, struct err *err)
{
	pthread_t thread;

	atomic_fetch_add(&question->refs, 1);
	int failed = pthread_create(&thread, NULL, ask, question);

	if (failed == 0) {
		pthread_detach(thread);
		return 0;
	}
	unref(question);
	return err_set_errno(err, ERR_RESOURCE, failed, "cannot start a thread for Kafka");
}

/* ---- the enumerator ------------------------------------------------------------------------- */

static int question_open(struct question *question, struct bytes parameters, struct err *err)
{
	if (options_open(&question->options, parameters, err) < 0 ||
	    options_need(&question->options, "topic", err) == NULL ||
	    options_need(&question->options, "bootstrap.servers", err) == NULL ||
	    kafka_startup_of(&question->options, &question->startup, &question->bounded, err) < 0)
		return -1;
	if (question->startup == KAFKA_GROUP_OFFSETS &&
	    options_get(&question->options, "group.id") == NULL &&
	    options_get(&question->options, "properties.group.id") == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "scan.startup.mode group-offsets needs option \"group.id\"");
	rd_kafka_conf_t *conf = kafka_configure(&question->options, err);

	if (conf == NULL)
		return -1;
	rd_kafka_conf_set_opaque(conf, question);
	rd_kafka_conf_set_error_cb(conf, trouble);
	question->handle = kafka_open(RD_KAFKA_CONSUMER, conf, err);
	return question->handle != NULL ? 0 : -1;
}

int kafka_enumerator_open(void **self, const struct job_context *context, struct state_reader *from,
			  struct err *err)
{
	struct kafka_enumerator *enumerator = MEM_NEW(struct kafka_enumerator);

	*self = enumerator;
	enumerator->context = context;
	enumerator->readers = MEM_NEW_ARRAY(struct waiting, context->parallelism);
	enumerator->question = MEM_NEW(struct question);
	atomic_init(&enumerator->question->refs, 1);
	pthread_mutex_init(&enumerator->question->lock, NULL);
	enumerator->question->agent = context->agent;
	return question_open(enumerator->question, context->parameters, err);
}

static bool owns(const struct waiting *reader, uint64_t id)
{
	for (uint32_t i = 0; i < reader->owned_count; i++)
		if (reader->owned[i] == id)
			return true;
	return false;
}

static void assign(struct kafka_enumerator *enumerator, uint32_t subtask, struct split_assigner *to)
{
	const struct question *question = enumerator->question;
	struct waiting *reader = &enumerator->readers[subtask];
	struct buf body;

	buf_init(&body);
	for (uint32_t i = subtask; i < question->splits_count;
	     i += enumerator->context->parallelism) {
		uint64_t id = (uint64_t)question->splits[i].partition;

		if (owns(reader, id))
			continue;
		buf_clear(&body);
		kafka_split_write(&question->splits[i], &body);
		to->assign(to, subtask, &(struct split){ .id = id, .body = buf_bytes(&body) });
	}
	buf_fini(&body);
	to->no_more_splits(to, subtask);
	mem_free(reader->owned);
	*reader = (struct waiting){ .waits = false };
}

static bool has_answer(struct question *question)
{
	pthread_mutex_lock(&question->lock);
	bool answered = question->answered;

	pthread_mutex_unlock(&question->lock);
	return answered;
}

int kafka_enumerator_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			  struct err *err)
{
	struct kafka_enumerator *enumerator = self;
	struct question *question = enumerator->question;

	if (!enumerator->asked && start_asking(question, err) < 0)
		return -1;
	enumerator->asked = true;
	if (!enumerator->answered && has_answer(question)) {
		enumerator->answered = true;
		if (question->err.code != ERR_NONE) {
			*err = question->err;
			return -1;
		}
		log_info(LOGGER, "Topic %s has %u partitions",
			 options_get(&question->options, "topic"), question->splits_count);
	}
	for (uint32_t i = 0; enumerator->answered && i < enumerator->context->parallelism; i++)
		if (enumerator->readers[i].waits)
			assign(enumerator, i, to);
	return 1;
}

int kafka_enumerator_reader(void *self, uint32_t subtask, const struct split *owned, uint32_t count,
			    struct err *err)
{
	struct kafka_enumerator *enumerator = self;

	if (subtask >= enumerator->context->parallelism)
		return err_set(err, ERR_BUG, "reader %u of %u", subtask,
			       enumerator->context->parallelism);
	struct waiting *reader = &enumerator->readers[subtask];

	mem_free(reader->owned);
	*reader = (struct waiting){ .waits = true, .owned_count = count };
	reader->owned = MEM_NEW_ARRAY(uint64_t, count);
	for (uint32_t i = 0; i < count; i++)
		reader->owned[i] = owned[i].id;
	return 0;
}

void kafka_enumerator_close(void **self)
{
	struct kafka_enumerator *enumerator = *self;

	if (enumerator == NULL)
		return;
	for (uint32_t i = 0; i < enumerator->context->parallelism; i++)
		mem_free(enumerator->readers[i].owned);
	mem_free(enumerator->readers);
	pthread_mutex_lock(&enumerator->question->lock);
	enumerator->question->agent = NULL;
	pthread_mutex_unlock(&enumerator->question->lock);
	unref(enumerator->question);
	mem_free(enumerator);
	*self = NULL;
}
