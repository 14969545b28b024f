#!/usr/bin/env bash
# The tutorial's commands as typed, and what the screen must show (B7 to B10).
source "$(dirname "$0")/cases.sh"

start() { # a home, and a cluster in it
	make_home "$scratch/my flink" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>start.err || { cat start.txt start.err >&2; fail "start-cluster.sh failed"; }
}

test_cluster_starts_says_so_and_stops() {
	start
	local host
	host=$(hostname)
	[[ $(sed -n 1p start.txt) == "Starting cluster." ]] || fail "first line: $(sed -n 1p start.txt)"
	[[ $(sed -n 2p start.txt) == "Starting standalonesession daemon on host $host." ]] || fail "$(sed -n 2p start.txt)"
	[[ $(sed -n 3p start.txt) == "Starting taskexecutor daemon on host $host." ]] || fail "$(sed -n 3p start.txt)"
	contains "$(cat start.txt)" "1 JobManager, 1 TaskManager, 1 slot"
	contains "$(cat start.txt)" "http://localhost:$rest_port"
	overview_is taskmanagers 1
	overview_is slots-total 1
	overview_is slots-available 1
	[[ -f log/flink-$(id -un)-taskexecutor-0-$host.out && ! -s log/flink-$(id -un)-taskexecutor-0-$host.out ]] ||
		fail "no empty .out file: $(ls log)"
	./bin/stop-cluster.sh >stop.txt 2>&1
	grep -qE "^Stopping taskexecutor daemon \(pid: [0-9]+\) on host $host\.$" stop.txt || fail "$(cat stop.txt)"
	grep -qE "^Stopping standalonesession daemon \(pid: [0-9]+\) on host $host\.$" stop.txt || fail "$(cat stop.txt)"
	! rest /overview 2>/dev/null || fail "8081's stand-in still answers"
}

test_second_start_adds_nothing_silently() {
	start
	./bin/start-cluster.sh >again.txt 2>&1 || true
	contains "$(cat again.txt)" "already running"
	overview_is taskmanagers 1
}

test_socket_window_word_count_shows_counts_everywhere() {
	start
	local out
	out=$(echo log/flink-*-taskexecutor-0-*.out)
	open_text_server
	background ./bin/flink run examples/streaming/SocketWindowWordCount.jar --hostname localhost --port "$text_port" >run.txt 2>run.err
	local run_pid=$pid id
	until_true 10 file_has run.txt '^Job has been submitted with JobID [0-9a-f]{32}$'
	[[ $(head -n 1 run.txt) == "Job has been submitted with JobID "* ]] || fail "first line: $(head -n 1 run.txt)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 10 job_is "$id" RUNNING
	./bin/flink list >list.txt
	grep -qE "^[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9:]{8} : $id : Socket Window WordCount \(RUNNING\)$" list.txt || fail "$(cat list.txt)"
	[[ $(rest "/jobs/$id" | jq -r '.vertices[0].name') == "Source: Socket Stream -> Flat Map" ]] || fail "$(rest "/jobs/$id")"
	[[ $(rest "/jobs/$id" | jq -r '.vertices[1].name') == "TumblingProcessingTimeWindows -> Sink: Print to Std. Out" ]] || fail "$(rest "/jobs/$id")"
	[[ $(rest "/jobs/$id" | jq -r '.plan.nodes[] | select(.inputs) | .inputs[0].ship_strategy') == HASH ]] || fail "no HASH"
	overview_is slots-available 0
	echo "hello world hello" >&9
	until_true 8 file_has "$out" '^hello : 2$'
	until_true 2 file_has "$out" '^world : 1$'
	printf 'hello  again\r\n\n' >&9
	until_true 8 file_has "$out" '^hello : 1$'
	file_has "$out" '^again : 1$'
	file_has "$out" '^ : 2$' # two spaces, and an empty line
	until_true 2 file_has run.txt '^hello : 2$'
	rest "/jobs/$id/output" | jq -r .output | grep -q '^hello : 2$' || fail "the page's output lacks the line"
	printf 'last words' >&9
	exec 9>&-
	wait "$run_pid" || fail "run ended with $?: $(cat run.txt run.err)"
	tail -n 4 run.txt >end.txt
	[[ $(sed -n 1p end.txt) == "Program execution finished" ]] || fail "$(cat run.txt)"
	[[ $(sed -n 2p end.txt) == "Job with JobID $id has finished." ]] || fail "$(cat run.txt)"
	grep -qE '^Job Runtime: [0-9]+ ms$' <(sed -n 3p end.txt) || fail "$(cat run.txt)"
	[[ -z $(sed -n 4p end.txt) ]] || fail "$(cat run.txt)"
	file_has "$out" '^words : 1$' # the unfinished window fired at the end
	job_is "$id" FINISHED
	until_true 5 overview_is slots-available 1
}

test_without_port_two_lines_tell_what_to_do() {
	start
	if ./bin/flink run examples/streaming/SocketWindowWordCount.jar >run.txt 2>run.err; then :; fi
	contains "$(cat run.err)" "No port specified. Please run 'SocketWindowWordCount --hostname <hostname> --port <port>'"
	contains "$(cat run.err)" "To start a simple text server, run 'netcat -l <port>'"
	overview_is jobs-running 0
	overview_is jobs-finished 0
}

test_source_waits_for_a_server_and_says_so() {
	start
	local id
	./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 10 job_is "$id" RUNNING
	waits() { rest /jobs/overview | jq -r '.jobs[0].note' | grep "waiting for localhost:$text_port"; }
	until_true 5 waits
	echo "late but here" | ./bin/text-server "$text_port" >/dev/null &
	started_pids+=("$!")
	until_true 10 job_is "$id" FINISHED
	file_has "$(echo log/flink-*-taskexecutor-0-*.out)" '^late : 1$'
}

test_word_count_prints_updates_and_writes_files() {
	start
	./bin/flink run examples/streaming/WordCount.jar >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(to,1\)$'
	file_has run.txt '^\(be,2\)$'
	printf 'To be, or not\nto be' >in.txt
	./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out.txt" >run2.txt 2>run2.err || fail "$(cat run2.txt run2.err)"
	[[ $(sort out.txt | tr '\n' ' ') == "(be,1) (be,2) (not,1) (or,1) (to,1) (to,2) " ]] || fail "$(cat out.txt)"
	! ./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out.txt" >run3.txt 2>&1 || fail "overwritten"
	contains "$(cat run3.txt)" "out.txt"
}

test_cluster_down_is_one_sentence_within_two_seconds() {
	make_home "$scratch/flink"
	cd "$home_dir"
	local began=$SECONDS
	! ./bin/flink list >list.txt 2>&1 || fail "list succeeded"
	((SECONDS - began <= 2)) || fail "took $((SECONDS - began)) s"
	contains "$(cat list.txt)" "start-cluster.sh"
	contains "$(cat list.txt)" "$rpc_port"
}

run_tests
