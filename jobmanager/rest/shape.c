/* SPDX-License-Identifier: Apache-2.0
 * shape.c - reads the notation of shape.h: to check a value against it, and to write a schema. */
#include "jobmanager/rest/shape.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/id.h"

#define SCHEMA_PREFIX "#/components/schemas/"
#define KEY_SIZE 96

/* ---- reading the notation ------------------------------------------------------------------- */

/* The length of the shape that begins here, with its '?'. */
static size_t length_of(const char *shape)
{
	size_t at = 0;
	int depth = 0;

	for (bool quoted = false; shape[at] != '\0'; at++) {
		char c = shape[at];

		if (c == '\'')
			quoted = !quoted;
		if (quoted)
			continue;
		if (depth == 0 && (c == ' ' || c == '}' || c == ']' || c == '>'))
			break;
		depth += c == '{' || c == '[' || c == '<';
		depth -= c == '}' || c == ']' || c == '>';
	}
	return at;
}

static bool is_nullable(const char *shape)
{
	size_t length = length_of(shape);

	return length > 0 && shape[length - 1] == '?';
}

/* Without its '?'. */
static size_t base_length(const char *shape)
{
	size_t length = length_of(shape);

	return length - (length > 0 && shape[length - 1] == '?');
}

static bool is_word(const char *shape, const char *word)
{
	return base_length(shape) == strlen(word) && strncmp(shape, word, strlen(word)) == 0;
}

bool shape_next_member(const char **at, struct shape_member *member)
{
	*at += strspn(*at, " ");
	member->key = *at;
	member->key_length = strcspn(*at, ":?} ");
	if (member->key_length == 0)
		return false;
	*at += member->key_length;
	member->optional = **at == '?';
	*at += member->optional;
	CHECK(**at == ':', "no ':' behind %.40s", member->key);
	member->shape = ++*at;
	*at += length_of(member->shape);
	return true;
}

static const char *find_name(const char *shape, const struct shape_name *names)
{
	for (; names->name != NULL; names++)
		if (is_word(shape, names->name))
			return names->shape;
	return NULL;
}

/* ---- whether a value fits ------------------------------------------------------------------- */

struct check {
	const struct shape_name *names;
	struct buf *why;
	char where[256];
	size_t where_length;
};

static bool fits(struct check *check, const json_t *value, const char *shape);

static bool misfit(struct check *check, const char *what)
{
	buf_printf(check->why, "%s %s", check->where_length > 0 ? check->where : "the value", what);
	return false;
}

/* A step into a value, and back. */
static size_t enter(struct check *check, const char *key, size_t length)
{
	size_t before = check->where_length, room = sizeof(check->where) - before;
	int added = snprintf(check->where + before, room, "%s%.*s", before > 0 ? "." : "",
			     length < 80 ? (int)length : 80, key);

	check->where_length = (size_t)added < room ? before + (size_t)added : before;
	return before;
}

static void leave(struct check *check, size_t before)
{
	check->where_length = before;
	check->where[before] = '\0';
}

static bool fits_at(struct check *check, const json_t *value, const char *shape, const char *key,
		    size_t length)
{
	size_t before = enter(check, key, length);
	bool good = fits(check, value, shape);

	leave(check, before);
	return good;
}

static bool has_member(const char *members, const char *key)
{
	struct shape_member member;

	while (shape_next_member(&members, &member))
		if (strlen(key) == member.key_length &&
		    memcmp(key, member.key, member.key_length) == 0)
			return true;
	return false;
}

static const char *key_text(const struct shape_member *member, char text[KEY_SIZE])
{
	CHECK(member->key_length < KEY_SIZE, "long key %.96s", member->key);
	snprintf(text, KEY_SIZE, "%.*s", (int)member->key_length, member->key);
	return text;
}

static bool object_fits(struct check *check, const json_t *value, const char *members)
{
	const char *at = members, *key;
	struct shape_member member;
	char text[KEY_SIZE];
	json_t *item;

	if (!json_is_object(value))
		return misfit(check, "is no object");
	while (shape_next_member(&at, &member)) {
		item = json_object_get(value, key_text(&member, text));
		if (item == NULL && !member.optional) {
			enter(check, member.key, member.key_length);
			return misfit(check, "is missing");
		}
		if (item != NULL &&
		    !fits_at(check, item, member.shape, member.key, member.key_length))
			return false;
	}
	json_object_foreach((json_t *)(uintptr_t)value, key, item) if (!has_member(members, key))
	{
		enter(check, key, strlen(key));
		return misfit(check, "is no field of it");
	}
	return true;
}

static bool map_fits(struct check *check, const json_t *value, const char *shape)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return misfit(check, "is no object");
	json_object_foreach((json_t *)(uintptr_t)value, key, item) if (!fits_at(check, item, shape,
									       key, strlen(key)))
		return false;
	return true;
}

static bool array_fits(struct check *check, const json_t *value, const char *shape)
{
	char index[24];
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return misfit(check, "is no array");
	json_array_foreach(value, i, item)
	{
		snprintf(index, sizeof(index), "%zu", i);
		if (!fits_at(check, item, shape, index, strlen(index)))
			return false;
	}
	return true;
}

/* One of the texts of 'A|B'. */
static bool choice_fits(struct check *check, const json_t *value, const char *choices)
{
	const char *text = json_string_value(value), *at = choices;
	size_t all = strcspn(choices, "'");
	char message[300];

	while (text != NULL && at < choices + all) {
		size_t length = strcspn(at, "|'");

		if (strlen(text) == length && memcmp(text, at, length) == 0)
			return true;
		at += length + 1;
	}
	snprintf(message, sizeof(message), "is none of %.*s", (int)all, choices);
	return misfit(check, message);
}

static bool word_fits(struct check *check, const json_t *value, const char *shape)
{
	struct id id;

	if (is_word(shape, "any"))
		return true;
	if (is_word(shape, "s"))
		return json_is_string(value) || misfit(check, "is no text");
	if (is_word(shape, "i"))
		return json_is_integer(value) || misfit(check, "is no whole number");
	if (is_word(shape, "b"))
		return json_is_boolean(value) || misfit(check, "is neither true nor false");
	if (is_word(shape, "f"))
		return json_is_number(value) ||
		       (json_is_string(value) && strcmp(json_string_value(value), "NaN") == 0) ||
		       misfit(check, "is no number");
	if (is_word(shape, "id"))
		return (json_is_string(value) && id_parse(json_string_value(value), &id)) ||
		       misfit(check, "is not 32 hex digits");
	const char *named = find_name(shape, check->names);

	CHECK(named != NULL, "no shape is called %.40s", shape);
	return fits(check, value, named);
}

static bool fits(struct check *check, const json_t *value, const char *shape)
{
	if (json_is_null(value) && is_nullable(shape))
		return true;
	switch (shape[0]) {
	case '{': return object_fits(check, value, shape + 1);
	case '[': return array_fits(check, value, shape + 1);
	case '<': return map_fits(check, value, shape + 1);
	case '\'': return choice_fits(check, value, shape + 1);
	default: return word_fits(check, value, shape);
	}
}

bool shape_fits(const json_t *value, const char *shape, const struct shape_name *names,
		struct buf *why)
{
	struct check check = { .names = names, .why = why };

	return fits(&check, value, shape);
}

/* ---- as a schema ---------------------------------------------------------------------------- */

static void put_type(struct json_out *json, const char *type, bool or_null)
{
	if (!or_null) {
		json_out_text(json, "type", type);
		return;
	}
	json_out_array(json, "type");
	json_out_text(json, NULL, type);
	json_out_text(json, NULL, "null");
	json_out_close(json);
}

static void put_object(struct json_out *json, const char *members)
{
	const char *at = members;
	struct shape_member member;
	uint32_t required = 0;
	char key[KEY_SIZE];

	json_out_object(json, "properties");
	while (shape_next_member(&at, &member)) {
		shape_put_schema(json, key_text(&member, key), member.shape);
		required += !member.optional;
	}
	json_out_close(json);
	at = members;
	if (required > 0)
		json_out_array(json, "required");
	while (shape_next_member(&at, &member))
		if (!member.optional)
			json_out_text(json, NULL, key_text(&member, key));
	if (required > 0)
		json_out_close(json);
	json_out_bool(json, "additionalProperties", false);
}

static void put_choices(struct json_out *json, const char *choices, bool or_null)
{
	json_out_array(json, "enum");
	do {
		size_t length = strcspn(choices, "|'");

		json_out_bytes(json, NULL, choices, length);
		choices += length;
	} while (*choices++ == '|');
	if (or_null)
		json_out_null(json, NULL);
	json_out_close(json);
}

static void put_number(struct json_out *json, bool or_null)
{
	json_out_array(json, "anyOf");
	json_out_object(json, NULL);
	json_out_text(json, "type", "number");
	json_out_close(json);
	json_out_object(json, NULL);
	json_out_text(json, "const", "NaN");
	json_out_close(json);
	if (or_null) {
		json_out_object(json, NULL);
		json_out_text(json, "type", "null");
		json_out_close(json);
	}
	json_out_close(json);
}

static void put_reference(struct json_out *json, const char *shape, bool or_null)
{
	char reference[160];

	snprintf(reference, sizeof(reference), SCHEMA_PREFIX "%.*s", (int)base_length(shape),
		 shape);
	if (!or_null) {
		json_out_text(json, "$ref", reference);
		return;
	}
	json_out_array(json, "anyOf");
	json_out_object(json, NULL);
	json_out_text(json, "$ref", reference);
	json_out_close(json);
	json_out_object(json, NULL);
	json_out_text(json, "type", "null");
	json_out_close(json);
	json_out_close(json);
}

static void put_word(struct json_out *json, const char *shape, bool or_null)
{
	if (is_word(shape, "s")) {
		put_type(json, "string", or_null);
	} else if (is_word(shape, "i")) {
		put_type(json, "integer", or_null);
	} else if (is_word(shape, "b")) {
		put_type(json, "boolean", or_null);
	} else if (is_word(shape, "f")) {
		put_number(json, or_null);
	} else if (is_word(shape, "id")) {
		put_type(json, "string", or_null);
		json_out_text(json, "pattern", "^[0-9a-f]{32}$");
	} else if (!is_word(shape, "any")) {
		put_reference(json, shape, or_null);
	}
}

void shape_put_schema(struct json_out *json, const char *key, const char *shape)
{
	bool or_null = is_nullable(shape);

	json_out_object(json, key);
	switch (shape[0]) {
	case '{':
		put_type(json, "object", or_null);
		put_object(json, shape + 1);
		break;
	case '<':
		put_type(json, "object", or_null);
		shape_put_schema(json, "additionalProperties", shape + 1);
		break;
	case '[':
		put_type(json, "array", or_null);
		shape_put_schema(json, "items", shape + 1);
		break;
	case '\'': put_choices(json, shape + 1, or_null); break;
	default: put_word(json, shape, or_null);
	}
	json_out_close(json);
}

/* ---- slips in the table --------------------------------------------------------------------- */

static const char *members_slip(const char *members, const struct shape_name *names)
{
	struct shape_member member;
	const char *slip;

	for (;;) {
		members += strspn(members, " ");
		size_t length = strcspn(members, ":?} ");
		const char *behind = members + length + (members[length] == '?');

		if (length == 0)
			return *members == '}' ? NULL : "a member without a name";
		if (*behind != ':')
			return "a member without a shape";
		shape_next_member(&members, &member);
		slip = shape_slip(member.shape, names);
		if (slip != NULL)
			return slip;
	}
}

const char *shape_slip(const char *shape, const struct shape_name *names)
{
	static const char *const words[] = { "s", "i", "f", "b", "id", "any" };
	size_t length = base_length(shape);
	char last = length > 0 ? shape[length - 1] : '\0';

	switch (shape[0]) {
	case '{': return last == '}' ? members_slip(shape + 1, names) : "no '}'";
	case '[': return last == ']' ? shape_slip(shape + 1, names) : "no ']'";
	case '<': return last == '>' ? shape_slip(shape + 1, names) : "no '>'";
	case '\'': return length > 2 && last == '\'' ? NULL : "no second quote";
	default: break;
	}
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (is_word(shape, words[i]))
			return NULL;
	return find_name(shape, names) != NULL ? NULL : "a name that no shape has";
}
