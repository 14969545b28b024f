/* SPDX-License-Identifier: Apache-2.0
 * listener_os.c - listening sockets, and names ("@jobmanager") for listeners inside the process.
 *
 * A process out of descriptors cannot accept, and a connection it does not accept stays readable
 * for ever. So one descriptor is held in reserve: it is given up to accept and close the newcomer
 * at once, which tells it at least; or to serve it, where the owner has others to close. If even
 * that fails, the listener rests for a moment. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

#define BACKLOG 128
#define REST_MS 100
#define REFUSED_PER_CALL 64

struct listener_os {
	struct listener base;
	struct loop_os *loop;
	int fd, reserve_fd;
	bool gives_reserve;
	struct event *event, *rest;
	atomic_bool ready;
	struct conn_places *places;
	char name[WORLD_PEER_BYTES_MAX + 1]; /* "host:port", for messages; the key of "@name" */
	/* "@name" only, under names_lock: connections not yet accepted */
	int waiting[BACKLOG];
	uint32_t waiting_count;
};

/* ---- inside the process --------------------------------------------------------------------- */

int listener_os_dial(struct world_os *world, const char *peer)
{
	int pair[2] = { -1, -1 };

	pthread_mutex_lock(&world->names_lock);
	struct listener_os *listener = map_get(world->names, bytes_of_text(peer));

	if (listener == NULL || listener->waiting_count == BACKLOG) {
		errno = listener == NULL ? ECONNREFUSED : EAGAIN;
	} else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
		struct agent *wake = atomic_load(&listener->base.wake);

		listener->waiting[listener->waiting_count++] = pair[1];
		if (wake != NULL)
			/* under the lock: listener_close waits, so it is still there */
			agent_wake(wake);
	}
	pthread_mutex_unlock(&world->names_lock);
	return pair[0];
}

static int open_name(struct listener_os *listener, const struct listen_options *options,
		     struct err *err)
{
	struct world_os *world = (struct world_os *)listener->loop->base.world;
	uint16_t port = options->port;

	pthread_mutex_lock(&world->names_lock);
	do {
		if (options->port == 0)
			port = (uint16_t)(1 + world->names_port_next++ % UINT16_MAX);
		world_format_peer(listener->name, options->host, port);
	} while (options->port == 0 &&
		 map_get(world->names, bytes_of_text(listener->name)) != NULL);
	bool taken = map_get(world->names, bytes_of_text(listener->name)) != NULL;

	if (!taken)
		map_put(world->names, bytes_of_text(listener->name), listener);
	pthread_mutex_unlock(&world->names_lock);
	listener->base.port = port;
	return taken ? err_set(err, ERR_CONF_PORT_TAKEN,
			       "cannot listen on %s: this process listens there already", listener->name)
		     : 0;
}

static struct conn *accept_name(struct listener_os *listener, struct agent *wake)
{
	struct world_os *world = (struct world_os *)listener->loop->base.world;
	int fd = -1;

	pthread_mutex_lock(&world->names_lock);
	if (listener->waiting_count > 0) {
		fd = listener->waiting[0];
		listener->waiting_count--;
		memmove(listener->waiting, listener->waiting + 1,
			listener->waiting_count * sizeof(listener->waiting[0]));
	}
	pthread_mutex_unlock(&world->names_lock);
	if (fd < 0)
		return NULL;
	if (atomic_load(&listener->places->used) >= listener->places->max) {
		close(fd);
		return NULL;
	}
	conn_places_take(listener->places);
	return conn_os_adopt(listener->loop, fd, listener->name, true, wake, listener->places);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static void listener_event(evutil_socket_t fd, short what, void *context)
{
	struct listener_os *listener = context;
	struct agent *wake = atomic_load(&listener->base.wake);

	loop_os_in_event(listener->loop);
	atomic_store(&listener->ready, true);
	if (wake != NULL)
		agent_wake(wake);
}

/* Looking a name up waits: listeners are opened at start-up, from settings. */
static socklen_t listen_address(const char *host, uint16_t port, struct sockaddr_storage *address,
				struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE },
			*found = NULL;
	socklen_t size_bytes = os_address_parse(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
						port, address);

	if (size_bytes != 0)
		return size_bytes;
	int failed = getaddrinfo(host, NULL, &hints, &found);

	if (failed != 0) {
		err_set(err, ERR_CONF_BAD_VALUE,
			"cannot listen on %s:%u: the name cannot be resolved: %s", host, port,
			failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
		return 0;
	}
	CHECK(found->ai_addrlen <= sizeof(*address), "%u bytes of address", found->ai_addrlen);
	memcpy(address, found->ai_addr, found->ai_addrlen);
	size_bytes = found->ai_addrlen;
	os_address_set_port((struct sockaddr *)(void *)address, port);
	freeaddrinfo(found);
	return size_bytes;
}

static int listen_failed(const struct listener_os *listener, uint16_t port, int reason,
			 struct err *err)
{
	char holder[96];

	if (reason == EADDRINUSE) {
		os_port_holder(port, holder, sizeof(holder));
		return err_set(err, ERR_CONF_PORT_TAKEN, "cannot listen on %s: %s holds the port",
			       listener->name, holder);
	}
	if (reason == EACCES)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "cannot listen on %s: ports below 1024 are for root; choose a larger one",
			       listener->name);
	if (reason == EADDRNOTAVAIL)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "cannot listen on %s: this machine has no such address", listener->name);
	return err_set_errno(err, ERR_RESOURCE, reason, "cannot listen on %s", listener->name);
}

static void keep_reserve(struct listener_os *listener)
{
	if (listener->reserve_fd < 0)
		listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int open_socket(struct listener_os *listener, const struct listen_options *options,
		       struct err *err)
{
	struct sockaddr_storage address;
	struct sockaddr *any = (struct sockaddr *)(void *)&address;
	int one = 1;

	world_format_peer(listener->name, options->host, options->port);
	socklen_t size_bytes = listen_address(options->host, options->port, &address, err);

	if (size_bytes == 0)
		return -1;
	listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return listen_failed(listener, options->port, errno, err);
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener->fd, any, size_bytes) != 0 || listen(listener->fd, BACKLOG) != 0)
		return listen_failed(listener, options->port, errno, err);
	size_bytes = sizeof(address);
	if (getsockname(listener->fd, any, &size_bytes) != 0)
		return listen_failed(listener, options->port, errno, err);
	listener->base.port = ntohs(address.ss_family == AF_INET6
					    ? ((struct sockaddr_in6 *)(void *)any)->sin6_port
					    : ((struct sockaddr_in *)(void *)any)->sin_port);
	world_format_peer(listener->name, options->host, listener->base.port);
	keep_reserve(listener);
	listener->event = event_new(listener->loop->events, listener->fd,
				    EV_READ | EV_PERSIST | EV_ET, listener_event, listener);
	listener->rest =
		event_new(listener->loop->events, -1, EV_TIMEOUT, listener_event, listener);
	if (listener->event == NULL || listener->rest == NULL ||
	    event_add(listener->event, NULL) != 0)
		return listen_failed(listener, options->port, errno, err);
	return 0;
}

int listener_os_open(struct loop *base, const struct listen_options *options, struct agent *wake,
		     struct listener **out, struct err *err)
{
	struct listener_os *listener = MEM_NEW(struct listener_os);

	listener->base.vtable = base->world->vtable;
	listener->base.loop = base;
	atomic_init(&listener->base.wake, wake);
	listener->loop = (struct loop_os *)base;
	loop_os_ref(listener->loop);
	listener->fd = listener->reserve_fd = -1;
	listener->places = MEM_NEW(struct conn_places);
	atomic_init(&listener->places->refs, 1);
	listener->places->max =
		options->connections_max != 0 ? options->connections_max : LIMIT_CONNECTIONS_MAX;
	atomic_init(&listener->ready, true);
	listener->gives_reserve = options->gives_reserve;
	bool is_name = options->host[0] == '@';
	int failed =
		is_name ? open_name(listener, options, err) : open_socket(listener, options, err);

	if (failed != 0) {
		if (is_name)
			listener->name[0] = '\0'; /* the name is another's */
		listener_os_close(&listener->base);
		return -1;
	}
	*out = &listener->base;
	return 0;
}

/* No descriptor is left but the reserve: the newcomer gets it, or is closed. False: it has to
 * rest. */
static bool use_reserve(struct listener_os *listener, struct sockaddr_storage *peer, int *fd)
{
	socklen_t size_bytes = sizeof(*peer);

	if (listener->reserve_fd < 0)
		return false;
	close(listener->reserve_fd);
	listener->reserve_fd = -1;
	*fd = accept4(listener->fd, (struct sockaddr *)(void *)peer, &size_bytes,
		      SOCK_NONBLOCK | SOCK_CLOEXEC);
	bool was_there = *fd >= 0;

	if (was_there && !listener->gives_reserve) {
		close(*fd);
		*fd = -1;
	}
	keep_reserve(listener);
	return was_there;
}

static void rest_a_moment(struct listener_os *listener)
{
	struct timeval moment = { .tv_usec = REST_MS * 1000 };

	atomic_store(&listener->ready, false);
	if (event_add(listener->rest, &moment) != 0)
		log_error("Listener", "%s: no memory for a timer; no more connections are taken",
			  listener->name);
}

static void starve(struct listener_os *listener, int reason)
{
	bool is_told = atomic_exchange(&listener->base.starved, true);

	if (!listener->gives_reserve)
		log_warn("Listener", "%s: a connection is refused: %s (raise 'ulimit -n')",
			 listener->name, strerror(reason));
	else if (!is_told)
		log_warn("Listener", "%s: another connection has to go: %s (raise 'ulimit -n')",
			 listener->name, strerror(reason));
}

/* One more descriptor, or -1: none now. */
static int accept_fd(struct listener_os *listener, struct sockaddr_storage *peer)
{
	socklen_t size_bytes = sizeof(*peer);

	atomic_store(&listener->ready, false);
	keep_reserve(listener); /* if it was given away */
	int fd = accept4(listener->fd, (struct sockaddr *)(void *)peer, &size_bytes,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		atomic_store(&listener->ready, true);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		int reason = errno;
		bool had_reserve = listener->reserve_fd >= 0;
		bool used = use_reserve(listener, peer, &fd);

		if (!used)
			rest_a_moment(listener);
		if (used || !had_reserve) /* else nobody was there */
			starve(listener, reason);
	}
	return fd;
}

static struct conn *adopt(struct listener_os *listener, int fd, struct sockaddr_storage *from,
			  struct agent *wake)
{
	struct sockaddr *address = (struct sockaddr *)(void *)from;
	socklen_t size_bytes = from->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							   : sizeof(struct sockaddr_in);
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "0", peer[WORLD_PEER_BYTES_MAX + 1];

	if (getnameinfo(address, size_bytes, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		host[0] = '?', host[1] = '\0';
	host[WORLD_HOST_BYTES_MAX] = '\0';
	snprintf(peer, sizeof(peer), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	conn_places_take(listener->places);
	return conn_os_adopt(listener->loop, fd, peer, os_address_is_loopback(address), wake,
			     listener->places);
}

struct conn *listener_os_accept(struct listener *base, struct agent *wake)
{
	struct listener_os *listener = (struct listener_os *)base;
	struct agent *owner = atomic_load(&base->wake);
	struct sockaddr_storage from;

	if (listener->fd < 0)
		return accept_name(listener, wake);
	for (int i = 0; i < REFUSED_PER_CALL; i++) {
		if (!atomic_load(&listener->ready))
			return NULL;
		int fd = accept_fd(listener, &from);

		if (fd < 0)
			continue;
		if (atomic_load(&listener->places->used) >= listener->places->max) {
			log_warn("Listener", "%s: a connection is refused: %u are open, the most allowed",
				 listener->name, listener->places->max);
			close(fd);
			continue;
		}
		struct conn *conn = adopt(listener, fd, &from, wake);

		if (conn != NULL)
			return conn;
	}
	if (owner != NULL)
		agent_wake(owner); /* more to refuse, after others had their turn */
	return NULL;
}

void listener_os_close(struct listener *base)
{
	struct listener_os *listener = (struct listener_os *)base;
	struct world_os *world = (struct world_os *)base->loop->world;

	if (listener->name[0] == '@') {
		pthread_mutex_lock(&world->names_lock);
		map_remove(world->names, bytes_of_text(listener->name));
		pthread_mutex_unlock(&world->names_lock);
		for (uint32_t i = 0; i < listener->waiting_count; i++)
			close(listener->waiting[i]);
	}
	if (listener->event != NULL)
		event_free(listener->event);
	if (listener->rest != NULL)
		event_free(listener->rest);
	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->reserve_fd >= 0)
		close(listener->reserve_fd);
	conn_places_unref(listener->places);
	loop_os_unref(listener->loop);
	mem_free(listener);
}
