/* SPDX-License-Identifier: Apache-2.0
 * program.c - see program.h. Start-up work of a client: the file is read whole, synchronously. */
#include "client/api/program.h"

#include <errno.h>
#include <string.h>

#include "client/api/artifact.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

static bool ends_with_jar(const char *path)
{
	size_t length = strlen(path);

	return length > 4 && strcmp(path + length - 4, ".jar") == 0;
}

/* The file as named, or with the endings of examples/streaming behind it. */
static int read_program(struct world *world, const char *path, struct program *program,
			struct err *err)
{
	static const char *const endings[] = { "", ".so", ".jar" };
	struct err first = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
		program->path = mem_printf("%s%s", path, endings[i]);
		if (world_read_file(world, program->path, LIMIT_ARTIFACT_BYTES_MAX,
				    &program->content, &program->size_bytes,
				    i == 0 ? &first : err) == 0)
			return 0;
		mem_free(program->path);
		program->path = NULL;
	}
	bool missing = strstr(first.text, strerror(ENOENT)) != NULL;

	if (ends_with_jar(path)) /* Flink's own words */
		return err_set(err, ERR_ARTIFACT_UNREADABLE,
			       "Could not build the program from JAR file: %s%s",
			       missing ? "JAR file does not exist: " : "",
			       missing ? path : first.text);
	return err_set(err, ERR_ARTIFACT_UNREADABLE, "%s%s",
		       missing ? "program file does not exist: " : "", missing ? path : first.text);
}

/* The loader speaks of the file that it was given. */
static void show_as(const char *path, const char *shown, struct err *err)
{
	const char *at = strstr(err->text, path);
	struct err whole = *err;

	if (at == NULL || shown == path)
		return;
	err_set(err, whole.code, "%.*s%s%s", (int)(at - err->text), whole.text, shown,
		whole.text + (at - err->text) + strlen(path));
}

int program_open(struct world *world, const char *path, const char *shown, struct program *program,
		 struct err *err)
{
	*program = (struct program){ .path = NULL };
	if (read_program(world, path, program, err) < 0)
		return -1;
	shown = shown != NULL ? shown : program->path;
	const char *slash = strrchr(shown, '/');

	program->name = mem_strdup(slash != NULL ? slash + 1 : shown);
	hash_sha256(program->content, program->size_bytes, program->sha256);
	if (artifact_check(bytes_of(program->content, program->size_bytes), shown, err) < 0 ||
	    module_open(world, program->path, program->sha256, &program->module, err) < 0) {
		show_as(program->path, shown, err);
		program_close(program);
		return -1;
	}
	void *address = module_symbol(program->module, "flink_main");

	if (address == NULL) {
		err_set(err, ERR_ARTIFACT_ENTRY, "%s defines no function flink_main", shown);
		program_close(program);
		return -1;
	}
	memcpy(&program->main, &address, sizeof(address)); /* ISO C has no such cast */
	return 0;
}

void program_close(struct program *program)
{
	if (program->module != NULL)
		module_close(&program->module);
	mem_free(program->path);
	mem_free(program->name);
	mem_free(program->content);
	*program = (struct program){ .path = NULL };
}

static int call_main(struct program *program, struct flink_env *env, struct flink_args *args,
		     struct err *err)
{
	int result = program->main(env, args, err);

	world_end_if_forked();
	if (result != 0) {
		if (err->code == ERR_NONE)
			err_set(err, ERR_PROGRAM_FAILED,
				"flink_main of %s returned an error without saying which",
				program->name);
		return -1;
	}
	if (!flink_env_executed(env) && flink_env_has_operators(env))
		return err_set(err, ERR_NO_JOB, "%s", err_sentence(ERR_NO_JOB));
	return 0;
}

int program_run(struct program *program, const struct flink_env_options *options,
		int arguments_count, const char *const *arguments, bool *built_job, struct err *err)
{
	struct flink_env_options full = *options;
	struct flink_args *args;

	*built_job = false;
	if (flink_args_create(arguments_count, arguments, &args, err) < 0)
		return -1;
	full.module = program->module;
	full.artifact_name = program->name;
	full.artifact_size_bytes = program->size_bytes;
	memcpy(full.artifact_sha256, program->sha256, sizeof(full.artifact_sha256));
	struct flink_env *env = flink_env_create(&full);
	int result = call_main(program, env, args, err);

	*built_job = flink_env_executed(env);
	flink_env_destroy(&env);
	flink_args_destroy(&args);
	return result;
}
