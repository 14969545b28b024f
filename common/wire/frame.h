/* SPDX-License-Identifier: Apache-2.0
 * frame.h - length-framed messages on a connection, the handshake in front of them.
 *
 *   offset 0  magic "cfl1"   4     frame_reader gives whole frames; a header is checked (magic,
 *          4  size_bytes     4     kind, size ≤ what the kind's table allows) before anything is
 *          8  kind           2     allocated for the body.
 *         10  method         2     little endian
 *         12  call           4
 *         16  checksum       4     low half of hash_checksum(body)
 *         20  flags          4
 *         24  body …               size_bytes of it
 *
 * Handshake (both RPC and data connections):
 *   connector -> HELLO{version, role, incarnation, nonce A}
 *   acceptor  -> CHALLENGE{version, role, incarnation, nonce B, secret_required}
 *   connector -> PROOF{hmac(secret, "c" A B)}          (empty when it has no secret)
 *   acceptor  -> WELCOME{hmac(secret, "s" A B)} or REFUSED{error}
 * An acceptor that has a secret requires it from everybody; a connector that has one requires the
 * answer. Fixed layouts, so that a stranger's bytes meet no parser. */
#ifndef COMMON_WIRE_FRAME_H
#define COMMON_WIRE_FRAME_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/world/world.h"

#define FRAME_HEADER_BYTES 24
#define FRAME_MAGIC UINT32_C(0x316c6663) /* "cfl1" */

enum frame_kind {
	FRAME_HELLO = 1, FRAME_CHALLENGE = 2, FRAME_PROOF = 3, FRAME_WELCOME = 4, FRAME_REFUSED = 5,
	FRAME_REQUEST = 10, FRAME_ANSWER = 11, FRAME_FAILURE = 12,
};

struct frame {
	uint16_t kind, method;
	uint32_t call, flags;
	struct bytes body; /* borrowed from the reader until the next call */
};

/* Reads from a connection and cuts frames. size_max is asked once per header, before the body is
 * read: it returns the largest body for (kind, method), or -1 for an unknown kind or method. */
struct frame_reader {
	struct buf buffer;
	size_t consumed_bytes; /* of buffer: given out already */
	int64_t (*size_max)(void *context, uint16_t kind, uint16_t method);
	void *context;
};
void frame_reader_init(struct frame_reader *reader,
		       int64_t (*size_max)(void *context, uint16_t kind, uint16_t method), void *context);
void frame_reader_fini(struct frame_reader *reader);
/* 1: *frame is the next one; 0: none yet (the connection has no more now); -1: closed, or
 * ERR_NET_PROTOCOL naming the peer and the rule broken. */
MUST_USE int frame_read(struct frame_reader *reader, struct conn *conn, struct frame *frame,
			struct err *err);
/* The same cutting on bytes in memory, for the fuzzer. *used: bytes eaten. */
MUST_USE int frame_parse(struct bytes bytes, int64_t (*size_max)(void *, uint16_t, uint16_t),
			 void *context, struct frame *frame, size_t *used, struct err *err);

/* Appends a frame to an outgoing buffer. */
void frame_write(struct buf *out, uint16_t kind, uint16_t method, uint32_t call, uint32_t flags,
		 struct bytes body);

/* The handshake as a small machine, driven by whoever owns the connection. */
enum handshake_side { HANDSHAKE_CONNECTOR, HANDSHAKE_ACCEPTOR };
struct handshake {
	enum handshake_side side;
	uint32_t state;
	struct bytes secret; /* borrowed; empty: none */
	bool require_secret; /* acceptor: refuse those without, even from loopback */
	uint8_t nonce_mine[32], nonce_theirs[32];
	uint16_t version; /* mine */
	struct id incarnation, peer_incarnation;
	char role[16], peer_role[16];
};
/* Begins; the connector's HELLO is appended to out. */
void handshake_start(struct handshake *handshake, enum handshake_side side, struct world *world,
		     const char *role, const struct id *incarnation, struct bytes secret,
		     struct buf *out);
/* Eats one frame; appends what to send. 1: done; 0: more to come; -1: refused (a REFUSED frame may
 * have been appended: send it, then close). ERR_NET_VERSION, ERR_NET_SECRET, ERR_NET_PROTOCOL. */
MUST_USE int handshake_frame(struct handshake *handshake, const struct frame *frame, struct buf *out,
			     struct err *err);
/* Largest bodies during the handshake, for frame_reader's size_max. -1: kind not allowed now. */
int64_t handshake_size_max(void *context, uint16_t kind, uint16_t method);

#endif
