/* SPDX-License-Identifier: Apache-2.0
 * registry.c - names to vtables, in three fixed tables that are read without a lock.
 *
 * Entries are only ever added (or replaced in place), so a reader on any thread sees a whole vtable
 * or none. Connectors with heavy libraries (kafka, postgres) are not in the daemons: the first job
 * that names one opens lib/flink-NAME.so. The name comes from a job graph, so it is checked before
 * it becomes part of a path. */
#include "common/contract/registry.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/world/world.h"

#define ENTRIES_MAX 128
#define NAME_BYTES_MAX 64
#define LIBRARIES_MAX 32
#define DIRECTORY_BYTES_MAX 1024

struct table {
	const char *what; /* "source" */
	_Atomic(const void *) vtables[ENTRIES_MAX];
};

static struct table operators = { .what = "operator" };
static struct table sources = { .what = "source" };
static struct table sinks = { .what = "sink" };
static char library_directory[DIRECTORY_BYTES_MAX];
/* Kept open for the life of the process: vtables point into them. */
static _Atomic(struct module *) libraries[LIBRARIES_MAX];

/* Every vtable begins with its name. */
static const char *name_of(const void *vtable)
{
	const char *name;

	memcpy(&name, vtable, sizeof(name));
	return name;
}
_Static_assert(offsetof(struct operator_vtable, name) == 0, "the name comes first");
_Static_assert(offsetof(struct source_vtable, name) == 0, "the name comes first");
_Static_assert(offsetof(struct sink_vtable, name) == 0, "the name comes first");

static void table_add(struct table *table, const void *vtable)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		const void *there = NULL;

		if (atomic_compare_exchange_strong(&table->vtables[i], &there, vtable))
			return;
		if (strcmp(name_of(there), name_of(vtable)) == 0) {
			atomic_store(&table->vtables[i], vtable);
			return;
		}
	}
	CHECK(false, "more than %d %ss", ENTRIES_MAX, table->what);
}

static const void *table_find(struct table *table, const char *name)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		const void *vtable = atomic_load(&table->vtables[i]);

		if (vtable == NULL)
			return NULL;
		if (strcmp(name_of(vtable), name) == 0)
			return vtable;
	}
	return NULL;
}

void registry_add_operator(const struct operator_vtable *vtable)
{
	table_add(&operators, vtable);
}

void registry_add_source(const struct source_vtable *vtable)
{
	table_add(&sources, vtable);
}

void registry_add_sink(const struct sink_vtable *vtable)
{
	table_add(&sinks, vtable);
}

void registry_set_library_directory(const char *path)
{
	size_t length = path ? strlen(path) : 0;

	CHECK(length < sizeof(library_directory), "a library directory of %zu bytes", length);
	memcpy(library_directory, path ? path : "", length);
	library_directory[length] = '\0';
}

void registry_clear(void)
{
	struct table *tables[] = { &operators, &sources, &sinks };

	for (uint32_t t = 0; t < ARRAY_COUNT(tables); t++)
		for (uint32_t i = 0; i < ENTRIES_MAX; i++)
			atomic_store(&tables[t]->vtables[i], NULL);
	for (uint32_t i = 0; i < LIBRARIES_MAX; i++) {
		struct module *module = atomic_exchange(&libraries[i], NULL);

		if (module != NULL)
			module_close(&module);
	}
	library_directory[0] = '\0';
}

/* ---- misses ---------------------------------------------------------------------------------- */

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein, on names of at most NAME_BYTES_MAX bytes. */
static uint32_t distance(const char *a, const char *b)
{
	uint32_t row[NAME_BYTES_MAX + 1], width = (uint32_t)strlen(b);

	if (width > NAME_BYTES_MAX)
		return UINT32_MAX;
	for (uint32_t j = 0; j <= width; j++)
		row[j] = j;
	for (uint32_t i = 0; a[i] != '\0'; i++) {
		uint32_t diagonal = row[0];

		row[0] = i + 1;
		for (uint32_t j = 1; j <= width; j++) {
			uint32_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[width];
}

static bool name_is_well_formed(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length > 0 && length <= NAME_BYTES_MAX && name[length] == '\0';
}

static const char *nearest(struct table *table, const char *name)
{
	uint32_t best = (uint32_t)strlen(name) / 2 + 1;
	const char *found = NULL;

	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		const void *vtable = atomic_load(&table->vtables[i]);

		if (vtable == NULL)
			break;
		uint32_t d = distance(name, name_of(vtable));

		if (d < best) {
			best = d;
			found = name_of(vtable);
		}
	}
	return found;
}

static int missing(struct table *table, const char *name, const char *library_trouble,
		   struct err *err)
{
	if (!name_is_well_formed(name))
		return err_set(
			err, ERR_CONNECTOR_MISSING,
			"\"%.*s\" is not the name of a %s: names are 1 to %d letters a-z, digits and '-'",
			NAME_BYTES_MAX, name, table->what, NAME_BYTES_MAX);
	const char *other = nearest(table, name);

	return err_set(err, ERR_CONNECTOR_MISSING, "there is no %s \"%s\"%s%s%s%s%s", table->what,
		       name, other ? "; the nearest name is \"" : "", other ? other : "",
		       other ? "\"" : "", library_trouble ? "; " : "",
		       library_trouble ? library_trouble : "");
}

/* ---- lib/flink-NAME.so ----------------------------------------------------------------------- */

static void keep_open(struct module *module)
{
	for (uint32_t i = 0; i < LIBRARIES_MAX; i++) {
		struct module *there = NULL;

		if (atomic_compare_exchange_strong(&libraries[i], &there, module))
			return;
	}
	CHECK(false, "more than %d connector libraries", LIBRARIES_MAX);
}

/* Two threads may load the same library at once: both add the same vtable, which is harmless. */
static int library_load(struct world *world, const char *name, struct err *err)
{
	char path[DIRECTORY_BYTES_MAX + NAME_BYTES_MAX + 16];
	struct module *module;

	snprintf(path, sizeof(path), "%s/flink-%s.so", library_directory, name);
	if (module_open(world, path, NULL, &module, err) != 0)
		return -1;
	int (*entry)(uint32_t abi);
	void *symbol = module_symbol(module, "flink_connector");

	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C casts no object to a function pointer */
	if (symbol == NULL) {
		err_set(err, ERR_CONNECTOR_MISSING, "%s has no entry function flink_connector",
			path);
	} else if (entry(CONTRACT_ABI) != 0) {
		err_set(err, ERR_CONNECTOR_MISSING, "%s was built for another version than %d",
			path, CONTRACT_ABI);
	} else {
		keep_open(module);
		return 0;
	}
	module_close(&module);
	return -1;
}

static const void *find_or_load(struct table *table, struct world *world, const char *name,
				struct err *err)
{
	const void *vtable = table_find(table, name);
	bool may_load = table != &operators && library_directory[0] != '\0';

	if (vtable != NULL)
		return vtable;
	if (!may_load || !name_is_well_formed(name)) {
		missing(table, name, NULL, err);
		return NULL;
	}
	struct err trouble = ERR_INIT;

	if (library_load(world, name, &trouble) != 0) {
		missing(table, name, trouble.text, err);
		return NULL;
	}
	vtable = table_find(table, name);
	if (vtable == NULL)
		missing(table, name, "its library does not have it", err);
	return vtable;
}

const struct operator_vtable *registry_operator(struct world *world, const char *name,
						struct err *err)
{
	return find_or_load(&operators, world, name, err);
}

const struct source_vtable *registry_source(struct world *world, const char *name, struct err *err)
{
	return find_or_load(&sources, world, name, err);
}

const struct sink_vtable *registry_sink(struct world *world, const char *name, struct err *err)
{
	return find_or_load(&sinks, world, name, err);
}
