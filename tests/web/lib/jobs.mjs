// SPDX-License-Identifier: Apache-2.0
// jobs.mjs - jobs of every kind that a page must show, each with what is known to be true of it.

const slow = `#include <flink/flink.h>
#include <time.h>

static bool slow(const struct line *in)
{
	return nanosleep(&(struct timespec){ .tv_nsec = 40000000 }, NULL) == 0;
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	print(filter(rebalance(read_text_file(env, flink_arg(args, "input"))), slow));
	return flink_execute(env, "Slow Filter", err);
}
`;

const failing = `#include <flink/flink.h>

static void refuse(const struct line *in, struct line *out)
{
	flink_fail("the line \\"%.*s\\" is not welcome", (int)in->text.len, str_ptr(&in->text));
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	static const char *const lines[] = { "guest" };

	print(map(from_lines(env, lines, 1), refuse, line));
	return flink_execute(env, "Refusing Map", err);
}
`;

/** SocketWindowWordCount on a text of ours, running until the text ends. `words` is what it was given. */
export async function windowWordCount(cluster, lines = ["to be", "or not", "to be"], ...options) {
	const text = await cluster.serveText();
	const id = await cluster.submit(...options, "examples/streaming/SocketWindowWordCount.jar", "--port", String(cluster.textPort));
	await cluster.jobIs(id, "RUNNING");
	text.write(lines.map((line) => line + "\n").join(""));
	return { id, name: "Socket Window WordCount", text, lines: lines.length, words: lines.join(" ").split(" ").length };
}

/** WordCount of a file, come to its end. */
export async function finishedWordCount(cluster, lines = ["be", "or not to be"]) {
	const input = cluster.file("words.txt", lines.map((line) => line + "\n").join(""));
	const id = await cluster.submit("examples/streaming/WordCount.jar", "--input", input);
	await cluster.jobIs(id, "FINISHED");
	return { id, name: "WordCount", lines: lines.length, words: lines.join(" ").split(" ").length };
}

/** A job whose function refuses its only record. `cause` is in its root exception. */
export async function failedJob(cluster) {
	const id = await cluster.submit(cluster.file("failing.c", failing));
	await cluster.jobIs(id, "FAILED");
	return { id, name: "Refusing Map", cause: 'the line "guest" is not welcome' };
}

/** A source that could give millions of lines a second before a filter that takes 25 a second. */
export async function backPressuredJob(cluster, ...options) {
	const lines = Array.from({ length: 200000 }, (_, i) => `line number ${i}\n`).join("");
	const id = await cluster.submit(...options, cluster.file("slow.c", slow), "--input", cluster.file("lines.txt", lines));
	await cluster.jobIs(id, "RUNNING");
	return { id, name: "Slow Filter" };
}

/** A job that runs until it is cancelled, and was. */
export async function cancelledJob(cluster) {
	const text = await cluster.serveText();
	const id = await cluster.submit("examples/streaming/SocketWindowWordCount.jar", "--port", String(cluster.textPort));
	await cluster.jobIs(id, "RUNNING");
	await cluster.cancel(id);
	text.close();
	return { id, name: "Socket Window WordCount" };
}
