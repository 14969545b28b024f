/* SPDX-License-Identifier: Apache-2.0
 * api_test_bed.h - for tests of programs: one simulated machine, and an executor that keeps the
 * graph of what was executed. Header only. */
#ifndef CLIENT_API_API_TEST_BED_H
#define CLIENT_API_API_TEST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "client/api/env.h"
#include "common/graph/graph.h"
#include "common/world/world_sim.h"

#define PROGRAM_PATH "/jobs/test.so"

struct stage {
	struct sim *sim;
	struct world *world;
	struct module *module;
	struct flink_executor executor;
	struct flink_env_options options;
	struct flink_env *env;
	Flink__JobGraph *graph; /* a copy of what was executed */
	struct err err;
	int64_t bytes_before;
};

static inline int keep_graph(void *context, const Flink__JobGraph *graph, struct err *err)
{
	struct stage *stage = context;
	size_t size_bytes = flink__job_graph__get_packed_size(graph);
	uint8_t *packed = mem_alloc(size_bytes);

	flink__job_graph__pack(graph, packed);
	stage->graph = flink__job_graph__unpack(NULL, size_bytes, packed);
	mem_free(packed);
	assert_non_null(stage->graph);
	return 0;
}

static inline void stage_open(struct stage *stage)
{
	struct sim_options calm = { .delay_us_max = 0 };

	memset(stage, 0, sizeof(*stage));
	stage->bytes_before = mem_bytes_out();
	stage->sim = sim_create(1, &calm);
	stage->world = sim_node(stage->sim, "client");
	sim_module_add(stage->sim, PROGRAM_PATH);
	assert_int_equal(module_open(stage->world, PROGRAM_PATH, NULL, &stage->module, &stage->err),
			 0);
	stage->executor = (struct flink_executor){ keep_graph, stage };
	stage->options = (struct flink_env_options){
		.world = stage->world, .module = stage->module, .artifact_name = "test.so",
		.artifact_size_bytes = 4711, .working_directory = "/home/user/work",
		.executor = &stage->executor,
	};
}

static inline void stage_close(struct stage *stage)
{
	flink_env_destroy(&stage->env);
	if (stage->graph != NULL)
		flink__job_graph__free_unpacked(stage->graph, NULL);
	module_close(&stage->module);
	world_destroy(&stage->world);
	sim_destroy(&stage->sim);
	assert_int_equal(mem_bytes_out(), stage->bytes_before);
}

typedef void program_fn(struct flink_env *env);

/* Runs the program and flink_execute behind it; *stage stays open. */
static inline void run(struct stage *stage, program_fn *program)
{
	stage->env = flink_env_create(&stage->options);
	program(stage->env);
	(void)!flink_execute(stage->env, "Test Job", &stage->err);
}

#endif
