/* SPDX-License-Identifier: Apache-2.0
 * picture_test.c - pictures are right, and a picture and its patches are the picture now: through
 * random numbers, restarts and lost TaskManagers. */
#include "tests/lib/cmocka_header.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/picture_test_bed.h"
#include "jobmanager/rest/rest_priv.h"
#include "tests/lib/dice.h"
#include "tests/lib/jobmanager_bed.h"

/* ---- looking -------------------------------------------------------------------------------- */

static json_t *read_json(const struct buf *text)
{
	json_error_t error;
	json_t *root = json_loadb(text->data, text->size_bytes, JSON_REJECT_DUPLICATES, &error);

	if (root == NULL)
		fail_msg("%s at %d: %.400s", error.text, error.position, text->data);
	return root;
}

/* An answer is what the table of answers says. */
static void expect_shape(const char *path, const json_t *root)
{
	struct rest_request *request = MEM_NEW(struct rest_request);
	char *bare = mem_strndup(path, strcspn(path, "?"));
	const struct rest_route *route;
	struct buf why;
	bool crooked;

	buf_init(&why);
	route = rest_route_find("GET", bare, request, &crooked);
	if (!shape_fits(root, rest_api_of(route)->gives, rest_shapes, &why))
		fail_msg("%s: %s", path, why.data);
	buf_fini(&why);
	rest_parameters_clear(request);
	mem_free(bare);
	mem_free(request);
}

static json_t *look(struct bed *bed, const char *format, ...)
{
	struct buf text;
	char path[256];
	va_list arguments;
	json_t *root;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	buf_init(&text);
	if (rest_look(bed->dispatcher, path, &text) != 200)
		fail_msg("%s: %.300s", path, text.data);
	root = read_json(&text);
	expect_shape(path, root);
	buf_fini(&text);
	return root;
}

static json_t *at(json_t *root, const char *path)
{
	char part[128];
	json_t *here = root;

	while (*path == '/') {
		size_t length = strcspn(++path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		here = json_is_array(here) ? json_array_get(here, strtoul(part, NULL, 10))
					   : json_object_get(here, part);
		if (here == NULL)
			fail_msg("no %s", path);
		path += length;
	}
	return here;
}

static double number_at(json_t *root, const char *path)
{
	assert_true(json_is_number(at(root, path)));
	return json_number_value(at(root, path));
}

/* The value in a row under the column's name; NULL: it is left out. */
static json_t *cell(json_t *picture, json_t *row, const char *column)
{
	json_t *columns = at(picture, "/columns"), *name;
	size_t i;

	json_array_foreach(columns, i, name)
	{
		if (strcmp(json_string_value(name), column) == 0)
			return json_array_get(row, i);
	}
	fail_msg("no column %s", column);
	return NULL;
}

static json_t *subtask_of(json_t *picture, const struct job_vertex *vertex, uint32_t subtask)
{
	char id[ID_TEXT_SIZE], path[128];

	snprintf(path, sizeof(path), "/vertices/%s/subtasks/%u", id_format(&vertex->id, id),
		 subtask);
	return at(picture, path);
}

/* ---- telling -------------------------------------------------------------------------------- */

struct teller { /* of one subtask's numbers */
	uint64_t sequence, task[TASK_COUNTERS], operators[4][OPERATOR_METRICS];
	uint64_t gauges[TASK_GAUGES];
};

static void tell(struct job_vertex *vertex, uint32_t subtask, struct teller *teller)
{
	Flink__TaskMetrics message = FLINK__TASK_METRICS__INIT;
	uint32_t ids[128];
	uint64_t values[128];
	struct err err = ERR_INIT;
	uint64_t known = vertex->figures.of != NULL ? vertex->figures.of[subtask].sequence : 0;
	bool fresh;
	size_t n = 0;

	if (known < teller->sequence) /* a new attempt counts from 0 */
		memset(teller, 0, sizeof(*teller));
	for (uint32_t k = 0; k < TASK_COUNTERS; k++, n++) {
		ids[n] = metric_id(METRIC_SCOPE_TASK, k);
		values[n] = teller->task[k];
	}
	for (uint32_t k = 0; k < TASK_GAUGES; k++, n++) {
		ids[n] = TASK_COUNTERS + k;
		values[n] = teller->gauges[k];
	}
	for (uint32_t o = 0; o < vertex->figures.plan.operators; o++)
		for (uint32_t k = 0; k < OPERATOR_METRICS; k++, n++) {
			ids[n] = metric_id(METRIC_SCOPE_OPERATOR + o, k);
			values[n] = teller->operators[o][k];
		}
	message.sequence = teller->sequence = known + 1;
	message.ids = ids;
	message.values = values;
	message.n_ids = message.n_values = n;
	int refused = figures_take(&vertex->figures, subtask, &message, &fresh, &err);

	if (refused != 0 || !fresh)
		fail_msg("%d refused, fresh %d: %s", refused, fresh, err.text);
}

/* Two seconds of its time, twice: 30 % busy (10 % of that waiting), 50 % idle, 20 % back-pressured,
 * 1000 records in and 500 out of it a second. */
static void work_for_four_seconds(struct job_vertex *vertex, uint32_t subtask)
{
	struct teller teller = { .sequence = 0 };

	teller.gauges[METRIC_IN_QUEUED - TASK_COUNTERS] = 3;
	teller.gauges[METRIC_OUT_HELD - TASK_COUNTERS] = 1;
	teller.gauges[METRIC_OUT_ALLOWED - TASK_COUNTERS] = 4;
	for (int i = 0; i < 2; i++) {
		teller.task[METRIC_RECORDS_IN] += 2000;
		teller.task[METRIC_RECORDS_OUT] += 1000;
		teller.task[METRIC_BYTES_IN] += 64000;
		teller.task[METRIC_BUSY_US] += 600000;
		teller.task[METRIC_IDLE_US] += 1000000;
		teller.task[METRIC_BACKPRESSURED_US] += 400000;
		teller.task[METRIC_WAITING_US] += 200000;
		teller.operators[0][OPERATOR_RECORDS_IN] += 2000;
		teller.operators[0][OPERATOR_RECORDS_OUT] += 1000;
		teller.operators[0][OPERATOR_BUSY_US] += 500000;
		tell(vertex, subtask, &teller);
	}
}

static struct bed *bed_with_job(struct job **job)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=100",
						"restart-strategy.fixed-delay.delay=10 ms", NULL };
	struct bed *bed = bed_create(7, settings);

	bed_taskmanager(bed, 0, 4);
	bed_taskmanager(bed, 1, 4);
	bed_until_slots(bed, 8, 1000);
	*job = bed_submit(bed, "wc", 2, 4, NULL);
	assert_non_null(*job);
	bed_until_running(bed, *job, 1000);
	return bed;
}

/* ---- one picture ---------------------------------------------------------------------------- */

static void its_numbers_are_those_of_the_other_answers(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	struct job_vertex *sum = &job->vertices[1];
	char id[ID_TEXT_SIZE], vertex_id[ID_TEXT_SIZE], path[128];
	json_t *picture, *page, *vertex, *row;

	work_for_four_seconds(sum, 1);
	work_for_four_seconds(sum, 3);
	picture = look(bed, "/jobs/%s/snapshot", id_format(&job->id, id));
	page = look(bed, "/jobs/%s", id);
	for (size_t v = 0; v < 2; v++) {
		snprintf(path, sizeof(path), "/vertices/%s",
			 id_format(&job->vertices[v].id, vertex_id));
		vertex = at(picture, path);
		json_t *told = json_array_get(at(page, "/vertices"), v);

		assert_true(json_equal(at(vertex, "/name"), at(told, "/name")));
		assert_true(json_equal(at(vertex, "/status"), at(told, "/status")));
		assert_true(json_equal(at(vertex, "/start-time"), at(told, "/start-time")));
		assert_true(json_equal(at(vertex, "/end-time"), at(told, "/end-time")));
		assert_true(
			json_equal(at(vertex, "/records-in"), at(told, "/metrics/read-records")));
		assert_true(json_equal(at(vertex, "/records-out"),
				       at(told, "/metrics/write-records")));
		assert_true(json_equal(at(vertex, "/bytes-in"), at(told, "/metrics/read-bytes")));
		assert_true(fabs(number_at(vertex, "/busy-max") - number_at(told, "/busy-ratio")) <
			    0.0006);
	}
	assert_true(number_at(vertex, "/records-in") == 8000);
	assert_true(number_at(vertex, "/records-in-rate") == 2000);
	assert_true(number_at(vertex, "/records-out-rate") == 1000);
	assert_true(number_at(vertex, "/busy-max") == 0.3);
	assert_true(number_at(vertex, "/busy-mean") == 0.15);
	assert_true(number_at(vertex, "/backpressured-max") == 0.2);
	assert_true(number_at(vertex, "/operators/0/records-out-rate") == 1000);
	assert_true(number_at(vertex, "/operators/0/busy-max") == 0.25);
	assert_true(number_at(vertex, "/operators/1/inputs/0") == 0);
	assert_true(number_at(vertex, "/tasks/4") == 4);
	assert_string_equal(json_string_value(at(picture, "/states/4")), "RUNNING");
	assert_string_equal(json_string_value(at(vertex, "/operators/1/kind")), "sink");
	row = subtask_of(picture, sum, 3);
	assert_int_equal(json_integer_value(cell(picture, row, "records-in")), 4000);
	assert_int_equal(json_integer_value(cell(picture, row, "records-in-rate")), 1000);
	assert_true(json_number_value(cell(picture, row, "busy")) == 0.3);
	assert_true(json_number_value(cell(picture, row, "idle")) == 0.5);
	assert_true(json_number_value(cell(picture, row, "backpressured")) == 0.2);
	assert_true(json_number_value(cell(picture, row, "waiting")) == 0.1);
	assert_int_equal(json_integer_value(cell(picture, row, "in-queue")), 3);
	assert_true(json_number_value(cell(picture, row, "out-usage")) == 0.25);
	assert_null(cell(picture, row, "status-text"));
	snprintf(path, sizeof(path), "/taskmanagers/%d/id",
		 (int)json_integer_value(cell(picture, row, "taskmanager")));
	assert_string_equal(json_string_value(at(picture, path)), sum->executions[3].resource_id);
	assert_string_equal(json_string_value(at(picture, "/edges/0/ship_strategy")), "HASH");
	assert_string_equal(json_string_value(at(picture, "/edges/0/target")), vertex_id);
	assert_string_equal(json_string_value(at(picture, "/job/jid")), id);
	assert_true(json_equal(at(picture, "/job/bottleneck"), at(page, "/bottleneck")));
	json_decref(picture);
	json_decref(page);
	bed_destroy(bed);
}

static void what_an_operator_says_is_in_its_row(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	struct execution *execution = &job->vertices[0].executions[1];
	char id[ID_TEXT_SIZE];
	json_t *picture, *row;

	for (uint32_t i = 0; i < 2; i++) {
		struct fake_taskmanager *fake = bed->taskmanagers[i];

		snprintf(fake->status_text, sizeof(fake->status_text),
			 "waiting for \"localhost\":9000");
		fake_heartbeat(fake);
	}
	bed_pass(bed, 100);
	execution->blocking = true;
	picture = look(bed, "/jobs/%s/snapshot", id_format(&job->id, id));
	row = subtask_of(picture, &job->vertices[0], 1);
	assert_string_equal(json_string_value(cell(picture, row, "status-text")),
			    "waiting for \"localhost\":9000");
	assert_true(json_is_true(cell(picture, row, "blocking")));
	assert_true(json_is_null(cell(picture, row, "watermark")));
	assert_int_equal(json_array_size(row), json_array_size(at(picture, "/columns")));
	json_decref(picture);
	bed_destroy(bed);
}

static void the_cluster_is_told_as_its_pages_tell_it(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	char id[ID_TEXT_SIZE], path[128];
	json_t *picture = look(bed, "/snapshot"), *overview = look(bed, "/overview"), *of;

	assert_true(json_equal(at(picture, "/cluster"), overview));
	assert_int_equal(json_object_size(at(picture, "/jobs")), 1);
	assert_int_equal(json_object_size(at(picture, "/taskmanagers")), 2);
	snprintf(path, sizeof(path), "/jobs/%s", id_format(&job->id, id));
	of = at(picture, path);
	assert_string_equal(json_string_value(at(of, "/name")), "wc");
	assert_string_equal(json_string_value(at(of, "/state")), "RUNNING");
	assert_true(number_at(of, "/tasks/4") == 6);
	assert_true(number_at(picture, "/taskmanagers/tm0/slots") == 4);
	assert_true(number_at(picture, "/taskmanagers/tm0/free-slots") +
			    number_at(picture, "/taskmanagers/tm1/free-slots") ==
		    4);
	json_decref(picture);
	json_decref(overview);
	bed_destroy(bed);
}

static void hot_spots_are_ranked_and_told(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	struct job_vertex *sum = &job->vertices[1];
	char id[ID_TEXT_SIZE];
	json_t *spots;

	spots = look(bed, "/jobs/%s/metrics/top-n", id_format(&job->id, id));
	assert_int_equal(json_array_size(at(spots, "/busy")), 0); /* nothing was told */
	assert_int_equal(json_array_size(at(spots, "/skewed")), 0);
	json_decref(spots);
	work_for_four_seconds(sum, 1);
	work_for_four_seconds(sum, 3);
	spots = look(bed, "/jobs/%s/metrics/top-n?top=1", id);
	assert_int_equal(json_array_size(at(spots, "/busy")), 1);
	assert_true(number_at(spots, "/busy/0/subtask") == 1);
	assert_true(number_at(spots, "/busy/0/value") == 0.3);
	assert_string_equal(json_string_value(at(spots, "/busy/0/text")),
			    "`Sum -> Sink: Print` (2/4) is busy 30 %, 33 % of that waiting for what "
			    "lies outside");
	assert_string_equal(json_string_value(at(spots, "/backpressured/0/text")),
			    "`Sum -> Sink: Print` (2/4) is held back 20 % of its time");
	/* 0, 1000, 0, 1000: each is 500 from their mean, 500. */
	assert_true(number_at(spots, "/skewed/0/value") == 100);
	assert_string_equal(json_string_value(at(spots, "/skewed/0/text")),
			    "`Sum -> Sink: Print` gets its records unevenly (skew 100 %): subtask 2 "
			    "of 4 gets 50 % of them");
	assert_string_equal(json_string_value(at(spots, "/operators/0/text")),
			    "`Sum` takes 25 % of its busiest subtask's time");
	assert_int_equal(json_array_size(at(spots, "/lagging")), 0);
	json_decref(spots);
	spots = look(bed, "/jobs/%s/metrics/top-n", id);
	assert_int_equal(json_array_size(at(spots, "/busy")), 2);
	json_decref(spots);
	bed_destroy(bed);
}

static void operators_are_told_whatever_they_are_chained_to(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	char id[ID_TEXT_SIZE];
	json_t *told;

	work_for_four_seconds(&job->vertices[1], 0);
	told = look(bed, "/jobs/%s/operators", id_format(&job->id, id));
	assert_int_equal(json_array_size(at(told, "/operators")), 3);
	assert_string_equal(json_string_value(at(told, "/operators/0/name")), "Source: Numbers");
	assert_int_equal(json_array_size(at(told, "/operators/0/inputs")), 0);
	assert_string_equal(json_string_value(at(told, "/operators/1/name")), "Sum");
	assert_true(json_equal(at(told, "/operators/1/inputs/0/id"), at(told, "/operators/0/id")));
	assert_string_equal(json_string_value(at(told, "/operators/1/inputs/0/ship_strategy")),
			    "HASH");
	assert_true(number_at(told, "/operators/1/records-in") == 4000);
	assert_true(number_at(told, "/operators/1/records-out-rate") == 500);
	assert_string_equal(json_string_value(at(told, "/operators/2/kind")), "sink");
	assert_true(json_equal(at(told, "/operators/2/inputs/0/id"), at(told, "/operators/1/id")));
	json_decref(told);
	bed_destroy(bed);
}

static void skew_is_flinks_score(void **state)
{
	static const struct {
		double values[5], skew;
	} cases[] = {
		{ { 1, 1, 1, 5, 10 }, 86.7 }, { { 5, 5, 5, 5, 5 }, 0 }, { { 4, 5, 5, 5, 5 }, 6.7 },
		{ { 0, 0, 0, 0, 0 }, 0 },     { { 0, 0, 0, 0, 9 }, 100 },
	};

	for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
		struct rest_aggregates of = { .count = 0 };

		for (size_t i = 0; i < 5; i++)
			rest_aggregate(&of, cases[c].values[i]);
		for (size_t i = 0; i < 5; i++)
			rest_aggregate_again(&of, cases[c].values[i]);
		assert_true(fabs(rest_aggregate_skew(&of) - cases[c].skew) < 0.05);
	}
}

/* ---- patches -------------------------------------------------------------------------------- */

static bool has_null_member(json_t *value)
{
	const char *key;
	json_t *inner;

	json_object_foreach(value, key, inner)
	{
		if (json_is_null(inner) || has_null_member(inner))
			return true;
	}
	return false;
}

struct follower {
	struct picture_memory *memory;
	json_t *picture;
	const struct job *job; /* NULL: the cluster's */
	struct bed *bed;
	uint32_t told; /* last */
};

static json_t *draw(struct follower *follower, struct picture_memory *memory, bool whole)
{
	struct picture_out out;
	struct json_out json;
	struct buf text;
	json_t *root;

	buf_init(&text);
	json_out_init(&json, &text);
	json_out_object(&json, NULL);
	picture_begin(&out, &json, memory, whole);
	if (follower->job != NULL)
		picture_of_job(follower->job, &out);
	else
		picture_of_cluster(follower->bed->dispatcher, &out);
	json_out_close(&json);
	json_out_check(&json);
	root = read_json(&text);
	follower->told = out.told;
	assert_true((out.told == 0) == (text.size_bytes == 2));
	buf_fini(&text);
	return root;
}

static struct follower follow(struct bed *bed, const struct job *job)
{
	struct follower follower = { .bed = bed, .job = job };

	follower.memory = picture_memory_create();
	follower.picture = draw(&follower, follower.memory, true);
	return follower;
}

/* The next patch, and whether picture and patches are the picture now. */
static void catch_up(struct follower *follower)
{
	json_t *now, *patch = draw(follower, follower->memory, false);
	uint32_t told = follower->told;

	merge_patch(follower->picture, patch);
	now = draw(follower, NULL, true);
	if (!json_equal(follower->picture, now))
		fail_msg("a patch of %u units: %.300s leaves\n%.3000s\nand it is\n%.3000s", told,
			 json_dumps(patch, JSON_COMPACT),
			 json_dumps(follower->picture, JSON_COMPACT),
			 json_dumps(now, JSON_COMPACT));
	assert_false(has_null_member(now));
	json_decref(now);
	json_decref(patch);
	follower->told = told;
}

static void leave(struct follower *follower)
{
	picture_memory_destroy(&follower->memory);
	json_decref(follower->picture);
}

static void a_patch_holds_the_units_that_changed_and_no_other(void **state)
{
	struct job *job;
	struct bed *bed = bed_with_job(&job);
	struct follower follower = follow(bed, job);
	json_t *patch;
	char id[ID_TEXT_SIZE], path[128];

	catch_up(&follower);
	assert_int_equal(follower.told, 0);
	job->vertices[1].executions[2].blocking = true;
	patch = draw(&follower, follower.memory, false);
	assert_int_equal(follower.told, 1);
	assert_int_equal(json_object_size(patch), 1);
	snprintf(path, sizeof(path), "/vertices/%s", id_format(&job->vertices[1].id, id));
	assert_int_equal(json_object_size(at(patch, path)), 1);
	assert_int_equal(json_object_size(at(at(patch, path), "/subtasks")), 1);
	assert_true(json_is_array(at(at(patch, path), "/subtasks/2")));
	json_decref(patch);
	leave(&follower);
	bed_destroy(bed);
}

static void change_a_number(struct job *job, struct teller tellers[2][4], uint64_t *dice)
{
	uint32_t v = below(dice, 2), s = below(dice, job->vertices[v].message->parallelism);
	struct execution *execution = &job->vertices[v].executions[s];
	struct teller *teller = &tellers[v][s];

	if (one_in(dice, 4)) {
		execution->blocking = !execution->blocking;
		return;
	}
	for (uint32_t k = 0; k < TASK_COUNTERS; k++)
		if (one_in(dice, 3))
			teller->task[k] += below(dice, 1000000);
	for (uint32_t k = 0; k < TASK_GAUGES; k++)
		teller->gauges[k] = below(dice, 3);
	teller->operators[0][below(dice, OPERATOR_METRICS)] += below(dice, 5000);
	tell(&job->vertices[v], s, teller);
}

/* A machine dies and comes back: tasks move, TaskManagers go and come. */
static void lose_a_taskmanager(struct bed *bed, struct job *job, struct follower *followers,
			       uint64_t *dice)
{
	uint32_t number = below(dice, 2);

	bed_kill(bed, number);
	for (int i = 0; i < 4; i++) {
		bed_pass(bed, between(dice, 1, 100));
		catch_up(&followers[0]);
		catch_up(&followers[1]);
	}
	bed_pass(bed, 6000); /* forgotten */
	catch_up(&followers[1]);
	bed_taskmanager(bed, number, 4);
	bed_until_running(bed, job, 5000);
}

static void a_picture_and_its_patches_are_the_picture_now(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct teller tellers[2][4];
		uint64_t dice = seed;
		struct job *job;
		struct bed *bed = bed_with_job(&job);
		struct follower followers[2] = { follow(bed, job), follow(bed, NULL) };

		memset(tellers, 0, sizeof(tellers));
		for (int round = 0; round < 40; round++) {
			for (uint32_t n = below(&dice, 6); n > 0; n--)
				change_a_number(job, tellers, &dice);
			if (one_in(&dice, 10))
				bed_submit(bed, "another", 1, 1, NULL);
			if (one_in(&dice, 15))
				lose_a_taskmanager(bed, job, followers, &dice);
			catch_up(&followers[0]);
			catch_up(&followers[1]);
		}
		leave(&followers[0]);
		leave(&followers[1]);
		bed_destroy(bed);
	}
}

static void jobs_that_are_forgotten_leave_the_picture(void **state)
{
	static const char *const settings[] = { "jobstore.max-capacity=1", NULL };
	struct bed *bed = bed_create(9, settings);
	struct follower follower = follow(bed, NULL);
	struct job *first = bed_submit(bed, "first", 1, 1, NULL);
	struct err err = ERR_INIT;

	catch_up(&follower);
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &first->id, &err), 0);
	bed_until_status(bed, first, JOB_CANCELED, 1000);
	catch_up(&follower);
	struct job *second = bed_submit(bed, "second", 1, 1, NULL);

	assert_int_equal(dispatcher_cancel(bed->dispatcher, &second->id, &err), 0);
	bed_pass(bed, 1000);
	catch_up(&follower);
	assert_int_equal(json_object_size(at(follower.picture, "/jobs")), 1);
	leave(&follower);
	bed_destroy(bed);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_numbers_are_those_of_the_other_answers),
		cmocka_unit_test(what_an_operator_says_is_in_its_row),
		cmocka_unit_test(the_cluster_is_told_as_its_pages_tell_it),
		cmocka_unit_test(hot_spots_are_ranked_and_told),
		cmocka_unit_test(operators_are_told_whatever_they_are_chained_to),
		cmocka_unit_test(skew_is_flinks_score),
		cmocka_unit_test(a_patch_holds_the_units_that_changed_and_no_other),
		cmocka_unit_test(a_picture_and_its_patches_are_the_picture_now),
		cmocka_unit_test(jobs_that_are_forgotten_leave_the_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
