/* SPDX-License-Identifier: Apache-2.0
 * frame.h - length-framed messages on a connection, the handshake in front of them.
 *
 *   offset 0  magic "cfl1"   4     frame_reader gives whole frames; a header is checked (magic,
 *          4  size_bytes     4     kind, size ≤ what the kind's table allows) before anything is
 *          8  kind           2     allocated for the body, and the buffer grows with the bytes
 *         10  method         2     that came, never with the bytes that were announced.
 *         12  call           4
 *         16  checksum       4     low half of hash_checksum(body) ^ hash_checksum(the other 20
 *         20  flags          4     bytes of the header)
 *         24  body …               size_bytes of it; all numbers little endian
 *
 * Handshake (both RPC and data connections); a handshake body is one of these fixed layouts, so
 * that a stranger's bytes meet no parser:
 *
 *   connector -> HELLO            offset 0  version      2    in every version at offset 0
 *   acceptor  -> CHALLENGE               2  flags        1    bit 0: the secret is required; the
 *                                                             others: what this side can do, a
 *                                                             matter of the two roles
 *                                        3  dialect      1    version of the frames that follow
 *                                                             between two of one role, or 0
 *                                        4  role        16    NUL-padded: "taskmanager"
 *                                       20  incarnation 16
 *                                       36  nonce       32
 *   connector -> PROOF            hmac(secret, "c" HELLO CHALLENGE), or empty: it has no secret
 *   acceptor  -> WELCOME          hmac(secret, "s" HELLO CHALLENGE), or empty: likewise
 *          or -> REFUSED          offset 0  error number 4, then text; at any point instead
 *
 * An acceptor that has a secret requires it from everybody; a connector that has one requires the
 * answer, so neither talks to a stranger that took the other's address. The HMAC covers both nonces
 * and what each side said about itself. HELLO of another version is answered by REFUSED with
 * ERR_NET_VERSION and both numbers, and so is another dialect of one's own role, by either side. */
#ifndef COMMON_WIRE_FRAME_H
#define COMMON_WIRE_FRAME_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/sm.h"
#include "common/world/world.h"

#define FRAME_HEADER_BYTES 24
#define FRAME_MAGIC UINT32_C(0x316c6663) /* "cfl1" */
#define FRAME_PROTOCOL_VERSION 1

enum frame_kind {
	FRAME_HELLO = 1, FRAME_CHALLENGE = 2, FRAME_PROOF = 3, FRAME_WELCOME = 4, FRAME_REFUSED = 5,
	FRAME_REQUEST = 10, FRAME_ANSWER = 11, FRAME_FAILURE = 12, FRAME_SESSION = 13,
	/* 20 … 39: the data plane's */
};

struct frame {
	uint16_t kind, method;
	uint32_t call, flags;
	struct bytes body; /* borrowed from the reader until the next call */
};

/* The largest body allowed for (kind, method), or -1: not expected here. Asked for every header
 * before its body is read, perhaps several times for the same header. */
typedef int64_t frame_size_max_fn(void *context, uint16_t kind, uint16_t method);

/* Reads from a connection and cuts frames. */
struct frame_reader {
	struct buf buffer;
	size_t consumed_bytes; /* of buffer: given out already */
	frame_size_max_fn *size_max;
	void *context;
};
void frame_reader_init(struct frame_reader *reader, frame_size_max_fn *size_max, void *context);
void frame_reader_fini(struct frame_reader *reader);
/* 1: *frame is the next one; 0: none yet (the connection has no more now); -1: closed, or
 * ERR_NET_PROTOCOL naming the peer and the rule broken. */
MUST_USE int frame_read(struct frame_reader *reader, struct conn *conn, struct frame *frame,
			struct err *err);
/* The same cutting on bytes in memory. *used: bytes eaten (0 unless the answer is 1). */
MUST_USE int frame_parse(struct bytes bytes, frame_size_max_fn *size_max, void *context,
			 struct frame *frame, size_t *used, struct err *err);

/* Appends a frame to an outgoing buffer. */
void frame_write(struct buf *out, uint16_t kind, uint16_t method, uint32_t call, uint32_t flags,
		 struct bytes body);
/* The header alone, for a body that lies elsewhere and is sent from there. */
void frame_header(uint8_t header[FRAME_HEADER_BYTES], uint16_t kind, uint16_t method, uint32_t call,
		  uint32_t flags, struct bytes body);

/* ---- the handshake: a small machine, driven by whoever owns the connection ------------------- */

#define HANDSHAKE_ROLE_BYTES 16 /* with its NUL; letters, digits and '-' */
#define HANDSHAKE_INTRODUCTION_BYTES 68 /* HELLO, CHALLENGE */

enum handshake_side { HANDSHAKE_CONNECTOR, HANDSHAKE_ACCEPTOR };
enum handshake_state { /* the frame that is waited for */
	HANDSHAKE_HELLO,
	HANDSHAKE_CHALLENGE,
	HANDSHAKE_PROOF,
	HANDSHAKE_WELCOME,
	HANDSHAKE_DONE,
	HANDSHAKE_REFUSED,
};
extern const struct sm_table handshake_states;

struct handshake {
	enum handshake_side side;
	uint32_t state; /* enum handshake_state */
	struct bytes secret; /* borrowed; empty: none */
	bool require_secret; /* acceptor without a secret: refuse everybody. Set after the start */
	uint8_t nonce_mine[32], nonce_theirs[32];
	uint16_t version; /* mine */
	uint8_t dialect;  /* likewise */
	uint8_t offers, peer_offers; /* bits 1 … 7 */
	struct id incarnation, peer_incarnation;
	char role[HANDSHAKE_ROLE_BYTES], peer_role[HANDSHAKE_ROLE_BYTES];
	uint8_t transcript[1 + 2 * HANDSHAKE_INTRODUCTION_BYTES]; /* what the HMACs cover */
};
/* Begins; the connector's HELLO is appended to out. role is copied. */
void handshake_start(struct handshake *handshake, enum handshake_side side, struct world *world,
		     const char *role, const struct id *incarnation, struct bytes secret,
		     struct buf *out);
/* The same for roles that have a dialect, or something to offer. */
void handshake_start_with(struct handshake *handshake, enum handshake_side side,
			  struct world *world, const char *role, uint8_t dialect, uint8_t offers,
			  const struct id *incarnation, struct bytes secret, struct buf *out);
/* Eats one frame; appends what to send. 1: done; 0: more to come; -1: refused (a REFUSED frame may
 * have been appended: send it, then close). ERR_NET_VERSION, ERR_NET_SECRET, ERR_NET_PROTOCOL.
 * Texts do not name the peer's address; the caller wraps. */
MUST_USE int handshake_frame(struct handshake *handshake, const struct frame *frame,
			     struct buf *out, struct err *err);
/* Largest bodies during the handshake, for frame_reader's size_max; context: the handshake. */
int64_t handshake_size_max(void *context, uint16_t kind, uint16_t method);

#endif
