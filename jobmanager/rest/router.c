/* SPDX-License-Identifier: Apache-2.0
 * router.c - the table of routes and how a path meets it. Every route exists bare and under /v1. */
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

#define VERTEX "/jobs/:jobid/vertices/:vertexid"
#define TASKMANAGER "/taskmanagers/:taskmanagerid"

const struct rest_route rest_routes[] = {
	{ "GET", "/config", rest_config, false },
	{ "GET", "/overview", rest_overview, false },
	{ "GET", "/jobs", rest_jobs, false },
	{ "GET", "/jobs/overview", rest_jobs_overview, false },
	{ "POST", "/jobs", rest_submit, true },
	{ "PUT", "/artifacts/:sha256", rest_put_artifact, true },
	{ "GET", "/jobs/:jobid", rest_job, false },
	{ "PATCH", "/jobs/:jobid", rest_job_cancel, false },
	{ "GET", "/jobs/:jobid/yarn-cancel", rest_job_yarn_cancel, false },
	{ "GET", "/jobs/:jobid/status", rest_job_status, false },
	{ "GET", "/jobs/:jobid/config", rest_job_config, false },
	{ "GET", "/jobs/:jobid/plan", rest_job_plan, false },
	{ "GET", "/jobs/:jobid/exceptions", rest_job_exceptions, false },
	{ "GET", "/jobs/:jobid/accumulators", rest_job_accumulators, false },
	{ "GET", "/jobs/:jobid/execution-result", rest_job_execution_result, false },
	{ "GET", "/jobs/:jobid/output", rest_job_output, false },
	{ "GET", "/jobs/:jobid/metrics", rest_job_metrics, false },
	{ "GET", "/jobs/:jobid/checkpoints", rest_job_checkpoints, false },
	{ "GET", "/jobs/:jobid/checkpoints/config", rest_job_checkpoints_config, false },
	{ "GET", "/jobs/:jobid/resource-requirements", rest_job_resource_requirements, false },
	{ "PATCH", "/jobs/:jobid/clientHeartbeat", rest_job_client_heartbeat, false },
	{ "GET", VERTEX, rest_vertex, false },
	{ "GET", VERTEX "/subtasktimes", rest_vertex_subtasktimes, false },
	{ "GET", VERTEX "/taskmanagers", rest_vertex_taskmanagers, false },
	{ "GET", VERTEX "/accumulators", rest_vertex_accumulators, false },
	{ "GET", VERTEX "/watermarks", rest_vertex_watermarks, false },
	{ "GET", VERTEX "/backpressure", rest_vertex_backpressure, false },
	{ "GET", VERTEX "/metrics", rest_vertex_metrics, false },
	{ "GET", VERTEX "/subtasks/metrics", rest_vertex_subtasks_metrics, false },
	{ "GET", VERTEX "/subtasks/accumulators", rest_vertex_subtasks_accumulators, false },
	{ "GET", VERTEX "/subtasks/:subtaskindex", rest_vertex_subtask, false },
	{ "GET", VERTEX "/subtasks/:subtaskindex/metrics", rest_vertex_metrics, false },
	{ "GET", "/taskmanagers", rest_taskmanagers, false },
	{ "GET", TASKMANAGER, rest_taskmanager, false },
	{ "GET", TASKMANAGER "/metrics", rest_taskmanager_metrics, false },
	{ "GET", TASKMANAGER "/logs", rest_taskmanager_logs, false },
	{ "GET", TASKMANAGER "/logs/:filename", rest_taskmanager_file, false },
	{ "GET", TASKMANAGER "/log", rest_taskmanager_log, false },
	{ "GET", TASKMANAGER "/stdout", rest_taskmanager_stdout, false },
	{ "GET", TASKMANAGER "/thread-dump", rest_taskmanager_thread_dump, false },
	{ "GET", "/jobmanager/config", rest_jobmanager_config, false },
	{ "GET", "/jobmanager/environment", rest_jobmanager_environment, false },
	{ "GET", "/jobmanager/metrics", rest_jobmanager_metrics, false },
	{ "GET", "/jobmanager/logs", rest_jobmanager_logs, false },
	{ "GET", "/jobmanager/logs/:filename", rest_jobmanager_file, false },
	{ "GET", "/jobmanager/log", rest_jobmanager_log, false },
	{ "GET", "/jobmanager/stdout", rest_jobmanager_stdout, false },
	{ "GET", "/jobmanager/thread-dump", rest_jobmanager_thread_dump, false },
	{ "GET", "/jars", rest_jars, false },
	{ NULL, NULL, NULL, false },
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *rest_decode(const char *text, size_t length)
{
	char *out = mem_alloc(length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '%' && i + 2 < length + 0 && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
			out[used++] = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
			i += 2;
		} else {
			out[used++] = text[i] == '+' ? ' ' : text[i];
		}
	}
	return out;
}

static void add_parameter(struct rest_request *request, const char *name, size_t name_length,
			  const char *value, size_t value_length)
{
	CHECK(request->parameters_count < REST_PARAMETERS_MAX, "%u path parameters",
	      request->parameters_count);
	struct rest_parameter *parameter = &request->parameters[request->parameters_count++];

	parameter->name = mem_strndup(name, name_length);
	parameter->value = rest_decode(value, value_length);
}

static void clear_parameters(struct rest_request *request)
{
	for (uint32_t i = 0; i < request->parameters_count; i++) {
		mem_free((void *)(uintptr_t)request->parameters[i].name);
		mem_free(request->parameters[i].value);
	}
	request->parameters_count = 0;
}

/* Segment by segment; a ":name" takes any one segment that is not empty. */
static bool matches(const char *pattern, const char *path, struct rest_request *request)
{
	clear_parameters(request);
	while (*pattern == '/' && *path == '/') {
		size_t pattern_length = strcspn(++pattern, "/"), path_length = strcspn(++path, "/");

		if (pattern[0] == ':') {
			if (path_length == 0)
				return false;
			add_parameter(request, pattern + 1, pattern_length - 1, path, path_length);
		} else if (pattern_length != path_length || memcmp(pattern, path, path_length) != 0) {
			return false;
		}
		pattern += pattern_length;
		path += path_length;
	}
	return *pattern == '\0' && *path == '\0';
}

const struct rest_route *rest_route_find(const char *method, const char *path,
					 struct rest_request *request, bool *known_path)
{
	*known_path = false;
	if (strncmp(path, "/v1/", 4) == 0)
		path += 3;
	for (const struct rest_route *route = rest_routes; route->method != NULL; route++) {
		if (!matches(route->pattern, path, request))
			continue;
		*known_path = true;
		if (strcmp(route->method, method) == 0)
			return route;
	}
	clear_parameters(request);
	return NULL;
}

const char *rest_parameter(const struct rest_request *request, const char *name)
{
	for (uint32_t i = 0; i < request->parameters_count; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return NULL;
}

char *rest_query(const struct rest_request *request, const char *name)
{
	size_t name_length = strlen(name);

	for (const char *at = request->query; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, "&");

		if (length > name_length && strncmp(at, name, name_length) == 0 && at[name_length] == '=')
			return rest_decode(at + name_length + 1, length - name_length - 1);
		at += length + (at[length] == '&');
	}
	return NULL;
}

int64_t rest_query_int(const struct rest_request *request, const char *name, int64_t otherwise)
{
	char *text = rest_query(request, name), *end;
	int64_t value = otherwise;

	if (text != NULL) {
		long long parsed = strtoll(text, &end, 10);
		if (end != text && *end == '\0')
			value = parsed;
	}
	mem_free(text);
	return value;
}
