/* SPDX-License-Identifier: Apache-2.0
 * user_function.c - from (artifact, offset) to a callable pointer. */
#include "taskmanager/operator/user_function.h"

#include "job_graph.pb-c.h"

#include "common/world/world.h"

int user_function_find(const struct operator_context *context, void *function, struct err *err)
{
	Flink__OperatorParameters *parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);
	void *address = NULL;

	if (parameters == NULL)
		return err_set(
			err, ERR_PLAN_INVALID,
			"the parameters of operator \"%s\" (%zu bytes) are no OperatorParameters",
			context->operator_name, context->parameters.size_bytes);
	if (parameters->function != NULL && context->module != NULL)
		address = module_address(context->module, parameters->function->offset);
	flink__operator_parameters__free_unpacked(parameters, NULL);
	if (address == NULL)
		return err_set(err, ERR_PLAN_INVALID,
			       "operator \"%s\" needs a function, and its program has none for it",
			       context->operator_name);
	memcpy(function, &address, sizeof(address)); /* ISO C has no cast to a function pointer */
	return 0;
}
