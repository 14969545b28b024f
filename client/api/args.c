/* SPDX-License-Identifier: Apache-2.0
 * args.c - program arguments, by the rules of Flink's ParameterTool: a key begins with "--" or "-";
 * the next text is its value unless it is a key itself, and a negative number is a value. */
#include "client/api/env.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/mem.h"

struct argument {
	const char *key, *value; /* value NULL: none was given */
};

struct flink_args {
	struct arena *arena;
	struct argument *list;
	size_t count;
};

static bool is_number(const char *text)
{
	char *end;

	strtod(text, &end);
	return end != text && *end == '\0';
}

static bool is_key(const char *text)
{
	return text[0] == '-' && text[1] != '\0' && !is_number(text);
}

static int not_understood(int count, const char *const *texts, const char *text, struct err *err)
{
	struct buf all;

	buf_init(&all);
	for (int i = 0; i < count; i++)
		buf_printf(&all, "%s%s", i > 0 ? ", " : "", texts[i]);
	err_set(err, ERR_PROGRAM_FAILED,
		"Error parsing arguments '[%s]' on '%s'. Please prefix keys with -- or -.",
		all.data, text);
	buf_fini(&all);
	return -1;
}

int flink_args_create(int count, const char *const *texts, struct flink_args **args,
		      struct err *err)
{
	struct arena *arena = arena_create("arguments");
	struct flink_args *made = arena_alloc(arena, sizeof(*made));

	made->arena = arena;
	made->list = arena_alloc(arena, ((size_t)count + 1) * sizeof(*made->list));
	for (int i = 0; i < count; i++) {
		const char *key = texts[i] + (is_key(texts[i]) ? texts[i][1] == '-' ? 2 : 1 : 0);

		if (key == texts[i] || key[0] == '\0') {
			not_understood(count, texts, texts[i], err);
			arena_destroy(&arena);
			return -1;
		}
		struct argument *argument = &made->list[made->count++];

		argument->key = arena_strdup(arena, key);
		if (i + 1 < count && !is_key(texts[i + 1]))
			argument->value = arena_strdup(arena, texts[++i]);
	}
	*args = made;
	return 0;
}

void flink_args_destroy(struct flink_args **args)
{
	if (*args == NULL)
		return;
	struct arena *arena = (*args)->arena;

	arena_destroy(&arena);
	*args = NULL;
}

/* The last one counts, as in a map that is filled in order. */
static const struct argument *find(const struct flink_args *args, const char *key)
{
	for (size_t i = args->count; i-- > 0;)
		if (strcmp(args->list[i].key, key) == 0)
			return &args->list[i];
	return NULL;
}

const char *flink_arg(const struct flink_args *args, const char *key)
{
	const struct argument *argument = find(args, key);

	return argument != NULL ? argument->value : NULL;
}

const char *flink_arg_or(const struct flink_args *args, const char *key, const char *otherwise)
{
	const char *value = flink_arg(args, key);

	return value != NULL ? value : otherwise;
}

bool flink_arg_is_set(const struct flink_args *args, const char *key)
{
	return find(args, key) != NULL;
}

int flink_arg_int(const struct flink_args *args, const char *key, int64_t *value, struct err *err)
{
	const struct argument *argument = find(args, key);
	char *end;

	if (argument == NULL)
		return 0;
	if (argument->value == NULL)
		return err_set(err, ERR_PROGRAM_FAILED, "--%s needs a value, a whole number", key);
	errno = 0;
	long long number = strtoll(argument->value, &end, 10);

	if (errno != 0 || end == argument->value || *end != '\0')
		return err_set(err, ERR_PROGRAM_FAILED,
			       "--%s is \"%s\", which is not a whole number", key,
			       argument->value);
	*value = number;
	return 1;
}
