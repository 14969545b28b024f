/* SPDX-License-Identifier: Apache-2.0
 * daemon_crash_test.c - workers that end unasked: what their notes say, and of whom. */
#include "common/daemon/daemon_test_bed.h"

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
	leaves_a_note("crash without descriptors", "why",
		      "closed descriptors that are not its own");
	leaves_a_note("crash with its signal ignored", "job", "4567");
	leaves_a_note("crash with its signal ignored", "suspected", "yes");
	leaves_a_note("crash beside a call", "suspected", "yes");
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
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
	};

	if (is_daemon(argc, argv))
		return be_daemon(argc, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
