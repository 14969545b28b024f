/* SPDX-License-Identifier: Apache-2.0
 * http.h - as much of an HTTP/1.1 client as the REST API needs: one request per connection, bodies
 * by length, in chunks, or until the end of the stream. No TLS, no redirects. */
#ifndef CLIENT_CLI_HTTP_H
#define CLIENT_CLI_HTTP_H

#include "common/base/buf.h"
#include "common/world/world.h"

struct http_response {
	int status;      /* 200 */
	struct buf body; /* chunks joined */
};

struct http_request {
	const char *host;
	uint16_t port;
	const char *method, *target; /* "GET", "/v1/jobs?x=y": escaped already */
	const char *content_type;    /* NULL: no body */
	struct bytes body;           /* borrowed until the call is closed */
	const char *token;           /* NULL: none is sent */
};

struct http_call; /* a request under way */

/* Copies all but the body. The agent is woken when there is something to do. */
MUST_USE int http_open(struct loop *loop, const struct http_request *request, struct agent *wake,
		       struct http_call **call, struct err *err);
/* 1: the response is there; 0: not yet; -1: ERR_NET_UNREACHABLE, ERR_NET_CLOSED, or
 * ERR_NET_PROTOCOL for what is no HTTP. */
MUST_USE int http_step(struct http_call *call, struct err *err);
bool http_connected(const struct http_call *call);
bool http_heard(const struct http_call *call); /* some of the answer has come */
const struct http_response *http_response(const struct http_call *call);
void http_close(struct http_call **call);

/* Bytes of an answer: 1 it is whole, 0 more must come, -1 ERR_NET_PROTOCOL. For the fuzzer, too.
 * response->body is the caller's to init and is emptied first. */
MUST_USE int http_parse(struct bytes bytes, bool end_of_stream, struct http_response *response,
			struct err *err);
/* Appends `text` to a target with everything but letters, digits and "-._~" as %XX. */
void http_escape(const char *text, struct buf *into);

#endif
