/* SPDX-License-Identifier: Apache-2.0
 * taskmanager.c - puts a TaskManager together: settings to sizes, the control runner, the shuffle
 * and its I/O runner, the task executor. Called by the daemon's main, the mini cluster and the
 * simulator; decides nothing afterwards. */
#include "taskmanager/taskmanager.h"

#include <string.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/rpc/secret.h"
#include "taskmanager/exec/task_executor.h"
#include "taskmanager/memory_budget.h"
#include "taskmanager/shuffle/shuffle.h"

struct taskmanager {
	struct taskmanager_options options;
	struct runner *control, *io;
	struct shuffle *shuffle;
	struct task_executor *executor;
	char *resource_id, *data_host;
	struct id incarnation;
	struct bytes secret;
};

static uint32_t segment_bytes_of(const struct conf *conf)
{
	uint64_t wanted = (uint64_t)conf_memory_bytes(conf, "taskmanager.memory.segment-size");
	uint32_t size = LIMIT_SEGMENT_BYTES_MIN;

	while (size < LIMIT_SEGMENT_BYTES_MAX && size < wanted)
		size *= 2;
	return size;
}

static struct debloat_options debloat_of(const struct conf *conf)
{
	return (struct debloat_options){
		.enabled = conf_bool(conf, "taskmanager.network.memory.buffer-debloat.enabled"),
		.target_ms = (uint32_t)conf_duration_ms(
			conf, "taskmanager.network.memory.buffer-debloat.target"),
		.period_ms = (uint32_t)conf_duration_ms(
			conf, "taskmanager.network.memory.buffer-debloat.period"),
		.samples = (uint32_t)conf_int(
			conf, "taskmanager.network.memory.buffer-debloat.samples"),
		.threshold_percent = (uint32_t)conf_int(
			conf, "taskmanager.network.memory.buffer-debloat.threshold-percentages"),
		.segment_bytes_min =
			(uint32_t)conf_memory_bytes(conf, "taskmanager.memory.min-segment-size"),
	};
}

static int create_shuffle(struct taskmanager *taskmanager, const struct memory_budget *budget,
			  const char *bind_host, struct err *err)
{
	const struct conf *conf = taskmanager->options.conf;
	struct shuffle_options options = {
		.bind_host = bind_host,
		.port = (uint16_t)conf_int(conf, "taskmanager.data.port"),
		.secret = taskmanager->secret,
		.incarnation = taskmanager->incarnation,
		.pool_bytes = budget->network_bytes,
		.segment_bytes = segment_bytes_of(conf),
		.exclusive_segments_per_channel =
			(uint32_t)conf_int(conf, "taskmanager.network.memory.buffers-per-channel"),
		.floating_segments_per_gate = (uint32_t)conf_int(
			conf, "taskmanager.network.memory.floating-buffers-per-gate"),
		.debloat = debloat_of(conf),
		.record_bytes_max =
			(uint32_t)conf_memory_bytes(conf, "taskmanager.network.max-record-size"),
		.compress_lz4 = strcmp(conf_text(conf, "taskmanager.network.compression.codec"),
				       "LZ4") == 0,
	};

	return shuffle_create(taskmanager->io, &options, &taskmanager->shuffle, err);
}

/* The name under which peers reach the data port: taskmanager.host, or what was bound. The
 * machine's own name only if every address was bound: on many a machine it stands for one
 * (127.0.1.1) at which nobody listens. */
static const char *data_host_of(const struct taskmanager *taskmanager, const char *bind_host)
{
	const char *host = conf_text(taskmanager->options.conf, "taskmanager.host");
	bool everywhere = strcmp(bind_host, "0.0.0.0") == 0 || strcmp(bind_host, "::") == 0;

	if (host[0] != '\0' && bind_host[0] != '@')
		return host;
	return everywhere ? world_host_name(taskmanager->options.world) : bind_host;
}

static void name_resource(struct taskmanager *taskmanager)
{
	const struct conf *conf = taskmanager->options.conf;
	uint32_t suffix = (uint32_t)world_random(taskmanager->options.world) & 0xffffff;

	if (conf_is_set(conf, "taskmanager.resource-id"))
		taskmanager->resource_id = mem_strdup(conf_text(conf, "taskmanager.resource-id"));
	else
		taskmanager->resource_id =
			mem_printf("%s:%u-%06x", taskmanager->data_host,
				   (unsigned)shuffle_port(taskmanager->shuffle), suffix);
}

static void log_start(const struct taskmanager *taskmanager, const struct memory_budget *budget,
		      uint32_t segment_bytes)
{
	const struct conf *conf = taskmanager->options.conf;
	struct buf text;

	buf_init(&text);
	memory_budget_describe(budget, conf, &text);
	log_info("TaskManager",
		 "Starting TaskManager %s with %lld slots and %s; segments of %u bytes.",
		 taskmanager->resource_id,
		 (long long)conf_int(conf, "taskmanager.numberOfTaskSlots"), text.data,
		 segment_bytes);
	buf_fini(&text);
}

static int assemble(struct taskmanager *taskmanager, struct err *err)
{
	struct world *world = taskmanager->options.world;
	const struct conf *conf = taskmanager->options.conf;
	const char *bind_host = taskmanager->options.bind_host
					? taskmanager->options.bind_host
					: conf_text(conf, "taskmanager.bind-host");
	struct machine_memory machine = machine_memory_of(world);
	struct memory_budget budget;

	const char *jobmanager = taskmanager->options.jobmanager_host;

	if (memory_budget_derive(conf, &machine, &budget, err) != 0)
		return -1;
	/* A JobManager at "@name" is in this process and wants no proof. */
	if ((jobmanager == NULL || jobmanager[0] != '@') &&
	    secret_load(world, conf_text(conf, "security.cluster.secret-file"),
			&taskmanager->secret, err) != 0)
		return -1;
	world_random_bytes(world, taskmanager->incarnation.bytes,
			   sizeof(taskmanager->incarnation.bytes));
	taskmanager->control = runner_create(world, "taskmanager", err);
	if (taskmanager->control == NULL)
		return -1;
	runner_keep_together(taskmanager->control);
	taskmanager->io = runner_create(world, "shuffle", err);
	if (taskmanager->io == NULL)
		return -1;
	runner_keep_together(taskmanager->io); /* nothing there runs user code: nobody is stuck */
	if (create_shuffle(taskmanager, &budget, bind_host, err) != 0)
		return -1;
	taskmanager->data_host = mem_strdup(data_host_of(taskmanager, bind_host));
	name_resource(taskmanager);
	struct task_executor_options options = {
		.base = &taskmanager->options,
		.runner = taskmanager->control,
		.shuffle = taskmanager->shuffle,
		.incarnation = taskmanager->incarnation,
		.secret = taskmanager->secret,
		.resource_id = taskmanager->resource_id,
		.data_host = taskmanager->data_host,
		.slots = (uint32_t)conf_int(conf, "taskmanager.numberOfTaskSlots"),
		.budget = budget,
		.physical_memory_bytes = machine.bytes,
		.segment_bytes = segment_bytes_of(conf),
	};

	log_start(taskmanager, &budget, options.segment_bytes);
	return task_executor_create(&options, &taskmanager->executor, err);
}

int taskmanager_create(const struct taskmanager_options *options, struct taskmanager **out,
		       struct err *err)
{
	struct taskmanager *taskmanager = MEM_NEW(struct taskmanager);

	taskmanager->options = *options;
	if (assemble(taskmanager, err) != 0) {
		taskmanager_destroy(&taskmanager);
		return -1;
	}
	*out = taskmanager;
	return 0;
}

bool taskmanager_registered(const struct taskmanager *taskmanager)
{
	return task_executor_registered(taskmanager->executor);
}

bool taskmanager_trouble(struct taskmanager *taskmanager, struct err *err)
{
	return task_executor_trouble(taskmanager->executor, err);
}

const char *taskmanager_resource_id(const struct taskmanager *taskmanager)
{
	return taskmanager->resource_id;
}

void taskmanager_stop(struct taskmanager *taskmanager)
{
	task_executor_stop(taskmanager->executor);
}

bool taskmanager_stopped(const struct taskmanager *taskmanager)
{
	return task_executor_idle(taskmanager->executor);
}

void taskmanager_destroy(struct taskmanager **pointer)
{
	struct taskmanager *taskmanager = *pointer;

	if (taskmanager == NULL)
		return;
	/* Slots first: they post to the executor, which must outlive them; then nobody steps any
	 * more and everything can be freed in the order of use. */
	if (taskmanager->control != NULL)
		runner_destroy(&taskmanager->control);
	if (taskmanager->executor != NULL)
		task_executor_stop_slots(taskmanager->executor);
	if (taskmanager->io != NULL)
		runner_destroy(&taskmanager->io);
	task_executor_destroy(&taskmanager->executor);
	if (taskmanager->shuffle != NULL)
		shuffle_destroy(&taskmanager->shuffle);
	mem_free(taskmanager->resource_id);
	mem_free(taskmanager->data_host);
	secret_free(&taskmanager->secret);
	mem_free(taskmanager);
	*pointer = NULL;
}

uint32_t taskmanager_tasks_count(const struct taskmanager *taskmanager)
{
	return task_executor_tasks(taskmanager->executor);
}

struct shuffle *taskmanager_shuffle(struct taskmanager *taskmanager)
{
	return taskmanager->shuffle;
}

const struct id *taskmanager_incarnation(const struct taskmanager *taskmanager)
{
	return &taskmanager->incarnation;
}

bool taskmanager_slot_holder(const struct taskmanager *taskmanager, uint32_t index,
			     struct id *allocation_id, struct id *job_id)
{
	return task_executor_slot_holder(taskmanager->executor, index, allocation_id, job_id);
}

bool taskmanager_at_rest(const struct taskmanager *taskmanager, char *text, size_t size_bytes)
{
	return task_executor_at_rest(taskmanager->executor, text, size_bytes) &&
	       shuffle_at_rest(taskmanager->shuffle, text, size_bytes);
}
