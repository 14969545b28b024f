/* SPDX-License-Identifier: Apache-2.0
 * task_create.c - a task's life outside of its steps: made from a deployment, told commands from
 * any thread, closed and freed. */
#include "common/base/check.h"
#include "common/rpc/rpc.h"
#include "common/world/world.h"
#include "taskmanager/exec/task_priv.h"

/* ---- commands ------------------------------------------------------------------------------- */

static void post(struct task *task, struct command *command)
{
	inbox_post(&task->inbox, &command->node);
	agent_wake(&task->agent);
}

static struct command *command_new(enum command_kind kind)
{
	struct command *command = MEM_NEW(struct command);

	command->kind = kind;
	return command;
}

void command_free(struct command *command)
{
	mem_free(command->splits);
	mem_free(command);
}

void task_cancel(struct task *task)
{
	chain_stop(&task->chain); /* commands are seen between steps, and a slow step is long */
	post(task, command_new(COMMAND_CANCEL));
}

void task_fail(struct task *task, const struct err *why)
{
	struct command *command = command_new(COMMAND_FAIL);

	command->why = *why;
	chain_stop(&task->chain);
	post(task, command);
}

void task_add_splits(struct task *task, uint32_t operator, const struct split *splits,
		     uint32_t count, bool no_more)
{
	struct command *command = command_new(COMMAND_SPLITS);
	size_t bodies_bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bodies_bytes += splits[i].body.size_bytes;
	command->splits = mem_alloc(count * sizeof(*splits) + bodies_bytes);
	char *body = (char *)(command->splits + count);

	for (uint32_t i = 0; i < count; i++) {
		size_t size_bytes = splits[i].body.size_bytes;

		if (size_bytes > 0)
			memcpy(body, splits[i].body.data, size_bytes);
		command->splits[i] = (struct split){ splits[i].id, bytes_of(body, size_bytes) };
		body += size_bytes;
	}
	command->operator = operator;
	command->count = count;
	command->no_more = no_more;
	post(task, command);
}

void task_wake(struct task *task)
{
	agent_wake(&task->agent);
}

/* ---- channels ------------------------------------------------------------------------------- */

static void print_line(void *owner, const char *line, size_t size_bytes)
{
	struct task *task = owner;

	if (task->options.print != NULL)
		task->options.print(task->options.context, task, line, size_bytes);
}

/* Where the producer is: NULL = on this TaskManager. */
static int locate(const struct task *task, const Flink__InputGate *gate, uint32_t producer,
		  const char **host, uint16_t *port, struct err *err)
{
	const Flink__Placement *placement = task->options.placement;
	const Flink__JobGraph *graph = task->options.graph;
	uint64_t slot = UINT64_MAX;

	if (gate->edge < graph->n_edges)
		slot = (uint64_t)placement
			       ->vertex_slot_first[graph->edges[gate->edge]->source_vertex] +
		       producer;
	if (slot >= placement->n_slot_location)
		return err_set(err, ERR_DEPLOY_FAILED,
			       "the deployment does not say where producer %u of edge %u runs",
			       producer, gate->edge);
	const Flink__Location *at = placement->locations[placement->slot_location[slot]];
	bool local = strcmp(at->resource_id, task->options.local_resource_id) == 0;

	*host = local ? NULL : at->data_host;
	*port = (uint16_t)at->data_port;
	return 0;
}

static int check_gate(const struct task *task, const Flink__InputGate *gate, struct err *err)
{
	const Flink__JobGraph *graph = task->options.graph;

	if (gate->edge >= graph->n_edges || gate->input > 1)
		return err_set(err, ERR_DEPLOY_FAILED,
			       "an input gate for edge %u of %zu, input %u of the head", gate->edge,
			       graph->n_edges, gate->input);
	const Flink__Edge *edge = graph->edges[gate->edge];
	uint32_t producers = graph->vertices[edge->source_vertex]->parallelism;

	if (gate->producer_first > gate->producer_last || gate->producer_last >= producers)
		return err_set(err, ERR_DEPLOY_FAILED, "edge %u comes from subtasks %u to %u of %u",
			       gate->edge, gate->producer_first, gate->producer_last, producers);
	return 0;
}

static int open_gate(struct task *task, const Flink__InputGate *gate, struct err *err)
{
	const Flink__Edge *edge = task->options.graph->edges[gate->edge];
	struct channel_name name = { .job_id = task->job_id,
				     .job_attempt = gate->producer_attempt,
				     .edge = gate->edge,
				     .consumer = task->deployment->subtask };

	for (uint32_t producer = gate->producer_first; producer <= gate->producer_last;
	     producer++) {
		uint32_t index = task->inputs_count;
		const char *host = NULL;
		uint16_t port = 0;

		if (locate(task, gate, producer, &host, &port, err) != 0)
			return -1;
		name.producer = producer;
		task->inputs[index].input = gate->input;
		task->inputs[index].channel = shuffle_open_input(
			task->options.shuffle, &name, host, port,
			task->options.types[edge->record_type], task->gate, index);
		task->inputs_count++;
		task->channels_open[gate->input]++;
	}
	return 0;
}

static int open_inputs(struct task *task, struct err *err)
{
	const Flink__TaskDeployment *deployment = task->deployment;
	uint32_t count = 0;

	for (size_t i = 0; i < deployment->n_inputs; i++) {
		const Flink__InputGate *gate = deployment->inputs[i];

		if (check_gate(task, gate, err) != 0)
			return -1;
		count += gate->producer_last - gate->producer_first + 1;
	}
	bool is_source = chain_is_source(&task->chain);

	task->marker_at = is_source && task->options.latency_interval_ms > 0 ? 0 : MONO_NEVER;
	task->latencies.granularity = task->options.latency_granularity;

	if (is_source != (count == 0))
		return err_set(err, ERR_DEPLOY_FAILED,
			       is_source ? "a source with %u inputs"
					 : "a task that is no source has %u inputs",
			       count);
	valve_init(&task->valve, count);
	if (is_source)
		return 0;
	task->gate = gate_create(&task->agent);
	task->inputs = MEM_NEW_ARRAY(struct task_input, count);
	for (size_t i = 0; i < deployment->n_inputs; i++)
		if (open_gate(task, deployment->inputs[i], err) != 0)
			return -1;
	return 0;
}

static int open_output(struct task *task, const Flink__OutputEdge *output, struct err *err)
{
	const Flink__JobGraph *graph = task->options.graph;

	if (output->edge >= graph->n_edges)
		return err_set(err, ERR_DEPLOY_FAILED, "an output for edge %u of %zu", output->edge,
			       graph->n_edges);
	const Flink__Edge *edge = graph->edges[output->edge];

	if (edge->source_vertex != task->deployment->vertex)
		return err_set(err, ERR_DEPLOY_FAILED, "edge %u leaves vertex %u, not %u",
			       output->edge, edge->source_vertex, task->deployment->vertex);
	if (edge->source_operator >= task->chain.links_count)
		return err_set(err, ERR_DEPLOY_FAILED, "edge %u leaves operator %u of %u",
			       output->edge, edge->source_operator, task->chain.links_count);
	struct link *link = &task->chain.links[edge->source_operator];
	struct router_options options = {
		.world = task->options.world,
		.shuffle = task->options.shuffle,
		.graph = graph,
		.deployment = task->deployment,
		.output = output,
		.type = link->context.output_type,
		.operator_name = link->context.operator_name,
		.modules = task->options.modules,
		.agent = &task->agent,
		.metrics = &task->metrics,
	};
	if (!link->has_output)
		return err_set(err, ERR_DEPLOY_FAILED,
			       "edge %u leaves operator \"%s\", which emits nothing", output->edge,
			       link->context.operator_name);
	link->routers =
		mem_realloc(link->routers, (link->routers_count + 1) * sizeof(*link->routers));
	link->edge_numbers = mem_realloc(link->edge_numbers, (link->routers_count + 1) *
								     sizeof(*link->edge_numbers));
	link->edge_numbers[link->routers_count] = metric_edge_number(graph, output->edge);
	if (router_open(&link->routers[link->routers_count], &options, err) != 0)
		return -1;
	link->routers_count++;
	return 0;
}

static int open_outputs(struct task *task, struct err *err)
{
	for (size_t i = 0; i < task->deployment->n_outputs; i++)
		if (open_output(task, task->deployment->outputs[i], err) != 0)
			return -1;
	return 0;
}

static void close_channels(struct task *task, bool finished, const struct err *why)
{
	struct shuffle *shuffle = task->options.shuffle;

	pthread_mutex_lock(&task->channels_lock);
	for (uint32_t i = 0; i < task->inputs_count; i++) {
		pieces_drop(&task->pieces, &task->inputs[i].assembly);
		shuffle_close_input(shuffle, &task->inputs[i].channel);
	}
	mem_free(task->inputs);
	task->inputs = NULL;
	task->inputs_count = 0;
	gate_destroy(&task->gate);
	for (uint32_t i = 0; i < task->chain.links_count; i++) {
		struct link *link = &task->chain.links[i];

		for (uint32_t j = 0; j < link->routers_count; j++)
			router_close(&link->routers[j], shuffle, finished, why);
		mem_free(link->routers);
		link->routers = NULL;
		link->routers_count = 0;
	}
	pthread_mutex_unlock(&task->channels_lock);
}

void task_close_all(struct task *task)
{
	struct err why = task->failure;

	if (task->final_state == TASK_CANCELED)
		err_set(&why, ERR_CANCELED, "task %s was cancelled", task->name);
	else if (task->final_state == TASK_FAILED)
		err_wrap(&why, "task %s failed", task->name);
	chain_close(&task->chain);
	close_channels(task, task->final_state == TASK_FINISHED, &why);
	valve_fini(&task->valve);
}

/* ---- making --------------------------------------------------------------------------------- */

static int check_deployment(const struct task_options *options, struct err *err)
{
	const Flink__TaskDeployment *deployment = options->deployment;

	if (deployment->execution_id.len != sizeof(struct id) ||
	    deployment->job_id.len != sizeof(struct id))
		return err_set(err, ERR_DEPLOY_FAILED, "a deployment with ids of %zu and %zu bytes",
			       deployment->execution_id.len, deployment->job_id.len);
	if (deployment->vertex >= options->graph->n_vertices)
		return err_set(err, ERR_DEPLOY_FAILED, "a deployment of vertex %u of %zu",
			       deployment->vertex, options->graph->n_vertices);
	const Flink__Vertex *vertex = options->graph->vertices[deployment->vertex];

	if (deployment->subtask >= vertex->parallelism)
		return err_set(err, ERR_DEPLOY_FAILED, "a deployment of subtask %u of %u of \"%s\"",
			       deployment->subtask, vertex->parallelism, vertex->name);
	return 0;
}

/* ---- room ----------------------------------------------------------------------------------- */

static uint32_t inputs_missing(struct task *task, const Flink__InputGate *gate)
{
	struct channel_name name = { .job_id = task->job_id,
				     .job_attempt = gate->producer_attempt,
				     .edge = gate->edge,
				     .consumer = task->deployment->subtask };
	uint32_t missing = 0;

	for (name.producer = gate->producer_first; name.producer <= gate->producer_last;
	     name.producer++) {
		const char *host = NULL;
		struct err ignored;
		uint16_t port;

		if (locate(task, gate, name.producer, &host, &port, &ignored) != 0)
			return 0; /* told when it is opened */
		missing += host != NULL || !shuffle_has_output(task->options.shuffle, &name);
	}
	return missing;
}

static uint32_t outputs_missing(struct task *task, const Flink__OutputEdge *output)
{
	struct channel_name name = { .job_id = task->job_id,
				     .job_attempt = task->deployment->job_attempt,
				     .edge = output->edge,
				     .producer = task->deployment->subtask };
	const Flink__JobGraph *graph = task->options.graph;
	uint32_t missing = 0;

	if (output->edge >= graph->n_edges ||
	    output->consumer_last >=
		    graph->vertices[graph->edges[output->edge]->target_vertex]->parallelism)
		return 0; /* told when it is opened */
	for (name.consumer = output->consumer_first; name.consumer <= output->consumer_last;
	     name.consumer++)
		missing += !shuffle_has_output(task->options.shuffle, &name);
	return missing;
}

/* Before anything is opened, because what was opened is known to others and can only fail. */
static int check_room(struct task *task, struct err *err)
{
	const Flink__TaskDeployment *deployment = task->deployment;
	uint32_t missing = 0;

	for (size_t i = 0; i < deployment->n_inputs; i++)
		missing += inputs_missing(task, deployment->inputs[i]);
	for (size_t i = 0; i < deployment->n_outputs; i++)
		missing += outputs_missing(task, deployment->outputs[i]);
	return shuffle_room(task->options.shuffle, &task->job_id, missing, err);
}

static int open_channels(struct task *task, struct err *err)
{
	struct segment_pool *pool = shuffle_pool(task->options.shuffle);
	int opened;

	segment_pool_hold(pool, true); /* or what is free now is lent before it is set aside */
	opened = check_room(task, err);
	if (opened == 0)
		opened = open_outputs(task, err);
	if (opened == 0)
		opened = open_inputs(task, err);
	segment_pool_hold(pool, false);
	return opened;
}

static int open_all(struct task *task, struct err *err)
{
	struct chain_options options = {
		.world = task->options.world,
		.loop = runner_loop(task->options.runner),
		.agent = &task->agent,
		.graph = task->options.graph,
		.vertex = task->vertex,
		.deployment = task->deployment,
		.types = task->options.types,
		.modules = task->options.modules,
		.segment_bytes = shuffle_segment_bytes(task->options.shuffle, &task->job_id),
		.latencies = &task->latencies,
		.record_bytes_max = shuffle_record_bytes_max(task->options.shuffle),
		.managed = task->options.managed,
		.overdraft_bytes = task->options.overdraft_bytes,
		.fire_at_end = task->options.fire_at_end,
		.print = print_line,
		.owner = task,
	};
	if (chain_create(&task->chain, &options, err) != 0)
		return -1;
	return open_channels(task, err);
}

int task_create(const struct task_options *options, struct task **result, struct err *err)
{
	*result = NULL;
	if (check_deployment(options, err) != 0)
		return -1;
	struct task *task = MEM_NEW(struct task);

	task->options = *options;
	task->deployment = rpc_message_copy(options->deployment, NULL);
	task->options.deployment = task->deployment;
	task->vertex = options->graph->vertices[task->deployment->vertex];
	memcpy(task->execution_id.bytes, task->deployment->execution_id.data, sizeof(struct id));
	memcpy(task->job_id.bytes, task->deployment->job_id.data, sizeof(struct id));
	task->name = mem_printf("%s (%u/%u)", task->vertex->name, task->deployment->subtask + 1,
				task->vertex->parallelism);
	task->unpublished_since = task->dirty_since = MONO_NEVER;
	task->pieces.record_bytes_max = shuffle_record_bytes_max(options->shuffle);
	task->final_state = TASK_CANCELED; /* what peers are told when it is destroyed in between */
	inbox_init(&task->inbox);
	list_init(&task->splits_held);
	agent_init(&task->agent, task->name, task_step);
	task->agent.done = task_done;
	atomic_init(&task->accounted_until, world_now(options->world));
	atomic_init(&task->accounted_as, STEP_IDLE);
	pthread_mutex_init(&task->channels_lock, NULL);
	task->plan = metric_plan_of(options->graph, task->deployment->vertex);
	task->edges_count = metric_edges_leaving(options->graph, task->deployment->vertex);
	task->edges_ns = MEM_NEW_ARRAY(struct counter, task->edges_count);
	if (open_all(task, err) != 0) {
		err_wrap(err, "task %s", task->name);
		task_destroy(&task);
		return -1;
	}
	*result = task;
	runner_add(options->runner, &task->agent);
	return 0;
}

void task_destroy(struct task **result)
{
	struct task *task = *result;
	struct inbox_node *node;
	struct list_node *held;

	if (task == NULL)
		return;
	task_close_all(task);
	chain_destroy(&task->chain);
	latency_table_fini(&task->latencies);
	while ((node = inbox_take(&task->inbox)) != NULL)
		command_free(CONTAINER_OF(node, struct command, node));
	while ((held = list_pop_front(&task->splits_held)) != NULL)
		command_free(CONTAINER_OF(held, struct command, held));
	flink__task_deployment__free_unpacked(task->deployment, NULL);
	pthread_mutex_destroy(&task->channels_lock);
	mem_free(task->edges_ns);
	mem_free(task->name);
	mem_free(task);
	*result = NULL;
}
