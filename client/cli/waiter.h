/* SPDX-License-Identifier: Apache-2.0
 * waiter.h - how the main thread waits for the session's thread, and hears of Ctrl-C meanwhile. One
 * per process; flink_main blocks in it while its job runs. */
#ifndef CLIENT_CLI_WAITER_H
#define CLIENT_CLI_WAITER_H

#include <stdbool.h>

void waiter_open(void);
/* From now on SIGINT is counted instead of ending the process; the last one ends it all the same: a
 * function that never returns (--target local) may hold every thread that could still end it. */
#define WAITER_INTERRUPTS_MAX 3
void waiter_catch_interrupts(void);
void waiter_post(void); /* any thread, and signal handlers */
/* Waits for a post. Returns the interrupts since the last call. */
unsigned waiter_wait(void);

#endif
