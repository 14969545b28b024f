/* SPDX-License-Identifier: Apache-2.0
 * env.c - the environment's life, its settings and errors, and flink_execute. See env.h. */
#include "client/api/env.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/api/env_priv.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

static void settings_put(struct flink_env *env, const char *key, const char *value)
{
	char *copy = arena_strdup(env->arena, value);

	for (uint32_t i = 0; i < env->settings.count; i++)
		if (strcmp(env->settings.keys[i], key) == 0) {
			env->settings.values[i] = copy;
			return;
		}
	if (env->settings.count == env->settings.max) {
		uint32_t max = env->settings.max = env->settings.max ? env->settings.max * 2 : 8;

		env->settings.keys = mem_realloc(env->settings.keys, max * sizeof(char *));
		env->settings.values = mem_realloc(env->settings.values, max * sizeof(char *));
	}
	env->settings.keys[env->settings.count] = arena_strdup(env->arena, key);
	env->settings.values[env->settings.count++] = copy;
}

struct flink_env *flink_env_create(const struct flink_env_options *options)
{
	struct flink_env *env = MEM_NEW(struct flink_env);

	env->arena = arena_create("program");
	env->options = *options;
	env->options.artifact_name = arena_strdup(env->arena, options->artifact_name);
	env->options.working_directory = arena_strdup(
		env->arena, options->working_directory ? options->working_directory : "/");
	env->conf = options->conf ? conf_copy(options->conf) : conf_create();
	env->chaining = conf_bool(env->conf, "pipeline.operator-chaining.enabled");
	list_init(&env->transformations);
	list_init(&env->types);
	env->broken.env = env;
	for (uint32_t i = 0; i < options->settings_count; i++)
		settings_put(env, options->settings[i].key, options->settings[i].value);
	return env;
}

void flink_env_destroy(struct flink_env **env_at)
{
	struct flink_env *env = *env_at;

	if (env == NULL)
		return;
	LIST_FOR_EACH(&env->types, struct known_type, link, known)
		record_type_destroy(&known->type);
	mem_free(env->settings.keys);
	mem_free(env->settings.values);
	conf_destroy(&env->conf);
	arena_destroy(&env->arena);
	mem_free(env);
	*env_at = NULL;
}

bool flink_env_executed(const struct flink_env *env)
{
	return env->executed;
}

bool flink_env_has_operators(const struct flink_env *env)
{
	return !list_empty(&env->transformations);
}

struct stream *env_fail(struct flink_env *env, const char *operator, enum err_code code,
			const char *format, ...)
{
	char text[sizeof(env->err.text)];
	va_list arguments;

	if (env->err.code != ERR_NONE)
		return &env->broken;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (operator != NULL)
		err_set(&env->err, code, "operator \"%s\": %s", operator, text);
	else
		err_set(&env->err, code, "%s", text);
	return &env->broken;
}

void flink_set_parallelism(struct flink_env *env, uint32_t parallelism)
{
	if (parallelism < 1 || parallelism > LIMIT_PARALLELISM_MAX)
		env_fail(env, NULL, ERR_PLAN_INVALID,
			 "a parallelism of %u was set; allowed is 1 to %d", parallelism,
			 LIMIT_PARALLELISM_MAX);
	else
		env->parallelism = parallelism;
}

void flink_set(struct flink_env *env, const char *key, const char *value)
{
	struct err err = ERR_INIT;

	if (conf_set(env->conf, key, value, "flink_set", &err) < 0) {
		env_fail(env, NULL, err.code, "%s", err.text);
		return;
	}
	settings_put(env, key, value);
	env->chaining = conf_bool(env->conf, "pipeline.operator-chaining.enabled");
}

void flink_disable_chaining(struct flink_env *env)
{
	flink_set(env, "pipeline.operator-chaining.enabled", "false");
}

int flink_execute(struct flink_env *env, const char *job_name, struct err *err)
{
	struct env_job_graph graph;

	if (env->execute_called)
		return err_set(err, ERR_PLAN_INVALID,
			       "flink_execute was called twice; a program runs one job");
	if (atomic_load(&world_forked))
		return err_set(err, ERR_PROGRAM_FAILED,
			       "flink_execute was called in a process that the program forked; only its "
			       "parent can run the job");
	env->execute_called = true;
	if (env->err.code != ERR_NONE) {
		*err = env->err;
		return -1;
	}
	if (env_job_graph(env, job_name, &graph, err) < 0)
		return -1;
	env->executed = true;
	int result =
		env->options.executor->execute(env->options.executor->context, &graph.message, err);

	env_job_graph_free(&graph);
	return result;
}
