#!/usr/bin/env bash
# jars.sh - programs over REST: each kind is uploaded with curl, planned and run; what goes wrong is told, and
# nothing of it stays behind.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink home" "taskmanager.numberOfTaskSlots: 12" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
	words=$PWD/words.txt
	printf 'to be or not\nto be\n' >"$words"
}

api() { # api METHOD PATH [CURL OPTION…]: the body, in answer.txt; the status in $status
	local method=$1 path=$2
	shift 2
	status=$(curl -sS --max-time 90 -X "$method" -o answer.txt -w '%{http_code}' "$@" "http://localhost:$rest_port$path") ||
		fail "$method $path: no answer"
}

upload() { # upload FILE [NAME]: sets $jar
	api POST /jars/upload -F "jarfile=@$1;filename=${2:-${1##*/}}"
	[[ $status == 200 ]] || fail "upload of $1: $status $(cat answer.txt)"
	same success "$(jq -r .status answer.txt)"
	jar=$(jq -r '.filename | split("/") | last' answer.txt)
}

run_jar() { # run_jar [JSON] [QUERY]: runs $jar; sets $id
	api POST "/jars/$jar/run${2-}" -H 'Content-Type: application/json' -d "${1:-{\}}"
	[[ $status == 200 ]] || fail "run of $jar: $status $(cat answer.txt)"
	id=$(jq -r .jobid answer.txt)
}

refused() { # refused STATUS TEXT: the last answer was that
	[[ $status == "$1" ]] || fail "status $status, wanted $1: $(cat answer.txt)"
	contains "$(jq -r '.errors | join("\n")' answer.txt)" "$2"
}

left() { # what runs of programs have left behind
	find tmp -mindepth 1 -name 'flink-submit-*'
	pgrep -f "$home_dir/bin/flink hand-over"
	true
}

nothing_left() {
	local seen
	seen=$(left)
	[[ -z $seen ]] || { echo "$seen"; return 1; }
}

zombies() { # of this cluster's JobManager
	local jobmanager
	jobmanager=$(pgrep -P "$(tail -n 1 pid/flink-*-standalonesession.pid | cut -d' ' -f1)" | head -n 1)
	ps -o stat= --ppid "$jobmanager" | grep -c '^Z' || true
}

count_c() {
	cat >"$1" <<-'C'
		#include <flink/flink.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			const char *how = flink_arg_or(args, "how", "");
			if (how[0] == 'n')
				return 0;
			if (how[0] == 'e')
				exit(3);
			if (how[0] == 'a')
				abort();
			if (how[0] == 's')
				for (fclose(fopen(flink_arg(args, "mark"), "w"));;)
					sleep(1000);
			if (how[0] == 'l')
				for (volatile unsigned i = 0;; i++)
					;
			if (how[0] == 'd' && fork() == 0) {
				setsid();
				sleep(1000);
			}
			static const char *const lines[] = { "one", "two" };
			print(from_lines(env, lines, 2));
			int result = flink_execute(env, "Lines", err);
			if (how[0] == 't' && result == 0)
				result = flink_execute(env, "Lines again", err);
			return result;
		}
	C
}

test_a_shared_object_is_planned_and_run() {
	start
	upload examples/streaming/WordCount.jar
	same WordCount.jar "$(rest /jars | jq -r '.files[0].name')"
	same flink_main "$(rest /jars | jq -r '.files[0].entry[0].name')"
	# As Flink's page asks for a plan, and as it submits: all is there twice, and what is not said is null.
	api GET "/jars/$jar/plan?entry-class=flink_main&parallelism=2&program-args=--input%20%27$(jq -rn --arg w "$words" '$w | @uri')%27"
	[[ $status == 200 ]] || fail "plan: $status $(cat answer.txt)"
	same '[[2,"HASH"],[2,null]]' "$(jq -c '[.plan.nodes[] | [.parallelism, .inputs[0].ship_strategy]]' answer.txt)"
	same 0 "$(rest /jobs | jq '.jobs | length')"
	planned=$(jq -c '[.plan.nodes[].id]' answer.txt)
	run_jar "$(jq -n --arg w "$words" --arg o "$PWD/out" '{entryClass: "flink_main", parallelism: "2", programArgs: "--input '"'"'\($w)'"'"' --output '"'"'\($o)'"'"'",
		savepointPath: null, allowNonRestoredState: null}')" "?entry-class=flink_main&parallelism=2&allowNonRestoredState=false"
	until_true 20 job_is "$id" FINISHED
	[[ $(cat out/* | grep -c '^(be,2)$') == 1 ]] || fail "$(cat out/*)"
	same "$planned" "$(rest "/jobs/$id/plan" | jq -c '[.plan.nodes[].id]')"
	until_true 20 nothing_left
}

test_a_c_file_is_compiled_in_the_process() {
	start
	count_c count.c
	upload count.c
	api POST "/jars/$jar/plan" -d '{"parallelism":3}'
	[[ $status == 200 ]] || fail "plan: $status $(cat answer.txt)"
	same Lines "$(jq -r .plan.name answer.txt)"
	run_jar '{"jobId":"00112233445566778899aabbccddeeff","flinkConfiguration":{"pipeline.name":"x","parallelism.default":2}}'
	same 00112233445566778899aabbccddeeff "$id"
	until_true 20 job_is "$id" FINISHED
	same 2 "$(rest "/jobs/$id/config" | jq '.["execution-config"]["job-parallelism"]')"
	until_true 20 file_has "$(echo log/flink-*-taskexecutor-*.out)" 'one$'
	api POST "/jars/$jar/run" -d '{"jobId":"00112233445566778899aabbccddeeff"}'
	refused 400 "already been submitted"
	sed -i 's/return result;/return resutl;/' count.c
	upload count.c
	api POST "/jars/$jar/run"
	refused 400 "count.c:"
	refused 400 "resutl"
	refused 400 "count.c does not compile"
	! grep -q "flink-submit-" answer.txt || fail "it names its folder: $(cat answer.txt)"
	until_true 20 nothing_left
}

test_what_a_program_does_wrong_is_told() {
	start "web.submit.cpu-time: 3 s"
	count_c count.c
	upload count.c
	api POST "/jars/$jar/run" -d '{"programArgs":"--how none"}'
	refused 400 "didn't contain a Flink job"
	api POST "/jars/$jar/run" -d '{"programArgsList":["--how","exit"]}'
	refused 400 "called exit(3) before its job was handed in"
	api POST "/jars/$jar/run?programArg=--how,abort"
	refused 400 "SIGABRT"
	api POST "/jars/$jar/run?program-args=--how%20loop"
	refused 400 "s of CPU time, all that it may take (web.submit.cpu-time)"
	api GET "/jars/$jar/plan?program-args=--how%20none"
	refused 400 "didn't contain a Flink job"
	run_jar '{"programArgs":"--how twice"}'
	until_true 20 job_is "$id" FINISHED
	same 1 "$(rest /jobs | jq '.jobs | length')"
	run_jar '{"programArgs":"--how daemon"}'
	until_true 20 job_is "$id" FINISHED
	until_true 20 nothing_left
	same 0 "$(zombies)"
}

test_a_program_that_waits_for_ever_is_ended() {
	start "web.timeout: 4 s"
	count_c count.c
	upload count.c
	api POST "/jars/$jar/run?programArg=--how,sleep&programArg=--mark&programArg=mark"
	refused 500 "within 4000 ms (web.timeout)"
	until_true 20 nothing_left
	same 0 "$(zombies)"
}

test_parameters_are_checked() {
	start
	count_c count.c
	upload count.c
	local body
	for body in '{"foo":1}' '[]' '{"parallelism":0}' '{"parallelism":-1}' '{"parallelism":"two"}' '{"parallelism":40000}' '{"parallelism":1.5}' \
		'{"jobId":"12"}' '{"entryClass":1}' '{"programArgs":["a"]}' '{"programArgsList":"a"}' '{"programArgsList":[1]}' \
		'{"programArgs":"a","programArgsList":["b"]}' '{"restoreMode":"OTHER"}' '{"allowNonRestoredState":"maybe"}' \
		'{"flinkConfiguration":[]}' '{"flinkConfiguration":{"a":{}}}' '{"flinkConfiguration":{"a=b":"c"}}' '{' 'x' '{"entryClass":"org.Other"}' \
		'{"parallelism":1,"parallelism":2}' '{"flinkConfiguration":{"parallelism.default":"many"}}'; do
		api POST "/jars/$jar/run" -d "$body"
		[[ $status == 400 ]] || fail "$body: $status $(cat answer.txt)"
		jq -e '.errors[0]' answer.txt >/dev/null || fail "$body: $(cat answer.txt)"
	done
	for query in 'parallelism=x' 'parallelism=0' 'jobId=1' 'entry-class=Other' 'program-args=a&programArg=b' 'allowNonRestoredState=1'; do
		api POST "/jars/$jar/run?$query"
		[[ $status == 400 ]] || fail "$query: $status $(cat answer.txt)"
	done
	api POST "/jars/$jar/run" -d '{"savepointPath":"/tmp/savepoint-1"}'
	refused 501 "savepoint"
	api POST "/jars/$jar/plan" -d '{"savepointPath":"/tmp/savepoint-1"}'
	refused 400 "JarPlanRequestBody"
	api POST "/jars/00000000-0000-4000-8000-000000000000_x.c/run"
	refused 400 "does not exist"
	api GET "/jars/..%2f..%2fconf%2fflink-conf.yaml/plan"
	refused 400 "does not exist"
	# What the body says, if only by a null, counts, and not the query.
	run_jar '{"savepointPath":null,"parallelism":null,"entryClass":"","programArgs":null,"restoreMode":"CLAIM"}' '?savepointPath=--x&parallelism=7'
	until_true 20 job_is "$id" FINISHED
	same 1 "$(rest /jobs | jq '.jobs | length')"
}

test_python_scripts_and_archives_run() {
	[[ -e opt/python/pyflink/_engine.abi3.so || -e $source_home/opt/python/pyflink/_engine.abi3.so ]] || return 0
	start
	unset PYTHONPATH
	cat >job.py <<-'PY'
		import sys
		from pyflink.datastream import StreamExecutionEnvironment
		env = StreamExecutionEnvironment.get_execution_environment()
		arguments = sys.argv[1:]
		if "fail" in sys.argv:
		    raise ValueError("not like that")
		if "nothing" in sys.argv:
		    sys.exit(0)
		env.from_collection([1, 2, 3]).map(lambda n: f"{n * 7} {arguments}").print()
		env.execute("Sevens")
	PY
	upload job.py
	same job "$(rest /jars | jq -r '.files[0].entry[0].name')"
	api GET "/jars/$jar/plan?parallelism=2"
	[[ $status == 200 ]] || fail "plan: $status $(cat answer.txt)"
	same Sevens "$(jq -r .plan.name answer.txt)"
	run_jar '{"entryClass":"job","programArgs":"-p 5 \"two words\""}'
	until_true 20 job_is "$id" FINISHED
	contains "$(rest "/jobs/$id/output" | jq -r .output)" "21 ['-p', '5', 'two words']"
	api POST "/jars/$jar/run?programArg=fail"
	refused 400 "ValueError: not like that"
	refused 400 'File "job.py", line 6'
	api POST "/jars/$jar/run?programArg=nothing"
	refused 400 "didn't contain a Flink job"
	mkdir -p archive/package
	cat >archive/package/helper.py <<-'PY'
		def times(n):
		    return n * 11
	PY
	: >archive/package/__init__.py
	sed -e 's/^import sys/import sys, package.helper/' -e 's/n \* 7/package.helper.times(n)/' job.py >archive/first.py
	cp archive/first.py archive/second.py
	(cd archive && python3 -m zipfile -c ../two.zip first.py second.py package)
	upload two.zip
	same '["first","second"]' "$(rest /jars | jq -c '[.files[0].entry[].name]')"
	api POST "/jars/$jar/run"
	refused 400 'name one as entryClass: "first", "second"'
	run_jar '{"entryClass":"second","programArgs":"--word"}'
	until_true 20 job_is "$id" FINISHED
	contains "$(rest "/jobs/$id/output" | jq -r .output)" "33 ['--word']"
	mv archive/first.py archive/__main__.py
	rm archive/second.py
	(cd archive && python3 -m zipfile -c ../main.zip __main__.py package)
	upload main.zip
	run_jar
	until_true 20 job_is "$id" FINISHED
	contains "$(rest "/jobs/$id/output" | jq -r .output)" "33 []"
	until_true 20 nothing_left
}

test_ten_at_once_all_run() {
	start "web.submit.processes: 3"
	count_c count.c
	upload count.c
	local i waiting=()
	for i in $(seq 10); do
		curl -sS --max-time 90 -X POST -o "answer.$i" "http://localhost:$rest_port/jars/$jar/run" &
		waiting+=($!)
	done
	wait "${waiting[@]}"
	for i in $(seq 10); do
		id=$(jq -r .jobid "answer.$i") && [[ $id =~ ^[0-9a-f]{32}$ ]] || fail "$(cat "answer.$i")"
		until_true 30 job_is "$id" FINISHED
	done
	same 10 "$(rest /jobs | jq '.jobs | length')"
	until_true 20 nothing_left
	same 0 "$(zombies)"
}

test_nothing_stays_behind_whoever_is_killed() {
	start
	count_c count.c
	upload count.c
	# The program itself sleeps: three processes, and no compiler.
	sleeping() { [[ $(pgrep -fc "$home_dir/bin/flink hand-over") == 3 ]] && rm slept; }
	local mark
	mark="'$(jq -rn --arg p "$PWD/slept" '$p | @uri')'"
	# The client goes, and the JobManager's child is killed.
	curl -sS --max-time 90 "http://localhost:$rest_port/jars/$jar/plan?program-args=--how%20sleep%20--mark%20$mark" >answer.txt &
	local client=$!
	until_true 20 sleeping
	pkill -9 -o -f "$home_dir/bin/flink hand-over"
	wait "$client"
	contains "$(cat answer.txt)" "errors"
	until_true 20 nothing_left
	# The JobManager dies.
	curl -sS --max-time 90 "http://localhost:$rest_port/jars/$jar/run?program-args=--how%20sleep%20--mark%20$mark" -X POST >answer.txt 2>&1 &
	client=$!
	until_true 20 sleeping
	kill -9 "$(pgrep -P "$(tail -n 1 pid/flink-*-standalonesession.pid | cut -d' ' -f1)" | head -n 1)"
	wait "$client" || true
	until_true 20 nothing_left
	# It stops in order, while a client waits.
	until_true 20 rest /jars
	curl -sS --max-time 90 "http://localhost:$rest_port/jars/$jar/run?program-args=--how%20sleep%20--mark%20$mark" -X POST >answer.txt 2>&1 &
	client=$!
	until_true 20 sleeping
	./bin/stop-cluster.sh >stop.txt 2>&1
	wait "$client" || true
	until_true 20 nothing_left
}

test_a_program_that_stops_its_parent_is_ended() {
	start "web.timeout: 1 s"
	cat >stop.c <<-'C'
		#include <flink/flink.h>
		#include <signal.h>
		#include <unistd.h>
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			kill(getppid(), SIGSTOP);
			for (;;)
				pause();
		}
	C
	eval "cc -w $(./bin/flink-config --cflags) -o stop.so stop.c $(./bin/flink-config --libs)"
	upload stop.so
	api POST "/jars/$jar/run"
	refused 500 "web.timeout"
	until_true 20 nothing_left
}

test_uploads_survive_and_switch_off() {
	start
	upload examples/streaming/WordCount.jar ../../../WordCount.so
	printf 'PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >job.jar
	api POST /jars/upload -F "jarfile=@job.jar"
	refused 400 "there is no Java here"
	head -c 3000000 /dev/zero | tr '\0' x >large.c
	upload large.c
	api DELETE "/jars/$jar"
	same 200 "$status"
	./bin/jobmanager.sh stop >stop.txt 2>&1
	./bin/jobmanager.sh start >start.txt 2>&1
	until_true 20 rest /jars
	same WordCount.so "$(rest /jars | jq -r '.files[].name')"
	./bin/jobmanager.sh stop >stop.txt 2>&1
	echo "web.submit.enable: false" >>conf/flink-conf.yaml
	./bin/jobmanager.sh start >start.txt 2>&1
	until_true 20 rest /config
	same false "$(rest /config | jq '.features["web-submit"]')"
	for path in /jars "/jars/x/plan" /v1/jars; do
		api GET "$path"
		same 404 "$status"
	done
	api POST "/jars/x/run"
	refused 404 "Not found: /jars/x/run"
}

run_tests
