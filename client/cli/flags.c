/* SPDX-License-Identifier: Apache-2.0
 * flags.c - see flags.h. */
#include "client/cli/flags.h"

#include "common/base/check.h"

#define HEADER_BYTES_MAX (1024 * 1024)

static void add(struct flags *flags, const char *text)
{
	CHECK(flags->count < FLAGS_MAX, "more than %d flags", FLAGS_MAX);
	flags->texts[flags->count++] = text;
}

static bool has_file(struct world *world, struct arena *arena, const char *directory,
		     const char *name)
{
	struct err ignored = ERR_INIT;
	size_t size_bytes;
	char *text;

	if (world_read_file(world, arena_printf(arena, "%s/%s", directory, name), HEADER_BYTES_MAX,
			    &text, &size_bytes, &ignored) < 0)
		return false;
	mem_free(text);
	return true;
}

int flags_compile(struct world *world, const char *program_directory, struct arena *arena,
		  struct flags *flags, struct err *err)
{
	/* Errors, because they would crash a TaskManager: a function that is not declared (its
	 * result is cut to an int), a wrong pointer, a forgotten return. */
	static const char *const always[] = {
		"-std=gnu11", "-D_GNU_SOURCE=", "-O2", "-g", "-fPIC", "-fno-omit-frame-pointer",
		"-Wall", "-Werror=implicit-function-declaration",
		"-Werror=incompatible-pointer-types", "-Werror=int-conversion",
		"-Werror=return-type",
	};
	const char *home = arena_printf(arena, "%s/../include", program_directory);
	const char *tree =
		arena_printf(arena, "%s/../../..", program_directory); /* build/release/bin */

	/* As system headers: a wrong collect(…) is shown where it stands, not where flink.h defines
	 * the macro. */
	flags->count = 0;
	for (size_t i = 0; i < ARRAY_COUNT(always); i++)
		add(flags, always[i]);
	if (has_file(world, arena, home, "flink/flink.h")) {
		add(flags, arena_printf(arena, "-isystem%s", home));
		return 0;
	}
	if (has_file(world, arena, tree, "client/api/flink/flink.h")) {
		add(flags, arena_printf(arena, "-isystem%s", tree));
		add(flags, arena_printf(arena, "-isystem%s/client/api", tree));
		return 0;
	}
	return err_set(err, ERR_IO, "the header flink/flink.h is not in %s", home);
}

void flags_link(struct flags *flags)
{
	add(flags, "-shared");
}
