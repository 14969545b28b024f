/* SPDX-License-Identifier: Apache-2.0
 * restart.c - none, fixed-delay, failure-rate and exponential-delay, with Flink's settings. */
#include "jobmanager/job/restart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/compiler.h"
#include "common/base/mem.h"

#define UNCHARGED_DELAY_MS 1000 /* fixed-delay's default */
#define FAILURES_KEPT_MAX 10000

static enum restart_kind kind_of(const char *type, const struct conf *conf)
{
	static const struct {
		const char *name;
		enum restart_kind kind;
	} names[] = {
		{ "none", RESTART_NONE },
		{ "fixed-delay", RESTART_FIXED_DELAY },
		{ "failure-rate", RESTART_FAILURE_RATE },
		{ "exponential-delay", RESTART_EXPONENTIAL_DELAY },
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(type, names[i].name) == 0)
			return names[i].kind;
	/* Unset: without checkpoints a restart would begin from nothing, so there is none. */
	return conf_duration_ms(conf, "execution.checkpointing.interval") > 0
		       ? RESTART_EXPONENTIAL_DELAY
		       : RESTART_NONE;
}

static uint32_t attempts_of(const char *text)
{
	char *end;

	errno = 0;
	unsigned long attempts = strtoul(text, &end, 10);

	return end != text && *end == '\0' && errno == 0 && attempts < UINT32_MAX
		       ? (uint32_t)attempts
		       : UINT32_MAX;
}

void restart_init(struct restart_strategy *strategy, const struct conf *conf)
{
	const char *type = conf_text(conf, "restart-strategy.type");

	*strategy =
		(struct restart_strategy){ .kind = kind_of(type, conf), .chosen = *type != '\0' };
	switch (strategy->kind) {
	case RESTART_NONE:
		break;
	case RESTART_FIXED_DELAY:
		strategy->attempts =
			(uint32_t)conf_int(conf, "restart-strategy.fixed-delay.attempts");
		strategy->delay_ms = conf_duration_ms(conf, "restart-strategy.fixed-delay.delay");
		break;
	case RESTART_FAILURE_RATE:
		strategy->attempts = (uint32_t)conf_int(
			conf, "restart-strategy.failure-rate.max-failures-per-interval");
		if (strategy->attempts > FAILURES_KEPT_MAX)
			strategy->attempts = FAILURES_KEPT_MAX;
		strategy->interval_ms = conf_duration_ms(
			conf, "restart-strategy.failure-rate.failure-rate-interval");
		strategy->delay_ms = conf_duration_ms(conf, "restart-strategy.failure-rate.delay");
		strategy->failures = MEM_NEW_ARRAY(mono_t, strategy->attempts + 1);
		break;
	case RESTART_EXPONENTIAL_DELAY:
		strategy->attempts = attempts_of(conf_text(
			conf, "restart-strategy.exponential-delay.attempts-before-reset-backoff"));
		strategy->backoff_ms_min = conf_duration_ms(
			conf, "restart-strategy.exponential-delay.initial-backoff");
		strategy->backoff_ms_max =
			conf_duration_ms(conf, "restart-strategy.exponential-delay.max-backoff");
		strategy->multiplier =
			conf_double(conf, "restart-strategy.exponential-delay.backoff-multiplier");
		strategy->jitter =
			conf_double(conf, "restart-strategy.exponential-delay.jitter-factor");
		strategy->reset_ms = conf_duration_ms(
			conf, "restart-strategy.exponential-delay.reset-backoff-threshold");
		strategy->backoff_ms = strategy->backoff_ms_min;
		break;
	}
}

void restart_fini(struct restart_strategy *strategy)
{
	mem_free(strategy->failures);
	strategy->failures = NULL;
}

static void forget_old_failures(struct restart_strategy *strategy, mono_t now)
{
	uint32_t old = 0;

	while (old < strategy->failures_count &&
	       mono_after_ms(strategy->failures[old], strategy->interval_ms) <= now)
		old++;
	strategy->failures_count -= old;
	memmove(strategy->failures, strategy->failures + old,
		strategy->failures_count * sizeof(strategy->failures[0]));
}

static bool charge_failure_rate(struct restart_strategy *strategy, mono_t now)
{
	forget_old_failures(strategy, now);
	if (strategy->failures_count > strategy->attempts)
		return false;
	strategy->failures[strategy->failures_count++] = now;
	return strategy->failures_count <= strategy->attempts;
}

static bool charge_exponential(struct restart_strategy *strategy, mono_t now, double chance,
			       int64_t *delay_ms)
{
	if (strategy->used > 0 && mono_after_ms(strategy->last_at, strategy->reset_ms) <= now) {
		strategy->used = 0;
		strategy->backoff_ms = strategy->backoff_ms_min;
	}
	if (strategy->used >= strategy->attempts)
		return false;
	strategy->used++;
	strategy->backoff_ms_before = strategy->backoff_ms;
	double next = (double)strategy->backoff_ms * strategy->multiplier;
	double spread = (double)strategy->backoff_ms * strategy->jitter * (2 * chance - 1);

	*delay_ms = strategy->backoff_ms + (int64_t)spread;
	strategy->backoff_ms = next < (double)strategy->backoff_ms_max ? (int64_t)next
								       : strategy->backoff_ms_max;
	return true;
}

bool restart_charge(struct restart_strategy *strategy, mono_t now, double chance, int64_t *delay_ms)
{
	bool allowed = false;

	*delay_ms = strategy->delay_ms;
	switch (strategy->kind) {
	case RESTART_NONE:
		break;
	case RESTART_FIXED_DELAY:
		allowed = strategy->used < strategy->attempts;
		strategy->used += allowed;
		break;
	case RESTART_FAILURE_RATE:
		allowed = charge_failure_rate(strategy, now);
		break;
	case RESTART_EXPONENTIAL_DELAY:
		allowed = charge_exponential(strategy, now, chance, delay_ms);
		break;
	}
	strategy->last_at = now;
	return allowed;
}

void restart_refund(struct restart_strategy *strategy)
{
	if (strategy->used > 0)
		strategy->used--;
	if (strategy->failures_count > 0)
		strategy->failures_count--;
	if (strategy->backoff_ms_before > 0)
		strategy->backoff_ms = strategy->backoff_ms_before;
}

int64_t restart_delay_ms(const struct restart_strategy *strategy)
{
	switch (strategy->kind) {
	case RESTART_FIXED_DELAY:
	case RESTART_FAILURE_RATE:
		return strategy->delay_ms;
	case RESTART_EXPONENTIAL_DELAY:
		return strategy->backoff_ms_min;
	case RESTART_NONE:
		break;
	}
	return UNCHARGED_DELAY_MS;
}

void restart_describe(const struct restart_strategy *strategy, struct buf *into)
{
	switch (strategy->kind) {
	case RESTART_NONE:
		buf_add_text(into, "none");
		break;
	case RESTART_FIXED_DELAY:
		buf_printf(into, "fixed-delay, %u of %u restarts used", strategy->used,
			   strategy->attempts);
		break;
	case RESTART_FAILURE_RATE:
		buf_printf(into, "failure-rate, at most %u failures in %lld ms", strategy->attempts,
			   (long long)strategy->interval_ms);
		break;
	case RESTART_EXPONENTIAL_DELAY:
		if (strategy->attempts == UINT32_MAX)
			buf_printf(into, "exponential-delay, %u restarts used", strategy->used);
		else
			buf_printf(into, "exponential-delay, %u of %u restarts used",
				   strategy->used, strategy->attempts);
		break;
	}
}
