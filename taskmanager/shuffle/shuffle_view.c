/* SPDX-License-Identifier: Apache-2.0
 * shuffle_view.c - see shuffle_view.h. */
#include "taskmanager/shuffle/shuffle_view.h"

#include "taskmanager/shuffle/shuffle_priv.h"

static void view_entry(const struct shuffle_entry *entry, shuffle_view_channel_fn *visit,
		       void *context)
{
	struct shuffle_view_channel view = { .name = &entry->name,
					     .channel = entry->channel,
					     .is_far_input = entry->is_far_input };
	struct channel *channel = entry->channel;

	if (channel != NULL) {
		view.blocked_on_credit = atomic_load(&channel->wanted_limit) != CHANNEL_NEVER;
		view.blocked_on_pool = atomic_load(&channel->waiter.waiting);
		view.controls_queued = (uint32_t)(channel->control_tail_own -
						  atomic_load(&channel->control_head));
		view.window_segments = channel->window_segments;
		view.lent_segments = channel->floating_segments;
		view.published = position_unpack(atomic_load(&channel->published));
	}
	visit(context, &view);
}

void shuffle_view_channels(struct shuffle *shuffle, shuffle_view_channel_fn *visit, void *context)
{
	struct map *maps[] = { shuffle->outputs, shuffle->inputs };

	pthread_mutex_lock(&shuffle->lock);
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++) {
		size_t at = 0;
		void *value;

		while (map_next(maps[i], &at, NULL, &value))
			view_entry(value, visit, context);
	}
	pthread_mutex_unlock(&shuffle->lock);
}

const struct channel *shuffle_view_output(struct shuffle *shuffle, const struct channel_name *name)
{
	pthread_mutex_lock(&shuffle->lock);
	const struct shuffle_entry *entry =
		map_get(shuffle->outputs, bytes_of(name, sizeof(*name)));

	pthread_mutex_unlock(&shuffle->lock);
	return entry != NULL ? entry->channel : NULL;
}

void shuffle_view_links(struct shuffle *shuffle, shuffle_view_link_fn *visit, void *context)
{
	LIST_FOR_EACH(&shuffle->links, struct link, node, link) {
		for (uint32_t i = 0; link->is_consumer && i < link->channels_size; i++) {
			const struct link_channel *channel = link->channels[i];

			if (channel == NULL || channel->channel == NULL)
				continue;
			struct shuffle_view_link view = {
				.address = link->address,
				.name = channel_name_of(channel->channel),
				.in_frame = link->input.header_bytes > 0,
				.is_open = channel->state == IN_OPEN,
				.ended = channel->ended,
			};
			visit(context, &view);
		}
	}
}
