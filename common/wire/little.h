/* SPDX-License-Identifier: Apache-2.0
 * little.h - little-endian numbers at any address: what every frame and file of ours is made of.
 *
 * Bytes, not casts: alignment is never assumed. Compilers make one load or store of each. */
#ifndef COMMON_WIRE_LITTLE_H
#define COMMON_WIRE_LITTLE_H

#include <stdint.h>

static inline uint16_t little_get_u16(const void *from)
{
	const uint8_t *at = from;

	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t little_get_u32(const void *from)
{
	const uint8_t *at = from;

	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static inline uint64_t little_get_u64(const void *from)
{
	return little_get_u32(from) | (uint64_t)little_get_u32((const uint8_t *)from + 4) << 32;
}

static inline void little_put_u16(void *to, uint16_t value)
{
	uint8_t *at = to;

	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static inline void little_put_u32(void *to, uint32_t value)
{
	little_put_u16(to, (uint16_t)value);
	little_put_u16((uint8_t *)to + 2, (uint16_t)(value >> 16));
}

static inline void little_put_u64(void *to, uint64_t value)
{
	little_put_u32(to, (uint32_t)value);
	little_put_u32((uint8_t *)to + 4, (uint32_t)(value >> 32));
}

#endif
