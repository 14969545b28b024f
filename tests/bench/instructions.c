/* SPDX-License-Identifier: Apache-2.0
 * instructions.c - the hot paths one by one, to count instructions in: tests/bench/instructions
 * runs each under callgrind with N and with more records, and the difference is what one record
 * costs. Nothing here is timed.
 *
 *	instructions PATH RECORDS	runs one path once; without arguments: the names of all
 *
 * The engine is the real one, in the simulated world: one thread, and the same order of steps every
 * time, so two runs differ by nothing. What the simulator itself costs is in the figures too, once
 * per step and not per record. Segments have 32 KiB, as by default; sources and sinks are those of
 * connector/. A wrong answer ends the program. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/api/flink/flink.h"
#include "common/base/check.h"
#include "common/graph/graph.h"
#include "common/wire/frame.h"
#include "common/world/world_sim.h"
#include "taskmanager/exec/task.h"
#include "taskmanager/operator/operators.h"
#include "tests/bench/connector/bench.h"
#include "tests/lib/test_job.h"

#define PROGRAM_PATH "the program itself"
#define SEGMENT_BYTES (32 * 1024)
#define POOL_BYTES (64 * 1024 * 1024)
#define TASKS_MAX 8
#define SLOTS 2
#define MAPS 5
#define BUDGET_MS 3600000
#define WINDOW_MS INT64_C(1000000000000) /* one: it fires at the end */

FLINK_RECORD(row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		  FIELD(BIGINT, extra));
FLINK_RECORD(word_count, FIELD(STRING, word) FIELD(BIGINT, count));

static uint64_t records; /* of this run */
static uint64_t received, total; /* in all sinks: records, and the sum of their values */

static void must(int answer, const struct err *err)
{
	if (answer == 0)
		return;
	fprintf(stderr, "instructions: %s\n", err->text);
	exit(1);
}

/* ---- a TaskManager without its executor ------------------------------------------------------ */

struct engine {
	struct sim *sim;
	struct world *node;
	struct runner *network, *slots[SLOTS];
	struct shuffle *shuffle;
	struct module *module;
	struct test_job *job;
	int32_t row, line, word;
	struct task *tasks[TASKS_MAX];
	enum task_state states[TASKS_MAX];
	uint32_t tasks_count;
};

static struct engine engine;

static void state_changed(void *context, struct task *task, enum task_state state,
			  const struct err *failure, const char *failed_operator)
{
	struct task **place = context;

	CHECK(state != TASK_FAILED, "%s: %s", failed_operator ? failed_operator : "a task",
	      failure->text);
	engine.states[place - engine.tasks] = state;
	if (sm_is_final(&task_states, state))
		task_destroy(place);
}

static void reader_ready(void *context, struct task *task, uint32_t operator)
{
	task_add_splits(*(struct task **)context, 0, NULL, 0, true);
}

/* "bench-sum 0 records N total T …" */
static void keep_line(void *context, struct task *task, const char *line, size_t size_bytes)
{
	char text[256];
	uint64_t count, sum;

	snprintf(text, sizeof(text), "%.*s", (int)size_bytes, line);
	if (sscanf(text, "bench-sum %*u records %" SCNu64 " total %" SCNu64, &count, &sum) != 2)
		return;
	received += count;
	total += sum;
}

static struct shuffle *open_shuffle(struct runner *network, const char *host)
{
	struct shuffle_options options = { .bind_host = host,
					   .secret = bytes_of_text("instructions"),
					   .pool_bytes = POOL_BYTES,
					   .segment_bytes = SEGMENT_BYTES,
					   .exclusive_segments_per_channel = 2,
					   .floating_segments_per_gate = 8 };
	struct shuffle *shuffle;
	struct err err = ERR_INIT;

	must(shuffle_create(network, &options, &shuffle, &err), &err);
	return shuffle;
}

static void engine_open(void)
{
	struct sim_options calm = { .step_cost_ns_max = 1000 };
	struct err err = ERR_INIT;

	engine.sim = sim_create(1, &calm);
	sim_module_add(engine.sim, PROGRAM_PATH);
	engine.node = sim_node(engine.sim, "node");
	must(module_open(engine.node, PROGRAM_PATH, NULL, &engine.module, &err), &err);
	engine.network = runner_create(engine.node, "network", &err);
	for (uint32_t i = 0; i < SLOTS; i++)
		engine.slots[i] = runner_create(engine.node, "slot", &err);
	engine.shuffle = open_shuffle(engine.network, "node");
	engine.job = test_job_create("Instructions", engine.module);
	engine.row = test_job_type(engine.job, row_type);
	engine.line = test_job_type(engine.job, line_type);
	engine.word = test_job_type(engine.job, word_count_type);
}

static bool is_over(void *context)
{
	for (uint32_t i = 0; i < engine.tasks_count; i++)
		if (!sm_is_final(&task_states, engine.states[i]))
			return false;
	return true;
}

static void deploy(uint32_t vertex, uint32_t subtask)
{
	struct task **place = &engine.tasks[engine.tasks_count++];
	struct err err = ERR_INIT;
	struct task_options options = {
		.world = engine.node,
		.runner = engine.slots[subtask % SLOTS],
		.shuffle = engine.shuffle,
		.graph = engine.job->graph,
		.types = engine.job->types,
		.modules = engine.job->modules,
		.deployment = test_job_deploy(engine.job, vertex, subtask, 0),
		.placement = test_job_placement(engine.job),
		.local_resource_id = "local",
		.fire_at_end = true,
		.buffer_timeout_ms = 100,
		.state_changed = state_changed,
		.reader_ready = reader_ready,
		.print = keep_line,
		.context = place,
	};

	CHECK(engine.tasks_count <= TASKS_MAX, "more than %d tasks", TASKS_MAX);
	must(task_create(&options, place, &err), &err);
}

static void engine_run(void)
{
	const Flink__JobGraph *graph = engine.job->graph;
	struct err err = ERR_INIT;

	must(job_graph_check(graph, &err), &err);
	for (uint32_t v = 0; v < graph->n_vertices; v++)
		for (uint32_t s = 0; s < graph->vertices[v]->parallelism; s++)
			deploy(v, s);
	sim_run(engine.sim, BUDGET_MS, is_over, NULL, NULL);
	CHECK(is_over(NULL), "the job has not ended");
}

static void engine_close(void)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		runner_destroy(&engine.slots[i]);
	shuffle_destroy(&engine.shuffle);
	test_job_destroy(&engine.job);
	module_close(&engine.module);
	runner_destroy(&engine.network);
	world_destroy(&engine.node);
	sim_destroy(&engine.sim);
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static void add_source(uint32_t vertex, const char *factory, int32_t type, uint32_t keys)
{
	char options[96];

	snprintf(options, sizeof(options), "records=%" PRIu64 " keys=%" PRIu32, records, keys);
	test_job_operator(engine.job, vertex,
			  &(struct test_operator){
				  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
				  .name = "Source",
				  .factory = factory,
				  .input_type = -1,
				  .output_type = type,
				  .key_field = -1,
				  .options = options });
}

static void add_operator(uint32_t vertex, const char *factory, int32_t in, int32_t out,
			 void *function)
{
	bool keyed = function == NULL;

	test_job_operator(engine.job, vertex,
			  &(struct test_operator){
				  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
				  .name = factory,
				  .factory = factory,
				  .input_type = in,
				  .output_type = out,
				  .key_field = keyed ? 0 : -1,
				  .field = in == engine.row ? 2 : 1, /* value, count */
				  .window_size_ms = strcmp(factory, "window-sum") ? 0 : WINDOW_MS,
				  .function = function });
}

static void add_sink(uint32_t vertex, const char *factory, int32_t type)
{
	test_job_operator(engine.job, vertex,
			  &(struct test_operator){
				  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
				  .name = "Sink",
				  .factory = factory,
				  .input_type = type,
				  .output_type = -1,
				  .key_field = -1 });
}

/* bench-rows ==ship==> [operator] -> bench-sum, parallelism 1 to `consumers`. */
static void exchange(Flink__ShipStrategy ship, uint32_t consumers, const char *operator,
		     uint32_t keys)
{
	uint32_t head = test_job_vertex(engine.job, "Source", 1);
	uint32_t tail = test_job_vertex(engine.job, "Sink", consumers);

	add_source(head, "bench-rows", engine.row, keys);
	if (operator != NULL)
		add_operator(tail, operator, engine.row, engine.row, NULL);
	add_sink(tail, "bench-sum", engine.row);
	test_job_edge(engine.job, head, tail, ship,
		      ship == FLINK__SHIP_STRATEGY__SHIP_HASH ? 0 : -1);
	engine_run();
}

/* ---- the paths ------------------------------------------------------------------------------- */

static void add_one(const struct row *in, struct row *out)
{
	out->key = in->key;
	out->time = in->time;
	out->value = in->value + 1;
	out->extra = in->extra;
}

static void add_one_batch(const struct row *in, struct row *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_one(&in[i], &out[i]);
}

static void chain_of(const char *factory, void *function)
{
	uint32_t vertex = test_job_vertex(engine.job, "Source -> Sink", 1);

	add_source(vertex, "bench-rows", engine.row, 100);
	for (int i = 0; i < MAPS && function != NULL; i++)
		add_operator(vertex, factory, engine.row, engine.row, function);
	add_sink(vertex, "bench-sum", engine.row);
	engine_run();
}

static void path_chain(void)
{
	chain_of(NULL, NULL);
}

static void path_maps(void)
{
	chain_of("map", (void *)add_one);
}

static void path_maps_batch(void)
{
	chain_of("map-batch", (void *)add_one_batch);
}

static void path_forward(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_FORWARD, 1, NULL, 100);
}

static void path_rebalance(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_REBALANCE, SLOTS, NULL, 100);
}

static void path_hash(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_HASH, SLOTS, NULL, 100);
}

static void path_sum_100(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_HASH, SLOTS, "sum", 100);
}

static void path_sum_10k(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_HASH, SLOTS, "sum", 10000);
}

static void path_window_100(void)
{
	exchange(FLINK__SHIP_STRATEGY__SHIP_HASH, SLOTS, "window-sum", 100);
	CHECK(received == 100 && total == records, "%" PRIu64 " firings with total %" PRIu64,
	      received, total);
	received = records;
}

static void split(const struct line *in, struct collector *out)
{
	const char *at = str_ptr(&in->text), *end = at + in->text.len;

	while (at < end) {
		const char *word = at;

		while (at < end && (unsigned char)*at > ' ')
			at++;
		if (at > word)
			collect(out, word_count, .word = str_of(word, (size_t)(at - word)),
				.count = 1);
		at++;
	}
}

/* Records are words. */
static void path_wordcount(void)
{
	uint32_t head = test_job_vertex(engine.job, "Source -> Flat Map", 1);
	uint32_t tail = test_job_vertex(engine.job, "Sum -> Sink", SLOTS);

	add_source(head, "bench-lines", engine.line, 10000);
	add_operator(head, "flat-map", engine.line, engine.word, (void *)split);
	add_operator(tail, "sum", engine.word, engine.word, NULL);
	add_sink(tail, "bench-count", engine.word);
	test_job_edge(engine.job, head, tail, FLINK__SHIP_STRATEGY__SHIP_HASH, 0);
	engine_run();
}

/* ---- channels without tasks ------------------------------------------------------------------ */

struct end {
	struct agent agent; /* first */
	struct shuffle *shuffle;
	struct channel *channel;
	struct gate *gate; /* the consumer's */
	uint64_t count;
	bool over;
};

static enum step produce(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct end *end = CONTAINER_OF(agent, struct end, agent);
	struct control over = { .kind = CONTROL_END_OF_INPUT };
	uint64_t until = end->count + 4096 < records ? end->count + 4096 : records;

	while (end->count < until) {
		struct row *made = channel_reserve(end->channel, sizeof(*made));

		if (made == NULL)
			return STEP_BLOCKED;
		*made = (struct row){ .key = (int64_t)end->count++, .value = 1 };
	}
	if (end->over || end->count < records)
		return end->over ? STEP_IDLE : STEP_WORKED;
	if (!channel_offer_control(end->channel, &over))
		return STEP_BLOCKED;
	shuffle_close_output(end->shuffle, &end->channel, true, NULL);
	end->over = true;
	return STEP_IDLE;
}

static enum step consume(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct end *end = CONTAINER_OF(agent, struct end, agent);
	struct channel *channel = gate_next(end->gate);
	struct control control;
	struct batch batch;

	if (channel == NULL)
		return STEP_IDLE;
	switch (channel_take(channel, &batch, &control)) {
	case CHANNEL_BATCH:
		for (uint32_t i = 0; i < batch.count; i++)
			received += (uint64_t)((const struct row *)batch_at(&batch, i))->value;
		channel_release(channel, channel_taken(channel));
		return STEP_WORKED;
	case CHANNEL_CONTROL:
		shuffle_close_input(end->shuffle, &end->channel);
		end->over = true;
		return STEP_IDLE;
	default:
		return STEP_IDLE;
	}
}

static bool has_ended(void *consumer)
{
	return ((struct end *)consumer)->over;
}

/* From one runner to another, of the same TaskManager or of two. */
static void carry(bool far)
{
	struct channel_name name = { .edge = 1 };
	const struct record_type *type = engine.job->types[engine.row];
	struct world *there = far ? sim_node(engine.sim, "there") : engine.node;
	struct err err = ERR_INIT;
	struct runner *network = far ? runner_create(there, "network", &err) : NULL;
	struct runner *runner = runner_create(there, "slot", &err);
	struct end producer = { .shuffle = engine.shuffle };
	struct end consumer = { .shuffle = far ? open_shuffle(network, "there") : engine.shuffle };

	agent_init(&producer.agent, "producer", produce);
	agent_init(&consumer.agent, "consumer", consume);
	shuffle_serve_on(producer.shuffle, engine.slots[0]);
	shuffle_serve_on(consumer.shuffle, runner);
	consumer.gate = gate_create(&consumer.agent);
	producer.channel = shuffle_open_output(producer.shuffle, &name, type, &producer.agent);
	consumer.channel = shuffle_open_input(consumer.shuffle, &name, far ? "node" : NULL,
					      shuffle_port(producer.shuffle), type, consumer.gate,
					      0);
	runner_add(engine.slots[0], &producer.agent);
	runner_add(runner, &consumer.agent);
	sim_run(engine.sim, BUDGET_MS, has_ended, &consumer, NULL);
	CHECK(consumer.over, "the channel has not ended");
	runner_destroy(&runner);
	runner_destroy(&engine.slots[0]);
	gate_destroy(&consumer.gate);
	if (far) {
		shuffle_destroy(&consumer.shuffle);
		runner_destroy(&network);
		world_destroy(&there);
	}
}

static void path_channel_local(void)
{
	carry(false);
}

static void path_channel_tcp(void)
{
	carry(true);
}

static int64_t any_size(void *context, uint16_t kind, uint16_t method)
{
	return SEGMENT_BYTES;
}

/* One frame of 32 KiB per 1024 records: its header and checksum made, read and checked. */
static void path_frame(void)
{
	const uint32_t body_bytes = 1024 * sizeof(struct row);
	uint8_t *body = MEM_NEW_ARRAY(uint8_t, body_bytes);
	struct buf buffer;
	struct frame frame;
	struct err err = ERR_INIT;
	size_t used = 0;

	buf_init(&buffer);
	for (uint64_t i = 0; i < records; i += 1024) {
		memcpy(body, &i, sizeof(i));
		buf_clear(&buffer);
		frame_write(&buffer, 20, 0, 0, 0, bytes_of(body, body_bytes));
		CHECK(frame_parse(bytes_of(buffer.data, buffer.size_bytes), any_size, NULL, &frame,
				  &used, &err) == 1, "%s", err.text);
	}
	received = records;
	buf_fini(&buffer);
	mem_free(body);
}

static const struct {
	const char *name;
	void (*run)(void);
} paths[] = {
	{ "chain", path_chain },
	{ "maps", path_maps },
	{ "maps_batch", path_maps_batch },
	{ "forward", path_forward },
	{ "rebalance", path_rebalance },
	{ "hash", path_hash },
	{ "sum.100", path_sum_100 },
	{ "sum.10000", path_sum_10k },
	{ "window_sum.100", path_window_100 },
	{ "wordcount", path_wordcount },
	{ "channel.local", path_channel_local },
	{ "channel.tcp", path_channel_tcp },
	{ "frame", path_frame },
};

static int run_path(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		if (strcmp(paths[i].name, name) != 0)
			continue;
		engine_open();
		paths[i].run();
		CHECK(received == records, "%" PRIu64 " of %" PRIu64 " records came", received,
		      records);
		engine_close();
		return 0;
	}
	fprintf(stderr, "instructions: there is no path \"%s\"\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 1 && i < ARRAY_COUNT(paths); i++)
		printf("%s\n", paths[i].name);
	if (argc == 1)
		return 0;
	records = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	if (records == 0) {
		fprintf(stderr, "usage: instructions [PATH RECORDS]\n");
		return 2;
	}
	operators_register();
	flink_connector(CONTRACT_ABI);
	return run_path(argv[1]);
}
