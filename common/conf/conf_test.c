/* SPDX-License-Identifier: Apache-2.0
 * conf_test.c - settings in, exact messages or values out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/conf/conf_errors.h"
#include "common/conf/conf_priv.h"
#include "common/world/world_sim.h"

/* A text and everything that comes of it: its error, its warnings, its settings, as one text. */
struct example {
	const char *name;
	int (*parse)(struct conf *conf, const char *name, const char *text, struct err *err);
	const char *text, *result;
};

static void show(const struct conf *conf, int outcome, const struct err *err, struct buf *into)
{
	size_t at = 0;
	const char *key, *value;

	for (size_t i = 0; i < conf_warnings_count(conf); i++)
		buf_printf(into, "warning %s\n", conf_warning(conf, i));
	if (outcome != 0)
		buf_printf(into, "E%d %s\n", (int)err->code, err->text);
	while (conf_next(conf, &at, &key, &value))
		buf_printf(into, "%s=%s\n", key, value);
}

static void run_examples(const struct example *examples, size_t count)
{
	size_t failed = 0;

	for (size_t i = 0; i < count; i++) {
		struct conf *conf = conf_create();
		struct err err = ERR_INIT;
		struct buf text;
		int outcome = examples[i].parse(conf, "f", examples[i].text, &err);

		buf_init(&text);
		buf_add_text(&text, "");
		show(conf, outcome, &err, &text);
		if (strcmp(text.data ? text.data : "", examples[i].result) != 0) {
			print_error("%s:\n%s\nwanted:\n%s\n", examples[i].name, text.data,
				    examples[i].result);
			failed++;
		}
		buf_fini(&text);
		conf_destroy(&conf);
	}
	assert_int_equal(failed, 0);
	assert_int_equal(mem_bytes_out(), 0);
}

static const struct example flink_conf_examples[] = {
	{ "the_tutorials_only_line", conf_parse_flink_conf,
	  "jobmanager.rpc.address: localhost   # where the JobManager runs\n",
	  "jobmanager.rpc.address=localhost\n" },
	{ "carriage_returns_and_a_byte_order_mark", conf_parse_flink_conf,
	  "\xef\xbb\xbfrest.port: 9081\r\n\r\n# note\r\nparallelism.default: 2\r\n",
	  "parallelism.default=2\nrest.port=9081\n" },
	{ "no_newline_at_the_end", conf_parse_flink_conf, "rest.port: 9081", "rest.port=9081\n" },
	{ "nothing_at_all", conf_parse_flink_conf, "", "" },
	{ "comments_only", conf_parse_flink_conf, "# a\n#b: c\n", "" },
	{ "a_value_keeps_a_hash_that_no_blank_precedes", conf_parse_flink_conf,
	  "pipeline.name: a#b # c\n", "pipeline.name=a#b\n" },
	{ "the_last_of_two_wins", conf_parse_flink_conf,
	  "rest.port: 1\nweb.exception-history-size: 3\nrest.port: 2\n",
	  "warning f:3: rest.port is given a second time (first at f:1); this one counts\n"
	  "rest.port=2\nweb.exception-history-size=3\n" },
	{ "a_pasted_line_that_says_the_same", conf_parse_flink_conf,
	  "jobmanager.rpc.address: localhost\njobmanager.rpc.address: localhost   # 주소\n",
	  "jobmanager.rpc.address=localhost\n" },
	{ "an_indented_first_line", conf_parse_flink_conf,
	  "# mine\r\n\r\n  rest.port: 9081\r\nparallelism.default: 2\r\n",
	  "warning f:4: this is not YAML (it begins further left than the first line); the file is read line by line\n"
	  "parallelism.default=2\nrest.port=9081\n" },
	{ "a_tab_before_a_key", conf_parse_flink_conf,
	  "parallelism.default: 2\n\trest.port: 9081\n",
	  "warning f:2: this is not YAML (a tab where YAML wants spaces); the file is read line by line\n"
	  "parallelism.default=2\nrest.port=9081\n" },
	{ "blanks_of_web_pages_and_of_east_asia", conf_parse_flink_conf,
	  "rest.port:\xc2\xa0"
	  "9081\xc2\xa0\xc2\xa0# 주소\nparallelism.default:\xe3\x80\x80"
	  "2\n",
	  "parallelism.default=2\nrest.port=9081\n" },
	{ "lines_that_are_almost_settings", conf_parse_flink_conf,
	  "rest.port:9081\nrest.port = 9081\nrest.port：9081\n: 9081\n",
	  "warning f:1: this is not YAML (settings are 'key: value'); the file is read line by line\n"
	  "warning f:1: \"rest.port:9081\" is not 'key: value' (a blank is missing behind ':'); the line is skipped\n"
	  "warning f:2: \"rest.port = 9081\" is not 'key: value' (it has '=' where ':' belongs); the line is skipped\n"
	  "warning f:3: \"rest.port：9081\" is not 'key: value' (its ':' is a wide one); the line is skipped\n"
	  "warning f:4: \": 9081\" is not 'key: value'; the line is skipped\n" },
	{ "a_tab_behind_the_colon", conf_parse_flink_conf, "rest.port:\t9081\n",
	  "rest.port=9081\n" },
	{ "a_star_in_front", conf_parse_flink_conf,
	  "pipeline.name: *:*:*\nrest.port: \"9081\" # x\n",
	  "warning f:1: this is not YAML (did not find expected alphabetic or numeric character); "
	  "the file is read line by line\n"
	  "pipeline.name=*:*:*\nrest.port=9081\n" },
	{ "a_line_without_a_colon", conf_parse_flink_conf,
	  "rest.port: 9081\nparallelism.default 2\n",
	  "warning f:3: this is not YAML (could not find expected ':'); the file is read line by line\n"
	  "warning f:2: \"parallelism.default 2\" is not 'key: value'; the line is skipped\n"
	  "rest.port=9081\n" },
	{ "only_a_line_without_a_colon", conf_parse_flink_conf, "rest.port 9081\n",
	  "warning f:1: this is not YAML (settings are 'key: value'); the file is read line by line\n"
	  "warning f:1: \"rest.port 9081\" is not 'key: value'; the line is skipped\n" },
	{ "a_key_without_a_value", conf_parse_flink_conf,
	  "rest.port:\nweb.exception-history-size: 1\n",
	  "warning f:1: rest.port has no value; the line is skipped\nweb.exception-history-size=1\n" },
	{ "nested_maps_are_read_too", conf_parse_flink_conf, "rest:\n  port: 9081\n",
	  "rest.port=9081\n" },
	{ "an_older_name", conf_parse_flink_conf, "web.port: 9081\n", "rest.bind-port=9081\n" },
	{ "an_older_name_yields_to_the_current_one", conf_parse_flink_conf,
	  "rest.bind-port: 1\nweb.port: 2\n",
	  "warning f:2: web.port and rest.bind-port (f:1) are one setting; the value of rest.bind-port counts\n"
	  "rest.bind-port=1\n" },
	{ "a_slip_of_the_pen", conf_parse_flink_conf, "taskmanager.numberOfTaskSlot: 4\n",
	  "warning f:1: unknown setting \"taskmanager.numberOfTaskSlot\"; did you mean "
	  "taskmanager.numberOfTaskSlots?\ntaskmanager.numberOfTaskSlot=4\n" },
	{ "letters_of_the_wrong_case", conf_parse_flink_conf, "TaskManager.NumberOfTaskSlots: 4\n",
	  "warning f:1: unknown setting \"TaskManager.NumberOfTaskSlots\"; did you mean "
	  "taskmanager.numberOfTaskSlots?\nTaskManager.NumberOfTaskSlots=4\n" },
	{ "swapped_letters", conf_parse_flink_conf, "jobmanager.rpc.adrdess: h\n",
	  "warning f:1: unknown setting \"jobmanager.rpc.adrdess\"; did you mean "
	  "jobmanager.rpc.address?\njobmanager.rpc.adrdess=h\n" },
	{ "the_right_words", conf_parse_flink_conf, "taskmanager.slots: 4\n",
	  "warning f:1: unknown setting \"taskmanager.slots\"; did you mean "
	  "taskmanager.numberOfTaskSlots?\ntaskmanager.slots=4\n" },
	{ "a_slip_within_a_family", conf_parse_flink_conf, "taskmanager.memory.proces.size: 1g\n",
	  "warning f:1: unknown setting \"taskmanager.memory.proces.size\"; did you mean "
	  "taskmanager.memory.process.size?\ntaskmanager.memory.proces.size=1g\n" },
	{ "nothing_like_it", conf_parse_flink_conf, "colour: blue\n",
	  "warning f:1: unknown setting \"colour\"; nothing reads it\ncolour=blue\n" },
	{ "known_but_without_effect", conf_parse_flink_conf, "state.backend: rocksdb\n",
	  "warning f:1: state.backend is a setting of Flink that has no effect in this version\n"
	  "state.backend.type=rocksdb\n" },
	{ "javas_settings_are_accepted", conf_parse_flink_conf,
	  "jobmanager.memory.process.size: 1600m\ntaskmanager.memory.process.size: 1728m\n"
	  "env.java.opts.all: --add-exports=java.base/sun.net.util=ALL-UNNAMED\n"
	  "jobmanager.execution.failover-strategy: region\n",
	  "env.java.opts.all=--add-exports=java.base/sun.net.util=ALL-UNNAMED\n"
	  "jobmanager.execution.failover-strategy=region\njobmanager.memory.process.size=1600m\n"
	  "taskmanager.memory.process.size=1728m\n" },
};

static void flink_conf(void **state)
{
	(void)state;
	run_examples(flink_conf_examples, ARRAY_COUNT(flink_conf_examples));
}

static const struct example yaml_examples[] = {
	{ "flat_and_nested_keys_mix", conf_parse_yaml,
	  "rest:\n  port: 9081\n  bind-address: 0.0.0.0\nparallelism.default: 2\n",
	  "parallelism.default=2\nrest.bind-address=0.0.0.0\nrest.port=9081\n" },
	{ "a_list", conf_parse_yaml, "io.tmp.dirs: [/a, \"/b;c\", it's]\n",
	  "io.tmp.dirs=/a;'/b;c';'it''s'\n" },
	{ "a_block_list", conf_parse_yaml, "io:\n  tmp:\n    dirs:\n    - /a\n    - /b\n",
	  "io.tmp.dirs=/a;/b\n" },
	{ "a_map_setting", conf_parse_yaml,
	  "taskmanager.memory.managed.consumer-weights:\n  OPERATOR: 70\n  PYTHON: 30\n",
	  "warning f:1: taskmanager.memory.managed.consumer-weights is a setting of Flink that has no "
	  "effect in this version\n"
	  "taskmanager.memory.managed.consumer-weights=OPERATOR:70,PYTHON:30\n" },
	{ "a_list_of_maps", conf_parse_yaml,
	  "pipeline.name:\n- {name: a, path: 'x:y'}\n- {name: b}\n",
	  "pipeline.name='name:a,path:''x:y''';name:b\n" },
	{ "twice_is_an_error", conf_parse_yaml, "rest.port: 1\nrest:\n  port: 2\n",
	  "E1002 f:3: rest.port is given a second time (first at f:1)\nrest.port=1\n" },
	{ "a_tab", conf_parse_yaml, "rest:\n\tport: 1\n",
	  "E1002 f:2:1: this is not YAML: a tab where YAML wants spaces\n" },
	{ "a_crooked_indent", conf_parse_yaml, "rest:\n  port: 1\n bind-port: 2\n",
	  "E1002 f:3:2: this is not YAML: did not find expected key\n" },
	{ "an_alias", conf_parse_yaml, "pipeline.name: &x a\nweb.log.path: *x\n",
	  "E1002 f:2:15: this is not YAML: aliases are not allowed here\n" },
	{ "a_bare_word", conf_parse_yaml, "hello\n",
	  "E1002 f:1:1: this is not YAML: settings are 'key: value'\n" },
	{ "two_documents", conf_parse_yaml, "rest.port: 1\n---\nrest.port: 2\n",
	  "E1002 f:2:1: this is not YAML: a second document begins\n" },
	{ "no_utf8", conf_parse_yaml, "rest.port: 1\npipeline.name: \xff\n",
	  "E1002 f:2:1: this is not YAML: it is not UTF-8 text\n" },
	{ "too_deep", conf_parse_yaml,
	  "{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}\n",
	  "E1002 f:1:65: this is not YAML: maps are nested too deeply\n" },
	{ "comments_and_nothing", conf_parse_yaml, "# nothing\n", "" },
};

static void yaml(void **state)
{
	(void)state;
	run_examples(yaml_examples, ARRAY_COUNT(yaml_examples));
}

static const struct example value_examples[] = {
	{ "number", conf_parse_yaml, "taskmanager.numberOfTaskSlots: abc\n",
	  "E1001 f:1: taskmanager.numberOfTaskSlots is \"abc\", which is not a whole number from 1 to 128\n" },
	{ "number_beyond", conf_parse_yaml, "taskmanager.numberOfTaskSlots: 129\n",
	  "E1001 f:1: taskmanager.numberOfTaskSlots is \"129\", which is not a whole number from 1 to 128\n" },
	{ "number_that_overflows", conf_parse_yaml,
	  "web.exception-history-size: 99999999999999999999\n",
	  "E1001 f:1: web.exception-history-size is \"99999999999999999999\", which is not a whole number from 0 to 100000\n" },
	{ "number_with_a_tail", conf_parse_yaml,
	  "parallelism.default: 4 # ok\nweb.exception-history-size: 4x\n",
	  "E1001 f:2: web.exception-history-size is \"4x\", which is not a whole number from 0 to 100000\n"
	  "parallelism.default=4\n" },
	{ "number_without_an_upper_bound", conf_parse_yaml,
	  "restart-strategy.fixed-delay.attempts: -1\n",
	  "E1001 f:1: restart-strategy.fixed-delay.attempts is \"-1\", which is not a whole number of at least 0\n" },
	{ "port", conf_parse_yaml, "rest.port: 70000\n",
	  "E1001 f:1: rest.port is \"70000\", which is not a port from 0 to 65535\n" },
	{ "ports", conf_parse_yaml, "rest.bind-port: 50100-50099\n",
	  "E1001 f:1: rest.bind-port is \"50100-50099\", which is not a port, a list (50100,50101) or a "
	  "range (50100-50200) of ports up to 65535\n" },
	{ "bool", conf_parse_yaml, "pipeline.operator-chaining.enabled: yes\n",
	  "E1001 f:1: pipeline.operator-chaining.enabled is \"yes\", which is neither true nor false\n" },
	{ "duration", conf_parse_yaml, "heartbeat.interval: soon\n",
	  "E1001 f:1: heartbeat.interval is \"soon\", which is not a duration such as 10 s or 500 ms from "
	  "10 ms to 1 h\n" },
	{ "duration_beyond", conf_parse_yaml, "heartbeat.interval: 2 h\n",
	  "E1001 f:1: heartbeat.interval is \"2 h\", which is not a duration such as 10 s or 500 ms from "
	  "10 ms to 1 h\n" },
	{ "size", conf_parse_yaml, "taskmanager.memory.segment-size: 1 mb\n",
	  "E1001 f:1: taskmanager.memory.segment-size is \"1 mb\", which is not a size such as 64 mb or "
	  "1 gb from 2 kb to 32 kb\n" },
	{ "one_of", conf_parse_yaml, "restart-strategy: sometimes\n",
	  "E1001 f:1: restart-strategy is \"sometimes\", which is none of none, fixed-delay, failure-rate, "
	  "exponential-delay\n" },
	{ "one_of_in_another_spelling", conf_parse_yaml, "restart-strategy: FixedDelay\n",
	  "restart-strategy.type=fixed-delay\n" },
	{ "host", conf_parse_yaml, "jobmanager.rpc.address: a b\n",
	  "E1001 f:1: jobmanager.rpc.address is \"a b\", which is not a host name or address\n" },
	{ "fraction", conf_parse_yaml, "taskmanager.memory.network.fraction: 1.5\n",
	  "E1001 f:1: taskmanager.memory.network.fraction is \"1.5\", which is not a number from 0 to 1\n" },
	{ "a_bad_key", conf_parse_yaml, "\"a b\": 1\n",
	  "E1002 f:1: \"a b\" cannot be the name of a setting\n" },
};

static void values(void **state)
{
	(void)state;
	run_examples(value_examples, ARRAY_COUNT(value_examples));
}

static const struct example masters_examples[] = {
	{ "a_port_moves_the_page", conf_parse_masters, "localhost:9081   # the web page\n",
	  "rest.port=9081\n" },
	{ "the_usual_port_is_not_set", conf_parse_masters, "localhost:8081\n", "" },
	{ "no_port", conf_parse_masters, "# masters\r\n\r\nlocalhost\r\n", "" },
	{ "a_bracketed_address", conf_parse_masters, "[::1]:9081\n", "rest.port=9081\n" },
	{ "a_bare_address", conf_parse_masters, "::1\n", "" },
	{ "only_the_first_counts", conf_parse_masters, "localhost:9081\nlocalhost:9082\n",
	  "rest.port=9081\n" },
	{ "no_number", conf_parse_masters, "\nlocalhost:web\n",
	  "E1001 f:2: rest.port is \"web\", which is not a port from 0 to 65535\n" },
};

static void masters(void **state)
{
	(void)state;
	run_examples(masters_examples, ARRAY_COUNT(masters_examples));
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "10", 10 },
		{ "10 s", 10000 },
		{ "500ms", 500 },
		{ "1 min", 60000 },
		{ "2h", 7200000 },
		{ " 3 d ", 259200000 },
		{ "1 MIN", 60000 },
		{ "5 us", 1 },
		{ "0 us", 0 },
		{ "1500 us", 2 },
		{ "1 ns", 1 },
		{ "2 \xc2\xb5s", 1 },
		{ "5 minutes", 300000 },
		{ "1 hour", 3600000 },
		{ "1 day", 86400000 },
		{ "", -1 },
		{ "s", -1 },
		{ "1.5 s", -1 },
		{ "10 parsecs", -1 },
		{ "9223372036854775807 d", -1 },
		{ "99999999999999999999", -1 },
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (duration_parse(cases[i].text, &ms) != (cases[i].ms >= 0))
			fail_msg("\"%s\"", cases[i].text);
		if (cases[i].ms >= 0)
			assert_int_equal(ms, cases[i].ms);
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {
		{ "10", 10 },
		{ "32 kb", 32768 },
		{ "64mb", 67108864 },
		{ "1g", INT64_C(1) << 30 },
		{ "1 TB", INT64_C(1) << 40 },
		{ "10485760b", 10485760 },
		{ "1728m", INT64_C(1728) << 20 },
		{ "infinite", INT64_MAX },
		{ "2 kibibytes", 2048 },
		{ "-1", -1 },
		{ "1.5g", -1 },
		{ "", -1 },
		{ "1 zb", -1 },
		{ "9223372036854775807 kb", -1 },
	};
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		if (memory_parse(cases[i].text, &bytes) != (cases[i].bytes >= 0))
			fail_msg("\"%s\"", cases[i].text);
		if (cases[i].bytes >= 0)
			assert_int_equal(bytes, cases[i].bytes);
	}
}

static void ports(void **state)
{
	(void)state;
	assert_int_equal(ports_get("8081", 0), 8081);
	assert_int_equal(ports_get("8081", 1), -1);
	assert_int_equal(ports_get("1, 5-7 ,9", 0), 1);
	assert_int_equal(ports_get("1, 5-7 ,9", 3), 7);
	assert_int_equal(ports_get("1, 5-7 ,9", 4), 9);
	assert_int_equal(ports_get("1, 5-7 ,9", 5), -1);
	assert_int_equal(ports_get("", 0), -1);
}

static void every_row_is_sound(void **state)
{
	struct conf *conf = conf_create();

	(void)state;
	for (size_t i = 0; i < conf_specs_count; i++) {
		const struct conf_spec *spec = &conf_specs[i];
		char why[CONF_WHY_SIZE], *kept;

		if (spec->key == NULL) {
			assert_non_null(spec->section);
			continue;
		}
		if (spec->help[0] == '\0' || strstr(spec->help, "  ") != NULL ||
		    spec->help[strlen(spec->help) - 1] == '.')
			fail_msg("%s: help is one sentence without a full stop", spec->key);
		if (strchr(spec->key, '*') == NULL) {
			assert_ptr_equal(conf_spec_find(spec->key), spec);
			/* A default that names another key must lead somewhere. */
			conf_text(conf, spec->key);
		} else if (strchr(spec->key, '*')[1] != '\0' || spec->type != CONF_TEXT) {
			fail_msg("%s: a family ends in '*' and is text", spec->key);
		}
		if (spec->value_default[0] == '\0' || spec->value_default[0] == '=')
			continue;
		if (!conf_value_check(spec, spec->value_default, &kept, why))
			fail_msg("%s: its default is %s", spec->key, why);
		assert_string_equal(kept, spec->value_default);
		mem_free(kept);
	}
	conf_destroy(&conf);
	assert_int_equal(mem_bytes_out(), 0);
}

static void values_have_their_types(void **state)
{
	struct conf *conf = conf_create(), *copy;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(conf_int(conf, "rest.port"), 8081);
	assert_string_equal(conf_text(conf, "rest.bind-port"), "8081");
	assert_string_equal(conf_origin(conf, "rest.port"), "default");
	assert_null(conf_raw(conf, "rest.port"));
	assert_int_equal(conf_set_pair(conf, "rest.port=9081", "-D", &err), 0);
	assert_int_equal(conf_set_pair(conf, "jobmanager.rpc.address=jm=1", "-D", &err), 0);
	assert_string_equal(conf_text(conf, "rest.bind-port"), "9081");
	assert_string_equal(conf_text(conf, "rest.address"), "jm=1");
	assert_string_equal(conf_origin(conf, "rest.port"), "-D");
	assert_int_equal(conf_duration_ms(conf, "heartbeat.timeout"), 5000);
	assert_int_equal(conf_duration_ms(conf, "execution.checkpointing.interval"), -1);
	assert_int_equal(conf_memory_bytes(conf, "taskmanager.memory.segment-size"), 32768);
	assert_true(conf_bool(conf, "pipeline.processing-time.fire-at-end"));
	assert_int_equal((int)(conf_double(conf, "taskmanager.memory.network.fraction") * 10), 1);
	assert_false(conf_is_set(conf, "web.exception-history-size"));
	copy = conf_copy(conf);
	assert_int_equal(conf_set(copy, "rest.port", "1", "-D", &err), 0);
	assert_int_equal(conf_int(conf, "rest.port"), 9081);
	assert_int_equal(conf_int(copy, "rest.port"), 1);
	assert_int_equal(conf_set_pair(conf, "rest.port", "-D", &err), -1);
	assert_string_equal(err.text, "-D \"rest.port\" is not key=value");
	assert_int_equal(err.code, ERR_USAGE);
	assert_int_equal(conf_set_pair(conf, "rest.port=x", "-D", &err), -1);
	assert_string_equal(err.text,
			    "-D: rest.port is \"x\", which is not a port from 0 to 65535");
	conf_refuse(conf, "rest.port", "the same as jobmanager.rpc.port", &err);
	assert_string_equal(err.text,
			    "-D: rest.port is \"9081\", which is the same as jobmanager.rpc.port");
	conf_destroy(&conf);
	conf_destroy(&copy);
	assert_int_equal(mem_bytes_out(), 0);
}

static void secrets_are_masked(void **state)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;
	struct buf text;

	(void)state;
	assert_string_equal(conf_mask("security.ssl.rest.keystore-PASSWORD", "x"), "******");
	assert_string_equal(conf_mask("security.cluster.secret-file", "/x"), "/x");
	assert_string_equal(conf_mask("rest.port", "1"), "1");
	buf_init(&text);
	assert_int_equal(conf_set(conf, "my.token", "hunter2", "-D", &err), 0);
	assert_int_equal(conf_set(conf, "web.port", "9", "-D", &err), 0);
	conf_write_explain(conf, &text);
	assert_string_equal(
		text.data,
		"my.token: ******  # -D, unknown\nrest.bind-port: 9  # -D as web.port\n");
	buf_fini(&text);
	conf_destroy(&conf);
	assert_int_equal(mem_bytes_out(), 0);
}

static void long_and_dirty_values_are_cut_in_messages(void **state)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;
	char value[400] = "\x1b[31m";

	(void)state;
	for (size_t used = strlen(value); used < 397; used += 2)
		snprintf(value + used, 3, "\xc3\xa4");
	assert_int_equal(conf_set(conf, "rest.port", value, "-D", &err), -1);
	assert_int_equal(strncmp(err.text, "-D: rest.port is \"?[31m\xc3\xa4", 24), 0);
	assert_non_null(strstr(err.text, "\xc3\xa4\xe2\x80\xa6\", which is not a port"));
	conf_destroy(&conf);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- gathering, in the simulator ------------------------------------------------------------ */

struct machine {
	struct sim *sim;
	struct world *world;
	struct conf *conf;
	struct err err;
	struct buf text;
};

static void machine_open(struct machine *machine)
{
	struct sim_options calm = { 0 };

	*machine = (struct machine){ .sim = sim_create(1, &calm), .err = ERR_INIT };
	machine->world = sim_node(machine->sim, "node");
	machine->conf = conf_create();
	buf_init(&machine->text);
}

static void machine_close(struct machine *machine)
{
	buf_fini(&machine->text);
	conf_destroy(&machine->conf);
	world_destroy(&machine->world);
	sim_destroy(&machine->sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static const char *load(struct machine *machine, int argc, const char *const *argv)
{
	char *copy[8] = { NULL };
	int outcome;

	for (int i = 0; i < argc; i++)
		copy[i] = mem_strdup(argv[i]);
	outcome = conf_load_all(machine->conf, machine->world, NULL, argc, copy, &machine->err);
	for (int i = 0; i < argc; i++)
		mem_free(copy[i]);

	buf_clear(&machine->text);
	show(machine->conf, outcome, &machine->err, &machine->text);
	return machine->text.data ? machine->text.data : "";
}

static void put(struct machine *machine, const char *path, const char *text)
{
	sim_file_put(machine->world, path, bytes_of_text(text));
}

static void no_file_is_an_error(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	assert_string_equal(load(&m, 0, NULL),
			    "E1003 there is neither conf/flink-conf.yaml nor conf/config.yaml\n");
	machine_close(&m);
}

static void files_that_differ_are_named(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	sim_env_put(m.world, "FLINK_CONF_DIR", "/f");
	put(&m, "/f/masters", "localhost:9081\n");
	put(&m, "/f/config.yaml", "parallelism:\n  default: 2\nweb.exception-history-size: 7\n");
	put(&m, "/f/flink-conf.yaml", "parallelism.default: 3\nweb.exception-history-size: 7\n");
	assert_string_equal(
		load(&m, 0, NULL),
		"warning /f/config.yaml:2 gives parallelism.default as \"2\", "
		"/f/flink-conf.yaml:1 as \"3\": the second wins\n"
		"parallelism.default=3\nrest.port=9081\nweb.exception-history-size=7\n");
	assert_string_equal(conf_origin(m.conf, "rest.port"), "/f/masters:1");
	machine_close(&m);
}

static void variables_and_arguments_win(void **state)
{
	const char *argv[] = { "jobmanager", "-D", "web.exception-history-size=9", "--other",
			       "-Dparallelism.default=5" };
	struct machine m;

	(void)state;
	machine_open(&m);
	put(&m, "conf/flink-conf.yaml",
	    "jobmanager.rpc.address: file\nweb.exception-history-size: 1\n");
	sim_env_put(m.world, "JOB_MANAGER_RPC_ADDRESS", "variable");
	sim_env_put(m.world, "TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "2");
	sim_env_put(m.world, "HOST_NUMBER", "7");
	sim_env_put(
		m.world, "FLINK_PROPERTIES",
		"\n  jobmanager.rpc.address: jm-${HOST_NUMBER}$NONE\n  parallelism.default:4\n");
	assert_string_equal(load(&m, 5, argv),
			    "jobmanager.rpc.address=jm-7\nparallelism.default=5\n"
			    "taskmanager.numberOfTaskSlots=2\nweb.exception-history-size=9\n");
	assert_string_equal(conf_origin(m.conf, "jobmanager.rpc.address"), "FLINK_PROPERTIES:2");
	machine_close(&m);
}

static void heartbeats_must_fit_into_their_timeout(void **state)
{
	const char *argv[] = { "taskmanager", "-Dheartbeat.timeout=2 s" };
	struct machine m;

	(void)state;
	machine_open(&m);
	put(&m, "conf/flink-conf.yaml", "heartbeat.interval: 10 s\n");
	assert_string_equal(
		load(&m, 0, NULL),
		"E1001 default: heartbeat.timeout is \"5000\", which is not more than "
		"heartbeat.interval, \"10 s\" (conf/flink-conf.yaml:1): everybody would count as "
		"gone between two heartbeats\nheartbeat.interval=10 s\n");
	put(&m, "conf/flink-conf.yaml", "heartbeat.interval: 2000\n");
	assert_non_null(strstr(load(&m, 2, argv), "E1001 -D: heartbeat.timeout is \"2 s\", which is"));
	put(&m, "conf/flink-conf.yaml", "heartbeat.interval: 1999\n");
	assert_null(strstr(load(&m, 2, argv), "E1001"));
	machine_close(&m);
}

static void properties_may_be_yaml(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	put(&m, "conf/config.yaml", "");
	sim_env_put(m.world, "FLINK_PROPERTIES",
		    "taskmanager:\n  numberOfTaskSlots: 2\nrest.port: 1\n");
	assert_string_equal(load(&m, 0, NULL), "rest.port=1\ntaskmanager.numberOfTaskSlots=2\n");
	machine_close(&m);
}

static void properties_that_do_not_parse_are_named(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	put(&m, "conf/config.yaml", "");
	sim_env_put(m.world, "FLINK_PROPERTIES", "rest.port: 1\nrest.port=2\n");
	assert_string_equal(
		load(&m, 0, NULL),
		"E1002 FLINK_PROPERTIES:2: \"rest.port=2\" is not 'key: value'; write it as "
		"\"rest.port: 2\"\n");
	sim_env_put(m.world, "FLINK_PROPERTIES", "- rest.port\n");
	assert_string_equal(
		load(&m, 0, NULL),
		"E1002 FLINK_PROPERTIES:1: \"- rest.port\" is not 'key: value'; write it as, "
		"for example, \"rest.port: 8081\"\n");
	machine_close(&m);
}

static void files_that_are_no_text_are_refused(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	sim_file_put(m.world, "conf/config.yaml", bytes_of("\xff\xfer\0e\0", 6));
	assert_string_equal(load(&m, 0, NULL),
			    "E1002 conf/config.yaml is saved as UTF-16; save it as UTF-8\n");
	sim_file_put(m.world, "conf/config.yaml", bytes_of("a: \0b", 5));
	assert_string_equal(load(&m, 0, NULL),
			    "E1002 conf/config.yaml contains a zero byte at offset 3: it "
			    "is not a text file\n");
	machine_close(&m);
}

static void a_minus_d_without_a_pair_is_refused(void **state)
{
	const char *argv[] = { "jobmanager", "-D" };
	struct machine m;

	(void)state;
	machine_open(&m);
	put(&m, "conf/config.yaml", "");
	assert_string_equal(load(&m, 2, argv), "E1005 -D needs key=value behind it\n");
	machine_close(&m);
}

static void a_check_says_what_is_wrong(void **state)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;
	struct buf text;
	int outcome;

	(void)state;
	buf_init(&text);
	assert_int_equal(conf_parse_yaml(conf, "f", "colour: blue\n", &err), 0);
	assert_int_equal(conf_write_check(conf, 0, &err, &text), 0);
	assert_string_equal(text.data,
			    "warning: f:1: unknown setting \"colour\"; nothing reads it\n"
			    "The settings are good: 1 set, 1 warning.\n");
	buf_clear(&text);
	outcome = conf_parse_yaml(conf, "g", "rest.port: x\n", &err);
	assert_int_equal(conf_write_check(conf, outcome, &err, &text), 1);
	assert_non_null(strstr(text.data,
			       "error E1001: g:1: rest.port is \"x\", which is not a port from 0 "
			       "to 65535\n hint: correct the value"));
	buf_fini(&text);
	conf_destroy(&conf);
	assert_int_equal(mem_bytes_out(), 0);
}

static void the_sample_parses_to_the_defaults(void **state)
{
	struct conf *conf = conf_create(), *defaults = conf_create();
	struct err err = ERR_INIT;
	struct buf sample, all;
	size_t at = 0;
	const char *key, *value;

	(void)state;
	buf_init(&sample);
	buf_init(&all);
	conf_write_sample(&sample);
	assert_int_equal(conf_parse_yaml(conf, "sample", sample.data, &err), 0);
	assert_int_equal(conf_warnings_count(conf), 0);
	while (conf_next(conf, &at, &key, &value))
		if (strcmp(key, "taskmanager.host") != 0)
			assert_string_equal(value, conf_text(defaults, key));
	/* Every line that is commented out is a setting too, and means its default. */
	for (const char *line = sample.data; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] != '#' || line[1] == ' ' || line[1] == '\n')
			continue;
		buf_add(&all, line + 1, strcspn(line, "\n"));
	}
	assert_int_equal(conf_parse_flink_conf(conf, "sample", all.data, &err), 0);
	for (at = 0; conf_next(conf, &at, &key, &value);)
		assert_true(conf_known(key));
	buf_fini(&sample);
	buf_fini(&all);
	conf_destroy(&conf);
	conf_destroy(&defaults);
	assert_int_equal(mem_bytes_out(), 0);
}

static void generated_texts_name_every_row(void **state)
{
	struct buf docs, help, errors;

	(void)state;
	buf_init(&docs);
	buf_init(&help);
	buf_init(&errors);
	conf_write_docs(&docs);
	conf_write_help(&help);
	conf_write_errors(&errors);
	for (size_t i = 0; i < conf_specs_count; i++) {
		if (conf_specs[i].key == NULL)
			continue;
		if (strstr(docs.data, conf_specs[i].key) == NULL)
			fail_msg("%s is not in the docs", conf_specs[i].key);
		if (conf_specs[i].effect == CONF_WORKS &&
		    strstr(help.data, conf_specs[i].key) == NULL)
			fail_msg("%s is not in the help", conf_specs[i].key);
	}
	assert_non_null(
		strstr(errors.data, "| E1001 | a setting has a value that is not allowed |"));
	assert_non_null(strstr(errors.data, "| E9999 |"));
	buf_fini(&docs);
	buf_fini(&help);
	buf_fini(&errors);
	assert_int_equal(mem_bytes_out(), 0);
}

static uint64_t count_up(void *context)
{
	uint64_t *state = context;

	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static void the_simulator_draws_allowed_values(void **state)
{
	uint64_t seed = 1;
	bool differs = false;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct conf *conf = conf_create();

		conf_draw(conf, count_up, &seed); /* CHECKs each value against its row */
		differs |= conf_int(conf, "taskmanager.numberOfTaskSlots") != 1;
		conf_destroy(&conf);
	}
	assert_true(differs);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flink_conf),
		cmocka_unit_test(yaml),
		cmocka_unit_test(values),
		cmocka_unit_test(masters),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(ports),
		cmocka_unit_test(every_row_is_sound),
		cmocka_unit_test(values_have_their_types),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(long_and_dirty_values_are_cut_in_messages),
		cmocka_unit_test(no_file_is_an_error),
		cmocka_unit_test(files_that_differ_are_named),
		cmocka_unit_test(variables_and_arguments_win),
		cmocka_unit_test(heartbeats_must_fit_into_their_timeout),
		cmocka_unit_test(properties_may_be_yaml),
		cmocka_unit_test(properties_that_do_not_parse_are_named),
		cmocka_unit_test(files_that_are_no_text_are_refused),
		cmocka_unit_test(a_minus_d_without_a_pair_is_refused),
		cmocka_unit_test(a_check_says_what_is_wrong),
		cmocka_unit_test(the_sample_parses_to_the_defaults),
		cmocka_unit_test(generated_texts_name_every_row),
		cmocka_unit_test(the_simulator_draws_allowed_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
