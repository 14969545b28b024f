/* SPDX-License-Identifier: Apache-2.0
 * conf_file.c - the grammars of settings: YAML, Flink's older "key: value" lines, masters,
 * variables.
 *
 * Every text is first cut into pairs and only then stored, so that a flink-conf.yaml that turns out
 * not to be YAML in its last line is read by lines from its first. Aliases are refused: a settings
 * file needs none, and they can grow without bound. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/conf/conf_priv.h"

#define DEPTH_MAX 16
#define PROBLEM_SIZE 256

struct pair {
	const char *key, *value; /* value NULL: the key stands alone */
	size_t line;
};

/* The pairs of one text, in order, and the memory they live in. */
struct pairs {
	struct arena *arena;
	struct pair *list;
	size_t count, capacity;
};

static void pairs_init(struct pairs *pairs)
{
	*pairs = (struct pairs){ .arena = arena_create("settings") };
}

static void pairs_fini(struct pairs *pairs)
{
	mem_free(pairs->list);
	arena_destroy(&pairs->arena);
}

static void pairs_add(struct pairs *pairs, const char *key, const char *value, size_t line)
{
	if (pairs->count == pairs->capacity) {
		pairs->capacity = pairs->capacity * 2 + 32;
		pairs->list = mem_realloc(pairs->list, pairs->capacity * sizeof(*pairs->list));
	}
	pairs->list[pairs->count++] = (struct pair){ key, value, line };
}

/* The text without its byte order mark, and with plain blanks for the no-break spaces that come
 * along when a line is copied from a web page and the wide ones that keyboards of East Asia write.
 * Lines and columns stay where they are. */
static const char *plain_text(struct arena *arena, const char *text)
{
	static const char *const odd_blanks[] = { "\xc2\xa0", "\xe3\x80\x80" };
	char *copy = NULL;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (size_t i = 0; i < ARRAY_COUNT(odd_blanks); i++) {
		for (const char *at = text; (at = strstr(at, odd_blanks[i])) != NULL;) {
			size_t offset = (size_t)(at - text), length = strlen(odd_blanks[i]);

			if (copy == NULL)
				text = copy = arena_strdup(arena, text);
			memset(copy + offset, ' ', length);
			at = copy + offset + length;
		}
	}
	return text;
}

/* ---- YAML ----------------------------------------------------------------------------------- */

struct yaml_reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the last one taken */
	bool event_held;
	struct pairs *pairs;
	const char *text;
	/* what stopped it */
	char problem[PROBLEM_SIZE];
	size_t line, column;
};

static bool give_up(struct yaml_reader *reader, yaml_mark_t mark, const char *problem)
{
	snprintf(reader->problem, sizeof(reader->problem), "%s", problem);
	reader->line = mark.line + 1;
	reader->column = mark.column + 1;
	return false;
}

/* Whether the line begins with blanks of which one is a tab. */
static bool line_has_tab(const char *text, size_t line)
{
	for (; line > 1 && text != NULL; line--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	for (; text != NULL && (*text == ' ' || *text == '\t'); text++)
		if (*text == '\t')
			return true;
	return false;
}

/* Whether the first line that says something begins with a blank: Flink's reader does not mind. */
static bool begins_indented(const char *text)
{
	for (; *text != '\0'; text += *text == '\n') {
		size_t blanks = strspn(text, " \t");
		bool says_something = strchr("#\r\n", text[blanks]) == NULL;

		if (says_something)
			return blanks > 0;
		text += strcspn(text, "\n");
	}
	return false;
}

static bool take(struct yaml_reader *reader)
{
	if (reader->event_held)
		yaml_event_delete(&reader->event);
	reader->event_held = yaml_parser_parse(&reader->parser, &reader->event) != 0;
	if (reader->event_held)
		return true;
	const char *problem = reader->parser.problem ? reader->parser.problem : "it is not YAML";
	yaml_mark_t mark = reader->parser.problem_mark;

	if (reader->parser.error == YAML_READER_ERROR) {
		problem = "it is not UTF-8 text";
		for (size_t i = 0; i < reader->parser.problem_offset && reader->text[i] != '\0';
		     i++)
			mark.line += reader->text[i] == '\n';
	} else if (line_has_tab(reader->text, mark.line + 1)) {
		problem = "a tab where YAML wants spaces";
	} else if (strstr(problem, "<document start>") != NULL && begins_indented(reader->text)) {
		problem = "it begins further left than the first line";
	}
	return give_up(reader, mark, problem);
}

static const char *event_text(const struct yaml_reader *reader)
{
	return (const char *)reader->event.data.scalar.value;
}

/* Flink's list syntax: an item with a separator or a quote in it stands in single quotes. */
static void add_item(struct buf *into, const char *item, const char *separators)
{
	if (item[strcspn(item, separators)] == '\0' && strpbrk(item, "'\"") == NULL) {
		buf_add_text(into, item);
		return;
	}
	buf_add_text(into, "'");
	for (; *item != '\0'; item++)
		buf_add(into, *item == '\'' ? "''" : item, *item == '\'' ? 2 : 1);
	buf_add_text(into, "'");
}

/* After MAPPING_START: "k1:v1,k2:v2". */
static bool join_mapping(struct yaml_reader *reader, struct buf *into)
{
	bool first = true;

	while (take(reader)) {
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			return true;
		if (reader->event.type != YAML_SCALAR_EVENT)
			return give_up(reader, reader->event.start_mark,
				       "a map of plain values is wanted here");
		if (!first)
			buf_add_text(into, ",");
		first = false;
		add_item(into, event_text(reader), ",:");
		buf_add_text(into, ":");
		if (!take(reader))
			return false;
		if (reader->event.type != YAML_SCALAR_EVENT)
			return give_up(reader, reader->event.start_mark,
				       "a plain value is wanted here");
		add_item(into, event_text(reader), ",:");
	}
	return false;
}

/* After SEQUENCE_START: "a;b;c". */
static bool join_sequence(struct yaml_reader *reader, struct buf *into)
{
	bool first = true, ok = true;

	while (ok && take(reader)) {
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		if (!first)
			buf_add_text(into, ";");
		first = false;
		if (reader->event.type == YAML_SCALAR_EVENT) {
			add_item(into, event_text(reader), ";");
		} else if (reader->event.type == YAML_MAPPING_START_EVENT) {
			struct buf item;

			buf_init(&item);
			ok = join_mapping(reader, &item);
			if (ok)
				add_item(into, item.data ? item.data : "", ";");
			buf_fini(&item);
		} else {
			ok = give_up(reader, reader->event.start_mark,
				     "a list holds plain values or maps of them");
		}
	}
	return false;
}

static bool is_map_setting(const char *key)
{
	const struct conf_spec *spec = conf_spec_of_key(key);

	return spec != NULL && spec->type == CONF_MAP;
}

static bool read_mapping(struct yaml_reader *reader, const char *prefix, unsigned depth);

/* The value of `key` has begun with the event held. */
static bool read_value(struct yaml_reader *reader, const char *key, size_t line, unsigned depth)
{
	struct buf joined;
	bool ok = true, plain;

	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		pairs_add(reader->pairs, key,
			  plain && event_text(reader)[0] == '\0'
				  ? NULL
				  : arena_strdup(reader->pairs->arena, event_text(reader)),
			  line);
		return true;
	case YAML_MAPPING_START_EVENT:
		if (!is_map_setting(key))
			return read_mapping(reader, key, depth + 1);
		break;
	case YAML_SEQUENCE_START_EVENT:
		break;
	default:
		return give_up(reader, reader->event.start_mark, "aliases are not allowed here");
	}
	buf_init(&joined);
	ok = reader->event.type == YAML_MAPPING_START_EVENT ? join_mapping(reader, &joined)
							   : join_sequence(reader, &joined);
	if (ok)
		pairs_add(reader->pairs, key,
			  arena_strdup(reader->pairs->arena, joined.data ? joined.data : ""), line);
	buf_fini(&joined);
	return ok;
}

/* After MAPPING_START. Keys below `prefix` are "prefix.key". */
static bool read_mapping(struct yaml_reader *reader, const char *prefix, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return give_up(reader, reader->event.start_mark, "maps are nested too deeply");
	while (take(reader)) {
		size_t line = reader->event.start_mark.line + 1;
		const char *key;

		if (reader->event.type == YAML_MAPPING_END_EVENT)
			return true;
		if (reader->event.type != YAML_SCALAR_EVENT)
			return give_up(reader, reader->event.start_mark, "a key is plain text");
		key = prefix[0] == '\0' ? arena_strdup(reader->pairs->arena, event_text(reader))
					: arena_printf(reader->pairs->arena, "%s.%s", prefix,
						       event_text(reader));
		if (strlen(key) > LIMIT_FIELD_NAME_BYTES_MAX)
			return give_up(reader, reader->event.start_mark, "a key is too long");
		if (!take(reader) || !read_value(reader, key, line, depth))
			return false;
	}
	return false;
}

/* One document that is a mapping, or nothing at all. */
static bool read_stream(struct yaml_reader *reader)
{
	static const char not_settings[] = "settings are 'key: value'";
	bool seen = false;

	while (take(reader)) {
		yaml_mark_t mark = reader->event.start_mark;

		switch (reader->event.type) {
		case YAML_STREAM_END_EVENT:
			return true;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (seen)
				return give_up(reader, mark, "a second document begins");
			seen = true;
			break;
		case YAML_MAPPING_START_EVENT:
			if (!read_mapping(reader, "", 1))
				return false;
			break;
		case YAML_SCALAR_EVENT: /* an empty one is an empty document */
			if (event_text(reader)[0] != '\0')
				return give_up(reader, mark, not_settings);
			break;
		default:
			return give_up(reader, mark, not_settings);
		}
	}
	return false;
}

/* True: *pairs are all of it. False: problem, line and column say why not. */
static bool cut_yaml(struct yaml_reader *reader, const char *text, struct pairs *pairs)
{
	bool ok;

	memset(reader, 0, sizeof(*reader));
	reader->pairs = pairs;
	reader->text = text;
	if (!yaml_parser_initialize(&reader->parser)) {
		snprintf(reader->problem, sizeof(reader->problem), "no memory");
		return false;
	}
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, strlen(text));
	ok = read_stream(reader);
	if (reader->event_held)
		yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
	return ok;
}

static int store(struct conf *conf, const struct conf_place *from, const struct pairs *pairs,
		 struct err *err)
{
	struct conf_place place = *from;
	char where[CONF_ORIGIN_SIZE];

	for (size_t i = 0; i < pairs->count; i++) {
		place.line = pairs->list[i].line;
		if (pairs->list[i].value == NULL)
			conf_warn(conf, "%s: %s has no value; the line is skipped",
				  conf_place_text(&place, where), pairs->list[i].key);
		else if (conf_put(conf, &place, pairs->list[i].key, pairs->list[i].value, err))
			return -1;
	}
	return 0;
}

int conf_parse_yaml(struct conf *conf, const char *name, const char *text, struct err *err)
{
	struct conf_place place = { .source = CONF_FROM_YAML, .name = name };
	struct yaml_reader reader;
	struct pairs pairs;
	int result;

	pairs_init(&pairs);
	if (cut_yaml(&reader, plain_text(pairs.arena, text), &pairs))
		result = store(conf, &place, &pairs, err);
	else
		result = err_set(err, ERR_CONF_SYNTAX, "%s:%zu:%zu: this is not YAML: %s", name,
				 reader.line, reader.column, reader.problem);
	pairs_fini(&pairs);
	return result;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The line without its comment, blanks and carriage return. A '#' begins a comment at the start of
 * a line or after a blank, as in YAML: a '#' within a password is part of it. */
static char *line_cut(struct arena *arena, const char *line, size_t length)
{
	size_t end = 0;

	while (end < length &&
	       !(line[end] == '#' && (end == 0 || isspace((unsigned char)line[end - 1]))))
		end++;
	while (end > 0 && isspace((unsigned char)*line))
		line++, end--;
	while (end > 0 && isspace((unsigned char)line[end - 1]))
		end--;
	return arena_strndup(arena, line, end);
}

/* Where the key ends: the first ": " (or ':' before a tab or the end); with `any`, the first ':'.
 *  */
static char *find_colon(char *line, bool any)
{
	for (char *at = strchr(line, ':'); at != NULL; at = strchr(at + 1, ':'))
		if (any || at[1] == '\0' || isspace((unsigned char)at[1]))
			return at;
	return NULL;
}

static char *trim_ends(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* Takes quotes off a value that stands in them wholly, as YAML would have. */
static char *unquote(char *value)
{
	size_t length = strlen(value);

	if (length < 2 || (value[0] != '"' && value[0] != '\'') || value[length - 1] != value[0])
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

/* Cuts by lines. `bad` is called for a line that is no setting; -1 from it ends the cutting. */
typedef int bad_line_fn(struct conf *conf, const char *name, size_t number, const char *line,
			struct err *err);

static int cut_lines(struct conf *conf, const char *name, const char *text, bool any_colon,
		     bad_line_fn *bad, struct pairs *pairs, struct err *err)
{
	for (size_t number = 1; *text != '\0'; number++) {
		size_t length = strcspn(text, "\n");
		char *line = line_cut(pairs->arena, text, length), *colon;

		text += length;
		text += *text == '\n';
		if (line[0] == '\0' || strcmp(line, "---") == 0)
			continue;
		colon = find_colon(line, any_colon);
		if (colon == NULL || colon == line) {
			if (bad(conf, name, number, line, err))
				return -1;
			continue;
		}
		*colon = '\0';
		char *value = trim_ends(colon + 1);

		pairs_add(pairs, trim_ends(line), *value ? unquote(value) : NULL, number);
	}
	return 0;
}

/* What keeps a line that looks like a setting from being one. */
static const char *line_flaw(const char *line)
{
	if (strstr(line, "\xef\xbc\x9a") != NULL)
		return " (its ':' is a wide one)";
	if (line[0] != ':' && strchr(line, ':') != NULL)
		return " (a blank is missing behind ':')";
	return strchr(line, '=') != NULL ? " (it has '=' where ':' belongs)" : "";
}

static int warn_bad_line(struct conf *conf, const char *name, size_t number, const char *line,
			 struct err *err)
{
	(void)err;
	conf_warn(conf, "%s:%zu: \"%.100s\" is not 'key: value'%s; the line is skipped", name, number,
		  line, line_flaw(line));
	return 0;
}

int conf_parse_flink_conf(struct conf *conf, const char *name, const char *text, struct err *err)
{
	struct conf_place place = { .source = CONF_FROM_FLINK_CONF, .name = name };
	struct yaml_reader reader;
	struct pairs pairs;
	int result = 0;

	pairs_init(&pairs);
	text = plain_text(pairs.arena, text);
	if (!cut_yaml(&reader, text, &pairs)) {
		conf_warn(conf, "%s:%zu: this is not YAML (%s); the file is read line by line",
			  name, reader.line, reader.problem);
		pairs.count = 0;
		result = cut_lines(conf, name, text, false, warn_bad_line, &pairs, err);
	}
	if (result == 0)
		result = store(conf, &place, &pairs, err);
	pairs_fini(&pairs);
	return result;
}

/* "localhost:8081   # comment": only the port means something here. The port that counts anyway is
 * not set, so that an untouched file never argues with rest.port. */
int conf_parse_masters(struct conf *conf, const char *name, const char *text, struct err *err)
{
	struct conf_place place = { .source = CONF_FROM_MASTERS, .name = name };
	struct arena *arena = arena_create("masters");
	int result = 0;

	text = plain_text(arena, text);
	for (place.line = 1; *text != '\0'; place.line++) {
		size_t length = strcspn(text, "\n");
		const char *line = line_cut(arena, text, length), *colon = strrchr(line, ':');

		text += length;
		text += *text == '\n';
		if (line[0] == '\0')
			continue;
		/* An IPv6 address has colons of its own; a port stands behind its bracket. */
		if (colon != NULL && (strchr(line, ':') == colon || colon[-1] == ']') &&
		    strcmp(colon + 1, conf_spec_of_key("rest.port")->value_default) != 0)
			result = conf_put(conf, &place, "rest.port", colon + 1, err);
		break; /* further masters are for high availability */
	}
	arena_destroy(&arena);
	return result;
}

/* ---- variables ------------------------------------------------------------------------------ */

static int refuse_bad_line(struct conf *conf, const char *name, size_t number, const char *line,
			   struct err *err)
{
	const char *equals = strchr(line, '=');
	int key_length = equals ? (int)(equals - line) : 0;

	(void)conf;
	while (key_length > 0 && line[key_length - 1] == ' ')
		key_length--;
	if (key_length == 0 || key_length > 100)
		return err_set(err, ERR_CONF_SYNTAX,
			       "%s:%zu: \"%.100s\" is not 'key: value'; write it as, for example, "
			       "\"rest.port: 8081\"",
			       name, number, line);
	return err_set(err, ERR_CONF_SYNTAX,
		       "%s:%zu: \"%.100s\" is not 'key: value'; write it as \"%.*s: %.100s\"", name,
		       number, line, key_length, line, equals + 1 + strspn(equals + 1, " "));
}

/* $NAME and ${NAME} become the variable's value, or nothing when it is not set. */
static const char *substitute(struct arena *arena, struct world *world, const char *value)
{
	struct buf text;
	const char *copy;

	if (strchr(value, '$') == NULL)
		return value;
	buf_init(&text);
	while (*value != '\0') {
		bool braced = value[0] == '$' && value[1] == '{';
		const char *start = value + 1 + braced, *end = start;

		while (isalnum((unsigned char)*end) || *end == '_')
			end++;
		if (value[0] != '$' || end == start || isdigit((unsigned char)*start) ||
		    (braced && *end != '}')) {
			buf_add(&text, value++, 1);
			continue;
		}
		char *name = arena_strndup(arena, start, (size_t)(end - start));
		const char *found = world_env(world, name);

		buf_add_text(&text, found ? found : "");
		value = end + braced;
	}
	copy = arena_strdup(arena, text.data ? text.data : "");
	buf_fini(&text);
	return copy;
}

static int load_properties(struct conf *conf, struct world *world, const char *text,
			   struct err *err)
{
	struct conf_place place = { .source = CONF_FROM_ENV, .name = "FLINK_PROPERTIES" };
	struct yaml_reader reader;
	struct pairs pairs;
	int result = 0;

	pairs_init(&pairs);
	text = plain_text(pairs.arena, text);
	if (!cut_yaml(&reader, text, &pairs)) {
		pairs.count = 0;
		result = cut_lines(conf, place.name, text, true, refuse_bad_line, &pairs, err);
	}
	for (size_t i = 0; i < pairs.count; i++)
		if (pairs.list[i].value != NULL)
			pairs.list[i].value = substitute(pairs.arena, world, pairs.list[i].value);
	if (result == 0)
		result = store(conf, &place, &pairs, err);
	pairs_fini(&pairs);
	return result;
}

int conf_load_env(struct conf *conf, struct world *world, struct err *err)
{
	static const struct {
		const char *variable, *key;
	} simple[] = {
		{ "JOB_MANAGER_RPC_ADDRESS", "jobmanager.rpc.address" },
		{ "TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "taskmanager.numberOfTaskSlots" },
		{ "ROOT_LOG_LEVEL", "env.log.level" },
		{ "FLINK_LOG_DIR", "env.log.dir" },
		{ "FLINK_PID_DIR", "env.pid.dir" },
		{ "MAX_LOG_FILE_NUMBER", "env.log.max" },
	};
	const char *text;

	for (size_t i = 0; i < ARRAY_COUNT(simple); i++) {
		struct conf_place place = { .source = CONF_FROM_ENV, .name = simple[i].variable };

		text = world_env(world, simple[i].variable);
		if (text != NULL && text[0] != '\0' &&
		    conf_put(conf, &place, simple[i].key, text, err))
			return -1;
	}
	text = world_env(world, "FLINK_PROPERTIES");
	return text != NULL ? load_properties(conf, world, text, err) : 0;
}
