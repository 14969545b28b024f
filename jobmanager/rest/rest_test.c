/* SPDX-License-Identifier: Apache-2.0
 * rest_test.c - the API of a real JobManager over a real socket: the form of every answer (Flink's
 * field names), jobs from submission to cancelling, the checks of conformance, metrics, long polls.
 *  */
#include "jobmanager/rest/rest_test_bed.h"

#include "common/base/version.h"
#include "jobmanager/rest/rest_priv.h"

#define IO_SHAPE \
	"{read-bytes:i read-bytes-complete:b write-bytes:i write-bytes-complete:b read-records:i " \
	"read-records-complete:b write-records:i write-records-complete:b " \
	"accumulated-backpressured-time:i accumulated-idle-time:i accumulated-busy-time:f}"
#define STATES_SHAPE \
	"{CREATED:i SCHEDULED:i DEPLOYING:i INITIALIZING:i RUNNING:i FINISHED:i CANCELING:i " \
	"CANCELED:i FAILED:i RECONCILING:i}"
#define JOB_STATES_SHAPE \
	"{INITIALIZING:i CREATED:i RUNNING:i FAILING:i FAILED:i CANCELLING:i CANCELED:i FINISHED:i " \
	"RESTARTING:i SUSPENDED:i RECONCILING:i}"
#define RESOURCE_SHAPE \
	"{cpuCores:f taskHeapMemory:i taskOffHeapMemory:i managedMemory:i networkMemory:i " \
	"extendedResources:{}}"
#define TASKMANAGER_SHAPE \
	"id:s path:s dataPort:i jmxPort:i timeSinceLastHeartbeat:i slotsNumber:i freeSlots:i " \
	"assignedTasks:i totalResource:" RESOURCE_SHAPE " freeResource:" RESOURCE_SHAPE \
	" hardware:{cpuCores:i physicalMemory:i freeMemory:i managedMemory:i} memoryConfiguration:" \
	"{frameworkHeap:i taskHeap:i frameworkOffHeap:i taskOffHeap:i networkMemory:i managedMemory:i " \
	"jvmMetaspace:i jvmOverhead:i totalFlinkMemory:i totalProcessMemory:i}"
#define PLAN_SHAPE \
	"{jid:s name:s type:s nodes:[{id:s parallelism:i operator:s operator_strategy:s description:s " \
	"inputs:[{num:i id:s ship_strategy:s exchange:s}] optimizer_properties:{}}]}"
#define STATISTICS_SHAPE "{min:i max:i avg:i sum:i median:i p25:i p75:i p95:i}"
#define DURATIONS(value) \
	"{CREATED:" value " SCHEDULED:" value " DEPLOYING:" value " INITIALIZING:" value \
	" RUNNING:" value "}"
#define AGGREGATED_SHAPE \
	"{metrics:{read-bytes:" STATISTICS_SHAPE " write-bytes:" STATISTICS_SHAPE \
	" read-records:" STATISTICS_SHAPE " write-records:" STATISTICS_SHAPE \
	" accumulated-backpressured-time:" STATISTICS_SHAPE \
	" accumulated-idle-time:" STATISTICS_SHAPE " accumulated-busy-time:" STATISTICS_SHAPE \
	"} status-duration:" DURATIONS(STATISTICS_SHAPE) "}"
#define SUBTASK_SHAPE \
	"{subtask:i status:s attempt:i endpoint:s host:s start-time:i start_time:i end-time:i duration:i " \
	"metrics:" IO_SHAPE \
	" taskmanager-id:s status-duration:" DURATIONS("i") " status-text:s blocking:b}"
#define SUMMARY_SHAPE "{min:i max:i avg:i p50:s p90:s p95:s p99:s p999:s}"

static void expect(const char *url, const char *shape)
{
	struct reply reply = get("%s", url);

	expect_shape(&reply, shape);
}

/* ---- the cluster ---------------------------------------------------------------------------- */

static void an_empty_cluster_answers(void **state)
{
	struct reply reply = get("/overview");

	expect_body(
		&reply, 200,
		"{\"taskmanagers\":0,\"slots-total\":0,\"slots-available\":0,\"jobs-running\":0,"
		"\"jobs-finished\":0,\"jobs-cancelled\":0,\"jobs-failed\":0,\"flink-version\":\"1.19.3\","
		"\"flink-commit\":\"" CFLINK_COMMIT "\"}");
	reply = get("/jobs");
	expect_body(&reply, 200, "{\"jobs\":[]}");
	reply = get("/jobs/overview");
	expect_body(&reply, 200, "{\"jobs\":[]}");
	reply = get("/taskmanagers");
	expect_body(&reply, 200, "{\"taskmanagers\":[]}");
	expect("/config",
	       "{refresh-interval:i timezone-name:s timezone-offset:i flink-version:s flink-revision:s "
	       "features:{web-submit:b web-cancel:b web-rescale:b web-history:b} ended-jobs-shown:i}");
	expect("/jobmanager/config", "[{key:s value:s origin:s}]");
	expect("/jobmanager/environment", "{jvm:{version:s arch:s options:[]} classpath:[]}");
	expect("/jobmanager/thread-dump", "{threadInfos:[{threadName:s stringifiedThreadInfo:s}]}");
	expect("/jars", "{address:s files:[]}");
	expect("/jobmanager/metrics", "[{id:s}]");
	reply = get("/jobmanager/metrics?get=numRunningJobs,nothing,taskSlotsTotal");
	expect_body(
		&reply, 200,
		"[{\"id\":\"numRunningJobs\",\"value\":\"0\"},{\"id\":\"taskSlotsTotal\",\"value\":\"0\"}]");
	/* A page shows one as a part of the other. */
	reply = get("/jobmanager/metrics?get=Status.JVM.Memory.Heap.Used,Status.JVM.Memory.Heap.Max");
	assert_in_range(strtoll(text_at(&reply, "/0/value"), NULL, 10), 1,
			strtoll(text_at(&reply, "/1/value"), NULL, 10));
	reply_free(&reply);
}

static int start_with_secret(void **state)
{
	static const char *const settings[] = { "s3.secret-key=hush", "web.refresh-interval=1500",
						NULL };

	start_with(settings);
	return 0;
}

static void secrets_are_masked_and_origins_told(void **state)
{
	struct reply reply = get("/jobmanager/config");

	assert_null(strstr(reply.body.data, "hush"));
	assert_non_null(
		strstr(reply.body.data,
		       "{\"key\":\"s3.secret-key\",\"value\":\"******\",\"origin\":\"-D\"}"));
	reply_free(&reply);
	reply = get("/config");
	assert_int_equal(int_at(&reply, "/refresh-interval"), 1500);
	reply_free(&reply);
}

/* Whether the two answers are equal; moments may differ. */
static bool same_shape(const struct reply *a, const struct reply *b)
{
	struct buf left, right;
	bool same = a->status == b->status && (a->json != NULL) == (b->json != NULL);

	buf_init(&left);
	buf_init(&right);
	if (a->json != NULL && b->json != NULL) {
		add_shape(a->json, &left);
		add_shape(b->json, &right);
		same = same && strcmp(left.data, right.data) == 0;
	}
	buf_fini(&left);
	buf_fini(&right);
	return same;
}

/* The pattern with things that are there. */
static const char *fill(const char *pattern, const char *job, const char *vertex)
{
	static const struct {
		const char *name;
		int which;
		const char *value;
	} names[] = {
		{ ":jobid", 1, NULL },		{ ":vertexid", 2, NULL },
		{ ":subtaskindex", 0, "0" },	{ ":taskmanagerid", 0, "tm%3a1%2F+x" },
		{ ":filename", 0, "fake.log" }, { ":sha256", 0, "00" },
		{ ":attempt", 0, "0" },		{ ":checkpointid", 0, "1" },
		{ ":triggerid", 1, NULL },	{ ":operatorid", 1, NULL },
		{ ":applicationid", 1, NULL },	{ ":datasetid", 1, NULL },
		{ ":rescaleuuid", 1, NULL },
	};
	struct buf path;

	buf_init(&path);
	for (const char *at_char = pattern; *at_char != '\0';) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_COUNT(names) && !found; i++) {
			size_t length = strlen(names[i].name);

			found = strncmp(at_char, names[i].name, length) == 0;
			if (!found)
				continue;
			buf_add_text(&path, names[i].which == 1	  ? job
					    : names[i].which == 2 ? vertex
								  : names[i].value);
			at_char += length;
		}
		if (!found)
			buf_add(&path, at_char++, 1);
	}
	const char *kept = arena_strdup(arena, path.data);

	buf_fini(&path);
	return kept;
}

/* Two vertices, all running: "numbers" (2 subtasks), "Sum" and its sink (2). */
static const char *run_job(const char **source, const char **sum)
{
	const char *job;
	struct reply reply;

	start_taskmanager("tm:1/+x", 4);
	job = submit("wc", 2, 2);
	await_text(url_of("/jobs/%s", job), "/vertices/1/status", "RUNNING");
	await_text(url_of("/jobs/%s", job), "/vertices/0/status", "RUNNING");
	reply = get("/jobs/%s", job);
	*source = arena_strdup(arena, text_at(&reply, "/vertices/0/id"));
	*sum = arena_strdup(arena, text_at(&reply, "/vertices/1/id"));
	reply_free(&reply);
	return job;
}

/* Of what a cluster like that one has nothing. */
static bool has_nothing(const char *pattern)
{
	static const char *const parts[] = { "/stdout",	   "/jobmanager/logs/:filename",
					     ":triggerid", ":checkpointid",
					     "/rescales/", "/yarn-stop",
					     ":jarid" };

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		if (strstr(pattern, parts[i]) != NULL)
			return true;
	return false;
}

/* It has the form that /openapi.json tells. */
static void expect_its_shape(const struct rest_route *route, const struct reply *reply)
{
	const struct rest_api *api = rest_api_of(route);
	struct buf why;

	assert_non_null(api);
	if (reply->status == 200 && strchr(api->gives, '/') != NULL)
		return; /* no JSON */
	buf_init(&why);
	if (!shape_fits(reply->json, reply->status == 200 ? api->gives : "Error", rest_shapes,
			&why))
		fail_msg("%s: %s in %.500s", route->pattern, why.data, reply->body.data);
	buf_fini(&why);
}

static void every_route_answers_with_and_without_its_version(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum);

	for (const struct rest_route *route = rest_routes; route->method != NULL; route++) {
		const char *path = fill(route->pattern, job, sum);
		struct reply bare, versioned, head;

		if (strcmp(route->method, "GET") != 0 || strstr(path, "yarn-cancel") != NULL)
			continue;
		if (strcmp(path, "/events") == 0) /* has no end: events_test.c */
			continue;
		bare = get("%s", path);
		versioned = get("/v1%s", path);
		head = ask("HEAD", path);
		if (bare.status != 200 && !has_nothing(route->pattern))
			fail_msg("%s: %d %s", path, bare.status, bare.body.data);
		expect_its_shape(route, &bare);
		/* What is asked of a TaskManager meanwhile may be known to the second. */
		bool settled = strstr(path, "/flamegraph") == NULL;

		if ((settled && !same_shape(&bare, &versioned)) || head.status != bare.status)
			fail_msg("%s: %d %d %d", path, bare.status, versioned.status, head.status);
		assert_int_equal(head.body.size_bytes, 0);
		reply_free(&bare);
		reply_free(&versioned);
		reply_free(&head);
	}
}

/* docs/rest.md has a line for each route, in the table's order, and no other. */
static void the_manual_lists_every_route(void **state)
{
	FILE *file = fopen("docs/rest.md", "r");
	const struct rest_route *route = rest_routes;
	char line[1024], wanted[1024];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "| `", 3) != 0 || strchr(line, '/') == NULL)
			continue;
		if (route->method == NULL)
			fail_msg("there is no route for %s", line);
		snprintf(wanted, sizeof(wanted), "| `%s` | `%s` | %s |", route->method,
			 route->pattern, route->help);
		assert_string_equal(line, wanted);
		route++;
	}
	fclose(file);
	if (route->method != NULL)
		fail_msg("docs/rest.md lacks: | `%s` | `%s` | %s |", route->method, route->pattern,
			 route->help);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void answers_of_a_running_job_have_flinks_form(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum);

	expect("/jobs", "{jobs:[{id:s status:s}]}");
	expect("/jobs/overview",
	       "{jobs:[{jid:s name:s start-time:i end-time:i duration:i state:s last-modification:i tasks:{total:i "
	       "created:i scheduled:i deploying:i initializing:i running:i finished:i canceling:i canceled:i "
	       "failed:i reconciling:i} jobType:s schedulerType:s pending-operators:i note:s bottleneck:s}]}");
	expect(url_of("/jobs/%s", job),
	       "{jid:s name:s isStoppable:b state:s job-type:s schedulerType:s application-id:s start-time:i end-time:i duration:i maxParallelism:i "
	       "now:i timestamps:" JOB_STATES_SHAPE
	       " vertices:[{id:s slotSharingGroupId:s name:s maxParallelism:i "
	       "parallelism:i status:s start-time:i end-time:i duration:i tasks:" STATES_SHAPE
	       " metrics:" IO_SHAPE
	       " busy-ratio:f back-pressured-ratio:f}] status-counts:" STATES_SHAPE " plan:" PLAN_SHAPE
	       " pending-operators:i note:s bottleneck:s all-running-time:i "
	       "restarts:i}");
	expect(url_of("/jobs/%s/plan", job), "{plan:" PLAN_SHAPE "}");
	expect(url_of("/jobs/%s/status", job), "{status:s}");
	expect(url_of("/jobs/%s/config", job),
	       "{jid:s name:s execution-config:{execution-mode:s restart-strategy:s job-parallelism:i "
	       "object-reuse-mode:b user-config:{}}}");
	expect(url_of("/jobs/%s/exceptions", job),
	       "{root-exception:n timestamp:n all-exceptions:[] truncated:b exceptionHistory:{entries:[] truncated:b}}");
	expect(url_of("/jobs/%s/accumulators", job),
	       "{job-accumulators:[] user-task-accumulators:[] serialized-user-task-accumulators:{}}");
	expect(url_of("/jobs/%s/execution-result", job), "{status:{id:s}}");
	expect(url_of("/jobs/%s/output", job),
	       "{status:s note:s output:s offset:i next:i end:b start-time:i "
	       "end-time:i all-running-time:i}");
	expect(url_of("/jobs/%s/resource-requirements", job),
	       url_of("{%s:{parallelism:{lowerBound:i upperBound:i}} %s:{parallelism:{lowerBound:i upperBound:i}}}",
		      source, sum));
	expect(url_of("/jobs/%s/checkpoints", job),
	       "{counts:{restored:i total:i in_progress:i completed:i failed:i} summary:{checkpointed_size:" SUMMARY_SHAPE
	       " state_size:" SUMMARY_SHAPE " end_to_end_duration:" SUMMARY_SHAPE
	       " alignment_buffered:" SUMMARY_SHAPE " processed_data:" SUMMARY_SHAPE
	       " persisted_data:" SUMMARY_SHAPE
	       "} latest:{completed:n savepoint:n failed:n restored:n} history:[]}");
	expect(url_of("/jobs/%s/checkpoints/config", job),
	       "{mode:s interval:i timeout:i min_pause:i max_concurrent:i externalization:{enabled:b "
	       "delete_on_cancellation:b} state_backend:s checkpoint_storage:s unaligned_checkpoints:b "
	       "tolerable_failed_checkpoints:i aligned_checkpoint_timeout:i checkpoints_after_tasks_finish:b "
	       "state_changelog_enabled:b changelog_periodic_materialization_interval:i changelog_storage:s}");
}

static int status_of(const char *url, const char *query)
{
	struct reply reply = get("%s%s", url, query);
	int status = reply.status;

	reply_free(&reply);
	return status;
}

static void a_flame_graph_is_a_tree_of_samples(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum),
				  *graph = url_of("/jobs/%s/vertices/%s/flamegraph", job, sum);
	struct reply reply = get("%s", graph);

	assert_string_equal(reply.body.data, "{\"endTimestamp\":-3}");
	reply_free(&reply);
	await_text(graph, "/data/children/0/name", "Sum");
	await_text(graph, "/data/children/0/children/1/name", "add");
	reply = get("%s", graph); /* both subtasks on one TaskManager: asked once */
	assert_non_null(strstr(reply.body.data,
			       "\"subtasks\":2,\"data\":{\"name\":\"root\",\"value\":10,\"children\":["
			       "{\"name\":\"Sum\",\"value\":10,\"children\":["
			       "{\"name\":\"waits in read\",\"value\":3,\"children\":[]},"
			       "{\"name\":\"add\",\"value\":7,\"children\":[]}]}]}}"));
	reply_free(&reply);
	reply = get("%s?type=ON_CPU", graph);
	assert_null(strstr(reply.body.data, "waits"));
	assert_non_null(strstr(reply.body.data, "\"root\",\"value\":7"));
	reply_free(&reply);
	reply = get("%s?type=OFF_CPU", graph);
	assert_null(strstr(reply.body.data, "\"add\""));
	assert_non_null(strstr(reply.body.data, "\"root\",\"value\":3"));
	reply_free(&reply);
	await_text(url_of("%s?subtaskindex=1", graph), "/data/children/0/name", "Sum");
	assert_int_equal(status_of(graph, "?subtaskindex=2"), 404);
	assert_int_equal(status_of(graph, "?subtaskindex=-1"), 400);
	assert_int_equal(status_of(graph, "?type=on_cpu"), 200);
	assert_int_equal(status_of(graph, "?type=half"), 400);
}

static void answers_of_a_vertex_have_flinks_form(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum),
				  *vertex = url_of("/jobs/%s/vertices/%s", job, sum);

	expect(vertex, "{id:s name:s parallelism:i maxParallelism:i now:i subtasks:[" SUBTASK_SHAPE
		       "] aggregated:" AGGREGATED_SHAPE
		       " operators:[{name:s records-in:i records-out:i bytes-in:i bytes-out:i busy-time:i}]"
		       " cause:s}");
	expect(url_of("%s/subtasks/1", vertex), SUBTASK_SHAPE);
	expect(url_of("%s/subtasks/1/attempts/0", vertex), SUBTASK_SHAPE);
	expect(url_of("%s/subtasktimes", vertex),
	       "{id:s name:s now:i subtasks:[{subtask:i endpoint:s host:s duration:i "
	       "timestamps:" STATES_SHAPE "}]}");
	expect(url_of("%s/taskmanagers", vertex),
	       "{id:s name:s now:i taskmanagers:[{endpoint:s host:s status:s start-time:i end-time:i duration:i "
	       "metrics:" IO_SHAPE " status-counts:" STATES_SHAPE
	       " taskmanager-id:s aggregated:" AGGREGATED_SHAPE "}]}");
	expect(url_of("%s/accumulators", vertex), "{id:s user-accumulators:[]}");
	expect(url_of("%s/subtasks/accumulators", vertex),
	       "{id:s parallelism:i subtasks:[{subtask:i attempt:i endpoint:s host:s user-accumulators:[]}]}");
	expect(url_of("%s/watermarks", vertex), "[{id:s value:s}]");
	expect(url_of("/jobs/%s/vertices/%s/watermarks", job, source), "[]");
	expect(url_of("%s/backpressure", vertex),
	       "{status:s backpressureLevel:s backpressure-level:s end-timestamp:i subtasks:[{subtask:i "
	       "attempt-number:i backpressureLevel:s backpressure-level:s ratio:f idleRatio:f busyRatio:f "
	       "waitingRatio:f edges:[]}] cause:s edges:[]}");
}

static void answers_of_a_taskmanager_have_flinks_form(void **state)
{
	const char *source, *sum;
	struct reply reply;

	run_job(&source, &sum);
	expect("/taskmanagers", "{taskmanagers:[{" TASKMANAGER_SHAPE "}]}");
	expect("/taskmanagers/tm:1%2F+x",
	       "{" TASKMANAGER_SHAPE " allocatedSlots:[{index:i jobId:s resource:" RESOURCE_SHAPE
	       " assignedTasks:i jobName:s tasks:[{vertex:s name:s subtask:i status:s}]}] metrics:{heapUsed:i "
	       "heapCommitted:i heapMax:i nonHeapUsed:i nonHeapCommitted:i nonHeapMax:i directCount:i directUsed:i "
	       "directMax:i mappedCount:i mappedUsed:i mappedMax:i memorySegmentsAvailable:i memorySegmentsTotal:i "
	       "nettyShuffleMemorySegmentsAvailable:i nettyShuffleMemorySegmentsUsed:i "
	       "nettyShuffleMemorySegmentsTotal:i nettyShuffleMemoryAvailable:i nettyShuffleMemoryUsed:i "
	       "nettyShuffleMemoryTotal:i garbageCollectors:[]}}");
	reply = get("/taskmanagers");
	assert_int_equal(int_at(&reply, "/taskmanagers/0/slotsNumber"), 4);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/freeSlots"), 2);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/assignedTasks"), 4);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/memoryConfiguration/taskHeap"),
			 FAKE_MEMORY_BYTES / 2);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/memoryConfiguration/jvmOverhead"),
			 FAKE_MEMORY_BYTES / 8);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/memoryConfiguration/totalFlinkMemory"),
			 FAKE_MEMORY_BYTES / 8 * 7);
	assert_int_equal(int_at(&reply, "/taskmanagers/0/totalResource/taskHeapMemory"), 512);
	reply_free(&reply);
	reply = get(
		"/taskmanagers/tm%%3A1%%2F%%2bx/metrics?get=Status.JVM.Memory.Metaspace.Max,no");
	expect_body(&reply, 200, "[{\"id\":\"Status.JVM.Memory.Metaspace.Max\",\"value\":\"1\"}]");
	reply = get("/taskmanagers/nobody/metrics");
	expect_body(&reply, 200, "[]");
	reply = get("/taskmanagers/nobody");
	expect_error(&reply, 404, "NotFoundException: TaskManager nobody not found");
}

static void a_plan_names_its_vertices_and_nothing_else(void **state)
{
	const char *source, *sum;
	struct reply reply = get("/jobs/%s", run_job(&source, &sum));
	json_t *nodes = at(reply.json, "/plan/nodes");

	assert_int_equal(json_array_size(nodes), 2);
	assert_string_equal(text_at(&reply, "/plan/nodes/1/id"), source);
	assert_string_equal(text_at(&reply, "/plan/nodes/0/id"), sum);
	assert_null(at(reply.json, "/plan/nodes/1/inputs")); /* of a source: absent */
	assert_string_equal(text_at(&reply, "/plan/nodes/0/inputs/0/id"), source);
	assert_string_equal(text_at(&reply, "/plan/nodes/0/inputs/0/ship_strategy"), "HASH");
	assert_string_equal(text_at(&reply, "/plan/nodes/0/description"),
			    "Sum<br/>+- Sink: Print<br/>");
	assert_string_equal(text_at(&reply, "/vertices/1/name"), "Sum -> Sink: Print");
	assert_int_equal(int_at(&reply, "/vertices/0/tasks/RUNNING"), 2);
	assert_int_equal(int_at(&reply, "/status-counts/RUNNING"), 2);
	assert_int_equal(int_at(&reply, "/end-time"), -1);
	assert_int_equal(int_at(&reply, "/timestamps/FAILING"), 0);
	assert_true(int_at(&reply, "/timestamps/RUNNING") > 0);
	reply_free(&reply);
}

static void an_artifact_goes_up_whole_or_in_pieces(void **state)
{
	static const char program[] = "the bytes of a program";
	char sha[65];
	uint8_t digest[32];
	struct reply reply;

	hash_sha256(program, strlen(program), digest);
	for (size_t i = 0; i < 32; i++)
		snprintf(sha + 2 * i, 3, "%02x", digest[i]);
	reply = ask_with("PUT",
			 url_of("/artifacts/%s?name=p.so&offset=0&size=%zu", sha, strlen(program)),
			 NULL, program, 10);
	expect_body(&reply, 200, "{\"received\":10}");
	reply = ask_with("PUT",
			 url_of("/artifacts/%s?name=p.so&offset=10&size=%zu", sha, strlen(program)),
			 NULL, program + 10, strlen(program) - 10);
	expect_body(&reply, 200, "{\"received\":22}");
	reply = ask_with("PUT", url_of("/artifacts/%s?name=p.so", sha), NULL, program,
			 strlen(program));
	expect_body(&reply, 200, "{\"received\":22}"); /* again is harmless */
	sha[0] = sha[0] == '0' ? '1' : '0';
	reply = ask_with("PUT", url_of("/artifacts/%s", sha), NULL, program, strlen(program));
	assert_int_equal(reply.status, 400); /* not the bytes of that name */
	reply_free(&reply);
	reply = ask_with("PUT", "/artifacts/abc", NULL, program, strlen(program));
	expect_error(&reply, 400, "64 hex digits");
	reply = ask_with("PUT", url_of("/artifacts/%s?offset=x", sha), NULL, program, 1);
	expect_error(&reply, 400, "query parameter (offset) from value \"x\"");
}

static void what_is_no_job_graph_is_refused(void **state)
{
	Flink__JobGraph *graph = make_graph("bad", 1, 1);
	struct reply reply = ask_with("POST", "/jobs", NULL, "\xff\xff", 2);

	expect_error(&reply, 400, "not a SubmitJobRequest");
	reply = ask("POST", "/jobs");
	expect_error(&reply, 400, "not a SubmitJobRequest");
	graph->vertices[0]->parallelism = 0;
	reply = post_graph(graph);
	assert_int_equal(int_at(&reply, "/code"), ERR_PLAN_INVALID);
	expect_error(&reply, 400, "RestHandlerException: ");
	graph->vertices[0]->parallelism = 1;
	graph->name = arena_strdup(arena, "bytes \xff that are no text");
	reply = post_graph(graph);
	assert_int_equal(reply.status, 400);
	assert_non_null(reply.json); /* also though it quotes the name */
	reply_free(&reply);
}

static void odd_names_come_back_as_they_were(void **state)
{
	static const char *const names[] = { "\"quotes\" \\ and </script>", "-",
					     "gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x90\xbf",
					     "\xe2\x80\xa8line separator", "%s%n &amp; <b>" };
	struct reply reply;
	json_t *job;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(names); i++)
		submit(names[i], 1, 1);
	reply = get("/jobs/overview");
	json_array_foreach(json_object_get(reply.json, "jobs"), i, job)
		assert_string_equal(json_string_value(json_object_get(job, "name")), names[i]);
	assert_int_equal(i, ARRAY_COUNT(names));
	reply_free(&reply);
}

static void a_job_that_waits_says_for_what(void **state)
{
	Flink__JobGraph *graph = make_graph("patient", 3, 3);
	struct reply reply = post_graph(graph);

	assert_int_equal(reply.status, 202);
	assert_non_null(strstr(text_at(&reply, "/waiting-for"), "needs 3 slots, 0 free"));
	reply_free(&reply);
	reply = get("/jobs/overview");
	assert_non_null(strstr(text_at(&reply, "/jobs/0/note"), "needs 3 slots, 0 free"));
	assert_int_equal(int_at(&reply, "/jobs/0/tasks/total"), 6);
	reply_free(&reply);
}

/* ---- what is not there ---------------------------------------------------------------------- */

static void what_is_not_there_is_told_in_flinks_form(void **state)
{
	static const char nobody[] = "00000000000000000000000000000001";
	const char *source, *sum, *job = run_job(&source, &sum);
	const struct {
		const char *method, *path;
		int status;
		const char *part;
	} cases[] = {
		{ "GET", url_of("/jobs/%s", nobody), 404,
		  "NotFoundException: Job 00000000000000000000000000000001 not found" },
		{ "GET", "/jobs/abc", 400,
		  "Cannot resolve path parameter (jobid) from value \"abc\"" },
		{ "GET", url_of("/jobs/%s/vertices/abc", job), 400,
		  "path parameter (vertexid) from value \"abc\"" },
		{ "GET", url_of("/jobs/%s/vertices/%s", job, nobody), 404,
		  "JobVertex 00000000000000000000000000000001 not found" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/9", job, sum), 404,
		  "its parallelism is 2" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/-1", job, sum), 400,
		  "path parameter (subtaskindex)" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/99999999999999999999", job, sum),
		  400, "(subtaskindex)" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/0/attempts/1", job, sum), 404,
		  "0 is the current one" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/0/attempts/x", job, sum), 400,
		  "path parameter (attempt)" },
		{ "GET", url_of("/jobs/%s/exceptions?maxExceptions=many", job), 400,
		  "query parameter (maxExceptions) from value \"many\"" },
		{ "GET", url_of("/jobs/%s/exceptions?maxExceptions=-1", job), 400,
		  "query parameter (maxExceptions)" },
		{ "GET", url_of("/jobs/%s/output?from=-1", job), 400, "query parameter (from)" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/metrics?subtasks=1-x", job, sum),
		  400, "query parameter (subtasks)" },
		{ "GET", url_of("/jobs/%s/vertices/%s/subtasks/metrics?get=x&agg=mean", job, sum),
		  400, "query parameter (agg) from value \"mean\"" },
		{ "GET", "/taskmanagers/metrics?get=x&agg=max,median", 400,
		  "query parameter (agg) from value \"max,median\"" },
		{ "PATCH", url_of("/jobs/%s", nobody), 404, "not found" },
		{ "PATCH", url_of("/jobs/%s?mode=stop", job), 308, "/jobs/:jobid/stop" },
		{ "PATCH", url_of("/jobs/%s?mode=pause", job), 400,
		  "query parameter (mode) from value \"pause\"" },
		{ "POST", "/overview", 404, "Not found: /overview" },
		{ "DELETE", "/jobs", 404, "Not found: /jobs" },
		{ "PUT", "/nothing", 404, "Not found: /nothing" },
		{ "GET", "/v2/config", 404, "File not found." },
		{ "GET", "/jobs/", 404, "File not found." },
		{ "GET", "/jobs/%zz", 400, "not percent-encoded" },
		{ "GET", "/taskmanagers/a%00b", 400, "not percent-encoded" },
		{ "OPTIONS", "/jobs", 404, "Not found" },
		{ "FROBNICATE", "/jobs", 501, "not known here" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct reply reply = ask(cases[i].method, cases[i].path);

		expect_error(&reply, cases[i].status, cases[i].part);
	}
}

/* Flink's page asks whether there is a profiler, and shows every error but this one. */
static void a_path_without_a_route_or_a_file_is_told_as_flinks_page_knows_it(void **state)
{
	struct reply reply = ask("GET", "/jobmanager/profiler");

	expect_body(&reply, 404,
		    "{\"errors\":[\"File not found.\",\"org.apache.flink.runtime.rest.NotFoundException: "
		    "Unable to load requested file /jobmanager/profiler.\"]}");
}

static void bodies_are_read_strictly(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum),
				  *beat = url_of("/jobs/%s/clientHeartbeat", job);
	const struct {
		const char *method, *path, *body;
		int status;
	} cases[] = {
		{ "GET", "/overview", "{}", 200 },
		{ "GET", "/overview", " { } ", 200 },
		{ "GET", "/overview", "{\"x\":1}", 400 },
		{ "GET", "/overview", "[]", 400 },
		{ "GET", "/overview", "{", 400 },
		{ "GET", "/overview", "\xff", 400 },
		{ "GET", "/overview", "null", 400 },
		{ "PATCH", beat, "{\"expiredTimestamp\":1700000000000}", 202 },
		{ "PATCH", beat, "{\"expiredTimestamp\":\"soon\"}", 400 },
		{ "PATCH", beat, "{\"expiredTimestamp\":1,\"x\":2}", 400 },
		{ "PATCH", beat, "{\"expiredTimestamp\":1,\"expiredTimestamp\":1}", 400 },
		{ "PATCH", beat, "{}", 400 },
		{ "PATCH", beat, "", 400 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct reply reply = ask_with(cases[i].method, cases[i].path, NULL, cases[i].body,
					      strlen(cases[i].body));

		if (reply.status != cases[i].status)
			fail_msg("%s %s %s: %d", cases[i].method, cases[i].path, cases[i].body,
				 reply.status);
		if (reply.status == 400)
			assert_non_null(strstr(reply.body.data, "did not match expected format"));
		reply_free(&reply);
	}
	char *large = arena_alloc(arena, 10001);

	memset(large, ' ', 10000);
	memcpy(large, "{}", 2);
	struct reply reply = ask_with("GET", "/overview", NULL, large, 10000);

	expect_error(&reply, 400, "EmptyRequestBody");
}

/* ---- metrics -------------------------------------------------------------------------------- */

static void count_some(void *context)
{
	taskmanager->records = 1500;
	fake_heartbeat(taskmanager);
}

static void metrics_are_strings_aggregates_are_numbers(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum),
				  *vertex = url_of("/jobs/%s/vertices/%s", job, sum);
	struct reply reply;

	on_taskmanager(count_some, NULL);
	await_text(url_of("%s/metrics?get=1.numRecordsIn", vertex), "/0/value", "1500");
	reply = get(
		"%s/metrics?get=0.numRecordsIn,0.nothing,7.numRecordsIn,x,,0.busyTimeMsPerSecond",
		vertex);
	expect_body(
		&reply, 200,
		"[{\"id\":\"0.numRecordsIn\",\"value\":\"1500\"},{\"id\":\"0.busyTimeMsPerSecond\",\"value\":\"0\"}]");
	reply = get(
		"%s/subtasks/1/metrics?get=numRecordsOut,Sum.numRecordsIn,Sink__Print.numRecordsIn",
		vertex);
	expect_body(
		&reply, 200,
		"[{\"id\":\"numRecordsOut\",\"value\":\"1500\"},{\"id\":\"Sum.numRecordsIn\",\"value\":\"0\"},"
		"{\"id\":\"Sink__Print.numRecordsIn\",\"value\":\"0\"}]");
	reply = get("%s/subtasks/metrics?get=numRecordsIn,nothing", vertex);
	expect_body(
		&reply, 200,
		"[{\"id\":\"numRecordsIn\",\"min\":1500.0,\"max\":1500.0,\"avg\":1500.0,\"sum\":3000.0,\"skew\":0.0}]");
	reply = get("%s/subtasks/metrics?get=numRecordsIn&agg=MAX,sum&subtasks=1,3,5-9", vertex);
	expect_body(&reply, 200, "[{\"id\":\"numRecordsIn\",\"max\":1500.0,\"sum\":1500.0}]");
	reply = get("%s/subtasks/metrics?get=numRecordsIn&subtasks=7", vertex);
	expect_body(&reply, 200, "[]");
	reply = get("%s/metrics", vertex);
	assert_int_equal(json_array_size(reply.json), 2 * (32 + 2 * 10));
	reply_free(&reply);
	reply = get("%s/subtasks/metrics", vertex);
	assert_string_equal(text_at(&reply, "/0/id"), "numRecordsIn");
	reply_free(&reply);
	reply = get("/jobs/%s", job);
	assert_int_equal(int_at(&reply, "/vertices/1/metrics/read-records"), 3000);
	reply_free(&reply);
	reply = get("/jobs/%s/metrics?get=numRestarts,nothing", job);
	expect_body(&reply, 200, "[{\"id\":\"numRestarts\",\"value\":\"0\"}]");
}

static void two_thousand_metric_names_fit_into_one_address(void **state)
{
	const char *source, *sum, *job = run_job(&source, &sum);
	struct reply reply;
	struct buf url;

	buf_init(&url);
	buf_printf(&url, "/jobs/%s/vertices/%s/metrics?get=0.numRecordsIn", job, sum);
	for (int i = 0; i < 2000; i++)
		buf_printf(&url, ",%d.numRecordsInOfQuiteSomeKind%d", i, i);
	buf_add_text(&url, ",1.numRecordsIn");
	assert_true(url.size_bytes > 64 * 1024);
	reply = ask("GET", url.data);
	assert_int_equal(json_array_size(reply.json), 2);
	reply_free(&reply);
	buf_fini(&url);
}

static void expect_200(const char *url)
{
	struct reply reply = get("%s", url);

	if (reply.status != 200)
		fail_msg("%s: %d %s", url, reply.status, reply.body.data);
	reply_free(&reply);
}

static void expect_metric_pages(const char *job, const char *vertex)
{
	static const char *const pages[] = { "metrics", "metrics?get=0.numRecordsIn",
					     "subtasks/metrics?get=numRecordsIn", "watermarks",
					     "backpressure" };

	for (size_t i = 0; i < ARRAY_COUNT(pages); i++)
		expect_200(url_of("/jobs/%s/vertices/%s/%s", job, vertex, pages[i]));
}

/* One failing call blanks Flink's whole graph. */
static void metric_pages_answer_in_every_state_of_a_job(void **state)
{
	const char *waiting = submit("waits", 1, 1), *source, *sum, *job;
	struct reply reply = get("/jobs/%s", waiting);
	const char *vertex = arena_strdup(arena, text_at(&reply, "/vertices/0/id"));

	reply_free(&reply);
	expect_metric_pages(waiting, vertex);
	reply = get("/jobs/%s/vertices/%s/backpressure", waiting, vertex);
	expect_body(&reply, 200, "{\"status\":\"deprecated\"}");
	reply = ask("PATCH", url_of("/jobs/%s", waiting));
	expect_body(&reply, 202, "{}");
	await_text(url_of("/jobs/%s/status", waiting), "/status", "CANCELED");
	expect_metric_pages(waiting, vertex);
	job = run_job(&source, &sum);
	expect_metric_pages(job, sum);
	expect_200(url_of("/jobs/00000000000000000000000000000001/vertices/%s/metrics", sum));
	expect_200(
		url_of("/jobs/%s/vertices/%s/watermarks", job, "00000000000000000000000000000001"));
	expect_200("/jobs/x/vertices/y/subtasks/metrics");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(an_empty_cluster_answers),
		cmocka_unit_test_setup_teardown(secrets_are_masked_and_origins_told,
						start_with_secret, stop),
		WITH_SERVER(every_route_answers_with_and_without_its_version),
		cmocka_unit_test(the_manual_lists_every_route),
		WITH_SERVER(answers_of_a_running_job_have_flinks_form),
		WITH_SERVER(a_flame_graph_is_a_tree_of_samples),
		WITH_SERVER(answers_of_a_vertex_have_flinks_form),
		WITH_SERVER(answers_of_a_taskmanager_have_flinks_form),
		WITH_SERVER(a_plan_names_its_vertices_and_nothing_else),
		WITH_SERVER(an_artifact_goes_up_whole_or_in_pieces),
		WITH_SERVER(what_is_no_job_graph_is_refused),
		WITH_SERVER(odd_names_come_back_as_they_were),
		WITH_SERVER(a_job_that_waits_says_for_what),
		WITH_SERVER(what_is_not_there_is_told_in_flinks_form),
		WITH_SERVER(a_path_without_a_route_or_a_file_is_told_as_flinks_page_knows_it),
		WITH_SERVER(bodies_are_read_strictly),
		WITH_SERVER(metrics_are_strings_aggregates_are_numbers),
		WITH_SERVER(two_thousand_metric_names_fit_into_one_address),
		WITH_SERVER(metric_pages_answer_in_every_state_of_a_job),
	};

	return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
