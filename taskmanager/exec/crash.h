/* SPDX-License-Identifier: Apache-2.0
 * crash.h - what the crash note says of the task that a thread was stepping when it crashed. */
#ifndef TASKMANAGER_EXEC_CRASH_H
#define TASKMANAGER_EXEC_CRASH_H

#include <stddef.h>

/* Lines "job: <32 hex>", "operator: <name>", "function: <symbol>", "task: <name>" for the task
 * under step on this thread; nothing if there is none. For signal handlers: no allocation, no
 * locks. Returns the length. (A daemon_describe_fn.) */
size_t crash_describe(char *into, size_t size_bytes);

#endif
