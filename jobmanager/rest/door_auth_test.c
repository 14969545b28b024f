/* SPDX-License-Identifier: Apache-2.0
 * door_auth_test.c - a door that wants a token: who gets in, and that everybody else gets 401 and
 * nothing more. */
#include "jobmanager/rest/door_test_bed.h"

#define TOKEN "0123456789abcdef"
#define ASK(target, more) "GET " target " HTTP/1.1\r\nHost: server\r\n" more "\r\n"

static int begin_with_token(void **state)
{
	struct sim_options calm = { .delay_us_min = 20, .delay_us_max = 100 };

	begin_with(1, &calm,
		   (struct door_options){ .token = TOKEN, .allow_origin = "https://friend" });
	return 0;
}

static void whoever_has_no_token_gets_401_and_nothing_else(void **state)
{
	static const char *const requests[] = {
		ASK("/", ""),
		ASK("/jobs", "Authorization: Bearer 0123456789abcdeF\r\n"),
		ASK("/jobs", "Authorization: Bearer 0123456789abcde\r\n"),
		ASK("/jobs", "Authorization: Bearer\r\n"),
		ASK("/jobs", "Authorization: Basic " TOKEN "\r\n"),
		ASK("/jobs", "Cookie: flink-token-8081=0123456789abcdeF\r\n"),
		ASK("/jobs", "Cookie: flink-token-8082=" TOKEN "\r\n"),
		ASK("/jobs", "Cookie: xflink-token-8081=" TOKEN "\r\n"),
		ASK("/jobs", "Cookie: flink-token-8081\r\n"),
		ASK("/jobs?token=" TOKEN, ""), /* not for programs: addresses are written to logs */
		ASK("/?token=wrong", ""),
		ASK("/nothing/here", ""),
		"BREW /pot HTTP/1.1\r\nHost: server\r\n\r\n",
		"POST /?token=" TOKEN " HTTP/1.1\r\nHost: server\r\n\r\n",
		"DELETE /jobs HTTP/1.1\r\nHost: server\r\nOrigin: https://friend\r\n\r\n",
		"PUT /jars HTTP/1.1\r\nHost: server\r\nContent-Length: 900000\r\n\r\n",
		"OPTIONS /jobs HTTP/1.1\r\nHost: server\r\nOrigin: https://friend\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		struct talker *asks = call(requests[i]);

		await(asks, "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json");
		await(asks, "\r\nWWW-Authenticate: Bearer realm=\"flink\"\r\n");
		await(asks, "{\"errors\":[\"org.apache.flink.");
		await(asks, "rest.auth.token-file");
		assert_null(strstr(asks->in.data, "Set-Cookie"));
		assert_null(strstr(asks->in.data, TOKEN));
	}
	struct talker *asks = call("HEAD / HTTP/1.1\r\nHost: server\r\n\r\n");

	await(asks, "HTTP/1.1 401 ");
	assert_int_equal(insides_count, 0);
}

static void people_get_a_page_that_says_how(void **state)
{
	struct talker *asks = call(ASK("/", "Accept: text/html,*/*\r\n"));

	await(asks, "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html; charset=UTF-8\r\n");
	await(asks, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
	await(asks, "/?token=TOKEN");
	assert_null(strstr(asks->in.data, "<form"));
	await_close(asks, 3000);
}

static void the_token_lets_in(void **state)
{
	static const char *const requests[] = {
		ASK("/1", "Authorization: Bearer " TOKEN "\r\n"),
		ASK("/2", "authorization: bearer   " TOKEN "\r\n"),
		ASK("/3", "Cookie: flink-token-8081=" TOKEN "\r\n"),
		ASK("/4", "Cookie: a=b; flink-token-8081=old; flink-token-8081=" TOKEN "; c\r\n"),
	};
	struct talker *asks = call("");

	for (uint32_t i = 0; i < ARRAY_COUNT(requests); i++) {
		char path[8];

		say(asks, requests[i]);
		snprintf(path, sizeof(path), " /%u ", i + 1);
		await(await_inside(0), path);
		assert_null(strstr(inside[0]->in.data, TOKEN)); /* nobody inside needs it */
		buf_clear(&inside[0]->in);
		say(inside[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
		await(asks, "\r\n\r\nyes");
		buf_clear(&asks->in);
	}
}

static void an_address_with_the_token_becomes_a_cookie(void **state)
{
	static const char *const cases[][2] = {
		{ ASK("/?token=" TOKEN, ""), "/" },
		{ ASK("/?a=1&token=" TOKEN, ""), "/?a=1" },
		{ ASK("/?token=" TOKEN "&b=2", ""), "/?b=2" },
		{ ASK("/?a=1&token=" TOKEN "&b=2", ""), "/?a=1&b=2" },
		{ ASK("/page/x?token=" TOKEN, "Accept: text/html\r\n"), "/page/x" },
		{ ASK("//evil?token=" TOKEN, "Accept: text/html\r\n"), "/" },
		{ ASK("/\\evil?token=" TOKEN, "Accept: text/html\r\n"), "/" },
	};
	struct talker *asks = call("");

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char line[64];

		say(asks, cases[i][0]);
		snprintf(line, sizeof(line), "\r\nLocation: %s\r\n", cases[i][1]);
		await(asks, "HTTP/1.1 303 See Other\r\n");
		await(asks, line);
		await(asks, "\r\nSet-Cookie: flink-token-8081=" TOKEN
			    "; Path=/; HttpOnly; SameSite=Strict\r\n");
		await(asks, "\r\nCache-Control: no-store\r\n");
		await(asks, "\r\nReferrer-Policy: no-referrer\r\n");
		buf_clear(&asks->in);
	}
	assert_int_equal(insides_count, 0);
}

static void a_friends_page_may_ask_whether_it_may_ask(void **state)
{
	struct talker *asks = call(
		"OPTIONS /jobs HTTP/1.1\r\nHost: server\r\nOrigin: https://friend\r\n"
		"Access-Control-Request-Method: POST\r\n\r\n");

	await(asks, "HTTP/1.1 200 OK");
	await(asks, "Access-Control-Allow-Headers: Authorization, ");
	assert_int_equal(insides_count, 0);
}

static void failed_tries_are_counted_and_told_now_and_then(void **state)
{
	mono_t told;

	await(call(ASK("/", "Authorization: Bearer wrong\r\n")), "HTTP/1.1 401 ");
	told = door->say_wrong_at;
	assert_true(told > 0);
	for (int i = 0; i < 4; i++)
		await(call(ASK("/", "Authorization: Bearer wrong\r\n")), "HTTP/1.1 401 ");
	await(call(ASK("/", "")), "HTTP/1.1 401 "); /* asks without one: no try */
	assert_int_equal(door->wrong_tokens, 5);
	assert_true(door->say_wrong_at == told);
	await_close(call(""), 61000); /* time passes only while something waits for it */
	await(call(ASK("/", "Authorization: Bearer wrong\r\n")), "HTTP/1.1 401 ");
	assert_true(door->say_wrong_at > told);
}

#define GUARDED(name) cmocka_unit_test_setup_teardown(name, begin_with_token, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARDED(whoever_has_no_token_gets_401_and_nothing_else),
		GUARDED(people_get_a_page_that_says_how),
		GUARDED(the_token_lets_in),
		GUARDED(an_address_with_the_token_becomes_a_cookie),
		GUARDED(a_friends_page_may_ask_whether_it_may_ask),
		GUARDED(failed_tries_are_counted_and_told_now_and_then),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("door auth", tests, NULL, NULL);
}
