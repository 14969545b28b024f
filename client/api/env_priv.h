/* SPDX-License-Identifier: Apache-2.0
 * env_priv.h - the environment inside: what the program has said so far, one transformation per
 * call, turned into a stream graph by flink_execute. Nobody outside this folder includes it. */
#ifndef CLIENT_API_ENV_PRIV_H
#define CLIENT_API_ENV_PRIV_H

#include "client/api/env.h"
#include "common/graph/graph.h"

/* Where records come from, and which of them go to which subtask. */
struct inlet {
	struct transformation *origin; /* the real operator whose records flow */
	enum ship ship;
	struct key_spec key;                   /* SHIP_HASH */
	const Flink__FunctionRef *partitioner; /* SHIP_CUSTOM */
};

/* One call of the program that takes an id, as in Flink: an operator, or a virtual one (key_by,
 * rebalance) that lives on as the way its consumers are fed. */
struct transformation {
	bool is_virtual;
	struct stream_node node; /* strings in env->arena; parameters are packed at the end */
	Flink__OperatorParameters parameters;
	const struct inlet *inlets; /* in the arena; several behind a union; none: a source */
	uint32_t inlets_count;
	struct list_node link;
};

enum stream_kind { STREAM_PLAIN, STREAM_KEYED, STREAM_WINDOWED };

struct stream {
	struct flink_env *env;
	enum stream_kind kind;
	struct transformation *made_by; /* the call that gave it; NULL after an error */
	const struct inlet *inlets;     /* how a consumer of this stream is fed; in the arena */
	uint32_t inlets_count;          /* 0 after an error */
	const struct record_type *type;
	struct key_spec key;            /* keyed, windowed */
	struct flink_window window;     /* windowed */
};

struct known_type {
	const struct flink_type *declared;
	struct record_type *type;
	struct list_node link;
};

struct flink_env {
	struct arena *arena;
	struct flink_env_options options; /* strings in the arena */
	struct list transformations;      /* in the order the program made them */
	struct list types;                /* of known_type */
	struct stream broken;             /* what calls give after an error */
	struct conf *conf;                /* options.conf with the program's own settings over it */
	uint32_t parallelism;             /* 0: from the settings */
	bool chaining, executed, execute_called;
	struct { char **keys, **values; uint32_t count, max; } settings;
	struct err err;                   /* the first error of the program */
};

/* Keeps the first error, with the operator's name in front; gives the stream that swallows the
 * rest. */
struct stream *env_fail(struct flink_env *env, const char *operator, enum err_code code,
			const char *format, ...) PRINTF(4, 5);
/* The finished type of a FLINK_RECORD; NULL after env_fail. */
const struct record_type *env_type(struct flink_env *env, const char *operator,
				   const struct flink_type *declared);
/* A new transformation that makes `type`; its name and factory are literals or in the arena. */
struct transformation *env_add(struct flink_env *env, const char *factory, const char *name_text,
			       Flink__OperatorKind kind, const struct record_type *type);
/* The same behind `in`. NULL after env_fail: `in` is broken or not of the kinds allowed. */
struct transformation *env_add_behind(struct stream *in, bool windowed_allowed, const char *factory,
				      const char *name_text, Flink__OperatorKind kind,
				      const struct record_type *type);
struct stream *env_stream(struct flink_env *env, struct transformation *made_by);
void env_add_option(struct flink_env *env, struct transformation *transformation, const char *key,
		    const char *value);
/* An absolute path from the program's: relative ones are the program's own directory's, "file:" is
 * taken off. NULL after env_fail. */
const char *env_path(struct flink_env *env, const char *operator, const char *path);

/* plan.c: everything said so far as a checked job graph with its plan, settings and artifacts. Free
 * with env_job_graph_free. */
struct env_job_graph {
	Flink__JobGraph message; /* a copy of `made` with the environment's parts in it */
	Flink__JobGraph *made;
	struct arena *arena;
};
MUST_USE int env_job_graph(struct flink_env *env, const char *job_name, struct env_job_graph *graph,
			   struct err *err);
void env_job_graph_free(struct env_job_graph *graph);

#endif
