/* SPDX-License-Identifier: Apache-2.0
 * test_job.h - small job graphs by hand, and the deployments a JobMaster would make of them. No
 * cmocka: everything that fails is a CHECK. */
#ifndef TESTS_LIB_TEST_JOB_H
#define TESTS_LIB_TEST_JOB_H

#include "task_executor.pb-c.h"

#include "common/contract/operator.h"

#define TEST_JOB_MAX 16 /* vertices, operators of a vertex, edges, types */

struct flink_type;

struct test_job {
	Flink__JobGraph *graph;
	struct record_type *types[TEST_JOB_MAX];
	struct module *modules[1]; /* the test's own program, when functions are used */
	struct arena *arena;       /* everything above but the types */
};

/* What an operator's parameters say; zeroes are left out. */
struct test_operator {
	Flink__OperatorKind kind;
	const char *name, *factory;
	int32_t input_type, output_type; /* indices from test_job_type; -1: none */
	int32_t key_field;               /* of the input; -1: not keyed */
	void *function;                  /* found in the job's module */
	const char *function_parameters;
	int32_t field;                   /* sum */
	int64_t window_size_ms;
	const char *options;             /* "repeat=3 interval_us=10" */
	const char *const *lines; /* test-list-source of type line: its elements, NULL-terminated */
};

/* module: opened by the test, or NULL when no function is used. */
struct test_job *test_job_create(const char *name, struct module *module);
void test_job_destroy(struct test_job **job);
int32_t test_job_type(struct test_job *job, const struct flink_type *type);
uint32_t test_job_vertex(struct test_job *job, const char *name, uint32_t parallelism);
/* Appends to the vertex's chain; reads the operator before it. Returns its index. */
uint32_t test_job_operator(struct test_job *job, uint32_t vertex,
			   const struct test_operator *operator);
/* From the last operator of `source` so far; key_field -1: none. Returns the edge's index. */
uint32_t test_job_edge(struct test_job *job, uint32_t source, uint32_t target,
		       Flink__ShipStrategy ship, int32_t key_field);
/* The edge becomes CUSTOM with this partitioner, which lies in the job's module. */
void test_job_partitioner(struct test_job *job, uint32_t edge, void *function,
			  const char *parameters);
void test_job_setting(struct test_job *job, const char *key, const char *value);

/* The deployment of one subtask, and where all of them are: on the TaskManager "local". They live
 * as long as the job. Execution ids are (vertex, subtask, attempt). */
Flink__TaskDeployment *test_job_deploy(struct test_job *job, uint32_t vertex, uint32_t subtask,
					  uint32_t attempt);
Flink__Placement *test_job_placement(struct test_job *job);

#endif
