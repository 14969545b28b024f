/* SPDX-License-Identifier: Apache-2.0
 * single_split.h - the enumerator of sources that one subtask reads whole: one split with an empty
 * body, for subtask 0. A reader that comes without it (new, or again after a failure) gets it. */
#ifndef CONNECTORS_SINGLE_SPLIT_H
#define CONNECTORS_SINGLE_SPLIT_H

#include "common/contract/source.h"

/* The enumerator's functions of struct source_vtable. */
MUST_USE int single_split_open(void **self, const struct job_context *context,
			       struct state_reader *from, struct err *err);
MUST_USE int single_split_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			       struct err *err);
MUST_USE int single_split_reader(void *self, uint32_t subtask, const struct split *owned,
				 uint32_t count, struct err *err);
void single_split_close(void **self);

#endif
