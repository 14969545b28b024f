/* SPDX-License-Identifier: Apache-2.0
 * main.c - flink-config prints the flags that build a job, for make files and build scripts:
 *
 *	cc $(flink-config --cflags) -o job.so job.c $(flink-config --libs)
 *
 * A job is linked without our libraries: whoever runs it defines what it calls. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/flags.h"
#include "common/base/mem.h"
#include "common/base/version.h"

static const char usage[] =
	"usage: flink-config [--cflags] [--libs] [--version]\n"
	"Prints what builds a job: cc $(flink-config --cflags) -o job.so job.c $(flink-config --libs)\n";

/* Quoted for a shell if need be: a home may lie in a folder with spaces. */
static void print_flag(const char *flag)
{
	static bool printed;

	printf("%s", printed ? " " : "");
	printed = true;
	if (strpbrk(flag, " \t\n\"'\\$`*?[](){}<>|&;#~!") == NULL) {
		printf("%s", flag);
		return;
	}
	putchar('\'');
	for (; *flag != '\0'; flag++)
		printf(*flag == '\'' ? "'\\''" : "%c", *flag);
	putchar('\'');
}

static int print_flags(bool cflags, bool libs)
{
	char directory[4096];
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct arena *arena = arena_create("flags");
	struct flags flags = { .count = 0 };
	ssize_t length = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	int result = 0;

	directory[length > 0 ? length : 0] = '\0';
	char *slash = strrchr(directory, '/');

	if (slash != NULL)
		*slash = '\0';
	if (world == NULL || (cflags && flags_compile(world, directory, arena, &flags, &err) < 0)) {
		fprintf(stderr, "flink-config: %s\n", err.text);
		result = 1;
	}
	if (libs)
		flags_link(&flags);
	for (uint32_t i = 0; result == 0 && i < flags.count; i++)
		print_flag(flags.texts[i]);
	if (result == 0)
		putchar('\n');
	arena_destroy(&arena);
	if (world != NULL)
		world_destroy(&world);
	return result;
}

int main(int argc, char **argv)
{
	bool cflags = false, libs = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--cflags") == 0) {
			cflags = true;
		} else if (strcmp(argv[i], "--libs") == 0) {
			libs = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("%s (%s)\n", FLINK_VERSION, CFLINK_VERSION);
			return 0;
		} else {
			fputs(usage, strcmp(argv[i], "--help") == 0 ? stdout : stderr);
			return strcmp(argv[i], "--help") == 0 ? 0 : 1;
		}
	}
	if (!cflags && !libs) {
		fputs(usage, stderr);
		return 1;
	}
	return print_flags(cflags, libs);
}
