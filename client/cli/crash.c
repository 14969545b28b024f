/* SPDX-License-Identifier: Apache-2.0
 * crash.c - a program that crashes inside the client says where: in its flink_main, or in which
 * function of which operator (--target local). Then the signal takes its course, for cores and
 * debuggers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "common/daemon/daemon.h"
#include "taskmanager/exec/crash.h"

#define STACK_BYTES (64 * 1024)

static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static const char *crash_program;
static volatile sig_atomic_t crashing;

/* snprintf of plain strings neither allocates nor locks in glibc. */
static void tell(int number)
{
	char note[1024], operator[256], function[256], text[1536], where[600];
	const char *signal_name = sigabbrev_np(number);
	size_t length = crash_describe(note, sizeof(note) - 1);

	note[length] = '\0';
	if (daemon_note_field(note, "operator", operator, sizeof(operator))) {
		if (!daemon_note_field(note, "function", function, sizeof(function)))
			function[0] = '\0';
		snprintf(where, sizeof(where), "%s: %s%s", operator,
			 function[0] != '\0' ? "function " : "it", function);
	} else {
		snprintf(where, sizeof(where), "%s: flink_main", crash_program);
	}
	int used = snprintf(text, sizeof(text),
			    "error E%d: %s crashed with signal %d SIG%s\n hint: %s\n",
			    (int)ERR_USER_FUNCTION_CRASHED, where, number,
			    signal_name != NULL ? signal_name : "?",
			    err_hint(ERR_USER_FUNCTION_CRASHED));
	ssize_t ignored = write(STDERR_FILENO, text, (size_t)used);

	(void)ignored;
}

static void on_crash(int number, siginfo_t *info, void *machine)
{
	signal(number, SIG_DFL);
	if (!crashing) {
		crashing = 1;
		tell(number);
	}
	/* A fault comes again by itself when we return; a signal that was sent does not. */
	if (info->si_code <= 0)
		raise(number);
}

void cli_catch_crashes(const char *program)
{
	static char stack[STACK_BYTES];
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };

	crash_program = program;
	sigaltstack(&other, NULL); /* for a flink_main that runs out of stack */
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_COUNT(crash_signals); i++) {
		struct sigaction was;

		/* A sanitizer's own report says more. */
		if (sigaction(crash_signals[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
			sigaction(crash_signals[i], &action, NULL);
	}
}
