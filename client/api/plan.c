/* SPDX-License-Identifier: Apache-2.0
 * plan.c - from the program's transformations to the stream graph, and from there (common/graph) to
 * the checked job graph with its plan, its settings and its artifact. */
#include "client/api/env_priv.h"
#include "common/base/mem.h"

#define DEFAULT_JOB_NAME "Flink Streaming Job"

static const char *shown_name(struct flink_env *env, const struct stream_node *node)
{
	const char *prefix = node->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE ? "Source: "
			     : node->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK ? "Sink: "
										      : "";

	return arena_printf(env->arena, "%s%s", prefix, node->name);
}

static void add_node(struct flink_env *env, struct stream_graph *graph, struct transformation *made,
		     uint32_t max_parallelism)
{
	struct stream_node node = made->node;
	size_t size_bytes = flink__operator_parameters__get_packed_size(&made->parameters);
	uint8_t *packed = arena_alloc(env->arena, size_bytes);

	flink__operator_parameters__pack(&made->parameters, packed);
	node.name = shown_name(env, &made->node);
	node.parameters = bytes_of(packed, size_bytes);
	if (node.max_parallelism == 0)
		node.max_parallelism = max_parallelism;
	stream_graph_add(graph, &node);
	for (uint32_t i = 0; i < made->inlets_count; i++) {
		const struct inlet *inlet = &made->inlets[i];

		if (inlet->ship == SHIP_CUSTOM)
			stream_graph_connect_custom(graph, inlet->origin->node.id, node.id, 0,
						    inlet->partitioner);
		else
			stream_graph_connect(graph, inlet->origin->node.id, node.id, 0,
					     inlet->ship, &inlet->key);
	}
}

static bool is_batch(const struct flink_env *env)
{
	return strcmp(conf_text(env->conf, "execution.runtime-mode"), "BATCH") == 0;
}

static struct stream_graph *stream_graph_of(struct flink_env *env, const char *job_name)
{
	int64_t max_parallelism = conf_int(env->conf, "pipeline.max-parallelism");
	uint32_t parallelism = env->parallelism;

	if (parallelism == 0)
		parallelism = (uint32_t)conf_int(env->conf, "parallelism.default");
	struct stream_graph *graph = stream_graph_create(job_name, parallelism);

	stream_graph_set_chaining(graph, env->chaining);
	LIST_FOR_EACH(&env->transformations, struct transformation, link, made) {
		made->node.id = stream_graph_next_id(graph);
		if (!made->is_virtual)
			add_node(env, graph, made,
				 max_parallelism > 0 ? (uint32_t)max_parallelism : 0);
	}
	stream_graph_set_batch(graph, is_batch(env));
	return graph;
}

static void put_setting(struct env_job_graph *graph, const char *key, const char *value)
{
	Flink__KeyValue *setting = arena_alloc(graph->arena, sizeof(*setting));

	flink__key_value__init(setting);
	setting->key = (char *)(uintptr_t)key;
	setting->value = (char *)(uintptr_t)value;
	graph->message.settings[graph->message.n_settings++] = setting;
}

static void put_settings(struct flink_env *env, struct env_job_graph *graph)
{
	size_t count = env->settings.count;

	graph->message.settings =
		arena_alloc(graph->arena, (count + 1) * sizeof(Flink__KeyValue *));
	for (size_t i = 0; i < count; i++)
		put_setting(graph, env->settings.keys[i], env->settings.values[i]);
	if (is_batch(env)) /* from a settings file it does not travel by itself */
		put_setting(graph, "execution.runtime-mode", "BATCH");
}

static void put_artifact(struct flink_env *env, struct env_job_graph *graph)
{
	Flink__Artifact *artifact = arena_alloc(graph->arena, sizeof(*artifact));

	if (env->options.module == NULL)
		return;
	flink__artifact__init(artifact);
	artifact->name = (char *)(uintptr_t)env->options.artifact_name;
	artifact->sha256.data = env->options.artifact_sha256;
	artifact->sha256.len = sizeof(env->options.artifact_sha256);
	artifact->size_bytes = env->options.artifact_size_bytes;
	artifact->abi = FLINK_ABI;
	graph->message.artifacts = arena_alloc(graph->arena, sizeof(Flink__Artifact *));
	graph->message.artifacts[0] = artifact;
	graph->message.n_artifacts = 1;
}

static void put_plan(struct env_job_graph *graph, const struct stream_graph *stream_graph)
{
	struct buf plan;

	buf_init(&plan);
	stream_graph_plan(stream_graph, &plan);
	graph->message.execution_plan = arena_strndup(graph->arena, plan.data, plan.size_bytes);
	buf_fini(&plan);
}

int env_job_graph(struct flink_env *env, const char *job_name, struct env_job_graph *graph,
		  struct err *err)
{
	*graph = (struct env_job_graph){ .made = NULL };
	if (list_empty(&env->transformations))
		return err_set(err, ERR_PLAN_INVALID,
			       "No operators defined in streaming topology. Cannot execute.");
	if (job_name == NULL)
		job_name = conf_text(env->conf, "pipeline.name");
	struct stream_graph *stream_graph =
		stream_graph_of(env, job_name[0] != '\0' ? job_name : DEFAULT_JOB_NAME);
	int result = job_graph_from_stream(stream_graph, &graph->made, err);

	if (result == 0) {
		graph->arena = arena_create("job graph");
		graph->message = *graph->made;
		uint8_t *id = arena_alloc(graph->arena, sizeof(struct id));

		world_random_bytes(env->options.world, id, sizeof(struct id));
		graph->message.job_id = (ProtobufCBinaryData){ sizeof(struct id), id };
		put_settings(env, graph);
		put_artifact(env, graph);
		put_plan(graph, stream_graph);
		result = job_graph_check(&graph->message, err);
	}
	stream_graph_destroy(&stream_graph);
	if (result < 0)
		env_job_graph_free(graph);
	return result;
}

void env_job_graph_free(struct env_job_graph *graph)
{
	if (graph->made != NULL)
		flink__job_graph__free_unpacked(graph->made, NULL);
	if (graph->arena != NULL)
		arena_destroy(&graph->arena);
	graph->made = NULL;
}
