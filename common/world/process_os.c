/* SPDX-License-Identifier: Apache-2.0
 * process_os.c - worker processes: vfork and exec, output through a pipe, the end through a pidfd.
 *
 * Between vfork and exec the child shares our memory, so it makes system calls and nothing else;
 * the program is searched in PATH before. A child leads a process group of its own, so that killing
 * it takes what it started along. SIGCHLD is not used: it belongs to the process, not to a
 * library. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#define LOOK_AGAIN_US 50000 /* where there is no pidfd (before Linux 5.3) */

struct process_os {
	struct process base;
	struct loop_os *loop;
	_Atomic(struct agent *) wake;
	pid_t pid;
	bool ended;
	int exit_status;
	int output_fd, pid_fd;
	bool output_ended;
	atomic_bool readable;
	struct event *output_event, *end_event;
};

struct child_plan { /* all that the child needs, made before vfork */
	char *program;
	char *const *argv, *const *env;
	const char *directory;
	int output_fd, null_fd, failure_fd;
	int conn_fd; /* -1: none */
	uint64_t limit_memory_bytes, limit_cpu_s;
	sigset_t no_signals;
};

static void process_event(evutil_socket_t fd, short what, void *context)
{
	struct process_os *process = context;
	struct agent *wake = atomic_load(&process->wake);

	loop_os_in_event(process->loop);
	atomic_store(&process->readable, true);
	if (wake != NULL)
		agent_wake(wake);
}

/* argv[0] as execvp would find it; the caller's. NULL: nowhere. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/') != NULL)
		return mem_strdup(name);
	for (const char *at = path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"; at != NULL;) {
		const char *end = strchr(at, ':');
		int length = end != NULL ? (int)(end - at) : (int)strlen(at);
		char *full = length > 0 ? mem_printf("%.*s/%s", length, at, name)
					: mem_printf("./%s", name);

		if (access(full, X_OK) == 0)
			return full;
		mem_free(full);
		at = end != NULL ? end + 1 : NULL;
	}
	return NULL;
}

static void child_limit(int resource, uint64_t limit)
{
	struct rlimit both = { .rlim_cur = limit, .rlim_max = limit };

	if (limit != 0)
		setrlimit(resource, &both);
}

/* In the child. The other descriptors that are needed after this are above PROCESS_CONN_FD. */
static bool child_conn(int conn_fd)
{
	if (conn_fd < 0)
		return true;
	if (conn_fd == PROCESS_CONN_FD)
		return fcntl(conn_fd, F_SETFD, 0) == 0;
	return dup2(conn_fd, PROCESS_CONN_FD) >= 0;
}

/* In the child: never returns. What failed travels back as an errno. */
static NO_RETURN void child_run(const struct child_plan *plan)
{
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &plan->no_signals, NULL);
	child_limit(RLIMIT_AS, plan->limit_memory_bytes);
	child_limit(RLIMIT_CPU, plan->limit_cpu_s);
	if (dup2(plan->null_fd, STDIN_FILENO) >= 0 && dup2(plan->output_fd, STDOUT_FILENO) >= 0 &&
	    dup2(plan->output_fd, STDERR_FILENO) >= 0 && child_conn(plan->conn_fd) &&
	    (plan->directory == NULL || chdir(plan->directory) == 0))
		execve(plan->program, plan->argv, plan->env);
	int reason = errno;

	/* The parent waits for this; if it cannot be told, it sees a program that exits with
	 * 127. */
	if (write(plan->failure_fd, &reason, sizeof(reason)) < 0)
		_exit(126);
	_exit(127);
}

/* A function of its own: nothing of its frame is used after the child has run. */
static __attribute__((noinline)) pid_t spawn(const struct child_plan *plan)
{
	pid_t pid = vfork();

	if (pid == 0)
		child_run(plan);
	return pid;
}

/* The child's pid; on failure -1 with errno. */
static pid_t start_child(struct child_plan *plan)
{
	int failure[2], reason = 0;

	if (pipe2(failure, O_CLOEXEC) != 0)
		return -1;
	plan->failure_fd = fcntl(failure[1], F_DUPFD_CLOEXEC, PROCESS_CONN_FD + 1);
	if (plan->failure_fd < 0)
		plan->failure_fd = failure[1];
	else
		close(failure[1]);
	sigemptyset(&plan->no_signals);
	pid_t pid = spawn(plan);
	int spawn_errno = errno;

	close(plan->failure_fd);
	ssize_t told = 0;

	if (pid > 0)
		while ((told = read(failure[0], &reason, sizeof(reason))) < 0 && errno == EINTR)
			;
	close(failure[0]);
	if (pid < 0) {
		errno = spawn_errno;
	} else if (told == (ssize_t)sizeof(reason)) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		errno = reason;
		pid = -1;
	}
	return pid;
}

static int watch(struct process_os *process, struct err *err)
{
	struct timeval again = { .tv_usec = LOOK_AGAIN_US };
	struct event_base *events = process->loop->events;

	process->output_event = event_new(events, process->output_fd, EV_READ | EV_PERSIST | EV_ET,
					  process_event, process);
	process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pid_fd >= 0)
		process->end_event =
			event_new(events, process->pid_fd, EV_READ | EV_PERSIST | EV_ET,
				  process_event, process);
	else
		process->end_event = event_new(events, -1, EV_PERSIST, process_event, process);
	if (process->output_event == NULL || process->end_event == NULL ||
	    event_add(process->output_event, NULL) != 0 ||
	    event_add(process->end_event, process->pid_fd >= 0 ? NULL : &again) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "cannot watch a process");
	return 0;
}

/* argv and env are not const in execve for reasons of history only. */
static char *const *unconst(const char *const *strings)
{
	return (char *const *)(uintptr_t)strings;
}

/* The child's end of a socket pair, whose other end is *options->conn; -1 with errno. */
static int open_conn(struct process_os *process, const struct process_options *options,
		     struct agent *wake)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	evutil_make_socket_nonblocking(ends[0]);
	/* "@": no address, and no option of TCP. */
	*options->conn = conn_os_adopt(process->loop, ends[0], "@process", true, wake, NULL);
	if (*options->conn != NULL)
		return ends[1];
	int reason = errno;

	close(ends[1]);
	errno = reason;
	return -1;
}

static int start(struct process_os *process, const struct process_options *options,
		 struct err *err)
{
	struct child_plan plan = {
		.argv = unconst(options->argv),
		.env = options->env != NULL ? unconst(options->env) : environ,
		.directory = options->directory,
		.null_fd = -1,
		.conn_fd = -1,
		.limit_memory_bytes = options->limit_memory_bytes,
		.limit_cpu_s = options->limit_cpu_s,
	};
	int output[2];

	plan.program = find_program(options->argv[0]);
	if (plan.program == NULL)
		return err_set(err, ERR_RESOURCE, "cannot start %s: it is nowhere in PATH",
			       options->argv[0]);
	if (pipe2(output, O_CLOEXEC) != 0) {
		mem_free(plan.program);
		return err_set_errno(err, ERR_RESOURCE, errno, "cannot start %s", options->argv[0]);
	}
	process->output_fd = output[0];
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	plan.output_fd = output[1];
	plan.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool ready = plan.null_fd >= 0;

	if (ready && options->conn != NULL) {
		plan.conn_fd = open_conn(process, options, atomic_load(&process->wake));
		ready = plan.conn_fd >= 0;
	}
	process->pid = ready ? start_child(&plan) : -1;
	int reason = errno;

	close(output[1]);
	if (plan.conn_fd >= 0)
		close(plan.conn_fd);
	if (plan.null_fd >= 0)
		close(plan.null_fd);
	mem_free(plan.program);
	process->ended = process->pid <= 0;
	if (process->ended) {
		return err_set_errno(err, ERR_RESOURCE, reason, "cannot start %s%s%s",
				     options->argv[0], options->directory != NULL ? " in " : "",
				     options->directory != NULL ? options->directory : "");
	}
	return watch(process, err);
}

int process_os_start(struct loop *base, const struct process_options *options, struct agent *wake,
		     struct process **out, struct err *err)
{
	struct process_os *process = MEM_NEW(struct process_os);

	process->base.vtable = base->world->vtable;
	process->base.loop = base;
	process->loop = (struct loop_os *)base;
	loop_os_ref(process->loop);
	atomic_init(&process->wake, wake);
	process->output_fd = process->pid_fd = -1;
	process->ended = true; /* until there is one */
	atomic_init(&process->readable, true);
	if (start(process, options, err) != 0) {
		if (options->conn != NULL)
			conn_close(options->conn);
		process_os_close(&process->base);
		return -1;
	}
	*out = &process->base;
	return 0;
}

ssize_t process_os_read(struct process *base, struct slice into)
{
	struct process_os *process = (struct process_os *)base;
	ssize_t got;

	if (process->output_ended)
		return -1;
	if (!atomic_exchange(&process->readable, false))
		return 0;
	do
		got = read(process->output_fd, into.data, into.size_bytes);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	atomic_store(&process->readable, true);
	if (got > 0)
		return got;
	process->output_ended = true;
	return -1;
}

bool process_os_ended(struct process *base, int *exit_status)
{
	struct process_os *process = (struct process_os *)base;

	if (!process->ended) {
		pid_t pid;

		do
			pid = waitpid(process->pid, &process->exit_status, WNOHANG);
		while (pid < 0 && errno == EINTR);
		/* ECHILD: somebody ignores SIGCHLD; it has ended, and nobody knows how. */
		process->ended = pid != 0;
		if (process->ended && process->pid_fd < 0 && process->end_event != NULL)
			event_del(process->end_event);
	}
	*exit_status = process->exit_status;
	return process->ended;
}

void process_os_kill(struct process *base)
{
	struct process_os *process = (struct process_os *)base;

	if (process->ended)
		return;
	/* 0 and -1 would mean ourselves, and everybody. */
	CHECK(process->pid > 1, "process %d is none that was started", (int)process->pid);
	kill(-process->pid, SIGKILL);
	kill(process->pid, SIGKILL); /* it may not have made its group yet */
}

void process_os_close(struct process *base)
{
	struct process_os *process = (struct process_os *)base;

	if (!process->ended) {
		process_os_kill(base);
		while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (process->output_event != NULL)
		event_free(process->output_event);
	if (process->end_event != NULL)
		event_free(process->end_event);
	if (process->output_fd >= 0)
		close(process->output_fd);
	if (process->pid_fd >= 0)
		close(process->pid_fd);
	loop_os_unref(process->loop);
	mem_free(process);
}
