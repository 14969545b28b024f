/* SPDX-License-Identifier: Apache-2.0
 * WordCount.c - counts the words of a text; Flink's example of that name.
 *
 *	bin/flink run examples/streaming/WordCount.jar                          on a built-in text
 *	bin/flink run examples/streaming/WordCount.jar --input FILE --output FILE
 *
 *	… --execution-mode BATCH
 *
 * Every word gives an update (word,count); with BATCH each word is there once, with its count. */
#include <flink/flink.h>

#include <stdlib.h>

/* The soliloquy of Hamlet, as in Flink's WordCountData. */
static const char *const WORDS[] = {
	"To be, or not to be,--that is the question:--",
	"Whether 'tis nobler in the mind to suffer",
	"The slings and arrows of outrageous fortune",
	"Or to take arms against a sea of troubles,",
	"And by opposing end them?--To die,--to sleep,--",
	"No more; and by a sleep to say we end",
	"The heartache, and the thousand natural shocks",
	"That flesh is heir to,--'tis a consummation",
	"Devoutly to be wish'd. To die,--to sleep;--",
	"To sleep! perchance to dream:--ay, there's the rub;",
	"For in that sleep of death what dreams may come,",
	"When we have shuffled off this mortal coil,",
	"Must give us pause: there's the respect",
	"That makes calamity of so long life;",
	"For who would bear the whips and scorns of time,",
	"The oppressor's wrong, the proud man's contumely,",
	"The pangs of despis'd love, the law's delay,",
	"The insolence of office, and the spurns",
	"That patient merit of the unworthy takes,",
	"When he himself might his quietus make",
	"With a bare bodkin? who would these fardels bear,",
	"To grunt and sweat under a weary life,",
	"But that the dread of something after death,--",
	"The undiscover'd country, from whose bourn",
	"No traveller returns,--puzzles the will,",
	"And makes us rather bear those ills we have",
	"Than fly to others that we know not of?",
	"Thus conscience does make cowards of us all;",
	"And thus the native hue of resolution",
	"Is sicklied o'er with the pale cast of thought;",
	"And enterprises of great pith and moment,",
	"With this regard, their currents turn awry,",
	"And lose the name of action.--Soft you now!",
	"The fair Ophelia!--Nymph, in thy orisons",
	"Be all my sins remember'd.",
};
enum { WORDS_COUNT = sizeof(WORDS) / sizeof(WORDS[0]) };

FLINK_RECORD(word_count, FIELD(STRING, word) FIELD(BIGINT, count));

/* One byte of a word in lower case, or 0: "\\W" of a Java pattern separates. */
static const char word_byte[256] = {
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
	['7'] = '7', ['8'] = '8', ['9'] = '9', ['_'] = '_',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
	['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
	['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
	['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',
	['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',
	['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
	['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

static void emit(struct collector *out, const char *word, uint32_t length)
{
	if (length > 0)
		collect(out, word_count, .word = str_of(word, length), .count = 1);
}

static void tokenize(const struct line *in, struct collector *out)
{
	const char *text = str_ptr(&in->text);
	char some[1024], *word = some; /* as long as the line, in case all of it is one word */
	uint32_t length = 0;

	if (in->text.len > sizeof(some))
		word = malloc(in->text.len);

	for (uint32_t at = 0; at < in->text.len; at++) {
		char lower = word_byte[(unsigned char)text[at]];

		if (lower != 0) {
			word[length++] = lower;
			continue;
		}
		emit(out, word, length);
		length = 0;
	}
	emit(out, word, length);
	if (word != some)
		free(word);
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *input = flink_arg(args, "input"), *output = flink_arg(args, "output");
	struct stream *text;

	if (flink_arg(args, "execution-mode") != NULL)
		flink_set(env, "execution.runtime-mode", flink_arg(args, "execution-mode"));
	if (input != NULL)
		text = name(read_text_file(env, input), "file-input");
	else
		text = name(from_lines(env, WORDS, WORDS_COUNT), "in-memory-input");
	struct stream *words = name(flat_map(text, tokenize, word_count), "tokenizer");
	struct stream *counts = name(sum(key_by(words, "word"), "count"), "counter");

	if (output != NULL)
		name(write_as_text(counts, output), "file-sink");
	else
		name(print(counts), "print-sink");
	return flink_execute(env, "WordCount", err);
}
