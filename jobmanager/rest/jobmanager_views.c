/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_views.c - /jobmanager and below: settings (masked), process figures, log files. File
 * names are looked up in the log folder's listing, never joined to a path unchecked. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

#define LOG_BYTES_MAX (64 * 1024 * 1024)

void rest_jobmanager_config(struct rest *rest, struct rest_request *request)
{
	json_t *root = json_array();
	const char *key, *value;
	size_t at = 0;

	while (conf_next(rest->options->conf, &at, &key, &value))
		json_array_append_new(root, json_pack("{s:s,s:s,s:s}", "key", key, "value", conf_mask(key, value),
						      "origin", conf_origin(rest->options->conf, key)));
	rest_answer_json(request, 200, root);
}

void rest_jobmanager_environment(struct rest *rest, struct rest_request *request)
{
	rest_answer_json(request, 200, json_pack("{s:{s:s,s:s,s:[]},s:[]}", "jvm", "version",
		"none: native daemon (" __VERSION__ ")", "arch",
#if defined(__x86_64__)
		"amd64",
#else
		"aarch64",
#endif
		"options", "classpath"));
}

void rest_jobmanager_metrics(struct rest *rest, struct rest_request *request)
{
	char *get = rest_query(request, "get");
	uint32_t taskmanagers, slots, free_slots, running = 0;
	json_t *root = json_array();

	resource_manager_counts(dispatcher_resource_manager(rest->dispatcher), &taskmanagers, &slots, &free_slots);
	LIST_FOR_EACH(dispatcher_jobs(rest->dispatcher), struct job, node, job)
		running += !job_is_final(job);
	const struct { const char *id; long long value; } rows[] = {
		{ "taskSlotsTotal", slots }, { "taskSlotsAvailable", free_slots },
		{ "numRegisteredTaskManagers", taskmanagers }, { "numRunningJobs", running },
		{ "Status.JVM.Memory.Heap.Used", mem_bytes_out() },
		{ "Status.JVM.Memory.Heap.Max", conf_memory_bytes(rest->options->conf, "jobmanager.memory.process.size") },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[32];
		const char *found = get ? strstr(get, rows[i].id) : NULL;

		snprintf(text, sizeof(text), "%lld", rows[i].value);
		if (get == NULL)
			json_array_append_new(root, json_pack("{s:s}", "id", rows[i].id));
		else if (found != NULL)
			json_array_append_new(root, json_pack("{s:s,s:s}", "id", rows[i].id, "value", text));
	}
	mem_free(get);
	rest_answer_json(request, 200, root);
}

/* ---- files: a small operation at a time on the runner's loop ------------------------------------------ */

enum log_stage { LOG_LISTING, LOG_STATING, LOG_OPENING, LOG_READING, LOG_CLOSING };

struct log_read {
	struct agent agent; /* first */
	struct rest *rest;
	struct rest_request *request;
	enum log_stage stage;
	struct file_op op;
	char *name, *path, *names, *content; /* name NULL: the listing is wanted */
	const char *next;
	int64_t size_bytes, handle, got;
	json_t *logs;
};

static void log_read_done(struct agent *agent)
{
	struct log_read *read = CONTAINER_OF(agent, struct log_read, agent);

	mem_free(read->name);
	mem_free(read->path);
	mem_free(read->names);
	mem_free(read->content);
	json_decref(read->logs);
	mem_free(read);
}

static void submit(struct log_read *read, enum log_stage stage, struct file_op op)
{
	read->stage = stage;
	read->op = op;
	file_submit(runner_loop(read->rest->runner), &read->op, &read->agent);
}

static enum step next_name(struct log_read *read)
{
	if (*read->next == '\0') {
		rest_answer_json(read->request, 200, json_pack("{s:O}", "logs", read->logs));
		return STEP_DONE;
	}
	mem_free(read->path);
	read->path = mem_printf("%s/%s", read->rest->options->log_directory, read->next);
	submit(read, LOG_STATING, (struct file_op){ .kind = FILE_STAT, .path = read->path });
	return STEP_IDLE;
}

static enum step listed(struct log_read *read)
{
	read->names = read->op.names;
	read->next = read->names;
	if (read->name == NULL)
		return next_name(read);
	for (const char *name = read->names; *name != '\0'; name += strlen(name) + 1) {
		if (strcmp(name, read->name) != 0)
			continue;
		read->path = mem_printf("%s/%s", read->rest->options->log_directory, name);
		submit(read, LOG_OPENING, (struct file_op){ .kind = FILE_OPEN_READ, .path = read->path });
		return STEP_IDLE;
	}
	rest_answer_error(read->request, 404, "There is no log file \"%.200s\"", read->name);
	return STEP_DONE;
}

static enum step advance(struct log_read *read)
{
	switch (read->stage) {
	case LOG_LISTING:
		return listed(read);
	case LOG_STATING:
		if (read->op.result == 1 && !read->op.is_directory)
			json_array_append_new(read->logs, json_pack("{s:s,s:I,s:I}", "name", read->next, "size",
				(json_int_t)read->op.size_bytes, "mtime", (json_int_t)read->op.modified));
		read->next += strlen(read->next) + 1;
		return next_name(read);
	case LOG_OPENING:
		read->handle = read->op.handle;
		read->size_bytes = read->op.size_bytes < LOG_BYTES_MAX ? read->op.size_bytes : LOG_BYTES_MAX;
		read->content = mem_alloc((size_t)read->size_bytes + 1);
		submit(read, LOG_READING, (struct file_op){ .kind = FILE_READ, .handle = read->handle,
			.into = { read->content, (size_t)read->size_bytes } });
		return STEP_IDLE;
	case LOG_READING:
		read->got = read->op.result;
		submit(read, LOG_CLOSING, (struct file_op){ .kind = FILE_CLOSE, .handle = read->handle });
		return STEP_IDLE;
	default:
		rest_answer_text(read->request, 200, read->content, (size_t)read->got);
		return STEP_DONE;
	}
}

static enum step log_read_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct log_read *read = CONTAINER_OF(agent, struct log_read, agent);

	while (atomic_load(&read->op.done)) {
		if (read->op.result < 0 && read->stage != LOG_STATING) {
			rest_answer_err(read->request, &read->op.err);
			return STEP_DONE;
		}
		if (advance(read) == STEP_DONE)
			return STEP_DONE;
	}
	return STEP_IDLE;
}

static void begin(struct rest *rest, struct rest_request *request, const char *name)
{
	struct log_read *read;

	if (rest->options->log_directory == NULL) {
		rest_answer_error(request, 404, "This JobManager writes no log files.");
		return;
	}
	rest_defer(request);
	read = MEM_NEW(struct log_read);
	read->rest = rest;
	read->request = request;
	read->name = mem_strdup(name);
	read->logs = json_array();
	agent_init(&read->agent, "log reader", log_read_step);
	read->agent.done = log_read_done;
	submit(read, LOG_LISTING, (struct file_op){ .kind = FILE_LIST, .path = rest->options->log_directory });
	runner_add(rest->runner, &read->agent);
}

void rest_jobmanager_logs(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, NULL);
}

void rest_jobmanager_log(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, rest->options->log_name ? rest->options->log_name : "");
}

void rest_jobmanager_stdout(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, rest->options->out_name ? rest->options->out_name : "");
}

void rest_jobmanager_file(struct rest *rest, struct rest_request *request)
{
	begin(rest, request, rest_parameter(request, "filename"));
}

void rest_jobmanager_thread_dump(struct rest *rest, struct rest_request *request)
{
	mono_t since = 0;
	struct agent *current = runner_current(rest->runner, &since);
	char *text = mem_printf("\"jobmanager\" in a step of %s\n", current ? current->name : "nobody");

	rest_answer_json(request, 200, json_pack("{s:[{s:s,s:s}]}", "threadInfos", "threadName", "jobmanager",
						 "stringifiedThreadInfo", text));
	mem_free(text);
}
