/* SPDX-License-Identifier: Apache-2.0
 * shape.h - the form of JSON in one line: what a body may hold, what an answer does hold.
 *
 *   s  text       i  integer     f  number, or "NaN"    b  boolean     id  32 hex digits
 *   any           whatever it is                        'A|B'          one of these texts
 *   {key:shape key?:shape}  an object with these members and no others; '?': may be absent
 *   [shape]       an array       <shape>  an object with names of any kind
 *   Name          the shape of that name in api_table.c
 *   shape?        that, or null
 *
 * Bodies are checked by it, and OpenAPI's schemas are written from it: there is no third place in
 * which the form of an answer stands. */
#ifndef JOBMANAGER_REST_SHAPE_H
#define JOBMANAGER_REST_SHAPE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/buf.h"
#include "jobmanager/rest/json_out.h"

struct shape_name {
	const char *name, *shape;
};

struct shape_member { /* of "{…}", or of a list without braces */
	const char *key;
	size_t key_length;
	bool optional;
	const char *shape; /* followed by more */
};

/* False, and `why` says what does not fit and where. names: ended by a NULL name. */
bool shape_fits(const json_t *value, const char *shape, const struct shape_name *names,
		struct buf *why);
/* As a JSON schema (2020-12); names become references to #/components/schemas. */
void shape_put_schema(struct json_out *json, const char *key, const char *shape);
/* Goes through "key:shape key?:shape"; false at its end, or at a closing brace. */
bool shape_next_member(const char **at, struct shape_member *member);
/* What is wrong with a shape (a slip in the table), or NULL. */
const char *shape_slip(const char *shape, const struct shape_name *names);

#endif
