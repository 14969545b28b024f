/* SPDX-License-Identifier: Apache-2.0
 * connect.c - which cluster, by which way, and calls that the main thread waits for. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/waiter.h"
#include "common/base/mem.h"
#include "common/conf/token.h"
#include "common/rpc/secret.h"
#include "common/wire/hand_over.h"

void cli_print(const struct cli *cli, const char *format, ...)
{
	va_list arguments;
	struct buf text;
	char small[1];

	va_start(arguments, format);
	int length = vsnprintf(small, sizeof(small), format, arguments);
	va_end(arguments);
	buf_init(&text);
	va_start(arguments, format);
	vsnprintf(buf_reserve(&text, (size_t)length), (size_t)length + 1, format, arguments);
	va_end(arguments);
	fflush(stdout); /* what the program printed comes first */
	world_print(cli->world, text.data, (size_t)length);
	buf_fini(&text);
}

void cli_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* "host:port", "http://host:port", "[::1]:port". */
static int parse_address(const char *text, struct cli_address *address, struct err *err)
{
	const char *host = strncmp(text, "http://", 7) == 0 ? text + 7 : text;
	const char *colon = strrchr(host, ':');
	char *end;
	long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
	size_t length = colon != NULL ? (size_t)(colon - host) : 0;

	if (colon == NULL || end == colon + 1 || (*end != '\0' && strcmp(end, "/") != 0) ||
	    port < 1 || port > 65535 || length == 0 || length >= sizeof(address->host))
		return err_set(err, ERR_USAGE,
			       "-m takes host:port, for example localhost:8081; \"%s\" is not one",
			       text);
	if (host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	memcpy(address->host, host, length);
	address->host[length] = '\0';
	address->port = (uint16_t)port;
	return 0;
}

static bool given_by_hand(const struct conf *conf, const char *key)
{
	return conf_is_set(conf, key) && strcmp(conf_origin(conf, key), "-D") == 0;
}

int cli_address(const struct conf *conf, const struct cli_options *options,
		struct cli_address *address, struct err *err)
{
	const char *rpc_host = conf_text(conf, "jobmanager.rpc.address");
	int64_t rpc_port = conf_int(conf, "jobmanager.rpc.port");

	if (options->jobmanager != NULL) {
		if (parse_address(options->jobmanager, address, err) < 0)
			return -1;
		address->rest = address->port != rpc_port; /* old scripts name the RPC port */
		return 0;
	}
	address->rest = given_by_hand(conf, "rest.address") || given_by_hand(conf, "rest.port") ||
			strcmp(conf_text(conf, "rest.address"), rpc_host) != 0;
	snprintf(address->host, sizeof(address->host), "%s",
		 address->rest ? conf_text(conf, "rest.address") : rpc_host);
	address->port = (uint16_t)(address->rest ? conf_int(conf, "rest.port") : rpc_port);
	return 0;
}

int cli_connect(const struct cli *cli, struct session **session, struct err *err)
{
	struct session_options options = { .world = cli->world };
	struct cli_address address;
	struct bytes secret = BYTES_EMPTY;

	if (cli_address(cli->conf, cli->options, &address, err) < 0)
		return -1;
	if (!address.rest && world_env(cli->world, HAND_OVER_ENV) == NULL &&
	    secret_load(cli->world, conf_text(cli->conf, "security.cluster.secret-file"), &secret,
			err) < 0)
		return -1;
	options.host = address.host;
	options.port = address.port;
	options.rest = address.rest;
	options.secret = secret;
	char *token = address.rest ? token_find(cli->conf, cli->world, address.host) : NULL;

	options.token = token;
	int result = session_open(&options, session, err);

	mem_free(token);
	secret_free(&secret);
	return result;
}

static void tell_waiter(struct call *call)
{
	atomic_bool *done = call->context;

	atomic_store(done, true);
	waiter_post();
}

int cli_call(struct session *session, struct call *call, struct err *err)
{
	atomic_bool done = false;

	call->finished = tell_waiter;
	call->context = &done;
	session_post(session, call);
	while (!atomic_load(&done))
		(void)waiter_wait(); /* an interrupt is not caught while we only ask */
	if (call->err.code == ERR_NONE)
		return 0;
	*err = call->err;
	return -1;
}

int cli_is_local(const struct cli *cli, bool *local, struct err *err)
{
	const char *target = cli->options->target ? cli->options->target
						  : conf_text(cli->conf, "execution.target");

	*local = false;
	if (world_env(cli->world, HAND_OVER_ENV) != NULL)
		return 0;
	*local = strcmp(target, "local") == 0;
	if (*local || target[0] == '\0' || strcmp(target, "remote") == 0)
		return 0;
	return err_set(err, ERR_USAGE, "target \"%s\" is not one of remote, local", target);
}
