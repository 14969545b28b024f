#!/usr/bin/env bash
# The tutorial's Python scripts, as typed, with what the screen must show.
source "$(dirname "$0")/cases.sh"

[[ -e $source_home/opt/python/pyflink/_engine.abi3.so ]] || {
	echo "ok 1 - python # SKIP the engine for Python is not built here (python3-dev)"
	exit 0
}
export PYTHONPATH=$source_home/opt/python PYTHONDONTWRITEBYTECODE=1
python=$(command -v python3)

now_ms() { NOW_MS=$((${EPOCHREALTIME/[^0-9]/} / 1000)); }

doubles_script() { # as printed in the tutorial, blanks at the ends of lines too
	sed 's/$/  /' <<'PY' | sed 's/^  $//' >pyflink_job.py
from pyflink.datastream import StreamExecutionEnvironment

# 1. 실행 환경 생성
env = StreamExecutionEnvironment.get_execution_environment()

# 2. 데이터 소스(Source) 정의 (리스트 데이터를 스트림으로 변환)
data_stream = env.from_collection([1, 2, 3, 4, 5])

# 3. 데이터 변환(Transformation) 적용 (각 숫자에 * 2 연산 수행)
transformed_stream = data_stream.map(lambda x: x * 2)

# 4. 데이터 싱크(Sink) 설정 (결과를 콘솔에 출력)
transformed_stream.print()

# 5. 작업 실행
env.execute("Simple Flink Job")
PY
}

test_doubles() {
	doubles_script
	now_ms; local began=$NOW_MS
	"$python" pyflink_job.py >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	now_ms
	((NOW_MS - began <= 2000)) || fail "it took $((NOW_MS - began)) ms" # alone: below 500
	same "" "$(cat err.txt)"
	same $'10\n2\n4\n6\n8' "$(sed -E 's/^[1-9][0-9]*> //' out.txt | sort)"
	local prefixed
	prefixed=$(grep -c '> ' out.txt || true)
	if (($(nproc) > 1)); then same 5 "$prefixed"; else same 0 "$prefixed"; fi
	sed -i 's/^data_stream/env.set_parallelism(1)\ndata_stream/' pyflink_job.py
	same $'2\n4\n6\n8\n10' "$("$python" pyflink_job.py 2>&1)"
}

test_doubles_when_8081_is_taken_and_nothing_is_left() {
	doubles_script
	read -r port < <(free_ports 1)
	background python3 -m http.server --bind localhost "$port" 2>server.txt
	"$python" - "$port" <<'PY' || fail "the script failed"
import sys
from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
config = Configuration()
config.set_integer("rest.port", int(sys.argv[1]))
env = StreamExecutionEnvironment.get_execution_environment(config)
env.from_collection([1]).print()
env.execute()
PY
	mkdir empty
	(cd empty && "$python" ../pyflink_job.py >/dev/null)
	[[ -z $(ls -A empty) ]] || fail "the script left $(ls -A empty)"
}

test_plan_and_sums() {
	cat >dag.py <<'PY'
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.common.typeinfo import Types

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
data = env.from_collection(
    collection=[("apple", 1), ("banana", 1), ("apple", 1)],
    type_info=Types.TUPLE([Types.STRING(), Types.INT()])
)
result = data.key_by(lambda x: x[0]).sum(1)
execution_plan = env.get_execution_plan()
print("DAG Execution Plan: \n", execution_plan)
result.print()
env.execute("Basic PyFlink Job")
PY
	same "$(cat "$root/tests/e2e/python_plan.txt")" "$("$python" dag.py 2>&1)"
}

run_tests
