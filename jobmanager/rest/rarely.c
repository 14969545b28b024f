/* SPDX-License-Identifier: Apache-2.0
 * rarely.c - ending the cluster, and addresses that only some clients of Flink know: coordinators
 * of operators, and what a history server is asked for. */
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

/* The answer goes out while the JobManager ends, as those under way do. */
void rest_shutdown_cluster(struct rest *rest, struct rest_request *request)
{
	if (rest->ask_stop == NULL) {
		rest_answer_error(request, 501,
				  "This JobManager is part of another program, which ends it.");
		return;
	}
	log_info(REST_LOGGER, "Asked over REST to shut the cluster down.");
	rest->ask_stop();
	rest_answer_empty(request, 200);
}

/* ---- legacy --------------------------------------------------------------------------------- */

void rest_job_yarn_stop(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		rest_refuse_mode_stop(request);
}

/* ---- coordinators of operators -------------------------------------------------------------- */

/* In Flink the collect sink's clients fetch results here. Enumerators, the coordinators there are,
 * take no requests of clients. */
void rest_job_coordinator(struct rest *rest, struct rest_request *request)
{
	const char *text = rest_parameter(request, "operatorid");
	struct job *job = rest_find_job(rest, request);
	struct id id;

	if (job == NULL)
		return;
	if (!id_parse(text, &id))
		rest_bad_parameter(request, "path", "operatorid", text);
	else
		rest_answer_error(
			request, 404,
			"Coordinator of operator %s does not exist or the job vertex this operator "
			"belongs to is not initialized.",
			text);
}

void rest_vertex_jm_operator_metrics(struct rest *rest, struct rest_request *request)
{
	rest_answer_metrics(request, NULL, 0); /* enumerators have none of their own */
}

/* ---- as a history server would answer: the job's JobManager is this one ---------------------- */

void rest_job_jobmanager_config(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		rest_jobmanager_config(rest, request);
}

void rest_job_jobmanager_environment(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		rest_jobmanager_environment(rest, request);
}

/* A percent-encoded path segment. */
static void add_segment(struct buf *into, const char *text)
{
	static const char plain[] = "-._~:";

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
				(c >= 'A' && c <= 'Z') || strchr(plain, c) != NULL;

		buf_printf(into, is_plain ? "%c" : "%%%02X", c);
	}
}

/* taskmanager: NULL, of the JobManager. */
static void answer_log_url(struct rest *rest, struct rest_request *request, const char *taskmanager)
{
	struct buf url;

	buf_init(&url);
	buf_printf(&url, "http://%s:%u/", conf_text(rest->conf, "rest.address"),
		   (unsigned)rest->port);
	if (taskmanager != NULL) {
		buf_add_text(&url, "taskmanagers/");
		add_segment(&url, taskmanager);
	} else {
		buf_add_text(&url, "jobmanager");
	}
	buf_add_text(&url, "/log");
	json_out_object(&request->json, NULL);
	json_out_text(&request->json, "url", url.data);
	json_out_close(&request->json);
	buf_fini(&url);
	rest_answer(request, 200);
}

void rest_job_jobmanager_log_url(struct rest *rest, struct rest_request *request)
{
	if (rest_find_job(rest, request) != NULL)
		answer_log_url(rest, request, NULL);
}

void rest_job_taskmanager_log_url(struct rest *rest, struct rest_request *request)
{
	const struct taskmanager_info *info;

	if (rest_find_job(rest, request) == NULL)
		return;
	info = rest_find_taskmanager(rest, request);
	if (info != NULL)
		answer_log_url(rest, request, info->resource_id);
}
