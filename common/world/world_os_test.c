/* SPDX-License-Identifier: Apache-2.0
 * world_os_test.c - the real world: files, processes, modules, the machine. */
#include "tests/lib/world_os_bed.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/hash.h"

/* ---- files ---------------------------------------------------------------------------------- */

static int64_t file_do(struct file_op *op)
{
	mono_t deadline = deadline_from_now();

	file_submit(loop, op, NULL);
	while (!atomic_load(&op->done))
		look_again(deadline, "end of the file operation");
	return op->result;
}

static void operations_of_a_handle_keep_their_order(void **state)
{
	static struct file_op ops[200], reading;
	static char lines[200][16], into[4000];
	char path[128];
	size_t length = 0;

	snprintf(path, sizeof(path), "%s/a/b", directory);
	struct file_op op = { .kind = FILE_MKDIRS, .path = path };

	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), 0); /* there already */
	snprintf(path, sizeof(path), "%s/a/b/lines", directory);
	op = (struct file_op){ .kind = FILE_OPEN_WRITE, .path = path, .exclusive = true };
	assert_int_equal(file_do(&op), 0);
	int64_t handle = op.handle;

	for (int i = 0; i < 200; i++) {
		snprintf(lines[i], sizeof(lines[i]), "%d\n", i);
		ops[i] = (struct file_op){ .kind = FILE_APPEND, .handle = handle,
					   .from = bytes_of_text(lines[i]) };
		file_submit(loop, &ops[i], NULL);
		length += strlen(lines[i]);
	}
	op = (struct file_op){ .kind = FILE_SYNC, .handle = handle };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_CLOSE, .handle = handle };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), -1);
	assert_int_equal(op.err.code, ERR_BUG);
	op = (struct file_op){ .kind = FILE_OPEN_READ, .path = path };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(op.size_bytes, length);
	assert_true(op.handle != handle);
	reading =
		(struct file_op){ .kind = FILE_READ, .handle = op.handle, .into = { into, 4000 } };
	assert_int_equal(file_do(&reading), length);
	char *at = into;

	for (int i = 0; i < 200; at += strlen(lines[i++]))
		assert_memory_equal(at, lines[i], strlen(lines[i]));
	reading.offset = (int64_t)length;
	assert_int_equal(file_do(&reading), 0);
	op = (struct file_op){ .kind = FILE_CLOSE, .handle = op.handle };
	assert_int_equal(file_do(&op), 0);
}

static void names_are_made_moved_listed_and_removed(void **state)
{
	char one[128], two[128], text[256];

	snprintf(one, sizeof(one), "%s/one", directory);
	snprintf(two, sizeof(two), "%s/two", directory);
	struct file_op op = { .kind = FILE_OPEN_APPEND, .path = one };

	assert_int_equal(file_do(&op), 0); /* closed by the end of the world */
	op = (struct file_op){ .kind = FILE_OPEN_WRITE, .path = one, .exclusive = true };
	assert_int_equal(file_do(&op), -1);
	snprintf(text, sizeof(text), "cannot create %s: File exists", one);
	assert_string_equal(op.err.text, text);
	assert_int_equal(op.err.code, ERR_IO);
	op = (struct file_op){ .kind = FILE_LINK, .path = one, .path_to = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_LIST, .path = directory };
	assert_int_equal(file_do(&op), 2);
	assert_memory_equal(op.names, "one\0two\0", 9);
	mem_free(op.names);
	op = (struct file_op){ .kind = FILE_RENAME, .path = one, .path_to = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_REMOVE, .path = two };
	assert_int_equal(file_do(&op), 0);
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_STAT, .path = two };
	assert_int_equal(file_do(&op), 0);
	op = (struct file_op){ .kind = FILE_STAT, .path = directory };
	assert_int_equal(file_do(&op), 1);
	assert_true(op.is_directory);
	op = (struct file_op){ .kind = FILE_OPEN_READ, .path = directory };
	assert_int_equal(file_do(&op), -1);
	op = (struct file_op){ .kind = FILE_LIST, .path = "/no/such/place" };
	assert_int_equal(file_do(&op), -1);
	assert_string_equal(op.err.text, "cannot list /no/such/place: No such file or directory");
}

/* Whoever looks into a folder of logs or archives may find one there. */
static void a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/pipe", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct file_op op = { .kind = FILE_OPEN_READ, .path = path };

	assert_int_equal(file_do(&op), -1);
	assert_int_equal(op.err.code, ERR_IO);
	assert_non_null(strstr(op.err.text, "/pipe: it is a pipe, not a file"));
}

static void small_files_are_read_and_replaced_whole(void **state)
{
	char path[128], *text;
	size_t size_bytes;
	struct err err = ERR_INIT;
	struct stat stat_of;

	snprintf(path, sizeof(path), "%s/secret", directory);
	assert_int_equal(world_write_file(world, path, 0600, bytes_of_text("first"), &err), 0);
	assert_int_equal(world_write_file(world, path, 0600, bytes_of_text("second"), &err), 0);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	assert_int_equal(world_read_file(world, path, 6, &text, &size_bytes, &err), 0);
	assert_string_equal(text, "second");
	assert_int_equal(size_bytes, 6);
	mem_free(text);
	assert_int_equal(world_read_file(world, path, 5, &text, &size_bytes, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, "larger than 5 bytes"));
	assert_int_equal(world_read_file(world, "/no/such", 5, &text, &size_bytes, &err), -1);
	assert_string_equal(err.text, "cannot read /no/such: No such file or directory");
	assert_int_equal(world_write_file(world, "/no/such/place", 0600, bytes_of_text(""), &err),
			 -1);
}

static void files_under_way_are_finished_before_a_runner_ends(void **state)
{
	static struct file_op ops[50];
	char path[128];
	struct stat stat_of;

	snprintf(path, sizeof(path), "%s/file", directory);
	struct file_op op = { .kind = FILE_OPEN_WRITE, .path = path };

	assert_int_equal(file_do(&op), 0);
	for (int i = 0; i < 50; i++) {
		ops[i] = (struct file_op){ .kind = i < 49 ? FILE_APPEND : FILE_CLOSE,
					   .handle = op.handle, .from = bytes_of_text("x") };
		file_submit(loop, &ops[i], NULL);
	}
	runner_destroy(&runner);
	for (int i = 0; i < 50; i++)
		assert_true(atomic_load(&ops[i].done));
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_size, 49);
}

/* ---- processes ------------------------------------------------------------------------------ */

/* Everything it prints; its exit status as from waitpid. */
static int process_output(const struct process_options *options, struct buf *output)
{
	struct process *process;
	struct err err = ERR_INIT;
	int status = -1;
	ssize_t got;
	mono_t deadline = deadline_from_now();

	int failed = process_start(loop, options, NULL, &process, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(failed, 0);
	while ((got = process_read(process, (struct slice){ buf_reserve(output, 1000), 1000 })) >=
	       0) {
		output->size_bytes += (size_t)got;
		if (got == 0)
			look_again(deadline, "end of output");
	}
	while (!process_ended(process, &status))
		look_again(deadline, "end of the process");
	process_close(&process);
	buf_add(output, "", 0);
	return status;
}

static void a_process_prints_and_ends(void **state)
{
	const char *argv[] = { "sh", "-c", "echo out; echo err >&2; pwd; cat; exit 3", NULL };
	struct process_options options = { .argv = argv, .directory = "/" };
	struct buf output;

	buf_init(&output);
	int status = process_output(&options, &output);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(output.data, "out\nerr\n/\n");
	buf_fini(&output);
}

static void a_process_has_its_limits_and_environment(void **state)
{
	const char *argv[] = { "/bin/sh", "-c", "echo $COLOUR $HOME; ulimit -t; ulimit -v", NULL };
	const char *env[] = { "COLOUR=blue", NULL };
	struct process_options options = { .argv = argv,
					   .env = env,
					   .limit_cpu_s = 17,
					   .limit_memory_bytes = 256 * 1024 * 1024 };
	struct buf output;

	buf_init(&output);
	process_output(&options, &output);
	assert_string_equal(output.data, "blue\n17\n262144\n");
	buf_fini(&output);
}

static void a_process_talks_over_a_connected_socket(void **state)
{
	const char *argv[] = { "/bin/sh", "-c", "read -r line <&3; echo \"got $line\" >&3; read -r line <&3 || exit 7",
			       NULL };
	struct conn *conn;
	struct process_options options = { .argv = argv, .conn = &conn };
	struct bytes hello = bytes_of("hello\n", 6);
	struct process *process;
	struct err err = ERR_INIT;
	char answer[32] = "";
	size_t got = 0;
	int status;

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), 0);
	assert_int_equal(conn_write(conn, &hello, 1, &err), 6);
	mono_t deadline = mono_after_ms(world_now(world), 20000);

	while (got < 10) {
		struct slice into = { answer + got, sizeof(answer) - 1 - got };
		ssize_t more = conn_read(conn, &into, 1, &err);

		assert_true(more >= 0);
		got += (size_t)more;
		if (more == 0)
			look_again(deadline, "answer of the process");
	}
	assert_string_equal(answer, "got hello\n");
	conn_close(&conn); /* the child sees the end */
	while (!process_ended(process, &status))
		look_again(deadline, "end of the process");
	assert_int_equal(WEXITSTATUS(status), 7);
	process_close(&process);
}

static void no_socket_is_left_of_a_process_that_does_not_start(void **state)
{
	const char *argv[] = { "/nowhere/at-all", NULL };
	struct conn *conn;
	struct process_options options = { .argv = argv, .conn = &conn };
	struct process *process;
	struct err err = ERR_INIT;

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_int_equal(err.code, ERR_RESOURCE);
	assert_null(conn);
	assert_null(process);
}

static void a_process_may_be_killed_with_its_children(void **state)
{
	const char *argv[] = { "sh", "-c", "sleep 1000 & echo ready; wait", NULL };
	struct process_options options = { .argv = argv };
	struct process *process;
	struct err err = ERR_INIT;
	char into[16];
	int status;
	mono_t deadline = deadline_from_now();

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), 0);
	while (process_read(process, (struct slice){ into, sizeof(into) }) == 0)
		look_again(deadline, "first line");
	assert_false(process_ended(process, &status));
	process_kill(process);
	/* The output ends only when the child's copy is closed too. */
	while (process_read(process, (struct slice){ into, sizeof(into) }) >= 0)
		look_again(deadline, "end of output");
	while (!process_ended(process, &status))
		look_again(deadline, "end of the process");
	assert_true(WIFSIGNALED(status));
	process_kill(process); /* of an ended one: nothing */
	process_close(&process);
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), 0);
	process_close(&process);
}

struct watcher {
	struct agent agent;
	struct process *process;
	atomic_bool ended;
};

static enum step watcher_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct watcher *watcher = CONTAINER_OF(agent, struct watcher, agent);
	char into[100];
	int status;
	ssize_t got = process_read(watcher->process, (struct slice){ into, sizeof(into) });

	if (got > 0)
		return STEP_WORKED;
	if (got == 0 || !process_ended(watcher->process, &status))
		return STEP_IDLE;
	process_close(&watcher->process);
	return STEP_DONE;
}

static void watcher_done(struct agent *agent)
{
	atomic_store(&CONTAINER_OF(agent, struct watcher, agent)->ended, true);
}

static void the_end_of_a_process_wakes_its_agent(void **state)
{
	/* The output ends before the process does. */
	const char *argv[] = { "sh", "-c", "echo x; exec >&- 2>&-; sleep 0.05", NULL };
	struct process_options options = { .argv = argv };
	struct watcher watcher = { 0 };
	struct err err = ERR_INIT;
	mono_t deadline = deadline_from_now();

	agent_init(&watcher.agent, "watcher", watcher_step);
	watcher.agent.done = watcher_done;
	assert_int_equal(process_start(loop, &options, &watcher.agent, &watcher.process, &err), 0);
	runner_add(runner, &watcher.agent);
	while (!atomic_load(&watcher.ended))
		look_again(deadline, "wake at the end of the process");
}

static void a_program_that_cannot_be_started_is_told(void **state)
{
	const char *argv[] = { "no-such-program-here", NULL };
	struct process_options options = { .argv = argv };
	struct process *process;
	struct err err = ERR_INIT;

	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_null(process);
	assert_string_equal(err.text, "cannot start no-such-program-here: it is nowhere in PATH");
	argv[0] = "/etc/passwd";
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_string_equal(err.text, "cannot start /etc/passwd: Permission denied");
	argv[0] = "sh";
	options.directory = "/no/such";
	assert_int_equal(process_start(loop, &options, NULL, &process, &err), -1);
	assert_string_equal(err.text, "cannot start sh in /no/such: No such file or directory");
}

/* ---- modules -------------------------------------------------------------------------------- */

static void compile(const char *source, char path[128], const char *name)
{
	char from[128];
	struct err err = ERR_INIT;
	struct buf output;

	snprintf(from, sizeof(from), "%s/%s.c", directory, name);
	snprintf(path, 128, "%s/%s.so", directory, name);
	assert_int_equal(world_write_file(world, from, 0644, bytes_of_text(source), &err), 0);
	const char *argv[] = { "cc", "-shared", "-fPIC", "-o", path, from, NULL };
	struct process_options options = { .argv = argv };

	buf_init(&output);
	int status = process_output(&options, &output);

	if (status != 0)
		print_error("%s\n", output.data);
	assert_int_equal(status, 0);
	buf_fini(&output);
}

static void a_module_is_opened_checked_and_its_functions_travel_as_offsets(void **state)
{
	char path[128], *text;
	struct module *module;
	struct err err = ERR_INIT;
	uint8_t sum[32];
	size_t size_bytes;
	uint64_t offset;

	compile("static int thrice(int x) { return 3 * x; }\n"
		"int (*get(void))(int) { return thrice; }\n", path, "good");
	assert_int_equal(world_read_file(world, path, 1 << 20, &text, &size_bytes, &err), 0);
	hash_sha256(text, size_bytes, sum);
	mem_free(text);
	assert_int_equal(module_open(world, path, sum, &module, &err), 0);
	int (*(*get)(void))(int) = (int (*(*)(void))(int))module_symbol(module, "get");

	assert_non_null(get);
	assert_null(module_symbol(module, "put"));
	assert_true(module_offset(module, (void *)get(), &offset));
	int (*thrice)(int) = (int (*)(int))module_address(module, offset);

	assert_int_equal(thrice(14), 42);
	assert_null(module_address(module, UINT64_C(1) << 33));
	assert_false(module_offset(module, (void *)begin, &offset));
	module_close(&module);
	sum[7] ^= 1;
	assert_int_equal(module_open(world, path, sum, &module, &err), -1);
	assert_null(module);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	assert_non_null(strstr(err.text, "checksum differs"));
}

static void a_module_that_cannot_be_opened_says_why(void **state)
{
	char path[128], expected[256];
	struct module *module;
	struct err err = ERR_INIT;

	compile("int missing_function(int);\nint entry(void) { return missing_function(1); }\n", path,
		"needy");
	assert_int_equal(module_open(world, path, NULL, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_SYMBOL);
	snprintf(expected, sizeof(expected),
		 "%s needs the symbol missing_function, which nothing defines", path);
	assert_string_equal(err.text, expected);
	assert_int_equal(world_write_file(world, path, 0644, bytes_of_text("no ELF"), &err), 0);
	assert_int_equal(module_open(world, path, NULL, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	uint8_t sum[32] = { 0 };

	assert_int_equal(module_open(world, "/no/such.so", sum, &module, &err), -1);
	assert_int_equal(err.code, ERR_ARTIFACT_UNREADABLE);
	assert_string_equal(err.text, "cannot read /no/such.so: No such file or directory");
}

/* ---- the node ------------------------------------------------------------------------------- */

static void the_process_sees_its_machine(void **state)
{
	uint8_t a[16], b[16];
	wall_t wall = world_wall(world);

	assert_true(world_now(world) > 0);
	assert_true(wall >= (wall_t)time(NULL) * 1000 - 2000 &&
		    wall <= (wall_t)time(NULL) * 1000 + 2000);
	assert_true(world_host_name(world)[0] != '\0');
	assert_non_null(world_env(world, "PATH"));
	assert_null(world_env(world, "NO_SUCH_VARIABLE_HERE"));
	assert_true(world_cpu_count(world) >= 1);
	assert_false(world_is_sim(world));
	assert_false(world_chance(world, "anything"));
	assert_int_not_equal(world_random(world), world_random(world));
	world_random_bytes(world, a, sizeof(a));
	world_random_bytes(world, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_ptr_equal(loop_world(loop), world);
	assert_ptr_equal(loop_runner(loop), runner);
}

static void printed_lines_come_out_whole(void **state)
{
	int pipe_fds[2], saved = dup(STDOUT_FILENO);
	char into[64] = { 0 };

	fflush(stdout);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDOUT_FILENO);
	world_print(world, "to be : 1\n", 10);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], into, sizeof(into)), 10);
	assert_string_equal(into, "to be : 1\n");
	close(pipe_fds[0]);
}

static void a_reader_of_the_output_that_goes_away_kills_nobody(void **state)
{
	int pipe_fds[2], saved = dup(STDOUT_FILENO);

	fflush(stdout);
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDOUT_FILENO);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	world_print(world, "to be : 1\n", 10);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(operations_of_a_handle_keep_their_order),
		WITH_WORLD(names_are_made_moved_listed_and_removed),
		WITH_WORLD(a_pipe_in_the_place_of_a_file_keeps_nobody_waiting),
		WITH_WORLD(small_files_are_read_and_replaced_whole),
		WITH_WORLD(files_under_way_are_finished_before_a_runner_ends),
		WITH_WORLD(a_process_prints_and_ends),
		WITH_WORLD(a_process_has_its_limits_and_environment),
		WITH_WORLD(a_process_talks_over_a_connected_socket),
		WITH_WORLD(no_socket_is_left_of_a_process_that_does_not_start),
		WITH_WORLD(a_process_may_be_killed_with_its_children),
		WITH_WORLD(the_end_of_a_process_wakes_its_agent),
		WITH_WORLD(a_program_that_cannot_be_started_is_told),
		WITH_WORLD(a_module_is_opened_checked_and_its_functions_travel_as_offsets),
		WITH_WORLD(a_module_that_cannot_be_opened_says_why),
		WITH_WORLD(the_process_sees_its_machine),
		WITH_WORLD(printed_lines_come_out_whole),
		WITH_WORLD(a_reader_of_the_output_that_goes_away_kills_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
