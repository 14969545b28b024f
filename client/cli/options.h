/* SPDX-License-Identifier: Apache-2.0
 * options.h - the command line of `flink`, by Flink's rules (commons-cli): -p 4, -p4, --parallelism
 * 4,
 * --parallelism=4, -parallelism 4, -Dkey=value. For run and info parsing stops at the first text
 * that is no option: the program; what follows is the program's own. */
#ifndef CLIENT_CLI_OPTIONS_H
#define CLIENT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum cli_action {
	CLI_NONE,
	CLI_RUN,
	CLI_RUN_APPLICATION,
	CLI_LIST,
	CLI_INFO,
	CLI_CANCEL,
	CLI_STOP,
	CLI_SAVEPOINT,
	CLI_CHECKPOINT,
	CLI_ACTION_COUNT,
};

struct cli_options { /* texts are borrowed from argv */
	enum cli_action action;
	bool help, version;
	bool detached;
	const char *python;          /* -py: the script; `program` and on are its arguments */
	bool python_is_module;       /* -pym: it is the name of a module of -pyfs */
	const char *python_files;    /* -pyfs a,b: what its functions import */
	const char *python_executable, *python_client; /* -pyexec, -pyclientexec */
	bool list_running, list_scheduled, list_all;
	bool with_savepoint;         /* cancel -s */
	const char *savepoint_value; /* its folder; with no job named, Flink takes it for the job */
	const char *from_savepoint;  /* run -s */
	uint32_t parallelism;        /* 0: not given */
	const char *jobmanager;      /* -m host:port; NULL: from the settings */
	const char *target;          /* "remote" or "local"; NULL: from the settings */
	const char **pairs;          /* -D key=value, in order */
	uint32_t pairs_count;
	const char *program;         /* run, info; NULL: none given */
	const char **arguments;      /* the program's own; else what was no option (job ids) */
	int arguments_count;
};

/* argv without the program's name. ERR_USAGE with Flink's sentence. Free in any case. */
MUST_USE int cli_options_parse(int argc, const char *const *argv, struct cli_options *options,
			       struct err *err);
void cli_options_free(struct cli_options *options);

const char *cli_action_name(enum cli_action action); /* "run" */

struct cli_option_help {
	char names[64];          /* "-p,--parallelism <parallelism>" */
	const char *text;
};
/* The index-th option that the action's help shows; false: there are no more. */
bool cli_option_help(enum cli_action action, uint32_t index, struct cli_option_help *help);

#endif
