#!/usr/bin/env bash
# The three files of B6, edited as the tutorial says and as students do: other ports, two workers, Windows line
# ends, indented lines, tabs, a key twice, the new config.yaml beside the old file.
source "${BASH_SOURCE[0]%/*}/home.sh"

value_of() { ~/flink/bin/flink-settings get "$@" 2>/dev/null | xargs; }

test_files_edited_with_a_windows_editor() {
	unpack
	line_end=$'\r\n'
	edit
	local file
	for file in flink/conf/{flink-conf.yaml,masters,workers}; do # Notepad's mark, and no end of the last line
		printf '\xef\xbb\xbf%s' "$(<"$file")" >"$scratch/edited"
		mv "$scratch/edited" "$file"
	done
	same "The settings are good: 2 set, 0 warnings. (0)" "$(settings_check)"
	start
	overview_is taskmanagers 1
	same "1 JobManager, 1 TaskManager, 1 slot, http://localhost:8081" "$(tail -n 1 "$scratch/start.txt")"
}

test_lines_copied_from_a_web_page() { # with no-break spaces
	unpack
	shown[flink-conf.yaml]=$'jobmanager.rpc.address:\xc2\xa0localhost\xc2\xa0\xc2\xa0 # 주소'
	shown[masters]=$'localhost:8081\xc2\xa0\xc2\xa0 # 포트'
	shown[workers]=$'localhost\xc2\xa0\xc2\xa0 # 노드\n\xe3\x80\x80localhost'
	edit
	same "The settings are good: 2 set, 0 warnings. (0)" "$(settings_check)"
	start
	overview_is taskmanagers 2
}

# The same value twice: nothing is to be said about it.
test_a_line_pasted_below_those_that_are_there() {
	unpack
	cd ~/flink/conf
	echo "${shown[flink-conf.yaml]}" >>flink-conf.yaml
	same "The settings are good: 10 set, 0 warnings. (0)" "$(settings_check)"
	same localhost "$(value_of jobmanager.rpc.address)"
	start
	overview_is taskmanagers 1
}

another_port_and_two_workers() {
	unpack
	shown[masters]='localhost:9081   # JobManager 웹 UI에서 사용할 포트 번호'
	shown[workers]=$'localhost   # TaskManager가 실행될 노드 명시\nlocalhost'
	edit
	same "The settings are good: 3 set, 0 warnings. (0)" "$(settings_check)"
	start
	same "Starting cluster.
Starting standalonesession daemon on host $host.
Starting taskexecutor daemon on host $host.
[INFO] 1 instance(s) of taskexecutor are already running on $host.
Starting taskexecutor daemon on host $host.
1 JobManager, 2 TaskManagers, 2 slots, http://localhost:9081" "$(<"$scratch/start.txt")"
	rest_port=9081
	overview_is taskmanagers 2
	# Known by the address they listen at: the machine's own name is another one (127.0.1.1) on many a machine.
	same $'localhost\nlocalhost' "$(rest /taskmanagers | jq -r '.taskmanagers[].id | sub(":.*"; "")')"
	contains "$(rest /)" "<title>Apache Flink Dashboard"
	! (exec 3<>/dev/tcp/localhost/8081) 2>/dev/null || fail "something listens on 8081"
	same "Waiting for response...
No running jobs.
No scheduled jobs." "$(./bin/flink list)" # the client follows the edit too
	./bin/stop-cluster.sh >"$scratch/stop.txt" 2>&1
	same 2 "$(grep -c '^Stopping taskexecutor daemon' "$scratch/stop.txt")"
	same "" "$(ls "$FLINK_PID_DIR")"
}

test_another_port_in_masters_and_two_workers() { another_port_and_two_workers; }

test_another_port_in_masters_and_two_workers_with_windows_line_ends() {
	line_end=$'\r\n'
	another_port_and_two_workers
}

# What only Flink's own reader takes: the first line indented, tabs. Every line counts, and a warning says how
# the file was read.
only_flinks_reader() {
	unpack
	shown[flink-conf.yaml]=$'  jobmanager.rpc.address: localhost   # 주소\nrest.port: 9082\n\tparallelism.default:\t2'
	shown[masters]=localhost
	edit
	local said
	said=$(settings_check)
	contains "$said" "warning: $HOME/flink/conf/flink-conf.yaml:2: this is not YAML (it begins further left than the first line)"
	contains "$said" "4 set, 1 warning. (0)"
	same "localhost 9082 2" "$(value_of jobmanager.rpc.address rest.port parallelism.default)"
	start
	contains "$(<"$scratch/start.txt")" "read line by line"
	rest_port=9082
	overview_is taskmanagers 1
}

test_lines_that_only_flinks_reader_accepts() { only_flinks_reader; }

test_lines_that_only_flinks_reader_accepts_with_windows_line_ends() {
	line_end=$'\r\n'
	only_flinks_reader
}

test_a_tab_before_a_key_of_one_line() {
	unpack
	shown[flink-conf.yaml]=$'\tjobmanager.rpc.address: localhost'
	edit
	contains "$(settings_check)" "a tab where YAML wants spaces"
	start
	overview_is taskmanagers 1
}

test_a_key_twice() {
	unpack
	line_end=$'\r\n'
	shown[flink-conf.yaml]+=$'\ntaskmanager.numberOfTaskSlots: 2\ntaskmanager.numberOfTaskSlots: 3'
	edit
	local file=$HOME/flink/conf/flink-conf.yaml
	same "warning: $file:3: taskmanager.numberOfTaskSlots is given a second time (first at $file:2); this one counts
The settings are good: 3 set, 1 warning. (0)" "$(settings_check)"
	start
	overview_is slots-total 3
}

test_both_files_key_by_key() {
	unpack
	line_end=$'\r\n'
	shown[masters]=localhost
	shown[flink-conf.yaml]+=$'\nrest.port: 9082\nparallelism.default: 3'
	edit
	printf 'rest:\r\n  port: 9083\r\nparallelism.default: 4\r\ntaskmanager:\r\n  numberOfTaskSlots: 2\r\n' >~/flink/conf/config.yaml
	local old=$HOME/flink/conf/flink-conf.yaml new=$HOME/flink/conf/config.yaml
	same "warning: $new:2 gives rest.port as \"9083\", $old:2 as \"9082\": the second wins
warning: $new:3 gives parallelism.default as \"4\", $old:3 as \"3\": the second wins
The settings are good: 5 set, 2 warnings. (0)" "$(settings_check)"
	same "9082 3 2" "$(value_of rest.port parallelism.default taskmanager.numberOfTaskSlots)"
	start
	contains "$(<"$scratch/start.txt")" "the second wins"
	rest_port=9082
	overview_is slots-total 2
}

test_config_yaml_alone() {
	unpack
	edit
	rm ~/flink/conf/flink-conf.yaml
	printf 'jobmanager:\r\n  rpc:\r\n    address: localhost   # 주소\r\ntaskmanager.numberOfTaskSlots: 2\r\n' >~/flink/conf/config.yaml
	same "The settings are good: 3 set, 0 warnings. (0)" "$(settings_check)"
	start
	overview_is slots-total 2
}

run_tests
