/* SPDX-License-Identifier: Apache-2.0
 * channel_gauge.c - how full a channel is, for whoever watches. Reads what both sides publish for
 * each other and stops neither; the numbers may be from different moments. */
#include "taskmanager/shuffle/channel_priv.h"

struct channel_gauge channel_gauge_of(const struct channel *channel)
{
	struct channel *c = (struct channel *)(uintptr_t)channel;
	uint64_t released = atomic_load_explicit(&c->released, memory_order_relaxed);
	uint64_t published = atomic_load_explicit(&c->published, memory_order_relaxed);
	uint64_t limit = atomic_load_explicit(&c->limit, memory_order_relaxed);
	struct channel_gauge gauge = { .exclusive = c->window_segments_base };

	gauge.queued = (uint32_t)channel_backlog_segments(channel);
	if (published > released)
		gauge.held = (uint32_t)(position_segment(published) - position_segment(released) +
					(position_offset(published) > 0));
	if (limit > position_segment(released))
		gauge.allowed = (uint32_t)(limit - position_segment(released));
	return gauge;
}
