/* SPDX-License-Identifier: Apache-2.0
 * single_split.c - see single_split.h. Runs on the JobMaster's thread; remembers only which readers
 * wait for their answer. */
#include "connectors/single_split.h"

struct waiting_reader {
	bool waits, owns_split;
};

struct single_split {
	uint32_t readers_count;
	struct waiting_reader *readers; /* [readers_count] */
};

int single_split_open(void **self, const struct job_context *context, struct state_reader *from,
		      struct err *err)
{
	struct single_split *enumerator = MEM_NEW(struct single_split);

	enumerator->readers_count = context->parallelism;
	enumerator->readers = MEM_NEW_ARRAY(struct waiting_reader, context->parallelism);
	*self = enumerator;
	return 0;
}

int single_split_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
		      struct err *err)
{
	static const struct split split = { .id = 0 };
	struct single_split *enumerator = self;

	for (uint32_t i = 0; i < enumerator->readers_count; i++) {
		struct waiting_reader *reader = &enumerator->readers[i];

		if (!reader->waits)
			continue;
		reader->waits = false;
		if (i == 0 && !reader->owns_split)
			to->assign(to, i, &split);
		to->no_more_splits(to, i);
	}
	return 1;
}

int single_split_reader(void *self, uint32_t subtask, const struct split *owned, uint32_t count,
			struct err *err)
{
	struct single_split *enumerator = self;

	if (subtask >= enumerator->readers_count)
		return err_set(err, ERR_BUG, "reader %u of %u", subtask, enumerator->readers_count);
	enumerator->readers[subtask] = (struct waiting_reader){ .waits = true,
								.owns_split = count > 0 };
	return 0;
}

void single_split_close(void **self)
{
	struct single_split *enumerator = *self;

	if (enumerator == NULL)
		return;
	mem_free(enumerator->readers);
	mem_free(enumerator);
	*self = NULL;
}
