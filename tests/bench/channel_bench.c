/* SPDX-License-Identifier: Apache-2.0
 * channel_bench.c - how fast records go from one task to another through a channel: between two
 * runners of a TaskManager, and between two TaskManagers over TCP on loopback.
 *
 *   channel_bench [RECORDS [inproc|tcp]]     32-byte records; prints "name value unit" lines
 *
 * Real runners, agents and sockets; the producer writes each record with channel_reserve, the
 * consumer sums a field of each. Beside it: limit/spsc_ring.c and limit/tcp_stream.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/check.h"
#include "taskmanager/shuffle/shuffle.h"

#define RECORDS_DEFAULT 50000000
#define RECORDS_PER_STEP 4096
#define SEGMENT_BYTES 32768
#define RUNS 5

struct record {
	int64_t key, time, value, extra;
};

struct end {
	struct agent agent; /* first */
	struct runner *runner;
	struct shuffle *shuffle;
	struct channel *channel;
	struct gate *gate; /* the consumer's */
	int64_t records, count, sum;
	bool idle;
	mono_t stepped_at;
	uint64_t idle_ns;
	atomic_bool over;
};

static struct record_type *type;
static struct world *world;

static void must(int answer, const struct err *err)
{
	if (answer == 0)
		return;
	fprintf(stderr, "channel_bench: %s\n", err->text);
	exit(1);
}

static enum step produce(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct end *end = CONTAINER_OF(agent, struct end, agent);
	struct control over = { .kind = CONTROL_END_OF_INPUT };
	int64_t stop = end->count + RECORDS_PER_STEP;

	if (stop > end->records)
		stop = end->records;
	while (end->count < stop) {
		struct record *record = channel_reserve(end->channel, sizeof(*record));

		if (record == NULL)
			return STEP_BLOCKED;
		*record = (struct record){ .key = end->count, .value = end->count++ };
	}
	if (end->count < end->records || atomic_load(&end->over))
		return atomic_load(&end->over) ? STEP_IDLE : STEP_WORKED;
	if (!channel_offer_control(end->channel, &over))
		return STEP_BLOCKED;
	shuffle_close_output(end->shuffle, &end->channel, true, NULL);
	atomic_store(&end->over, true);
	return STEP_IDLE;
}

static enum step consume(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct end *end = CONTAINER_OF(agent, struct end, agent);
	struct channel *channel;
	struct control control;
	struct batch batch;

	if (end->idle)
		end->idle_ns += (uint64_t)(now - end->stepped_at);
	end->stepped_at = now;
	gate_debloat(end->gate, now, end->idle_ns);
	channel = gate_next(end->gate);
	end->idle = channel == NULL;
	if (channel == NULL)
		return STEP_IDLE;
	switch (channel_take(channel, &batch, &control)) {
	case CHANNEL_BATCH:
		for (uint32_t i = 0; i < batch.count; i++)
			end->sum += ((const struct record *)batch_at(&batch, i))->value;
		end->count += batch.count;
		channel_release(channel, channel_taken(channel));
		return STEP_WORKED;
	case CHANNEL_CONTROL:
		shuffle_close_input(end->shuffle, &end->channel);
		atomic_store(&end->over, true);
		return STEP_IDLE;
	case CHANNEL_FAILED:
		fprintf(stderr, "channel_bench: the channel failed\n");
		exit(1);
	default:
		return STEP_IDLE;
	}
}

static void open_shuffle(struct runner *io, struct shuffle **shuffle)
{
	struct shuffle_options options = { .bind_host = "127.0.0.1",
					   .pool_bytes = 64 * 1024 * 1024,
					   .segment_bytes = SEGMENT_BYTES,
					   .exclusive_segments_per_channel = 2,
					   .floating_segments_per_gate = 8,
					   .debloat = { .enabled = true,
							.target_ms = 10,
							.period_ms = 50,
							.samples = 20,
							.threshold_percent = 25,
							.segment_bytes_min = 256 } };
	struct err err;

	must(shuffle_create(io, &options, shuffle, &err), &err);
}

struct took {
	double seconds; /* from the first step to the last record */
	double cpu_seconds; /* of all threads, likewise */
};

static double process_cpu(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static struct took run(int64_t records, bool far)
{
	struct channel_name name = { .edge = 1 };
	struct runner *io[2] = { NULL, NULL };
	struct shuffle *shuffles[2];
	struct end producer = { .records = records }, consumer = { .records = records };
	struct err err;

	for (int i = 0; i < 1 + far; i++) {
		io[i] = runner_create(world, "io", &err);
		open_shuffle(io[i], &shuffles[i]);
	}
	producer.runner = runner_create(world, "producer", &err);
	consumer.runner = runner_create(world, "consumer", &err);
	shuffle_serve_on(shuffles[0], producer.runner);
	shuffle_serve_on(shuffles[far], consumer.runner);
	agent_init(&producer.agent, "producer", produce);
	agent_init(&consumer.agent, "consumer", consume);
	producer.shuffle = shuffles[0];
	consumer.shuffle = shuffles[far];
	consumer.gate = gate_create(&consumer.agent);
	producer.channel = shuffle_open_output(shuffles[0], &name, type, &producer.agent);
	consumer.channel = shuffle_open_input(consumer.shuffle, &name, far ? "127.0.0.1" : NULL,
					      shuffle_port(shuffles[0]), type, consumer.gate, 0);
	mono_t began = world_now(world);
	double cpu_began = process_cpu();

	runner_add(producer.runner, &producer.agent);
	runner_add(consumer.runner, &consumer.agent);
	while (!atomic_load(&consumer.over))
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	struct took took = { .seconds = (double)(world_now(world) - began) / 1e9,
			     .cpu_seconds = process_cpu() - cpu_began };

	shuffle_runner_destroy(shuffles[0], &producer.runner);
	shuffle_runner_destroy(shuffles[far], &consumer.runner);
	for (int i = 0; i < 1 + far; i++)
		runner_destroy(&io[i]);
	gate_destroy(&consumer.gate);
	for (int i = 0; i < 1 + far; i++)
		shuffle_destroy(&shuffles[i]);
	if (consumer.count != records || consumer.sum != records * (records - 1) / 2) {
		fprintf(stderr, "channel_bench: %lld records came, with sum %lld\n",
			(long long)consumer.count, (long long)consumer.sum);
		exit(1);
	}
	return took;
}

static int smaller_first(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, int64_t records, bool far)
{
	double seconds[RUNS], cpu_seconds[RUNS];

	for (int i = 0; i < RUNS; i++) {
		struct took took = run(records, far);

		seconds[i] = took.seconds;
		cpu_seconds[i] = took.cpu_seconds;
	}
	qsort(seconds, RUNS, sizeof(seconds[0]), smaller_first);
	qsort(cpu_seconds, RUNS, sizeof(cpu_seconds[0]), smaller_first);
	printf("channel.%s %.1f M_records/s\n", name, (double)records / seconds[RUNS / 2] / 1e6);
	printf("# channel.%s %.2f GB/s, runs %.1f to %.1f M records/s\n", name,
	       (double)records * sizeof(struct record) / seconds[RUNS / 2] / 1e9,
	       (double)records / seconds[RUNS - 1] / 1e6, (double)records / seconds[0] / 1e6);
	printf("channel.%s.per_core_second %.3f GB/core-s\n", name,
	       (double)records * sizeof(struct record) / cpu_seconds[RUNS / 2] / 1e9);
}

int main(int argc, char **argv)
{
	static const struct field fields[] = { { "key", FIELD_BIGINT, 0 },
					       { "time", FIELD_BIGINT, 0 },
					       { "value", FIELD_BIGINT, 0 },
					       { "extra", FIELD_BIGINT, 0 } };
	int64_t records = argc > 1 ? strtoll(argv[1], NULL, 10) : RECORDS_DEFAULT;
	struct err err;

	const char *only = argc > 2 ? argv[2] : "";

	if (argc > 3 || records <= 0) {
		fprintf(stderr, "usage: channel_bench [RECORDS [inproc|tcp]]\n");
		return 2;
	}
	must(record_type_create("bench", NULL, fields, 4, &type, &err), &err);
	world = world_os_create(&err);
	if (strcmp(only, "tcp") != 0)
		measure("inproc", records, false);
	if (strcmp(only, "inproc") != 0)
		measure("tcp", records, true);
	world_destroy(&world);
	record_type_destroy(&type);
	return 0;
}
