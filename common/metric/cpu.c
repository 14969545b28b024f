/* SPDX-License-Identifier: Apache-2.0
 * cpu.c - see cpu.h and proc(5): "pid (name) state ppid …", the times are fields 14 and 15. The
 * name may have blanks and brackets, so fields are counted from its last bracket. */
#include "common/metric/cpu.h"

#include <stdlib.h>
#include <string.h>

uint64_t cpu_ms_of_stat(const char *text, long ticks_per_s)
{
	const char *at = strrchr(text, ')');
	char *end;

	for (int field = 2; at != NULL && field < 14; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || ticks_per_s <= 0)
		return 0;
	uint64_t user = strtoull(at, &end, 10), kernel = strtoull(end, NULL, 10);

	if (end == at || user > UINT64_MAX / 4000 || kernel > UINT64_MAX / 4000)
		return 0;
	return (user + kernel) * 1000 / (uint64_t)ticks_per_s;
}
