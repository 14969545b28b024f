/* SPDX-License-Identifier: Apache-2.0
 * door_http_test.c - heads that are taken and heads that are not, bodies in chunks, escapes. */
#include "tests/lib/cmocka_header.h"

#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"

static int no_bytes_left(void **state)
{
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static int parse(const char *text, struct door_head *head, char *bytes, size_t room)
{
	const char *why = "";
	size_t size = strlen(text);

	assert_true(size < room);
	memcpy(bytes, text, size + 1);
	int status = door_head_parse(bytes, size, head, &why);

	assert_true(status == 0 || why[0] != '\0');
	return status;
}

static void good_heads(void **state)
{
	struct door_head head;
	char bytes[1024];

	assert_int_equal(parse("GET /jobs?x=1 HTTP/1.1\r\nHost: a:1\r\nX-Odd:  b \t\r\n\r\n", &head,
			       bytes, 1024),
			 0);
	assert_string_equal(head.method, "GET");
	assert_string_equal(head.target, "/jobs?x=1");
	assert_string_equal(head.host, "a:1");
	assert_string_equal(door_header_value(&head, "x-odd"), "b");
	assert_null(door_header_value(&head, "X"));
	assert_int_equal(head.framing, DOOR_NO_BODY);
	assert_true(head.keep_alive);
	assert_int_equal(
		parse("PUT http://a:1/x HTTP/1.1\nHost: a\nContent-Length: 18\nConnection: Close\n\n",
		      &head, bytes, 1024),
		0);
	assert_string_equal(head.target, "/x");
	assert_int_equal(head.framing, DOOR_LENGTH);
	assert_int_equal(head.length, 18);
	assert_false(head.keep_alive);
	assert_int_equal(
		parse("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
		      &head, bytes, 1024),
		0);
	assert_int_equal(head.framing, DOOR_CHUNKED);
	assert_true(head.expects_continue);
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &head, bytes, 1024), 0);
	assert_false(head.keep_alive);
	assert_string_equal(head.host, "");
	assert_int_equal(
		parse("GET / HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n", &head, bytes, 1024),
		0);
	assert_true(head.keep_alive);
	assert_int_equal(parse("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", &head, bytes, 1024), 0);
	assert_string_equal(head.host, "");
}

static void bad_heads(void **state)
{
	static const struct {
		int status;
		const char *head;
	} cases[] = {
		{ 400, "\r\n\r\n" },
		{ 400, "GET\r\n\r\n" },
		{ 400, "GET / \r\n\r\n" },
		{ 400, "GET  HTTP/1.1\r\n\r\n" },
		{ 505, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" },
		{ 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "AMETHODTHATISTOOLONG / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET jobs HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /gr\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET / FTP/1.1\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/1.10\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n" },
		{ 400,
		  "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n" },
		{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n" },
		{ 400,
		  "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n" },
		{ 400,
		  "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400,
		  "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 501, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
		{ 501, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n" },
		{ 400, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 417, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n" },
	};
	struct door_head head;
	char bytes[1024];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int status = parse(cases[i].head, &head, bytes, sizeof(bytes));

		if (status != cases[i].status)
			fail_msg("%d instead of %d for %s", status, cases[i].status, cases[i].head);
	}
}

static void too_many_headers(void **state)
{
	struct door_head head;
	const char *why;
	struct buf text;

	buf_init(&text);
	buf_add_text(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < DOOR_HEADERS_MAX; i++)
		buf_printf(&text, "H%d: v\r\n", i);
	buf_add_text(&text, "\r\n");
	assert_int_equal(door_head_parse(text.data, text.size_bytes, &head, &why), 431);
	buf_fini(&text);
}

static void a_head_ends_at_its_blank_line(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
	size_t scanned = 0, whole = strlen(text) - 3;

	for (size_t have = 0; have < whole; have++)
		assert_int_equal(door_head_size(text, have, &scanned), 0);
	assert_int_equal(door_head_size(text, strlen(text), &scanned), whole);
	scanned = 0;
	assert_int_equal(door_head_size("a\n\nb", 4, &scanned), 3);
	scanned = 0;
	assert_int_equal(door_head_size("a\n\r\nb", 5, &scanned), 4);
}

/* The result of taking the text whole, or one byte at a time; the body in `into`. */
static int take(const char *text, size_t step, uint64_t most, struct buf *into, size_t *used)
{
	struct door_chunks chunks = { 0 };
	size_t size = strlen(text), taken;
	int result = 0;

	*used = 0;
	buf_clear(into);
	while (result == 0 && *used < size) {
		size_t piece = step == 0 || step > size - *used ? size - *used : step;

		result = door_chunks_take(&chunks, text + *used, piece, most, into, &taken);
		*used += taken;
	}
	return result;
}

static void what_can_never_be_http_is_known_by_its_first_bytes(void **state)
{
	(void)state;
	assert_null(door_not_http("", 0));
	assert_null(door_not_http("G", 1));
	assert_null(door_not_http("cfl", 3));
	assert_null(door_not_http("cflx /", 6));
	assert_string_equal(door_not_http("\x16\x03\x01", 3),
			    "This port speaks plain HTTP; write http:// instead of https://.");
	assert_string_equal(door_not_http("cfl1\x44", 5),
			    "This port speaks HTTP; cflink's own protocol is spoken at "
			    "jobmanager.rpc.port.");
	assert_string_equal(door_not_http("\0", 1), "These bytes are no HTTP request.");
	assert_string_equal(door_not_http(" GET", 4), "These bytes are no HTTP request.");
}

static void chunks(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *body;
	} cases[] = {
		{ "0\r\n\r\n", 1, "" },
		{ "3\r\nabc\r\n0\r\n\r\nnext", 1, "abc" },
		{ "1\r\na\r\nA\r\n0123456789\r\n00\r\n\r\n", 1, "a0123456789" },
		{ "3;x=\"y\"\r\nabc\r\n0;z\r\nTrailer: 1\r\nOther: 2\r\n\r\n", 1, "abc" },
		{ "3\r\nab", 0, "ab" },
		{ "3\r\nabc", 0, "abc" },
		{ "\r\nabc", -1, "" },
		{ "g\r\n", -1, "" },
		{ "-1\r\n", -1, "" },
		{ "3\nabc\r\n", -1, "" },
		{ "3\r\nabcX", -1, "abc" },
		{ "3\r\nabc\rX", -1, "abc" },
		{ "000000003\r\n", -1, "" },
		{ "FFFFFFFF\r\n", -2, "" },
		{ "11\r\n01234567890123456\r\n0\r\n\r\n", -2, "" },
		{ "10\r\n0123456789012345\r\n1\r\nx", -2, "0123456789012345" },
		{ "3;x\n", -1, "" },
		{ "0\r\nT\n", -1, "" },
		{ "0\r\n\rX", -1, "" },
	};
	struct buf into;
	size_t used;

	buf_init(&into);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t step = 0; step < 4; step++) {
			int result = take(cases[i].text, step, 16, &into, &used);

			if (result != cases[i].result || strcmp(into.data, cases[i].body) != 0)
				fail_msg("%d \"%s\" for %s in pieces of %zu", result, into.data,
					 cases[i].text, step);
		}
	}
	assert_int_equal(take("0\r\n\r\nnext", 0, 16, &into, &used), 1);
	assert_int_equal(used, 5);
	buf_fini(&into);
}

static void long_extensions_and_trailers_are_refused(void **state)
{
	char text[8192] = "1;";
	struct buf into;
	size_t used;

	buf_init(&into);
	memset(text + 2, 'x', 1000);
	assert_int_equal(take(text, 0, 16, &into, &used), -1);
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "0\r\n", 3);
	assert_int_equal(take(text, 0, 16, &into, &used), -1);
	buf_fini(&into);
}

static void escapes(void **state)
{
	static const struct {
		const char *text;
		bool form;
		const char *decoded;
	} cases[] = {
		{ "", false, "" },	   { "a%2Fb%2f", false, "a/b/" },
		{ "a+b", false, "a+b" },   { "a+b%2B", true, "a b+" },
		{ "%252e", false, "%2e" }, { "%C3%BC", false, "\xc3\xbc" },
		{ "%", false, NULL },	   { "%4", false, NULL },
		{ "a%4x", false, NULL },   { "%x4", false, NULL },
		{ "%00", false, NULL },	   { "a%00.log", true, NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *decoded = door_decode(cases[i].text, strlen(cases[i].text), cases[i].form);

		if (cases[i].decoded == NULL)
			assert_null(decoded);
		else
			assert_string_equal(decoded, cases[i].decoded);
		mem_free(decoded);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, no_bytes_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_heads),	TEST(bad_heads),
		TEST(too_many_headers), TEST(a_head_ends_at_its_blank_line),
		TEST(what_can_never_be_http_is_known_by_its_first_bytes),
		TEST(chunks),		TEST(long_extensions_and_trailers_are_refused),
		TEST(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
