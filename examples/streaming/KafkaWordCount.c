/* SPDX-License-Identifier: Apache-2.0
 * KafkaWordCount.c - words of a Kafka topic, counted, into another topic.
 *
 *	bin/kafka-dev                                               terminal 1 (or a real Kafka)
 *	bin/flink run examples/streaming/KafkaWordCount.so          terminal 2
 *	kcat -P -b localhost:9092 -t words                          terminal 3, type words
 *	kcat -C -b localhost:9092 -t counts -q                      terminal 4
 *
 * Options: --bootstrap-servers localhost:9092 --input words --output counts, and --bounded, which
 * ends at what is there. */
#include <flink/flink.h>

FLINK_RECORD_PRINTED(word_count, "{word} : {count}", FIELD(STRING, word) FIELD(BIGINT, count));

static void split(const struct line *in, struct collector *out)
{
	const char *text = str_ptr(&in->text);
	uint32_t begin = 0;

	for (uint32_t at = 0; at <= in->text.len; at++) {
		if (at < in->text.len && text[at] != ' ' && text[at] != '\t')
			continue;
		if (at > begin)
			collect(out, word_count, .word = str_of(text + begin, at - begin),
				.count = 1);
		begin = at + 1;
	}
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *servers = flink_arg_or(args, "bootstrap-servers", "localhost:9092");
	const char *input = flink_arg_or(args, "input", "words");
	const char *end = flink_arg_is_set(args, "bounded") ? "latest-offset" : "unbounded";
	const char *const options[] = { "scan.bounded.mode", end, NULL };
	struct stream *lines = kafka_source(env, servers, input, options);
	struct stream *words = key_by(flat_map(lines, split, word_count), "word");

	kafka_sink(sum(words, "count"), servers, flink_arg_or(args, "output", "counts"), NULL);
	return flink_execute(env, "Kafka Word Count", err);
}
