/* SPDX-License-Identifier: Apache-2.0
 * series.c - numbers over time: /jobs/:jobid/series, /taskmanagers/:taskmanagerid/series and
 * /jobmanager/series (docs/adr/0020-one-picture.md, docs/rest.md).
 *
 * An answer is bounded three times: by the points of one series, by the numbers it is made of, and
 * by the points that are looked at for it, so that none takes longer than a few milliseconds. */
#include "jobmanager/rest/series.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"
#include "jobmanager/series/sampler.h"

#define POINTS_MAX 2000
#define NAMES_MAX 4096
#define VALUES_MAX 128000 /* 2000 points of 64 series */
#define LOOKED_AT_MAX 2000000
#define POINTS_UNASKED 1000 /* the step is chosen for at most so many, fewer of many series */
#define SPAN_MS_UNASKED (15 * 60 * 1000)
#define SPAN_MS_MAX (INT64_C(400) * 86400 * 1000)
#define ARCHIVE_VALUES_MAX 250000 /* about a megabyte */

static const int64_t nice_steps_s[] = { 1,   2,   5,   10,   20,   30,   60,  120,
					300, 600, 900, 1800, 3600, 7200, 14400 };

/* ---- what is asked for ----------------------------------------------------------------------- */

struct series_ask {
	int64_t from_ms, to_ms, step_ms; /* step 0: whatever fits */
	int64_t now_ms;
};

/* The least nice step of which no more than so many are in the span. */
static int64_t nice_step_ms(int64_t span_ms, int64_t points)
{
	for (size_t i = 0; i < ARRAY_COUNT(nice_steps_s); i++)
		if (span_ms <= nice_steps_s[i] * MS_PER_S * points)
			return nice_steps_s[i] * MS_PER_S;
	return (span_ms / points / MS_PER_S + 1) * MS_PER_S;
}

static bool take_step(struct rest_request *request, struct series_ask *ask)
{
	char *text = rest_query(request, "step");
	bool good = true;

	ask->step_ms = 0;
	if (text != NULL)
		good = duration_parse(text, &ask->step_ms) && ask->step_ms >= MS_PER_S &&
		       ask->step_ms % MS_PER_S == 0 && ask->step_ms <= SPAN_MS_MAX;
	if (!good)
		rest_answer_error(request, 400,
				  "step is \"%.40s\"; it is a whole number of seconds, such as "
				  "10000 (milliseconds) or 10s.",
				  text);
	mem_free(text);
	return good;
}

/* False: answered. */
static bool take_ask(struct rest *rest, struct rest_request *request, struct series_ask *ask)
{
	ask->now_ms = world_wall(rest->world);
	if (!rest_query_int(request, "to", 0, ask->now_ms, &ask->to_ms) ||
	    !rest_query_int(request, "from", 0, -1, &ask->from_ms) || !take_step(request, ask))
		return false;
	if (ask->to_ms > ask->now_ms)
		ask->to_ms = ask->now_ms;
	if (ask->from_ms < 0)
		ask->from_ms = ask->to_ms > SPAN_MS_UNASKED ? ask->to_ms - SPAN_MS_UNASKED : 0;
	if (ask->from_ms <= ask->to_ms)
		return true;
	rest_answer_error(request, 400, "from (%lld) lies behind to (%lld).",
			  (long long)ask->from_ms, (long long)ask->to_ms);
	return false;
}

/* ---- which series ---------------------------------------------------------------------------- */

struct chosen {
	char *name; /* in the arena */
	struct sampled_series series;
};

struct choice {
	struct arena *arena;
	struct chosen *of; /* mem_free */
	size_t count, room;
	const char *pattern; /* while they are gone through */
	size_t pattern_length;
};

static void choose(struct choice *choice, const char *name, size_t length,
		   struct sampled_series series)
{
	if (choice->count == choice->room) {
		choice->room = choice->room > 0 ? 2 * choice->room : 16;
		choice->of = mem_realloc(choice->of, choice->room * sizeof(*choice->of));
	}
	choice->of[choice->count++] =
		(struct chosen){ arena_strndup(choice->arena, name, length), series };
}

/* A '*' stands for one part between dots. */
bool rest_series_fits(const char *pattern, size_t length, const char *name)
{
	const char *end = pattern + length;

	while (pattern < end) {
		if (*pattern == '*') {
			pattern++;
			name += strcspn(name, ".");
		} else if (*pattern++ != *name++) {
			return false;
		}
	}
	return *name == '\0';
}

static void choose_if_it_fits(void *context, const char *name, struct sampled_series series)
{
	struct choice *choice = context;

	if (choice->count <= NAMES_MAX &&
	    rest_series_fits(choice->pattern, choice->pattern_length, name))
		choose(choice, name, strlen(name), series);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct chosen *)a)->name, ((const struct chosen *)b)->name);
}

/* A name that was asked for twice would be there twice in one object. */
static void drop_doubles(struct choice *choice)
{
	size_t kept = 0;

	if (choice->count > 0)
		qsort(choice->of, choice->count, sizeof(*choice->of), by_name);
	for (size_t i = 0; i < choice->count; i++)
		if (kept == 0 || strcmp(choice->of[kept - 1].name, choice->of[i].name) != 0)
			choice->of[kept++] = choice->of[i];
	choice->count = kept;
}

#define PATTERNS_MAX 16

/* Names that it does not have are left out. False: too many patterns. */
static bool choose_all(struct choice *choice, const struct sampled *sampled, const char *get)
{
	unsigned patterns = 0;
	const char *item;
	size_t length;

	while (choice->count <= NAMES_MAX && rest_list_next(&get, &item, &length)) {
		struct sampled_series series;

		if (memchr(item, '*', length) != NULL) {
			if (++patterns > PATTERNS_MAX)
				return false;
			choice->pattern = item;
			choice->pattern_length = length;
			sampled_each(sampled, SAMPLED_EACH, choose_if_it_fits, choice);
		} else if (sampled_find(sampled, item, length, &series)) {
			choose(choice, item, length, series);
		}
	}
	drop_doubles(choice);
	return true;
}

static void choice_fini(struct choice *choice)
{
	arena_destroy(&choice->arena);
	mem_free(choice->of);
}

/* ---- the range ------------------------------------------------------------------------------- */

/* Seconds where there still are some and the step asks for them; else tens of seconds, in steps of
 * at least as many. */
static struct series_range range_of(const struct sampled *sampled, const struct series_ask *ask,
				    int64_t points)
{
	int64_t span_ms = ask->to_ms - ask->from_ms;
	int64_t step_s = (ask->step_ms > 0 ? ask->step_ms : nice_step_ms(span_ms, points)) /
			 MS_PER_S;
	int64_t fine_s = sampled_begin_s(sampled, false), coarse_s = sampled_begin_s(sampled, true);
	int64_t from_s = ask->from_ms / MS_PER_S;
	bool gone = coarse_s != INT64_MAX && coarse_s + SERIES_COARSE_TICKS <= fine_s &&
		    from_s < fine_s;
	struct series_range range = { .coarse = gone || step_s % SERIES_COARSE_TICKS == 0 };

	if (range.coarse && step_s < SERIES_COARSE_TICKS)
		step_s = SERIES_COARSE_TICKS;
	range.step_s = (uint32_t)step_s;
	range.from_s = from_s - from_s % step_s;
	range.cells_count = (uint32_t)((ask->to_ms / MS_PER_S - range.from_s) / step_s + 1);
	return range;
}

/* False: answered. */
static bool is_bounded(struct rest_request *request, const struct series_range *range,
		       size_t names)
{
	uint64_t cells = range->cells_count;
	uint64_t asked = cells * range->step_s / (range->coarse ? SERIES_COARSE_TICKS : 1);
	uint64_t kept = range->coarse ? SERIES_COARSE_KEPT_TICKS / SERIES_COARSE_TICKS
				      : SERIES_FINE_KEPT_TICKS;
	uint64_t looked_at = names * (asked < kept ? asked : kept);

	if (names > NAMES_MAX)
		rest_answer_error(request, 400, "get names more than %d series.", NAMES_MAX);
	else if (cells > POINTS_MAX)
		rest_answer_error(request, 400,
				  "From %lld there are %llu steps of %u s; at most %d are given: ask "
				  "for a longer step or a later from.",
				  (long long)range->from_s * MS_PER_S, (unsigned long long)cells,
				  range->step_s, POINTS_MAX);
	else if (names * cells > VALUES_MAX || looked_at > LOOKED_AT_MAX)
		rest_answer_error(request, 400,
				  "%zu series of %llu points are too many for one answer (together "
				  "at most %d, made of at most %d): ask for fewer, a longer step or "
				  "a later from.",
				  names, (unsigned long long)cells, VALUES_MAX, LOOKED_AT_MAX);
	else
		return true;
	return false;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void put_series(struct json_out *json, const struct chosen *chosen,
		       const struct series_range *range, struct series_cell *cells,
		       int64_t *thousandths)
{
	const struct series_table *table = chosen->series.table;
	const struct series_column *kind = series_table_kind(table, chosen->series.column);

	series_table_read(table, chosen->series.column, range, cells);
	for (uint32_t i = 0; i < range->cells_count; i++)
		thousandths[i] = cells[i].count == 0 ? JSON_OUT_NULL
						     : series_cell_thousandths(&cells[i], kind);
	json_out_thousandths(json, chosen->name, thousandths, range->cells_count);
}

static void put_markers(struct json_out *json, const struct sampled *sampled, int64_t from_ms,
			int64_t to_ms)
{
	json_out_array(json, "markers");
	if (sampled != NULL)
		LIST_FOR_EACH (sampled_markers(sampled), struct sampled_marker, node, marker) {
			if (marker->at < from_ms || marker->at > to_ms)
				continue;
			json_out_object(json, NULL);
			json_out_int(json, "at", marker->at);
			json_out_text(json, "kind", sampled_marker_names[marker->kind]);
			json_out_text(json, "text", marker->text);
			json_out_close(json);
		}
	json_out_close(json);
}

static void put_sentence(void *context, const char *sentence)
{
	json_out_text(context, NULL, sentence);
}

static void put_losses(struct json_out *json, const struct sampled *sampled)
{
	json_out_array(json, "missing");
	if (sampled != NULL)
		sampled_each_loss(sampled, put_sentence, json);
	json_out_close(json);
}

static void put_range(struct json_out *json, const struct sampled *sampled,
		      const struct series_range *range, const struct choice *choice)
{
	int64_t from_ms = range->from_s * MS_PER_S, step_ms = (int64_t)range->step_s * MS_PER_S;
	struct series_cell *cells = MEM_NEW_ARRAY(struct series_cell, range->cells_count);
	int64_t *thousandths = MEM_NEW_ARRAY(int64_t, range->cells_count);

	json_out_object(json, NULL);
	json_out_int(json, "from", from_ms);
	json_out_int(json, "step", step_ms);
	json_out_object(json, "series");
	for (size_t i = 0; i < choice->count; i++)
		put_series(json, &choice->of[i], range, cells, thousandths);
	json_out_close(json);
	put_markers(json, sampled, from_ms, from_ms + range->cells_count * step_ms);
	put_losses(json, sampled);
	json_out_close(json);
	mem_free(cells);
	mem_free(thousandths);
}

static void put_name(void *context, const char *name, struct sampled_series series)
{
	json_out_text(context, NULL, name);
}

static void answer_names(struct rest_request *request, const struct sampled *sampled)
{
	struct json_out *json = &request->json;
	int64_t begin_s = INT64_MAX;

	json_out_object(json, NULL);
	json_out_array(json, "names");
	if (sampled != NULL) {
		int64_t fine_s = sampled_begin_s(sampled, false);

		sampled_each(sampled, SAMPLED_STARRED, put_name, json);
		begin_s = sampled_begin_s(sampled, true);
		begin_s = fine_s < begin_s ? fine_s : begin_s;
	}
	json_out_close(json);
	if (begin_s == INT64_MAX)
		json_out_null(json, "begin");
	else
		json_out_int(json, "begin", begin_s * MS_PER_S);
	put_markers(json, sampled, INT64_MIN, INT64_MAX);
	put_losses(json, sampled);
	json_out_close(json);
	rest_answer(request, 200);
}

/* As many as an answer may have of each. */
static int64_t points_unasked(size_t names)
{
	int64_t points = names > 0 ? (int64_t)(VALUES_MAX / names) : POINTS_UNASKED;

	return points > POINTS_UNASKED ? POINTS_UNASKED : points > 0 ? points : 1;
}

/* Of one that was not looked at yet nothing is known. */
static void answer_values(struct rest_request *request, const struct sampled *sampled,
			  const struct series_ask *ask, const char *get)
{
	struct choice choice = { .arena = arena_create("series") };
	struct series_range range;

	if (sampled != NULL && !choose_all(&choice, sampled, get)) {
		rest_answer_error(request, 400, "get has more than %d patterns with '*'.",
				  PATTERNS_MAX);
		choice_fini(&choice);
		return;
	}
	range = sampled != NULL ? range_of(sampled, ask, points_unasked(choice.count))
				: (struct series_range){ .from_s = ask->from_ms / MS_PER_S,
							 .step_s = 1,
							 .cells_count = 1 };
	if (is_bounded(request, &range, choice.count)) {
		put_range(&request->json, sampled, &range, &choice);
		rest_answer(request, 200);
	}
	choice_fini(&choice);
}

static const struct sampler *find_sampler(struct rest *rest, struct rest_request *request)
{
	const struct sampler *sampler = dispatcher_sampler(rest->dispatcher);

	if (sampler == NULL)
		rest_answer_error(request, 404,
				  "No time series are kept here (rest.series.memory: 0).");
	return sampler;
}

static void answer(struct rest *rest, struct rest_request *request, const struct sampled *sampled)
{
	char *get = rest_query(request, "get");
	struct series_ask ask;

	if (get == NULL)
		answer_names(request, sampled);
	else if (take_ask(rest, request, &ask))
		answer_values(request, sampled, &ask, get);
	mem_free(get);
}

void rest_job_series(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	const struct sampler *sampler = job != NULL ? find_sampler(rest, request) : NULL;

	if (sampler != NULL)
		answer(rest, request, sampler_job(sampler, &job->id));
}

/* Also of one that is gone, for a while. */
void rest_taskmanager_series(struct rest *rest, struct rest_request *request)
{
	const struct sampler *sampler = find_sampler(rest, request);
	const struct sampled *sampled;

	if (sampler == NULL)
		return;
	sampled = sampler_taskmanager(sampler, rest_parameter(request, "taskmanagerid"));
	if (sampled != NULL || rest_find_taskmanager(rest, request) != NULL)
		answer(rest, request, sampled);
}

void rest_jobmanager_series(struct rest *rest, struct rest_request *request)
{
	const struct sampler *sampler = find_sampler(rest, request);

	if (sampler != NULL)
		answer(rest, request, sampler_jobmanager(sampler));
}

/* ---- for the archive ------------------------------------------------------------------------- */

static void choose_each(void *context, const char *name, struct sampled_series series)
{
	if (strchr(name, '*') == NULL)
		choose(context, name, strlen(name), series);
}

bool rest_series_write_job(struct json_out *json, const struct dispatcher *dispatcher,
			   const struct job *job)
{
	const struct sampler *sampler = dispatcher_sampler(dispatcher);
	const struct sampled *sampled = sampler != NULL ? sampler_job(sampler, &job->id) : NULL;
	wall_t now = world_wall(dispatcher_world(dispatcher));
	struct series_ask ask = { .from_ms = job->start_ms, .to_ms = now };
	struct choice choice;
	int64_t points;

	if (sampled == NULL)
		return false;
	choice = (struct choice){ .arena = arena_create("series") };
	sampled_each(sampled, SAMPLED_STARRED, choose_each, &choice);
	drop_doubles(&choice);
	points = (int64_t)(ARCHIVE_VALUES_MAX / (choice.count + 1));
	points = points < 60 ? 60 : points > POINTS_UNASKED ? POINTS_UNASKED : points;
	if (job->end_ms > 0)
		ask.to_ms = job->end_ms;
	/* The clock may have gone back; what is older than a day is not there any more. */
	if (ask.from_ms > ask.to_ms)
		ask.from_ms = ask.to_ms;
	if (ask.from_ms < ask.to_ms - SERIES_COARSE_KEPT_TICKS * MS_PER_S)
		ask.from_ms = ask.to_ms - SERIES_COARSE_KEPT_TICKS * MS_PER_S;
	struct series_range range = range_of(sampled, &ask, points);

	put_range(json, sampled, &range, &choice);
	choice_fini(&choice);
	return true;
}
