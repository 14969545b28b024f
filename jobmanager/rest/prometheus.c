/* SPDX-License-Identifier: Apache-2.0
 * prometheus.c - /metrics: what is known of the cluster in numbers, as Prometheus reads it (text
 * format 0.0.4), with the names and labels of Flink's PrometheusReporter.
 *
 * All samples of a name stand together, so that subtasks are gone through once per name; what their
 * labels are is written once. An answer tells at most SUBTASKS_MAX subtasks: that is 13 MB and 5 ms
 * of the JobManager's thread. How many come after these is a metric, too, and `from` reads on. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "jobmanager/job/latencies.h"
#include "jobmanager/rest/metric_table.h"
#include "jobmanager/rest/rest_priv.h"

#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"
#define SUBTASKS_MAX 1000
#define NAME_SIZE 160

struct text { /* in out.texts */
	size_t at, length;
};

struct subtask {
	const struct execution *execution;
	struct text labels;
	size_t operators; /* in out.operators: those of its chain */
};

struct out {
	struct rest *rest;
	struct buf *into;
	struct buf texts;
	struct subtask *subtasks; /* [subtasks_count] */
	struct text *operators;
	size_t operators_count, operators_room;
	uint32_t subtasks_count, left_out, to_skip;
	char family[NAME_SIZE]; /* name of what follows */
};

/* ---- lines ---------------------------------------------------------------------------------- */

static void add_escaped(struct buf *into, const char *text)
{
	size_t left = strlen(text);

	for (const uint8_t *at = (const uint8_t *)text; left > 0;) {
		size_t length = *at < 0x80 ? 1 : utf8_sequence(at, left);

		if (*at == '\n')
			buf_add_text(into, "\\n");
		else if (*at == '"' || *at == '\\')
			buf_printf(into, "\\%c", *at);
		else if (length > 0)
			buf_add(into, at, length);
		else
			buf_add_text(into, "\xEF\xBF\xBD"); /* U+FFFD */
		length += length == 0;
		at += length;
		left -= length;
	}
}

static void add_label(struct buf *into, const char *name, const char *value)
{
	buf_printf(into, "%s=\"", name);
	add_escaped(into, value);
	buf_add_text(into, "\",");
}

static void add_id_label(struct buf *into, const char *name, const struct id *id)
{
	char text[ID_TEXT_SIZE];

	add_label(into, name, id_format(id, text));
}

/* Begins the family flink_SCOPE_NAME. Characters that a name may not have become '_', as Flink's
 * reporter does it. */
static void begin_family(struct out *out, const char *scope, const char *name, const char *type)
{
	snprintf(out->family, sizeof(out->family), "flink_%s_%s", scope, name);
	for (char *c = out->family; *c != '\0'; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9'))
			*c = '_';
	buf_printf(out->into, "# HELP %s %s (scope: %s)\n# TYPE %s %s\n", out->family, name, scope,
		   out->family, type);
}

/* Labels end with a comma each, which the format allows before the brace. */
static void add_sample(struct out *out, const char *suffix, struct bytes labels, struct bytes more,
		       double value)
{
	struct buf *into = out->into;
	char number[40];

	buf_add_text(into, out->family);
	buf_add_text(into, suffix);
	buf_add(into, "{", 1);
	buf_add(into, labels.data, labels.size_bytes);
	buf_add(into, more.data, more.size_bytes);
	buf_add(into, "} ", 2);
	if (value >= 0 && value < 9e15 && value == floor(value)) {
		buf_add(into, number, (size_t)(json_write_count(number, (uint64_t)value) - number));
	} else {
		snprintf(number, sizeof(number), isnan(value) ? "NaN" : "%.10g", value);
		buf_add_text(into, number);
	}
	buf_add(into, "\n", 1);
}

static struct bytes bytes_at(const struct out *out, struct text text)
{
	return bytes_of(out->texts.data + text.at, text.length);
}

/* ---- JobManager, jobs, TaskManagers: the same few metrics each ------------------------------- */

static bool is_counter(const char *name)
{
	static const char *const counters[] = { "numRestarts",	     "fullRestarts",
						"numMetricsDropped", "numMetricsRefused",
						"numMetricsLate",    "Status.JVM.CPU.Time" };

	for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
		if (strcmp(counters[i], name) == 0)
			return true;
	return false;
}

struct thing {
	struct rest_metric metrics[REST_METRICS_MAX];
	size_t count;
	struct text labels;
};

struct things {
	struct thing *of;
	size_t count, room;
};

static struct thing *add_thing(struct things *things)
{
	if (things->count == things->room) {
		things->room = things->room > 0 ? 2 * things->room : 16;
		things->of = mem_realloc(things->of, things->room * sizeof(*things->of));
	}
	return &things->of[things->count++];
}

static void put_things(struct out *out, const char *scope, struct things *things)
{
	for (size_t m = 0; things->count > 0 && m < things->of[0].count; m++) {
		const char *name = things->of[0].metrics[m].id;

		begin_family(out, scope, name, is_counter(name) ? "counter" : "gauge");
		for (size_t i = 0; i < things->count; i++)
			add_sample(out, "", bytes_at(out, things->of[i].labels), BYTES_EMPTY,
				   things->of[i].metrics[m].value);
	}
	mem_free(things->of);
}

static void put_jobmanager(struct out *out)
{
	struct things things = { 0 };
	struct thing *thing = add_thing(&things);

	thing->count = rest_metrics_of_jobmanager(out->rest, thing->metrics);
	thing->metrics[thing->count++] =
		(struct rest_metric){ "numSubtasksLeftOut", out->left_out }; /* ours */
	thing->labels.at = out->texts.size_bytes;
	add_label(&out->texts, "host", conf_text(out->rest->conf, "jobmanager.rpc.address"));
	thing->labels.length = out->texts.size_bytes - thing->labels.at;
	put_things(out, "jobmanager", &things);
}

static void put_jobs(struct out *out)
{
	struct things things = { 0 };

	LIST_FOR_EACH (dispatcher_jobs(out->rest->dispatcher), struct job, node, job) {
		if (job_is_final(job))
			continue;
		struct thing *thing = add_thing(&things);

		thing->count = rest_metrics_of_job(out->rest, job, thing->metrics);
		thing->labels.at = out->texts.size_bytes;
		add_label(&out->texts, "host",
			  conf_text(out->rest->conf, "jobmanager.rpc.address"));
		add_id_label(&out->texts, "job_id", &job->id);
		add_label(&out->texts, "job_name", job->name);
		thing->labels.length = out->texts.size_bytes - thing->labels.at;
	}
	put_things(out, "jobmanager_job", &things);
}

static void put_taskmanagers(struct out *out)
{
	struct things things = { 0 };

	LIST_FOR_EACH (resource_manager_taskmanagers(
			       dispatcher_resource_manager(out->rest->dispatcher)),
		       struct taskmanager_info, node, info) {
		if (!info->available)
			continue;
		struct thing *thing = add_thing(&things);

		thing->count = rest_metrics_of_taskmanager(out->rest, info, thing->metrics);
		thing->labels.at = out->texts.size_bytes;
		add_label(&out->texts, "host", info->data_host);
		add_label(&out->texts, "tm_id", info->resource_id);
		thing->labels.length = out->texts.size_bytes - thing->labels.at;
	}
	put_things(out, "taskmanager", &things);
}

/* ---- which subtasks -------------------------------------------------------------------------- */

static size_t collect_operators(struct out *out, const struct job_vertex *vertex)
{
	size_t first = out->operators_count;

	while (first + vertex->message->n_operators > out->operators_room) {
		out->operators_room = out->operators_room > 0 ? 2 * out->operators_room : 64;
		out->operators = mem_realloc(out->operators,
					     out->operators_room * sizeof(*out->operators));
	}
	for (size_t o = 0; o < vertex->message->n_operators; o++) {
		const Flink__Operator *operator = vertex->message->operators[o];
		struct text *text = &out->operators[out->operators_count++];
		struct id id = ID_NONE;

		if (operator->id.len == sizeof(id.bytes))
			memcpy(id.bytes, operator->id.data, sizeof(id.bytes));
		text->at = out->texts.size_bytes;
		add_id_label(&out->texts, "operator_id", &id);
		add_label(&out->texts, "operator_name", operator->name);
		text->length = out->texts.size_bytes - text->at;
	}
	return first;
}

static void collect_subtask(struct out *out, const struct execution *execution, size_t operators)
{
	const struct job_vertex *vertex = execution->vertex;
	struct subtask *subtask = &out->subtasks[out->subtasks_count++];
	const char *colon = strrchr(execution->endpoint, ':');
	char *host = colon != NULL ? mem_strndup(execution->endpoint,
						 (size_t)(colon - execution->endpoint))
				   : mem_strdup(execution->endpoint);

	*subtask = (struct subtask){ execution, { out->texts.size_bytes, 0 }, operators };
	add_label(&out->texts, "host", host);
	add_label(&out->texts, "tm_id", execution->resource_id);
	add_id_label(&out->texts, "job_id", &vertex->job->id);
	add_label(&out->texts, "job_name", vertex->job->name);
	add_id_label(&out->texts, "task_id", &vertex->id);
	add_label(&out->texts, "task_name", vertex->message->name);
	buf_printf(&out->texts, "subtask_index=\"%u\",task_attempt_num=\"%u\",",
		   execution_subtask(execution), execution->attempt);
	subtask->labels.length = out->texts.size_bytes - subtask->labels.at;
	mem_free(host);
}

/* Those that are on a TaskManager now. */
static void collect_subtasks(struct out *out, const struct job *job)
{
	for (size_t v = 0; v < job->graph->n_vertices && !job_is_final(job); v++) {
		const struct job_vertex *vertex = &job->vertices[v];
		size_t operators = SIZE_MAX;

		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			const struct execution *execution = &vertex->executions[i];

			if (execution->endpoint == NULL ||
			    sm_is_final(&execution_states, execution->state))
				continue;
			if (out->to_skip > 0) {
				out->to_skip--;
				continue;
			}
			if (out->subtasks_count == SUBTASKS_MAX) {
				out->left_out++;
				continue;
			}
			if (operators == SIZE_MAX)
				operators = collect_operators(out, vertex);
			collect_subtask(out, execution, operators);
		}
	}
}

/* ---- what they tell -------------------------------------------------------------------------- */

static void put_of_subtask(struct out *out, const struct subtask *subtask,
			   const struct metric_kind *kind)
{
	const struct job_vertex *vertex = subtask->execution->vertex;
	struct bytes labels = bytes_at(out, subtask->labels);
	struct metric metric = kind->metric;
	char edge[32];

	switch (kind->scope) {
	case METRIC_OF_TASK:
		add_sample(out, "", labels, BYTES_EMPTY, metric_worth(subtask->execution, &metric));
		break;
	case METRIC_OF_OPERATOR:
		for (metric.index = 0; metric.index < vertex->figures.plan.operators;
		     metric.index++)
			add_sample(out, "", labels,
				   bytes_at(out, out->operators[subtask->operators + metric.index]),
				   metric_worth(subtask->execution, &metric));
		break;
	case METRIC_OF_EDGE:
		for (metric.index = 0; metric.index < vertex->figures.plan.edges; metric.index++) {
			snprintf(edge, sizeof(edge), "output=\"%u\",", metric.index);
			add_sample(out, "", labels, bytes_of_text(edge),
				   metric_worth(subtask->execution, &metric));
		}
	}
}

static void put_subtasks(struct out *out)
{
	static const char *const scopes[] = {
		[METRIC_OF_TASK] = "taskmanager_job_task",
		[METRIC_OF_OPERATOR] = "taskmanager_job_task_operator",
		[METRIC_OF_EDGE] = "taskmanager_job_task_output", /* ours */
	};
	struct metric_kind kind;

	for (size_t row = 0; out->subtasks_count > 0 && metric_kind_at(row, &kind); row++) {
		begin_family(out, scopes[kind.scope], kind.name,
			     kind.is_total ? "counter" : "gauge");
		for (uint32_t i = 0; i < out->subtasks_count; i++)
			put_of_subtask(out, &out->subtasks[i], &kind);
	}
}

/* ---- latencies: summaries ------------------------------------------------------------------- */

/* As metrics.latency.granularity makes names (latencies.h): parts, each a label and its value. */
static const char *const granularities[] = {
	"operator_id.operator_subtask_index",
	"source_id.operator_id.operator_subtask_index",
	"source_id.source_subtask_index.operator_id.operator_subtask_index",
};

/* Takes "latency.source_id.X.operator_id.Y…" apart: its scope, and its labels. */
static void take_apart(const char *name, size_t length, char scope[NAME_SIZE], struct buf *labels)
{
	const char *end = name + length, *at = name + strlen("latency");
	size_t used = 0;

	scope[0] = '\0';
	while (at < end && *at == '.') {
		size_t key = strcspn(at + 1, "."), value = strcspn(at + 1 + key + 1, ".");

		used += (size_t)snprintf(scope + used, NAME_SIZE - used, "%s%.*s",
					 used > 0 ? "." : "", (int)key, at + 1);
		if (used >= NAME_SIZE)
			return;
		buf_printf(labels, "%.*s=\"%.*s\",", (int)key, at + 1, (int)value, at + key + 2);
		at += key + value + 2;
	}
}

static void put_summary(struct out *out, const struct buf *labels,
			const struct latency_counts *counts)
{
	static const char *const quantiles[] = { "0.5", "0.75", "0.95", "0.98", "0.99", "0.999" };
	static const double shares[] = { 0.5, 0.75, 0.95, 0.98, 0.99, 0.999 };
	char label[32];

	for (size_t q = 0; q < ARRAY_COUNT(shares); q++) {
		snprintf(label, sizeof(label), "quantile=\"%s\",", quantiles[q]);
		add_sample(out, "", buf_bytes(labels), bytes_of_text(label),
			   latency_quantile(counts, shares[q]));
	}
	add_sample(out, "_sum", buf_bytes(labels), BYTES_EMPTY, (double)counts->sum);
	add_sample(out, "_count", buf_bytes(labels), BYTES_EMPTY, (double)counts->count);
}

/* Those of one job of that granularity; `begun`: the family is. */
static void put_latencies_of(struct out *out, const struct job *job, const char *granularity,
			     bool *begun)
{
	struct map *names = latencies_by_name(job);
	struct buf labels;
	struct bytes name;
	size_t at = 0;
	void *counts;

	buf_init(&labels);
	while (map_next(names, &at, &name, &counts)) {
		char scope[NAME_SIZE], *text = mem_strndup(name.data, name.size_bytes);

		buf_clear(&labels);
		add_id_label(&labels, "job_id", &job->id);
		add_label(&labels, "job_name", job->name);
		take_apart(text, name.size_bytes, scope, &labels);
		mem_free(text);
		if (strcmp(scope, granularity) != 0)
			continue;
		if (!*begun) {
			snprintf(scope, sizeof(scope), "taskmanager.job.latency.%s", granularity);
			begin_family(out, scope, "latency", "summary");
		}
		*begun = true;
		put_summary(out, &labels, counts);
	}
	buf_fini(&labels);
	latencies_names_free(&names);
}

static void put_latencies(struct out *out)
{
	for (size_t g = 0; g < ARRAY_COUNT(granularities); g++) {
		bool begun = false;

		LIST_FOR_EACH (dispatcher_jobs(out->rest->dispatcher), struct job, node, job)
			if (!job_is_final(job))
				put_latencies_of(out, job, granularities[g], &begun);
	}
}

/* ---- the answer ------------------------------------------------------------------------------ */

void rest_prometheus(struct rest *rest, struct rest_request *request)
{
	struct buf text;
	struct out out = { .rest = rest, .into = &text };
	int64_t from;

	if (!rest_query_int(request, "from", 0, 0, &from))
		return;
	out.to_skip = from > UINT32_MAX ? UINT32_MAX : (uint32_t)from;
	out.subtasks = MEM_NEW_ARRAY(struct subtask, SUBTASKS_MAX);
	buf_init(&text);
	buf_init(&out.texts);
	LIST_FOR_EACH (dispatcher_jobs(rest->dispatcher), struct job, node, job)
		collect_subtasks(&out, job);
	if (out.left_out > 0)
		buf_printf(&text, "# %u subtasks come after these %u: ask for them with from=%lld\n",
			   out.left_out, out.subtasks_count, (long long)from + out.subtasks_count);
	if (from == 0) { /* or they would be told twice */
		put_jobmanager(&out);
		put_jobs(&out);
		put_taskmanagers(&out);
		put_latencies(&out);
	}
	put_subtasks(&out);
	mem_free(out.subtasks);
	mem_free(out.operators);
	buf_fini(&out.texts);
	rest_answer_bytes(request, 200, PROMETHEUS, &text);
}
