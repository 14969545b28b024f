/* SPDX-License-Identifier: Apache-2.0
 * cluster.c - puts the cluster together, drives the client, checks after every event. */
#include "tests/sim/cluster.h"

#include <stdio.h>
#include <string.h>

#include "client/api/flink/flink.h"
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/graph/graph.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "taskmanager/shuffle/shuffle.h"
#include "tests/sim/ledger.h"

#define MODULE_NAME "sim-job"
#define POLL_WAIT_MS 500

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct conf *make_conf(const char *const *pairs)
{
	struct conf *conf = conf_create();
	struct err err;

	for (; *pairs != NULL; pairs++)
		CHECK(conf_set_pair(conf, *pairs, "the simulator", &err) == 0, "%s", err.text);
	return conf;
}

static struct conf *tm_conf(const struct cluster *cluster)
{
	char slots[64];
	const char *pairs[] = {
		"jobmanager.rpc.address=jm",
		"taskmanager.memory.network.min=1mb",
		"taskmanager.memory.network.max=2mb",
		"taskmanager.memory.segment-size=4kb",
		"taskmanager.bind-host=0.0.0.0",
		"heartbeat.interval=500",
		"heartbeat.timeout=2500",
		"io.tmp.dirs=/tmp",
		slots,
		NULL,
	};

	snprintf(slots, sizeof(slots), "taskmanager.numberOfTaskSlots=%u", cluster->slots_per_tm);
	return make_conf(pairs);
}

static void start_tm(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];
	struct err err;
	char name[16];

	snprintf(name, sizeof(name), "tm%u", tm + 1);
	node->world = sim_node(cluster->sim, name);
	sim_env_put(node->world, "FLINK_CLUSTER_SECRET", "the simulator's secret");
	struct taskmanager_options options = { .world = node->world,
					       .conf = node->conf,
					       .bind_host = NULL };

	CHECK(taskmanager_create(&options, &node->taskmanager, &err) == 0, "%s", err.text);
	node->lives++;
}

void cluster_kill(struct cluster *cluster, uint32_t tm)
{
	struct cluster_node *node = &cluster->tms[tm];

	if (node->taskmanager == NULL)
		return;
	sim_trace(cluster->sim, "kill tm%u", tm + 1);
	sim_kill(node->world);
	taskmanager_destroy(&node->taskmanager);
	world_destroy(&node->world);
}

void cluster_restart(struct cluster *cluster, uint32_t tm)
{
	if (cluster->tms[tm].taskmanager != NULL)
		return;
	sim_trace(cluster->sim, "restart tm%u", tm + 1);
	start_tm(cluster, tm);
}

/* ---- checkers ------------------------------------------------------------------------------- */

static void check_slots(struct cluster *cluster)
{
	struct dispatcher *dispatcher = jobmanager_dispatcher(cluster->jobmanager);
	const struct list *list =
		resource_manager_taskmanagers(dispatcher_resource_manager(dispatcher));
	struct id seen[CLUSTER_TMS_MAX * 16];
	uint32_t count = 0;

	LIST_FOR_EACH(list, struct taskmanager_info, node, info)
		for (uint32_t i = 0; i < info->slots_count; i++) {
			const struct slot *slot = &info->slots[i];

			if (slot->state == SLOT_FREE || slot->state == SLOT_LOST ||
			    id_is_none(&slot->allocation_id))
				continue;
			for (uint32_t s = 0; s < count; s++)
				if (id_equal(&seen[s], &slot->allocation_id) &&
				    cluster->breach.code == ERR_NONE)
					err_set(&cluster->breach, ERR_BUG,
						"an allocation holds two slots");
			if (count < ARRAY_COUNT(seen))
				seen[count++] = slot->allocation_id;
		}
}

static void check_event(void *context)
{
	struct cluster *cluster = context;
	char text[256];

	cluster->events++;
	for (uint32_t i = 0; i < cluster->tms_count; i++)
		if (cluster->tms[i].taskmanager != NULL && cluster->breach.code == ERR_NONE &&
		    !shuffle_check(taskmanager_shuffle(cluster->tms[i].taskmanager), text,
				   sizeof(text)))
			err_set(&cluster->breach, ERR_BUG, "tm%u: %s", i + 1, text);
	if (cluster->events % 16 == 0 && cluster->jobmanager != NULL)
		check_slots(cluster);
	if (cluster->breach.code == ERR_NONE)
		ledger_check_order(&cluster->breach);
}

static void trace_move(void *context, const struct sm_table *table, const void *subject,
		       uint32_t from, uint32_t to)
{
	struct cluster *cluster = context;

	sim_trace(cluster->sim, "%s %s -> %s", table->name, sm_name(table, from),
		  sm_name(table, to));
}

/* ---- the client ----------------------------------------------------------------------------- */

static void poll_job(struct cluster *cluster);

static struct rpc_stub dispatcher_stub(struct cluster *cluster)
{
	struct rpc_stub stub;

	rpc_stub_init(&stub, rpc_client_peer(cluster->client), &flink__dispatcher__descriptor,
		      NULL);
	return stub;
}

static void polled(const Flink__JobStatusResponse *answer, void *closure_data)
{
	struct cluster *cluster = closure_data;

	cluster->polling = false;
	if (answer != NULL) {
		snprintf(cluster->status, sizeof(cluster->status), "%s", answer->status);
		if (answer->failure != NULL)
			err_from_message(&cluster->failure, answer->failure);
	}
	poll_job(cluster);
}

static void poll_job(struct cluster *cluster)
{
	Flink__JobStatusRequest request = FLINK__JOB_STATUS_REQUEST__INIT;

	if (cluster->polling || !cluster->submitted || cluster_job_ended(cluster) ||
	    rpc_client_peer(cluster->client) == NULL)
		return;
	struct rpc_stub stub = dispatcher_stub(cluster);

	request.job_id = id_to_message(&cluster->job_id);
	request.wait_ms = POLL_WAIT_MS;
	request.status_seen = cluster->status;
	request.note_seen = (char *)(uintptr_t)"";
	cluster->polling = true;
	flink__dispatcher__job_status(rpc_stub_service(&stub), &request, polled, cluster);
}

static void client_up(void *context, struct rpc_peer *peer)
{
	poll_job(context);
}

static void client_down(void *context, struct rpc_peer *peer, const struct err *why)
{
}

static void submit_answered(const Flink__SubmitJobResponse *answer, void *closure_data)
{
	struct cluster *cluster = closure_data;

	if (answer == NULL) {
		cluster->failure = *rpc_error();
		cluster->submit_failed = true;
		return;
	}
	cluster->submitted = true;
	poll_job(cluster);
}

struct entry {
	struct str key;
	int64_t value;
};

/* The user function of the job: passes every record on. */
static void pass_on(const void *in, struct collector *out)
{
	const struct entry *entry = in;
	struct entry copy = { .key = str_copy(&entry->key), .value = entry->value };

	outbox_emit(out, out->run->type, &copy);
}

static const char artifact_text[] = "the simulator's artifact: functions are addresses of this program";

static Flink__KeyValue *key_value(struct arena *arena, const char *pair)
{
	Flink__KeyValue *kv = arena_alloc(arena, sizeof(*kv));
	const char *equals = strchr(pair, '=');

	flink__key_value__init(kv);
	kv->key = arena_strndup(arena, pair, (size_t)(equals - pair));
	kv->value = arena_strdup(arena, equals + 1);
	return kv;
}

static struct bytes pack_parameters(struct arena *arena,
				    const Flink__OperatorParameters *parameters)
{
	size_t size = flink__operator_parameters__get_packed_size(parameters);
	uint8_t *packed = arena_alloc(arena, size);

	flink__operator_parameters__pack(parameters, packed);
	return bytes_of(packed, size);
}

static uint64_t offset_of_function(struct world *world, const void *function)
{
	struct module *module;
	uint64_t offset = 0;
	struct err err;

	CHECK(module_open(world, MODULE_NAME, NULL, &module, &err) == 0, "%s", err.text);
	CHECK(module_offset(module, function, &offset), "the function is not in this program");
	module_close(&module);
	return offset;
}

static struct stream_graph *build_stream(struct cluster *cluster, struct arena *arena,
					 const struct record_type *type, uint32_t parallelism)
{
	struct stream_graph *stream = stream_graph_create("ledger", parallelism);
	Flink__OperatorParameters flat_map_parameters = FLINK__OPERATOR_PARAMETERS__INIT;
	Flink__OperatorParameters sum_parameters = FLINK__OPERATOR_PARAMETERS__INIT;
	Flink__FunctionRef function = FLINK__FUNCTION_REF__INIT;
	const struct key_spec key = { .fields_count = 1, .fields = { 0 } };
	uint32_t ids[5];

	function.artifact = 0;
	function.offset = offset_of_function(cluster->client_world, (const void *)pass_on);
	function.symbol = (char *)(uintptr_t)"pass_on";
	flat_map_parameters.function = &function;
	sum_parameters.field = 1;
	for (int i = 0; i < 5; i++)
		ids[i] = stream_graph_next_id(stream);
	stream_graph_add(stream,
			 &(struct stream_node){ .id = ids[0],
						.name = "Source: ledger",
						.kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE,
						.factory = "sim-source",
						.parameters = ledger_source_parameters(),
						.parallelism = parallelism,
						.output_type = type });
	stream_graph_add(stream, &(struct stream_node){
					 .id = ids[1],
					 .name = "Flat Map",
					 .kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR,
					 .factory = "flat-map",
					 .parameters = pack_parameters(arena, &flat_map_parameters),
					 .parallelism = parallelism,
					 .input_type = type,
					 .output_type = type });
	stream_graph_add(stream, &(struct stream_node){ .id = ids[3], .name = "Keyed Aggregation",
		.kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR, .factory = "sum",
		.parameters = pack_parameters(arena, &sum_parameters), .parallelism = parallelism,
		.input_type = type, .output_type = type, .key = key });
	stream_graph_add(stream,
			 &(struct stream_node){ .id = ids[4],
						.name = "Sink: ledger",
						.kind = FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK,
						.factory = "sim-ledger",
						.parallelism = parallelism,
						.input_type = type });
	stream_graph_connect(stream, ids[0], ids[1], 0, SHIP_DEFAULT, NULL);
	stream_graph_connect(stream, ids[1], ids[3], 0, SHIP_HASH, &key);
	stream_graph_connect(stream, ids[3], ids[4], 0, SHIP_DEFAULT, NULL);
	return stream;
}

static void put_artifact_answered(const Flink__PutArtifactResponse *answer, void *closure_data)
{
	struct cluster *cluster = closure_data;

	if (answer == NULL) {
		cluster->failure = *rpc_error();
		cluster->submit_failed = true;
	}
}

static bool client_connected(void *context)
{
	return rpc_client_peer(((struct cluster *)context)->client) != NULL;
}

static bool submit_settled(void *context)
{
	return ((struct cluster *)context)->submitted || ((struct cluster *)context)->submit_failed;
}

/* What the client adds to a job graph: id, artifact, settings. All of it in the arena. */
static void complete_graph(struct cluster *cluster, Flink__JobGraph *graph, struct arena *arena,
			   const char *const *settings)
{
	Flink__Artifact *artifact = arena_alloc(arena, sizeof(*artifact));
	size_t count = 0;

	for (int i = 0; i < 16; i++)
		cluster->job_id.bytes[i] = (uint8_t)sim_random(cluster->sim);
	graph->job_id = id_to_message(&cluster->job_id);
	flink__artifact__init(artifact);
	artifact->name = (char *)(uintptr_t)MODULE_NAME;
	artifact->size_bytes = sizeof(artifact_text);
	artifact->sha256.data = arena_alloc(arena, 32);
	artifact->sha256.len = 32;
	artifact->abi = FLINK_ABI;
	hash_sha256(artifact_text, sizeof(artifact_text), artifact->sha256.data);
	graph->artifacts = arena_alloc(arena, sizeof(*graph->artifacts));
	graph->artifacts[0] = artifact;
	graph->n_artifacts = 1;
	while (settings[count] != NULL)
		count++;
	graph->settings = arena_alloc(arena, count * sizeof(*graph->settings));
	graph->n_settings = count;
	for (size_t i = 0; i < count; i++)
		graph->settings[i] = key_value(arena, settings[i]);
}

void cluster_submit(struct cluster *cluster, uint32_t parallelism, const char *const *settings)
{
	Flink__PutArtifactRequest put = FLINK__PUT_ARTIFACT_REQUEST__INIT;
	Flink__SubmitJobRequest submit = FLINK__SUBMIT_JOB_REQUEST__INIT;
	struct arena *arena = arena_create("job");
	Flink__JobGraph *built, graph;
	struct record_type *type;
	struct err err;

	CHECK(sim_run(cluster->sim, 60000, client_connected, cluster, NULL),
	      "the client never connected");
	CHECK(record_type_create("entry", NULL, ledger_fields, 2, &type, &err) == 0, "%s",
	      err.text);
	struct stream_graph *stream = build_stream(cluster, arena, type, parallelism);

	CHECK(job_graph_from_stream(stream, &built, &err) == 0, "%s", err.text);
	graph = *built;
	complete_graph(cluster, &graph, arena, settings);
	put.sha256 = graph.artifacts[0]->sha256;
	put.name = graph.artifacts[0]->name;
	put.size_bytes = sizeof(artifact_text);
	put.content.data = (uint8_t *)(uintptr_t)artifact_text;
	put.content.len = sizeof(artifact_text);
	submit.graph = &graph;
	struct rpc_stub stub = dispatcher_stub(cluster);

	flink__dispatcher__put_artifact(rpc_stub_service(&stub), &put, put_artifact_answered,
					cluster);
	flink__dispatcher__submit_job(rpc_stub_service(&stub), &submit, submit_answered, cluster);
	flink__job_graph__free_unpacked(built, NULL);
	stream_graph_destroy(&stream);
	record_type_destroy(&type);
	arena_destroy(&arena);
	CHECK(sim_run(cluster->sim, 60000, submit_settled, cluster, NULL),
	      "the submission was not answered");
	CHECK(!cluster->submit_failed, "submission refused: %s", cluster->failure.text);
}

static void cancel_answered(const Flink__Empty *answer, void *closure_data)
{
}

void cluster_cancel(struct cluster *cluster)
{
	Flink__CancelJobRequest request = FLINK__CANCEL_JOB_REQUEST__INIT;
	struct rpc_stub stub = dispatcher_stub(cluster);

	request.job_id = id_to_message(&cluster->job_id);
	flink__dispatcher__cancel_job(rpc_stub_service(&stub), &request, cancel_answered, cluster);
}

bool cluster_job_ended(void *context)
{
	const char *status = ((struct cluster *)context)->status;

	return strcmp(status, "FINISHED") == 0 || strcmp(status, "FAILED") == 0 ||
	       strcmp(status, "CANCELED") == 0;
}

bool cluster_job_running(void *context)
{
	return strcmp(((struct cluster *)context)->status, "RUNNING") == 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void start_client(struct cluster *cluster)
{
	struct rpc_options options = { .component = NULL, .role = "client", .peer_up = client_up,
				       .peer_down = client_down, .context = cluster };
	struct err err;

	options.secret = bytes_of_text("the simulator's secret");
	world_random_bytes(cluster->client_world, options.incarnation.bytes, 16);
	cluster->client_runner = runner_create(cluster->client_world, "client", &err);
	CHECK(cluster->client_runner != NULL, "%s", err.text);
	CHECK(rpc_client_open(cluster->client_runner, "jm", 6123, &options, &cluster->client,
			      &err) == 0,
	      "%s", err.text);
}

struct cluster *cluster_create(uint64_t seed, const struct sim_options *options, uint32_t tms,
			       uint32_t slots_per_tm)
{
	static const char *const jm_pairs[] = {
		"jobmanager.rpc.address=jm",
		"jobmanager.bind-host=0.0.0.0",
		"heartbeat.interval=500",
		"heartbeat.timeout=2500",
		NULL,
	};
	struct cluster *cluster = MEM_NEW(struct cluster);
	struct err err;

	cluster->sim = sim_create(seed, options);
	cluster->tms_count = tms;
	cluster->slots_per_tm = slots_per_tm;
	sim_module_add(cluster->sim, MODULE_NAME);
	sm_listen(trace_move, cluster);
	cluster->jm_world = sim_node(cluster->sim, "jm");
	sim_env_put(cluster->jm_world, "FLINK_CLUSTER_SECRET", "the simulator's secret");
	cluster->client_world = sim_node(cluster->sim, "client");
	cluster->jm_conf = make_conf(jm_pairs);
	struct jobmanager_options jm = { .world = cluster->jm_world,
					 .conf = cluster->jm_conf,
					 .without_rest = true };

	CHECK(jobmanager_create(&jm, &cluster->jobmanager, &err) == 0, "%s", err.text);
	for (uint32_t i = 0; i < tms; i++) {
		cluster->tms[i].conf = tm_conf(cluster);
		start_tm(cluster, i);
	}
	start_client(cluster);
	sim_on_event(cluster->sim, check_event, cluster);
	return cluster;
}

void cluster_destroy(struct cluster **pointer)
{
	struct cluster *cluster = *pointer;

	sim_on_event(cluster->sim, NULL, NULL);
	rpc_client_close(&cluster->client);
	runner_destroy(&cluster->client_runner);
	for (uint32_t i = 0; i < cluster->tms_count; i++) {
		if (cluster->tms[i].taskmanager != NULL) {
			taskmanager_destroy(&cluster->tms[i].taskmanager);
			world_destroy(&cluster->tms[i].world);
		}
		conf_destroy(&cluster->tms[i].conf);
	}
	jobmanager_destroy(&cluster->jobmanager);
	world_destroy(&cluster->jm_world);
	world_destroy(&cluster->client_world);
	conf_destroy(&cluster->jm_conf);
	sm_listen(NULL, NULL);
	sim_destroy(&cluster->sim);
	mem_free(cluster);
	*pointer = NULL;
}
