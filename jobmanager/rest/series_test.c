/* SPDX-License-Identifier: Apache-2.0
 * series_test.c - numbers over time, as REST tells them, of jobs on scripted TaskManagers in
 * simulated time: what is right, what is missing, what is refused. */
#include "tests/lib/cmocka_header.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/json_out.h"
#include "jobmanager/rest/rest.h"
#include "jobmanager/rest/series.h"
#include "jobmanager/series/sampler.h"
#include "tests/lib/jobmanager_bed.h"

static const char *const restarts[] = { "restart-strategy.type=fixed-delay",
					"restart-strategy.fixed-delay.attempts=9",
					"restart-strategy.fixed-delay.delay=3 s", NULL };

/* ---- asking ---------------------------------------------------------------------------------- */

static struct bed *bed;
static struct job *job;
static struct fake_taskmanager *fake;

static json_t *ask(int status, const char *format, ...)
{
	char path[1024];
	va_list arguments;
	struct buf answer;
	json_error_t error;
	json_t *root;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	buf_init(&answer);
	if (rest_look(bed->dispatcher, path, &answer) != status)
		fail_msg("%s: not %d: %.300s", path, status, answer.data);
	root = json_loadb(answer.data, answer.size_bytes, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		fail_msg("%s: %s: %.300s", path, error.text, answer.data);
	buf_fini(&answer);
	return root;
}

static void refuse(int status, const char *part, const char *path)
{
	json_t *root = ask(status, "%s", path);
	const char *text = json_string_value(json_array_get(json_object_get(root, "errors"), 0));

	if (text == NULL || strstr(text, part) == NULL)
		fail_msg("%s: \"%s\", not \"%s\"", path, text, part);
	json_decref(root);
}

static const char *job_path(const char *rest)
{
	static char path[512];
	char id[ID_TEXT_SIZE];

	snprintf(path, sizeof(path), "/jobs/%s/series%s", id_format(&job->id, id), rest);
	return path;
}

static const char *vertex_id(uint32_t index)
{
	static char ids[2][ID_TEXT_SIZE];

	return id_format(&job->vertices[index].id, ids[index]);
}

/* The last `count` points of a series of the job, of a second each. */
static void last_points(const char *name, size_t count, double *points)
{
	json_t *root = ask(200, "%s%s&step=1s", job_path("?get="), name), *point;
	const json_t *series = json_object_get(json_object_get(root, "series"), name);
	size_t size = json_array_size(series), i;

	if (size < count)
		fail_msg("%s has %zu points", name, size);
	json_array_foreach(series, i, point)
	{
		/* The second under way has no number yet if it began just now. */
		if (i + count >= size)
			points[i + count - size] =
				json_is_null(point) ? -1 : json_number_value(point);
	}
	json_decref(root);
}

/* What it was a second ago; -1: null. */
static double last_of(const char *format, ...)
{
	char name[128];
	va_list arguments;
	double points[2];

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	last_points(name, 2, points);
	return points[0];
}

/* 1000 records a second of each task, which is busy for half of its time. */
static void work(struct fake_taskmanager *who)
{
	who->records_each = 500;
	who->times_each[0] = who->times_each[1] = 250000;
}

/* One source, two sums. */
static void begin(const char *const *settings)
{
	log_set_level(LOG_ERROR);
	bed = bed_create(1, settings);
	fake = bed_taskmanager(bed, 0, 4);
	bed_until_slots(bed, 4, 1000);
	work(fake);
	job = bed_submit(bed, "Numbers", 1, 2, restarts);
	assert_non_null(job);
	bed_until_running(bed, job, 1000);
}

static void end(void)
{
	bed_destroy(bed);
	assert_int_equal(mem_bytes_out(), 0);
}

static void fail_a_task(const char *text)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_USER_FUNCTION_FAILED, "%s", text);
	fake_report(fake, fake_task_find(fake, 1, 1), "FAILED", &err);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_vertex_is_the_sum_or_the_largest_of_its_subtasks(void **state)
{
	begin(NULL);
	bed_pass(bed, 10000);
	assert_int_equal(last_of("%s.numRecordsInPerSecond", vertex_id(0)), 1000);
	assert_int_equal(last_of("%s.numRecordsInPerSecond", vertex_id(1)), 2000);
	assert_int_equal(last_of("%s.1.numRecordsInPerSecond", vertex_id(1)), 1000);
	assert_int_equal(last_of("%s.busyTimeMsPerSecond", vertex_id(1)), 500);
	assert_int_equal(last_of("%s.busyTimeMsPerSecond.avg", vertex_id(1)), 500);
	assert_int_equal(last_of("%s.0.idleTimeMsPerSecond", vertex_id(1)), 500);
	assert_int_equal(last_of("%s.0.backPressuredTimeMsPerSecond", vertex_id(1)), 0);
	assert_int_equal(last_of("numRunningTasks"), 3);
	assert_int_equal(last_of("numRestarts"), 0);
	end();
}

static void answers_have_the_form_that_is_described(void **state)
{
	json_t *root;

	begin(NULL);
	bed_pass(bed, 20000);
	root = ask(200, "%s", job_path(""));
	/* 2 of the job; of 2 vertices 12 each and 8 patterns each. */
	assert_int_equal(json_array_size(json_object_get(root, "names")), 2 + 2 * (12 + 8));
	assert_true(json_is_integer(json_object_get(root, "begin")));
	assert_true(json_is_array(json_object_get(root, "markers")));
	assert_int_equal(json_array_size(json_object_get(root, "missing")), 0);
	json_decref(root);

	root = ask(200, "%s", job_path("?get=numRestarts,numRestarts,what&step=10s&from=1234567&to=1250000"));
	assert_int_equal(json_integer_value(json_object_get(root, "from")), 1230000);
	assert_int_equal(json_integer_value(json_object_get(root, "step")), 10000);
	assert_int_equal(json_object_size(json_object_get(root, "series")), 1);
	json_decref(root);

	/* Every subtask of every vertex. */
	root = ask(200, "%s", job_path("?get=*.*.busyTimeMsPerSecond"));
	assert_int_equal(json_object_size(json_object_get(root, "series")), 3);
	json_decref(root);
	root = ask(200, "%s", job_path("?get=*.busyTimeMsPerSecond,num*"));
	assert_int_equal(json_object_size(json_object_get(root, "series")), 2 + 2);
	json_decref(root);
	end();
}

static void what_cannot_be_answered_is_refused_with_numbers(void **state)
{
	static const struct {
		const char *query, *part;
	} cases[] = {
		{ "?get=numRestarts&step=1500", "step is \"1500\"" },
		{ "?get=numRestarts&step=0", "step is \"0\"" },
		{ "?get=numRestarts&step=-1s", "step is \"-1s\"" },
		{ "?get=numRestarts&step=99999999999d", "step is" },
		{ "?get=numRestarts&from=x", "query parameter (from)" },
		{ "?get=numRestarts&to=-5", "query parameter (to)" },
		{ "?get=numRestarts&from=99999999999999&to=1", "lies behind" },
		{ "?get=numRestarts&from=0&step=1s", "at most 2000 are given" },
		{ "?get=numRestarts&from=99999999999999999999", "query parameter (from)" },
		{ "?get=numRestarts&to=9e9", "query parameter (to)" },
		{ "?get=numRestarts&step=", "step is \"\"" },
		{ "?get=numRestarts&step=401d", "step is \"401d\"" },
		{ "?get=*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*", "more than 16 patterns" },
	};

	begin(NULL);
	bed_pass(bed, 5000);
	sim_clock_jump(bed->jobmanager_world, 10000000);
	bed_pass(bed, 5000);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		refuse(400, cases[i].part, job_path(cases[i].query));
	refuse(400, "jobid", "/jobs/nonsense/series");
	refuse(404, "not found", "/jobs/00000000000000000000000000000001/series");
	refuse(404, "not found", "/taskmanagers/nobody/series");
	end();
}

static void a_failure_is_a_gap_and_two_markers(void **state)
{
	static const char *const kinds[] = { "failure", "restart" };
	double points[20];
	json_t *root, *markers;
	size_t gaps = 0;

	begin(NULL);
	bed_pass(bed, 10000);
	fail_a_task("word 'x' is too short");
	bed_pass(bed, 10000);
	last_points(arena_printf(bed->arena, "%s.numRecordsInPerSecond", vertex_id(1)), 20, points);
	for (size_t i = 1; i < 19; i++)
		gaps += points[i] < 0;
	/* Three seconds of waiting; and there is nothing new in the first heartbeats. */
	assert_in_range(gaps, 3, 5);
	assert_int_equal(last_of("numRestarts"), 1);
	root = ask(200, "%s", job_path(""));
	markers = json_object_get(root, "markers");
	assert_int_equal(json_array_size(markers), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *marker = json_array_get(markers, i);

		assert_string_equal(json_string_value(json_object_get(marker, "kind")), kinds[i]);
		assert_in_range(json_integer_value(json_object_get(marker, "at")),
				job->start_ms + 9000, job->start_ms + 16000);
	}
	assert_string_equal(json_string_value(json_object_get(json_array_get(markers, 0), "text")),
			    "Sum -> Sink: Print (2/2): word 'x' is too short");
	json_decref(root);
	end();
}

static const char *const patient[] = { "heartbeat.timeout=100 s", NULL };

static void who_says_nothing_has_no_numbers(void **state)
{
	begin(patient);
	bed_pass(bed, 10000);
	fake->mute = true;
	bed_pass(bed, 4000);
	assert_int_equal(last_of("%s.numRecordsInPerSecond", vertex_id(1)), 2000);
	bed_pass(bed, 6000);
	assert_int_equal(last_of("%s.numRecordsInPerSecond", vertex_id(1)), -1);
	assert_int_equal(last_of("%s.0.busyTimeMsPerSecond", vertex_id(1)), -1);
	assert_int_equal(last_of("numRunningTasks"), 3); /* as far as is known */
	fake->mute = false;
	bed_pass(bed, 4000);
	assert_int_equal(last_of("%s.numRecordsInPerSecond", vertex_id(1)), 2000);
	end();
}

static void a_job_that_ended_keeps_its_series_until_it_is_forgotten(void **state)
{
	static const char *const settings[] = { "jobstore.expiration-time=60", NULL };
	struct err err = ERR_INIT;
	struct id id;
	json_t *root;
	char text[ID_TEXT_SIZE];

	begin(settings);
	bed_pass(bed, 10000);
	id = job->id;
	assert_int_equal(dispatcher_cancel(bed->dispatcher, &job->id, &err), 0);
	bed_until_status(bed, job, JOB_CANCELED, 5000);
	bed_pass(bed, 30000);
	root = ask(200, "%s%s.numRecordsInPerSecond&step=1s", job_path("?get="), vertex_id(1));
	size_t there = 0, i;
	json_t *point;

	json_array_foreach(json_object_get(json_object_get(root, "series"),
					   arena_printf(bed->arena, "%s.numRecordsInPerSecond",
							vertex_id(1))),
			   i, point)
	{
		there += json_is_number(point);
	}
	assert_in_range(there, 7, 11);
	json_decref(root);
	bed_pass(bed, 40000);
	assert_null(dispatcher_find(bed->dispatcher, &id));
	assert_null(sampler_job(dispatcher_sampler(bed->dispatcher), &id));
	refuse(404, "not found",
	       arena_printf(bed->arena, "/jobs/%s/series", id_format(&id, text)));
	end();
}

static void an_archive_has_all_but_single_subtasks(void **state)
{
	struct json_out json;
	struct buf text;
	json_t *root, *series, *values;
	const char *name;

	begin(NULL);
	bed_pass(bed, 100000);
	buf_init(&text);
	json_out_init(&json, &text);
	assert_true(rest_series_write_job(&json, bed->dispatcher, job));
	json_out_check(&json);
	root = json_loadb(text.data, text.size_bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	series = json_object_get(root, "series");
	assert_int_equal(json_object_size(series), 2 + 2 * 12);
	assert_int_equal(json_integer_value(json_object_get(root, "step")), 1000);
	json_object_foreach(series, name, values)
		assert_in_range(json_array_size(values), 100, 103);
	json_decref(root);
	buf_fini(&text);
	end();
}

static void a_clock_that_is_set_leaves_a_gap_or_a_fold(void **state)
{
	double points[5];
	json_t *root;

	begin(NULL);
	bed_pass(bed, 10000);
	sim_clock_jump(bed->jobmanager_world, 3600 * 1000);
	bed_pass(bed, 10000);
	last_points("numRunningTasks", 5, points);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(points[i], 3);
	/* Ten seconds before the jump are there, an hour and a bit ago. */
	root = ask(200, "%s%lld", job_path("?get=numRunningTasks&step=60s&from="),
		   (long long)job->start_ms);
	json_t *series = json_object_get(json_object_get(root, "series"), "numRunningTasks"),
	       *point;
	size_t i, there = 0;

	json_array_foreach(series, i, point) there += json_is_number(point);
	assert_in_range(json_array_size(series), 60, 62);
	assert_in_range(there, 2, 3);
	json_decref(root);
	/* Back by more than there ever was. */
	sim_clock_jump(bed->jobmanager_world, -3 * 3600 * 1000);
	bed_pass(bed, 5000);
	json_decref(ask(200, "%s", job_path("?get=numRunningTasks")));
	end();
}

static void processes_have_series_also_when_they_are_gone(void **state)
{
	json_t *root;

	begin(NULL);
	bed_pass(bed, 10000);
	root = ask(200, "/jobmanager/series?get=taskSlotsTotal,taskSlotsAvailable,numRunningJobs,"
			"numRegisteredTaskManagers&step=1s");
	const json_t *series = json_object_get(root, "series");
	size_t last = json_array_size(json_object_get(series, "taskSlotsTotal")) - 2;

	assert_int_equal(json_object_size(series), 4);
	assert_int_equal(json_integer_value(
				 json_array_get(json_object_get(series, "taskSlotsTotal"), last)),
			 4);
	assert_int_equal(json_integer_value(json_array_get(
				 json_object_get(series, "taskSlotsAvailable"), last)),
			 2);
	json_decref(root);
	fake->heap_bytes = 100 << 20;
	fake->cpu_ms_each = fake->cpu_ms = FAKE_HEARTBEAT_MS / 2;
	bed_pass(bed, 10000);
	root = ask(200, "/taskmanagers/tm0/series?get=Status.JVM.CPU.Load,taskSlotsAvailable,"
			"Status.JVM.Memory.Heap.Used&step=1s");
	series = json_object_get(root, "series");
	last = json_array_size(json_object_get(series, "taskSlotsAvailable")) - 2;
	/* Half of one of its cores; heartbeats come when they come. */
	double load = json_number_value(
		json_array_get(json_object_get(series, "Status.JVM.CPU.Load"), last));
	const struct taskmanager_info *info = resource_manager_find(
		dispatcher_resource_manager(bed->dispatcher), "tm0");

	assert_in_range(load * 1000 * info->cpu_cores, 490, 510);
	assert_int_equal(json_integer_value(json_array_get(
				 json_object_get(series, "Status.JVM.Memory.Heap.Used"), last)),
			 104900000); /* in three digits and a half */
	json_decref(root);
	bed_kill(bed, 0);
	bed_pass(bed, 20000);
	assert_true(list_empty(resource_manager_taskmanagers(
		dispatcher_resource_manager(bed->dispatcher))));
	root = ask(200, "/taskmanagers/tm0/series");
	assert_int_equal(json_array_size(json_object_get(root, "names")), 6);
	assert_true(json_is_integer(json_object_get(root, "begin")));
	json_decref(root);
	end();
}

static const char *const none[] = { "rest.series.memory=0", NULL };

static void nothing_is_kept_where_that_is_asked_for(void **state)
{
	begin(none);
	bed_pass(bed, 3000);
	assert_null(dispatcher_sampler(bed->dispatcher));
	refuse(404, "rest.series.memory: 0", job_path("?get=numRestarts"));
	refuse(404, "rest.series.memory: 0", "/jobmanager/series");
	end();
}

static const char *const little[] = { "rest.series.memory=128 kb", NULL };
static const char *const forgetful[] = { "jobstore.max-capacity=0", NULL };
static const char *const hardly_any[] = { "rest.series.memory=40 kb", NULL };

static void what_is_not_kept_is_told(void **state)
{
	json_t *root;
	const char *text;

	begin(little);
	bed_pass(bed, 5000);
	root = ask(200, "%s", job_path("?get=*.*.busyTimeMsPerSecond"));
	assert_int_equal(json_object_size(json_object_get(root, "series")), 0);
	text = json_string_value(json_array_get(json_object_get(root, "missing"), 0));
	assert_string_equal(text, "Series of single subtasks are not kept: the job has 3, and "
				  "rest.series.memory of 128 KiB is for at most 1.");
	json_decref(root);
	end();
}

/* Its subtasks take several steps of the sampler, between which it is cancelled and forgotten. */
static void a_wide_job_may_go_at_any_moment(void **state)
{
	json_t *root;

	begin(forgetful);
	for (int64_t ms = 1; ms < 3000; ms += 171) {
		struct job *wide = bed_submit(bed, "Wide", 2000, 2000, NULL);
		struct err err = ERR_INIT;
		struct id id;
		char text[ID_TEXT_SIZE];

		if (wide == NULL)
			fail_msg("%s", bed->err.text);
		id = wide->id;
		id_format(&id, text);
		json_decref(ask(200, "/jobs/%s/series?get=numRunningTasks", text));
		bed_pass(bed, 2000);
		root = ask(200, "/jobs/%s/series?get=*.numRecordsInPerSecond", text);
		assert_int_equal(json_object_size(json_object_get(root, "series")), 2);
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(root, "missing"), 0)),
			"Series of single subtasks are not kept: the job has 4000, and "
			"rest.series.memory of 65536 KiB is for at most 512.");
		json_decref(root);
		bed_pass(bed, ms);
		assert_int_equal(dispatcher_cancel(bed->dispatcher, &id, &err), 0);
		bed_pass(bed, 2000);
		refuse(404, "not found", arena_printf(bed->arena, "/jobs/%s/series", text));
		assert_null(sampler_job(dispatcher_sampler(bed->dispatcher), &id));
	}
	assert_int_equal(last_of("numRunningTasks"), 3);
	end();
}

static void an_afternoon_stays_within_the_budget(void **state)
{
	const struct series_store *store;
	json_t *root;

	begin(hardly_any);
	store = sampler_store(dispatcher_sampler(bed->dispatcher));
	for (int i = 0; i < 4 * 60; i++) {
		bed_pass(bed, 60000);
		assert_true(series_store_bytes(store) <= series_store_budget(store));
	}
	assert_int_equal(last_of("numRunningTasks"), 3);
	root = ask(200, "%s", job_path(""));
	assert_string_equal(json_string_value(json_array_get(json_object_get(root, "missing"), 1)),
			    "The oldest points were given up: rest.series.memory of 40 KiB is used up.");
	json_decref(root);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vertex_is_the_sum_or_the_largest_of_its_subtasks),
		cmocka_unit_test(answers_have_the_form_that_is_described),
		cmocka_unit_test(what_cannot_be_answered_is_refused_with_numbers),
		cmocka_unit_test(a_failure_is_a_gap_and_two_markers),
		cmocka_unit_test(who_says_nothing_has_no_numbers),
		cmocka_unit_test(a_job_that_ended_keeps_its_series_until_it_is_forgotten),
		cmocka_unit_test(an_archive_has_all_but_single_subtasks),
		cmocka_unit_test(a_clock_that_is_set_leaves_a_gap_or_a_fold),
		cmocka_unit_test(processes_have_series_also_when_they_are_gone),
		cmocka_unit_test(nothing_is_kept_where_that_is_asked_for),
		cmocka_unit_test(what_is_not_kept_is_told),
		cmocka_unit_test(a_wide_job_may_go_at_any_moment),
		cmocka_unit_test(an_afternoon_stays_within_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
