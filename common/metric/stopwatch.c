/* SPDX-License-Identifier: Apache-2.0
 * stopwatch.c - from some measured calls to the time of all. See metric.h. */
#include "common/metric/metric.h"

#define RATE_ONE 256
#define RATE_RISE_MAX 4
#define TOOK_NS_MAX (INT64_C(1) << 48) /* three days in one call */

/* A call that was interrupted says little about those that were not measured: for them the rate may
 * only rise by steps. What was measured counts as it is. */
void stopwatch_measured(struct stopwatch *watch, uint64_t units, uint64_t took_ns)
{
	uint64_t ns = took_ns < TOOK_NS_MAX ? took_ns : TOOK_NS_MAX;
	uint64_t rate = ns * RATE_ONE / units, rate_max = watch->rate * RATE_RISE_MAX;

	if (watch->rate > 0 && rate > rate_max)
		rate = rate_max;
	counter_add(&watch->ns, ns + watch->skipped * rate / RATE_ONE);
	watch->rate = rate;
	watch->skipped = 0;
	watch->skip = ns >= STOPWATCH_EVERY_NS ? 0 : units * STOPWATCH_EVERY_NS / (ns > 0 ? ns : 1);
	if (watch->skip > STOPWATCH_SKIP_MAX)
		watch->skip = STOPWATCH_SKIP_MAX;
}
