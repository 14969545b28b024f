/* SPDX-License-Identifier: Apache-2.0
 * rpc_endpoint.c - servers, which accept, and clients, which stay connected.
 *
 * Opening and closing happen on the runner's thread (or where no agent of it is stepped any more).
 * A close is complete when it returns: sockets are shut, calls failed, peers told down. Only the
 * memory of what is on the call stack above it outlives it, until that step has unwound. */
#include "common/rpc/rpc_priv.h"

#include "common/base/check.h"

#define ACCEPTS_PER_STEP_MAX 16

struct rpc_server {
	struct rpc_endpoint endpoint;
};

struct rpc_client {
	struct rpc_endpoint endpoint;
};

/* ---- what both have in common ---------------------------------------------------------------- */

static int rpc_options_check(const struct rpc_options *options, struct err *err)
{
	CHECK(options->role != NULL && options->role[0] != '\0', "rpc options without a role");
	CHECK(options->services_count <= ARRAY_COUNT(options->services), "%u services",
	      options->services_count);
	if (options->secret.size_bytes > RPC_SECRET_BYTES_MAX)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "the cluster secret has %zu bytes, at most %d are allowed",
			       options->secret.size_bytes, RPC_SECRET_BYTES_MAX);
	return 0;
}

static void rpc_endpoint_init(struct rpc_endpoint *endpoint, struct runner *runner,
			      const struct rpc_options *options, const char *name,
			      agent_step_fn *step, void (*done)(struct agent *agent))
{
	agent_init(&endpoint->agent, name, step);
	endpoint->agent.done = done;
	endpoint->runner = runner;
	runner_keep_together(runner); /* peers, services and callers share everything */
	endpoint->loop = runner_loop(runner);
	endpoint->world = loop_world(endpoint->loop);
	endpoint->options = *options;
	endpoint->options.secret.data = mem_dup(options->secret.data, options->secret.size_bytes);
	endpoint->references = 1;
	list_init(&endpoint->peers);
	list_init(&endpoint->failed);
	list_init(&endpoint->origins);
	list_init(&endpoint->kept);
	endpoint->origins_by_key = map_create();
	rpc_caller_init(&endpoint->caller, endpoint->world, true, &endpoint->agent);
	endpoint->backoff_ms = RPC_BACKOFF_MS_MIN;
}

void rpc_endpoint_unref(struct rpc_endpoint *endpoint)
{
	volatile uint8_t *secret = (volatile uint8_t *)(uintptr_t)endpoint->options.secret.data;

	if (--endpoint->references > 0)
		return;
	for (size_t i = 0; i < endpoint->options.secret.size_bytes; i++)
		secret[i] = 0;
	mem_free((void *)(uintptr_t)endpoint->options.secret.data);
	map_destroy(&endpoint->origins_by_key);
	mem_free(endpoint->host);
	mem_free(endpoint);
}

static void rpc_endpoint_done(struct agent *agent)
{
	rpc_endpoint_unref(CONTAINER_OF(agent, struct rpc_endpoint, agent));
}

static void rpc_endpoint_close(struct rpc_endpoint *endpoint)
{
	struct err why = ERR_INIT;
	mono_t never = MONO_NEVER;
	struct rpc_peer *peer;

	err_set(&why, ERR_NET_CLOSED, "the connection was closed by this side");
	endpoint->closed = true;
	listener_close(&endpoint->listener);
	while ((peer = LIST_FIRST(&endpoint->peers, struct rpc_peer, node)) != NULL) {
		list_remove(&peer->node);
		rpc_peer_down(peer, &why);
		if (peer->in_step)
			continue; /* rpc_peer_done frees it */
		runner_remove(endpoint->runner, &peer->agent);
		rpc_peer_free(peer);
	}
	rpc_caller_disconnected(endpoint, &endpoint->caller, true, &why);
	rpc_deliver_failed(endpoint, true);
	rpc_origins_forget(endpoint, MONO_NEVER, &never);
	if (endpoint->in_step)
		return; /* rpc_endpoint_done */
	runner_remove(endpoint->runner, &endpoint->agent);
	rpc_endpoint_unref(endpoint);
}

/* ---- servers --------------------------------------------------------------------------------- */

/* Only for the rule about secrets: a name that may mean another machine counts as one. */
static bool rpc_host_is_this_machine(const char *host)
{
	if (host[0] == '@' || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "[::1]") == 0)
		return true;
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

static void rpc_server_accept(struct rpc_endpoint *server, struct conn *conn)
{
	struct rpc_peer *peer = rpc_peer_create(server, false);

	peer->handshake.require_secret =
		!server->options.open_without_secret && !conn_peer_is_loopback(conn);
	conn_set_wake(conn, &peer->agent);
	rpc_peer_start(peer, conn);
}

static enum step rpc_server_work(struct rpc_endpoint *server, mono_t now, mono_t *wake_at)
{
	struct conn *conn;

	rpc_deliver_failed(server, false);
	if (server->closed)
		return STEP_DONE;
	for (int i = 0; i < ACCEPTS_PER_STEP_MAX; i++) {
		conn = listener_accept(server->listener, &server->agent);
		if (conn == NULL) {
			rpc_origins_forget(server, now, wake_at);
			return list_empty(&server->failed) ? STEP_IDLE : STEP_WORKED;
		}
		rpc_server_accept(server, conn);
	}
	return STEP_WORKED;
}

static enum step rpc_server_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct rpc_endpoint *server = CONTAINER_OF(agent, struct rpc_endpoint, agent);

	server->in_step = true;
	enum step step = rpc_server_work(server, now, wake_at);
	server->in_step = step == STEP_DONE;
	return step;
}

int rpc_server_open(struct runner *runner, const char *host, uint16_t port,
		    const struct rpc_options *options, struct rpc_server **server, struct err *err)
{
	struct listen_options listen = { .host = host, .port = port };
	struct rpc_endpoint *endpoint;

	*server = NULL;
	if (rpc_options_check(options, err) != 0)
		return -1;
	if (options->secret.size_bytes == 0 && !options->open_without_secret &&
	    !rpc_host_is_this_machine(host))
		return err_set(err, ERR_CONF_MISSING,
			       "the %s is to listen on %s, where other machines can reach it, "
			       "without a cluster secret: set security.cluster.secret-file or "
			       "FLINK_CLUSTER_SECRET, or listen on localhost",
			       options->role, host);
	*server = MEM_NEW(struct rpc_server);
	endpoint = &(*server)->endpoint;
	rpc_endpoint_init(endpoint, runner, options, "rpc server", rpc_server_step,
			  rpc_endpoint_done);
	if (listener_open(endpoint->loop, &listen, &endpoint->agent, &endpoint->listener, err) !=
	    0) {
		rpc_endpoint_unref(endpoint);
		*server = NULL;
		return -1;
	}
	runner_add(runner, &endpoint->agent);
	return 0;
}

uint16_t rpc_server_port(const struct rpc_server *server)
{
	return listener_port(server->endpoint.listener);
}

void rpc_server_close(struct rpc_server **server)
{
	struct rpc_server *closing = *server;

	*server = NULL;
	if (closing != NULL)
		rpc_endpoint_close(&closing->endpoint);
}

/* ---- clients --------------------------------------------------------------------------------- */

/* Jitter takes up to a quarter off, so that many clients of one server do not come in step. */
static void rpc_client_retry_later(struct rpc_endpoint *client)
{
	int64_t most_off_ms = client->backoff_ms / 4;
	int64_t wait_ms = client->backoff_ms -
			  (int64_t)(world_random(client->world) % (uint64_t)(most_off_ms + 1));

	if (wait_ms < RPC_BACKOFF_MS_MIN)
		wait_ms = RPC_BACKOFF_MS_MIN;
	client->retry_at = mono_after_ms(loop_now(client->loop), wait_ms);
	client->backoff_ms *= 2;
	if (client->backoff_ms > RPC_BACKOFF_MS_MAX)
		client->backoff_ms = RPC_BACKOFF_MS_MAX;
	agent_wake(&client->agent);
}

/* One line per kind of trouble until it is over, not one per try. */
static void rpc_client_log(struct rpc_endpoint *client)
{
	if (client->error.code == client->error_logged)
		return;
	client->error_logged = client->error.code;
	rpc_log(warn, client, "cannot connect to %s:%u (trying again until it works): %s",
		client->host, client->port, client->error.text);
}

void rpc_client_disconnected(struct rpc_endpoint *client, struct rpc_peer *peer, bool was_up)
{
	if (client->peer != peer)
		return;
	client->peer = NULL;
	client->error = peer->why;
	if (client->closed)
		return;
	if (!was_up)
		rpc_client_log(client);
	else if (loop_now(client->loop) - peer->up_since >= RPC_BACKOFF_MS_MAX * NS_PER_MS)
		client->backoff_ms = RPC_BACKOFF_MS_MIN; /* it was a good one */
	rpc_client_retry_later(client);
}

static int rpc_client_connect(struct rpc_endpoint *client, struct err *err)
{
	struct rpc_peer *peer = rpc_peer_create(client, true);
	struct conn *conn;

	client->connections++;
	if (conn_open(client->loop, client->host, client->port, &peer->agent, &conn, err) != 0) {
		rpc_peer_free(peer);
		return -1;
	}
	client->peer = peer;
	rpc_peer_start(peer, conn);
	return 0;
}

static enum step rpc_client_work(struct rpc_endpoint *client, mono_t now, mono_t *wake_at)
{
	rpc_deliver_failed(client, false);
	rpc_caller_expire(client, &client->caller, now);
	if (client->closed)
		return STEP_DONE;
	if (client->peer == NULL && now >= client->retry_at &&
	    rpc_client_connect(client, &client->error) != 0) {
		rpc_client_log(client);
		rpc_client_retry_later(client);
	}
	*wake_at = client->caller.deadline_next;
	if (client->peer == NULL)
		*wake_at = mono_min(*wake_at, client->retry_at);
	return list_empty(&client->failed) ? STEP_IDLE : STEP_WORKED;
}

static enum step rpc_client_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct rpc_endpoint *client = CONTAINER_OF(agent, struct rpc_endpoint, agent);

	client->in_step = true;
	enum step step = rpc_client_work(client, now, wake_at);
	client->in_step = step == STEP_DONE;
	return step;
}

int rpc_client_open(struct runner *runner, const char *host, uint16_t port,
		    const struct rpc_options *options, struct rpc_client **client, struct err *err)
{
	struct rpc_endpoint *endpoint;

	*client = NULL;
	if (rpc_options_check(options, err) != 0)
		return -1;
	*client = MEM_NEW(struct rpc_client);
	endpoint = &(*client)->endpoint;
	rpc_endpoint_init(endpoint, runner, options, "rpc client", rpc_client_step,
			  rpc_endpoint_done);
	endpoint->is_client = true;
	endpoint->host = mem_strdup(host);
	endpoint->port = port;
	if (rpc_client_connect(endpoint, err) != 0) {
		rpc_endpoint_unref(endpoint);
		*client = NULL;
		return -1;
	}
	runner_add(runner, &endpoint->agent);
	return 0;
}

struct rpc_peer *rpc_client_peer(struct rpc_client *client)
{
	struct rpc_peer *peer = client->endpoint.peer;

	return peer != NULL && rpc_peer_usable(peer) ? peer : NULL;
}

const struct err *rpc_client_error(const struct rpc_client *client)
{
	return &client->endpoint.error;
}

void rpc_client_close(struct rpc_client **client)
{
	struct rpc_client *closing = *client;

	*client = NULL;
	if (closing != NULL)
		rpc_endpoint_close(&closing->endpoint);
}
