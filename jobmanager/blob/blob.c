/* SPDX-License-Identifier: Apache-2.0
 * blob.c - artifacts by content. A blob grows with the bytes that came, never with the size that
 * was announced; it is complete, and can be fetched, only when its hash is what its name promises.
 *
 * References are counted per job. What nobody refers to stays for an hour, because the client that
 * sent an artifact submits its job a moment later, and often runs the same program again. */
#include "jobmanager/blob/blob.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/mem.h"

#define BLOB_KEEP_MS (60 * 60 * MS_PER_S)
#define BLOB_STORE_BYTES_MAX (4 * (uint64_t)LIMIT_ARTIFACT_BYTES_MAX)
#define SHA256_BYTES 32

struct blob {
	uint8_t sha256[SHA256_BYTES];
	struct buf content;
	uint64_t size_bytes; /* announced */
	struct bytes view;   /* of content, once complete */
	bool complete;
	uint32_t references;
	mono_t used_at; /* last put or unref */
};

struct blob_store {
	struct map *by_hash;
	uint64_t received_bytes; /* of all blobs */
};

static struct bytes key_of(const uint8_t sha256[SHA256_BYTES])
{
	return bytes_of(sha256, SHA256_BYTES);
}

static struct blob *find(const struct blob_store *store, const uint8_t sha256[SHA256_BYTES])
{
	return map_get(store->by_hash, key_of(sha256));
}

struct blob_store *blob_store_create(void)
{
	struct blob_store *store = MEM_NEW(struct blob_store);

	store->by_hash = map_create();
	return store;
}

static void drop(struct blob_store *store, struct blob *blob)
{
	store->received_bytes -= blob->content.size_bytes;
	map_remove(store->by_hash, key_of(blob->sha256));
	buf_fini(&blob->content);
	mem_free(blob);
}

void blob_store_destroy(struct blob_store **store)
{
	size_t at = 0;
	void *blob;

	if (*store == NULL)
		return;
	while (map_next((*store)->by_hash, &at, NULL, &blob))
		drop(*store, blob);
	map_destroy(&(*store)->by_hash);
	mem_free(*store);
	*store = NULL;
}

static int check(const struct blob_store *store, const struct blob *blob, const char *name,
		 uint64_t size_bytes, uint64_t offset, struct bytes content, struct err *err)
{
	uint64_t there = blob ? blob->content.size_bytes : 0;

	if (size_bytes > LIMIT_ARTIFACT_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "%s has %llu bytes, at most %d are allowed",
			       name, (unsigned long long)size_bytes, LIMIT_ARTIFACT_BYTES_MAX);
	if (blob != NULL && blob->size_bytes != size_bytes)
		return err_set(
			err, ERR_PLAN_INVALID, "%s was announced with %llu bytes, now with %llu",
			name, (unsigned long long)blob->size_bytes, (unsigned long long)size_bytes);
	if (content.size_bytes > LIMIT_ARTIFACT_CHUNK_BYTES)
		return err_set(err, ERR_TOO_LARGE,
			       "%s: a chunk of %zu bytes, at most %d are allowed", name,
			       content.size_bytes, LIMIT_ARTIFACT_CHUNK_BYTES);
	if (content.size_bytes > 0 && offset > there)
		return err_set(err, ERR_PLAN_INVALID,
			       "%s: a chunk at byte %llu, but only %llu bytes have come", name,
			       (unsigned long long)offset, (unsigned long long)there);
	if (offset > size_bytes || content.size_bytes > size_bytes - offset)
		return err_set(err, ERR_PLAN_INVALID, "%s: a chunk that ends behind its %llu bytes",
			       name, (unsigned long long)size_bytes);
	if (store->received_bytes + content.size_bytes > BLOB_STORE_BYTES_MAX)
		return err_set(
			err, ERR_TOO_LARGE,
			"%s: the JobManager holds %llu MiB of program files already; unused ones "
			"are dropped after an hour",
			name, (unsigned long long)(store->received_bytes >> 20));
	return 0;
}

/* All bytes are there. A wrong hash throws them away, so that the sender can begin again. */
static int finish(struct blob_store *store, struct blob *blob, const char *name, struct err *err)
{
	uint8_t sha256[SHA256_BYTES];

	hash_sha256(blob->content.data, blob->content.size_bytes, sha256);
	if (memcmp(sha256, blob->sha256, SHA256_BYTES) != 0) {
		drop(store, blob);
		return err_set(
			err, ERR_PLAN_INVALID,
			"%s: what came does not have the SHA-256 that was announced; send it again",
			name);
	}
	blob->view = buf_bytes(&blob->content);
	blob->complete = true;
	return 0;
}

int blob_put(struct blob_store *store, const uint8_t sha256[32], const char *name,
	     uint64_t size_bytes, uint64_t offset, struct bytes content, mono_t now,
	     uint64_t *received, struct err *err)
{
	struct blob *blob = find(store, sha256);

	*received = 0;
	if (check(store, blob, name, size_bytes, offset, content, err) != 0)
		return -1;
	if (blob == NULL) {
		if (content.size_bytes == 0 && size_bytes > 0)
			return 0; /* only asks */
		blob = MEM_NEW(struct blob);
		memcpy(blob->sha256, sha256, SHA256_BYTES);
		buf_init(&blob->content);
		blob->size_bytes = size_bytes;
		map_put(store->by_hash, key_of(sha256), blob);
	}
	blob->used_at = now;
	if (!blob->complete) {
		size_t old =
			content.size_bytes > 0 ? (size_t)(blob->content.size_bytes - offset) : 0;

		if (old < content.size_bytes) {
			buf_add(&blob->content, (const char *)content.data + old,
				content.size_bytes - old);
			store->received_bytes += content.size_bytes - old;
		}
		if (blob->content.size_bytes == size_bytes && finish(store, blob, name, err) != 0)
			return -1;
	}
	*received = blob->content.size_bytes;
	return 0;
}

const struct bytes *blob_get(struct blob_store *store, const uint8_t sha256[32])
{
	const struct blob *blob = find(store, sha256);

	return blob != NULL && blob->complete ? &blob->view : NULL;
}

void blob_ref(struct blob_store *store, const uint8_t sha256[32])
{
	struct blob *blob = find(store, sha256);

	CHECK(blob != NULL && blob->complete, "a reference to an artifact that is not there");
	blob->references++;
}

void blob_unref(struct blob_store *store, const uint8_t sha256[32], mono_t now)
{
	struct blob *blob = find(store, sha256);

	CHECK(blob != NULL && blob->references > 0, "a reference to an artifact given back twice");
	blob->references--;
	blob->used_at = now;
}

void blob_collect(struct blob_store *store, mono_t now)
{
	size_t at = 0;
	void *value;

	while (map_next(store->by_hash, &at, NULL, &value)) {
		struct blob *blob = value;

		if (blob->references == 0 && mono_after_ms(blob->used_at, BLOB_KEEP_MS) <= now)
			drop(store, blob);
	}
}
