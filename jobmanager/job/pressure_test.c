/* SPDX-License-Identifier: Apache-2.0
 * pressure_test.c - jobs as tables, and what is said of each. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>

#include "common/base/compiler.h"
#include "common/base/mem.h"
#include "jobmanager/job/pressure.h"

#define VERTICES_MAX 6
#define SUBTASKS_MAX 5
#define EDGES_MAX 4

struct row_vertex {
	const char *name;
	struct pressure_shares subtasks[SUBTASKS_MAX]; /* all zero: does not run */
	uint32_t subtasks_count;
	struct pressure_edge edges[EDGES_MAX];
	uint32_t edges_count;
	const char *status, *operator;
	const char *says; /* of this vertex */
};

struct row {
	const char *name;
	struct row_vertex vertices[VERTICES_MAX];
	const char *says; /* of the job */
};

#define SUBTASKS(...) \
	.subtasks = { __VA_ARGS__ }, \
	.subtasks_count = sizeof((struct pressure_shares[]){ __VA_ARGS__ }) / \
			  sizeof(struct pressure_shares)
#define EDGES(...) \
	.edges = { __VA_ARGS__ }, \
	.edges_count = sizeof((struct pressure_edge[]){ __VA_ARGS__ }) / \
		       sizeof(struct pressure_edge)

static const struct row rows[] = {
	{ "a chain with a slow sink",
	  { { "Source", SUBTASKS({ .08, .02, .90, 0 }), EDGES({ 1, .90 }),
	      .says = "`Source` is held back 90 % of the time by `Sink: Print`, which is busy 98 %" },
	    { "Map", SUBTASKS({ .10, .05, .85, 0 }), EDGES({ 2, .85 }),
	      .says = "`Map` is held back 85 % of the time by `Sink: Print`, which is busy 98 %" },
	    { "Sink: Print", SUBTASKS({ .98, .02, 0, 0 }),
	      .says = "`Sink: Print` is busy 98 %: it holds back `Map` and 1 more" } },
	  "`Sink: Print` is busy 98 %: it holds back `Map` and 1 more" },
	{ "a slow map in the middle, its sink has time",
	  { { "Source", SUBTASKS({ .30, 0, .70, 0 }), EDGES({ 1, .70 }) },
	    { "Map", SUBTASKS({ .97, 0, .03, 0 }), EDGES({ 2, .03 }), .operator = "Slow" },
	    { "Sink", SUBTASKS({ .20, .80, 0, 0 }),
	      .says = "`Sink` is idle 80 %: it waits for its input" } },
	  "`Map` is busy 97 %, mostly in `Slow`: it holds back `Source`" },
	{ "a map that is held back a little is still the reason, when it is the busier one",
	  { { "Source", SUBTASKS({ .10, 0, .90, 0 }), EDGES({ 1, .90 }) },
	    { "Map", SUBTASKS({ .85, 0, .15, 0 }), EDGES({ 2, .15 }),
	      .says = "`Map` is busy 85 %: it holds back `Source`" },
	    { "Sink", SUBTASKS({ .60, .40, 0, 0 }) } },
	  "`Map` is busy 85 %: it holds back `Source`" },
	{ "fan-in: of two sources the fast one is held back",
	  { { "Source: A", SUBTASKS({ .05, 0, .95, 0 }), EDGES({ 2, .95 }) },
	    { "Source: B", SUBTASKS({ .02, .98, 0, 0 }), EDGES({ 2, 0 }),
	      .status = "waiting for localhost:9000",
	      .says = "`Source: B` is idle 98 %: waiting for localhost:9000" },
	    { "Join", SUBTASKS({ .99, .01, 0, 0 }) } },
	  "`Join` is busy 99 %: it holds back `Source: A`" },
	{ "fan-out: the edge that refused leads to the reason",
	  { { "Source", SUBTASKS({ .20, 0, .80, 0 }), EDGES({ 1, .01 }, { 2, .79 }) },
	    { "Busy, and innocent", SUBTASKS({ .995, 0, 0, 0 }),
	      .says = "`Busy, and innocent` is busy 100 %: it is as fast as it can be, nothing holds it back" },
	    { "Slow", SUBTASKS({ .93, .07, 0, 0 }) } },
	  "`Slow` is busy 93 %: it holds back `Source`" },
	{ "skew: one subtask of four",
	  { { "Source", SUBTASKS({ .20, 0, .80, 0 }, { .25, 0, .75, 0 }), EDGES({ 1, .80 }),
	      .says = "`Source` is held back 80 % of the time by `Sum`, whose subtask 3 of 4 is busy 99 %, and the others 20 % (uneven work)" },
	    { "Sum", SUBTASKS({ .20, .80, 0, 0 }, { .22, .78, 0, 0 }, { .99, .01, 0, 0 },
			      { .18, .82, 0, 0 }) } },
	  "Subtask 3 of 4 of `Sum` is busy 99 %, and the others 20 % (uneven work): it holds back `Source`" },
	{ "skew of two, the other has ended",
	  { { "Source", SUBTASKS({ .20, 0, .80, 0 }), EDGES({ 1, .80 }) },
	    { "Sum", SUBTASKS({ 0, 0, 0, 0 }, { .99, .01, 0, 0 }) } },
	  "`Sum` is busy 99 %: it holds back `Source`" },
	{ "a slow outside system",
	  { { "Source", SUBTASKS({ .05, 0, .95, 0 }), EDGES({ 1, .95 }) },
	    { "Map -> Sink: Kafka", SUBTASKS({ .97, .03, 0, .95 }), .operator = "Sink: Kafka",
	      .status = "waiting for Kafka at broker:9092" } },
	  "`Map -> Sink: Kafka` waits 95 % of the time for what lies outside, mostly in `Sink: Kafka` "
	  "(waiting for Kafka at broker:9092): it holds back `Source`" },
	{ "held back by one that has time: the way between them is slow",
	  { { "Source", SUBTASKS({ .10, .30, .60, 0 }), EDGES({ 1, .60 }) },
	    { "Sink", SUBTASKS({ .20, .80, 0, 0 }) } },
	  "`Source` is held back 60 % of the time by `Sink`, which is busy only 20 %: the way between them "
	  "is slow, or has too few buffers" },
	{ "all idle: the source says why",
	  { { "Source: Socket", SUBTASKS({ .01, .99, 0, 0 }), EDGES({ 1, 0 }),
	      .status = "waiting for localhost:9000" },
	    { "Sum", SUBTASKS({ .02, .98, 0, 0 }) } },
	  "`Source: Socket` is idle 99 %: waiting for localhost:9000" },
	{ "all idle: nothing comes",
	  { { "Source: Socket", SUBTASKS({ 0, 1, 0, 0 }), EDGES({ 1, 0 }) },
	    { "Sum", SUBTASKS({ 0, 1, 0, 0 }) } },
	  "`Source: Socket` is idle 100 %: it waits for more from outside" },
	{ "a source that is the slowest itself",
	  { { "Source", SUBTASKS({ .99, .01, 0, 0 }), EDGES({ 1, 0 }) },
	    { "Sink", SUBTASKS({ .30, .70, 0, 0 }) } },
	  "`Source` is busy 99 %: it is as fast as it can be, nothing holds it back" },
	{ "everybody has time",
	  { { "Source", SUBTASKS({ .30, .70, 0, 0 }), EDGES({ 1, .02 }) },
	    { "Sum", SUBTASKS({ .45, .55, 0, 0 }) } },
	  "`Sum` is busy 45 %: nothing holds it back" },
	{ "nothing runs any more",
	  { { "Source", SUBTASKS({ 0, 0, 0, 0 }), EDGES({ 1, 0 }), .says = "" },
	    { "Sink", SUBTASKS({ 0, 0, 0, 0 }), .says = "" } },
	  "" },
	{ "a diamond: the blame meets in the last vertex",
	  { { "Source", SUBTASKS({ .1, 0, .9, 0 }), EDGES({ 1, .5 }, { 2, .4 }) },
	    { "Left", SUBTASKS({ .2, 0, .8, 0 }), EDGES({ 3, .8 }) },
	    { "Right", SUBTASKS({ .3, 0, .7, 0 }), EDGES({ 3, .7 }) },
	    { "Join", SUBTASKS({ .96, .04, 0, 0 }),
	      .says = "`Join` is busy 96 %: it holds back `Left` and 2 more" } },
	  "`Join` is busy 96 %: it holds back `Left` and 2 more" },
	{ "sums of shares a little above one are no 101 %",
	  { { "Source", SUBTASKS({ 1.004, 0, 0, 0 }) } },
	  "`Source` is busy 100 %: it is as fast as it can be, nothing holds it back" },
};

static bool runs(const struct pressure_shares *shares)
{
	return shares->busy + shares->idle + shares->pressured > 0;
}

static void expect(const char *row, const char *what, const struct buf *said, const char *expected)
{
	const char *text = said->size_bytes > 0 ? said->data : "";

	if (expected != NULL && strcmp(text, expected) != 0)
		fail_msg("%s: of %s it says\n  %s\nand not\n  %s", row, what, text, expected);
}

static void each_job_has_its_sentence(void **state)
{
	for (size_t r = 0; r < ARRAY_COUNT(rows); r++) {
		struct pressure_vertex vertices[VERTICES_MAX] = { 0 };
		uint32_t count = 0;
		struct buf said;

		for (; count < VERTICES_MAX && rows[r].vertices[count].name != NULL; count++) {
			const struct row_vertex *from = &rows[r].vertices[count];

			vertices[count] = (struct pressure_vertex){
				.name = from->name,
				.status = from->status ? from->status : "",
				.operator = from->operator,
				.is_source = strncmp(from->name, "Source", 6) == 0,
				.edges = from->edges,
				.edges_count = from->edges_count,
			};
			for (uint32_t s = 0; s < from->subtasks_count; s++)
				pressure_vertex_add(&vertices[count],
						    runs(&from->subtasks[s]) ? &from->subtasks[s]
									     : NULL);
		}
		pressure_find(vertices, count);
		buf_init(&said);
		pressure_of_all(vertices, count, &said);
		expect(rows[r].name, "the job", &said, rows[r].says);
		for (uint32_t v = 0; v < count; v++) {
			buf_clear(&said);
			pressure_of_vertex(vertices, v, &said);
			expect(rows[r].name, vertices[v].name, &said, rows[r].vertices[v].says);
		}
		buf_fini(&said);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

static uint64_t random_state = 88172645463325252ull;

static double draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state % 1001) / 1000;
}

/* Whatever the numbers are: who is blamed stands behind, runs, and is blamed in words. */
static void any_numbers_have_an_answer(void **state)
{
	for (int round = 0; round < 2000; round++) {
		struct pressure_vertex vertices[VERTICES_MAX] = { 0 };
		struct pressure_edge edges[VERTICES_MAX][2];
		struct buf said;

		for (uint32_t v = 0; v < VERTICES_MAX; v++) {
			for (uint32_t e = 0; e < 2; e++)
				edges[v][e] = (struct pressure_edge){
					v + 1 + (uint32_t)(draw() * (VERTICES_MAX - 2 - v)), draw()
				};
			vertices[v] = (struct pressure_vertex){
				.name = "x", .status = "", .is_source = v == 0, .edges = edges[v],
				.edges_count = v + 1 < VERTICES_MAX ? 2 : 0
			};
			for (uint32_t s = 0; s < 3; s++) {
				struct pressure_shares shares = { draw(), draw(), draw(), draw() };

				pressure_vertex_add(&vertices[v], draw() < 0.1 ? NULL : &shares);
			}
		}
		pressure_find(vertices, VERTICES_MAX);
		buf_init(&said);
		for (uint32_t v = 0; v < VERTICES_MAX; v++) {
			buf_clear(&said);
			pressure_of_vertex(vertices, v, &said);
			assert_true((said.size_bytes > 0) == (vertices[v].running > 0));
			if (vertices[v].held)
				assert_true(vertices[v].culprit > v &&
					    vertices[vertices[v].culprit].running > 0);
		}
		buf_clear(&said);
		pressure_of_all(vertices, VERTICES_MAX, &said);
		assert_true(said.size_bytes > 0);
		buf_fini(&said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_has_its_sentence),
		cmocka_unit_test(any_numbers_have_an_answer),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
