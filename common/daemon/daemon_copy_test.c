/* SPDX-License-Identifier: Apache-2.0
 * daemon_copy_test.c - this program starts itself as a daemon in the foreground that prints.
 *
 *   daemon_copy_test --behave NAME [daemon options] */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/daemon.h"

#define DEADLINE_MS 20000
#define LINES 20000 /* more than the pipes and the screen take together */

static int behave(const char *how)
{
	printf("hello\n");
	fflush(stdout);
	if (strcmp(how, "serve") == 0) {
		daemon_ready("up");
		daemon_wait_stop();
		return 0;
	}
	if (strcmp(how, "crash once") == 0) {
		bool first = daemon_crash_note()[0] == '\0';

		daemon_ready("up");
		if (first)
			raise(SIGKILL);
		daemon_wait_stop();
		return 0;
	}
	for (int i = 0; i < LINES; i++)
		printf("line %d\n", i);
	fflush(stdout); /* or it would stand within a line that is half written */
	fprintf(stderr, "complaint\n");
	log_info("Test", "logged");
	printf("no end");
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
	return behave(argv[2]);
}

/* ---- helpers -------------------------------------------------------------------------------- */

struct started {
	char folder[64];
	pid_t pid;
	int screen; /* what it shows comes from here */
	char *text; /* … so far */
	size_t used;
};

static void start(struct started *d, const char *how, bool disk_full)
{
	char out[128], log[128];
	int fds[2];

	*d = (struct started){ .folder = "/tmp/daemon_copy_test.XXXXXX", .text = mem_strdup("") };
	assert_non_null(mkdtemp(d->folder));
	snprintf(out, sizeof(out), "%s/d.out", d->folder);
	snprintf(log, sizeof(log), "%s/d.log", d->folder);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	d->pid = fork();
	if (d->pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		if (disk_full) { /* files can be made and have no room */
			struct rlimit none = { 0, 0 };

			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &none);
		}
		execl("/proc/self/exe", "daemon_copy_test", "--behave", how, "--out", out, "--log",
		      log, "--latest", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	d->screen = fds[0];
}

static int lines_with(const char *text, const char *begin)
{
	int count = 0;

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		count += strncmp(line, begin, strlen(begin)) == 0;
	}
	return count;
}

/* Reads the screen until that many lines begin so; with NULL to its end. */
static void see(struct started *d, const char *begin, int lines)
{
	char fresh[65536];

	while (begin == NULL || lines_with(d->text, begin) < lines) {
		struct pollfd wait = { .fd = d->screen, .events = POLLIN };

		if (poll(&wait, 1, DEADLINE_MS) != 1)
			fail_msg("there were only %zu bytes on the screen", d->used);
		ssize_t got = read(d->screen, fresh, sizeof(fresh));

		if (got <= 0 && begin == NULL)
			return;
		assert_true(got > 0);
		d->text = mem_realloc(d->text, d->used + (size_t)got + 1);
		memcpy(d->text + d->used, fresh, (size_t)got);
		d->used += (size_t)got;
		d->text[d->used] = '\0';
	}
}

static char *file_text(const struct started *d, const char *name)
{
	static char text[1024 * 1024];
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", d->folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static int end(struct started *d)
{
	int status;

	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	close(d->screen);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void clean_up(struct started *d)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", d->folder);
	assert_int_equal(system(command), 0);
	mem_free(d->text);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void lines_go_to_the_screen_and_to_the_file(void **state)
{
	struct started d;
	const char *out;

	(void)state;
	start(&d, "print", false);
	see(&d, NULL, 0);
	assert_int_equal(end(&d), 1); /* it ended before it was ready */
	assert_int_equal(lines_with(d.text, "line "), LINES);
	assert_non_null(strstr(d.text, "complaint\n"));
	assert_non_null(strstr(d.text, " logged\n"));
	assert_non_null(strstr(d.text, "no end"));
	out = file_text(&d, "latest.out");
	assert_int_equal(lines_with(out, "line "), LINES);
	assert_int_equal(lines_with(out, "complaint"), 1);
	assert_null(strstr(out, "logged"));
	assert_string_equal(out + strlen(out) - 6, "no end");
	clean_up(&d);
}

static void the_worker_after_a_crash_prints_on(void **state)
{
	struct started d;

	(void)state;
	start(&d, "crash once", false);
	see(&d, "hello", 2);
	assert_string_equal(file_text(&d, "d.out"), "hello\nhello\n");
	kill(d.pid, SIGTERM);
	assert_int_equal(end(&d), 0);
	clean_up(&d);
}

static void a_full_disk_leaves_the_screen(void **state)
{
	struct started d;

	(void)state;
	start(&d, "serve", true);
	see(&d, "hello", 1);
	kill(d.pid, SIGTERM);
	see(&d, NULL, 0);
	assert_int_equal(end(&d), 0);
	assert_non_null(strstr(d.text, "d.out lacks printed lines from here on: File too large"));
	clean_up(&d);
}

static void a_screen_that_stands_still_holds_no_signal_up(void **state)
{
	struct started d;

	(void)state;
	start(&d, "print", false);
	see(&d, "hello", 1); /* and nothing more */
	kill(d.pid, SIGTERM);
	assert_int_equal(end(&d), 0);
	clean_up(&d);
}

static void a_screen_that_is_gone_leaves_the_file(void **state)
{
	struct started d;

	(void)state;
	start(&d, "print", false);
	see(&d, "hello", 1);
	close(d.screen);
	d.screen = -1;
	assert_int_equal(end(&d), 1);
	assert_int_equal(lines_with(file_text(&d, "d.out"), "line "), LINES);
	clean_up(&d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_to_the_screen_and_to_the_file),
		cmocka_unit_test(the_worker_after_a_crash_prints_on),
		cmocka_unit_test(a_full_disk_leaves_the_screen),
		cmocka_unit_test(a_screen_that_stands_still_holds_no_signal_up),
		cmocka_unit_test(a_screen_that_is_gone_leaves_the_file),
	};

	if (argc > 3 && strcmp(argv[1], "--behave") == 0)
		return be_daemon(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
