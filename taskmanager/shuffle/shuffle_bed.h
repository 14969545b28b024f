/* SPDX-License-Identifier: Apache-2.0
 * shuffle_bed.h - a bed for tests of the shuffle: TaskManagers of a simulation, each with a shuffle
 * on its I/O runner, and tasks on another that produce or consume numbered records. Header only. */
#ifndef TASKMANAGER_SHUFFLE_SHUFFLE_BED_H
#define TASKMANAGER_SHUFFLE_SHUFFLE_BED_H

#include "common/world/world_sim.h"
#include "taskmanager/shuffle/channel_fixture.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define BED_NODES_MAX 3
#define BED_TASKS_MAX 6 /* of a kind */

enum bed_fate { BED_UNDER_WAY, BED_FINISHED, BED_FAILED };

struct bed;

struct bed_node {
	struct bed *bed;
	struct world *world;
	struct runner *io, *worker, *second; /* second: if the bed has two_workers */
	struct shuffle *shuffle;
	char name[12];
	bool dead;
};

struct bed_task {
	struct agent agent; /* first */
	struct bed *bed;
	struct bed_node *node;
	struct random random; /* its own: tasks may be on several threads */
	bool produces;
	uint32_t index;
	mono_t begin_at, rest_until;
	bool begun, idle;
	mono_t stepped_at;
	uint64_t idle_ns;
	struct gate *gate;
	/* per channel: to / from the other kind's task of that index */
	struct channel *channels[BED_TASKS_MAX];
	atomic_uint overs; /* of its channels */
	enum bed_fate fate[BED_TASKS_MAX];
	struct err why[BED_TASKS_MAX];
	int64_t numbers[BED_TASKS_MAX]; /* sent, or seen in order */
	int64_t watermarks[BED_TASKS_MAX];
	uint64_t barriers[BED_TASKS_MAX]; /* urgent ones: sent; seen + 1 */
	struct position
		barrier_at[BED_TASKS_MAX]; /* the last one seen: what it overtook ends there … */
	int64_t barrier_numbers[BED_TASKS_MAX];    /* … with this number */
	uint32_t next;
};

struct bed {
	struct sim *sim;
	uint64_t seed;
	struct random random;
	uint32_t nodes_count, producers_count, consumers_count;
	struct bed_node nodes[BED_NODES_MAX];
	struct bed_task producers[BED_TASKS_MAX], consumers[BED_TASKS_MAX];
	atomic_uint overs;   /* ends of channels that are over */
	atomic_uint flowing; /* far channels that brought their first records */
	int64_t numbers;   /* through each channel */
	uint32_t begin_ms_max, rest_ppm;
	uint32_t fails_ppm; /* per step: a channel is given up */
	uint32_t segment_bytes, exclusive, floating;
	uint32_t size_bytes;  /* of the job's segments; 0: whole ones */
	uint32_t debloat_ms;  /* target and period of the gates; 0: they do not debloat */
	uint32_t lz4_nodes; /* bit per node: it packs */
	bool two_workers, restless;
	struct id job;
};

static const char bed_secret[] = "between TaskManagers";

#define BED_MUST(bed, condition) \
	do { \
		if (!(condition)) \
			fail_msg("seed %llu: %s", (unsigned long long)(bed)->seed, #condition); \
	} while (0)

static inline struct channel_name bed_name(const struct bed *bed, uint32_t producer,
					   uint32_t consumer)
{
	return (struct channel_name){ .job_id = bed->job, .job_attempt = 1, .edge = 7,
				      .producer = producer, .consumer = consumer };
}

/* ---- producing ------------------------------------------------------------------------------ */

static inline bool bed_put(struct channel *channel, int64_t value)
{
	int64_t *record = channel_reserve(channel, sizeof(int64_t));

	if (record != NULL)
		*record = value;
	return record != NULL;
}

static inline void bed_over(struct bed_task *task, uint32_t i, enum bed_fate fate)
{
	task->fate[i] = fate;
	atomic_fetch_add(&task->bed->overs, 1);
	atomic_fetch_add(&task->overs, 1);
	if (task->produces)
		shuffle_close_output(task->node->shuffle, &task->channels[i], fate == BED_FINISHED,
				     &task->why[i]);
	else
		shuffle_close_input(task->node->shuffle, &task->channels[i]);
}

/* A few numbers into one channel; true: it moved. */
static inline bool bed_produce(struct bed_task *task, uint32_t i)
{
	struct channel *channel = task->channels[i];
	struct random *random = &task->random;
	uint32_t burst = 1 + random_below(random, 400);
	struct control watermark = { .kind = CONTROL_WATERMARK, .watermark = task->watermarks[i] };
	struct control end = { .kind = CONTROL_END_OF_INPUT };
	struct control barrier = { .kind = CONTROL_BARRIER, .checkpoint = task->barriers[i] };
	bool moved = false;

	if (channel_failed(channel, &task->why[i])) {
		bed_over(task, i, BED_FAILED);
		return true;
	}
	while (burst-- > 0 && task->numbers[i] < task->bed->numbers) {
		if (!bed_put(channel, task->numbers[i]))
			return moved;
		task->numbers[i]++;
		moved = true;
	}
	if (random_below(random, 20) == 0 && !channel_urgent_outstanding(channel)) {
		barrier.watermark = task->numbers[i];
		channel_urgent(channel, &barrier);
		task->barriers[i]++;
	}
	if (random_below(random, 3) == 0 && channel_offer_control(channel, &watermark)) {
		task->watermarks[i]++;
		moved = true;
	}
	if (task->numbers[i] == task->bed->numbers && channel_offer_control(channel, &end)) {
		bed_over(task, i, BED_FINISHED);
		return true;
	}
	return moved;
}

/* ---- consuming ------------------------------------------------------------------------------ */

static inline void bed_consume_batch(struct bed_task *task, uint32_t i, const struct batch *batch)
{
	for (uint32_t j = 0; j < batch->count; j++) {
		if (*(const int64_t *)batch_at(batch, j) != task->numbers[i])
			fail_msg("seed %llu: %lld instead of %lld from producer %u to consumer %u",
				 (unsigned long long)task->bed->seed,
				 (long long)*(const int64_t *)batch_at(batch, j),
				 (long long)task->numbers[i], i, task->index);
		task->numbers[i]++;
	}
	if (task->numbers[i] == batch->count && task->bed->producers[i].node != task->node)
		atomic_fetch_add(&task->bed->flowing, 1);
	bool past = position_pack(channel_taken(task->channels[i])) >=
		    position_pack(task->barrier_at[i]);

	BED_MUST(task->bed, past ? task->numbers[i] >= task->barrier_numbers[i] :
				   task->numbers[i] < task->barrier_numbers[i]);
}

static inline bool bed_consume(struct bed_task *task)
{
	struct channel *channel = gate_next(task->gate);
	struct control control;
	struct batch batch;

	if (channel == NULL)
		return false;
	uint32_t i = gate_index(channel);

	switch (channel_take(channel, &batch, &control)) {
	case CHANNEL_PIECE: fail_msg("a piece of a number"); break;
	case CHANNEL_BATCH:
		bed_consume_batch(task, i, &batch);
		if (random_below(&task->random, 2) == 0)
			channel_release(channel, channel_taken(channel));
		break;
	case CHANNEL_CONTROL:
		if (control.urgent) { /* a newer one may have taken the place of one on its way */
			BED_MUST(task->bed, control.checkpoint >= task->barriers[i]);
			BED_MUST(task->bed, position_pack(control.at) >=
						    position_pack(channel_taken(channel)));
			BED_MUST(task->bed, control.watermark >= task->numbers[i]);
			task->barriers[i] = control.checkpoint + 1;
			task->barrier_at[i] = control.at;
			task->barrier_numbers[i] = control.watermark;
			break;
		}
		if (control.kind == CONTROL_WATERMARK) {
			BED_MUST(task->bed, control.watermark == task->watermarks[i]);
			task->watermarks[i]++;
			break;
		}
		BED_MUST(task->bed, control.kind == CONTROL_END_OF_INPUT);
		BED_MUST(task->bed, task->numbers[i] == task->bed->numbers);
		bed_over(task, i, BED_FINISHED);
		return true;
	case CHANNEL_FAILED:
		channel_failed(channel, &task->why[i]);
		bed_over(task, i, BED_FAILED);
		return true;
	case CHANNEL_NOTHING:
		channel_release(channel, channel_taken(channel));
		return true;
	}
	if (random_below(&task->random, 4) == 0)
		gate_yield(task->gate, channel);
	return true;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static inline void bed_begin(struct bed_task *task)
{
	struct bed *bed = task->bed;
	uint32_t others = task->produces ? bed->consumers_count : bed->producers_count;

	task->begun = true;
	if (!task->produces)
		task->gate = gate_create(&task->agent);
	for (uint32_t i = 0; i < others; i++) {
		struct channel_name name = task->produces ? bed_name(bed, task->index, i) :
							    bed_name(bed, i, task->index);
		struct bed_node *there = bed->producers[i].node;

		if (task->produces)
			task->channels[i] = shuffle_open_output(task->node->shuffle, &name,
								fixture_number, &task->agent);
		else
			task->channels[i] = shuffle_open_input(
				task->node->shuffle, &name,
				there == task->node ? NULL : there->name,
				there == task->node ? 0 : shuffle_port(there->shuffle),
				fixture_number, task->gate, i);
	}
}

static inline bool bed_work(struct bed_task *task, mono_t now)
{
	uint32_t others = task->produces ? task->bed->consumers_count : task->bed->producers_count;
	bool moved = false;

	if (!task->produces) {
		gate_debloat(task->gate, now, task->idle_ns);
		for (uint32_t i = 0; i < 20 && bed_consume(task); i++)
			moved = true;
		return moved;
	}
	for (uint32_t i = 0; i < others; i++) {
		uint32_t index = (task->next + i) % others;

		if (task->channels[index] != NULL && bed_produce(task, index))
			moved = true;
	}
	task->next++;
	for (uint32_t i = 0; i < others && !moved; i++) /* idle: nothing may stay unseen */
		if (task->channels[i] != NULL)
			channel_publish(task->channels[i]);
	return moved;
}

/* A task gives one of its channels up, as when it is cancelled. */
static inline void bed_give_up(struct bed_task *task)
{
	uint32_t i = random_below(&task->random, BED_TASKS_MAX);

	if (task->channels[i] == NULL)
		return;
	err_set(&task->why[i], ERR_USER_FUNCTION_FAILED, "given up");
	bed_over(task, i, BED_FAILED);
}

static inline enum step bed_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct bed_task *task = CONTAINER_OF(agent, struct bed_task, agent);
	struct bed *bed = task->bed;

	if (now < task->begin_at || now < task->rest_until) {
		*wake_at = now < task->begin_at ? task->begin_at : task->rest_until;
		return STEP_IDLE;
	}
	if (!task->begun)
		bed_begin(task);
	if (random_below(&task->random, 1000000) < bed->rest_ppm) {
		task->rest_until = now + NS_PER_MS * (1 + random_below(&task->random, 300));
		*wake_at = task->rest_until;
		return STEP_IDLE;
	}
	if (random_below(&task->random, 1000000) < bed->fails_ppm)
		bed_give_up(task);
	if (task->idle)
		task->idle_ns += (uint64_t)(now - task->stepped_at);
	task->stepped_at = now;
	task->idle = !bed_work(task, now);
	return task->idle ? STEP_BLOCKED : STEP_WORKED;
}

static inline bool bed_task_over(const struct bed_task *task)
{
	uint32_t others = task->produces ? task->bed->consumers_count : task->bed->producers_count;

	if (task->node->dead)
		return true;
	for (uint32_t i = 0; i < others; i++)
		if (task->fate[i] == BED_UNDER_WAY)
			return false;
	return true;
}

static inline bool bed_over_all(void *context)
{
	struct bed *bed = context;

	for (uint32_t i = 0; i < bed->producers_count; i++)
		if (!bed_task_over(&bed->producers[i]))
			return false;
	for (uint32_t i = 0; i < bed->consumers_count; i++)
		if (!bed_task_over(&bed->consumers[i]))
			return false;
	return true;
}

static inline const char *bed_position(char text[48], const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;

	snprintf(text, 48, "%llx %llx %llx of %llx, limit %llu",
		 (unsigned long long)atomic_load(&c->released) >> 24,
		 (unsigned long long)atomic_load(&c->taken),
		 (unsigned long long)atomic_load(&c->published), (unsigned long long)c->position,
		 (unsigned long long)atomic_load(&c->limit));
	return text;
}

/* What is under way, for the text of a failure. */
static inline void bed_dump(const struct bed *bed)
{
	char text[48];

	for (uint32_t i = 0; i < bed->consumers_count; i++)
		for (uint32_t j = 0; j < bed->producers_count; j++) {
			const struct bed_task *c = &bed->consumers[i], *p = &bed->producers[j];

			if (c->fate[j] != BED_UNDER_WAY && p->fate[i] != BED_UNDER_WAY)
				continue;
			print_message("%s/%u %lld -> %s/%u %lld of %lld\n", p->node->name, j,
				      (long long)p->numbers[i], c->node->name, i,
				      (long long)c->numbers[j], (long long)bed->numbers);
			if (p->channels[i] != NULL)
				print_message("   producer's %s%s\n",
					      bed_position(text, p->channels[i]),
					      channel_blocked(p->channels[i]) ? ", blocked" : "");
			if (c->channels[j] != NULL)
				print_message("   consumer's %s\n",
					      bed_position(text, c->channels[j]));
		}
}

/* ---- the bed -------------------------------------------------------------------------------- */

static inline void bed_check(void *context)
{
	struct bed *bed = context;
	char text[300] = "";

	for (uint32_t i = 0; i < bed->nodes_count; i++)
		if (!bed->nodes[i].dead &&
		    !shuffle_check(bed->nodes[i].shuffle, text, sizeof(text)))
			fail_msg("seed %llu: %s: %s", (unsigned long long)bed->seed,
				 bed->nodes[i].name, text);
}

static inline void bed_node_create(struct bed *bed, uint32_t index, const char *secret)
{
	struct bed_node *node = &bed->nodes[index];
	struct err err = ERR_INIT;

	node->bed = bed;
	if (bed->sim != NULL)
		snprintf(node->name, sizeof(node->name), "tm%u", index);
	else
		snprintf(node->name, sizeof(node->name), "127.0.0.1");
	node->world = bed->sim != NULL ? sim_node(bed->sim, node->name) : world_os_create(&err);
	node->io = runner_create(node->world, "io", &err);
	node->worker = runner_create(node->world, "slot", &err);
	struct shuffle_options options = {
		.bind_host = node->name,
		.secret = bytes_of_text(secret),
		.incarnation = { { (uint8_t)index } },
		.pool_bytes = 200 * bed->segment_bytes,
		.segment_bytes = bed->segment_bytes,
		.exclusive_segments_per_channel = bed->exclusive,
		.record_bytes_max = 100000,
		.floating_segments_per_gate = bed->floating,
		.compress_lz4 = bed->lz4_nodes >> index & 1,
		.debloat = { .enabled = bed->debloat_ms > 0,
			     .target_ms = bed->debloat_ms,
			     .period_ms = bed->debloat_ms,
			     .samples = 3,
			     .threshold_percent = 10,
			     .segment_bytes_min = 64 },
	};
	if (shuffle_create(node->io, &options, &node->shuffle, &err) != 0)
		fail_msg("%s", err.text);
	node->shuffle->restless = bed->restless;
	if (bed->size_bytes > 0)
		shuffle_size_job(node->shuffle, &bed->job, bed->size_bytes, 0);
	shuffle_serve_on(node->shuffle, node->worker);
	if (!bed->two_workers)
		return;
	node->second = runner_create(node->world, "slot", &err);
	shuffle_serve_on(node->shuffle, node->second);
}

static inline void bed_task_create(struct bed *bed, struct bed_task *task, bool produces,
				   uint32_t index, uint32_t node)
{
	task->bed = bed;
	task->produces = produces;
	task->index = index;
	task->node = &bed->nodes[node];
	task->random.state = random_next(&bed->random) | 1;
	task->begin_at = world_now(task->node->world);
	if (bed->begin_ms_max > 0)
		task->begin_at += NS_PER_MS * random_below(&bed->random, bed->begin_ms_max);
	agent_init(&task->agent, produces ? "producer" : "consumer", bed_step);
}

static inline struct runner *bed_runner(const struct bed_task *task)
{
	const struct bed_node *node = task->node;

	return node->second != NULL && task->index % 2 == 0 ? node->second : node->worker;
}

/* All are created: they know of each other. */
static inline void bed_start(struct bed *bed)
{
	for (uint32_t i = 0; i < bed->producers_count; i++)
		runner_add(bed_runner(&bed->producers[i]), &bed->producers[i].agent);
	for (uint32_t i = 0; i < bed->consumers_count; i++)
		runner_add(bed_runner(&bed->consumers[i]), &bed->consumers[i].agent);
}

/* Counts and sizes are set; nodes, not tasks, are made. options NULL: in the real world. */
static inline void bed_create(struct bed *bed, uint64_t seed, const struct sim_options *options)
{
	bed->seed = seed;
	bed->random.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	bed->sim = options != NULL ? sim_create(seed, options) : NULL;
	memset(bed->job.bytes, 0xab, sizeof(bed->job.bytes));
	for (uint32_t i = 0; i < bed->nodes_count; i++)
		bed_node_create(bed, i, bed_secret);
}

static inline void bed_task_fini(struct bed_task *task)
{
	struct err why;

	err_set(&why, ERR_CANCELED, "the test is over");
	for (uint32_t i = 0; i < BED_TASKS_MAX; i++) {
		if (task->channels[i] == NULL)
			continue;
		if (task->produces)
			shuffle_close_output(task->node->shuffle, &task->channels[i], false, &why);
		else
			shuffle_close_input(task->node->shuffle, &task->channels[i]);
	}
	gate_destroy(&task->gate);
}

static inline void bed_stop_workers(struct bed_node *node)
{
	if (node->shuffle == NULL)
		return;
	shuffle_runner_destroy(node->shuffle, &node->worker);
	shuffle_runner_destroy(node->shuffle, &node->second);
}

/* As a TaskManager does it: no runner steps any more, then tasks, then the shuffle. */
static inline void bed_destroy(struct bed *bed)
{
	for (uint32_t i = 0; i < bed->nodes_count; i++) {
		bed_stop_workers(&bed->nodes[i]);
		runner_destroy(&bed->nodes[i].io);
	}
	for (uint32_t i = 0; i < BED_TASKS_MAX; i++) {
		bed_task_fini(&bed->producers[i]);
		bed_task_fini(&bed->consumers[i]);
	}
	for (uint32_t i = 0; i < bed->nodes_count; i++) {
		shuffle_destroy(&bed->nodes[i].shuffle); /* CHECKs that every segment is back */
		world_destroy(&bed->nodes[i].world);
	}
	if (bed->sim != NULL)
		sim_destroy(&bed->sim);
	memset(bed, 0, sizeof(*bed));
}

#endif
