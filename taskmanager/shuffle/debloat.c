/* SPDX-License-Identifier: Apache-2.0
 * debloat.c - see debloat.h. */
#include "taskmanager/shuffle/debloat.h"

#include "common/base/mark.h"

#define IDLE_SHARE 16  /* idle for more than 1/16 of a period: not the slowest of its pipeline */
#define FLOOR_DECAY 16 /* what was too little is tried again, slowly, … */
#define HOLD_MIN 8     /* … after so many periods, … */
#define HOLD_MAX 256   /* … or, when it was too little again and again, after so many */
#define SHRINK_PARTS 4 /* by a quarter per period: a pause of the producer is no reason to hurry */

static void rate_update(struct debloat *debloat, uint64_t bytes, uint64_t busy_ns)
{
	double sample = (double)bytes * (double)NS_PER_S / (double)busy_ns;
	double before = (double)debloat->bytes_per_s;

	if (debloat->bytes_per_s > 0)
		sample = before + (sample - before) * 2.0 / (debloat->options.samples + 1.0);
	debloat->bytes_per_s = sample > 1 ? (uint64_t)sample : 1;
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
	return value > least ? value : least;
}

static void window_grow(struct debloat *debloat, uint64_t window_bytes_max)
{
	uint64_t window = debloat->window_bytes;

	if (window == window_bytes_max)
		return;
	SOMETIMES("a consumer that starves is given more");
	window = window > window_bytes_max / 2 ? window_bytes_max : 2 * window;
	debloat->floor_bytes = debloat->window_bytes = window;
	debloat->hold = debloat->hold_next < HOLD_MIN ? HOLD_MIN : debloat->hold_next;
	debloat->hold_next = debloat->hold < HOLD_MAX ? 2 * debloat->hold : HOLD_MAX;
}

static void window_fit(struct debloat *debloat, uint64_t window_bytes_max)
{
	uint64_t window = debloat->window_bytes;
	uint64_t wanted =
		(uint64_t)((double)debloat->bytes_per_s * debloat->options.target_ms / 1000.0);

	if (debloat->hold > 0)
		debloat->hold--;
	else
		debloat->floor_bytes -= debloat->floor_bytes / FLOOR_DECAY;
	if (wanted > debloat->floor_bytes)
		debloat->hold_next = 0; /* it does not bind any more */
	wanted = at_least(wanted, debloat->floor_bytes);
	wanted = at_least(wanted, at_least(debloat->options.segment_bytes_min, 1));
	if (wanted < window) {
		SOMETIMES("a slow consumer is given less");
		wanted = at_least(wanted, window - window / SHRINK_PARTS);
	}
	debloat->window_bytes = wanted < window_bytes_max ? wanted : window_bytes_max;
}

bool debloat_reckon(struct debloat *debloat, mono_t now, uint64_t drained_bytes, uint64_t idle_ns,
		    uint64_t window_bytes_max)
{
	uint64_t elapsed_ns = (uint64_t)(now - debloat->since);
	uint64_t bytes = drained_bytes - debloat->drained_bytes;
	uint64_t idle = idle_ns - debloat->idle_ns;
	bool first = debloat->at == 0;

	debloat->at = mono_after_ms(now, debloat->options.period_ms);
	debloat->since = now;
	debloat->drained_bytes = drained_bytes;
	debloat->idle_ns = idle_ns;
	if (first || elapsed_ns == 0)
		return false;
	if (idle > elapsed_ns)
		idle = elapsed_ns;
	if (debloat->window_bytes == 0 || debloat->window_bytes > window_bytes_max)
		debloat->window_bytes = window_bytes_max;
	if (bytes > 0 && idle < elapsed_ns)
		rate_update(debloat, bytes, elapsed_ns - idle);
	if (debloat->bytes_per_s == 0)
		return false;
	if (idle > elapsed_ns / IDLE_SHARE)
		window_grow(debloat, window_bytes_max);
	else
		window_fit(debloat, window_bytes_max);
	return true;
}

uint64_t debloat_time_ms(const struct debloat *debloat, uint64_t bytes)
{
	if (debloat->bytes_per_s == 0)
		return 0;
	return (uint64_t)((double)bytes * 1000.0 / (double)debloat->bytes_per_s);
}
