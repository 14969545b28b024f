/* SPDX-License-Identifier: Apache-2.0
 * main.c - the `flink` program: command line, settings, world, one action. Exits with 0, with 1 for
 * anything that went wrong, 31 when the settings cannot be read (as Flink), 130 after Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/cli/waiter.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "common/wire/hand_over.h"

#define EXIT_SETTINGS 31
#define PATH_BYTES_MAX 4096

static int show(const char *text, int exit_code)
{
	fputs(text, stdout);
	return fflush(stdout) == 0 ? exit_code : 1;
}

static int show_help(enum cli_action action, int exit_code, const char *last)
{
	struct buf text;

	buf_init(&text);
	cli_help(action, &text);
	buf_add_text(&text, last);
	exit_code = show(text.data, exit_code);
	buf_fini(&text);
	return exit_code;
}

static int show_version(void)
{
	printf("Version: %s", FLINK_VERSION);
	if (strspn(CFLINK_COMMIT, "0") < strlen(CFLINK_COMMIT))
		printf(", Commit ID: %s", CFLINK_COMMIT);
	printf("\n%s\n", CFLINK_VERSION);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int show_error(const struct err *err, int exit_code)
{
	char text[2048];

	err_format(err, text, sizeof(text));
	fflush(stdout);
	fputs(text, stderr);
	return exit_code;
}

/* The folder that this program lies in, whatever link leads to it. */
static const char *program_directory(char text[PATH_BYTES_MAX])
{
	ssize_t length = readlink("/proc/self/exe", text, PATH_BYTES_MAX - 1);

	text[length > 0 ? length : 0] = '\0';
	char *slash = strrchr(text, '/');

	if (slash == NULL)
		return "bin";
	*slash = '\0';
	return text;
}

/* $FLINK_CONF_DIR, else conf beside bin. No settings file at all is no error for a client. */
static int load_settings(struct cli *cli, struct conf *conf, struct err *err)
{
	const char *given = world_env(cli->world, "FLINK_CONF_DIR");
	char *beside = mem_printf("%s/../conf", cli->program_directory);
	int result = conf_load(conf, cli->world, given && given[0] ? given : beside, err);

	mem_free(beside);
	if (result < 0 && err->code == ERR_CONF_MISSING && (given == NULL || given[0] == '\0')) {
		err_clear(err);
		result = 0;
	}
	return result == 0 ? conf_load_env(conf, cli->world, err) : -1;
}

/* -D and -p; what is wrong with them is told; the settings file's warnings are the daemons'. */
static int add_options(const struct cli_options *options, struct conf *conf, struct err *err)
{
	size_t warnings = conf_warnings_count(conf);
	char parallelism[16];

	for (uint32_t i = 0; i < options->pairs_count; i++)
		if (conf_set_pair(conf, options->pairs[i], "-D", err) < 0)
			return -1;
	for (size_t i = warnings; i < conf_warnings_count(conf); i++)
		cli_note("%s", conf_warning(conf, i));
	if (options->parallelism == 0)
		return 0;
	snprintf(parallelism, sizeof(parallelism), "%u", options->parallelism);
	return conf_set(conf, "parallelism.default", parallelism, "-p", err);
}

static int act(struct cli *cli, struct err *err)
{
	switch (cli->options->action) {
	case CLI_RUN:
		return cli_run(cli, err);
	case CLI_INFO:
		return cli_info(cli, err);
	case CLI_LIST:
		return cli_list(cli, err);
	case CLI_CANCEL:
		return cli_cancel(cli, err);
	default:
		return cli_not_yet(cli, err);
	}
}

static int run_action(struct cli *cli)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;
	int exit_code = 0;

	cli->conf = conf;
	if (load_settings(cli, conf, &err) < 0)
		exit_code = show_error(&err, EXIT_SETTINGS);
	else if (add_options(cli->options, conf, &err) < 0)
		exit_code = show_error(&err, 1);
	else if (act(cli, &err) < 0)
		exit_code = show_error(&err, cli->exit_code ? cli->exit_code : 1);
	else
		exit_code = cli->exit_code;
	conf_destroy(&conf);
	return exit_code;
}

/* The log is the daemons'. What a user is to know comes back as an answer, also from a mini
 * cluster. */
static void drop_line(void *context, enum log_level level, const char *line, size_t size_bytes)
{
}

static wall_t no_clock(void *context)
{
	return 0;
}

static int run_in_world(const struct cli_options *options, const char *command)
{
	static char program_path[PATH_BYTES_MAX], working_path[PATH_BYTES_MAX];
	struct err err = ERR_INIT;
	struct cli cli = { .options = options, .command = command };

	signal(SIGPIPE, SIG_IGN); /* `flink run … | head` */
	log_to(drop_line, NULL, no_clock, NULL);
	waiter_open();
	cli.program_directory = program_directory(program_path);
	cli.working_directory = getcwd(working_path, sizeof(working_path));
	cli.world = world_os_create(&err);
	if (cli.world == NULL)
		return show_error(&err, 1);
	int exit_code = run_action(&cli);

	world_destroy(&cli.world);
	return exit_code;
}

int main(int argc, char **argv)
{
	struct cli_options options;
	struct err err = ERR_INIT;
	int exit_code;

	if (argc == 2 && strcmp(argv[1], HAND_OVER_VERB) == 0)
		cli_ward(&argc, &argv);
	if (argc < 2)
		return show_help(CLI_NONE, 1, "Please specify an action.\n");
	if (cli_options_parse(argc - 1, (const char *const *)argv + 1, &options, &err) < 0) {
		printf("%s\n\nUse the help option (-h or --help) to get help on the command.\n",
		       err.text);
		exit_code = 1;
	} else if (options.help) {
		exit_code = show_help(options.action, 0, "");
	} else if (options.version) {
		exit_code = show_version();
	} else {
		exit_code = run_in_world(&options, argv[0]);
	}
	cli_options_free(&options);
	return exit_code;
}
