/* SPDX-License-Identifier: Apache-2.0
 * pressure.c - see pressure.h. */
#include "jobmanager/job/pressure.h"

#include "common/base/check.h"

#define HELD_MIN 0.10   /* up to here Flink calls back-pressure "ok" */
#define BUSY_MIN 0.80   /* from here on a vertex is as fast as it can be */
#define IDLE_MIN 0.80
#define SKEW_BUSY_MIN 0.50 /* the busiest subtask; the others have at most half of that */
#define CULPRIT_BUSY_MIN 0.50 /* one that holds others back and is less busy is not the reason */

void pressure_vertex_add(struct pressure_vertex *vertex, const struct pressure_shares *shares)
{
	uint32_t subtask = vertex->subtasks++;

	if (shares == NULL)
		return;
	if (vertex->running == 0 || shares->busy > vertex->of_busiest.busy) {
		vertex->busiest = subtask;
		vertex->of_busiest = *shares;
	}
	vertex->running++;
	vertex->busy_sum += shares->busy;
	if (shares->pressured > vertex->pressured_max)
		vertex->pressured_max = shares->pressured;
}

/* ---- who ------------------------------------------------------------------------------------- */

static double busy_of(const struct pressure_vertex *vertex)
{
	return vertex->of_busiest.busy;
}

static uint32_t refusing(const struct pressure_vertex *vertex)
{
	const struct pressure_edge *most = NULL;

	for (uint32_t e = 0; e < vertex->edges_count; e++)
		if (most == NULL || vertex->edges[e].pressured > most->pressured)
			most = &vertex->edges[e];
	return most ? most->target : PRESSURE_NOBODY;
}

/* From the last to the first, so that who holds the target back is known. */
static void find_culprit(struct pressure_vertex *vertices, uint32_t v)
{
	struct pressure_vertex *vertex = &vertices[v];
	uint32_t target = refusing(vertex);

	vertex->culprit = vertex->holds = PRESSURE_NOBODY;
	vertex->held = vertex->running > 0 && vertex->pressured_max > HELD_MIN &&
		       target != PRESSURE_NOBODY && vertices[target].running > 0;
	if (!vertex->held)
		return;
	CHECK(target > v, "vertex %u feeds vertex %u, which stands in front of it", v, target);
	vertex->culprit = target;
	if (vertices[target].held &&
	    busy_of(&vertices[vertices[target].culprit]) >= busy_of(&vertices[target]))
		vertex->culprit = vertices[target].culprit;
}

/* Of those that one holds back its neighbours say most, then those that stand still most. */
static bool says_more(const struct pressure_vertex *vertices, uint32_t a, uint32_t b,
		      uint32_t culprit)
{
	bool near_a = refusing(&vertices[a]) == culprit, near_b = refusing(&vertices[b]) == culprit;

	return near_a != near_b ? near_a : vertices[a].pressured_max > vertices[b].pressured_max;
}

void pressure_find(struct pressure_vertex *vertices, uint32_t count)
{
	for (uint32_t v = count; v > 0; v--)
		find_culprit(vertices, v - 1);
	for (uint32_t v = 0; v < count; v++) {
		if (!vertices[v].held)
			continue;
		struct pressure_vertex *culprit = &vertices[vertices[v].culprit];

		culprit->holds_count++;
		if (culprit->holds == PRESSURE_NOBODY ||
		    says_more(vertices, v, culprit->holds, vertices[v].culprit))
			culprit->holds = v;
	}
}

/* ---- in words -------------------------------------------------------------------------------- */

static double percent(double share)
{
	return share > 1 ? 100 : share * 100;
}

static double others_busy(const struct pressure_vertex *vertex)
{
	return vertex->running < 2
		       ? 0
		       : (vertex->busy_sum - busy_of(vertex)) / (vertex->running - 1);
}

static bool is_skewed(const struct pressure_vertex *vertex)
{
	return vertex->running > 1 && busy_of(vertex) >= SKEW_BUSY_MIN &&
	       others_busy(vertex) <= busy_of(vertex) / 2;
}

static bool waits_outside(const struct pressure_vertex *vertex)
{
	return vertex->of_busiest.waiting >= vertex->of_busiest.busy / 2 &&
	       vertex->of_busiest.waiting > HELD_MIN;
}

/* "is busy 98 %" and the like, after whoever it is said of: what this one does, and where. */
static void put_does(const struct pressure_vertex *vertex, struct buf *into)
{
	if (waits_outside(vertex))
		buf_printf(into, "waits %.0f %% of the time for what lies outside",
			   percent(vertex->of_busiest.waiting));
	else
		buf_printf(into, "is busy %.0f %%", percent(busy_of(vertex)));
	if (vertex->operator != NULL)
		buf_printf(into, ", mostly in `%s`", vertex->operator);
	if (waits_outside(vertex) && vertex->status[0] != '\0')
		buf_printf(into, " (%s)", vertex->status);
	if (is_skewed(vertex))
		buf_printf(into, ", and the other%s %.0f %% (uneven work)",
			   vertex->running > 2 ? "s" : "", percent(others_busy(vertex)));
}

static void put_busy(const struct pressure_vertex *vertex, struct buf *into)
{
	if (is_skewed(vertex))
		buf_printf(into, "Subtask %u of %u of ", vertex->busiest + 1, vertex->subtasks);
	buf_printf(into, "`%s` ", vertex->name);
	put_does(vertex, into);
}

static void put_culprit(const struct pressure_vertex *vertices, uint32_t v, struct buf *into)
{
	const struct pressure_vertex *vertex = &vertices[v];

	put_busy(vertex, into);
	buf_printf(into, ": it holds back `%s`", vertices[vertex->holds].name);
	if (vertex->holds_count > 1)
		buf_printf(into, " and %u more", vertex->holds_count - 1);
}

static void put_held(const struct pressure_vertex *vertices, uint32_t v, struct buf *into)
{
	const struct pressure_vertex *vertex = &vertices[v], *by = &vertices[vertex->culprit];

	buf_printf(into, "`%s` is held back %.0f %% of the time by `%s`", vertex->name,
		   percent(vertex->pressured_max), by->name);
	if (busy_of(by) >= CULPRIT_BUSY_MIN) {
		if (is_skewed(by))
			buf_printf(into, ", whose subtask %u of %u ", by->busiest + 1,
				   by->subtasks);
		else
			buf_add_text(into, ", which ");
		put_does(by, into);
	} else {
		buf_printf(into,
			   ", which is busy only %.0f %%: the way between them is slow, or has "
			   "too few buffers",
			   percent(busy_of(by)));
	}
}

static void put_idle(const struct pressure_vertex *vertex, struct buf *into)
{
	buf_printf(into, "`%s` is idle %.0f %%: ", vertex->name, percent(vertex->of_busiest.idle));
	if (vertex->status[0] != '\0')
		buf_add_text(into, vertex->status);
	else
		buf_add_text(into, vertex->is_source ? "it waits for more from outside"
						     : "it waits for its input");
}

/* One that holds nobody back and is not held back. */
static void put_free(const struct pressure_vertex *vertex, struct buf *into)
{
	if (busy_of(vertex) < BUSY_MIN && vertex->of_busiest.idle >= IDLE_MIN) {
		put_idle(vertex, into);
		return;
	}
	put_busy(vertex, into);
	buf_add_text(into, busy_of(vertex) >= BUSY_MIN ? ": it is as fast as it can be, " : ": ");
	buf_add_text(into, "nothing holds it back");
}

static bool is_the_reason(const struct pressure_vertex *vertex)
{
	return vertex->holds != PRESSURE_NOBODY && busy_of(vertex) >= CULPRIT_BUSY_MIN;
}

void pressure_of_vertex(const struct pressure_vertex *vertices, uint32_t vertex, struct buf *into)
{
	if (vertices[vertex].running == 0)
		return;
	if (is_the_reason(&vertices[vertex]))
		put_culprit(vertices, vertex, into);
	else if (vertices[vertex].held)
		put_held(vertices, vertex, into);
	else
		put_free(&vertices[vertex], into);
}

/* The one that the job's throughput depends on: who holds back the most, else the busiest; if all
 * are idle, the first source. */
static uint32_t decisive(const struct pressure_vertex *vertices, uint32_t count)
{
	uint32_t held = PRESSURE_NOBODY, busiest = PRESSURE_NOBODY, source = PRESSURE_NOBODY;

	for (uint32_t v = 0; v < count; v++) {
		if (vertices[v].running == 0)
			continue;
		if (vertices[v].held && (held == PRESSURE_NOBODY || vertices[v].pressured_max >
								     vertices[held].pressured_max))
			held = v;
		if (busiest == PRESSURE_NOBODY ||
		    busy_of(&vertices[v]) > busy_of(&vertices[busiest]))
			busiest = v;
		if (source == PRESSURE_NOBODY && vertices[v].is_source)
			source = v;
	}
	if (held != PRESSURE_NOBODY)
		return is_the_reason(&vertices[vertices[held].culprit]) ? vertices[held].culprit
									: held;
	if (busiest != PRESSURE_NOBODY && busy_of(&vertices[busiest]) < 1 - IDLE_MIN &&
	    source != PRESSURE_NOBODY)
		return source;
	return busiest;
}

void pressure_of_all(const struct pressure_vertex *vertices, uint32_t count, struct buf *into)
{
	uint32_t vertex = decisive(vertices, count);

	if (vertex != PRESSURE_NOBODY)
		pressure_of_vertex(vertices, vertex, into);
}
