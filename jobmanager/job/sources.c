/* SPDX-License-Identifier: Apache-2.0
 * sources.c - the enumerators of a job's sources, on the JobMaster's thread, and the splits they
 * hand out. An enumerator may assign a split to a reader that is not there yet: it waits here until
 * the reader says that it is ready. Every attempt of the job begins with new enumerators. */
#include "common/base/check.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "jobmanager/job/job_priv.h"

#define SPLITS_BYTES_MAX (1024 * 1024) /* of one AddSplits message, if it holds more than one */
#define SPLITS_MAX 1000
#define STEPS_MAX 16 /* of an enumerator in one step of the job */

struct pending_split {
	struct list_node node;
	uint64_t id;
	size_t size_bytes;
	uint8_t body[];
};

/* ---- what an enumerator may do -------------------------------------------------------------- */

static void reader_touched(struct job_source *source, struct job_reader *reader)
{
	if (!reader->ready || list_linked(&reader->node))
		return;
	list_push_back(&source->dirty, &reader->node);
	agent_wake(&source->master->agent);
}

static struct job_reader *reader_of(struct split_assigner *to, uint32_t subtask)
{
	struct job_source *source = CONTAINER_OF(to, struct job_source, assigner);

	CHECK(subtask < source->vertex->message->parallelism, "%s: a split for subtask %u of %u",
	      source->vtable->name, subtask, source->vertex->message->parallelism);
	return &source->readers[subtask];
}

static void assign(struct split_assigner *to, uint32_t subtask, const struct split *split)
{
	struct job_reader *reader = reader_of(to, subtask);
	struct pending_split *pending = mem_alloc(sizeof(*pending) + split->body.size_bytes);

	CHECK(!reader->no_more, "a split for subtask %u, which was told that there are no more",
	      subtask);
	pending->id = split->id;
	pending->size_bytes = split->body.size_bytes;
	if (split->body.size_bytes > 0)
		memcpy(pending->body, split->body.data, split->body.size_bytes);
	list_push_back(&reader->splits, &pending->node);
	reader_touched(CONTAINER_OF(to, struct job_source, assigner), reader);
}

static void no_more_splits(struct split_assigner *to, uint32_t subtask)
{
	struct job_reader *reader = reader_of(to, subtask);

	reader->no_more = true;
	reader_touched(CONTAINER_OF(to, struct job_source, assigner), reader);
}

/* ---- life ----------------------------------------------------------------------------------- */

static bool is_batch(const Flink__JobGraph *graph)
{
	const char *mode = job_graph_setting(graph, "execution.runtime-mode");

	return mode != NULL && strcmp(mode, "BATCH") == 0;
}

static int create_source(struct job_master *master, struct job_vertex *vertex, uint32_t operator,
			 struct err *err)
{
	const Flink__Operator *message = vertex->message->operators[operator];
	struct job_source *source = &master->sources[master->sources_count];
	const struct source_vtable *vtable =
		registry_source(master->options.world, message->factory, err);

	if (vtable == NULL)
		return err_wrap(err, "%s", message->name);
	if (is_batch(master->job.graph) && vtable->is_endless != NULL &&
	    vtable->is_endless(
		    bytes_of(message->parameters.data, message->parameters.len)))
		return err_set(err, ERR_PLAN_INVALID,
			       "%s does not end by itself, and execution.runtime-mode is BATCH, which gives "
			       "results at the end of the input: set it to STREAMING, or bound the source "
			       "(Kafka: scan.bounded.mode latest-offset)",
			       message->name);
	*source = (struct job_source){
		.assigner = { assign, no_more_splits },
		.master = master,
		.vertex = vertex,
		.operator = operator,
		.vtable = vtable,
		.context = {
			.job_name = master->job.name,
			.operator_name = message->name,
			.job_id = master->job.id,
			.parallelism = vertex->message->parallelism,
			.parameters = bytes_of(message->parameters.data, message->parameters.len),
			.world = master->options.world,
			.loop = master->loop,
			.agent = &master->agent,
		},
	};
	source->readers = MEM_NEW_ARRAY(struct job_reader, vertex->message->parallelism);
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		list_init(&source->readers[i].splits);
	list_init(&source->dirty);
	master->sources_count++;
	return 0;
}

int job_sources_create(struct job_master *master, struct err *err)
{
	const Flink__JobGraph *graph = master->job.graph;
	uint32_t count = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t v = 0; v < graph->n_vertices; v++) {
			for (uint32_t o = 0; o < graph->vertices[v]->n_operators; o++) {
				if (graph->vertices[v]->operators[o]->kind !=
				    FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE)
					continue;
				count++;
				if (pass == 1 &&
				    create_source(master, &master->job.vertices[v], o, err) != 0)
					return -1;
			}
		}
		if (pass == 0)
			master->sources = MEM_NEW_ARRAY(struct job_source, count);
	}
	return 0;
}

static void drop_splits(struct job_reader *reader)
{
	struct list_node *node;

	while ((node = list_pop_front(&reader->splits)) != NULL)
		mem_free(CONTAINER_OF(node, struct pending_split, node));
}

static void close_source(struct job_source *source)
{
	if (source->self != NULL)
		source->vtable->enumerator_close(&source->self);
	source->self = NULL;
	source->open = false;
	for (uint32_t i = 0; i < source->vertex->message->parallelism; i++) {
		struct job_reader *reader = &source->readers[i];

		drop_splits(reader);
		list_remove(&reader->node);
		reader->ready = reader->no_more = reader->no_more_sent = false;
	}
}

void job_sources_close(struct job_master *master)
{
	for (uint32_t i = 0; i < master->sources_count; i++)
		close_source(&master->sources[i]);
}

void job_sources_destroy(struct job_master *master)
{
	job_sources_close(master);
	for (uint32_t i = 0; i < master->sources_count; i++)
		mem_free(master->sources[i].readers);
	mem_free(master->sources);
	master->sources_count = 0;
}

int job_sources_open(struct job_master *master, struct err *err)
{
	for (uint32_t i = 0; i < master->sources_count; i++) {
		struct job_source *source = &master->sources[i];

		source->open = true;
		if (source->vtable->enumerator_open != NULL &&
		    source->vtable->enumerator_open(&source->self, &source->context, NULL, err) !=
			    0)
			return err_wrap(err, "%s", source->context.operator_name);
	}
	return 0;
}

/* ---- readers -------------------------------------------------------------------------------- */

int job_master_reader_ready(struct execution *execution, struct taskmanager_info *from,
			    uint32_t operator, struct err *err)
{
	struct job_master *master = job_master_of(execution->vertex->job);
	uint32_t subtask = execution_subtask(execution);

	if (execution->place == NULL || execution->place->taskmanager != from ||
	    master->job.status != JOB_RUNNING)
		return err_set(err, ERR_FENCED, "job '%s' is %s: its readers get no splits",
			       master->job.name, job_status_name(&master->job));
	for (uint32_t i = 0; i < master->sources_count; i++) {
		struct job_source *source = &master->sources[i];
		struct job_reader *reader = &source->readers[subtask];
		struct err failure = ERR_INIT;

		if (source->vertex != execution->vertex ||
		    source->operator!= operator|| !source->open)
			continue;
		if (reader->ready)
			return 0; /* said twice */
		reader->ready = true;
		if (source->vtable->enumerator_open == NULL)
			reader->no_more = true; /* its readers need no splits */
		else if (source->vtable->enumerator_reader != NULL &&
			 source->vtable->enumerator_reader(source->self, subtask, NULL, 0,
							   &failure) != 0)
			job_fail(master, CAUSE_TASK, &failure, execution, 0);
		if (source->open && (reader->no_more || !list_empty(&reader->splits)))
			reader_touched(source, reader);
		agent_wake(&master->agent);
		return 0;
	}
	return err_set(err, ERR_FENCED, "operator %u of %s is no source", operator,
		       execution->vertex->message->name);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void splits_answered(const Flink__Empty *answer, void *data)
{
	struct job_master *master = ((struct job_call *)data)->place->master;
	struct err err = *rpc_error();
	struct execution *execution = job_call_end(data);

	if (answer != NULL || execution == NULL || execution->state == EXECUTION_CANCELING ||
	    err.code == ERR_NET_CLOSED)
		return;
	/* The task has ended there already: its report is on the way and says why. */
	if (err.code == ERR_FENCED)
		return;
	err_wrap(&err, "its splits cannot be handed over");
	err.code = ERR_DEPLOY_FAILED;
	job_fail(master, CAUSE_TASK, &err, execution, 0);
}

static void send_splits(struct job_source *source, uint32_t subtask, struct execution *execution)
{
	struct job_master *master = source->master;
	struct job_reader *reader = &source->readers[subtask];
	Flink__AddSplitsRequest request = FLINK__ADD_SPLITS_REQUEST__INIT;
	Flink__SplitMessage *messages = MEM_NEW_ARRAY(Flink__SplitMessage, SPLITS_MAX);
	Flink__SplitMessage **table = MEM_NEW_ARRAY(Flink__SplitMessage *, SPLITS_MAX);
	struct rpc_stub stub;
	size_t bytes = 0;
	struct list sent;

	list_init(&sent);
	while (request.n_splits < SPLITS_MAX && !list_empty(&reader->splits)) {
		struct pending_split *split =
			LIST_FIRST(&reader->splits, struct pending_split, node);

		if (request.n_splits > 0 && bytes + split->size_bytes > SPLITS_BYTES_MAX)
			break;
		bytes += split->size_bytes;
		flink__split_message__init(&messages[request.n_splits]);
		messages[request.n_splits].id = split->id;
		messages[request.n_splits].body =
			(ProtobufCBinaryData){ split->size_bytes, split->body };
		table[request.n_splits] = &messages[request.n_splits];
		request.n_splits++;
		list_remove(&split->node);
		list_push_back(&sent, &split->node);
	}
	request.no_more = reader->no_more && list_empty(&reader->splits);
	reader->no_more_sent |= request.no_more;
	request.execution_id = id_to_message(&execution->id);
	request.operator_ = source->operator;
	request.splits = table;
	resource_manager_stub(master->options.resources, execution->place->taskmanager,
			      execution->attempt, &stub);
	flink__task_executor__add_splits(rpc_stub_service(&stub), &request, splits_answered,
					  job_call_begin(execution));
	while (!list_empty(&sent)) {
		struct list_node *node = list_pop_front(&sent);

		mem_free(CONTAINER_OF(node, struct pending_split, node));
	}
	mem_free(messages);
	mem_free(table);
}

static void send_dirty(struct job_source *source)
{
	struct list_node *node;

	while ((node = list_pop_front(&source->dirty)) != NULL) {
		struct job_reader *reader = CONTAINER_OF(node, struct job_reader, node);
		uint32_t subtask = (uint32_t)(reader - source->readers);
		struct execution *execution = &source->vertex->executions[subtask];

		while (execution->place != NULL && execution->place->taskmanager != NULL &&
		       (!list_empty(&reader->splits) || (reader->no_more && !reader->no_more_sent)))
			send_splits(source, subtask, execution);
	}
}

bool job_sources_step(struct job_master *master, mono_t now, mono_t *wake_at)
{
	bool again = false;

	for (uint32_t i = 0; i < master->sources_count; i++) {
		struct job_source *source = &master->sources[i];
		struct err err = ERR_INIT;
		int result = source->open && source->self != NULL ? 0 : 1;

		for (int steps = 0; result == 0 && steps < STEPS_MAX; steps++)
			result = source->vtable->enumerator_step(source->self, now,
								 &source->assigner, wake_at, &err);
		if (result < 0) {
			err_wrap(&err, "%s", source->context.operator_name);
			job_fail(master, CAUSE_TASK, &err, NULL, 0);
			return true;
		}
		again |= result == 0;
		send_dirty(source);
	}
	return again;
}
