/* SPDX-License-Identifier: Apache-2.0
 * cli.h - the actions of `flink`. stdout gets what Flink prints, word for word, and what the job
 * prints; everything that is ours goes to stderr. */
#ifndef CLIENT_CLI_CLI_H
#define CLIENT_CLI_CLI_H

#include "client/cli/options.h"
#include "client/cli/session.h"
#include "common/conf/conf.h"

struct cli { /* everything is borrowed from main */
	struct world *world;
	const struct conf *conf; /* the file's settings with the environment and -D over them */
	const struct cli_options *options;
	const char *command;           /* argv[0], for hints: "./bin/flink" */
	const char *program_directory; /* where this program lies: HOME/bin */
	const char *working_directory;
	int exit_code; /* 0 unless an action sets it; an error makes it 1 */
};

/* Each runs one action. -1: err is to be shown. */
MUST_USE int cli_run(struct cli *cli, struct err *err);
MUST_USE int cli_info(struct cli *cli, struct err *err);
MUST_USE int cli_list(struct cli *cli, struct err *err);
MUST_USE int cli_cancel(struct cli *cli, struct err *err);
/* stop, savepoint, checkpoint, run-application: a sentence that says what works instead. */
MUST_USE int cli_not_yet(struct cli *cli, struct err *err);

/* python.c: `flink run -py script.py`: becomes the Python that runs the script, whose execute()
 * learns by FLINK_CLIENT_SETTINGS what the command line said. Returns only with -1. */
MUST_USE int cli_run_python(struct cli *cli, struct err *err);

/* ward.c: `flink hand-over`, which a JobManager calls: carries out the order on PROCESS_CONN_FD in
 * a process that is watched over and limited. Returns only in that process, with the command line
 * that is to be run (it lives as long as the process); the others exit. Before any thread. */
void cli_ward(int *argc, char ***argv);

/* help.c. CLI_NONE: all actions. */
void cli_help(enum cli_action action, struct buf *into);

/* ---- between the files of this folder ------------------------------------------------------- */

void cli_print(const struct cli *cli, const char *format, ...) PRINTF(2, 3); /* stdout, at once */
void cli_note(const char *format, ...) PRINTF(1, 2);                         /* a line on stderr */
/* Opens a session with the cluster that the options and settings name. */
MUST_USE int cli_connect(const struct cli *cli, struct session **session, struct err *err);
struct cli_address {
	char host[256];
	uint16_t port;
	bool rest;
};
MUST_USE int cli_address(const struct conf *conf, const struct cli_options *options,
			 struct cli_address *address, struct err *err);
/* Posts the call and waits for its end; -1 with err when it failed. call->finished is set here. */
MUST_USE int cli_call(struct session *session, struct call *call, struct err *err);
/* "remote" or "local", from -t or the settings. */
MUST_USE int cli_is_local(const struct cli *cli, bool *local, struct err *err);

/* list.c: what `flink list` prints for these jobs; `now` decides nothing, times are the jobs'. */
void cli_list_format(const struct job_summary *jobs, size_t count,
		     const struct cli_options *options, struct buf *into, struct buf *notes);
/* cancel.c: the job that `text` names: an id, the only job whose id begins so, or the only one of
 * that name among those that have not ended. */
MUST_USE int cli_find_job(const struct job_summary *jobs, size_t count, const char *text,
			  struct id *id, struct err *err);

/* compile.c: a C file to a shared object in the folder for temporary files. The path is the
 * caller's (mem_free), the file too (cli_remove). */
MUST_USE int cli_compile(struct cli *cli, const char *source, char **object, struct err *err);
void cli_remove(struct cli *cli, const char *path);

/* submit.c, local.c: hands a job graph to the cluster, or to one inside this process; attached,
 * shows it until it ends. */
struct program;
struct cli_job {
	struct cli *cli;
	struct program *program;
};
MUST_USE int cli_submit(void *context, const Flink__JobGraph *graph, struct err *err);
MUST_USE int cli_submit_local(void *context, const Flink__JobGraph *graph, struct err *err);
/* The part that both share. local: the cluster ends with this process. */
MUST_USE int cli_submit_over(struct cli_job *job, struct session *session,
			     const Flink__JobGraph *graph, bool local, struct err *err);

#endif
