/* SPDX-License-Identifier: Apache-2.0
 * json_out.h - writes JSON straight into a buffer.
 *
 * An answer has no tree to build and no way to fail: text that is not UTF-8 gets U+FFFD where it is
 * not, control characters are escaped, and a double that is no number becomes the string "NaN" as
 * in Flink. Objects and arrays that were left open are a bug, found by json_out_check. */
#ifndef JOBMANAGER_REST_JSON_OUT_H
#define JOBMANAGER_REST_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/id.h"

#define JSON_OUT_DEPTH_MAX 288 /* a flame graph has two for each frame of a stack */

struct json_out {
	struct buf *into; /* borrowed */
	uint32_t depth;
	bool is_array[JSON_OUT_DEPTH_MAX], has_items[JSON_OUT_DEPTH_MAX];
};

void json_out_init(struct json_out *out, struct buf *into);
void json_out_check(const struct json_out *out); /* CHECKs that everything is closed */

/* key: inside an object its name, written as it is (a literal of ours); inside an array, and at the
 * top, NULL. */
void json_out_object(struct json_out *out, const char *key); /* opens it */
void json_out_array(struct json_out *out, const char *key);
void json_out_close(struct json_out *out);
void json_out_text(struct json_out *out, const char *key, const char *text);
void json_out_bytes(struct json_out *out, const char *key, const char *text, size_t size_bytes);
void json_out_int(struct json_out *out, const char *key, int64_t value);
void json_out_count(struct json_out *out, const char *key, uint64_t value); /* at most INT64_MAX */
void json_out_real(struct json_out *out, const char *key, double value);
/* As short as so many significant digits (1 … 15) can be said: 0.25, 1730, 0. Not "1730.0". */
void json_out_rounded(struct json_out *out, const char *key, double value, uint32_t digits);
/* An array of numbers given in thousandths, in one stretch: charts have many thousands. 1500 is
 * 1.5, of numbers from 1000 on the whole part alone is told. */
#define JSON_OUT_NULL INT64_MIN /* one that is not there */
void json_out_thousandths(struct json_out *out, const char *key, const int64_t *values,
			  size_t count);
void json_out_bool(struct json_out *out, const char *key, bool value);
void json_out_null(struct json_out *out, const char *key);
void json_out_id(struct json_out *out, const char *key, const struct id *id);
/* A member whose name comes from outside: escaped. */
void json_out_named_text(struct json_out *out, const char *name, const char *text);
void json_out_named_object(struct json_out *out, const char *name);
void json_out_named_null(struct json_out *out, const char *name);

/* What is JSON already: a value, or in an array several with commas between them. */
void json_out_raw(struct json_out *out, const char *key, const char *text, size_t size_bytes);
/* Numbers alone, for those who write thousands: at most JSON_NUMBER_SIZE bytes and no NUL; they
 * return the end. Rounded ones are at least 0 and less than JSON_ROUNDED_MAX. */
#define JSON_NUMBER_SIZE 24
#define JSON_ROUNDED_MAX 1e15
char *json_write_count(char *at, uint64_t value);
char *json_write_int(char *at, int64_t value);
char *json_write_rounded(char *at, double value, uint32_t digits);

/* A moment to which what was written can be taken back, as long as what was open then is. */
struct json_mark {
	size_t size_bytes;
	uint32_t depth;
	bool has_items;
};
struct json_mark json_out_mark(const struct json_out *out);
void json_out_back(struct json_out *out, const struct json_mark *mark);

#endif
