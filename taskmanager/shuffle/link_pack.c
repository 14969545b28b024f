/* SPDX-License-Identifier: Apache-2.0
 * link_pack.c - LZ4 for the bodies of BYTES frames, where both ends have it switched on.
 *
 * Packing costs about as much as loopback's TCP and is for networks that are slower than a core.
 * What comes from outside is unpacked only when its checksum is right, into exactly the bytes it
 * announced, which were checked against segment and credit before. */
#include <lz4.h>

#include "common/base/mark.h"
#include "taskmanager/shuffle/shuffle_priv.h"

#define PACK_BYTES_MIN 256 /* below that a header weighs as much */
#define GAIN_SHARE 8       /* an eighth less at least, or it stays as it is */

uint32_t link_pack(struct link *link, const char *data, uint32_t size_bytes)
{
	if (link->packed == NULL || size_bytes < PACK_BYTES_MIN)
		return 0;
	int packed = LZ4_compress_default(data, link->packed, (int)size_bytes,
					  (int)(size_bytes - size_bytes / GAIN_SHARE));

	SOMETIMES_IF(packed > 0, "a body travels packed");
	return packed > 0 ? (uint32_t)packed : 0;
}

int link_unpack(struct link *link, uint32_t size_bytes, char *into, uint32_t raw_bytes,
		struct err *err)
{
	int unpacked = LZ4_decompress_safe(link->packed, into, (int)size_bytes, (int)raw_bytes);

	if (unpacked < 0 || (uint32_t)unpacked != raw_bytes)
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent %u packed bytes that do not become the %u announced",
			       size_bytes, raw_bytes);
	return 0;
}
