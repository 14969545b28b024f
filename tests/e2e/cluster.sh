#!/usr/bin/env bash
# The cluster under a user's hands: cancel, several TaskManagers, waiting for slots, kill -9, SIGSTOP, local mode.
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
}

submit_waiting() { # a job that runs until cancelled; sets $id
	./bin/flink run -d "$@" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
}

worker_pid() { # the pid of the TaskManager's working child
	pgrep -P "$(tail -n 1 "$home_dir"/pid/flink-*-taskexecutor.pid | cut -d' ' -f1)" | head -n 1
}

test_cancel_by_prefix_and_by_name() {
	start "taskmanager.numberOfTaskSlots: 2"
	submit_waiting
	until_true 20 job_is "$id" RUNNING
	./bin/flink cancel "${id:0:6}" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	contains "$(cat cancel.txt)" "Cancelling job $id."
	contains "$(cat cancel.txt)" "Cancelled job $id."
	until_true 20 job_is "$id" CANCELED
	submit_waiting
	until_true 20 job_is "$id" RUNNING
	./bin/flink cancel "Socket Window WordCount" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 20 job_is "$id" CANCELED
	until_true 20 overview_is slots-available 2
	! ./bin/flink cancel 0123456789abcdef0123456789abcdef >cancel.txt 2>&1 || fail "cancelled nothing"
	./bin/flink list -a | grep -c CANCELED | grep -qx 2 || fail "$(./bin/flink list -a)"
}

# A buffer holds 4000 of its records, more than a minute of its work: neither its first results nor its end wait for that.
test_a_slow_function_gives_results_at_once_and_can_be_cancelled() {
	start
	cat >slow.c <<-'C'
		#include <flink/flink.h>
		#include <time.h>
		FLINK_RECORD(number, FIELD(BIGINT, n));
		static void spread(const struct number *in, struct collector *out)
		{
			for (int64_t i = 0; i < in->n; i++)
				collect(out, number, .n = i);
		}
		static void doze(const struct number *in, struct number *out)
		{
			struct timespec time = { 0, 20000000 };
			out->n = in->n;
			nanosleep(&time, NULL);
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			struct number number = { 9000 };
			struct stream *many = flat_map(from_records(env, number, &number, 1), spread, number);
			print(rebalance(map(rebalance(many), doze, number)));
			return flink_execute(env, "Slow", err);
		}
	C
	./bin/flink run -d slow.c >run.txt 2>&1 || fail "$(cat run.txt)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 grep -q '^7$' log/flink-*-taskexecutor-*.out
	./bin/flink cancel Slow >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 20 job_is "$id" CANCELED
}

test_job_waits_for_slots_with_numbers_and_starts_by_itself() {
	start
	submit_waiting -p 2
	short_of() { rest /jobs/overview | jq -r '.jobs[0].note' | grep "needs 2 slots, 1 free"; }
	until_true 20 short_of
	./bin/flink list 2>&1 | grep -q "needs 2 slots, 1 free" || fail "$(./bin/flink list 2>&1)"
	./bin/taskmanager.sh start >tm.txt 2>&1
	until_true 20 job_is "$id" RUNNING
	all_run() { rest "/jobs/$id" | jq -e '([.vertices[].tasks.RUNNING] | add) == ([.vertices[].parallelism] | add)' ; }
	until_true 20 all_run
	./bin/flink cancel "$id" >/dev/null
	until_true 20 job_is "$id" CANCELED
}

test_two_taskmanagers_exchange_records() {
	start
	./bin/taskmanager.sh start >tm.txt 2>&1
	until_true 20 overview_is taskmanagers 2
	for i in $(seq 2000); do echo "alpha beta gamma delta alpha-$((i % 97))"; done >in.txt
	./bin/flink run -p 2 examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	[[ $(cat out/* | wc -l) == 12000 ]] || fail "$(cat out/* | wc -l) lines"
	[[ $(cat out/* | grep -c '^(alpha,4000)$') == 1 ]] || fail "alpha is not counted once to the end"
	[[ $(cat out/* | grep -c '^(beta,2000)$') == 1 ]] || fail "beta"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	[[ $(rest "/jobs/$id" | jq '[.vertices[] | select(.name | startswith("Source")) | .metrics["write-records"]] | add') == 12000 ]] ||
		fail "records out of the source: $(rest "/jobs/$id" | jq -c '.vertices[].metrics')"
}

test_killed_taskmanager_comes_back_and_the_job_restarts() {
	start "restart-strategy.type: fixed-delay" "restart-strategy.fixed-delay.attempts: 10" "restart-strategy.fixed-delay.delay: 100 ms"
	submit_waiting
	until_true 20 job_is "$id" RUNNING
	kill -9 "$(worker_pid)"
	# It may be back before anybody has seen it gone: its supervisor waits a tenth of a second.
	until_true 20 file_has "$(echo log/flink-*-taskexecutor-0-*.log)" "it starts again in 100 ms"
	until_true 20 overview_is taskmanagers 1
	until_true 20 job_is "$id" RUNNING
	restarted() { rest "/jobs/$id" | jq -e '.restarts >= 1'; }
	until_true 20 restarted
	open_text_server
	echo "after the crash" >&9
	until_true 20 file_has "$(echo log/flink-*-taskexecutor-0-*.out)" '^crash : 1$'
	exec 9>&-
	until_true 20 job_is "$id" FINISHED
}

test_stopped_taskmanager_leaves_and_returns() {
	start "heartbeat.timeout: 2000" "heartbeat.interval: 300"
	local child
	child=$(worker_pid)
	kill -STOP "$child"
	until_true 20 overview_is slots-total 0
	kill -CONT "$child"
	until_true 20 overview_is slots-total 1
}

test_taskmanager_started_first_registers_when_the_jobmanager_appears() {
	make_home "$scratch/flink"
	cd "$home_dir"
	./bin/taskmanager.sh start >tm.txt 2>&1 || true
	./bin/jobmanager.sh start >jm.txt 2>&1
	until_true 20 overview_is taskmanagers 1
}

test_local_target_needs_no_cluster() {
	make_home "$scratch/flink"
	cd "$home_dir"
	printf 'one two\ntwo' >in.txt
	./bin/flink run --target local examples/streaming/WordCount.jar --input "$PWD/in.txt" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(two,2\)$'
	file_has run.txt '^Job Runtime: [0-9]+ ms$'
}

test_local_target_works_where_a_cluster_has_a_secret() {
	echo a-secret >"$scratch/secret"
	make_home "$scratch/flink" "security.cluster.secret-file: $scratch/secret"
	cd "$home_dir"
	./bin/flink run --target local examples/streaming/WordCount.jar >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(be,2\)$'
	export FLINK_CLUSTER_SECRET=another
	./bin/flink run --target local examples/streaming/WordCount.jar >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(be,2\)$'
}

test_rest_submission_equals_rpc_submission() {
	start "taskmanager.numberOfTaskSlots: 4"
	submit_waiting -p 2
	local by_rpc=$id by_rest
	submit_waiting -p 2 -m "localhost:$rest_port"
	by_rest=$id
	until_true 20 job_is "$by_rpc" RUNNING
	until_true 20 job_is "$by_rest" RUNNING
	graph_of() { rest "/jobs/$1" | jq -S '{plan: (.plan | del(.jid)), vertices: [.vertices[] | {id, name, parallelism, maxParallelism, status}]}'; }
	diff <(graph_of "$by_rpc") <(graph_of "$by_rest") || fail "the two ExecutionGraphs differ"
}

test_state_larger_than_its_memory_fails_its_job_alone() {
	start "taskmanager.memory.process.size: 1728m" "taskmanager.memory.managed.size: 2mb" "taskmanager.numberOfTaskSlots: 2"
	until_true 20 overview_is taskmanagers 1
	local memory
	memory=$(rest /taskmanagers | jq -c '.taskmanagers[0].memoryConfiguration | map_values(. / 1048576)')
	same '{"frameworkHeap":128,"taskHeap":894,"frameworkOffHeap":128,"taskOffHeap":0,"networkMemory":128,"managedMemory":2,"jvmMetaspace":256,"jvmOverhead":192,"totalFlinkMemory":1280,"totalProcessMemory":1728}' "$memory"
	submit_waiting # its neighbour
	until_true 20 job_is "$id" RUNNING
	seq -f 'word%09.0f' 100000 >words.txt
	! ./bin/flink run examples/streaming/WordCount.jar --input "$PWD/words.txt" --output "$PWD/out" >run.txt 2>&1 || fail "it ran: $(cat run.txt)"
	contains "$(cat run.txt)" "E3009"
	contains "$(cat run.txt)" "of the 1.0 MiB of managed memory that a slot may use"
	contains "$(cat run.txt)" "raise taskmanager.memory.managed.size"
	job_is "$id" RUNNING || fail "the other job suffers"
}

test_c_file_is_compiled_and_run() {
	start
	cat >job.c <<'C'
#include <flink/flink.h>
#include <string.h>

FLINK_RECORD(length, FIELD(STRING, text) FIELD(BIGINT, bytes));

static void measure(const struct line *in, struct length *out)
{
	out->text = str_copy(&in->text);
	out->bytes = in->text.len;
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	static const char *const lines[] = { "a", "a line that is longer than twelve bytes" };

	print(map(from_lines(env, lines, 2), measure, length));
	return flink_execute(env, "lengths", err);
}
C
	./bin/flink run job.c >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(a,1\)$'
	file_has run.txt '^\(a line that is longer than twelve bytes,39\)$'
	sed -i 's/measure, length/measure, lenght/' job.c
	! ./bin/flink run job.c >run.txt 2>&1 || fail "compiled"
	contains "$(cat run.txt)" "job.c"
}

run_tests
