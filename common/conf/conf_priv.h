/* SPDX-License-Identifier: Apache-2.0
 * conf_priv.h - what the files of common/conf share: the row of the table, the store, the warnings.
 *  */
#ifndef COMMON_CONF_CONF_PRIV_H
#define COMMON_CONF_CONF_PRIV_H

#include "common/conf/conf.h"

enum conf_type {
	CONF_TEXT,     /* anything */
	CONF_HOST,     /* a host name or address: no blanks */
	CONF_PATH,     /* a file or folder */
	CONF_PORT,     /* 0 to 65535 */
	CONF_PORTS,    /* "8081", "50100,50200", "50100-50200" */
	CONF_INT,      /* whole number, min to max */
	CONF_DOUBLE,   /* number, min to max */
	CONF_BOOL,     /* true, false */
	CONF_DURATION, /* "10 s"; min and max in ms */
	CONF_MEMORY,   /* "64 mb"; min and max in bytes */
	CONF_ENUM,     /* one of `choices` */
	CONF_LIST,     /* "a;b;c" */
	CONF_MAP,      /* "k1:v1,k2:v2" */
};

/* What a key does here. LATER warns when it is set; SILENT does not: it steers the Java machine or
 * a deployment that does not exist here, and configurations that are passed around set it. */
enum conf_effect { CONF_WORKS, CONF_LATER, CONF_SILENT };

struct conf_spec {
	const char *section; /* a row that only begins a section has no key */
	const char *key;     /* with a '*': a family, see conf_spec_find */
	enum conf_type type;
	const char *value_default; /* "" = none; "=other.key" = that key's value */
	int64_t min, max;          /* of INT, DURATION, MEMORY */
	const char *choices; /* ENUM: "a|b=alias|c", the spelling before '=' is the one kept */
	int64_t sim_min, sim_max;  /* the simulator draws from here; both 0: never */
	enum conf_effect effect;
	const char *old; /* other names, separated by blanks */
	const char *help;
};

extern const struct conf_spec conf_specs[];
extern const size_t conf_specs_count;

/* Who gave a value; later ones win. */
enum conf_source {
	CONF_FROM_MASTERS,
	CONF_FROM_YAML,
	CONF_FROM_FLINK_CONF,
	CONF_FROM_ENV,
	CONF_FROM_ARGUMENT,
};

struct conf_entry {
	char *key; /* the current name */
	const struct conf_spec *spec; /* NULL: unknown */
	char *value, *origin;
	char *name; /* as it was written, when that is an older name; else NULL */
	enum conf_source source;
};

struct conf {
	struct conf_entry *entries; /* sorted by key */
	size_t entries_count, entries_capacity;
	char **warnings;
	size_t warnings_count, warnings_capacity;
};

/* Where a value stands, for messages: "conf/flink-conf.yaml:12" or "-D". */
struct conf_place {
	enum conf_source source;
	const char *name;
	size_t line; /* 0: no lines there */
};

/* Checks and stores one setting. Repeats: an error in config.yaml, else a warning. */
MUST_USE int conf_put(struct conf *conf, const struct conf_place *place, const char *name,
		      const char *value, struct err *err);
void conf_warn(struct conf *conf, const char *format, ...) PRINTF(2, 3);
#define CONF_ORIGIN_SIZE 1024
const char *conf_place_text(const struct conf_place *place, char text[CONF_ORIGIN_SIZE]);

/* The row of a key or of one of its older names, then of a family ("metrics.reporter.*"); or NULL.
 *  */
const struct conf_spec *conf_spec_find(const char *name);
/* The row with exactly this key. */
const struct conf_spec *conf_spec_of_key(const char *key);
/* The known key nearest to `name` (edit distance), or NULL when nothing is near. */
const char *conf_nearest(const char *name);

#define CONF_WHY_SIZE 512
/* Whether the name is a slip of the pen for a known key, so that no family should swallow it. */
bool conf_is_typo(const char *name);

/* Whether the table allows the value. *kept: the spelling to store (mem_free). Else `why` says what
 * is allowed, to stand after "which is ". */
bool conf_value_check(const struct conf_spec *spec, const char *value, char **kept,
		      char why[CONF_WHY_SIZE]);
/* A duration or size as a person would write it: "1 min", "64 mb". */
#define CONF_AMOUNT_SIZE 40
const char *conf_show_duration(int64_t ms, char text[CONF_AMOUNT_SIZE]);
const char *conf_show_memory(int64_t bytes, char text[CONF_AMOUNT_SIZE]);

#endif
