/* SPDX-License-Identifier: Apache-2.0
 * options.c - one table of options; parsing and help are made from it. */
#include "client/cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

enum option_kind {
	KIND_HELP,
	KIND_VERSION,
	KIND_DETACHED,
	KIND_PARALLELISM,
	KIND_JOBMANAGER,
	KIND_TARGET,
	KIND_PAIR,
	KIND_PROGRAM,
	KIND_RUNNING,
	KIND_SCHEDULED,
	KIND_ALL,
	KIND_SAVEPOINT,
	KIND_FROM_SAVEPOINT,
	KIND_PYTHON,
	KIND_PYTHON_MODULE,
	KIND_PYTHON_FILES,
	KIND_PYTHON_EXECUTABLE,
	KIND_PYTHON_CLIENT,
	KIND_PYTHON_ABSENT,
	KIND_IGNORED,
};

enum value { NO_VALUE, VALUE, MAY_VALUE };

struct cli_option {
	const char *short_name, *long_name;
	enum value value;
	uint32_t actions; /* bits; CLI_NONE: in place of an action */
	enum option_kind kind;
	const char *value_name, *help; /* help NULL: understood, but not shown */
};

#define BIT(action) (1u << (action))
#define RUNS (BIT(CLI_RUN) | BIT(CLI_RUN_APPLICATION))
#define PROGRAMS (RUNS | BIT(CLI_INFO))
#define SAVES (BIT(CLI_STOP) | BIT(CLI_SAVEPOINT) | BIT(CLI_CHECKPOINT))
#define EVERYWHERE (PROGRAMS | BIT(CLI_LIST) | BIT(CLI_CANCEL) | SAVES)

static const struct cli_option options_table[] = {
	{ "d", "detached", NO_VALUE, RUNS, KIND_DETACHED, "",
	  "submits the job and does not wait for its end" },
	{ "p", "parallelism", VALUE, PROGRAMS, KIND_PARALLELISM, "<number>",
	  "parallelism of operators for which the program says none; over parallelism.default" },
	{ "r", "running", NO_VALUE, BIT(CLI_LIST), KIND_RUNNING, "", "shows running jobs only" },
	{ "s", "scheduled", NO_VALUE, BIT(CLI_LIST), KIND_SCHEDULED, "",
	  "shows scheduled jobs only" },
	{ "a", "all", NO_VALUE, BIT(CLI_LIST), KIND_ALL, "",
	  "shows all jobs, also those that have ended" },
	{ "m", "jobmanager", VALUE, EVERYWHERE, KIND_JOBMANAGER, "<host:port>",
	  "REST address of the cluster; over rest.address and rest.port" },
	{ "t", "target", VALUE, PROGRAMS, KIND_TARGET, "<remote|local>",
	  "remote: a running cluster (default); local: one inside this command, for this job" },
	{ "t", "target", VALUE, EVERYWHERE & ~PROGRAMS, KIND_TARGET, "", NULL },
	{ "e", "executor", VALUE, EVERYWHERE, KIND_TARGET, "", NULL },
	{ "D", NULL, VALUE, EVERYWHERE, KIND_PAIR, "<key=value>",
	  "a setting, over the settings file; it travels with the job. May come several times" },
	{ "h", "help", NO_VALUE, EVERYWHERE | BIT(CLI_NONE), KIND_HELP, "", "shows this help" },
	{ "v", "verbose", NO_VALUE, EVERYWHERE, KIND_IGNORED, "", NULL },
	{ "v", "version", NO_VALUE, BIT(CLI_NONE), KIND_VERSION, "", "shows the version" },
	{ "c", "class", VALUE, PROGRAMS, KIND_IGNORED, "<name>",
	  "accepted and ignored: a program here has one entry, flink_main" },
	{ "C", "classpath", VALUE, PROGRAMS, KIND_IGNORED, "", NULL },
	{ "j", "jarfile", VALUE, PROGRAMS, KIND_PROGRAM, "", NULL },
	{ "sae", "shutdownOnAttachedExit", NO_VALUE, RUNS, KIND_IGNORED, "", NULL },
	{ "yd", "yarndetached", NO_VALUE, RUNS, KIND_DETACHED, "", NULL },
	{ "z", "zookeeperNamespace", VALUE, EVERYWHERE, KIND_IGNORED, "", NULL },
	{ "s", "fromSavepoint", VALUE, RUNS, KIND_FROM_SAVEPOINT, "", NULL },
	{ "n", "allowNonRestoredState", NO_VALUE, RUNS, KIND_IGNORED, "", NULL },
	{ "rm", "restoreMode", VALUE, RUNS, KIND_IGNORED, "", NULL },
	{ "py", "python", VALUE, PROGRAMS, KIND_PYTHON, "", NULL },
	{ "pym", "pyModule", VALUE, PROGRAMS, KIND_PYTHON_MODULE, "", NULL },
	{ "pyfs", "pyFiles", VALUE, PROGRAMS, KIND_PYTHON_FILES, "", NULL },
	{ "pyreq", "pyRequirements", VALUE, PROGRAMS, KIND_PYTHON_ABSENT, "", NULL },
	{ "pyarch", "pyArchives", VALUE, PROGRAMS, KIND_PYTHON_ABSENT, "", NULL },
	{ "pyexec", "pyExecutable", VALUE, PROGRAMS, KIND_PYTHON_EXECUTABLE, "", NULL },
	{ "pyclientexec", "pyClientExecutable", VALUE, PROGRAMS, KIND_PYTHON_CLIENT, "", NULL },
	{ "pypath", "pyPythonPath", VALUE, PROGRAMS, KIND_PYTHON_ABSENT, "", NULL },
	{ "s", "withSavepoint", MAY_VALUE, BIT(CLI_CANCEL), KIND_SAVEPOINT, "", NULL },
	{ "p", "savepointPath", MAY_VALUE, BIT(CLI_STOP), KIND_SAVEPOINT, "", NULL },
	{ "d", "drain", NO_VALUE, BIT(CLI_STOP), KIND_IGNORED, "", NULL },
	{ "d", "dispose", VALUE, BIT(CLI_SAVEPOINT), KIND_IGNORED, "", NULL },
	{ "j", "jarfile", VALUE, BIT(CLI_SAVEPOINT), KIND_IGNORED, "", NULL },
	{ "type", "type", VALUE, SAVES | BIT(CLI_CANCEL), KIND_IGNORED, "", NULL },
	{ "detached", "detached", NO_VALUE, SAVES, KIND_IGNORED, "", NULL },
	{ "full", "full", NO_VALUE, BIT(CLI_CHECKPOINT), KIND_IGNORED, "", NULL },
};

static const char *const action_names[CLI_ACTION_COUNT] = {
	[CLI_NONE] = "", [CLI_RUN] = "run", [CLI_RUN_APPLICATION] = "run-application",
	[CLI_LIST] = "list", [CLI_INFO] = "info", [CLI_CANCEL] = "cancel", [CLI_STOP] = "stop",
	[CLI_SAVEPOINT] = "savepoint", [CLI_CHECKPOINT] = "checkpoint",
};

const char *cli_action_name(enum cli_action action)
{
	return action_names[action];
}

bool cli_option_help(enum cli_action action, uint32_t index, struct cli_option_help *help)
{
	for (size_t i = 0; i < ARRAY_COUNT(options_table); i++) {
		const struct cli_option *option = &options_table[i];

		if (!(option->actions & BIT(action)) || option->help == NULL || index-- > 0)
			continue;
		snprintf(help->names, sizeof(help->names), "-%s%s%s%s%s", option->short_name,
			 option->long_name ? ",--" : "", option->long_name ? option->long_name : "",
			 option->value == NO_VALUE ? "" : " ", option->value_name);
		help->text = option->help;
		return true;
	}
	return false;
}

/* ---- finding an option ---------------------------------------------------------------------- */

static const struct cli_option *find(enum cli_action action, const char *name, size_t length,
				     bool long_name)
{
	for (size_t i = 0; i < ARRAY_COUNT(options_table); i++) {
		const struct cli_option *option = &options_table[i];
		const char *its = long_name ? option->long_name : option->short_name;

		if (option->actions & BIT(action) && its != NULL && strlen(its) == length &&
		    memcmp(its, name, length) == 0)
			return option;
	}
	return NULL;
}

/* The option that `text`, which begins with '-', names, and the value it carries itself, if any. */
static const struct cli_option *match(enum cli_action action, const char *text, const char **value)
{
	bool two = text[1] == '-';
	const char *name = text + (two ? 2 : 1), *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *option = two ? NULL : find(action, name, length, false);

	*value = equals != NULL ? equals + 1 : NULL;
	if (option == NULL)
		option = find(action, name, length, true);
	if (option != NULL || two || length == 0)
		return option;
	/* -p4, -Dkey=value */
	option = find(action, name, 1, false);
	*value = name + 1;
	return option != NULL && option->value == VALUE ? option : NULL;
}

/* The long name that begins as `text` does, for a hint. */
static const char *similar(enum cli_action action, const char *text)
{
	const char *name = text + strspn(text, "-");

	for (size_t i = 0; i < ARRAY_COUNT(options_table); i++) {
		const struct cli_option *option = &options_table[i];

		if (option->actions & BIT(action) && option->long_name != NULL &&
		    option->help != NULL && strlen(name) > 2 &&
		    strncmp(option->long_name, name, 3) == 0)
			return option->long_name;
	}
	return NULL;
}

static int unrecognized(enum cli_action action, const char *text, struct err *err)
{
	const char *near = similar(action, text);

	return err_set(err, ERR_USAGE, "Unrecognized option: %s%s%s%s", text,
		       near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
}

/* ---- using it ------------------------------------------------------------------------------- */

static int set_parallelism(struct cli_options *options, const char *value, struct err *err)
{
	char *end;

	errno = 0;
	long number = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || number < 1)
		return err_set(err, ERR_USAGE, "The parallelism must be a positive number: %s",
			       value);
	if (number > LIMIT_PARALLELISM_MAX)
		return err_set(err, ERR_USAGE, "The parallelism is %s; at most %d is allowed",
			       value, LIMIT_PARALLELISM_MAX);
	options->parallelism = (uint32_t)number;
	return 0;
}

static int use(struct cli_options *options, enum option_kind kind, const char *value,
	       struct err *err)
{
	switch (kind) {
	case KIND_HELP:
		options->help = true;
		break;
	case KIND_VERSION:
		options->version = true;
		break;
	case KIND_DETACHED:
		options->detached = true;
		break;
	case KIND_PARALLELISM:
		return set_parallelism(options, value, err);
	case KIND_JOBMANAGER:
		options->jobmanager = value;
		break;
	case KIND_TARGET:
		options->target = value;
		break;
	case KIND_PAIR:
		if (value[0] == '=' || value[0] == '\0')
			return err_set(err, ERR_USAGE, "-D needs key=value, not \"%s\"", value);
		options->pairs[options->pairs_count++] = value;
		break;
	case KIND_PROGRAM:
		options->program = value;
		break;
	case KIND_RUNNING:
		options->list_running = true;
		break;
	case KIND_SCHEDULED:
		options->list_scheduled = true;
		break;
	case KIND_ALL:
		options->list_all = true;
		break;
	case KIND_SAVEPOINT:
		options->with_savepoint = true;
		options->savepoint_value = value;
		break;
	case KIND_FROM_SAVEPOINT:
		options->from_savepoint = value;
		break;
	case KIND_PYTHON_MODULE:
	case KIND_PYTHON:
		options->python = value;
		options->python_is_module = kind == KIND_PYTHON_MODULE;
		break;
	case KIND_PYTHON_FILES:
		options->python_files = value;
		break;
	case KIND_PYTHON_EXECUTABLE:
		options->python_executable = value;
		break;
	case KIND_PYTHON_CLIENT:
		options->python_client = value;
		break;
	case KIND_PYTHON_ABSENT:
		return err_set(err, ERR_USAGE,
			       "-pyreq, -pyarch and -pypath are not in this version: -pyfs sends "
			       "modules along, other packages are installed where functions run "
			       "(%s was given)", value);
	case KIND_IGNORED:
		break;
	}
	return 0;
}

static bool is_option(const char *text)
{
	return text[0] == '-' && text[1] != '\0';
}

static int parse_action(const char *text, struct cli_options *options, struct err *err)
{
	const char *value;

	for (size_t i = CLI_RUN; i < CLI_ACTION_COUNT; i++)
		if (strcmp(text, action_names[i]) == 0) {
			options->action = (enum cli_action)i;
			return 0;
		}
	const struct cli_option *option = is_option(text) ? match(CLI_NONE, text, &value) : NULL;

	if (option != NULL)
		return use(options, option->kind, NULL, err);
	return err_set(
		err, ERR_USAGE,
		"\"%s\" is not a valid action.\n\n"
		"Valid actions are \"run\", \"run-application\", \"list\", \"info\", \"savepoint\", "
		"\"stop\", or \"cancel\".\n\n"
		"Specify the version option (-v or --version) to print Flink version.",
		text);
}

/* One option at argv[*at] and its value; *at goes behind them. */
static int parse_option(int argc, const char *const *argv, int *at, struct cli_options *options,
			struct err *err)
{
	const char *text = argv[(*at)++], *value;
	const struct cli_option *option = match(options->action, text, &value);

	if (option == NULL || (option->value == NO_VALUE && value != NULL))
		return unrecognized(options->action, text, err);
	if (option->value != NO_VALUE && value == NULL && *at < argc &&
	    (option->value == VALUE || !is_option(argv[*at])))
		value = argv[(*at)++];
	if (option->value == VALUE && value == NULL)
		return err_set(err, ERR_USAGE, "Missing argument for option: %s",
			       option->long_name ? option->long_name : option->short_name);
	return use(options, option->kind, value, err);
}

int cli_options_parse(int argc, const char *const *argv, struct cli_options *options,
		      struct err *err)
{
	*options = (struct cli_options){ .action = CLI_NONE };
	if (argc == 0)
		return err_set(err, ERR_USAGE, "Please specify an action.");
	options->pairs = MEM_NEW_ARRAY(const char *, (size_t)argc);
	options->arguments = MEM_NEW_ARRAY(const char *, (size_t)argc + 1);
	if (parse_action(argv[0], options, err) < 0)
		return -1;
	if (options->action == CLI_NONE)
		return 0;
	bool program = BIT(options->action) & PROGRAMS;
	int at = 1;

	while (at < argc && strcmp(argv[at], "--") != 0 && (is_option(argv[at]) || !program)) {
		const char *value;

		/* Behind a script an option that is none of ours is the script's. */
		if (options->python != NULL && match(options->action, argv[at], &value) == NULL)
			break;
		if (!is_option(argv[at]))
			options->arguments[options->arguments_count++] = argv[at++];
		else if (parse_option(argc, argv, &at, options, err) < 0)
			return -1;
	}
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	if (program && options->program == NULL && at < argc)
		options->program = argv[at++];
	while (at < argc)
		options->arguments[options->arguments_count++] = argv[at++];
	if (!program && options->arguments_count == 0 && options->savepoint_value != NULL)
		options->arguments[options->arguments_count++] = options->savepoint_value;
	return 0;
}

void cli_options_free(struct cli_options *options)
{
	mem_free(options->pairs);
	mem_free(options->arguments);
	*options = (struct cli_options){ .action = CLI_NONE };
}
