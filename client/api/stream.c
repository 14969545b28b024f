/* SPDX-License-Identifier: Apache-2.0
 * stream.c - the transformations of flink.h. Each call checks what it is given at once and keeps
 * the first error, so that the program needs no check per call; nothing is sent anywhere before
 * flink_execute. */
#include <ctype.h>

#include "client/api/env_priv.h"
#include "common/base/limits.h"

/* ---- building blocks ------------------------------------------------------------------------ */

const struct record_type *env_type(struct flink_env *env, const char *operator,
				   const struct flink_type *declared)
{
	struct err err = ERR_INIT;

	LIST_FOR_EACH(&env->types, struct known_type, link, known)
		if (known->declared == declared)
			return known->type;
	struct known_type *known = arena_alloc(env->arena, sizeof(*known));

	if (record_type_create(declared->name, declared->print_format, declared->fields,
			       declared->fields_count, &known->type, &err) < 0) {
		env_fail(env, operator, err.code, "%s", err.text);
		return NULL;
	}
	known->declared = declared;
	list_push_back(&env->types, &known->link);
	if (known->type->size_bytes != declared->size_bytes) {
		env_fail(
			env, operator, ERR_PLAN_INVALID,
			"struct %s has %u bytes where its fields need %u; declare it with FLINK_RECORD "
			"alone and without packing",
			declared->name, declared->size_bytes, known->type->size_bytes);
		return NULL;
	}
	return known->type;
}

struct transformation *env_add(struct flink_env *env, const char *factory, const char *name_text,
			       Flink__OperatorKind kind, const struct record_type *type)
{
	struct transformation *made = arena_alloc(env->arena, sizeof(*made));

	made->node = (struct stream_node){ .name = name_text, .kind = kind, .factory = factory,
					   .output_type = type };
	flink__operator_parameters__init(&made->parameters);
	list_push_back(&env->transformations, &made->link);
	return made;
}

struct transformation *env_add_behind(struct stream *in, bool windowed_allowed, const char *factory,
				      const char *name_text, Flink__OperatorKind kind,
				      const struct record_type *type)
{
	struct flink_env *env = in->env;

	if (in->inlets_count == 0)
		return NULL;
	if (in->kind == STREAM_WINDOWED && !windowed_allowed) {
		env_fail(env, name_text, ERR_PLAN_INVALID,
			 "a window gives records only through sum(window(…), \"field\")");
		return NULL;
	}
	struct transformation *made = env_add(env, factory, name_text, kind, type);

	made->inlets = in->inlets;
	made->inlets_count = in->inlets_count;
	made->node.input_type = in->type;
	return made;
}

struct stream *env_stream(struct flink_env *env, struct transformation *made_by)
{
	struct stream *stream = arena_alloc(env->arena, sizeof(*stream));
	struct inlet *inlet = arena_alloc(env->arena, sizeof(*inlet));

	*inlet = (struct inlet){ .origin = made_by, .ship = SHIP_DEFAULT };
	*stream = (struct stream){ .env = env, .made_by = made_by, .inlets = inlet,
				   .inlets_count = 1, .type = made_by->node.output_type };
	return stream;
}

/* ---- functions ------------------------------------------------------------------------------ */

/* How a TaskManager finds a function of the program; NULL after env_fail. */
static Flink__FunctionRef *function_ref(struct flink_env *env, const char *operator,
					const void *function, const char *symbol,
					struct bytes parameters)
{
	uint64_t offset = 0;

	if (env->options.module == NULL || !module_offset(env->options.module, function, &offset)) {
		env_fail(env, operator, ERR_PLAN_INVALID,
			 "function %s does not lie in the program itself; only the program's own "
			 "functions can be sent to a cluster",
			 symbol);
		return NULL;
	}
	Flink__FunctionRef *ref = arena_alloc(env->arena, sizeof(*ref));
	struct bytes kept = arena_dup(env->arena, parameters);

	flink__function_ref__init(ref);
	ref->artifact = 0;
	ref->offset = offset;
	ref->symbol = arena_strdup(env->arena, symbol);
	ref->parameters.data = (uint8_t *)(uintptr_t)kept.data;
	ref->parameters.len = kept.size_bytes;
	return ref;
}

/* An operator that calls a function of the program. */
static struct stream *add_function(struct stream *in, const char *factory, const char *name_text,
				   const void *function, const char *symbol,
				   const struct flink_type *declared, struct bytes parameters)
{
	struct flink_env *env = in->env;

	if (in->inlets_count == 0)
		return &env->broken;
	Flink__FunctionRef *ref = function_ref(env, name_text, function, symbol, parameters);
	const struct record_type *type = declared ? env_type(env, name_text, declared) : in->type;
	struct transformation *made =
		ref && type ? env_add_behind(in, false, factory, name_text,
					     FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR, type)
			    : NULL;

	if (made == NULL)
		return &env->broken;
	made->parameters.function = ref;
	return env_stream(env, made);
}

/* A record of one STRING has the layout of struct line under any name. */
static bool gives(const struct record_type *type, enum flink_takes takes)
{
	if (takes == FLINK_TAKES_LINE)
		return type->fields_count == 1 && type->fields[0].kind == FIELD_STRING;
	return takes == FLINK_TAKES_ANY || strcmp(type->name, "line") != 0;
}

struct stream *flink_takes(struct stream *in, enum flink_takes takes, const char *symbol)
{
	struct buf text;

	if (in->inlets_count == 0 || gives(in->type, takes))
		return in;
	buf_init(&text);
	record_type_describe(in->type, &text);
	struct stream *broken = env_fail(
		in->env, NULL, ERR_PLAN_INVALID, "function %s takes %s, but the stream gives %s",
		symbol, takes == FLINK_TAKES_LINE ? "struct line" : "another struct", text.data);

	buf_fini(&text);
	return broken;
}

/* ISO C has no cast from a function to an object pointer; POSIX says that it may be copied. */
#define ADDRESS_OF(function) (*(const void *const *)(const void *)&(function))

struct stream *flink_flat_map(struct stream *in, flink_flat_map_fn *function, const char *symbol,
			      const struct flink_type *type, struct bytes parameters)
{
	return add_function(in, "flat-map", "Flat Map", ADDRESS_OF(function), symbol, type,
			    parameters);
}

struct stream *flink_map(struct stream *in, flink_map_fn *function, const char *symbol,
			 const struct flink_type *type, struct bytes parameters)
{
	return add_function(in, "map", "Map", ADDRESS_OF(function), symbol, type, parameters);
}

struct stream *flink_map_batch(struct stream *in, flink_map_batch_fn *function, const char *symbol,
			       const struct flink_type *type, struct bytes parameters)
{
	static const char what[] = "Map";
	struct flink_env *env = in->env;
	const struct record_type *given = in->type, *made = env_type(env, what, type);

	if (in->inlets_count == 0 || made == NULL)
		return &env->broken;
	if (given->has_tails || made->has_tails)
		return env_fail(env, what, ERR_PLAN_INVALID,
				"map_batch takes and gives records without STRING and BYTES fields, "
				"and \"%s\" has one; use map",
				given->has_tails ? given->name : made->name);
	return add_function(in, "map-batch", what, ADDRESS_OF(function), symbol, type, parameters);
}

struct stream *flink_filter(struct stream *in, flink_filter_fn *function, const char *symbol,
			    struct bytes parameters)
{
	return add_function(in, "filter", "Filter", ADDRESS_OF(function), symbol, NULL, parameters);
}

/* ---- keys, windows, sums -------------------------------------------------------------------- */

/* The index of the field, or -1 after env_fail with the nearest name. */
static int find_field(struct flink_env *env, const char *operator, const struct record_type *type,
		      const char *field)
{
	int index = record_type_find(type, field);

	if (index >= 0)
		return index;
	const char *nearest = record_type_nearest(type, field);
	struct buf text;

	buf_init(&text);
	record_type_describe(type, &text);
	env_fail(env, operator, ERR_PLAN_INVALID, "%s has no field \"%s\"%s%s%s", text.data, field,
		 nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
	buf_fini(&text);
	return -1;
}

/* "a,b" to field indexes. False after env_fail. */
static bool parse_key(struct flink_env *env, const struct record_type *type, const char *fields,
		      struct key_spec *key)
{
	const char *at = fields;
	struct err err = ERR_INIT;

	*key = (struct key_spec){ .fields_count = 0 };
	for (;;) {
		while (isspace((unsigned char)*at))
			at++;
		size_t length = strcspn(at, ",");
		size_t trimmed = length;

		while (trimmed > 0 && isspace((unsigned char)at[trimmed - 1]))
			trimmed--;
		int index = find_field(env, "key_by", type, arena_strndup(env->arena, at, trimmed));

		if (index < 0)
			return false;
		if (key->fields_count == KEY_FIELDS_MAX) {
			env_fail(env, "key_by", ERR_PLAN_INVALID, "\"%s\" are more than %d fields",
				 fields, KEY_FIELDS_MAX);
			return false;
		}
		key->fields[key->fields_count++] = (uint32_t)index;
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	if (key_spec_check(type, key, &err) < 0) {
		env_fail(env, "key_by", err.code, "\"%s\": %s", fields, err.text);
		return false;
	}
	return true;
}

/* A stream of the same records, whose consumers are fed in another way. NULL after an error. */
static struct stream *add_virtual(struct stream *in, const char *what, enum ship ship)
{
	struct flink_env *env = in->env;

	if (in->inlets_count == 0)
		return NULL;
	if (in->kind == STREAM_WINDOWED) {
		env_fail(env, what, ERR_PLAN_INVALID,
			 "a window gives records only through sum(window(…), \"field\")");
		return NULL;
	}
	struct transformation *made =
		env_add(env, "", what, FLINK__OPERATOR_KIND__OPERATOR_KIND_UNSPECIFIED, in->type);
	struct inlet *inlets = arena_alloc(env->arena, in->inlets_count * sizeof(*inlets));
	struct stream *stream = env_stream(env, made);

	made->is_virtual = true;
	for (uint32_t i = 0; i < in->inlets_count; i++)
		inlets[i] = (struct inlet){ .origin = in->inlets[i].origin, .ship = ship };
	stream->inlets = inlets;
	stream->inlets_count = in->inlets_count;
	return stream;
}

/* The inlets of a stream that add_virtual just made. */
static struct inlet *own_inlets(struct stream *stream)
{
	return (struct inlet *)(uintptr_t)stream->inlets;
}

struct stream *key_by(struct stream *in, const char *field)
{
	struct stream *stream = add_virtual(in, "key_by", SHIP_HASH);

	if (stream == NULL || !parse_key(in->env, in->type, field, &stream->key))
		return &in->env->broken;
	stream->kind = STREAM_KEYED;
	for (uint32_t i = 0; i < stream->inlets_count; i++)
		own_inlets(stream)[i].key = stream->key;
	return stream;
}

static struct stream *ship_by(struct stream *in, const char *what, enum ship ship)
{
	struct stream *stream = add_virtual(in, what, ship);

	return stream ? stream : &in->env->broken;
}

struct stream *forward(struct stream *in)
{
	return ship_by(in, "forward", SHIP_FORWARD);
}

struct stream *rebalance(struct stream *in)
{
	return ship_by(in, "rebalance", SHIP_REBALANCE);
}

struct stream *rescale(struct stream *in)
{
	return ship_by(in, "rescale", SHIP_RESCALE);
}

struct stream *shuffle(struct stream *in)
{
	return ship_by(in, "shuffle", SHIP_SHUFFLE);
}

struct stream *broadcast(struct stream *in)
{
	return ship_by(in, "broadcast", SHIP_BROADCAST);
}

struct stream *global(struct stream *in)
{
	return ship_by(in, "global", SHIP_GLOBAL);
}

struct stream *flink_partition_custom(struct stream *in, flink_partition_fn *function,
				      const char *symbol, struct bytes parameters)
{
	static const char what[] = "partition_custom";
	struct stream *stream = add_virtual(in, what, SHIP_CUSTOM);
	const Flink__FunctionRef *ref =
		stream ? function_ref(in->env, what, ADDRESS_OF(function), symbol, parameters) :
			 NULL;

	if (ref == NULL)
		return &in->env->broken;
	for (uint32_t i = 0; i < stream->inlets_count; i++)
		own_inlets(stream)[i].partitioner = ref;
	return stream;
}

static bool may_unite(const struct stream *a, const struct stream *b)
{
	static const char what[] = "union_of";
	struct flink_env *env = a->env;
	struct buf text;

	if (a->inlets_count == 0 || b->inlets_count == 0)
		return false;
	if (a->kind == STREAM_WINDOWED || b->kind == STREAM_WINDOWED) {
		env_fail(env, what, ERR_PLAN_INVALID,
			 "a window gives records only through sum(window(…), \"field\")");
		return false;
	}
	if (a->type->hash == b->type->hash)
		return true;
	buf_init(&text);
	record_type_describe(a->type, &text);
	buf_add_text(&text, " and ");
	record_type_describe(b->type, &text);
	env_fail(env, what, ERR_PLAN_INVALID,
		 "the streams give different records, %s; map one to the other's type first",
		 text.data);
	buf_fini(&text);
	return false;
}

struct stream *union_of(struct stream *a, struct stream *b)
{
	struct flink_env *env = a->env;

	if (!may_unite(a, b))
		return &env->broken;
	struct transformation *made = env_add(
		env, "", "union_of", FLINK__OPERATOR_KIND__OPERATOR_KIND_UNSPECIFIED, a->type);
	struct stream *stream = env_stream(env, made);
	uint32_t count = a->inlets_count + b->inlets_count;
	struct inlet *inlets = arena_alloc(env->arena, count * sizeof(*inlets));

	made->is_virtual = true;
	memcpy(inlets, a->inlets, a->inlets_count * sizeof(*inlets));
	memcpy(inlets + a->inlets_count, b->inlets, b->inlets_count * sizeof(*inlets));
	stream->inlets = inlets;
	stream->inlets_count = count;
	return stream;
}

struct stream *window(struct stream *keyed, struct flink_window window)
{
	struct flink_env *env = keyed->env;

	if (keyed->inlets_count == 0)
		return &env->broken;
	if (keyed->kind != STREAM_KEYED)
		return env_fail(env, "window", ERR_PLAN_INVALID,
				"the stream has no key; call key_by first");
	if (window.size_ms <= 0 || window.offset_ms <= -window.size_ms ||
	    window.offset_ms >= window.size_ms)
		return env_fail(
			env, "window", ERR_PLAN_INVALID,
			"a window of %lld ms with offset %lld ms: the size must be above 0 and the "
			"offset smaller than it",
			(long long)window.size_ms, (long long)window.offset_ms);
	struct stream *stream = arena_alloc(env->arena, sizeof(*stream));

	*stream = *keyed;
	stream->kind = STREAM_WINDOWED;
	stream->window = window;
	return stream;
}

static bool is_number(uint8_t kind)
{
	switch (kind) {
	case FIELD_TINYINT:
	case FIELD_SMALLINT:
	case FIELD_INT:
	case FIELD_BIGINT:
	case FIELD_FLOAT:
	case FIELD_DOUBLE:
		return true;
	default:
		return false;
	}
}

struct stream *sum(struct stream *in, const char *field)
{
	struct flink_env *env = in->env;
	bool windowed = in->kind == STREAM_WINDOWED;
	const char *label = windowed ? "TumblingProcessingTimeWindows" : "Keyed Aggregation";

	if (in->inlets_count == 0)
		return &env->broken;
	if (in->kind == STREAM_PLAIN)
		return env_fail(env, "sum", ERR_PLAN_INVALID,
				"the stream has no key; call key_by first");
	int index = find_field(env, "sum", in->type, field);

	if (index < 0)
		return &env->broken;
	if (!is_number(in->type->fields[index].kind))
		return env_fail(env, "sum", ERR_PLAN_INVALID,
				"field \"%s\" is %s, which cannot be summed", field,
				field_kind_name(in->type->fields[index].kind));
	struct transformation *made =
		env_add_behind(in, true, windowed ? "window-sum" : "sum", label,
			       FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR, in->type);

	made->node.key = in->key;
	made->parameters.field = index;
	made->parameters.aggregate = arena_strdup(env->arena, "sum");
	made->parameters.window_size_ms = in->window.size_ms;
	made->parameters.window_offset_ms = in->window.offset_ms;
	return env_stream(env, made);
}

/* The function takes and gives records of this type: the stream's? */
static bool gives_type(struct flink_env *env, const char *operator, const struct record_type *given,
		       const struct record_type *wanted)
{
	struct buf text;

	if (given->hash == wanted->hash)
		return true;
	buf_init(&text);
	record_type_describe(wanted, &text);
	buf_add_text(&text, ", but the stream gives ");
	record_type_describe(given, &text);
	env_fail(env, operator, ERR_PLAN_INVALID, "the function takes %s", text.data);
	buf_fini(&text);
	return false;
}

struct stream *flink_reduce(struct stream *in, flink_reduce_fn *function, const char *symbol,
			    const struct flink_type *declared, struct bytes parameters)
{
	static const char what[] = "reduce";
	struct flink_env *env = in->env;

	if (in->inlets_count == 0)
		return &env->broken;
	if (in->kind == STREAM_PLAIN)
		return env_fail(env, what, ERR_PLAN_INVALID,
				"the stream has no key; call key_by first");
	const struct record_type *type = env_type(env, what, declared);

	if (type == NULL || !gives_type(env, what, in->type, type))
		return &env->broken;
	struct stream *reduced = add_function(in, "reduce", "Keyed Reduce", ADDRESS_OF(function),
					      symbol, NULL, parameters);

	if (reduced->made_by != NULL)
		reduced->made_by->node.key = in->key;
	return reduced;
}

/* ---- about the operator just made ----------------------------------------------------------- */

/* The operator that `stream` was made by; NULL after env_fail. */
static struct stream_node *node_of(struct stream *stream, const char *what)
{
	struct transformation *made = stream->made_by;

	if (made == NULL)
		return NULL;
	if (!made->is_virtual && stream->kind == STREAM_PLAIN)
		return &made->node;
	env_fail(stream->env, what, ERR_PLAN_INVALID,
		 "%s makes no operator; call this on the operator in front of or behind it",
		 stream->kind == STREAM_WINDOWED ? "window" : made->node.name);
	return NULL;
}

struct stream *set_parallelism(struct stream *stream, uint32_t parallelism)
{
	struct stream_node *node = node_of(stream, "set_parallelism");

	if (node == NULL)
		return stream;
	if (parallelism < 1 || parallelism > LIMIT_PARALLELISM_MAX)
		return env_fail(stream->env, node->name, ERR_PLAN_INVALID,
				"a parallelism of %u was set; allowed is 1 to %d", parallelism,
				LIMIT_PARALLELISM_MAX);
	if (node->non_parallel && parallelism != 1)
		return env_fail(stream->env, node->name, ERR_PLAN_INVALID,
				"The parallelism of non parallel operator must be 1.");
	node->parallelism = parallelism;
	return stream;
}

struct stream *set_max_parallelism(struct stream *stream, uint32_t max_parallelism)
{
	struct stream_node *node = node_of(stream, "set_max_parallelism");

	if (node == NULL)
		return stream;
	if (max_parallelism < 1 || max_parallelism > LIMIT_PARALLELISM_MAX)
		return env_fail(stream->env, node->name, ERR_PLAN_INVALID,
				"a max parallelism of %u was set; allowed is 1 to %d",
				max_parallelism, LIMIT_PARALLELISM_MAX);
	node->max_parallelism = max_parallelism;
	return stream;
}

struct stream *name(struct stream *stream, const char *text)
{
	struct stream_node *node = node_of(stream, "name");

	if (node != NULL)
		node->name = arena_strdup(stream->env->arena, text);
	return stream;
}

struct stream *uid(struct stream *stream, const char *text)
{
	struct stream_node *node = node_of(stream, "uid");

	if (node != NULL)
		node->uid = arena_strdup(stream->env->arena, text);
	return stream;
}

struct stream *slot_sharing_group(struct stream *stream, const char *group)
{
	struct stream_node *node = node_of(stream, "slot_sharing_group");

	if (node != NULL)
		node->slot_sharing_group = arena_strdup(stream->env->arena, group);
	return stream;
}

struct stream *disable_chaining(struct stream *stream)
{
	struct stream_node *node = node_of(stream, "disable_chaining");

	if (node != NULL)
		node->chaining = CHAIN_NEVER;
	return stream;
}

struct stream *start_new_chain(struct stream *stream)
{
	struct stream_node *node = node_of(stream, "start_new_chain");

	if (node != NULL)
		node->chaining = CHAIN_HEAD;
	return stream;
}
