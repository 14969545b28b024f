/* SPDX-License-Identifier: Apache-2.0
 * sampler_os.c - samples of a runner's threads, taken by a signal that each gets after a period of
 * its own CPU time (docs/adr/0015-flame-graphs.md).
 *
 * A timer on the thread's CPU clock sends SAMPLE_SIGNAL to that thread. The kernel sends it when
 * the thread is about to go on in user mode, so no sleep and no system call is cut short, and a
 * thread that waits gets none. The handler follows frame pointers within the thread's own stack and
 * writes into a ring that was made before; whoever asked takes the samples out later.
 *
 * Code without frame pointers (most system libraries) hides what called it: the register then still
 * holds the frame of an outer caller, or anything. A chain counts only if it ends in seat_main's
 * frame; if the register's does not, the stack is searched for a saved frame pointer whose chain
 * does. The words below the innermost frame go along, so that the caller can be found among them.
 *
 * The signal is SIGURG: nobody else here uses it, and where a job's code sets all signals back to
 * their defaults while a timer runs, it is ignored (others would end the process). If a job's code
 * has taken it, there are no samples, with an error that says so. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define SAMPLE_SIGNAL SIGURG
#define RING_SAMPLES 16
#define STEPS_MAX 4096        /* frames that a chain is followed for */
#define SEARCH_WORDS_MAX 1024 /* of the stack, for a saved frame pointer */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNCHECKED __attribute__((noinline, no_sanitize("address", "thread", "undefined")))
#elif defined(__clang__)
#define UNCHECKED __attribute__((no_sanitize("address", "thread", "undefined", "fuzzer")))
#else
#define UNCHECKED
#endif

struct sample_ring { /* written by the handler, taken by who asked */
	_Atomic(sample_describe_fn *) describe; /* a late signal may meet the next who asks */
	atomic_bool active;
	atomic_uint frames_max;
	atomic_uint written, taken;
	struct sample samples[RING_SAMPLES];
};

/* ---- in the handler -------------------------------------------------------------------------- */

struct registers {
	uintptr_t at, frame, stack;
	uintptr_t link; /* 0, or where a leaf function returns to (arm64) */
};

static bool registers_of(const ucontext_t *context, struct registers *registers)
{
#if defined(__x86_64__)
	const greg_t *general = context->uc_mcontext.gregs;

	*registers = (struct registers){ (uintptr_t)general[REG_RIP], (uintptr_t)general[REG_RBP],
					 (uintptr_t)general[REG_RSP], 0 };
	return true;
#elif defined(__aarch64__)
	const mcontext_t *machine = &context->uc_mcontext;

	*registers = (struct registers){ machine->pc, machine->regs[29], machine->sp,
					 machine->regs[30] };
	return true;
#else
	return false;
#endif
}

/* Follows frame pointers from `frame`, which lies at or above `low`, until the thread's outermost
 * one. False: they do not lead there. */
UNCHECKED static bool follow(const struct seat *seat, uintptr_t low, uintptr_t frame,
			     struct sample *sample, uint32_t frames_max)
{
	uint32_t count = 0;

	for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
		if (frame < low || frame > seat->frame_outer || frame % sizeof(uintptr_t) != 0)
			return false;
		const uintptr_t *words = (const uintptr_t *)frame;

		if (frame == seat->frame_outer) {
			sample->frames_count = count;
			return true;
		}
		if (count < frames_max)
			sample->frames[count++] = words[1];
		low = frame + 2 * sizeof(uintptr_t);
		frame = words[0];
	}
	return false;
}

UNCHECKED static void walk(const struct seat *seat, const struct registers *registers,
			   struct sample *sample, uint32_t frames_max)
{
	uintptr_t begin = registers->stack, inner = registers->frame;

	sample->at = registers->at;
	sample->frames_count = sample->words_count = 0;
	if (begin % sizeof(uintptr_t) != 0 || begin < seat->stack_low || begin > seat->frame_outer)
		return; /* a stack of its own making */
	if (!follow(seat, begin, inner, sample, frames_max)) {
		uintptr_t end = begin + SEARCH_WORDS_MAX * sizeof(uintptr_t);

		inner = 0;
		for (; begin < end && begin < seat->frame_outer; begin += sizeof(uintptr_t)) {
			uintptr_t word = *(const uintptr_t *)begin;

			if (word > begin && word < seat->frame_outer && word % 16 == 0 &&
			    follow(seat, begin, word, sample, frames_max)) {
				inner = word;
				break;
			}
		}
	}
	if (registers->link != 0)
		sample->words[sample->words_count++] = registers->link;
	for (; begin < inner && sample->words_count < SAMPLE_WORDS_MAX; begin += sizeof(uintptr_t))
		sample->words[sample->words_count++] = *(const uintptr_t *)begin;
}

static void take_sample(const struct seat *seat, struct sample_ring *ring,
				  const struct agent *agent, const ucontext_t *context)
{
	uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	struct registers registers;

	if (written - atomic_load(&ring->taken) >= RING_SAMPLES ||
	    !registers_of(context, &registers))
		return;
	struct sample *sample = &ring->samples[written % RING_SAMPLES];

	memset(sample->who, 0, sizeof(sample->who));
	sample->what = 0;
	if (!atomic_load(&ring->describe)(agent, sample))
		return;
	walk(seat, &registers, sample, atomic_load(&ring->frames_max));
	atomic_store(&ring->written, written + 1);
}

static void on_sample(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	struct seat *seat = os_seat_here;
	struct sample_ring *ring = seat != NULL ? atomic_load(&seat->ring) : NULL;
	const struct agent *agent = runner_agent_here;

	if (ring != NULL && agent != NULL && atomic_load(&ring->active))
		take_sample(seat, ring, agent, context);
	errno = error;
}

/* ---- threads --------------------------------------------------------------------------------- */

void sampler_os_seat_begin(struct seat *seat, uintptr_t frame_outer)
{
	pthread_attr_t attributes;
	void *stack = NULL;
	size_t size_bytes = 0;
	sigset_t ours;

	seat->frame_outer = frame_outer;
	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		if (pthread_attr_getstack(&attributes, &stack, &size_bytes) == 0)
			seat->stack_low = (uintptr_t)stack;
		pthread_attr_destroy(&attributes);
	}
	sigemptyset(&ours);
	sigaddset(&ours, SAMPLE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

/* With the lock held. */
void sampler_os_disarm(struct seat *seat)
{
	struct sample_ring *ring = atomic_load(&seat->ring);

	if (ring != NULL)
		atomic_store(&ring->active, false);
	if (seat->timer_armed)
		timer_delete(seat->timer);
	seat->timer_armed = false;
}

void sampler_os_seat_free(struct seat *seat)
{
	sampler_os_disarm(seat);
	mem_free(atomic_load(&seat->ring));
	mem_free(seat);
}

/* With the lock held; the thread lives as long as it is. */
static int arm(struct runner_os *r, struct seat *seat, struct err *err)
{
	const struct sample_options *options = &r->sampling;
	struct itimerspec period = { 0 };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SAMPLE_SIGNAL };
	struct sample_ring *ring = atomic_load(&seat->ring);
	clockid_t clock;

	if (seat->timer_armed || seat->ended || atomic_load(&seat->thread_id) == 0)
		return 0; /* or not yet */
	if (ring == NULL)
		ring = MEM_NEW(struct sample_ring);
	atomic_store(&ring->describe, options->describe);
	atomic_store(&ring->frames_max, options->frames_max);
	atomic_store(&seat->ring, ring);
	event.sigev_notify_thread_id = atomic_load(&seat->thread_id);
	period.it_interval.tv_sec = options->period_ns / NS_PER_S;
	period.it_interval.tv_nsec = options->period_ns % NS_PER_S;
	period.it_value = period.it_interval;
	int failed = pthread_getcpuclockid(seat->thread, &clock);

	if (failed == 0 && timer_create(clock, &event, &seat->timer) != 0)
		failed = errno;
	if (failed != 0)
		return err_set_errno(err, ERR_RESOURCE, failed,
				     "cannot make a timer for samples of thread %s", r->name);
	seat->timer_armed = true;
	atomic_store(&ring->active, true);
	if (timer_settime(seat->timer, 0, &period, NULL) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno,
				     "cannot start the timer for samples of thread %s", r->name);
	return 0;
}

static int take_signal(struct err *err)
{
	struct sigaction ours = { .sa_sigaction = on_sample,
				  .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
	struct sigaction there;
	struct registers registers;

	if (!registers_of(&(ucontext_t){ 0 }, &registers))
		return err_set(err, ERR_RESOURCE, "stacks of this kind of processor are not known");
	if (sigaction(SAMPLE_SIGNAL, NULL, &there) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "signal %d", SAMPLE_SIGNAL);
	if (there.sa_sigaction == on_sample)
		return 0;
	if (there.sa_handler != SIG_DFL)
		return err_set(err, ERR_RESOURCE,
			       "no stacks can be sampled: a job's code handles signal %d (SIGURG) itself",
			       SAMPLE_SIGNAL);
	sigfillset(&ours.sa_mask);
	sigdelset(&ours.sa_mask, SIGSEGV); /* a fault of ours still becomes a crash note */
	sigdelset(&ours.sa_mask, SIGBUS);
	if (sigaction(SAMPLE_SIGNAL, &ours, NULL) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "signal %d", SAMPLE_SIGNAL);
	return 0;
}

/* ---- runners --------------------------------------------------------------------------------- */

/* With the lock held: its thread and its lanes', also those that came since. */
static int arm_all(struct runner_os *r, struct err *err)
{
	if (arm(r, r->seat, err) != 0)
		return -1;
	LIST_FOR_EACH(&r->lanes, struct runner_os, lane_node, lane)
		if (arm(r, lane->seat, err) != 0)
			return -1;
	return 0;
}

static void disarm_all(struct runner_os *r)
{
	sampler_os_disarm(r->seat);
	LIST_FOR_EACH(&r->lanes, struct runner_os, lane_node, lane)
		sampler_os_disarm(lane->seat);
}

int runner_os_sample_start(struct runner *runner, const struct sample_options *options,
			   struct err *err)
{
	struct runner_os *r = (struct runner_os *)runner;

	if (take_signal(err) != 0)
		return -1;
	pthread_mutex_lock(&r->loop->lock);
	r->sampling = *options;
	int failed = arm_all(r, err);

	if (failed != 0)
		disarm_all(r);
	pthread_mutex_unlock(&r->loop->lock);
	return failed;
}

static bool take_from(const struct seat *seat, struct sample *into)
{
	struct sample_ring *ring = atomic_load(&seat->ring);
	uint32_t taken = ring != NULL ? atomic_load(&ring->taken) : 0;

	if (ring == NULL || taken == atomic_load(&ring->written))
		return false;
	*into = ring->samples[taken % RING_SAMPLES];
	atomic_store(&ring->taken, taken + 1);
	return true;
}

bool runner_os_sample_take(struct runner *runner, struct sample *into)
{
	struct runner_os *r = (struct runner_os *)runner;
	struct err ignored = ERR_INIT; /* of a new thread: its time is missing then */

	pthread_mutex_lock(&r->loop->lock);
	bool found = take_from(r->seat, into);

	LIST_FOR_EACH(&r->lanes, struct runner_os, lane_node, lane)
		found = found || take_from(lane->seat, into);
	if (!found)
		(void)arm_all(r, &ignored);
	pthread_mutex_unlock(&r->loop->lock);
	return found;
}

void runner_os_sample_stop(struct runner *runner)
{
	struct runner_os *r = (struct runner_os *)runner;

	pthread_mutex_lock(&r->loop->lock);
	disarm_all(r);
	pthread_mutex_unlock(&r->loop->lock);
}

/* ---- what a thread waits in ------------------------------------------------------------------ */

static const char *call_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} calls[] = {
		{ SYS_read, "waits in read" },
		{ SYS_write, "waits in write" },
		{ SYS_pread64, "waits in pread" },
		{ SYS_pwrite64, "waits in pwrite" },
		{ SYS_readv, "waits in readv" },
		{ SYS_writev, "waits in writev" },
		{ SYS_recvfrom, "waits in recv" },
		{ SYS_sendto, "waits in send" },
		{ SYS_recvmsg, "waits in recvmsg" },
		{ SYS_sendmsg, "waits in sendmsg" },
		{ SYS_connect, "waits in connect" },
		{ SYS_accept, "waits in accept" },
		{ SYS_accept4, "waits in accept" },
		{ SYS_ppoll, "waits in poll" },
		{ SYS_pselect6, "waits in select" },
		{ SYS_epoll_pwait, "waits in epoll_wait" },
		{ SYS_nanosleep, "waits in nanosleep" },
		{ SYS_clock_nanosleep, "waits in clock_nanosleep" },
		{ SYS_futex, "waits in futex" },
		{ SYS_fsync, "waits in fsync" },
		{ SYS_fdatasync, "waits in fdatasync" },
		{ SYS_openat, "waits in open" },
		{ SYS_wait4, "waits in wait" },
		{ SYS_waitid, "waits in wait" },
		{ SYS_flock, "waits in flock" },
		{ SYS_fcntl, "waits in fcntl" },
#ifdef SYS_poll
		{ SYS_poll, "waits in poll" },
		{ SYS_select, "waits in select" },
		{ SYS_epoll_wait, "waits in epoll_wait" },
		{ SYS_pause, "waits in pause" },
#endif
	};

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return "waits in a system call";
}

/* Its line of /proc/…/syscall: "running", or a number and what else there is. */
static const char *thread_waits_in(int thread_id)
{
	char path[64], text[256], *end;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", thread_id);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	ssize_t length = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[length > 0 ? length : 0] = '\0';
	long number = strtol(text, &end, 10);

	if (end == text)
		return NULL; /* running, or gone */
	return number < 0 ? "waits for memory" : call_name(number); /* -1: a page fault */
}

const char *runner_os_waits_in(struct runner *runner, struct agent *agent)
{
	struct runner_os *r = (struct runner_os *)runner;
	const char *waits = NULL;

	pthread_mutex_lock(&r->loop->lock);
	/* Its step is under way, so its seat is there, and stays while the lock is held. */
	if (atomic_load(&r->current) == agent)
		waits = thread_waits_in(atomic_load(&r->seat->thread_id));
	pthread_mutex_unlock(&r->loop->lock);
	return waits;
}
