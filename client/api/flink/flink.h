/* SPDX-License-Identifier: Apache-2.0
 * flink.h - write a job in C.
 *
 * A job is a shared object with one entry function, flink_main. `flink run job.c` compiles it,
 * `flink run job.so` takes one that is compiled already (flags: bin/flink-config --cflags --libs).
 *
 *	#include <flink/flink.h>
 *
 *	FLINK_RECORD(word_count, FIELD(STRING, word) FIELD(BIGINT, count));
 *
 *	static void split(const struct line *in, struct collector *out)
 *	{
 *		… collect(out, word_count, .word = str_of(start, length), .count = 1);
 *	}
 *
 *	int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
 *	{
 *		struct stream *text = socket_text_stream(env, "localhost", 9000);
 *		struct stream *words = key_by(flat_map(text, split, word_count), "word");
 *		print(sum(window(words, tumbling_processing_time(SECONDS(5))), "count"));
 *		return flink_execute(env, "Socket Window WordCount", err);
 *	}
 *
 * flink_main runs in the client and only builds the graph. Functions run on TaskManagers; `static`
 * ones work; they must not keep state in globals (each subtask may run anywhere, several may share
 * a process) and must not block. Errors while building (an unknown field, a wrong type) are kept in
 * the environment and reported by flink_execute with the operator's name: no call needs to be
 * checked.
 *
 * Records: a FLINK_RECORD is a C struct; its layout is the wire format. Strings are `struct str`:
 * read them with str_ptr(&s) and s.len; set them with str_of(pointer, length) or
 * str_copy(&in->field). Never by `=` from another record, nor `*out = *in`: a long string is
 * relative to its place, and the task fails and names the field. */
#ifndef FLINK_FLINK_H
#define FLINK_FLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/contract/outbox.h"
#include "common/record/record.h"

#define FLINK_ABI 2 /* checked before a job's code is opened */

/* What the check reads: an ELF note in every object that includes this file. So the library can be
 * looked at without running any of it, and objects built for different versions are noticed. */
#ifdef __clang__
#define FLINK_NOTE_PLAIN_ __attribute__((no_sanitize("address"))) /* no red zones in a note */
#else
#define FLINK_NOTE_PLAIN_
#endif
static const struct {
	uint32_t name_bytes, value_bytes, type;
	char name[8];
	uint32_t abi;
} flink_abi_note_ FLINK_NOTE_PLAIN_ __attribute__((section(".note.flink"), used, aligned(4))) = {
	6, 4, 1, "flink", FLINK_ABI
};

#define FLINK_UNUSED_ __attribute__((unused)) /* clang warns even of inline functions */

/* ---- record types --------------------------------------------------------------------------- */

#define FLINK_C_BOOLEAN uint8_t
#define FLINK_C_TINYINT int8_t
#define FLINK_C_SMALLINT int16_t
#define FLINK_C_INT int32_t
#define FLINK_C_BIGINT int64_t
#define FLINK_C_FLOAT float
#define FLINK_C_DOUBLE double
#define FLINK_C_STRING struct str
#define FLINK_C_BYTES struct str
#define FLINK_C_TIMESTAMP int64_t

/* FIELD(kind, name) pairs are walked several times: as struct members, as descriptions, and in the
 * function that emits a record. */
#define FIELD(kind, name) (kind, name)
#define FLINK_END_(...) FLINK_END_2_(__VA_ARGS__)
#define FLINK_END_2_(...) __VA_ARGS__##_END
#define FLINK_MEMBER_A(kind, name) FLINK_C_##kind name; FLINK_MEMBER_B
#define FLINK_MEMBER_B(kind, name) FLINK_C_##kind name; FLINK_MEMBER_A
#define FLINK_MEMBER_A_END
#define FLINK_MEMBER_B_END
#define FLINK_DESCRIBE_A(kind, name) { #name, FIELD_##kind, 0 }, FLINK_DESCRIBE_B
#define FLINK_DESCRIBE_B(kind, name) { #name, FIELD_##kind, 0 }, FLINK_DESCRIBE_A
#define FLINK_DESCRIBE_A_END
#define FLINK_DESCRIBE_B_END
#define FLINK_BYTES_A(kind, name) + sizeof(record->name) FLINK_BYTES_B
#define FLINK_BYTES_B(kind, name) + sizeof(record->name) FLINK_BYTES_A
#define FLINK_BYTES_A_END
#define FLINK_BYTES_B_END
#define FLINK_LONG_A(kind, name) || flink_is_long_(FIELD_##kind, &record->name) FLINK_LONG_B
#define FLINK_LONG_B(kind, name) || flink_is_long_(FIELD_##kind, &record->name) FLINK_LONG_A
#define FLINK_LONG_A_END
#define FLINK_LONG_B_END
#define FLINK_STRAY_A(kind, name) \
	|| flink_is_stray_(FIELD_##kind, &record->name, #name) FLINK_STRAY_B
#define FLINK_STRAY_B(kind, name) \
	|| flink_is_stray_(FIELD_##kind, &record->name, #name) FLINK_STRAY_A
#define FLINK_STRAY_A_END
#define FLINK_STRAY_B_END
#define FLINK_COPY_(name) \
	memcpy((char *)into + offsetof(__typeof__(*record), name), &record->name, \
	       sizeof(record->name));
#define FLINK_COPY_A(kind, name) FLINK_COPY_(name) FLINK_COPY_B
#define FLINK_COPY_B(kind, name) FLINK_COPY_(name) FLINK_COPY_A
#define FLINK_COPY_A_END
#define FLINK_COPY_B_END

struct flink_type { /* what FLINK_RECORD makes; immutable */
	const char *name, *print_format;
	const struct field *fields;
	uint32_t fields_count, size_bytes;
};

#define collector outbox /* struct collector: where a function's records go */

/* Called once per operator when collect() meets a new type. False: a wrong one, which has failed
 * the task; nothing of it may be emitted. */
bool flink_collect_check(struct collector *out, const struct flink_type *type);

static inline bool flink_is_long_(enum field_kind kind, const void *field)
{
	return (kind == FIELD_STRING || kind == FIELD_BYTES) &&
	       ((const struct str *)field)->len > STR_INLINE_BYTES;
}

/* Fails the task with this message (ERR_USER_FUNCTION_FAILED); then return from the function. */
void flink_fail(const char *format, ...) PRINTF(1, 2);

/* A long string that came by `=` from another record says where its bytes lie from there. */
static inline bool flink_is_stray_(enum field_kind kind, const void *field, const char *name)
{
	if (!flink_is_long_(kind, field) || str_is_borrowed(field))
		return false;
	flink_fail("the long string in field \"%s\" was copied with '=' from another record; "
		   "write .%s = str_copy(&in->%s)", name, name, name);
	return true;
}

/* FLINK_RECORD(name, FIELD(kind, field) …): struct name, and its description name##_type. Kinds:
 * BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE STRING BYTES TIMESTAMP. print() shows a record
 * as "(a,1)"; FLINK_RECORD_PRINTED gives it a form of its own: "{word} : {count}". */
#define FLINK_RECORD(name, fields) FLINK_RECORD_PRINTED(name, NULL, fields)
#define FLINK_RECORD_PRINTED(name, format, fields_) \
	struct name { \
		FLINK_END_(FLINK_MEMBER_A fields_) \
	}; \
	static const struct field name##_fields_[] \
		FLINK_UNUSED_ = { FLINK_END_(FLINK_DESCRIBE_A fields_) }; \
	static const struct flink_type name##_type[1] \
		FLINK_UNUSED_ = { { #name, format, name##_fields_, \
				    sizeof(name##_fields_) / sizeof(name##_fields_[0]), \
				    sizeof(struct name) } }; \
	FLINK_UNUSED_ static inline void name##_copy_(void *into, const struct name *record) \
	{ \
		if ((0 FLINK_END_(FLINK_BYTES_A fields_)) != sizeof(*record)) \
			memset(into, 0, sizeof(*record)); /* padding is zero */ \
		FLINK_END_(FLINK_COPY_A fields_) \
	} \
	FLINK_UNUSED_ static inline void name##_collect_(struct collector *out, \
							 const struct name *record) \
	{ \
		struct name image; \
		if (unlikely(out->user_type != name##_type) && \
		    !flink_collect_check(out, name##_type)) \
			return; \
		if (likely(!(false FLINK_END_(FLINK_LONG_A fields_)))) { \
			name##_copy_(outbox_reserve(out, sizeof(image)), record); \
			return; \
		} \
		if (unlikely(false FLINK_END_(FLINK_STRAY_A fields_))) \
			return; \
		name##_copy_(&image, record); \
		outbox_emit(out, out->run->type, &image); \
	} \
	struct name /* takes the semicolon */

FLINK_RECORD(line, FIELD(STRING, text)); /* what the text sources give */

/* ---- inside functions ----------------------------------------------------------------------- */

/* Emits one record: collect(out, word_count, .word = str_of(p, n), .count = 1). Never fails and
 * never waits; strings may point anywhere, their bytes are copied now. */
#define collect(out, name, ...) name##_collect_((out), &(struct name){ __VA_ARGS__ })

/* Parameters given to a *_with variant, and where this subtask stands. Inside functions only. */
struct bytes flink_parameters(void);
uint32_t flink_subtask_index(void);

/* ---- the environment ------------------------------------------------------------------------ */

struct flink_env;
struct flink_args;
struct stream;

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err); /* yours */

/* Program arguments "--key value" as Flink's ParameterTool. NULL / the default when not given.
 * flink_arg_int: 1 given, 0 not given, -1 with err when the text is no whole number. */
const char *flink_arg(const struct flink_args *args, const char *key);
const char *flink_arg_or(const struct flink_args *args, const char *key, const char *otherwise);
bool flink_arg_is_set(const struct flink_args *args, const char *key);
int flink_arg_int(const struct flink_args *args, const char *key, int64_t *value,
		  struct err *err);

/* The default of all operators; any setting of the job, over -D and the settings file. */
void flink_set_parallelism(struct flink_env *env, uint32_t parallelism);
void flink_set(struct flink_env *env, const char *key, const char *value);
void flink_disable_chaining(struct flink_env *env);
/* Builds the job graph and hands it to whoever runs the program (cluster, mini cluster, info).
 * Attached: returns when the job has ended. 0, or -1 with err. At most once per flink_main. */
int flink_execute(struct flink_env *env, const char *job_name, struct err *err);

/* ---- sources -------------------------------------------------------------------------------- */

/* Lines from a TCP server, parallelism 1; waits and retries while nothing listens; ends when the
 * server closes. "\n" and "\r\n" both end a line. */
struct stream *socket_text_stream(struct flink_env *env, const char *host, uint16_t port);
/* Lines of a file or of all files in a folder, split among subtasks by byte ranges. */
struct stream *read_text_file(struct flink_env *env, const char *path);
/* A fixed list of lines, or of records (struct name[count]). */
struct stream *from_lines(struct flink_env *env, const char *const *lines, uint32_t count);
struct stream *flink_from_records(struct flink_env *env, const struct flink_type *type,
				  const void *records, uint32_t count);
#define from_records(env, name, records, count) flink_from_records(env, name##_type, records, count)
/* One record per Kafka message value (as line.text). Options: NULL-terminated "key", "value" pairs
 * for librdkafka; "scan.startup.mode": earliest-offset (default), latest-offset, group-offsets;
 * "scan.bounded.mode": latest-offset ends there. */
struct stream *kafka_source(struct flink_env *env, const char *bootstrap_servers, const char *topic,
			    const char *const *options);
/* Any source by its factory's name, with options as above, for those who write connectors: what the
 * daemons do not have is looked for in lib/flink-NAME.so. */
struct stream *flink_from_connector(struct flink_env *env, const char *factory,
				    const struct flink_type *type, const char *const *options);
#define from_connector(env, factory, name, options) \
	flink_from_connector(env, factory, name##_type, options)

/* ---- transformations ------------------------------------------------------------------------ */

typedef void flink_flat_map_fn(const void *in, struct collector *out);
typedef void flink_map_fn(const void *in, void *out); /* *out comes zeroed */
typedef void flink_map_batch_fn(const void *in, void *out, uint32_t count); /* *out comes zeroed */
typedef bool flink_filter_fn(const void *in);
typedef void flink_reduce_fn(const void *a, const void *b, void *out); /* *out comes zeroed */

struct stream *flink_flat_map(struct stream *in, flink_flat_map_fn *function, const char *symbol,
			      const struct flink_type *type, struct bytes parameters);
struct stream *flink_map(struct stream *in, flink_map_fn *function, const char *symbol,
			 const struct flink_type *type, struct bytes parameters);
struct stream *flink_map_batch(struct stream *in, flink_map_batch_fn *function, const char *symbol,
			       const struct flink_type *type, struct bytes parameters);
struct stream *flink_filter(struct stream *in, flink_filter_fn *function, const char *symbol,
			    struct bytes parameters);
struct stream *flink_reduce(struct stream *keyed, flink_reduce_fn *function, const char *symbol,
			    const struct flink_type *type, struct bytes parameters);
/* What a function takes: the input's record cannot be seen in C, but `struct line` can be told from
 * the others, and `in` is refused when it does not give what the function takes. */
enum flink_takes { FLINK_TAKES_ANY, FLINK_TAKES_LINE, FLINK_TAKES_OTHER };
struct stream *flink_takes(struct stream *in, enum flink_takes takes, const char *symbol);
#define FLINK_IS_(function, ...) \
	__builtin_types_compatible_p(__typeof__(*(function)), __VA_ARGS__)
#define FLINK_TAKES_(in, function, returns, ...) \
	flink_takes(in, FLINK_IS_(function, returns(const void *, ##__VA_ARGS__)) || \
			FLINK_IS_(function, returns(void *, ##__VA_ARGS__)) ? FLINK_TAKES_ANY : \
			FLINK_IS_(function, returns(const struct line *, ##__VA_ARGS__)) || \
			FLINK_IS_(function, returns(struct line *, ##__VA_ARGS__)) ? \
			FLINK_TAKES_LINE : FLINK_TAKES_OTHER, #function)
/* Compiled, never run: the compiler refuses a function that does not take `out`. */
#define FLINK_CALL_(function, ...) \
	((void)(0 ? (void)(function)((void *)0, ##__VA_ARGS__) : (void)0))

/* flat_map(stream, function, record name): void f(const struct X *in, struct collector *out); X is
 * the record that the stream gives, the name that of the records which f collects. */
#define flat_map(in, function, name) flat_map_with(in, function, name, BYTES_EMPTY)
#define flat_map_with(in, function, name, parameters) \
	(FLINK_CALL_(function, (struct collector *)0), \
	 flink_flat_map(FLINK_TAKES_(in, function, void, struct collector *), \
			(flink_flat_map_fn *)(void *)(function), #function, name##_type, \
			parameters))
/* map: void f(const struct X *in, struct Y *out). filter: bool f(const struct X *in). */
#define map(in, function, name) map_with(in, function, name, BYTES_EMPTY)
#define map_with(in, function, name, parameters) \
	(FLINK_CALL_(function, (struct name *)0), \
	 flink_map(FLINK_TAKES_(in, function, void, struct name *), \
		   (flink_map_fn *)(void *)(function), #function, name##_type, parameters))
/* map_batch: map for many records in one call, where a call for each costs more than its work:
 * void f(const struct X *in, struct Y *out, uint32_t count); writes out[i] from in[i] for all i.
 * Neither record may have STRING or BYTES fields: those records do not lie side by side. How many
 * come in one call is not for f to count on. */
#define map_batch(in, function, name) map_batch_with(in, function, name, BYTES_EMPTY)
#define map_batch_with(in, function, name, parameters) \
	(FLINK_CALL_(function, (struct name *)0, (uint32_t)0), \
	 flink_map_batch(FLINK_TAKES_(in, function, void, struct name *, uint32_t), \
			 (flink_map_batch_fn *)(void *)(function), #function, name##_type, \
			 parameters))
#define FLINK_RETURNS_(function, type, ...) \
	__builtin_types_compatible_p(__typeof__((function)(__VA_ARGS__)), type)
#define filter(in, function) \
	((void)sizeof(struct { int unused; _Static_assert( \
		FLINK_RETURNS_(function, bool, (void *)0), \
		"a filter is: bool f(const struct X *in)"); }), \
	 flink_filter(FLINK_TAKES_(in, function, bool), (flink_filter_fn *)(void *)(function), \
		      #function, BYTES_EMPTY))

struct stream *key_by(struct stream *in, const char *field); /* "word", or "a,b" */
/* The records of both, in no order between them; they must have the same type. */
struct stream *union_of(struct stream *a, struct stream *b);

/* Which subtask of the next operator a record goes to; a later one of these, or key_by, takes the
 * place of an earlier one. Without any: the same subtask if the parallelisms are equal (and the two
 * are chained), else rebalance. */
struct stream *forward(struct stream *in);   /* the same; refused between unequal parallelisms */
struct stream *rebalance(struct stream *in); /* one after the other */
struct stream *rescale(struct stream *in);   /* one after the other of those next to it */
struct stream *shuffle(struct stream *in);   /* any, by chance */
struct stream *broadcast(struct stream *in); /* every one */
struct stream *global(struct stream *in);    /* the first */
/* The one that a function names: uint32_t f(const struct X *in, uint32_t partitions), below
 * partitions; anything else fails the job. Records that it looks at alike may still have any key:
 * there is no key_by behind it. */
typedef uint32_t flink_partition_fn(const void *in, uint32_t partitions);
struct stream *flink_partition_custom(struct stream *in, flink_partition_fn *function,
				      const char *symbol, struct bytes parameters);
#define partition_custom(in, function) partition_custom_with(in, function, BYTES_EMPTY)
#define partition_custom_with(in, function, parameters) \
	((void)sizeof(struct { int unused; _Static_assert( \
		FLINK_RETURNS_(function, uint32_t, (void *)0, 0), \
		"a partitioner is: uint32_t f(const struct X *in, uint32_t partitions)"); }), \
	 flink_partition_custom(FLINK_TAKES_(in, function, uint32_t, uint32_t), \
				(flink_partition_fn *)(void *)(function), #function, parameters))

struct flink_window { int64_t size_ms, offset_ms; };
#define MILLISECONDS(n) ((int64_t)(n))
#define SECONDS(n) ((int64_t)(n) * 1000)
#define MINUTES(n) ((int64_t)(n) * 60000)
static inline struct flink_window tumbling_processing_time(int64_t size_ms)
{
	return (struct flink_window){ size_ms, 0 };
}
struct stream *window(struct stream *keyed, struct flink_window window);
/* Per key: the first record with `field` summed up. On a keyed stream every record gives an update;
 * on a windowed one each key gives one record when its window fires. Any kind of number. */
struct stream *sum(struct stream *keyed_or_windowed, const char *field);
/* Per key: reduce(keyed, function, record name): void f(const struct X *a, const struct X *b,
 * struct X *out) joins what the key has so far, a, with its next record, b; strings of *out may be
 * those of a and b, by str_copy. Every record gives an update; a key's first one is its first. */
#define reduce(keyed, function, name) reduce_with(keyed, function, name, BYTES_EMPTY)
#define reduce_with(keyed, function, name, parameters) \
	((void)sizeof(struct { int unused; _Static_assert( \
		FLINK_IS_(function, void(const struct name *, const struct name *, struct name *)), \
		"a reduce function is: " \
		"void f(const struct X *a, const struct X *b, struct X *out)"); }), \
	 flink_reduce(keyed, (flink_reduce_fn *)(void *)(function), #function, name##_type, \
		      parameters))

/* ---- sinks ---------------------------------------------------------------------------------- */

/* One line per record to the TaskManager's .out file, the attached client and the dashboard; "N> "
 * in front when the sink's parallelism is above 1. */
struct stream *print(struct stream *in);
/* One line per record. Parallelism 1: the file `path`; else a folder with files 1, 2, …. Refuses to
 * overwrite. */
struct stream *write_as_text(struct stream *in, const char *path);
/* Nothing: every record is dropped. To measure what lies in front of a sink. */
struct stream *discard(struct stream *in);
/* Each record's printed form as a message value; at least once. Options as kafka_source. */
struct stream *kafka_sink(struct stream *in, const char *bootstrap_servers, const char *topic,
			  const char *const *options);
/* Any sink, as from_connector. */
struct stream *to_connector(struct stream *in, const char *factory, const char *const *options);

/* ---- about the operator just made ------------------------------------------------------------ */

struct stream *set_parallelism(struct stream *stream, uint32_t parallelism);
struct stream *set_max_parallelism(struct stream *stream, uint32_t max_parallelism);
struct stream *name(struct stream *stream, const char *name);
struct stream *uid(struct stream *stream, const char *uid);
struct stream *slot_sharing_group(struct stream *stream, const char *group);
struct stream *disable_chaining(struct stream *stream);
struct stream *start_new_chain(struct stream *stream);

#endif
