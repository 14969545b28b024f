/* SPDX-License-Identifier: Apache-2.0
 * daemon_test.c - real processes: this program starts itself as a daemon that behaves as told.
 *
 *   daemon_test --behave NAME FOLDER [daemon options] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

static size_t describe(char *into, size_t size_bytes)
{
	return (size_t)snprintf(into, size_bytes, "operator: Flat Map\n");
}

static void write_file(const char *folder, const char *name, const char *text)
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

static void crash(void)
{
	volatile uintptr_t nowhere = 16; /* not NULL: a sanitizer would see that coming */

	*(volatile int *)nowhere = 1;
}

static int deepen(volatile int *depth)
{
	volatile int more[1000];

	more[0] = *depth + 1;
	return more[0] < 0 ? 0 : deepen(more) + more[0];
}

static uint32_t in_a_call(const char *text)
{
	uint32_t call = daemon_call_add(text);

	daemon_call_enter(call);
	return call;
}

/* What functions of jobs do to the process they run in. */
static void misbehave(const char *how)
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

static int behave(const char *how, const char *folder)
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

static int be_daemon(int argc, char **argv)
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

static void open_folder(struct started *d)
{
	snprintf(d->folder, sizeof(d->folder), "/tmp/daemon_test.XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	snprintf(d->pid_path, sizeof(d->pid_path), "%s/run/d.pid", d->folder);
}

static bool disk_full;

static void start_with(struct started *d, const char *how, const char *mode)
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

static void start(struct started *d, const char *how)
{
	start_with(d, how, "--daemon");
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Everything the daemon tells until it closes the descriptor. */
static const char *told(struct started *d)
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

static const char *file_text(const char *folder, const char *name)
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

static void pause_a_little(void)
{
	struct timespec pause = { 0, 5 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

/* Until the file holds the text (NULL: until the file is gone). */
static void await_file(struct started *d, const char *name, const char *wanted)
{
	int64_t end = now_ms() + DEADLINE_MS;
	const char *text;

	for (;;) {
		text = file_text(d->folder, name);
		if (wanted == NULL ? text == NULL : text != NULL && strstr(text, wanted) != NULL)
			return;
		if (now_ms() > end)
			fail_msg("%s is \"%s\", not \"%s\"", name, text ? text : "(not there)",
				 wanted);
		pause_a_little();
	}
}

/* Orphans come to this program (it is their subreaper), which must bury them. */
static void await_gone(pid_t pid)
{
	int64_t end = now_ms() + DEADLINE_MS;

	while (waitpid(pid, NULL, WNOHANG) != pid && kill(pid, 0) == 0) {
		if (now_ms() > end)
			fail_msg("process %ld lives on", (long)pid);
		pause_a_little();
	}
}

static pid_t pid_in_file(struct started *d, int line)
{
	const char *text = file_text(d->folder, "run/d.pid");

	for (; text != NULL && line > 0; line--)
		text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
	return text ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* The child of a process, from /proc. */
static pid_t child_of(pid_t pid)
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

static int exit_of_launcher(struct started *d)
{
	int status;

	assert_int_equal(waitpid(d->launcher, &status, 0), d->launcher);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void stop(struct started *d)
{
	pid_t pid = pid_in_file(d, 0);

	assert_true(pid > 1);
	kill(pid, SIGTERM);
	await_gone(pid);
	assert_null(file_text(d->folder, "run/d.pid"));
	assert_null(file_text(d->folder, "run/d.pid.info"));
}

static void close_folder(struct started *d)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", d->folder);
	assert_int_equal(system(command), 0);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void a_daemon_tells_when_it_is_ready(void **state)
{
	struct started d;
	pid_t pid, worker;
	char latest[64], target[64];

	(void)state;
	open_folder(&d);
	start(&d, "serve");
	assert_string_equal(told(&d), "note waiting for nothing\nready 2 slots\n");
	assert_int_equal(exit_of_launcher(&d), 0);
	pid = pid_in_file(&d, 0);
	assert_true(pid > 1);
	worker = child_of(pid);
	assert_true(worker > 1);
	assert_non_null(strstr(file_text(d.folder, "run/d.pid.info"), " 0 2 slots\n"));
	await_file(&d, "log/d-0.out", "hello\n");
	assert_non_null(file_text(d.folder, "log/d-0.log"));
	assert_string_equal(file_text(d.folder, "log/latest.out"), "hello\n");
	snprintf(latest, sizeof(latest), "%.40s/log/latest.out", d.folder);
	assert_int_equal(readlink(latest, target, sizeof(target)), 7);
	stop(&d);
	await_gone(worker);
	close_folder(&d);
}

static void a_failed_start_is_told_and_not_tried_again(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start(&d, "fail");
	assert_string_equal(told(&d),
			    "failed error E1004: port 8081 is held by nc (pid 7)\n hint: stop that "
			    "process, or choose another port in conf/flink-conf.yaml\n");
	exit_of_launcher(&d);
	await_file(&d, "run/d.pid", NULL);
	await_file(&d, "log/d-0.log",
		   "testdaemon cannot start: E1004 port 8081 is held by nc (pid 7)");
	await_file(&d, "log/d-0.out", "error E1004");
	close_folder(&d);
}

static void a_silent_death_before_ready_is_told(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start(&d, "die");
	assert_non_null(strstr(
		told(&d), "failed testdaemon ended with status 3 before it was up; see /tmp/"));
	exit_of_launcher(&d);
	await_file(&d, "run/d.pid", NULL);
	close_folder(&d);
}

static void a_crash_leaves_a_note_to_the_next(void **state)
{
	struct started d;
	char value[64];
	const char *note;

	(void)state;
	open_folder(&d);
	start(&d, "crash");
	assert_non_null(strstr(told(&d), "ready 2 slots\n"));
	exit_of_launcher(&d);
	await_file(&d, "note", "signal: ");
	note = file_text(d.folder, "note");
	assert_true(daemon_note_field(note, "signal", value, sizeof(value)));
	assert_string_equal(value, "11 SIGSEGV");
	assert_true(daemon_note_field(note, "job", value, sizeof(value)));
	assert_string_equal(value, "0123");
	assert_true(daemon_note_field(note, "operator", value, sizeof(value)));
	assert_string_equal(value, "Flat Map");
	assert_true(daemon_note_field(note, "crashes", value, sizeof(value)));
	assert_string_equal(value, "1");
	assert_non_null(strstr(note, "frame: "));
	await_file(&d, "log/d-0.log", "it starts again in 100 ms");
	assert_non_null(strstr(file_text(d.folder, "log/d-0.log"), "job: 0123"));
	stop(&d);
	close_folder(&d);
}

static void running_out_of_stack_leaves_a_note(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start(&d, "overflow");
	told(&d);
	exit_of_launcher(&d);
	await_file(&d, "note", "signal: 11 SIGSEGV");
	assert_non_null(strstr(file_text(d.folder, "note"), "job: 0123"));
	stop(&d);
	close_folder(&d);
}

static void a_killed_worker_comes_back(void **state)
{
	struct started d;
	pid_t worker;

	(void)state;
	open_folder(&d);
	start(&d, "serve");
	told(&d);
	exit_of_launcher(&d);
	worker = child_of(pid_in_file(&d, 0));
	assert_true(worker > 1);
	kill(worker, SIGKILL);
	await_file(&d, "note", "signal: 9 SIGKILL");
	await_gone(worker);
	stop(&d);
	close_folder(&d);
}

static void a_note_that_was_taken_does_not_come_again(void **state)
{
	struct started d;
	char second[32];
	pid_t pid;

	(void)state;
	open_folder(&d);
	start(&d, "serve");
	told(&d);
	exit_of_launcher(&d);
	pid = pid_in_file(&d, 0);
	kill(child_of(pid), SIGKILL);
	await_file(&d, "note", "crashes: 1");
	/* The second worker takes the note; the third is told of the second's death alone. */
	snprintf(second, sizeof(second), "%ld\n", (long)child_of(pid));
	await_file(&d, "serving", second);
	write_file(d.folder, "note", "");
	kill(child_of(pid), SIGKILL);
	await_file(&d, "note", "crashes: 1");
	stop(&d);
	close_folder(&d);
}

/* The daemon behaves as `how` says; its next life has a note with this value. */
static void leaves_a_note(const char *how, const char *key, const char *wanted)
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

static void leaving_unasked_is_a_crash_whatever_the_status(void **state)
{
	(void)state;
	leaves_a_note("leave", "exit", "4");
	leaves_a_note("leave with 0", "exit", "0");
	leaves_a_note("start again", "reason", "it is stuck");
}

static void a_function_that_calls_exit_is_named(void **state)
{
	(void)state;
	leaves_a_note("exit", "exit", "0");
	leaves_a_note("exit", "operator", "Flat Map");
}

/* Whatever the function has done to its process, its job stands in shared memory. */
static void a_call_that_ends_the_worker_is_named(void **state)
{
	(void)state;
	leaves_a_note("crash in a call", "job", "4567");
	leaves_a_note("crash without descriptors", "signal", "11 SIGSEGV");
	leaves_a_note("crash without descriptors", "job", "4567");
	leaves_a_note("crash with its signal ignored", "job", "4567");
	leaves_a_note("crash with its signal ignored", "suspected", "yes");
	leaves_a_note("leave a call", "operator", "Map");
	leaves_a_note("leave a call", "suspected", "yes");
}

static void nobody_is_suspected_beside_another_or_of_a_signal_from_outside(void **state)
{
	static const char *const how[] = { "leave calls of two jobs", "kill in a call" };
	struct started d;
	char value[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(how); i++) {
		open_folder(&d);
		start(&d, how[i]);
		told(&d);
		exit_of_launcher(&d);
		await_file(&d, "serving", "\n");
		assert_false(daemon_note_field(file_text(d.folder, "note"), "job", value,
					       sizeof(value)));
		stop(&d);
		close_folder(&d);
	}
}

static void a_worker_that_asks_itself_to_stop_goes_on(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start(&d, "ask itself");
	told(&d);
	exit_of_launcher(&d);
	await_file(&d, "log/d-0.log", "goes on: a function of a job sent it a signal");
	await_file(&d, "serving", "\n");
	assert_string_equal(file_text(d.folder, "note"), "");
	stop(&d);
	close_folder(&d);
}

/* Such a child holds the pipe to the supervisor open. */
static void a_child_that_a_worker_leaves_behind_holds_nobody_up(void **state)
{
	(void)state;
	leaves_a_note("leave a child", "exit", "5");
}

static void a_deaf_worker_is_killed_after_a_second(void **state)
{
	struct started d;
	pid_t worker;
	int64_t begun;

	(void)state;
	open_folder(&d);
	start(&d, "deaf");
	told(&d);
	exit_of_launcher(&d);
	worker = child_of(pid_in_file(&d, 0));
	begun = now_ms();
	stop(&d);
	assert_true(now_ms() - begun >= 900);
	await_gone(worker);
	close_folder(&d);
}

static void a_worker_does_not_outlive_its_supervisor(void **state)
{
	struct started d;
	pid_t pid, worker;

	(void)state;
	open_folder(&d);
	start(&d, "serve");
	told(&d);
	exit_of_launcher(&d);
	pid = pid_in_file(&d, 0);
	worker = child_of(pid);
	kill(pid, SIGKILL);
	await_gone(worker);
	close_folder(&d);
}

static void instances_are_numbered_and_the_dead_make_room(void **state)
{
	struct started d, second, third;
	pid_t first_pid;

	(void)state;
	open_folder(&d);
	start(&d, "serve");
	told(&d);
	exit_of_launcher(&d);
	second = d;
	start(&second, "serve");
	told(&second);
	exit_of_launcher(&second);
	assert_non_null(file_text(d.folder, "log/d-1.out"));
	first_pid = pid_in_file(&d, 0);
	kill(first_pid, SIGKILL);
	await_gone(first_pid);
	/* The first one's line is stale now. Its number goes to the next, and its files are
	 * rotated. */
	third = d;
	start(&third, "serve");
	told(&third);
	exit_of_launcher(&third);
	assert_int_not_equal(pid_in_file(&d, 0), first_pid);
	assert_int_not_equal(pid_in_file(&d, 1), 0);
	assert_int_equal(pid_in_file(&d, 2), 0);
	await_file(&d, "log/d-0.out", "hello\n");
	assert_string_equal(file_text(d.folder, "log/d-0.out.1"), "hello\n");
	assert_null(file_text(d.folder, "log/d-2.out"));
	pid_t third_pid = pid_in_file(&d, 1); /* once: its line goes when it ends */

	kill(third_pid, SIGTERM);
	await_gone(third_pid);
	stop(&d);
	close_folder(&d);
}

static void a_pid_that_belongs_to_another_process_is_not_ours(void **state)
{
	struct started d;
	char text[128];

	(void)state;
	open_folder(&d);
	snprintf(text, sizeof(text), "%s/run", d.folder);
	assert_int_equal(mkdir(text, 0700), 0);
	/* This test's own pid, but another start time. */
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	write_file(d.folder, "run/d.pid", text);
	snprintf(text, sizeof(text), "%ld 12345 boot 0 x\n", (long)getpid());
	write_file(d.folder, "run/d.pid.info", text);
	start(&d, "serve");
	told(&d);
	exit_of_launcher(&d);
	assert_int_not_equal(pid_in_file(&d, 0), getpid());
	assert_non_null(file_text(d.folder, "log/d-0.out"));
	stop(&d);
	close_folder(&d);
}

static void in_the_foreground_it_stays_and_ends_with_0(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start_with(&d, "serve", "--latest");
	assert_non_null(strstr(told(&d), "ready 2 slots\n"));
	assert_int_equal(pid_in_file(&d, 0), d.launcher);
	kill(d.launcher, SIGINT);
	assert_int_equal(exit_of_launcher(&d), 0);
	assert_null(file_text(d.folder, "run/d.pid"));
	start_with(&d, "fail", "--latest");
	told(&d);
	assert_int_equal(exit_of_launcher(&d), 1);
	close_folder(&d);
}

static void unsupervised_it_is_one_process(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	start_with(&d, "serve", "--unsupervised");
	assert_non_null(strstr(told(&d), "ready 2 slots\n"));
	assert_int_equal(pid_in_file(&d, 0), d.launcher);
	assert_int_equal(child_of(d.launcher), 0);
	kill(d.launcher, SIGTERM);
	assert_int_equal(exit_of_launcher(&d), 0);
	assert_null(file_text(d.folder, "run/d.pid"));
	close_folder(&d);
}

static void options_are_taken_and_others_left(void **state)
{
	char words[][16] = { "jobmanager", "-D",    "--daemon", "a=b",	"--log-max",
			     "3",	   "--out", "x y.out",	"start" };
	char *argv[10];
	struct daemon_options options;
	struct err err = ERR_INIT;
	int argc = 9;

	(void)state;
	for (int i = 0; i < argc; i++)
		argv[i] = words[i];
	argv[argc] = NULL;
	assert_int_equal(daemon_options_take(&options, "standalonesession", &argc, argv, &err), 0);
	assert_int_equal(argc, 4);
	assert_string_equal(argv[1], "-D");
	assert_string_equal(argv[2], "a=b");
	assert_string_equal(argv[3], "start");
	assert_null(argv[4]);
	assert_true(options.background);
	assert_int_equal(options.log_files_max, 3);
	assert_string_equal(options.out_path, "x y.out");
	assert_int_equal(options.ready_fd, -1);
	snprintf(words[1], sizeof(words[1]), "--pid");
	argv[1] = words[1];
	argc = 2;
	assert_int_equal(daemon_options_take(&options, "x", &argc, argv, &err), -1);
	assert_string_equal(err.text, "--pid wants a value behind it");
	snprintf(words[1], sizeof(words[1]), "--log-max");
	snprintf(words[2], sizeof(words[2]), "many");
	argv[2] = words[2];
	argc = 3;
	assert_int_equal(daemon_options_take(&options, "x", &argc, argv, &err), -1);
	assert_string_equal(err.text, "--log-max wants a number from 0 to 1000, not \"many\"");
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	struct started d;
	const char *text;

	(void)state;
	open_folder(&d);
	write_file(d.folder, "log", "a file where a folder should be");
	start(&d, "serve");
	text = told(&d);
	assert_non_null(strstr(text, "failed error E9002: cannot write /tmp/"));
	assert_non_null(strstr(text, "log/d-0.log: Not a directory\n hint: "));
	assert_int_equal(exit_of_launcher(&d), 2);
	close_folder(&d);
}

static void a_pid_file_without_room_is_no_start(void **state)
{
	struct started d;

	(void)state;
	open_folder(&d);
	disk_full = true;
	start(&d, "serve");
	disk_full = false;
	assert_non_null(strstr(told(&d), "run/d.pid: File too large\n hint: "));
	assert_int_equal(exit_of_launcher(&d), 2);
	assert_null(file_text(d.folder, "run/d.pid"));
	assert_null(file_text(d.folder, "run/d.pid.new"));
	assert_null(file_text(d.folder, "serving"));
	close_folder(&d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_daemon_tells_when_it_is_ready),
		cmocka_unit_test(a_failed_start_is_told_and_not_tried_again),
		cmocka_unit_test(a_silent_death_before_ready_is_told),
		cmocka_unit_test(a_crash_leaves_a_note_to_the_next),
		cmocka_unit_test(running_out_of_stack_leaves_a_note),
		cmocka_unit_test(a_killed_worker_comes_back),
		cmocka_unit_test(a_note_that_was_taken_does_not_come_again),
		cmocka_unit_test(leaving_unasked_is_a_crash_whatever_the_status),
		cmocka_unit_test(a_function_that_calls_exit_is_named),
		cmocka_unit_test(a_call_that_ends_the_worker_is_named),
		cmocka_unit_test(
			nobody_is_suspected_beside_another_or_of_a_signal_from_outside),
		cmocka_unit_test(a_worker_that_asks_itself_to_stop_goes_on),
		cmocka_unit_test(a_child_that_a_worker_leaves_behind_holds_nobody_up),
		cmocka_unit_test(a_deaf_worker_is_killed_after_a_second),
		cmocka_unit_test(a_worker_does_not_outlive_its_supervisor),
		cmocka_unit_test(instances_are_numbered_and_the_dead_make_room),
		cmocka_unit_test(a_pid_that_belongs_to_another_process_is_not_ours),
		cmocka_unit_test(in_the_foreground_it_stays_and_ends_with_0),
		cmocka_unit_test(unsupervised_it_is_one_process),
		cmocka_unit_test(options_are_taken_and_others_left),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
		cmocka_unit_test(a_pid_file_without_room_is_no_start),
	};

	if (argc > 3 && strcmp(argv[1], "--behave") == 0)
		return be_daemon(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
