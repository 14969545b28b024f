/* SPDX-License-Identifier: Apache-2.0
 * daemon.c - from the command line to a supervisor with its files open: the launcher's part. */
#include "common/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/daemon_priv.h"

struct daemon_self daemon_self = {
	.log_fd = -1, .screen_fd = 1, .ready_fd = -1, .message_fd = -1, .stop_pipe = { -1, -1 },
};

/* ---- options -------------------------------------------------------------------------------- */

static int take_number(const char *option, const char *text, long max, long *number,
		       struct err *err)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || *number < 0 || *number > max)
		return err_set(err, ERR_USAGE, "%s wants a number from 0 to %ld, not \"%.100s\"",
			       option, max, text);
	return 0;
}

/* 1: the option at argv[at] is ours (and its value, if it has one); 0: not ours. */
static int take_option(struct daemon_options *options, char **argv, int at, int argc, int *used,
		       struct err *err)
{
	static const char *const with_value[] = { "--out", "--log", "--pid", "--ready-fd",
						  "--log-max" };
	const char *option = argv[at], *value = at + 1 < argc ? argv[at + 1] : NULL;
	long number;
	size_t i;

	*used = 1;
	if (strcmp(option, "--daemon") == 0)
		return options->background = true;
	if (strcmp(option, "--unsupervised") == 0)
		return options->unsupervised = true;
	if (strcmp(option, "--latest") == 0)
		return options->latest = true;
	for (i = 0; i < ARRAY_COUNT(with_value) && strcmp(option, with_value[i]) != 0; i++)
		;
	if (i == ARRAY_COUNT(with_value))
		return 0;
	if (value == NULL || value[0] == '\0')
		return err_set(err, ERR_USAGE, "%s wants a value behind it", option);
	*used = 2;
	switch (i) {
	case 0: options->out_path = value; return 1;
	case 1: options->log_path = value; return 1;
	case 2: options->pid_path = value; return 1;
	default: break;
	}
	if (take_number(option, value, i == 3 ? 1023 : 1000, &number, err))
		return -1;
	if (i == 3)
		options->ready_fd = (int)number;
	else
		options->log_files_max = (uint32_t)number;
	return 1;
}

int daemon_options_take(struct daemon_options *options, const char *name, int *argc, char **argv,
			struct err *err)
{
	int kept = 1, used;

	*options = (struct daemon_options){ .name = name, .ready_fd = -1, .log_files_max = 10 };
	for (int at = 1; at < *argc; at += used) {
		int ours = take_option(options, argv, at, *argc, &used, err);

		if (ours < 0)
			return -1;
		if (ours == 0)
			argv[kept++] = argv[at];
	}
	argv[kept] = NULL;
	*argc = kept;
	return 0;
}

/* ---- launching ------------------------------------------------------------------------------ */

/* "log/x-{index}.log" -> "log/x-0.log". */
static int put_index(const char *path, uint32_t index, char into[DAEMON_PATH_SIZE], struct err *err)
{
	const char *mark = path ? strstr(path, "{index}") : NULL;
	int length;

	if (path == NULL)
		length = snprintf(into, DAEMON_PATH_SIZE, "%s", "");
	else if (mark == NULL)
		length = snprintf(into, DAEMON_PATH_SIZE, "%s", path);
	else
		length = snprintf(into, DAEMON_PATH_SIZE, "%.*s%u%s", (int)(mark - path), path,
				  index, mark + 7);
	if (length >= DAEMON_PATH_SIZE)
		return err_set(err, ERR_USAGE, "the path \"%.100s…\" is too long", path);
	return 0;
}

/* Beside the .out file; whoever wants to see printed lines need not know the newest name. */
static void link_latest(const char *out_path)
{
	const char *slash = strrchr(out_path, '/');
	char link[DAEMON_PATH_SIZE + 16];

	snprintf(link, sizeof(link), "%.*slatest.out", slash ? (int)(slash - out_path + 1) : 0,
		 out_path);
	unlink(link);
	if (symlink(slash ? slash + 1 : out_path, link) != 0)
		log_warn("Daemon", "cannot link %s: %s", link, strerror(errno));
}

static int open_files(uint32_t index, int *out_fd, struct err *err)
{
	const struct daemon_options *options = &daemon_self.options;

	*out_fd = -1;
	if (put_index(options->out_path, index, daemon_self.out_path, err) ||
	    put_index(options->log_path, index, daemon_self.log_path, err))
		return -1;
	if (daemon_self.log_path[0] != '\0') {
		if (daemon_make_folder_of(daemon_self.log_path, err))
			return -1;
		daemon_rotate(daemon_self.log_path, options->log_files_max);
		if (daemon_open_append(daemon_self.log_path, &daemon_self.log_fd, err))
			return -1;
	}
	if (daemon_self.out_path[0] != '\0') {
		if (daemon_make_folder_of(daemon_self.out_path, err))
			return -1;
		daemon_rotate(daemon_self.out_path, options->log_files_max);
		if (daemon_open_append(daemon_self.out_path, out_fd, err))
			return -1;
		if (options->latest)
			link_latest(daemon_self.out_path);
	}
	return 0;
}

static int redirect(int out_fd, struct err *err)
{
	const struct daemon_options *options = &daemon_self.options;

	if (!options->background && out_fd >= 0) {
		int screen_fd = fcntl(1, F_DUPFD_CLOEXEC, 10);

		if (screen_fd >= 0)
			daemon_self.screen_fd = screen_fd;
		if (!options->unsupervised)
			return daemon_copy_begin(out_fd, err);
	}
	if (options->background) {
		int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null_fd, 0);
		if (out_fd < 0)
			out_fd = null_fd;
	}
	if (out_fd >= 0) {
		dup2(out_fd, 1);
		dup2(out_fd, 2);
	}
	if (out_fd > 2)
		close(out_fd);
	return 0;
}

/* In the background: the pid of the supervisor in the launcher, 0 in the supervisor, which waits
 * until the launcher has written its pid down. In the foreground: our own pid. */
static pid_t split_off(int *go, struct err *err)
{
	int pipe_fds[2];
	pid_t pid;

	*go = -1;
	if (!daemon_self.options.background)
		return getpid();
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "cannot make a pipe");
	pid = fork();
	if (pid != 0) {
		close(pipe_fds[0]);
		*go = pipe_fds[1];
		return pid > 0 ? pid
			       : err_set_errno(err, ERR_RESOURCE, errno, "cannot start a process");
	}
	close(pipe_fds[1]);
	*go = pipe_fds[0];
	return 0;
}

/* The supervisor's wait for the launcher; false: it was given up. */
static bool wait_go(int go, int lock)
{
	char byte;
	ssize_t got;

	if (lock >= 0)
		close(lock); /* the lock is the launcher's; a copy would hold it on */
	do
		got = read(go, &byte, 1);
	while (got < 0 && errno == EINTR);
	close(go);
	return got == 1;
}

static int launch(int lock, struct err *err)
{
	const struct daemon_options *options = &daemon_self.options;
	uint32_t index = 0;
	int out_fd, go;
	pid_t pid;

	if (options->pid_path != NULL && daemon_pids_index(options->pid_path, &index, err))
		return -1;
	if (open_files(index, &out_fd, err))
		return -1;
	fflush(NULL);
	pid = split_off(&go, err);
	if (pid < 0)
		return -1;
	if (pid == 0 && !wait_go(go, lock))
		_exit(1);
	if (pid == 0 && setsid() < 0)
		_exit(1);
	if (pid > 0 && options->pid_path != NULL &&
	    daemon_pids_add(options->pid_path, pid, index, err)) {
		if (go >= 0)
			close(go); /* the supervisor sees the end of the pipe and goes */
		return -1;
	}
	if (pid > 0 && options->background) {
		daemon_write_all(go, "g", 1);
		_exit(0);
	}
	return redirect(out_fd, err);
}

/* A descriptor that was handed to us moves out of the way of 0, 1 and 2. */
static int keep_ready_fd(int fd, struct err *err)
{
	if (fd < 0)
		return 0;
	daemon_self.ready_fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	if (daemon_self.ready_fd < 0)
		return err_set(err, ERR_USAGE, "--ready-fd %d is not an open descriptor", fd);
	if (fd > 2)
		close(fd);
	return 0;
}

static int tell_failure(const struct err *err)
{
	char text[DAEMON_LINE_SIZE];
	size_t length;

	if (daemon_self.ready_fd >= 0) {
		daemon_write_all(daemon_self.ready_fd, "failed ", 7);
		length = err_format(err, text, sizeof(text));
		daemon_write_all(daemon_self.ready_fd, text, length);
		close(daemon_self.ready_fd);
		daemon_self.ready_fd = -1;
	}
	return -1;
}

int daemon_start(const struct daemon_options *options, struct err *err)
{
	int lock = -1;

	daemon_self.options = *options;
	if (keep_ready_fd(options->ready_fd, err))
		return -1;
	if (options->pid_path != NULL && (lock = daemon_pids_lock(options->pid_path, err)) < 0)
		return tell_failure(err);
	if (launch(lock, err)) {
		if (lock >= 0)
			close(lock);
		return tell_failure(err);
	}
	if (lock >= 0 && !options->background)
		close(lock);
	daemon_self.started = true;
	daemon_log_begin();
	daemon_calls_open();
	if (options->unsupervised)
		daemon_worker_begin(-1);
	else
		daemon_supervise();
	return 0;
}
