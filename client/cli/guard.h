/* SPDX-License-Identifier: Apache-2.0
 * guard.h - while a program's own code runs inside the client: a crash is told in words, and so is
 * a program that leaves by exit() before its job was handed in. */
#ifndef CLIENT_CLI_GUARD_H
#define CLIENT_CLI_GUARD_H

/* From here until guard_end code of `program` runs on this thread (its constructors, its
 * flink_main); borrowed. With --target local its functions run on others too. */
void guard_begin(const char *program);
void guard_end(void);
/* The job was handed in: leaving by exit() is the program's business now. */
void guard_submitted(void);

#endif
