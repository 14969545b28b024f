#!/usr/bin/env bash
# Which subtask a record goes to: every ship strategy that flink.h has, unions, and a partitioner of the job's own,
# between two TaskManagers.
source "$(dirname "$0")/cases.sh"

# One parallel source of twelve lines; sinks on both TaskManagers print what reaches them, "N> " in front.
shipping_program() {
	cat >ship.c <<-'C'
		#include <flink/flink.h>
		static uint32_t odd(const struct line *in, uint32_t partitions)
		{
			return (uint32_t)(str_ptr(&in->text)[0] - 'a') % 2;
		}
		static uint32_t nowhere(const struct line *in, uint32_t partitions)
		{
			return partitions + 6;
		}
		static struct stream *ship(struct stream *in, const char *by)
		{
			return strcmp(by, "rebalance") == 0 ? rebalance(in) :
			       strcmp(by, "rescale") == 0 ? rescale(in) :
			       strcmp(by, "shuffle") == 0 ? shuffle(in) :
			       strcmp(by, "broadcast") == 0 ? broadcast(in) :
			       strcmp(by, "global") == 0 ? global(in) :
			       strcmp(by, "custom") == 0 ? partition_custom(in, odd) :
			       strcmp(by, "nowhere") == 0 ? partition_custom(in, nowhere) :
			       strcmp(by, "hash") == 0 ? key_by(in, "text") : in;
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			static const char *const lines[] = { "a", "b", "c", "d", "e", "f" };
			static const char *const more[] = { "g", "h", "i", "j", "k", "l" };
			struct stream *given = from_lines(env, lines, 6);
			given = union_of(given, from_lines(env, more, 6));
			set_parallelism(print(ship(given, flink_arg_or(args, "by", "nothing"))), 2);
			return flink_execute(env, "ship", err);
		}
	C
}

# shipped BY: the lines that the sinks printed, sorted
shipped() {
	./bin/flink run ship.c --by "$1" >run.txt 2>run.err || fail "--by $1: $(cat run.err)"
	grep -E '^[12]> ' run.txt | sort
}

# of SUBTASK: the letters that it printed, in one word
of() {
	sed -n "s/^$1> //p" shipped.txt | tr -d '\n'
}

test_records_go_where_the_program_says() {
	make_home "$scratch/flink"
	cd "$home_dir"
	printf 'localhost\nlocalhost\n' >conf/workers
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	shipping_program
	for by in nothing rebalance rescale; do
		shipped $by >shipped.txt
		same "6 6" "$(of 1 | wc -c) $(of 2 | wc -c)"
		same "abcdefghijkl" "$(of '[12]' | fold -w1 | sort | tr -d '\n')"
	done
	for by in shuffle hash; do
		shipped $by >shipped.txt
		same "abcdefghijkl" "$(of '[12]' | fold -w1 | sort | tr -d '\n')"
	done
	first=$(of 1)
	shipped hash >shipped.txt
	same "$first" "$(of 1)"
	shipped broadcast >shipped.txt
	same "abcdefghijkl abcdefghijkl" "$(of 1) $(of 2)"
	shipped global >shipped.txt
	same "abcdefghijkl " "$(of 1) $(of 2)"
	shipped custom >shipped.txt
	same "acegik bdfhjl" "$(of 1) $(of 2)"
	! ./bin/flink run ship.c --by nowhere >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err)" "nowhere: partition 8 was named; there are 2, from 0 to 1"
}

run_tests
