#!/usr/bin/env bash
# flink_replay.sh - what the tabs of Flink's dashboard ask, of jobs in every state, without a browser: never an error,
# always the fields that it reads. flink_dashboard.sh proves that the list of requests is whole.
# shellcheck disable=SC2154 # variables of make_home
web_tests=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
source "$web_tests/../e2e/cases.sh"

start() {
	make_home "$scratch/flink home" "rest.flamegraph.enabled: true" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
}

submit() { # submit [OPTION…] EXAMPLE [ARGUMENT…]; sets $id
	./bin/flink run -d "$@" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
}

replay() { # replay STATES
	"$web_tests/flink_replay.py" "http://localhost:$rest_port" "$id" "$1" >replay.txt || fail "$(cat replay.txt)"
}

test_tabs_of_a_running_job() {
	start
	open_text_server
	submit examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	until_true 20 job_is "$id" RUNNING
	echo "to be or not" >&9
	replay RUNNING
}

# It needs more slots than there are: no subtask has a place.
test_tabs_of_a_job_that_waits_for_slots() {
	start
	submit -p 3 examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	replay INITIALIZING,CREATED,RUNNING
}

test_tabs_of_a_job_while_it_is_cancelled_and_after() {
	start
	open_text_server
	submit examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	until_true 20 job_is "$id" RUNNING
	curl -fsS -X PATCH "http://localhost:$rest_port/jobs/$id?mode=cancel" >/dev/null
	replay RUNNING,CANCELLING,CANCELED
	until_true 20 job_is "$id" CANCELED
	replay CANCELED
}

test_tabs_of_a_finished_job() {
	start
	echo "be or not to be" >words.txt
	submit examples/streaming/WordCount.jar --input "$PWD/words.txt"
	until_true 20 job_is "$id" FINISHED
	replay FINISHED
}

test_tabs_of_a_job_that_restarts_and_of_a_failed_one() {
	start "restart-strategy.type: fixed-delay" "restart-strategy.fixed-delay.attempts: 1" "restart-strategy.fixed-delay.delay: 1 h"
	submit examples/streaming/WordCount.jar --input "$PWD/nothing.txt"
	until_true 20 job_is "$id" RESTARTING
	replay RESTARTING
	./bin/flink cancel "$id" >/dev/null || fail "cancel"
	submit -D restart-strategy.type=none examples/streaming/WordCount.jar --input "$PWD/nothing.txt"
	until_true 20 job_is "$id" FAILED
	replay FAILED
}

# Every TaskManager is gone: what was its subtasks' place is told all the same.
test_tabs_of_a_job_without_taskmanagers() {
	start "heartbeat.timeout: 2000" "heartbeat.interval: 300"
	submit examples/streaming/SocketWindowWordCount.jar --port "$text_port"
	until_true 20 job_is "$id" RUNNING
	./bin/taskmanager.sh stop-all >/dev/null 2>&1
	until_true 30 overview_is taskmanagers 0
	replay RUNNING,RESTARTING,FAILED,CREATED,INITIALIZING,FAILING
}

run_tests
