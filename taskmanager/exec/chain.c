/* SPDX-License-Identifier: Apache-2.0
 * chain.c - how records and passes travel through a chain. See chain.h. */
#include "taskmanager/exec/chain.h"

#include "common/base/check.h"
#include "common/world/world.h"

#define CALL_NS UINT64_C(10000000) /* what one call of an operator should take at most */
#define FIRST_CALL_RECORDS 16

/* ---- calls ----------------------------------------------------------------------------------- */

static inline void call_enter(struct chain *chain, struct link *link)
{
	user_call_enter(&link->call);
	atomic_store_explicit(&chain->current, link->context.operator_name, memory_order_relaxed);
}

/* What a failed user function said wins over what the operator answers. */
static inline int call_leave(struct chain *chain, struct link *link, int answer, struct err *err)
{
	atomic_store_explicit(&chain->current, NULL, memory_order_relaxed);
	user_call_leave();
	chain->calls_left -= chain->calls_left > 0;
	if (unlikely(link->call.failed)) {
		*err = link->call.err;
		answer = -1;
	}
	if (unlikely(answer < 0))
		chain->failed_operator = link->context.operator_name;
	return answer;
}

static void count_out(struct link *link)
{
	counter_add(&link->records_out, link->output.records_count - link->records_counted);
	counter_add(&link->bytes_out, link->output.bytes_count - link->bytes_counted);
	link->records_counted = link->output.records_count;
	link->bytes_counted = link->output.bytes_count;
}

/* ---- where time goes: calls do not nest, so each one's time is its own ----------------------- */

static inline void measure_begin(struct chain *chain, mono_t *since)
{
	*since = world_now(chain->world);
	atomic_store_explicit(&chain->call_since, *since, memory_order_relaxed);
}

static inline uint64_t measure_end(struct chain *chain, mono_t since)
{
	atomic_store_explicit(&chain->call_since, MONO_NEVER, memory_order_relaxed);
	return (uint64_t)(world_now(chain->world) - since);
}

static inline mono_t watch_begin(struct chain *chain, const struct stopwatch *watch)
{
	mono_t since = MONO_NEVER;

	if (unlikely(stopwatch_due(watch)))
		measure_begin(chain, &since);
	return since;
}

static inline void watch_end(struct chain *chain, struct stopwatch *watch, mono_t since,
			     uint64_t records)
{
	if (likely(since == MONO_NEVER))
		stopwatch_skip(watch, records + 1);
	else
		stopwatch_measured(watch, records + 1, measure_end(chain, since));
}

static void waits(struct chain *chain, const struct link *link)
{
	chain->refused_by = -1 - (link - chain->links);
}

struct link *chain_waiter(struct chain *chain, int64_t refused_by)
{
	return refused_by < 0 ? &chain->links[-1 - refused_by] : NULL;
}

/* A call that lasts for seconds counts while it does. */
static uint64_t running_ns(const struct chain *chain, const struct link *link, mono_t now)
{
	struct chain *c = (struct chain *)(uintptr_t)chain;
	mono_t since = atomic_load(&c->call_since);

	if (since >= now || atomic_load(&c->current) != link->context.operator_name ||
	    atomic_load(&c->call_since) != since)
		return 0;
	return (uint64_t)(now - since);
}

uint64_t chain_link_busy_ns(const struct chain *chain, const struct link *link, mono_t now)
{
	return counter_get(&link->feeding.ns) + counter_get(&link->routing.ns) +
	       counter_get(&link->passes_ns) + counter_get(&link->waits_ns) +
	       running_ns(chain, link, now);
}

/* Of so many records, those that one call is given: nobody can cancel a task, publish what it made
 * or run another on its thread before a call returns. */
static inline uint32_t piece_of(const struct link *link, uint32_t count)
{
	uint64_t rate = link->feeding.rate;

	if (unlikely(counter_get(&link->records_in) == 0)) /* nothing is known yet */
		return count < FIRST_CALL_RECORDS ? count : FIRST_CALL_RECORDS;
	if (likely(count * rate <= CALL_NS * 256))
		return count;
	return rate < CALL_NS * 256 ? (uint32_t)(CALL_NS * 256 / rate) : 1;
}

/* One process or write call. 1: the batch is taken; 0: stopped; -1. */
static int feed(struct chain *chain, struct link *link, uint32_t input, const struct batch *batch,
		uint32_t *taken, struct err *err)
{
	struct batch rest = batch_rest(batch, *taken);
	uint32_t now_taken = 0, piece = piece_of(link, rest.count);
	bool is_piece = piece < rest.count;
	mono_t since = watch_begin(chain, &link->feeding);
	int answer;

	rest.count = piece;
	call_enter(chain, link);
	if (link->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK)
		answer = link->sink->write(link->self, &rest, &now_taken, err);
	else
		answer = link->operator->process(link->self, input, &rest, &now_taken,
						 &link->output.out, err);
	answer = call_leave(chain, link, answer, err);
	if (answer < 0)
		return -1;
	CHECK(now_taken <= rest.count && (answer == 0 || now_taken == rest.count),
	      "\"%s\" answered %d after %u of %u records", link->context.operator_name, answer,
	      now_taken, rest.count);
	watch_end(chain, &link->feeding, since, now_taken);
	*taken += now_taken;
	counter_add(&link->records_in, now_taken);
	if (unlikely(is_piece)) { /* a slow function: what it made goes on, and the step ends */
		if (link->has_output)
			output_finish(&link->output);
		chain->calls_left = 0;
	}
	if (link->has_output)
		count_out(link);
	link->dirty = link->sink != NULL;
	if (answer == 0 && now_taken == 0 && output_first(&link->output) == NULL) {
		waits(chain, link);
		return CHAIN_REFUSED;
	}
	return answer == 1 && !is_piece ? CHAIN_DONE : CHAIN_AGAIN;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The oldest finished run of a link to the routers that do not have it. */
static int deliver_to_routers(struct chain *chain, struct link *link, const struct output_run *run,
			      struct err *err)
{
	mono_t since = watch_begin(chain, &link->routing);
	uint32_t first = link->stage;
	int answer = 1;

	for (; link->stage < link->routers_count; link->stage++) {
		struct router *router = &link->routers[link->stage];

		answer = router_route(router, run, err);
		if (answer < 0 && router_partitioner_failed(router))
			chain->failed_operator = link->context.operator_name;
		if (answer == 0)
			chain->refused_by = link->edge_numbers[link->stage];
		if (answer <= 0)
			break;
	}
	/* A run that was refused half way counts when it is through. */
	watch_end(chain, &link->routing, since,
		  (uint64_t)(link->stage - first) * run->count);
	return answer;
}

/* The oldest finished run of a link: to its routers, then to its children one by one. DONE:
 * dropped; AGAIN: the child that is fed has to be emptied first. */
static int deliver(struct chain *chain, struct link *link, struct err *err)
{
	const struct output_run *run = output_first(&link->output);

	if (link->stage < link->routers_count) {
		int answer = deliver_to_routers(chain, link, run, err);

		if (answer <= 0)
			return answer;
	}
	for (; link->stage < link->routers_count + link->children_count; link->stage++) {
		struct link *child = link->children[link->stage - link->routers_count];
		struct batch batch;

		run_view(link->context.output_type, run->data, &batch);
		int answer = feed(chain, child, 0, &batch, &link->taken, err);

		if (answer < 0 || answer == CHAIN_REFUSED || answer == CHAIN_AGAIN)
			return answer;
		link->taken = 0;
		counter_add(&child->bytes_in, run->size_bytes);
		if (output_first(&child->output) != NULL) {
			link->stage++;
			return CHAIN_AGAIN;
		}
	}
	link->stage = 0;
	output_drop_first(&link->output);
	return CHAIN_DONE;
}

static int deliver_input(struct chain *chain, struct err *err)
{
	int answer = feed(chain, &chain->links[0], chain->input_index, &chain->input,
			  &chain->input_taken, err);

	if (answer == CHAIN_DONE)
		chain->input_active = false;
	return answer;
}

/* Delivers finished runs, always the ones nearest to the end of the chain, then the input batch. */
static enum chain_answer drain(struct chain *chain, struct err *err)
{
	uint32_t behind = chain->links_count; /* links from here on have no finished runs */

	for (;;) {
		int answer;

		while (behind > 0 && output_first(&chain->links[behind - 1].output) == NULL)
			behind--;
		if (behind == 0 && !chain->input_active)
			return CHAIN_DONE;
		if (chain->calls_left == 0 || atomic_load(&chain->stopped))
			return CHAIN_AGAIN;
		if (behind == 0)
			answer = deliver_input(chain, err);
		else
			answer = deliver(chain, &chain->links[behind - 1], err);
		if (answer == CHAIN_FAILED || answer == CHAIN_REFUSED)
			return answer;
		behind = chain->links_count; /* the link that was fed may have emitted */
	}
}

/* ---- passes ---------------------------------------------------------------------------------- */

static int call_operator(struct chain *chain, struct link *link, struct err *err)
{
	const struct operator_vtable *operator = link->operator;
	struct outbox *out = &link->output.out;
	const struct pass *pass = &chain->pass;

	switch (pass->kind) {
	case PASS_TIME:
		if (operator->processing_time == NULL)
			return 1;
		return operator->processing_time(link->self, pass->now, &chain->next_timer, out,
						 err);
	case PASS_WATERMARK:
		if (operator->watermark == NULL)
			return 1;
		return operator->watermark(link->self, pass->watermark, out, err);
	case PASS_END:
		if (operator->end_of_input == NULL)
			return 1;
		return operator->end_of_input(link->self, pass->link == 0 ? pass->input : 0, out,
					      err);
	default:
		return 1;
	}
}

/* A marker has come as far as this operator, and all that was in front of it. */
static void measure(struct chain *chain, const struct link *link)
{
	const struct pass *pass = &chain->pass;

	if (link->source == NULL)
		latency_table_record(chain->latencies, pass->link, pass->source,
				     world_wall(chain->world) - pass->watermark);
}

static int pass_call(struct chain *chain, struct link *link, struct err *err)
{
	mono_t since = MONO_NEVER;
	int answer = 1;

	if (chain->pass_due)
		measure_begin(chain, &since);

	call_enter(chain, link);
	if (link->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_OPERATOR)
		answer = call_operator(chain, link, err);
	else if (link->kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SINK &&
		 chain->pass.kind == PASS_END && chain->pass.last && link->sink->flush != NULL)
		answer = link->sink->flush(link->self, 0, true, err);
	if (since != MONO_NEVER)
		counter_add(&link->passes_ns, measure_end(chain, since));
	return call_leave(chain, link, answer, err);
}

static bool control_of(const struct pass *pass, struct control *control)
{
	*control = (struct control){ .watermark = pass->watermark };
	switch (pass->kind) {
	case PASS_WATERMARK: control->kind = CONTROL_WATERMARK; return true;
	case PASS_IDLE: control->kind = CONTROL_IDLE; return true;
	case PASS_ACTIVE: control->kind = CONTROL_ACTIVE; return true;
	case PASS_END: control->kind = CONTROL_END_OF_INPUT; return pass->last;
	case PASS_LATENCY:
		control->kind = CONTROL_LATENCY;
		control->checkpoint = pass->source;
		return true;
	default: return false;
	}
}

/* One step of the pass at one link. DONE: something was done, drain before the next. */
static enum chain_answer pass_step(struct chain *chain, struct err *err)
{
	struct pass *pass = &chain->pass;
	struct link *link = &chain->links[pass->link];
	struct control control;

	if (!pass->called) {
		if (chain->calls_left == 0)
			return CHAIN_AGAIN;
		int answer = pass_call(chain, link, err);

		if (answer < 0)
			return CHAIN_FAILED;
		pass->called = answer == 1;
		if (pass->kind == PASS_LATENCY)
			measure(chain, link);
		if (link->has_output) {
			output_finish(&link->output);
			count_out(link);
		}
		if (output_first(&link->output) != NULL)
			return CHAIN_DONE;
		if (answer == 0) {
			waits(chain, link);
			return CHAIN_REFUSED;
		}
	}
	if (control_of(pass, &control)) {
		for (; pass->router < link->routers_count; pass->router++) {
			struct router *router = &link->routers[pass->router];
			int answer = pass->kind == PASS_LATENCY
					     ? router_marker(router, &control, err)
					     : router_control(router, &control, err);

			if (answer == 0)
				chain->refused_by = link->edge_numbers[pass->router];
			if (answer <= 0)
				return answer;
		}
	}
	pass->called = false;
	pass->router = 0;
	pass->link++;
	if (pass->link == chain->links_count || (pass->kind == PASS_END && !pass->last))
		pass->kind = PASS_NONE;
	return CHAIN_DONE;
}

/* ---- the door -------------------------------------------------------------------------------- */

void chain_take(struct chain *chain, uint32_t input, const struct batch *batch)
{
	CHECK(!chain->input_active && chain->pass.kind == PASS_NONE, "a chain that is busy");
	chain->input = *batch;
	chain->input_active = batch->count > 0;
	chain->input_index = input;
	chain->input_taken = 0;
}

void chain_begin(struct chain *chain, const struct pass *pass)
{
	CHECK(!chain->input_active && chain->pass.kind == PASS_NONE, "a chain that is busy");
	chain->pass = *pass;
	chain->pass.link = chain->pass.router = 0;
	chain->pass.called = false;
	/* Nearly all passes of time find nothing due, and a flush calls nobody. */
	chain->pass_due = pass->kind == PASS_TIME ? pass->now >= chain->next_timer
						  : pass->kind != PASS_FLUSH;
	if (pass->kind == PASS_TIME)
		chain->next_timer = INT64_MAX;
}

enum chain_answer chain_run(struct chain *chain, struct err *err)
{
	for (;;) {
		enum chain_answer answer = drain(chain, err);

		if (answer != CHAIN_DONE || chain->pass.kind == PASS_NONE)
			return answer;
		answer = pass_step(chain, err);
		if (answer != CHAIN_DONE)
			return answer;
	}
}

bool chain_has_unflushed(const struct chain *chain)
{
	for (uint32_t i = 0; i < chain->links_count; i++)
		if (chain->links[i].has_output && !output_is_empty(&chain->links[i].output))
			return true;
	return false;
}

bool chain_is_source(const struct chain *chain)
{
	return chain->links[0].kind == FLINK__OPERATOR_KIND__OPERATOR_KIND_SOURCE;
}

enum poll chain_poll(struct chain *chain, mono_t now, mono_t *wake_at, struct err *err)
{
	struct link *link = &chain->links[0];
	mono_t since = watch_begin(chain, &link->feeding);
	uint64_t before = link->output.records_count + link->output.run.count;

	call_enter(chain, link);
	enum poll poll =
		link->source->reader_poll(link->self, now, &link->output.out, wake_at, err);

	if (call_leave(chain, link, poll == POLL_ERROR ? -1 : 0, err) < 0)
		return POLL_ERROR;
	watch_end(chain, &link->feeding, since,
		  link->output.records_count + link->output.run.count - before);
	count_out(link);
	return poll;
}

int chain_add_splits(struct chain *chain, const struct split *splits, uint32_t count, bool no_more,
		     struct err *err)
{
	struct link *link = &chain->links[0];
	int answer = 0;

	if (!chain_is_source(chain))
		return err_set(err, ERR_BUG, "splits for operator \"%s\", which is no source",
			       link->context.operator_name);
	call_enter(chain, link);
	if (count > 0 && link->source->reader_add != NULL)
		answer = link->source->reader_add(link->self, splits, count, err);
	if (answer >= 0 && no_more && link->source->reader_no_more_splits != NULL)
		answer = link->source->reader_no_more_splits(link->self, err);
	return call_leave(chain, link, answer, err) < 0 ? -1 : 0;
}

bool chain_has_dirty_sink(const struct chain *chain)
{
	for (uint32_t i = 0; i < chain->links_count; i++)
		if (chain->links[i].dirty)
			return true;
	return false;
}

int chain_flush_sinks(struct chain *chain, struct err *err)
{
	for (uint32_t i = 0; i < chain->links_count; i++) {
		struct link *link = &chain->links[i];
		int answer = 1;

		if (!link->dirty)
			continue;
		if (link->sink->flush != NULL) {
			mono_t since;

			measure_begin(chain, &since);
			call_enter(chain, link);
			answer = link->sink->flush(link->self, 0, false, err);
			answer = call_leave(chain, link, answer, err);
			counter_add(&link->passes_ns, measure_end(chain, since));
		}
		chain->flushing = answer == 0;
		link->dirty = answer == 0;
		if (answer == 0)
			waits(chain, link);
		if (answer <= 0)
			return answer;
	}
	return 1;
}
