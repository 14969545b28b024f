/* SPDX-License-Identifier: Apache-2.0
 * fuzz_frame.c - bytes from anybody: cut into frames, and fed to both sides of the handshake.
 *
 * The first byte chooses the side and whether there is a secret; the rest is the stream. */
#include "common/base/check.h"
#include "common/wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t size_max_any(void *context, uint16_t kind, uint16_t method)
{
	(void)context;
	return kind < 40 && method < 1000 ? 64 * 1024 * 1024 : -1;
}

/* A machine in the state in which it waits for a peer, without the world that starts one. */
static void fuzz_handshake_start(struct handshake *handshake, uint8_t how)
{
	*handshake = (struct handshake){
		.side = how & 1 ? HANDSHAKE_ACCEPTOR : HANDSHAKE_CONNECTOR,
		.state = how & 1 ? HANDSHAKE_HELLO : HANDSHAKE_CHALLENGE,
		.secret = how & 2 ? bytes_of_text("secret") : BYTES_EMPTY,
		.require_secret = (how & 4) != 0,
		.version = FRAME_PROTOCOL_VERSION,
		.role = "jobmanager",
	};
}

static void fuzz_handshake(uint8_t how, struct bytes stream)
{
	struct handshake handshake;
	struct buf out;
	struct frame frame;
	struct err err = ERR_INIT;
	size_t used;
	int result = 0;

	fuzz_handshake_start(&handshake, how);
	buf_init(&out);
	while (result == 0 &&
	       frame_parse(stream, handshake_size_max, &handshake, &frame, &used, &err) == 1) {
		result = handshake_frame(&handshake, &frame, &out, &err);
		stream = bytes_of((const uint8_t *)stream.data + used, stream.size_bytes - used);
	}
	CHECK(result <= 0 || !(how & 2), "a stranger came in without the secret");
	CHECK(out.size_bytes < 4096, "%zu bytes are sent to a stranger", out.size_bytes);
	buf_fini(&out);
}

static void fuzz_frames(struct bytes stream)
{
	struct frame frame;
	struct err err = ERR_INIT;
	size_t used;

	while (frame_parse(stream, size_max_any, NULL, &frame, &used, &err) == 1) {
		const uint8_t *begin = stream.data, *body = frame.body.data;

		CHECK(used >= FRAME_HEADER_BYTES && used <= stream.size_bytes, "used %zu", used);
		CHECK(body == begin + FRAME_HEADER_BYTES &&
			      body + frame.body.size_bytes == begin + used,
		      "the body is not inside its frame");
		stream = bytes_of(begin + used, stream.size_bytes - used);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	fuzz_frames(bytes_of(data + 1, size - 1));
	fuzz_handshake(data[0], bytes_of(data + 1, size - 1));
	return 0;
}
