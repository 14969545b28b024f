#!/usr/bin/env bash
# Jobs with more channels than the network memory has buffers of full size: they get fewer, then smaller ones; too many
# are refused before anything runs, with figures.
source "$(dirname "$0")/cases.sh"

# 20 letters, each LINES times, counted by wide subtasks; every tenth count is printed.
wide_program() {
	cat >wide.c <<-'C'
		#include <flink/flink.h>
		#include <stdlib.h>
		FLINK_RECORD(counted, FIELD(STRING, text) FIELD(BIGINT, count));
		static void widen(const struct line *in, struct collector *out)
		{
			char text[2] = "";
			for (int times = 0; times < 100; times++) {
				text[0] = (char)('a' + (str_ptr(&in->text)[0] + times) % 20);
				collect(out, counted, .text = str_of(text, 1), .count = 1);
			}
		}
		static bool tenth(const struct counted *in)
		{
			return in->count % 10 == 0;
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			uint32_t wide = (uint32_t)atoi(flink_arg_or(args, "wide", "1"));
			struct stream *lines = set_parallelism(read_text_file(env, flink_arg(args, "in")), 1);
			struct stream *many = set_parallelism(flat_map(lines, widen, counted), wide);
			struct stream *counts = set_parallelism(sum(key_by(many, "text"), "count"), wide);
			struct stream *some = set_parallelism(filter(counts, tenth), wide);
			set_parallelism(print(some), 1);
			return flink_execute(env, "wide", err);
		}
	C
}

start() { # SETTING…
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	wide_program
	for ((i = 0; i < 400; i++)); do echo "${i}"; done >in.txt
}

# 40 000 records, 2 000 of each letter: 200 tenths of each, once.
counts_of() { # WIDE
	./bin/flink run wide.c --wide "$1" --in "$PWD/in.txt" >run.txt 2>run.err || fail "$(cat run.err)"
	same "4000 4000" "$(grep -cE '\([a-t],[0-9]+0\)$' run.txt) $(grep -oE '\([a-t],[0-9]+0\)$' run.txt | sort -u | wc -l)"
}

test_twenty_by_twenty_fit_two_mebibytes() {
	start "taskmanager.numberOfTaskSlots: 20" "taskmanager.memory.network.min: 2 mb" "taskmanager.memory.network.max: 2 mb"
	counts_of 20
}

test_a_hundred_by_a_hundred_fit_one_taskmanager() {
	start "taskmanager.numberOfTaskSlots: 100" "taskmanager.memory.network.min: 64 mb" \
		"taskmanager.memory.network.max: 64 mb"
	counts_of 100
}

test_one_buffer_each_and_none_to_share() {
	start "taskmanager.numberOfTaskSlots: 8" "taskmanager.network.memory.buffers-per-channel: 1" \
		"taskmanager.network.memory.floating-buffers-per-gate: 0" "taskmanager.memory.segment-size: 2 kb"
	counts_of 8
}

test_too_many_are_refused_before_anything_runs() {
	start "taskmanager.numberOfTaskSlots: 40" "taskmanager.memory.network.min: 1 mb" "taskmanager.memory.network.max: 1 mb"
	! ./bin/flink run wide.c --wide 40 --in "$PWD/in.txt" >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "channels of the job end on TaskManager localhost:"
	contains "$(cat run.err)" "of network memory, its 1024 KiB do not suffice: raise taskmanager.memory.network.min"
	! grep -q "Received task" log/*taskexecutor*.log || fail "a task was deployed"
}

run_tests
