/* SPDX-License-Identifier: Apache-2.0
 * options_test.c - command lines as Flink's users type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "common/base/mem.h"

/* Splits at blanks; '_' inside a word stands for one. */
static int parse(const char *line, struct cli_options *options, struct err *err)
{
	static char copy[512];
	const char *argv[32];
	int argc = 0;

	memset(err, 0, sizeof(*err));
	strncpy(copy, line, sizeof(copy) - 1);
	for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL;) {
		for (char *c = word; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		if (*word != '\0')
			argv[argc++] = word;
	}
	return cli_options_parse(argc, argv, options, err);
}

static void a_run_takes_its_options_before_the_program_and_leaves_the_rest(void **state)
{
	static const char *const lines[] = {
		"run -d -p 4 -m host:8081 -Da.b=c -D x=y job.so --port 9000 -p 7",
		"run --detached --parallelism=4 --jobmanager host:8081 -D a.b=c -Dx=y job.so --port 9000 -p 7",
		"run -detached -p4 -jobmanager host:8081 -Da.b=c -D x=y -- job.so --port 9000 -p 7",
		"run -c com.example.Main -d -parallelism 4 -m host:8081 -v -D a.b=c -D x=y -j job.so --port 9000 -p 7",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		struct cli_options options;
		struct err err;
		int result = parse(lines[i], &options, &err);

		if (i == 3) { /* with -j the options go on: --port is none of ours */
			assert_int_equal(result, -1);
			assert_string_equal(err.text, "Unrecognized option: --port");
			cli_options_free(&options);
			continue;
		}
		assert_string_equal(err.text, "");
		assert_int_equal(result, 0);
		assert_int_equal(options.action, CLI_RUN);
		assert_true(options.detached);
		assert_int_equal(options.parallelism, 4);
		assert_string_equal(options.jobmanager, "host:8081");
		assert_int_equal(options.pairs_count, 2);
		assert_string_equal(options.pairs[0], "a.b=c");
		assert_string_equal(options.pairs[1], "x=y");
		assert_string_equal(options.program, "job.so");
		assert_int_equal(options.arguments_count, 4);
		assert_string_equal(options.arguments[0], "--port");
		assert_string_equal(options.arguments[3], "7");
		cli_options_free(&options);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

static void options_of_one_name_mean_what_the_action_says(void **state)
{
	struct cli_options options;
	struct err err;

	assert_int_equal(parse("list -s", &options, &err), 0);
	assert_true(options.list_scheduled && !options.list_running && !options.list_all);
	cli_options_free(&options);
	assert_int_equal(parse("list -a -r -m h:1", &options, &err), 0);
	assert_true(options.list_all && options.list_running);
	cli_options_free(&options);
	assert_int_equal(parse("cancel -s /tmp/x abc", &options, &err), 0);
	assert_true(options.with_savepoint);
	assert_string_equal(options.savepoint_value, "/tmp/x");
	assert_string_equal(options.arguments[0], "abc");
	cli_options_free(&options);
	assert_int_equal(parse("cancel -s abc", &options, &err), 0); /* Flink: then it is the job */
	assert_string_equal(options.arguments[0], "abc");
	cli_options_free(&options);
	assert_int_equal(parse("cancel Socket_Window -m h:1", &options, &err), 0);
	assert_string_equal(options.arguments[0], "Socket Window");
	assert_string_equal(options.jobmanager, "h:1");
	cli_options_free(&options);
	assert_int_equal(parse("run -s /savepoint job.so", &options, &err), 0);
	assert_string_equal(options.from_savepoint, "/savepoint");
	cli_options_free(&options);
	assert_int_equal(parse("stop -p /x -d abc", &options, &err), 0);
	assert_int_equal(options.action, CLI_STOP);
	cli_options_free(&options);
	assert_int_equal(parse("--version", &options, &err), 0);
	assert_true(options.version);
	cli_options_free(&options);
	assert_int_equal(parse("run -h", &options, &err), 0);
	assert_true(options.help);
	cli_options_free(&options);
	assert_int_equal(mem_bytes_out(), 0);
}

static void wrong_lines_get_flinks_sentences(void **state)
{
	static const struct { const char *line, *text;
	} cases[] = {
		{ "", "Please specify an action." },
		{ "rn x",
		  "\"rn\" is not a valid action.\n\nValid actions are \"run\", \"run-application\", \"list\", "
		  "\"info\", \"savepoint\", \"stop\", or \"cancel\".\n\nSpecify the version option (-v or "
		  "--version) to print Flink version." },
		{ "run -p x job.so", "The parallelism must be a positive number: x" },
		{ "run -p 0 job.so", "The parallelism must be a positive number: 0" },
		{ "run -p 99999 job.so", "The parallelism is 99999; at most 32768 is allowed" },
		{ "run -p", "Missing argument for option: parallelism" },
		{ "run -D =x job.so", "-D needs key=value, not \"=x\"" },
		{ "run --paralelism 3 job.so",
		  "Unrecognized option: --paralelism (did you mean --parallelism?)" },
		{ "run --detached=yes job.so",
		  "Unrecognized option: --detached=yes (did you mean --detached?)" },
		{ "list -x", "Unrecognized option: -x" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct cli_options options;
		struct err err;

		assert_int_equal(parse(cases[i].line, &options, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.text, cases[i].text);
		cli_options_free(&options);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

static void help_has_a_table_of_options_within_80_columns(void **state)
{
	struct buf text;

	buf_init(&text);
	cli_help(CLI_LIST, &text);
	assert_string_equal(
		text.data,
		"\nAction \"list\" lists running and scheduled programs.\n\n"
		"  Syntax: list [OPTIONS]\n"
		"  \"list\" action options:\n"
		"     -r,--running                      shows running jobs only\n"
		"     -s,--scheduled                    shows scheduled jobs only\n"
		"     -a,--all                          shows all jobs, also those that have\n"
		"                                       ended\n"
		"     -m,--jobmanager <host:port>       REST address of the cluster; over\n"
		"                                       rest.address and rest.port\n"
		"     -D <key=value>                    a setting, over the settings file; it\n"
		"                                       travels with the job. May come several\n"
		"                                       times\n"
		"     -h,--help                         shows this help\n\n");
	buf_clear(&text);
	cli_help(CLI_NONE, &text);
	for (const char *line = text.data; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strncmp(line, "     ", 5) == 0) /* Flink's own sentences are longer */
			assert_true(strcspn(line, "\n") <= 80);
	for (int action = CLI_RUN; action < CLI_ACTION_COUNT; action++)
		assert_non_null(strstr(text.data, cli_action_name((enum cli_action)action)));
	assert_non_null(strstr(text.data, "Action \"stop\" stops a running program with a savepoint. "
					  "Not in this version.\n"));
	buf_fini(&text);
}

/* ---- the cluster's address ------------------------------------------------------------------ */

static void address_of(const char *line, const char *file, struct cli_address *address,
		       struct err *err)
{
	struct conf *conf = conf_create();
	struct cli_options options;

	assert_int_equal(parse(line, &options, err), 0);
	assert_int_equal(conf_parse_flink_conf(conf, "conf", file, err), 0);
	for (uint32_t i = 0; i < options.pairs_count; i++)
		assert_int_equal(conf_set_pair(conf, options.pairs[i], "-D", err), 0);
	(void)!cli_address(conf, &options, address, err);
	cli_options_free(&options);
	conf_destroy(&conf);
}

static void the_address_is_rpc_unless_rest_is_asked_for(void **state)
{
	static const struct {
		const char *line, *file, *host;
		uint16_t port;
		bool rest;
	} cases[] = {
		{ "list", "", "localhost", 6123, false },
		{ "list", "jobmanager.rpc.address: jm\njobmanager.rpc.port: 7\n", "jm", 7, false },
		{ "list", "jobmanager.rpc.address: jm\nrest.address: jm\nrest.port: 9\n", "jm",
		  6123, false },
		{ "list", "jobmanager.rpc.address: jm\nrest.address: proxy\n", "proxy", 8081,
		  true },
		{ "list -m h:8082", "", "h", 8082, true },
		{ "list -m http://h:8082/", "", "h", 8082, true },
		{ "list -m [::1]:8082", "", "::1", 8082, true },
		{ "list -m h:6123", "", "h", 6123, false },
		{ "list -D rest.port=9", "", "localhost", 9, true },
		{ "list -Drest.address=h", "", "h", 8081, true },
	};
	struct cli_address address;
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		address_of(cases[i].line, cases[i].file, &address, &err);
		assert_string_equal(err.text, "");
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
		assert_int_equal(address.rest, cases[i].rest);
	}
	address_of("list -m host", "", &address, &err);
	assert_string_equal(err.text,
			    "-m takes host:port, for example localhost:8081; \"host\" is not one");
	address_of("list -m yarn-cluster:x", "", &address, &err);
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- list and cancel ------------------------------------------------------------------------ */

static const struct job_summary jobs[] = {
	{ { { 0xab, 0xcd, 1 } }, (char *)"First", (char *)"RUNNING", (char *)"", 3000, -1 },
	{ { { 0xab, 0xce, 2 } }, (char *)"Second", (char *)"RESTARTING", (char *)"", 1000, -1 },
	{ { { 0x12, 0x34, 3 } },
	  (char *)"Waiting",
	  (char *)"CREATED",
	  (char *)"needs 4 slots, 2 free",
	  2000,
	  -1 },
	{ { { 0x12, 0x35, 4 } }, (char *)"Done", (char *)"FINISHED", (char *)"", 500, 600 },
	{ { { 0xff, 0x00, 5 } }, (char *)"Twin", (char *)"RUNNING", (char *)"", 4000, -1 },
	{ { { 0xff, 0x01, 6 } }, (char *)"Twin", (char *)"RUNNING", (char *)"", 4000, -1 },
};

static void expect_list(const char *line, size_t count, const char *text, const char *its_notes)
{
	struct cli_options options;
	struct buf out, notes;
	struct err err;

	buf_init(&out);
	buf_init(&notes);
	assert_int_equal(parse(line, &options, &err), 0);
	cli_list_format(jobs, count, &options, &out, &notes);
	assert_string_equal(out.data, text);
	assert_string_equal(notes.data, its_notes);
	cli_options_free(&options);
	buf_fini(&out);
	buf_fini(&notes);
}

#define END "--------------------------------------------------------------\n"
#define ROWS_RUNNING \
	"------------------ Running/Restarting Jobs -------------------\n" \
	"01.01.1970 00:00:01 : abce0200000000000000000000000000 : Second (RESTARTING)\n" \
	"01.01.1970 00:00:03 : abcd0100000000000000000000000000 : First (RUNNING)\n" END
#define ROWS_SCHEDULED \
	"----------------------- Scheduled Jobs -----------------------\n" \
	"01.01.1970 00:00:02 : 12340300000000000000000000000000 : Waiting (CREATED)\n" END
#define ROWS_TERMINATED \
	"---------------------- Terminated Jobs -----------------------\n" \
	"01.01.1970 00:00:00 : 12350400000000000000000000000000 : Done (FINISHED)\n" END
#define NOTE "Waiting (12340300…): needs 4 slots, 2 free\n"

static void jobs_are_listed_in_flinks_sections(void **state)
{
	expect_list("list", 4, ROWS_RUNNING ROWS_SCHEDULED, NOTE);
	expect_list("list -r", 4, ROWS_RUNNING, "");
	expect_list("list -s", 4, ROWS_SCHEDULED, NOTE);
	expect_list("list -a", 4, ROWS_RUNNING ROWS_SCHEDULED ROWS_TERMINATED, NOTE);
	expect_list("list", 0, "No running jobs.\nNo scheduled jobs.\n", "");
	expect_list("list -a", 0, "No running jobs.\nNo scheduled jobs.\n", "");
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_job_is_found_by_the_beginning_of_its_id_or_by_name(void **state)
{
	struct err err = ERR_INIT;
	struct id id;

	assert_int_equal(cli_find_job(jobs, 6, "abcd", &id, &err), 0);
	assert_true(id_equal(&id, &jobs[0].id));
	assert_int_equal(cli_find_job(jobs, 6, "ABCE", &id, &err), 0);
	assert_true(id_equal(&id, &jobs[1].id));
	assert_int_equal(cli_find_job(jobs, 6, "Waiting", &id, &err), 0);
	assert_true(id_equal(&id, &jobs[2].id));
	assert_int_equal(cli_find_job(jobs, 6, "1", &id, &err), 0); /* the other one has ended */
	assert_true(id_equal(&id, &jobs[2].id));
	assert_int_equal(cli_find_job(jobs, 6, "ab", &id, &err), -1);
	assert_int_equal(err.code, ERR_JOB_AMBIGUOUS);
	assert_string_equal(err.text,
			    "2 jobs match \"ab\":\n  abcd0100000000000000000000000000  First\n"
			    "  abce0200000000000000000000000000  Second");
	assert_int_equal(cli_find_job(jobs, 6, "Twin", &id, &err), -1);
	assert_int_equal(err.code, ERR_JOB_AMBIGUOUS);
	assert_int_equal(cli_find_job(jobs, 6, "Done", &id, &err), -1);
	assert_int_equal(err.code, ERR_JOB_ENDED);
	assert_string_equal(err.text, "job \"Done\" is FINISHED already");
	assert_int_equal(cli_find_job(jobs, 6, "zz", &id, &err), -1);
	assert_int_equal(err.code, ERR_JOB_NOT_FOUND);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_takes_its_options_before_the_program_and_leaves_the_rest),
		cmocka_unit_test(options_of_one_name_mean_what_the_action_says),
		cmocka_unit_test(wrong_lines_get_flinks_sentences),
		cmocka_unit_test(help_has_a_table_of_options_within_80_columns),
		cmocka_unit_test(the_address_is_rpc_unless_rest_is_asked_for),
		cmocka_unit_test(jobs_are_listed_in_flinks_sections),
		cmocka_unit_test(a_job_is_found_by_the_beginning_of_its_id_or_by_name),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
