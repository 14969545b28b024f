/* SPDX-License-Identifier: Apache-2.0
 * sampled.c - what is kept of one thing: its tables, the names of their columns, its markers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/series/sampler_priv.h"

#define MARKERS_MAX 256 /* of a job, the newest ones */
#define PREFIX_SIZE 48 /* a vertex's id and the number of a subtask, each with its dot */
#define NAME_SIZE 128

const char *const sampled_marker_names[SAMPLED_MARKER_KINDS] = {
	[SAMPLED_RESTART] = "restart",
	[SAMPLED_FAILURE] = "failure",
};

uint16_t sampled_code(double value, const struct series_column *kind)
{
	double units = kind->thousandths ? value * 1000 : value;

	if (!isfinite(units) || units < 0)
		return SERIES_NULL;
	return series_code(units >= (double)SERIES_UNITS_MAX ? SERIES_UNITS_MAX
							       : (uint64_t)(units + 0.5));
}

/* ---- its life -------------------------------------------------------------------------------- */

struct sampled *sampled_create(struct sampler *sampler, const char *name, uint32_t parts_count)
{
	struct sampled *sampled = MEM_NEW(struct sampled);

	sampled->sampler = sampler;
	sampled->name = mem_strdup(name);
	sampled->parts = MEM_NEW_ARRAY(struct sampled_part, parts_count);
	sampled->cpu_code = SERIES_NULL;
	list_init(&sampled->markers);
	return sampled;
}

static void marker_free(struct sampled_marker *marker)
{
	list_remove(&marker->node);
	mem_free(marker->text);
	mem_free(marker);
}

void sampled_destroy(struct sampled **sampled)
{
	struct sampled *gone = *sampled;

	if (gone == NULL)
		return;
	*sampled = NULL;
	list_remove(&gone->node);
	for (uint32_t i = 0; i < gone->parts_count; i++)
		series_table_destroy(&gone->parts[i].table);
	for (uint32_t v = 0; v < gone->vertices_count; v++)
		mem_free(gone->vertices[v].news);
	LIST_FOR_EACH (&gone->markers, struct sampled_marker, node, marker)
		marker_free(marker);
	mem_free(gone->vertices);
	mem_free(gone->parts);
	mem_free(gone->name);
	mem_free(gone);
}

static uint32_t groups(const struct sampled *sampled, const struct sampled_part *part)
{
	switch (part->scope) {
	case SAMPLED_VERTICES: return sampled->vertices_count;
	case SAMPLED_SUBTASKS: return sampled->vertices[part->vertex].parallelism;
	case SAMPLED_ONE: break;
	}
	return 1;
}

struct sampled_part *sampled_add_part(struct sampled *sampled, enum sampled_scope scope,
				      const struct sampled_names *names, uint32_t vertex,
				      enum series_class class)
{
	struct sampled_part *part = &sampled->parts[sampled->parts_count++];

	*part = (struct sampled_part){ .scope = scope, .names = names, .vertex = vertex };
	for (uint32_t i = 0; i < names->count; i++)
		CHECK(strlen(names->names[i]) < NAME_SIZE - PREFIX_SIZE, "%s", names->names[i]);
	struct series_table_options options = {
		.columns_count = groups(sampled, part) * names->count,
		.kinds = names->kinds,
		.kinds_count = names->count,
		.class = class,
		.weight = sampled->subtasks_count,
	};

	part->table = series_table_create(sampled->sampler->store, &options);
	return part;
}

void sampled_append(struct sampled *sampled, struct sampled_part *part, const uint16_t *row)
{
	series_table_append(part->table, sampled->sampler->tick, row);
}

void sampled_end(struct sampled *sampled)
{
	for (uint32_t i = 0; i < sampled->parts_count; i++)
		series_table_end(sampled->parts[i].table);
	sampled->ended = true;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool find_in(const struct sampled_part *part, uint32_t group, const char *name,
		    size_t length, struct sampled_series *series)
{
	for (uint32_t i = 0; i < part->names->count; i++) {
		if (strlen(part->names->names[i]) != length ||
		    memcmp(part->names->names[i], name, length) != 0)
			continue;
		series->table = part->table;
		series->column = group * part->names->count + i;
		return true;
	}
	return false;
}

/* "12." at the front; its length with the dot, 0: none. */
static size_t take_number(const char *name, size_t length, uint32_t *number)
{
	size_t at = 0;

	*number = 0;
	while (at < length && at < 9 && name[at] >= '0' && name[at] <= '9')
		*number = *number * 10 + (uint32_t)(name[at++] - '0');
	return at > 0 && at < length && name[at] == '.' ? at + 1 : 0;
}

static bool find_vertex(const struct sampled *sampled, const char *name, uint32_t *index)
{
	char text[ID_TEXT_SIZE];
	struct id id;

	memcpy(text, name, ID_TEXT_SIZE - 1);
	text[ID_TEXT_SIZE - 1] = '\0';
	if (!id_parse(text, &id))
		return false;
	for (*index = 0; *index < sampled->vertices_count; ++*index)
		if (id_equal(&sampled->vertices[*index].id, &id))
			return true;
	return false;
}

bool sampled_find(const struct sampled *sampled, const char *name, size_t length,
		  struct sampled_series *series)
{
	const size_t id_length = ID_TEXT_SIZE - 1;
	uint32_t vertex, subtask = 0;
	size_t digits;

	if (find_in(&sampled->parts[0], 0, name, length, series))
		return true;
	if (length <= id_length + 1 || name[id_length] != '.' ||
	    !find_vertex(sampled, name, &vertex))
		return false;
	name += id_length + 1;
	length -= id_length + 1;
	digits = take_number(name, length, &subtask);
	for (uint32_t i = 1; i < sampled->parts_count; i++) {
		const struct sampled_part *part = &sampled->parts[i];

		if (digits == 0 && part->scope == SAMPLED_VERTICES)
			return find_in(part, vertex, name, length, series);
		if (digits > 0 && part->scope == SAMPLED_SUBTASKS && part->vertex == vertex)
			return subtask < sampled->vertices[vertex].parallelism &&
			       find_in(part, subtask, name + digits, length - digits, series);
	}
	return false;
}

/* What stands in front of the names of a group; its length. The longest of all names fits
 * behind. */
static size_t put_prefix(const struct sampled *sampled, const struct sampled_part *part,
			 uint32_t group, bool starred, char text[NAME_SIZE])
{
	const struct id *vertex = part->scope == SAMPLED_ONE ? NULL
				  : part->scope == SAMPLED_VERTICES
					  ? &sampled->vertices[group].id
					  : &sampled->vertices[part->vertex].id;
	char id[ID_TEXT_SIZE];

	text[0] = '\0';
	if (vertex == NULL)
		return 0;
	id_format(vertex, id);
	if (part->scope == SAMPLED_VERTICES)
		return (size_t)snprintf(text, PREFIX_SIZE, "%s.", id);
	if (starred)
		return (size_t)snprintf(text, PREFIX_SIZE, "%s.*.", id);
	return (size_t)snprintf(text, PREFIX_SIZE, "%s.%u.", id, group);
}

void sampled_each(const struct sampled *sampled, enum sampled_subtasks subtasks,
		  sampled_name_fn *tell, void *context)
{
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < sampled->parts_count; i++) {
		const struct sampled_part *part = &sampled->parts[i];
		bool starred = subtasks == SAMPLED_STARRED && part->scope == SAMPLED_SUBTASKS;
		uint32_t count = starred ? 1 : groups(sampled, part);

		for (uint32_t g = 0; g < count; g++) {
			size_t length = put_prefix(sampled, part, g, starred, name);

			for (uint32_t n = 0; n < part->names->count; n++) {
				/* A pattern goes through thousands: no formats. */
				memcpy(name + length, part->names->names[n],
				       strlen(part->names->names[n]) + 1);
				tell(context, name,
				     (struct sampled_series){ part->table,
							      g * part->names->count + n });
			}
		}
	}
}

int64_t sampled_begin_s(const struct sampled *sampled, bool coarse)
{
	int64_t begin = INT64_MAX;

	for (uint32_t i = 0; i < sampled->parts_count; i++) {
		const struct series_table *table = sampled->parts[i].table;
		int64_t its = series_table_begin_s(table, coarse);

		if (its < begin)
			begin = its;
	}
	return begin;
}

/* ---- what is missing ------------------------------------------------------------------------- */

void sampled_each_loss(const struct sampled *sampled,
		       void (*tell)(void *context, const char *sentence), void *context)
{
	const struct sampler *sampler = sampled->sampler;
	long long budget_kib = (long long)series_store_budget(sampler->store) / 1024;
	bool shortened = false, dropped = false, subtasks_dropped = false;
	char text[256];

	for (uint32_t i = 0; i < sampled->parts_count; i++) {
		const struct series_table *table = sampled->parts[i].table;

		shortened = shortened || series_table_shortened(table);
		if (!series_table_dropped(table))
			continue;
		dropped = dropped || sampled->parts[i].scope != SAMPLED_SUBTASKS;
		subtasks_dropped = subtasks_dropped || sampled->parts[i].scope == SAMPLED_SUBTASKS;
	}
	if (sampled->subtasks_count > sampler->subtasks_max) {
		snprintf(text, sizeof(text),
			 "Series of single subtasks are not kept: the job has %u, and "
			 "rest.series.memory of %lld KiB is for at most %u.",
			 sampled->subtasks_count, budget_kib, sampler->subtasks_max);
		tell(context, text);
	}
	if (subtasks_dropped || dropped) {
		snprintf(text, sizeof(text),
			 "%s given up: rest.series.memory of %lld KiB is used up.",
			 dropped ? "Series were" : "Series of single subtasks were", budget_kib);
		tell(context, text);
	}
	if (shortened) {
		snprintf(text, sizeof(text),
			 "The oldest points were given up: rest.series.memory of %lld KiB is used "
			 "up.",
			 budget_kib);
		tell(context, text);
	}
}

/* ---- markers --------------------------------------------------------------------------------- */

void sampled_mark(struct sampled *sampled, enum sampled_marker_kind kind, wall_t at,
		  const char *text)
{
	struct sampled_marker *marker = MEM_NEW(struct sampled_marker);

	marker->kind = kind;
	marker->at = at;
	marker->text = mem_strdup(text);
	list_push_back(&sampled->markers, &marker->node);
	if (++sampled->markers_count > MARKERS_MAX) {
		marker_free(LIST_FIRST(&sampled->markers, struct sampled_marker, node));
		sampled->markers_count--;
	}
}

const struct list *sampled_markers(const struct sampled *sampled)
{
	return &sampled->markers;
}
