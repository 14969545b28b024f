/* SPDX-License-Identifier: Apache-2.0
 * hand_over.c - see hand_over.h. */
#include "common/wire/hand_over.h"

#include "common/base/limits.h"
#include "common/wire/little.h"

#define MAGIC UINT32_C(0x316f6863) /* "cho1" */

void hand_over_put(struct buf *into, const struct hand_over_header *header)
{
	char *to = buf_reserve(into, HAND_OVER_HEADER_BYTES);

	little_put_u32(to, MAGIC);
	little_put_u32(to + 4, (uint32_t)header->kind);
	little_put_u32(to + 8, header->size_bytes);
	little_put_u32(to + 12, header->more);
	into->size_bytes += HAND_OVER_HEADER_BYTES;
}

static uint32_t bytes_max(enum hand_over_kind kind)
{
	return kind == HAND_OVER_ORDER ? HAND_OVER_ORDER_BYTES_MAX
	       : kind == HAND_OVER_JOB ? HAND_OVER_JOB_BYTES_MAX
				       : HAND_OVER_TEXT_BYTES_MAX;
}

bool hand_over_get(const char bytes[HAND_OVER_HEADER_BYTES], enum hand_over_kind kind,
		   struct hand_over_header *header)
{
	header->kind = kind;
	header->size_bytes = little_get_u32(bytes + 8);
	header->more = little_get_u32(bytes + 12);
	return little_get_u32(bytes) == MAGIC && little_get_u32(bytes + 4) == (uint32_t)kind &&
	       header->size_bytes <= bytes_max(kind) &&
	       (kind != HAND_OVER_JOB || header->more <= LIMIT_ARTIFACT_BYTES_MAX);
}
