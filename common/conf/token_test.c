/* SPDX-License-Identifier: Apache-2.0
 * token_test.c - the token's file: made once, refused when others may read it or when it is none;
 * and to whom a client sends what is in it. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/conf/token.h"

static char directory[64], file[96];
static struct world *world;
static struct conf *conf;

static int begin(void **state)
{
	struct err err = ERR_INIT;

	unsetenv("FLINK_REST_TOKEN");
	snprintf(directory, sizeof(directory), "/tmp/token_test.XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/rest-token", directory);
	setenv("FLINK_CONF_DIR", directory, 1);
	world = world_os_create(&err);
	conf = conf_create();
	return world == NULL;
}

static int end(void **state)
{
	unlink(file);
	assert_int_equal(rmdir(directory), 0);
	conf_destroy(&conf);
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static void set(const char *key, const char *value)
{
	struct err err = ERR_INIT;

	if (conf_set(conf, key, value, "-D", &err) != 0)
		fail_msg("%s", err.text);
}

static void write_token(const char *text, mode_t mode)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(file, mode), 0);
}

static void expect_refusal(const char *part)
{
	struct err err = ERR_INIT;
	char *token;

	assert_int_equal(token_load(conf, world, &token, &err), -1);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	assert_null(token);
	if (strstr(err.text, part) == NULL || strstr(err.text, file) == NULL)
		fail_msg("%s", err.text);
}

static void a_token_is_made_once_for_its_owner_alone(void **state)
{
	struct err err = ERR_INIT;
	char *first, *second, *found;
	struct stat status;

	if (token_load(conf, world, &first, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(strlen(first), 64);
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(token_load(conf, world, &second, &err), 0);
	assert_string_equal(first, second);
	found = token_find(conf, world, "localhost");
	assert_string_equal(first, found);
	mem_free(first);
	mem_free(second);
	mem_free(found);
	unlink(file);
	assert_int_equal(token_load(conf, world, &second, &err), 0);
	mem_free(second);
}

static void what_is_no_token_is_refused_with_the_way_out(void **state)
{
	char *token;
	struct err err = ERR_INIT;

	write_token("0123456789abcdef\n", 0640);
	expect_refusal("chmod 600");
	write_token("", 0600);
	expect_refusal("holds no token");
	write_token("0123456789abcde\n", 0600);
	expect_refusal("16 to 256 letters");
	write_token("0123456789abcdef 0123456789abcdef\n", 0600);
	expect_refusal("one line");
	write_token("0123456789abcdef\"\n", 0600);
	expect_refusal("holds no token");
	write_token(" \n0123456789abcdeF-._~\r\n", 0600);
	assert_int_equal(token_load(conf, world, &token, &err), 0);
	assert_string_equal(token, "0123456789abcdeF-._~");
	mem_free(token);
	set("rest.auth.token-file", "/nowhere/at/all");
	assert_int_equal(token_load(conf, world, &token, &err), -1);
	assert_non_null(strstr(err.text, "rest.auth.token-file cannot be made"));
}

static void a_token_is_wanted_beyond_this_machine(void **state)
{
	static const struct {
		const char *auth, *address;
		bool wanted;
	} cases[] = {
		{ "auto", "localhost", false }, { "auto", "127.0.0.1", false },
		{ "auto", "::1", false },	{ "auto", "0.0.0.0", true },
		{ "auto", "10.1.2.3", true },	{ "token", "localhost", true },
		{ "token", "0.0.0.0", true },	{ "none", "0.0.0.0", false },
	};

	assert_false(token_wanted(conf));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		set("rest.auth", cases[i].auth);
		set("rest.bind-address", cases[i].address);
		if (token_wanted(conf) != cases[i].wanted)
			fail_msg("%s at %s", cases[i].auth, cases[i].address);
	}
}

static void expect_found(const char *host, const char *wanted)
{
	char *token = token_find(conf, world, host);

	if (wanted == NULL)
		assert_null(token);
	else
		assert_string_equal(token, wanted);
	mem_free(token);
}

static void a_token_goes_to_whom_it_belongs(void **state)
{
	expect_found("localhost", NULL);
	write_token("0123456789abcdef\n", 0600);
	expect_found("localhost", "0123456789abcdef");
	expect_found("elsewhere", NULL); /* the token of this cluster is nobody else's business */
	set("rest.address", "elsewhere");
	expect_found("elsewhere", "0123456789abcdef");
	set("rest.auth.token-file", file);
	expect_found("anywhere", "0123456789abcdef");
	setenv("FLINK_REST_TOKEN", "fedcba9876543210", 1);
	expect_found("anywhere", "fedcba9876543210");
	setenv("FLINK_REST_TOKEN", "crooked\r\nX: 0123456789", 1);
	expect_found("anywhere", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_made_once_for_its_owner_alone),
		TEST(what_is_no_token_is_refused_with_the_way_out),
		TEST(a_token_is_wanted_beyond_this_machine),
		TEST(a_token_goes_to_whom_it_belongs),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
