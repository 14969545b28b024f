/* SPDX-License-Identifier: Apache-2.0
 * user_function.c - from (artifact, offset) to a callable pointer. */
#include "taskmanager/operator/user_function.h"

#include "common/world/world.h"

bool user_function_at(struct module *module, const Flink__FunctionRef *ref, void *function)
{
	void *address = module ? module_address(module, ref->offset) : NULL;

	memcpy(function, &address, sizeof(address)); /* ISO C has no cast to a function pointer */
	return address != NULL;
}

int user_function_find(const struct operator_context *context, void *function, struct err *err)
{
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);
	if (parameters == NULL)
		return err_set(
			err, ERR_PLAN_INVALID,
			"the parameters of operator \"%s\" (%zu bytes) are no OperatorParameters",
			context->operator_name, context->parameters.size_bytes);
	bool found = parameters->function != NULL &&
		     user_function_at(context->module, parameters->function, function);

	flink__operator_parameters__free_unpacked(parameters, NULL);
	if (!found)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" needs a function, and its program has none for it",
			       context->operator_name);
	return 0;
}

int user_record_check(const struct record_type *type, const void *record, struct err *err)
{
	const char *field = record_stray_string(type, record);

	if (likely(field == NULL))
		return 0;
	return err_set(err, ERR_USER_FUNCTION_FAILED,
		       "the long string in field \"%s\" was copied with '=' from another record; "
		       "write out->%s = str_copy(&in->%s)",
		       field, field, field);
}
