/* SPDX-License-Identifier: Apache-2.0
 * chain.h - the operators of one task, called one after another without a queue between them.
 *
 *	batch or poll -> [link 0] -> output -> [link 1] -> output -> … -> routers -> channels
 *	                                    -> [link 2] -> …
 *
 * A chain is a tree: each link but the head reads the output of one that stands in front of it.
 *
 * Two things travel through a chain: batches of records, and passes (a watermark, the time, the end
 * of input, a flush), which visit every link in order and go on only when all that the link emitted
 * is out. One batch and one pass at most are under way. Everything is resumable: chain_run goes on
 * exactly where an output refused (docs/adr/0005-tasks.md). Runs are delivered from the back, so an
 * output is empty before its operator is called again, and memory is bounded by what one call
 * emits.
 *
 * On the task's thread, but for the counters. */
#ifndef TASKMANAGER_EXEC_CHAIN_H
#define TASKMANAGER_EXEC_CHAIN_H

#include <stdatomic.h>

#include "common/contract/registry.h"
#include "taskmanager/exec/latency_table.h"
#include "taskmanager/exec/output.h"
#include "taskmanager/exec/router.h"

struct link {
	Flink__OperatorKind kind;
	const struct operator_vtable *operator; /* by kind, one of the three */
	const struct source_vtable *source;
	const struct sink_vtable *sink;
	void *self;
	bool opened; /* or tried to */
	struct operator_context context;
	struct key_spec keys[2];
	Flink__OperatorParameters *parameters; /* of an operator; NULL otherwise */
	struct user_call call;
	bool has_output;
	struct output output;
	struct router *routers; /* edges that this link feeds */
	uint32_t routers_count;
	uint32_t *edge_numbers; /* of each router: among the edges that leave the vertex */
	struct link **children; /* links that read its output */
	uint32_t children_count;
	uint32_t stage; /* of the oldest finished run: routers, then children, that have it all */
	uint32_t taken; /* of the same: records that the child under way took */
	uint64_t records_counted, bytes_counted;
	bool dirty; /* a sink: written to since its last flush */
	struct counter records_in, records_out, bytes_in, bytes_out;
	struct stopwatch feeding, routing;
	struct counter passes_ns; /* calls that are always measured */
	struct counter waits_ns;  /* for what lies outside */
	struct counter outside_bytes; /* a source's, a sink's; 0: it does not tell */
};

enum pass_kind {
	PASS_NONE, PASS_FLUSH, PASS_TIME, PASS_WATERMARK, PASS_IDLE, PASS_ACTIVE, PASS_END,
	PASS_LATENCY,
};

struct pass {
	enum pass_kind kind;
	event_t watermark; /* LATENCY: when it was marked */
	uint64_t source;   /* LATENCY */
	wall_t now;      /* TIME */
	uint32_t input;  /* END: of link 0 … */
	bool last;       /* … and no other input is left: the links behind it end too */
	uint32_t link, router;
	bool called;
};

struct chain {
	struct link *links;
	uint32_t links_count;
	struct overdraft overdraft;
	struct batch input;
	bool input_active;
	uint32_t input_index, input_taken;
	struct pass pass;
	uint32_t calls_left;  /* of this step */
	atomic_bool stopped;  /* by any thread: see chain_stop */
	bool has_timers;
	struct link *foreign; /* the first link that calls a function of the job; NULL: none */
	wall_t next_timer;    /* INT64_MAX: none */
	bool flushing; /* a sink answered "not yet" to a flush: nothing else may be called before */
	bool pass_due; /* the pass under way is expected to work: it is measured */
	int64_t refused_by; /* who refused last: an edge's number, or a link as chain_waiter */
	struct world *world;
	struct latency_table *latencies; /* the task's */
	const char *failed_operator; /* whose call failed; NULL: none's */
	_Atomic(const char *) current; /* operator being called; NULL: none. For crash notes */
	_Atomic mono_t call_since;     /* when that call began, if it is measured; MONO_NEVER */
	/* for contexts */
	const Flink__JobGraph *graph;
	void (*print)(void *owner, const char *line, size_t size_bytes);
	void *owner;
};

struct chain_options { /* all borrowed for the life of the chain */
	struct world *world;
	struct loop *loop;
	struct agent *agent;
	const Flink__JobGraph *graph;
	const Flink__Vertex *vertex;
	const Flink__TaskDeployment *deployment;
	struct managed_memory *managed; /* of the slot; NULL: unbounded */
	uint64_t overdraft_bytes; /* 0: LIMIT_OVERDRAFT_BYTES_MAX */
	struct record_type *const *types;
	struct module *const *modules;
	uint32_t segment_bytes, record_bytes_max;
	struct latency_table *latencies;
	bool fire_at_end;
	void (*print)(void *owner, const char *line, size_t size_bytes);
	void *owner;
};

enum chain_answer {
	CHAIN_FAILED = -1,
	CHAIN_REFUSED = 0, /* waits for room, or for whatever wakes the agent */
	CHAIN_DONE = 1,    /* nothing is under way any more */
	CHAIN_AGAIN = 2,   /* this step has done enough */
};

/* Looks the operators up; calls none. After a failure only chain_destroy may follow. */
MUST_USE int chain_create(struct chain *chain, const struct chain_options *options,
			  struct err *err);
/* Opens one operator, from the last to the first: 1 all are open, 0 call again, -1. */
MUST_USE int chain_open_next(struct chain *chain, struct err *err);
/* From any thread, any number of times: no record is given to an operator any more, the call under
 * way ends with the record it is at, and chain_run answers AGAIN. For a task that is to end. */
void chain_stop(struct chain *chain);
void chain_close(struct chain *chain); /* the operators that were opened, in order */
void chain_destroy(struct chain *chain);

/* Begins; both only when chain_run said DONE. The batch must stay valid until it says so again. */
void chain_take(struct chain *chain, uint32_t input, const struct batch *batch);
void chain_begin(struct chain *chain, const struct pass *pass);
/* Goes on with what is under way, at most calls_left calls of operators. */
MUST_USE enum chain_answer chain_run(struct chain *chain, struct err *err);
/* Of refused_by: the link that waits for something outside; NULL: an edge refused. */
struct link *chain_waiter(struct chain *chain, int64_t refused_by);
/* What an operator has used for itself, with what routing its output takes, up to now. Any
 * thread. */
uint64_t chain_link_busy_ns(const struct chain *chain, const struct link *link, mono_t now);
/* Records wait in an output that no pass has flushed. */
bool chain_has_unflushed(const struct chain *chain);

bool chain_is_source(const struct chain *chain);
enum poll chain_poll(struct chain *chain, mono_t now, mono_t *wake_at, struct err *err);
MUST_USE int chain_add_splits(struct chain *chain, const struct split *splits, uint32_t count,
			      bool no_more, struct err *err);
bool chain_has_dirty_sink(const struct chain *chain);
/* Makes visible what the sinks buffer: 1 done, 0 call again when woken, -1. */
MUST_USE int chain_flush_sinks(struct chain *chain, struct err *err);

#endif
