/* SPDX-License-Identifier: Apache-2.0
 * shuffle_view.h - the inside of a shuffle as checkers see it: every channel and every data
 * connection, while nobody moves (the simulator's only thread, between two events). */
#ifndef TASKMANAGER_SHUFFLE_SHUFFLE_VIEW_H
#define TASKMANAGER_SHUFFLE_SHUFFLE_VIEW_H

#include "taskmanager/shuffle/shuffle.h"

struct shuffle_view_channel {
	const struct channel_name *name;
	const struct channel *channel; /* NULL: only a far consumer has asked so far */
	bool is_far_input;             /* its producer is on another TaskManager */
	bool blocked_on_credit, blocked_on_pool;
	uint32_t controls_queued, window_segments, lent_segments;
	struct position published;
};
typedef void shuffle_view_channel_fn(void *context, const struct shuffle_view_channel *channel);
void shuffle_view_channels(struct shuffle *shuffle, shuffle_view_channel_fn *visit, void *context);
/* The channel whose producer is (to be) here, or NULL. */
const struct channel *shuffle_view_output(struct shuffle *shuffle, const struct channel_name *name);

struct shuffle_view_link { /* one channel of a connection, as its consuming end has it */
	const char *address;  /* of the producing TaskManager */
	const struct channel_name *name;
	bool in_frame; /* a frame has come in half */
	bool is_open;  /* the producing end has answered */
	bool ended;    /* END_OF_INPUT has come, so a cut does no harm */
};
typedef void shuffle_view_link_fn(void *context, const struct shuffle_view_link *link);
void shuffle_view_links(struct shuffle *shuffle, shuffle_view_link_fn *visit, void *context);

#endif
