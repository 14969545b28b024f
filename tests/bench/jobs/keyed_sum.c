/* SPDX-License-Identifier: Apache-2.0
 * keyed_sum.c - the work of tests/bench/limit/keyby_inproc and keyby_tcp as a job: records of 32
 * bytes are generated, exchanged by key and added up, and every update goes to a sink that checks
 * their number and their sum.
 *
 *	bin/flink run -p N keyed_sum.so --records PER_SUBTASK --keys K [--apart]
 *
 * --apart: sources and sums may not share a slot, so with one slot for each TaskManager and -p 1
 * all records cross over to another process. */
#include <flink/flink.h>

FLINK_RECORD(row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		  FIELD(BIGINT, extra));

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *options[] = { "records", flink_arg_or(args, "records", "1000000"),
				  "keys", flink_arg_or(args, "keys", "100"), NULL };
	struct stream *rows = from_connector(env, "bench-rows", row, options);
	struct stream *sums = sum(key_by(rows, "key"), "value");

	if (flink_arg_is_set(args, "apart"))
		slot_sharing_group(sums, "sums");
	to_connector(sums, "bench-sum", NULL);
	return flink_execute(env, "Keyed sum", err);
}
