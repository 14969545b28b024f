/* SPDX-License-Identifier: Apache-2.0
 * daemon_crash.c - the crash handler: on a stack of its own, without allocation, it writes a note
 * of who was doing what to memory that the supervisor holds, and lets the signal take its course.
 *
 * The lines that matter come first; the frames behind them are found with glibc's unwinder, which
 * may itself stumble over a broken stack: then an alarm ends the process with the note as it is. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/daemon/daemon_priv.h"

#define FRAMES_MAX 24
#define STACK_BYTES (64 * 1024)
#define STUCK_S 2
#define VICTIM_WAIT_MS 50

static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
static struct sigaction previous[ARRAY_COUNT(crash_signals)];

static _Thread_local const char *crash_context;
static daemon_describe_fn *crash_describe;

/* The note under construction. Static: there is one crash at a time, and no heap. */
static struct {
	char text[DAEMON_NOTE_SIZE - DAEMON_NOTE_TAIL_SIZE];
	size_t used;
} note;
static atomic_int crashing; /* the thread that writes the note; 0: none */

/* False: another thread does, or did. */
static bool begin_note(void)
{
	int nobody = 0;

	return atomic_compare_exchange_strong(&crashing, &nobody, (int)syscall(SYS_gettid));
}

static void wait_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void add(const char *text)
{
	size_t length = strlen(text);

	if (length > sizeof(note.text) - note.used)
		length = sizeof(note.text) - note.used;
	memcpy(note.text + note.used, text, length);
	note.used += length;
}

static void add_number(uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = "0123456789abcdef"[number % base];
	while ((number /= base) != 0);
	if (base == 16)
		add("0x");
	add(digits + at);
}

static void add_line(const char *key, uint64_t number, unsigned base)
{
	add(key);
	add_number(number, base);
	add("\n");
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void add_frames(void)
{
	void *frames[FRAMES_MAX];
	int count = backtrace(frames, FRAMES_MAX);

	/* Frames 0 to 2 are this handler and the kernel's trampoline; which of them appear differs.
	 *  */
	for (int i = 2; i < count; i++) {
		Dl_info info;

		add("frame: ");
		if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL) {
			add_number((uintptr_t)frames[i], 16);
		} else if (info.dli_sname != NULL) {
			add(info.dli_sname);
			add("+");
			add_number((uintptr_t)frames[i] - (uintptr_t)info.dli_saddr, 16);
		} else {
			add_number((uintptr_t)frames[i] - (uintptr_t)info.dli_fbase, 16);
		}
		if (info.dli_fname != NULL) {
			add(" ");
			add(file_name(info.dli_fname));
		}
		add("\n");
	}
}

static void save_note(void)
{
	daemon_calls_save(note.text, note.used);
}

static void add_who(void)
{
	struct timespec now;

	add_line("pid: ", (uint64_t)getpid(), 10);
	add_line("thread: ", (uint64_t)syscall(SYS_gettid), 10);
	clock_gettime(CLOCK_REALTIME, &now);
	add_line("time: ", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, 10);
}

/* Returns whether the thread was doing something that has a description. What a call into a job's
 * function says comes first, and alone: it is there whatever the function has broken. */
static bool add_what(void)
{
	char text[1024];
	size_t before = note.used, length;
	const char *call = daemon_calls_here();

	if (call != NULL) {
		add(call);
		return true;
	}
	if (crash_context != NULL)
		add(crash_context);
	if (crash_describe != NULL) {
		length = crash_describe(text, sizeof(text) - 1);
		text[length < sizeof(text) - 1 ? length : sizeof(text) - 1] = '\0';
		add(text);
	}
	if (note.used > 0 && note.text[note.used - 1] != '\n')
		add("\n");
	return note.used > before;
}

/* One number may have been given to another file meanwhile. */
static bool descriptors_hold(void)
{
	return fcntl(daemon_self.stop_pipe[0], F_GETFD) >= 0 &&
	       fcntl(daemon_self.stop_pipe[1], F_GETFD) >= 0 &&
	       (daemon_self.message_fd < 0 || fcntl(daemon_self.message_fd, F_GETFD) >= 0);
}

static void describe(int signal, const siginfo_t *info)
{
	const char *name = sigabbrev_np(signal);

	add("signal: ");
	add_number((uint64_t)signal, 10);
	add(" SIG");
	add(name ? name : "?");
	add("\n");
	add_who();
	if (signal == SIGSEGV || signal == SIGBUS)
		add_line("address: ", (uintptr_t)info->si_addr, 16);
	if (!descriptors_hold())
		add("why: closed descriptors that are not its own\n");
	save_note();
	add_what();
	save_note();
}

/* A user function that calls exit() ends everybody's process, and its destructors would run under
 * the other threads' feet. Whoever has no business with user code leaves by main's return. */
static void on_exit_called(int status, void *context)
{
	(void)context;
	if (daemon_stop_requested() || getpid() != daemon_self.worker_pid || !begin_note())
		return;
	add_line("exit: ", (uint64_t)(unsigned)status & 0xff, 10);
	add_who();
	if (!add_what()) {
		note.used = 0;
		atomic_store(&crashing, 0);
		return;
	}
	add_frames();
	save_note();
	_exit(status);
}

/* Who is in no call of a job may be the victim of a thread that is in one, and that may fall over
 * its own deeds in a moment: its note says more. */
static void write_note(int signal, const siginfo_t *info)
{
	if (daemon_calls_here() == NULL)
		wait_ms(VICTIM_WAIT_MS);
	if (begin_note()) {
		daemon_end_after(STUCK_S);
		describe(signal, info);
		add_frames();
		save_note();
		alarm(0);
	} else if (atomic_load(&crashing) != (int)syscall(SYS_gettid)) {
		wait_ms(STUCK_S * 1000); /* the other one ends the process */
	}
}

static void on_crash(int signal, siginfo_t *info, void *machine)
{
	size_t i;

	(void)machine;
	for (i = 0; i + 1 < ARRAY_COUNT(crash_signals) && crash_signals[i] != signal; i++)
		;
	/* From here on the signal means what it meant before: the default, or a sanitizer's report.
	 *  */
	sigaction(signal, &previous[i], NULL);
	if (getpid() == daemon_self.worker_pid)
		write_note(signal, info);
	/* A fault comes again by itself when we return; a signal that was sent does not. */
	if (info->si_code <= 0 && signal != SIGABRT)
		raise(signal);
}

void daemon_crash_reason(const char *why)
{
	if (!begin_note())
		return;
	add("reason: ");
	add(why);
	add("\n");
	add_who();
	save_note();
}

void daemon_crash_stack(void)
{
	/* Mapped, and never given back: thread-local arrays would lie in every thread's stack, also
	 * in the small ones of civetweb. */
	void *memory =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory, .ss_size = STACK_BYTES };

	if (memory != MAP_FAILED)
		sigaltstack(&stack, NULL);
}

void daemon_crash_begin(void)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	void *warm[4];

	backtrace(warm, 4); /* its first call loads libgcc_s, which the handler must not do */
	daemon_crash_stack();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_COUNT(crash_signals); i++)
		sigaction(crash_signals[i], &action, &previous[i]);
	on_exit(on_exit_called, NULL);
}

void daemon_crash_context(const char *text)
{
	crash_context = text;
}

void daemon_crash_describe(daemon_describe_fn *function)
{
	crash_describe = function;
}

bool daemon_note_field(const char *text, const char *key, char *into, size_t size_bytes)
{
	size_t key_length = strlen(key), length;

	for (const char *line = text; *line != '\0';) {
		length = strcspn(line, "\n");
		if (length > key_length + 1 && strncmp(line, key, key_length) == 0 &&
		    line[key_length] == ':' && line[key_length + 1] == ' ') {
			length -= key_length + 2;
			if (length >= size_bytes)
				length = size_bytes - 1;
			memcpy(into, line + key_length + 2, length);
			into[length] = '\0';
			return true;
		}
		line += length;
		line += *line == '\n';
	}
	return false;
}
