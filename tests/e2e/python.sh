#!/usr/bin/env bash
# Python on a cluster: functions that fail, processes that die, flink run -py. The tutorial's own scripts are
# in tests/first-hour/python.sh.
source "$(dirname "$0")/cases.sh"

[[ -e $source_home/opt/python/pyflink/_engine.abi3.so ]] || {
	echo "ok 1 - python # SKIP the engine for Python is not built here (python3-dev)"
	exit 0
}
export PYTHONPATH=$source_home/opt/python PYTHONDONTWRITEBYTECODE=1
python=$(command -v python3)

start() {
	make_home "$scratch/flink home" "taskmanager.numberOfTaskSlots: 2"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 5 overview_is slots-available 2
}

remote_script() { # remote_script FILE STREAM…: the tutorial's script, with these lines for its stream
	local file=$1
	shift
	cat >"$file" <<PY
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.common import Configuration

env = StreamExecutionEnvironment.get_execution_environment()

config = Configuration()
config.set_string("execution.target", "remote")
config.set_string("rest.address", "localhost")
config.set_integer("rest.port", $rest_port)

env = StreamExecutionEnvironment.get_execution_environment (config)
env.set_parallelism(1)

data = env.from_collection ([("apple", 1), ("banana", 1), ("apple", 1)])
$(printf '%s\n' "$@")

env.execute("Submit PyFlink Job to Existing Cluster")
PY
}

no_worker_is_left() {
	! pgrep -f "$home_dir.*/fn_execution/worker.py"
}

test_a_function_fails_on_the_cluster() {
	start
	remote_script remote.py "data.map(lambda x: x[2]).print()"
	! "$python" remote.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "IndexError: tuple index out of range"
	contains "$(cat err.txt)" "in <lambda>"
	contains "$(tail -n 1 err.txt)" "operator \"Map\" failed, subtask 1 of 1, on the value ('apple', 1)"
	(($(wc -l <err.txt) <= 15)) || fail "$(cat err.txt)"
	until_true 5 overview_is slots-available 2
	until_true 5 no_worker_is_left
}

test_a_worker_that_dies_leaves_the_taskmanager_alive() {
	start
	remote_script remote.py "import os, signal, sys" "def die(x):" "    print('last words', file=sys.stderr)" \
		"    os.kill(os.getpid(), signal.SIGSEGV)" "data.map(die).print()"
	! "$python" remote.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "ended with signal 11"
	contains "$(cat err.txt)" "last words"
	remote_script remote.py "data.print()"
	"$python" remote.py >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	overview_is taskmanagers 1 >/dev/null || fail "the TaskManager is gone"
}

test_cancelling_ends_the_workers() {
	start
	remote_script remote.py "import time" "def slow(x):" "    time.sleep(1000)" "data.map(slow).print()"
	background "$python" remote.py >out.txt 2>err.txt
	one_worker_runs() { pgrep -f "$home_dir.*/fn_execution/worker.py"; }
	until_true 20 one_worker_runs
	id=$(rest /jobs/overview | jq -r '.jobs[0].jid')
	until_true 10 job_is "$id" RUNNING
	./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 10 job_is "$id" CANCELED
	until_true 5 no_worker_is_left
}

test_flink_run_py() {
	start
	cat >job.py <<'PY'
import sys
from pyflink.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment()
def double(x):
    print("doubling", x)
    return x * 2
env.from_collection([1, 2]).map(double).print()
env.execute(" ".join(sys.argv[1:]))
PY
	PYTHONPATH='' ./bin/flink run -py job.py --a b >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	same "" "$(cat err.txt)"
	same 'Job has been submitted with JobID ID|2|4|Program execution finished|Job with JobID ID has finished.|Job Runtime: N ms||' \
		"$(sed -E 's/[0-9a-f]{32}/ID/; s/: [0-9]+ ms/: N ms/' out.txt | tr '\n' '|')"
	grep -h PythonWorker log/*.log | grep -q "doubling 2" || fail "what a function prints is not in the log"
	rest /jobs/overview | jq -e '.jobs[0].name == "--a b"' >/dev/null || fail "$(rest /jobs/overview)"
	./bin/flink run -d -py job.py x >out.txt 2>&1 || fail "$(cat out.txt)"
	grep -qE '^Job has been submitted with JobID [0-9a-f]{32}$' out.txt || fail "$(cat out.txt)"
	! ./bin/flink run -py missing.py >out.txt 2>&1 || fail "a missing script ran"
	contains "$(cat out.txt)" "missing.py"
}

test_processes_of_a_mini_cluster() {
	cat >job.py <<'PY'
import os
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
config = Configuration()
config.set_string("python.execution-mode", "process")
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(1)
words = env.from_collection(["a b", "a"]).flat_map(lambda line: line.split())
words.map(lambda w: (w, os.getpid())).filter(lambda x: x[1] != %d).map(lambda x: (x[0], 1)).key_by(
    lambda x: x[0]).sum(1).print()
env.execute()
PY
	sed -i 's/ != %d/ != '$$'/' job.py
	same $'(\'a\', 1)\n(\'b\', 1)\n(\'a\', 2)' "$("$python" job.py 2>&1)"
}

run_tests
