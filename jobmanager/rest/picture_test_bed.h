/* SPDX-License-Identifier: Apache-2.0
 * picture_test_bed.h - JSON merge patches (RFC 7396), for tests that follow pictures. */
#ifndef JOBMANAGER_REST_PICTURE_TEST_BED_H
#define JOBMANAGER_REST_PICTURE_TEST_BED_H

#include <jansson.h>

static void merge_patch(json_t *into, json_t *patch)
{
	const char *key;
	json_t *value;

	json_object_foreach(patch, key, value)
	{
		if (json_is_null(value)) {
			json_object_del(into, key);
		} else if (!json_is_object(value)) {
			json_object_set(into, key, value);
		} else {
			if (!json_is_object(json_object_get(into, key)))
				json_object_set_new(into, key, json_object());
			merge_patch(json_object_get(into, key), value);
		}
	}
}

#endif
