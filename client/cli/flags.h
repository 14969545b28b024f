/* SPDX-License-Identifier: Apache-2.0
 * flags.h - the one place that says how a job is compiled: `flink run job.c` and bin/flink-config
 * use the same flags. */
#ifndef CLIENT_CLI_FLAGS_H
#define CLIENT_CLI_FLAGS_H

#include "common/base/mem.h"
#include "common/world/world.h"

#define FLAGS_MAX 16

struct flags {
	const char
		*texts[FLAGS_MAX]; /* each one argument of the compiler, in the arena; not quoted */
	uint32_t count;
};

/* -std, -O2 … and -I for the headers of the home that `program_directory` (HOME/bin) belongs to, or
 * of the source tree when the program was started from its build folder. ERR_IO: neither. */
MUST_USE int flags_compile(struct world *world, const char *program_directory, struct arena *arena,
			   struct flags *flags, struct err *err);
/* What links a job: -shared. */
void flags_link(struct flags *flags);

#endif
