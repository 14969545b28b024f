/* SPDX-License-Identifier: Apache-2.0
 * file_lines.c - pages of lines of log files: …/logs/:filename/lines?from=&max=&backwards=&search=
 * &level=&wait_ms=&file=. The reading and searching is done where the file is
 * (common/logs/log_reader.h). Ours, not Flink's. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/logs/log_reader.h"
#include "jobmanager/rest/rest_priv.h"
#include "task_executor.pb-c.h"

#define PAGE_BYTES 65536

/* ---- the query ------------------------------------------------------------------------------ */

void rest_lines_query_free(struct log_query *query)
{
	mem_free((char *)(uintptr_t)query->search);
	mem_free((char *)(uintptr_t)query->mark);
}

static bool parse_level(struct rest_request *request, enum log_level *level)
{
	char *text = rest_query(request, "level");
	bool good = text == NULL || log_level_parse(text, level);

	if (!good)
		rest_answer_error(
			request, 400,
			"There is no level \"%.100s\"; there are TRACE, DEBUG, INFO, WARN "
			"and ERROR, each with what is more severe.",
			text);
	mem_free(text);
	return good;
}

static bool parse_backwards(struct rest_request *request, bool *backwards)
{
	char *text = rest_query(request, "backwards");
	bool good = text == NULL || strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0;

	*backwards = text != NULL && strcasecmp(text, "true") == 0;
	if (!good)
		rest_bad_parameter(request, "query", "backwards", text);
	mem_free(text);
	return good;
}

static bool parse_search(struct rest_request *request, struct log_query *query)
{
	char *search = rest_query(request, "search"), *mark = rest_query(request, "file");

	query->search = search != NULL ? search : mem_strdup("");
	query->mark = mark != NULL ? mark : mem_strdup("");
	if (strlen(query->search) <= LOG_SEARCH_BYTES_MAX)
		return true;
	rest_answer_error(request, 400, "The text to search has %zu bytes; %d are the most.",
			  strlen(query->search), LOG_SEARCH_BYTES_MAX);
	rest_lines_query_free(query);
	return false;
}

bool rest_lines_query(struct rest_request *request, struct log_query *query)
{
	int64_t most, wait_ms;

	*query = (struct log_query){ .name = rest_parameter(request, "filename"),
				     .level = LOG_TRACE };
	if (!parse_backwards(request, &query->backwards) ||
	    !rest_query_int(request, "from", -1, query->backwards ? -1 : 0, &query->from) ||
	    !rest_query_int(request, "max", 1, PAGE_BYTES, &most) ||
	    !rest_query_int(request, "wait_ms", 0, 0, &wait_ms) ||
	    !parse_level(request, &query->level) || !parse_search(request, query))
		return false;
	query->bytes_max = (uint32_t)(most < LOG_PAGE_BYTES_MAX ? most : LOG_PAGE_BYTES_MAX);
	query->wait_ms =
		(uint32_t)(wait_ms < LOG_READ_WAIT_MS_MAX ? wait_ms : LOG_READ_WAIT_MS_MAX);
	return true;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void no_such_file(struct rest_request *request)
{
	rest_answer_error(request, 404, "There is no log file \"%.200s\".",
			  rest_parameter(request, "filename"));
}

void rest_put_page(struct json_out *json, const char *name, const struct log_page *page)
{
	json_out_object(json, NULL);
	json_out_text(json, "name", name);
	json_out_count(json, "size", page->size_bytes);
	json_out_count(json, "from", page->from);
	json_out_count(json, "next", page->next);
	json_out_bool(json, "begin", page->from == 0);
	json_out_bool(json, "end", page->next >= page->size_bytes);
	json_out_text(json, "file", page->mark);
	json_out_bool(json, "restarted", page->restarted);
	json_out_array(json, "lines");
	for (uint32_t i = 0; i < page->lines_count; i++) {
		const struct log_line *line = &page->lines[i];

		json_out_object(json, NULL);
		json_out_count(json, "at", line->at);
		json_out_bytes(json, "text", page->text.data + line->offset, line->size_bytes);
		if (line->open)
			json_out_bool(json, "open", true);
		json_out_close(json);
	}
	json_out_close(json);
	json_out_close(json);
}

static void answer_page(struct rest_request *request, const struct log_page *page)
{
	rest_put_page(&request->json, rest_parameter(request, "filename"), page);
	rest_answer(request, 200);
}

/* ---- the JobManager's files ----------------------------------------------------------------- */

struct page_read {
	struct list_node node; /* in rest->page_reads */
	struct rest_request *request;
	struct log_reader *reader;
};

static void page_done(void *context, const struct log_page *page, const struct err *err)
{
	struct page_read *read = context;
	struct rest_request *request = read->request;

	list_remove(&read->node);
	mem_free(read);
	if (page == NULL)
		rest_answer_err(request, err);
	else if (page->missing)
		no_such_file(request);
	else
		answer_page(request, page);
}

void rest_page_reads_free(struct rest *rest)
{
	LIST_FOR_EACH (&rest->page_reads, struct page_read, node, read) {
		log_reader_drop(&read->reader);
		rest_request_unref(read->request);
		list_remove(&read->node);
		mem_free(read);
	}
}

void rest_jobmanager_file_lines(struct rest *rest, struct rest_request *request)
{
	struct log_query query;
	struct page_read *read;

	if (rest->log_directory == NULL) {
		no_such_file(request);
		return;
	}
	if (!rest_lines_query(request, &query))
		return;
	read = MEM_NEW(struct page_read);
	read->request = request;
	list_push_back(&rest->page_reads, &read->node);
	rest_defer(request);
	read->reader = log_reader_start(rest->runner, rest->log_directory, &query, page_done, read);
	rest_lines_query_free(&query);
}

/* ---- a TaskManager's ------------------------------------------------------------------------ */

/* The same page, its texts where they came. */
static void page_of(const Flink__ReadLinesResponse *answer, struct log_page *page)
{
	log_page_init(page);
	page->size_bytes = answer->size_bytes;
	page->from = answer->from;
	page->next = answer->next;
	page->restarted = answer->restarted;
	snprintf(page->mark, sizeof(page->mark), "%.16s", answer->mark);
	for (size_t i = 0; i < answer->n_lines; i++) {
		const Flink__LogLine *from = answer->lines[i];
		struct log_line line = { .at = from->at,
					 .size_bytes = from->text.len,
					 .open = from->open };

		(void)log_page_add(page, LOG_PAGE_BYTES_MAX, false, &line,
				   (const char *)from->text.data);
	}
}

static void lines_came(const Flink__ReadLinesResponse *answer, void *closure_data)
{
	struct rest_request *request = closure_data;
	struct log_page page;

	if (answer == NULL) {
		rest_answer_err(request, rpc_error());
		return;
	}
	if (answer->missing) {
		no_such_file(request);
		return;
	}
	page_of(answer, &page);
	answer_page(request, &page);
	log_page_fini(&page);
}

void rest_taskmanager_file_lines(struct rest *rest, struct rest_request *request)
{
	Flink__ReadLinesRequest message = FLINK__READ_LINES_REQUEST__INIT;
	struct taskmanager_info *info = rest_reachable_taskmanager(rest, request);
	struct log_query query;

	if (info == NULL || !rest_lines_query(request, &query))
		return;
	struct rpc_stub stub = rest_taskmanager_stub(info);

	message.name = (char *)(uintptr_t)query.name;
	message.from = query.from;
	message.backwards = query.backwards;
	message.max_bytes = query.bytes_max;
	message.search = (char *)(uintptr_t)query.search;
	message.level = query.level;
	message.wait_ms = query.wait_ms;
	message.mark = (char *)(uintptr_t)query.mark;
	rest_defer(request);
	flink__task_executor__read_lines(rpc_stub_service(&stub), &message, lines_came, request);
	rest_lines_query_free(&query);
}
