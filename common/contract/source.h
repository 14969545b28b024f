/* SPDX-License-Identifier: Apache-2.0
 * source.h - what a source is: an enumerator on the JobMaster's thread that finds splits, and a
 * reader per subtask. Only the connector reads a split's bytes. */
#ifndef COMMON_CONTRACT_SOURCE_H
#define COMMON_CONTRACT_SOURCE_H

#include "common/contract/operator.h"

struct split {
	uint64_t id;
	struct bytes body; /* the connector's own encoding */
};

enum poll { POLL_MORE, POLL_WAIT, POLL_END, POLL_ERROR };

struct job_context {
	const char *job_name, *operator_name;
	struct id job_id;
	uint32_t parallelism;
	struct bytes parameters;
	struct world *world;
	struct loop *loop;   /* of the JobMaster's runner */
	struct agent *agent; /* wake it when something becomes ready */
};

/* What an enumerator may do with splits. All calls copy. */
struct split_assigner {
	void (*assign)(struct split_assigner *to, uint32_t subtask, const struct split *split);
	void (*no_more_splits)(struct split_assigner *to, uint32_t subtask);
};

struct source_vtable {
	const char *name; /* "socket" */
	/* true: the source is one subtask, whatever parallelism is asked for (Flink's socket
	 * source). */
	bool non_parallel;
	/* Will it ever end? (BATCH takes only such.) NULL: it will. What is wrong with the
	 * parameters is said when it is opened. */
	bool (*is_endless)(struct bytes parameters);
	int (*enumerator_open)(void **self, const struct job_context *context,
			       struct state_reader *from, struct err *err);
	/* 1: nothing more to do until a wake or *wake_at; 0: call again soon; -1: error. */
	int (*enumerator_step)(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			       struct err *err);
	/* A reader is there (new, or again after a failure, with the splits it already owns). */
	int (*enumerator_reader)(void *self, uint32_t subtask, const struct split *owned,
				 uint32_t count, struct err *err);
	int (*enumerator_snapshot)(void *self, uint64_t checkpoint, struct state_writer *to,
				   struct err *err);
	int (*reader_open)(void **self, const struct operator_context *context,
			   struct state_reader *from, struct err *err);
	int (*reader_add)(void *self, const struct split *splits, uint32_t count, struct err *err);
	int (*reader_no_more_splits)(void *self, struct err *err);
	/* Emits some records (until outbox_full or a batch is done), in bounded time. */
	enum poll (*reader_poll)(void *self, mono_t now, struct outbox *out, mono_t *wake_at,
				 struct err *err);
	int (*reader_snapshot)(void *self, uint64_t checkpoint, struct state_writer *to,
			       struct err *err);
	int (*reader_checkpoint_done)(void *self, uint64_t checkpoint, bool completed,
				      struct err *err);
	/* "waiting for localhost:9000", or "" when all is well. Returns the length. NULL: all is
	 * always well. */
	size_t (*reader_status)(const void *self, char *text, size_t size_bytes);
	void (*enumerator_close)(void **self);
	void (*reader_close)(void **self);
};

#endif
