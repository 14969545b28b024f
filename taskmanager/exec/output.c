/* SPDX-License-Identifier: Apache-2.0
 * output.c - the buffers behind an operator's outbox. See output.h. */
#include "taskmanager/exec/output.h"

#include "common/base/check.h"
#include "common/base/time.h"
#include "common/record/piece.h"

#define SPARES_MAX 2

static struct output_run *buffer_new(uint32_t capacity_bytes)
{
	struct output_run *buffer = mem_alloc(sizeof(*buffer) + capacity_bytes);

	buffer->capacity_bytes = capacity_bytes;
	buffer->is_large = false;
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
	output->open = buffer;
	CHECK(run_begin(&output->run, buffer->data, buffer->capacity_bytes),
	      "a buffer of %u bytes is too small for record %s", buffer->capacity_bytes,
	      output->run.type->name);
}

static void append(struct output *output, struct output_run *run)
{
	bool is_free = run->is_large && output->large_count == 0;

	run->next = NULL;
	run->overdraft_bytes = is_free ? 0 : run->capacity_bytes;
	if (output->last != NULL)
		output->last->next = run;
	else
		output->first = run;
	output->last = run;
	output->records_count += run->count;
	output->bytes_count += run->size_bytes;
	output->large_count += run->is_large;
	output->overdraft->used_bytes += run->overdraft_bytes;
}

void output_finish(struct output *output)
{
	struct output_run *run = output->open;

	if (run == NULL || output->run.count == 0)
		return;
	run->count = output->run.count;
	run->size_bytes = run_end(&output->run);
	append(output, run);
	open_next(output);
}

/* ---- reserving ------------------------------------------------------------------------------ */

static COLD void check_overdraft(struct output *output)
{
	struct err err = ERR_INIT;

	output->out.full = true;
	if (output->overdraft->used_bytes <= output->overdraft->max_bytes)
		return;
	err_set(&err, ERR_USER_FUNCTION_FAILED,
		"one call emitted more than %llu bytes before it returned; emit less per record",
		(unsigned long long)output->overdraft->max_bytes);
	user_call_fail(output->call, &err);
}

static COLD void *refuse(struct output *output, uint32_t size_bytes)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_RECORD_TOO_LARGE,
		"operator \"%s\" emitted a record %s of %u bytes; taskmanager.network.max-record-size allows %u",
		output->call->operator_name, output->run.type->name, size_bytes,
		output->record_bytes_max);
	user_call_fail(output->call, &err);
	return NULL;
}

static COLD void *reserve_large(struct output *output, uint32_t size_bytes)
{
	const struct record_type *type = output->run.type;
	bool has_timestamp = output->run.with_timestamps;
	struct piece_record record = { .size_bytes = size_bytes,
				       .has_timestamp = has_timestamp,
				       .timestamp_ms = output->out.timestamp_ms };

	if (size_bytes > output->record_bytes_max)
		return refuse(output, size_bytes);
	uint32_t run_bytes = (uint32_t)run_single_bytes(type, size_bytes, has_timestamp);
	struct output_run *run = buffer_new(run_bytes);

	run_single_write(type, &record, run->data);
	run->is_large = true;
	run->count = 1;
	run->size_bytes = run_bytes;
	append(output, run);
	check_overdraft(output);
	return run->data + sizeof(struct run_header);
}

static COLD void *reserve_slow(struct outbox *out, uint32_t size_bytes)
{
	struct output *output = CONTAINER_OF(out, struct output, out);

	if (output->call->failed) { /* what it emits is lost: one buffer serves for all */
		run_end(&output->run);
		run_begin(&output->run, output->open->data, output->open->capacity_bytes);
		return run_reserve(&output->run, size_bytes);
	}
	if (output->run.count > 0) {
		output_finish(output);
		check_overdraft(output);
	}
	void *record = run_reserve(&output->run, size_bytes);

	return record ? record : reserve_large(output, size_bytes);
}

/* ---- life ----------------------------------------------------------------------------------- */

void output_init(struct output *output, const struct output_options *options)
{
	/* The struct alone always has room, with a timestamp and without tails. */
	uint64_t least = run_single_bytes(options->type, options->type->size_bytes, true);

	*output = (struct output){ .buffer_bytes = options->buffer_bytes > least ?
							   options->buffer_bytes : (uint32_t)least,
				   .record_bytes_max = options->record_bytes_max,
				   .overdraft = options->overdraft,
				   .call = options->call };
	run_builder_init(&output->run, options->type, output->buffer_bytes,
			 options->with_timestamps);
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
	mem_free(output->open);
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
		/* Before anybody asks whether the chain is to stop: see chain_stop. */
		atomic_store(&output->out.full, false);
	}
	output->overdraft->used_bytes -= run->overdraft_bytes;
	output->large_count -= run->is_large;
	if (output->spares_count == SPARES_MAX || run->is_large) {
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
