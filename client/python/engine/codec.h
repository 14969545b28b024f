/* SPDX-License-Identifier: Apache-2.0
 * codec.h - Python values to records and back.
 *
 * A value lies in consecutive fields of a record: a scalar in one, a tuple or a Row in one per
 * element. A field whose Python type has no record kind of its own (a list, a dict, a Decimal,
 * anything untyped) is BYTES that hold a pickle. */
#ifndef CLIENT_PYTHON_ENGINE_CODEC_H
#define CLIENT_PYTHON_ENGINE_CODEC_H

#include "client/python/engine/engine.h"

enum codec_shape { CODEC_SCALAR, CODEC_TUPLE, CODEC_ROW };

struct codec {
	const struct record_type *type; /* borrowed */
	enum codec_shape shape;
	uint32_t first, count; /* of the record's fields */
	bool *pickled;         /* [count] */
	PyObject *names;       /* ROW: a tuple of field names */
};

/* spec: ("scalar" | "tuple" | "row", (pickled, …), names or None), as TypeInformation gives it. -1
 * with an exception when the record has other fields. */
int codec_init(struct codec *codec, PyObject *spec, const struct record_type *type, uint32_t first);
void codec_fini(struct codec *codec);

/* NULL with an exception. */
PyObject *codec_decode(const struct codec *codec, const void *record);
/* Fills the codec's fields of `record`, whose bytes are zero, with strings that borrow from objects
 * kept alive by `value` or put into the list `keep`. -1 with an exception that names the field. */
int codec_encode(const struct codec *codec, PyObject *value, void *record, PyObject *keep);

/* A key's canonical bytes: equal keys of equal types give equal bytes in every process. */
PyObject *codec_key_bytes(PyObject *key);

/* encode(description, spec, values, images), for from_collection: each value's record is appended
 * to the list, which so tells the number of the one that raised. */
PyObject *codec_encode_images(PyObject *module, PyObject *arguments);

#endif
