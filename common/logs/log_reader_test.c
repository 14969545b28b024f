/* SPDX-License-Identifier: Apache-2.0
 * log_reader_test.c - pages of log files on simulated disks, against a plain model: every line, in
 * both directions, by every filter, of files that grow, are cut and replaced. */
#include "common/logs/log_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/world/world_sim.h"

static struct sim *sim;
static struct world *world;
static struct runner *runner;

struct answer {
	bool there, missing, restarted;
	uint64_t size_bytes, from, next;
	char mark[17];
	struct buf lines; /* "at:text\n", "+\n" behind an open one */
	uint32_t count;
	char text[200]; /* why there is none */
};

static void begin(uint64_t seed)
{
	const struct sim_options options = { .file_delay_us_max = 100, .shuffle_ties = true };
	struct err err = ERR_INIT;

	sim = sim_create(seed, &options);
	world = sim_node(sim, "node");
	runner = runner_create(world, "control", &err);
	assert_non_null(runner);
	sim_file_put(world, "/log/b.log", bytes_of_text("other\n"));
}

static void end(void)
{
	runner_destroy(&runner);
	world_destroy(&world);
	sim_destroy(&sim);
	assert_int_equal(mem_bytes_out(), 0);
}

static void put(const char *text, size_t size)
{
	sim_file_put(world, "/log/a.log", bytes_of(text, size));
}

static void take_page(void *context, const struct log_page *page, const struct err *err)
{
	struct answer *answer = context;

	assert_false(answer->there);
	answer->there = true;
	if (page == NULL) {
		snprintf(answer->text, sizeof(answer->text), "%.190s", err->text);
		return;
	}
	answer->missing = page->missing;
	answer->restarted = page->restarted;
	answer->size_bytes = page->size_bytes;
	answer->from = page->from;
	answer->next = page->next;
	answer->count = page->lines_count;
	memcpy(answer->mark, page->mark, sizeof(answer->mark));
	for (uint32_t i = 0; i < page->lines_count; i++) {
		const struct log_line *line = &page->lines[i];

		buf_printf(&answer->lines, "%llu:", (unsigned long long)line->at);
		buf_add(&answer->lines, page->text.data + line->offset, line->size_bytes);
		buf_add_text(&answer->lines, line->open ? "+\n" : "\n");
	}
}

static bool is_there(void *context)
{
	return ((struct answer *)context)->there;
}

static void start_query(const struct log_query *query, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->lines);
	buf_add_text(&answer->lines, "");
	log_reader_start(runner, "/log", query, take_page, answer);
}

static struct answer ask(const struct log_query *query)
{
	struct answer answer;

	start_query(query, &answer);
	assert_true(sim_run(sim, 60000, is_there, &answer, NULL));
	return answer;
}

static struct log_query all_from(int64_t from)
{
	return (struct log_query){
		.name = "a.log", .search = "", .mark = "", .from = from, .bytes_max = 65536
	};
}

static void expect(struct answer answer, uint64_t from, uint64_t next, const char *lines)
{
	if (answer.text[0] != '\0')
		fail_msg("%s", answer.text);
	assert_string_equal(answer.lines.data, lines);
	assert_int_equal(answer.from, from);
	assert_int_equal(answer.next, next);
	buf_fini(&answer.lines);
}

/* ---- by hand -------------------------------------------------------------------------------- */

#define EVENT(level) "2026-11-24 04:52:40,123 " level " Logger [] - "

static void a_page_has_the_lines_of_its_range(void **state)
{
	static const char text[] = "one\r\ntwo\n\nfour";
	struct log_query query = all_from(0);
	struct answer answer;

	begin(1);
	put(text, strlen(text));
	expect(ask(&query), 0, 14, "0:one\n5:two\n9:\n10:four+\n");
	query.from = -1;
	expect(ask(&query), 0, 14, "0:one\n5:two\n9:\n10:four+\n");
	query.bytes_max = 4; /* an empty line needs no room */
	expect(ask(&query), 9, 14, "9:\n10:four+\n");
	query.bytes_max = 3;
	expect(ask(&query), 11, 14, "11:our+\n");
	query = (struct log_query){ .name = "a.log",
				    .search = "",
				    .mark = "",
				    .from = 10,
				    .backwards = true,
				    .bytes_max = 3 };
	expect(ask(&query), 5, 10, "5:two\n9:\n");
	query = all_from(6); /* in the midst of a line */
	expect(ask(&query), 6, 14, "6:wo\n9:\n10:four+\n");
	query.bytes_max = 1;
	expect(ask(&query), 6, 7, "6:w+\n");
	query = all_from(14);
	expect(ask(&query), 14, 14, "");
	query = all_from(0);
	query.name = "none.log";
	answer = ask(&query);
	assert_true(answer.missing);
	buf_fini(&answer.lines);
	end();
}

static void names_are_looked_up(void **state)
{
	static const char *const names[] = {
		"../log/a.log", "/log/a.log", "./a.log", "", ".", ".."
	};

	begin(2);
	put("text\n", 5);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct log_query query = all_from(0);

		query.name = names[i];
		struct answer answer = ask(&query);

		assert_true(answer.missing);
		buf_fini(&answer.lines);
	}
	end();
}

static void lines_are_filtered_by_text_and_level(void **state)
{
	static const char text[] = "before\n" EVENT("INFO ") "a\n" EVENT(
		"WARN ") "b\n\tat once\n" EVENT("ERROR") "c\n" EVENT("DEBUG") "d\n\tat last\n";
	struct log_query query = all_from(0);
	uint64_t size = strlen(text), warning = 7 + strlen(EVENT("INFO ") "a\n");
	char lines[500];

	begin(3);
	put(text, size);
	query.search = "AT ";
	snprintf(lines, sizeof(lines), "%llu:\tat once\n%llu:\tat last\n",
		 (unsigned long long)(warning + strlen(EVENT("WARN ") "b\n")),
		 (unsigned long long)(size - 9));
	expect(ask(&query), 0, size, lines);
	query.level = LOG_WARN;
	*(strchr(lines, '\n') + 1) = '\0';
	expect(ask(&query), 0, size, lines);
	query.backwards = true;
	query.from = (int64_t)size;
	expect(ask(&query), 0, size, lines);
	query = all_from(
		(int64_t)(warning + strlen(EVENT("WARN ") "b\n"))); /* its event was before */
	query.level = LOG_WARN;
	query.search = "once";
	expect(ask(&query), (uint64_t)query.from, size, lines);
	end();
}

static void a_reader_waits_for_what_comes(void **state)
{
	struct log_query query = all_from(6);
	struct answer answer;
	mono_t began;

	begin(4);
	put("first\n", 6);
	query.wait_ms = 5000;
	start_query(&query, &answer);
	assert_false(sim_run(sim, 1000, is_there, &answer, NULL));
	put("first\nsecond\n", 13);
	assert_true(sim_run(sim, 300, is_there, &answer, NULL));
	expect(answer, 6, 13, "6:second\n");
	query.search = "third"; /* what is not wanted does not end it */
	query.from = 13;
	start_query(&query, &answer);
	put("first\nsecond\nnot\n", 17);
	assert_false(sim_run(sim, 1000, is_there, &answer, NULL));
	put("first\nsecond\nnot\nThird\n", 23);
	assert_true(sim_run(sim, 300, is_there, &answer, NULL));
	expect(answer, 17, 23, "17:Third\n");
	query.from = 23;
	began = sim_now(sim);
	expect(ask(&query), 23, 23, "");
	assert_true(sim_now(sim) - began >= 5000 * NS_PER_MS);
	assert_true(sim_now(sim) - began < 5500 * NS_PER_MS);
	end();
}

static void another_file_of_the_name_is_told(void **state)
{
	struct log_query query = all_from(0);
	struct answer answer;
	char mark[17];

	begin(5);
	put("first\nsecond\n", 13);
	answer = ask(&query);
	memcpy(mark, answer.mark, sizeof(mark));
	assert_int_equal(strlen(mark), 16);
	expect(answer, 0, 13, "0:first\n6:second\n");
	query.from = 13;
	query.mark = mark;
	put("first\nsecond\nthird\n", 19);
	answer = ask(&query);
	assert_false(answer.restarted);
	expect(answer, 13, 19, "13:third\n");
	put("another\nfile of that name\n", 26);
	answer = ask(&query);
	assert_true(answer.restarted);
	expect(answer, 0, 26, "0:another\n8:file of that name\n");
	put("an\n", 3); /* cut: no mark is needed for that */
	query.mark = "";
	answer = ask(&query);
	assert_true(answer.restarted);
	expect(answer, 0, 3, "0:an\n");
	query.wait_ms = 10000; /* while it is waited for */
	query.from = 3;
	start_query(&query, &answer);
	assert_false(sim_run(sim, 1000, is_there, &answer, NULL));
	put("", 0);
	assert_true(sim_run(sim, 300, is_there, &answer, NULL));
	assert_true(answer.restarted);
	expect(answer, 0, 0, "");
	end();
}

/* ---- against a model ------------------------------------------------------------------------ */

static uint64_t dice(uint64_t sides)
{
	return sim_random(sim) % sides;
}

static void add_line(struct buf *text)
{
	static const char *const starts[] = { EVENT("INFO "), EVENT("WARN "), EVENT("ERROR"),
					      "\tat ", "" };
	size_t length = dice(50) == 0 ? dice(200000) : dice(100);

	buf_add_text(text, starts[dice(ARRAY_COUNT(starts))]);
	for (size_t i = 0; i < length; i++)
		buf_add(text, &"abAB\xc3\xa9"[dice(6)], 1);
	buf_add_text(text, "\n");
}

/* What all pages together must say: wanted lines in one piece. */
static void model(const struct buf *text, const struct log_filter *filter, struct buf *lines)
{
	bool shown = filter->level == LOG_TRACE;
	enum log_level level;

	for (size_t at = 0; at < text->size_bytes;) {
		const char *line = text->data + at;
		size_t left = text->size_bytes - at;
		const char *line_end = memchr(line, '\n', left);
		size_t size = line_end ? (size_t)(line_end - line) : left;

		if (filter->level > LOG_TRACE && log_line_level(line, size, &level))
			shown = level >= filter->level;
		if (shown && log_filter_matches(filter, line, size)) {
			buf_add(lines, line, size);
			buf_add_text(lines, "\n");
		}
		at += size + (line_end != NULL);
	}
}

/* Puts the lines of a page in front of, or behind, those there are. Open ones go on. */
static void collect(struct buf *lines, const struct answer *answer, bool in_front)
{
	struct buf all;

	buf_init(&all);
	if (!in_front)
		buf_add(&all, lines->data, lines->size_bytes);
	for (const char *at = answer->lines.data; *at != '\0';) {
		const char *text = strchr(at, ':') + 1, *line_end = strchr(text, '\n');
		bool open = line_end[-1] == '+';

		buf_add(&all, text, (size_t)(line_end - text) - open);
		if (!open)
			buf_add_text(&all, "\n");
		at = line_end + 1;
	}
	if (in_front)
		buf_add(&all, lines->data, lines->size_bytes);
	buf_fini(lines);
	*lines = all;
}

static void read_all(struct log_query *query, uint64_t size, const struct buf *wanted)
{
	struct buf lines;
	bool over = false;
	uint32_t pages = 0;

	buf_init(&lines);
	buf_add_text(&lines, "");
	while (!over) {
		struct answer answer = ask(query);

		if (answer.text[0] != '\0' || answer.missing || answer.restarted)
			fail_msg("%s", answer.text);
		assert_true(answer.from <= answer.next && answer.next <= size);
		collect(&lines, &answer, query->backwards);
		over = query->backwards ? answer.from == 0 : answer.next == size;
		assert_true(over || (query->backwards ? (int64_t)answer.from < query->from
						      : (int64_t)answer.next > query->from));
		query->from = (int64_t)(query->backwards ? answer.from : answer.next);
		buf_fini(&answer.lines);
		assert_true(++pages < 100000);
	}
	assert_int_equal(lines.size_bytes, wanted->size_bytes);
	assert_memory_equal(lines.data, wanted->data, wanted->size_bytes);
	buf_fini(&lines);
}

/* Long lines are given in pieces, which a search sees one by one: with it, lines stay short. */
static void run_model(uint64_t seed)
{
	static const char *const searches[] = { "",
						"",
						"aab",
						"B",
						"\xc3\xa9"
						"a",
						"warn" };
	struct buf text, wanted;
	struct log_filter filter;
	struct log_query query = { .name = "a.log", .mark = "" };

	begin(seed);
	buf_init(&text);
	buf_add_text(&text, "");
	buf_init(&wanted);
	buf_add_text(&wanted, "");
	query.search = searches[dice(ARRAY_COUNT(searches))];
	query.level = dice(2) ? LOG_TRACE : LOG_WARN;
	for (uint64_t lines = dice(3000); lines > 0; lines--) {
		size_t before = text.size_bytes;

		add_line(&text);
		if (text.size_bytes - before > 1000 &&
		    (query.search[0] != '\0' || query.level > LOG_TRACE))
			text.size_bytes = before;
	}
	buf_add(&text, "", 0);
	put(text.data, text.size_bytes);
	log_filter_init(&filter, query.search, query.level);
	model(&text, &filter, &wanted);
	query.bytes_max = query.search[0] == '\0' && query.level == LOG_TRACE
				  ? (uint32_t)(200 + dice(100000))
				  : (uint32_t)(2000 + dice(100000));
	read_all(&query, text.size_bytes, &wanted);
	query.backwards = true;
	query.from = (int64_t)text.size_bytes;
	read_all(&query, text.size_bytes, &wanted);
	buf_fini(&text);
	buf_fini(&wanted);
	end();
}

static void all_pages_together_are_the_file(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_model(seed);
}

static void a_search_for_what_is_not_there_is_bounded(void **state)
{
	struct buf text;
	struct log_query query = all_from(0);
	struct answer answer;

	begin(6);
	buf_init(&text);
	for (int i = 0; i < 200000; i++)
		buf_add_text(&text,
			     "a line of a hundred letters, and a little more of them, so that "
			     "the file becomes long and longer.....\n");
	put(text.data, text.size_bytes);
	query.search = "nowhere";
	answer = ask(&query);
	assert_int_equal(answer.count, 0);
	assert_true(answer.next >= LOG_READ_SCAN_BYTES / 10 * 9 && answer.next < text.size_bytes);
	buf_fini(&answer.lines);
	query.from = (int64_t)answer.next;
	answer = ask(&query);
	assert_int_equal(answer.next, text.size_bytes);
	buf_fini(&answer.lines);
	buf_fini(&text);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_has_the_lines_of_its_range),
		cmocka_unit_test(names_are_looked_up),
		cmocka_unit_test(lines_are_filtered_by_text_and_level),
		cmocka_unit_test(a_reader_waits_for_what_comes),
		cmocka_unit_test(another_file_of_the_name_is_told),
		cmocka_unit_test(all_pages_together_are_the_file),
		cmocka_unit_test(a_search_for_what_is_not_there_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
