#!/usr/bin/env bash
# What a newcomer does wrong, and what the cluster makes of it: functions that never return or crash, C that is not
# quite right, settings that were edited too late, jobs without a sink.
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
}

# program NAME 'BODY OF A FUNCTION…' 'GRAPH': a job whose flat map `work` has this body.
program() {
	cat >"$1.c" <<-C
		#include <flink/flink.h>
		static void work(const struct line *in, struct collector *out)
		{
			$2
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			static const char *const lines[] = { "one", "two" };
			struct stream *given = from_lines(env, lines, 2);
			$3
			return flink_execute(env, "$1", err);
		}
	C
}

# A job whose function never returns; it makes the file `begun` first.
endless_program() {
	program endless "fclose(fopen(\"$PWD/begun\", \"w\")); for (volatile int forever = 1; forever;) continue;" \
		'print(flat_map(given, work, line));'
}

# A function that never returns holds its thread; only a new process gives the slot back.
test_a_function_that_never_returns_costs_its_taskmanager_not_the_slot() {
	start "task.cancellation.timeout: 1500 ms"
	endless_program
	./bin/flink run -d endless.c >run.txt 2>run.err || fail "$(cat run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 test -e begun
	./bin/flink cancel endless >cancel.txt 2>cancel.err || fail "$(cat cancel.err)"
	contains "$(cat cancel.err)" "One of its functions has not returned yet"
	until_true 20 job_is "$id" CANCELED
	until_true 20 file_has "$(echo log/flink-*-taskexecutor-0-*.log)" 'has not ended within task.cancellation.timeout \(1500 ms\)'
	./bin/flink run examples/streaming/WordCount.jar >run.txt 2>run.err || fail "$(cat run.err)"
	contains "$(cat run.txt)" "(question,1)"
}

test_a_cancelled_job_that_ends_is_told_in_two_lines() {
	start
	./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err || fail "$(cat run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 job_is "$id" RUNNING
	./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$(cat cancel.txt)"
	same "Cancelling job $id."$'\n'"Cancelled job $id." "$(cat cancel.txt)"
	job_is "$id" CANCELED || fail "cancel came back before the job had ended"
}

test_three_interrupts_end_a_local_job_whose_function_never_returns() {
	make_home "$scratch/flink"
	cd "$home_dir"
	endless_program
	background ./bin/flink run --target local endless.c >run.txt 2>run.err
	until_true 20 test -e begun
	kill -INT "$pid"
	until_true 20 file_has run.err '^Cancelling job'
	kill -INT "$pid"
	until_true 20 file_has run.err 'Ctrl-C once more ends this command'
	kill -INT "$pid"
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	until_true 20 gone
	local code=0
	wait "$pid" || code=$?
	same 130 "$code"
}

# What is said is the cause and its own hint, not what the cluster does to find out.
test_a_crash_is_told_with_its_function_and_nothing_else() {
	start
	program crash '*(volatile int *)NULL = 1;' 'print(flat_map(given, work, line));'
	! ./bin/flink run crash.c >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "error E3003: Flat Map: function work crashed with signal 11 SIGSEGV; no restart (restart-strategy.type: none)"
	contains "$(cat run.err)" "hint: run the job with --target local under a debugger"
	! grep -q "starts again\|runs again" run.err || fail "$(cat run.err)"
	program missing 'collect(out, line, .text = str_copy(&in->text));' 'given = read_text_file(env, "no.txt"); print(given); (void)work;'
	! ./bin/flink run missing.c >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "error E4001"
	contains "$(cat run.err)" "no input file $PWD/no.txt"
	contains "$(cat run.err)" "hint: check the name and the rights"
	same 1 "$(grep -c 'no input file' run.err)"
	./bin/flink list -a >list.txt 2>list.err
	file_has list.err "^missing .*there is no input file $PWD/no.txt"
	rest /jobs/overview | jq -e '.jobs[] | select(.name == "missing").note | contains("no input file")' >/dev/null ||
		fail "$(rest /jobs/overview)"
}

test_a_job_that_restarts_says_so_once() {
	start "restart-strategy.type: fixed-delay" "restart-strategy.fixed-delay.delay: 100 ms"
	program once 'if (flink_subtask_index() == 0) flink_fail("no %.*s", (int)in->text.len, str_ptr(&in->text));' \
		'print(flat_map(given, work, line));'
	! ./bin/flink run once.c >run.txt 2>run.err || fail "it ran"
	same 1 "$(grep -c '^restarts after 100 ms (fixed-delay, 1 of 1 restarts used)' run.err)"
	contains "$(cat run.err)" "error E3006"
	contains "$(cat run.err)" "work: no one; no further restart"
}

test_what_is_not_there_yet_and_what_is_missing_is_said() {
	make_home "$scratch/flink"
	cd "$home_dir"
	! ./bin/flink run >run.txt 2>&1 || fail "it ran"
	contains "$(cat run.txt)" "A program is missing: a .so or .c file"
	contains "$(cat run.txt)" "-py and a Python script"
	! ./bin/flink run -py none.py >run.txt 2>&1 || fail "it ran"
	contains "$(cat run.txt)" "none.py: No such file or directory"
	contains "$(cat run.txt)" "behind -py, a Python script"
	! ./bin/flink info examples/streaming/SocketWindowWordCount.jar >run.txt 2>&1 || fail "it has a plan"
	contains "$(cat run.txt)" "No port specified."
	contains "$(cat run.txt)" "ended without making a job"
	! ./bin/flink run --target local examples/streaming/SocketWindowWordCount.jar --port nine >run.txt 2>&1 || fail "it ran"
	contains "$(cat run.txt)" "hint: correct the program or its arguments"
}

test_edited_settings_that_do_not_count_yet_are_told() {
	start
	./bin/start-cluster.sh >again.txt 2>&1 || fail "$(cat again.txt)"
	contains "$(cat again.txt)" "The cluster is already running"
	! grep -q "was edited" again.txt || fail "$(cat again.txt)"
	sed -i 's/^taskmanager.numberOfTaskSlots: 1/taskmanager.numberOfTaskSlots: 3/' conf/flink-conf.yaml
	./bin/start-cluster.sh >again.txt 2>&1 || fail "$(cat again.txt)"
	contains "$(cat again.txt)" "flink-conf.yaml was edited since"
	./bin/stop-cluster.sh >stop.txt
	./bin/start-cluster.sh >again.txt 2>&1 || fail "$(cat again.txt)"
	contains "$(cat again.txt)" "1 TaskManager, 3 slots"
}

test_scripts_say_how_they_are_called() {
	make_home "$scratch/flink"
	cd "$home_dir"
	for script in start-cluster taskmanager jobmanager; do
		./bin/$script.sh --help >help.txt 2>&1 || fail "$script.sh: exit code $?"
		contains "$(cat help.txt)" "Usage: $script.sh"
	done
	! ./bin/start-cluster.sh --slots 3 >help.txt 2>&1 || fail "it started"
	contains "$(cat help.txt)" 'does not know "--slots". Usage: start-cluster.sh [-D key=value]...'
}

# Mistakes in C that used to crash a TaskManager, or to count nonsense.
test_mistakes_in_c_are_found_by_the_compiler_or_before_the_job_runs() {
	make_home "$scratch/flink"
	cd "$home_dir"
	refused() { # refused NAME WORDS…
		local name=$1 words
		shift
		! ./bin/flink run --target local "$name.c" >run.txt 2>run.err || fail "$name ran"
		for words in "$@"; do contains "$(cat run.err)" "$words"; done
		! grep -q 'in definition of macro' run.err || fail "$(cat run.err)"
	}
	program undeclared 'collect(out, line, .text = twice(in));' 'print(flat_map(given, work, line));'
	refused undeclared "undeclared.c:4:" "twice" "undeclared.c does not compile"
	program field 'collect(out, line, .txt = str_copy(&in->text));' 'print(flat_map(given, work, line));'
	refused field "field.c:4:" "txt" "field.c does not compile"
	program wrong_out 'collect(out, line, .text = str_copy(&in->text));' 'print(map(given, work, line));'
	refused wrong_out "wrong_out.c:10:" "wrong_out.c does not compile"
	cat >wrong_in.c <<-'C'
		#include <flink/flink.h>
		FLINK_RECORD(visit, FIELD(STRING, city) FIELD(BIGINT, people));
		FLINK_RECORD(city, FIELD(STRING, name));
		static void visits(const struct line *in, struct visit *out) { out->city = str_copy(&in->text); }
		static void cities(const struct visit *in, struct city *out) { out->name = str_copy(&in->city); }
		static bool any_city(const struct city *in) { return in->name.len > 0; }
		static bool any_line(const struct line *in) { return in->text.len > 0; }
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			static const char *const lines[] = { "Bern" };
			struct stream *given = from_lines(env, lines, 1);
			if (flink_arg_is_set(args, "visits"))
				print(filter(map(given, visits, visit), any_line));
			else if (flink_arg_is_set(args, "lines"))
				print(map(given, cities, city));
			else
				print(filter(map(map(given, visits, visit), cities, city), any_city));
			return flink_execute(env, "cities", err);
		}
	C
	./bin/flink run --target local wrong_in.c >run.txt 2>run.err || fail "$(cat run.err)"
	file_has run.txt "^Bern$"
	! ./bin/flink run --target local wrong_in.c --visits >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "function any_line takes struct line, but the stream gives visit(city STRING, people BIGINT)"
	! ./bin/flink run --target local wrong_in.c --lines >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "function cities takes another struct, but the stream gives line(text STRING)"
}

test_a_crash_inside_the_client_says_where() {
	make_home "$scratch/flink"
	cd "$home_dir"
	program in_main 'collect(out, line, .text = str_copy(&in->text));' 'print(flat_map(given, work, line)); abort();'
	! ./bin/flink run in_main.c >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "error E2008: the program in_main.c crashed with signal 6 SIGABRT"
	program in_function '*(volatile int *)NULL = 1;' 'print(flat_map(given, work, line));'
	! ./bin/flink run --target local in_function.c >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "error E3003: Flat Map: function work of in_function.c crashed with signal 11 SIGSEGV"
}

test_records_that_nobody_takes_are_told() {
	make_home "$scratch/flink"
	cd "$home_dir"
	program open_end 'collect(out, line, .text = str_copy(&in->text));' \
		'print(given); flat_map(name(flat_map(given, work, line), "First"), work, line);'
	./bin/flink run --target local open_end.c >run.txt 2>run.err || fail "$(cat run.err)"
	same 'note: nothing takes the records of "Flat Map"; print(stream) would show them' "$(cat run.err)"
}

run_tests
