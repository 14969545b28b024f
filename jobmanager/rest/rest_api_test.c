/* SPDX-License-Identifier: Apache-2.0
 * rest_api_test.c - what bodies may hold; triggers that complete later; addresses of 2.x and of
 * history servers; ending the cluster: of a real JobManager over a real socket. */
#include "jobmanager/rest/rest_test_bed.h"

#include "jobmanager/rest/rest_priv.h"

#define NOBODY "00000000000000000000000000000001"

/* ---- the notation --------------------------------------------------------------------------- */

static const struct shape_name test_names[] = { { "Pair", "{a:i b?:s}" }, { NULL, NULL } };

static void expect_fit(const char *shape, const char *json, const char *why)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	struct buf text;

	buf_init(&text);
	assert_non_null(value);
	assert_null(shape_slip(shape, test_names));
	bool fits = shape_fits(value, shape, test_names, &text);

	if (fits != (why == NULL) || (why != NULL && strcmp(text.data, why) != 0))
		fail_msg("%s in %s: %s", json, shape, fits ? "fits" : text.data);
	buf_fini(&text);
	json_decref(value);
}

static void shapes_say_what_fits(void **state)
{
	expect_fit("s", "\"x\"", NULL);
	expect_fit("s", "1", "the value is no text");
	expect_fit("s", "null", "the value is no text");
	expect_fit("s?", "null", NULL);
	expect_fit("i", "1.5", "the value is no whole number");
	expect_fit("f", "1", NULL);
	expect_fit("f", "\"NaN\"", NULL);
	expect_fit("f", "\"Inf\"", "the value is no number");
	expect_fit("b", "1", "the value is neither true nor false");
	expect_fit("id", "\"" NOBODY "\"", NULL);
	expect_fit("id", "\"abc\"", "the value is not 32 hex digits");
	expect_fit("any", "[null]", NULL);
	expect_fit("'a|bc'", "\"bc\"", NULL);
	expect_fit("'a|bc'", "\"b\"", "the value is none of a|bc");
	expect_fit("{}", "{}", NULL);
	expect_fit("{}", "[]", "the value is no object");
	expect_fit("{}", "{\"x\":1}", "x is no field of it");
	expect_fit("{a:{b:[i]}}", "{\"a\":{\"b\":[1,2,\"3\"]}}", "a.b.2 is no whole number");
	expect_fit("{a:i b?:s?}", "{\"a\":1}", NULL);
	expect_fit("{a:i b?:s?}", "{\"b\":null}", "a is missing");
	expect_fit("<[Pair]>", "{\"x\":[{\"a\":1},{\"a\":2,\"b\":\"\"}],\"y\":[]}", NULL);
	expect_fit("<[Pair]>", "{\"x\":[{\"a\":1,\"c\":2}]}", "x.0.c is no field of it");
	expect_fit("Pair?", "null", NULL);
	expect_fit("{p:Pair? q:'x|y'?}", "{\"p\":null,\"q\":null}", NULL);
	assert_non_null(shape_slip("{a}", test_names));
	assert_non_null(shape_slip("{a:i", test_names));
	assert_non_null(shape_slip("[Nobody]", test_names));
	assert_non_null(shape_slip("<i", test_names));
}

static void every_route_has_one_row_and_no_row_is_for_nothing(void **state)
{
	size_t routes = 0, rows = 0;

	for (const struct rest_route *route = rest_routes; route->method != NULL; route++) {
		const struct rest_api *api = rest_api_of(route);

		if (api == NULL)
			fail_msg("api_table.c lacks %s %s", route->method, route->pattern);
		bool has_shape = api->body != NULL && strchr(api->body, '/') == NULL;

		assert_int_equal(has_shape, route->body == REST_FIELDS);
		routes++;
	}
	for (const struct rest_api *api = rest_apis; api->method != NULL; api++) {
		char *query = mem_printf("{%s}", api->query ? api->query : "");
		const char *slip = shape_slip(query, rest_shapes);

		if (slip == NULL && strchr(api->gives, '/') == NULL)
			slip = shape_slip(api->gives, rest_shapes);
		if (slip == NULL && api->body != NULL && strchr(api->body, '/') == NULL)
			slip = shape_slip(api->body, rest_shapes);
		if (slip != NULL)
			fail_msg("%s %s: %s", api->method, api->pattern, slip);
		mem_free(query);
		rows++;
	}
	for (const struct shape_name *named = rest_shapes; named->name != NULL; named++)
		if (shape_slip(named->shape, rest_shapes) != NULL)
			fail_msg("%s: %s", named->name, shape_slip(named->shape, rest_shapes));
	assert_int_equal(routes, rows);
}

static void count_references(const json_t *value, const json_t *schemas, size_t *count)
{
	const char *key, *to;
	json_t *item;
	size_t i;

	json_array_foreach(value, i, item) count_references(item, schemas, count);
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		to = strcmp(key, "$ref") == 0 ? json_string_value(item) : NULL;
		if (to != NULL && (strncmp(to, "#/components/schemas/", 21) != 0 ||
				   json_object_get(schemas, to + 21) == NULL))
			fail_msg("%s leads nowhere", to);
		*count += to != NULL;
		count_references(item, schemas, count);
	}
}

static void the_api_describes_itself(void **state)
{
	struct reply reply = get("/openapi.json");
	size_t operations = 0, references = 0;
	const char *path;
	json_t *methods;

	assert_string_equal(text_at(&reply, "/openapi"), "3.1.0");
	json_object_foreach(at(reply.json, "/paths"), path, methods)
	{
		assert_null(strchr(path, ':'));
		operations += json_object_size(methods);
	}
	for (const struct rest_route *route = rest_routes; route->method != NULL; route++)
		operations--;
	assert_int_equal(operations, 0);
	count_references(reply.json, at(reply.json, "/components/schemas"), &references);
	assert_true(references > 100);
	methods = json_object_get(at(reply.json, "/paths"), "/jobs/{jobid}/vertices/{vertexid}");
	assert_string_equal(json_string_value(at(methods, "/get/operationId")),
			    "getJobsJobidVerticesVertexid");
	assert_string_equal(json_string_value(at(methods, "/get/parameters/1/name")), "vertexid");
	assert_string_equal(json_string_value(at(methods, "/get/parameters/1/schema/pattern")),
			    "^[0-9a-f]{32}$");
	methods = json_object_get(at(reply.json, "/paths"), "/jobs/{jobid}/stop");
	methods = json_object_get(at(methods, "/post/requestBody/content"), "application/json");
	assert_string_equal(json_string_value(json_object_get(at(methods, "/schema"), "$ref")),
			    "#/components/schemas/StopWithSavepointRequestBody");
	reply_free(&reply);
}

/* ---- triggers ------------------------------------------------------------------------------- */

static struct reply post(const char *url, const char *body)
{
	return ask_with("POST", url, NULL, body, strlen(body));
}

static const char *start_job(void)
{
	const char *job;

	start_taskmanager("tm:1/+x", 4);
	job = submit("wc", 2, 2);
	await_text(url_of("/jobs/%s", job), "/vertices/1/status", "RUNNING");
	return job;
}

static void expect_accepted(struct reply reply, const char *wanted_id)
{
	if (reply.status != 202)
		fail_msg("%d %s", reply.status, reply.body.data);
	if (wanted_id != NULL)
		assert_string_equal(text_at(&reply, "/request-id"), wanted_id);
	assert_int_equal(strlen(text_at(&reply, "/request-id")), 32);
	reply_free(&reply);
}

static void a_savepoint_fails_with_a_reason_and_cancels_nothing(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/savepoints", job);
	struct reply reply = post(url, "");

	expect_error(&reply, 400, "RestHandlerException: Config key [state.savepoints.dir] is not "
				  "set. Property [target-directory] must be provided.");
	reply = post(url_of("/jobs/%s/stop", job), "{\"drain\":true}");
	expect_error(&reply, 400, "Property [targetDirectory] must be provided.");
	expect_accepted(post(url, "{\"target-directory\":\"/tmp/s\",\"cancel-job\":true,"
				  "\"formatType\":\"NATIVE\",\"triggerId\":\"" NOBODY "\"}"),
			NOBODY);
	reply = get("%s/%s", url, NOBODY);
	assert_int_equal(reply.status, 200);
	assert_string_equal(text_at(&reply, "/status/id"), "COMPLETED");
	assert_non_null(strstr(text_at(&reply, "/operation/failure-cause/stack-trace"),
			       "takes no checkpoints, so the job is not cancelled"));
	assert_string_equal(text_at(&reply, "/operation/failure-cause/class"), "ERR_NOT_YET");
	reply_free(&reply);
	reply = get("/jobs/%s/status", job);
	expect_body(&reply, 200, "{\"status\":\"RUNNING\"}");
}

/* The same id is the same operation: also for stop, which is asked about in the same place. */
static void a_trigger_id_means_one_operation(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/savepoints", job);
	struct reply reply;

	expect_accepted(post(url, "{\"target-directory\":\"/tmp/s\",\"triggerId\":\"" NOBODY "\"}"),
			NOBODY);
	expect_accepted(post(url_of("/jobs/%s/stop", job),
			     "{\"targetDirectory\":\"/tmp/s\",\"triggerId\":\"" NOBODY "\"}"),
			NOBODY);
	reply = get("%s/%s", url, NOBODY);
	assert_non_null(strstr(text_at(&reply, "/operation/failure-cause/stack-trace"),
			       "; the job goes on")); /* the first one's words */
	reply_free(&reply);
	reply = get("/jobs/%s/checkpoints/%s", job, NOBODY); /* another kind */
	expect_error(&reply, 404, "NotFoundException: Operation not found under key: ");
	reply = get("/jobs/%s/savepoints/%s", NOBODY, NOBODY); /* another job's */
	expect_error(&reply, 404, "Operation not found under key: ");
	reply = get("/jobs/%s/savepoints/x", job);
	expect_error(&reply, 400, "path parameter (triggerid) from value \"x\"");
}

static void a_checkpoint_fails_with_a_reason(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/checkpoints", job), *id;
	struct reply reply = post(url, "{\"checkpointType\":\"FULL\"}");

	assert_int_equal(reply.status, 202);
	id = arena_strdup(arena, text_at(&reply, "/request-id"));
	reply_free(&reply);
	reply = get("%s/%s", url, id);
	assert_non_null(strstr(text_at(&reply, "/operation/failureCause/stack-trace"),
			       "no checkpoint of job"));
	reply_free(&reply);
	reply = ask("PATCH", url_of("/jobs/%s", job));
	reply_free(&reply);
	await_text(url_of("/jobs/%s/status", job), "/status", "CANCELED");
	expect_accepted(post(url, "{\"triggerId\":\"" NOBODY "\"}"), NOBODY);
	reply = get("%s/%s", url, NOBODY);
	assert_non_null(strstr(text_at(&reply, "/operation/failureCause/stack-trace"),
			       "is CANCELED: nothing is left to take a checkpoint of"));
	reply_free(&reply);
	reply = get("%s/details/7", url);
	expect_error(&reply, 404, "Could not find checkpointing statistics for checkpoint 7.");
	reply = get("%s/details/-7", url);
	expect_error(&reply, 400, "path parameter (checkpointid) from value \"-7\"");
	reply = get("%s/details/7/subtasks/%s", url, NOBODY);
	expect_error(&reply, 404, "JobVertex " NOBODY " not found");
}

static void a_savepoint_is_not_disposed_of(void **state)
{
	struct reply reply = post("/savepoint-disposal", "{}");
	const char *id;

	expect_error(&reply, 400, "Field savepoint-path must not be omitted or be null.");
	reply = post("/savepoint-disposal", "{\"savepoint-path\":\"file:/tmp/sp-1\"}");
	assert_int_equal(reply.status, 200);
	id = arena_strdup(arena, text_at(&reply, "/request-id"));
	reply_free(&reply);
	reply = get("/savepoint-disposal/%s", id);
	assert_non_null(strstr(text_at(&reply, "/operation/failure-cause/stack-trace"),
			       "file:/tmp/sp-1 was not touched"));
	reply_free(&reply);
}

static int start_forgetful(void **state)
{
	static const char *const settings[] = { "rest.async.store-duration=1 ms",
						"state.savepoints.dir=file:///tmp/savepoints",
						NULL };

	start_with(settings);
	return 0;
}

static void outcomes_are_forgotten_in_time(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/savepoints", job);
	mono_t until = mono_after_ms(world_now(world), DEADLINE_S * 1000);
	struct timespec moment = { .tv_nsec = 1000000 };
	int status;

	expect_accepted(post(url, "{\"triggerId\":\"" NOBODY "\"}"), NOBODY); /* a folder is set */
	do {
		struct reply reply = get("%s/%s", url, NOBODY);

		status = reply.status;
		reply_free(&reply);
		nanosleep(&moment, NULL);
	} while (status == 200 && world_now(world) < until);
	assert_int_equal(status, 404);
}

static void the_newest_outcomes_are_kept(void **state)
{
	struct operations operations;
	struct err err = ERR_INIT;
	struct id job = { { 1 } }, trigger = { { 0 } };
	bool fresh;

	operations_init(&operations);
	err_set(&err, ERR_NOT_YET, "no");
	for (uint32_t i = 0; i < OPERATIONS_MAX + 5; i++) {
		memcpy(trigger.bytes, &i, sizeof(i));
		struct operation *operation = operations_begin(&operations, OPERATION_SAVEPOINT,
							       &job, &trigger, &fresh);

		assert_true(fresh);
		operations_fail(&operations, operation, &err, 0, 1000);
	}
	assert_int_equal(map_count(operations.by_key), OPERATIONS_MAX);
	assert_non_null(operations_find(&operations, OPERATION_SAVEPOINT, &job, &trigger));
	uint32_t first = 4;

	memcpy(trigger.bytes, &first, sizeof(first));
	assert_null(operations_find(&operations, OPERATION_SAVEPOINT, &job, &trigger));
	operations_fini(&operations);
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void trigger_bodies_are_read_strictly(void **state)
{
	const char *job = start_job(), *savepoints = url_of("/jobs/%s/savepoints", job),
		   *stop_url = url_of("/jobs/%s/stop", job),
		   *checkpoints = url_of("/jobs/%s/checkpoints", job);
	const struct {
		const char *url, *body, *part;
	} cases[] = {
		{ savepoints, "{\"x\":1}", "SavepointTriggerRequestBody: x is no field of it." },
		{ savepoints, "{\"targetDirectory\":\"/s\"}", "targetDirectory is no field" },
		{ savepoints, "{\"target-directory\":1}", "target-directory is no text" },
		{ savepoints, "{\"cancel-job\":\"yes\"}", "cancel-job is neither true nor false" },
		{ savepoints, "{\"formatType\":\"native\"}", "is none of CANONICAL|NATIVE" },
		{ savepoints, "{\"triggerId\":\"1\"}", "triggerId is not 32 hex digits" },
		{ savepoints, "[]", "the value is no object" },
		{ savepoints, "{", "SavepointTriggerRequestBody: " },
		{ stop_url, "{\"target-directory\":\"/s\"}", "StopWithSavepointRequestBody: " },
		{ checkpoints, "{\"checkpointType\":\"SMALL\"}", "is none of CONFIGURED|FULL" },
		{ "/savepoint-disposal", "{\"savepoint-path\":[]}", "savepoint-path is no text" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct reply reply = post(cases[i].url, cases[i].body);

		expect_error(&reply, 400, "Request did not match expected format ");
		reply = post(cases[i].url, cases[i].body);
		expect_error(&reply, 400, cases[i].part);
	}
	struct reply upload = ask_with("POST", savepoints,
				       "Content-Type: multipart/form-data; boundary=x\r\n",
				       "--x--\r\n", 7);

	expect_error(&upload, 400, "File uploads not allowed.");
	char *large = arena_alloc(arena, 70000);

	memset(large, ' ', 70000);
	struct reply reply = ask_with("POST", savepoints, NULL, large, 70000);

	expect_error(&reply, 400, "it has 70000 bytes, more than 65536");
}

static void parallelism_is_changed_by_the_adaptive_scheduler_alone(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/resource-requirements", job);
	struct reply reply = get("%s", url);
	char *body = arena_strdup(arena, reply.body.data), *at_bound;

	reply_free(&reply);
	reply = ask_with("PUT", url, NULL, body, strlen(body));
	assert_string_equal(text_at(&reply, "/errors/0"), "Internal server error.");
	assert_non_null(strstr(text_at(&reply, "/errors/1"),
			       "The DefaultScheduler does not support changing the parallelism"));
	assert_int_equal(reply.status, 500); /* as Flink's */
	reply_free(&reply);
	reply = ask("PUT", url);
	expect_error(&reply, 400, "Request body does not specify resource requirements.");
	reply = ask_with("PUT", url, NULL, "{\"x\":1}", 7);
	expect_error(&reply, 400, "JobResourceRequirementsBody: x is no object");
	const char *stranger =
		"{\"" NOBODY "\":{\"parallelism\":{\"lowerBound\":1,\"upperBound\":1}}}";

	reply = ask_with("PUT", url, NULL, stranger, strlen(stranger));
	expect_error(&reply, 400, "Job vertex " NOBODY " was not found in the job.");
	at_bound = strstr(body, "\"upperBound\":2");
	assert_non_null(at_bound);
	at_bound[strlen("\"upperBound\":")] = '0';
	reply = ask_with("PUT", url, NULL, body, strlen(body));
	expect_error(&reply, 400, "the bounds are 2 to 0");
	reply = ask("PATCH", url_of("/jobs/%s/rescaling?parallelism=2", job));
	expect_error(&reply, 503, "Rescaling is temporarily disabled. See FLINK-12312.");
	reply = get("/jobs/%s/rescales/overview", job);
	expect_error(&reply, 404, "AdaptiveScheduler rescales was not enabled for job ");
}

/* ---- attached clients ----------------------------------------------------------------------- */

static void expect_heartbeat(const char *job, int64_t until)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"expiredTimestamp\":%lld}", (long long)until);
	struct reply reply = ask_with("PATCH", url_of("/jobs/%s/clientHeartbeat", job), NULL, body,
				      strlen(body));

	expect_body(&reply, 202, "{}");
}

static void a_job_whose_client_stays_away_is_cancelled(void **state)
{
	const char *job = start_job(), *url = url_of("/jobs/%s/status", job);
	struct reply reply;

	expect_heartbeat(job, INT64_MAX);
	expect_heartbeat(job, world_wall(world) + 3600 * 1000);
	reply = get("%s", url);
	expect_body(&reply, 200, "{\"status\":\"RUNNING\"}");
	expect_heartbeat(job, world_wall(world) + 20);
	await_text(url, "/status", "CANCELED");
	expect_heartbeat(job, 0); /* too late to matter */
	job = submit("forgotten", 1, 1);
	expect_heartbeat(job, INT64_MIN);
	await_text(url_of("/jobs/%s/status", job), "/status", "CANCELED");
}

/* ---- attempts ------------------------------------------------------------------------------- */

static int start_restarting(void **state)
{
	static const char *const settings[] = { "restart-strategy.type=fixed-delay",
						"restart-strategy.fixed-delay.attempts=5",
						"restart-strategy.fixed-delay.delay=0 ms", NULL };

	start_with(settings);
	return 0;
}

static void count_and_fail(void *context)
{
	struct fake_task *task = fake_task_find(taskmanager, 1, 1);
	struct err why = ERR_INIT;

	taskmanager->records = 1500;
	fake_heartbeat(taskmanager);
	err_set(&why, ERR_USER_FUNCTION_FAILED, "no \"words\"");
	fake_report(taskmanager, task, "FAILED", &why);
	taskmanager->records = 0; /* of the next attempt */
}

static void earlier_attempts_can_be_looked_at(void **state)
{
	const char *job = start_job(), *subtask;
	struct reply reply = get("/jobs/%s", job);

	subtask = url_of("/jobs/%s/vertices/%s/subtasks/1", job, text_at(&reply, "/vertices/1/id"));
	reply_free(&reply);
	reply = get("%s/attempts/1", subtask);
	expect_error(&reply, 404, "0 is the current one, and 0 before it are kept");
	on_taskmanager(count_and_fail, NULL);
	await_text(url_of("%s/attempts/1", subtask), "/status", "RUNNING");
	reply = get("%s/attempts/0", subtask);
	assert_int_equal(reply.status, 200);
	assert_string_equal(text_at(&reply, "/status"), "FAILED");
	assert_string_equal(text_at(&reply, "/failure"), "no \"words\"");
	assert_string_equal(text_at(&reply, "/taskmanager-id"), "tm:1/+x");
	assert_int_equal(int_at(&reply, "/subtask"), 1);
	assert_int_equal(int_at(&reply, "/attempt"), 0);
	assert_int_equal(int_at(&reply, "/metrics/read-records"), 1500);
	assert_true(int_at(&reply, "/end-time") >= int_at(&reply, "/start-time"));
	reply_free(&reply);
	reply = get("%s/attempts/1", subtask); /* its own numbers; the subtask's go on */
	assert_int_equal(int_at(&reply, "/metrics/read-records"), 0);
	reply_free(&reply);
	reply = get("%s", subtask);
	assert_int_equal(int_at(&reply, "/metrics/read-records"), 1500);
	assert_null(at(reply.json, "/failure"));
	reply_free(&reply);
	reply = get("/jobs/%s/metrics?get=numRestarts,runningState,restartingState,createdState,"
		    "downtime,lastCheckpointSize",
		    job);
	expect_body(&reply, 200,
		    "[{\"id\":\"numRestarts\",\"value\":\"1\"},{\"id\":\"runningState\","
		    "\"value\":\"1\"},{\"id\":\"restartingState\",\"value\":\"0\"},"
		    "{\"id\":\"createdState\",\"value\":\"0\"},{\"id\":\"downtime\","
		    "\"value\":\"0\"},{\"id\":\"lastCheckpointSize\",\"value\":\"-1\"}]");
	reply = get("%s/attempts/0/accumulators", subtask);
	assert_int_equal(int_at(&reply, "/attempt"), 0);
	reply_free(&reply);
	reply = get("/jobs/%s/exceptions?failureLabelFilter=TYPE:USER", job);
	assert_int_equal(json_array_size(at(reply.json, "/exceptionHistory/entries")), 0);
	reply_free(&reply);
	reply = get("/jobs/%s/exceptions", job);
	assert_non_null(strstr(text_at(&reply, "/exceptionHistory/entries/0/taskName"),
			       "(2/2) - execution #0"));
	reply_free(&reply);
	reply = get("/jobs/%s/exceptions?failureLabelFilter=TYPE", job);
	expect_error(&reply, 400, "query parameter (failureLabelFilter) from value \"TYPE\"");
}

/* ---- other addresses ------------------------------------------------------------------------ */

static void a_job_is_an_application(void **state)
{
	const char *job = start_job();
	struct reply reply = get("/applications/overview");

	assert_string_equal(text_at(&reply, "/applications/0/id"), job);
	assert_string_equal(text_at(&reply, "/applications/0/status"), "RUNNING");
	assert_int_equal(int_at(&reply, "/applications/0/jobs/RUNNING"), 1);
	assert_int_equal(int_at(&reply, "/applications/0/jobs/FAILED"), 0);
	reply_free(&reply);
	reply = get("/applications/%s", job);
	assert_string_equal(text_at(&reply, "/jobs/0/jid"), job);
	assert_true(int_at(&reply, "/timestamps/RUNNING") > 0);
	reply_free(&reply);
	reply = get("/applications/%s/exceptions", job);
	expect_body(&reply, 200, "{\"exceptionHistory\":{\"entries\":[]}}");
	reply = ask("POST", url_of("/applications/%s/cancel", job));
	expect_body(&reply, 202, "{}");
	await_text(url_of("/applications/%s", job), "/status", "CANCELED");
	reply = get("/applications/%s", NOBODY);
	expect_error(&reply, 404, "NotFoundException: Application " NOBODY " not found");
	reply = get("/applications/x/exceptions");
	expect_error(&reply, 400, "path parameter (applicationid)");
}

static void logs_of_a_job_have_addresses(void **state)
{
	const char *job = start_job();
	struct reply reply = get("/jobs/%s/jobmanager/log-url", job);

	expect_body(&reply, 200,
		    url_of("{\"url\":\"http://localhost:%u/jobmanager/log\"}", port));
	reply = get("/jobs/%s/taskmanagers/tm:1%%2F+x/log-url", job);
	expect_body(&reply, 200,
		    url_of("{\"url\":\"http://localhost:%u/taskmanagers/tm:1%%2F%%2Bx/log\"}",
			   port));
	reply = get("/jobs/%s/jobmanager/config", NOBODY);
	expect_error(&reply, 404, "Job " NOBODY " not found");
	reply = post(url_of("/jobs/%s/coordinators/%s", job, NOBODY), "{}");
	expect_error(&reply, 404, "Coordinator of operator " NOBODY " does not exist");
	reply = get("/jobs/%s/yarn-stop", job);
	expect_error(&reply, 308, "/jobs/:jobid/stop");
	reply = get("/datasets");
	expect_body(&reply, 200, "{\"dataSets\":[]}");
	reply = ask("DELETE", "/datasets/" NOBODY);
	expect_error(&reply, 404, "Cluster data set " NOBODY " not found");
	reply = get("/jobmanager/profiler"); /* as with rest.profiling.enabled: false */
	expect_error(&reply, 404, "File not found.");
}

/* Bytes that are no text would end the connection to the TaskManager, and its tasks. */
static void no_address_cuts_a_taskmanager_off(void **state)
{
	static const char *const pages[] = { "logs/%ff%fe.log", "logs/..%c0%af..%c0%afpasswd",
					     "logs/fake.log/lines?search=%ff",
					     "logs/%ed%a0%80/lines?level=WARN" };
	const char *job = start_job();
	struct reply reply;

	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		reply = ask("GET", url_of("/taskmanagers/tm:1%%2F+x/%s", pages[i]));
		expect_error(&reply, 400, "the address is not UTF-8");
	}
	reply = get("/taskmanagers/tm:1%%2F+x/logs");
	assert_int_equal(reply.status, 200);
	reply_free(&reply);
	reply = get("/jobs/%s", job);
	assert_int_equal(int_at(&reply, "/restarts"), 0);
	assert_string_equal(text_at(&reply, "/state"), "RUNNING");
	reply_free(&reply);
}

/* ---- the end of the cluster ----------------------------------------------------------------- */

static atomic_uint stops_asked;

static void count_stop(void)
{
	atomic_fetch_add(&stops_asked, 1);
}

static int start_stoppable(void **state)
{
	atomic_store(&stops_asked, 0);
	ask_stop = count_stop;
	start_with(NULL);
	ask_stop = NULL;
	return 0;
}

static void the_cluster_is_shut_down_after_the_answer(void **state)
{
	struct reply reply = ask("DELETE", "/cluster");

	expect_body(&reply, 200, "{}");
	assert_int_equal(atomic_load(&stops_asked), 1);
}

static void a_jobmanager_inside_another_program_is_not_shut_down(void **state)
{
	struct reply reply = ask("DELETE", "/v1/cluster");

	expect_error(&reply, 501, "is part of another program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_say_what_fits),
		cmocka_unit_test(every_route_has_one_row_and_no_row_is_for_nothing),
		WITH_SERVER(the_api_describes_itself),
		WITH_SERVER(a_savepoint_fails_with_a_reason_and_cancels_nothing),
		WITH_SERVER(a_trigger_id_means_one_operation),
		WITH_SERVER(a_checkpoint_fails_with_a_reason),
		WITH_SERVER(a_savepoint_is_not_disposed_of),
		cmocka_unit_test_setup_teardown(outcomes_are_forgotten_in_time, start_forgetful,
						stop),
		cmocka_unit_test(the_newest_outcomes_are_kept),
		WITH_SERVER(trigger_bodies_are_read_strictly),
		WITH_SERVER(parallelism_is_changed_by_the_adaptive_scheduler_alone),
		WITH_SERVER(a_job_whose_client_stays_away_is_cancelled),
		cmocka_unit_test_setup_teardown(earlier_attempts_can_be_looked_at,
						start_restarting, stop),
		WITH_SERVER(a_job_is_an_application),
		WITH_SERVER(logs_of_a_job_have_addresses),
		WITH_SERVER(no_address_cuts_a_taskmanager_off),
		cmocka_unit_test_setup_teardown(the_cluster_is_shut_down_after_the_answer,
						start_stoppable, stop),
		WITH_SERVER(a_jobmanager_inside_another_program_is_not_shut_down),
	};

	return cmocka_run_group_tests_name("rest api", tests, NULL, NULL);
}
