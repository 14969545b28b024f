/* SPDX-License-Identifier: Apache-2.0
 * picture_out.c - units, what was told of them, and what may be left unsaid.
 *
 * A unit is written where it belongs, then hashed where it lies, and taken back if that is what was
 * told before: nothing is copied, and whole pictures and patches come from the same lines. */
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "jobmanager/rest/picture.h"

struct named {
	struct list_node node; /* of its set, in the order of appearance */
	char *name;
	uint64_t hash;
	bool seen; /* in this round */
};

struct picture_memory {
	uint64_t *hashes; /* of units that have a place, by number */
	uint32_t count, room;
	struct named_set {
		struct map *by_name; /* -> struct named */
		struct list all;
	} sets[PICTURE_SETS];
};

/* ---- the memory ------------------------------------------------------------------------------ */

struct picture_memory *picture_memory_create(void)
{
	struct picture_memory *memory = MEM_NEW(struct picture_memory);

	for (uint32_t i = 0; i < PICTURE_SETS; i++) {
		memory->sets[i].by_name = map_create();
		list_init(&memory->sets[i].all);
	}
	return memory;
}

static void named_free(struct named *named)
{
	list_remove(&named->node);
	mem_free(named->name);
	mem_free(named);
}

void picture_memory_destroy(struct picture_memory **pointer)
{
	struct picture_memory *memory = *pointer;

	if (memory == NULL)
		return;
	*pointer = NULL;
	for (uint32_t i = 0; i < PICTURE_SETS; i++) {
		LIST_FOR_EACH (&memory->sets[i].all, struct named, node, named)
			named_free(named);
		map_destroy(&memory->sets[i].by_name);
	}
	mem_free(memory->hashes);
	mem_free(memory);
}

size_t picture_memory_bytes(const struct picture_memory *memory)
{
	size_t bytes = sizeof(*memory) + memory->room * sizeof(*memory->hashes);

	for (uint32_t i = 0; i < PICTURE_SETS; i++)
		bytes += map_count(memory->sets[i].by_name) * sizeof(struct named);
	return bytes;
}

/* True: that is new, and is remembered now. */
static bool remember(struct picture_memory *memory, uint32_t unit, uint64_t hash)
{
	bool known = unit < memory->count && memory->hashes[unit] == hash;

	CHECK(unit <= memory->count, "unit %u of %u", unit, memory->count);
	if (unit == memory->room) {
		memory->room = memory->room ? memory->room * 2 : 64;
		memory->hashes = mem_realloc(memory->hashes,
					     memory->room * sizeof(*memory->hashes));
	}
	memory->count += unit == memory->count;
	memory->hashes[unit] = hash;
	return !known;
}

static bool remember_named(struct named_set *set, const char *name, uint64_t hash)
{
	struct named *named = map_get(set->by_name, bytes_of_text(name));
	bool known = named != NULL && named->hash == hash;

	if (named == NULL) {
		named = MEM_NEW(struct named);
		named->name = mem_strdup(name);
		list_push_back(&set->all, &named->node);
		map_put(set->by_name, bytes_of_text(name), named);
	}
	named->hash = hash;
	named->seen = true;
	return !known;
}

/* ---- writing --------------------------------------------------------------------------------- */

void picture_begin(struct picture_out *out, struct json_out *json, struct picture_memory *memory,
		   bool whole)
{
	CHECK(whole || memory != NULL, "a patch to nothing");
	*out = (struct picture_out){ .json = json, .memory = memory, .whole = whole };
}

void picture_open(struct picture_out *out, const char *name)
{
	CHECK(out->depth < ARRAY_COUNT(out->levels), "%u levels", out->depth);
	out->levels[out->depth++] =
		(struct picture_level){ json_out_mark(out->json), out->told };
	json_out_named_object(out->json, name);
}

void picture_close(struct picture_out *out)
{
	const struct picture_level *level = &out->levels[--out->depth];

	json_out_close(out->json);
	if (!out->whole && level->told == out->told)
		json_out_back(out->json, &level->mark);
}

void picture_unit(struct picture_out *out)
{
	out->start = json_out_mark(out->json);
}

/* Of the unit's text; the comma in front depends on its neighbours. */
static uint64_t unit_hash(const struct picture_out *out)
{
	const struct buf *text = out->json->into;
	size_t from = out->start.size_bytes + out->start.has_items;

	return from < text->size_bytes ? hash_checksum(text->data + from, text->size_bytes - from)
				       : 0;
}

static void settle(struct picture_out *out, bool is_new)
{
	out->drawn++;
	if (out->whole || is_new)
		out->told++;
	else
		json_out_back(out->json, &out->start);
}

void picture_unit_end(struct picture_out *out)
{
	uint32_t unit = out->unit++;

	settle(out, out->memory == NULL || remember(out->memory, unit, unit_hash(out)));
}

void picture_named_end(struct picture_out *out, enum picture_set set, const char *name)
{
	settle(out, out->memory == NULL ||
			    remember_named(&out->memory->sets[set], name, unit_hash(out)));
}

void picture_forget_gone(struct picture_out *out, enum picture_set set)
{
	if (out->memory == NULL)
		return;
	LIST_FOR_EACH (&out->memory->sets[set].all, struct named, node, named) {
		if (named->seen) {
			named->seen = false;
			continue;
		}
		if (!out->whole) {
			json_out_named_null(out->json, named->name);
			out->told++;
		}
		map_remove(out->memory->sets[set].by_name, bytes_of_text(named->name));
		named_free(named);
	}
}
