/* SPDX-License-Identifier: Apache-2.0
 * env.h - what runs a program that is written against flink.h: the command line, the mini cluster,
 * later Python and the REST submit make an environment, hand it to flink_main, and get the job
 * graph through an executor. Programs do not include this file.
 *
 * Everything here runs on the thread that calls flink_main. */
#ifndef CLIENT_API_ENV_H
#define CLIENT_API_ENV_H

#include "job_graph.pb-c.h"

#include "client/api/flink/flink.h"
#include "common/conf/conf.h"
#include "common/world/world.h"

/* Who takes the job graph at flink_execute. */
struct flink_executor {
	/* Runs the job (attached: until it has ended) or only looks at it. The graph is complete,
	 * checked, and borrowed for the call. 0, or -1 with err, which flink_execute returns. */
	int (*execute)(void *context, const Flink__JobGraph *graph, struct err *err);
	void *context;
};

struct flink_setting {
	const char *key, *value;
};

struct flink_env_options {
	struct world *world;
	struct module *module;      /* the program's code; NULL: it may not use functions */
	const char *artifact_name;  /* "SocketWindowWordCount.so" */
	uint8_t artifact_sha256[32];
	uint64_t artifact_size_bytes;
	const struct conf *conf;    /* the cluster's settings, with -D over them; NULL: defaults */
	const struct flink_setting *settings; /* what travels with the job: -D and options */
	uint32_t settings_count;
	const char *working_directory; /* relative paths of the program are from here; NULL: "/" */
	const struct flink_executor *executor;
};

/* Copies the options but world, module, conf and executor, which outlive the environment. */
struct flink_env *flink_env_create(const struct flink_env_options *options);
void flink_env_destroy(struct flink_env **env);
/* flink_execute was called and the graph reached the executor. */
bool flink_env_executed(const struct flink_env *env);
/* The program made sources or operators (and perhaps forgot flink_execute). */
bool flink_env_has_operators(const struct flink_env *env);

/* Program arguments as Flink's ParameterTool reads them: --key value, -key value, --flag.
 * ERR_PROGRAM_FAILED for anything else. */
MUST_USE int flink_args_create(int count, const char *const *texts, struct flink_args **args,
			       struct err *err);
void flink_args_destroy(struct flink_args **args);

#endif
