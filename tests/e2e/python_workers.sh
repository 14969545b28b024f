#!/usr/bin/env bash
# Worker processes that misbehave on a cluster: the job fails by name or goes on, and nobody else notices.
source "$(dirname "$0")/cases.sh"

[[ -e $source_home/opt/python/pyflink/_engine.abi3.so ]] || {
	echo "ok 1 - python_workers # SKIP the engine for Python is not built here (python3-dev)"
	exit 0
}
export PYTHONPATH=$source_home/opt/python PYTHONDONTWRITEBYTECODE=1
python=$(command -v python3)

start() { # a cluster, and beside the test's own job one that runs all the time
	make_home "$scratch/flink home" "taskmanager.numberOfTaskSlots: 2"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is slots-available 2
	script neighbour.py "env.socket_text_stream('localhost', $text_port).map(lambda line: line.upper()).print()"
	background "$python" neighbour.py >neighbour.txt 2>&1
	until_true 20 overview_is slots-available 1
	neighbour=$(rest /jobs/overview | jq -r '.jobs[0].jid')
	until_true 20 job_is "$neighbour" RUNNING
	taskmanager=$(rest /taskmanagers | jq -r '.taskmanagers[0].id')
}

script() { # script FILE LINE…: a job on the cluster
	local file=$1
	shift
	cat >"$file" <<PY
import os, signal, sys, time
from pyflink.common import Configuration, RestartStrategies, Types
from pyflink.datastream import StreamExecutionEnvironment
config = Configuration().set_string("execution.target", "remote").set_integer("rest.port", $rest_port)
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(1)
$(printf '%s\n' "$@")
env.execute()
PY
}

nobody_noticed() {
	job_is "$neighbour" RUNNING || fail "the other job is not running any more"
	same "$taskmanager" "$(rest /taskmanagers | jq -r '.taskmanagers[0].id')"
	until_true 20 overview_is slots-available 1
	open_text_server
	echo still here >&9
	until_true 20 file_has neighbour.txt "^STILL HERE$"
	exec 9>&-
	until_true 20 job_is "$neighbour" FINISHED
	until_true 20 no_worker_is_left
}

no_worker_is_left() {
	! pgrep -f "$home_dir.*/fn_execution/worker.py"
}

test_killed_and_restarted() {
	start
	script job.py "env.set_restart_strategy(RestartStrategies.fixed_delay_restart(3, 10))" \
		"def once(x):" "    if not os.path.exists('$PWD/died'):" "        open('$PWD/died', 'w').close()" \
		"        os.kill(os.getpid(), signal.SIGKILL)" "    return x" "env.from_collection([1, 2]).map(once).print()"
	"$python" job.py >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	same "1 2" "$(sort -u out.txt | xargs)"
	nobody_noticed
}

test_killed_without_a_restart() {
	start
	script job.py "def die(x):" "    os.kill(os.getpid(), signal.SIGKILL)" "env.from_collection([1]).map(die).print()"
	! "$python" job.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" 'the Python process of operator "Map", subtask 1 of 1, ended with signal 9'
	nobody_noticed
}

test_garbage_on_its_descriptor() {
	start
	script job.py "def write(x):" "    os.write(3, b'hello ' * 1000)" "    return x" \
		"env.from_collection([1]).map(write).print()"
	! "$python" job.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" 'the Python process of operator "Map" writes no frames to descriptor 3'
	(($(wc -l <err.txt) <= 15)) || fail "$(cat err.txt)"
	nobody_noticed
}

test_last_words_that_are_no_text() {
	start
	script job.py "def die(x):" "    os.write(2, bytes(range(256)))" "    os._exit(7)" \
		"env.from_collection([1]).map(die).print()"
	! "$python" job.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(tr -d '\0' <err.txt)" "ended with exit code 7"
	rest /jobs/overview | jq -e '.jobs | length == 2' >/dev/null || fail "the overview is no JSON"
	rest "/jobs/$(rest /jobs/overview | jq -r '.jobs[] | select(.state == "FAILED") | .jid')/exceptions" |
		jq -e '.["root-exception"] | contains("exit code 7")' >/dev/null || fail "the exception is not told"
	nobody_noticed
}

test_one_that_hangs_is_cancelled() {
	start
	script job.py "def hang(x):" "    open('$PWD/stopped', 'w').write(str(os.getpid()))" \
		"    os.kill(os.getpid(), signal.SIGSTOP)" "env.from_collection([1]).map(hang).print()"
	background "$python" job.py >out.txt 2>err.txt
	until_true 20 test -s stopped
	id=$(rest /jobs/overview | jq -r '.jobs[] | select(.jid != "'"$neighbour"'") | .jid')
	until_true 20 job_is "$id" RUNNING
	./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 20 job_is "$id" CANCELED
	nobody_noticed
	[[ ! -e /proc/$(<stopped) ]] || fail "the process is still there"
}

test_workers_go_with_a_taskmanager_that_is_killed() {
	make_home "$scratch/flink home"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is slots-available 1
	script job.py "def hang(x):" "    import subprocess" "    child = subprocess.Popen(['sleep', '1000'])" \
		"    open('$PWD/stopped', 'w').write(f'{os.getpid()} {os.getppid()} {child.pid}\\n')" \
		"    time.sleep(1000)" "env.from_collection([1]).map(hang).print()"
	background "$python" job.py >out.txt 2>err.txt
	until_true 20 test -s stopped
	read -r worker taskmanager child <stopped
	kill -9 "$taskmanager"
	gone() { [[ ! -e /proc/$1 ]] || grep -q '^State:.Z' "/proc/$1/status"; }
	until_true 20 gone "$worker"
	until_true 20 gone "$child"
}

test_one_that_prints_without_end_is_cancelled() {
	start
	script job.py "def talk(x):" "    while True:" "        print('x' * 1000)" \
		"env.from_collection([1]).map(talk).print()"
	background "$python" job.py >out.txt 2>err.txt
	talks() { grep -q 'PythonWorker.*Map (1/1): xxx' log/*taskexecutor*.log; }
	until_true 20 talks
	id=$(rest /jobs/overview | jq -r '.jobs[] | select(.jid != "'"$neighbour"'") | .jid')
	./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 20 job_is "$id" CANCELED
	nobody_noticed
}

run_tests
