/* SPDX-License-Identifier: Apache-2.0
 * maps.c - five maps in one chain, each a call of a function of this object, on records of 32
 * bytes; what comes out is written once, into the sink's hands.
 *
 *	bin/flink run -p N maps.so --records PER_SUBTASK [--batch] [--none]
 *
 * --batch: the same maps by map_batch; --none: no maps, to be taken off. Each map adds one to the
 * value, so that the sum over all records says that each of them was called for each. */
#include <flink/flink.h>

#define MAPS 5

FLINK_RECORD(row, FIELD(BIGINT, key) FIELD(BIGINT, time) FIELD(BIGINT, value)
		  FIELD(BIGINT, extra));

static void add_one(const struct row *in, struct row *out)
{
	out->key = in->key;
	out->time = in->time;
	out->value = in->value + 1;
	out->extra = in->extra ^ in->key;
}

static void add_one_batch(const struct row *in, struct row *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_one(&in[i], &out[i]);
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *options[] = { "records", flink_arg_or(args, "records", "1000000"), NULL };
	struct stream *rows = from_connector(env, "bench-rows", row, options);
	bool none = flink_arg_is_set(args, "none"), batch = flink_arg_is_set(args, "batch");

	for (int i = 0; i < MAPS && !none; i++)
		rows = batch ? map_batch(rows, add_one_batch, row) : map(rows, add_one, row);
	to_connector(rows, "bench-sum", NULL);
	return flink_execute(env, "Five maps", err);
}
