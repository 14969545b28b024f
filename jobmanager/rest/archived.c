/* SPDX-License-Identifier: Apache-2.0
 * archived.c - requests about jobs that are in the history alone: the answers that were kept when
 * they ended, and for what would change them, that they have ended.
 *
 * Most answers are given as they are kept. Of the lines and the series more is kept than is asked
 * for: they are cut to measure, on another thread. */
#include <jansson.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/logs/log_reader.h"
#include "jobmanager/rest/rest_priv.h"
#include "jobmanager/rest/series.h"

#define OUTPUT_BYTES (256 * 1024) /* of an answer, unasked */

struct archived_read {
	struct list_node node; /* in rest->archived_reads */
	struct rest_request *request;
	char *path;
	/* what is asked for */
	int64_t from, most, to; /* of lines a byte; of series a moment */
	char *get;
	bool wants_lines;
	struct log_query lines;
};

static void read_free(struct archived_read *read)
{
	list_remove(&read->node);
	if (read->wants_lines)
		rest_lines_query_free(&read->lines);
	mem_free(read->path);
	mem_free(read->get);
	mem_free(read);
}

void rest_archived_reads_free(struct rest *rest)
{
	LIST_FOR_EACH (&rest->archived_reads, struct archived_read, node, read) {
		rest_request_unref(read->request);
		read_free(read);
	}
}

/* ---- cutting to measure, on another thread -------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* An archive is a file: what no number of ours can be is none, so that it can be reckoned with. */
static int64_t number_of(const json_t *object, const char *key)
{
	int64_t number = json_integer_value(json_object_get(object, key));

	return number >= -1 && number <= HISTORY_NUMBER_MAX ? number : 0;
}

static uint64_t offset_of(const json_t *object, const char *key)
{
	int64_t offset = number_of(object, key);

	return offset > 0 ? (uint64_t)offset : 0;
}

static struct bytes lines_of(const json_t *root)
{
	const json_t *lines = json_object_get(root, "output");

	return bytes_of(json_string_value(lines), json_string_length(lines));
}

/* As many whole lines as fit; a longer one is cut, because else nothing would ever fit. */
static size_t whole_lines(const char *text, size_t size_bytes, size_t most)
{
	size_t length = size_bytes < most ? size_bytes : most;

	for (size_t i = length; i > 0 && length < size_bytes; i--)
		if (text[i - 1] == '\n')
			return i;
	return length;
}

static void cut_output(const void *query, struct buf *answer)
{
	const struct archived_read *read = query;
	json_t *root = json_loadb(answer->data, answer->size_bytes, 0, NULL);
	const json_t *failure = json_object_get(root, "failure");
	struct bytes lines = lines_of(root);
	uint64_t kept = offset_of(root, "offset"), from = (uint64_t)read->from;
	uint64_t end = kept + lines.size_bytes;
	struct json_out json;
	size_t skip;

	from = from < kept ? kept : from > end ? end : from;
	skip = (size_t)(from - kept);
	buf_clear(answer);
	json_out_init(&json, answer);
	rest_put_output(
		&json,
		&(struct rest_output){
			.status = text_of(root, "status"),
			.note = text_of(root, "note"),
			.lines = bytes_of((const char *)lines.data + skip,
					  whole_lines((const char *)lines.data + skip,
						      lines.size_bytes - skip, (size_t)read->most)),
			.offset = from,
			.end = end,
			.is_final = true,
			.start_ms = number_of(root, "start-time"),
			.end_ms = number_of(root, "end-time"),
			.all_running_ms = number_of(root, "all-running-time"),
			.failure_code = number_of(failure, "code"),
			.failure_text = failure != NULL ? text_of(failure, "text") : NULL,
			.failure_origin = text_of(failure, "origin"),
		});
	json_decref(root);
}

static void cut_lines(const void *query, struct buf *answer)
{
	const struct archived_read *read = query;
	json_t *root = json_loadb(answer->data, answer->size_bytes, 0, NULL);
	struct log_filter filter;
	struct log_page page;
	struct json_out json;

	log_filter_init(&filter, read->lines.search, LOG_TRACE);
	log_page_of_text(&page, lines_of(root), offset_of(root, "offset"), &filter,
			 read->lines.bytes_max, read->lines.from, read->lines.backwards);
	buf_clear(answer);
	json_out_init(&json, answer);
	rest_put_page(&json, "output", &page);
	log_page_fini(&page);
	json_decref(root);
}

static bool is_wanted(const char *get, const char *name)
{
	const char *item;
	size_t length;

	while (rest_list_next(&get, &item, &length))
		if (rest_series_fits(item, length, name))
			return true;
	return false;
}

/* The points of [first, first + count) of those series that are asked for. */
static json_t *cut_points(const json_t *series, const char *get, size_t first, size_t count)
{
	json_t *wanted = json_object(), *points;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)series, name, points)
	{
		json_t *some = json_array();

		for (size_t i = first; i < first + count && i < json_array_size(points); i++)
			json_array_append(some, json_array_get(points, i));
		if (is_wanted(get, name))
			json_object_set(wanted, name, some);
		json_decref(some);
	}
	return wanted;
}

static json_t *names_of(const json_t *root)
{
	json_t *names = json_array(), *points;
	const char *name;

	json_object_foreach(json_object_get(root, "series"), name, points)
		json_array_append_new(names, json_string(name));
	return names;
}

static int add_text(const char *text, size_t size_bytes, void *context)
{
	buf_add(context, text, size_bytes);
	return 0;
}

static void put_json(struct buf *answer, json_t *root)
{
	buf_clear(answer);
	(void)json_dump_callback(root, add_text, answer, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(root);
}

static void cut_series(const void *query, struct buf *answer)
{
	const struct archived_read *read = query;
	json_t *root = json_loadb(answer->data, answer->size_bytes, 0, NULL), *cut = json_object();
	int64_t begin = (int64_t)offset_of(root, "from"), step = number_of(root, "step");
	int64_t first, last;

	step = step > 0 ? step : 1;
	first = read->from > begin ? (read->from - begin) / step : 0;
	last = read->to > begin ? (read->to - begin - 1) / step + 1 : 0;
	if (read->get == NULL) {
		json_object_set_new(cut, "names", names_of(root));
		json_object_set_new(cut, "begin", json_integer(begin));
	} else {
		json_object_set_new(cut, "from", json_integer(begin + first * step));
		json_object_set_new(cut, "step", json_integer(step));
		json_object_set_new(cut, "series",
				    cut_points(json_object_get(root, "series"), read->get,
					       (size_t)first,
					       last > first ? (size_t)(last - first) : 0));
	}
	json_object_set(cut, "markers", json_object_get(root, "markers"));
	json_object_set(cut, "missing", json_object_get(root, "missing"));
	json_decref(root);
	put_json(answer, cut);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void answer_kept(void *context, struct buf *answer, const char *not_kept,
			const struct err *err)
{
	struct archived_read *read = context;
	struct rest_request *request = read->request;

	if (answer != NULL)
		rest_answer_bytes(request, 200, REST_JSON, answer);
	else if (not_kept != NULL)
		rest_answer_error(request, 404, "%s: the job has ended, and %s.", read->path,
				  not_kept);
	else
		rest_answer_err(request, err);
	read_free(read);
}

/* The path by which the answer is kept: the route's, with ids as we spell them. */
static char *kept_path(const struct rest_request *request)
{
	struct buf path;

	buf_init(&path);
	for (const char *at = request->route->pattern; *at != '\0';) {
		size_t length = strcspn(at + 1, "/") + 1;
		char name[64], id_text[ID_TEXT_SIZE];
		const char *value;
		struct id id;

		if (at[1] != ':') {
			buf_add(&path, at, length);
			at += length;
			continue;
		}
		CHECK(length - 2 < sizeof(name), "a parameter's name has %zu bytes", length - 2);
		memcpy(name, at + 2, length - 2);
		name[length - 2] = '\0';
		value = rest_parameter(request, name);
		buf_printf(&path, "/%s", id_parse(value, &id) ? id_format(&id, id_text) : value);
		at += length;
	}
	return buf_take(&path);
}

static struct archived_read *begin(struct rest *rest, struct rest_request *request)
{
	struct archived_read *read = MEM_NEW(struct archived_read);

	read->request = request;
	list_push_back(&rest->archived_reads, &read->node);
	return read;
}

static void read_kept(struct rest *rest, struct archived_read *read, const struct id *job_id,
		      history_cut_fn *cut)
{
	rest_defer(read->request);
	history_read(dispatcher_history(rest->dispatcher), job_id, read->path, cut, read,
		     answer_kept, read);
}

/* False: the query is wrong; answered. */
static bool take_query(struct archived_read *read, history_cut_fn **cut)
{
	struct rest_request *request = read->request;
	rest_handler_fn *handler = request->route->handler;

	*cut = NULL;
	if (handler == rest_job_output) {
		*cut = cut_output;
		if (!rest_query_int(request, "from", 0, 0, &read->from) ||
		    !rest_query_int(request, "max", 0, OUTPUT_BYTES, &read->most))
			return false;
	} else if (handler == rest_job_output_lines) {
		*cut = cut_lines;
		if (!rest_lines_query(request, &read->lines))
			return false;
		read->wants_lines = true;
		/* Lines are kept with what is told of the output. */
		read->path[strlen(read->path) - strlen("/lines")] = '\0';
	} else if (handler == rest_job_series) {
		*cut = cut_series;
		if (!rest_query_int(request, "from", 0, 0, &read->from) ||
		    !rest_query_int(request, "to", 0, INT64_MAX, &read->to))
			return false;
		read->get = rest_query(request, "get");
	}
	return true;
}

/* ---- what would change it ------------------------------------------------------------------- */

static void refuse(struct rest *rest, struct rest_request *request, const struct history_job *job)
{
	rest_handler_fn *handler = request->route->handler;
	struct err err = ERR_INIT;

	if (handler == rest_job_client_heartbeat) {
		rest_answer_empty(request, 202);
	} else if (handler == rest_job_cancel || handler == rest_job_yarn_cancel) {
		if (!conf_bool(rest->conf, "web.cancel.enable"))
			rest_answer_error(request, 403,
					  "Cancelling over REST is switched off "
					  "(web.cancel.enable: false).");
		else if (dispatcher_cancel(rest->dispatcher, &job->id, &err) != 0)
			rest_answer_err(request, &err);
		else
			rest_answer_empty(request, 202);
	} else {
		dispatcher_has_ended(job, &err);
		rest_answer_err(request, &err);
	}
}

bool rest_archived(struct rest *rest, struct rest_request *request)
{
	rest_handler_fn *handler = request->route->handler;
	const struct history_job *job;
	struct archived_read *read;
	history_cut_fn *cut;
	struct id id;

	if (!id_parse(rest_parameter(request, "jobid"), &id))
		return false;
	job = dispatcher_find_archived(rest->dispatcher, &id);
	/* Metrics of what is not there are an empty list. */
	if (job == NULL || handler == rest_job_metrics || handler == rest_vertex_metrics ||
	    handler == rest_vertex_subtasks_metrics)
		return false;
	if (strcmp(request->route->method, "GET") != 0 || handler == rest_job_yarn_cancel) {
		refuse(rest, request, job);
		return true;
	}
	if (handler == rest_job_status) {
		json_out_object(&request->json, NULL);
		json_out_text(&request->json, "status", sm_name(&job_states, job->status));
		json_out_close(&request->json);
		rest_answer(request, 200);
		return true;
	}
	read = begin(rest, request);
	read->path = kept_path(request);
	if (take_query(read, &cut))
		read_kept(rest, read, &id, cut);
	else
		read_free(read);
	return true;
}
