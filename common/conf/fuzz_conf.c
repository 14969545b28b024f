/* SPDX-License-Identifier: Apache-2.0
 * fuzz_conf.c - any bytes as a settings file: the first chooses the grammar, the rest is the text.
 *  */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf, *copy;
	struct err err = ERR_INIT;
	struct buf text;
	char *input;
	const char *key, *value;
	int outcome = 0;

	if (size < 1 || size > 65536)
		return 0;
	input = mem_strndup((const char *)data + 1, size - 1);
	conf = conf_create();
	switch (data[0] % 4) {
	case 0: outcome = conf_parse_flink_conf(conf, "f", input, &err); break;
	case 1: outcome = conf_parse_yaml(conf, "f", input, &err); break;
	case 2: outcome = conf_parse_masters(conf, "f", input, &err); break;
	case 3: outcome = conf_set_pair(conf, input, "-D", &err); break;
	}
	CHECK(outcome == 0 || (err.code != ERR_NONE && err.text[0] != '\0'),
	      "an error without a text");
	/* What was stored is allowed: it can be stored again, and read with its type. */
	copy = conf_copy(conf);
	for (size_t at = 0; conf_next(conf, &at, &key, &value);)
		CHECK(conf_set(copy, key, value, "again", &err) == 0, "%s", err.text);
	conf_int(conf, "rest.port");
	conf_duration_ms(conf, "heartbeat.interval");
	conf_memory_bytes(conf, "taskmanager.memory.segment-size");
	buf_init(&text);
	conf_write_explain(conf, &text);
	conf_write_check(conf, outcome, &err, &text);
	buf_fini(&text);
	conf_destroy(&copy);
	conf_destroy(&conf);
	mem_free(input);
	CHECK(mem_bytes_out() == 0, "%lld bytes are lost", (long long)mem_bytes_out());
	return 0;
}
