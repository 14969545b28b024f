/* SPDX-License-Identifier: Apache-2.0
 * shuffle.c - who produces and who consumes which channel on this TaskManager, and the agent that
 * accepts data connections, opens them, and lets those who wait for a producer wait no longer.
 *
 * Tasks open and close channels from their own threads, under a short lock. What a connection has
 * to do for them is put into that link's work; what needs a new one into the agent's, on the I/O
 * runner. */
#include "taskmanager/shuffle/shuffle.h"

#include <stdio.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define ACCEPTS_PER_STEP 16

/* ---- entries -------------------------------------------------------------------------------- */

struct bytes shuffle_entry_key(const struct channel_name *name)
{
	_Static_assert(sizeof(*name) == sizeof(struct id) + 4 * sizeof(uint32_t),
		       "no padding in a key");
	return bytes_of(name, sizeof(*name));
}

struct shuffle_entry *shuffle_entry_create(struct shuffle *shuffle,
					   const struct channel_name *name, bool is_far_input)
{
	struct shuffle_entry *entry = MEM_NEW(struct shuffle_entry);

	entry->name = *name;
	entry->is_far_input = is_far_input;
	map_put(is_far_input ? shuffle->inputs : shuffle->outputs, shuffle_entry_key(name), entry);
	return entry;
}

/* Frees the entry once nobody needs it; sides that nobody opened are left on its behalf. */
void shuffle_entry_settle(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	bool open = entry->producer == SIDE_OPEN || entry->consumer == SIDE_OPEN;
	bool done = entry->producer == SIDE_CLOSED && entry->consumer == SIDE_CLOSED;
	bool in_vain = entry->consumer == SIDE_CLOSED && entry->producer == SIDE_NONE;

	if (open || entry->asker != NULL || !(done || in_vain || entry->released))
		return;
	struct channel *producer = entry->channel, *consumer = entry->channel;

	map_remove(entry->is_far_input ? shuffle->inputs : shuffle->outputs,
		   shuffle_entry_key(&entry->name));
	list_remove(&entry->waiting_node);
	list_remove(&entry->work_node);
	if (entry->channel != NULL && entry->producer == SIDE_NONE)
		channel_leave_producer(&producer);
	if (entry->channel != NULL && entry->consumer == SIDE_NONE)
		channel_leave_consumer(&consumer);
	record_type_destroy(&entry->type_copy);
	mem_free(entry->host);
	mem_free(entry->address);
	mem_free(entry);
}

/* All wait equally long, so the list stays in the order of its deadlines. */
void shuffle_entry_wait(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	SOMETIMES("a consumer is there before its producer");
	entry->wait_until = mono_after_ms(world_now(shuffle->world), SHUFFLE_PARTITION_WAIT_MS);
	list_push_back(&shuffle->waiting, &entry->waiting_node);
	agent_wake(&shuffle->agent);
}

/* ---- channels ------------------------------------------------------------------------------- */

static struct channel *shuffle_channel(struct shuffle *shuffle, const struct channel_name *name,
				       const struct record_type *type)
{
	struct shuffle_sizes sizes = shuffle_sizes_of(shuffle, &name->job_id);
	struct channel_options options = {
		.name = *name,
		.type = type,
		.pool = shuffle->pool,
		.window_segments = sizes.exclusive_segments,
		.window_segments_max = sizes.exclusive_segments + shuffle->floating_segments,
		.size_class = sizes.size_class,
		.admitted_segments = sizes.exclusive_segments,
		.record_bytes_max = shuffle->record_bytes_max,
	};
	struct err err = ERR_INIT;

	if (segment_pool_admit(shuffle->pool, sizes.size_class, sizes.exclusive_segments, &err) ==
	    0)
		return channel_create(&options);
	options.admitted_segments = 0;
	struct channel *channel = channel_create(&options);

	channel_fail(channel, &err);
	return channel;
}

/* What a second producer or consumer of one name gets: a channel of its own that has failed. */
static struct channel *shuffle_channel_taken(struct shuffle *shuffle,
					     const struct channel_name *name,
					     const struct record_type *type, bool producer)
{
	struct channel_options options = { .name = *name, .type = type, .pool = shuffle->pool,
					   .window_segments = 1 };
	struct channel *channel = channel_create(&options), *other = channel;
	struct err err = ERR_INIT;

	err_set(&err, ERR_BUG, "edge %u from subtask %u to subtask %u has a second %s", name->edge,
		name->producer, name->consumer, producer ? "producer" : "consumer");
	channel_fail(channel, &err);
	if (producer)
		channel_leave_consumer(&other);
	else
		channel_leave_producer(&other);
	return channel;
}

static void entry_check_type(struct shuffle_entry *entry, const struct record_type *type)
{
	struct err err = ERR_INIT;

	if (entry->type_hash == type->hash)
		return;
	err_set(&err, ERR_NET_PROTOCOL,
		"edge %u from subtask %u to subtask %u: the other side has other records than type \"%s\"",
		entry->name.edge, entry->name.producer, entry->name.consumer, type->name);
	channel_fail(entry->channel, &err);
}

static void entry_make_channel(struct shuffle *shuffle, struct shuffle_entry *entry,
			       const struct record_type *type)
{
	if (entry->channel != NULL) {
		entry_check_type(entry, type);
		return;
	}
	entry->channel = shuffle_channel(shuffle, &entry->name, type);
	entry->type_hash = type->hash;
	channel_set_owner(entry->channel, entry);
}

struct channel *shuffle_open_output(struct shuffle *shuffle, const struct channel_name *name,
				    const struct record_type *type, struct agent *producer)
{
	struct channel *channel;

	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_entry *entry = map_get(shuffle->outputs, shuffle_entry_key(name));

	if (entry != NULL && entry->producer != SIDE_NONE) {
		channel = shuffle_channel_taken(shuffle, name, type, true);
	} else {
		if (entry == NULL)
			entry = shuffle_entry_create(shuffle, name, false);
		entry->producer = SIDE_OPEN;
		entry_make_channel(shuffle, entry, type);
		channel = entry->channel;
		list_remove(&entry->waiting_node);
		if (entry->asker != NULL)
			shuffle_entry_work(shuffle, entry);
	}
	channel_set_producer(channel, producer);
	pthread_mutex_unlock(&shuffle->lock);
	return channel;
}

static struct channel *shuffle_open_near_input(struct shuffle *shuffle,
					       const struct channel_name *name,
					       const struct record_type *type)
{
	struct shuffle_entry *entry = map_get(shuffle->outputs, shuffle_entry_key(name));

	if (entry != NULL && (entry->consumer != SIDE_NONE || entry->asker != NULL))
		return shuffle_channel_taken(shuffle, name, type, false);
	if (entry == NULL) {
		entry = shuffle_entry_create(shuffle, name, false);
		shuffle_entry_wait(shuffle, entry);
	}
	entry->consumer = SIDE_OPEN;
	entry_make_channel(shuffle, entry, type);
	return entry->channel;
}

static struct record_type *copy_type(const struct record_type *type)
{
	struct record_type *copy = NULL;
	struct err err;
	int copied = record_type_create(type->name, type->print_format, type->fields,
					type->fields_count, &copy, &err);

	CHECK(copied == 0 && copy->hash == type->hash, "type \"%s\" has no copy", type->name);
	return copy;
}

static struct channel *shuffle_open_far_input(struct shuffle *shuffle,
					      const struct channel_name *name, const char *host,
					      uint16_t port, const struct record_type *type)
{
	if (map_get(shuffle->inputs, shuffle_entry_key(name)) != NULL)
		return shuffle_channel_taken(shuffle, name, type, false);
	struct shuffle_entry *entry = shuffle_entry_create(shuffle, name, true);

	entry->producer = entry->consumer = SIDE_OPEN;
	entry->host = mem_strdup(host);
	entry->port = port;
	entry->address = mem_printf("%s:%u", host, port);
	entry_make_channel(shuffle, entry, type);
	entry->type_copy = copy_type(type);
	channel_set_receive_type(entry->channel, entry->type_copy);
	shuffle_entry_work(shuffle, entry);
	return entry->channel;
}

struct channel *shuffle_open_input(struct shuffle *shuffle, const struct channel_name *name,
				   const char *host, uint16_t port, const struct record_type *type,
				   struct gate *gate, uint32_t index)
{
	pthread_mutex_lock(&shuffle->lock);
	struct channel *channel =
		host == NULL ? shuffle_open_near_input(shuffle, name, type) :
			       shuffle_open_far_input(shuffle, name, host, port, type);

	pthread_mutex_unlock(&shuffle->lock);
	gate_set_floating(gate, shuffle->pool, shuffle->floating_segments);
	gate_set_debloat(gate, &shuffle->debloat);
	gate_add(gate, channel, index);
	return channel;
}

bool shuffle_has_output(struct shuffle *shuffle, const struct channel_name *name)
{
	pthread_mutex_lock(&shuffle->lock);
	const struct shuffle_entry *entry = map_get(shuffle->outputs, shuffle_entry_key(name));
	bool has = entry != NULL && entry->channel != NULL;

	pthread_mutex_unlock(&shuffle->lock);
	return has;
}

void shuffle_close_output(struct shuffle *shuffle, struct channel **channel, bool finished,
			  const struct err *why)
{
	if (*channel == NULL)
		return;
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_entry *entry = channel_owner(*channel);

	if (!finished)
		channel_fail(*channel, why);
	channel_leave_producer(channel);
	if (entry != NULL) {
		entry->producer = SIDE_CLOSED;
		shuffle_entry_settle(shuffle, entry);
	}
	pthread_mutex_unlock(&shuffle->lock);
}

void shuffle_close_input(struct shuffle *shuffle, struct channel **channel)
{
	if (*channel == NULL)
		return;
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_entry *entry = channel_owner(*channel);

	channel_leave_consumer(channel);
	if (entry != NULL) {
		entry->consumer = SIDE_CLOSED;
		shuffle_entry_settle(shuffle, entry);
	}
	pthread_mutex_unlock(&shuffle->lock);
}

static void entry_release(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	struct err err = ERR_INIT;
	char job[ID_TEXT_SIZE];

	err_set(&err, ERR_CANCELED, "attempt %u of job %s was released on this TaskManager",
		entry->name.job_attempt, id_format(&entry->name.job_id, job));
	SOMETIMES("what an attempt left behind is cleared away");
	entry->released = true;
	if (entry->channel != NULL)
		channel_fail(entry->channel, &err);
	list_remove(&entry->waiting_node);
	if (entry->asker != NULL)
		shuffle_entry_work(shuffle, entry);
	shuffle_entry_settle(shuffle, entry);
}

void shuffle_release_attempts(struct shuffle *shuffle, const struct id *job_id,
			      uint32_t before_attempt)
{
	struct map *maps[] = { shuffle->outputs, shuffle->inputs };

	pthread_mutex_lock(&shuffle->lock);
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		size_t at = 0;
		void *value;

		while (map_next(maps[i], &at, NULL, &value)) {
			struct shuffle_entry *entry = value;

			if (id_equal(&entry->name.job_id, job_id) &&
			    entry->name.job_attempt < before_attempt)
				entry_release(shuffle, entry);
		}
	}
	pthread_mutex_unlock(&shuffle->lock);
}

void shuffle_release_job(struct shuffle *shuffle, const struct id *job_id)
{
	shuffle_release_attempts(shuffle, job_id, UINT32_MAX);
	shuffle_sizes_forget(shuffle, job_id);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static enum step shuffle_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct shuffle *shuffle = CONTAINER_OF(agent, struct shuffle, agent);
	struct conn *conn;

	for (int i = 0; i < ACCEPTS_PER_STEP; i++) {
		conn = listener_accept(shuffle->listener, agent);
		if (conn == NULL)
			break;
		link_accept(shuffle, conn);
	}
	shuffle_far_connect(shuffle);
	shuffle_far_expire(shuffle, now, wake_at);
	return conn != NULL ? STEP_WORKED : STEP_IDLE;
}

/* ---- life ----------------------------------------------------------------------------------- */

static int shuffle_check_options(const struct shuffle_options *options, struct err *err)
{
	uint64_t window = (uint64_t)options->exclusive_segments_per_channel +
			  options->floating_segments_per_gate;

	if (options->exclusive_segments_per_channel == 0)
		return err_set(
			err, ERR_CONF_BAD_VALUE,
			"taskmanager.network.memory.buffers-per-channel is 0: at least 1 is needed");
	if (window > LIMIT_CHANNEL_SEGMENTS_MAX)
		return err_set(
			err, ERR_CONF_BAD_VALUE,
			"taskmanager.network.memory.buffers-per-channel and .floating-buffers-per-gate are %u "
			"and %u: together at most %d are allowed",
			options->exclusive_segments_per_channel,
			options->floating_segments_per_gate, LIMIT_CHANNEL_SEGMENTS_MAX);
	return 0;
}

static void shuffle_free(struct shuffle *shuffle)
{
	struct list_node *place;
	volatile uint8_t *secret = (volatile uint8_t *)(uintptr_t)shuffle->secret.data;

	for (size_t i = 0; i < shuffle->secret.size_bytes; i++)
		secret[i] = 0;
	mem_free((void *)(uintptr_t)shuffle->secret.data);
	while ((place = list_pop_front(&shuffle->places)) != NULL)
		mem_free(CONTAINER_OF(place, struct shuffle_place, node));
	map_destroy(&shuffle->links_by_address);
	map_destroy(&shuffle->outputs);
	map_destroy(&shuffle->inputs);
	shuffle_sizes_fini(shuffle);
	segment_pool_destroy(&shuffle->pool);
	pthread_mutex_destroy(&shuffle->lock);
	mem_free(shuffle);
}

int shuffle_create(struct runner *runner, const struct shuffle_options *options,
		   struct shuffle **out, struct err *err)
{
	struct listen_options listen = { .host = options->bind_host, .port = options->port };

	*out = NULL;
	if (shuffle_check_options(options, err) != 0)
		return -1;
	struct shuffle *shuffle = MEM_NEW(struct shuffle);

	agent_init(&shuffle->agent, "shuffle", shuffle_step);
	shuffle->runner = runner;
	shuffle->world = loop_world(runner_loop(runner));
	shuffle->secret = bytes_of(mem_dup(options->secret.data, options->secret.size_bytes),
				   options->secret.size_bytes);
	shuffle->incarnation = options->incarnation;
	shuffle->pool = segment_pool_create(options->pool_bytes, options->segment_bytes);
	shuffle->exclusive_segments = options->exclusive_segments_per_channel;
	shuffle->floating_segments = options->floating_segments_per_gate;
	shuffle->debloat = options->debloat;
	shuffle->record_bytes_max = options->record_bytes_max ? options->record_bytes_max
							      : LIMIT_RECORD_BYTES_MAX;
	shuffle->links_by_address = map_create();
	shuffle->outputs = map_create();
	shuffle->inputs = map_create();
	shuffle->sizes = map_create();
	list_init(&shuffle->links);
	list_init(&shuffle->places);
	shuffle->io.runner = runner;
	shuffle->takes_lz4 = options->compress_lz4;
	list_init(&shuffle->waiting);
	list_init(&shuffle->work);
	CHECK(pthread_mutex_init(&shuffle->lock, NULL) == 0, "no mutex");
	if (listener_open(runner_loop(runner), &listen, &shuffle->agent, &shuffle->listener, err) !=
	    0) {
		shuffle_free(shuffle);
		return -1;
	}
	shuffle->port = listener_port(shuffle->listener);
	runner_add(runner, &shuffle->agent);
	*out = shuffle;
	return 0;
}

/* Those still here are nobody's: finished outputs that were never asked for. */
static void shuffle_settle_all(struct shuffle *shuffle)
{
	struct map *maps[] = { shuffle->outputs, shuffle->inputs };

	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		size_t at = 0;
		void *value;

		while (map_next(maps[i], &at, NULL, &value)) {
			struct shuffle_entry *entry = value;

			CHECK(entry->producer != SIDE_OPEN && entry->consumer != SIDE_OPEN,
			      "the shuffle is destroyed before its channels are closed");
			entry->released = true;
			shuffle_entry_settle(shuffle, entry);
		}
	}
}

void shuffle_destroy(struct shuffle **pointer)
{
	struct shuffle *shuffle = *pointer;
	struct err why = ERR_INIT;
	struct link *link;

	*pointer = NULL;
	if (shuffle == NULL)
		return;
	err_set(&why, ERR_NET_CLOSED, "this TaskManager stops");
	if (atomic_load(&shuffle->agent.runner) != NULL) /* NULL: the runner is gone already */
		runner_remove(shuffle->runner, &shuffle->agent);
	listener_close(&shuffle->listener);
	while ((link = LIST_FIRST(&shuffle->links, struct link, node)) != NULL) {
		if (atomic_load(&link->agent.runner) != NULL)
			runner_remove(shuffle->runner, &link->agent);
		link_down(link, &why);
		link_free(link);
	}
	/* Far inputs that no link has seen yet: their producing side is ours to close. */
	LIST_FOR_EACH(&shuffle->work, struct shuffle_entry, work_node, entry) {
		list_remove(&entry->work_node);
		shuffle_far_producer_close(shuffle, entry);
	}
	shuffle_settle_all(shuffle);
	shuffle_free(shuffle);
}

uint16_t shuffle_port(const struct shuffle *shuffle)
{
	return shuffle->port;
}

uint32_t shuffle_record_bytes_max(const struct shuffle *shuffle)
{
	return shuffle->record_bytes_max;
}

struct segment_pool *shuffle_pool(struct shuffle *shuffle)
{
	return shuffle->pool;
}

bool shuffle_check(struct shuffle *shuffle, char *text, size_t size_bytes)
{
	struct map *maps[] = { shuffle->outputs, shuffle->inputs };
	uint64_t used_bytes = segment_pool_used_bytes(shuffle->pool), held_bytes = 0;
	bool right = true;
	char breach[200];

	pthread_mutex_lock(&shuffle->lock);
	for (size_t i = 0; i < ARRAY_COUNT(maps) && right; i++) {
		size_t at = 0;
		void *value;

		while (right && map_next(maps[i], &at, NULL, &value)) {
			struct shuffle_entry *entry = value;

			if (entry->channel == NULL)
				continue;
			right = channel_check(entry->channel, breach, sizeof(breach));
			held_bytes += (uint64_t)channel_held_segments(entry->channel) *
				      entry->channel->segment_bytes;
			if (!right)
				snprintf(text, size_bytes,
					 "edge %u from subtask %u to subtask %u: %s",
					 entry->name.edge, entry->name.producer,
					 entry->name.consumer, breach);
		}
	}
	pthread_mutex_unlock(&shuffle->lock);
	if (right && held_bytes > used_bytes) {
		snprintf(text, size_bytes, "segments of %llu bytes are held and %llu are taken",
			 (unsigned long long)held_bytes, (unsigned long long)used_bytes);
		right = false;
	}
	return right && segment_pool_check(shuffle->pool, text, size_bytes);
}

bool shuffle_at_rest(struct shuffle *shuffle, char *text, size_t size_bytes)
{
	const struct segment_pool *pool = shuffle->pool;
	uint32_t links = 0;

	pthread_mutex_lock(&shuffle->lock);
	LIST_FOR_EACH(&shuffle->links, struct link, node, link)
		links++;
	size_t outputs = map_count(shuffle->outputs), inputs = map_count(shuffle->inputs);
	pthread_mutex_unlock(&shuffle->lock);

	snprintf(text, size_bytes,
		 "%zu outputs, %zu inputs, %u data connections, %u of %u segments free, %u set aside",
		 outputs, inputs, links, segment_pool_free(pool), segment_pool_total(pool),
		 segment_pool_admitted(pool));
	return outputs == 0 && inputs == 0 && links == 0 && segment_pool_admitted(pool) == 0 &&
	       segment_pool_free(pool) == segment_pool_total(pool);
}
