#!/usr/bin/env bash
# rest.sh - the REST API and the page of a running cluster, as a browser, curl and a remote client see them.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink home" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
	taskmanager=$(rest /taskmanagers | jq -r '.taskmanagers[0].id | @uri')
}

# The word count on what is written to descriptor 9; sets $id.
submit_words() {
	open_text_server
	./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 job_is "$id" RUNNING
}

has() { # has PATH PATTERN: the body has a line like that
	rest "$1" | grep -E -- "$2"
}

status_of() { # status_of PATH [CURL OPTION…]
	local path=$1
	shift
	curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$@" "http://localhost:$rest_port$path"
}

test_page_comes_whole_and_asks_nobody_else() {
	local file scripts
	start
	[[ $(rest / | grep -o '<title>[^<]*') == "<title>Apache Flink Dashboard · cflink" ]] || fail "$(rest /)"
	mapfile -t scripts < <(cd web && find . -name '*.js' -printf '%P\n') # none where there is no Node
	for file in index.html "${scripts[@]}"; do
		rest "/$file" | cmp -s - "web/$file" || fail "/$file is not web/$file"
		[[ $file != *.js ]] || contains "$(curl -sI "http://localhost:$rest_port/$file")" "Content-Type: text/javascript"
	done
	if grep -nE 'https?://' web/*.js web/*.css web/*.html | grep -v 'http://www.w3.org/2000/svg'; then
		fail "the page names another site"
	fi
	contains "$(curl -sI "http://localhost:$rest_port/")" "Content-Security-Policy: frame-ancestors 'none'"
	if rest / | grep -nE '<script>|<style|onclick=|onload='; then fail "inline script or style"; fi
	same 404 "$(status_of /nothing.js)"
	same 404 "$(status_of /..%2fconf%2fflink-conf.yaml --path-as-is)"
	same 404 "$(status_of /../conf/flink-conf.yaml --path-as-is)"
}

test_beyond_this_machine_a_token_is_wanted() {
	local url token
	make_home "$scratch/flink" "rest.bind-address: 0.0.0.0"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	url=$(grep -oE "http://localhost:$rest_port/\?token=[0-9a-f]{64}$" start.txt) || fail "$(cat start.txt)"
	contains "$(cat start.txt)" "1 JobManager, 1 TaskManager, 1 slot" # it was let in itself
	token=${url##*=}
	same 600 "$(stat -c %a conf/rest-token)"
	same "$token" "$(cat conf/rest-token)"
	! grep -r "$token" log pid || fail "the token is where others can read it"
	for path in / /jobs /index.html /nothing; do
		same 401 "$(status_of "$path")"
	done
	same 401 "$(status_of /jobs -H "Authorization: Bearer ${token/[0-9a-f]/x}")"
	contains "$(curl -s "http://localhost:$rest_port/jobs")" '{"errors":["org.apache.flink.'
	same 200 "$(status_of /jobs -H "Authorization: Bearer $token")"
	contains "$(curl -sL -c cookies.txt -b cookies.txt -H "Accept: text/html" -w '%{url}' "$url")" "<title>Apache Flink Dashboard"
	same 200 "$(status_of /jobs -b cookies.txt)"
	# Clients of the same settings have it; others are told what to do.
	./bin/flink list -m "localhost:$rest_port" >list.txt 2>&1 || fail "$(cat list.txt)"
	! FLINK_REST_TOKEN=0123456789abcdef ./bin/flink list -m "localhost:$rest_port" >list.txt 2>&1 || fail "it was let in"
	contains "$(cat list.txt)" "E5010"
	contains "$(cat list.txt)" "FLINK_REST_TOKEN"
	./bin/stop-cluster.sh >stop.txt 2>&1 || fail "$(cat stop.txt)"
	chmod 644 conf/rest-token
	! ./bin/start-cluster.sh >start.txt 2>&1 || fail "it started"
	contains "$(cat start.txt)" "chmod 600"
}

test_records_are_counted_per_vertex_and_operator() {
	start
	submit_words
	printf 'to be\nor not\nto be\n' >&9
	# Three lines out of the source's chain are six words; operators count too.
	six_words() { rest "/jobs/$id" | jq -e '[.vertices[0].metrics["write-records"], .vertices[1].metrics["read-records"]] == [6, 6]'; }
	until_true 20 six_words
	source=$(rest "/jobs/$id" | jq -r '.vertices[0].id')
	same '[3,6]' "$(rest "/jobs/$id/vertices/$source" | jq -c '[.operators[0]["records-out"], .operators[1]["records-out"]]')"
	same HASH "$(rest "/jobs/$id/plan" | jq -r '.plan.nodes[] | select(.inputs) | .inputs[0].ship_strategy')"
	same '["6"]' "$(rest "/jobs/$id/vertices/$source/metrics?get=0.numRecordsOut" | jq -c '[.[].value]')"
	same 1 "$(rest "/taskmanagers/$taskmanager" | jq '.allocatedSlots | length')"
	same 202 "$(status_of "/jobs/$id" -X PATCH)"
	until_true 20 job_is "$id" CANCELED
	same 0 "$(rest "/taskmanagers/$taskmanager" | jq '.allocatedSlots | length')"
}

test_what_was_is_told_as_numbers_over_time() {
	start
	submit_words
	source=$(rest "/jobs/$id" | jq -r '.vertices[0].id')
	# A second each; while words come, some were counted in some second.
	words_were_seen() {
		echo "to be or not to be" >&9
		rest "/jobs/$id/series?step=1s&get=$source.numRecordsOutPerSecond" |
			jq -e '.step == 1000 and (.series[] | map(select(. != null and . > 0)) | length > 2)'
	}
	until_true 20 words_were_seen
	same 'true' "$(rest "/jobs/$id/series?get=$source.*.busyTimeMsPerSecond" |
		jq '[.series[][]] | all(. == null or (. >= 0 and . <= 1000))')"
	for path in "/taskmanagers/$taskmanager" /jobmanager; do
		load_is_known() {
			rest "$path/series?step=1s&get=Status.JVM.CPU.Load,Status.JVM.Memory.Heap.Used" |
				jq -e '.series | .["Status.JVM.CPU.Load"] as $load | .["Status.JVM.Memory.Heap.Used"] as $heap |
					any($load[]; . != null and . <= 1) and any($heap[]; . != null and . > 100000)'
		}
		until_true 20 load_is_known
	done
	same 400 "$(status_of "/jobs/$id/series?get=numRestarts&step=1s&from=0")"
}

test_logs_and_stdout_of_both_daemons() {
	start
	submit_words
	echo "hello hello" >&9
	until_true 20 has "/taskmanagers/$taskmanager/stdout" '^hello : 2$'
	until_true 20 has "/jobs/$id/output" 'hello : 2\\n'
	has "/taskmanagers/$taskmanager/log" 'Received task Source: Socket Stream' >/dev/null || fail "no such line in its log"
	has /jobmanager/log 'Received JobGraph submission' >/dev/null || fail "no such line in the JobManager's log"
	same 200 "$(status_of /jobmanager/stdout)"
	for path in /jobmanager "/taskmanagers/$taskmanager"; do
		name=$(rest "$path/logs" | jq -r '.logs[0].name | @uri')
		[[ $(rest "$path/logs/$name" | wc -c) == $(rest "$path/logs" | jq '.logs[0].size') ]] || fail "$path/logs/$name"
		same 404 "$(status_of "$path/logs/..%2f..%2fconf%2fflink-conf.yaml")"
		same 404 "$(status_of "$path/logs/..%2f..%2fconf%2fflink-conf.yaml/lines")"
	done
	same "$(rest /jobmanager/log | tail -n 1)" "$(rest "/jobmanager/log?tail=1000" | tail -n 1)"
}

test_log_files_by_pages_of_lines() {
	local path name
	start
	submit_words
	echo "hello hello" >&9
	name=$(rest "/taskmanagers/$taskmanager/logs" | jq -r '.logs[] | select(.kind == "out").name | @uri')
	until_true 20 has "/taskmanagers/$taskmanager/logs/$name/lines?from=-1&search=HELLO" '"text":"hello : 2"'
	# It follows: asked before the line is there, answered with it.
	next=$(rest "/taskmanagers/$taskmanager/logs/$name/lines?from=-1" | jq .next)
	rest "/taskmanagers/$taskmanager/logs/$name/lines?from=$next&wait_ms=10000" >followed.json &
	echo "bye" >&9
	wait "$!"
	same '"bye : 1"' "$(jq '.lines[0].text' followed.json)"
	for path in /jobmanager "/taskmanagers/$taskmanager"; do
		name=$(rest "$path/logs" | jq -r '.logs[] | select(.kind == "log").name | @uri')
		rest "$path/logs/$name" >whole.txt
		: >pages.txt
		from=0
		while ((from < $(wc -c <whole.txt))); do
			rest "$path/logs/$name/lines?from=$from&max=2000" >page.json
			jq -r '.lines[].text' page.json >>pages.txt
			from=$(jq .next page.json)
		done
		head -c "$(wc -c <whole.txt)" pages.txt | cmp - whole.txt || fail "the pages of $path/logs/$name are not the file"
		same "" "$(rest "$path/logs/$name/lines?level=INFO&search=%20DEBUG%20" | jq -r '.lines[].text')"
	done
}

# As over a firewall: nothing but the REST port is spoken to.
test_attached_run_over_rest_shows_the_lines() {
	start "jobmanager.rpc.address: localhost"
	printf 'be\nor not to be\n' >words.txt
	./bin/flink run -m "localhost:$rest_port" -D jobmanager.rpc.port=1 examples/streaming/WordCount.jar --input "$PWD/words.txt" >run.txt 2>run.err ||
		fail "$(cat run.txt run.err)"
	same "Job has been submitted with JobID" "$(head -n 1 run.txt | cut -c1-33)"
	grep -qx '(be,2)' run.txt || fail "$(cat run.txt)"
	contains "$(cat run.txt)" "Program execution finished"
	./bin/flink list -a -m "localhost:$rest_port" | grep -q 'WordCount (FINISHED)' || fail "$(./bin/flink list -a -m "localhost:$rest_port")"
	same FINISHED "$(rest /jobs/overview | jq -r '.jobs[0].state')"
}

# As bin/jobmanager.sh stop does it: the supervisor goes too, and starts nothing again.
test_delete_cluster_ends_the_jobmanager_for_good() {
	start
	local supervisor
	supervisor=$(tail -n 1 pid/flink-*-standalonesession.pid | cut -d' ' -f1)
	kill -0 "$supervisor"
	same '200 {}' "$(curl -s -w '%{http_code} ' --max-time 10 -o body -X DELETE "http://localhost:$rest_port/v1/cluster")$(cat body)"
	gone() { ! kill -0 "$supervisor" 2>/dev/null; }
	until_true 20 gone
	contains "$(cat log/flink-*-standalonesession-*.log)" "Asked over REST to shut the cluster down."
	! grep -q "it starts again" log/flink-*-standalonesession-*.log || fail "it was started again"
}

test_taken_port_is_told_with_its_holder() {
	make_home "$scratch/home"
	cd "$home_dir"
	background python3 -c "import signal, socket
s = socket.socket()
s.bind(('127.0.0.1', $rest_port))
s.listen()
signal.pause()"
	until_true 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$rest_port"
	! ./bin/start-cluster.sh >start.txt 2>&1 || fail "it started"
	contains "$(cat start.txt)" "error E1004: cannot listen on localhost:$rest_port: process $pid (python3) holds the port"
}

test_settings_of_the_api_are_obeyed() {
	start "web.cancel.enable: false" "rest.server.max-content-length: 5000" "web.refresh-interval: 750"
	same '[750,false]' "$(rest /config | jq -c '[.["refresh-interval"], .features["web-cancel"]]')"
	head -c 6000 /dev/zero >large
	same 413 "$(status_of /jobs -X POST --data-binary @large)"
	submit_words
	same 403 "$(status_of "/jobs/$id" -X PATCH)"
	same 403 "$(status_of "/jobs/$id/yarn-cancel")"
	./bin/flink cancel "$id" >/dev/null || fail "cancel over RPC"
	until_true 20 job_is "$id" CANCELED
}

# A source that could give millions of lines a second, and a filter that takes one in two milliseconds.
slow_program() {
	local i
	for ((i = 0; i < 200000; i++)); do echo "line number $i"; done >lines.txt
	cat >slow.c <<-'C'
		#include <flink/flink.h>
		#include <time.h>
		static bool slow(const struct line *in)
		{
			return nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL) == 0;
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			print(filter(rebalance(read_text_file(env, flink_arg(args, "input"))), slow));
			return flink_execute(env, "Slow", err);
		}
	C
}

test_who_holds_a_job_back_is_told() {
	start
	slow_program
	./bin/flink run -d slow.c --input "$PWD/lines.txt" >run.txt 2>run.err || fail "$(cat run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	told() { rest "/jobs/$id" | jq -re '.bottleneck | select(test("^`Filter -> Sink: Print[^`]*` is busy [0-9]+ %, mostly in `Filter`: it holds back `Source: [^`]*`$"))'; }
	until_true 30 told
	same "$(rest /jobs/overview | jq -r '.jobs[0].bottleneck' | cut -d' ' -f1-4)" "$(told | cut -d' ' -f1-4)"
	read -r source slow < <(rest "/jobs/$id" | jq -r '[.vertices[].id] | join(" ")')
	pressed() { rest "/jobs/$id/vertices/$source/backpressure" | jq -re '.["backpressure-level"] == "high" and .backpressureLevel == "high"'; }
	until_true 30 pressed
	# Which edge refused, and that busy, idle and back-pressured are all of the time.
	same "$(rest "/jobs/$id" | jq -r '.vertices[1].name')" "$(rest "/jobs/$id/vertices/$source/backpressure" | jq -r '.edges[0].name')"
	rest "/jobs/$id/vertices/$source/backpressure" | jq -e '.subtasks[0] | .edges[0] > 0.5 and ((.ratio + .busyRatio + .idleRatio - 1) | fabs) < 0.01' >/dev/null ||
		fail "$(rest "/jobs/$id/vertices/$source/backpressure")"
	contains "$(rest "/jobs/$id/vertices/$source/backpressure" | jq -r .cause)" "of the time by \`Filter -> Sink: Print"
	same "ok" "$(rest "/jobs/$id/vertices/$slow/backpressure" | jq -r '.backpressureLevel')"
	flagged() { rest "/jobs/$id/vertices/$source/metrics?get=0.isBackPressured" | jq -e '.[0].value == "true"'; }
	until_true 30 flagged
	rest "/jobs/$id/vertices/$slow/subtasks/metrics?get=busyTimeMsPerSecond,buffers.inputQueueLength&agg=max" |
		jq -e '.[0].max > 500 and .[1].max > 0' >/dev/null || fail "$(rest "/jobs/$id/vertices/$slow/subtasks/metrics")"
	./bin/flink cancel "$id" >/dev/null || fail "it cannot be cancelled"
	until_true 20 job_is "$id" CANCELED
	same '[""]' "$(rest /jobs/overview | jq -c '[.jobs[].bottleneck]')"
}

# Sources take in what they read and sinks give out what they write: no zeros, and no double counts.
test_sources_and_sinks_are_counted() {
	start
	printf 'be\nor not to be\n' >words.txt
	./bin/flink run examples/streaming/WordCount.jar --input "$PWD/words.txt" --output "$PWD/counts.txt" >run.txt 2>run.err || fail "$(cat run.err)"
	id=$(rest /jobs | jq -r '.jobs[0].id')
	of() { rest "/jobs/$id/vertices/$(rest "/jobs/$id" | jq -r ".vertices[$1].id")" | jq -c "[.operators[] | [.[\"records-in\"], .[\"records-out\"]]]"; }
	same '[[2,2],[2,5]]' "$(of 0)"
	same '[[5,5],[5,5]]' "$(of 1)"
	same "[[2,5],[5,5]]" "$(rest "/jobs/$id" | jq -c '[.vertices[].metrics | [.["read-records"], .["write-records"]]]')"
	same "[$(wc -c <words.txt),$(wc -c <counts.txt)]" "$(rest "/jobs/$id" | jq -c '[.vertices[0].metrics["read-bytes"], .vertices[-1].metrics["write-bytes"]]')"
}

# What a browser makes of an address, after the page has asked for what it shows.

run_tests
