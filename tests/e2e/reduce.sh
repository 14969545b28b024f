#!/usr/bin/env bash
# reduce: the example, and texts that grow and change, between two TaskManagers.
source "$(dirname "$0")/cases.sh"

test_reduce_joins_what_belongs_together() {
	make_home "$scratch/flink"
	cd "$home_dir"
	printf 'localhost\nlocalhost\n' >conf/workers
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	./bin/flink run examples/streaming/MaxTemperature.jar >run.txt 2>run.err || fail "$(cat run.err)"
	same "Daegu: 36.9 at 2026-08-01T15:00
Jeju: 31.5 at 2026-08-01T15:00
Seoul: 34.2 at 2026-08-01T15:00" "$(for town in Daegu Jeju Seoul; do grep "^$town" run.txt | tail -n 1; done)"
	same "8" "$(grep -c ' at 2026' run.txt)"
	cat >join.c <<-'C'
		#include <flink/flink.h>
		FLINK_RECORD(joined, FIELD(STRING, first) FIELD(STRING, all) FIELD(INT, count));
		static void begin(const struct line *in, struct joined *out)
		{
			out->first = str_of(str_ptr(&in->text), in->text.len > 0);
			out->all = str_copy(&in->text);
			out->count = 1;
		}
		static void join(const struct joined *a, const struct joined *b, struct joined *out)
		{
			static _Thread_local char text[200000];
			memcpy(text, str_ptr(&a->all), a->all.len);
			memcpy(text + a->all.len, str_ptr(&b->all), b->all.len);
			out->first = str_copy(&a->first);
			out->all = str_of(text, a->all.len + b->all.len);
			out->count = a->count + b->count;
		}
		static void size(const struct joined *in, struct line *out)
		{
			static _Thread_local char text[64];
			int length = snprintf(text, sizeof(text), "%.*s %u %d", (int)in->first.len,
					      str_ptr(&in->first), in->all.len, (int)in->count);
			out->text = str_of(text, (size_t)length);
		}
		int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
		{
			struct stream *words = map(read_text_file(env, flink_arg(args, "in")), begin, joined);
			print(set_parallelism(map(set_parallelism(reduce(key_by(words, "first"), join, joined), 2),
						  size, line), 2));
			return flink_execute(env, "join", err);
		}
	C
	for i in $(seq 1 3000); do echo "a$i"; echo "bb and a longer text, number $i"; done >in.txt
	./bin/flink run join.c --in "$PWD/in.txt" >run.txt 2>run.err || fail "$(cat run.err)"
	same "a $(grep ^a in.txt | tr -d '\n' | wc -c) 3000
b $(grep ^b in.txt | tr -d '\n' | wc -c) 3000" "$(grep -E '^(. )?[ab] [0-9]+ 3000$' run.txt | sort)"
	# A function of another shape is the compiler's business.
	sed 's/static void join(const struct joined \*a, /static void join(const struct line *a, /' join.c >wrong.c
	! ./bin/flink run wrong.c --in "$PWD/in.txt" >run.txt 2>run.err || fail "it ran"
	contains "$(cat run.err run.txt)" "a reduce function is: void f(const struct X *a, const struct X *b, struct X *out)"
}

run_tests
