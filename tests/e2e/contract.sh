#!/usr/bin/env bash
# contract.sh - every route of the REST API of a real cluster, with jobs in every state, held against /openapi.json and
# against what Flink's clients expect.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

here=$root/tests/e2e

submit() { # submit ARGUMENT…: over REST, as a remote client does; sets $id
	./bin/flink run -d -m "localhost:$rest_port" "$@" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
}

test_every_route_keeps_its_contract() {
	make_home "$scratch/flink home" "taskmanager.numberOfTaskSlots: 4" "restart-strategy.type: fixed-delay" \
		"restart-strategy.fixed-delay.attempts: 1" "restart-strategy.fixed-delay.delay: 0 ms"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
	python3 "$here/contract.py" before "http://localhost:$rest_port" || fail "before there are jobs"
	cat >fails.c <<-'C'
		#include <flink/flink.h>
		static void refuse(const struct line *in, struct line *out)
		{
			(void)in;
			(void)out;
			flink_fail("on purpose");
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			static const char *const lines[] = { "a" };
			(void)args;
			print(rebalance(map(from_lines(env, lines, 1), refuse, line)));
			return flink_execute(env, "fails", err);
		}
	C
	submit fails.c
	local failed=$id running finished waiting canceled doomed
	until_true 20 job_is "$failed" FAILED
	printf 'to be\nor not to be\n' >words.txt
	submit examples/streaming/WordCount.jar --input "$PWD/words.txt"
	finished=$id
	until_true 20 job_is "$finished" FINISHED
	submit examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	canceled=$id
	until_true 20 job_is "$canceled" RUNNING
	./bin/flink cancel "$canceled" >/dev/null 2>&1
	until_true 20 job_is "$canceled" CANCELED
	open_text_server
	submit examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	running=$id
	echo "to be or not to be" >&9
	all_run() { rest "/jobs/$running" | jq -e 'all(.vertices[]; .status == "RUNNING")'; }
	until_true 20 all_run
	submit examples/streaming/SocketWindowWordCount.jar --port "$spare_port"
	doomed=$id
	until_true 20 job_is "$doomed" RUNNING
	submit -p 40 examples/streaming/SocketWindowWordCount.jar --port "$spare_port"
	waiting=$id
	python3 "$here/contract.py" full "http://localhost:$rest_port" running="$running" finished="$finished" failed="$failed" \
		waiting="$waiting" canceled="$canceled" doomed="$doomed" || fail "see above"
	gone() { ! kill -0 "$(tail -n 1 pid/flink-*-standalonesession.pid 2>/dev/null | cut -d' ' -f1)" 2>/dev/null; }
	until_true 20 gone
}

run_tests
