/* SPDX-License-Identifier: Apache-2.0
 * blob_test.c - artifacts come in chunks, in any size, twice, wrong, and are dropped when
 * unused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/base/time.h"
#include "jobmanager/blob/blob.h"

static const char program[] = "not really a shared object, but twenty-odd words of bytes";

static void hash_of(const void *data, size_t size_bytes, uint8_t sha256[32])
{
	hash_sha256(data, size_bytes, sha256);
}

static int put(struct blob_store *store, const uint8_t sha256[32], uint64_t offset, size_t length,
	       uint64_t *received, struct err *err)
{
	return blob_put(store, sha256, "job.so", sizeof(program), offset,
			bytes_of(program + offset, length), 0, received, err);
}

static void chunks_in_order_make_a_whole_artifact(void **state)
{
	struct blob_store *store = blob_store_create();
	struct err err = ERR_INIT;
	uint8_t sha256[32];
	uint64_t received;

	hash_of(program, sizeof(program), sha256);
	assert_int_equal(put(store, sha256, 0, 0, &received, &err), 0);
	assert_int_equal(received, 0);
	for (uint64_t at = 0; at < sizeof(program); at += 7) {
		size_t length = sizeof(program) - at < 7 ? sizeof(program) - at : 7;

		assert_null(blob_get(store, sha256));
		assert_int_equal(put(store, sha256, at, length, &received, &err), 0);
		assert_int_equal(received, at + length);
	}
	assert_non_null(blob_get(store, sha256));
	assert_true(bytes_equal(*blob_get(store, sha256), bytes_of(program, sizeof(program))));
	blob_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void a_chunk_sent_twice_or_overlapping_is_harmless(void **state)
{
	struct blob_store *store = blob_store_create();
	struct err err = ERR_INIT;
	uint8_t sha256[32];
	uint64_t received;

	hash_of(program, sizeof(program), sha256);
	assert_int_equal(put(store, sha256, 0, 20, &received, &err), 0);
	assert_int_equal(put(store, sha256, 0, 20, &received, &err), 0);
	assert_int_equal(received, 20);
	assert_int_equal(put(store, sha256, 10, 20, &received, &err), 0);
	assert_int_equal(received, 30);
	assert_int_equal(put(store, sha256, 5, 3, &received, &err), 0);
	assert_int_equal(received, 30);
	assert_int_equal(put(store, sha256, 0, sizeof(program), &received, &err), 0);
	assert_int_equal(received, sizeof(program));
	assert_int_equal(put(store, sha256, 0, sizeof(program), &received, &err), 0);
	assert_true(bytes_equal(*blob_get(store, sha256), bytes_of(program, sizeof(program))));
	blob_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void what_cannot_be_right_is_refused_with_its_numbers(void **state)
{
	struct blob_store *store = blob_store_create();
	struct err err = ERR_INIT;
	uint8_t sha256[32];
	uint64_t received;

	hash_of("something else", 14, sha256);
	assert_int_equal(put(store, sha256, 0, 10, &received, &err), 0);
	assert_int_equal(put(store, sha256, 11, 5, &received, &err), -1);
	assert_int_equal(err.code, ERR_PLAN_INVALID);
	assert_string_equal(err.text, "job.so: a chunk at byte 11, but only 10 bytes have come");
	assert_int_equal(
		blob_put(store, sha256, "job.so", 11, 10, bytes_of("ab", 2), 0, &received, &err),
		-1);
	assert_string_equal(err.text, "job.so was announced with 58 bytes, now with 11");
	assert_int_equal(blob_put(store, sha256, "job.so", sizeof(program), UINT64_MAX, BYTES_EMPTY,
				  0, &received, &err),
			 -1);
	assert_int_equal(put(store, sha256, 10, sizeof(program) - 10, &received, &err), -1);
	assert_string_equal(err.text,
			    "job.so: what came does not have the SHA-256 that was announced; "
			    "send it again");
	assert_int_equal(put(store, sha256, 0, 0, &received, &err), 0);
	assert_int_equal(received, 0);
	assert_int_equal(blob_put(store, sha256, "big.so", (uint64_t)LIMIT_ARTIFACT_BYTES_MAX + 1,
				  0, bytes_of("a", 1), 0, &received, &err),
			 -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	blob_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void an_empty_artifact_is_complete_at_once(void **state)
{
	struct blob_store *store = blob_store_create();
	struct err err = ERR_INIT;
	uint8_t sha256[32];
	uint64_t received;

	hash_of("", 0, sha256);
	assert_int_equal(blob_put(store, sha256, "empty", 0, 0, BYTES_EMPTY, 0, &received, &err),
			 0);
	assert_non_null(blob_get(store, sha256));
	assert_int_equal(blob_get(store, sha256)->size_bytes, 0);
	blob_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

static void an_artifact_goes_an_hour_after_its_last_use(void **state)
{
	struct blob_store *store = blob_store_create();
	struct err err = ERR_INIT;
	mono_t hour = 3600 * NS_PER_S;
	uint8_t sha256[32];
	uint64_t received;

	hash_of(program, sizeof(program), sha256);
	assert_int_equal(put(store, sha256, 0, sizeof(program), &received, &err), 0);
	blob_ref(store, sha256);
	blob_ref(store, sha256);
	blob_collect(store, 10 * hour);
	assert_non_null(blob_get(store, sha256));
	blob_unref(store, sha256, 10 * hour);
	blob_collect(store, 20 * hour);
	assert_non_null(blob_get(store, sha256));
	blob_unref(store, sha256, 20 * hour);
	blob_collect(store, 21 * hour - 1);
	assert_non_null(blob_get(store, sha256));
	blob_collect(store, 21 * hour);
	assert_null(blob_get(store, sha256));
	blob_store_destroy(&store);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_in_order_make_a_whole_artifact),
		cmocka_unit_test(a_chunk_sent_twice_or_overlapping_is_harmless),
		cmocka_unit_test(what_cannot_be_right_is_refused_with_its_numbers),
		cmocka_unit_test(an_empty_artifact_is_complete_at_once),
		cmocka_unit_test(an_artifact_goes_an_hour_after_its_last_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
