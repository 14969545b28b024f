/* SPDX-License-Identifier: Apache-2.0
 * picture_bench.c - what a picture of a wide job costs the JobManager's thread, and its size.
 *
 *   picture_bench [VERTICES [PARALLELISM [RUNS]]]   (50 100 201) prints "name value unit" lines
 *
 * The job is a real one of a real JobManager (in the simulated world, which has no cost here); its
 * subtasks are put to RUNNING by hand and told numbers as heartbeats tell them. Medians.
 *
 *   snapshot        a whole picture, as GET /jobs/:jobid/snapshot writes it
 *   patch.all       a patch after every subtask told new numbers
 *   patch.one       … after one did: what following a job costs at least
 *   patch.none      … after nothing
 *   cluster         GET /snapshot
 *   ….bytes, memory what is sent; what a hub keeps */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "common/rpc/rpc.h"
#include "jobmanager/rest/picture.h"
#include "tests/lib/dice.h"
#include "tests/lib/jobmanager_bed.h"

#define TASKMANAGERS 10
#define SOURCE FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE
#define OPERATOR FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR
#define SINK FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK
#define RUNS_MAX 10001

static uint32_t vertices = 50, parallelism = 100, runs = 201;
static char endpoints[TASKMANAGERS][32], names[TASKMANAGERS][32];

static void must(int answer, const struct err *err)
{
	if (answer == 0)
		return;
	fprintf(stderr, "picture_bench: %s\n", err->text);
	exit(1);
}

/* ---- the job -------------------------------------------------------------------------------- */

static uint32_t add_node(struct stream_graph *stream, const char *name, const char *factory,
			 Flink__OperatorKind kind, const struct record_type *type)
{
	struct stream_node node = {
		.id = stream_graph_next_id(stream),
		.name = name,
		.kind = kind,
		.factory = factory,
		.parallelism = parallelism,
		.max_parallelism = LIMIT_PARALLELISM_MAX,
		.input_type = kind == SOURCE ? NULL : type,
		.output_type = kind == SINK ? NULL : type,
	};

	stream_graph_add(stream, &node);
	return node.id;
}

/* Source -> Map => Map -> Map => … => Map -> Sink, with an exchange by key between vertices. */
static Flink__JobGraph *make_graph(void)
{
	static const struct field fields[] = { { "key", FIELD_BIGINT, 0 } };
	struct stream_graph *stream = stream_graph_create("wide", 1);
	struct key_spec key = { .fields_count = 1 };
	Flink__JobGraph *graph = NULL;
	struct record_type *type;
	struct err err = ERR_INIT;
	uint32_t before = 0;

	must(record_type_create("key", NULL, fields, 1, &type, &err), &err);
	for (uint32_t v = 0; v < vertices; v++) {
		bool last = v + 1 == vertices;
		uint32_t head = v == 0 ? add_node(stream, "Source: N", "numbers", SOURCE, type)
				       : add_node(stream, "Enrich", "map", OPERATOR, type);
		uint32_t tail = last ? add_node(stream, "Sink: Print", "print", SINK, type)
				     : add_node(stream, "Map", "map", OPERATOR, type);

		if (v > 0)
			stream_graph_connect(stream, before, head, 0, SHIP_HASH, &key);
		stream_graph_connect(stream, head, tail, 0, SHIP_FORWARD, NULL);
		before = tail;
	}
	must(job_graph_from_stream(stream, &graph, &err), &err);
	stream_graph_destroy(&stream);
	record_type_destroy(&type);
	return graph;
}

static struct job *make_job(struct bed *bed)
{
	struct id id = { { 1 } };
	Flink__JobGraph *graph = make_graph();
	struct job *job;
	struct err err = ERR_INIT;

	graph->job_id = (ProtobufCBinaryData){ sizeof(id.bytes), id.bytes };
	must(dispatcher_submit(bed->dispatcher, graph, &job, &err), &err);
	graph->job_id = (ProtobufCBinaryData){ 0, NULL }; /* not of the message's heap */
	flink__job_graph__free_unpacked(graph, NULL);
	return job;
}

static void run(struct job_vertex *vertex, uint32_t subtask)
{
	struct execution *execution = &vertex->executions[subtask];

	vertex->counts[execution->state]--;
	execution->state = EXECUTION_RUNNING;
	vertex->counts[execution->state]++;
	execution->entered_ms[EXECUTION_DEPLOYING] = 1700000000000 + subtask;
	execution->entered_ms[EXECUTION_RUNNING] = 1700000000100 + subtask;
	execution->resource_id = names[subtask % TASKMANAGERS];
	execution->endpoint = endpoints[subtask % TASKMANAGERS];
}

static void stop(struct job_vertex *vertex, uint32_t subtask)
{
	struct execution *execution = &vertex->executions[subtask];

	vertex->counts[execution->state]--;
	execution->state = EXECUTION_SCHEDULED;
	vertex->counts[execution->state]++;
	execution->resource_id = execution->endpoint = NULL;
}

/* Two seconds of a subtask's life. */
static void tell(struct job_vertex *vertex, uint32_t subtask, uint64_t *dice)
{
	const struct figures *before =
		vertex->figures.of != NULL ? &vertex->figures.of[subtask] : NULL;
	Flink__TaskMetrics message = FLINK__TASK_METRICS__INIT;
	uint32_t ids[64], busy_us = below(dice, 1500000), pressed_us = below(dice, 500000);
	uint64_t values[64], more[TASK_COUNTERS] = { below(dice, 900000), below(dice, 900000),
						     below(dice, 90000000), below(dice, 90000000),
						     busy_us, 2000000 - busy_us - pressed_us,
						     pressed_us, busy_us / 3 };
	struct err err = ERR_INIT;
	bool fresh;
	size_t n = 0;

	for (uint32_t k = 0; k < TASK_COUNTERS; k++, n++) {
		ids[n] = metric_id(METRIC_SCOPE_TASK, k);
		values[n] = (before != NULL ? before->task[k].now : 0) + more[k];
	}
	for (uint32_t k = TASK_COUNTERS; k < TASK_METRICS; k++, n++) {
		ids[n] = k;
		values[n] = below(dice, 10);
	}
	for (uint32_t o = 0; o < vertex->figures.plan.operators; o++)
		for (uint32_t k = 0; k < OPERATOR_METRICS; k++, n++) {
			ids[n] = metric_id(METRIC_SCOPE_OPERATOR + o, k);
			values[n] = (before ? before->operators[o * OPERATOR_METRICS + k].now : 0) +
				    more[k];
		}
	message.sequence = before != NULL ? before->sequence + 1 : 1;
	message.ids = ids;
	message.values = values;
	message.n_ids = message.n_values = n;
	must(figures_take(&vertex->figures, subtask, &message, &fresh, &err), &err);
}

static void each(struct job *job, void (*of)(struct job_vertex *vertex, uint32_t subtask))
{
	for (uint32_t v = 0; v < vertices; v++)
		for (uint32_t s = 0; s < parallelism; s++)
			of(&job->vertices[v], s);
}

static uint64_t dice = 1;

static void tell_anything(struct job_vertex *vertex, uint32_t subtask)
{
	tell(vertex, subtask, &dice);
}

/* ---- measuring ------------------------------------------------------------------------------ */

struct series {
	double ms[RUNS_MAX];
	size_t bytes;
};

static double thread_cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void draw(struct series *series, uint32_t n, struct bed *bed, const struct job *job,
		 struct picture_memory *memory, bool whole)
{
	struct picture_out out;
	struct json_out json;
	struct buf text;
	double began = thread_cpu_ms();

	buf_init(&text);
	json_out_init(&json, &text);
	json_out_object(&json, NULL);
	picture_begin(&out, &json, memory, whole);
	if (job != NULL)
		picture_of_job(job, &out);
	else
		picture_of_cluster(bed->dispatcher, &out);
	json_out_close(&json);
	series->ms[n] = thread_cpu_ms() - began;
	series->bytes = text.size_bytes;
	buf_fini(&text);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, struct series *series)
{
	qsort(series->ms, runs, sizeof(series->ms[0]), by_value);
	printf("%s %.3f ms\n", name, series->ms[runs / 2]);
	printf("%s.bytes %zu bytes\n", name, series->bytes);
}

static void measure(struct bed *bed, struct job *job)
{
	static struct series snapshot, all, one, none, cluster;
	struct picture_memory *memory = picture_memory_create();

	draw(&snapshot, 0, bed, job, memory, true);
	for (uint32_t n = 0; n < runs; n++) {
		each(job, tell_anything);
		draw(&snapshot, n, bed, job, NULL, true);
		draw(&cluster, n, bed, NULL, NULL, true);
		draw(&all, n, bed, job, memory, false);
		tell_anything(&job->vertices[n % vertices], n % parallelism);
		draw(&one, n, bed, job, memory, false);
		draw(&none, n, bed, job, memory, false);
	}
	print("snapshot", &snapshot);
	print("patch.all", &all);
	print("patch.one", &one);
	print("patch.none", &none);
	print("cluster", &cluster);
	printf("memory %zu bytes\n", picture_memory_bytes(memory));
	picture_memory_destroy(&memory);
}

int main(int argc, char **argv)
{
	uint32_t *const given[] = { &vertices, &parallelism, &runs };
	struct bed *bed;
	struct job *job;

	for (int i = 1; i < argc && i <= 3; i++)
		*given[i - 1] = (uint32_t)strtoul(argv[i], NULL, 10);
	if (vertices < 1 || parallelism < 1 || parallelism > LIMIT_PARALLELISM_MAX || runs < 1 ||
	    runs > RUNS_MAX || argc > 4) {
		fprintf(stderr, "usage: picture_bench [VERTICES [PARALLELISM [RUNS]]]\n");
		return 2;
	}
	log_set_level(LOG_ERROR);
	for (uint32_t i = 0; i < TASKMANAGERS; i++) {
		snprintf(names[i], sizeof(names[i]), "10.0.0.%u:43210-a1b2c3", i);
		snprintf(endpoints[i], sizeof(endpoints[i]), "10.0.0.%u:7000", i);
	}
	bed = bed_create(1, NULL);
	job = make_job(bed);
	each(job, run);
	job->all_running_ms = 1700000000200;
	each(job, tell_anything);
	measure(bed, job);
	each(job, stop);
	bed_destroy(bed);
	return 0;
}
