/* SPDX-License-Identifier: Apache-2.0
 * bench.h - what the sources and sinks of lib/flink-bench.so share. They exist to be measured with:
 * clusters of tests/bench/run alone have the library. They report by one printed line each, which
 * tests/bench/run reads, with CLOCK_MONOTONIC's nanoseconds in it: one clock for all processes. */
#ifndef TESTS_BENCH_CONNECTOR_BENCH_H
#define TESTS_BENCH_CONNECTOR_BENCH_H

#include "common/contract/registry.h"
#include "connectors/options.h"

/* The record of the limit programs (tests/bench/limit/sum_table.h). */
struct bench_row {
	uint64_t key;
	int64_t time, value;
	uint64_t extra;
};

extern const struct source_vtable bench_rows_source, bench_lines_source, bench_schedule_source;
extern const struct sink_vtable bench_sum_sink, bench_count_sink, bench_latency_sink;

/* The library's entry; programs that have it linked in call it. */
int flink_connector(uint32_t abi);

/* A whole number of an option: `otherwise` when it is not given. */
MUST_USE int bench_number(const struct options *options, const char *key, uint64_t otherwise,
			  uint64_t *value, struct err *err);
/* ERR_PLAN_INVALID unless the type's first fields are those of struct bench_row. */
MUST_USE int bench_check_type(const struct record_type *type, const char *who, struct err *err);
/* One line to the job's output. */
void bench_say(const struct operator_context *context, const char *format, ...) PRINTF(2, 3);

#endif
