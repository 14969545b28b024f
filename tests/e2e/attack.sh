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

gone() {
	! kill -0 "$1" 2>/dev/null
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

# ---- functions that take their process down ------------------------------------------------------------------

crashers() {
	cat >crash.c <<-'C'
		#include <flink/flink.h>
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
	local bystander how
	start "taskmanager.numberOfTaskSlots: 2" "restart-strategy.type: fixed-delay" \
		"restart-strategy.fixed-delay.attempts: 1" "restart-strategy.fixed-delay.delay: 10 ms"
	crashers
	submit_waiting
	bystander=$id
	for how in segv ignored blocked abort exit _exit heap "heap below" thread descriptors; do
		until_true 20 job_is "$bystander" RUNNING
		! timeout 20 ./bin/flink run -D restart-strategy.type=none crash.so --how "$how" >run.txt 2>run.err || fail "$how: it ran"
		if [[ $how == descriptors ]]; then # what fails for want of them is another operator of its chain
			grep -q '^error E3003: .*crashed with signal 6 SIGABRT' run.err || fail "$how: $(cat run.err)"
		else
			grep -qE '^error E3003: .*function work ' run.err || fail "$how: $(cat run.err)"
		fi
	done
	until_true 20 job_is "$bystander" RUNNING
	same 10 "$(grep -c "it starts again in 100 ms" "$(log_of taskexecutor)")"
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

run_tests
