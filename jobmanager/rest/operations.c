/* SPDX-License-Identifier: Apache-2.0
 * operations.c - asynchronous operations by their trigger ids, and for how long they are known. */
#include "jobmanager/rest/operations.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"

void operations_init(struct operations *operations)
{
	operations->by_key = map_create();
	list_init(&operations->done);
}

static char *key_of(enum operation_kind kind, const struct id *job, const struct id *trigger)
{
	char job_text[ID_TEXT_SIZE] = "", trigger_text[ID_TEXT_SIZE];

	if (job != NULL)
		id_format(job, job_text);
	return mem_printf("%d/%s/%s", (int)kind, job_text, id_format(trigger, trigger_text));
}

static void forget(struct operations *operations, struct operation *operation)
{
	map_remove(operations->by_key, bytes_of_text(operation->key));
	list_remove(&operation->node);
	mem_free(operation->key);
	mem_free(operation);
}

void operations_fini(struct operations *operations)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	if (operations->by_key == NULL)
		return;
	while (map_next(operations->by_key, &at, &key, &value))
		forget(operations, value);
	map_destroy(&operations->by_key);
}

struct operation *operations_find(const struct operations *operations, enum operation_kind kind,
				  const struct id *job, const struct id *trigger)
{
	char *key = key_of(kind, job, trigger);
	struct operation *operation =
		operations->by_key != NULL ? map_get(operations->by_key, bytes_of_text(key)) : NULL;

	mem_free(key);
	return operation;
}

struct operation *operations_begin(struct operations *operations, enum operation_kind kind,
				   const struct id *job, const struct id *trigger, bool *fresh)
{
	struct operation *operation = operations_find(operations, kind, job, trigger);

	*fresh = operation == NULL;
	if (operation != NULL)
		return operation;
	operation = MEM_NEW(struct operation);
	operation->key = key_of(kind, job, trigger);
	operation->until = MONO_NEVER;
	map_put(operations->by_key, bytes_of_text(operation->key), operation);
	return operation;
}

void operations_fail(struct operations *operations, struct operation *operation,
		      const struct err *why, mono_t now, int64_t kept_ms)
{
	CHECK(!operation->done, "%s ends twice", operation->key);
	operation->done = true;
	operation->failure = *why;
	operation->until = mono_after_ms(now, kept_ms);
	list_push_back(&operations->done, &operation->node);
	if (map_count(operations->by_key) > OPERATIONS_MAX)
		forget(operations, LIST_FIRST(&operations->done, struct operation, node));
}

void operations_step(struct operations *operations, mono_t now, mono_t *wake_at)
{
	/* All are kept equally long, so the first one is the oldest. */
	LIST_FOR_EACH (&operations->done, struct operation, node, operation) {
		if (now < operation->until) {
			*wake_at = mono_min(*wake_at, operation->until);
			return;
		}
		forget(operations, operation);
	}
}
