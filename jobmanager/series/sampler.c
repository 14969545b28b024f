/* SPDX-License-Identifier: Apache-2.0
 * sampler.c - the agent that looks once a second; TaskManagers, the JobManager, the clock.
 *
 * Ticks are seconds of the monotonic clock, so that a wall clock that is set forwards or back, or a
 * machine that slept, neither loses nor overwrites points: it is remembered what the wall clock
 * showed from which tick on, in whole seconds. A tick that comes late (a step elsewhere took long)
 * is taken when it comes; of several that are due only the last, the others are null. */
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/metric/cpu.h"
#include "jobmanager/series/sampler_priv.h"

#define SUBTASK_BYTES 131072 /* of the budget, for a job's subtasks to be kept one by one */
#define GONE_MAX 1000 /* TaskManagers that are remembered after they went */
#define TASKMANAGERS_PER_STEP 200
#define SILENCE_HEARTBEATS 3
#define SILENCE_TICKS_MIN 5

/* ---- columns --------------------------------------------------------------------------------- */

#define MEAN { .largest = false }
#define MEAN_THOUSANDTHS { .thousandths = true }

static const char *const taskmanager_names[] = {
	"Status.JVM.CPU.Load",
	"Status.JVM.Memory.Heap.Used",
	"Status.JVM.Threads.Count",
	"Status.Shuffle.Netty.UsedMemorySegments",
	"Status.Flink.Memory.Managed.Used",
	"taskSlotsAvailable",
};
static const struct series_column taskmanager_kinds[] = { MEAN_THOUSANDTHS, MEAN, MEAN, MEAN, MEAN,
							  MEAN };
static const struct sampled_names taskmanager_columns = { taskmanager_names, taskmanager_kinds,
							  ARRAY_COUNT(taskmanager_names) };
static const char *const jobmanager_names[] = {
	"Status.JVM.CPU.Load",  "Status.JVM.Memory.Heap.Used", "numRunningJobs",
	"taskSlotsTotal",       "taskSlotsAvailable",          "numRegisteredTaskManagers",
};
static const struct series_column jobmanager_kinds[] = { MEAN_THOUSANDTHS, MEAN, MEAN, MEAN, MEAN,
							 MEAN };
static const struct sampled_names jobmanager_columns = { jobmanager_names, jobmanager_kinds,
							 ARRAY_COUNT(jobmanager_names) };
_Static_assert(ARRAY_COUNT(taskmanager_names) == ARRAY_COUNT(taskmanager_kinds) &&
		       ARRAY_COUNT(jobmanager_names) == ARRAY_COUNT(jobmanager_kinds),
	       "a kind for each name");

/* ---- processes ------------------------------------------------------------------------------- */

/* The load since the figures that were taken in before: a share of all cores. Nothing is said of
 * the first ones, of an age in between, nor when the clock went back. */
#define LOAD_MS_MAX 60000

static void take_cpu(struct sampled *sampled, int64_t at_ms, uint64_t cpu_ms, uint32_t cores)
{
	int64_t passed = at_ms - sampled->heartbeat_ms;
	double load = passed > 0 ? (double)(cpu_ms - sampled->cpu_ms) / (double)passed : 0;
	bool known = sampled->cpu_ms > 0 && cpu_ms >= sampled->cpu_ms && passed > 0 &&
		     passed <= LOAD_MS_MAX && cores > 0;

	load = cores > 0 ? load / cores : 0;
	sampled->cpu_code =
		known ? sampled_code(load > 1 ? 1 : load, &taskmanager_kinds[0]) : SERIES_NULL;
	sampled->heartbeat_ms = at_ms;
	sampled->cpu_ms = cpu_ms;
}

static void sample_taskmanager(struct sampler *sampler, struct sampled *sampled,
			       const struct taskmanager_info *info)
{
	uint16_t row[ARRAY_COUNT(taskmanager_names)];

	if (info->last_heartbeat_ms != sampled->heartbeat_ms) {
		take_cpu(sampled, info->last_heartbeat_ms, info->cpu_time_ms, info->cpu_cores);
		sampled->silent_ticks = 0;
	} else if (sampled->silent_ticks <= sampler->silence_ticks) {
		sampled->silent_ticks++;
	}
	if (!info->available || sampled->silent_ticks > sampler->silence_ticks ||
	    info->heap_used_bytes == 0) {
		memset(row, 0xff, sizeof(row));
	} else {
		row[0] = sampled->cpu_code;
		row[1] = series_code(info->heap_used_bytes);
		row[2] = series_code(info->threads);
		row[3] = series_code(info->segments_total >= info->segments_free
					     ? info->segments_total - info->segments_free
					     : 0);
		row[4] = series_code(info->managed_used_bytes);
		row[5] = series_code(info->slots_free);
	}
	sampled_append(sampled, &sampled->parts[0], row);
}

static struct sampled *taskmanager_of(struct sampler *sampler, const struct taskmanager_info *info)
{
	struct bytes key = bytes_of_text(info->resource_id);
	struct sampled *sampled = map_get(sampler->taskmanagers, key);

	if (sampled == NULL) {
		sampled = sampled_create(sampler, info->resource_id, 1);
		sampled_add_part(sampled, SAMPLED_ONE, &taskmanager_columns, 0, SERIES_MAIN);
		map_put(sampler->taskmanagers, key, sampled);
		list_push_back(&sampler->taskmanagers_list, &sampled->node);
	} else if (sampled->ended) { /* it is back */
		sampled->ended = false;
		sampler->gone_count--;
		list_remove(&sampled->node);
		list_push_back(&sampler->taskmanagers_list, &sampled->node);
	}
	return sampled;
}

static void sync_taskmanagers(struct sampler *sampler)
{
	LIST_FOR_EACH (resource_manager_taskmanagers(
			       dispatcher_resource_manager(sampler->dispatcher)),
		       struct taskmanager_info, node, info)
		taskmanager_of(sampler, info)->seen = sampler->tick;
	LIST_FOR_EACH (&sampler->taskmanagers_list, struct sampled, node, sampled) {
		if (sampled->seen == sampler->tick)
			continue;
		sampled_end(sampled);
		list_remove(&sampled->node);
		list_push_back(&sampler->gone_list, &sampled->node);
		sampler->gone_count++;
	}
	LIST_FOR_EACH (&sampler->gone_list, struct sampled, node, sampled) {
		if (sampler->gone_count <= GONE_MAX &&
		    sampled->seen > sampler->tick - SERIES_COARSE_KEPT_TICKS)
			break;
		map_remove(sampler->taskmanagers, bytes_of_text(sampled->name));
		sampled_destroy(&sampled);
		sampler->gone_count--;
	}
	sampler->at_taskmanager = LIST_FIRST(&sampler->taskmanagers_list, struct sampled, node);
}

/* False: all are done. */
static bool step_taskmanagers(struct sampler *sampler)
{
	struct resource_manager *manager = dispatcher_resource_manager(sampler->dispatcher);

	for (uint32_t i = 0; i < TASKMANAGERS_PER_STEP && sampler->at_taskmanager != NULL; i++) {
		struct sampled *sampled = sampler->at_taskmanager;
		const struct taskmanager_info *info = resource_manager_find(manager, sampled->name);
		struct list_node *next = sampled->node.next;

		if (info != NULL)
			sample_taskmanager(sampler, sampled, info);
		sampler->at_taskmanager = next == &sampler->taskmanagers_list.head
						  ? NULL
						  : CONTAINER_OF(next, struct sampled, node);
	}
	return sampler->at_taskmanager != NULL;
}

/* 0: not known. */
static uint64_t own_cpu_ms(struct sampler *sampler)
{
	struct err err;
	uint64_t ms;
	char *text;
	size_t size;

	if (world_is_sim(sampler->world) || world_read_file(sampler->world, CPU_STAT_PATH,
							    CPU_STAT_BYTES_MAX, &text, &size,
							    &err) != 0)
		return 0;
	ms = cpu_ms_of_stat(text, sysconf(_SC_CLK_TCK));
	mem_free(text);
	return ms;
}

static void sample_jobmanager(struct sampler *sampler, mono_t now)
{
	uint32_t taskmanagers, slots, slots_free, running = 0;
	struct sampled *sampled = sampler->jobmanager;

	resource_manager_counts(dispatcher_resource_manager(sampler->dispatcher), &taskmanagers,
				&slots, &slots_free);
	LIST_FOR_EACH (dispatcher_jobs(sampler->dispatcher), struct job, node, job)
		running += !job_is_final(job);
	take_cpu(sampled, now / NS_PER_MS, own_cpu_ms(sampler), world_cpu_count(sampler->world));
	const uint16_t row[] = {
		sampled->cpu_code,
		series_code((uint64_t)mem_bytes_out()),
		series_code(running),
		series_code(slots),
		series_code(slots_free),
		series_code(taskmanagers),
	};

	_Static_assert(ARRAY_COUNT(row) == ARRAY_COUNT(jobmanager_names), "a number for each name");
	sampled_append(sampled, &sampled->parts[0], row);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static void begin_clock(struct sampler *sampler, mono_t now)
{
	wall_t wall = world_wall(sampler->world);
	int64_t into_second = (wall % MS_PER_S + MS_PER_S) % MS_PER_S;

	sampler->started = true;
	/* Ticks begin where seconds of the wall clock do. */
	sampler->began = now - into_second * NS_PER_MS;
	sampler->began_wall_ms = wall - into_second;
	sampler->first_tick = sampler->began_wall_ms / MS_PER_S;
	sampler->tick = sampler->first_tick;
}

/* The latest tick that is due. */
static int64_t tick_at(const struct sampler *sampler, mono_t now)
{
	return sampler->first_tick + (now - sampler->began) / NS_PER_S;
}

/* Slow clocks drift: less than a second is no jump. */
static void look_at_clock(struct sampler *sampler, mono_t now)
{
	int64_t off_ms = world_wall(sampler->world) - sampler->began_wall_ms -
			 (now - sampler->began) / NS_PER_MS;
	int64_t from_shown = off_ms - sampler->shown_offset * MS_PER_S;

	if (from_shown >= MS_PER_S || from_shown <= -MS_PER_S)
		sampler->shown_offset = (off_ms + (off_ms < 0 ? -500 : 500)) / MS_PER_S;
	series_store_at(sampler->store, sampler->tick, sampler->tick + sampler->shown_offset);
}

/* ---- the agent ------------------------------------------------------------------------------- */

static void begin_tick(struct sampler *sampler, mono_t now)
{
	sampler->tick = tick_at(sampler, now);
	sampler->busy = true;
	look_at_clock(sampler, now);
	sampler_sync_jobs(sampler);
	sync_taskmanagers(sampler);
	sample_jobmanager(sampler, now);
}

static void tell_shortened(struct sampler *sampler)
{
	if (sampler->told_shortened || !series_table_shortened(sampler->jobmanager->parts[0].table))
		return;
	sampler->told_shortened = true;
	log_warn(SAMPLER_LOGGER,
		 "rest.series.memory (%zu bytes) is used up: the oldest points of all time series go "
		 "first, before they are a day old.",
		 series_store_budget(sampler->store));
}

static enum step sampler_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct sampler *sampler = CONTAINER_OF(agent, struct sampler, agent);

	if (!sampler->started)
		begin_clock(sampler, now);
	if (!sampler->busy && tick_at(sampler, now) > sampler->tick) {
		begin_tick(sampler, now);
		return STEP_WORKED;
	}
	if (sampler->busy) {
		sampler->busy = step_taskmanagers(sampler) || sampler_step_jobs(sampler);
		tell_shortened(sampler);
		return STEP_WORKED;
	}
	if (series_store_work(sampler->store))
		return STEP_WORKED;
	*wake_at = sampler->began + (sampler->tick + 1 - sampler->first_tick) * NS_PER_S;
	return STEP_IDLE;
}

struct sampler *sampler_create(struct dispatcher *dispatcher)
{
	const struct conf *conf = dispatcher_conf(dispatcher);
	int64_t budget = conf_memory_bytes(conf, "rest.series.memory");
	int64_t silence_ms = SILENCE_HEARTBEATS * conf_duration_ms(conf, "heartbeat.interval");
	struct sampler *sampler;

	if (budget <= 0)
		return NULL;
	sampler = MEM_NEW(struct sampler);
	sampler->dispatcher = dispatcher;
	sampler->world = dispatcher_world(dispatcher);
	sampler->runner = dispatcher_runner(dispatcher);
	sampler->store = series_store_create((size_t)budget);
	sampler->subtasks_max = (uint32_t)(budget / SUBTASK_BYTES < UINT32_MAX
						   ? budget / SUBTASK_BYTES
						   : UINT32_MAX);
	sampler->silence_ticks = SILENCE_TICKS_MIN;
	if (silence_ms / MS_PER_S > SILENCE_TICKS_MIN)
		sampler->silence_ticks = (uint32_t)(silence_ms / MS_PER_S);
	sampler->jobs = map_create();
	sampler->taskmanagers = map_create();
	list_init(&sampler->jobs_list);
	list_init(&sampler->taskmanagers_list);
	list_init(&sampler->gone_list);
	sampler->jobmanager = sampled_create(sampler, "JobManager", 1);
	sampled_add_part(sampler->jobmanager, SAMPLED_ONE, &jobmanager_columns, 0, SERIES_MAIN);
	agent_init(&sampler->agent, "series", sampler_step);
	runner_add(sampler->runner, &sampler->agent);
	return sampler;
}

void sampler_destroy(struct sampler **sampler)
{
	struct sampler *gone = *sampler;

	if (gone == NULL)
		return;
	*sampler = NULL;
	if (atomic_load(&gone->agent.runner) != NULL)
		runner_remove(gone->runner, &gone->agent);
	LIST_FOR_EACH (&gone->jobs_list, struct sampled, node, job)
		sampled_destroy(&job);
	LIST_FOR_EACH (&gone->taskmanagers_list, struct sampled, node, taskmanager)
		sampled_destroy(&taskmanager);
	LIST_FOR_EACH (&gone->gone_list, struct sampled, node, taskmanager)
		sampled_destroy(&taskmanager);
	sampled_destroy(&gone->jobmanager);
	map_destroy(&gone->jobs);
	map_destroy(&gone->taskmanagers);
	series_store_destroy(&gone->store);
	mem_free(gone->row);
	mem_free(gone->vertices_row);
	mem_free(gone);
}

/* ---- questions ------------------------------------------------------------------------------- */

const struct series_store *sampler_store(const struct sampler *sampler)
{
	return sampler->store;
}

const struct sampled *sampler_job(const struct sampler *sampler, const struct id *id)
{
	return map_get(sampler->jobs, map_key_id(id));
}

const struct sampled *sampler_taskmanager(const struct sampler *sampler, const char *resource_id)
{
	return map_get(sampler->taskmanagers, bytes_of_text(resource_id));
}

const struct sampled *sampler_jobmanager(const struct sampler *sampler)
{
	return sampler->jobmanager;
}
