/* SPDX-License-Identifier: Apache-2.0
 * program.h - a program file, opened: its bytes (they go to the cluster), its checksum, its code
 * and its flink_main. */
#ifndef CLIENT_API_PROGRAM_H
#define CLIENT_API_PROGRAM_H

#include "client/api/env.h"

struct program {
	char *path, *name; /* name: the path's last part */
	char *content;
	size_t size_bytes;
	uint8_t sha256[32];
	struct module *module;
	int (*main)(struct flink_env *env, struct flink_args *args, struct err *err);
};

/* Reads, checks (artifact.h) and opens the file; "X" also finds X.so and X.jar. The code's
 * constructors run here, its flink_main does not. On failure the program is closed already. shown:
 * what messages call the file, when it was made from one that the user gave; NULL: by its path. */
MUST_USE int program_open(struct world *world, const char *path, const char *shown,
			  struct program *program, struct err *err);
void program_close(struct program *program);

/* Calls flink_main with an environment for this program. options: the parts about the artifact are
 * filled in here. 0, or -1 with err; *built_job says whether the executor got a graph. A program
 * that makes operators and never executes them is ERR_NO_JOB. */
MUST_USE int program_run(struct program *program, const struct flink_env_options *options,
			 int arguments_count, const char *const *arguments, bool *built_job,
			 struct err *err);

#endif
