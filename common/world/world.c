/* SPDX-License-Identifier: Apache-2.0
 * world.c - the door itself: every call of world.h goes to the implementation its object came from,
 * and the few checks that hold in both worlds are made here. */
#include "common/world/world.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/world/world_priv.h"

/* ---- the node ------------------------------------------------------------------------------ */

void world_destroy(struct world **world)
{
	if (*world == NULL)
		return;
	(*world)->vtable->destroy(*world);
	*world = NULL;
}

mono_t loop_now(const struct loop *loop)
{
	return atomic_load_explicit(&loop->now, memory_order_relaxed);
}

struct world *loop_world(const struct loop *loop)
{
	return loop->world;
}

struct runner *loop_runner(const struct loop *loop)
{
	return loop->runner;
}

mono_t world_now(struct world *world)
{
	return world->vtable->now(world);
}

wall_t world_wall(struct world *world)
{
	return world->vtable->wall(world);
}

uint64_t world_random(struct world *world)
{
	return world->vtable->random(world);
}

void world_random_bytes(struct world *world, void *into, size_t size_bytes)
{
	world->vtable->random_bytes(world, into, size_bytes);
}

bool world_chance(struct world *world, const char *name)
{
	return world->vtable->chance(world, name);
}

const char *world_host_name(struct world *world)
{
	return world->vtable->host_name(world);
}

const char *world_env(struct world *world, const char *name)
{
	return world->vtable->env(world, name);
}

bool world_is_sim(const struct world *world)
{
	return world->is_sim;
}

uint32_t world_cpu_count(struct world *world)
{
	return world->vtable->cpu_count(world);
}

void world_print(struct world *world, const char *text, size_t size_bytes)
{
	if (size_bytes > 0)
		world->vtable->print(world, text, size_bytes);
}

/* ---- connections ---------------------------------------------------------------------------- */

void world_format_peer(char *into, const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(into, WORLD_PEER_BYTES_MAX + 1, v6 ? "[%s]:%u" : "%s:%u", host, port);
}

int world_check_address(const char *host, uint16_t port, struct err *err)
{
	if (host == NULL || host[0] == '\0')
		return err_set(err, ERR_NET_UNREACHABLE, "cannot connect to port %u: no host is given",
			       port);
	if (strlen(host) > WORLD_HOST_BYTES_MAX)
		return err_set(err, ERR_NET_UNREACHABLE,
			       "cannot connect: the host name has %zu characters, at most %d are allowed",
			       strlen(host), WORLD_HOST_BYTES_MAX);
	if (port == 0)
		return err_set(err, ERR_NET_UNREACHABLE,
			       "cannot connect to %s: port 0 is not a port (1 to 65535 are)", host);
	return 0;
}

uint64_t world_slices_bytes(const struct slice *into, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += into[i].size_bytes;
	return sum;
}

uint64_t world_bytes_bytes(const struct bytes *from, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += from[i].size_bytes;
	return sum;
}

int conn_open(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
	      struct conn **conn, struct err *err)
{
	*conn = NULL;
	if (world_check_address(host, port, err) != 0)
		return -1;
	return loop->world->vtable->conn_open(loop, host, port, wake, conn, err);
}

bool conn_connected(const struct conn *conn)
{
	/* Looking may finish the handshake: not visible to the caller, hence the cast. */
	return conn->vtable->conn_connected((struct conn *)(uintptr_t)conn);
}

ssize_t conn_read(struct conn *conn, const struct slice *into, uint32_t count, struct err *err)
{
	CHECK(world_slices_bytes(into, count) > 0, "a read of no bytes cannot be told from 'not now'");
	return conn->vtable->conn_read(conn, into, count, err);
}

ssize_t conn_write(struct conn *conn, const struct bytes *from, uint32_t count, struct err *err)
{
	CHECK(world_bytes_bytes(from, count) > 0, "a write of no bytes cannot be told from 'not now'");
	return conn->vtable->conn_write(conn, from, count, err);
}

void conn_set_wake(struct conn *conn, struct agent *wake)
{
	atomic_store(&conn->wake, wake);
}

void conn_move(struct conn *conn, struct loop *to)
{
	CHECK(conn->loop->world == to->world, "a connection is moved to another world");
	if (conn->loop != to)
		conn->vtable->conn_move(conn, to);
}

const char *conn_peer(const struct conn *conn)
{
	return conn->peer;
}

bool conn_peer_is_loopback(const struct conn *conn)
{
	return conn->peer_is_loopback;
}

void conn_close(struct conn **conn)
{
	if (*conn == NULL)
		return;
	(*conn)->vtable->conn_close(*conn);
	*conn = NULL;
}

int listener_open(struct loop *loop, const struct listen_options *options, struct agent *wake,
		  struct listener **listener, struct err *err)
{
	*listener = NULL;
	if (options->host == NULL || options->host[0] == '\0' ||
	    strlen(options->host) > WORLD_HOST_BYTES_MAX)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "cannot listen on \"%.40s\": that is no host name or address",
			       options->host ? options->host : "");
	return loop->world->vtable->listener_open(loop, options, wake, listener, err);
}

uint16_t listener_port(const struct listener *listener)
{
	return listener->port;
}

struct conn *listener_accept(struct listener *listener, struct agent *wake)
{
	return listener->vtable->listener_accept(listener, wake);
}

bool listener_starved(struct listener *listener)
{
	return atomic_exchange(&listener->starved, false);
}

void listener_close(struct listener **listener)
{
	if (*listener == NULL)
		return;
	(*listener)->vtable->listener_close(*listener);
	*listener = NULL;
}

/* ---- files and background work ------------------------------------------------------------- */

void file_submit(struct loop *loop, struct file_op *op, struct agent *wake)
{
	CHECK(!list_linked(&op->node_), "a file operation is submitted while it is under way");
	op->result = 0;
	op->err.code = ERR_NONE;
	op->names = NULL;
	op->wake_ = wake;
	op->loop_ = loop;
	atomic_store_explicit(&op->done, false, memory_order_relaxed);
	loop->world->vtable->file_submit(loop, op);
}

int world_read_file(struct world *world, const char *path, size_t max_bytes, char **text,
		    size_t *size_bytes, struct err *err)
{
	size_t ignored;

	*text = NULL;
	return world->vtable->read_file(world, path, max_bytes, text,
					size_bytes ? size_bytes : &ignored, err);
}

int world_file_mode(struct world *world, const char *path)
{
	return world->vtable->file_mode(world, path);
}

int world_write_file(struct world *world, const char *path, uint32_t mode, struct bytes text,
		     struct err *err)
{
	return world->vtable->write_file(world, path, mode, text, err);
}

void background_submit(struct loop *loop, struct background *work, struct agent *wake)
{
	CHECK(!list_linked(&work->node_), "background work is submitted while it is under way");
	work->finished_ = NULL;
	work->wake_ = wake;
	work->loop_ = loop;
	atomic_store_explicit(&work->done, false, memory_order_relaxed);
	loop->world->vtable->background_submit(loop, work);
}

/* ---- processes and modules ------------------------------------------------------------------ */

int process_start(struct loop *loop, const struct process_options *options, struct agent *wake,
		  struct process **process, struct err *err)
{
	*process = NULL;
	CHECK(options->argv != NULL && options->argv[0] != NULL, "a process without a program");
	if (options->conn != NULL)
		*options->conn = NULL;
	return loop->world->vtable->process_start(loop, options, wake, process, err);
}

ssize_t process_read(struct process *process, struct slice into)
{
	CHECK(into.size_bytes > 0, "a read of no bytes cannot be told from 'not now'");
	return process->vtable->process_read(process, into);
}

bool process_ended(struct process *process, int *exit_status)
{
	return process->vtable->process_ended(process, exit_status);
}

void process_kill(struct process *process)
{
	process->vtable->process_kill(process);
}

void process_close(struct process **process)
{
	if (*process == NULL)
		return;
	(*process)->vtable->process_close(*process);
	*process = NULL;
}

int module_open(struct world *world, const char *path, const uint8_t sha256[32],
		struct module **module, struct err *err)
{
	*module = NULL;
	return world->vtable->module_open(world, path, sha256, module, err);
}

void *module_symbol(struct module *module, const char *name)
{
	return module->vtable->module_symbol(module, name);
}

void *module_address(struct module *module, uint64_t offset)
{
	return module->vtable->module_address(module, offset);
}

bool module_offset(struct module *module, const void *address, uint64_t *offset)
{
	return module->vtable->module_offset(module, address, offset);
}

void module_close(struct module **module)
{
	if (*module == NULL)
		return;
	(*module)->vtable->module_close(*module);
	*module = NULL;
}
