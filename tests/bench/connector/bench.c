/* SPDX-License-Identifier: Apache-2.0
 * bench.c - what bench.h declares, and the library's entry. */
#include "tests/bench/connector/bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX 512

int flink_connector(uint32_t abi)
{
	if (abi != CONTRACT_ABI)
		return -1;
	registry_add_source(&bench_rows_source);
	registry_add_source(&bench_lines_source);
	registry_add_source(&bench_schedule_source);
	registry_add_sink(&bench_sum_sink);
	registry_add_sink(&bench_count_sink);
	registry_add_sink(&bench_latency_sink);
	return 0;
}

int bench_number(const struct options *options, const char *key, uint64_t otherwise,
		 uint64_t *value, struct err *err)
{
	const char *text = options_get(options, key);
	char *end;

	*value = otherwise;
	if (text == NULL)
		return 0;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-')
		return err_set(err, ERR_PLAN_INVALID,
			       "option \"%s\" is \"%s\", which is no whole number", key, text);
	return 0;
}

int bench_check_type(const struct record_type *type, const char *who, struct err *err)
{
	static const uint32_t offsets_bytes[] = { offsetof(struct bench_row, key),
						  offsetof(struct bench_row, time),
						  offsetof(struct bench_row, value) };

	for (uint32_t i = 0; i < ARRAY_COUNT(offsets_bytes); i++)
		if (type == NULL || type->fields_count <= ARRAY_COUNT(offsets_bytes) ||
		    type->fields[i].kind != FIELD_BIGINT ||
		    type->offsets_bytes[i] != offsets_bytes[i])
			return err_set(err, ERR_PLAN_INVALID,
				       "%s takes records that begin with BIGINT key, time, value",
				       who);
	return 0;
}

void bench_say(const struct operator_context *context, const char *format, ...)
{
	char line[LINE_BYTES_MAX];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(line, sizeof(line), format, arguments);

	va_end(arguments);
	if (context->print != NULL && length > 0 && (size_t)length < sizeof(line))
		context->print(context, line, (size_t)length);
}
