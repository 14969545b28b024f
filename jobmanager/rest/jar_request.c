/* SPDX-License-Identifier: Apache-2.0
 * jar_request.c - see jar_request.h. What the body may hold was checked by its shape already. */
#include "jobmanager/rest/jar_request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"

#define WHITE " \t\r\n\v\f"

void jar_order_fini(struct jar_order *order)
{
	mem_free(order->entry);
	buf_fini(&order->arguments);
	buf_fini(&order->settings);
}

static void add_text(struct buf *into, const char *text)
{
	buf_add(into, text, strlen(text) + 1);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void add_without_quotes(struct buf *into, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != '"' && text[i] != '\'')
			buf_add(into, &text[i], 1);
	buf_add(into, "", 1);
}

void jar_split_arguments(const char *text, struct buf *into)
{
	for (text += strspn(text, WHITE); *text != '\0'; text += strspn(text, WHITE)) {
		bool quoted = *text == '"' || *text == '\'';
		const char *end = quoted ? strchr(text + 1, *text) : text + strcspn(text, WHITE);

		if (end == NULL) { /* a quote without its like means nothing */
			text++;
			continue;
		}
		add_without_quotes(into, text, (size_t)(end - text));
		text = end + (quoted ? 1 : 0);
	}
}

/* ---- body and query ------------------------------------------------------------------------- */

static const json_t *field_of(const struct rest_request *request, const char *key)
{
	return request->fields != NULL ? json_object_get(request->fields, key) : NULL;
}

/* A text, or a number or truth as one; NULL: none of them. */
static char *text_of(const json_t *value)
{
	if (json_is_string(value))
		return mem_strdup(json_string_value(value));
	if (json_is_integer(value))
		return mem_printf("%lld", (long long)json_integer_value(value));
	if (json_is_real(value))
		return mem_printf("%.17g", json_real_value(value));
	return json_is_boolean(value) ? mem_strdup(json_is_true(value) ? "true" : "false") : NULL;
}

/* What the request says about it; NULL: nothing. A null in the body is something: Flink's page says
 * so that it leaves it out, and some of its versions put another thing into the query's place. */
static char *said(const struct rest_request *request, const char *in_body, const char *in_query)
{
	const json_t *field = field_of(request, in_body);
	char *text = field != NULL ? text_of(field) : rest_query(request, in_query);

	if (text != NULL && text[0] == '\0') {
		mem_free(text);
		text = NULL;
	}
	return text;
}

static bool take_parallelism(struct rest_request *request, struct jar_order *order)
{
	char *text = said(request, "parallelism", "parallelism");
	size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
	bool good = text == NULL || (digits > 0 && digits < 10 && text[digits] == '\0');

	if (text != NULL && good)
		order->parallelism = (uint32_t)strtoul(text, NULL, 10);
	good = good && order->parallelism <= LIMIT_PARALLELISM_MAX &&
	       (text == NULL || order->parallelism > 0);
	if (!good)
		rest_answer_error(request, 400,
				  "The parallelism is \"%.100s\"; a number from 1 to %d is needed.",
				  text, LIMIT_PARALLELISM_MAX);
	mem_free(text);
	return good;
}

static bool take_job_id(struct rest_request *request, struct jar_order *order)
{
	char *text = said(request, "jobId", "jobId");
	bool good = text == NULL || id_parse(text, &order->job_id);

	if (!good)
		rest_bad_parameter(request, "body", "jobId", text);
	mem_free(text);
	return good;
}

/* ---- arguments of the program --------------------------------------------------------------- */

static bool refuse_both(struct rest_request *request)
{
	rest_answer_error(request, 400,
			  "Confusing request: the program's arguments are given both as one text "
			  "and as a list; leave one of them out.");
	return false;
}

static bool take_body_arguments(struct rest_request *request, struct jar_order *order)
{
	const json_t *list = field_of(request, "programArgsList");
	const char *text = json_string_value(field_of(request, "programArgs"));
	const json_t *item;
	size_t i;

	if (text != NULL && text[0] != '\0' && json_array_size(list) > 0)
		return refuse_both(request);
	if (text != NULL)
		jar_split_arguments(text, &order->arguments);
	json_array_foreach(list, i, item) add_text(&order->arguments, json_string_value(item));
	return true;
}

/* programArg may come several times, each a list with commas. False: it cannot be decoded. */
static bool add_query_list(const char *query, struct buf *into)
{
	static const char name[] = "programArg=";

	for (const char *at = query; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, "&");

		if (length >= sizeof(name) - 1 && strncmp(at, name, sizeof(name) - 1) == 0) {
			char *list = door_decode(at + sizeof(name) - 1, length - sizeof(name) + 1,
						 true);

			if (list == NULL)
				return false;
			for (const char *item = list; *item != '\0';) {
				size_t size = strcspn(item, ",");

				buf_add(into, item, size);
				buf_add(into, "", 1);
				item += size + (item[size] == ',');
			}
			mem_free(list);
		}
		at += length + (at[length] == '&');
	}
	return true;
}

static bool take_query_arguments(struct rest_request *request, struct jar_order *order)
{
	char *text = rest_query(request, "program-args");
	bool good = add_query_list(request->query, &order->arguments);

	if (!good)
		rest_bad_parameter(request, "query", "programArg", "");
	else if (text != NULL && text[0] != '\0' && order->arguments.size_bytes > 0)
		good = refuse_both(request);
	else if (text != NULL)
		jar_split_arguments(text, &order->arguments);
	mem_free(text);
	return good;
}

static bool take_arguments(struct rest_request *request, struct jar_order *order)
{
	bool in_body = field_of(request, "programArgs") != NULL ||
		       field_of(request, "programArgsList") != NULL;

	return in_body ? take_body_arguments(request, order)
		       : take_query_arguments(request, order);
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Where the program runs, and where its job goes, is no matter of its settings here. */
static bool is_about_the_client(const char *key)
{
	return strncmp(key, "rest.", 5) == 0 || strncmp(key, "jobmanager.rpc.", 15) == 0 ||
	       strcmp(key, "execution.target") == 0 || strcmp(key, "execution.attached") == 0;
}

static bool take_settings(struct rest_request *request, struct jar_order *order)
{
	json_t *settings = json_object_get(request->fields, "flinkConfiguration"), *value;
	const char *key;

	json_object_foreach(settings, key, value)
	{
		char *text = text_of(value);
		bool good = text != NULL && key[0] != '\0' && strpbrk(key, "=\n") == NULL &&
			    strchr(text, '\n') == NULL;

		if (good && !is_about_the_client(key)) {
			buf_printf(&order->settings, "%s=%s", key, text);
			buf_add(&order->settings, "", 1);
		}
		mem_free(text);
		if (!good) {
			rest_answer_error(request, 400,
					  "flinkConfiguration: the value of \"%.200s\" is no text "
					  "of one line.",
					  key);
			return false;
		}
	}
	return true;
}

/* ---- state ---------------------------------------------------------------------------------- */

static bool take_savepoint(struct rest_request *request)
{
	char *path = said(request, "savepointPath", "savepointPath");
	char *allow = said(request, "allowNonRestoredState", "allowNonRestoredState");
	bool good = allow == NULL || strcmp(allow, "true") == 0 || strcmp(allow, "false") == 0;
	struct err err = ERR_INIT;

	if (!good) {
		rest_bad_parameter(request, "query", "allowNonRestoredState", allow);
	} else if (path != NULL) {
		good = false;
		err_set(&err, ERR_NOT_YET,
			"starting from a savepoint (savepointPath %.300s) is not part of this "
			"version yet; without it the job starts anew",
			path);
		rest_answer_err(request, &err);
	}
	mem_free(path);
	mem_free(allow);
	return good;
}

bool jar_order_take(struct rest_request *request, struct jar_order *order)
{
	buf_init(&order->arguments);
	buf_init(&order->settings);
	order->job_id = ID_NONE;
	order->entry = said(request, "entryClass", "entry-class");
	if (!take_parallelism(request, order) || !take_job_id(request, order) ||
	    !take_arguments(request, order) || !take_settings(request, order) ||
	    !take_savepoint(request))
		return false;
	if (order->arguments.size_bytes + order->settings.size_bytes <= JAR_ORDER_BYTES_MAX)
		return true;
	rest_answer_error(request, 400,
			  "Arguments and settings have %zu bytes; at most %d are allowed.",
			  order->arguments.size_bytes + order->settings.size_bytes,
			  JAR_ORDER_BYTES_MAX);
	return false;
}
