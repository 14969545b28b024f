/* SPDX-License-Identifier: Apache-2.0
 * daemon_priv.h - what the files of common/daemon share. */
#ifndef COMMON_DAEMON_DAEMON_PRIV_H
#define COMMON_DAEMON_DAEMON_PRIV_H

#include <poll.h>
#include <sys/types.h>

#include "common/daemon/daemon.h"

#define DAEMON_PATH_SIZE 4096
#define DAEMON_NOTE_SIZE 8192
#define DAEMON_NAME_SIZE 256
#define DAEMON_CALL_SIZE 512
/* what the supervisor adds to a note */
#define DAEMON_NOTE_TAIL_SIZE (DAEMON_NAME_SIZE + DAEMON_CALL_SIZE + 64)
#define DAEMON_LINE_SIZE 4096
#define DAEMON_LOG_BYTES_MAX (100 * 1024 * 1024) /* past this a file is rotated */

/* The process's one daemon. Static because signal handlers reach it, and because a process is one.
 *  */
struct daemon_self {
	struct daemon_options options;
	char out_path[DAEMON_PATH_SIZE], log_path[DAEMON_PATH_SIZE]; /* "": none; index put in */
	bool started;
	int log_fd;       /* or -1 */
	int screen_fd;    /* where log lines are shown: stdout, as it was at the start */
	int ready_fd;     /* the supervisor's, or -1 when all was said */
	int message_fd;   /* the worker's end of the pipe to its supervisor, or -1 */
	int stop_pipe[2]; /* the worker's */
	pid_t worker_pid; /* in the worker; a child that a user function forks has another */
	char crash_note[DAEMON_NOTE_SIZE];
};
extern struct daemon_self daemon_self;

/* ---- files (daemon_files.c) ---- */

/* A lock on the folder of the pid file, so that starts and stops do not mix. -1 with err. */
MUST_USE int daemon_pids_lock(const char *pid_path, struct err *err);
/* The number for a new instance; forgets entries of processes that are gone. Needs the lock. */
MUST_USE int daemon_pids_index(const char *pid_path, uint32_t *index, struct err *err);
MUST_USE int daemon_pids_add(const char *pid_path, pid_t pid, uint32_t index, struct err *err);
/* These two take the lock themselves and stay silent: there is nobody to tell. */
void daemon_pids_set_text(const char *pid_path, pid_t pid, const char *text);
void daemon_pids_remove(const char *pid_path, pid_t pid);

MUST_USE int daemon_make_folder_of(const char *path, struct err *err);
/* path -> path.1 -> … -> path.max; an empty file stays where it is. */
void daemon_rotate(const char *path, uint32_t files_max);
MUST_USE int daemon_open_append(const char *path, int *fd, struct err *err);
/* Lets the log go to the file, and to stdout in the foreground. */
void daemon_log_begin(void);

/* ---- printed lines to the screen and to the file (daemon_copy.c); else these do nothing ---- */

/* In the supervisor, before it starts a worker. Takes file_fd over. */
MUST_USE int daemon_copy_begin(int file_fd, struct err *err);
/* In the worker: what it prints goes through the supervisor from here on. */
void daemon_copy_enter_worker(void);
/* What to wait for (room for 2), and the step when poll has filled it in. */
nfds_t daemon_copy_wait(struct pollfd *wait);
void daemon_copy_step(const struct pollfd *wait);
/* The last lines of a worker that is gone; takes a second at most. */
void daemon_copy_end(void);

/* ---- the rest ---- */

void daemon_supervise(void);                    /* daemon_supervise.c; returns in the worker only */
void daemon_worker_begin(int message_fd);       /* daemon_worker.c */
/* After so long the process ends, come what may. For signal handlers. */
void daemon_end_after(unsigned seconds);
void daemon_crash_begin(void);                  /* daemon_crash.c */
/* A note "reason: …" of an end that the worker itself wants. */
void daemon_crash_reason(const char *why);
/* ---- what outlives a worker (daemon_call.c); without it they do nothing, and find nothing ---- */

void daemon_calls_open(void);
void daemon_calls_forget(void);                 /* no worker, no note, no calls */
void daemon_calls_save(const char *note, size_t size_bytes);
size_t daemon_calls_saved(char *note, size_t size_bytes);
const char *daemon_calls_here(void);            /* this thread's; NULL: none */
/* The call under way, if all under way are of one job (the first line of their texts). */
const char *daemon_calls_only(void);

/* False: not all of it (errno says why). Lines for the log or a reader that is gone just end. */
bool daemon_write_all(int fd, const char *text, size_t size_bytes);

#endif
