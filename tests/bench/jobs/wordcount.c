/* SPDX-License-Identifier: Apache-2.0
 * wordcount.c - the work of tests/bench/limit/wordcount as a job: words of a text, split at bytes
 * up to a space, case kept, counted per word. Every word gives an update, and every update is
 * dropped: the sink costs nothing, so that what is measured is reading, splitting, the exchange by
 * key and the table.
 *
 *	bin/flink run -p N wordcount.so --input FILE [--execution-mode BATCH] */
#include <flink/flink.h>

FLINK_RECORD(word_count, FIELD(STRING, word) FIELD(BIGINT, count));

static void split(const struct line *in, struct collector *out)
{
	const char *at = str_ptr(&in->text), *end = at + in->text.len;

	while (at < end) {
		const char *word = at;

		while (at < end && (unsigned char)*at > ' ')
			at++;
		if (at > word)
			collect(out, word_count, .word = str_of(word, (size_t)(at - word)),
				.count = 1);
		at++;
	}
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *input = flink_arg(args, "input");

	if (input == NULL)
		return err_set(err, ERR_PROGRAM_FAILED, "give --input FILE");
	if (flink_arg(args, "execution-mode") != NULL)
		flink_set(env, "execution.runtime-mode", flink_arg(args, "execution-mode"));
	struct stream *words = flat_map(read_text_file(env, input), split, word_count);

	discard(sum(key_by(words, "word"), "count"));
	return flink_execute(env, "WordCount without output", err);
}
