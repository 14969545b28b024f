#!/usr/bin/env bash
# The tutorial's Python (B11, B12, B16, B17 and its tables), with the package that pip installed in a virtual
# environment, as printed. The wheel itself is pip.sh, the blocks with Docker (B13 to B15) are tests/docker.
source "${BASH_SOURCE[0]%/*}/home.sh"

[[ -e $root/build/$build/python/pyflink/_engine.abi3.so ]] || {
	echo "ok 1 - python # SKIP the engine for Python is not built here (python3-dev)"
	echo 1..1
	exit 0
}
scripts=$here/tutorial
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONFIG_FILE=/dev/null

# One environment for all tests: made and filled as the tutorial does, but without a network. Where a wheel
# cannot be made (patchelf, python3-venv), the archive's package does for the scripts.
fill_environment() {
	"$root/scripts/make-wheel" "$root/build/$build" "$packed/wheel" && python3 -m venv "$packed/venv" || return
	source "$packed/venv/bin/activate"
	export PIP_NO_INDEX=1 PIP_FIND_LINKS=$packed/wheel
	pip install apache-flink==1.19.3
}
fill_environment >"$packed/pip.txt" 2>&1 || no_wheel="no wheel here: $(tail -n 1 "$packed/pip.txt")"

student() { # a home with the archive in it; `python` has pyflink
	unpack
	[[ -z ${no_wheel-} ]] || {
		export PYTHONPATH=$HOME/flink/opt/python
		mkdir ~/bin
		ln -s "$(command -v python3)" ~/bin/python
		PATH=$HOME/bin:$PATH
	}
}

now_ms() { NOW_MS=$((${EPOCHREALTIME/[^0-9]/} / 1000)); }

took_at_most() { # MS: since `began`; generous, for busy machines
	now_ms
	((NOW_MS - began <= $1)) || fail "it took $((NOW_MS - began)) ms"
}

no_process_is_left() { ! pgrep -f "fn_execution/worker.py.*$HOME|$HOME.*fn_execution/worker.py"; }

test_pip_install() {
	[[ -z ${no_wheel-} ]] || { echo "$no_wheel"; exit 77; }
	at_home
	contains "$(tail -n 1 "$packed/pip.txt")" "Successfully installed apache-flink-1.19.3"
	contains "$(pip install apache-flink==1.19.3 2>&1)" "Requirement already satisfied: apache-flink==1.19.3"
	now_ms; local began=$NOW_MS
	same "" "$(env -u JAVA_HOME python -c "import pyflink.datastream" 2>&1)"
	took_at_most 3000 # alone: below 300
}

# B16: the five snippets joined, and the whole example with the blanks it is printed with.
test_doubles() {
	student
	local script began
	sed 's/[^ ]$/&  /' "$root/docker/pyflink_job.py" >pyflink_job.py
	cp "$scripts/snippets.py" .
	mkdir empty
	cd empty
	for script in ../pyflink_job.py ../snippets.py; do
		now_ms; began=$NOW_MS
		python "$script" >../out.txt 2>../err.txt || fail "$(cat ../out.txt ../err.txt)"
		took_at_most 5000 # alone: below 500
		same "" "$(<../err.txt)"
		same $'10\n2\n4\n6\n8' "$(sed -E 's/^[1-9][0-9]*> //' ../out.txt | sort)"
		if (($(nproc) > 1)); then
			same 5 "$(grep -cE '^[1-9][0-9]*> ' ../out.txt)"
			(($(sed 's/>.*//' ../out.txt | sort -n | tail -n 1) <= $(nproc))) || fail "$(<../out.txt)"
		else
			same 0 "$(grep -c '>' ../out.txt)"
		fi
	done
	sed -i 's/^data_stream/env.set_parallelism(1)\ndata_stream/' ../pyflink_job.py
	same $'2\n4\n6\n8\n10' "$(python ../pyflink_job.py 2>&1)"
	same "" "$(ls -A)"
	no_process_is_left
}

test_doubles_when_8081_is_taken() {
	student
	background python3 -m http.server --bind localhost 8081 2>server.txt
	taken() { (exec 3<>/dev/tcp/localhost/8081) 2>/dev/null; }
	until_true 20 taken
	python "$scripts/snippets.py" >out.txt 2>&1 || fail "$(<out.txt)"
	same 5 "$(wc -l <out.txt)"
}

test_plan_and_sums() { # B17, byte for byte
	student
	python "$scripts/dag.py" >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	cmp "$scripts/dag.txt" out.txt || fail "$(diff "$scripts/dag.txt" out.txt)"
	same "" "$(<err.txt)"
}

test_remote() { # B12
	student
	edit
	start
	cd ~
	cp "$scripts/remote.py" .
	python remote.py >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	local wanted=$'(\'apple\', 1)\n(\'banana\', 1)\n(\'apple\', 1)' job vertex
	same "$wanted" "$(<out.txt)"
	same "" "$(<err.txt)"
	same "$wanted" "$(<"flink/log/flink-$user-taskexecutor-0-$host.out")"
	same 1 "$(rest /jobs/overview | jq '.jobs | length')" # the first environment starts nothing
	rest /jobs/overview | jq -e '.jobs[0] | .name == "Submit PyFlink Job to Existing Cluster" and .state == "FINISHED"' >/dev/null ||
		fail "$(rest /jobs/overview)"
	job=$(rest /jobs/overview | jq -r '.jobs[0].jid')
	vertex=$(rest "/jobs/$job" | jq -r '.vertices[0].id')
	same 3 "$(rest "/jobs/$job/vertices/$vertex/metrics?get=0.Source__Collection_Source.numRecordsOut" | jq -r '.[0].value')"
	until_true 20 overview_is slots-available 1
	until_true 20 no_process_is_left
}

test_remote_when_no_cluster_runs() {
	student
	now_ms; local began=$NOW_MS code=0
	python "$scripts/remote.py" >out.txt 2>err.txt || code=$?
	took_at_most 6000 # alone: below 2000
	same 1 "$code"
	same "" "$(<out.txt)"
	same 1 "$(wc -l <err.txt)"
	contains "$(<err.txt)" "localhost:8081"
	contains "$(<err.txt)" "start-cluster.sh"
}

test_plan_and_sums_on_a_cluster() { # B17: what the page shows of it
	student
	edit
	start
	./bin/flink run -py "$scripts/dag.py" >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	same $'(apple,1)\n(banana,1)\n(apple,2)' "$(<"log/flink-$user-taskexecutor-0-$host.out")"
	file_has out.txt '^DAG Execution Plan: $'
	file_has out.txt '^\(apple,2\)$'
	rest "/jobs/$(rest /jobs/overview | jq -r '.jobs[0].jid')" >job.json
	same "Basic PyFlink Job FINISHED" "$(jq -r '.name + " " + .state' job.json)"
	same "Source: Collection Source -> _stream_key_by_map_operator: 3 out
Reduce -> Sink: Print to Std. Out: 3 in" "$(jq -r '.vertices | "\(.[0].name): \(.[0].metrics["write-records"]) out", "\(.[1].name): \(.[1].metrics["read-records"]) in"' job.json)"
	same HASH "$(jq -r '.plan.nodes[] | select(.inputs) | .inputs[0].ship_strategy' job.json)"
}

test_equal_keys_meet_in_one_subtask_of_two_taskmanagers() {
	student
	shown[workers]=$'localhost\nlocalhost'
	shown[flink-conf.yaml]+=$'\ntaskmanager.numberOfTaskSlots: 2'
	edit
	start
	sed 's/set_parallelism(1)/set_parallelism(4)/' "$scripts/dag.py" >dag.py
	./bin/flink run -py dag.py >out.txt 2>err.txt || fail "$(cat out.txt err.txt)"
	grep -hE '^[1-4]> ' log/flink-*.out | sort >printed.txt
	same $'(apple,1)\n(apple,2)\n(banana,1)' "$(sed 's/^.> //' printed.txt | sort)"
	same 1 "$(sed -n 's/> (apple.*//p' printed.txt | sort -u | wc -l)"
}

# The tutorial's tables as one script: a file of words to a file of counts.
test_tables() {
	student
	printf 'to be or not\nto be\n' >input.txt
	python "$scripts/tables.py" >out.txt 2>&1 || fail "$(<out.txt)"
	same "" "$(<out.txt)"
	[[ -f output.txt ]] || fail "output.txt is no file: $(ls -l)"
	same $'(to,1)\n(be,1)\n(not,1)\n(to,2)\n(be,2)' "$(<output.txt)"
	! python "$scripts/tables.py" >again.txt 2>&1 || fail "the second run overwrote output.txt"
	contains "$(<again.txt)" "output.txt"
	(($(wc -l <again.txt) <= 15)) || fail "$(<again.txt)"
	same 5 "$(wc -l <output.txt)"
}

test_tables_kafka() {
	student
	[[ -e flink/lib/flink-kafka.so ]] || { echo "Kafka's library is not built here (librdkafka-dev)"; exit 77; }
	background flink/bin/kafka-dev --port 9092 --topic words:1 >kafka.txt 2>&1
	until_true 20 file_has kafka.txt "bootstrap.servers=localhost:9092"
	python "$scripts/kafka.py" >out.txt 2>&1 || fail "$(<out.txt)"
	same $'APPLE\nBANANA\n사과' "$(<out.txt)"
	[[ -z $(command -v kcat) ]] || same $'apple\nbanana\n사과' "$(kcat -C -b localhost:9092 -t words -e -q)"
}

run_tests
