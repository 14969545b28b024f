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
	until_true 20 overview_is slots-available 2
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
	until_true 20 overview_is slots-available 2
	until_true 20 no_worker_is_left
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
	until_true 20 job_is "$id" RUNNING
	./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	until_true 20 job_is "$id" CANCELED
	until_true 20 no_worker_is_left
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
	mkdir folder.py
	! ./bin/flink run -py folder.py >out.txt 2>&1 || fail "a folder ran"
	contains "$(cat out.txt)" "folder.py is a folder without __main__.py"
}

helper_job() { # a script whose function lies in a module beside it
	mkdir -p beside/package
	cat >beside/helper.py <<'PY'
def twice(x):
    return 2 * x
PY
	printf 'from .inner import more\n' >beside/package/__init__.py
	printf 'def more(x):\n    import helper\n    return helper.twice(x) + 1\n' >beside/package/inner.py
	cat >beside/job.py <<'PY'
import sys
import helper
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
config = Configuration()
for pair in sys.argv[1:]:
    key, _, value = pair.partition("=")
    config.set_string(key, value)
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(1)
data = env.from_collection([1, 2]).map(helper.twice)
if config.get_string("with", None):
    import package
    data = data.map(package.more)
    for path in config.get_string("with", "").split():
        env.add_python_file(path)
data.print()
env.execute()
PY
}

test_modules_beside_the_script() {
	start
	helper_job
	to=(execution.target=remote rest.port="$rest_port")
	! "$python" beside/job.py "${to[@]}" >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "ModuleNotFoundError: No module named 'helper'"
	contains "$(tail -n 1 err.txt)" "env.add_python_file('$PWD/beside/helper.py')"
	contains "$(tail -n 1 err.txt)" "flink run -pyfs $PWD/beside/helper.py"
	(($(wc -l <err.txt) <= 15)) || fail "$(cat err.txt)"
	same $'2\n4' "$("$python" beside/job.py "${to[@]}" python.files=beside/helper.py 2>&1)"
	same $'5\n9' "$("$python" beside/job.py "${to[@]}" "with=beside/helper.py beside/package" 2>&1)"
	same $'5\n9' "$("$python" beside/job.py "${to[@]}" with=beside 2>&1)"
	(cd beside && python3 -m zipfile -c ../files.zip helper.py package)
	same $'5\n9' "$("$python" beside/job.py "${to[@]}" with=files.zip 2>&1)"
	! "$python" beside/job.py "${to[@]}" with=absent.py >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "absent.py (python.files) does not exist"
	touch beside/package/fast.so
	! "$python" beside/job.py "${to[@]}" with=beside >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "fast.so in python.files is compiled"
	until_true 20 no_worker_is_left
}

test_flink_run_sends_files() {
	start
	helper_job
	mkdir elsewhere
	mv beside/job.py elsewhere/
	PYTHONPATH='' ./bin/flink run -py elsewhere/job.py -pyfs beside/helper.py,beside/package >out.txt 2>err.txt ||
		fail "$(cat out.txt err.txt)"
	same "2 4" "$(sed -n '2,3p' out.txt | xargs)"
	! PYTHONPATH='' ./bin/flink run -py elsewhere/job.py -pyfs beside/absent.py >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "beside/absent.py (-pyfs)"
	! PYTHONPATH='' ./bin/flink run -py elsewhere/job.py -pyreq requirements.txt >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "-pyfs sends"
}

test_modules_in_processes_of_a_mini_cluster() {
	helper_job
	same $'2\n4' "$("$python" beside/job.py 2>&1)"
	same $'5\n9' "$("$python" beside/job.py python.execution-mode=process with=beside 2>&1)"
	! "$python" beside/job.py python.execution-mode=process >out.txt 2>err.txt || fail "it succeeded"
	contains "$(cat err.txt)" "sends it along"
}

test_equal_keys_meet_over_two_taskmanagers() {
	make_home "$scratch/flink home" "taskmanager.numberOfTaskSlots: 2"
	cd "$home_dir"
	printf 'localhost\nlocalhost\n' >conf/workers
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is slots-available 4
	cat >job.py <<'PY'
import sys
from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment
config = Configuration().set_string("execution.target", "remote").set_integer("rest.port", int(sys.argv[1]))
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(4)
data = env.from_collection([("apple", 1), ("banana", 1), ("apple", 1)], Types.TUPLE([Types.STRING(), Types.INT()]))
data.key_by(lambda x: x[0]).sum(1).print()
env.execute()
PY
	"$python" job.py "$rest_port" >out.txt 2>&1 || fail "$(cat out.txt)"
	same "(apple,1) (apple,2) (banana,1)" "$(sed -E 's/^[1-4]> //' out.txt | sort | xargs)"
	same 1 "$(grep apple out.txt | cut -d'>' -f1 | sort -u | wc -l)"
	until_true 20 overview_is slots-available 4
}

test_bad_scripts_given_to_flink_run() {
	start
	echo 'def f(: pass' >syntax.py
	printf '%s\n' 'from pyflink.datastream import StreamExecutionEnvironment' \
		'env = StreamExecutionEnvironment.get_execution_environment()' 'env.from_collection([1, 0]).map(lambda x: 1 // x).print()' >none.py
	{ cat none.py; echo 'env.execute()'; } >raises.py
	local script code
	for script in syntax none raises; do
		code=0
		PYTHONPATH='' ./bin/flink run -py "$script.py" >out.txt 2>err.txt || code=$?
		same 1 "$code"
		(($(wc -l <err.txt) <= 15)) || fail "$(cat err.txt)"
		contains "$(head -n 2 err.txt)" "File "
		contains "$(head -n 2 err.txt)" "$script.py\", line"
	done
	contains "$(cat err.txt)" "ZeroDivisionError"
	contains "$(tail -n 1 err.txt)" 'operator "Map" failed, subtask 1 of 1, on the value 0'
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
