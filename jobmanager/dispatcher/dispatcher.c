/* SPDX-License-Identifier: Apache-2.0
 * dispatcher.c - takes jobs, keeps them while they run and for a while after they ended, tells
 * watchers what changed. A submission is checked whole before anything is started: the graph, the
 * artifacts, the settings, the sources. */
#include "jobmanager/dispatcher/dispatcher.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/dispatcher/dispatcher_priv.h"

#define COLLECT_MS 60000 /* between two looks for unused artifacts */

struct job_watch {
	struct list_node node; /* of record.watches, or dispatcher.orphans */
	void (*changed)(void *context);
	void *context;
};

static enum step dispatcher_step(struct agent *agent, mono_t now, mono_t *wake_at);

struct dispatcher *dispatcher_create(const struct dispatcher_options *options)
{
	struct dispatcher *dispatcher = MEM_NEW(struct dispatcher);
	struct resource_manager_options resources = {
		.world = options->world,
		.runner = options->runner,
		.conf = options->conf,
		.leader_epoch = options->leader_epoch,
		.events = &dispatcher_resource_events,
		.events_context = dispatcher,
	};

	dispatcher->service = dispatcher_service_functions;
	dispatcher->options = *options;
	dispatcher->loop = runner_loop(options->runner);
	dispatcher->blobs = blob_store_create();
	dispatcher->executions = map_create();
	dispatcher->records = map_create();
	list_init(&dispatcher->jobs);
	list_init(&dispatcher->changed);
	list_init(&dispatcher->orphans);
	list_init(&dispatcher->status_calls);
	dispatcher->resources = resource_manager_create(&resources);
	if (options->archive_directory != NULL)
		dispatcher->history = history_create(&(struct history_options){
			.world = options->world,
			.runner = options->runner,
			.conf = options->conf,
			.directory = options->archive_directory,
			.remove_old = options->archive_is_own,
		});
	agent_init(&dispatcher->agent, "dispatcher", dispatcher_step);
	runner_add(options->runner, &dispatcher->agent);
	return dispatcher;
}

ProtobufCService *dispatcher_service(struct dispatcher *dispatcher)
{
	return &dispatcher->service.base;
}

void dispatcher_set_rest_port(struct dispatcher *dispatcher, uint16_t port)
{
	dispatcher->rest_port = port;
}

void dispatcher_set_sampler(struct dispatcher *dispatcher, struct sampler *sampler)
{
	dispatcher->sampler = sampler;
}

struct sampler *dispatcher_sampler(const struct dispatcher *dispatcher)
{
	return dispatcher->sampler;
}

void dispatcher_close(struct dispatcher *dispatcher)
{
	resource_manager_close(dispatcher->resources);
}

/* ---- questions ------------------------------------------------------------------------------ */

const struct list *dispatcher_jobs(const struct dispatcher *dispatcher)
{
	return &dispatcher->jobs;
}

static struct job_record *find_record(const struct dispatcher *dispatcher, const struct id *job_id)
{
	return map_get(dispatcher->records, map_key_id(job_id));
}

struct job *dispatcher_find(struct dispatcher *dispatcher, const struct id *job_id)
{
	struct job_record *record = find_record(dispatcher, job_id);

	return record ? record->job : NULL;
}

struct resource_manager *dispatcher_resource_manager(struct dispatcher *dispatcher)
{
	return dispatcher->resources;
}

struct blob_store *dispatcher_blobs(struct dispatcher *dispatcher)
{
	return dispatcher->blobs;
}

const struct conf *dispatcher_conf(const struct dispatcher *dispatcher)
{
	return dispatcher->options.conf;
}

struct world *dispatcher_world(const struct dispatcher *dispatcher)
{
	return dispatcher->options.world;
}

struct runner *dispatcher_runner(const struct dispatcher *dispatcher)
{
	return dispatcher->options.runner;
}

uint64_t dispatcher_leader_epoch(const struct dispatcher *dispatcher)
{
	return dispatcher->options.leader_epoch;
}

struct id dispatcher_new_id(struct dispatcher *dispatcher)
{
	struct id id;

	world_random_bytes(dispatcher->options.world, &id, sizeof(id));
	return id;
}

int dispatcher_no_such_job(const struct id *job_id, struct err *err)
{
	char text[ID_TEXT_SIZE];

	return err_set(err, ERR_JOB_NOT_FOUND, "there is no job %s here", id_format(job_id, text));
}

/* ---- archives ------------------------------------------------------------------------------- */

struct history *dispatcher_history(const struct dispatcher *dispatcher)
{
	return dispatcher->history;
}

const struct history_job *dispatcher_next_archived(const struct dispatcher *dispatcher,
						   const struct history_job *after)
{
	const struct list *jobs;
	const struct list_node *node;

	if (dispatcher->history == NULL)
		return NULL;
	jobs = history_jobs(dispatcher->history);
	for (node = after != NULL ? after->node.next : jobs->head.next; node != &jobs->head;
	     node = node->next) {
		const struct history_job *job = CONTAINER_OF(node, struct history_job, node);

		if (find_record(dispatcher, &job->id) == NULL)
			return job;
	}
	return NULL;
}

const struct history_job *dispatcher_find_archived(const struct dispatcher *dispatcher,
						   const struct id *job_id)
{
	if (dispatcher->history == NULL || find_record(dispatcher, job_id) != NULL)
		return NULL;
	return history_find(dispatcher->history, job_id);
}

int dispatcher_has_ended(const struct history_job *job, struct err *err)
{
	char text[ID_TEXT_SIZE];

	return err_set(err, ERR_JOB_ENDED, "job '%s' (%s) is %s already", job->name,
		       id_format(&job->id, text), sm_name(&job_states, job->status));
}

void dispatcher_set_archiver(struct dispatcher *dispatcher, struct agent *archiver)
{
	dispatcher->archiver = archiver;
}

static bool waits_for_archive(const struct dispatcher *dispatcher, const struct job_record *record)
{
	return dispatcher->archiver != NULL && record->has_ended && !record->is_archived;
}

struct job *dispatcher_next_to_archive(struct dispatcher *dispatcher)
{
	LIST_FOR_EACH(&dispatcher->jobs, struct job, node, job) {
		const struct job_record *record = find_record(dispatcher, &job->id);

		if (waits_for_archive(dispatcher, record) && job_master_output_ended(job))
			return job;
	}
	return NULL;
}

void dispatcher_archived(struct dispatcher *dispatcher, const struct id *job_id)
{
	struct job_record *record = find_record(dispatcher, job_id);

	if (record != NULL)
		record->is_archived = true;
	agent_wake(&dispatcher->agent); /* it may be forgotten now */
}

/* ---- submitting ----------------------------------------------------------------------------- */

static int check_artifacts(struct dispatcher *dispatcher, const Flink__JobGraph *graph,
			   struct err *err)
{
	for (size_t i = 0; i < graph->n_artifacts; i++) {
		const Flink__Artifact *artifact = graph->artifacts[i];
		const struct bytes *content = blob_get(dispatcher->blobs, artifact->sha256.data);

		if (content == NULL)
			return err_set(
				err, ERR_ARTIFACT_UNREADABLE,
				"%s was not sent, or not to its end, before the job that needs it",
				artifact->name);
		if (content->size_bytes != artifact->size_bytes)
			return err_set(err, ERR_PLAN_INVALID, "%s has %zu bytes, the job says %llu",
				       artifact->name, content->size_bytes,
				       (unsigned long long)artifact->size_bytes);
	}
	return 0;
}

/* The cluster's settings with the job's over them. NULL with err: a bad value. */
static struct conf *job_conf(const struct dispatcher *dispatcher, const Flink__JobGraph *graph,
			     struct err *err)
{
	struct conf *conf = conf_copy(dispatcher->options.conf);

	for (size_t i = 0; i < graph->n_settings; i++) {
		if (conf_set(conf, graph->settings[i]->key, graph->settings[i]->value, "the job",
			     err) != 0) {
			conf_destroy(&conf);
			return NULL;
		}
	}
	return conf;
}

static void job_changed(void *context, struct job *job)
{
	struct job_record *record = context;

	if (!list_linked(&record->changed_node))
		list_push_back(&record->dispatcher->changed, &record->changed_node);
	agent_wake(&record->dispatcher->agent);
}

static void job_ended(void *context, struct job *job)
{
	struct job_record *record = context;
	struct dispatcher *dispatcher = record->dispatcher;
	mono_t now = loop_now(dispatcher->loop);
	char id[ID_TEXT_SIZE];

	log_info(DISPATCHER_LOGGER, "Job %s reached terminal state %s.", id_format(&job->id, id),
		 job_status_name(job));
	for (size_t i = 0; i < job->graph->n_artifacts; i++)
		blob_unref(dispatcher->blobs, job->graph->artifacts[i]->sha256.data, now);
	record->has_ended = true;
	record->ended_at = now;
	dispatcher->ended_count++;
	job_changed(context, job);
}

static struct job_record *start(struct dispatcher *dispatcher, const Flink__JobGraph *graph,
				struct conf *conf, struct err *err)
{
	struct job_record *record = MEM_NEW(struct job_record);
	struct job_master_options options = {
		.world = dispatcher->options.world,
		.runner = dispatcher->options.runner,
		.resources = dispatcher->resources,
		.executions = dispatcher->executions,
		.age = dispatcher->jobs_started,
		.changed = job_changed,
		.ended = job_ended,
		.context = record,
	};

	record->dispatcher = dispatcher;
	list_init(&record->watches);
	if (job_master_create(&options, graph, conf, &record->job, err) != 0) {
		mem_free(record);
		return NULL;
	}
	dispatcher->jobs_started++;
	for (size_t i = 0; i < graph->n_artifacts; i++)
		blob_ref(dispatcher->blobs, graph->artifacts[i]->sha256.data);
	map_put(dispatcher->records, map_key_id(&record->job->id), record);
	list_push_back(&dispatcher->jobs, &record->job->node);
	job_master_start(record->job);
	return record;
}

int dispatcher_submit(struct dispatcher *dispatcher, const Flink__JobGraph *graph, struct job **job,
		      struct err *err)
{
	struct job_record *record;
	struct id id;
	char text[ID_TEXT_SIZE];
	struct conf *conf;

	if (!id_from_message(&graph->job_id, &id) || id_is_none(&id))
		return err_set(err, ERR_PLAN_INVALID, "the job has no id of 16 bytes");
	record = find_record(dispatcher, &id);
	if (record != NULL) {
		*job = record->job;
		return 0;
	}
	if (job_graph_check(graph, err) != 0 || check_artifacts(dispatcher, graph, err) != 0)
		return -1;
	log_info(DISPATCHER_LOGGER, "Received JobGraph submission '%s' (%s).", graph->name,
		 id_format(&id, text));
	conf = job_conf(dispatcher, graph, err);
	if (conf == NULL)
		return -1;
	record = start(dispatcher, graph, conf, err);
	if (record == NULL) {
		conf_destroy(&conf);
		return -1;
	}
	*job = record->job;
	return 0;
}

int dispatcher_cancel(struct dispatcher *dispatcher, const struct id *job_id, struct err *err)
{
	struct job *job = dispatcher_find(dispatcher, job_id);
	const struct history_job *archived = dispatcher_find_archived(dispatcher, job_id);
	char text[ID_TEXT_SIZE];

	if (archived != NULL)
		return archived->status == JOB_CANCELED ? 0 : dispatcher_has_ended(archived, err);
	if (job == NULL)
		return dispatcher_no_such_job(job_id, err);
	if (job->status == JOB_CANCELED)
		return 0; /* asked again */
	if (job_is_final(job))
		return err_set(err, ERR_JOB_ENDED, "job '%s' (%s) is %s already", job->name,
			       id_format(job_id, text), job_status_name(job));
	log_info(DISPATCHER_LOGGER, "Job '%s' (%s) is to be cancelled.", job->name,
		 id_format(job_id, text));
	job_master_cancel(job);
	return 0;
}

/* ---- watching ------------------------------------------------------------------------------- */

struct job_watch *dispatcher_watch(struct dispatcher *dispatcher, const struct id *job_id,
				   void (*changed)(void *context), void *context)
{
	struct job_record *record = find_record(dispatcher, job_id);
	struct job_watch *watch = MEM_NEW(struct job_watch);

	watch->changed = changed;
	watch->context = context;
	list_push_back(record ? &record->watches : &dispatcher->orphans, &watch->node);
	return watch;
}

void dispatcher_unwatch(struct job_watch **watch)
{
	if (*watch == NULL)
		return;
	list_remove(&(*watch)->node);
	mem_free(*watch);
	*watch = NULL;
}

/* A watcher may unwatch itself or others, and watch again. */
static void tell_watchers(struct job_record *record)
{
	struct list waiting;
	struct list_node *node;

	list_init(&waiting);
	while ((node = list_pop_front(&record->watches)) != NULL)
		list_push_back(&waiting, node);
	while ((node = list_pop_front(&waiting)) != NULL) {
		struct job_watch *watch = CONTAINER_OF(node, struct job_watch, node);

		list_push_back(&record->watches, node);
		watch->changed(watch->context);
	}
}

/* ---- forgetting ----------------------------------------------------------------------------- */

static void forget(struct dispatcher *dispatcher, struct job_record *record)
{
	struct list_node *node;

	while ((node = list_pop_front(&record->watches)) != NULL)
		list_push_back(&dispatcher->orphans, node);
	list_remove(&record->changed_node);
	list_remove(&record->job->node);
	map_remove(dispatcher->records, map_key_id(&record->job->id));
	dispatcher->ended_count -= record->has_ended;
	dispatcher->ended_bytes -= record->bytes;
	job_master_destroy(&record->job);
	mem_free(record);
}

/* Once all is there that the job will ever have. */
static void weigh(struct dispatcher *dispatcher, struct job_record *record)
{
	if (record->bytes != 0 || !job_master_output_ended(record->job))
		return;
	record->bytes = job_master_bytes(record->job);
	dispatcher->ended_bytes += record->bytes;
}

/* Ended jobs are kept for jobstore.expiration-time, and no more than jobstore.max-capacity of them
 * or jobstore.cache-size of memory. */
static void forget_old_jobs(struct dispatcher *dispatcher, mono_t now, mono_t *wake_at)
{
	const struct conf *conf = dispatcher->options.conf;
	int64_t keep_ms = conf_int(conf, "jobstore.expiration-time") * MS_PER_S;
	/* By so much there are too many; one that cannot go just now counts as gone. */
	int64_t count = dispatcher->ended_count - conf_int(conf, "jobstore.max-capacity");
	int64_t bytes = (int64_t)dispatcher->ended_bytes - conf_int(conf, "jobstore.cache-size");

	LIST_FOR_EACH(&dispatcher->jobs, struct job, node, job) {
		struct job_record *record = find_record(dispatcher, &job->id);

		if (!record->has_ended)
			continue;
		mono_t until = mono_after_ms(record->ended_at, keep_ms);

		weigh(dispatcher, record);
		if (waits_for_archive(dispatcher, record) && job_master_output_ended(job))
			agent_wake(dispatcher->archiver);
		if (now < until && count <= 0 && bytes <= 0) {
			*wake_at = mono_min(*wake_at, until);
			continue;
		}
		count--;
		bytes -= (int64_t)record->bytes;
		if (job_master_output_ended(job) && !job_master_busy(job) &&
		    !waits_for_archive(dispatcher, record))
			forget(dispatcher, record);
		else
			*wake_at = mono_min(*wake_at, mono_after_ms(now, MS_PER_S));
	}
}

static enum step dispatcher_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct dispatcher *dispatcher = CONTAINER_OF(agent, struct dispatcher, agent);
	struct list_node *node, *last = dispatcher->changed.head.previous;
	bool more = !list_empty(&dispatcher->changed);

	/* Those that change while watchers are told come in the next step. */
	while (more && (node = list_pop_front(&dispatcher->changed)) != NULL) {
		more = node != last;
		tell_watchers(CONTAINER_OF(node, struct job_record, changed_node));
	}
	dispatcher_answer_polls(dispatcher, now, wake_at);
	forget_old_jobs(dispatcher, now, wake_at);
	blob_collect(dispatcher->blobs, now);
	*wake_at = mono_min(*wake_at, mono_after_ms(now, COLLECT_MS));
	return list_empty(&dispatcher->changed) ? STEP_IDLE : STEP_WORKED;
}

void dispatcher_destroy(struct dispatcher **dispatcher)
{
	struct dispatcher *gone = *dispatcher;
	struct list_node *node;

	if (gone == NULL)
		return;
	*dispatcher = NULL;
	if (atomic_load(&gone->agent.runner) != NULL)
		runner_remove(gone->options.runner, &gone->agent);
	dispatcher_fail_polls(gone);
	history_destroy(&gone->history);
	LIST_FOR_EACH(&gone->jobs, struct job, node, job)
		forget(gone, find_record(gone, &job->id));
	while ((node = list_pop_front(&gone->orphans)) != NULL)
		mem_free(CONTAINER_OF(node, struct job_watch, node));
	resource_manager_destroy(&gone->resources);
	blob_store_destroy(&gone->blobs);
	map_destroy(&gone->records);
	map_destroy(&gone->executions);
	mem_free(gone);
}
