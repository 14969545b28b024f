/* SPDX-License-Identifier: Apache-2.0
 * compile.c - `flink run job.c`: calls the C compiler with the flags of flags.h. The compiler's own
 * words go to stderr as they come. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/flags.h"
#include "client/cli/waiter.h"
#include "common/base/mem.h"

struct helper { /* one process or one file operation, on a runner of its own, that main waits for */
	struct agent agent;
	struct process *process;
	int exit_status;
	struct file_op operation;
	bool submitted;
	struct loop *loop;
	atomic_bool done;
};

static enum step end(struct helper *helper)
{
	atomic_store(&helper->done, true);
	waiter_post();
	return STEP_IDLE;
}

static enum step compile_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct helper *helper = CONTAINER_OF(agent, struct helper, agent);
	char text[4096];
	ssize_t got;

	while ((got = process_read(helper->process, (struct slice){ text, sizeof(text) })) > 0)
		fwrite(text, 1, (size_t)got, stderr);
	if (got < 0 && process_ended(helper->process, &helper->exit_status))
		return end(helper);
	return STEP_IDLE;
}

static enum step remove_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct helper *helper = CONTAINER_OF(agent, struct helper, agent);

	if (!helper->submitted) {
		helper->submitted = true;
		file_submit(helper->loop, &helper->operation, agent);
	}
	return atomic_load(&helper->operation.done) ? end(helper) : STEP_IDLE;
}

static void run_helper(struct helper *helper, struct runner *runner)
{
	runner_add(runner, &helper->agent);
	while (!atomic_load(&helper->done))
		(void)waiter_wait();
}

/* CC may hold arguments too ("ccache gcc"). Returns how many words it has. */
static uint32_t split_compiler(struct arena *arena, const char *text, const char **argv,
			       uint32_t max)
{
	uint32_t count = 0;

	while (count < max) {
		text += strspn(text, " \t");
		size_t length = strcspn(text, " \t");

		if (length == 0)
			break;
		argv[count++] = arena_strndup(arena, text, length);
		text += length;
	}
	return count;
}

/* Starts the first compiler that there is: $CC, else cc, gcc, clang. */
static int start_compiler(struct cli *cli, struct helper *helper, struct runner *runner,
			  struct arena *arena, const char *const *arguments, struct err *err)
{
	const char *given = world_env(cli->world, "CC");
	const char *const candidates[] = { given && given[0] ? given : "cc", "gcc", "clang" };
	size_t count = given && given[0] ? 1 : ARRAY_COUNT(candidates);
	const char *argv[FLAGS_MAX + 16];

	for (size_t i = 0; i < count; i++) {
		struct process_options options = { .argv = argv };
		struct err failed = ERR_INIT;
		uint32_t at = split_compiler(arena, candidates[i], argv, 8);

		for (uint32_t j = 0; arguments[j] != NULL; j++)
			argv[at++] = arguments[j];
		argv[at] = NULL;
		if (process_start(runner_loop(runner), &options, &helper->agent, &helper->process,
				  &failed) == 0)
			return 0;
	}
	return err_set(err, ERR_COMPILER_MISSING, "no C compiler was found: %s cannot be started",
		       given && given[0] ? given : "cc, gcc and clang");
}

static int compile(struct cli *cli, struct runner *runner, struct arena *arena, const char *source,
		   const char *object, struct err *err)
{
	struct helper helper = { .loop = runner_loop(runner) };
	const char *arguments[FLAGS_MAX + 8];
	struct flags flags;
	uint32_t count = 0;

	if (flags_compile(cli->world, cli->program_directory, arena, &flags, err) < 0)
		return -1;
	flags_link(&flags);
	for (uint32_t i = 0; i < flags.count; i++)
		arguments[count++] = flags.texts[i];
	arguments[count++] = "-o";
	arguments[count++] = object;
	arguments[count++] = source;
	arguments[count] = NULL;
	agent_init(&helper.agent, "compiler", compile_step);
	if (start_compiler(cli, &helper, runner, arena, arguments, err) < 0)
		return -1;
	run_helper(&helper, runner);
	runner_remove(runner, &helper.agent);
	process_close(&helper.process);
	if (helper.exit_status != 0)
		return err_set(err, ERR_COMPILE_FAILED, "%s does not compile", source);
	return 0;
}

int cli_compile(struct cli *cli, const char *source, char **object, struct err *err)
{
	const char *folder = world_env(cli->world, "TMPDIR");
	struct arena *arena = arena_create("compiler");
	struct runner *runner = runner_create(cli->world, "compiler", err);
	struct err unreadable = ERR_INIT;
	char *text = NULL;
	size_t size_bytes;
	int result = -1;

	*object = mem_printf("%s/flink-%016llx%016llx.so", folder && folder[0] ? folder : "/tmp",
			     (unsigned long long)world_random(cli->world),
			     (unsigned long long)world_random(cli->world));
	/* Told by us, because a compiler's own message would not say which argument is meant. */
	if (world_read_file(cli->world, source, 64 * 1024 * 1024, &text, &size_bytes, &unreadable) <
	    0)
		err_set(err, ERR_ARTIFACT_UNREADABLE, "%s", unreadable.text);
	else if (runner != NULL)
		result = compile(cli, runner, arena, source, *object, err);
	mem_free(text);
	runner_destroy(&runner);
	arena_destroy(&arena);
	if (result < 0) {
		cli_remove(cli, *object);
		mem_free(*object);
		*object = NULL;
	}
	return result;
}

void cli_remove(struct cli *cli, const char *path)
{
	struct err ignored = ERR_INIT;
	struct runner *runner = runner_create(cli->world, "remove", &ignored);

	if (runner == NULL)
		return;
	struct helper helper = { .loop = runner_loop(runner) };

	helper.operation = (struct file_op){ .kind = FILE_REMOVE, .path = path };
	agent_init(&helper.agent, "remove", remove_step);
	run_helper(&helper, runner);
	runner_destroy(&runner);
}
