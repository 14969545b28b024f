/* SPDX-License-Identifier: Apache-2.0
 * run.c - `flink run` and `flink info`: opens the program, runs its flink_main, and hands the job
 * graph to whoever is to have it. Also the sentences for what is not part of this version. */
#include <stdio.h>
#include <string.h>

#include "client/api/program.h"
#include "client/cli/cli.h"
#include "client/cli/guard.h"
#include "common/base/mem.h"

/* Settings that name the cluster, not the job. */
static bool is_about_the_cluster(const char *key)
{
	return strncmp(key, "rest.", 5) == 0 || strncmp(key, "jobmanager.rpc.", 15) == 0 ||
	       strcmp(key, "execution.target") == 0;
}

/* -D and -p, as they travel with the job. Returns their number. */
static uint32_t job_settings(const struct cli_options *options, struct arena *arena,
			     struct flink_setting *settings)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < options->pairs_count; i++) {
		const char *equals = strchr(options->pairs[i], '=');
		size_t length = equals != NULL ? (size_t)(equals - options->pairs[i]) : 0;
		char *key = arena_strndup(arena, options->pairs[i], length);

		if (equals != NULL && !is_about_the_cluster(key))
			settings[count++] = (struct flink_setting){ key, equals + 1 };
	}
	if (options->parallelism > 0)
		settings[count++] = (struct flink_setting){
			"parallelism.default", arena_printf(arena, "%u", options->parallelism) };
	return count;
}

static int run_program(struct cli *cli, struct program *program,
		       const struct flink_executor *executor, bool *built_job, struct err *err)
{
	const struct cli_options *options = cli->options;
	struct arena *arena = arena_create("settings");
	struct flink_setting *settings =
		arena_alloc(arena, (options->pairs_count + 1) * sizeof(*settings));
	struct flink_env_options env = {
		.world = cli->world,
		.conf = cli->conf,
		.settings = settings,
		.settings_count = job_settings(options, arena, settings),
		.working_directory = cli->working_directory,
		.executor = executor,
	};
	int result = program_run(program, &env, options->arguments_count, options->arguments,
				 built_job, err);

	fflush(stdout);
	arena_destroy(&arena);
	return result;
}

static bool is_c_file(const char *path)
{
	size_t length = strlen(path);

	return length > 2 && strcmp(path + length - 2, ".c") == 0;
}

/* Messages about the object of a C file name the C file: the user knows no other. */
static void name_source(struct err *err, const char *object, const char *source)
{
	char *at = strstr(err->text, object);

	if (at == NULL)
		return;
	char *text = mem_printf("%.*s%s%s", (int)(at - err->text), err->text, source,
				at + strlen(object));

	err_set(err, err->code, "%s", text);
	mem_free(text);
}

/* A C file is compiled first; its object is removed when it is open. */
static int open_program(struct cli *cli, struct program *program, struct err *err)
{
	const char *path = cli->options->program;
	char *object;

	if (!is_c_file(path))
		return program_open(cli->world, path, NULL, program, err);
	if (cli_compile(cli, path, &object, err) < 0)
		return -1;
	int result = program_open(cli->world, object, path, program, err);

	cli_remove(cli, object);
	if (result < 0)
		name_source(err, object, path);
	mem_free(object);
	if (result == 0) { /* shown as what the user gave */
		const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;

		mem_free(program->name);
		program->name = mem_printf("%.*s.so", (int)strlen(base) - 2, base);
	}
	return result;
}

static int check_program_options(struct cli *cli, struct err *err)
{
	const struct cli_options *options = cli->options;

	if (options->python != NULL && options->action != CLI_RUN)
		return err_set(
			err, ERR_USAGE,
			"a Python program shows its plan itself: print(env.get_execution_plan())");
	if (options->from_savepoint != NULL)
		return err_set(
			err, ERR_NOT_YET,
			"starting from a savepoint (-s %s) is not part of this version yet; without -s the job "
			"starts anew",
			options->from_savepoint);
	if (options->program != NULL || options->python != NULL)
		return 0;
	cli_print(cli, "A program is missing: a .so or .c file, one of "
		       "examples/streaming/*.jar, or -py and a Python script.\n\n"
		       "Use the help option (-h or --help) to get help on the command.\n");
	cli->exit_code = 1;
	return 1;
}

int cli_run(struct cli *cli, struct err *err)
{
	struct program program;
	struct cli_job job = { .cli = cli, .program = &program };
	bool local, built_job = false;
	int result = check_program_options(cli, err);

	if (result != 0)
		return result > 0 ? 0 : -1;
	if (cli->options->python != NULL)
		return cli_run_python(cli, err);
	if (cli_is_local(cli, &local, err) < 0)
		return -1;
	guard_begin(cli->options->program);
	if (open_program(cli, &program, err) < 0) {
		guard_end();
		return -1;
	}
	struct flink_executor executor = { local ? cli_submit_local : cli_submit, &job };

	result = run_program(cli, &program, &executor, &built_job, err);
	program_close(&program);
	guard_end();
	/* Interrupted: all that is to be said has been. */
	if (result < 0 && err->code == ERR_CANCELED && cli->exit_code != 0)
		result = 0;
	return result;
}

static int show_plan(void *context, const Flink__JobGraph *graph, struct err *err)
{
	const struct cli_job *job = context;

	guard_submitted();
	cli_print(job->cli,
		  "----------------------- Execution Plan -----------------------\n%s\n"
		  "--------------------------------------------------------------\n\n\n"
		  "No description provided.\n",
		  graph->execution_plan);
	return 0;
}

int cli_info(struct cli *cli, struct err *err)
{
	struct program program;
	struct cli_job job = { .cli = cli, .program = &program };
	struct flink_executor executor = { show_plan, &job };
	const struct cli_options *options = cli->options;
	bool built_job = false;
	int result = check_program_options(cli, err);

	if (result != 0)
		return result > 0 ? 0 : -1;
	guard_begin(cli->options->program);
	result = open_program(cli, &program, err);
	if (result == 0) {
		result = run_program(cli, &program, &executor, &built_job, err);
		program_close(&program);
	}
	guard_end();
	if (result == 0 && !built_job)
		return err_set(err, ERR_NO_JOB,
			       "%s ended without making a job; what it printed may say why",
			       options->program);
	return result;
}

int cli_not_yet(struct cli *cli, struct err *err)
{
	switch (cli->options->action) {
	case CLI_RUN_APPLICATION:
		return err_set(
			err, ERR_NOT_YET,
			"run-application is not part of this version yet; 'run' runs the same program on a "
			"cluster, and 'run --target local' in this process");
	case CLI_CHECKPOINT:
		return err_set(
			err, ERR_NOT_YET,
			"checkpoints are not part of this version yet; jobs run without them, and 'cancel' ends "
			"one");
	default:
		return err_set(
			err, ERR_NOT_YET,
			"savepoints are not part of this version yet, so there is no '%s'; 'cancel' ends a job "
			"without one",
			cli_action_name(cli->options->action));
	}
}
