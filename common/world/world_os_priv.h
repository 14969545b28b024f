/* SPDX-License-Identifier: Apache-2.0
 * world_os_priv.h - the real world inside: threads, libevent, descriptors.
 *
 * Threads:
 *   runner     one per runner: steps its agents, drives its event base
 *   lane       a runner's former thread, left with one evicted agent (runner_os.c)
 *   watchdog   one per world: evicts agents that stay in a step (watchdog_os.c)
 *   pool       a few for files, a few for background work and name resolution (pool_os.c)
 *
 * Locks, in the order they may be taken: world_os.lock, loop_os.lock, then one of pool.lock,
 * names_lock, leaf_lock. None is taken per step or per record. */
#ifndef COMMON_WORLD_WORLD_OS_PRIV_H
#define COMMON_WORLD_WORLD_OS_PRIV_H

#include <event2/event.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "common/base/map.h"
#include "common/world/world_priv.h"

/* ---- pool_os.c: threads that may block ------------------------------------------------------ */

typedef void pool_run_fn(struct list_node *job);

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list queue;
	pool_run_fn *run;
	const char *name;
	pthread_t threads[16];
	uint32_t threads_count, threads_max, idle_count;
	bool stop;
};

void pool_init(struct pool *pool, const char *name, uint32_t threads_max, pool_run_fn *run);
void pool_fini(struct pool *pool);
/* If no thread runs and none can be started, the job is run by the caller. */
void pool_submit(struct pool *pool, struct list_node *job);
/* Takes back a job that nobody has begun and that matches; NULL: there is none. */
typedef bool pool_match_fn(const struct list_node *job, const void *context);
struct list_node *pool_cancel(struct pool *pool, pool_match_fn *match, const void *context);

/* ---- loop_os.c ------------------------------------------------------------------------------ */

struct runner_os;

struct loop_os {
	struct loop base;
	struct event_base *events;
	struct event *wake_event, *timer_event;
	int timer_fd;
	mono_t timer_armed;
	/* Its runner and one for each connection, listener and process: they may be closed after
	 * the runner is gone. The struct itself stays with its runner_os, so that late calls find
	 * it. */
	atomic_uint refs;
	/* refs came down to 0 and the event base is gone: ready for another life */
	atomic_bool idle;
	/* Guards everything that threads other than the driver change: the runner's posted lists,
	 * its lanes, the lists below. */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a seat ended, a removal was made, a job came back */
	struct list files_done, background_done; /* file_op.node_, background.node_ */
	uint32_t under_way; /* jobs given to the pools and not yet delivered */
	bool driven;        /* a runner delivers; else jobs are run by the caller */
};

MUST_USE int loop_os_open(struct runner_os *runner, struct err *err);
void loop_os_free(struct loop_os *loop); /* with the world */
void loop_os_ref(struct loop_os *loop);
void loop_os_unref(struct loop_os *loop);
void loop_os_advance(struct loop_os *loop, mono_t now);
void loop_os_poll(struct loop_os *loop);
void loop_os_wait(struct loop_os *loop, mono_t until); /* until an event, or `until` */
/* First in an event callback, so that the wakes it makes do not write to the eventfd. */
void loop_os_in_event(struct loop_os *loop);
/* Pool threads: the job is done. Delivered by the runner's thread. */
void loop_os_file_done(struct loop_os *loop, struct file_op *op);
void loop_os_background_done(struct loop_os *loop, struct background *work);
void loop_os_deliver(struct loop_os *loop); /* with the lock held */

/* ---- runner_os.c ---------------------------------------------------------------------------- */

/* One thread that steps agents. It drives a runner; after an eviction, a lane. */
struct seat {
	pthread_t thread;
	atomic_int thread_id; /* the kernel's; 0 until it runs */
	struct loop_os *loop;
	struct runner_os *runner; /* what it drives; only its own thread changes it */
	struct runner_os *lane;   /* under the lock: what it was moved to */
	bool go, ended;           /* under the lock */
	bool gone;                /* the agent in its step was removed by itself */
	/* sampler_os.c */
	uintptr_t stack_low, frame_outer; /* its own thread's: where its stack ends, and begins */
	_Atomic(struct sample_ring *) ring; /* NULL: nobody ever asked */
	timer_t timer;                      /* under the lock, as the next */
	bool timer_armed;
};
extern _Thread_local struct seat *os_seat_here;

/* A runner, or a lane: the private runner of one evicted agent, which shares its parent's loop.
 * The struct is reused but never freed before the world, so a late agent_wake is at worst spurious,
 * and a late runner_remove finds nothing to do. `base`, `parked` and `wake_fd` are set up once. */
struct runner_os {
	struct runner base;
	struct loop_os *loop;     /* own_loop, or a lane's parent's */
	struct loop_os *own_loop; /* NULL: it has only been a lane so far */
	struct runner_os *parent; /* NULL: a runner */
	char name[32];

	/* any thread */
	char pad_[CACHE_LINE_BYTES];
	atomic_uint parked; /* 1: its thread is about to wait, or waits */
	int wake_fd;
	char pad2_[CACHE_LINE_BYTES];
	atomic_uint posted; /* something in the lists below; written under the lock */
	atomic_bool stop;
	atomic_uint agents_count, lanes_count;

	/* under loop->lock */
	struct list added;    /* agent.node */
	struct list finished; /* agent.node: answered STEP_DONE on a lane */
	struct list removals; /* struct removal, on the stacks of those who wait */
	struct list lanes;    /* lane_node */
	struct seat *seat;
	struct list_node lane_node;
	struct sample_options sampling;

	/* the driving thread */
	struct list agents;
	struct list_node *cursor; /* the next one of this round */
	_Atomic(struct agent *) current;
	_Atomic mono_t since;

	/* the watchdog, under world_os.lock */
	struct list_node node; /* world_os.runners, or retired */
	struct agent *suspect;
	mono_t suspect_since, suspect_seen;
	int64_t suspect_cpu_ns;
};

/* A stuck agent of it could be moved away from others. */
static inline bool runner_os_evictable(const struct runner_os *r)
{
	return atomic_load(&r->agents_count) > 1 && !atomic_load(&r->base.together);
}

struct runner *runner_os_create(struct world *world, const char *name, struct err *err);
void runner_os_add(struct runner *runner, struct agent *agent);
void runner_os_remove(struct runner *runner, struct agent *agent);
void runner_os_wake(struct runner *runner);
int runner_os_evict(struct runner *runner, struct agent *stuck, struct err *err);
struct agent *runner_os_current(const struct runner *runner, mono_t *since);
uint32_t runner_os_blocking_count(const struct runner *runner);
bool runner_os_intact(const struct runner *runner);
void runner_os_destroy(struct runner *runner);
void runner_os_free_retired(struct list *retired);

/* ---- sampler_os.c --------------------------------------------------------------------------- */

struct sample_ring;

/* On the seat's own thread. frame_outer: the frame in which every chain of frame pointers ends. */
void sampler_os_seat_begin(struct seat *seat, uintptr_t frame_outer);
void sampler_os_disarm(struct seat *seat); /* with the lock held */
void sampler_os_seat_free(struct seat *seat); /* its thread has ended, or never began */
int runner_os_sample_start(struct runner *runner, const struct sample_options *options,
			   struct err *err);
bool runner_os_sample_take(struct runner *runner, struct sample *into);
void runner_os_sample_stop(struct runner *runner);
const char *runner_os_waits_in(struct runner *runner, struct agent *agent);

/* ---- watchdog_os.c -------------------------------------------------------------------------- */

struct world_os;

struct watchdog {
	pthread_t thread;
	pthread_cond_t rouse; /* with world_os.lock */
	bool started, stop;
	atomic_uint asleep; /* every runner is parked: the next to go on rouses it */
};

void watchdog_start(struct world_os *world); /* with world_os.lock; no thread: no evictions */
void watchdog_stop(struct world_os *world);
void watchdog_rouse(struct world_os *world);
static inline bool watchdog_asleep(struct watchdog *watchdog)
{
	return atomic_load(&watchdog->asleep) != 0;
}

/* ---- world_os.c ----------------------------------------------------------------------------- */

struct world_os {
	struct world base;
	char host_name[WORLD_HOST_BYTES_MAX + 1];
	pthread_mutex_t lock;
	struct list runners; /* runner_os.node */
	struct watchdog watchdog;
	pthread_mutex_t leaf_lock; /* nothing else is locked under it */
	struct list retired;       /* runner_os.node */
	uint64_t random_state[4];
	struct pool files_pool, background_pool;
	pthread_mutex_t names_lock;
	struct map *names; /* "@name:port" -> struct listener_os */
	uint16_t names_port_next;
	struct files_os *files;
};

mono_t os_clock(void);
void os_cond_init(pthread_cond_t *cond); /* timed waits on the monotonic clock */
/* Signals go to the main thread; a fault still reaches its own thread, on a stack of its own. */
MUST_USE int os_thread_start(pthread_t *thread, const char *name, void *(*main)(void *),
			     void *context);
void *os_signal_stack_begin(void);
void os_signal_stack_end(void *stack);

/* ---- conn_os.c, listener_os.c, file_os.c, process_os.c, module_os.c ------------------------- */

int conn_os_open(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
		 struct conn **conn, struct err *err);
bool conn_os_connected(struct conn *conn);
ssize_t conn_os_read(struct conn *conn, const struct slice *into, uint32_t count, struct err *err);
ssize_t conn_os_write(struct conn *conn, const struct bytes *from, uint32_t count, struct err *err);
void conn_os_move(struct conn *conn, struct loop *to);
void conn_os_close(struct conn *conn);
/* How many accepted connections a listener has; outlives the listener. */
struct conn_places {
	atomic_uint refs, used;
	atomic_uint most; /* in use at a time, since memory was last given back after a flood */
	uint32_t max;
};
void conn_places_take(struct conn_places *places); /* the listener's thread */
void conn_places_give(struct conn_places *places);
void conn_places_unref(struct conn_places *places);
/* Takes the descriptor, and one place (NULL: not counted). NULL, errno: it was closed instead. */
struct conn *conn_os_adopt(struct loop_os *loop, int fd, const char *peer, bool loopback,
			   struct agent *wake, struct conn_places *places);
bool os_address_is_loopback(const struct sockaddr *address);
/* An IPv4 or IPv6 address, also "[v6]", without asking anybody. The length, or 0. */
socklen_t os_address_parse(const char *host, uint16_t port, struct sockaddr_storage *address);
void os_address_set_port(struct sockaddr *address, uint16_t port);

int listener_os_open(struct loop *loop, const struct listen_options *options, struct agent *wake,
		     struct listener **listener, struct err *err);
struct conn *listener_os_accept(struct listener *listener, struct agent *wake);
void listener_os_close(struct listener *listener);
/* The near end of a new connection to a listener of this process, or -1 with errno. */
int listener_os_dial(struct world_os *world, const char *peer);

/* "process 123 (nginx)", or "another process (...)" if it cannot be seen. */
void os_port_holder(uint16_t port, char *text, size_t size_bytes);

void files_os_create(struct world_os *world);
void files_os_destroy(struct world_os *world);
void file_os_submit(struct loop *loop, struct file_op *op);
void file_os_run(struct list_node *job);
int file_os_mode(struct world *world, const char *path);
int file_os_read_whole(struct world *world, const char *path, size_t max_bytes, char **text,
		       size_t *size_bytes, struct err *err);
int file_os_write_whole(struct world *world, const char *path, uint32_t mode, struct bytes text,
			struct err *err);
void background_os_submit(struct loop *loop, struct background *work);
void background_os_run(struct list_node *job);

int process_os_start(struct loop *loop, const struct process_options *options,
		     struct agent *wake, struct process **process, struct err *err);
ssize_t process_os_read(struct process *process, struct slice into);
bool process_os_ended(struct process *process, int *exit_status);
void process_os_kill(struct process *process);
void process_os_close(struct process *process);

int module_os_open(struct world *world, const char *path, const uint8_t *sha256,
		   struct module **module, struct err *err);
void *module_os_symbol(struct module *module, const char *name);
void *module_os_address(struct module *module, uint64_t offset);
bool module_os_offset(struct module *module, const void *address, uint64_t *offset);
void module_os_close(struct module *module);

#endif
