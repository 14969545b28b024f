/* SPDX-License-Identifier: Apache-2.0
 * run_test.c - programs that cannot be run, with a real compiler and real shared objects: each says
 * what is wrong with the file that the user named. Run it from the top of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/waiter.h"
#include "common/base/mem.h"

#define INCLUDE "#include <flink/flink.h>\n"
#define MAIN "int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)\n"

static struct world *world;
static char folder[] = "/tmp/run_test.XXXXXX";

static int open_all(void **state)
{
	struct err err = ERR_INIT;

	waiter_open();
	unsetenv("CC");
	world = world_os_create(&err);
	return world == NULL || mkdtemp(folder) == NULL;
}

static int close_all(void **state)
{
	world_destroy(&world);
	rmdir(folder);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

/* Writes the text to FOLDER/name and runs `flink ACTION` on it. */
static void run(enum cli_action action, const char *name, const char *text, struct err *err)
{
	char *path = mem_printf("%s/%s", folder, name);
	struct conf *conf = conf_create();
	struct cli_options options = { .action = action, .program = path };
	struct cli cli = { .world = world,
			   .conf = conf,
			   .options = &options,
			   .command = "flink",
			   .program_directory =
				   "tests/fuzz/corpus", /* three below the top, as bin is */
			   .working_directory = "/" };

	err_clear(err);
	if (text != NULL)
		assert_int_equal(world_write_file(world, path, 0644, bytes_of_text(text), err), 0);
	int result = action == CLI_INFO ? cli_info(&cli, err) : cli_run(&cli, err);

	assert_int_equal(result, err->code == ERR_NONE ? 0 : -1);
	unlink(path);
	conf_destroy(&conf);
	mem_free(path);
}

/* `format` gets the folder. */
static void expect(enum cli_action action, const char *name, const char *text, enum err_code code,
		   const char *format)
{
	struct err err;
	char *expected = mem_printf(format, folder);

	run(action, name, text, &err);
	assert_int_equal(err.code, code);
	assert_string_equal(err.text, expected);
	mem_free(expected);
}

static void files_that_are_not_there_are_named(void **state)
{
	expect(CLI_RUN, "x.jar", NULL, ERR_ARTIFACT_UNREADABLE,
	       "Could not build the program from JAR file: JAR file does not exist: %s/x.jar");
	expect(CLI_RUN, "x", NULL, ERR_ARTIFACT_UNREADABLE, "program file does not exist: %s/x");
	expect(CLI_RUN, "x.c", NULL, ERR_ARTIFACT_UNREADABLE,
	       "cannot read %s/x.c: No such file or directory");
}

static void c_files_that_do_not_compile_are_named(void **state)
{
	expect(CLI_RUN, "bad.c", "int x = ;\n", ERR_COMPILE_FAILED, "%s/bad.c does not compile");
	setenv("CC", "no-such-compiler -x", 1);
	expect(CLI_RUN, "good.c", INCLUDE, ERR_COMPILER_MISSING,
	       "no C compiler was found: no-such-compiler -x cannot be started");
	unsetenv("CC");
}

static void programs_that_do_not_fit_are_refused_by_the_name_of_their_source(void **state)
{
	expect(CLI_RUN, "plain.c", "int x;\n", ERR_ARTIFACT_ENTRY,
	       "%s/plain.c is a shared object, but no program of cflink: it does not include <flink/flink.h>");
	expect(CLI_RUN, "no_main.c", INCLUDE "int x;\n", ERR_ARTIFACT_ENTRY,
	       "%s/no_main.c defines no function flink_main");
	expect(CLI_RUN, "symbol.c", INCLUDE "int missing(void);\n" MAIN "{ return missing(); }\n",
	       ERR_ARTIFACT_SYMBOL, "%s/symbol.c needs the symbol missing, which nothing defines");
}

static void programs_that_end_badly_or_without_a_job_say_so(void **state)
{
	struct err err;

	run(CLI_RUN, "fails.c", INCLUDE MAIN "{ return -1; }\n", &err);
	assert_int_equal(err.code, ERR_PROGRAM_FAILED);
	assert_string_equal(err.text,
			    "flink_main of fails.so returned an error without saying which");
	run(CLI_RUN, "nothing.c", INCLUDE MAIN "{ return 0; }\n", &err);
	assert_int_equal(err.code, ERR_NONE); /* as Flink: perhaps it printed its usage */
	run(CLI_INFO, "nothing.c", INCLUDE MAIN "{ return 0; }\n", &err);
	assert_int_equal(err.code, ERR_NO_JOB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_not_there_are_named),
		cmocka_unit_test(c_files_that_do_not_compile_are_named),
		cmocka_unit_test(programs_that_do_not_fit_are_refused_by_the_name_of_their_source),
		cmocka_unit_test(programs_that_end_badly_or_without_a_job_say_so),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
