#!/usr/bin/env bash
# history.sh - jobs that have ended, and the JobManager's ends: asked to, and killed.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink home" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
}

finish_words() { # a job that ends by itself; sets $id. Its archive is written when this returns.
	printf 'be\nor not to be\n' >words.txt
	./bin/flink run examples/streaming/WordCount.jar --input "$PWD/words.txt" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 test -f "history/$id"
}

daemon_pid() { # of the JobManager: its supervisor
	tail -n 1 "$home_dir"/pid/flink-*-standalonesession.pid | cut -d' ' -f1
}

# What an ended job is asked for, each answer to a file of its own; moments that only the clock moves are masked.
keep_answers() { # keep_answers DIR
	local vertex path file
	mkdir -p "$1"
	vertex=$(rest "/jobs/$id" | jq -r '.vertices[0].id')
	for path in "" /status /config /plan /exceptions /execution-result /accumulators /checkpoints /checkpoints/config /snapshot \
		/output "/output?from=3&max=20" "/output/lines?search=be" "/output/lines?from=-1&max=10" /resource-requirements \
		/vertices/"$vertex" /vertices/"$vertex"/{subtasktimes,taskmanagers,accumulators,watermarks,backpressure} \
		/vertices/"$vertex"/subtasks/{accumulators,0,0/attempts/0}; do
		file=$1/$(tr '/?&=' '____' <<<"root$path")
		rest "/jobs/$id$path" | sed -E 's/"(now|end-timestamp)":[0-9]+/"\1":0/g' >"$file"
		[[ -s $file ]] || fail "$path of $id has no answer"
	done
	rest /jobs/overview | jq -c ".jobs[] | select(.jid == \"$id\")" >"$1/overview"
}

known() { rest "/jobs/$id/status" | grep FINISHED; }

test_an_ended_job_is_the_same_after_a_restart() {
	start
	finish_words
	keep_answers before
	./bin/stop-cluster.sh >stop.txt 2>&1
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 known
	keep_answers after
	diff -r before after || fail "answers differ after the restart"
	same 1 "$(rest /overview | jq '.["jobs-finished"]')"
	contains "$(./bin/flink list -a 2>&1)" "$id"
	! ./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "an ended job was cancelled"
	contains "$(cat cancel.txt)" "FINISHED already"
}

test_a_killed_jobmanager_leaves_what_had_ended() {
	local supervisor worker running
	start
	finish_words
	keep_answers before
	./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	running=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	supervisor=$(daemon_pid)
	worker=$(pgrep -P "$supervisor" | head -n 1)
	kill -9 "$worker" # its supervisor starts another
	another() { [[ $(pgrep -P "$supervisor" | head -n 1) != "$worker" ]] && known; }
	until_true 30 another
	keep_answers after
	diff -r before after || fail "answers differ after the kill"
	same 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$rest_port/jobs/$running")"
	same 1 "$(rest /jobs | jq '.jobs | length')"
}

test_a_damaged_archive_is_named_in_the_log() {
	local bad
	start
	finish_words
	bad=$id
	finish_words
	./bin/stop-cluster.sh >stop.txt 2>&1
	head -c 3000 "history/$bad" >torn
	mv torn "history/$bad"
	echo "hello" >history/readme.txt
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 known
	same "$id" "$(rest /jobs | jq -r '.jobs[].id')"
	said() { grep "history/$1 is left out of the history" log/flink-*-standalonesession-*.log; }
	until_true 20 said "$bad"
	until_true 20 said readme.txt
}

test_a_named_folder_keeps_all_and_has_flinks_form() {
	start "jobmanager.archive.fs.dir: file://$scratch/archives" "jobstore.max-capacity: 1"
	printf 'be\n' >words.txt
	for _ in 1 2; do
		./bin/flink run examples/streaming/WordCount.jar --input "$PWD/words.txt" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
		id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
		until_true 20 test -f "$scratch/archives/$id"
	done
	same 2 "$(find "$scratch/archives" -type f | wc -l)"
	jq -e '.archive | type == "array" and all(.[]; (.path | startswith("/jobs/")) and (.json | fromjson | type | . == "object" or . == "array"))' \
		"$scratch/archives/$id" >/dev/null || fail "an archive is not of Flink's form"
	[[ ! -e history ]] || fail "history is there too"
}

run_tests
