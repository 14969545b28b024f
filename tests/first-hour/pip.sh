#!/usr/bin/env bash
# The tutorial's pip block: into a fresh virtual environment from `make wheel`'s folder, without a network,
# and its scripts there with nothing else of ours in reach.
source "$(dirname "$0")/../e2e/cases.sh"

skip_all() {
	for test in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); do
		echo "ok $((++number)) - $test # SKIP $1"
	done
	echo "1..$number"
	exit 0
}

plain_python() { # like a user's shell: no PYTHONPATH, nothing of the build's environment
	env -i HOME="$scratch" PATH=/usr/bin:/bin LANG=C.UTF-8 "$scratch/venv/bin/python" -W error "$@"
}

# pip ARGUMENT…: of the test's environment; not venv/bin/pip, whose first line names the folder it was copied from.
pip() { env -u PYTHONPATH venv/bin/python -m pip --isolated "$@"; }

# Each test's environment is a copy of one: pip's own installation is most of what making one costs.
install_it() {
	[[ -e venv ]] || cp -a "$fresh_venv" venv
	pip --disable-pip-version-check install --no-index --find-links "$wheels" \
		"$@" >pip.txt 2>&1 || fail "$(cat pip.txt)"
}

test_the_requirement_is_met_and_stays_met() {
	install_it apache-flink==1.19.3
	contains "$(tail -n 1 pip.txt)" "Successfully installed"
	contains "$(tail -n 1 pip.txt)" "apache-flink-1.19.3"
	install_it apache-flink==1.19.3
	contains "$(cat pip.txt)" "Requirement already satisfied: apache-flink==1.19.3"
	pip check >check.txt 2>&1 || fail "$(cat check.txt)"
	same "" "$(plain_python -c 'import pyflink.datastream' 2>&1)"
	same "1.19.3" "$(plain_python -c 'import pyflink; print(pyflink.__version__)')"
	pip uninstall -y apache-flink cflink >/dev/null 2>&1
	[[ ! -e $(echo venv/lib/python3*/site-packages/pyflink/_engine.abi3.so) ]] || fail "it cannot be uninstalled"
}

test_scripts_run_with_nothing_else() {
	install_it apache-flink
	cat >job.py <<'PY'
from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment
import os, ssl, sys
config = Configuration()
if len(sys.argv) > 1:
    config.set_string("python.execution-mode", sys.argv[1])
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(1)
data = env.from_collection([("apple", 1), ("banana", 1), ("apple", 1)], Types.TUPLE([Types.STRING(), Types.INT()]))
data.map(lambda x: x + (sys.prefix,)).filter(lambda x: os.path.basename(x[2]) == "venv").map(
    lambda x: x[:2], Types.TUPLE([Types.STRING(), Types.INT()])).key_by(lambda x: x[0]).sum(1).print()
env.execute()
PY
	same $'(apple,1)\n(banana,1)\n(apple,2)' "$(plain_python job.py 2>&1)"
	same $'(apple,1)\n(banana,1)\n(apple,2)' "$(plain_python job.py process 2>&1)"
}

test_what_it_loads_is_inside() {
	install_it apache-flink
	cat >loads.py <<'PY'
import ctypes, os, re
def mapped():
    with open("/proc/self/maps") as maps:
        return {line.split()[-1] for line in maps}
before = mapped()
import pyflink
from pyflink import _engine
package = os.path.dirname(pyflink.__file__)
if os.path.exists(package + "/lib/flink-kafka.so"):
    ctypes.CDLL(package + "/lib/flink-kafka.so")
of_libraries = {path for path in mapped() - before if re.search(r"\.so(\.\d+)*$", path)}
for path in of_libraries:
    if "/site-packages/pyflink/" not in path and re.search("crypto|event|protobuf|yaml|jansson|xxhash|lz4|rdkafka", path):
        print("from outside:", path)
print(sum("/.libs/" in path for path in of_libraries) >= 6)
PY
	same True "$(plain_python loads.py 2>&1)"
}

number=0
[[ -e $root/build/$build/python/pyflink/_engine.abi3.so ]] || skip_all "the engine for Python is not built here (python3-dev)"
[[ ! $build =~ asan|tsan|fuzz ]] || skip_all "a wheel is made of BUILD=release or debug"
command -v patchelf >/dev/null || skip_all "patchelf is not installed"
python3 -c 'import ensurepip, venv' 2>/dev/null || skip_all "python3-venv is not installed"
wheels=$(mktemp -d)/wheel
trap 'rm -rf "${wheels%/wheel}"' EXIT
"$root/scripts/make-wheel" "$root/build/$build" "$wheels" >/dev/null || exit 1
fresh_venv=${wheels%/wheel}/venv
python3 -m venv "$fresh_venv" || exit 1
run_tests
