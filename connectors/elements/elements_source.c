/* SPDX-License-Identifier: Apache-2.0
 * elements_source.c - emits the elements in order, then ends. See elements_source.h. The images
 * come from outside: each is checked before it is looked into. */
#include "connectors/elements/elements_source.h"

#include "connectors/options.h"
#include "connectors/single_split.h"

struct elements_reader {
	const struct operator_context *context;
	struct options options;
	bool has_split, no_more_splits;
	size_t next;
	uint64_t *image; /* 8-aligned copy of one element; grown as needed */
	size_t image_bytes;
};

static int reader_open(void **self, const struct operator_context *context,
		       struct state_reader *from, struct err *err)
{
	struct elements_reader *reader = MEM_NEW(struct elements_reader);

	*self = reader;
	reader->context = context;
	if (context->output_type == NULL)
		return err_set(err, ERR_PLAN_INVALID, "a source of elements needs an output type");
	return options_open(&reader->options, context->parameters, err);
}

static int reader_add(void *self, const struct split *splits, uint32_t count, struct err *err)
{
	struct elements_reader *reader = self;

	reader->has_split = reader->has_split || count > 0;
	return 0;
}

static int reader_no_more_splits(void *self, struct err *err)
{
	struct elements_reader *reader = self;

	reader->no_more_splits = true;
	return 0;
}

static int emit_element(struct elements_reader *reader, ProtobufCBinaryData element,
			struct outbox *out, struct err *err)
{
	const struct record_type *type = reader->context->output_type;

	if (element.len > reader->image_bytes || reader->image == NULL) {
		mem_free(reader->image);
		reader->image_bytes = element.len;
		reader->image = mem_alloc(element.len + 8);
	}
	memcpy(reader->image, element.data, element.len);
	if (record_check(type, reader->image, (uint32_t)element.len, err) < 0)
		return err_wrap(err, "element %zu", reader->next);
	outbox_emit(out, type, reader->image);
	return 0;
}

static enum poll reader_poll(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
			     struct err *err)
{
	struct elements_reader *reader = self;
	const Flink__OperatorParameters *message = reader->options.message;

	if (!reader->has_split)
		return reader->no_more_splits ? POLL_END : POLL_WAIT;
	while (reader->next < message->n_elements) {
		if (outbox_full(out))
			return POLL_MORE;
		if (emit_element(reader, message->elements[reader->next], out, err) < 0)
			return POLL_ERROR;
		reader->next++;
	}
	return POLL_END;
}

static void reader_close(void **self)
{
	struct elements_reader *reader = *self;

	if (reader == NULL)
		return;
	options_close(&reader->options);
	mem_free(reader->image);
	mem_free(reader);
	*self = NULL;
}

const struct source_vtable elements_source = {
	.name = "elements",
	.non_parallel = true,
	.enumerator_open = single_split_open,
	.enumerator_step = single_split_step,
	.enumerator_reader = single_split_reader,
	.enumerator_close = single_split_close,
	.reader_open = reader_open,
	.reader_add = reader_add,
	.reader_no_more_splits = reader_no_more_splits,
	.reader_poll = reader_poll,
	.reader_close = reader_close,
};
