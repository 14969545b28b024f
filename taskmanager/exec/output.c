/* SPDX-License-Identifier: Apache-2.0
 * output.c - the buffers behind an operator's outbox. See output.h. */
#include "taskmanager/exec/output.h"

#include "common/base/check.h"
#include "common/base/time.h"

#define SPARES_MAX 2
/* Beside the record itself: the run's header and columns, and rounding. */
#define RUN_EXTRA_BYTES 64

static struct output_run *buffer_new(uint32_t capacity_bytes)
{
	struct output_run *buffer = mem_alloc(sizeof(*buffer) + capacity_bytes);

	buffer->capacity_bytes = capacity_bytes;
	return buffer;
}

static void open_next(struct output *output)
{
	struct output_run *buffer = output->spare;

	if (buffer != NULL) {
		output->spare = buffer->next;
		output->spares_count--;
	} else {
		buffer = buffer_new(output->buffer_bytes);
	}
	buffer->next = NULL;
	output->open = buffer;
	CHECK(run_begin(&output->run, buffer->data, buffer->capacity_bytes),
	      "a buffer of %u bytes is too small for record %s", buffer->capacity_bytes,
	      output->run.type->name);
}

void output_finish(struct output *output)
{
	struct output_run *run = output->open;

	if (run == NULL || output->run.count == 0)
		return;
	run->count = output->run.count;
	run->size_bytes = run_end(&output->run);
	if (output->last != NULL)
		output->last->next = run;
	else
		output->first = run;
	output->last = run;
	output->records_count += run->count;
	output->bytes_count += run->size_bytes;
	output->overdraft->used_bytes += run->capacity_bytes;
	open_next(output);
}

static COLD void overdrawn(struct output *output)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED,
		"one call emitted more than %llu bytes before it returned; emit less per record",
		(unsigned long long)output->overdraft->max_bytes);
	user_call_fail(output->call, &err);
}

/* A record that fits no segment: it gets memory all the same (the caller is about to write it), and
 * the task fails. */
static COLD void *reserve_too_large(struct output *output, uint32_t size_bytes)
{
	const struct record_type *type = output->run.type;
	bool with_timestamps = output->run.with_timestamps;
	struct err err = ERR_INIT;
	uint32_t capacity = size_bytes > UINT32_MAX - RUN_EXTRA_BYTES
				    ? UINT32_MAX
				    : size_bytes + RUN_EXTRA_BYTES;

	err_set(&err, ERR_RECORD_TOO_LARGE, "a record %s of %u bytes was emitted; a segment has %u",
		type->name, size_bytes, output->buffer_bytes);
	user_call_fail(output->call, &err);
	mem_free(output->open);
	run_builder_fini(&output->run);
	run_builder_init(&output->run, type, capacity, with_timestamps);
	output->open = buffer_new(capacity);
	CHECK(run_begin(&output->run, output->open->data, capacity), "no run in %u bytes",
	      capacity);
	return run_reserve(&output->run, size_bytes);
}

static COLD void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	struct output *output = CONTAINER_OF(out, struct output, out);
	bool failed = output->call->failed;
	void *record;

	if (!failed && output->run.count > 0) {
		output_finish(output);
		output->out.full = true;
		if (output->overdraft->used_bytes > output->overdraft->max_bytes)
			overdrawn(output);
	} else { /* failed: what it emits is lost with its task, so one buffer serves for all */
		run_end(&output->run);
		run_begin(&output->run, output->open->data, output->open->capacity_bytes);
	}
	record = run_reserve(&output->run, size_bytes);
	return record ? record : reserve_too_large(output, size_bytes);
}

void output_init(struct output *output, const struct record_type *type, uint32_t buffer_bytes,
		 bool with_timestamps, struct overdraft *overdraft, struct user_call *call)
{
	*output = (struct output){ .buffer_bytes = buffer_bytes,
				   .overdraft = overdraft,
				   .call = call };
	run_builder_init(&output->run, type, buffer_bytes, with_timestamps);
	output->out = (struct outbox){ .run = &output->run,
				       .reserve_slow = reserve_slow,
				       .timestamp_ms = EVENT_MIN };
	open_next(output);
}

static void free_runs(struct output_run *run)
{
	while (run != NULL) {
		struct output_run *next = run->next;

		mem_free(run);
		run = next;
	}
}

void output_fini(struct output *output)
{
	if (output->open == NULL)
		return;
	free_runs(output->open);
	free_runs(output->first);
	free_runs(output->spare);
	run_builder_fini(&output->run);
	*output = (struct output){ .open = NULL };
}

void output_drop_first(struct output *output)
{
	struct output_run *run = output->first;

	output->first = run->next;
	if (output->first == NULL) {
		output->last = NULL;
		output->out.full = false;
	}
	output->overdraft->used_bytes -= run->capacity_bytes;
	if (output->spares_count == SPARES_MAX || run->capacity_bytes != output->buffer_bytes) {
		mem_free(run);
		return;
	}
	run->next = output->spare;
	output->spare = run;
	output->spares_count++;
}

bool output_is_empty(const struct output *output)
{
	return output->first == NULL && output->run.count == 0;
}
