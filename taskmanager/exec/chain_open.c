/* SPDX-License-Identifier: Apache-2.0
 * chain_open.c - a chain's life: from the names in a job graph to open operators, and back. */
#include "taskmanager/exec/chain.h"

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/conf/conf.h"
#include "common/daemon/daemon.h"
#include "common/graph/graph.h"

/* ---- what operators ask of their context ---------------------------------------------------- */

static int64_t setting_ms(const struct operator_context *context, const char *key,
			  int64_t otherwise)
{
	const struct chain *chain = context->owner;
	const char *value = job_graph_setting(chain->graph, key);
	int64_t ms;

	return value != NULL && duration_parse(value, &ms) ? ms : otherwise;
}

static void print_line(const struct operator_context *context, const char *line,
		       size_t size_bytes)
{
	const struct chain *chain = context->owner;

	if (chain->print != NULL)
		chain->print(chain->owner, line, size_bytes);
}

/* ---- links ---------------------------------------------------------------------------------- */

static const struct record_type *type_at(const struct chain_options *options, int32_t index)
{
	return index < 0 ? NULL : options->types[index];
}

static int find_factory(struct link *link, struct world *world, const Flink__Operator *operator,
			bool head, struct err *err)
{
	switch (operator->kind) {
	case FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE:
		if (!head)
			return err_set(err, ERR_PLAN_INVALID, "a source can only begin a chain");
		link->source = registry_source(world, operator->factory, err);
		return link->source ? 0 : -1;
	case FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK:
		link->sink = registry_sink(world, operator->factory, err);
		return link->sink ? 0 : -1;
	case FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR:
		link->operator = registry_operator(world, operator->factory, err);
		return link->operator ? 0 : -1;
	default:
		return err_set(err, ERR_PLAN_INVALID,
			       "an operator of unknown kind %d", operator->kind);
	}
}

static int keys_of_input(struct link *link, uint32_t input, const uint32_t *fields, size_t count,
			 struct err *err)
{
	struct key_spec *spec = &link->keys[input];

	if (count == 0)
		return 0;
	if (count > KEY_FIELDS_MAX || link->context.input_types[input] == NULL)
		return err_set(err, ERR_PLAN_INVALID, "a key of %zu fields for input %u", count,
			       input);
	spec->fields_count = (uint32_t)count;
	memcpy(spec->fields, fields, count * sizeof(*fields));
	link->context.input_keys[input] = spec;
	return key_spec_check(link->context.input_types[input], spec, err);
}

/* The head's second input: its type and key are those of the edges that lead there. */
static int second_input(struct link *link, const struct chain_options *options, struct err *err)
{
	const Flink__TaskDeployment *deployment = options->deployment;

	for (size_t i = 0; i < deployment->n_inputs; i++) {
		const Flink__InputGate *gate = deployment->inputs[i];

		if (gate->input != 1 || gate->edge >= options->graph->n_edges)
			continue;
		const Flink__Edge *edge = options->graph->edges[gate->edge];

		link->context.input_types[1] = type_at(options, edge->record_type);
		return keys_of_input(link, 1, edge->key_fields, edge->n_key_fields, err);
	}
	return 0;
}

/* Operators carry OperatorParameters; which artifact and which bytes belong to the function is the
 * same for all of them. (Connectors read their own.) */
static int find_function(struct link *link, const struct chain_options *options,
			 const Flink__Operator *operator, struct err *err)
{
	link->parameters = flink__operator_parameters__unpack(NULL, operator->parameters.len,
							      operator->parameters.data);
	if (link->parameters == NULL)
		return err_set(err, ERR_PLAN_INVALID, "its parameters (%zu bytes) are damaged",
			       operator->parameters.len);
	const Flink__FunctionRef *function = link->parameters->function;

	if (function == NULL || function->artifact == FUNCTION_NO_ARTIFACT)
		return 0;
	if (function->artifact >= options->graph->n_artifacts)
		return err_set(err, ERR_PLAN_INVALID, "its function lies in artifact %u of %zu",
			       function->artifact, options->graph->n_artifacts);
	link->context.module = options->modules[function->artifact];
	link->call.function = function->symbol;
	link->call.parameters = bytes_of(function->parameters.data, function->parameters.len);
	return 0;
}

/* For crash notes: like crash_describe, but written down before anything can be broken. */
static void name_calls(struct link *link, const struct chain_options *options,
		       const Flink__Operator *operator)
{
	char job[ID_TEXT_SIZE];
	char *text = mem_printf("job: %s\noperator: %s\nfunction: %s\ntask: %s (%u/%u)\n",
				id_format(&link->context.job_id, job), operator->name,
				link->call.function, options->vertex->name,
				options->deployment->subtask + 1, options->vertex->parallelism);

	link->call.daemon_call = daemon_call_add(text);
	mem_free(text);
}

static int link_create(struct chain *chain, uint32_t index, const struct chain_options *options,
		       struct err *err)
{
	const Flink__Operator *operator = options->vertex->operators[index];
	struct link *link = &chain->links[index];
	struct operator_context *context = &link->context;

	link->kind = operator->kind;
	*context = (struct operator_context){
		.job_name = options->graph->name,
		.operator_name = operator->name,
		.subtask = options->deployment->subtask,
		.parallelism = options->vertex->parallelism,
		.key_groups = options->vertex->max_parallelism,
		.attempt = options->deployment->attempt,
		.parameters = bytes_of(operator->parameters.data, operator->parameters.len),
		.input_types = { type_at(options, operator->input_type) },
		.output_type = type_at(options, operator->output_type),
		.module = options->graph->n_artifacts > 0 ? options->modules[0] : NULL,
		.world = options->world,
		.loop = options->loop,
		.agent = options->agent,
		.managed = options->managed,
		.fire_at_end = options->fire_at_end,
		.record_bytes_max = options->record_bytes_max,
		.setting_ms = setting_ms,
		.print = print_line,
		.owner = chain,
		.outside_bytes = &link->outside_bytes,
	};
	memcpy(context->job_id.bytes, options->deployment->job_id.data,
	       sizeof(context->job_id.bytes));
	link->call = (struct user_call){ .operator_name = operator->name,
					 .function = "",
					 .subtask = options->deployment->subtask };
	if (context->output_type != NULL &&
	    link->kind != FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK) {
		link->has_output = true;
		output_init(&link->output,
			    &(struct output_options){ .type = context->output_type,
						      .buffer_bytes = options->segment_bytes,
						      .record_bytes_max = options->record_bytes_max,
						      .overdraft = &chain->overdraft,
						      .call = &link->call });
		link->call.out = &link->output.out;
	}
	if (find_factory(link, options->world, operator, index == 0, err) != 0)
		return -1;
	if (link->sink == NULL && !link->has_output)
		return err_set(err, ERR_PLAN_INVALID, "it is no sink and has no output type");
	if (keys_of_input(link, 0, operator->key_fields, operator->n_key_fields, err) != 0)
		return -1;
	if (index == 0 && second_input(link, options, err) != 0)
		return -1;
	if (link->operator != NULL) {
		chain->has_timers |= link->operator->processing_time != NULL;
		if (find_function(link, options, operator, err) != 0)
			return -1;
	}
	if (link->call.function[0] != '\0' && chain->foreign == NULL)
		chain->foreign = link;
	name_calls(link, options, operator);
	return 0;
}

/* ---- the chain ------------------------------------------------------------------------------ */

static int join_links(struct chain *chain, const Flink__Vertex *vertex, struct err *err)
{
	for (uint32_t i = 1; i < chain->links_count; i++) {
		uint32_t parent = vertex->operators[i]->input_operator;

		if (parent >= i || !chain->links[parent].has_output)
			return err_set(
				err, ERR_PLAN_INVALID,
				"operator \"%s\" reads the output of operator %u of its chain, which is not in front of it or has none",
				vertex->operators[i]->name, parent);
		chain->links[parent].children_count++;
	}
	for (uint32_t i = 0; i < chain->links_count; i++) {
		struct link *link = &chain->links[i];

		link->children = MEM_NEW_ARRAY(struct link *, link->children_count);
		link->children_count = 0;
	}
	for (uint32_t i = 1; i < chain->links_count; i++) {
		struct link *parent = &chain->links[vertex->operators[i]->input_operator];

		parent->children[parent->children_count++] = &chain->links[i];
	}
	return 0;
}

int chain_create(struct chain *chain, const struct chain_options *options, struct err *err)
{
	size_t count = options->vertex->n_operators;

	*chain = (struct chain){ .overdraft.max_bytes = options->overdraft_bytes
								? options->overdraft_bytes
								: LIMIT_OVERDRAFT_BYTES_MAX,
				 .next_timer = INT64_MAX,
				 .refused_by = -1,
				 .call_since = MONO_NEVER,
				 .latencies = options->latencies,
				 .world = options->world,
				 .graph = options->graph,
				 .print = options->print,
				 .owner = options->owner };
	if (count == 0 || count > LIMIT_CHAIN_OPERATORS_MAX)
		return err_set(err, ERR_PLAN_INVALID,
			       "a vertex of %zu operators; allowed are 1 to %d", count,
			       LIMIT_CHAIN_OPERATORS_MAX);
	chain->links = MEM_NEW_ARRAY(struct link, count);
	chain->links_count = (uint32_t)count;
	for (uint32_t i = 0; i < chain->links_count; i++)
		if (link_create(chain, i, options, err) != 0)
			return err_wrap(err, "operator \"%s\"",
					options->vertex->operators[i]->name);
	return join_links(chain, options->vertex, err);
}

int chain_open_next(struct chain *chain, struct err *err)
{
	struct link *link = NULL;
	int answer = 0;

	for (uint32_t i = chain->links_count; i > 0 && link == NULL; i--)
		if (!chain->links[i - 1].opened)
			link = &chain->links[i - 1];
	if (link == NULL)
		return 1;
	link->opened = true;
	user_call_enter(&link->call);
	atomic_store_explicit(&chain->current, link->context.operator_name, memory_order_relaxed);
	if (link->source != NULL)
		answer = link->source->reader_open(&link->self, &link->context, NULL, err);
	else if (link->sink != NULL)
		answer = link->sink->writer_open(&link->self, &link->context, NULL, err);
	else if (link->operator->open != NULL)
		answer = link->operator->open(&link->self, &link->context, err);
	atomic_store_explicit(&chain->current, NULL, memory_order_relaxed);
	user_call_leave();
	if (answer < 0) {
		chain->failed_operator = link->context.operator_name;
		return -1;
	}
	/* A writer that opens its file in the background says what came of it by the first flush,
	 * so that an output that cannot be had fails the job before the first record. */
	link->dirty = link->sink != NULL;
	return link == chain->links ? 1 : 0;
}

/* An output that is emptied is not full any more, perhaps after it was said to be so here; then
 * drain sees `stopped` before the next call: one order of all these stores and loads. */
void chain_stop(struct chain *chain)
{
	atomic_store(&chain->stopped, true);
	for (uint32_t i = 0; i < chain->links_count; i++)
		if (chain->links[i].has_output)
			atomic_store(&chain->links[i].output.out.full, true);
}

void chain_close(struct chain *chain)
{
	for (uint32_t i = 0; i < chain->links_count; i++) {
		struct link *link = &chain->links[i];

		if (!link->opened)
			continue;
		link->opened = false;
		if (link->source != NULL)
			link->source->reader_close(&link->self);
		else if (link->sink != NULL)
			link->sink->writer_close(&link->self);
		else if (link->operator->close != NULL)
			link->operator->close(&link->self);
	}
}

void chain_destroy(struct chain *chain)
{
	chain_close(chain);
	for (uint32_t i = 0; i < chain->links_count; i++) {
		struct link *link = &chain->links[i];

		CHECK(link->routers == NULL, "a router of \"%s\" is still open",
		      link->context.operator_name);
		daemon_call_remove(link->call.daemon_call);
		output_fini(&link->output);
		mem_free(link->children);
		mem_free(link->edge_numbers);
		if (link->parameters != NULL)
			flink__operator_parameters__free_unpacked(link->parameters, NULL);
	}
	mem_free(chain->links);
	chain->links = NULL;
	chain->links_count = 0;
}
