/* SPDX-License-Identifier: Apache-2.0
 * data_frame.h - frames of a data connection, after the handshake of common/wire.
 *
 *   offset 0  channel          4     the consumer's number for it, on this connection
 *          4  size_bytes       4     of the body
 *          8  segment          8
 *         16  offset_bytes     4
 *         20  backlog_segments 2     CREDIT, OPEN: allowed, in units of 64 bytes; 0: no limit
 *         22  kind             1     little endian
 *         23  flags            1
 *         24  checksum         4     low half of hash_checksum(body) ^ hash_checksum(the rest)
 *         28  raw_bytes        4     LZ4: of the body when it is unpacked; else 0
 *         32  body …
 *
 *   consumer -> producer   OPEN     name, type and segment size; limits as in CREDIT
 *                          CREDIT   segment: the limit; offset: that of control elements, mod 2^32
 *                          CANCEL   the consumer left; the channel's last frame still comes
 *   producer -> consumer   OPENED   the channel is there
 *                          REFUSED  error: it is not; the last frame
 *                          BYTES    whole runs, for `offset` of `segment`
 *                          CONTROL  an element that stands there
 *                          CLOSE    the end of input is out, or CANCEL's answer; the last frame
 *                          FAIL     error; the last frame
 * A number is free again after the last frame. The checksum is of the body as it travels: nothing
 * of it is unpacked before that is right. The handshake refuses frames of another version. */
#ifndef TASKMANAGER_SHUFFLE_DATA_FRAME_H
#define TASKMANAGER_SHUFFLE_DATA_FRAME_H

#include "taskmanager/shuffle/channel.h"

#define DATA_FRAME_VERSION 2 /* the handshake's dialect; 1 had none */
#define DATA_OFFER_LZ4 2     /* in the handshake: takes and sends packed bodies */
#define DATA_FRAME_HEADER_BYTES 32
#define DATA_FRAME_OPEN_BYTES 48
#define DATA_FRAME_CONTROL_BYTES 24
#define DATA_FRAME_ERROR_BYTES_MAX (4 + 951)
#define DATA_FRAME_SMALL_BYTES_MAX DATA_FRAME_ERROR_BYTES_MAX /* the largest body but BYTES */

enum data_frame_kind {
	DATA_OPEN = 1, DATA_CREDIT = 2, DATA_CANCEL = 3,
	DATA_OPENED = 8, DATA_REFUSED = 9, DATA_BYTES = 10, DATA_CONTROL = 11, DATA_CLOSE = 12,
	DATA_FAIL = 13,
};

enum data_frame_flag {
	DATA_ENDS_SEGMENT = 1, /* BYTES: the segment is complete */
	DATA_URGENT = 2,       /* CONTROL: a barrier that overtakes */
	DATA_URGENT_TAKEN = 4, /* CREDIT: the last one of these was taken; the next may come */
	DATA_LZ4 = 8,          /* BYTES: an LZ4 block, if both sides offered it */
};

struct data_frame {
	uint32_t channel, size_bytes;
	uint64_t segment;
	uint32_t offset_bytes;
	uint16_t backlog_segments;
	uint8_t kind, flags;
	uint32_t raw_bytes;
};
/* What the bytes of a BYTES frame take in their segment. */
static inline uint32_t data_frame_raw_bytes(const struct data_frame *frame)
{
	return frame->flags & DATA_LZ4 ? frame->raw_bytes : frame->size_bytes;
}

struct data_open {
	struct channel_name name;
	uint64_t type_hash;
	uint32_t segment_bytes;
};

void data_frame_write(uint8_t header[DATA_FRAME_HEADER_BYTES], const struct data_frame *frame,
		      struct bytes body);
/* Kind (one that a producer / a consumer sends), flags, and the body's size for it; nothing has
 * been stored yet. ERR_NET_PROTOCOL without the peer's name. */
MUST_USE int data_frame_read(const uint8_t header[DATA_FRAME_HEADER_BYTES], bool from_producer,
			     uint32_t segment_bytes, struct data_frame *frame, struct err *err);
bool data_frame_intact(const uint8_t header[DATA_FRAME_HEADER_BYTES], struct bytes body);
const char *data_frame_kind_name(uint8_t kind);

void data_open_write(uint8_t body[DATA_FRAME_OPEN_BYTES], const struct data_open *open);
void data_open_read(const uint8_t body[DATA_FRAME_OPEN_BYTES], struct data_open *open);
void data_control_write(uint8_t body[DATA_FRAME_CONTROL_BYTES], const struct control *control);
/* The position is the frame's. An unknown kind: ERR_NET_PROTOCOL. */
MUST_USE int data_control_read(const struct data_frame *frame,
			       const uint8_t body[DATA_FRAME_CONTROL_BYTES],
			       struct control *control, struct err *err);
/* Returns the body's size. */
uint32_t data_error_write(uint8_t body[DATA_FRAME_ERROR_BYTES_MAX], const struct err *error);
/* The text is made one harmless line. */
void data_error_read(struct bytes body, struct err *error);

#endif
