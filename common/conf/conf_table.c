/* SPDX-License-Identifier: Apache-2.0
 * conf_table.c - the rows of conf_table.h as data, and how a name finds its row. */
#include "common/conf/conf_priv.h"

#include <string.h>
#include <strings.h>

#include "common/base/check.h"

#define ANY 0, 0, NULL
#define RANGE(min, max) min, max, NULL
#define ONE_OF(choices) 0, 0, choices
#define FIXED 0, 0
#define DRAW(min, max) min, max
#define CONF_SECTION(title) { .section = title },
#define CONF_KEY(key, type, value, allowed, sim, effect, old, help) \
	{ NULL, key, CONF_##type, value, allowed, sim, CONF_##effect, old, help },

const struct conf_spec conf_specs[] = {
#include "common/conf/conf_table.h"
};
const size_t conf_specs_count = ARRAY_COUNT(conf_specs);

static bool is_family(const struct conf_spec *spec)
{
	return strchr(spec->key, '*') != NULL;
}

/* "metrics.reporter.*" fits everything that begins so and goes on. */
static bool family_fits(const struct conf_spec *spec, const char *name)
{
	size_t length = strlen(spec->key) - 1;

	return strncmp(spec->key, name, length) == 0 && name[length] != '\0';
}

static bool is_old_name(const struct conf_spec *spec, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = spec->old; *at != '\0';) {
		size_t word = strcspn(at, " ");

		if (word == length && memcmp(at, name, word) == 0)
			return true;
		at += word;
		at += strspn(at, " ");
	}
	return false;
}

const struct conf_spec *conf_spec_of_key(const char *key)
{
	for (size_t i = 0; i < conf_specs_count; i++)
		if (conf_specs[i].key != NULL && strcmp(conf_specs[i].key, key) == 0)
			return &conf_specs[i];
	return NULL;
}

bool conf_known(const char *key)
{
	const struct conf_spec *spec = conf_spec_of_key(key);

	return spec != NULL && !is_family(spec);
}

const struct conf_spec *conf_spec_find(const char *name)
{
	const struct conf_spec *spec = conf_spec_of_key(name), *family = NULL;

	if (spec != NULL)
		return spec;
	for (size_t i = 0; i < conf_specs_count; i++) {
		spec = &conf_specs[i];
		if (spec->key == NULL)
			continue;
		if (is_old_name(spec, name))
			return spec;
		if (is_family(spec) && family_fits(spec, name) &&
		    (family == NULL || strlen(spec->key) > strlen(family->key)))
			family = spec;
	}
	return family;
}

/* ---- did you mean --------------------------------------------------------------------------- */

#define NAME_BYTES_MAX 128

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Damerau and Levenshtein's distance: letters inserted, dropped, changed, or two neighbours
 * swapped. Case counts half a letter: distances are in halves. From `enough` on the answer is only
 * "too far". */
static unsigned distance(const char *a, const char *b, unsigned enough)
{
	unsigned rows[3][NAME_BYTES_MAX + 1];
	size_t a_length = strlen(a), b_length = strlen(b);
	size_t apart = a_length > b_length ? a_length - b_length : b_length - a_length;

	if (a_length > NAME_BYTES_MAX || b_length > NAME_BYTES_MAX || 2 * apart >= enough)
		return UINT32_MAX;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = 2 * (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
			 *above2 = rows[(i + 1) % 3];
		unsigned least = UINT32_MAX;

		row[0] = 2 * (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			char x = a[i - 1], y = b[j - 1];
			unsigned change = x == y				      ? 0
					  : strncasecmp(&a[i - 1], &b[j - 1], 1) == 0 ? 1
										      : 2;

			row[j] = min_of(above[j - 1] + change, min_of(above[j], row[j - 1]) + 2);
			if (i > 1 && j > 1 && x == b[j - 2] && a[i - 2] == y && x != y)
				row[j] = min_of(row[j], above2[j - 2] + 2);
			least = min_of(least, row[j]);
		}
		if (least >= enough + 2) /* a swap may still reach back over one row */
			return UINT32_MAX;
	}
	return rows[a_length % 3][b_length];
}

static bool contains_word(const char *text, const char *word, size_t length)
{
	for (; strlen(text) >= length; text++)
		if (strncasecmp(text, word, length) == 0)
			return true;
	return false;
}

/* "taskmanager.slots" means taskmanager.numberOfTaskSlots: every word is in it. */
static bool has_all_words(const char *key, const char *name)
{
	size_t words = 0;

	for (const char *at = name; *at != '\0';) {
		size_t length = strcspn(at, ".-_");

		if (length > 0 && !contains_word(key, at, length))
			return false;
		words += length > 2;
		at += length;
		at += strspn(at, ".-_");
	}
	return words >= 2;
}

static void nearer(const char *candidate, const char *key, const char *name, const char **best,
		   unsigned *best_distance)
{
	unsigned d = distance(name, candidate, *best_distance);

	if (d < *best_distance) {
		*best = key;
		*best_distance = d;
	}
}

const char *conf_nearest(const char *name)
{
	const char *best = NULL, *wordy = NULL;
	/* A fifth of the letters may be wrong, but never fewer than two count as near. */
	unsigned allowed = 2 * min_of(2 + (unsigned)strlen(name) / 10, 6),
		 best_distance = allowed + 1;

	if (strlen(name) > NAME_BYTES_MAX)
		return NULL;
	for (size_t i = 0; i < conf_specs_count; i++) {
		const struct conf_spec *spec = &conf_specs[i];

		if (spec->key == NULL || is_family(spec))
			continue;
		nearer(spec->key, spec->key, name, &best, &best_distance);
		if (has_all_words(spec->key, name) && (!wordy || strlen(spec->key) < strlen(wordy)))
			wordy = spec->key;
		for (const char *at = spec->old; *at != '\0';) {
			char old[NAME_BYTES_MAX + 1];
			size_t length = strcspn(at, " ");

			CHECK(length <= NAME_BYTES_MAX, "an old name of %s is too long", spec->key);
			memcpy(old, at, length);
			old[length] = '\0';
			nearer(old, spec->key, name, &best, &best_distance);
			at += length;
			at += strspn(at, " ");
		}
	}
	/* More than two slips: the words that are right say more than the letters. */
	return wordy != NULL && (best == NULL || best_distance > 4) ? wordy : best;
}

bool conf_is_typo(const char *name)
{
	const char *near = strlen(name) >= 8 ? conf_nearest(name) : NULL;

	return near != NULL && distance(name, near, 5) <= 4;
}
