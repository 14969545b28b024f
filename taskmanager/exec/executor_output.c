/* SPDX-License-Identifier: Apache-2.0
 * executor_output.c - print() lines on their way from a slot to the .out file and to the
 * JobManager.
 *
 * The slot's thread writes the line to the process's stdout at once (the .out file is the complete
 * copy) and posts a copy to the executor, which pushes it to the JobManager with one call under way
 * per job. What does not fit LIMIT_OUTPUT_RING_BYTES is dropped oldest first, in whole lines, and
 * the gap is told. Of a line that is half as long as that only the beginning goes on, and says
 * so. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "taskmanager/exec/executor_priv.h"

#define PUSH_BYTES_MAX (256 * 1024)
#define LINE_BYTES_MAX (LIMIT_OUTPUT_RING_BYTES / 2) /* longer: a large record's, shown in part */
#define LINE_BYTES_SHOWN (64 * 1024)

/* The beginning of a line that would push all others out of the ring, and how long it is. */
static char *shorten(const char *line, size_t *size_bytes)
{
	size_t shown = LINE_BYTES_SHOWN;
	char *note = mem_printf("… (a line of %zu bytes; all of it is in the TaskManager's .out file)\n",
				*size_bytes);
	size_t note_bytes = strlen(note);

	while (shown > 0 && (line[shown] & 0xC0) == 0x80) /* not within a character */
		shown--;
	char *text = mem_alloc(shown + note_bytes);

	memcpy(text, line, shown);
	memcpy(text + shown, note, note_bytes);
	mem_free(note);
	*size_bytes = shown + note_bytes;
	return text;
}

static void post(struct executor_task *owner, const char *line, size_t size_bytes)
{
	struct executor_job *job = owner->job;

	if (atomic_fetch_add(&job->output_posted_bytes, (int64_t)size_bytes) >
	    LIMIT_OUTPUT_RING_BYTES) {
		atomic_fetch_sub(&job->output_posted_bytes, (int64_t)size_bytes);
		atomic_fetch_add(&job->output_dropped_bytes, (int64_t)size_bytes);
		return;
	}
	struct event *event = mem_alloc(sizeof(*event) + size_bytes);

	event->kind = EVENT_OUTPUT;
	event->job = job;
	event->size_bytes = size_bytes;
	memcpy(event->text, line, size_bytes);
	executor_post(owner->executor, event);
}

void executor_output_print(void *context, struct task *task, const char *line, size_t size_bytes)
{
	struct executor_task *owner = context;

	world_print(owner->executor->world, line, size_bytes);
	if (likely(size_bytes <= LINE_BYTES_MAX)) {
		post(owner, line, size_bytes);
		return;
	}
	char *text = shorten(line, &size_bytes);

	post(owner, text, size_bytes);
	mem_free(text);
}

/* Drops whole lines from the front until the ring's bound is kept; never what is being pushed. */
static void drop_oldest(struct executor_job *job)
{
	if (job->output.size_bytes <= LIMIT_OUTPUT_RING_BYTES)
		return;
	size_t over = job->output.size_bytes - LIMIT_OUTPUT_RING_BYTES;
	char *from = job->output.data + job->pushing_bytes;
	size_t room = job->output.size_bytes - job->pushing_bytes;

	if (over > room)
		over = room;
	char *line_end = over > 0 ? memchr(from + over - 1, '\n', room - over + 1) : NULL;
	size_t cut = line_end ? (size_t)(line_end + 1 - from) : over;

	if (cut == 0)
		return;
	memmove(from, from + cut, room - cut);
	job->output.size_bytes -= cut;
	job->dropped_bytes += cut;
	SOMETIMES("printed lines are dropped before they are sent");
}

void executor_output_take(struct executor_job *job, struct event *event)
{
	int64_t dropped = atomic_exchange(&job->output_dropped_bytes, 0);

	atomic_fetch_sub(&job->output_posted_bytes, (int64_t)event->size_bytes);
	job->dropped_bytes += (uint64_t)dropped;
	buf_add(&job->output, event->text, event->size_bytes);
	drop_oldest(job);
	executor_output_push(job);
}

struct push_call {
	struct task_executor *executor;
	struct id job_id;
	uint64_t job_serial;
};

static void push_done(const Flink__Empty *answer, void *closure_data)
{
	struct push_call *call = closure_data;
	struct executor_job *job =
		executor_job_find(call->executor, &call->job_id, call->job_serial);

	if (job != NULL && job->pushing) {
		job->pushing = false;
		if (answer != NULL) {
			buf_consume(&job->output, job->pushing_bytes);
			job->output_offset += job->pushing_bytes;
		} else if (rpc_error()->code == ERR_JOB_NOT_FOUND ||
			   rpc_error()->code == ERR_FENCED) {
			buf_clear(&job->output); /* nobody wants it any more */
		} else if (job->dropped_bytes > 0) {
			/* What was dropped lay behind these lines: sent again with what follows,
			 * they would stand at another offset than before. */
			buf_consume(&job->output, job->pushing_bytes);
			job->output_offset += job->pushing_bytes;
		}
		job->pushing_bytes = 0;
		agent_wake(&call->executor->agent);
	}
	mem_free(call);
}

void executor_output_push(struct executor_job *job)
{
	struct task_executor *executor = job->executor;

	if (job->pushing || job->output.size_bytes == 0 || !atomic_load(&executor->registered) ||
	    executor->peer == NULL)
		return;
	size_t bytes = job->output.size_bytes;

	if (bytes > PUSH_BYTES_MAX) { /* whole lines; a longer line goes alone */
		char *end = memrchr(job->output.data, '\n', PUSH_BYTES_MAX);

		if (end == NULL)
			end = memchr(job->output.data, '\n', bytes);
		bytes = end ? (size_t)(end + 1 - job->output.data) : bytes;
	}
	struct rpc_fence fence = executor_fence(executor);
	struct rpc_stub stub;
	Flink__PushOutputRequest request = FLINK__PUSH_OUTPUT_REQUEST__INIT;
	struct push_call *call = MEM_NEW(struct push_call);

	*call = (struct push_call){ executor, job->id, job->serial };
	/* Dropped bytes count as part of the stream, so that offsets stay those of the .out file.
	 *  */
	job->output_offset += job->dropped_bytes;
	request.job_id = id_to_message(&job->id);
	request.stream = job->serial;
	request.offset = job->output_offset;
	request.dropped_bytes = job->dropped_bytes;
	request.lines.data = (uint8_t *)job->output.data;
	request.lines.len = bytes;
	job->dropped_bytes = 0;
	job->pushing = true;
	job->pushing_bytes = bytes;
	rpc_stub_init(&stub, executor->peer, &flink__resource_manager__descriptor, &fence);
	flink__resource_manager__push_output(rpc_stub_service(&stub), &request, push_done, call);
}

bool executor_output_drained(const struct executor_job *job)
{
	return job->output.size_bytes == 0 &&
	       atomic_load(&((struct executor_job *)(uintptr_t)job)->output_posted_bytes) == 0;
}
