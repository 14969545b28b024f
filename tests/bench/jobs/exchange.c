/* SPDX-License-Identifier: Apache-2.0
 * exchange.c - records exchanged by key and nothing else: from sources into sinks that count them.
 *
 *	bin/flink run -p N exchange.so --records N [--period N] [--payload BYTES] [--apart]
 *
 * --records: of each subtask. --payload: records of 40 bytes and so many more, instead of 32
 * bytes. --apart: sources and sinks may not share a slot, so with one slot for each TaskManager and
 * -p 1 all records cross over to another process. --period: keys drawn beforehand, where many
 * subtasks would draw too many. */
#include <flink/flink.h>

FLINK_RECORD(row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		  FIELD(BIGINT, extra));
FLINK_RECORD(long_row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		       FIELD(BYTES, payload));

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *options[] = { "records", flink_arg_or(args, "records", "1000000"),
				  "payload", flink_arg_or(args, "payload", "0"),
				  "period", flink_arg_or(args, "period", "4194304"), NULL };
	struct stream *rows = flink_arg_is_set(args, "payload") ?
				      from_connector(env, "bench-rows", long_row, options) :
				      from_connector(env, "bench-rows", row, options);
	struct stream *sink = to_connector(key_by(rows, "key"), "bench-sum", NULL);

	if (flink_arg_is_set(args, "apart"))
		slot_sharing_group(sink, "sinks");
	return flink_execute(env, "Exchange", err);
}
