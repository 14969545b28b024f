/* SPDX-License-Identifier: Apache-2.0
 * SocketWindowWordCount.c - counts the words of a text server in windows of five seconds; Flink's
 * example of that name.
 *
 *	nc -l 9000
 *	bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000 */
#include <flink/flink.h>
#include <stdio.h>

FLINK_RECORD_PRINTED(word_with_count, "{word} : {count}", FIELD(STRING, word) FIELD(BIGINT, count));

static bool is_space(char c) /* "\\s" of a Java pattern */
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* As Java's split("\\s"): every single white space separates, so two in a row have an empty word
 * between them; empty words at the end are left out, unless the line itself is empty. */
static void split(const struct line *in, struct collector *out)
{
	const char *text = str_ptr(&in->text);
	uint32_t length = in->text.len, end = length, begin = 0;

	while (end > 0 && is_space(text[end - 1]))
		end--;
	if (end == 0 && length > 0)
		return;
	for (uint32_t at = 0; at <= end; at++) {
		if (at < end && !is_space(text[at]))
			continue;
		collect(out, word_with_count, .word = str_of(text + begin, at - begin), .count = 1);
		begin = at + 1;
	}
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *hostname = flink_arg_or(args, "hostname", "localhost");
	int64_t port = 0;
	int given = flink_arg_int(args, "port", &port, err);

	if (given < 0)
		return -1;
	if (given == 0 || port < 1 || port > 65535) {
		fprintf(stderr,
			"No port specified. Please run 'SocketWindowWordCount --hostname <hostname> --port <port>', "
			"where hostname (localhost by default) and port is the address of the text server\n"
			"To start a simple text server, run 'netcat -l <port>' and type the input text into the "
			"command line\n");
		return 0;
	}
	struct stream *text = socket_text_stream(env, hostname, (uint16_t)port);
	struct stream *words = key_by(flat_map(text, split, word_with_count), "word");
	struct stream *counts = sum(window(words, tumbling_processing_time(SECONDS(5))), "count");

	set_parallelism(print(counts), 1);
	return flink_execute(env, "Socket Window WordCount", err);
}
