/* SPDX-License-Identifier: Apache-2.0
 * daemon.h - what makes a program a daemon: background, supervision, pid file, log, crash notes.
 *
 * Beside common/world/world_os*.c this is the one place that may name fork, signal, wait and their
 * kin (scripts/tidy lists it): all of it happens before the world exists, or after it has crashed.
 *
 *   launcher ── fork ──> supervisor ── fork ──> worker: main() goes on after daemon_start
 *      │                     │  ▲                  │ daemon_note, daemon_ready, daemon_fail
 *      │ writes the pid      │  └──────────────────┘ (lines on a pipe)
 *      ▼ file, exits 0       ▼
 *                      readiness fd: the same lines, for whoever started it
 *
 * The supervisor starts a crashed worker again after 0.1 s, twice as long each time, at most 1 s
 * (the JobManager waits for the note); a minute of health resets that, and a crash of a job's
 * function does not count: such a job is not let go on for long. It never does when the worker was
 * asked to stop and ended with 0, nor when it failed before it was ever ready (a bad setting, a
 * port taken): then the cause goes to the readiness fd and the exit code is 1. What a worker sends
 * to itself asks for nothing: a function of a job does not end a daemon, neither with SIGTERM nor
 * with a timer. SIGTERM and SIGINT are passed on; a worker that is not gone after a second is
 * killed. Without --daemon the supervisor stays in the foreground.
 *
 * The readiness fd gets lines "WORD TEXT": any number of "note …" (what it waits for), then one
 * "ready …", or "failed …" whose text may go on in lines that begin with a blank. Then it is
 * closed. */
#ifndef COMMON_DAEMON_DAEMON_H
#define COMMON_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

/* From the command line, by daemon_options_take. In the paths "{index}" becomes the number of this
 * instance: the smallest that no living one in the pid file has. */
struct daemon_options {
	const char *name;     /* "taskexecutor": stands in messages */
	bool background; /* --daemon: go to the background; else stay, and log to stdout as well */
	bool unsupervised;    /* --unsupervised: one process, for debuggers; a crash ends it */
	bool latest;          /* --latest: link "latest.out" beside the .out file to it */
	const char *out_path; /* --out FILE: gets stdout and stderr, rotated first; in the
				 foreground, when supervised, a copy: they are shown too */
	const char *log_path; /* --log FILE: rotated first, and again past 100 MB */
	const char *pid_path; /* --pid FILE: gets a line with the pid; FILE.info gets the rest */
	int ready_fd;         /* --ready-fd N, or -1 */
	uint32_t log_files_max; /* --log-max N: older files kept, 10 unless given */
};

/* Takes the options above out of argv, whatever their place, and leaves the others in order (argc
 * is lowered). ERR_USAGE for one without its value. */
MUST_USE int daemon_options_take(struct daemon_options *options, const char *name, int *argc,
				 char **argv, struct err *err);

/* Call first in main, before any thread. Returns 0 in the worker only, with log lines going where
 * they should, signals set up and the crash handler armed; the launcher and the supervisor exit
 * inside. -1: nothing was started (a folder cannot be made, a file cannot be written). */
MUST_USE int daemon_start(const struct daemon_options *options, struct err *err);

/* ---- in the worker; without daemon_start they do nothing ------------------------------------ */

/* What it waits for while it is not ready: "waiting for the JobManager at localhost:6123". */
void daemon_note(const char *format, ...) PRINTF(1, 2);
/* It is up. JobManager: the URL of its web page; TaskManager: "2 slots". Kept in FILE.info. */
void daemon_ready(const char *format, ...) PRINTF(1, 2);
/* What this life is called ("localhost:40711-3f2a9c"), for the note of its death. */
void daemon_name(const char *name);
/* It cannot start: the error goes to the log, to stderr and to whoever started it. Exits with 1. */
NO_RETURN void daemon_fail(const struct err *err);

/* It cannot go on, and a new process can: this one is gone when the call is made, from whatever
 * thread and with whatever threads are stuck; the supervisor starts another. */
NO_RETURN void daemon_start_again(const char *why);

/* The files that lines really go to, index put in; NULL: none. Borrowed. */
enum daemon_file { DAEMON_LOG, DAEMON_OUT };
const char *daemon_path(enum daemon_file file);
/* The least level that is logged: a value of env.log.level. */
void daemon_log_level(const char *name);

/* Readable once SIGTERM or SIGINT (in the foreground also SIGHUP) has come; never read from it. */
int daemon_stop_fd(void);
bool daemon_stop_requested(void);
/* As if SIGTERM had come: daemon_wait_stop returns, and an end with 0 is the end of the daemon. */
void daemon_ask_stop(void);
/* Waits until it was asked to stop. */
void daemon_wait_stop(void);

/* ---- crashes -------------------------------------------------------------------------------- */

/* What the crashing thread was doing, as lines "job: …\noperator: …\nfunction: …\n". Two ways, used
 * together when both are set: a text that the thread set before (borrowed; NULL: none), or a
 * function that finds it out when it happens. That runs in a signal handler: no allocation, no
 * locks. */
void daemon_crash_context(const char *text);
typedef size_t daemon_describe_fn(char *into, size_t size_bytes);
void daemon_crash_describe(daemon_describe_fn *describe);
/* Gives this thread a stack of its own for the handler, so that running out of stack leaves a note
 * too. The main thread has one; others may call it once, at their start. */
void daemon_crash_stack(void);

/* A call that may do anything: into a function of a job. `text` is like that of
 * daemon_crash_context, "job: …" first, cut to 510 bytes; it is copied to memory that the
 * supervisor shares, so it is known whatever the function does to the heap, the descriptors and the
 * signals of this process. 0: there is no room, or this is no daemon; 0 may be entered and left.
 * One thread at a time may be in a call; entering and leaving are a store each. */
uint32_t daemon_call_add(const char *text);
void daemon_call_remove(uint32_t call);
void daemon_call_enter(uint32_t call);
void daemon_call_leave(uint32_t call);

/* The note of the worker before this one, if it ended unasked and nobody has taken the note yet:
 * lines "key: value" with signal (or exit, its status; or reason, of daemon_start_again), pid,
 * time, name (see daemon_name), crashes (how many since a note was taken), what the context said,
 * and frames, the innermost first; "why: closed descriptors …" if that is what happened. Where the
 * thread that crashed was in no call, or none can be named (_exit, a fault with its signal
 * blocked), but calls of one job alone were under way, one of those is named with
 * "suspected: yes". The context is missing where nobody can be suspected: after kill -9, out of
 * memory. "" otherwise. */
const char *daemon_crash_note(void);
/* The note was handed in; the next worker does not get it again. */
void daemon_crash_note_taken(void);
/* One value of a note, cut to fit; false: it has no such key. */
bool daemon_note_field(const char *note, const char *key, char *into, size_t size_bytes);

#endif
