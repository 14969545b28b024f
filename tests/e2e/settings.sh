#!/usr/bin/env bash
# Settings as the tutorial edits them, and flink-settings as a user calls it.
source "$(dirname "$0")/cases.sh"

settings=$root/build/$build/bin/flink-settings

folder() { # folder LINE…: conf/flink-conf.yaml of these lines
	mkdir -p "$scratch/a conf"
	cd "$scratch/a conf"
	printf '%s\n' "$@" >flink-conf.yaml
	export FLINK_CONF_DIR=$PWD
	unset FLINK_PROPERTIES FLINK_LOG_DIR FLINK_PID_DIR JOB_MANAGER_RPC_ADDRESS
}

test_tutorials_three_edits_pasted_with_comments_are_good() {
	folder 'jobmanager.rpc.address: localhost   # JobManager가 실행되는 호스트 주소 지정'
	echo 'localhost:9081   # JobManager 웹 UI에서 사용할 포트 번호' >masters
	echo 'localhost   # TaskManager가 실행될 노드 명시' >workers
	same "The settings are good: 2 set, 0 warnings." "$("$settings" check 2>&1)"
	same "localhost 9081" "$("$settings" get jobmanager.rpc.address rest.port | xargs)"
}

test_check_names_file_line_and_cure() {
	folder 'taskmanager.numberOfTaskSlot: 4' 'parallelism.default: many'
	local said code=0
	said=$("$settings" check 2>&1) || code=$?
	same 1 "$code"
	same "warning: $PWD/flink-conf.yaml:1: unknown setting \"taskmanager.numberOfTaskSlot\"; did you mean taskmanager.numberOfTaskSlots?
error E1001: $PWD/flink-conf.yaml:2: parallelism.default is \"many\", which is not a whole number from 1 to 32768
 hint: correct the value and start again; 'bin/flink-settings check' tests settings without starting anything" "$said"
}

test_explain_says_where_each_value_comes_from() {
	folder 'web.port: 9000' 'my.password: hunter2'
	echo 'parallelism.default: 2' >config.yaml
	same "jobmanager.rpc.address: jm  # FLINK_PROPERTIES:1
my.password: ******  # $PWD/flink-conf.yaml:2, unknown
parallelism.default: 3  # -D
rest.bind-port: 9000  # $PWD/flink-conf.yaml:1 as web.port" \
		"$(FLINK_PROPERTIES='jobmanager.rpc.address: jm' "$settings" explain -D parallelism.default=3 2>/dev/null)"
}

test_odd_calls_are_answered() {
	folder ''
	local code=0
	"$settings" >/dev/null 2>&1 || code=$?
	same 2 "$code"
	code=0
	"$settings" get no.such.key >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" 'error E1005: there is no setting "no.such.key"'
	contains "$("$settings" help)" "taskmanager.numberOfTaskSlots (number, 1 to 128; default: 1)"
	rm flink-conf.yaml
	"$settings" check >said.txt 2>&1 || code=$?
	contains "$(<said.txt)" "error E1003: there is neither $PWD/flink-conf.yaml nor $PWD/config.yaml"
}

test_shipped_settings_are_good() {
	mkdir conf
	cp "$root"/conf/* conf/
	same "The settings are good: 9 set, 0 warnings." "$(FLINK_CONF_DIR=conf "$settings" check 2>&1)"
}

test_memory_that_does_not_fit_is_told_part_by_part() {
	folder 'taskmanager.memory.process.size: 1g' 'taskmanager.memory.network.min: 700m'
	local code=0
	timeout 20 "$root/build/$build/bin/taskmanager" --unsupervised >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" "the parts of the TaskManager's memory are more than its 1024 MiB \
(taskmanager.memory.process.size, $PWD/flink-conf.yaml:1): 409 MiB managed (taskmanager.memory.managed.fraction) + \
700 MiB network (taskmanager.memory.network.min, $PWD/flink-conf.yaml:2); raise the whole, or lower or remove one of the parts"
}

run_tests
