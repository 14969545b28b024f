#!/usr/bin/env bash
# Records larger than a network buffer, between two TaskManagers: text lines, what C and Python functions emit, keys of
# state, printed and written; and the words past the limit.
source "$(dirname "$0")/cases.sh"

large_program() {
	cat >large.c <<-'C'
		#include <flink/flink.h>
		#include <stdlib.h>
		FLINK_RECORD(counted, FIELD(STRING, text) FIELD(BIGINT, count));
		/* "N" becomes N mebibytes, any other line stays as it is. */
		static void widen(const struct line *in, struct collector *out)
		{
			char number[16] = "";
			memcpy(number, str_ptr(&in->text), in->text.len < 15 ? in->text.len : 15);
			size_t size_bytes = (size_t)atoi(number) << 20;
			char *text = malloc(size_bytes + 1);
			if (size_bytes > 0)
				memset(text, 'a' + number[0] % 26, size_bytes);
			if (size_bytes > 0)
				collect(out, counted, .text = str_of(text, size_bytes), .count = 1);
			else
				collect(out, counted, .text = str_copy(&in->text), .count = 1);
			free(text);
		}
		static void only_text(const struct counted *in, struct line *out)
		{
			out->text = str_copy(&in->text);
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			const char *ship = flink_arg_or(args, "ship", "hash");
			struct stream *wide = flat_map(read_text_file(env, flink_arg(args, "in")), widen, counted);
			struct stream *there = strcmp(ship, "broadcast") == 0 ? broadcast(wide) :
					       strcmp(ship, "rebalance") == 0 ? rebalance(wide) :
					       sum(key_by(wide, "text"), "count");
			struct stream *text = set_parallelism(map(there, only_text, line), 2);
			if (flink_arg_is_set(args, "print"))
				set_parallelism(print(text), 2);
			else
				set_parallelism(write_as_text(text, flink_arg(args, "out")), 2);
			return flink_execute(env, "large", err);
		}
	C
}

start() { # SETTING…
	make_home "$scratch/flink" "$@"
	cd "$home_dir"
	printf 'localhost\nlocalhost\n' >conf/workers
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	large_program
}

# line BYTES LETTER: a line
line() {
	head -c "$1" /dev/zero | tr '\0' "$2"
	echo
}

digest() { # of the lines of all these files, in no order
	cat "$@" | LC_ALL=C sort | md5sum
}

test_lines_and_records_of_any_size_arrive_whole() {
	start
	{ line 5242880 x; echo short; line 40000 y; line 300000 z; line 32768 w; echo end; } >in.txt
	want=$(digest in.txt)
	for ship in hash rebalance; do
		./bin/flink run large.c --in "$PWD/in.txt" --out "$PWD/out-$ship" --ship $ship >run.txt 2>run.err ||
			fail "--ship $ship: $(cat run.err)"
		same "$want" "$(digest "out-$ship"/*)"
	done
	./bin/flink run large.c --in "$PWD/in.txt" --out "$PWD/out-broadcast" --ship broadcast >run.txt 2>run.err ||
		fail "--ship broadcast: $(cat run.err)"
	same "$want $want" "$(digest out-broadcast/1) $(digest out-broadcast/2)"
	# What a function makes, through state, to the TaskManager's .out file.
	printf '10\n3\n' >made.txt
	./bin/flink run large.c --in "$PWD/made.txt" --print yes >run.txt 2>run.err || fail "$(cat run.err)"
	same "10485763 3145731" "$(awk '/^[12]> (x+|z+)$/ { print length($0) }' log/*taskexecutor*.out |
		sort -rn | tr '\n' ' ' | sed 's/ $//')"
	# The terminal has the beginning, and says how much that is not.
	same "1" "$(grep -cE '^[12]> x+… \(a line of 10485764 bytes; all of it is in the TaskManager' run.txt)"
	same "2" "$(grep -c "'s .out file)$" run.txt)"
}

test_past_the_limit_the_error_says_which_and_how_to_mend() {
	start "taskmanager.network.max-record-size: 1 mb"
	echo 2 >in.txt
	! ./bin/flink run large.c --in "$PWD/in.txt" --out "$PWD/out" >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" 'operator "Flat Map" emitted a record counted of 2097176 bytes'
	contains "$(cat run.err)" 'taskmanager.network.max-record-size allows 1048576'
	contains "$(cat run.err)" 'hint: raise taskmanager.network.max-record-size'
	{ echo one; line 1048561 x; } >in.txt
	! ./bin/flink run large.c --in "$PWD/in.txt" --out "$PWD/out2" >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "line 2 of $PWD/in.txt is longer than 1048560 bytes"
}

test_python_functions_take_and_give_them() {
	[[ -e $source_home/opt/python/pyflink/_engine.abi3.so ]] || return 0 # the engine for Python is not built here
	export PYTHONPATH=$source_home/opt/python PYTHONDONTWRITEBYTECODE=1
	start
	{ line 2000000 x; echo short; line 40000 y; } >in.txt
	cat >job.py <<-PY
		import sys
		from pyflink.common import Configuration, Types
		from pyflink.datastream import StreamExecutionEnvironment
		config = Configuration()
		if sys.argv[1] == 'cluster':
		    config.set_string("execution.target", "remote").set_integer("rest.port", $rest_port)
		env = StreamExecutionEnvironment.get_execution_environment(config)
		env.set_parallelism(2)
		lines = env.read_text_file('$PWD/in.txt')
		twice = lines.map(lambda line: (line + line, 1), Types.TUPLE([Types.STRING(), Types.INT()]))
		kept = twice.key_by(lambda pair: pair[0], Types.STRING()).reduce(lambda a, b: (a[0], a[1] + b[1]))
		kept.map(lambda pair: pair[0], Types.STRING()).write_as_text('$PWD/out-' + sys.argv[1])
		env.execute()
	PY
	want=$(sed 's/.*/&&/' in.txt >twice.txt && digest twice.txt)
	for where in cluster script; do
		python3 job.py $where >run.txt 2>run.err || fail "$where: $(cat run.err)"
		same "$want" "$(digest "out-$where"/*)"
	done
}

run_tests
