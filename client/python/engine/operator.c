/* SPDX-License-Identifier: Apache-2.0
 * operator.c - the operator "python" where functions run in the script's own process: the slot's
 * thread takes the interpreter's lock for one batch. A function that waits holds up its own subtask
 * alone, because the watchdog moves the others to a fresh thread. */
#include "client/python/engine/function.h"

#include "common/base/mem.h"
#include "common/contract/registry.h"

/* Of all functions of this process; guarded by the interpreter's lock. */
static PyObject *first_exception;

/* Threads inside a function; the lock guards them too. */
#define THREADS_MAX 1024
static unsigned long threads_inside[THREADS_MAX];

struct local_operator {
	Flink__OperatorParameters *parameters;
	struct function function;
	bool opened;
};

static void remember_exception(struct function *function)
{
	if (first_exception == NULL)
		first_exception = Py_XNewRef(function->exception);
}

PyObject *engine_operator_exception(void)
{
	PyObject *exception = first_exception;

	first_exception = NULL;
	return exception ? exception : Py_NewRef(Py_None);
}

/* The slot's place in threads_inside, or -1: too many to remember. */
static int enter(void)
{
	for (int i = 0; i < THREADS_MAX; i++)
		if (threads_inside[i] == 0) {
			threads_inside[i] = PyThread_get_thread_ident();
			return i;
		}
	return -1;
}

static void leave(int place)
{
	if (place >= 0)
		threads_inside[place] = 0;
}

void engine_operator_interrupt(void)
{
	PyGILState_STATE state = PyGILState_Ensure();

	for (int i = 0; i < THREADS_MAX; i++)
		if (threads_inside[i] != 0)
			PyThreadState_SetAsyncExc(threads_inside[i], PyExc_KeyboardInterrupt);
	PyGILState_Release(state);
}

static int operator_open(void **self, const struct operator_context *context, struct err *err)
{
	struct local_operator *operator = MEM_NEW(struct local_operator);

	*self = operator;
	operator->parameters = flink__operator_parameters__unpack(
		NULL, context->parameters.size_bytes, context->parameters.data);
	if (operator->parameters == NULL || operator->parameters->function == NULL ||
	    context->input_types[0] == NULL || context->output_type == NULL)
		return err_set(err, ERR_PLAN_INVALID, "operator \"%s\" has no Python function",
			       context->operator_name);
	const ProtobufCBinaryData *payload = &operator->parameters->function->parameters;
	struct function_place place = {
		.operator_name = context->operator_name, .job_name = context->job_name,
		.subtask = context->subtask, .parallelism = context->parallelism,
		.max_parallelism = context->key_groups, .attempt = context->attempt,
	};
	PyGILState_STATE state = PyGILState_Ensure();
	int result =
		function_open(&operator->function, &place, bytes_of(payload->data, payload->len),
			      context->input_types[0], context->output_type, err);

	operator->opened = true;
	if (result < 0)
		remember_exception(&operator->function);
	PyGILState_Release(state);
	return result;
}

static int operator_process(void *self, uint32_t input, const struct batch *batch, uint32_t *taken,
			    struct outbox *out, struct err *err)
{
	struct local_operator *operator = self;
	PyGILState_STATE state = PyGILState_Ensure();
	int place = enter();
	int result = function_process(&operator->function, batch, taken, out, err);

	leave(place);
	if (result < 0)
		remember_exception(&operator->function);
	PyGILState_Release(state);
	return result;
}

static int operator_end_of_input(void *self, uint32_t input, struct outbox *out, struct err *err)
{
	struct local_operator *operator = self;
	PyGILState_STATE state = PyGILState_Ensure();
	int result = function_finish(&operator->function, err);

	if (result < 0)
		remember_exception(&operator->function);
	PyGILState_Release(state);
	return result < 0 ? -1 : 1;
}

static void operator_close(void **self)
{
	struct local_operator *operator = *self;

	if (operator == NULL)
		return;
	if (operator->opened) {
		PyGILState_STATE state = PyGILState_Ensure();

		function_fini(&operator->function);
		PyGILState_Release(state);
	}
	if (operator->parameters != NULL)
		flink__operator_parameters__free_unpacked(operator->parameters, NULL);
	mem_free(operator);
	*self = NULL;
}

static const struct operator_vtable operator_python = {
	.name = "python",
	.open = operator_open,
	.process = operator_process,
	.end_of_input = operator_end_of_input,
	.close = operator_close,
};

void engine_operator_register(void)
{
	registry_add_operator(&operator_python);
}
