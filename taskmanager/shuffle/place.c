/* SPDX-License-Identifier: Apache-2.0
 * place.c - on which runner a data connection is served.
 *
 * Every hop to another thread costs as much as thousands of records, so a link goes to the runner
 * whose tasks feed it or drain it: between two batches it sends what the last one made, or brings
 * what the next one needs, and nobody is woken. It begins on the I/O runner, with strangers and the
 * handshake; when it has its first channel it goes where that channel's task is; and while it is
 * busy it looks now and then whether another runner has more to do with it by now.
 *
 * A runner that lets everybody wait long for their turn serves no link that others share. One whose
 * step is stuck is split by the watchdog (agent.h, runner_evict), and the link goes on on its new
 * thread. Who was evicted has no place: its channels' link goes back to the I/O runner. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define ROUND_NS_MAX (2 * NS_PER_MS) /* what others would have to wait for their turn */

/* ---- runners that serve ---------------------------------------------------------------------- */

void shuffle_serve_on(struct shuffle *shuffle, struct runner *runner)
{
	struct shuffle_place *place = MEM_NEW(struct shuffle_place);

	place->runner = runner;
	pthread_mutex_lock(&shuffle->lock);
	list_push_back(&shuffle->places, &place->node);
	pthread_mutex_unlock(&shuffle->lock);
}

/* With the lock held. A lane, to which an agent was evicted, is no place. */
static struct shuffle_place *place_of(struct shuffle *shuffle, const struct runner *runner)
{
	LIST_FOR_EACH(&shuffle->places, struct shuffle_place, node, place)
		if (place->runner == runner)
			return place;
	return NULL;
}

/* Nobody steps these links: their runner is gone. */
static void place_take_home(struct shuffle *shuffle, struct shuffle_place *place)
{
	LIST_FOR_EACH(&shuffle->links, struct link, node, link) {
		if (link->place != place)
			continue;
		CHECK(link->state == LINK_UP && atomic_load(&link->agent.runner) == NULL,
		      "a data connection is still served by a runner that has ended");
		SOMETIMES("a data connection outlives the runner that served it");
		place->links--;
		shuffle->io.links++;
		link->place = &shuffle->io;
		conn_move(link->conn, runner_loop(shuffle->runner));
		runner_add(shuffle->runner, &link->agent);
	}
}

void shuffle_runner_destroy(struct shuffle *shuffle, struct runner **runner)
{
	if (*runner == NULL)
		return;
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_place *place = place_of(shuffle, *runner);

	if (place != NULL)
		list_remove(&place->node); /* nobody comes any more */
	pthread_mutex_unlock(&shuffle->lock);
	runner_destroy(runner);
	if (place == NULL)
		return;
	pthread_mutex_lock(&shuffle->lock);
	place_take_home(shuffle, place);
	pthread_mutex_unlock(&shuffle->lock);
	CHECK(place->links == 0, "%u data connections are lost with their runner", place->links);
	mem_free(place);
}

/* ---- looking for a place --------------------------------------------------------------------- */

static const struct runner *place_of_task(const struct link_channel *channel)
{
	return channel->link->is_consumer ? channel_consumer_runner(channel->channel) :
					    channel_producer_runner(channel->channel);
}

/* What each place had to do with the link since it looked last; a channel without bytes counts as a
 * little. The answer is what lies elsewhere. */
static uint64_t place_weigh(struct link *link)
{
	struct shuffle *shuffle = link->shuffle;
	struct shuffle_place *place = NULL;
	uint64_t elsewhere = 0;

	LIST_FOR_EACH(&shuffle->places, struct shuffle_place, node, each)
		each->weight = 0;
	for (uint32_t number = 0; number < link->numbers_seen; number++) {
		struct link_channel *channel = link->channels[number];

		if (channel == NULL || channel->channel == NULL)
			continue;
		const struct runner *runner = place_of_task(channel);

		if (place == NULL || place->runner != runner)
			place = place_of(shuffle, runner);
		*(place != NULL ? &place->weight : &elsewhere) += 1 + channel->carried_bytes;
		channel->carried_bytes = 0;
	}
	return elsewhere;
}

/* With the lock held. A place must have a quarter more to do with the link than the one it is at;
 * among equals, one that serves few. */
static struct shuffle_place *place_best(struct link *link)
{
	struct shuffle *shuffle = link->shuffle;
	struct shuffle_place *best = &shuffle->io;
	uint64_t all = place_weigh(link);

	LIST_FOR_EACH(&shuffle->places, struct shuffle_place, node, place)
		all += place->weight;
	best->weight = 0;
	LIST_FOR_EACH(&shuffle->places, struct shuffle_place, node, place) {
		uint64_t weight = place->weight;

		/* The others on it would wait for this one's tasks. */
		if (weight < all && runner_round_ns(place->runner) > ROUND_NS_MAX)
			continue;
		place->weight = place == link->place ? weight + weight / 4 : weight;
		if (place->weight > best->weight ||
		    (weight > 0 && place->weight == best->weight && place->links < best->links))
			best = place;
	}
	return best;
}

/* A legal nasty choice, for the simulator: anywhere. */
static struct shuffle_place *place_any(struct link *link)
{
	struct shuffle *shuffle = link->shuffle;
	struct shuffle_place *any = &shuffle->io;
	uint64_t seen = 1;

	LIST_FOR_EACH(&shuffle->places, struct shuffle_place, node, place)
		if (world_random(shuffle->world) % ++seen == 0)
			any = place;
	return any;
}

bool place_link_settle(struct link *link, mono_t now)
{
	struct shuffle *shuffle = link->shuffle;
	bool nasty = shuffle->restless ||
		     world_chance(shuffle->world, "a data connection goes to any runner");

	if (likely(now < link->look_at && !nasty))
		return false;
	link->look_at = mono_after_ms(now, PLACE_LOOK_MS);
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_place *from = link->place, *to = nasty ? place_any(link) : place_best(link);
	/* Else it is where it was, but on a lane, evicted while the machine had no time for it. */
	bool goes = to != from || atomic_load(&link->agent.runner) != from->runner;

	if (goes) {
		SOMETIMES("a data connection goes to another runner");
		from->links--;
		to->links++;
		link->place = to;
		conn_move(link->conn, runner_loop(to->runner));
		runner_move(&link->agent, to->runner); /* it may run there at once */
	}
	pthread_mutex_unlock(&shuffle->lock);
	return goes;
}
