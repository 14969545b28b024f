/* SPDX-License-Identifier: Apache-2.0
 * discard_sink.c - see discard_sink.h. */
#include "connectors/discard/discard_sink.h"

static int writer_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	if (context->input_types[0] == NULL)
		return err_set(err, ERR_PLAN_INVALID, "discard needs an input");
	return 0;
}

static int write_batch(void *self, const struct batch *batch, uint32_t *taken, struct err *err)
{
	*taken = batch->count;
	return 1;
}

static int flush(void *self, uint64_t checkpoint, bool end_of_input, struct err *err)
{
	return 1; /* nothing is kept back */
}

static void writer_close(void **self)
{
}

const struct sink_vtable discard_sink = {
	.name = "discard",
	.writer_open = writer_open,
	.write = write_batch,
	.flush = flush,
	.writer_close = writer_close,
};
