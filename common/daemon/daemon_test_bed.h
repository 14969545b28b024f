/* SPDX-License-Identifier: Apache-2.0
 * daemon_test_bed.h - real processes for daemon_test.c and daemon_crash_test.c: the program starts
 * itself as a daemon that behaves as told.
 *
 *   daemon_test --behave NAME FOLDER [daemon options] */
#ifndef COMMON_DAEMON_DAEMON_TEST_BED_H
#define COMMON_DAEMON_DAEMON_TEST_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/daemon/daemon.h"

#define DEADLINE_MS 20000

/* ---- the daemon under test ------------------------------------------------------------------ */

static inline size_t describe(char *into, size_t size_bytes)
{
	return (size_t)snprintf(into, size_bytes, "operator: Flat Map\n");
}

static inline void write_file(const char *folder, const char *name, const char *text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.new", folder, name);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	char to[600];
	snprintf(to, sizeof(to), "%s/%s", folder, name);
	rename(path, to);
}

static inline void crash(void)
{
	volatile uintptr_t nowhere = 16; /* not NULL: a sanitizer would see that coming */

	*(volatile int *)nowhere = 1;
}

static inline int deepen(volatile int *depth)
{
	volatile int more[1000];

	more[0] = *depth + 1;
	return more[0] < 0 ? 0 : deepen(more) + more[0];
}

static inline uint32_t in_a_call(const char *text)
{
	uint32_t call = daemon_call_add(text);

	daemon_call_enter(call);
	return call;
}

static inline void *crash_thread(void *context)
{
	(void)context;
	crash();
	return NULL;
}

/* What functions of jobs do to the process they run in. */
static inline void misbehave(const char *how)
{
	uint32_t call = in_a_call("job: 4567\noperator: Map\n");

	if (strcmp(how, "crash in a call") == 0)
		crash();
	if (strcmp(how, "leave a call") == 0)
		_exit(4);
	if (strcmp(how, "crash without descriptors") == 0) {
		for (int fd = 0; fd < 256; fd++)
			close(fd);
		crash();
	}
	if (strcmp(how, "crash with its signal ignored") == 0) {
		signal(SIGSEGV, SIG_IGN);
		crash();
	}
	if (strcmp(how, "leave calls of two jobs") == 0) {
		in_a_call("job: 89ab\noperator: Map\n");
		_exit(4);
	}
	if (strcmp(how, "crash beside a call") == 0) {
		pthread_t victim;

		pthread_create(&victim, NULL, crash_thread, NULL);
		pthread_join(victim, NULL);
	}
	if (strcmp(how, "kill in a call") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "ask itself") == 0) {
		for (int signal = SIGHUP; signal <= SIGTERM; signal += SIGTERM - SIGHUP)
			kill(getpid(), signal);
		kill(getpid(), SIGINT);
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGALRM);
	}
	daemon_call_leave(call);
	daemon_call_remove(call);
}

static inline int behave(const char *how, const char *folder)
{
	struct err err = ERR_INIT;
	char pid[32];

	if (strcmp(how, "fail") == 0) {
		err_set(&err, ERR_CONF_PORT_TAKEN, "port 8081 is held by nc (pid 7)");
		daemon_fail(&err);
	}
	if (strcmp(how, "die") == 0)
		_exit(3);
	if (strcmp(how, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	daemon_note("waiting for %s", "nothing");
	daemon_name("a daemon:1");
	write_file(folder, "note", daemon_crash_note());
	daemon_ready("2 slots");
	printf("hello\n");
	fflush(stdout);
	if (strcmp(how, "deaf") == 0)
		for (;;)
			pause();
	if (daemon_crash_note()[0] == '\0') {
		misbehave(how);
		daemon_crash_context("job: 0123\n");
		daemon_crash_describe(describe);
		if (strcmp(how, "crash") == 0)
			crash();
		if (strcmp(how, "overflow") == 0) {
			volatile int depth = 0;

			return deepen(&depth);
		}
		if (strcmp(how, "leave") == 0)
			_exit(4);
		if (strcmp(how, "leave with 0") == 0)
			_exit(0);
		if (strcmp(how, "exit") == 0)
			exit(0);
		if (strcmp(how, "start again") == 0)
			daemon_start_again("it is stuck");
		if (strcmp(how, "leave a child") == 0) {
			if (fork() == 0) {
				sigset_t none;

				sigemptyset(&none);
				sigprocmask(SIG_SETMASK, &none, NULL);
				signal(SIGALRM, SIG_DFL); /* a worker's own alarms end nothing */
				alarm(10);
				for (;;)
					pause();
			}
			_exit(5);
		}
	}
	daemon_crash_note_taken();
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	write_file(folder, "serving", pid);
	daemon_wait_stop();
	return 0;
}

static inline int be_daemon(int argc, char **argv)
{
	struct daemon_options options;
	struct err err = ERR_INIT;

	if (daemon_options_take(&options, "testdaemon", &argc, argv, &err) ||
	    daemon_start(&options, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	return behave(argv[2], argv[3]);
}

/* ---- helpers -------------------------------------------------------------------------------- */

struct started {
	char folder[64], pid_path[128];
	pid_t launcher;
	int ready_fd;
};

static inline void open_folder(struct started *d)
{
	snprintf(d->folder, sizeof(d->folder), "/tmp/daemon_test.XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	snprintf(d->pid_path, sizeof(d->pid_path), "%s/run/d.pid", d->folder);
}

static bool disk_full;

static inline void start_with(struct started *d, const char *how, const char *mode)
{
	char out[128], log[128];
	int fds[2];

	snprintf(out, sizeof(out), "%s/log/d-{index}.out", d->folder);
	snprintf(log, sizeof(log), "%s/log/d-{index}.log", d->folder);
	assert_int_equal(pipe(fds), 0);
	d->launcher = fork();
	if (d->launcher == 0) {
		close(fds[0]);
		dup2(fds[1], 9);
		close(fds[1]);
		if (disk_full) { /* files can be made and have no room */
			struct rlimit none = { 0, 0 };

			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &none);
		}
		execl("/proc/self/exe", "daemon_test", "--behave", how, d->folder, "--out", out,
		      "--log", log, "--pid", d->pid_path, "--ready-fd", "9", "--log-max", "2",
		      "--latest", mode, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	d->ready_fd = fds[0];
}

static inline void start(struct started *d, const char *how)
{
	start_with(d, how, "--daemon");
}

static inline int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Everything the daemon tells until it closes the descriptor. */
static inline const char *told(struct started *d)
{
	static char text[8192];
	size_t used = 0;
	int64_t end = now_ms() + DEADLINE_MS;

	for (;;) {
		struct pollfd wait = { .fd = d->ready_fd, .events = POLLIN };
		ssize_t got;

		if (now_ms() > end || poll(&wait, 1, DEADLINE_MS) <= 0)
			fail_msg("it said only \"%.*s\"", (int)used, text);
		got = read(d->ready_fd, text + used, sizeof(text) - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	text[used] = '\0';
	close(d->ready_fd);
	return text;
}

static inline const char *file_text(const char *folder, const char *name)
{
	static char text[16384];
	char path[600];
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = '\0';
	fclose(file);
	return text;
}

static inline void pause_a_little(void)
{
	struct timespec pause = { 0, 5 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

/* Until the file holds the text (NULL: until the file is gone). */
static inline void await_file(struct started *d, const char *name, const char *wanted)
{
	int64_t end = now_ms() + DEADLINE_MS;
	const char *text;

	for (;;) {
		text = file_text(d->folder, name);
		if (wanted == NULL ? text == NULL : text != NULL && strstr(text, wanted) != NULL)
			return;
		if (now_ms() > end)
			fail_msg("%s is \"%s\", not \"%s\"", name, text ? text : "(not there)",
				 wanted ? wanted : "gone");
		pause_a_little();
	}
}

/* Orphans come to this program (it is their subreaper), which must bury them. */
static inline void await_gone(pid_t pid)
{
	int64_t end = now_ms() + DEADLINE_MS;

	while (waitpid(pid, NULL, WNOHANG) != pid && kill(pid, 0) == 0) {
		if (now_ms() > end)
			fail_msg("process %ld lives on", (long)pid);
		pause_a_little();
	}
}

static inline pid_t pid_in_file(struct started *d, int line)
{
	const char *text = file_text(d->folder, "run/d.pid");

	for (; text != NULL && line > 0; line--)
		text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
	return text ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* The child of a process, from /proc. */
static inline pid_t child_of(pid_t pid)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	file = fopen(path, "r");
	if (file != NULL) {
		if (fgets(text, sizeof(text), file) == NULL)
			text[0] = '\0';
		fclose(file);
	}
	return (pid_t)strtol(text, NULL, 10);
}

static inline int exit_of_launcher(struct started *d)
{
	int status;

	assert_int_equal(waitpid(d->launcher, &status, 0), d->launcher);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void stop(struct started *d)
{
	pid_t pid = pid_in_file(d, 0);

	assert_true(pid > 1);
	kill(pid, SIGTERM);
	await_gone(pid);
	assert_null(file_text(d->folder, "run/d.pid"));
	assert_null(file_text(d->folder, "run/d.pid.info"));
}

static inline void close_folder(struct started *d)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", d->folder);
	assert_int_equal(system(command), 0);
}

/* The daemon behaves as `how` says; its next life has a note with this value. */
static inline void leaves_a_note(const char *how, const char *key, const char *wanted)
{
	struct started d;
	char value[64] = "";

	open_folder(&d);
	start(&d, how);
	told(&d);
	exit_of_launcher(&d);
	await_file(&d, "serving", "\n");
	assert_true(daemon_note_field(file_text(d.folder, "note"), key, value, sizeof(value)));
	assert_string_equal(value, wanted);
	assert_true(daemon_note_field(file_text(d.folder, "note"), "name", value, sizeof(value)));
	assert_string_equal(value, "a daemon:1");
	stop(&d);
	close_folder(&d);
}

/* What main does: `tests`, or the daemon. */
static inline bool is_daemon(int argc, char **argv)
{
	return argc > 3 && strcmp(argv[1], "--behave") == 0;
}

#endif
