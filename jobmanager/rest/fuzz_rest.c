/* SPDX-License-Identifier: Apache-2.0
 * fuzz_rest.c - requests as anybody may send them, behind the door: routes, parameters, queries,
 * bodies and, for GETs that only look, the answers of a JobManager with a running and a failed job.
 *
 *   GET /jobs/11111111111111111111111111111111?x=y      method and target
 *   Accept-Encoding: gzip                               headers that a handler may see
 *
 *   {}                                                  the body
 *
 * The JobManager is a simulated one and lives as long as the process. What an answer may look like
 * is read from api_table.c. */
#include <string.h>
#include <strings.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"
#include "jobmanager/rest/rest_priv.h"
#include "tests/lib/jobmanager_bed.h"

#define ANSWER_MS 120000 /* simulated: also of a TaskManager that must be asked */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bed *bed;
static struct rest *rest;

/* ---- the JobManager ------------------------------------------------------------------------- */

/* id: the byte of which its id is made, so that inputs can name it. */
static struct job *submit(const char *name, int id)
{
	static const char *const settings[] = { "restart-strategy.type=none", NULL };
	Flink__JobGraph *graph = bed_graph(bed, name, 1, 2, settings);
	struct job *job = NULL;
	struct err err = ERR_INIT;

	memset(graph->job_id.data, id, graph->job_id.len);
	CHECK(dispatcher_submit(bed->dispatcher, graph, &job, &err) == 0, "%s", err.text);
	bed_until_running(bed, job, 20000);
	return job;
}

static void begin(void)
{
	struct jobmanager_options options = { .log_directory = "/log",
					      .log_name = "jobmanager.log",
					      .out_name = "jobmanager.out" };
	struct fake_taskmanager *fake;
	struct err why = ERR_INIT;
	struct job *failed;

	log_set_level(LOG_ERROR);
	bed = bed_create(1, NULL);
	fake = bed_taskmanager(bed, 0, 4);
	fake->records_each = 100;
	bed_until_slots(bed, 4, 20000);
	failed = submit("fails <b>&\xc3\xa9</b>", 0x22);
	(void)err_set(&why, ERR_SOURCE_UNREADABLE, "it \"broke\"\tin\nlines");
	fake_report(fake, fake_task_find(fake, 0, 0), "FAILED", &why);
	bed_until_status(bed, failed, JOB_FAILED, 20000);
	fake_print(fake, &submit("runs", 0x11)->id, 0, 7, "one\ntwo \xff\nthree\n");
	bed_pass(bed, 12000); /* some heartbeats, and points of series */
	options.world = bed->jobmanager_world;
	options.conf = bed->conf;
	rest = rest_create_inside(bed->dispatcher, dispatcher_runner(bed->dispatcher), &options);
}

/* ---- requests ------------------------------------------------------------------------------- */

static bool is_clean(const char *text, char least)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < (unsigned char)least && *text != '\t')
			return false;
	return true;
}

/* The next line without its end; it ends where a NUL is. */
static char *take_line(struct bytes *left)
{
	const char *from = left->data, *end = memchr(from, '\n', left->size_bytes);
	size_t length = end != NULL ? (size_t)(end - from) : left->size_bytes;
	size_t taken = end != NULL ? length + 1 : length;

	*left = bytes_of(from + taken, left->size_bytes - taken);
	return mem_strndup(from, strnlen(from, length));
}

static void put_header(struct rest_request *request, char *line)
{
	char *colon = strchr(line, ':');

	if (colon == NULL || !is_clean(colon, ' '))
		return;
	*colon = '\0';
	for (size_t i = 0; i < DOOR_PASSED_MAX; i++)
		if (strcasecmp(line, door_passed[i]) == 0 && request->headers[i] == NULL)
			request->headers[i] = mem_strdup(colon + 1 + strspn(colon + 1, " \t"));
}

/* What the door lets through. */
static bool is_target(const char *target)
{
	for (const char *c = target; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '#')
			return false;
	return target[0] == '/';
}

/* NULL: it would not come this far. *method is the caller's. */
static struct rest_request *read_request(struct bytes input, char **method)
{
	struct rest_request *request;
	char *target, *line;
	bool more = true;

	*method = take_line(&input);
	target = strchr(*method, ' ');
	if (target == NULL || !is_target(target + 1))
		return NULL;
	*target++ = '\0';
	request = rest_request_create(rest);
	request->uri = mem_strndup(target, strcspn(target, "?"));
	if (target[strcspn(target, "?")] == '?')
		request->query = mem_strdup(strchr(target, '?') + 1);
	while (more && input.size_bytes > 0) {
		line = take_line(&input);
		more = line[0] != '\0';
		put_header(request, line);
		mem_free(line);
	}
	buf_add(&request->body, input.data, input.size_bytes);
	return request;
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool is_known_status(int status)
{
	return status >= 200 && status < 600 && strcmp(door_reason(status), "Error") != 0 &&
	       (status < 300 || strcmp(door_reason(status), "OK") != 0);
}

static void check_json(const struct rest_request *request, const char *shape)
{
	const struct buf *answer = &request->answer;
	json_error_t error;
	struct buf why;
	json_t *root = json_loadb(answer->data, answer->size_bytes,
				  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	CHECK(root != NULL, "%s?%s: %s: %.500s", request->uri, request->query, error.text,
	      answer->data);
	buf_init(&why);
	CHECK(shape == NULL || shape_fits(root, shape, rest_shapes, &why), "%s?%s: %s: %.500s",
	      request->uri, request->query, why.data, answer->data);
	buf_fini(&why);
	json_decref(root);
}

static void check_answer(const struct rest_request *request)
{
	const struct rest_api *api = rest_api_of(request->route);
	bool good = request->status == api->status;

	CHECK(is_known_status(request->status), "%s: status %d", request->uri, request->status);
	CHECK(is_clean(request->content_type, ' '), "%s: %s", request->uri, request->content_type);
	for (const char *line = request->answer_headers.data; *line != '\0';) {
		size_t length = strcspn(line, "\r\n");

		CHECK(memchr(line, ':', length) != NULL && strncmp(line + length, "\r\n", 2) == 0,
		      "%s: the header %s", request->uri, line);
		line += length + 2;
	}
	if (request->status == 304 || request->status == 204)
		return;
	if (strcmp(request->content_type, REST_JSON) != 0)
		CHECK(request->status < 300, "%s: %d as %s", request->uri, request->status,
		      request->content_type);
	else if (request->status >= 400)
		check_json(request, "Error");
	else
		check_json(request, good && strchr(api->gives, '/') == NULL ? api->gives : NULL);
}

/* ---- one input ------------------------------------------------------------------------------ */

/* What a query can be read for by any name the table knows. */
static void read_query(const struct rest_request *request)
{
	const char *at = rest_api_of(request->route)->query;
	struct shape_member member;

	while (at != NULL && shape_next_member(&at, &member)) {
		char *name = mem_strndup(member.key, member.key_length);

		mem_free(rest_query(request, name));
		mem_free(name);
	}
}

static bool is_over(void *request)
{
	return atomic_load(&((struct rest_request *)request)->holders) == 1;
}

/* As civetweb's thread does it. */
static void post(struct rest_request *request)
{
	atomic_fetch_add(&request->holders, 1); /* the agent's */
	inbox_post(&rest->inbox, &request->node);
	agent_wake(&rest->agent);
	CHECK(sim_run(bed->sim, ANSWER_MS, is_over, request, NULL), "%s?%s: no answer",
	      request->uri, request->query);
	check_answer(request);
}

static void only_body(struct rest_request *request)
{
	atomic_fetch_add(&request->holders, 1); /* a refusal lets go of it */
	if (!rest_body_fits(request))
		check_answer(request);
	else
		rest_request_unref(request);
}

static void play(struct rest_request *request, const char *method)
{
	bool crooked, looks;
	char *target = mem_printf("%s?%s", request->uri, request->query ? request->query : "");

	request->route = rest_route_find(method, request->uri, request, &crooked);
	looks = !rest_changes_something(method, target);
	mem_free(target);
	CHECK(!crooked || request->route == NULL, "%s is crooked and a route", request->uri);
	if (request->route == NULL)
		return;
	for (uint32_t i = 0; i < request->parameters_count; i++)
		CHECK(request->parameters[i].value != NULL, "%s", request->uri);
	read_query(request);
	if (looks)
		post(request);
	else
		only_body(request);
	CHECK(is_over(request), "%s is still held", request->uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rest_request *request;
	char *method;

	if (bed == NULL)
		begin();
	request = read_request(bytes_of(data, size), &method);
	if (request != NULL) {
		play(request, method);
		rest_request_unref(request);
	}
	mem_free(method);
	return 0;
}
