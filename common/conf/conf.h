/* SPDX-License-Identifier: Apache-2.0
 * conf.h - settings: one table of keys (conf_table.h), read from conf/flink-conf.yaml,
 * conf/config.yaml and conf/masters, the environment, and -D; each value remembers where it came
 * from.
 *
 * Order (later wins): defaults, masters (the port after the host is rest.port), config.yaml,
 * flink-conf.yaml, the environment, -D. Where both files give a key different values,
 * flink-conf.yaml wins and a warning names both. Unknown keys are warnings with the nearest known
 * key and file:line; bad values are errors that say what is allowed. Nothing here reads a file or a
 * variable but through the world; a conf is not for two threads at once, except when nobody changes
 * it any more. */
#ifndef COMMON_CONF_CONF_H
#define COMMON_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/world/world.h"

struct conf;

struct conf *conf_create(void); /* defaults only */
void conf_destroy(struct conf **conf);
struct conf *conf_copy(const struct conf *conf);

/* Reads DIRECTORY/masters, DIRECTORY/config.yaml and DIRECTORY/flink-conf.yaml. Neither of the last
 * two there: ERR_CONF_MISSING. Warnings are collected (conf_warning). */
MUST_USE int conf_load(struct conf *conf, struct world *world, const char *directory,
		       struct err *err);
/* One "key=value" of -D, or one key from a job. origin: "-D", "the job". The value is checked
 * against the table; unknown keys are kept with a warning. */
MUST_USE int conf_set(struct conf *conf, const char *key, const char *value, const char *origin,
		      struct err *err);
MUST_USE int conf_set_pair(struct conf *conf, const char *pair, const char *origin,
			   struct err *err);
/* JOB_MANAGER_RPC_ADDRESS, TASK_MANAGER_NUMBER_OF_TASK_SLOTS, then FLINK_PROPERTIES, which wins:
 * lines "key: value" (or YAML), $NAME and ${NAME} in values replaced by the environment's. */
MUST_USE int conf_load_env(struct conf *conf, struct world *world, struct err *err);
/* What daemons and programs do at start: conf_load from `directory` (NULL: the variable
 * FLINK_CONF_DIR, else "conf"), the environment, then every `-Dkey=value` and `-D key=value` of
 * argv, in their order. Other arguments are left alone. */
MUST_USE int conf_load_all(struct conf *conf, struct world *world, const char *directory, int argc,
			   char *const *argv, struct err *err);
/* The texts of the grammars, for tests and the fuzzer. `name` is shown in messages.
 * flink_conf: YAML where the text is YAML; where it is not (tabs, crooked indents, values like
 * *:*), line by line as Flink's older reader does, with a warning. yaml: nested maps become dotted
 * keys, sequences become "a;b;c"; what is not YAML, and a key given twice, is ERR_CONF_SYNTAX. */
MUST_USE int conf_parse_flink_conf(struct conf *conf, const char *name, const char *text,
				   struct err *err);
MUST_USE int conf_parse_yaml(struct conf *conf, const char *name, const char *text,
			     struct err *err);
MUST_USE int conf_parse_masters(struct conf *conf, const char *name, const char *text,
				struct err *err);

size_t conf_warnings_count(const struct conf *conf);
const char *conf_warning(const struct conf *conf, size_t index);

/* Values. Keys of the table always answer (their default); CHECKs that the key is in the table and
 * of that type. Old names of a key are accepted when setting, not here. */
const char *conf_text(const struct conf *conf, const char *key); /* "" when unset without default */
int64_t conf_int(const struct conf *conf, const char *key); /* also ports */
double conf_double(const struct conf *conf, const char *key);
bool conf_bool(const struct conf *conf, const char *key);
/* A key without a default answers -1 as long as nobody has set it. */
int64_t conf_duration_ms(const struct conf *conf, const char *key);
int64_t conf_memory_bytes(const struct conf *conf, const char *key);
/* Any key, table or not: the raw text, or NULL when nobody set it. */
const char *conf_raw(const struct conf *conf, const char *key);
const char *conf_origin(const struct conf *conf,
			const char *key); /* "conf/flink-conf.yaml:12", "default" */
bool conf_is_set(const struct conf *conf, const char *key);
bool conf_known(const char *key); /* whether the table has it, under this name */
/* Iterates set keys in alphabetical order: size_t at = 0; while (conf_next(…)). Unmasked. */
bool conf_next(const struct conf *conf, size_t *at, const char **key, const char **value);
/* "******" for keys that look like secrets, else the value. */
const char *conf_mask(const char *key, const char *value);
/* For a rule that no single row can state (two keys that exclude each other, a port that cannot be
 * bound): sets ERR_CONF_BAD_VALUE "ORIGIN: KEY is "VALUE", which is WHY". Always -1. */
int conf_refuse(const struct conf *conf, const char *key, const char *why, struct err *err);
/* Gives every key that has a simulator's range a value drawn from it; half of them keep their
 * default. For runs under a seed. */
void conf_draw(struct conf *conf, uint64_t (*draw)(void *context), void *context);

/* "10 s", "500ms", "1 min" … ; no unit: milliseconds. Less than 1 ms counts as 1 ms. False: not a
 * duration. */
bool duration_parse(const char *text, int64_t *ms);
bool memory_parse(const char *text, int64_t *bytes); /* "64mb", "1 g"; no unit: bytes; "infinite" */
/* The n-th port of "8081", "50100,50200" or "50100-50110" (mixed allowed), or -1 past the last. */
int32_t ports_get(const char *text, uint32_t n);

/* Generated from the table: the sample flink-conf.yaml, docs/settings.md, --help. */
void conf_write_sample(struct buf *into);
void conf_write_docs(struct buf *into);
void conf_write_help(struct buf *into);
/* What `jobmanager check-conf` and `flink-settings check` print: every warning, then the error with
 * its hint if there is one, then a last line with the verdict. `outcome`: of conf_load_all, whose
 * error is *err. Returns the exit code. */
int conf_write_check(const struct conf *conf, int outcome, const struct err *err, struct buf *into);
/* Every setting somebody gave, with its origin, secrets masked. */
void conf_write_explain(const struct conf *conf, struct buf *into);

#endif
