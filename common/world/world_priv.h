/* SPDX-License-Identifier: Apache-2.0
 * world_priv.h - the seam: one table of functions, two implementations (world_os, world_sim).
 *
 * Every object handed out by common/world begins with one of the structs below, so world.c and
 * runner.c dispatch without knowing which world they are in. Nobody outside this folder includes
 * this file. */
#ifndef COMMON_WORLD_WORLD_PRIV_H
#define COMMON_WORLD_WORLD_PRIV_H

#include "common/world/world.h"

#define WORLD_HOST_BYTES_MAX 255
#define WORLD_PEER_BYTES_MAX (WORLD_HOST_BYTES_MAX + 10) /* "[host]:65535" */

struct world_vtable {
	void (*destroy)(struct world *world);
	mono_t (*now)(struct world *world);
	wall_t (*wall)(struct world *world);
	uint64_t (*random)(struct world *world);
	void (*random_bytes)(struct world *world, void *into, size_t size_bytes);
	bool (*chance)(struct world *world, const char *name);
	const char *(*host_name)(struct world *world);
	const char *(*env)(struct world *world, const char *name);
	uint32_t (*cpu_count)(struct world *world);
	void (*print)(struct world *world, const char *text, size_t size_bytes);

	struct runner *(*runner_create)(struct world *world, const char *name, struct err *err);
	void (*runner_add)(struct runner *runner, struct agent *agent);
	void (*runner_remove)(struct runner *runner, struct agent *agent);
	void (*runner_wake)(struct runner *runner); /* an agent of it has just become awake */
	int (*runner_evict)(struct runner *runner, struct agent *stuck, struct err *err);
	struct agent *(*runner_current)(const struct runner *runner, mono_t *since);
	uint32_t (*runner_blocking_count)(const struct runner *runner);
	bool (*runner_intact)(const struct runner *runner); /* NULL: always */
	int (*runner_sample_start)(struct runner *runner, const struct sample_options *options,
				   struct err *err);
	bool (*runner_sample_take)(struct runner *runner, struct sample *into);
	void (*runner_sample_stop)(struct runner *runner);
	/* NULL: never */
	const char *(*runner_waits_in)(struct runner *runner, struct agent *agent);
	void (*runner_destroy)(struct runner *runner);

	int (*conn_open)(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
			 struct conn **conn, struct err *err);
	bool (*conn_connected)(struct conn *conn);
	ssize_t (*conn_read)(struct conn *conn, const struct slice *into, uint32_t count,
			     struct err *err);
	ssize_t (*conn_write)(struct conn *conn, const struct bytes *from, uint32_t count,
			      struct err *err);
	void (*conn_move)(struct conn *conn, struct loop *to);
	void (*conn_close)(struct conn *conn);
	int (*listener_open)(struct loop *loop, const struct listen_options *options,
			     struct agent *wake, struct listener **listener, struct err *err);
	struct conn *(*listener_accept)(struct listener *listener, struct agent *wake);
	void (*listener_close)(struct listener *listener);

	void (*file_submit)(struct loop *loop, struct file_op *op);
	int (*read_file)(struct world *world, const char *path, size_t max_bytes, char **text,
			 size_t *size_bytes, struct err *err);
	int (*file_mode)(struct world *world, const char *path);
	int (*write_file)(struct world *world, const char *path, uint32_t mode, struct bytes text,
			  struct err *err);
	void (*background_submit)(struct loop *loop, struct background *work);

	int (*process_start)(struct loop *loop, const struct process_options *options,
			     struct agent *wake, struct process **process, struct err *err);
	ssize_t (*process_read)(struct process *process, struct slice into);
	bool (*process_ended)(struct process *process, int *exit_status);
	void (*process_kill)(struct process *process);
	void (*process_close)(struct process *process);

	int (*module_open)(struct world *world, const char *path, const uint8_t *sha256,
			   struct module **module, struct err *err);
	void *(*module_symbol)(struct module *module, const char *name);
	void *(*module_address)(struct module *module, uint64_t offset);
	bool (*module_offset)(struct module *module, const void *address, uint64_t *offset);
	void (*module_close)(struct module *module);
};

struct world {
	const struct world_vtable *vtable;
	bool is_sim;
};

struct loop {
	struct world *world;
	struct runner *runner;
	/* Written by the thread that drives the runner; an evicted agent may read it beside
	 * that. */
	_Atomic mono_t now;
};

struct runner {
	const struct world_vtable *vtable;
	struct world *world;
	struct loop *loop;
	atomic_bool together;     /* runner_keep_together */
	_Atomic int64_t round_ns; /* runner_round_ns; its driving thread writes it */
};

struct conn {
	const struct world_vtable *vtable;
	struct loop *loop;
	_Atomic(struct agent *) wake;
	bool peer_is_loopback;
	char peer[WORLD_PEER_BYTES_MAX + 1];
};

struct listener {
	const struct world_vtable *vtable;
	struct loop *loop;
	_Atomic(struct agent *) wake;
	uint16_t port;
	atomic_bool starved;
};

struct process {
	const struct world_vtable *vtable;
	struct loop *loop;
};

struct module {
	const struct world_vtable *vtable;
	struct world *world;
};

/* The agent being stepped on this thread; the runners set it. */
extern _Thread_local struct agent *runner_agent_here;

/* The running program as a module, for world_sim (module_os.c). */
uintptr_t module_os_self(void); /* where it is loaded */
bool module_os_self_holds(uintptr_t address);
void *module_os_self_symbol(const char *name);

/* "host:port", "[v6]:port"; into must hold WORLD_PEER_BYTES_MAX + 1. */
void world_format_peer(char *into, const char *host, uint16_t port);
/* Port 0, no host or too long a host. */
MUST_USE int world_check_address(const char *host, uint16_t port, struct err *err);
uint64_t world_slices_bytes(const struct slice *into, uint32_t count);
uint64_t world_bytes_bytes(const struct bytes *from, uint32_t count);

#endif
