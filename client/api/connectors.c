/* SPDX-License-Identifier: Apache-2.0
 * connectors.c - the sources and sinks of flink.h: which connector, under which name, with which
 * options. What a connector does is its own affair (connectors/). */
#include <inttypes.h>
#include <stdio.h>

#include "client/api/env_priv.h"
#include "common/base/limits.h"

#define ELEMENTS_BYTES_MAX \
	(16 * 1024 * 1024) /* all elements of a source; they travel in the job graph */

void env_add_option(struct flink_env *env, struct transformation *transformation, const char *key,
		    const char *value)
{
	Flink__OperatorParameters *parameters = &transformation->parameters;
	Flink__KeyValue **options =
		arena_alloc(env->arena, (parameters->n_options + 1) * sizeof(*options));
	Flink__KeyValue *option = arena_alloc(env->arena, sizeof(*option));

	flink__key_value__init(option);
	option->key = arena_strdup(env->arena, key);
	option->value = arena_strdup(env->arena, value);
	if (parameters->n_options > 0)
		memcpy(options, parameters->options, parameters->n_options * sizeof(*options));
	options[parameters->n_options++] = option;
	parameters->options = options;
}

const char *env_path(struct flink_env *env, const char *operator, const char *path)
{
	if (path == NULL || path[0] == '\0') {
		env_fail(env, operator, ERR_PLAN_INVALID, "no path was given");
		return NULL;
	}
	if (strncmp(path, "file://", 7) == 0)
		path += 7;
	else if (strncmp(path, "file:/", 6) == 0)
		path += 5;
	const char *scheme = strstr(path, "://");

	if (scheme != NULL && strcspn(path, "/") == (size_t)(scheme - path) + 1) {
		env_fail(
			env, operator, ERR_PLAN_INVALID,
			"\"%s\" is on a file system that is not supported yet; give a path, or file:///path",
			path);
		return NULL;
	}
	if (path[0] == '/')
		return arena_strdup(env->arena, path);
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	const char *directory = env->options.working_directory;
	size_t length = strlen(directory);

	return arena_printf(env->arena, "%s%s%s", directory,
			    length > 0 && directory[length - 1] == '/' ? "" : "/", path);
}

/* ---- sources -------------------------------------------------------------------------------- */

static struct transformation *add_source(struct flink_env *env, const char *factory,
					 const char *label, const struct flink_type *declared)
{
	const struct record_type *type = env_type(env, label, declared);

	if (type == NULL)
		return NULL;
	return env_add(env, factory, label, FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE, type);
}

struct stream *socket_text_stream(struct flink_env *env, const char *host, uint16_t port)
{
	if (host == NULL || host[0] == '\0' || host[0] == '@')
		return env_fail(env, "Socket Stream", ERR_PLAN_INVALID, "\"%s\" is not a host name",
				host ? host : "");
	if (port == 0)
		return env_fail(env, "Socket Stream", ERR_PLAN_INVALID, "port is out of range");
	struct transformation *made = add_source(env, "socket", "Socket Stream", line_type);

	if (made == NULL)
		return &env->broken;
	made->node.non_parallel = true;
	env_add_option(env, made, "host", host);
	env_add_option(env, made, "port", arena_printf(env->arena, "%u", port));
	return env_stream(env, made);
}

struct stream *read_text_file(struct flink_env *env, const char *path)
{
	const char *absolute = env_path(env, "Custom File Source", path);
	struct transformation *made =
		absolute ? add_source(env, "file", "Custom File Source", line_type) : NULL;

	if (made == NULL)
		return &env->broken;
	env_add_option(env, made, "path", absolute);
	return env_stream(env, made);
}

struct stream *flink_from_records(struct flink_env *env, const struct flink_type *declared,
				  const void *records, uint32_t count)
{
	struct transformation *made = add_source(env, "elements", "Collection Source", declared);

	if (made == NULL)
		return &env->broken;
	const struct record_type *type = made->node.output_type;
	uint64_t total_bytes = 0;

	made->node.non_parallel = true;
	made->parameters.elements = arena_alloc(env->arena, count * sizeof(ProtobufCBinaryData));
	for (uint32_t i = 0; i < count; i++) {
		const char *record = (const char *)records + (size_t)i * type->size_bytes;
		uint32_t size_bytes = record_size(type, record);

		total_bytes += size_bytes;
		if (total_bytes > ELEMENTS_BYTES_MAX)
			return env_fail(
				env, made->node.name, ERR_PLAN_INVALID,
				"%u elements take more than %d bytes; read them from a file instead",
				count, ELEMENTS_BYTES_MAX);
		void *image = arena_alloc(env->arena, size_bytes);

		record_copy(type, record, image);
		made->parameters.elements[i] = (ProtobufCBinaryData){ size_bytes, image };
	}
	made->parameters.n_elements = count;
	return env_stream(env, made);
}

struct stream *from_lines(struct flink_env *env, const char *const *lines, uint32_t count)
{
	struct line *records = arena_alloc(env->arena, count * sizeof(*records));

	for (uint32_t i = 0; i < count; i++) {
		size_t length = strlen(lines[i]);

		if (length > LIMIT_RECORD_BYTES_MAX / 2)
			return env_fail(env, "Collection Source", ERR_RECORD_TOO_LARGE,
					"line %u has %zu bytes; at most %d are allowed", i + 1,
					length, LIMIT_RECORD_BYTES_MAX / 2);
		if (!utf8_valid(lines[i], length))
			return env_fail(env, "Collection Source", ERR_RECORD_INVALID,
					"line %u is not UTF-8", i + 1);
		records[i].text = str_of(lines[i], length);
	}
	return flink_from_records(env, line_type, records, count);
}

/* NULL-terminated "key", "value" pairs. False after env_fail. */
static bool add_pairs(struct flink_env *env, struct transformation *made,
		      const char *const *options)
{
	for (size_t i = 0; options != NULL && options[i] != NULL; i += 2) {
		if (options[i + 1] == NULL) {
			env_fail(env, made->node.name, ERR_PLAN_INVALID,
				 "option \"%s\" has no value", options[i]);
			return false;
		}
		env_add_option(env, made, options[i], options[i + 1]);
	}
	return true;
}

static bool add_kafka_options(struct flink_env *env, struct transformation *made,
			      const char *bootstrap_servers, const char *topic,
			      const char *const *options)
{
	if (bootstrap_servers == NULL || bootstrap_servers[0] == '\0' || topic == NULL ||
	    topic[0] == '\0') {
		env_fail(env, made->node.name, ERR_PLAN_INVALID,
			 "Kafka needs bootstrap servers (\"localhost:9092\") and a topic");
		return false;
	}
	env_add_option(env, made, "bootstrap.servers", bootstrap_servers);
	env_add_option(env, made, "topic", topic);
	return add_pairs(env, made, options);
}

struct stream *kafka_source(struct flink_env *env, const char *bootstrap_servers, const char *topic,
			    const char *const *options)
{
	struct transformation *made = add_source(env, "kafka", "Kafka Source", line_type);

	if (made == NULL || !add_kafka_options(env, made, bootstrap_servers, topic, options))
		return &env->broken;
	return env_stream(env, made);
}

static const char *factory_copy(struct flink_env *env, const char *factory)
{
	if (factory != NULL && factory[0] != '\0')
		return arena_strdup(env->arena, factory);
	env_fail(env, "Connector", ERR_PLAN_INVALID, "no factory was named");
	return NULL;
}

struct stream *flink_from_connector(struct flink_env *env, const char *factory,
				    const struct flink_type *declared, const char *const *options)
{
	const char *kept = factory_copy(env, factory);
	struct transformation *made = kept ? add_source(env, kept, kept, declared) : NULL;

	if (made == NULL || !add_pairs(env, made, options))
		return &env->broken;
	return env_stream(env, made);
}

/* ---- sinks ---------------------------------------------------------------------------------- */

static struct transformation *add_sink(struct stream *in, const char *factory, const char *label)
{
	return env_add_behind(in, false, factory, label, FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
			      NULL);
}

struct stream *print(struct stream *in)
{
	struct transformation *made = add_sink(in, "print", "Print to Std. Out");

	return made != NULL ? env_stream(in->env, made) : &in->env->broken;
}

struct stream *write_as_text(struct stream *in, const char *path)
{
	const char *absolute = env_path(in->env, "Text File", path);
	struct transformation *made = absolute ? add_sink(in, "text-file", "Text File") : NULL;

	if (made == NULL)
		return &in->env->broken;
	env_add_option(in->env, made, "path", absolute);
	return env_stream(in->env, made);
}

struct stream *discard(struct stream *in)
{
	struct transformation *made = add_sink(in, "discard", "Unnamed");

	return made != NULL ? env_stream(in->env, made) : &in->env->broken;
}

struct stream *kafka_sink(struct stream *in, const char *bootstrap_servers, const char *topic,
			  const char *const *options)
{
	struct transformation *made = add_sink(in, "kafka", "Kafka Sink");

	if (made == NULL ||
	    !add_kafka_options(in->env, made, bootstrap_servers, topic, options))
		return &in->env->broken;
	return env_stream(in->env, made);
}

struct stream *to_connector(struct stream *in, const char *factory, const char *const *options)
{
	const char *kept = factory_copy(in->env, factory);
	struct transformation *made = kept ? add_sink(in, kept, kept) : NULL;

	if (made == NULL || !add_pairs(in->env, made, options))
		return &in->env->broken;
	return env_stream(in->env, made);
}
