/* SPDX-License-Identifier: Apache-2.0
 * openapi.c - GET /openapi.json: the table of routes and the table of shapes as one OpenAPI 3.1
 * document. Nothing in it is written down a second time. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "jobmanager/rest/rest_priv.h"

#define NAME_SIZE 64

/* "/jobs/:jobid/x" as "/jobs/{jobid}/x". */
static void add_path(struct buf *into, const char *pattern)
{
	while (*pattern != '\0') {
		size_t length = strcspn(pattern + 1, "/") + 1;

		if (pattern[1] == ':')
			buf_printf(into, "/{%.*s}", (int)length - 2, pattern + 2);
		else
			buf_add(into, pattern, length);
		pattern += length;
	}
}

/* "getJobsJobidStatus" */
static void add_operation_id(struct buf *into, const struct rest_route *route)
{
	bool begins = false;

	for (const char *c = route->method; *c != '\0'; c++)
		buf_printf(into, "%c", tolower((unsigned char)*c));
	for (const char *c = route->pattern; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c))
			buf_printf(into, "%c", begins ? toupper((unsigned char)*c) : *c);
		begins = !isalnum((unsigned char)*c);
	}
}

/* ---- parameters ----------------------------------------------------------------------------- */

static const char *shape_of_segment(const char *name)
{
	static const struct {
		const char *name, *shape;
	} known[] = { { "jobid", "id" },	 { "vertexid", "id" },	  { "triggerid", "id" },
		      { "applicationid", "id" }, { "datasetid", "id" },	  { "operatorid", "id" },
		      { "subtaskindex", "i" },	 { "attempt", "i" },	  { "checkpointid", "i" } };

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].shape;
	return "s";
}

static void put_parameter(struct json_out *json, const char *name, const char *place,
			  bool required, const char *shape)
{
	json_out_object(json, NULL);
	json_out_text(json, "name", name);
	json_out_text(json, "in", place);
	json_out_bool(json, "required", required);
	shape_put_schema(json, "schema", shape);
	json_out_close(json);
}

static void put_parameters(struct json_out *json, const struct rest_route *route,
			   const struct rest_api *api)
{
	const char *query = api->query != NULL ? api->query : "";
	struct shape_member member;
	char name[NAME_SIZE];

	json_out_array(json, "parameters");
	for (const char *at = strchr(route->pattern, ':'); at != NULL; at = strchr(at + 1, ':')) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "/"), at + 1);
		put_parameter(json, name, "path", true, shape_of_segment(name));
	}
	while (shape_next_member(&query, &member)) {
		snprintf(name, sizeof(name), "%.*s", (int)member.key_length, member.key);
		put_parameter(json, name, isupper((unsigned char)name[0]) ? "header" : "query",
			      !member.optional, member.shape);
	}
	json_out_close(json);
}

/* ---- bodies and answers --------------------------------------------------------------------- */

/* type: as it is sent; shape NULL: it is no JSON. */
static void put_content(struct json_out *json, const char *type, const char *shape)
{
	json_out_object(json, "content");
	json_out_object(json, type);
	if (shape != NULL)
		shape_put_schema(json, "schema", shape);
	json_out_close(json);
	json_out_close(json);
}

static bool is_media_type(const char *text)
{
	return strchr(text, '/') != NULL;
}

static void put_body(struct json_out *json, const struct rest_api *api)
{
	json_out_object(json, "requestBody");
	if (is_media_type(api->body))
		put_content(json, api->body, NULL);
	else
		put_content(json, "application/json", api->body);
	json_out_close(json);
}

static void put_answer(struct json_out *json, const char *status, const char *description,
		       const char *gives)
{
	json_out_object(json, status);
	json_out_text(json, "description", description);
	if (is_media_type(gives))
		put_content(json, gives, NULL);
	else
		put_content(json, "application/json", gives);
	json_out_close(json);
}

static void put_operation(struct json_out *json, const struct rest_route *route)
{
	const struct rest_api *api = rest_api_of(route);
	char method[16], status[16];
	struct buf id;

	CHECK(api != NULL, "%s %s has no row in api_table.c", route->method, route->pattern);
	for (size_t i = 0; i <= strlen(route->method); i++)
		method[i] = (char)tolower((unsigned char)route->method[i]);
	snprintf(status, sizeof(status), "%d", api->status);
	buf_init(&id);
	add_operation_id(&id, route);
	json_out_object(json, method);
	json_out_text(json, "operationId", id.data);
	json_out_text(json, "summary", route->help);
	put_parameters(json, route, api);
	if (api->body != NULL)
		put_body(json, api);
	json_out_object(json, "responses");
	put_answer(json, status, "It went well.", api->gives);
	put_answer(json, "default", "It did not: why, in Flink's form.", "Error");
	json_out_close(json);
	json_out_close(json);
	buf_fini(&id);
}

/* ---- the document --------------------------------------------------------------------------- */

static bool occurred_before(const struct rest_route *route)
{
	for (const struct rest_route *other = rest_routes; other < route; other++)
		if (strcmp(other->pattern, route->pattern) == 0)
			return true;
	return false;
}

static void put_paths(struct json_out *json)
{
	struct buf path;

	buf_init(&path);
	json_out_object(json, "paths");
	for (const struct rest_route *route = rest_routes; route->method != NULL; route++) {
		if (occurred_before(route))
			continue;
		buf_clear(&path);
		add_path(&path, route->pattern);
		json_out_object(json, path.data);
		for (const struct rest_route *one = route; one->method != NULL; one++)
			if (strcmp(one->pattern, route->pattern) == 0)
				put_operation(json, one);
		json_out_close(json);
	}
	json_out_close(json);
	buf_fini(&path);
}

static void put_information(struct json_out *json)
{
	json_out_object(json, "info");
	json_out_text(json, "title", "cflink REST API");
	json_out_text(json, "description",
		      "Apache Flink's REST API, the union of 1.19 and 2.x, and what is cflink's own "
		      "beside it (docs/rest.md).");
	json_out_text(json, "version", FLINK_VERSION);
	json_out_object(json, "license");
	json_out_text(json, "name", "Apache 2.0");
	json_out_text(json, "identifier", "Apache-2.0");
	json_out_close(json);
	json_out_close(json);
	json_out_array(json, "servers");
	json_out_object(json, NULL);
	json_out_text(json, "url", "/");
	json_out_close(json);
	json_out_object(json, NULL);
	json_out_text(json, "url", "/v1");
	json_out_close(json);
	json_out_close(json);
}

static void put_document(struct json_out *json)
{
	json_out_object(json, NULL);
	json_out_text(json, "openapi", "3.1.0");
	put_information(json);
	put_paths(json);
	json_out_object(json, "components");
	json_out_object(json, "schemas");
	for (const struct shape_name *named = rest_shapes; named->name != NULL; named++)
		shape_put_schema(json, named->name, named->shape);
	json_out_close(json);
	json_out_close(json);
	json_out_close(json);
}

/* It is made once: some milliseconds each time would be a way to keep everybody else waiting. */
void rest_openapi(struct rest *rest, struct rest_request *request)
{
	struct buf *answer = &request->answer;

	if (rest->openapi == NULL) {
		put_document(&request->json);
		rest->openapi = mem_strndup(answer->data, answer->size_bytes);
	} else {
		buf_add_text(answer, rest->openapi);
	}
	rest_answer(request, 200);
}
