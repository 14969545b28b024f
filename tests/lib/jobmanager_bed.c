/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_bed.c - see jobmanager_bed.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/jobmanager_bed.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/contract/registry.h"
#include "common/graph/graph.h"
#include "common/rpc/rpc.h"

struct numbers_source numbers;

/* ---- the source "numbers" ------------------------------------------------------------------- */

struct enumerator {
	uint32_t parallelism, next;
	bool told;
};

static int enumerator_open(void **self, const struct job_context *context,
			   struct state_reader *from, struct err *err)
{
	struct enumerator *enumerator = MEM_NEW(struct enumerator);

	enumerator->parallelism = context->parallelism;
	*self = enumerator;
	numbers.opened++;
	if (numbers.fail_open)
		return err_set(err, ERR_SOURCE_UNREADABLE, "there are no numbers here");
	return 0;
}

static int enumerator_step(void *self, mono_t now, struct split_assigner *to, mono_t *wake_at,
			   struct err *err)
{
	struct enumerator *enumerator = self;

	if (numbers.fail_step)
		return err_set(err, ERR_SOURCE_UNREADABLE, "the numbers ran out");
	if (enumerator->next < numbers.splits) {
		struct split split = { enumerator->next, bytes_of_text("some") };

		to->assign(to, enumerator->next % enumerator->parallelism, &split);
		enumerator->next++;
		return 0;
	}
	for (uint32_t i = 0; i < enumerator->parallelism && !enumerator->told; i++)
		to->no_more_splits(to, i);
	enumerator->told = true;
	return 1;
}

static int enumerator_reader(void *self, uint32_t subtask, const struct split *owned,
			     uint32_t count, struct err *err)
{
	numbers.readers++;
	return 0;
}

static void enumerator_close(void **self)
{
	numbers.closed++;
	mem_free(*self);
	*self = NULL;
}

static const struct source_vtable numbers_vtable = {
	.name = "numbers",
	.enumerator_open = enumerator_open,
	.enumerator_step = enumerator_step,
	.enumerator_reader = enumerator_reader,
	.enumerator_close = enumerator_close,
};

/* ---- what must hold after every event ------------------------------------------------------- */

/* Counts and tables say the same, and no slot that belongs to nobody names a job. */
static void check_slots(struct bed *bed)
{
	struct resource_manager *manager = dispatcher_resource_manager(bed->dispatcher);
	uint32_t taskmanagers, slots, free, available = 0, total = 0, are_free = 0;

	LIST_FOR_EACH (resource_manager_taskmanagers(manager), struct taskmanager_info, node,
		       taskmanager) {
		uint32_t here = 0;

		for (uint32_t i = 0; i < taskmanager->slots_count; i++) {
			const struct slot *slot = &taskmanager->slots[i];

			here += slot->state == SLOT_FREE;
			if (slot->state == SLOT_FREE || slot->state == SLOT_LOST)
				CHECK(id_is_none(&slot->allocation_id) && id_is_none(&slot->job_id),
				      "slot %u of %s is %s but names a job", i,
				      taskmanager->resource_id, sm_name(&slot_states, slot->state));
			CHECK(taskmanager->available == (slot->state != SLOT_LOST),
			      "slot %u of %s is %s", i, taskmanager->resource_id,
			      sm_name(&slot_states, slot->state));
		}
		CHECK(here == taskmanager->slots_free, "%s counts %u free slots of %u",
		      taskmanager->resource_id, taskmanager->slots_free, here);
		if (taskmanager->available) {
			available++;
			total += taskmanager->slots_count;
			are_free += here;
		}
	}
	resource_manager_counts(manager, &taskmanagers, &slots, &free);
	CHECK(taskmanagers == available && slots == total && free == are_free,
	      "counted %u/%u/%u, there are %u/%u/%u", taskmanagers, slots, free, available, total,
	      are_free);
}

static void check_job(const struct job *job)
{
	for (size_t v = 0; v < job->graph->n_vertices; v++) {
		const struct job_vertex *vertex = &job->vertices[v];
		uint32_t counts[EXECUTION_STATE_COUNT] = { 0 };

		for (uint32_t i = 0; i < vertex->message->parallelism; i++) {
			const struct execution *execution = &vertex->executions[i];

			counts[execution->state]++;
			CHECK(execution->slot == NULL ||
				      id_equal(&execution->slot->job_id, &job->id),
			      "an execution of job '%s' uses a slot of another one", job->name);
			CHECK(!job_is_final(job) ||
				      sm_is_final(&execution_states, execution->state),
			      "job '%s' has ended, one of its executions has not", job->name);
		}
		CHECK(memcmp(counts, vertex->counts, sizeof(counts)) == 0,
		      "%s miscounts its executions", vertex->message->name);
	}
	CHECK((job->end_ms >= 0) == job_is_final(job), "job '%s' ends at %lld", job->name,
	      (long long)job->end_ms);
}

static void check_all(void *context)
{
	struct bed *bed = context;

	if (bed->jobmanager == NULL || sim_node_dead(bed->jobmanager_world))
		return;
	check_slots(bed);
	LIST_FOR_EACH(dispatcher_jobs(bed->dispatcher), struct job, node, job)
		check_job(job);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void set_all(struct conf *conf, const char *const *settings)
{
	struct err err = ERR_INIT;

	for (; settings != NULL && *settings != NULL; settings++)
		if (conf_set_pair(conf, *settings, "-D", &err) != 0)
			fail_msg("%s", err.text);
}

static void start_jobmanager(struct bed *bed)
{
	struct jobmanager_options options = {
		.world = bed->jobmanager_world,
		.conf = bed->conf,
		.without_rest = true,
		.rpc_bind_host = "0.0.0.0",
	};
	struct err err = ERR_INIT;

	sim_env_put(bed->jobmanager_world, "FLINK_CLUSTER_SECRET", BED_SECRET);
	if (jobmanager_create(&options, &bed->jobmanager, &err) != 0)
		fail_msg("%s", err.text);
	bed->dispatcher = jobmanager_dispatcher(bed->jobmanager);
}

struct bed *bed_create(uint64_t seed, const char *const *settings)
{
	struct sim_options options = { .delay_us_min = 20, .delay_us_max = 200 };
	struct rpc_options client = { .secret = bytes_of_text(BED_SECRET), .role = "client" };
	struct bed *bed = MEM_NEW(struct bed);
	struct err err = ERR_INIT;

	numbers = (struct numbers_source){ 0 };
	registry_add_source(&numbers_vtable);
	bed->arena = arena_create("bed");
	bed->sim = sim_create(seed, &options);
	bed->jobmanager_world = sim_node(bed->sim, "jobmanager");
	bed->client_world = sim_node(bed->sim, "client");
	bed->conf = conf_create();
	set_all(bed->conf, settings);
	start_jobmanager(bed);
	sim_on_event(bed->sim, check_all, bed);
	bed->client_runner = runner_create(bed->client_world, "client", &err);
	if (rpc_client_open(bed->client_runner, "jobmanager", 6123, &client, &bed->client, &err) !=
	    0)
		fail_msg("%s", err.text);
	return bed;
}

void bed_destroy(struct bed *bed)
{
	rpc_client_close(&bed->client);
	runner_destroy(&bed->client_runner);
	for (uint32_t i = 0; i < BED_TASKMANAGERS_MAX; i++)
		fake_taskmanager_destroy(&bed->taskmanagers[i]);
	jobmanager_destroy(&bed->jobmanager);
	for (uint32_t i = 0; i < BED_TASKMANAGERS_MAX; i++)
		if (bed->worlds[i] != NULL)
			world_destroy(&bed->worlds[i]);
	world_destroy(&bed->client_world);
	world_destroy(&bed->jobmanager_world);
	sim_destroy(&bed->sim);
	conf_destroy(&bed->conf);
	arena_destroy(&bed->arena);
	mem_free(bed);
}

struct fake_taskmanager *bed_taskmanager(struct bed *bed, uint32_t number, uint32_t slots)
{
	char name[16];

	snprintf(name, sizeof(name), "tm%u", number);
	CHECK(bed->worlds[number] == NULL, "%s is there already", name);
	bed->worlds[number] = sim_node(bed->sim, name);
	bed->taskmanagers[number] = fake_taskmanager_create(bed->worlds[number], name, slots);
	return bed->taskmanagers[number];
}

void bed_kill(struct bed *bed, uint32_t number)
{
	sim_kill(bed->worlds[number]);
	fake_taskmanager_destroy(&bed->taskmanagers[number]);
	world_destroy(&bed->worlds[number]);
}

struct fake_taskmanager *bed_restart(struct bed *bed, uint32_t number, const char *crash_note,
				     const struct id *crash_job_id)
{
	uint32_t slots = bed->taskmanagers[number]->slots_count;
	struct fake_taskmanager *fake;

	bed_kill(bed, number);
	fake = bed_taskmanager(bed, number, slots);
	if (bed->new_names)
		snprintf(fake->resource_id, sizeof(fake->resource_id), "tm%u-%u", number,
			 ++bed->restarts);
	fake->crash_note = crash_note;
	if (crash_job_id != NULL)
		fake->crash_job_id = *crash_job_id;
	return fake;
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool never(void *context)
{
	return false;
}

void bed_pass(struct bed *bed, int64_t ms)
{
	sim_run(bed->sim, ms, never, NULL, NULL);
}

struct condition {
	struct bed *bed;
	bool (*until)(struct bed *bed, void *context);
	void *context;
};

static bool holds(void *context)
{
	struct condition *condition = context;

	return condition->until(condition->bed, condition->context);
}

void bed_until(struct bed *bed, int64_t budget_ms, bool (*until)(struct bed *bed, void *context),
	       void *context)
{
	struct condition condition = { bed, until, context };

	if (!sim_run(bed->sim, budget_ms, holds, &condition, NULL))
		fail_msg("it did not come to that within %lld ms", (long long)budget_ms);
}

struct status_wanted {
	struct job *job;
	enum job_status status;
};

static bool has_status(struct bed *bed, void *context)
{
	struct status_wanted *wanted = context;

	return wanted->job->status == wanted->status;
}

void bed_until_status(struct bed *bed, struct job *job, enum job_status status, int64_t budget_ms)
{
	struct status_wanted wanted = { job, status };
	struct condition condition = { bed, has_status, &wanted };

	if (!sim_run(bed->sim, budget_ms, holds, &condition, NULL))
		fail_msg("job '%s' is %s (%s), not %s after %lld ms", job->name,
			 job_status_name(job), job->failure.text, sm_name(&job_states, status),
			 (long long)budget_ms);
}

static bool all_run(struct bed *bed, void *job)
{
	return ((struct job *)job)->all_running_ms >= 0;
}

void bed_until_running(struct bed *bed, struct job *job, int64_t budget_ms)
{
	bed_until(bed, budget_ms, all_run, job);
	assert_int_equal(job->status, JOB_RUNNING);
}

static bool slots_count(struct bed *bed, void *total)
{
	uint32_t taskmanagers, slots, free;

	resource_manager_counts(dispatcher_resource_manager(bed->dispatcher), &taskmanagers, &slots,
				&free);
	return slots == *(uint32_t *)total;
}

void bed_until_slots(struct bed *bed, uint32_t total, int64_t budget_ms)
{
	bed_until(bed, budget_ms, slots_count, &total);
}

uint32_t bed_slots_free(struct bed *bed)
{
	uint32_t taskmanagers, slots, free;

	resource_manager_counts(dispatcher_resource_manager(bed->dispatcher), &taskmanagers, &slots,
				&free);
	return free;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void *bed_alloc(void *arena, size_t size_bytes)
{
	return arena_alloc(arena, size_bytes);
}

static void bed_free(void *arena, void *memory)
{
	/* with the bed */
}

static void add_settings(struct bed *bed, Flink__JobGraph *graph, const char *const *settings)
{
	size_t count = 0;

	while (settings != NULL && settings[count] != NULL)
		count++;
	graph->settings = arena_alloc(bed->arena, count * sizeof(graph->settings[0]));
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(settings[i], '=');
		Flink__KeyValue *setting = arena_alloc(bed->arena, sizeof(*setting));

		flink__key_value__init(setting);
		setting->key =
			arena_strndup(bed->arena, settings[i], (size_t)(equals - settings[i]));
		setting->value = arena_strdup(bed->arena, equals + 1);
		graph->settings[i] = setting;
	}
	graph->n_settings = count;
}

Flink__JobGraph *bed_graph(struct bed *bed, const char *name, uint32_t source_parallelism,
			   uint32_t parallelism, const char *const *settings)
{
	static const struct field fields[] = { { "word", FIELD_STRING, 0 },
					       { "count", FIELD_BIGINT, 0 } };
	struct stream_graph *stream = stream_graph_create(name, 1);
	struct record_type *type;
	struct key_spec key = { .fields_count = 1 };
	Flink__JobGraph *graph = NULL;
	struct err err = ERR_INIT;

	if (record_type_create("word_count", NULL, fields, 2, &type, &err) != 0)
		fail_msg("%s", err.text);
	struct stream_node nodes[] = {
		{ .name = "Source: Numbers",
		  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
		  .factory = "numbers",
		  .parallelism = source_parallelism,
		  .output_type = type },
		{ .name = "Sum",
		  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
		  .factory = "sum",
		  .parallelism = parallelism,
		  .input_type = type,
		  .output_type = type,
		  .key = key },
		{ .name = "Sink: Print",
		  .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
		  .factory = "print",
		  .parallelism = parallelism,
		  .input_type = type },
	};
	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++) {
		nodes[i].id = stream_graph_next_id(stream);
		stream_graph_add(stream, &nodes[i]);
	}
	stream_graph_connect(stream, nodes[0].id, nodes[1].id, 0, SHIP_HASH, &key);
	stream_graph_connect(stream, nodes[1].id, nodes[2].id, 0, SHIP_FORWARD, NULL);
	if (job_graph_from_stream(stream, &graph, &err) != 0)
		fail_msg("%s", err.text);
	stream_graph_destroy(&stream);
	record_type_destroy(&type);
	ProtobufCAllocator allocator = { bed_alloc, bed_free, bed->arena };
	Flink__JobGraph *kept = rpc_message_copy(graph, &allocator);

	flink__job_graph__free_unpacked(graph, NULL);
	kept->job_id = (ProtobufCBinaryData){ 16, arena_alloc(bed->arena, 16) };
	world_random_bytes(bed->client_world, kept->job_id.data, 16);
	add_settings(bed, kept, settings);
	return kept;
}

struct job *bed_submit(struct bed *bed, const char *name, uint32_t source_parallelism,
		       uint32_t parallelism, const char *const *settings)
{
	Flink__JobGraph *graph = bed_graph(bed, name, source_parallelism, parallelism, settings);
	struct job *job = NULL;

	err_clear(&bed->err);
	if (dispatcher_submit(bed->dispatcher, graph, &job, &bed->err) != 0)
		job = NULL;
	return job;
}

void bed_note(const struct job *job, char *text, size_t size_bytes)
{
	struct buf note;

	buf_init(&note);
	buf_add_text(&note, "");
	job_note(job, &note);
	snprintf(text, size_bytes, "%s", note.data);
	buf_fini(&note);
}
