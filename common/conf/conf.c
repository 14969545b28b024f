/* SPDX-License-Identifier: Apache-2.0
 * conf.c - the store: what was set, by whom, and what it means; and in which order it is gathered.
 *
 * Control plane only: dozens of values in a sorted array. The grammars are in conf_file.c, the
 * types in conf_value.c, the generated texts in conf_write.c. */
#include "common/conf/conf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/conf/conf_priv.h"

#define SHOWN_VALUE_BYTES_MAX 120
#define DEFAULT_CHAIN_MAX 8

struct conf *conf_create(void)
{
	return MEM_NEW(struct conf);
}

static void entry_fini(struct conf_entry *entry)
{
	mem_free(entry->key);
	mem_free(entry->value);
	mem_free(entry->origin);
	mem_free(entry->name);
}

void conf_destroy(struct conf **conf)
{
	struct conf *c = *conf;

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->entries_count; i++)
		entry_fini(&c->entries[i]);
	for (size_t i = 0; i < c->warnings_count; i++)
		mem_free(c->warnings[i]);
	mem_free(c->entries);
	mem_free(c->warnings);
	mem_free(c);
	*conf = NULL;
}

struct conf *conf_copy(const struct conf *conf)
{
	struct conf *copy = conf_create();

	copy->entries = MEM_NEW_ARRAY(struct conf_entry, conf->entries_count);
	copy->entries_count = copy->entries_capacity = conf->entries_count;
	for (size_t i = 0; i < conf->entries_count; i++) {
		const struct conf_entry *from = &conf->entries[i];

		copy->entries[i] = (struct conf_entry){
			.key = mem_strdup(from->key), .spec = from->spec,
			.value = mem_strdup(from->value), .origin = mem_strdup(from->origin),
			.name = mem_strdup(from->name), .source = from->source,
		};
	}
	for (size_t i = 0; i < conf->warnings_count; i++)
		conf_warn(copy, "%s", conf->warnings[i]);
	return copy;
}

/* ---- warnings and places -------------------------------------------------------------------- */

void conf_warn(struct conf *conf, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (conf->warnings_count == conf->warnings_capacity) {
		conf->warnings_capacity = conf->warnings_capacity * 2 + 8;
		conf->warnings = mem_realloc(conf->warnings,
					     conf->warnings_capacity * sizeof(*conf->warnings));
	}
	conf->warnings[conf->warnings_count++] = mem_strdup(text);
}

size_t conf_warnings_count(const struct conf *conf)
{
	return conf->warnings_count;
}

const char *conf_warning(const struct conf *conf, size_t index)
{
	CHECK(index < conf->warnings_count, "warning %zu of %zu", index, conf->warnings_count);
	return conf->warnings[index];
}

const char *conf_place_text(const struct conf_place *place, char text[CONF_ORIGIN_SIZE])
{
	if (place->line > 0)
		snprintf(text, CONF_ORIGIN_SIZE, "%s:%zu", place->name, place->line);
	else
		snprintf(text, CONF_ORIGIN_SIZE, "%s", place->name);
	return text;
}

/* A value as it may stand in a message: masked, cut, without control characters. */
static const char *show_value(const char *key, const char *value,
			      char text[SHOWN_VALUE_BYTES_MAX + 8])
{
	size_t length;

	value = conf_mask(key, value);
	length = strnlen(value, SHOWN_VALUE_BYTES_MAX);
	for (size_t i = 0; i < length; i++)
		text[i] = iscntrl((unsigned char)value[i]) ? '?' : value[i];
	/* A cut inside a UTF-8 letter takes the whole letter away. */
	if (value[length] != '\0')
		while (length > 0 && ((unsigned char)value[length] & 0xC0) == 0x80)
			length--;
	snprintf(text + length, 8, "%s", value[length] != '\0' ? "…" : "");
	return text;
}

const char *conf_mask(const char *key, const char *value)
{
	static const char *const secrets[] = { "password",    "secret",	     "fs.azure.account.key",
					       "apikey",      "auth-params", "service-key",
					       "token",	      "basic-auth",  "jaas.config",
					       "http-headers" };

	/* These two name a file with a secret, not the secret. */
	if (strcmp(key, "security.cluster.secret-file") == 0 ||
	    strcmp(key, "rest.auth.token-file") == 0)
		return value;
	for (const char *at = key; *at != '\0'; at++)
		for (size_t i = 0; i < ARRAY_COUNT(secrets); i++)
			if (strncasecmp(at, secrets[i], strlen(secrets[i])) == 0)
				return "******";
	return value;
}

/* ---- storing -------------------------------------------------------------------------------- */

/* The index of the key, or of where it belongs. */
static bool entry_find(const struct conf *conf, const char *key, size_t *index)
{
	size_t low = 0, high = conf->entries_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(conf->entries[middle].key, key);

		if (order == 0) {
			*index = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*index = low;
	return false;
}

static struct conf_entry *entry_insert(struct conf *conf, size_t index)
{
	if (conf->entries_count == conf->entries_capacity) {
		conf->entries_capacity = conf->entries_capacity * 2 + 16;
		conf->entries =
			mem_realloc(conf->entries, conf->entries_capacity * sizeof(*conf->entries));
	}
	memmove(&conf->entries[index + 1], &conf->entries[index],
		(conf->entries_count - index) * sizeof(*conf->entries));
	conf->entries_count++;
	conf->entries[index] = (struct conf_entry){ .key = NULL };
	return &conf->entries[index];
}

static void warn_unknown(struct conf *conf, const char *where, const char *name)
{
	const char *near = conf_nearest(name);
	char shown[SHOWN_VALUE_BYTES_MAX + 8];

	show_value("", name, shown);
	if (near != NULL)
		conf_warn(conf, "%s: unknown setting \"%s\"; did you mean %s?", where, shown, near);
	else
		conf_warn(conf, "%s: unknown setting \"%s\"; nothing reads it", where, shown);
}

/* Whether the place's value takes the entry's place; says so where that may surprise. 0 no, 1 yes.
 *  */
static int repeat_decide(struct conf *conf, const struct conf_place *place, const char *name,
			 const char *value, const struct conf_entry *old, struct err *err)
{
	char where[CONF_ORIGIN_SIZE];
	const char *old_name = old->name ? old->name : old->key;

	conf_place_text(place, where);
	if (old->source != place->source) {
		/* Files that disagree: the reader of one would not see the other. */
		if (place->source <= CONF_FROM_FLINK_CONF && strcmp(old->value, value) != 0) {
			char ours[SHOWN_VALUE_BYTES_MAX + 8], theirs[SHOWN_VALUE_BYTES_MAX + 8];

			conf_warn(conf, "%s gives %s as \"%s\", %s as \"%s\": the second wins",
				  old->origin, old->key, show_value(old->key, old->value, theirs),
				  where, show_value(old->key, value, ours));
		}
		return 1;
	}
	if (place->source >= CONF_FROM_ENV)
		return 1;
	if (strcmp(old_name, name) != 0) {
		/* Both the current and an older name: the current one counts, in any order. */
		bool ours_is_current = strcmp(name, old->key) == 0;

		conf_warn(conf, "%s: %s and %s (%s) are one setting; the value of %s counts", where,
			  name, old_name, old->origin, ours_is_current ? name : old_name);
		return ours_is_current;
	}
	if (place->source == CONF_FROM_YAML)
		return err_set(err, ERR_CONF_SYNTAX, "%s: %s is given a second time (first at %s)",
			       where, name, old->origin);
	/* A line pasted below one that says the same surprises nobody. */
	if (strcmp(old->value, value) != 0)
		conf_warn(conf, "%s: %s is given a second time (first at %s); this one counts",
			  where, name, old->origin);
	return 1;
}

/* Whether the text can be a key at all. */
static bool name_ok(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > 255)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

int conf_put(struct conf *conf, const struct conf_place *place, const char *name, const char *value,
	     struct err *err)
{
	const struct conf_spec *spec = conf_spec_find(name);
	const char *key = name;
	char where[CONF_ORIGIN_SIZE], why[CONF_WHY_SIZE], shown[SHOWN_VALUE_BYTES_MAX + 8];
	char *kept = NULL;
	struct conf_entry *entry;
	size_t index;

	conf_place_text(place, where);
	if (!name_ok(name))
		return err_set(err, ERR_CONF_SYNTAX, "%s: \"%s\" cannot be the name of a setting",
			       where, show_value("", name, shown));
	if (spec == NULL || (strchr(spec->key, '*') != NULL && conf_is_typo(name))) {
		warn_unknown(conf, where, name);
		spec = NULL;
	} else if (strchr(spec->key, '*') == NULL) {
		key = spec->key;
	}
	if (spec != NULL && spec->effect == CONF_LATER)
		conf_warn(conf, "%s: %s is a setting of Flink that has no effect in this version",
			  where, name);
	if (spec != NULL && !conf_value_check(spec, value, &kept, why))
		return err_set(err, ERR_CONF_BAD_VALUE, "%s: %s is \"%s\", which is %s", where,
			       name, show_value(key, value, shown), why);
	if (kept == NULL)
		kept = mem_strdup(value);
	if (entry_find(conf, key, &index)) {
		int decided = repeat_decide(conf, place, name, kept, &conf->entries[index], err);

		if (decided != 1) {
			mem_free(kept);
			return decided;
		}
		entry = &conf->entries[index];
	} else {
		entry = entry_insert(conf, index);
	}
	struct conf_entry fresh = { .key = mem_strdup(key), .spec = spec, .value = kept,
				    .origin = mem_strdup(where), .source = place->source };

	fresh.name = strcmp(key, name) != 0 ? mem_strdup(name) : NULL;
	entry_fini(entry);
	*entry = fresh;
	return 0;
}

int conf_set(struct conf *conf, const char *key, const char *value, const char *origin,
	     struct err *err)
{
	struct conf_place place = { .source = CONF_FROM_ARGUMENT, .name = origin };

	return conf_put(conf, &place, key, value, err);
}

int conf_set_pair(struct conf *conf, const char *pair, const char *origin, struct err *err)
{
	const char *equals = strchr(pair, '=');
	char *key;
	int result;

	if (equals == NULL || equals == pair)
		return err_set(err, ERR_USAGE, "%s \"%.200s\" is not key=value", origin, pair);
	key = mem_strndup(pair, (size_t)(equals - pair));
	result = conf_set(conf, key, equals + 1, origin, err);
	mem_free(key);
	return result;
}

/* ---- asking --------------------------------------------------------------------------------- */

const char *conf_raw(const struct conf *conf, const char *key)
{
	size_t index;

	return entry_find(conf, key, &index) ? conf->entries[index].value : NULL;
}

bool conf_is_set(const struct conf *conf, const char *key)
{
	return conf_raw(conf, key) != NULL;
}

const char *conf_origin(const struct conf *conf, const char *key)
{
	size_t index;

	return entry_find(conf, key, &index) ? conf->entries[index].origin : "default";
}

bool conf_next(const struct conf *conf, size_t *at, const char **key, const char **value)
{
	if (*at >= conf->entries_count)
		return false;
	*key = conf->entries[*at].key;
	*value = conf->entries[*at].value;
	(*at)++;
	return true;
}

/* The value in force: what was set, or the default, or the value of the key that a default names.
 *  */
static const char *value_of(const struct conf *conf, const char *key, const struct conf_spec **spec)
{
	const char *text;

	*spec = conf_spec_of_key(key);
	CHECK(*spec != NULL, "%s is not in conf_table.h", key);
	for (int hops = 0; hops < DEFAULT_CHAIN_MAX; hops++) {
		const struct conf_spec *at = conf_spec_of_key(key);

		CHECK(at != NULL, "the default of %s names %s, which is not in conf_table.h",
		      (*spec)->key, key);
		text = conf_raw(conf, key);
		if (text != NULL)
			return text;
		if (at->value_default[0] != '=')
			return at->value_default;
		key = at->value_default + 1;
	}
	CHECK(false, "the default of %s goes round in a circle", (*spec)->key);
}

const char *conf_text(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;

	return value_of(conf, key, &spec);
}

int64_t conf_int(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;
	const char *text = value_of(conf, key, &spec);

	CHECK(spec->type == CONF_INT || spec->type == CONF_PORT, "%s is not a number", key);
	return text[0] == '\0' ? -1 : strtoll(text, NULL, 10);
}

double conf_double(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;
	const char *text = value_of(conf, key, &spec);

	CHECK(spec->type == CONF_DOUBLE, "%s is not a number", key);
	return strtod(text, NULL);
}

bool conf_bool(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;
	const char *text = value_of(conf, key, &spec);

	CHECK(spec->type == CONF_BOOL, "%s is not true or false", key);
	return strcasecmp(text, "true") == 0;
}

int64_t conf_duration_ms(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;
	const char *text = value_of(conf, key, &spec);
	int64_t ms;

	CHECK(spec->type == CONF_DURATION, "%s is not a duration", key);
	return duration_parse(text, &ms) ? ms : -1;
}

int64_t conf_memory_bytes(const struct conf *conf, const char *key)
{
	const struct conf_spec *spec;
	const char *text = value_of(conf, key, &spec);
	int64_t bytes;

	CHECK(spec->type == CONF_MEMORY, "%s is not a size", key);
	return memory_parse(text, &bytes) ? bytes : -1;
}

int conf_refuse(const struct conf *conf, const char *key, const char *why, struct err *err)
{
	char shown[SHOWN_VALUE_BYTES_MAX + 8];
	const struct conf_spec *spec;

	return err_set(err, ERR_CONF_BAD_VALUE, "%s: %s is \"%s\", which is %s",
		       conf_origin(conf, key), key,
		       show_value(key, value_of(conf, key, &spec), shown), why);
}

void conf_draw(struct conf *conf, uint64_t (*draw)(void *context), void *context)
{
	for (size_t i = 0; i < conf_specs_count; i++) {
		const struct conf_spec *spec = &conf_specs[i];
		uint64_t coin, number;
		char text[32];
		struct err err = ERR_INIT;

		if (spec->key == NULL || (spec->sim_min == 0 && spec->sim_max == 0))
			continue;
		coin = draw(context);
		number = draw(context) % (uint64_t)(spec->sim_max - spec->sim_min + 1);
		if (coin % 2 == 0)
			continue;
		if (spec->type == CONF_BOOL)
			snprintf(text, sizeof(text), "%s", number ? "true" : "false");
		else
			snprintf(text, sizeof(text), "%" PRId64, spec->sim_min + (int64_t)number);
		CHECK(conf_set(conf, spec->key, text, "the simulator", &err) == 0, "%s", err.text);
	}
}

/* ---- gathering ------------------------------------------------------------------------------ */

typedef int parse_fn(struct conf *conf, const char *name, const char *text, struct err *err);

/* The world's reading tells a missing file by the text of errno only. */
static bool is_missing(const struct err *err)
{
	return err->code == ERR_IO && strstr(err->text, "No such file or directory") != NULL;
}

/* 1 read and parsed, 0 no such file, -1 error. */
static int load_file(struct conf *conf, struct world *world, const char *directory,
		     const char *file, parse_fn *parse, struct err *err)
{
	char *path = mem_printf("%s/%s", directory, file), *text = NULL;
	size_t size_bytes = 0;
	int result = -1;

	if (world_read_file(world, path, LIMIT_SETTINGS_FILE_BYTES_MAX, &text, &size_bytes, err)) {
		result = is_missing(err) ? 0 : err_wrap(err, "reading settings");
		if (result == 0)
			err_clear(err);
	} else if (size_bytes >= 2 &&
		   (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
		err_set(err, ERR_CONF_SYNTAX, "%s is saved as UTF-16; save it as UTF-8", path);
	} else if (strlen(text) != size_bytes) {
		err_set(err, ERR_CONF_SYNTAX,
			"%s contains a zero byte at offset %zu: it is not a text file", path,
			strlen(text));
	} else {
		result = parse(conf, path, text, err) == 0 ? 1 : -1;
	}
	mem_free(text);
	mem_free(path);
	return result;
}

int conf_load(struct conf *conf, struct world *world, const char *directory, struct err *err)
{
	int yaml, flink_conf;

	if (load_file(conf, world, directory, "masters", conf_parse_masters, err) < 0)
		return -1;
	yaml = load_file(conf, world, directory, "config.yaml", conf_parse_yaml, err);
	if (yaml < 0)
		return -1;
	flink_conf =
		load_file(conf, world, directory, "flink-conf.yaml", conf_parse_flink_conf, err);
	if (flink_conf < 0)
		return -1;
	if (yaml == 0 && flink_conf == 0)
		return err_set(err, ERR_CONF_MISSING,
			       "there is neither %s/flink-conf.yaml nor %s/config.yaml", directory,
			       directory);
	return 0;
}

/* Every -Dkey=value and -D key=value. */
static int load_arguments(struct conf *conf, int argc, char *const *argv, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-D", 2) != 0)
			continue;
		if (argv[i][2] != '\0') {
			if (conf_set_pair(conf, argv[i] + 2, "-D", err))
				return -1;
		} else if (i + 1 == argc) {
			return err_set(err, ERR_USAGE, "-D needs key=value behind it");
		} else if (conf_set_pair(conf, argv[++i], "-D", err)) {
			return -1;
		}
	}
	return 0;
}

/* Values that are allowed alone and not together. */
static int check_together(const struct conf *conf, struct err *err)
{
	static const char interval[] = "heartbeat.interval", timeout[] = "heartbeat.timeout";

	if (conf_duration_ms(conf, interval) < conf_duration_ms(conf, timeout))
		return 0;
	return err_set(err, ERR_CONF_BAD_VALUE,
		       "%s: %s is \"%s\", which is not more than %s, \"%s\" (%s): everybody would "
		       "count as gone between two heartbeats",
		       conf_origin(conf, timeout), timeout, conf_text(conf, timeout), interval,
		       conf_text(conf, interval), conf_origin(conf, interval));
}

int conf_load_all(struct conf *conf, struct world *world, const char *directory, int argc,
		  char *const *argv, struct err *err)
{
	if (directory == NULL)
		directory = world_env(world, "FLINK_CONF_DIR");
	if (directory == NULL || directory[0] == '\0')
		directory = "conf";
	if (conf_load(conf, world, directory, err) || conf_load_env(conf, world, err))
		return -1;
	if (load_arguments(conf, argc, argv, err))
		return -1;
	return check_together(conf, err);
}
