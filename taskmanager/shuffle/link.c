/* SPDX-License-Identifier: Apache-2.0
 * link.c - a data connection: its handshake, its step, its end, and its table of channels.
 *
 *   HANDSHAKE --> UP --> DOWN      (DOWN also from HANDSHAKE)
 *
 * Whoever consumes connects; frames for many channels share the connection in turns. When a link
 * goes down, for whatever reason, exactly its channels fail, at once, at both ends. A link is an
 * agent; where it runs, place.c decides. */
#include <stdio.h>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define LOGGER "Shuffle"
#define CHANNELS_SIZE_FIRST 16

static const struct sm_state states[] = {
	[LINK_HANDSHAKE] = { "HANDSHAKE", SM_TO(LINK_UP) | SM_TO(LINK_DOWN), false },
	[LINK_UP] = { "UP", SM_TO(LINK_DOWN), false },
	[LINK_DOWN] = { "DOWN", 0, true },
};
static const struct sm_table link_states = { "data connection", ARRAY_COUNT(states), states };

/* ---- channels by number --------------------------------------------------------------------- */

struct link_channel *link_channel_find(const struct link *link, uint32_t number)
{
	return number < link->channels_size ? link->channels[number] : NULL;
}

struct link_channel *link_channel_create(struct link *link, uint32_t number, uint32_t state)
{
	struct link_channel *channel = MEM_NEW(struct link_channel);

	if (number >= link->channels_size) {
		uint32_t size = link->channels_size ? link->channels_size : CHANNELS_SIZE_FIRST;

		while (size <= number)
			size *= 2;
		link->channels = mem_realloc(link->channels, size * sizeof(link->channels[0]));
		memset(link->channels + link->channels_size, 0,
		       (size - link->channels_size) * sizeof(link->channels[0]));
		link->channels_size = size;
	}
	CHECK(link->channels[number] == NULL, "channel %u is there already", number);
	link->channels[number] = channel;
	link->channels_count++;
	if (number >= link->numbers_seen)
		link->numbers_seen = number + 1;
	channel->link = link;
	channel->number = number;
	channel->state = state;
	return channel;
}

void link_channel_free(struct link_channel *channel)
{
	struct link *link = channel->link;

	for (uint32_t i = 0; i < link->frames_count; i++) {
		struct link_frame *frame = &link->frames[(link->frames_first + i) % LINK_FRAMES];

		if (frame->channel == channel)
			frame->channel = NULL;
	}
	list_remove(&channel->owes_node);
	if (link->turn == channel)
		link->turn = NULL;
	link->channels[channel->number] = NULL;
	link->channels_count--;
	mem_free(channel->last_error);
	mem_free(channel);
}

void link_owe(struct link_channel *channel, uint32_t what)
{
	channel->owes |= what;
	if (!list_linked(&channel->owes_node))
		list_push_back(&channel->link->owing, &channel->owes_node);
	agent_wake(&channel->link->agent);
}

/* ---- going down ----------------------------------------------------------------------------- */

static void link_drop_frames(struct link *link)
{
	for (; link->frames_count > 0; link->frames_count--) {
		struct link_frame *frame = &link->frames[link->frames_first];

		segment_unref(&frame->segment);
		mem_free(frame->owned);
		link->frames_first = (link->frames_first + 1) % LINK_FRAMES;
	}
}

/* That a connection was lost or not made is told by the failures of its channels; that somebody
 * broke a rule is told here. */
static void link_log_down(const struct link *link, bool was_up, const struct err *why)
{
	if (why->code == ERR_NET_CLOSED || (link->is_consumer && !was_up))
		log_debug(LOGGER, "%s", why->text);
	else
		log_warn(LOGGER, "closed a data connection: %s", why->text);
}

void link_down(struct link *link, const struct err *why)
{
	bool was_up = link->state == LINK_UP;
	struct shuffle_entry *entry;

	if (link->state == LINK_DOWN)
		return;
	sm_move(&link_states, &link->state, LINK_DOWN, link);
	link_log_down(link, was_up, why);
	shuffle_far_retire(link, false);
	link_drop_frames(link);
	for (uint32_t number = 0; number < link->channels_size; number++) {
		struct link_channel *channel = link->channels[number];

		if (channel == NULL)
			continue;
		if (link->is_consumer)
			link_in_fail(channel, why);
		else
			link_out_fail(channel, why);
	}
	while ((entry = shuffle_far_work(link)) != NULL) { /* far inputs it has not seen yet */
		channel_fail(entry->channel, why);
		shuffle_far_producer_close(link->shuffle, entry);
	}
	conn_close(&link->conn);
}

void link_free(struct link *link)
{
	CHECK(link->state == LINK_DOWN, "a data connection is freed while it is up");
	if (link->ready != NULL) {
		ready_list_close(link->ready);
		channel_list_drain(link->ready);
		ready_list_unref(&link->ready);
	}
	gate_destroy(&link->gate);
	frame_reader_fini(&link->reader);
	buf_fini(&link->handshake_out);
	if (link->place != NULL) {
		pthread_mutex_lock(&link->shuffle->lock);
		list_remove(&link->node);
		link->place->links--;
		pthread_mutex_unlock(&link->shuffle->lock);
	}
	mem_free(link->channels);
	mem_free(link->packed);
	mem_free(link->address);
	mem_free(link);
}

/* ---- the handshake -------------------------------------------------------------------------- */

static int link_flush_handshake(struct link *link, struct err *err)
{
	struct buf *out = &link->handshake_out;

	while (link->handshake_sent_bytes < out->size_bytes) {
		struct bytes rest = bytes_of(out->data + link->handshake_sent_bytes,
					     out->size_bytes - link->handshake_sent_bytes);
		ssize_t sent = conn_write(link->conn, &rest, 1, err);

		if (sent <= 0)
			return (int)sent;
		link->handshake_sent_bytes += (size_t)sent;
	}
	return 1;
}

static int link_handshake_frame(struct link *link, const struct frame *frame, struct err *err)
{
	struct err ignored;
	int answer = handshake_frame(&link->handshake, frame, &link->handshake_out, err);

	if (answer < 0) {
		if (link_flush_handshake(link, &ignored) < 0) /* it may be told why, or be gone */
			buf_clear(&link->handshake_out);
		return err_wrap(err, "%s", link->name);
	}
	if (answer > 0 && strcmp(link->handshake.peer_role, LINK_ROLE) != 0)
		return err_set(
			err, ERR_NET_PROTOCOL,
			"%s: a \"%s\" speaks on a data port; its own port is jobmanager.rpc.port",
			link->name, link->handshake.peer_role);
	return answer;
}

static void link_up(struct link *link)
{
	struct buf *buffer = &link->reader.buffer;

	sm_move(&link_states, &link->state, LINK_UP, link);
	if (link->handshake.offers & link->handshake.peer_offers & DATA_OFFER_LZ4)
		link->packed = mem_alloc(segment_pool_segment_bytes(link->shuffle->pool));
	link_input_begin(link, bytes_of(buffer->data + link->reader.consumed_bytes,
					buffer->size_bytes - link->reader.consumed_bytes));
	frame_reader_fini(&link->reader);
	buf_fini(&link->handshake_out);
	log_debug(LOGGER, "data connection with %s is up", link->name);
}

/* 1 = up; 0 = not yet. */
static int link_shake(struct link *link, mono_t now, struct err *err)
{
	struct frame frame;

	if (now >= link->handshake_until)
		return err_set(err, ERR_NET_TIMEOUT, "%s did not finish the handshake within %d ms",
			       link->name, LIMIT_HANDSHAKE_MS);
	for (;;) {
		int flushed = link_flush_handshake(link, err);

		if (flushed <= 0)
			return flushed;
		if (link->handshake.state == HANDSHAKE_DONE) {
			link_up(link);
			return 1;
		}
		int got = frame_read(&link->reader, link->conn, &frame, err);

		if (got <= 0)
			return got;
		if (link_handshake_frame(link, &frame, err) < 0)
			return -1;
	}
}

/* ---- the step ------------------------------------------------------------------------------- */

static void link_take_work(struct link *link)
{
	struct shuffle_entry *entry;

	while ((entry = shuffle_far_work(link)) != NULL) {
		if (link->is_consumer)
			link_in_add(link, entry);
		else
			link_out_meet(entry->asker);
	}
}

/* No channel uses it, and none will. */
static bool link_is_over(struct link *link)
{
	return link->is_consumer && link->channels_count == 0 && link->frames_count == 0 &&
	       shuffle_far_retire(link, true);
}

/* 1 = there is more to do; 0 = not now; -1 = it must go down. */
static int link_serve(struct link *link, mono_t now, mono_t *wake_at, struct err *err)
{
	if (link->is_consumer)
		link_in_attend(link);
	if (link->state == LINK_HANDSHAKE) {
		int shaken = link_shake(link, now, err);

		if (shaken == 0)
			*wake_at = mono_min(*wake_at, link->handshake_until);
		if (shaken <= 0)
			return shaken;
	}
	int more_in = link_read(link, err);

	if (more_in < 0)
		return -1;
	int more_out = link_write(link, err);

	return more_out < 0 ? -1 : more_in | more_out;
}

static enum step link_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct link *link = CONTAINER_OF(agent, struct link, agent);
	struct err err = ERR_INIT;

	link_take_work(link);
	int more = link_serve(link, now, wake_at, &err);

	if (more >= 0 && link_is_over(link))
		more = err_set(&err, ERR_NET_CLOSED, "no channel uses it");
	if (more < 0) {
		if (err.code == ERR_NET_CLOSED)
			err_wrap(&err, "the data connection with %s was lost", link->name);
		link_down(link, &err);
		return STEP_DONE;
	}
	if (link->state == LINK_UP && place_link_settle(link, now))
		return STEP_DONE; /* it is another thread's */
	return more > 0 ? STEP_WORKED : STEP_IDLE;
}

/* ---- beginning ------------------------------------------------------------------------------ */

static void link_done(struct agent *agent)
{
	link_free(CONTAINER_OF(agent, struct link, agent));
}

static struct link *link_create(struct shuffle *shuffle, bool is_consumer)
{
	struct link *link = MEM_NEW(struct link);

	agent_init(&link->agent, "data connection", link_step);
	link->agent.done = link_done;
	link->shuffle = shuffle;
	link->is_consumer = is_consumer;
	link->handshake_until = mono_after_ms(world_now(shuffle->world), LIMIT_HANDSHAKE_MS);
	list_init(&link->work);
	list_init(&link->owing);
	buf_init(&link->handshake_out);
	frame_reader_init(&link->reader, handshake_size_max, &link->handshake);
	if (is_consumer)
		link->ready = ready_list_create(&link->agent);
	else
		link->gate = gate_create(&link->agent);
	return link;
}

/* From here on it is the runner's, and may end at any moment. */
static void link_start(struct link *link, struct conn *conn, struct shuffle_entry *first)
{
	struct shuffle *shuffle = link->shuffle;

	link->conn = conn;
	snprintf(link->name, sizeof(link->name), "%s", conn_peer(conn));
	handshake_start_with(&link->handshake,
			     link->is_consumer ? HANDSHAKE_CONNECTOR : HANDSHAKE_ACCEPTOR,
			     shuffle->world, LINK_ROLE, DATA_FRAME_VERSION,
			     shuffle->takes_lz4 ? DATA_OFFER_LZ4 : 0, &shuffle->incarnation,
			     shuffle->secret, &link->handshake_out);
	link->handshake.require_secret = !link->is_consumer && !conn_peer_is_loopback(conn);
	pthread_mutex_lock(&shuffle->lock);
	list_push_back(&shuffle->links, &link->node);
	link->place = &shuffle->io;
	link->place->links++;
	if (first != NULL) {
		link->address = mem_strdup(first->address);
		map_put(shuffle->links_by_address, bytes_of_text(link->address), link);
		list_push_back(&link->work, &first->work_node);
	}
	pthread_mutex_unlock(&shuffle->lock);
	runner_add(shuffle->runner, &link->agent);
}

int link_connect(struct shuffle *shuffle, struct shuffle_entry *entry, struct err *err)
{
	struct link *link = link_create(shuffle, true);
	struct conn *conn;

	if (conn_open(runner_loop(shuffle->runner), entry->host, entry->port, &link->agent, &conn,
		      err) != 0) {
		link->state = LINK_DOWN;
		link_free(link);
		return -1;
	}
	link_start(link, conn, entry);
	return 0;
}

void link_accept(struct shuffle *shuffle, struct conn *conn)
{
	struct link *link = link_create(shuffle, false);

	conn_set_wake(conn, &link->agent);
	link_start(link, conn, NULL);
}
