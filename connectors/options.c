/* SPDX-License-Identifier: Apache-2.0
 * options.c - unpacks OperatorParameters into counted memory and finds options in them. Called when
 * a source or sink opens, never per record. */
#include "connectors/options.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/mem.h"

static void *allocate(void *context, size_t size_bytes)
{
	return mem_alloc(size_bytes);
}

static void release(void *context, void *memory)
{
	mem_free(memory);
}

static ProtobufCAllocator heap = { .alloc = allocate, .free = release };

int options_open(struct options *options, struct bytes parameters, struct err *err)
{
	options->message = flink__operator_parameters__unpack(&heap, parameters.size_bytes,
							      parameters.data);
	if (options->message == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "the %zu bytes of parameters are no OperatorParameters",
			       parameters.size_bytes);
	return 0;
}

void options_close(struct options *options)
{
	if (options->message != NULL)
		flink__operator_parameters__free_unpacked(options->message, &heap);
	options->message = NULL;
}

const char *options_get(const struct options *options, const char *key)
{
	for (size_t i = 0; i < options->message->n_options; i++)
		if (strcmp(options->message->options[i]->key, key) == 0)
			return options->message->options[i]->value;
	return NULL;
}

const char *options_need(const struct options *options, const char *key, struct err *err)
{
	const char *value = options_get(options, key);

	if (value == NULL || value[0] == '\0') {
		err_set(err, ERR_PLAN_INVALID, "option \"%s\" is missing", key);
		return NULL;
	}
	return value;
}

int options_port(const struct options *options, const char *key, uint16_t *port, struct err *err)
{
	const char *text = options_need(options, key, err);
	char *end;

	if (text == NULL)
		return -1;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 1 || value > 65535)
		return err_set(err, ERR_PLAN_INVALID,
			       "option \"%s\" is \"%s\", which is not a port from 1 to 65535", key,
			       text);
	*port = (uint16_t)value;
	return 0;
}
