/* SPDX-License-Identifier: Apache-2.0
 * job_stacks.c - see job_stacks.h. An entry per vertex or subtask that somebody looked at, the last
 * looked at first; few are kept. Calls under way hold their entry, not the job: a job's end does
 * not wait for samples. */
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "common/base/utf8.h"
#include "jobmanager/job/job_priv.h"
#include "jobmanager/job/job_stacks.h"

#define ENTRIES_MAX 16 /* per job */

struct job_stacks {
	struct list_node node; /* of master.stacks */
	struct world *world;
	uint32_t vertex, subtask;
	mono_t looked_at, ended_mono;
	/* what is known */
	struct stack_tree *tree;
	wall_t ended_at;
	uint32_t tasks;
	struct err trouble;
	/* what is on its way */
	struct stack_tree *next;
	uint32_t next_tasks;
	struct err next_trouble;
	uint32_t calls;
	uint32_t refs; /* the list, and calls */
};

static void unref(struct job_stacks *entry)
{
	if (--entry->refs > 0)
		return;
	stack_tree_destroy(&entry->tree);
	stack_tree_destroy(&entry->next);
	mem_free(entry);
}

static void drop(struct job_stacks *entry)
{
	list_remove(&entry->node);
	unref(entry);
}

void job_stacks_fini(struct job_master *master)
{
	LIST_FOR_EACH(&master->stacks, struct job_stacks, node, entry)
		drop(entry);
}

/* ---- sampling -------------------------------------------------------------------------------- */

static void merge(struct stack_tree *tree, const Flink__SampleStacksResponse *answer)
{
	uint32_t *numbers = MEM_NEW_ARRAY(uint32_t, answer->n_nodes + 1);

	for (size_t i = 0; i < answer->n_nodes; i++) {
		const Flink__StackNode *node = answer->nodes[i];

		if (node->parent > i) /* nonsense: what a later node counts would be lost or loop */
			break;
		utf8_clean(node->name);
		numbers[i + 1] = stack_tree_child(tree, numbers[node->parent], node->name);
		stack_tree_count(tree, numbers[i + 1], STACK_ON_CPU, node->on_cpu);
		stack_tree_count(tree, numbers[i + 1], STACK_OFF_CPU, node->off_cpu);
	}
	mem_free(numbers);
}

static void finish(struct job_stacks *entry)
{
	if (entry->next_tasks > 0) {
		stack_tree_destroy(&entry->tree);
		entry->tree = entry->next;
		entry->next = NULL;
		entry->tasks = entry->next_tasks;
		entry->ended_at = world_wall(entry->world);
		entry->ended_mono = world_now(entry->world);
	}
	entry->trouble = entry->next_trouble;
	stack_tree_destroy(&entry->next);
}

static void sampled(const Flink__SampleStacksResponse *answer, void *data)
{
	struct job_stacks *entry = data;

	SOMETIMES_IF(answer == NULL, "stacks cannot be sampled");
	if (answer == NULL) {
		entry->next_trouble = *rpc_error();
	} else {
		merge(entry->next, answer);
		entry->next_tasks += answer->tasks;
	}
	if (--entry->calls == 0 && list_linked(&entry->node))
		finish(entry);
	unref(entry);
}

static bool runs(const struct execution *execution)
{
	return (execution->state == EXECUTION_INITIALIZING ||
		execution->state == EXECUTION_RUNNING) &&
	       execution->place != NULL && execution->place->taskmanager != NULL;
}

static void call_place(struct job_master *master, struct job_stacks *entry,
		       struct job_place *place, const struct buf *ids)
{
	Flink__SampleStacksRequest request = FLINK__SAMPLE_STACKS_REQUEST__INIT;
	const struct conf *conf = master->job.conf;
	struct rpc_stub stub;

	request.n_execution_ids = ids->size_bytes / sizeof(*request.execution_ids);
	request.execution_ids = (ProtobufCBinaryData *)(void *)ids->data;
	request.delay_ms =
		(uint32_t)conf_duration_ms(conf, "rest.flamegraph.delay-between-samples");
	request.samples = (uint32_t)conf_int(conf, "rest.flamegraph.num-samples");
	if (request.samples > LIMIT_SAMPLING_MS / request.delay_ms)
		request.samples = LIMIT_SAMPLING_MS / request.delay_ms;
	request.depth = (uint32_t)conf_int(conf, "rest.flamegraph.stack-depth");
	resource_manager_stub(master->options.resources, place->taskmanager, 0, &stub);
	entry->calls++;
	entry->refs++;
	flink__task_executor__sample_stacks(rpc_stub_service(&stub), &request, sampled, entry);
}

/* Asks each TaskManager once for all of its subtasks. */
static void begin(struct job_master *master, struct job_stacks *entry)
{
	struct job_vertex *vertex = &master->job.vertices[entry->vertex];
	struct map *places = map_create(); /* place -> struct buf of ids */
	struct bytes key;
	size_t at = 0;
	void *ids;

	for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
		struct execution *execution = &vertex->executions[i];

		if ((entry->subtask != JOB_STACKS_ALL && entry->subtask != i) || !runs(execution))
			continue;
		key = bytes_of(&execution->place, sizeof(execution->place));
		struct buf *known = map_get(places, key);
		ProtobufCBinaryData id = id_to_message(&execution->id);

		if (known == NULL) {
			known = MEM_NEW(struct buf);
			buf_init(known);
			map_put(places, key, known);
		}
		buf_add(known, &id, sizeof(id));
	}
	entry->next = stack_tree_create();
	entry->next_tasks = 0;
	entry->next_trouble = (struct err)ERR_INIT;
	entry->refs++; /* a call may be answered at once */
	entry->calls++;
	while (map_next(places, &at, &key, &ids)) {
		struct job_place *place;

		memcpy(&place, key.data, sizeof(place));
		call_place(master, entry, place, ids);
		buf_fini(ids);
		mem_free(ids);
	}
	map_destroy(&places);
	if (--entry->calls == 0)
		finish(entry);
	unref(entry);
}

/* ---- looking --------------------------------------------------------------------------------- */

static struct job_stacks *find(struct job_master *master, const struct job_vertex *vertex,
			       uint32_t subtask)
{
	LIST_FOR_EACH(&master->stacks, struct job_stacks, node, entry)
		if (entry->vertex == vertex->index && entry->subtask == subtask)
			return entry;
	struct job_stacks *entry = MEM_NEW(struct job_stacks);

	entry->world = master->options.world;
	entry->vertex = vertex->index;
	entry->subtask = subtask;
	entry->refs = 1;
	list_push_front(&master->stacks, &entry->node);
	return entry;
}

/* What nobody looks at any more, and the oldest ones that are too many. */
static void tidy(struct job_master *master, mono_t now)
{
	int64_t keep_ms = conf_duration_ms(master->job.conf, "rest.flamegraph.cleanup-interval");
	uint32_t count = 0;

	LIST_FOR_EACH(&master->stacks, struct job_stacks, node, entry)
		if (++count > ENTRIES_MAX || now > mono_after_ms(entry->looked_at, keep_ms))
			drop(entry);
}

void job_stacks_look(struct job_vertex *vertex, uint32_t subtask, struct job_stacks_view *view)
{
	struct job_master *master = job_master_of(vertex->job);
	mono_t now = world_now(master->options.world);
	int64_t fresh_ms =
		conf_duration_ms(master->job.conf, "rest.flamegraph.refresh-interval");
	struct job_stacks *entry = find(master, vertex, subtask);

	entry->looked_at = now;
	list_remove(&entry->node);
	list_push_front(&master->stacks, &entry->node);
	tidy(master, now);
	if (entry->calls == 0 &&
	    (entry->tree == NULL || now >= mono_after_ms(entry->ended_mono, fresh_ms)))
		begin(master, entry);
	*view = (struct job_stacks_view){ entry->tree, entry->ended_at, entry->tasks,
					  entry->trouble.code != ERR_NONE ? entry->trouble.text
									  : "" };
}
