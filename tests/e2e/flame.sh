#!/usr/bin/env bash
# flame.sh - the flame graph of a running job: names of its own functions, waits, settings, bad queries.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink home" "rest.flamegraph.num-samples: 30" "rest.flamegraph.delay-between-samples: 10 ms" \
		"rest.flamegraph.refresh-interval: 100 ms" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 5 overview_is taskmanagers 1
}

# Each line costs some milliseconds of computing in a static function, and a sleep in another one.
submit_slow() { # submit_slow [STRIP]
	cat >slow.c <<'JOB'
#include <flink/flink.h>
#include <time.h>

FLINK_RECORD(number, FIELD(BIGINT, value));

static volatile long long sink;

__attribute__((noinline)) static void ponders(long long rounds)
{
	for (long long i = 0; i < rounds; i++)
		sink += i ^ rounds;
}

static void works(const struct line *in, struct collector *out)
{
	ponders(2000000);
	collect(out, number, .value = in->text.len);
}

static void dozes(const struct number *in, struct number *out)
{
	struct timespec time = { 0, 4000000 };

	if (nanosleep(&time, NULL) != 0)
		flink_fail("a sleep was cut short");
	out->value = in->value;
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	int64_t port;

	if (flink_arg_int(args, "port", &port, err) != 1)
		return -1;
	struct stream *lines = socket_text_stream(env, "localhost", (uint16_t)port);

	print(map(flat_map(lines, works, number), dozes, number));
	return flink_execute(env, "Slow", err);
}
JOB
	open_text_server
	(yes line | head -n 100000 >&9) &
	started_pids+=("$!")
	./bin/flink run -d slow.c --port "$text_port" >run.txt 2>run.err || fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 job_is "$id" RUNNING
	vertex=$(rest "/jobs/$id" | jq -r '.vertices[0].id')
	flame=/jobs/$id/vertices/$vertex/flamegraph
}

# graph_has QUERY NAME…: the names lie one below the other
graph_has() {
	local answer query=$1
	shift
	answer=$(rest "$flame$query")
	echo "$answer" | cut -c 1-2000
	jq -e --args 'def below($names): if $names == [] then true else any(.children[];
		if .name | test($names[0]) then below($names[1:]) else below($names) end) end;
		.endTimestamp > 0 and (.data | .name == "root" and below($ARGS.positional))' "$@" <<<"$answer" >/dev/null
}

test_flame_graph_names_functions_and_waits() {
	start
	submit_slow
	until_true 20 graph_has "?type=ON_CPU" '^Flat Map$' '^works$' '^ponders$'

	until_true 20 graph_has "?type=OFF_CPU" '^Map$' '^waits in (clock_)?nanosleep$'
	until_true 20 graph_has "?type=FULL&subtaskindex=0" '^ponders$'
	# A node is worth what lies below it, and more.
	rest "$flame" | jq -e 'def sound: . as $n | ([.children[].value] | add // 0) <= $n.value and all(.children[]; sound);
		.subtasks == 1 and .data.value > 0 and (.data | sound)' >/dev/null || fail "$(rest "$flame")"
	# On and off the processor it is about one sample per delay.
	rest "$flame" | jq -e '.data.value >= 8 and .data.value <= 60' >/dev/null || fail "$(rest "$flame")"
	job_is "$id" RUNNING >/dev/null || fail "a sleep was cut short: $(rest "/jobs/$id/exceptions")"
	same 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$rest_port$flame?subtaskindex=7")"
	same 400 "$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$rest_port$flame?type=SIDEWAYS")"
	./bin/flink cancel "$id" >/dev/null
	until_true 20 job_is "$id" CANCELED
	same '{"endTimestamp":-1}' "$(rest "$flame")"
}

test_flame_graph_can_be_switched_off() {
	start "rest.flamegraph.enabled: false"
	submit_slow
	same '{"endTimestamp":-2}' "$(rest "$flame")"
}

run_tests
