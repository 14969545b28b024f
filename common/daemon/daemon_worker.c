/* SPDX-License-Identifier: Apache-2.0
 * daemon_worker.c - the worker's side: being asked to stop, and telling how the start goes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/daemon/daemon_priv.h"

/* A worker whose supervisor is gone must not live on for ever when it does not come to its end. */
#define LAST_RESORT_S 5

static atomic_bool stop_requested;
static atomic_uint asked_by_itself; /* signals from this very process */

/* Nothing of the worker sets a timer or sends these to itself; a job's function may. */
static const int deaf_to[] = { SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGXFSZ, SIGIO };

static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, NULL);
}

void daemon_end_after(unsigned seconds)
{
	handle(SIGALRM, SIG_DFL);
	alarm(seconds);
}

void daemon_ask_stop(void)
{
	int saved = errno;
	ssize_t ignored;

	atomic_store(&stop_requested, true);
	ignored = write(daemon_self.stop_pipe[1], "s", 1);
	/* Else an end with 0 would be a crash. A child that a user function forked is not the
	 * worker. */
	if (daemon_self.message_fd >= 0 && getpid() == daemon_self.worker_pid)
		ignored = write(daemon_self.message_fd, "stopping\n", 9);
	(void)ignored;
	daemon_end_after(LAST_RESORT_S);
	errno = saved;
}

static void on_stop(int signal, siginfo_t *info, void *machine)
{
	(void)signal;
	(void)machine;
	if (info->si_code <= 0 && info->si_pid == daemon_self.worker_pid)
		atomic_fetch_add(&asked_by_itself, 1);
	else
		daemon_ask_stop();
}

static void stop_on(int signal)
{
	struct sigaction action = { .sa_sigaction = on_stop, .sa_flags = SA_RESTART | SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, NULL);
}

static void remove_pid_at_exit(void)
{
	daemon_pids_remove(daemon_self.options.pid_path, getpid());
}

void daemon_worker_begin(int message_fd)
{
	sigset_t none;

	if (message_fd < 0) { /* unsupervised: nobody stands between us and whoever started us */
		message_fd = daemon_self.ready_fd;
		daemon_self.ready_fd = -1;
		if (daemon_self.options.pid_path != NULL)
			atexit(remove_pid_at_exit);
	}
	daemon_self.message_fd = message_fd;
	daemon_self.worker_pid = getpid();
	if (pipe2(daemon_self.stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		struct err err = ERR_INIT;

		err_set_errno(&err, ERR_RESOURCE, errno, "cannot make a pipe");
		daemon_fail(&err);
	}
	stop_on(SIGTERM);
	stop_on(SIGINT);
	stop_on(SIGHUP);
	if (daemon_self.options.background)
		handle(SIGHUP, SIG_IGN);
	handle(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_COUNT(deaf_to); i++)
		handle(deaf_to[i], SIG_IGN);
	handle(SIGCHLD, SIG_DFL);
	daemon_crash_begin();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int daemon_stop_fd(void)
{
	return daemon_self.stop_pipe[0];
}

bool daemon_stop_requested(void)
{
	return atomic_load(&stop_requested);
}

void daemon_wait_stop(void)
{
	struct pollfd wait = { .fd = daemon_self.stop_pipe[0], .events = POLLIN };

	while (!daemon_stop_requested()) {
		if (atomic_exchange(&asked_by_itself, 0) != 0)
			log_warn("Daemon", "%s goes on: a function of a job sent it a signal that "
				 "ends daemons", daemon_self.options.name);
		poll(&wait, 1, -1); /* a signal ends it, also one that asks for nothing */
	}
}

/* "WORD TEXT\n"; the lines of a text after its first begin with a blank. */
static void tell(const char *word, const char *text)
{
	char line[DAEMON_LINE_SIZE];
	size_t used = (size_t)snprintf(line, sizeof(line), "%s ", word);

	if (daemon_self.message_fd < 0)
		return;
	for (; *text != '\0' && used < sizeof(line) - 3; text++) {
		if (text[0] == '\n' && text[1] == '\0')
			break;
		line[used++] = *text;
		if (text[0] == '\n' && text[1] != ' ')
			line[used++] = ' ';
	}
	line[used++] = '\n';
	daemon_write_all(daemon_self.message_fd, line, used);
}

static void tell_formatted(const char *word, const char *format, va_list arguments)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	tell(word, text);
}

void daemon_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell_formatted("note", format, arguments);
	va_end(arguments);
}

void daemon_name(const char *name)
{
	if (!daemon_self.options.unsupervised)
		tell("name", name);
}

void daemon_ready(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tell_formatted("ready", format, arguments);
	va_end(arguments);
	if (daemon_self.options.unsupervised && daemon_self.message_fd >= 0) {
		close(daemon_self.message_fd);
		daemon_self.message_fd = -1;
	}
}

void daemon_crash_note_taken(void)
{
	if (daemon_self.crash_note[0] != '\0')
		tell("taken", "");
	daemon_self.crash_note[0] = '\0';
}

void daemon_fail(const struct err *err)
{
	char text[2048];

	err_format(err, text, sizeof(text));
	if (daemon_self.started)
		log_error("Daemon", "%s cannot start: E%d %s", daemon_self.options.name,
			  (int)err->code, err->text);
	fputs(text, stderr);
	fflush(stderr);
	tell("failed", text);
	exit(1);
}

void daemon_start_again(const char *why)
{
	log_error("Daemon", "%s starts anew: %s", daemon_self.options.name, why);
	daemon_crash_reason(why);
	_exit(1); /* no exit handlers: they might wait for the threads that are stuck */
}

const char *daemon_crash_note(void)
{
	return daemon_self.crash_note;
}
