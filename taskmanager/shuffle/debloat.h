/* SPDX-License-Identifier: Apache-2.0
 * debloat.h - how many bytes may be on their way to a consumer: what it drains in the target time.
 *
 * What stands in front of a watermark or a barrier delays it, so a consumer that is the slowest of
 * its pipeline should have little of it. One that is not has nothing standing there, however much
 * is allowed. So the window shrinks only while its consumer has something to do all the time, and
 * grows as soon as that is not so: then it may be too small for the way to the producer
 * (docs/adr/0012-credits.md). A pure reckoning: who counts and who obeys is the gate. */
#ifndef TASKMANAGER_SHUFFLE_DEBLOAT_H
#define TASKMANAGER_SHUFFLE_DEBLOAT_H

#include <stdbool.h>

#include "common/base/time.h"

struct debloat_options { /* taskmanager.network.memory.buffer-debloat.* */
	bool enabled;
	uint32_t target_ms, period_ms, samples, threshold_percent;
	uint32_t segment_bytes_min; /* segments are filled at least so far */
};

struct debloat {
	struct debloat_options options;
	mono_t at; /* when the next period ends; 0: none has begun */
	mono_t since;
	uint64_t drained_bytes, idle_ns; /* when the period began */
	uint64_t bytes_per_s;		 /* drained while busy, averaged; 0: not known yet */
	uint64_t window_bytes;		 /* what may be on its way; 0: whatever there is room for */
	uint64_t floor_bytes;     /* half of this was too little not long ago … */
	uint32_t hold, hold_next; /* … and is not tried again for so many periods; next time */
};

/* Ends a period. drained_bytes and idle_ns only grow; window_bytes_max: what the buffers allow.
 * False: nothing is known yet. */
bool debloat_reckon(struct debloat *debloat, mono_t now, uint64_t drained_bytes, uint64_t idle_ns,
		    uint64_t window_bytes_max);
/* How long the consumer takes for so much; 0 when not known. */
uint64_t debloat_time_ms(const struct debloat *debloat, uint64_t bytes);

#endif
