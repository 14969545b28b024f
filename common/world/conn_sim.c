/* SPDX-License-Identifier: Apache-2.0
 * conn_sim.c - the simulated network: links of two byte streams, delivered in chunks.
 *
 *   client end 0 == pipe 0 (0 -> 1) ==> server end 1
 *                <= pipe 1 (1 -> 0) ==
 *
 * A write becomes one chunk, now and then two; each arrives after a delay, in order. What is
 * written and not yet read is bounded per direction, so conn_write answers 0 as a full kernel
 * buffer would. A chunk may be cut: its first bytes arrive, then both ends see the connection
 * break. The end of a stream travels behind its bytes. While the way from one node to another is
 * cut, chunks and dials that come due there are held, and go on when the cut has ended.
 *
 * Life of a link: DIALING (the request travels) --> ANSWERED (the server has its end, the answer
 * travels) --> OPEN; or REFUSED; or, from any of them, BROKEN. It is freed with its second end. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/world/world_sim_priv.h"

#define PIPE_BYTES_MAX (256 * 1024)
#define PIPE_BYTES_MIN 4096
#define LOOPBACK_DELAY_US 10
#define SPLIT_PPM 60000
#define PORT_FIRST 32768

enum link_state { LINK_DIALING, LINK_ANSWERED, LINK_OPEN, LINK_REFUSED, LINK_BROKEN };

struct chunk {
	uint64_t end; /* position of the byte after its last */
	mono_t at;
};

struct pipe {
	char *bytes; /* a ring; capacity is a power of two */
	uint32_t capacity_bytes;
	uint64_t read, arrived, written; /* positions: read <= arrived <= written */
	struct chunk *chunks;            /* under way; a ring, as above */
	uint32_t chunks_capacity;
	uint64_t chunks_first, chunks_end;
	mono_t last_at;
	bool closed, end_arrived; /* the writer's end was closed; and the reader may know it */
	bool writer_waits, held;
	uint64_t cut_at; /* position at which the connection breaks; UINT64_MAX: nowhere */
	struct sim_event arrival, space;
};

struct sim_conn {
	struct conn base;
	struct sim_link *link;
	int side;
	struct sim_runner *runner;
	struct sim_listener *counted; /* accepted: one of its connections_max */
	struct list_node node;        /* sim_listener.waiting */
};

struct sim_link {
	struct sim *sim;
	enum link_state state;
	struct sim_node *nodes[2]; /* NULL: not known yet, or gone */
	struct sim_conn *ends[2];  /* NULL: not there yet, or closed */
	struct pipe pipes[2];      /* by writer */
	char *host;
	uint16_t port;
	bool unknown_host, opened, dial_held, reset_held;
	struct sim_event dial, reset;
	struct list_node node;
};

struct sim_listener {
	struct listener base;
	struct sim_node *owner;
	struct sim_runner *runner;
	char *host; /* "@name", else NULL: any host name reaches it */
	uint32_t conns_max, conns_count;
	struct list waiting; /* sim_conn.node */
	struct list_node node;
	uint32_t refs; /* itself, and the connections it counts */
};

static mono_t network_delay(struct sim_link *link)
{
	const struct sim_options *options = &link->sim->options;
	uint64_t spread = options->delay_us_max > options->delay_us_min
				  ? options->delay_us_max - options->delay_us_min
				  : 0;

	if (link->nodes[0] == link->nodes[1])
		return LOOPBACK_DELAY_US * NS_PER_US;
	return (mono_t)(options->delay_us_min + (spread ? sim_below(link->sim, spread + 1) : 0)) *
	       NS_PER_US;
}

static void wake_end(struct sim_link *link, int side)
{
	struct sim_conn *end = link->ends[side];
	struct agent *wake = end != NULL && !end->runner->owner->dead ? atomic_load(&end->base.wake)
								      : NULL;

	if (wake != NULL)
		agent_wake(wake);
}

/* Does nothing pass now from the writing end to the other? */
static bool link_is_cut(const struct sim_link *link, int writer)
{
	return link->nodes[0] != NULL && link->nodes[1] != NULL &&
	       sim_is_cut(link->sim, link->nodes[writer], link->nodes[1 - writer]);
}

static bool link_is_cut_anyhow(const struct sim_link *link)
{
	return link_is_cut(link, 0) || link_is_cut(link, 1);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static void pipe_fini(struct sim *sim, struct pipe *pipe)
{
	sim_unschedule(sim, &pipe->arrival);
	sim_unschedule(sim, &pipe->space);
	mem_free(pipe->bytes);
	mem_free(pipe->chunks);
	pipe->bytes = NULL;
	pipe->chunks = NULL;
}

static void pipe_grow(struct pipe *pipe, uint64_t used_bytes)
{
	uint32_t capacity = pipe->capacity_bytes ? pipe->capacity_bytes : PIPE_BYTES_MIN;

	while (capacity < used_bytes)
		capacity *= 2;
	if (capacity == pipe->capacity_bytes)
		return;
	char *bytes = mem_alloc(capacity);

	for (uint64_t at = pipe->read; at < pipe->written; at++)
		bytes[at & (capacity - 1)] = pipe->bytes[at & (pipe->capacity_bytes - 1)];
	mem_free(pipe->bytes);
	pipe->bytes = bytes;
	pipe->capacity_bytes = capacity;
}

static void ring_copy_in(struct pipe *pipe, const char *from, uint32_t size_bytes)
{
	uint32_t at = (uint32_t)(pipe->written & (pipe->capacity_bytes - 1));
	uint32_t first =
		pipe->capacity_bytes - at < size_bytes ? pipe->capacity_bytes - at : size_bytes;

	memcpy(pipe->bytes + at, from, first);
	memcpy(pipe->bytes, from + first, size_bytes - first);
	pipe->written += size_bytes;
}

static void ring_copy_out(struct pipe *pipe, char *into, uint32_t size_bytes)
{
	uint32_t at = (uint32_t)(pipe->read & (pipe->capacity_bytes - 1));
	uint32_t first =
		pipe->capacity_bytes - at < size_bytes ? pipe->capacity_bytes - at : size_bytes;

	memcpy(into, pipe->bytes + at, first);
	memcpy(into + first, pipe->bytes, size_bytes - first);
	pipe->read += size_bytes;
}

static struct chunk *chunk_at(struct pipe *pipe, uint64_t number)
{
	return &pipe->chunks[number & (pipe->chunks_capacity - 1)];
}

static void push_chunk(struct pipe *pipe, uint64_t end, mono_t at)
{
	uint64_t count = pipe->chunks_end - pipe->chunks_first;

	if (count > 0 && chunk_at(pipe, pipe->chunks_end - 1)->at == at) {
		chunk_at(pipe, pipe->chunks_end - 1)->end = end;
		return;
	}
	if (count == pipe->chunks_capacity) {
		uint32_t capacity = pipe->chunks_capacity ? pipe->chunks_capacity * 2 : 8;
		struct chunk *chunks = MEM_NEW_ARRAY(struct chunk, capacity);

		for (uint64_t i = pipe->chunks_first; i < pipe->chunks_end; i++)
			chunks[i & (capacity - 1)] = *chunk_at(pipe, i);
		mem_free(pipe->chunks);
		pipe->chunks = chunks;
		pipe->chunks_capacity = capacity;
	}
	*chunk_at(pipe, pipe->chunks_end++) = (struct chunk){ end, at };
}

/* A chunk that ends at `end` begins its way. */
static void send_chunk(struct sim_link *link, struct pipe *pipe, uint64_t end)
{
	struct sim *sim = link->sim;
	const struct sim_options *options = &sim->options;
	mono_t at = sim_time(sim) + network_delay(link);

	if (link->nodes[0] != link->nodes[1]) {
		if (options->clog_ms_max != 0 && sim_roll(sim, options->clog_ppm))
			at += (mono_t)sim_below(sim, options->clog_ms_max + 1) * NS_PER_MS;
		if (pipe->cut_at == UINT64_MAX && sim_roll(sim, options->connection_cut_ppm)) {
			uint64_t sent = pipe->chunks_end > pipe->chunks_first
						? chunk_at(pipe, pipe->chunks_end - 1)->end
						: pipe->arrived;

			pipe->cut_at = sent + sim_below(sim, end - sent + 1);
		}
	}
	if (at < pipe->last_at)
		at = pipe->last_at;
	pipe->last_at = at;
	push_chunk(pipe, end, at);
	/* Behind a reset that is on its way nothing arrives any more. */
	if (pipe->arrival.slot == 0 && !pipe->held && link->reset.slot == 0 && !link->reset_held)
		sim_schedule(sim, &pipe->arrival, chunk_at(pipe, pipe->chunks_first)->at);
}

/* ---- breaking ------------------------------------------------------------------------------- */

static void link_break(struct sim_link *link)
{
	if (link->state == LINK_BROKEN)
		return;
	link->state = LINK_BROKEN;
	sim_unschedule(link->sim, &link->dial);
	sim_unschedule(link->sim, &link->reset);
	pipe_fini(link->sim, &link->pipes[0]);
	pipe_fini(link->sim, &link->pipes[1]);
	wake_end(link, 0);
	wake_end(link, 1);
}

static void reset_fire(struct sim *sim, struct sim_event *event)
{
	struct sim_link *link = CONTAINER_OF(event, struct sim_link, reset);

	if (link_is_cut_anyhow(link))
		link->reset_held = true;
	else
		link_break(link);
}

static void reset_soon(struct sim_link *link)
{
	if (link->reset.slot == 0 && link->state != LINK_BROKEN)
		sim_schedule(link->sim, &link->reset, sim_time(link->sim) + network_delay(link));
}

/* ---- arriving ------------------------------------------------------------------------------- */

static void arrive(struct sim_link *link, int writer)
{
	struct sim *sim = link->sim;
	struct pipe *pipe = &link->pipes[writer];

	if (link_is_cut(link, writer)) {
		SOMETIMES("bytes wait for a cut network");
		pipe->held = true;
		return;
	}
	while (pipe->chunks_first < pipe->chunks_end &&
	       chunk_at(pipe, pipe->chunks_first)->at <= sim->now)
		pipe->arrived = chunk_at(pipe, pipe->chunks_first++)->end;
	if (pipe->arrived >= pipe->cut_at) {
		if (pipe->arrived > pipe->cut_at)
			SOMETIMES("a connection breaks in the middle of what was written");
		pipe->arrived = pipe->cut_at;
		sim_trace(sim, "cut %s mid-stream", link->ends[0] ? link->ends[0]->base.peer : "?");
		sim_schedule(sim, &link->reset, sim->now + network_delay(link));
	} else if (link->ends[1 - writer] == NULL) {
		reset_soon(link); /* nobody is there any more */
	} else if (pipe->chunks_first < pipe->chunks_end) {
		sim_schedule(sim, &pipe->arrival, chunk_at(pipe, pipe->chunks_first)->at);
	} else if (pipe->closed) {
		pipe->end_arrived = true;
	}
	sim_fold(sim, pipe->arrived);
	wake_end(link, 1 - writer);
}

static void arrive_0(struct sim *sim, struct sim_event *event)
{
	arrive(CONTAINER_OF(event, struct sim_link, pipes[0].arrival), 0);
}

static void arrive_1(struct sim *sim, struct sim_event *event)
{
	arrive(CONTAINER_OF(event, struct sim_link, pipes[1].arrival), 1);
}

static void space_0(struct sim *sim, struct sim_event *event)
{
	wake_end(CONTAINER_OF(event, struct sim_link, pipes[0].space), 0);
}

static void space_1(struct sim *sim, struct sim_event *event)
{
	wake_end(CONTAINER_OF(event, struct sim_link, pipes[1].space), 1);
}

/* ---- dialing -------------------------------------------------------------------------------- */

static struct sim_conn *conn_alloc(struct sim_link *link, int side, struct loop *loop,
				   struct agent *wake)
{
	struct sim_conn *conn = MEM_NEW(struct sim_conn);

	conn->base.vtable = loop->world->vtable;
	conn->base.loop = loop;
	atomic_init(&conn->base.wake, wake);
	conn->link = link;
	conn->side = side;
	conn->runner = sim_runner_of(loop);
	conn->runner->refs++;
	link->ends[side] = conn;
	link->nodes[side] = conn->runner->owner;
	conn->runner->owner->conns_count++;
	return conn;
}

static struct sim_listener *find_listener(struct sim_node *node, const char *host, uint16_t port)
{
	LIST_FOR_EACH(&node->listeners, struct sim_listener, node, listener) {
		bool is_name = host[0] == '@';

		if (listener->base.port == port && is_name == (listener->host != NULL) &&
		    (!is_name || strcmp(listener->host, host) == 0))
			return listener;
	}
	return NULL;
}

/* Any address of the machine itself, and "localhost", is the own node. */
static struct sim_node *find_target(struct sim_link *link)
{
	const char *host = link->host;
	struct sim_node *self = link->nodes[0];

	if (host[0] == '@' || strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "::1") == 0 || strcmp(host, self->name) == 0)
		return self;
	struct sim_node *node = sim_find_node(link->sim, host);

	link->unknown_host = node == NULL && map_get(link->sim->disks, bytes_of_text(host)) == NULL;
	return node;
}

static void dial_arrives(struct sim_link *link)
{
	struct sim *sim = link->sim;
	struct sim_node *target = find_target(link);

	if (target != NULL && sim_is_cut(sim, link->nodes[0], target)) {
		SOMETIMES("a dial waits for a cut network");
		link->dial_held = true;
		return;
	}
	struct sim_listener *listener =
		target != NULL ? find_listener(target, link->host, link->port) : NULL;

	if (listener != NULL) {
		struct sim_conn *server = conn_alloc(link, 1, listener->base.loop, NULL);
		struct agent *wake = atomic_load(&listener->base.wake);

		server->base.peer_is_loopback = target == link->nodes[0];
		world_format_peer(
			server->base.peer, link->nodes[0]->name,
			(uint16_t)(PORT_FIRST + link->nodes[0]->port_next++ % PORT_FIRST));
		list_push_back(&listener->waiting, &server->node);
		link->state = LINK_ANSWERED;
		if (wake != NULL)
			agent_wake(wake);
	} else {
		link->state = LINK_REFUSED;
	}
	sim_schedule(sim, &link->dial, sim->now + network_delay(link));
}

static void dial_fire(struct sim *sim, struct sim_event *event)
{
	struct sim_link *link = CONTAINER_OF(event, struct sim_link, dial);

	if (link->state == LINK_DIALING) {
		dial_arrives(link);
		return;
	}
	if (link->state == LINK_ANSWERED && link_is_cut(link, 1)) {
		SOMETIMES("the answer to a dial waits for a cut network");
		link->dial_held = true;
		return;
	}
	if (link->state == LINK_ANSWERED) {
		link->state = LINK_OPEN;
		link->opened = true;
	}
	wake_end(link, 0);
}

int sim_conn_open(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
		  struct conn **conn, struct err *err)
{
	struct sim_node *node = sim_node_of(loop);
	struct sim *sim = node->sim;
	struct sim_link *link = MEM_NEW(struct sim_link);

	link->sim = sim;
	link->host = mem_strdup(host);
	link->port = port;
	sim_event_init(sim, &link->dial, SIM_DIAL, dial_fire);
	sim_event_init(sim, &link->reset, SIM_RESET, reset_fire);
	sim_event_init(sim, &link->pipes[0].arrival, SIM_CHUNK, arrive_0);
	sim_event_init(sim, &link->pipes[1].arrival, SIM_CHUNK, arrive_1);
	sim_event_init(sim, &link->pipes[0].space, SIM_SPACE, space_0);
	sim_event_init(sim, &link->pipes[1].space, SIM_SPACE, space_1);
	link->pipes[0].cut_at = link->pipes[1].cut_at = UINT64_MAX;
	list_push_back(&sim->links, &link->node);
	struct sim_conn *client = conn_alloc(link, 0, loop, wake);

	world_format_peer(client->base.peer, host, port);
	struct sim_node *target = find_target(link);

	client->base.peer_is_loopback = target == node;
	*conn = &client->base;
	if (!node->dead)
		sim_schedule(sim, &link->dial,
			     sim_time(sim) + (target == node ? LOOPBACK_DELAY_US * NS_PER_US
							     : network_delay(link)));
	return 0;
}

/* ---- the calls ------------------------------------------------------------------------------ */

bool sim_conn_connected(struct conn *base)
{
	struct sim_conn *conn = (struct sim_conn *)base;
	enum link_state state = conn->link->state;

	return !conn->runner->owner->dead &&
	       (state == LINK_OPEN || (state == LINK_ANSWERED && conn->side == 1));
}

/* 1: bytes may pass, 0: not now, -1 with err. */
static int conn_usable(struct sim_conn *conn, struct err *err)
{
	struct sim_link *link = conn->link;

	if (conn->runner->owner->dead)
		return 0;
	switch (link->state) {
	case LINK_DIALING:
		return 0;
	case LINK_ANSWERED:
		return conn->side == 1;
	case LINK_OPEN:
		return 1;
	case LINK_REFUSED:
		if (link->dial.slot != 0)
			return 0;
		if (link->unknown_host)
			return err_set(err, ERR_NET_UNREACHABLE,
				       "cannot connect to %s: the name \"%s\" cannot be resolved",
				       conn->base.peer, link->host);
		return err_set(err, ERR_NET_UNREACHABLE, "cannot connect to %s: Connection refused",
			       conn->base.peer);
	case LINK_BROKEN:
		if (conn->side == 0 && !link->opened)
			return err_set(err, ERR_NET_UNREACHABLE,
				       "cannot connect to %s: Connection reset by peer", conn->base.peer);
		break;
	}
	return err_set(err, ERR_NET_CLOSED, "the connection to %s broke: Connection reset by peer",
		       conn->base.peer);
}

ssize_t sim_conn_read(struct conn *base, const struct slice *into, uint32_t count, struct err *err)
{
	struct sim_conn *conn = (struct sim_conn *)base;
	struct sim_link *link = conn->link;
	struct pipe *pipe = &link->pipes[1 - conn->side];
	int usable = conn_usable(conn, err);

	if (usable <= 0)
		return usable;
	uint64_t left = pipe->arrived - pipe->read;

	if (left == 0)
		return pipe->end_arrived ? err_set(err, ERR_NET_CLOSED, "closed by %s", base->peer)
					 : 0;
	if (sim_roll(link->sim, link->sim->options.short_read_ppm))
		left = 1;
	ssize_t taken = 0;

	for (uint32_t i = 0; i < count && left > 0; i++) {
		uint32_t part = (uint32_t)(into[i].size_bytes < left ? into[i].size_bytes : left);

		ring_copy_out(pipe, into[i].data, part);
		taken += part;
		left -= part;
	}
	if (pipe->writer_waits) {
		pipe->writer_waits = false;
		sim_schedule(link->sim, &pipe->space, sim_time(link->sim) + network_delay(link));
	}
	return taken;
}

ssize_t sim_conn_write(struct conn *base, const struct bytes *from, uint32_t count, struct err *err)
{
	struct sim_conn *conn = (struct sim_conn *)base;
	struct sim_link *link = conn->link;
	struct pipe *pipe = &link->pipes[conn->side];
	int usable = conn_usable(conn, err);

	if (usable <= 0)
		return usable;
	uint64_t begin = pipe->written, room = PIPE_BYTES_MAX - (pipe->written - pipe->read);
	uint64_t total = world_bytes_bytes(from, count);

	if (total > room) {
		SOMETIMES("a socket takes only a part");
		pipe->writer_waits = true;
		total = room;
	}
	if (total == 0)
		return 0;
	pipe_grow(pipe, pipe->written - pipe->read + total);
	for (uint32_t i = 0; i < count && pipe->written - begin < total; i++) {
		uint64_t part = total - (pipe->written - begin);

		if (from[i].size_bytes < part)
			part = from[i].size_bytes;
		ring_copy_in(pipe, from[i].data, (uint32_t)part);
	}
	if (total > 1 && link->nodes[0] != link->nodes[1] && link->sim->options.delay_us_max != 0 &&
	    sim_roll(link->sim, SPLIT_PPM))
		send_chunk(link, pipe, begin + 1 + sim_below(link->sim, total - 1));
	send_chunk(link, pipe, pipe->written);
	return (ssize_t)total;
}

static void listener_unref(struct sim_listener *listener)
{
	if (--listener->refs > 0)
		return;
	mem_free(listener->host);
	mem_free(listener);
}

static void link_free(struct sim_link *link)
{
	link->state = LINK_BROKEN;
	sim_unschedule(link->sim, &link->dial);
	sim_unschedule(link->sim, &link->reset);
	pipe_fini(link->sim, &link->pipes[0]);
	pipe_fini(link->sim, &link->pipes[1]);
	list_remove(&link->node);
	mem_free(link->host);
	mem_free(link);
}

void sim_conn_close(struct conn *base)
{
	struct sim_conn *conn = (struct sim_conn *)base;
	struct sim_link *link = conn->link;
	struct pipe *pipe = &link->pipes[conn->side];
	struct sim_conn *other = link->ends[1 - conn->side];

	list_remove(&conn->node);
	if (conn->counted != NULL) {
		conn->counted->conns_count--;
		listener_unref(conn->counted);
	}
	link->ends[conn->side] = NULL;
	if (other == NULL) {
		link_free(link);
	} else if (!conn->runner->owner->dead &&
		   (link->state == LINK_ANSWERED || link->state == LINK_OPEN)) {
		pipe->closed = true;
		send_chunk(link, pipe, pipe->written);
		if (link->pipes[1 - conn->side].writer_waits)
			reset_soon(link); /* it would wait for ever */
	}
	conn->runner->owner->conns_count--;
	sim_runner_unref(conn->runner);
	mem_free(conn);
}

void sim_conn_move(struct conn *base, struct loop *to)
{
	struct sim_conn *conn = (struct sim_conn *)base;
	struct sim_runner *from = conn->runner;

	conn->runner = sim_runner_of(to);
	CHECK(conn->runner->owner == from->owner, "a connection is moved to another machine");
	conn->runner->refs++;
	conn->base.loop = to;
	sim_runner_unref(from);
}

/* ---- listeners ------------------------------------------------------------------------------ */

int sim_listener_open(struct loop *loop, const struct listen_options *options, struct agent *wake,
		      struct listener **out, struct err *err)
{
	struct sim_node *node = sim_node_of(loop);
	uint16_t port = options->port;

	while (port == 0) {
		port = (uint16_t)(1024 + node->port_next++ % (PORT_FIRST - 1024));
		if (find_listener(node, options->host, port) != NULL)
			port = 0;
	}
	if (!node->dead && find_listener(node, options->host, port) != NULL)
		return err_set(err, ERR_CONF_PORT_TAKEN,
			       "cannot listen on %s:%u: this simulated machine listens there already",
			       options->host, port);
	struct sim_listener *listener = MEM_NEW(struct sim_listener);

	listener->base.vtable = loop->world->vtable;
	listener->base.loop = loop;
	listener->base.port = port;
	atomic_init(&listener->base.wake, wake);
	listener->owner = node;
	listener->runner = sim_runner_of(loop);
	listener->runner->refs++;
	listener->host = options->host[0] == '@' ? mem_strdup(options->host) : NULL;
	listener->conns_max =
		options->connections_max != 0 ? options->connections_max : LIMIT_CONNECTIONS_MAX;
	listener->refs = 1;
	list_init(&listener->waiting);
	list_push_back(&node->listeners, &listener->node);
	*out = &listener->base;
	return 0;
}

struct conn *sim_listener_accept(struct listener *base, struct agent *wake)
{
	struct sim_listener *listener = (struct sim_listener *)base;
	struct list_node *node;

	while (!listener->owner->dead && (node = list_pop_front(&listener->waiting)) != NULL) {
		struct sim_conn *conn = CONTAINER_OF(node, struct sim_conn, node);

		if (listener->conns_count == listener->conns_max) {
			sim_conn_close(&conn->base);
			continue;
		}
		listener->conns_count++;
		listener->refs++;
		conn->counted = listener;
		atomic_store(&conn->base.wake, wake);
		if (wake != NULL)
			agent_wake(wake); /* bytes may be there already */
		return &conn->base;
	}
	return NULL;
}

void sim_listener_close(struct listener *base)
{
	struct sim_listener *listener = (struct sim_listener *)base;
	struct list_node *node;

	while ((node = list_pop_front(&listener->waiting)) != NULL) {
		struct sim_conn *conn = CONTAINER_OF(node, struct sim_conn, node);

		if (!listener->owner->dead)
			reset_soon(conn->link);
		sim_conn_close(&conn->base);
	}
	list_remove(&listener->node);
	sim_runner_unref(listener->runner);
	listener_unref(listener);
}

/* Before a node's memory goes. Its objects are gone; peers may still hold the other ends. */
void sim_links_forget(struct sim_node *node)
{
	LIST_FOR_EACH(&node->sim->links, struct sim_link, node, link) {
		for (int side = 0; side < 2; side++)
			if (link->nodes[side] == node)
				link->nodes[side] = NULL;
	}
}

/* ---- faults --------------------------------------------------------------------------------- */

void sim_node_unplug(struct sim_node *node)
{
	LIST_FOR_EACH(&node->sim->links, struct sim_link, node, link) {
		if (link->nodes[0] != node && link->nodes[1] != node)
			continue;
		if (link->nodes[0] == node && link->state == LINK_DIALING)
			sim_unschedule(node->sim, &link->dial);
		else if (link->state != LINK_REFUSED)
			reset_soon(link);
	}
}

void sim_links_reset(struct sim *sim, const struct sim_node *a, const struct sim_node *b)
{
	LIST_FOR_EACH(&sim->links, struct sim_link, node, link) {
		bool between = (link->nodes[0] == a && link->nodes[1] == b) ||
			       (link->nodes[0] == b && link->nodes[1] == a);

		if (between && (link->state == LINK_ANSWERED || link->state == LINK_OPEN))
			link_break(link);
	}
}

void sim_links_resume(struct sim *sim)
{
	LIST_FOR_EACH(&sim->links, struct sim_link, node, link) {
		if (link->dial_held && !link_is_cut(link, link->state == LINK_ANSWERED)) {
			link->dial_held = false;
			sim_schedule(sim, &link->dial, sim_time(sim) + network_delay(link));
		}
		if (link->reset_held && !link_is_cut_anyhow(link)) {
			link->reset_held = false;
			reset_soon(link);
		}
		for (int side = 0; side < 2; side++) {
			struct pipe *pipe = &link->pipes[side];

			if (!pipe->held || link->state == LINK_BROKEN || link_is_cut(link, side))
				continue;
			pipe->held = false;
			sim_schedule(sim, &pipe->arrival, sim_time(sim) + network_delay(link));
		}
	}
}
