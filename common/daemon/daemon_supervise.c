/* SPDX-License-Identifier: Apache-2.0
 * daemon_supervise.c - the supervisor: starts the worker, passes signals on, starts it again.
 *
 * One thread, no heap, and nothing that could fail for long: it has to outlive every worker. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/time.h"
#include "common/base/utf8.h"
#include "common/daemon/daemon_priv.h"

#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 1000 /* the JobManager waits longer than this for a note */
#define HEALTHY_MS 60000
#define STOP_MS 1000

enum phase { STARTING, RUNNING, PAUSING, STOPPING };

struct supervisor {
	enum phase phase;
	pid_t worker;       /* 0: none now */
	int signal_fd, message_fd;
	mono_t started, due; /* due: when to start again (PAUSING) or to kill (STOPPING) */
	int64_t pause_ms;
	bool was_ready;     /* some worker was */
	bool failed;        /* this worker said why it cannot start */
	bool leaves;        /* this worker was asked to stop, by us or by whoever knows its pid */
	char name[DAEMON_NAME_SIZE]; /* what this worker is called, for the note of its death */
	unsigned crashes;   /* since a note was taken */
	char line[DAEMON_LINE_SIZE]; /* an unfinished message */
	size_t line_used;
};

static char program_name[16]; /* as the kernel shows it */

static mono_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (mono_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void ready_close(void)
{
	if (daemon_self.ready_fd >= 0)
		close(daemon_self.ready_fd);
	daemon_self.ready_fd = -1;
}

static void tell_starter(const char *text, size_t size_bytes)
{
	if (daemon_self.ready_fd >= 0)
		daemon_write_all(daemon_self.ready_fd, text, size_bytes);
}

NO_RETURN static void leave(int status)
{
	ready_close();
	daemon_copy_end();
	if (daemon_self.options.pid_path != NULL)
		daemon_pids_remove(daemon_self.options.pid_path, getpid());
	_exit(status);
}

/* ---- the worker's life ---------------------------------------------------------------------- */

/* True in the worker. */
static bool start_worker(struct supervisor *s)
{
	int fds[2];
	pid_t parent = getpid();

	s->phase = STARTING;
	s->failed = s->leaves = false;
	s->name[0] = '\0';
	s->line_used = 0;
	s->started = now_ns();
	daemon_calls_forget();
	if (pipe2(fds, O_CLOEXEC) != 0 || (s->worker = fork()) < 0) {
		log_error("Supervisor", "cannot start %s: %s", daemon_self.options.name,
			  strerror(errno));
		s->worker = 0;
		s->phase = PAUSING;
		s->due = mono_after_ms(now_ns(), PAUSE_MS_MAX);
		return false;
	}
	if (s->worker == 0) {
		close(fds[0]);
		close(s->signal_fd);
		ready_close();
		daemon_copy_enter_worker();
		prctl(PR_SET_NAME, program_name); /* who looks for "taskmanager" means the worker */
		/* When the supervisor is killed the worker must not go on unseen. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		daemon_worker_begin(fds[1]);
		if (getppid() != parent)
			daemon_ask_stop();
		return true;
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK); /* a child of the worker may hold the other end open */
	s->message_fd = fds[0];
	return false;
}

static void stop_worker(struct supervisor *s)
{
	if (s->phase == STOPPING)
		return;
	if (s->worker == 0)
		leave(0);
	s->phase = STOPPING;
	s->due = mono_after_ms(now_ns(), STOP_MS);
	kill(s->worker, SIGTERM);
}

/* ---- what the worker says ------------------------------------------------------------------- */

static void take_line(struct supervisor *s, char *line, size_t length)
{
	if (strncmp(line, "taken", 5) == 0) {
		daemon_self.crash_note[0] = '\0';
		s->crashes = 0;
		return;
	}
	if (strncmp(line, "stopping", 8) == 0) {
		s->leaves = true;
		return;
	}
	if (strncmp(line, "name ", 5) == 0) {
		snprintf(s->name, sizeof(s->name), "%.*s", (int)length - 6, line + 5);
		return;
	}
	if (strncmp(line, "failed ", 7) == 0)
		s->failed = true;
	tell_starter(line, length);
	if (strncmp(line, "ready ", 6) != 0)
		return;
	line[length - 1] = '\0';
	if (daemon_self.options.pid_path != NULL)
		daemon_pids_set_text(daemon_self.options.pid_path, getpid(), line + 6);
	ready_close();
	s->was_ready = true;
	if (s->phase == STARTING)
		s->phase = RUNNING;
}

static void close_messages(struct supervisor *s)
{
	if (s->message_fd >= 0)
		close(s->message_fd);
	s->message_fd = -1;
}

/* What is there to read now. False: nothing. */
static bool take_messages(struct supervisor *s)
{
	char *newline;
	ssize_t got =
		read(s->message_fd, s->line + s->line_used, sizeof(s->line) - 1 - s->line_used);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (got <= 0 || s->line_used + (size_t)got >= sizeof(s->line) - 1) {
		close_messages(s); /* the end; a line that long is nonsense */
		return false;
	}
	s->line_used += (size_t)got;
	while ((newline = memchr(s->line, '\n', s->line_used)) != NULL) {
		size_t length = (size_t)(newline - s->line) + 1;

		take_line(s, s->line, length);
		s->line_used -= length;
		memmove(s->line, s->line + length, s->line_used);
	}
	return true;
}

/* ---- the worker's death --------------------------------------------------------------------- */

/* What is known when the worker wrote no note itself: a signal left no time for it (kill -9, out of
 * memory), or somebody called _exit. */
static size_t short_note(const struct supervisor *s, int status, char *note, size_t size_bytes)
{
	struct timespec now;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		used = (size_t)snprintf(note, size_bytes, "signal: %d SIG%s\n", WTERMSIG(status),
					name ? name : "?");
	} else {
		used = (size_t)snprintf(note, size_bytes, "exit: %d\n", WEXITSTATUS(status));
	}
	return used + (size_t)snprintf(note + used, size_bytes - used, "pid: %ld\ntime: %lld\n",
				       (long)s->worker,
				       (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static bool names_a_job(const char *note)
{
	char job[8];

	return daemon_note_field(note, "job", job, sizeof(job));
}

/* Something in the worker ended it, and not by plan: no signal from outside, no fresh start. */
static bool is_own_doing(const char *note, int status)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
	char reason[8];

	if (daemon_note_field(note, "reason", reason, sizeof(reason)))
		return false;
	for (size_t i = 0; WIFSIGNALED(status) && i < ARRAY_COUNT(faults); i++)
		if (WTERMSIG(status) == faults[i])
			return true;
	return WIFEXITED(status);
}

static void keep_note(struct supervisor *s, int status)
{
	char *note = daemon_self.crash_note;
	size_t used = daemon_calls_saved(note, DAEMON_NOTE_SIZE - DAEMON_NOTE_TAIL_SIZE);
	const char *suspect;

	if (used == 0)
		used = short_note(s, status, note, DAEMON_NOTE_SIZE);
	note[used] = '\0';
	s->crashes++;
	suspect = names_a_job(note) || !is_own_doing(note, status) ? NULL : daemon_calls_only();
	if (suspect != NULL)
		used += (size_t)snprintf(note + used, DAEMON_NOTE_SIZE - used,
					 "%.*ssuspected: yes\n", DAEMON_CALL_SIZE, suspect);
	if (s->name[0] != '\0')
		used += (size_t)snprintf(note + used, DAEMON_NOTE_SIZE - used, "name: %s\n",
					 s->name);
	snprintf(note + used, DAEMON_NOTE_SIZE - used, "crashes: %u\n", s->crashes);
	utf8_clean(note); /* it will be sent */
}

static void log_note(void)
{
	char *note = daemon_self.crash_note;

	for (char *line = note, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
		log_error("Supervisor", "  %.*s", (int)(end - line), line);
}

/* It never was ready: starting it again would only fail again. */
NO_RETURN static void give_up(const struct supervisor *s, const char *how)
{
	char text[DAEMON_LINE_SIZE];
	int length;

	if (!s->failed) {
		length = snprintf(text, sizeof(text), "failed %s %s before it was up%s%s\n",
				  daemon_self.options.name, how,
				  daemon_self.log_path[0] ? "; see " : "", daemon_self.log_path);
		tell_starter(text, (size_t)length);
		log_error("Supervisor", "%.*s", length - 1 - 7, text + 7);
	}
	leave(1);
}

static void worker_ended(struct supervisor *s, int status)
{
	bool healthy = now_ns() - s->started >= HEALTHY_MS * NS_PER_MS;
	char how[64];

	while (s->message_fd >= 0 && take_messages(s)) /* its last words */
		;
	close_messages(s);
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(status));
	if (s->phase == STOPPING || (s->leaves && WIFEXITED(status) && WEXITSTATUS(status) == 0))
		leave(0);
	if (!s->was_ready)
		give_up(s, how);
	keep_note(s, status);
	log_note();
	if (healthy || names_a_job(daemon_self.crash_note))
		s->pause_ms = 0;
	s->pause_ms = s->pause_ms == 0 ? PAUSE_MS_MIN : s->pause_ms * 2;
	if (s->pause_ms > PAUSE_MS_MAX)
		s->pause_ms = PAUSE_MS_MAX;
	log_error("Supervisor", "%s (pid %ld) %s; it starts again in %lld ms",
		  daemon_self.options.name, (long)s->worker, how, (long long)s->pause_ms);
	s->worker = 0;
	s->phase = PAUSING;
	s->due = mono_after_ms(now_ns(), s->pause_ms);
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTERM:
	case SIGINT:
		stop_worker(s);
		break;
	case SIGHUP:
		if (!daemon_self.options.background)
			stop_worker(s);
		break;
	default:
		break;
	}
	/* Signals of one kind merge, so every death is looked for each time. Others than the worker
	 * are ours too: as process 1 of a container we inherit whatever lost its parent. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == s->worker)
			worker_ended(s, status);
}

static int64_t wait_ms(const struct supervisor *s)
{
	mono_t left;

	if (s->phase != PAUSING && s->phase != STOPPING)
		return -1;
	left = s->due - now_ns();
	return left <= 0 ? 0 : left / NS_PER_MS + 1;
}

void daemon_supervise(void)
{
	struct supervisor s = { .message_fd = -1 };
	sigset_t signals;

	prctl(PR_GET_NAME, program_name);

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is lost, not the daemon */
	s.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	prctl(PR_SET_NAME, "supervisor");
	if (start_worker(&s))
		return;
	for (;;) {
		struct pollfd wait[4] = { { .fd = s.signal_fd, .events = POLLIN },
					  { .fd = s.message_fd, .events = POLLIN } };
		int64_t timeout = wait_ms(&s); /* poll passes over a descriptor below 0 */

		if (poll(wait, 2 + daemon_copy_wait(wait + 2), (int)timeout) < 0)
			continue;
		daemon_copy_step(wait + 2);
		if (s.message_fd >= 0 && wait[1].revents != 0)
			take_messages(&s);
		if (wait[0].revents != 0)
			take_signal(&s);
		if (s.phase == PAUSING && wait_ms(&s) == 0 && start_worker(&s))
			return;
		if (s.phase == STOPPING && wait_ms(&s) == 0) {
			log_warn("Supervisor",
				 "%s (pid %ld) did not stop within %d ms and is killed",
				 daemon_self.options.name, (long)s.worker, STOP_MS);
			kill(s.worker, SIGKILL);
			s.due = mono_after_ms(now_ns(), STOP_MS);
		}
	}
}
