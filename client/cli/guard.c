/* SPDX-License-Identifier: Apache-2.0
 * guard.c - see guard.h. The handler runs on a stack of its own and says its sentence with
 * write(2); then the signal takes its course, so that exit codes and cores are what a shell
 * expects. */
#include "client/cli/guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/daemon/daemon.h"
#include "taskmanager/exec/crash.h"

#define TEXT_BYTES_MAX 2048

static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct sigaction previous[ARRAY_COUNT(crash_signals)];

/* Static because handlers reach it, and because a client runs one program. */
static const char *_Atomic program;
static atomic_bool submitted, told;
static pid_t client_pid;

static void say(const struct err *err)
{
	char text[TEXT_BYTES_MAX];
	ssize_t ignored = write(STDERR_FILENO, text, err_format(err, text, sizeof(text)));

	(void)ignored;
}

/* Whose code it was: a function of the job on a thread of the mini cluster (true), or
 * flink_main. */
static bool find_function(char *operator, char * function, size_t size_bytes)
{
	char lines[1024];
	size_t length = crash_describe(lines, sizeof(lines) - 1);

	lines[length] = '\0';
	operator[0] = function[0] = '\0';
	daemon_note_field(lines, "operator", operator, size_bytes);
	daemon_note_field(lines, "function", function, size_bytes);
	return function[0] != '\0';
}

static void describe_crash(const char *name, int signal, struct err *err)
{
	const char *abbreviation = sigabbrev_np(signal);
	char operator[256], function[256], how[64];

	snprintf(how, sizeof(how), "crashed with signal %d SIG%s", signal,
		 abbreviation ? abbreviation : "?");
	if (find_function(operator, function, sizeof(function)))
		err_set(err, ERR_USER_FUNCTION_CRASHED, "%s: function %s of %s %s", operator,
			function, name, how);
	else
		err_set(err, ERR_PROGRAM_FAILED, "the program %s %s", name, how);
}

static void on_crash(int signal, siginfo_t *info, void *machine)
{
	const char *name = atomic_load(&program);
	size_t i;

	(void)machine;
	for (i = 0; i + 1 < ARRAY_COUNT(crash_signals) && crash_signals[i] != signal; i++)
		;
	sigaction(signal, &previous[i], NULL); /* the default, or a sanitizer's report */
	if (name != NULL && !atomic_exchange(&told, true)) {
		struct err err = ERR_INIT;

		describe_crash(name, signal, &err);
		say(&err);
	}
	/* A fault comes again by itself when we return; a signal that was sent does not. */
	if (info->si_code <= 0 && signal != SIGABRT)
		raise(signal);
}

static void on_exit_called(int status, void *context)
{
	const char *name = atomic_load(&program);
	char operator[256], function[256];
	struct err err = ERR_INIT;

	(void)context;
	if (name == NULL || atomic_exchange(&told, true) || getpid() != client_pid)
		return;
	if (find_function(operator, function, sizeof(function)))
		err_set(&err, ERR_USER_FUNCTION_CRASHED,
			"%s: function %s of %s called exit(%d)", operator, function, name, status);
	else if (!atomic_load(&submitted))
		err_set(&err, ERR_PROGRAM_FAILED,
			"the program %s called exit(%d) before its job was handed in", name,
			status);
	else
		return;
	say(&err);
	_exit(status != 0 ? status : 1);
}

static void install(void)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	client_pid = getpid();
	daemon_crash_stack();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_COUNT(crash_signals); i++)
		sigaction(crash_signals[i], &action, &previous[i]);
	on_exit(on_exit_called, NULL);
}

void guard_begin(const char *name)
{
	static bool installed;

	if (!installed)
		install();
	installed = true;
	atomic_store(&program, name);
}

void guard_end(void)
{
	atomic_store(&program, NULL);
}

void guard_submitted(void)
{
	atomic_store(&submitted, true);
}
