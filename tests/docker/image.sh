#!/usr/bin/env bash
# The base image cflink:1.19 by itself: its entrypoint, variables, users, signals, health, and what is refused.
source "$(dirname "$0")/engine.sh"

start_cluster() {
	start jm --publish 127.0.0.1::8081 --env JOB_MANAGER_RPC_ADDRESS=jm -- jobmanager
	start tm --env JOB_MANAGER_RPC_ADDRESS=jm -- taskmanager
	find_page "${prefix}jm"
	until_true 20 overview_is taskmanagers 1
}

test_help_is_flinks_usage() {
	local usage="Usage: docker-entrypoint.sh (jobmanager|standalone-job|taskmanager|history-server)
    Or docker-entrypoint.sh help"
	same "$usage" "$(run_once cflink:1.19 | sed -n 1,2p)"
	same "$usage" "$(run_once cflink:1.19 help | sed -n 1,2p)"
}

test_commands_run_as_flink_in_its_home() {
	same "9999 flink /opt/flink /opt/flink" "$(run_once cflink:1.19 bash -c 'echo $(id -u) $(id -un) $HOME $(pwd)')"
	same "4321 /opt/flink" "$(run_once --user 4321 cflink:1.19 bash -c 'echo $(id -u) $(pwd)')"
	same 3 "$(run_once cflink:1.19 python -c 'print(1 + 2)')"
	contains "$(run_once cflink:1.19 flink --version)" "Version: 1.19.3"
	contains "$(run_once cflink:1.19 flink run --target local examples/streaming/WordCount.jar)" "(be,2)"
	local code=0
	run_once cflink:1.19 bash -c 'exit 7' || code=$?
	same 7 "$code"
}

test_two_containers_are_a_cluster() {
	start jm --publish 127.0.0.1::8081 --env JOB_MANAGER_RPC_ADDRESS=jm -- jobmanager
	start tm --env TASK_MANAGER_NUMBER_OF_TASK_SLOTS=1 --env FLINK_PROPERTIES='
    jobmanager.rpc.address: jm
    taskmanager.numberOfTaskSlots: 3
    ' -- taskmanager
	find_page "${prefix}jm"
	until_true 20 overview_is taskmanagers 1
	until_true 20 overview_is slots-total 3 # FLINK_PROPERTIES goes before the variable
	until_true 20 is_healthy "${prefix}jm"
	until_true 20 is_healthy "${prefix}tm"
	same "Starting Job Manager" "$(docker logs "${prefix}jm" 2>/dev/null | sed -n 1p)"
	same "Starting Task Manager" "$(docker logs "${prefix}tm" 2>/dev/null | sed -n 1p)"
	same 1 "$(docker logs "${prefix}jm" 2>&1 | grep -c 'is open to everybody who can reach it (rest.auth: none)')"
	inside jm flink run -p 3 examples/streaming/WordCount.jar >run.txt 2>&1 || fail "$(<run.txt)"
	file_has run.txt '\(be,2\)$'
	same "9999" "$(docker top "${prefix}tm" -o uid,pid | sed 1d | awk '{ print $1 }' | sort -u | xargs)"
	# What is on the screen is in the file too.
	logs_have jm 'Registering TaskManager'
	inside jm cat log/flink-flink-standalonesession-0-jm.log >log.txt
	file_has log.txt 'Registering TaskManager'
	# So is what a job prints, and from there it comes to the web page.
	logs_have tm '\(be,2\)$' >/dev/null
	inside tm cat log/latest.out >out.txt
	file_has out.txt '\(be,2\)$'
	! grep -q INFO out.txt || fail "log lines are in the .out file"
	local id
	id=$(rest /taskmanagers | jq --raw-output '.taskmanagers[0].id')
	same "$(<out.txt)" "$(rest "/taskmanagers/$id/stdout")"
}

test_taskmanager_may_come_first_go_and_come_back() {
	start tm --env JOB_MANAGER_RPC_ADDRESS=jm -- taskmanager
	until_true 20 logs_have tm 'Connecting to the JobManager at jm:6123'
	start jm --publish 127.0.0.1::8081 --env JOB_MANAGER_RPC_ADDRESS=jm -- jobmanager
	find_page "${prefix}jm"
	until_true 6 overview_is taskmanagers 1
	docker kill "${prefix}tm" >/dev/null
	until_true 20 overview_is taskmanagers 0
	docker start "${prefix}tm" >/dev/null
	until_true 6 overview_is taskmanagers 1
}

test_sigterm_ends_it_within_a_second() {
	start_cluster
	local name
	# A job of a Python function that never ends.
	cat >endless.py <<-'END'
		import time
		from pyflink.datastream import StreamExecutionEnvironment
		env = StreamExecutionEnvironment.get_execution_environment()
		env.from_collection([1]).map(lambda x: time.sleep(1000)).print()
		env.execute("endless")
	END
	docker cp endless.py "${prefix}jm:/opt/flink/endless.py" >/dev/null 2>&1
	inside jm flink run --detached -py endless.py >run.txt 2>&1 || fail "$(<run.txt)"
	until_true 20 overview_is jobs-running 1
	# The supervisor kills, and says so, what is still there after a second.
	for name in jm tm; do
		docker kill --signal TERM "$prefix$name" >/dev/null
		same 0 "$(docker wait "$prefix$name")"
		! logs_have "$name" 'did not stop within' || fail "$name had to be killed"
	done
}

test_orphans_are_buried() {
	start_cluster
	inside jm bash -c '(sleep 0.05 & echo $! >/tmp/orphan)'
	gone() { ! inside jm bash -c 'cat "/proc/$(</tmp/orphan)/status"'; }
	until_true 20 gone
}

test_settings_that_do_not_parse_are_named() {
	local code=0
	run_once --env FLINK_PROPERTIES='parallelism.default: many' cflink:1.19 jobmanager >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" 'FLINK_PROPERTIES:1: parallelism.default is "many"'
	code=0
	run_once --env FLINK_PROPERTIES='no colon here' cflink:1.19 taskmanager >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" 'FLINK_PROPERTIES:1'
	code=0
	run_once --env FLINK_PROPERTIES='rest.port=9000' cflink:1.19 jobmanager >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" 'FLINK_PROPERTIES:1: "rest.port=9000" is not '"'key: value'"'; write it as "rest.port: 9000"'
	code=0
	run_once --env TASK_MANAGER_NUMBER_OF_TASK_SLOTS=zero cflink:1.19 taskmanager >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" 'TASK_MANAGER_NUMBER_OF_TASK_SLOTS'
}

test_a_file_that_docker_made_a_folder_is_named() {
	run_once --volume "$scratch/not here.py:/opt/flink/not here.py" cflink:1.19 true >said.txt 2>&1
	contains "$(<said.txt)" "warning: /opt/flink/not here.py is a folder."
	contains "$(<said.txt)" "rmdir"
	echo 'print("found")' >here.py
	chmod -R a+rX "$scratch"
	same "found" "$(run_once --volume "$scratch/here.py:/opt/flink/here.py" cflink:1.19 python here.py 2>&1)"
}

test_mounted_settings_of_one_line_are_enough() {
	mkdir conf
	echo 'jobmanager.rpc.address: jm' >conf/flink-conf.yaml
	chmod -R a+rX "$scratch"
	start jm --publish 127.0.0.1::8081 --volume "$scratch/conf:/opt/flink/conf:ro" -- jobmanager
	start tm --volume "$scratch/conf:/opt/flink/conf:ro" -- taskmanager -D taskmanager.numberOfTaskSlots=2
	find_page "${prefix}jm"
	until_true 20 overview_is slots-total 2
	until_true 20 is_healthy "${prefix}tm"
}

test_another_secret_is_refused_by_name() {
	start jm --publish 127.0.0.1::8081 --env JOB_MANAGER_RPC_ADDRESS=jm --env FLINK_CLUSTER_SECRET=one -- jobmanager
	start tm --env JOB_MANAGER_RPC_ADDRESS=jm -- taskmanager # has the image's
	start right --env JOB_MANAGER_RPC_ADDRESS=jm --env FLINK_CLUSTER_SECRET=one -- taskmanager
	find_page "${prefix}jm"
	until_true 20 overview_is taskmanagers 1
	until_true 20 logs_have tm 'secret'
	inside jm flink list >list.txt 2>&1 || fail "$(<list.txt)"
	same "600 9999" "$(run_once cflink:1.19 stat --format='%a %u' .cluster-secret)"
}

test_what_is_not_there_yet_is_said() {
	local code=0
	run_once cflink:1.19 standalone-job --job-classname X >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" "standalone-job comes in a later version"
	code=0
	run_once cflink:1.19 history-server >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" "history-server comes in a later version"
	code=0
	run_once cflink:1.19 jobmanger >said.txt 2>&1 || code=$?
	same 127 "$code"
	contains "$(<said.txt)" "error: there is no command jobmanger in this image."
	code=0
	run_once --env ENABLE_BUILT_IN_PLUGINS='flink-s3-fs-hadoop-1.19.3.jar' cflink:1.19 jobmanager >said.txt 2>&1 || code=$?
	same 1 "$code"
	contains "$(<said.txt)" "Plugin flink-s3-fs-hadoop-1.19.3.jar does not exist. Exiting."
}

test_a_read_only_root_is_enough() {
	start jm --publish 127.0.0.1::8081 --env JOB_MANAGER_RPC_ADDRESS=jm --read-only --tmpfs /tmp:exec -- jobmanager
	start tm --env JOB_MANAGER_RPC_ADDRESS=jm --read-only --tmpfs /tmp:exec -- taskmanager
	find_page "${prefix}jm"
	until_true 20 overview_is taskmanagers 1
	inside jm flink run examples/streaming/WordCount.jar >run.txt 2>&1 || fail "$(<run.txt)"
	file_has run.txt '\(be,2\)$'
	logs_have jm '/opt/flink/log cannot be written; the log goes to the screen alone'
	start noexec --env JOB_MANAGER_RPC_ADDRESS=jm --read-only --tmpfs /tmp -- taskmanager
	until_true 20 overview_is taskmanagers 2
	docker kill "${prefix}tm" >/dev/null
	until_true 20 overview_is taskmanagers 1
	! inside jm flink run examples/streaming/WordCount.jar >run.txt 2>&1 || fail "$(<run.txt)"
	file_has run.txt 'mounted noexec; mount it with exec .Docker: --tmpfs /tmp:exec.'
}

test_no_build_tools_and_no_second_engine() {
	same "" "$(run_once cflink:1.19 sh -c 'command -v gcc cc g++ make ld java patchelf; find / -xdev -name "*.jar" -type f 2>/dev/null')"
	same "1.19.3+cflink 0.1" "$(run_once cflink:1.19 python -c \
		'from importlib.metadata import version as v; print(v("apache-flink"), v("cflink"))')"
	run_once cflink:1.19 sh -c 'ls opt/wheel' >wheels.txt
	file_has wheels.txt '^cflink-.*\.whl$'
	file_has wheels.txt '^apache_flink-1\.19\.3\+cflink-py3-none-any\.whl$'
}

test_the_tarball_runs_where_nothing_is_installed() {
	"$root/scripts/make-dist" "$root/build/$build" "$scratch/flink-1.19.3-cflink-bin.tgz" >/dev/null
	chmod -R a+rX "$scratch"
	run_once --volume "$scratch:/given:ro" debian:bookworm-slim bash -ec '
		cd ~
		tar -xzf /given/flink-1.19.3-cflink-bin.tgz
		cd flink-1.19.3/bin
		./start-cluster.sh
		cd ..
		./bin/flink run examples/streaming/WordCount.jar
		./bin/stop-cluster.sh' >said.txt 2>&1 || fail "$(<said.txt)"
	contains "$(<said.txt)" "1 JobManager, 1 TaskManager, 1 slot, http://localhost:8081"
	contains "$(<said.txt)" "(be,2)"
}

run_tests
