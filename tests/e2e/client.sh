#!/usr/bin/env bash
# The command line beside the tutorial: Ctrl-C, detaching, files that are no programs, Kafka, the tools.
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/a home" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
}

# Starts a job that waits for its text server, attached; sets $pid and, when it runs, $id.
attach_waiting() {
	background ./bin/flink run "$@" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err
	until_true 20 file_has run.txt '^Job has been submitted with JobID [0-9a-f]{32}$'
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 file_has run.err '^waiting for localhost'
}

exits_with() { # exits_with CODE PID: waits for it
	local code=0
	gone() { ! kill -0 "$1" 2>/dev/null; }
	until_true 20 gone "$2"
	wait "$2" || code=$?
	[[ $code == "$1" ]] || fail "exit code $code, not $1: $(cat run.txt run.err 2>/dev/null)"
}

# bash starts background commands with SIGINT ignored; the client sets its own handler, which counts.
test_one_interrupt_leaves_the_job_running_and_two_cancel_it() {
	start
	attach_waiting
	kill -INT "$pid"
	until_true 20 file_has run.err "flink cancel $id\$"
	exits_with 130 "$pid"
	job_is "$id" RUNNING || fail "the job does not run on"
	./bin/flink cancel "$id" >/dev/null
	attach_waiting
	kill -INT "$pid"
	until_true 20 file_has run.err 'Press Ctrl-C again'
	kill -INT "$pid"
	exits_with 130 "$pid"
	job_is "$id" CANCELED || fail "the job is not cancelled"
	[[ $(wc -l <run.txt) == 1 ]] || fail "stdout has more than Flink's line: $(cat run.txt)"
}

test_a_job_cancelled_elsewhere_ends_its_client() {
	start
	attach_waiting
	./bin/flink cancel "${id:0:8}" >/dev/null
	exits_with 1 "$pid"
	file_has run.err 'was cancelled' || fail "$(cat run.err)"
}

test_files_that_are_no_programs_say_what_to_give() {
	make_home "$scratch/a home"
	cd "$home_dir"
	printf 'PK\003\004xxxx' >old.jar
	! ./bin/flink run old.jar >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "old.jar is a Java archive, and there is no Java here"
	! ./bin/flink run missing.jar >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "Could not build the program from JAR file: JAR file does not exist: missing.jar"
	! ./bin/flink run bin/flink-config >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "error E200"
	! ./bin/flink savepoint x >out.txt 2>&1 || fail "it ran"
	contains "$(cat out.txt)" "not part of this version yet"
	contains "$(cat out.txt)" "error E1006"
}

test_flink_config_builds_a_job_in_a_folder_with_a_space() {
	make_home "$scratch/a home"
	cd "$home_dir"
	eval "cc $(./bin/flink-config --cflags) -Werror -o job.so examples/streaming/WordCount.c $(./bin/flink-config --libs)"
	./bin/flink run --target local job.so >run.txt 2>run.err || fail "$(cat run.err)"
	contains "$(cat run.txt)" "(question,1)"
	[[ ! -s run.err ]] || fail "stderr is not empty: $(cat run.err)"
}

test_an_output_that_exists_fails_the_job_before_its_first_record() {
	start
	cat >job.c <<-'C'
		#include <flink/flink.h>
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			int64_t port = 0;
			if (flink_arg_int(args, "port", &port, err) != 1)
				return -1;
			write_as_text(socket_text_stream(env, "localhost", (uint16_t)port), "out.txt");
			return flink_execute(env, "Sink", err);
		}
	C
	echo kept >out.txt
	! timeout 10 ./bin/flink run job.c --port "$text_port" >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "the output file $PWD/out.txt exists already"
	same kept "$(cat out.txt)"
}

test_a_file_goes_through_kafka_and_is_counted() {
	[[ -e $source_home/lib/flink-kafka.so ]] || { echo "no lib/flink-kafka.so"; exit 77; }
	start
	background ./bin/kafka-dev --port "$spare_port" --topic words:2 --topic counts:1 >kafka.txt 2>&1
	until_true 20 file_has kafka.txt "bootstrap.servers=localhost:$spare_port"
	cat >in.c <<-'C'
		#include <flink/flink.h>
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			kafka_sink(read_text_file(env, "words.txt"), flink_arg(args, "servers"), "words", NULL);
			return flink_execute(env, "In", err);
		}
	C
	cat >out.c <<-'C'
		#include <flink/flink.h>
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			static const char *const bounded[] = { "scan.bounded.mode", "latest-offset", NULL };
			print(kafka_source(env, flink_arg(args, "servers"), "counts", bounded));
			return flink_execute(env, "Out", err);
		}
	C
	for i in $(seq 50); do echo "kafka word kafka"; done >words.txt
	./bin/flink run in.c --servers "localhost:$spare_port" >run.txt 2>&1 || fail "$(cat run.txt)"
	./bin/flink run examples/streaming/KafkaWordCount.so --bootstrap-servers "localhost:$spare_port" --bounded \
		>run.txt 2>&1 || fail "$(cat run.txt)"
	./bin/flink run out.c --servers "localhost:$spare_port" >run.txt 2>&1 || fail "$(cat run.txt)"
	[[ $(grep -c '^kafka : ' run.txt) == 100 ]] || fail "$(grep -c '^kafka : ' run.txt) updates of kafka"
	contains "$(cat run.txt)" "kafka : 100"
	contains "$(cat run.txt)" "word : 50"
	kill -INT "$pid"
	exits_with 0 "$pid"
	! ./bin/flink run out.c --servers "localhost:$spare_port" >run.txt 2>&1 || fail "it read from nowhere"
	contains "$(cat run.txt)" "topic counts at localhost:$spare_port: "
}

test_text_server_serves_files_and_what_is_typed() {
	make_home "$scratch/a home"
	cd "$home_dir"
	printf 'one two\nthree' >text.txt
	background ./bin/text-server "$text_port" text.txt 2>server.txt
	until_true 20 file_has server.txt "listening on localhost:$text_port"
	./bin/flink run --target local examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.err)"
	exits_with 0 "$pid"
	for word in one two three; do contains "$(cat run.txt)" "$word : 1"; done
	echo typed | ./bin/text-server "$text_port" 2>server.txt &
	server=$!
	./bin/flink run --target local examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.err)"
	exits_with 0 "$server"
	contains "$(cat run.txt)" "typed : 1"
}

run_tests
