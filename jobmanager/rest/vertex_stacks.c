/* SPDX-License-Identifier: Apache-2.0
 * vertex_stacks.c - the flame graph of a vertex or of one subtask, in Flink's form: a tree of names
 * with the number of samples at each node and below. */
#include <strings.h>

#include "common/base/mem.h"
#include "jobmanager/job/job_stacks.h"
#include "jobmanager/rest/rest_priv.h"

/* What Flink says in place of a moment. */
#define VERTEX_ENDED (-1)
#define SWITCHED_OFF (-2)
#define NO_SAMPLE_YET (-3)

enum stacks_type { TYPE_FULL, TYPE_ON_CPU, TYPE_OFF_CPU };

struct tree_out {
	struct json_out *json;
	const struct stack_tree *tree;
	uint64_t (*totals)[STACK_KINDS];
	enum stacks_type type;
};

static uint64_t value_of(const struct tree_out *out, uint32_t node)
{
	const uint64_t *totals = out->totals[node];

	switch (out->type) {
	case TYPE_ON_CPU: return totals[STACK_ON_CPU];
	case TYPE_OFF_CPU: return totals[STACK_OFF_CPU];
	case TYPE_FULL: break;
	}
	return totals[STACK_ON_CPU] + totals[STACK_OFF_CPU];
}

static void open_node(const struct tree_out *out, const char *key, uint32_t index)
{
	json_out_object(out->json, key);
	json_out_text(out->json, "name", stack_tree_node(out->tree, index)->name);
	json_out_count(out->json, "value", value_of(out, index));
	json_out_array(out->json, "children");
}

static void close_node(const struct tree_out *out)
{
	json_out_close(out->json);
	json_out_close(out->json);
}

/* Down to the first child, else along to the next one, else up. */
static void put_tree(const struct tree_out *out)
{
	uint32_t at = stack_tree_node(out->tree, 0)->first_child, above = 0;

	open_node(out, "data", 0);
	for (;;) {
		while (at != 0 && value_of(out, at) == 0)
			at = stack_tree_node(out->tree, at)->next_sibling;
		if (at != 0) {
			open_node(out, NULL, at);
			above = at;
			at = stack_tree_node(out->tree, at)->first_child;
			continue;
		}
		close_node(out);
		if (above == 0)
			return;
		at = stack_tree_node(out->tree, above)->next_sibling;
		above = stack_tree_node(out->tree, above)->parent;
	}
}

static bool type_of(struct rest_request *request, enum stacks_type *type)
{
	static const char *const names[] = { [TYPE_FULL] = "FULL",
					     [TYPE_ON_CPU] = "ON_CPU",
					     [TYPE_OFF_CPU] = "OFF_CPU" };
	char *text = rest_query(request, "type");
	bool known = text == NULL;

	*type = TYPE_FULL;
	for (uint32_t i = 0; i < ARRAY_COUNT(names) && !known; i++) {
		known = strcasecmp(text, names[i]) == 0; /* Flink's page writes "on_cpu" */
		*type = (enum stacks_type)i;
	}
	if (!known)
		rest_bad_parameter(request, "query", "type", text);
	mem_free(text);
	return known;
}

static void put_stacks(struct rest_request *request, struct job_vertex *vertex, uint32_t subtask,
		       enum stacks_type type)
{
	struct json_out *json = &request->json;
	struct job_stacks_view view;

	job_stacks_look(vertex, subtask, &view);
	if (view.tree == NULL) {
		json_out_int(json, "endTimestamp", NO_SAMPLE_YET);
	} else {
		struct tree_out out = { json, view.tree,
					mem_alloc_array(stack_tree_size(view.tree),
							sizeof(*out.totals)),
					type };

		stack_tree_totals(view.tree, out.totals);
		json_out_int(json, "endTimestamp", view.ended_at);
		json_out_count(json, "subtasks", view.tasks);
		put_tree(&out);
		mem_free(out.totals);
	}
	if (view.trouble[0] != '\0')
		json_out_text(json, "note", view.trouble);
}

static bool has_ended(const struct job_vertex *vertex, uint32_t subtask)
{
	if (subtask != JOB_STACKS_ALL)
		return sm_is_final(&execution_states, vertex->executions[subtask].state);
	for (uint32_t i = 0; i < vertex->message->parallelism; i++)
		if (!sm_is_final(&execution_states, vertex->executions[i].state))
			return false;
	return true;
}

void rest_vertex_flamegraph(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct job_vertex *vertex = job != NULL ? rest_find_vertex(job, request) : NULL;
	struct json_out *json = &request->json;
	enum stacks_type type;
	int64_t index;

	if (vertex == NULL || !type_of(request, &type) ||
	    !rest_query_int(request, "subtaskindex", 0, -1, &index))
		return;
	if (index >= vertex->message->parallelism) {
		rest_answer_error(request, 404, "There is no subtask %lld: the vertex has %u",
				  (long long)index, vertex->message->parallelism);
		return;
	}
	uint32_t subtask = index < 0 ? JOB_STACKS_ALL : (uint32_t)index;

	json_out_object(json, NULL);
	if (!conf_bool(job->conf, "rest.flamegraph.enabled"))
		json_out_int(json, "endTimestamp", SWITCHED_OFF);
	else if (has_ended(vertex, subtask))
		json_out_int(json, "endTimestamp", VERTEX_ENDED);
	else
		put_stacks(request, vertex, subtask, type);
	json_out_close(json);
	rest_answer(request, 200);
}
