/* SPDX-License-Identifier: Apache-2.0
 * world_os.c - the real world: clocks, chance, environment, standard output, threads; and the table
 * of everything the other *_os.c files implement. One per process (the mini cluster too). */
#include <errno.h>
#include <event2/thread.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#define FILE_THREADS_MAX 2
#define BACKGROUND_THREADS_MAX 8
#define SIGNAL_STACK_BYTES (64 * 1024)
#define PRINT_WAIT_MS 1000

/* ---- clocks, chance ------------------------------------------------------------------------- */

mono_t os_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static mono_t os_now(struct world *world)
{
	return os_clock();
}

static wall_t os_wall(struct world *world)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

static void os_random_bytes(struct world *world, void *into, size_t size_bytes)
{
	char *at = into;

	while (size_bytes > 0) {
		ssize_t got = getrandom(at, size_bytes, 0);

		CHECK(got > 0 || errno == EINTR, "getrandom: errno %d", errno);
		if (got < 0)
			continue;
		at += got;
		size_bytes -= (size_t)got;
	}
}

static uint64_t rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

/* xoshiro256++ (Blackman, Vigna), seeded by the kernel. */
static uint64_t os_random(struct world *world)
{
	struct world_os *os = (struct world_os *)world;
	uint64_t *s = os->random_state;

	pthread_mutex_lock(&os->leaf_lock);
	uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	pthread_mutex_unlock(&os->leaf_lock);
	return result;
}

static bool os_chance(struct world *world, const char *name)
{
	return false;
}

/* ---- the process ---------------------------------------------------------------------------- */

static const char *os_host_name(struct world *world)
{
	return ((struct world_os *)world)->host_name;
}

static const char *os_env(struct world *world, const char *name)
{
	return getenv(name);
}

static uint32_t os_cpu_count(struct world *world)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		return (uint32_t)CPU_COUNT(&allowed);
	long online = sysconf(_SC_NPROCESSORS_ONLN); /* more cores than the set has room for */

	return online > 0 ? (uint32_t)online : 1;
}

static void os_print(struct world *world, const char *text, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t written = write(STDOUT_FILENO, text, size_bytes);

		if (written > 0) {
			text += written;
			size_bytes -= (size_t)written;
		} else if (written < 0 && errno == EAGAIN) {
			struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

			int ready = poll(&out, 1, PRINT_WAIT_MS);

			if (ready == 0 || (ready < 0 && errno != EINTR))
				return; /* nobody reads: the line is lost rather than the thread */
		} else if (written < 0 && errno != EINTR) {
			return; /* the terminal or the disk is gone; there is nobody to tell */
		}
	}
}

/* ---- threads -------------------------------------------------------------------------------- */

void os_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

int os_thread_start(pthread_t *thread, const char *name, void *(*main)(void *), void *context)
{
	static const int faults[] = { SIGSEGV, SIGBUS,	SIGFPE, SIGILL,
				      SIGABRT, SIGTRAP, SIGSYS, SIGPROF };
	sigset_t blocked, before;
	char short_name[16];

	sigfillset(&blocked);
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int failed = pthread_create(thread, NULL, main, context);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed == 0) {
		/* The kernel keeps 15 characters. */
		strncpy(short_name, name, sizeof(short_name) - 1);
		short_name[sizeof(short_name) - 1] = '\0';
		pthread_setname_np(*thread, short_name);
	}
	return failed;
}

/* So that a stack overflow of a user function can still be reported by the fault handler. */
void *os_signal_stack_begin(void)
{
	void *memory = mem_map(SIGNAL_STACK_BYTES);
	stack_t stack = { .ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES };

	sigaltstack(&stack, NULL);
	return memory;
}

void os_signal_stack_end(void *memory)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	sigaltstack(&none, NULL);
	mem_unmap(memory, SIGNAL_STACK_BYTES);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void os_destroy(struct world *world)
{
	struct world_os *os = (struct world_os *)world;

	CHECK(list_empty(&os->runners), "a world ends before its runners");
	watchdog_stop(os);
	pool_fini(&os->files_pool);
	pool_fini(&os->background_pool);
	files_os_destroy(os);
	runner_os_free_retired(&os->retired);
	CHECK(map_count(os->names) == 0, "a world ends before its listeners");
	map_destroy(&os->names);
	pthread_mutex_destroy(&os->names_lock);
	pthread_mutex_destroy(&os->leaf_lock);
	pthread_mutex_destroy(&os->lock);
	mem_free(os);
}

static const struct world_vtable os_vtable = {
	.destroy = os_destroy,
	.now = os_now,
	.wall = os_wall,
	.random = os_random,
	.random_bytes = os_random_bytes,
	.chance = os_chance,
	.host_name = os_host_name,
	.env = os_env,
	.cpu_count = os_cpu_count,
	.print = os_print,
	.runner_create = runner_os_create,
	.runner_add = runner_os_add,
	.runner_remove = runner_os_remove,
	.runner_wake = runner_os_wake,
	.runner_evict = runner_os_evict,
	.runner_current = runner_os_current,
	.runner_blocking_count = runner_os_blocking_count,
	.runner_intact = runner_os_intact,
	.runner_sample_start = runner_os_sample_start,
	.runner_sample_take = runner_os_sample_take,
	.runner_sample_stop = runner_os_sample_stop,
	.runner_waits_in = runner_os_waits_in,
	.runner_destroy = runner_os_destroy,
	.conn_open = conn_os_open,
	.conn_connected = conn_os_connected,
	.conn_read = conn_os_read,
	.conn_write = conn_os_write,
	.conn_move = conn_os_move,
	.conn_close = conn_os_close,
	.listener_open = listener_os_open,
	.listener_accept = listener_os_accept,
	.listener_close = listener_os_close,
	.file_submit = file_os_submit,
	.read_file = file_os_read_whole,
	.file_mode = file_os_mode,
	.write_file = file_os_write_whole,
	.background_submit = background_os_submit,
	.process_start = process_os_start,
	.process_read = process_os_read,
	.process_ended = process_os_ended,
	.process_kill = process_os_kill,
	.process_close = process_os_close,
	.module_open = module_os_open,
	.module_symbol = module_os_symbol,
	.module_address = module_os_address,
	.module_offset = module_os_offset,
	.module_close = module_os_close,
};

atomic_bool world_forked;

static void forked(void)
{
	atomic_store(&world_forked, true);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forked);
}

void world_end_forked(void)
{
	_exit(1);
}

struct world *world_os_create(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	if (evthread_use_pthreads() != 0) {
		err_set(err, ERR_RESOURCE, "libevent cannot be used with threads");
		return NULL;
	}
	/* A reader that goes away is an error of the write. Children get the default back. */
	signal(SIGPIPE, SIG_IGN);
	struct world_os *os = MEM_NEW(struct world_os);

	os->base.vtable = &os_vtable;
	pthread_mutex_init(&os->lock, NULL);
	pthread_mutex_init(&os->leaf_lock, NULL);
	pthread_mutex_init(&os->names_lock, NULL);
	list_init(&os->runners);
	list_init(&os->retired);
	os->names = map_create();
	if (gethostname(os->host_name, sizeof(os->host_name) - 1) != 0 || os->host_name[0] == '\0')
		memcpy(os->host_name, "localhost", sizeof("localhost"));
	os_random_bytes(&os->base, os->random_state, sizeof(os->random_state));
	pool_init(&os->files_pool, "files", FILE_THREADS_MAX, file_os_run);
	pool_init(&os->background_pool, "background", BACKGROUND_THREADS_MAX, background_os_run);
	files_os_create(os);
	return &os->base;
}
