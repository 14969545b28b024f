/* SPDX-License-Identifier: Apache-2.0
 * conf.h - settings: one table of keys (conf_table.h), read from conf/flink-conf.yaml and
 * conf/config.yaml, FLINK_PROPERTIES, and -D; each value remembers where it came from.
 *
 * Order (later wins): defaults, config.yaml, flink-conf.yaml, the environment, -D. Where both files
 * give a key different values, flink-conf.yaml wins and a warning names both. Unknown keys are
 * warnings with the nearest known key and file:line; bad values are errors that say what is allowed. */
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

/* Reads DIRECTORY/config.yaml and DIRECTORY/flink-conf.yaml. Neither there: ERR_CONF_MISSING.
 * Warnings are collected (conf_warning). */
MUST_USE int conf_load(struct conf *conf, struct world *world, const char *directory, struct err *err);
/* One "key=value" of -D, or one key from a job. origin: "-D", "FLINK_PROPERTIES". The value is checked
 * against the table; unknown keys are kept with a warning. */
MUST_USE int conf_set(struct conf *conf, const char *key, const char *value, const char *origin,
		      struct err *err);
MUST_USE int conf_set_pair(struct conf *conf, const char *pair, const char *origin, struct err *err);
/* FLINK_PROPERTIES and the other variables of cli-config.md §4, if set. */
MUST_USE int conf_load_env(struct conf *conf, struct world *world, struct err *err);
/* The texts of both grammars, for tests and the fuzzer. `name` is shown in messages. */
MUST_USE int conf_parse_flink_conf(struct conf *conf, const char *name, const char *text, struct err *err);
MUST_USE int conf_parse_yaml(struct conf *conf, const char *name, const char *text, struct err *err);

size_t conf_warnings_count(const struct conf *conf);
const char *conf_warning(const struct conf *conf, size_t index);

/* Values. Keys of the table always answer (their default); CHECKs that the key is in the table and of
 * that type. Old names of a key are accepted when setting, not here. */
const char *conf_text(const struct conf *conf, const char *key); /* "" when unset without default */
int64_t conf_int(const struct conf *conf, const char *key);
bool conf_bool(const struct conf *conf, const char *key);
int64_t conf_duration_ms(const struct conf *conf, const char *key);
int64_t conf_memory_bytes(const struct conf *conf, const char *key);
/* Any key, table or not: the raw text, or NULL when nobody set it. */
const char *conf_raw(const struct conf *conf, const char *key);
const char *conf_origin(const struct conf *conf, const char *key); /* "conf/flink-conf.yaml:12", "default" */
bool conf_is_set(const struct conf *conf, const char *key);
/* Iterates set keys in alphabetical order: size_t at = 0; while (conf_next(…)). Unmasked. */
bool conf_next(const struct conf *conf, size_t *at, const char **key, const char **value);
/* "******" for keys that look like secrets, else the value. */
const char *conf_mask(const char *key, const char *value);

/* "10 s", "500ms", "1 min" … ; no unit: milliseconds. False: not a duration. */
bool duration_parse(const char *text, int64_t *ms);
bool memory_parse(const char *text, int64_t *bytes); /* "64mb", "1 g"; no unit: bytes */

/* Generated from the table: the sample flink-conf.yaml, docs/settings.md, --help. */
void conf_write_sample(struct buf *into);
void conf_write_docs(struct buf *into);

#endif
