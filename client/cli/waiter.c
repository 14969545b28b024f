/* SPDX-License-Identifier: Apache-2.0
 * waiter.c - a semaphore, because it is the one thing that a signal handler may post to. */
#include "client/cli/waiter.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "common/base/check.h"

#define EXIT_INTERRUPTED 130

static sem_t posted;
static atomic_uint interrupts, interrupts_ever;

void waiter_open(void)
{
	int failed = sem_init(&posted, 0, 0);

	CHECK(failed == 0, "sem_init: errno %d", errno);
}

void waiter_post(void)
{
	sem_post(&posted);
}

static void interrupted(int signal_number)
{
	int saved_errno = errno;

	if (atomic_fetch_add(&interrupts_ever, 1) + 1 >= WAITER_INTERRUPTS_MAX)
		_exit(EXIT_INTERRUPTED);
	atomic_fetch_add(&interrupts, 1);
	sem_post(&posted);
	errno = saved_errno;
}

void waiter_catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
}

unsigned waiter_wait(void)
{
	while (sem_wait(&posted) != 0)
		CHECK(errno == EINTR, "sem_wait: errno %d", errno);
	return atomic_exchange(&interrupts, 0);
}
