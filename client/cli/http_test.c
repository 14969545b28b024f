/* SPDX-License-Identifier: Apache-2.0
 * http_test.c - answers as servers send them, whole and cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "client/cli/http.h"
#include "common/base/mem.h"

/* The answer is incomplete at every length but the last, where it is the body. */
static void expect(const char *text, int status, const char *body, bool until_end)
{
	size_t length = strlen(text);
	struct http_response response;
	struct err err = ERR_INIT;

	buf_init(&response.body);
	for (size_t cut = 0; cut <= length; cut++) {
		char *copy = mem_dup(text, cut);
		int result = http_parse(bytes_of(copy, cut), cut == length && until_end, &response,
					&err);

		mem_free(copy);
		assert_string_equal(err.text, "");
		assert_int_equal(result, cut == length);
	}
	assert_int_equal(response.status, status);
	assert_string_equal(response.body.data, body);
	buf_fini(&response.body);
	assert_int_equal(mem_bytes_out(), 0);
}

static void bodies_come_by_length_in_chunks_or_until_the_end(void **state)
{
	expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false);
	expect("HTTP/1.1 202 Accepted\r\ncontent-length:2\r\nX: y\r\n\r\n{}", 202, "{}", false);
	expect("HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "x", false);
	expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00a;x=y\r\n0123456789\r\n0\r\n",
	       200, "abc0123456789", false);
	expect("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", true);
	expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nz",
	       404, "z", false);
	expect("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false);
}

static void expect_broken(const char *text, bool end_of_stream, const char *error)
{
	struct http_response response;
	struct err err = ERR_INIT;

	buf_init(&response.body);
	assert_int_equal(http_parse(bytes_of_text(text), end_of_stream, &response, &err), -1);
	assert_int_equal(err.code, ERR_NET_PROTOCOL);
	assert_string_equal(err.text, error);
	buf_fini(&response.body);
}

static void what_is_no_http_is_refused(void **state)
{
	expect_broken("cfl1 is another protocol", false,
		      "the answer is not valid HTTP: it does not begin with HTTP/1.1 and a status");
	expect_broken("HTTP/1.1 99 x\r\n\r\n", false,
		      "the answer is not valid HTTP: its status is not from 100 to 599");
	expect_broken("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false,
		      "the answer is not valid HTTP: its Content-Length is no number or too large");
	expect_broken("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", false,
		      "the answer is not valid HTTP: its Content-Length is no number or too large");
	expect_broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false,
		      "the answer is not valid HTTP: its Transfer-Encoding is not known");
	expect_broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false,
		      "the answer is not valid HTTP: a chunk has no size");
	expect_broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", false,
		      "the answer is not valid HTTP: a chunk is longer than its size");
	expect_broken("HTTP/1.1 200 OK\r\nContent-Le", true,
		      "the answer is not valid HTTP: it ends within its head");
	expect_broken("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true,
		      "the answer is not valid HTTP: it ends within its body");
}

static void targets_are_escaped(void **state)
{
	struct buf text;

	buf_init(&text);
	http_escape("a b&c=\xC3\xA4/x-1.so", &text);
	assert_string_equal(text.data, "a%20b%26c%3D%C3%A4%2Fx-1.so");
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_come_by_length_in_chunks_or_until_the_end),
		cmocka_unit_test(what_is_no_http_is_refused),
		cmocka_unit_test(targets_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
