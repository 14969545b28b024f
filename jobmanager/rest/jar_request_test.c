/* SPDX-License-Identifier: Apache-2.0
 * jar_request_test.c - arguments are split as Flink splits them; the body wins over the query. */
#include "tests/lib/cmocka_header.h"

#include <jansson.h>

#include "common/base/mem.h"
#include "jobmanager/rest/jar_request.h"

/* NULs shown as '|'. */
static void expect_texts(struct buf *texts, const char *wanted)
{
	for (size_t i = 0; i < texts->size_bytes; i++)
		if (texts->data[i] == '\0')
			texts->data[i] = '|';
	if (texts->size_bytes == 0)
		assert_string_equal("", wanted);
	else
		assert_string_equal(texts->data, wanted);
	buf_fini(texts);
}

static void arguments_are_split_as_flink_does(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ " \t\n ", "" },
		{ "a", "a|" },
		{ "  --port  9000 ", "--port|9000|" },
		{ "\"two words\" 'more of them'", "two words|more of them|" },
		{ "'a \"b\" c'", "a b c|" },
		{ "--x=\"a b\"", "--x=a|b|" }, /* quotes group at an argument's beginning only */
		{ "it's", "its|" },
		{ "\"open one", "open|one|" },
		{ "\"\" ''", "||" },
		{ "a\\ b \\\"c", "a\\|b|\\c|" }, /* nothing escapes */
		{ "'a'b", "a|b|" },
		{ "\xed\x95\x9c \"\xea\xb8\x80 x\"", "\xed\x95\x9c|\xea\xb8\x80 x|" },
	};
	struct buf texts;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&texts);
		jar_split_arguments(cases[i][0], &texts);
		expect_texts(&texts, cases[i][1]);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

static void take(const char *body, const char *query, struct jar_order *order)
{
	struct rest_request request = { .query = (char *)(uintptr_t)query };

	memset(order, 0, sizeof(*order));
	request.fields = json_loads(body, 0, NULL);
	assert_non_null(request.fields);
	assert_true(jar_order_take(&request, order));
	json_decref(request.fields);
}

static void expect_arguments(const char *body, const char *query, const char *wanted)
{
	struct jar_order order;

	take(body, query, &order);
	expect_texts(&order.arguments, wanted);
	jar_order_fini(&order);
}

static void the_body_wins_also_by_a_null(void **state)
{
	expect_arguments("{}", NULL, "");
	expect_arguments("{}", "program-args=a%20b+c", "a|b|c|");
	expect_arguments("{}", "programArg=a,b&x=y&programArg=c%20d", "a|b|c d|");
	expect_arguments("{}", "programArg=&program-args=", "");
	expect_arguments("{\"programArgs\":\"x y\"}", "program-args=a&programArg=b", "x|y|");
	expect_arguments("{\"programArgs\":null}", "program-args=a", "");
	expect_arguments("{\"programArgsList\":[\"x y\",\"\"]}", "program-args=a", "x y||");
	expect_arguments("{\"programArgs\":\"\",\"programArgsList\":[\"x\"]}", NULL, "x|");
	expect_arguments("{\"savepointPath\":null}", "savepointPath=--port", "");
	assert_int_equal(mem_bytes_out(), 0);
}

static void numbers_may_be_texts_and_empty_ones_are_none(void **state)
{
	struct jar_order order;

	take("{\"parallelism\":3}", "parallelism=4", &order);
	assert_int_equal(order.parallelism, 3);
	jar_order_fini(&order);
	take("{\"parallelism\":\"5\",\"entryClass\":\"a.b\"}", "entry-class=c", &order);
	assert_int_equal(order.parallelism, 5);
	assert_string_equal(order.entry, "a.b");
	jar_order_fini(&order);
	take("{\"parallelism\":\"\",\"entryClass\":null}", "parallelism=4&entry-class=c", &order);
	assert_int_equal(order.parallelism, 0);
	assert_null(order.entry);
	jar_order_fini(&order);
	take("{}", "parallelism=4&entry-class=c", &order);
	assert_int_equal(order.parallelism, 4);
	assert_string_equal(order.entry, "c");
	assert_true(id_is_none(&order.job_id));
	jar_order_fini(&order);
	assert_int_equal(mem_bytes_out(), 0);
}

static void settings_that_are_the_clients_are_left_out(void **state)
{
	struct jar_order order;

	take("{\"flinkConfiguration\":{\"a.b\":\"c d\",\"n\":2,\"t\":true,\"execution.target\":\"local\","
	     "\"rest.port\":\"1\",\"execution.attached\":true,\"jobmanager.rpc.port\":3}}",
	     NULL, &order);
	expect_texts(&order.settings, "a.b=c d|n=2|t=true|");
	jar_order_fini(&order);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_split_as_flink_does),
		cmocka_unit_test(the_body_wins_also_by_a_null),
		cmocka_unit_test(numbers_may_be_texts_and_empty_ones_are_none),
		cmocka_unit_test(settings_that_are_the_clients_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
