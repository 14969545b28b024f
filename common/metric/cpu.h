/* SPDX-License-Identifier: Apache-2.0
 * cpu.h - what a process has used of the processors, out of the text that Linux tells about it. */
#ifndef COMMON_METRIC_CPU_H
#define COMMON_METRIC_CPU_H

#include <stdint.h>

#define CPU_STAT_PATH "/proc/self/stat"
#define CPU_STAT_BYTES_MAX 4096

/* Milliseconds of all its threads, in user code and in the kernel; 0: the text is not of that form.
 * ticks_per_s: sysconf(_SC_CLK_TCK). */
uint64_t cpu_ms_of_stat(const char *text, long ticks_per_s);

#endif
