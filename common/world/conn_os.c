/* SPDX-License-Identifier: Apache-2.0
 * conn_os.c - TCP connections and in-process socket pairs, non-blocking.
 *
 *   RESOLVING --> CONNECTING --> OPEN
 *       |             |
 *       +--> FAILED <-+   each address of the name is tried in turn
 *
 * A connection is used by one agent at a time; its state moves inside that agent's calls. The event
 * callback, on the runner's thread, only raises the two readiness flags and wakes the agent. The
 * flags follow the rule of edge-triggered readiness: taken down before the system call, raised
 * again unless the call said EAGAIN, so no edge is lost. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#define ADDRESSES_MAX 16
#define PIECES_MAX 64
#define ATTEMPT_S 2 /* an address that stays silent so long, while there are others to try */
/* A silent name server must not hold up the end of a daemon, which waits for the look-up: glibc's
 * 5 s and 2 rounds would be felt. Whoever connects tries again anyway. */
#define NAME_SERVER_S 2
#define NAME_SERVER_ROUNDS 1
#define FLOOD_CONNECTIONS 256 /* at a time: more than a cluster has in its daily life */
#define FLOOD_EBBED 16        /* what is left of it then: a sixteenth */

enum conn_state { CONN_RESOLVING, CONN_CONNECTING, CONN_OPEN, CONN_FAILED };

struct addresses {
	uint32_t count, next;
	struct sockaddr_storage address[ADDRESSES_MAX];
	socklen_t size_bytes[ADDRESSES_MAX];
};

struct resolve {
	struct background work;
	char host[WORLD_HOST_BYTES_MAX + 1];
	uint16_t port;
	struct addresses addresses;
	int failed, failed_errno; /* of getaddrinfo */
	struct conn_os *conn;     /* under the loop's lock; NULL: closed meanwhile */
	atomic_bool resolved;
};

struct conn_os {
	struct conn base;
	struct loop_os *loop;
	int fd;
	enum conn_state state;
	bool read_ended;
	atomic_bool readable, writable, timed_out;
	struct event *event;
	struct addresses *addresses; /* until it is open */
	struct resolve *resolve;
	int last_errno;
	struct err *failure;
	struct conn_places *places;
};

/* ---- addresses ------------------------------------------------------------------------------ */

void os_address_set_port(struct sockaddr *address, uint16_t port)
{
	if (address->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
	else if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

socklen_t os_address_parse(const char *host, uint16_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;
	char bare[WORLD_HOST_BYTES_MAX + 1];
	size_t length = strlen(host);

	memset(address, 0, sizeof(*address));
	snprintf(bare, sizeof(bare), "%s", host);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']')
		snprintf(bare, sizeof(bare), "%.*s", (int)length - 2, host + 1);
	if (inet_pton(AF_INET, bare, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, bare, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

bool os_address_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_UNIX)
		return true;
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)
				     ->sin_addr.s_addr) >>
			       24 ==
		       127;
	if (address->sa_family != AF_INET6)
		return false;
	const struct in6_addr *v6 =
		&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

static void add_address(struct addresses *to, const void *address, socklen_t size_bytes)
{
	if (to->count == ADDRESSES_MAX || size_bytes > sizeof(to->address[0]))
		return;
	memcpy(&to->address[to->count], address, size_bytes);
	to->size_bytes[to->count++] = size_bytes;
}

/* ---- names, on a background thread ---------------------------------------------------------- */

static void resolve_run(struct background *work)
{
	struct resolve *resolve = CONTAINER_OF(work, struct resolve, work);
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM },
			*found = NULL;

	if (res_init() == 0) { /* this thread's; it reads a changed resolv.conf too */
		_res.retrans = NAME_SERVER_S;
		_res.retry = NAME_SERVER_ROUNDS;
		_res.options |= RES_NORELOAD; /* else getaddrinfo would put glibc's values back */
	}
	resolve->failed = getaddrinfo(resolve->host, NULL, &hints, &found);
	resolve->failed_errno = errno;
	if (resolve->failed != 0)
		return;
	for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		os_address_set_port(at->ai_addr, resolve->port);
		add_address(&resolve->addresses, at->ai_addr, at->ai_addrlen);
	}
	freeaddrinfo(found);
}

/* On the runner's thread, with the loop's lock. */
static void resolve_finished(struct background *work)
{
	struct resolve *resolve = CONTAINER_OF(work, struct resolve, work);

	if (resolve->conn == NULL) {
		mem_free(resolve);
		return;
	}
	struct agent *wake = atomic_load(&resolve->conn->base.wake);

	atomic_store(&resolve->resolved, true);
	if (wake != NULL)
		agent_wake(wake);
}

static void resolve_start(struct conn_os *conn, const char *host, uint16_t port)
{
	struct resolve *resolve = MEM_NEW(struct resolve);

	snprintf(resolve->host, sizeof(resolve->host), "%s", host);
	resolve->port = port;
	resolve->conn = conn;
	resolve->work.run = resolve_run;
	resolve->work.loop_ = &conn->loop->base;
	resolve->work.finished_ = resolve_finished;
	conn->resolve = resolve;
	background_os_submit(&conn->loop->base, &resolve->work);
}

static void resolve_abandon(struct conn_os *conn)
{
	struct resolve *resolve = conn->resolve;

	if (resolve == NULL)
		return;
	pthread_mutex_lock(&conn->loop->lock);
	bool resolved = atomic_load(&resolve->resolved);

	resolve->conn = NULL;
	pthread_mutex_unlock(&conn->loop->lock);
	if (resolved)
		mem_free(resolve);
	conn->resolve = NULL;
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void conn_event(evutil_socket_t fd, short what, void *context)
{
	struct conn_os *conn = context;
	struct agent *wake = atomic_load(&conn->base.wake);

	loop_os_in_event(conn->loop);
	if (what & EV_READ)
		atomic_store(&conn->readable, true);
	if (what & EV_WRITE)
		atomic_store(&conn->writable, true);
	if (what & EV_TIMEOUT)
		atomic_store(&conn->timed_out, true);
	if (wake != NULL)
		agent_wake(wake);
}

static void drop_socket(struct conn_os *conn)
{
	if (conn->event != NULL)
		event_free(conn->event); /* waits for a callback under way on the runner's thread */
	conn->event = NULL;
	if (conn->fd >= 0)
		close(conn->fd);
	conn->fd = -1;
}

/* Takes the descriptor also when it fails. limit_s 0: none. */
static int watch(struct conn_os *conn, int fd, int limit_s)
{
	struct timeval limit = { .tv_sec = limit_s };

	atomic_store(&conn->timed_out, false);
	conn->fd = fd;
	conn->event = event_new(conn->loop->events, fd, EV_READ | EV_WRITE | EV_PERSIST | EV_ET,
				conn_event, conn);
	if (conn->event != NULL && event_add(conn->event, limit_s != 0 ? &limit : NULL) == 0)
		return 0;
	conn->last_errno = errno != 0 ? errno : ENOMEM;
	drop_socket(conn);
	return -1;
}

static void fail(struct conn_os *conn, enum err_code code, const char *text, int reason)
{
	conn->state = CONN_FAILED;
	conn->failure = MEM_NEW(struct err);
	if (reason != 0)
		err_set_errno(conn->failure, code, reason, "%s", text);
	else
		err_set(conn->failure, code, "%s", text);
}

static void fail_to_connect(struct conn_os *conn, const char *reason)
{
	char text[WORLD_PEER_BYTES_MAX + 200];

	snprintf(text, sizeof(text), "cannot connect to %s: %s", conn->base.peer, reason);
	fail(conn, ERR_NET_UNREACHABLE, text, 0);
}

static void open_socket(struct conn_os *conn)
{
	int one = 1;

	if (conn->addresses != NULL) {
		setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		event_remove_timer(conn->event);
		mem_free(conn->addresses);
		conn->addresses = NULL;
	}
	conn->state = CONN_OPEN;
	atomic_store(&conn->readable, true);
	atomic_store(&conn->writable, true);
}

static void connect_next(struct conn_os *conn)
{
	struct addresses *all = conn->addresses;

	conn->state = CONN_CONNECTING;
	drop_socket(conn);
	while (all->next < all->count) {
		struct sockaddr *address = (struct sockaddr *)(void *)&all->address[all->next];
		socklen_t size_bytes = all->size_bytes[all->next++];
		int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0) {
			conn->last_errno = errno;
			continue;
		}
		conn->base.peer_is_loopback = os_address_is_loopback(address);
		if (connect(fd, address, size_bytes) != 0 && errno != EINPROGRESS) {
			conn->last_errno = errno;
			close(fd);
			continue;
		}
		if (watch(conn, fd, all->next < all->count ? ATTEMPT_S : 0) == 0)
			return; /* the event tells how it went */
	}
	fail_to_connect(conn, strerror(conn->last_errno != 0 ? conn->last_errno : EADDRNOTAVAIL));
}

static void take_resolved(struct conn_os *conn)
{
	struct resolve *resolve = conn->resolve;
	char reason[160];

	if (!atomic_load(&resolve->resolved))
		return;
	conn->resolve = NULL;
	if (resolve->failed != 0 || resolve->addresses.count == 0) {
		snprintf(reason, sizeof(reason), "the name \"%.60s\" cannot be resolved: %.60s",
			 resolve->host,
			 resolve->failed == EAI_SYSTEM ? strerror(resolve->failed_errno)
						       : gai_strerror(resolve->failed));
		fail_to_connect(conn, reason);
	} else {
		*conn->addresses = resolve->addresses;
		connect_next(conn);
	}
	mem_free(resolve);
}

static void take_connected(struct conn_os *conn)
{
	struct sockaddr_storage peer;
	socklen_t peer_bytes = sizeof(peer), size_bytes = sizeof(int);
	int error = 0;

	bool timed_out = atomic_exchange(&conn->timed_out, false);

	if (!atomic_exchange(&conn->writable, false) && !atomic_exchange(&conn->readable, false) &&
	    !timed_out)
		return;
	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size_bytes) != 0)
		error = errno;
	if (error != 0) {
		conn->last_errno = error;
		connect_next(conn);
	} else if (getpeername(conn->fd, (struct sockaddr *)(void *)&peer, &peer_bytes) == 0) {
		open_socket(conn);
	} else if (timed_out) {
		conn->last_errno = ETIMEDOUT;
		connect_next(conn);
	}
}

static void advance(struct conn_os *conn)
{
	if (conn->state == CONN_RESOLVING)
		take_resolved(conn);
	if (conn->state == CONN_CONNECTING)
		take_connected(conn);
}

static struct conn_os *conn_alloc(struct loop_os *loop, const char *peer, struct agent *wake)
{
	struct conn_os *conn = MEM_NEW(struct conn_os);

	conn->base.vtable = loop->base.world->vtable;
	conn->base.loop = &loop->base;
	atomic_init(&conn->base.wake, wake);
	snprintf(conn->base.peer, sizeof(conn->base.peer), "%s", peer);
	conn->loop = loop;
	conn->fd = -1;
	loop_os_ref(loop);
	return conn;
}

static void open_in_process(struct conn_os *conn)
{
	int fd = listener_os_dial((struct world_os *)conn->base.loop->world, conn->base.peer);

	conn->base.peer_is_loopback = true;
	if (fd >= 0 && watch(conn, fd, 0) == 0)
		open_socket(conn);
	else if (fd >= 0)
		fail_to_connect(conn, strerror(conn->last_errno));
	else
		fail_to_connect(conn, errno == ECONNREFUSED
					      ? "nothing in this process listens there"
					      : strerror(errno));
}

int conn_os_open(struct loop *base, const char *host, uint16_t port, struct agent *wake,
		 struct conn **out, struct err *err)
{
	struct loop_os *loop = (struct loop_os *)base;
	struct sockaddr_storage literal;
	char peer[WORLD_PEER_BYTES_MAX + 1];

	world_format_peer(peer, host, port);
	struct conn_os *conn = conn_alloc(loop, peer, wake);
	*out = &conn->base;
	if (host[0] == '@') {
		open_in_process(conn);
		if (wake != NULL)
			agent_wake(wake);
		return 0;
	}
	conn->addresses = MEM_NEW(struct addresses);
	bool is_localhost = strcmp(host, "localhost") == 0;
	socklen_t size_bytes = os_address_parse(is_localhost ? "127.0.0.1" : host, port, &literal);

	if (size_bytes == 0) {
		conn->state = CONN_RESOLVING;
		resolve_start(conn, host, port);
		return 0;
	}
	add_address(conn->addresses, &literal, size_bytes);
	if (is_localhost) {
		size_bytes = os_address_parse("::1", port, &literal);
		add_address(conn->addresses, &literal, size_bytes);
	}
	connect_next(conn);
	if (conn->state == CONN_FAILED && wake != NULL)
		agent_wake(wake); /* the next read tells */
	return 0;
}

struct conn *conn_os_adopt(struct loop_os *loop, int fd, const char *peer, bool loopback,
			   struct agent *wake, struct conn_places *places)
{
	struct conn_os *conn = conn_alloc(loop, peer, wake);
	int one = 1;

	conn->base.peer_is_loopback = loopback;
	conn->places = places;
	if (peer[0] != '@')
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (watch(conn, fd, 0) != 0) {
		int reason = conn->last_errno;

		conn_os_close(&conn->base);
		errno = reason;
		return NULL;
	}
	open_socket(conn);
	return &conn->base;
}

/* The new loop tells at once what it finds ready; the flags are raised all the same, so that the
 * agent looks for itself whichever comes first. */
void conn_os_move(struct conn *base, struct loop *to_base)
{
	struct conn_os *conn = (struct conn_os *)base;
	struct loop_os *from = conn->loop, *to = (struct loop_os *)to_base;
	char text[WORLD_PEER_BYTES_MAX + 64];

	CHECK(conn->state >= CONN_OPEN, "a connection is moved before it is open");
	if (conn->event != NULL)
		event_free(conn->event); /* waits for a callback under way on the old loop */
	conn->event = NULL;
	loop_os_ref(to);
	conn->loop = to;
	conn->base.loop = to_base;
	loop_os_unref(from);
	if (conn->state != CONN_OPEN)
		return;
	atomic_store(&conn->readable, true);
	atomic_store(&conn->writable, true);
	if (watch(conn, conn->fd, 0) == 0)
		return;
	snprintf(text, sizeof(text), "the connection to %s cannot be watched (epoll_ctl)",
		 conn->base.peer);
	fail(conn, ERR_NET_CLOSED, text, conn->last_errno);
}

bool conn_os_connected(struct conn *base)
{
	struct conn_os *conn = (struct conn_os *)base;

	advance(conn);
	return conn->state == CONN_OPEN;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static ssize_t tell_failure(struct conn_os *conn, struct err *err)
{
	*err = *conn->failure;
	return -1;
}

/* A read or write of an open connection failed. 0: not now. */
static ssize_t io_failed(struct conn_os *conn, int reason, struct err *err)
{
	char text[WORLD_PEER_BYTES_MAX + 32];

	if (reason == EAGAIN || reason == EWOULDBLOCK)
		return 0;
	snprintf(text, sizeof(text), "the connection to %s broke", conn->base.peer);
	fail(conn, ERR_NET_CLOSED, text, reason);
	return tell_failure(conn, err);
}

ssize_t conn_os_read(struct conn *base, const struct slice *into, uint32_t count, struct err *err)
{
	struct conn_os *conn = (struct conn_os *)base;
	struct iovec pieces[PIECES_MAX];
	struct msghdr message = { .msg_iov = pieces };
	ssize_t got;

	if (unlikely(conn->state != CONN_OPEN)) {
		advance(conn);
		if (conn->state == CONN_FAILED)
			return tell_failure(conn, err);
		if (conn->state != CONN_OPEN)
			return 0;
	}
	if (conn->read_ended)
		return err_set(err, ERR_NET_CLOSED, "closed by %s", base->peer);
	if (!atomic_load(&conn->readable))
		return 0;
	for (; message.msg_iovlen < count && message.msg_iovlen < PIECES_MAX; message.msg_iovlen++)
		pieces[message.msg_iovlen] = (struct iovec){ into[message.msg_iovlen].data,
							     into[message.msg_iovlen].size_bytes };
	atomic_store(&conn->readable, false);
	do
		got = recvmsg(conn->fd, &message, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return io_failed(conn, errno, err);
	atomic_store(&conn->readable, true);
	if (got > 0)
		return got;
	conn->read_ended = true;
	return err_set(err, ERR_NET_CLOSED, "closed by %s", base->peer);
}

ssize_t conn_os_write(struct conn *base, const struct bytes *from, uint32_t count, struct err *err)
{
	struct conn_os *conn = (struct conn_os *)base;
	struct iovec pieces[PIECES_MAX];
	struct msghdr message = { .msg_iov = pieces };
	ssize_t sent;

	if (unlikely(conn->state != CONN_OPEN)) {
		advance(conn);
		if (conn->state == CONN_FAILED)
			return tell_failure(conn, err);
		if (conn->state != CONN_OPEN)
			return 0;
	}
	if (!atomic_load(&conn->writable))
		return 0;
	for (; message.msg_iovlen < count && message.msg_iovlen < PIECES_MAX; message.msg_iovlen++)
		pieces[message.msg_iovlen] =
			(struct iovec){ (void *)(uintptr_t)from[message.msg_iovlen].data,
					from[message.msg_iovlen].size_bytes };
	atomic_store(&conn->writable, false);
	do
		sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return io_failed(conn, errno, err);
	atomic_store(&conn->writable, true);
	return sent;
}

void conn_places_take(struct conn_places *places)
{
	uint32_t used = atomic_fetch_add(&places->used, 1) + 1;

	atomic_fetch_add(&places->refs, 1);
	if (used > atomic_load(&places->most)) /* only the listener's thread takes */
		atomic_store(&places->most, used);
}

/* After a flood its buffers are free, but scattered: the allocator would keep them for good. */
void conn_places_give(struct conn_places *places)
{
	uint32_t used = atomic_fetch_sub(&places->used, 1) - 1, most = atomic_load(&places->most);

	if (most >= FLOOD_CONNECTIONS && used <= most / FLOOD_EBBED &&
	    atomic_compare_exchange_strong(&places->most, &most, used))
		mem_trim();
	conn_places_unref(places);
}

void conn_places_unref(struct conn_places *places)
{
	if (atomic_fetch_sub(&places->refs, 1) == 1)
		mem_free(places);
}

/* Closing with unread bytes makes the kernel send a reset, which may overtake what we wrote last
 * (the sentence that says why): so they are read away first, within a bound. */
static void read_away(int fd)
{
	char rest[4096];

	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 64 && recv(fd, rest, sizeof(rest), 0) > 0; i++)
		;
}

void conn_os_close(struct conn *base)
{
	struct conn_os *conn = (struct conn_os *)base;

	resolve_abandon(conn);
	if (conn->state == CONN_OPEN && conn->fd >= 0)
		read_away(conn->fd);
	drop_socket(conn);
	if (conn->places != NULL) {
		conn_places_give(conn->places);
	}
	mem_free(conn->addresses);
	mem_free(conn->failure);
	loop_os_unref(conn->loop);
	mem_free(conn);
}
