/* SPDX-License-Identifier: Apache-2.0
 * blob.h - artifacts by sha256: sent in chunks, complete only when the hash is right, shared by all
 * jobs that name them. In memory up to LIMIT_ARTIFACT_BYTES_MAX each; dropped when no job refers to
 * one for blob.keep (1 h) and at exit. */
#ifndef JOBMANAGER_BLOB_BLOB_H
#define JOBMANAGER_BLOB_BLOB_H

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/time.h"

struct blob_store;

struct blob_store *blob_store_create(void);
void blob_store_destroy(struct blob_store **store);
/* *received: how many bytes there are now. A chunk that overlaps what is there must equal it in
 * length of what is new; a gap is ERR_PLAN_INVALID. The last chunk checks the hash: a wrong one
 * throws all bytes away, so that the sender can begin again. */
MUST_USE int blob_put(struct blob_store *store, const uint8_t sha256[32], const char *name,
		      uint64_t size_bytes, uint64_t offset, struct bytes content, mono_t now,
		      uint64_t *received, struct err *err);
/* NULL: not there or not complete. */
const struct bytes *blob_get(struct blob_store *store, const uint8_t sha256[32]);
void blob_ref(struct blob_store *store, const uint8_t sha256[32]);
void blob_unref(struct blob_store *store, const uint8_t sha256[32], mono_t now);
void blob_collect(struct blob_store *store, mono_t now); /* drops what was unused for an hour */

#endif
