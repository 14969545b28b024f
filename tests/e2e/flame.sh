#!/usr/bin/env bash
# flame.sh - the flame graph of a running job: names of its own functions, waits, settings, bad queries; and the
# latencies that its markers measure.
# shellcheck disable=SC2154 # variables of make_home
source "$(dirname "$0")/cases.sh"

start() {
	make_home "$scratch/flink home" "rest.flamegraph.num-samples: 30" "rest.flamegraph.delay-between-samples: 10 ms" \
		"rest.flamegraph.refresh-interval: 100 ms" "$@"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is taskmanagers 1
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
	# One sample per delay at most, on and off the processor together; where others have the core, fewer.
	rest "$flame" | jq -e '.data.value <= 60' >/dev/null || fail "$(rest "$flame")"
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

# Flink's names for the latency from the source to the window in the next vertex, and to the sink behind it.
test_latency_markers_reach_every_operator() {
	start "metrics.latency.interval: 20 ms"
	open_text_server
	./bin/flink run -d examples/streaming/SocketWindowWordCount.jar --port "$text_port" >run.txt 2>run.err ||
		fail "$(cat run.txt run.err)"
	id=$(sed -n 's/^Job has been submitted with JobID //p' run.txt)
	until_true 20 job_is "$id" RUNNING
	all_measured() { # source -> flat map ==> window -> sink: three operators, each with its sum over subtasks
		rest "/jobs/$id/metrics" | jq -e '[.[].id | select(test("^latency\\.source_id\\.[0-9a-f]{32}\\.operator_id\\.[0-9a-f]{32}\\.operator_subtask_index\\.0\\.latency_p99$"))] | length == 3'
	}
	until_true 20 all_measured
	local window
	window=$(rest "/jobs/$id" | jq -r '.vertices[1].id')
	name=$(rest "/jobs/$id/metrics" | jq -r --arg id "$window" '.[].id | select(contains("operator_id." + $id + ".operator_subtask_index.0.latency_count"))')
	many_came() { [[ $(rest "/jobs/$id/metrics?get=$name" | jq -r '.[0].value') -ge 20 ]]; }
	until_true 20 many_came
	# The clock is one here, and the job idle: no marker waits for a second.
	[[ $(rest "/jobs/$id/metrics?get=${name%count}p99" | jq -r '.[0].value | tonumber | floor') -lt 1000 ]] || fail "$(rest "/jobs/$id/metrics?get=${name%count}p99")"
	[[ $(rest "/jobs/$id/metrics?get=${name%count}negative" | jq -r '.[0].value') == 0 ]] || fail negative
}

run_tests
