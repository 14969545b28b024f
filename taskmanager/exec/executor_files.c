/* SPDX-License-Identifier: Apache-2.0
 * executor_files.c - the TaskManager's log folder over RPC. A name is looked up in the folder's own
 * listing and never joined to a path unchecked, so nothing outside the folder can be asked for. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/logs/log_reader.h"
#include "taskmanager/exec/executor_priv.h"

#define READ_BYTES_MAX (1024u * 1024)

enum file_stage { FILES_LISTING, FILES_STATING, FILES_OPENING, FILES_READING, FILES_CLOSING };

struct found {
	char *name;
	uint64_t size_bytes;
	wall_t modified;
};

struct file_call { /* one ListFiles or ReadFile under way */
	struct list_node node;
	struct task_executor *executor;
	bool reading;
	enum file_stage stage;
	struct file_op op, read_op;
	char *path, *name, *content, *names;
	const char *next_name;
	struct found *found;
	uint32_t found_count;
	uint64_t offset;
	uint32_t max_bytes;
	int64_t handle, file_bytes;
	Flink__ListFilesResponse_Closure list_closure;
	Flink__ReadFileResponse_Closure read_closure;
	void *closure_data;
};

static void call_destroy(struct file_call *call)
{
	list_remove(&call->node);
	for (uint32_t i = 0; i < call->found_count; i++)
		mem_free(call->found[i].name);
	mem_free(call->found);
	mem_free(call->path);
	mem_free(call->name);
	mem_free(call->content);
	mem_free(call->names);
	mem_free(call);
}

static void submit(struct file_call *call, struct file_op op)
{
	struct task_executor *executor = call->executor;

	call->op = op;
	file_submit(runner_loop(executor->options.runner), &call->op, &executor->agent);
}

static struct file_call *call_create(struct task_executor *executor, void *closure_data)
{
	struct file_call *call = MEM_NEW(struct file_call);
	struct err err;

	if (executor->base.log_directory == NULL) {
		mem_free(call);
		err_set(&err, ERR_IO, "this TaskManager writes no log files");
		rpc_fail(closure_data, &err);
		return NULL;
	}
	call->executor = executor;
	call->closure_data = closure_data;
	call->stage = FILES_LISTING;
	list_push_back(&executor->file_calls, &call->node);
	return call;
}

void executor_files_list(Flink__TaskExecutor_Service *service, const Flink__ListFilesRequest *input,
			 Flink__ListFilesResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	struct file_call *call = call_create(executor, closure_data);

	if (call == NULL)
		return;
	call->list_closure = closure;
	submit(call, (struct file_op){ .kind = FILE_LIST, .path = executor->base.log_directory });
}

void executor_files_read(Flink__TaskExecutor_Service *service, const Flink__ReadFileRequest *input,
			 Flink__ReadFileResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	const char *name = strcmp(input->name, "log") == 0	? executor->base.log_name
			   : strcmp(input->name, "stdout") == 0 ? executor->base.out_name
								: input->name;
	struct file_call *call = call_create(executor, closure_data);

	if (call == NULL)
		return;
	call->reading = true;
	call->read_closure = closure;
	call->name = mem_strdup(name ? name : "");
	call->offset = input->offset;
	call->max_bytes = input->max_bytes < READ_BYTES_MAX ? input->max_bytes : READ_BYTES_MAX;
	submit(call, (struct file_op){ .kind = FILE_LIST, .path = executor->base.log_directory });
}

static void fail(struct file_call *call, const struct err *err)
{
	rpc_fail(call->closure_data, err);
	call_destroy(call);
}

static void answer_list(struct file_call *call)
{
	struct task_executor *executor = call->executor;
	Flink__ListFilesResponse answer = FLINK__LIST_FILES_RESPONSE__INIT;
	struct arena *arena = arena_create("files");

	answer.files = arena_alloc(arena, call->found_count * sizeof(*answer.files));
	for (uint32_t i = 0; i < call->found_count; i++) {
		Flink__FileInfo *info = arena_alloc(arena, sizeof(*info));
		const char *name = call->found[i].name;

		flink__file_info__init(info);
		info->name = call->found[i].name;
		info->size_bytes = call->found[i].size_bytes;
		info->modified_ms = call->found[i].modified;
		info->is_log =
			executor->base.log_name && strcmp(name, executor->base.log_name) == 0;
		info->is_stdout =
			executor->base.out_name && strcmp(name, executor->base.out_name) == 0;
		answer.files[answer.n_files++] = info;
	}
	call->list_closure(&answer, call->closure_data);
	arena_destroy(&arena);
	call_destroy(call);
}

/* Stats the next name of the listing, or answers when there is none. */
static void stat_next(struct file_call *call)
{
	if (*call->next_name == '\0') {
		answer_list(call);
		return;
	}
	mem_free(call->path);
	call->path = mem_printf("%s/%s", call->executor->base.log_directory, call->next_name);
	call->stage = FILES_STATING;
	submit(call, (struct file_op){ .kind = FILE_STAT, .path = call->path });
}

static void listed(struct file_call *call)
{
	uint32_t names = 0;

	call->names = call->op.names;
	call->op.names = NULL;
	if (!call->reading) {
		for (const char *name = call->names; *name != '\0'; name += strlen(name) + 1)
			names++;
		call->found = MEM_NEW_ARRAY(struct found, names);
		call->next_name = call->names;
		stat_next(call);
		return;
	}
	for (const char *name = call->names; *name != '\0'; name += strlen(name) + 1) {
		if (strcmp(name, call->name) != 0)
			continue;
		call->path = mem_printf("%s/%s", call->executor->base.log_directory, name);
		call->stage = FILES_OPENING;
		submit(call, (struct file_op){ .kind = FILE_OPEN_READ, .path = call->path });
		return;
	}
	struct err err;

	err_set(&err, ERR_IO, "there is no log file \"%.200s\"", call->name);
	fail(call, &err);
}

static void stated(struct file_call *call)
{
	if (call->op.result == 1 && !call->op.is_directory)
		call->found[call->found_count++] =
			(struct found){ mem_strdup(call->next_name), (uint64_t)call->op.size_bytes,
					call->op.modified };
	call->next_name += strlen(call->next_name) + 1;
	stat_next(call);
}

static void opened(struct file_call *call)
{
	struct task_executor *executor = call->executor;

	call->handle = call->op.handle;
	call->file_bytes = call->op.size_bytes;
	call->content = mem_alloc(call->max_bytes);
	call->stage = FILES_READING;
	call->read_op = (struct file_op){ .kind = FILE_READ, .handle = call->handle,
					  .offset = (int64_t)call->offset,
					  .into = { call->content, call->max_bytes } };
	file_submit(runner_loop(executor->options.runner), &call->read_op, &executor->agent);
}

static void closed(struct file_call *call)
{
	if (call->read_op.result < 0) {
		fail(call, &call->read_op.err);
		return;
	}
	Flink__ReadFileResponse answer = FLINK__READ_FILE_RESPONSE__INIT;

	answer.content.data = (uint8_t *)call->content;
	answer.content.len = (size_t)call->read_op.result;
	answer.size_bytes = (uint64_t)call->file_bytes;
	call->read_closure(&answer, call->closure_data);
	call_destroy(call);
}

static void call_step(struct file_call *call)
{
	if (call->stage == FILES_READING) {
		if (!atomic_load(&call->read_op.done))
			return;
		call->stage = FILES_CLOSING;
		submit(call, (struct file_op){ .kind = FILE_CLOSE, .handle = call->handle });
		return;
	}
	if (!atomic_load(&call->op.done))
		return;
	if (call->op.result < 0 && call->stage != FILES_STATING) {
		fail(call, &call->op.err);
		return;
	}
	switch (call->stage) {
	case FILES_LISTING: listed(call); break;
	case FILES_STATING: stated(call); break;
	case FILES_OPENING: opened(call); break;
	case FILES_CLOSING: closed(call); break;
	default: CHECK(false, "stage %d", (int)call->stage);
	}
}

/* ---- pages of lines ------------------------------------------------------------------------- */

struct line_call { /* one ReadLines under way */
	struct list_node node;
	struct log_reader *reader;
	Flink__ReadLinesResponse_Closure closure;
	void *closure_data;
};

static void answer_lines(const struct line_call *call, const struct log_page *page)
{
	Flink__ReadLinesResponse answer = FLINK__READ_LINES_RESPONSE__INIT;
	struct arena *arena = arena_create("lines");

	answer.missing = page->missing;
	answer.size_bytes = page->size_bytes;
	answer.from = page->from;
	answer.next = page->next;
	answer.mark = arena_strdup(arena, page->mark);
	answer.restarted = page->restarted;
	answer.lines = arena_alloc(arena, page->lines_count * sizeof(*answer.lines));
	for (uint32_t i = 0; i < page->lines_count; i++) {
		Flink__LogLine *line = arena_alloc(arena, sizeof(*line));

		flink__log_line__init(line);
		line->at = page->lines[i].at;
		line->text.data = (uint8_t *)page->text.data + page->lines[i].offset;
		line->text.len = page->lines[i].size_bytes;
		line->open = page->lines[i].open;
		answer.lines[answer.n_lines++] = line;
	}
	call->closure(&answer, call->closure_data);
	arena_destroy(&arena);
}

static void lines_read(void *context, const struct log_page *page, const struct err *err)
{
	struct line_call *call = context;

	if (page != NULL)
		answer_lines(call, page);
	else
		rpc_fail(call->closure_data, err);
	list_remove(&call->node);
	mem_free(call);
}

static int check_lines_request(const struct task_executor *executor,
			       const Flink__ReadLinesRequest *input, struct err *err)
{
	if (executor->base.log_directory == NULL)
		return err_set(err, ERR_IO, "this TaskManager writes no log files");
	if (input->max_bytes == 0 || input->max_bytes > LOG_PAGE_BYTES_MAX ||
	    strlen(input->search) > LOG_SEARCH_BYTES_MAX || input->level > LOG_ERROR)
		return err_set(err, ERR_NET_PROTOCOL,
			       "a page of %u bytes, %zu bytes to search, of level %u",
			       input->max_bytes, strlen(input->search), input->level);
	return 0;
}

void executor_files_lines(Flink__TaskExecutor_Service *service,
			  const Flink__ReadLinesRequest *input,
			  Flink__ReadLinesResponse_Closure closure, void *closure_data)
{
	struct task_executor *executor = executor_of_service(service);
	const struct log_query query = {
		.name = input->name,
		.search = input->search,
		.level = (enum log_level)input->level,
		.from = input->from,
		.backwards = input->backwards,
		.bytes_max = input->max_bytes,
		.wait_ms = input->wait_ms,
		.mark = input->mark,
	};
	struct line_call *call;
	struct err err = ERR_INIT;

	if (check_lines_request(executor, input, &err) != 0) {
		rpc_fail(closure_data, &err);
		return;
	}
	call = MEM_NEW(struct line_call);
	call->closure = closure;
	call->closure_data = closure_data;
	list_push_back(&executor->line_calls, &call->node);
	call->reader = log_reader_start(executor->options.runner, executor->base.log_directory,
					&query, lines_read, call);
}

void executor_files_step(struct task_executor *executor)
{
	LIST_FOR_EACH(&executor->file_calls, struct file_call, node, call)
		call_step(call);
}

void executor_files_fini(struct task_executor *executor)
{
	struct err err;

	err_set(&err, ERR_TASKMANAGER_LOST, "this TaskManager is stopping");
	LIST_FOR_EACH(&executor->file_calls, struct file_call, node, call)
		fail(call, &err);
	LIST_FOR_EACH(&executor->line_calls, struct line_call, node, call) {
		log_reader_drop(&call->reader);
		rpc_fail(call->closure_data, &err);
		list_remove(&call->node);
		mem_free(call);
	}
}
