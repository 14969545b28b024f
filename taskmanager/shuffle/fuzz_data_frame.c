/* SPDX-License-Identifier: Apache-2.0
 * fuzz_data_frame.c - any frames, at any point, from a peer that passed the handshake.
 *
 * Input: byte 0: bit 0 = the peer produces (else it consumes), the rest seeds the simulation's
 * short reads. Then pieces of 8 bytes {kind, flags, channel, segment, offset u16, size u16} and a
 * body of `size` bytes, as far as there are any; each becomes a frame with a right checksum, so
 * that the fuzzer gets past it. Kind 0xff: the body goes out as it is. Flag LZ4: the body begins
 * with the size it is said to unpack to, u16; with flag 0x40 too, it is packed first. The other
 * side is a whole shuffle in a simulation, with two channels open; whatever comes, it must stay
 * whole and give all back. */
#include <lz4.h>

#include "common/base/log.h"
#include "common/wire/little.h"
#include "taskmanager/shuffle/pieces.h"
#include "taskmanager/shuffle/shuffle_evil.h"

#define CHANNELS 2
#define SEGMENT_BYTES 2048
#define PIECE_BYTES 8
#define PACK_IT 0x40
#define RUN_MS 100
#define RECORD_BYTES_MAX (16 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stage {
	struct sim *sim;
	struct world *world;
	struct runner *io;
	struct shuffle *shuffle;
	struct gate *gate;
	struct agent agent; /* nobody steps it: the channels' local side only looks in the end */
	struct channel *channels[CHANNELS];
	struct pieces pieces[CHANNELS]; /* by itself each: nothing waits for memory */
	struct assembly assemblies[CHANNELS];
	struct evil evil;
};

static struct record_type *pair_type;

static enum step idle(struct agent *agent, mono_t now, mono_t *wake_at)
{
	return STEP_IDLE;
}

static void silent(void *context, enum log_level level, const char *line, size_t size_bytes)
{
}

static bool never(void *context)
{
	return false;
}

/* A type hash of zero becomes the right one: nobody guesses 64 bits. */
static void say_open_of(struct evil *evil, const struct data_frame *what, const uint8_t *data)
{
	uint8_t body[DATA_FRAME_OPEN_BYTES];
	struct data_open open;

	data_open_read(data, &open);
	if (open.type_hash == 0)
		open.type_hash = pair_type->hash;
	data_open_write(body, &open);
	say(evil, *what, bytes_of(body, sizeof(body)));
}

static void say_packed(struct evil *evil, struct data_frame what, struct bytes body)
{
	char packed[2 * SEGMENT_BYTES];

	if (body.size_bytes < 2)
		return;
	what.raw_bytes = little_get_u16(body.data);
	body = bytes_of((const char *)body.data + 2, body.size_bytes - 2);
	if (what.flags & PACK_IT) {
		int size_bytes = LZ4_compress_default(body.data, packed, (int)body.size_bytes,
						      sizeof(packed));

		what.flags &= (uint8_t)~PACK_IT;
		body = bytes_of(packed, size_bytes > 0 ? (size_t)size_bytes : 0);
	}
	say(evil, what, body);
}

static void say_pieces(struct evil *evil, const uint8_t *data, size_t size)
{
	while (size >= PIECE_BYTES) {
		struct data_frame what = { .kind = data[0],
					   .flags = data[1],
					   .channel = data[2],
					   .segment = data[3] == 0xff ? UINT64_MAX : data[3],
					   .offset_bytes = little_get_u16(data + 4) };
		size_t body_bytes = little_get_u16(data + 6);

		data += PIECE_BYTES;
		size -= PIECE_BYTES;
		if (body_bytes > size)
			body_bytes = size;
		if (what.kind == 0xff)
			buf_add(&evil->says, data, body_bytes);
		else if (what.kind == DATA_OPEN && body_bytes == DATA_FRAME_OPEN_BYTES)
			say_open_of(evil, &what, data);
		else if (what.flags & DATA_LZ4)
			say_packed(evil, what, bytes_of(data, body_bytes));
		else
			say(evil, what, bytes_of(data, body_bytes));
		data += body_bytes;
		size -= body_bytes;
	}
}

static void stage_shuffle(struct stage *stage)
{
	struct shuffle_options options = { .bind_host = "tm0",
					   .pool_bytes = 32 * SEGMENT_BYTES,
					   .segment_bytes = SEGMENT_BYTES,
					   .secret = bytes_of_text("fuzz"),
					   .record_bytes_max = RECORD_BYTES_MAX,
					   .exclusive_segments_per_channel = 1,
					   .floating_segments_per_gate = 2,
					   .compress_lz4 = true };
	struct err err;

	stage->world = sim_node(stage->sim, "tm0");
	stage->io = runner_create(stage->world, "io", &err);
	CHECK(stage->io != NULL, "%s", err.text);
	int created = shuffle_create(stage->io, &options, &stage->shuffle, &err);

	CHECK(created == 0, "%s", err.text);
	agent_init(&stage->agent, "task", idle);
	stage->gate = gate_create(&stage->agent);
}

/* Outputs that the peer may ask for, with something in them; or inputs that it is asked for. */
static void stage_channels(struct stage *stage, bool peer_produces)
{
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct channel_name name = { .producer = i };
		struct control end = { .kind = CONTROL_END_OF_INPUT };

		if (peer_produces) {
			stage->channels[i] =
				shuffle_open_input(stage->shuffle, &name, "evil", EVIL_PORT,
						   pair_type, stage->gate, i);
			continue;
		}
		stage->channels[i] =
			shuffle_open_output(stage->shuffle, &name, pair_type, &stage->agent);
		for (int records = 0; records < 5; records++)
			memset(channel_reserve(stage->channels[i], pair_type->size_bytes), 0,
			       pair_type->size_bytes);
		CHECK(i == 1 || channel_offer_control(stage->channels[i], &end),
		      "no room for the end");
	}
}

static void read_batch(const struct batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const char *record = batch_at(batch, i);
		const struct str *text = record_field(pair_type, record, 1);
		volatile char last = text->len > 0 ? str_ptr(text)[text->len - 1] : 0;

		(void)last;
	}
}

/* False: what it is a piece of is not valid. */
static bool read_piece(struct stage *stage, uint32_t i, const void *piece)
{
	struct batch batch;
	struct err err = ERR_INIT;

	stage->pieces[i].record_bytes_max = RECORD_BYTES_MAX;
	enum pieces_answer answer = pieces_take(&stage->pieces[i], &stage->assemblies[i],
						  pair_type, piece, &batch, &err);

	CHECK(answer != PIECES_WAIT, "nobody else needs memory");
	if (answer == PIECES_MORE)
		return true;
	if (answer == PIECES_DONE)
		read_batch(&batch);
	pieces_drop(&stage->pieces[i], &stage->assemblies[i]);
	return answer == PIECES_DONE;
}

/* What came through is read as a task would read it. */
static void stage_consume(struct stage *stage)
{
	struct channel *channel;
	struct control control;
	struct batch batch;

	while ((channel = gate_next(stage->gate)) != NULL) {
		enum channel_item item = channel_take(channel, &batch, &control);

		if (item == CHANNEL_FAILED)
			return;
		if (item == CHANNEL_BATCH)
			read_batch(&batch);
		if (item == CHANNEL_PIECE && !read_piece(stage, gate_index(channel), batch.base))
			return;
		channel_release(channel, channel_taken(channel));
	}
}

static void stage_end(struct stage *stage, bool peer_produces)
{
	char text[300];

	CHECK(shuffle_check(stage->shuffle, text, sizeof(text)), "%s", text);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (peer_produces)
			shuffle_close_input(stage->shuffle, &stage->channels[i]);
		else
			shuffle_close_output(stage->shuffle, &stage->channels[i], true, NULL);
	}
	sim_run(stage->sim, RUN_MS, never, NULL, NULL);
	for (uint32_t i = 0; i < CHANNELS; i++)
		pieces_drop(&stage->pieces[i], &stage->assemblies[i]);
	gate_destroy(&stage->gate);
	evil_destroy(&stage->evil);
	runner_destroy(&stage->io);
	shuffle_destroy(&stage->shuffle); /* CHECKs that all segments are back */
	world_destroy(&stage->world);
	sim_destroy(&stage->sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct field fields[] = { { "number", FIELD_BIGINT, 0 },
					       { "text", FIELD_STRING, 1 } };
	struct sim_options options = { .delay_us_min = 10, .delay_us_max = 10 };
	struct stage stage = { 0 };
	struct err err;

	if (size < 1)
		return 0;
	bool peer_produces = data[0] & 1;

	options.short_read_ppm = (data[0] >> 1) * 4000u;
	log_to(silent, NULL, NULL, NULL);
	int made = record_type_create("pair", NULL, fields, 2, &pair_type, &err);

	CHECK(made == 0, "%s", err.text);
	stage.sim = sim_create(data[0], &options);
	stage_shuffle(&stage);
	evil_create(&stage.evil, stage.sim, "fuzz", true, peer_produces);
	stage.evil.offers = DATA_OFFER_LZ4;
	say_pieces(&stage.evil, data + 1, size - 1);
	stage_channels(&stage, peer_produces);
	evil_start(&stage.evil, "tm0", shuffle_port(stage.shuffle));
	for (int i = 0; i < 5; i++) {
		sim_run(stage.sim, RUN_MS / 5, never, NULL, NULL);
		stage_consume(&stage);
	}
	stage_end(&stage, peer_produces);
	record_type_destroy(&pair_type);
	CHECK(mem_bytes_out() == 0, "%lld bytes stay", (long long)mem_bytes_out());
	return 0;
}
