/* SPDX-License-Identifier: Apache-2.0
 * prometheus_test.c - /metrics holds what Prometheus' text format asks for, whatever things are
 * called, tells the numbers of the other answers, and stays within its bounds. */
#include "tests/lib/cmocka_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "jobmanager/rest/rest.h"
#include "tests/lib/jobmanager_bed.h"

/* ---- the format, by its description ---------------------------------------------------------- */

struct lint {
	struct map *families; /* name -> its type, of those that have begun */
	struct map *samples;  /* name and labels */
	char family[256], type[16];
	uint32_t samples_count;
};

static size_t name_length(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_:");

	return length > 0 && (text[0] < '0' || text[0] > '9') ? length : 0;
}

/* Past the labels; NULL: they are wrong. */
static const char *past_labels(const char *at)
{
	while (*at != '}') {
		size_t length = name_length(at);

		if (length == 0 || strncmp(at + length, "=\"", 2) != 0)
			return NULL;
		for (at += length + 2; *at != '"'; at++) {
			if (*at == '\\' && strchr("\\\"n", *++at) == NULL)
				return NULL;
			if (*at == '\0')
				return NULL;
		}
		at++;
		if (*at == ',')
			at++;
		else if (*at != '}')
			return NULL;
	}
	return at + 1;
}

static bool belongs(const struct lint *lint, const char *line, size_t length)
{
	size_t family = strlen(lint->family);

	if (length < family || strncmp(line, lint->family, family) != 0)
		return false;
	if (length == family)
		return true;
	return strcmp(lint->type, "summary") == 0 &&
	       ((length == family + 4 && strncmp(line + family, "_sum", 4) == 0) ||
		(length == family + 6 && strncmp(line + family, "_count", 6) == 0));
}

static void check_sample(struct lint *lint, const char *line)
{
	size_t length = name_length(line);
	const char *labels = line[length] == '{' ? past_labels(line + length + 1) : NULL;
	char *end;

	if (!belongs(lint, line, length))
		fail_msg("not of the family %s: %s", lint->family, line);
	if (labels == NULL || *labels != ' ')
		fail_msg("its labels are wrong: %s", line);
	if (map_put(lint->samples, bytes_of(line, (size_t)(labels - line)), lint) != NULL)
		fail_msg("told twice: %s", line);
	strtod(labels + 1, &end);
	if (end == labels + 1 || *end != '\0')
		fail_msg("no number: %s", line);
	lint->samples_count++;
}

static void check_line(struct lint *lint, const char *line)
{
	char name[256];

	if (!utf8_valid(line, strlen(line)))
		fail_msg("no UTF-8: %s", line);
	if (sscanf(line, "# HELP %255s ", name) == 1) {
		if (map_put(lint->families, bytes_of_text(name), lint) != NULL)
			fail_msg("%s begins twice", name);
		snprintf(lint->family, sizeof(lint->family), "%s", name);
		lint->type[0] = '\0';
	} else if (sscanf(line, "# TYPE %255s %15s", name, lint->type) == 2) {
		assert_string_equal(name, lint->family);
		if (strcmp(lint->type, "counter") != 0 && strcmp(lint->type, "gauge") != 0 &&
		    strcmp(lint->type, "summary") != 0)
			fail_msg("no type: %s", line);
	} else if (line[0] != '#') {
		if (lint->type[0] == '\0')
			fail_msg("no TYPE before: %s", line);
		check_sample(lint, line);
	}
}

static uint32_t check(const struct buf *text)
{
	struct lint lint = { .families = map_create(), .samples = map_create() };
	char *copy = mem_strdup(text->data), *line = copy;

	assert_int_equal(strlen(copy), text->size_bytes);
	assert_int_equal(copy[text->size_bytes - 1], '\n');
	while (*line != '\0') {
		char *end = strchr(line, '\n');

		*end = '\0';
		check_line(&lint, line);
		line = end + 1;
	}
	mem_free(copy);
	map_destroy(&lint.families);
	map_destroy(&lint.samples);
	return lint.samples_count;
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void ask(struct bed *bed, const char *path, struct buf *text)
{
	buf_init(text);
	assert_int_equal(rest_look(bed->dispatcher, path, text), 200);
	check(text);
}

static void expect(const struct buf *text, const char *part)
{
	if (strstr(text->data, part) == NULL)
		fail_msg("lacks %s in\n%.6000s", part, text->data);
}

static void a_cluster_without_jobs_is_told(void **state)
{
	struct bed *bed = bed_create(3, NULL);
	struct buf text;

	bed_taskmanager(bed, 0, 4);
	bed_until_slots(bed, 4, 1000);
	ask(bed, "/metrics", &text);
	expect(&text, "# HELP flink_jobmanager_taskSlotsTotal taskSlotsTotal (scope: jobmanager)\n"
		      "# TYPE flink_jobmanager_taskSlotsTotal gauge\n"
		      "flink_jobmanager_taskSlotsTotal{host=\"");
	expect(&text, "\nflink_jobmanager_numSubtasksLeftOut{host=\"localhost\",} 0\n");
	expect(&text, "# TYPE flink_taskmanager_Status_JVM_CPU_Time counter\n"
		      "flink_taskmanager_Status_JVM_CPU_Time{host=\"tm0\",tm_id=\"tm0\",} ");
	buf_fini(&text);
	bed_destroy(bed);
}

static void names_from_outside_are_escaped(void **state)
{
	struct bed *bed = bed_create(4, NULL);
	struct buf text;
	struct job *job;

	bed_taskmanager(bed, 0, 4);
	bed_until_slots(bed, 4, 1000);
	job = bed_submit(bed, "a \"b\\}{,= \xed\x95\x9c", 2, 2, NULL);
	assert_non_null(job);
	bed_until_running(bed, job, 1000);
	bed->taskmanagers[0]->records = 1500;
	fake_heartbeat(bed->taskmanagers[0]);
	bed_pass(bed, 100);
	ask(bed, "/metrics", &text);
	expect(&text, "job_name=\"a \\\"b\\\\}{,= \xed\x95\x9c\",");
	expect(&text, "# TYPE flink_taskmanager_job_task_numRecordsIn counter\n");
	expect(&text, "task_name=\"Sum -> Sink: Print\",subtask_index=\"1\",task_attempt_num=\"0\",}"
		      " 1500\n");
	expect(&text, "operator_name=\"Sink: Print\",} 0\n");
	expect(&text, "# TYPE flink_taskmanager_job_task_operator_numRecordsOutPerSecond gauge\n");
	expect(&text, "\nflink_taskmanager_job_task_buffers_inPoolUsage{host=\"tm0\",tm_id=\"tm0\",");
	expect(&text, "\nflink_taskmanager_job_task_output_backPressuredTimeMsPerSecond{");
	expect(&text, "\nflink_jobmanager_job_numRestarts{host=\"localhost\",job_id=\"");
	buf_fini(&text);
	bed_destroy(bed);
}

/* As if a TaskManager had them all. */
static void place(struct job *job, const char *endpoint, uint32_t state)
{
	for (size_t v = 0; v < job->graph->n_vertices; v++)
		for (uint32_t i = 0; i < job->vertices[v].message->parallelism; i++) {
			struct execution *execution = &job->vertices[v].executions[i];

			job->vertices[v].counts[execution->state]--;
			job->vertices[v].counts[execution->state = state]++;
			execution->resource_id = execution->endpoint = endpoint;
		}
}

static size_t count(const struct buf *text, const char *part)
{
	size_t found = 0;

	for (const char *at = text->data; (at = strstr(at, part)) != NULL; at++)
		found++;
	return found;
}

static void so_many_subtasks_are_told_and_no_more(void **state)
{
	struct bed *bed = bed_create(5, NULL);
	struct job *job = bed_submit(bed, "wide", 30, 1200, NULL);
	struct buf text;

	assert_non_null(job);
	place(job, "there:1", EXECUTION_RUNNING);
	ask(bed, "/metrics", &text);
	expect(&text, "# 230 subtasks come after these 1000: ask for them with from=1000\n");
	expect(&text, "\nflink_jobmanager_numSubtasksLeftOut{host=\"localhost\",} 230\n");
	assert_int_equal(count(&text, "\nflink_taskmanager_job_task_numRecordsIn{"), 1000);
	assert_true(text.size_bytes < 32 * 1024 * 1024);
	buf_fini(&text);
	ask(bed, "/metrics?from=1000", &text);
	assert_int_equal(count(&text, "\nflink_taskmanager_job_task_numRecordsIn{"), 230);
	assert_int_equal(count(&text, "flink_jobmanager_"), 0);
	expect(&text, "subtask_index=\"1199\"");
	buf_fini(&text);
	ask(bed, "/metrics?from=9", &text);
	assert_int_equal(count(&text, "\nflink_taskmanager_job_task_numRecordsIn{"), 1000);
	buf_fini(&text);
	place(job, NULL, EXECUTION_SCHEDULED);
	bed_destroy(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cluster_without_jobs_is_told),
		cmocka_unit_test(names_from_outside_are_escaped),
		cmocka_unit_test(so_many_subtasks_are_told_and_no_more),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
