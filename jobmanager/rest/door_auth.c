/* SPDX-License-Identifier: Apache-2.0
 * door_auth.c - who has the token, where one is wanted (docs/adr/0021-access.md).
 *
 * A program sends it as a bearer; a browser opens /?token=… once, which puts it into a cookie that
 * no script reads and no other site's page makes the browser send. Whoever has neither gets 401 and
 * nothing else: no page, no word on what is there. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_priv.h"

#define SAY_MS 10000 /* failed tries are told at most so often */

/* Takes as long for every text of that length. */
static bool is_token(const struct door *door, const char *text, size_t length)
{
	size_t wanted = strlen(door->token);
	unsigned char differs = 0;

	if (length != wanted)
		return false;
	for (size_t i = 0; i < length; i++)
		differs |= (unsigned char)(text[i] ^ door->token[i]);
	return differs == 0;
}

/* Cookies are of a host, whatever its port: the name says whose this one is. */
static int cookie_name(const struct door *door, char into[32])
{
	return snprintf(into, 32, "flink-token-%u", door->port);
}

enum proof { PROOF_NONE, PROOF_WRONG, PROOF_RIGHT };

static enum proof bearer_proof(const struct door *door, const struct door_head *head)
{
	const char *value = door_header_value(head, "Authorization");

	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return value == NULL ? PROOF_NONE : PROOF_WRONG;
	value += 7 + strspn(value + 7, " ");
	return is_token(door, value, strlen(value)) ? PROOF_RIGHT : PROOF_WRONG;
}

/* "a=1; flink-token-8081=…; b=2". A stale one is no try: browsers send it by themselves. */
static bool cookie_proof(const struct door *door, const struct door_head *head)
{
	char name[32];
	size_t name_length = (size_t)cookie_name(door, name);
	const char *at = door_header_value(head, "Cookie");

	while (at != NULL && *at != '\0') {
		size_t length = strcspn(at, "; ");

		if (length > name_length && at[name_length] == '=' &&
		    memcmp(at, name, name_length) == 0 &&
		    is_token(door, at + name_length + 1, length - name_length - 1))
			return true;
		at += length;
		at += strspn(at, "; ");
	}
	return false;
}

static bool wants_page(const struct door_head *head)
{
	const char *accept = door_header_value(head, "Accept");

	return accept != NULL && strstr(accept, "text/html") != NULL;
}

/* The value of "token" in the query of an address that somebody opens; NULL: not there. */
static const char *opened_with(const struct door_head *head, size_t *length)
{
	const char *query = strchr(head->target, '?');
	size_t path = query != NULL ? (size_t)(query - head->target) : 0;

	if (query == NULL || strcmp(head->method, "GET") != 0 ||
	    (path != 1 && !wants_page(head)))
		return NULL;
	for (const char *at = query + 1; *at != '\0';) {
		size_t item = strcspn(at, "&");

		if (item >= 6 && memcmp(at, "token=", 6) == 0) {
			*length = item - 6;
			return at + 6;
		}
		at += item + (at[item] == '&');
	}
	return NULL;
}

/* The address without its token: that one is not to stay in the browser's history. */
static void redirect(struct door_conn *conn, const char *token, size_t length)
{
	const char *target = conn->head.target, *begin = token - 6, *end = token + length;
	struct buf headers;
	char name[32];

	buf_init(&headers);
	cookie_name(conn->door, name);
	buf_printf(&headers,
		   "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict\r\n"
		   "Cache-Control: no-store\r\nLocation: ",
		   name, conn->door->token);
	if (target[1] == '/' || target[1] == '\\') { /* would be another host's */
		buf_add_text(&headers, "/");
	} else {
		size_t before = (size_t)(begin - target);

		if (*end == '&')
			end++;
		else
			before--; /* its '?' or '&' */
		buf_add(&headers, target, before);
		buf_add_text(&headers, end);
	}
	buf_add_text(&headers, "\r\n");
	buf_fini(&conn->answer);
	door_conn_begin_answer(conn, 303, "text/plain", headers.data);
	buf_fini(&headers);
}

static void count_wrong(struct door_conn *conn)
{
	struct door *door = conn->door;
	mono_t now = loop_now(door->loop);

	door->wrong_tokens++;
	if (now < door->say_wrong_at)
		return;
	door->say_wrong_at = mono_after_ms(now, SAY_MS);
	log_warn(DOOR_LOGGER, "%s sent a wrong token; %llu requests with one were refused so far.",
		 conn_peer(conn->conn), (unsigned long long)door->wrong_tokens);
}

#define WHERE "the file that rest.auth.token-file names (unset: conf/rest-token)"

static void refuse(struct door_conn *conn)
{
	static const char page[] =
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Token wanted</title>"
		"<h1>This dashboard wants its token</h1>"
		"<p>bin/start-cluster.sh prints the address that carries it; the token is in " WHERE
		" on the JobManager's machine.</p>"
		"<p>Open <code>http://HOST:PORT/?token=TOKEN</code> once. If you just followed such a "
		"link from another page, reload this one.</p></html>\n";

	if (!wants_page(&conn->head)) {
		door_conn_refuse(conn, 401,
				 "A token is wanted here. Send \"Authorization: Bearer TOKEN\", or open "
				 "/?token=TOKEN in a browser. The token is in " WHERE
				 " on the JobManager's machine.");
		return;
	}
	conn->close_after = conn->linger_after = true;
	buf_fini(&conn->answer);
	buf_add_text(&conn->answer, page);
	door_conn_begin_answer(conn, 401, "text/html; charset=UTF-8",
			       "Cache-Control: no-store\r\n");
}

bool door_auth_admits(struct door_conn *conn)
{
	struct door *door = conn->door;
	enum proof proof = PROOF_RIGHT;
	size_t length = 0;
	const char *opened;

	if (door->token == NULL)
		return true;
	opened = opened_with(&conn->head, &length);
	if (opened != NULL && is_token(door, opened, length)) {
		redirect(conn, opened, length);
		return false;
	}
	proof = bearer_proof(door, &conn->head);
	if (proof == PROOF_RIGHT || cookie_proof(door, &conn->head))
		return true;
	if (proof == PROOF_WRONG || opened != NULL)
		count_wrong(conn);
	refuse(conn);
	return false;
}
