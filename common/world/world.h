/* SPDX-License-Identifier: Apache-2.0
 * world.h - the one door to clock, chance, network, disk, background work, processes and modules.
 *
 * Everything that is not a function of its inputs goes through here. Two implementations:
 * world_os (libevent, POSIX, threads: the only place that may name those calls) and world_sim (one
 * thread, one heap of events, one seed). A `struct world` is one node: a process in reality, a
 * machine with its own clock, disk and network address in the simulator. A `struct loop` belongs to
 * one runner; connections, listeners and files of a loop are used only by agents of that runner.
 *
 * Nothing here waits, but: world_print, world_read_file and world_write_file (small and local), and
 * listener_open and module_open (at start-up; a name, a file). Calls that take a loop, connection,
 * listener or process come from agents of that loop's runner (an evicted one too), from the thread
 * that sets them up before they are added, or after runner_destroy from the thread that ends them;
 * file operations are then carried out at once. The others may come from any thread.
 *
 * Readiness is told by waking the agent named at opening; the agent then calls
 * conn_read/conn_write until they answer 0 (not now). Wakes may be spurious. */
#ifndef COMMON_WORLD_WORLD_H
#define COMMON_WORLD_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/agent.h"
#include "common/base/bytes.h"
#include "common/base/compiler.h"
#include "common/base/err.h"
#include "common/base/time.h"

struct conn;
struct listener;
struct process;
struct module;

/* ---- the node ------------------------------------------------------------------------------ */

MUST_USE struct world *world_os_create(struct err *err);
void world_destroy(struct world **world); /* after its runners; ends background threads */

mono_t loop_now(const struct loop *loop); /* cached per step: costs nothing */
mono_t world_now(struct world *world);    /* reads the clock */
wall_t world_wall(struct world *world);
uint64_t world_random(struct world *world);
void world_random_bytes(struct world *world, void *into, size_t size_bytes);
/* A legal nasty choice, named: false always in world_os, now and then true in world_sim. */
bool world_chance(struct world *world, const char *name);
const char *world_host_name(struct world *world);       /* borrowed */
const char *world_env(struct world *world, const char *name); /* borrowed; NULL: not set */
bool world_is_sim(const struct world *world);
uint32_t world_cpu_count(struct world *world);
struct world *loop_world(const struct loop *loop);
struct runner *loop_runner(const struct loop *loop);

/* User code may fork. A child that comes back from it into the engine has our connections but none
 * of our threads, and would say everything twice: this ends it, there and then. Called when user
 * code returns. */
extern atomic_bool world_forked; /* in a child of a process that has a world_os */
NO_RETURN void world_end_forked(void);
static inline void world_end_if_forked(void)
{
	if (unlikely(atomic_load_explicit(&world_forked, memory_order_relaxed)))
		world_end_forked();
}

/* The process's standard output (.out files, terminals). Whole lines; never blocks for long: in
 * world_os one write(2), in world_sim appended to the node's "stdout" file. Any thread. */
void world_print(struct world *world, const char *text, size_t size_bytes);

/* ---- connections ---------------------------------------------------------------------------- */

/* Begins to connect; host may be a name, an IPv4 or IPv6 address, or "@name" for a listener of the
 * same process (mini cluster). Fails at once only for nonsense (port 0, host too long). While it
 * connects, conn_read and conn_write answer 0; a failure is told by the next of them. */
MUST_USE int conn_open(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
		       struct conn **conn, struct err *err);
bool conn_connected(const struct conn *conn);
/* > 0 bytes; 0 = not now (the agent will be woken); -1 = error or closed: ERR_NET_UNREACHABLE
 * before it was ever connected, ERR_NET_CLOSED after (text "closed by HOST:PORT" on a clean
 * end). */
MUST_USE ssize_t conn_read(struct conn *conn, const struct slice *into, uint32_t count,
			   struct err *err);
MUST_USE ssize_t conn_write(struct conn *conn, const struct bytes *from, uint32_t count,
			    struct err *err);
void conn_set_wake(struct conn *conn, struct agent *wake); /* same runner */
/* An open connection is served by another loop of the same world from now on. Called by the agent
 * that uses it, just before it moves there (runner_move), or while nobody steps that agent, also
 * when the old loop's runner is gone. What goes wrong is told by the next read or write. */
void conn_move(struct conn *conn, struct loop *to);
const char *conn_peer(const struct conn *conn); /* "127.0.0.1:6123", borrowed */
bool conn_peer_is_loopback(const struct conn *conn);
void conn_close(struct conn **conn); /* sends what the kernel already took; NULL-safe */

struct listen_options {
	const char *host; /* "localhost", "0.0.0.0", an address, or "@name" */
	uint16_t port;    /* 0: the kernel (the simulator) chooses; see listener_port */
	/* more are accepted and closed at once; 0: LIMIT_CONNECTIONS_MAX */
	uint32_t connections_max;
	/* Of a process without descriptors a newcomer is closed at once. With this it gets the one
	 * kept in reserve, and the owner, told by listener_starved, closes others of its own. */
	bool gives_reserve;
};
/* A taken port gives ERR_CONF_PORT_TAKEN with the holder's pid and name where they can be seen. */
MUST_USE int listener_open(struct loop *loop, const struct listen_options *options,
			   struct agent *wake, struct listener **listener, struct err *err);
uint16_t listener_port(const struct listener *listener);
/* The next accepted connection, owned by the caller and waking `wake`; NULL: none now. */
struct conn *listener_accept(struct listener *listener, struct agent *wake);
/* Whether the process was out of descriptors for a newcomer, since this was asked last. */
bool listener_starved(struct listener *listener);
void listener_close(struct listener **listener);

/* ---- files ---------------------------------------------------------------------------------- */

enum file_op_kind {
	FILE_OPEN_READ,   /* path -> handle, size_bytes */
	FILE_OPEN_WRITE,  /* path, exclusive -> handle; creates; truncates unless `exclusive` */
	FILE_OPEN_APPEND, /* path -> handle, size_bytes; creates */
	FILE_READ,        /* handle, offset, into -> result (0 = end of file) */
	FILE_APPEND,      /* handle, from -> result = all of it */
	FILE_SYNC,        /* handle */
	FILE_CLOSE,       /* handle */
	/* path -> size_bytes, modified, is_directory; result 1 = there, 0 = not there */
	FILE_STAT,
	/* path, and its parents; exclusive: path is for this user alone (0700), and one that is
	 * there already must be his and closed to others' writing */
	FILE_MKDIRS,
	FILE_RENAME,      /* path -> path_to (atomic) */
	FILE_LINK,        /* path -> path_to */
	FILE_REMOVE,      /* path; not there is no error */
	/* path -> names: NUL-separated, sorted, ending in an empty name (mem_free) */
	FILE_LIST,
};

/* One operation under way; the caller owns it and leaves it alone until `done` is true. Operations
 * of one handle are carried out in the order they were submitted. */
struct file_op {
	enum file_op_kind kind;
	const char *path, *path_to; /* borrowed until done */
	int64_t handle;
	bool exclusive;
	int64_t offset;
	struct slice into;
	struct bytes from;
	/* answers */
	int64_t result; /* ≥ 0, or -1 with err */
	int64_t size_bytes;
	wall_t modified;
	bool is_directory;
	char *names;
	struct err err;
	atomic_bool done; /* set last, then the agent is woken */
	/* private */
	struct agent *wake_;
	struct list_node node_;
	struct loop *loop_;
};
void file_submit(struct loop *loop, struct file_op *op, struct agent *wake);

/* Synchronous reads of whole small files, for start-up (settings, secrets) before anything runs.
 * The text is the caller's (mem_free), NUL-terminated. Over max_bytes, or a pipe or device:
 * ERR_IO. */
MUST_USE int world_read_file(struct world *world, const char *path, size_t max_bytes, char **text,
			     size_t *size_bytes, struct err *err);
/* The bits of its mode (0644); -1: there is no such file, or its folder is closed to us. */
int world_file_mode(struct world *world, const char *path);
/* Creates or replaces, with this mode, through a temporary name and rename. */
MUST_USE int world_write_file(struct world *world, const char *path, uint32_t mode,
			      struct bytes text, struct err *err);

/* ---- background work ------------------------------------------------------------------------ */

/* Computation or a blocking library call, on another thread (world_os) or at a later moment of
 * simulated time (world_sim). `run` must touch nothing but *work's owner. */
struct background {
	void (*run)(struct background *work);
	atomic_bool done; /* set after run, then the agent is woken */
	/* private */
	void (*finished_)(struct background *work); /* of the world itself, in place of the wake */
	struct agent *wake_;
	struct list_node node_;
	struct loop *loop_;
};
void background_submit(struct loop *loop, struct background *work, struct agent *wake);

/* ---- processes and modules ------------------------------------------------------------------ */

struct process_options {
	const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
	const char *const *env;  /* NULL: inherited */
	const char *directory;   /* NULL: inherited */
	uint64_t limit_memory_bytes, limit_cpu_s; /* 0: none */
	/* Not NULL: *conn becomes one end of a connected socket, the caller's, waking the same
	 * agent; the child has the other end as descriptor PROCESS_CONN_FD and sees its end when
	 * the caller closes it or dies. */
	struct conn **conn;
};
#define PROCESS_CONN_FD 3
/* It leads a process group, which is killed whole. world_sim: ERR_RESOURCE, it has no processes.
 * stdout and stderr come together through process_read; stdin is /dev/null. */
MUST_USE int process_start(struct loop *loop, const struct process_options *options,
			   struct agent *wake, struct process **process, struct err *err);
/* > 0 bytes, 0 not now, -1 end of output. */
MUST_USE ssize_t process_read(struct process *process, struct slice into);
bool process_ended(struct process *process, int *exit_status); /* as from waitpid */
void process_kill(struct process *process);
void process_close(struct process **process); /* kills it if it still runs */

/* A shared object. sha256 (of the file's bytes) must match; NULL: not checked. In world_sim the
 * path is a name given to world_sim_module_add. ABI and type checks are the caller's. */
MUST_USE int module_open(struct world *world, const char *path, const uint8_t sha256[32],
			 struct module **module, struct err *err);
void *module_symbol(struct module *module, const char *name); /* NULL: not there */
void *module_address(struct module *module, uint64_t offset); /* functions travel as offsets */
/* The offset of an address that lies inside the module; false: it does not. */
bool module_offset(struct module *module, const void *address, uint64_t *offset);
void module_close(struct module **module);

/* ---- samples of stacks ---------------------------------------------------------------------- */

/* Where the threads of a runner spend their time, for flame graphs (docs/adr/0015-flame-graphs.md).
 * Only between start and stop, and only of CPU time: a thread that sleeps is never disturbed. In
 * world_sim steps that work are sampled by simulated time, their stack is their step function. */
#define SAMPLE_FRAMES_MAX 128
#define SAMPLE_WORDS_MAX 64

struct sample { /* one moment of one thread */
	uint8_t who[16]; /* what `describe` made of the agent in whose step it was */
	uint32_t what;
	uint32_t frames_count, words_count;
	uintptr_t at;                         /* the instruction */
	uintptr_t frames[SAMPLE_FRAMES_MAX];  /* return addresses, innermost first */
	uintptr_t words[SAMPLE_WORDS_MAX];    /* of the stack, below the innermost frame that has a
						 frame pointer: some are return addresses too */
};
/* Called in a signal handler on the agent's thread, inside its step: no locks, no allocation.
 * False: nobody wants to know. */
typedef bool sample_describe_fn(const struct agent *agent, struct sample *sample);

struct sample_options {
	int64_t period_ns; /* of CPU time between two samples of a thread */
	uint32_t frames_max; /* ≤ SAMPLE_FRAMES_MAX */
	sample_describe_fn *describe;
};
/* All three from any thread, but one at a time for a runner, and not beside its destruction. Where
 * the processor's registers are not known, or the signal is taken by others: ERR_RESOURCE. */
MUST_USE int runner_sample_start(struct runner *runner, const struct sample_options *options,
				 struct err *err);
bool runner_sample_take(struct runner *runner, struct sample *into); /* false: none now */
void runner_sample_stop(struct runner *runner);
/* What the agent's step waits in, "waits in read"; NULL: it computes, or is in no step. */
const char *agent_waits_in(struct agent *agent);

#endif
