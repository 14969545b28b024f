/* SPDX-License-Identifier: Apache-2.0
 * user_abi.c - the functions that jobs call, on behalf of the call under way. See user_abi.h. */
#include "taskmanager/exec/user_abi.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/daemon/daemon.h"
#include "common/world/world.h"

/* client/api/flink/flink.h has the same struct: part of the ABI (FLINK_ABI). */
struct flink_type {
	const char *name, *print_format;
	const struct field *fields;
	uint32_t fields_count, size_bytes;
};

static _Thread_local struct user_call *current;

void user_call_enter(struct user_call *call)
{
	CHECK(current == NULL, "a user call inside the call of \"%s\"", current->operator_name);
	daemon_call_enter(call->daemon_call);
	current = call;
}

void user_call_leave(void)
{
	world_end_if_forked(); /* before: it shares the memory in which its parent is in the call */
	daemon_call_leave(current->daemon_call);
	current = NULL;
}

const struct user_call *user_call_current(void)
{
	return current;
}

void user_call_fail(struct user_call *call, const struct err *why)
{
	if (!call->failed)
		call->err = *why;
	call->failed = true;
	if (call->out != NULL)
		call->out->full = true;
}

void flink_fail(const char *format, ...)
{
	struct err err = ERR_INIT;
	char text[sizeof(err.text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	CHECK(current != NULL, "flink_fail(\"%s\") outside of a function of a job", text);
	const char *function = current->function ? current->function : "";

	err_set(&err, ERR_USER_FUNCTION_FAILED, "%s%s%s", function, function[0] ? ": " : "", text);
	user_call_fail(current, &err);
}

struct bytes flink_parameters(void)
{
	return current ? current->parameters : BYTES_EMPTY;
}

uint32_t flink_subtask_index(void)
{
	return current ? current->subtask : 0;
}

/* ---- collect --------------------------------------------------------------------------------- */

static bool same_fields(const struct record_type *expected, const struct flink_type *given)
{
	if (expected->fields_count != given->fields_count ||
	    expected->size_bytes != given->size_bytes)
		return false;
	for (uint32_t i = 0; i < expected->fields_count; i++)
		if (expected->fields[i].kind != given->fields[i].kind ||
		    expected->fields[i].nullable ||
		    strcmp(expected->fields[i].name, given->fields[i].name) != 0)
			return false;
	return true;
}

static void describe(const struct flink_type *type, struct buf *into)
{
	buf_printf(into, "%s(", type->name);
	for (uint32_t i = 0; i < type->fields_count; i++) {
		const char *kind = field_kind_name(type->fields[i].kind);

		buf_printf(into, "%s%s %s", i ? ", " : "", type->fields[i].name, kind ? kind : "?");
	}
	buf_printf(into, ")");
}

bool flink_collect_check(struct outbox *out, const struct flink_type *type)
{
	struct err err = ERR_INIT;
	struct buf expected, given;

	if (out->run != NULL && same_fields(out->run->type, type)) {
		out->user_type = type;
		return true;
	}
	CHECK(current != NULL, "collect() outside of a function of a job");
	if (current->failed)
		return false;
	buf_init(&expected);
	buf_init(&given);
	if (out->run != NULL)
		record_type_describe(out->run->type, &expected);
	describe(type, &given);
	err_set(&err, ERR_USER_FUNCTION_FAILED,
		"the function emits %s, but its operator was declared with %s", given.data,
		out->run ? expected.data : "no output");
	buf_fini(&expected);
	buf_fini(&given);
	user_call_fail(current, &err);
	return false;
}
