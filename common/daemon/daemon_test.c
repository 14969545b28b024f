/* SPDX-License-Identifier: Apache-2.0
 * daemon_test.c - a daemon's start, its files, its stop, in real processes. */
#include "common/daemon/daemon_test_bed.h"

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
			    "process, or choose another port in conf/flink-conf.yaml or, for the web page, "
			    "conf/masters\n");
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

	if (is_daemon(argc, argv))
		return be_daemon(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
