/* SPDX-License-Identifier: Apache-2.0
 * executor_jobs.c - what a TaskManager keeps per job: the checked graph, its types, and its
 * artifacts, fetched from the JobManager in chunks, written under their hash and opened.
 *
 * Files are named by sha256 and written through a temporary name, so two jobs that bring the same
 * artifact share the file and a torn one is never opened; module_open checks the hash again. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/daemon/daemon.h"
#include "common/graph/graph.h"
#include "taskmanager/exec/executor_priv.h"

static void fetch_more(struct artifact *artifact);

struct fetch_call {
	struct task_executor *executor;
	struct id job_id;
	uint64_t job_serial;
	uint32_t index;
};

static void artifact_failed(struct artifact *artifact, const struct err *why)
{
	SOMETIMES("an artifact cannot be fetched");
	artifact->stage = ARTIFACT_FAILED;
	artifact->job->failure = *why;
	err_wrap(&artifact->job->failure, "fetching %s",
		 artifact->job->graph->artifacts[artifact->index]->name);
	agent_wake(&artifact->job->executor->agent);
}

static void fetched(const Flink__FetchArtifactResponse *answer, void *closure_data)
{
	struct fetch_call *call = closure_data;
	struct executor_job *job =
		executor_job_find(call->executor, &call->job_id, call->job_serial);
	struct artifact *artifact = job && !job->leaving ? &job->artifacts[call->index] : NULL;

	mem_free(call);
	if (artifact == NULL || artifact->stage != ARTIFACT_FETCHING)
		return;
	const Flink__Artifact *wanted = job->graph->artifacts[artifact->index];
	struct err err;

	if (answer == NULL) {
		err = *rpc_error();
		artifact_failed(artifact, &err);
		return;
	}
	if (answer->content.len == 0 ||
	    answer->content.len > wanted->size_bytes - artifact->content.size_bytes) {
		err_set(&err, ERR_NET_PROTOCOL, "got %zu bytes at %zu of %llu", answer->content.len,
			artifact->content.size_bytes, (unsigned long long)wanted->size_bytes);
		artifact_failed(artifact, &err);
		return;
	}
	buf_add(&artifact->content, answer->content.data, answer->content.len);
	fetch_more(artifact);
}

static void make_folder(struct artifact *artifact)
{
	struct task_executor *executor = artifact->job->executor;

	artifact->stage = ARTIFACT_MAKING_FOLDER;
	artifact->mkdirs_op =
		(struct file_op){ .kind = FILE_MKDIRS, .path = executor->artifact_directory };
	file_submit(runner_loop(executor->options.runner), &artifact->mkdirs_op, &executor->agent);
}

static void fetch_more(struct artifact *artifact)
{
	struct task_executor *executor = artifact->job->executor;
	const Flink__Artifact *wanted = artifact->job->graph->artifacts[artifact->index];

	if (artifact->content.size_bytes == wanted->size_bytes) {
		make_folder(artifact);
		return;
	}
	if (executor->peer == NULL) {
		struct err err;

		err_set(&err, ERR_NET_CLOSED, "the JobManager is gone");
		artifact_failed(artifact, &err);
		return;
	}
	struct rpc_fence fence = executor_fence(executor);
	struct rpc_stub stub;
	Flink__FetchArtifactRequest request = FLINK__FETCH_ARTIFACT_REQUEST__INIT;
	struct fetch_call *call = MEM_NEW(struct fetch_call);

	*call = (struct fetch_call){ executor, artifact->job->id, artifact->job->serial,
				      artifact->index };
	request.sha256 = wanted->sha256;
	request.offset = artifact->content.size_bytes;
	request.max_bytes = LIMIT_ARTIFACT_CHUNK_BYTES;
	rpc_stub_init(&stub, executor->peer, &flink__resource_manager__descriptor, &fence);
	flink__resource_manager__fetch_artifact(rpc_stub_service(&stub), &request, fetched, call);
}

/* The file operation that the stage waits for; NULL: none. */
static struct file_op *op_under_way(struct artifact *artifact)
{
	switch (artifact->stage) {
	case ARTIFACT_MAKING_FOLDER: return &artifact->mkdirs_op;
	case ARTIFACT_OPENING: return &artifact->open_op;
	case ARTIFACT_WRITING: return &artifact->write_op;
	case ARTIFACT_CLOSING: return &artifact->close_op;
	case ARTIFACT_RENAMING: return &artifact->rename_op;
	default: return NULL;
	}
}

/* Moves an artifact whose file operation is done to its next stage. */
static void artifact_step(struct artifact *artifact)
{
	struct task_executor *executor = artifact->job->executor;
	struct loop *loop = runner_loop(executor->options.runner);
	struct file_op *op = op_under_way(artifact);

	if (op == NULL || !atomic_load(&op->done))
		return;
	if (op->result < 0) {
		artifact_failed(artifact, &op->err);
		return;
	}
	switch (artifact->stage) {
	case ARTIFACT_MAKING_FOLDER:
		artifact->stage = ARTIFACT_OPENING;
		artifact->open_op =
			(struct file_op){ .kind = FILE_OPEN_WRITE, .path = artifact->part_path };
		file_submit(loop, &artifact->open_op, &executor->agent);
		break;
	case ARTIFACT_OPENING:
		artifact->stage = ARTIFACT_WRITING;
		artifact->write_op = (struct file_op){ .kind = FILE_APPEND,
						       .handle = artifact->open_op.handle,
						       .from = buf_bytes(&artifact->content) };
		file_submit(loop, &artifact->write_op, &executor->agent);
		break;
	case ARTIFACT_WRITING:
		artifact->stage = ARTIFACT_CLOSING;
		artifact->close_op =
			(struct file_op){ .kind = FILE_CLOSE, .handle = artifact->open_op.handle };
		file_submit(loop, &artifact->close_op, &executor->agent);
		break;
	case ARTIFACT_CLOSING:
		artifact->stage = ARTIFACT_RENAMING;
		artifact->rename_op = (struct file_op){ .kind = FILE_RENAME,
							.path = artifact->part_path,
							.path_to = artifact->path };
		file_submit(loop, &artifact->rename_op, &executor->agent);
		break;
	default:
		artifact->stage = ARTIFACT_READY;
		buf_fini(&artifact->content);
	}
}

static void begin_artifacts(struct executor_job *job)
{
	struct task_executor *executor = job->executor;
	char hex[65];

	job->artifacts = MEM_NEW_ARRAY(struct artifact, job->graph->n_artifacts);
	job->modules = MEM_NEW_ARRAY(struct module *, job->graph->n_artifacts);
	for (uint32_t i = 0; i < job->graph->n_artifacts; i++) {
		struct artifact *artifact = &job->artifacts[i];
		const ProtobufCBinaryData *sha = &job->graph->artifacts[i]->sha256;

		for (size_t b = 0; b < 32; b++)
			snprintf(hex + 2 * b, 3, "%02x", sha->data[b]);
		artifact->job = job;
		artifact->index = i;
		/* Per job and life: two may fetch the same artifact, and each removes its own. */
		artifact->path = mem_printf("%s/%s-%llu.so", executor->artifact_directory, hex,
					    (unsigned long long)job->serial);
		artifact->part_path = mem_printf("%s.part", artifact->path);
		buf_init(&artifact->content);
		fetch_more(artifact);
	}
}

struct executor_job *executor_job_get(struct task_executor *executor, const struct id *id,
				      const Flink__JobGraph *graph, struct err *err)
{
	struct executor_job *job = map_get(executor->jobs, map_key_id(id));
	char text[ID_TEXT_SIZE];

	if (job != NULL)
		return job;
	if (graph == NULL) {
		err_set(err, ERR_DEPLOY_FAILED,
			"job %s is not known here and came without its graph", id_format(id, text));
		return NULL;
	}
	if (job_graph_check(graph, err) != 0)
		return NULL;
	job = MEM_NEW(struct executor_job);
	job->executor = executor;
	job->id = *id;
	job->serial = ++executor->jobs_serial;
	job->graph = rpc_message_copy(graph, NULL);
	buf_init(&job->output);
	if (job->graph == NULL || job_graph_types(job->graph, &job->types, err) != 0) {
		if (job->graph == NULL)
			err_set(err, ERR_PLAN_INVALID, "the job graph cannot be read");
		executor_job_destroy(job);
		return NULL;
	}
	LIST_FOR_EACH(&executor->leaving, struct executor_job, leaving_node, earlier)
		SOMETIMES_IF(id_equal(&earlier->id, id), "a job comes back while its earlier life leaves");
	map_put(executor->jobs, map_key_id(id), job);
	begin_artifacts(job);
	return job;
}

/* Constructors and destructors of a library are the job's code too: a crash in one is its doing. */
static uint32_t begin_call(const struct executor_job *job, const char *what, const char *artifact)
{
	char id[ID_TEXT_SIZE];
	char *text = mem_printf("job: %s\noperator: %s %s\n", id_format(&job->id, id), what,
				artifact);
	uint32_t call = daemon_call_add(text);

	mem_free(text);
	daemon_call_enter(call);
	return call;
}

static void end_call(uint32_t call)
{
	daemon_call_leave(call);
	daemon_call_remove(call);
}

static int open_modules(struct executor_job *job, struct err *err)
{
	struct world *world = job->executor->world;

	for (uint32_t i = 0; i < job->graph->n_artifacts; i++) {
		const Flink__Artifact *artifact = job->graph->artifacts[i];
		const char *path = world_is_sim(world) ? artifact->name : job->artifacts[i].path;

		uint32_t call = begin_call(job, "opening", artifact->name);
		int opened = module_open(world, path,
					 world_is_sim(world) ? NULL : artifact->sha256.data,
					 &job->modules[i], err);

		end_call(call);
		if (opened != 0)
			return err_wrap(err, "opening %s", artifact->name);
	}
	return 0;
}

void executor_job_step(struct executor_job *job)
{
	bool all = true;

	if (job->ready || job->failure.code != ERR_NONE || job->leaving)
		return;
	for (uint32_t i = 0; i < job->graph->n_artifacts; i++) {
		artifact_step(&job->artifacts[i]);
		all = all && job->artifacts[i].stage == ARTIFACT_READY;
	}
	if (!all || job->failure.code != ERR_NONE)
		return;
	if (open_modules(job, &job->failure) == 0)
		job->ready = true;
}

struct executor_job *executor_job_find(struct task_executor *executor, const struct id *id,
				       uint64_t serial)
{
	struct executor_job *job = map_get(executor->jobs, map_key_id(id));

	if (job != NULL && job->serial == serial)
		return job;
	LIST_FOR_EACH(&executor->leaving, struct executor_job, leaving_node, leaving)
		if (leaving->serial == serial)
			return leaving;
	return NULL;
}

void executor_job_release(struct executor_job *job)
{
	struct task_executor *executor = job->executor;

	SOMETIMES_IF(job->tasks_count > 0, "a job leaves a TaskManager before its tasks");
	job->leaving = true;
	map_remove(executor->jobs, map_key_id(&job->id));
	list_push_back(&executor->leaving, &job->leaving_node);
	shuffle_release_job(executor->options.shuffle, &job->id);
	agent_wake(&executor->agent);
}

static bool is_needed(struct executor_job *job)
{
	if (job->tasks_count > 0 || atomic_load(&job->output_posted_bytes) > 0)
		return true;
	for (uint32_t i = 0; job->artifacts != NULL && i < job->graph->n_artifacts; i++) {
		struct file_op *op = op_under_way(&job->artifacts[i]);

		if (op != NULL && !atomic_load(&op->done))
			return true;
	}
	return false;
}

void executor_jobs_leave(struct task_executor *executor)
{
	LIST_FOR_EACH(&executor->leaving, struct executor_job, leaving_node, job)
		if (!is_needed(job))
			executor_job_destroy(job);
}

void executor_job_destroy(struct executor_job *job)
{
	list_remove(&job->leaving_node);
	for (uint32_t i = 0; job->artifacts != NULL && i < job->graph->n_artifacts; i++) {
		buf_fini(&job->artifacts[i].content);
		if (job->modules[i] != NULL) {
			uint32_t call =
				begin_call(job, "closing", job->graph->artifacts[i]->name);

			module_close(&job->modules[i]);
			end_call(call);
		}
		/* Files that were never made are no error to remove. */
		executor_remove_file(job->executor, job->artifacts[i].path);
		executor_remove_file(job->executor, job->artifacts[i].part_path);
	}
	mem_free(job->artifacts);
	mem_free(job->modules);
	if (job->types != NULL)
		job_graph_types_destroy(&job->types, job->graph->n_types);
	if (job->graph != NULL)
		flink__job_graph__free_unpacked(job->graph, NULL);
	executor_placement_drop(job);
	buf_fini(&job->output);
	mem_free(job);
}
