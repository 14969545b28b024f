/* SPDX-License-Identifier: Apache-2.0
 * shuffle_far.c - where the registry of channels meets the data connections: far consumers ask for
 * what is produced here, far inputs are led to the link that brings them, and who waits for a
 * producer waits no longer than it may.
 *
 * Links and tasks are on threads of their own. An entry that a link has work with lies in that
 * link's list until the link takes it; it cannot go away meanwhile, because its far side is open or
 * a channel of the link waits for it. */
#include "common/base/check.h"
#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

/* ---- far consumers -------------------------------------------------------------------------- */

static int far_other_type(const struct channel_name *name, struct err *err)
{
	return err_set(
		err, ERR_NET_PROTOCOL,
		"edge %u from subtask %u to subtask %u: its consumer expects records of another type",
		name->edge, name->producer, name->consumer);
}

static bool far_fits(const struct shuffle_entry *entry, uint32_t segment_bytes, struct err *err)
{
	if (entry->channel == NULL || entry->channel->segment_bytes <= segment_bytes)
		return true;
	err_set(err, ERR_NET_PROTOCOL,
		"the producing TaskManager's network buffers have %u bytes, the consuming one's "
		"%u: give both the same taskmanager.memory.segment-size",
		entry->channel->segment_bytes, segment_bytes);
	return false;
}

static int far_check(const struct shuffle_entry *entry, const struct data_open *open,
		     struct err *err)
{
	if (entry != NULL && !far_fits(entry, open->segment_bytes, err))
		return -1;
	if (entry != NULL && (entry->consumer != SIDE_NONE || entry->asker != NULL))
		return err_set(err, ERR_NET_PROTOCOL,
			       "edge %u from subtask %u to subtask %u has a consumer already",
			       open->name.edge, open->name.producer, open->name.consumer);
	if (entry != NULL && entry->channel != NULL && entry->type_hash != open->type_hash)
		return far_other_type(&open->name, err);
	return 0;
}

static void far_not_found(const struct channel_name *name, struct err *err)
{
	char job[ID_TEXT_SIZE];

	err_set(err, ERR_PARTITION_NOT_FOUND,
		"consuming subtask %u of edge %u asked for the output of producing subtask %u, which did "
		"not appear within %d ms (job %s, attempt %u)",
		name->consumer, name->edge, name->producer, SHUFFLE_PARTITION_WAIT_MS,
		id_format(&name->job_id, job), name->job_attempt);
}

int shuffle_far_open(struct shuffle *shuffle, struct link_channel *asker,
		     const struct data_open *open, struct err *err)
{
	int answer;

	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_entry *entry = map_get(shuffle->outputs, shuffle_entry_key(&open->name));

	answer = far_check(entry, open, err);
	if (answer == 0) {
		if (entry == NULL) {
			entry = shuffle_entry_create(shuffle, &open->name, false);
			shuffle_entry_wait(shuffle, entry);
		}
		asker->entry = entry;
		if (entry->producer != SIDE_NONE) {
			entry->consumer = SIDE_OPEN;
			answer = 1;
		} else {
			entry->asker = asker;
			asker->type_hash = open->type_hash;
			asker->segment_bytes = open->segment_bytes;
		}
	}
	pthread_mutex_unlock(&shuffle->lock);
	return answer;
}

int shuffle_far_meet(struct shuffle *shuffle, struct link_channel *asker, struct err *err)
{
	struct shuffle_entry *entry = asker->entry;
	char job[ID_TEXT_SIZE];
	int answer = 0;

	pthread_mutex_lock(&shuffle->lock);
	if (entry->released) {
		answer = err_set(err, ERR_CANCELED,
				 "job %s was released on the producing TaskManager",
				 id_format(&entry->name.job_id, job));
	} else if (entry->expired && entry->producer == SIDE_NONE) {
		far_not_found(&entry->name, err);
		answer = -1;
	} else if (entry->type_hash != asker->type_hash) {
		answer = far_other_type(&entry->name, err);
	} else if (!far_fits(entry, asker->segment_bytes, err)) {
		answer = -1;
	} else {
		SOMETIMES("a far consumer has waited for its producer");
		entry->asker = NULL;
		entry->consumer = SIDE_OPEN;
	}
	pthread_mutex_unlock(&shuffle->lock);
	if (answer != 0)
		shuffle_far_give_up(shuffle, asker);
	return answer;
}

void shuffle_far_give_up(struct shuffle *shuffle, struct link_channel *asker)
{
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_entry *entry = asker->entry;

	if (entry != NULL && entry->asker == asker) {
		struct channel *channel = entry->channel; /* its producer may have come just now */

		list_remove(&entry->work_node);
		entry->asker = NULL;
		entry->consumer = SIDE_CLOSED;
		if (channel != NULL)
			channel_leave_consumer(&channel);
		shuffle_entry_settle(shuffle, entry);
	}
	asker->entry = NULL;
	pthread_mutex_unlock(&shuffle->lock);
}

void shuffle_far_consumer_close(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	pthread_mutex_lock(&shuffle->lock);
	struct channel *channel = entry->channel;

	channel_leave_consumer(&channel);
	entry->consumer = SIDE_CLOSED;
	shuffle_entry_settle(shuffle, entry);
	pthread_mutex_unlock(&shuffle->lock);
}

void shuffle_far_producer_close(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	pthread_mutex_lock(&shuffle->lock);
	struct channel *channel = entry->channel;

	channel_leave_producer(&channel);
	entry->producer = SIDE_CLOSED;
	shuffle_entry_settle(shuffle, entry);
	pthread_mutex_unlock(&shuffle->lock);
}

/* ---- work for links -------------------------------------------------------------------------- */

void shuffle_entry_work(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	struct link *link;

	if (entry->asker != NULL)
		link = entry->asker->link;
	else
		link = map_get(shuffle->links_by_address, bytes_of_text(entry->address));
	if (!list_linked(&entry->work_node))
		list_push_back(link != NULL ? &link->work : &shuffle->work, &entry->work_node);
	agent_wake(link != NULL ? &link->agent : &shuffle->agent);
}

struct shuffle_entry *shuffle_far_work(struct link *link)
{
	struct shuffle *shuffle = link->shuffle;

	pthread_mutex_lock(&shuffle->lock);
	struct list_node *node = list_pop_front(&link->work);

	pthread_mutex_unlock(&shuffle->lock);
	return node != NULL ? CONTAINER_OF(node, struct shuffle_entry, work_node) : NULL;
}

bool shuffle_far_retire(struct link *link, bool only_idle)
{
	struct shuffle *shuffle = link->shuffle;

	pthread_mutex_lock(&shuffle->lock);
	bool retires = !only_idle || list_empty(&link->work);

	if (retires && link->address != NULL &&
	    map_get(shuffle->links_by_address, bytes_of_text(link->address)) == link)
		map_remove(shuffle->links_by_address, bytes_of_text(link->address));
	pthread_mutex_unlock(&shuffle->lock);
	return retires;
}

/* ---- the agent's part ------------------------------------------------------------------------ */

/* Only the agent makes links, so none appears between the look and the making. */
static struct shuffle_entry *far_without_link(struct shuffle *shuffle)
{
	struct list_node *node;

	pthread_mutex_lock(&shuffle->lock);
	while ((node = list_pop_front(&shuffle->work)) != NULL) {
		struct shuffle_entry *entry = CONTAINER_OF(node, struct shuffle_entry, work_node);

		if (map_get(shuffle->links_by_address, bytes_of_text(entry->address)) == NULL)
			break;
		shuffle_entry_work(shuffle, entry);
	}
	pthread_mutex_unlock(&shuffle->lock);
	return node != NULL ? CONTAINER_OF(node, struct shuffle_entry, work_node) : NULL;
}

void shuffle_far_connect(struct shuffle *shuffle)
{
	struct shuffle_entry *entry;
	struct err err = ERR_INIT;

	while ((entry = far_without_link(shuffle)) != NULL) {
		if (!channel_consumer_left(entry->channel)) {
			if (link_connect(shuffle, entry, &err) == 0)
				continue;
			channel_fail(entry->channel, &err);
		}
		shuffle_far_producer_close(shuffle, entry);
	}
}

/* A consumer on this TaskManager sees its channel fail; a far one is refused by its link. */
static void far_expire(struct shuffle *shuffle, struct shuffle_entry *entry)
{
	struct err err = ERR_INIT;

	SOMETIMES("a producer does not come in time");
	list_remove(&entry->waiting_node);
	entry->expired = true;
	far_not_found(&entry->name, &err);
	if (entry->channel != NULL)
		channel_fail(entry->channel, &err);
	if (entry->asker != NULL)
		shuffle_entry_work(shuffle, entry);
}

void shuffle_far_expire(struct shuffle *shuffle, mono_t now, mono_t *wake_at)
{
	pthread_mutex_lock(&shuffle->lock);
	LIST_FOR_EACH(&shuffle->waiting, struct shuffle_entry, waiting_node, entry) {
		if (entry->wait_until > now) {
			*wake_at = mono_min(*wake_at, entry->wait_until);
			break;
		}
		far_expire(shuffle, entry);
	}
	pthread_mutex_unlock(&shuffle->lock);
}
