/* SPDX-License-Identifier: Apache-2.0
 * dispatcher_reports.c - from the ResourceManager's service to the job that a message is about. */
#include "common/base/log.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/daemon/daemon.h"
#include "jobmanager/dispatcher/dispatcher_priv.h"

static void taskmanager_gone(void *context, struct taskmanager_info *taskmanager,
			     const struct err *why, bool note_may_follow)
{
	struct dispatcher *dispatcher = context;

	LIST_FOR_EACH(&dispatcher->jobs, struct job, node, job)
		job_master_taskmanager_gone(job, taskmanager, why, note_may_follow);
}

/* What the TaskManager that died was called: its supervisor's next worker may have another name.
 * The note has it; else the job that the note names has lost it last. */
static char *former_name(struct dispatcher *dispatcher,
			 const Flink__RegisterTaskManagerRequest *request)
{
	const char *lost = NULL;
	const struct job *job;
	char name[256];
	struct id job_id;

	if (daemon_note_field(request->crash_note, "name", name, sizeof(name)))
		return mem_strdup(name);

	if (request->crash_note[0] != '\0' && id_from_message(&request->crash_job_id, &job_id)) {
		job = dispatcher_find(dispatcher, &job_id);
		lost = job ? job_master_last_loss(job) : NULL;
	}
	return mem_strdup(lost ? lost : request->resource_id);
}

static void taskmanager_here(void *context, struct taskmanager_info *taskmanager,
			     const Flink__RegisterTaskManagerRequest *request)
{
	struct dispatcher *dispatcher = context;
	char *former = former_name(dispatcher, request);

	if (request->crash_note[0] != '\0')
		log_error(DISPATCHER_LOGGER, "TaskManager %s died%s%s: %s", former,
			  request->crash_operator[0] ? " in " : "", request->crash_operator,
			  request->crash_note);
	LIST_FOR_EACH(&dispatcher->jobs, struct job, node, job)
		job_master_taskmanager_here(job, former, request);
	mem_free(former);
}

/* NULL with ERR_FENCED: of an earlier attempt, or of a job that is forgotten. */
static struct execution *find_execution(struct dispatcher *dispatcher,
					const ProtobufCBinaryData *execution_id, struct err *err)
{
	struct execution *execution = NULL;
	char text[ID_TEXT_SIZE];
	struct id id;

	if (id_from_message(execution_id, &id))
		execution = map_get(dispatcher->executions, map_key_id(&id));
	else
		err_set(err, ERR_NET_PROTOCOL, "an execution id has %zu bytes, not 16",
			execution_id->len);
	SOMETIMES_IF(execution == NULL && err->code == ERR_NONE, "a report of an earlier attempt is refused");
	if (execution == NULL && err->code == ERR_NONE)
		err_set(err, ERR_FENCED, "execution %s is not one of the current attempts",
			id_format(&id, text));
	return execution;
}

static int task_state(void *context, struct taskmanager_info *from,
		      const Flink__UpdateTaskStateRequest *request, struct err *err)
{
	struct execution *execution = find_execution(context, &request->execution_id, err);

	return execution ? job_master_task_state(execution, from, request, err) : -1;
}

static void task_metrics(void *context, struct taskmanager_info *from,
			 const Flink__TaskMetrics *metrics)
{
	struct err err = ERR_INIT;
	struct execution *execution = find_execution(context, &metrics->execution_id, &err);

	if (execution != NULL)
		job_master_task_metrics(execution, from, metrics);
}

static int reader_ready(void *context, struct taskmanager_info *from,
			const Flink__ReaderReadyRequest *request, struct err *err)
{
	struct execution *execution = find_execution(context, &request->execution_id, err);

	return execution ? job_master_reader_ready(execution, from, request->operator_, err) : -1;
}

static int output(void *context, struct taskmanager_info *from,
		  const Flink__PushOutputRequest *request, struct err *err)
{
	struct job *job;
	struct id id;

	if (!id_from_message(&request->job_id, &id))
		return err_set(err, ERR_NET_PROTOCOL, "a job id has %zu bytes, not 16",
			       request->job_id.len);
	job = dispatcher_find(context, &id);
	if (job == NULL)
		return dispatcher_no_such_job(&id, err);
	job_master_output(job, from, request);
	return 0;
}

static const struct bytes *artifact(void *context, const uint8_t sha256[32], struct err *err)
{
	struct dispatcher *dispatcher = context;
	const struct bytes *content = blob_get(dispatcher->blobs, sha256);

	if (content == NULL)
		err_set(err, ERR_ARTIFACT_UNREADABLE,
			"the JobManager has no artifact with SHA-256 %02x%02x%02x%02x…", sha256[0],
			sha256[1], sha256[2], sha256[3]);
	return content;
}

const struct resource_events dispatcher_resource_events = {
	.taskmanager_gone = taskmanager_gone,
	.taskmanager_here = taskmanager_here,
	.task_state = task_state,
	.task_metrics = task_metrics,
	.output = output,
	.reader_ready = reader_ready,
	.artifact = artifact,
};
