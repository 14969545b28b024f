#!/usr/bin/env bash
# The word count in three terminals (B8 to B10), and what goes wrong with it in a first hour.
source "${BASH_SOURCE[0]%/*}/home.sh"

out() { echo ~/flink/log/flink-"$user"-taskexecutor-0-"$host".out; }

terminal_1() { # nc -l 9000; what is typed there goes to descriptor 9, what it shows to nc.txt
	mkfifo "$scratch/typed"
	nc -l 9000 <"$scratch/typed" >"$scratch/nc.txt" 2>&1 & # not by background: opening the pipe waits for us
	nc=$!
	started_pids+=("$nc")
	exec 9>"$scratch/typed"
}

ctrl_c_in_terminal_1() {
	exec 9>&-
	kill -INT "$nc" 2>/dev/null || true
	kill "$nc" 2>/dev/null || true # a shell's background job ignores SIGINT
}

terminal_2() { # in ~/flink; RUN is its pid, its two streams are run.txt and run.err
	cd ~/flink
	background ./bin/flink run examples/streaming/SocketWindowWordCount.jar --hostname localhost --port 9000 >"$scratch/run.txt" 2>"$scratch/run.err"
	run=$pid
	until_true 20 file_has "$scratch/run.txt" '^Job has been submitted with JobID [0-9a-f]{32}$'
	id=$(sed -n '1s/^Job has been submitted with JobID //p' "$scratch/run.txt")
	[[ $id =~ ^[0-9a-f]{32}$ ]] || fail "first line: $(head -n 1 "$scratch/run.txt")"
	until_true 20 job_is "$id" RUNNING
}

terminal_3() {
	cd ~
	(cd flink && exec tail -f log/flink-*.out) >"$scratch/tail.txt" 9>&- &
	started_pids+=("$!")
}

records_in() { rest "/jobs/$id" | jq '.vertices[1].metrics["read-records"]'; } # of the windows

connected() { # a connection to port 9000 (2328) that stands
	awk '$4 == "01" && $3 ~ ":2328$" { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6
}

test_tutorial_as_printed() {
	started_cluster
	terminal_1
	! connected || fail "nc is connected before there is a job"
	terminal_2
	until_true 20 connected
	terminal_3

	same "DD.MM.YYYY HH:MM:SS : $id : Socket Window WordCount (RUNNING)" \
		"$(./flink/bin/flink list | sed -nE '/WordCount/s/^[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}(:[0-9]{2}){2} /DD.MM.YYYY HH:MM:SS /p')"
	same "Source: Socket Stream -> Flat Map
TumblingProcessingTimeWindows -> Sink: Print to Std. Out" "$(rest "/jobs/$id" | jq -r '.vertices[].name')"
	same HASH "$(rest "/jobs/$id" | jq -r '.plan.nodes[] | select(.inputs) | .inputs[0].ship_strategy')"
	until_true 20 overview_is slots-available 0
	overview_is jobs-running 1

	local typed=${EPOCHREALTIME%[.,]*} counted
	echo "hello world hello" >&9
	until_true 20 file_has "$scratch/tail.txt" '^hello : 2$'
	# The window's end is a multiple of 5 s of the clock on the wall, and lies between the two. Not EPOCHSECONDS:
	# the kernel's coarse clock, which it shows, is some milliseconds late, and a window fires at once.
	counted=${EPOCHREALTIME%[.,]*}
	((counted / 5 > typed / 5)) || fail "typed at $typed, counted already at $counted"
	until_true 20 file_has "$scratch/tail.txt" '^world : 1$'
	same "==> log/flink-$user-standalonesession-0-$host.out <==

==> log/flink-$user-taskexecutor-0-$host.out <==" "$(head -n 3 "$scratch/tail.txt")"
	same $'hello : 2\nworld : 1' "$(sort "$(out)")"
	printf 'hello  again\r\n\n' >&9 # a new window; two blanks and an empty line are words too
	until_true 20 file_has "$scratch/tail.txt" '^hello : 1$'
	until_true 20 file_has "$(out)" '^again : 1$'
	file_has "$(out)" '^ : [12]$'

	# The same lines in the page's Stdout, in its Output of the job, and in terminal 2.
	local taskmanager
	taskmanager=$(rest /taskmanagers | jq -r '.taskmanagers[0].id')
	same "$(<"$(out)")" "$(rest "/taskmanagers/$taskmanager/stdout")"
	rest "/jobs/$id/output" | jq -r .output | grep -q '^hello : 2$' || fail "the page's output lacks the line"
	until_true 20 file_has "$scratch/run.txt" '^again : 1$'
	same "" "$(<"$scratch/nc.txt")"
	kill -0 "$run" || fail "the prompt came back while the job runs"

	echo "last words" >&9
	words_came() { (($(records_in) == 9)); } # 3, then 4 with the two empty ones, then 2
	until_true 20 words_came
	ctrl_c_in_terminal_1
	wait "$run" || fail "it ended with $?: $(cat "$scratch/run.txt" "$scratch/run.err")"
	same "Program execution finished
Job with JobID $id has finished.
Job Runtime: N ms

." "$(tail -n 4 "$scratch/run.txt" | sed -E 's/[0-9]+ ms$/N ms/'; echo .)"
	file_has "$(out)" '^words : 1$' # the unfinished window fired at the end
	job_is "$id" FINISHED
	until_true 20 overview_is slots-available 1
	overview_is taskmanagers 1 # its end ended the job, not the cluster
}

test_without_port_two_lines_tell_what_to_do() {
	started_cluster
	./bin/flink run examples/streaming/SocketWindowWordCount.jar >"$scratch/run.txt" 2>"$scratch/run.err" || true
	same "" "$(<"$scratch/run.txt")"
	[[ $(sed -n 1p "$scratch/run.err") == "No port specified. Please run 'SocketWindowWordCount --hostname <hostname> --port <port>'"* ]] ||
		fail "$(<"$scratch/run.err")"
	[[ $(sed -n 2p "$scratch/run.err") == "To start a simple text server, run 'netcat -l <port>'"* ]] || fail "$(<"$scratch/run.err")"
	overview_is jobs-running 0
	overview_is jobs-finished 0
}

test_started_before_nc_it_waits_and_says_so() {
	started_cluster
	terminal_2
	waits() { rest /jobs/overview | jq -r '.jobs[0].note' | grep "waiting for localhost:9000"; }
	until_true 20 waits
	job_is "$id" RUNNING
	terminal_1
	until_true 20 connected
	echo "late but here" >&9
	until_true 20 file_has "$(out)" '^late : 1$'
	ctrl_c_in_terminal_1
	until_true 20 job_is "$id" FINISHED
}

test_our_text_server_for_machines_without_nc() {
	started_cluster
	echo "no nc here" | ./bin/text-server 9000 >"$scratch/server.txt" 2>&1 &
	started_pids+=("$!")
	./bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000 >"$scratch/run.txt" 2>"$scratch/run.err" || fail "$(<"$scratch/run.err")"
	file_has "$scratch/run.txt" '^here : 1$'
}

test_word_count_prints_updates_and_writes_files() {
	started_cluster
	./bin/flink run examples/streaming/WordCount.jar >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	file_has run.txt '^\(to,1\)$'
	file_has run.txt '^\(be,2\)$'
	printf 'To be, or not\nto be' >in.txt
	./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out.txt" >run2.txt 2>run2.err || fail "$(cat run2.txt run2.err)"
	same "(be,1) (be,2) (not,1) (or,1) (to,1) (to,2)" "$(sort out.txt | xargs -d '\n')"
	! ./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out.txt" >run3.txt 2>&1 || fail "overwritten"
	contains "$(<run3.txt)" "out.txt"
}

test_cluster_down_is_one_sentence_at_once() {
	unpack
	edit
	cd ~/flink
	local began=$SECONDS code=0
	./bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000 >"$scratch/run.txt" 2>&1 || code=$?
	same 1 "$code"
	((SECONDS - began <= 10)) || fail "it took $((SECONDS - began)) s" # alone: below 1
	contains "$(<"$scratch/run.txt")" "start-cluster.sh"
	contains "$(<"$scratch/run.txt")" "no cluster answers at localhost:6123"
}

# Java's archives look like this inside; nobody can run one without Java.
test_a_real_java_archive_is_told_what_to_send_instead() {
	started_cluster
	python3 - "$scratch/My Job.jar" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as jar:
    jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: org.example.MyJob\r\n\r\n")
    jar.writestr("org/example/MyJob.class", b"\xca\xfe\xba\xbe\0\0\0\x3d" + bytes(64))
PY
	local action code
	for action in run info; do
		code=0
		./bin/flink "$action" "$scratch/My Job.jar" --port 9000 >"$scratch/run.txt" 2>"$scratch/run.err" || code=$?
		same 1 "$code"
		same "" "$(<"$scratch/run.txt")"
		same "error E2002: $scratch/My Job.jar is a Java archive, and there is no Java here: send a Python script (flink run -py job.py), a C file (job.c) or a shared object (job.so) instead" \
			"$(head -n 1 "$scratch/run.err")"
		(($(wc -l <"$scratch/run.err") <= 2)) || fail "$(<"$scratch/run.err")"
	done
	overview_is jobs-running 0
	overview_is jobs-failed 0
}

run_tests
