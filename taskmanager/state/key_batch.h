/* SPDX-License-Identifier: Apache-2.0
 * key_batch.h - the keys of some records of a batch, read in one loop.
 *
 * Same canonical bytes and same hash as key_of (common/record); the shapes that nearly every job
 * has (one string, one integer) are read without a call per record. Used by the HASH router and by
 * keyed operators, each on its task's thread. */
#ifndef TASKMANAGER_STATE_KEY_BATCH_H
#define TASKMANAGER_STATE_KEY_BATCH_H

#include "common/record/batch.h"

#define KEY_BATCH_RECORDS \
	64 /* few enough that the records stay in the first cache between two loops */

enum key_shape { KEY_SHAPE_STRING, KEY_SHAPE_FIXED, KEY_SHAPE_ANY };

struct key_batch {
	const struct record_type *type;
	struct key_spec spec;
	enum key_shape shape;
	uint32_t offset_bytes, size_bytes; /* of the one field */
	struct buf scratch, bytes;         /* of shape ANY */
	struct key keys[KEY_BATCH_RECORDS];
};

/* type is borrowed; the spec must fit it. */
void key_batch_init(struct key_batch *keys, const struct record_type *type,
		    const struct key_spec *spec);
void key_batch_fini(struct key_batch *keys);
/* keys->keys[0 … count) become the keys of records from … from + count, count ≤ KEY_BATCH_RECORDS.
 * They point into the batch or into *keys, until the next call. */
void key_batch_read(struct key_batch *keys, const struct batch *batch, uint32_t from,
		    uint32_t count);
/* Nothing but the hashes (key_of's) of the same keys; keys->keys is undefined then. */
void key_batch_hash(struct key_batch *keys, const struct batch *batch, uint32_t from,
		    uint32_t count, uint64_t *hashes);

struct key_channels { /* which channel each key group goes to */
	uint16_t *of_group;
	uint32_t key_groups;
};

/* The channels of the same keys. */
void key_batch_channels(struct key_batch *keys, const struct batch *batch, uint32_t from,
			uint32_t count, const struct key_channels *channels, uint16_t *indexes);

#endif
