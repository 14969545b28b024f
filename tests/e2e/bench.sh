#!/usr/bin/env bash
# bench.sh - the jobs and connectors of tests/bench give right answers: a wrong one would have no speed. Also
# a connector of a user's own, which a cluster finds in its lib folder. Nothing is timed.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

bench=$root/build/$build/tests/bench
records=20000

start() { # two TaskManagers with a slot each, which have the library under the names of what is in it
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	for connector in rows lines schedule sum count latency; do
		ln -s "$bench/flink-bench.so" "lib/flink-bench-$connector.so"
	done
	printf 'localhost\nlocalhost\n' >conf/workers
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 2
}

run_job() { # run_job JOB ARGUMENT…: sets $said
	local job=$1
	shift
	said=$(./bin/flink run -p "$parallelism" "$bench/jobs/$job.so" --records "$records" "$@" 2>&1) || fail "$said"
}

sinks_say() { # sinks_say RECORDS TOTAL: all sinks together
	local line
	line=$(sed -n 's/^bench-sum [0-9]* records \([0-9]*\) total \([0-9]*\) .*/\1 \2/p' <<<"$said" |
		awk '{ records += $1; total += $2 } END { printf "%d %.0f\n", records, total }')
	same "$1 $2" "$line"
}

test_sums_by_key_are_right() {
	start
	parallelism=2
	run_job keyed_sum --keys 100
	sinks_say 40000 "$("$bench/keyed_sum_answer" "$records" 2 100)"
	parallelism=1
	run_job keyed_sum --keys 5000 --apart
	sinks_say 20000 "$("$bench/keyed_sum_answer" "$records" 1 5000)"
}

test_maps_run_for_every_record() {
	start
	parallelism=2
	run_job maps
	sinks_say 40000 $((6 * 40000))
	run_job maps --batch
	sinks_say 40000 $((6 * 40000))
	run_job maps --none
	sinks_say 40000 40000
}

test_the_example_maps_many_at_once() {
	start
	said=$(./bin/flink run examples/streaming/Celsius.jar 2>&1) || fail "$said"
	same "$(printf '(%s)\n' 1,-0.8333333333333334 1,0.0 2,20.0 3,-40.0)" "$(grep '^(' <<<"$said" | sort)"
	printf '4,212\nfour\n' >readings
	if said=$(./bin/flink run examples/streaming/Celsius.jar --input readings 2>&1); then
		fail "$said"
	fi
	contains "$said" '"four" is not "station,degrees"'
}

test_long_records_arrive_whole() {
	start
	parallelism=1
	run_job exchange --payload 984 --apart
	sinks_say 20000 20000
}

test_records_on_a_schedule_arrive_in_order() {
	start "execution.buffer-timeout.interval: 0 ms"
	parallelism=1
	for wait in spin sleep; do
		run_job latency --rate 100000 --wait "$wait"
		contains "$said" "bench-latency 0 records 20000 out_of_order 0 early 0 p50"
	done
}

test_wrong_options_are_refused_by_name() {
	start "restart-strategy.type: none"
	if said=$(./bin/flink run "$bench/jobs/keyed_sum.so" --records many 2>&1); then
		fail "$said"
	fi
	contains "$said" 'option "records" is "many", which is no whole number'
	if said=$(./bin/flink run "$bench/jobs/latency.so" --records 10 --wait long 2>&1); then
		fail "$said"
	fi
	contains "$said" 'bench-schedule waits by "spin" or "sleep", not by "long"'
}

run_tests
