/* SPDX-License-Identifier: Apache-2.0
 * multipart.h - a body of multipart/form-data (RFC 7578), which is there as a whole, part by part.
 * Nothing is copied but names. Strict where two readers could differ: line ends are CRLF, a
 * boundary stands at a line's beginning, and behind the last one comes nothing but blank lines. */
#ifndef JOBMANAGER_REST_MULTIPART_H
#define JOBMANAGER_REST_MULTIPART_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/compiler.h"

#define MULTIPART_BOUNDARY_BYTES_MAX 70 /* RFC 2046 */
#define MULTIPART_NAME_BYTES_MAX 1023
#define MULTIPART_HEADER_BYTES_MAX 8192 /* of one part */

struct multipart { /* private */
	struct bytes rest; /* behind the last boundary that was read */
	char boundary[MULTIPART_BOUNDARY_BYTES_MAX + 5]; /* CRLF, two hyphens, the boundary */
	size_t boundary_bytes;
	bool ended;
	const char *why; /* what is wrong; a sentence's end */
};

struct multipart_part {
	char name[MULTIPART_NAME_BYTES_MAX + 1];
	char filename[MULTIPART_NAME_BYTES_MAX + 1]; /* as the client says it: trust nothing */
	size_t name_bytes, filename_bytes;	     /* either may hold a NUL */
	bool is_file;				     /* it has a filename */
	struct bytes content;			     /* in the body */
};

/* Whether it is a type of multipart/form-data at all. */
bool multipart_is(const char *content_type);
/* -1: multipart->why says what is wrong. The body is borrowed. */
MUST_USE int multipart_open(struct multipart *multipart, const char *content_type,
			    struct bytes body);
/* 1: a part; 0: there are no more; -1: broken, see why. */
MUST_USE int multipart_next(struct multipart *multipart, struct multipart_part *part);

#endif
