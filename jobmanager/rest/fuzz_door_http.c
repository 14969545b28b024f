/* SPDX-License-Identifier: Apache-2.0
 * fuzz_door_http.c - bytes from anybody as an HTTP request: head, body in chunks, escapes.
 *
 * The first byte says in how large pieces the rest arrives; the result must be the same as when it
 * comes at once. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/door_http.h"

#define BODY_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t find_head(const char *bytes, size_t size, size_t step)
{
	size_t scanned = 0, found = 0;

	for (size_t have = step < size ? step : size;;
	     have = have + step < size ? have + step : size) {
		found = door_head_size(bytes, have, &scanned);
		if (found != 0 || have == size)
			return found;
	}
}

static int take_chunks(const char *bytes, size_t size, size_t step, struct buf *into, size_t *used)
{
	struct door_chunks chunks = { 0 };
	int result = 0;
	size_t taken;

	*used = 0;
	while (result == 0 && *used < size) {
		size_t piece = step < size - *used ? step : size - *used;

		result = door_chunks_take(&chunks, bytes + *used, piece, BODY_BYTES_MAX, into,
					  &taken);
		CHECK(taken <= piece, "%zu bytes of %zu", taken, piece);
		CHECK(result != 0 || taken == piece, "%zu bytes left over", piece - taken);
		*used += taken;
	}
	CHECK(into->size_bytes <= BODY_BYTES_MAX, "a body of %zu bytes", into->size_bytes);
	return result;
}

static void fuzz_chunks(const char *bytes, size_t size, size_t step)
{
	struct buf whole, pieces;
	size_t used_whole, used_pieces;

	buf_init(&whole);
	buf_init(&pieces);
	int at_once = take_chunks(bytes, size, size + 1, &whole, &used_whole);
	int in_pieces = take_chunks(bytes, size, step, &pieces, &used_pieces);

	CHECK(at_once == in_pieces && used_whole == used_pieces, "%d %zu at once, %d %zu in pieces",
	      at_once, used_whole, in_pieces, used_pieces);
	CHECK(bytes_equal(buf_bytes(&whole), buf_bytes(&pieces)), "the bodies differ");
	buf_fini(&whole);
	buf_fini(&pieces);
}

static void fuzz_target(const char *target)
{
	for (int form = 0; form < 2; form++) {
		char *decoded = door_decode(target, strlen(target), form == 1);

		CHECK(decoded == NULL || strlen(decoded) <= strlen(target), "it grew");
		mem_free(decoded);
	}
}

static void fuzz_head(const char *bytes, size_t size)
{
	struct door_head head;
	const char *why = "";
	char *copy = mem_strndup(bytes, size);

	if (strlen(copy) == size && door_head_parse(copy, size, &head, &why) == 0) {
		CHECK(head.target[0] == '/' || strcmp(head.target, "*") == 0, "target %s",
		      head.target);
		CHECK(head.host != NULL && head.headers_count <= DOOR_HEADERS_MAX, "%u headers",
		      head.headers_count);
		CHECK(head.framing == DOOR_LENGTH || head.length == 0, "a length without a body");
		fuzz_target(head.target);
	}
	mem_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 1;
	size_t head, step;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 64;
	size--;
	head = find_head(bytes, size, step);
	CHECK(head == find_head(bytes, size, size), "the head ends elsewhere in pieces");
	CHECK(head <= size, "a head of %zu bytes of %zu", head, size);
	if (head != 0)
		fuzz_head(bytes, head);
	fuzz_chunks(bytes + head, size - head, step);
	CHECK(mem_bytes_out() == 0, "%lld bytes are left", (long long)mem_bytes_out());
	return 0;
}
