/* SPDX-License-Identifier: Apache-2.0
 * latency.c - what limit/latency_floor does, as a job: records are due on a schedule in one
 * TaskManager, go through an exchange by key, and a histogram in another says how late they come.
 *
 *	bin/flink run latency.so --records N --rate PER_SECOND [--wait spin|sleep]
 *
 * With one slot for each of two TaskManagers every record crosses over: source and sink may not
 * share a slot. The first tenth of the records does not count. */
#include <flink/flink.h>

FLINK_RECORD(row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		  FIELD(BIGINT, extra));

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	int64_t records = 0;
	char ignored[32];

	if (flink_arg_int(args, "records", &records, err) != 1)
		return err_set(err, ERR_PROGRAM_FAILED, "give --records N");
	snprintf(ignored, sizeof(ignored), "%lld", (long long)records / 10);
	const char *schedule[] = { "records", flink_arg(args, "records"),
				   "rate", flink_arg_or(args, "rate", "100000"),
				   "wait", flink_arg_or(args, "wait", "spin"), NULL };
	const char *histogram[] = { "ignored", ignored, NULL };
	struct stream *rows = from_connector(env, "bench-schedule", row, schedule);

	slot_sharing_group(to_connector(key_by(rows, "key"), "bench-latency", histogram), "sink");
	return flink_execute(env, "Latency", err);
}
