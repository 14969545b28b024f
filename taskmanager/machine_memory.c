/* SPDX-License-Identifier: Apache-2.0
 * machine_memory.c - how much memory there is: the machine's, and what the control group that this
 * process is in may use. The limit of a group holds for all below it, so every one on the way up
 * counts. In a container the path is the host's and the mount shows the container's own group as
 * its root: the paths that are not there are passed over. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "taskmanager/memory_budget.h"

#define FILE_BYTES_MAX 65536

/* NULL: it is not there, or cannot be read. mem_free. */
static char *read_text(struct world *world, const char *path)
{
	struct err ignored;
	size_t size_bytes;
	char *text;

	return world_read_file(world, path, FILE_BYTES_MAX, &text, &size_bytes, &ignored) == 0
		       ? text
		       : NULL;
}

static uint64_t physical_bytes_of(struct world *world)
{
	static const char name[] = "MemTotal:";
	char *text = read_text(world, "/proc/meminfo");
	const char *at = text ? strstr(text, name) : NULL;
	uint64_t kib = at ? strtoull(at + strlen(name), NULL, 10) : 0;

	mem_free(text);
	return kib * 1024;
}

/* "max", "" and what is no number are no limit. */
static uint64_t limit_in(struct world *world, const char *root, const char *group, const char *name)
{
	char *path = mem_printf("%s%s/%s", root, group, name);
	char *text = read_text(world, path);
	uint64_t limit = text && text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : 0;

	mem_free(text);
	mem_free(path);
	return limit;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* group: "/system.slice/flink", cut here piece by piece. */
static uint64_t limit_up(struct world *world, const char *root, char *group, const char *name)
{
	uint64_t limit = 0;

	for (;;) {
		char *slash = strrchr(group, '/');

		if (strcmp(group, "/") == 0)
			group[0] = '\0';
		limit = smaller(limit, limit_in(world, root, group, name));
		if (slash == NULL || group[0] == '\0')
			return limit;
		*slash = '\0';
	}
}

/* One line of /proc/self/cgroup: "0::/path" (version 2), "9:memory:/path", "4:cpu,memory:/path". */
static uint64_t limit_of_line(struct world *world, char *line)
{
	char *controllers = strchr(line, ':'), *group;

	if (controllers == NULL || (group = strchr(controllers + 1, ':')) == NULL)
		return 0;
	*group++ = '\0';
	controllers++;
	if (controllers[0] == '\0')
		return limit_up(world, "/sys/fs/cgroup", group, "memory.max");
	for (char *name = controllers; name != NULL;) {
		char *comma = strchr(name, ',');

		if (comma != NULL)
			*comma++ = '\0';
		if (strcmp(name, "memory") == 0)
			return limit_up(world, "/sys/fs/cgroup/memory", group,
					"memory.limit_in_bytes");
		name = comma;
	}
	return 0;
}

static uint64_t cgroup_bytes_of(struct world *world)
{
	char *text = read_text(world, "/proc/self/cgroup");
	uint64_t limit = 0;

	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		limit = smaller(limit, limit_of_line(world, line));
		line = end;
	}
	mem_free(text);
	return limit;
}

struct machine_memory machine_memory_of(struct world *world)
{
	struct machine_memory memory = { .physical_bytes = physical_bytes_of(world),
					 .cgroup_bytes = cgroup_bytes_of(world) };

	/* Version 1 says "no limit" by a number larger than any machine. */
	if (memory.physical_bytes > 0 && memory.cgroup_bytes >= memory.physical_bytes)
		memory.cgroup_bytes = 0;
	memory.bytes = smaller(memory.physical_bytes, memory.cgroup_bytes);
	return memory;
}
