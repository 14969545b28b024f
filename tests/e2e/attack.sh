#!/usr/bin/env bash
# attack.sh - hostile and careless users: strangers at the ports, functions that take their process down, kill -9
# of every part, storms of submissions, names and artifacts made to hurt. What is not attacked must not notice.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
}

supervisor() { # supervisor taskexecutor|standalonesession
	tail -n 1 "$home_dir"/pid/flink-*-"$1".pid | cut -d' ' -f1
}

worker() {
	pgrep -P "$(supervisor "$1")" | head -n 1
}

log_of() {
	echo log/flink-*-"$1"-0-*.log
}

gone() { # or dead and not buried: the first process of a container need not bury orphans
	[[ ! -e /proc/$1 || $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) == Z* ]]
}

# A job that counts what is written to descriptor 9, and says so; sets $id.
run_words() {
	open_text_server
	./bin/flink run -d "$@" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 job_is "$id" RUNNING
}

# A job that waits for a text server that never comes; sets $id.
submit_waiting() {
	./bin/flink run -d "$@" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
}

restarts_of() {
	rest "/jobs/$1" | jq .restarts
}

restarted() { # restarted ID TIMES: and runs again
	rest "/jobs/$1" | jq -e ".restarts == $2 and .state == \"RUNNING\" and ([.vertices[].tasks.RUNNING] | add) > 0"
}

# ---- strangers ----------------------------------------------------------------------------------------------

# strangers PORT…: says hostile things to each port, all at once, and waits until each was hung up on. Prints the
# source ports of those who said something.
strangers() {
	python3 - "$@" <<'PY'
import os, random, socket, struct, sys, threading
random.seed(11)
hello = (b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00")
def frame(size, kind=1, magic=b"cfl1"):
    return struct.pack("<4sIHHIII", magic, size, kind, 0, 0, 0, 0)
said = {
    "garbage": bytes(random.randrange(256) for _ in range(4096)),
    "zeros": bytes(4096),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "tls": hello,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a frame": frame(100)[:11],
    "an oversized frame": frame(0xffffffff) + b"x" * 64,
    "a frame that ends early": frame(1000) + b"x" * 10,
    "an old version": frame(0, magic=b"cfl0"),
    "a long header": b"GET /" + b"a" * 200000,
    "lengths that disagree": b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
    "a negative length": b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
}
failed = []
def attack(port, name, bytes_):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    try:
        s.sendall(bytes_)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except socket.timeout:
        failed.append("%d was not hung up on after %s" % (port, name))
    except OSError:
        pass
threads = [threading.Thread(target=attack, args=(int(p), n, b)) for p in sys.argv[1:] for n, b in said.items()]
for t in threads: t.start()
for t in threads: t.join()
print("\n".join(failed))
sys.exit(bool(failed))
PY
}

test_strangers_are_hung_up_on_and_a_job_does_not_notice() {
	local jobmanager taskmanager ports data_port lines
	start
	run_words
	jobmanager=$(worker standalonesession) taskmanager=$(worker taskexecutor)
	data_port=$(rest /taskmanagers | jq '.taskmanagers[0].dataPort')
	echo before >&9
	strangers "$rpc_port" "$rest_port" "$data_port" >said.txt || fail "$(cat said.txt)"
	echo after >&9
	exec 9>&-
	until_true 20 job_is "$id" FINISHED
	file_has "$(echo log/flink-*-taskexecutor-0-*.out)" '^before : 1$' || fail "before"
	file_has "$(echo log/flink-*-taskexecutor-0-*.out)" '^after : 1$' || fail "after"
	same 0 "$(restarts_of "$id")"
	same "$jobmanager $taskmanager" "$(worker standalonesession) $(worker taskexecutor)"
	# A line each at most, and no more than the log's rate allows.
	lines=$(cat log/flink-*.log | grep -cE 'WARN .*(closed a connection|127\.0\.0\.1)')
	((lines >= 2 && lines <= 36)) || fail "$lines lines: $(cat log/flink-*.log)"
	same 0 "$(cat log/flink-*.log | grep -c ' ERROR ')"
}

# flood PORT…: many connections that begin to say something and then nothing, to one port after the other.
flood() {
	python3 - "$@" <<'PY'
import socket, sys, time
for port in sys.argv[1:]:
    sockets = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(800)]
    for s in sockets:
        try:
            s.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        except OSError:
            pass # hung up on already
    for s in sockets:
        s.close()
PY
}

test_a_flood_of_connections_costs_no_memory_for_good() {
	local before daemon
	start
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$(worker standalonesession)/status")
	flood "$rpc_port" "$rest_port" "$(rest /taskmanagers | jq '.taskmanagers[0].dataPort')" || fail "no flood"
	daemon=$(worker standalonesession)
	ebbed() { awk -v max="$((before + 6000))" '/VmRSS/ { print $2 " KiB, not " max; exit $2 > max }' "/proc/$daemon/status"; }
	until_true 20 ebbed
	overview_is slots-available 1 >/dev/null || fail "the TaskManager is gone"
}

# ---- functions that take their process down ------------------------------------------------------------------

crashers() {
	cat >crash.c <<-'C'
		#include <flink/flink.h>
		#include <errno.h>
		#include <pthread.h>
		#include <signal.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		#define IS(what) (str_equal(&in->text, what))
		static bool str_equal(const struct str *text, const char *what)
		{
			return text->len == strlen(what) && memcmp(str_ptr(text), what, text->len) == 0;
		}
		static void over_the_heap(long step)
		{
			volatile char *heap = malloc(100);

			for (long i = 0; i < 64 << 20; i++)
				heap[i * step] = 0x5a;
		}
		/* Only in the TaskManager, and only when the file is there. */
		static void crash_if(const char *file)
		{
			if (strcmp(program_invocation_short_name, "taskmanager") == 0 && access(file, F_OK) == 0)
				abort();
		}
		__attribute__((constructor)) static void opened(void)
		{
			crash_if("constructor");
		}
		__attribute__((destructor)) static void closed(void)
		{
			crash_if("destructor");
		}
		static void work(const struct line *in, struct collector *out)
		{
			sigset_t all;

			if (IS("segv"))
				*(volatile int *)16 = 1;
			if (IS("ignored"))
				signal(SIGSEGV, SIG_IGN);
			sigfillset(&all);
			if (IS("blocked"))
				pthread_sigmask(SIG_BLOCK, &all, NULL);
			if (IS("ignored") || IS("blocked"))
				*(volatile int *)16 = 1;
			if (IS("abort"))
				abort();
			if (IS("exit"))
				exit(3);
			if (IS("_exit"))
				_exit(4);
			if (IS("heap"))
				over_the_heap(1);
			if (IS("heap below"))
				over_the_heap(-1);
			if (IS("thread"))
				pthread_exit(NULL);
			if (IS("descriptors"))
				for (int fd = 0; fd < 1024; fd++)
					close(fd);
			if (IS("raise"))
				raise(SIGTERM);
			for (int signal = 1; IS("signals") && signal <= SIGTERM; signal++)
				if (strchr("\1\2\12\14\15\16\17", signal) != NULL)
					kill(getpid(), signal);
			if (IS("timer"))
				ualarm(1, 0);
			collect(out, line, .text = str_copy(&in->text));
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			const char *lines[] = { flink_arg(args, "how") };
			print(flat_map(from_lines(env, lines, 1), work, line));
			return flink_execute(env, "crash", err);
		}
	C
	eval "cc -D_GNU_SOURCE -w $(./bin/flink-config --cflags) -o crash.so crash.c $(./bin/flink-config --libs)"
}

# The bystander may restart once, on its own account: one charge too many ends it.
test_only_the_guilty_job_is_charged_whatever_its_function_does() {
	local bystander how wanted
	start "taskmanager.numberOfTaskSlots: 2" "restart-strategy.type: fixed-delay" \
		"restart-strategy.fixed-delay.attempts: 1" "restart-strategy.fixed-delay.delay: 10 ms"
	crashers
	submit_waiting
	bystander=$id
	for how in segv ignored blocked abort exit _exit heap "heap below" thread descriptors; do
		until_true 20 job_is "$bystander" RUNNING
		! timeout 20 ./bin/flink run -D restart-strategy.type=none crash.so --how "$how" >run.txt 2>run.err || fail "$how: it ran"
		# Without descriptors another operator of the chain may stumble first; it is told by its own name.
		wanted="function work "
		[[ $how != descriptors ]] || wanted="function "
		grep -q "^error E3003: .*$wanted" run.err || fail "$how: $(cat run.err)"
	done
	until_true 20 job_is "$bystander" RUNNING
	touch constructor
	! timeout 20 ./bin/flink run -D restart-strategy.type=none crash.so --how none >run.txt 2>run.err || fail "it ran"
	file_has run.err '^error E3003: opening crash.so: a function crashed with signal 6 SIGABRT' || fail "$(cat run.err)"
	rm constructor
	until_true 20 restarted "$bystander" 11
	touch destructor
	timeout 20 ./bin/flink run -D restart-strategy.type=none crash.so --how none >run.txt 2>run.err || fail "$(cat run.err)"
	until_true 20 restarted "$bystander" 12
	same 12 "$(grep -c "it starts again in 100 ms" "$(log_of taskexecutor)")"
}

# As on a full disk: what is written is lost or fails its job, the daemons go on.
test_files_that_may_not_grow_cost_their_lines_and_no_daemon() {
	local daemons i
	make_home "$scratch/flink"
	cd "$home_dir"
	seq 20000 | sed 's/^/word /' >in.txt
	(
		ulimit -f 64
		./bin/start-cluster.sh >start.txt 2>&1
	) || fail "$(cat start.txt)"
	daemons="$(worker standalonesession) $(worker taskexecutor)"
	for i in 1 2; do # the .out file is full
		./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" >run.txt 2>run.err || fail "$(cat run.err)"
	done
	same 65536 "$(stat -c %s log/flink-*-taskexecutor-0-*.out)"
	! ./bin/flink run examples/streaming/WordCount.jar --input "$PWD/in.txt" --output "$PWD/out.txt" >run.txt 2>run.err || fail "it ran"
	file_has run.err '^error E4002: .*out.txt: File too large' || fail "$(cat run.err)"
	same "$daemons" "$(worker standalonesession) $(worker taskexecutor)"
}

test_programs_that_are_damaged_are_refused() {
	local how
	make_home "$scratch/flink"
	cd "$home_dir"
	: >empty.so
	head -c 8000 examples/streaming/WordCount.so >cut.so
	head -c 100000 /dev/zero >zeros.so
	{
		head -c 64 examples/streaming/WordCount.so
		seq 10000
	} >elf.so
	mkfifo pipe.so
	mkdir folder.so
	for how in empty cut zeros elf pipe folder; do
		! timeout 20 ./bin/flink run $how.so >run.txt 2>run.err || fail "$how: it ran"
		grep -qE "^error E200[23]: .*$how.so" run.err || fail "$how: $(cat run.err)"
	done
}

test_a_function_does_not_end_its_daemon_by_signals() {
	local taskmanager how
	start "taskmanager.numberOfTaskSlots: 2"
	crashers
	taskmanager=$(worker taskexecutor)
	for how in raise signals timer; do
		timeout 20 ./bin/flink run crash.so --how "$how" >run.txt 2>run.err || fail "$how: $(cat run.err)"
		file_has run.txt "^$how\$" || fail "$how: $(cat run.txt)"
	done
	until_true 20 file_has "$(log_of taskexecutor)" 'goes on: a function of a job sent it a signal'
	same "$taskmanager" "$(worker taskexecutor)"
}
# ---- kill -9, SIGSTOP -------------------------------------------------------------------------------------

test_kill_9_of_worker_and_supervisor_costs_a_restart_and_no_more() {
	local old
	start "restart-strategy.type: fixed-delay" "restart-strategy.fixed-delay.attempts: 2" \
		"restart-strategy.fixed-delay.delay: 10 ms"
	submit_waiting
	until_true 20 restarted "$id" 0
	kill -9 "$(worker taskexecutor)"
	until_true 20 restarted "$id" 1
	old=$(worker taskexecutor)
	kill -9 "$(supervisor taskexecutor)"
	until_true 20 gone "$old"
	./bin/taskmanager.sh start >tm.txt 2>&1 || fail "$(cat tm.txt)"
	until_true 20 restarted "$id" 2
	./bin/flink cancel "$id" >/dev/null 2>&1
	until_true 20 overview_is slots-available 1
}

# Clients are told within seconds, whichever way they ask, and whether or not there is a next JobManager.
test_clients_give_up_on_a_jobmanager_that_is_killed() {
	local way victim begun old pids wanted
	start "taskmanager.numberOfTaskSlots: 2"
	for victim in worker supervisor; do
		wanted='^error E2010: job [0-9a-f]* is gone: its JobManager was started anew'
		[[ $victim == worker ]] || wanted='^error E[0-9]*: job [0-9a-f]* was submitted and can no longer be seen: no cluster answers at'
		background ./bin/flink run examples/streaming/SocketWindowWordCount.jar --port "$text_port" >rpc.txt 2>rpc.err
		pids=("$pid")
		background ./bin/flink run -m "localhost:$rest_port" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >rest.txt 2>rest.err
		pids+=("$pid")
		for way in rpc rest; do
			until_true 20 file_has $way.err '^waiting for localhost'
		done
		begun=$SECONDS
		old=$(worker standalonesession)
		kill -9 "$($victim standalonesession)"
		for pid in "${pids[@]}"; do
			until_true 20 gone "$pid"
			! wait "$pid" || fail "$victim: exit code 0"
		done
		((SECONDS - begun < 15)) || fail "$victim: after $((SECONDS - begun)) s"
		for way in rpc rest; do
			file_has $way.err 'the connection to the JobManager at localhost:[0-9]* is lost' || fail "$way, $victim: $(cat $way.err)"
			file_has $way.err "$wanted" || fail "$way, $victim: $(cat $way.err)"
		done
		until_true 20 gone "$old"
		[[ $victim == worker ]] || ./bin/jobmanager.sh start >jm.txt 2>&1 || fail "$(cat jm.txt)"
		until_true 20 overview_is slots-available 2
	done
}

test_a_stopped_taskmanager_costs_a_restart_and_comes_back() {
	start "heartbeat.timeout: 1000" "heartbeat.interval: 100" "restart-strategy.type: fixed-delay" \
		"restart-strategy.fixed-delay.attempts: 1" "restart-strategy.fixed-delay.delay: 10 ms"
	submit_waiting
	until_true 20 restarted "$id" 0
	kill -STOP "$(worker taskexecutor)"
	until_true 20 overview_is slots-total 0
	kill -CONT "$(worker taskexecutor)"
	until_true 20 restarted "$id" 1
	./bin/flink cancel "$id" >/dev/null 2>&1
	until_true 20 overview_is slots-available 1
}

# ---- more than there is room for ----------------------------------------------------------------------------

test_two_submissions_race_for_the_last_slot_and_others_queue_for_it() {
	local i first
	start
	for i in 1 2; do
		./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >"race$i.txt" 2>&1 &
		started_pids+=("$!")
	done
	wait "${started_pids[@]}"
	one_runs() { rest /jobs/overview | jq -e '[.jobs[] | .tasks.running > 0] | sort == [false, true]'; }
	until_true 20 one_runs
	for i in $(seq 6); do
		./bin/flink run -d examples/streaming/WordCount.jar >"q$i.txt" 2>&1 || fail "$(cat "q$i.txt")"
	done
	same 0 "$(rest /jobs/overview | jq '[.jobs[] | select(.state == "FINISHED")] | length')"
	contains "$(rest /jobs/overview)" "needs 1 slot, 0 free"
	first=$(rest /jobs/overview | jq -r '[.jobs[] | select(.tasks.running > 0)][0].jid')
	./bin/flink cancel "$first" >/dev/null 2>&1
	other_runs() { rest /jobs/overview | jq -er --arg first "$first" '[.jobs[] | select(.name == "Socket Window WordCount" and .jid != $first and .tasks.running > 0)][0].jid'; }
	until_true 20 other_runs
	./bin/flink cancel "$(other_runs)" >/dev/null 2>&1
	six_ended() { rest /jobs/overview | jq -e '[.jobs[] | select(.state == "FINISHED")] | length == 6'; }
	until_true 20 six_ended
	until_true 20 overview_is slots-available 1
}

test_a_storm_of_submissions_and_cancels_gives_all_slots_back() {
	local i pids=()
	start "taskmanager.numberOfTaskSlots: 4"
	storm() { # storm FILE: submits and cancels at once, as fast as it can
		for i in $(seq 4); do
			./bin/flink run -d -p "$((i % 3 + 1))" examples/streaming/SocketWindowWordCount.jar --port "$text_port" >"$1" 2>&1 || return 1
			./bin/flink cancel "$(sed -n 's/^Job has been submitted with JobID //p' "$1")" >"$1" 2>&1 || return 1
		done
	}
	for i in 1 2 3 4; do
		storm "storm$i.txt" &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "$(cat storm?.txt)"
	done
	until_true 20 overview_is slots-available 4
	same '{"CANCELED":16}' "$(rest /jobs/overview | jq -c '[.jobs[].state] | group_by(.) | map({(.[0]): length}) | add')"
	same 0 "$(cat log/flink-*.log | grep -c ' ERROR ')"
}

# ---- texts ----------------------------------------------------------------------------------------------------

hostile_texts() {
	cat >texts.c <<-'C'
		#include <flink/flink.h>
		#include <string.h>
		static char large[65537];
		static const char *const texts[][2] = {
			{ "control", "a\033[2J\001\177b" },
			{ "lines", "a\n2026-11-24 00:00:00,000 ERROR Fake [] - b" },
			{ "markup", "</script><img src=x onerror=alert(1)>&\"'" },
			{ "json", "\"},{\"jid\":\"\\u0000\\" },
			{ "broken", "a\377\376\300\257z" },
			{ "formats", "../../etc/passwd%s%n" },
			{ "large", large },
		};
		static const char *hostile(const char *what, size_t length)
		{
			memset(large, 'n', 65536);
			for (int i = 0; i < 7; i++)
				if (strlen(texts[i][0]) == length && memcmp(texts[i][0], what, length) == 0)
					return texts[i][1];
			return "";
		}
		static void fails(const struct line *in, struct collector *out)
		{
			flink_fail("it says %s", hostile(str_ptr(&in->text), in->text.len));
		}
		static void passes(const struct line *in, struct collector *out)
		{
			collect(out, line, .text = str_copy(&in->text));
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			const char *what = flink_arg(args, "what"), *where = flink_arg(args, "where");
			const char *text = hostile(what, strlen(what)), *lines[] = { what };
			struct stream *given = from_lines(env, lines, 1);
			if (!strcmp(where, "host"))
				given = socket_text_stream(env, text, 1);
			given = !strcmp(where, "failure") ? flat_map(given, fails, line) : flat_map(given, passes, line);
			if (!strcmp(where, "operator"))
				name(given, text);
			print(given);
			return flink_execute(env, !strcmp(where, "job") ? text : "plain", err);
		}
	C
	eval "cc -w $(./bin/flink-config --cflags) -o texts.so texts.c $(./bin/flink-config --libs)"
}

# Nothing that was said may break a line of a log, a JSON, a terminal, or a connection inside the cluster.
test_hostile_names_and_messages_are_refused_or_shown_as_text() {
	local what where code bystander path
	start "taskmanager.numberOfTaskSlots: 2"
	hostile_texts
	submit_waiting
	bystander=$id
	until_true 20 job_is "$bystander" RUNNING
	for where in job operator failure host; do
		for what in control lines markup json broken formats large; do
			case $where/$what in
			operator/lines | operator/markup | operator/json | operator/formats | failure/json | host/markup | host/json | host/formats) continue ;;
			esac
			code=0
			if [[ $where == host ]]; then # waits for that host, or is refused
				./bin/flink run -d texts.so --what "$what" --where host >run.txt 2>run.err || code=$?
				id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
				[[ -z $id ]] || ./bin/flink cancel "$id" >cancel.txt 2>&1 || fail "$where $what: $(cat cancel.txt)"
			else
				timeout 20 ./bin/flink run texts.so --what "$what" --where "$where" >run.txt 2>run.err || code=$?
			fi
			((code <= 1)) || fail "$where $what: exit code $code: $(cat run.err)"
			[[ $where != failure ]] || grep -q '^error E3004: .*it says' run.err || fail "$where $what: $(cat -v run.err)"
			! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' run.err || fail "$where $what: $(cat -v run.err)"
		done
	done
	restarted "$bystander" 0 >/dev/null || fail "the bystander does not run"
	for path in /jobs/overview $(rest /jobs/overview | jq -r '.jobs[].jid | "/jobs/\(.)", "/jobs/\(.)/exceptions"'); do
		rest "$path" >answer.json
		jq . answer.json >/dev/null || fail "$path: $(cat -v answer.json)"
		iconv -f utf-8 -t utf-8 answer.json >/dev/null || fail "$path is not UTF-8"
	done
	contains "$(curl -sI "http://localhost:$rest_port/jobs/overview")" "application/json"
	./bin/flink list -a >list.txt 2>&1
	! cat list.txt log/flink-*.log | grep -qP '[\x00-\x08\x0b-\x1f\x7f]' ||
		fail "control characters: $(cat list.txt log/flink-*.log | grep -P '[\x00-\x08\x0b-\x1f\x7f]' | cat -v | head -n 3)"
	! grep -qE '^2026-11-24 00:00:00,000 ERROR Fake' log/flink-*.log list.txt || fail "a line was forged"
}

run_tests
