/* SPDX-License-Identifier: Apache-2.0
 * print_sink.c - see print_sink.h. Each batch is formatted at once and handed on in one call, so a
 * printed line never waits for the next. */
#include "connectors/print/print_sink.h"

#include "connectors/line_format.h"
#include "connectors/options.h"

struct print_writer {
	const struct operator_context *context;
	struct line_format format;
	struct buf text;
};

/* The option "identifier", which stands in front of each line. */
static int set_identifier(struct print_writer *writer, struct err *err)
{
	const struct operator_context *context = writer->context;
	struct options options = { .message = NULL };

	if (options_open(&options, context->parameters, err) < 0)
		return -1;
	const char *identifier = options_get(&options, "identifier");

	if (identifier != NULL && identifier[0] != '\0')
		line_format_set_name(&writer->format, identifier, context->subtask,
				     context->parallelism);
	options_close(&options);
	return 0;
}

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	const struct record_type *type = context->input_types[0];

	if (type == NULL || context->print == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "print needs an input and a place to print to");
	struct print_writer *writer = MEM_NEW(struct print_writer);

	*self = writer;
	writer->context = context;
	line_format_init(&writer->format, type, true, context->subtask, context->parallelism);
	buf_init(&writer->text);
	return set_identifier(writer, err);
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	struct print_writer *writer = self;

	line_format_batch(&writer->format, batch, &writer->text);
	writer->context->print(writer->context, writer->text.data, writer->text.size_bytes);
	operator_outside(writer->context, writer->text.size_bytes);
	buf_clear(&writer->text);
	*taken = batch->count;
	return 1;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	return 1; /* nothing is kept back */
}

static void writer_close(void **self)
{
	struct print_writer *writer = *self;

	if (writer == NULL)
		return;
	line_format_fini(&writer->format);
	buf_fini(&writer->text);
	mem_free(writer);
	*self = NULL;
}

const struct sink_vtable print_sink = {
	.name = "print",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};
