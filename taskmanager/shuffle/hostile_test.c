/* SPDX-License-Identifier: Apache-2.0
 * hostile_test.c - what strangers and broken peers get on data connections: the connection is
 * closed, one log line names the peer and the rule, the channels on it fail by name, and all others
 * go on. */
#include <lz4.h>
#include <stdio.h>

#include "common/base/log.h"
#include "taskmanager/shuffle/shuffle_bed.h"
#include "taskmanager/shuffle/shuffle_evil.h"

static struct buf log_lines;
static uint32_t log_count;

static void keep_line(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	if (level < LOG_WARN)
		return;
	log_count++;
	buf_add(&log_lines, line, size_bytes);
}

static wall_t no_clock(void *context)
{
	return ++*(wall_t *)context * 1000; /* a second a line: no line is left out */
}

static bool evil_never(void *context)
{
	return false;
}

static uint32_t evil_run(char *run, uint32_t records)
{
	struct run_builder builder;
	uint32_t size_bytes;

	run_builder_init(&builder, fixture_number, 2048, false);
	run_begin(&builder, run, 2048);
	for (uint32_t i = 0; i < records; i++)
		*(int64_t *)run_reserve(&builder, 8) = i;
	size_bytes = run_end(&builder);
	run_builder_fini(&builder);
	return size_bytes;
}

static void say_bytes(struct evil *evil, uint64_t segment, uint32_t offset_bytes, uint8_t flags)
{
	_Alignas(8) char run[2048];
	uint32_t size_bytes = evil_run(run, 10);

	say(evil,
	    (struct data_frame){ .kind = DATA_BYTES,
				 .segment = segment,
				 .offset_bytes = offset_bytes,
				 .flags = flags },
	    bytes_of(run, size_bytes));
}

static void say_control(struct evil *evil, uint8_t kind, uint64_t segment, uint32_t offset_bytes,
			uint8_t flags)
{
	struct control control = { .kind = kind };
	uint8_t body[DATA_FRAME_CONTROL_BYTES];

	data_control_write(body, &control);
	say(evil, (struct data_frame){ .kind = DATA_CONTROL, .segment = segment,
				       .offset_bytes = offset_bytes, .flags = flags },
	    bytes_of(body, sizeof(body)));
}

/* ---- as a stranger, or as a consumer -------------------------------------------------------- */

static void http(struct evil *evil) { buf_add_text(&evil->says, "GET / HTTP/1.1\r\n\r\n"); }
static void noise(struct evil *evil)
{
	for (uint32_t i = 0; i < 3000; i++)
		buf_add(&evil->says, &(char){ (char)(i * 7 + 1) }, 1);
}
static void half_a_hello(struct evil *evil)
{
	struct handshake handshake;
	struct buf hello;

	buf_init(&hello);
	handshake_start(&handshake, HANDSHAKE_CONNECTOR, evil->world, LINK_ROLE, &ID_NONE,
			BYTES_EMPTY, &hello);
	buf_add(&evil->says, hello.data, 40);
	buf_fini(&hello);
}
static void wrong_secret(struct evil *evil) { evil->secret = "guessed"; }
static void another_role(struct evil *evil) { evil->role = "client"; }
static void a_producers_frame(struct evil *evil) { say_bytes(evil, 0, 0, 0); }
static void unknown_kind(struct evil *evil) { say_kind(evil, 99, 0); }
static void unknown_flags(struct evil *evil)
{
	say(evil, (struct data_frame){ .kind = DATA_CREDIT, .flags = 0x80 }, BYTES_EMPTY);
}
static void huge_open(struct evil *evil)
{
	static const char body[2000];
	say(evil, (struct data_frame){ .kind = DATA_OPEN }, bytes_of(body, sizeof(body)));
}
static void huge_announcement(struct evil *evil)
{
	say_kind(evil, DATA_CANCEL, 0);
	memset(evil->says.data + 4, 0xff, 4);
}
static void credit_for_nothing(struct evil *evil) { say_kind(evil, DATA_CREDIT, 3); }
static void broken_checksum(struct evil *evil)
{
	say_open(evil, 0, 5, 1, 2048);
	evil->says.data[60] ^= 1;
}
static void opened_twice(struct evil *evil)
{
	say_open(evil, 0, 5, 1, 2048);
	say_open(evil, 0, 6, 1, 2048);
}
static void number_too_large(struct evil *evil) { say_open(evil, LINK_CHANNELS_MAX, 5, 1, 2048); }

static void another_dialect(struct evil *evil) { evil->dialect = 1; }

struct evil_case {
	const char *name;
	bool shakes;
	void (*says)(struct evil *evil);
	const char *log; /* what the one line contains behind the peer's name; NULL: no line */
	enum err_code code; /* as a producer: what the channel fails with */
};

static const struct evil_case consumer_cases[] = {
	{ "HTTP", false, http, ": sent an HTTP request", 0 },
	{ "noise", false, noise, ": sent bytes that are no cflink frame", 0 },
	{ "half a HELLO", false, half_a_hello, " did not finish the handshake within 5000 ms", 0 },
	{ "wrong secret", true, wrong_secret,
	  ": the shuffle has another cluster secret than the shuffle", 0 },
	{ "another role", true, another_role, ": a \"client\" speaks on a data port", 0 },
	{ "another dialect", true, another_dialect,
	  ": the listening side sends frames of the shuffle in version 2, the connecting side in version 1",
	  0 },
	{ "a producer's frame", true, a_producers_frame,
	  ": sent a data frame of kind 10, which a consuming side does not send", 0 },
	{ "unknown kind", true, unknown_kind,
	  ": sent a data frame of kind 99, which a consuming side", 0 },
	{ "unknown flags", true, unknown_flags,
	  ": sent a data frame of kind CREDIT with flags 0x80", 0 },
	{ "huge OPEN", true, huge_open,
	  ": announced a data frame of kind OPEN with 2000 bytes; allowed are 48 to 48", 0 },
	{ "huge announcement", true, huge_announcement,
	  ": announced a data frame of kind CANCEL with 4294967295 bytes; allowed are 0 to 0", 0 },
	{ "credit for nothing", true, credit_for_nothing,
	  ": sent CREDIT for channel 3, which is unknown", 0 },
	{ "broken checksum", true, broken_checksum,
	  ": sent a data frame of kind OPEN with 48 bytes whose checksum is wrong", 0 },
	{ "opened twice", true, opened_twice, ": opened channel 0 twice", 0 },
	{ "number too large", true, number_too_large,
	  ": opened channel 65536; numbers go up to 65535", 0 },
};

/* ---- as a producer -------------------------------------------------------------------------- */

static void bytes_before_opened(struct evil *evil) { say_bytes(evil, 0, 0, 0); }
static void opened_again(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_kind(evil, DATA_OPENED, 0);
}
static void bytes_for_a_stranger(struct evil *evil)
{
	say(evil, (struct data_frame){ .kind = DATA_BYTES, .channel = 17 },
	    bytes_of("12345678", 8));
}
static void a_gap(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_bytes(evil, 0, 0, 0);
	say_bytes(evil, 0, 104, 0);
}
static void a_skipped_segment(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_bytes(evil, 0, 0, 0);
	say_bytes(evil, 1, 0, 0);
}
static void more_than_the_credit(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	for (uint64_t k = 0; k < 3; k++)
		say_bytes(evil, k, 0, DATA_ENDS_SEGMENT);
}
static void past_the_segment(struct evil *evil)
{
	static const char body[2048];
	say_kind(evil, DATA_OPENED, 0);
	say_bytes(evil, 0, 0, 0);
	say(evil, (struct data_frame){ .kind = DATA_BYTES, .offset_bytes = 96 },
	    bytes_of(body, 2048));
}
static void larger_than_a_segment(struct evil *evil)
{
	static const char body[4096];
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_BYTES }, bytes_of(body, sizeof(body)));
}
static void invalid_run(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_BYTES },
	    bytes_of("wwwwwwwwwwwwwwwwwwwwwwww", 24));
}

/* A piece with 64 bytes of a record, the channel's first bytes or those behind them. */
static void say_piece(struct evil *evil, uint32_t at, uint32_t record_bytes, uint32_t offset_bytes)
{
	struct piece_head piece[3] = { {
		.run = { .size_bytes = sizeof(piece), .flags = RUN_PIECE },
		.record_bytes = record_bytes,
		.offset_bytes = offset_bytes,
	} };

	say(evil, (struct data_frame){ .kind = DATA_BYTES, .offset_bytes = at },
	    bytes_of(piece, sizeof(piece)));
}
static void piece_of_nothing(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_piece(evil, 0, 4000, 64);
}
static void piece_of_too_much(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_piece(evil, 0, UINT32_MAX, 0);
}
static void piece_out_of_turn(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_piece(evil, 0, 4000, 0);
	say_piece(evil, 96, 4000, 128);
}
static void run_within_a_record(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_piece(evil, 0, 4000, 0);
	say_bytes(evil, 0, 96, 0);
}
static void end_within_a_record(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_piece(evil, 0, 4000, 0);
	say_control(evil, CONTROL_END_OF_INPUT, 0, 96, 0);
}
static void flipped_bit(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_bytes(evil, 0, 0, 0);
	evil->says.data[evil->says.size_bytes - 1] ^= 0x10;
}
static void says_nothing(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_kind(evil, DATA_BYTES, 0);
}
static void ends_nothing(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_BYTES, .flags = DATA_ENDS_SEGMENT },
	    BYTES_EMPTY);
}
static void too_many_controls(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	for (int i = 0; i < CHANNEL_CONTROLS_MAX + 1; i++)
		say_control(evil, CONTROL_WATERMARK, 0, 0, 0);
}
static void misplaced_control(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, CONTROL_WATERMARK, 0, 96, 0);
}
static void unknown_control(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, 77, 0, 0, 0);
}
static void urgent_watermark(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, CONTROL_WATERMARK, 0, 0, DATA_URGENT);
}
static void urgent_twice(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, CONTROL_BARRIER, 0, 0, DATA_URGENT);
	say_control(evil, CONTROL_BARRIER, 0, 0, DATA_URGENT);
}
static void urgent_nowhere(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, CONTROL_BARRIER, UINT64_MAX, 0, DATA_URGENT);
}
static void closed_too_early(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_kind(evil, DATA_CLOSE, 0);
}
static void more_after_the_end(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_control(evil, CONTROL_END_OF_INPUT, 0, 0, 0);
	say_bytes(evil, 0, 0, 0);
}
static void refused_after_opened(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_REFUSED }, bytes_of("\1\0\0\0no", 6));
}
static void fails_with_a_text(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_FAIL },
	    bytes_of("\242\17\0\0bad \x1b[31m", 13));
}

/* A run of 100 records, packed, and what is announced of it; `raw_bytes` 0: the truth. */
static void say_packed(struct evil *evil, uint32_t raw_bytes, uint64_t segment,
		       uint32_t offset_bytes)
{
	_Alignas(8) char run[2048];
	char packed[2048];
	uint32_t size_bytes = evil_run(run, 100);
	int packed_bytes = LZ4_compress_default(run, packed, (int)size_bytes, sizeof(packed));

	evil->offers = DATA_OFFER_LZ4;
	say(evil,
	    (struct data_frame){ .kind = DATA_BYTES,
				 .segment = segment,
				 .offset_bytes = offset_bytes,
				 .flags = DATA_LZ4,
				 .raw_bytes = raw_bytes != 0 ? raw_bytes : size_bytes },
	    bytes_of(packed, (size_t)packed_bytes));
}
static void say_as_packed(struct evil *evil, const void *body, size_t size_bytes,
			  uint32_t raw_bytes)
{
	evil->offers = DATA_OFFER_LZ4;
	say_kind(evil, DATA_OPENED, 0);
	say(evil,
	    (struct data_frame){ .kind = DATA_BYTES, .flags = DATA_LZ4, .raw_bytes = raw_bytes },
	    bytes_of(body, size_bytes));
}
static void packed_unasked(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 0, 0, 0);
	evil->offers = 0;
}
static void packed_too_much(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 2049, 0, 0);
}
static void packed_for_nothing(struct evil *evil) { say_as_packed(evil, "12345678", 8, 8); }
static void packed_nothing(struct evil *evil) { say_as_packed(evil, "", 0, 100); }
static void packed_by_the_number_only(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say(evil, (struct data_frame){ .kind = DATA_BYTES, .raw_bytes = 5 },
	    bytes_of("12345678", 8));
}
static void packed_past_the_segment(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_bytes(evil, 0, 0, 0);
	say_packed(evil, 2048, 0, 96);
	evil->offers = DATA_OFFER_LZ4;
}
static void packed_past_the_credit(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 0, 2, 0);
}
static void packed_flipped_bit(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 0, 0, 0);
	evil->says.data[evil->says.size_bytes - 1] ^= 0x10;
}
static void packed_less(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 817, 0, 0);
}
static void packed_more(struct evil *evil)
{
	say_kind(evil, DATA_OPENED, 0);
	say_packed(evil, 815, 0, 0);
}
static void packed_garbage(struct evil *evil)
{
	say_as_packed(evil, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 1000);
}
static void packed_invalid_run(struct evil *evil)
{
	static const char zeroes[512];
	char packed[512];

	say_as_packed(evil, packed,
		      (size_t)LZ4_compress_default(zeroes, packed, sizeof(zeroes), sizeof(packed)),
		      sizeof(zeroes));
}

static const struct evil_case producer_cases[] = {
	{ "bytes before OPENED", true, bytes_before_opened,
	  ": sent BYTES for channel 0 before it was opened", ERR_NET_PROTOCOL },
	{ "opened again", true, opened_again, ": sent OPENED for channel 0 while it was open",
	  ERR_NET_PROTOCOL },
	{ "bytes for a stranger", true, bytes_for_a_stranger,
	  ": sent BYTES for channel 17, which is unknown", ERR_NET_PROTOCOL },
	{ "a gap", true, a_gap,
	  ": channel 0: bytes for segment 0, offset 104 came where segment 0, offset 96 goes on",
	  ERR_NET_PROTOCOL },
	{ "a skipped segment", true, a_skipped_segment,
	  ": channel 0: bytes for segment 1, offset 0 came where segment 0, offset 96 goes on",
	  ERR_NET_PROTOCOL },
	{ "more than the credit", true, more_than_the_credit,
	  ": sent bytes for segment 2 of channel 0, whose limit is 2", ERR_CREDIT_EXCEEDED },
	{ "past the segment", true, past_the_segment,
	  ": channel 0: 2048 bytes at offset 96 do not fit a segment of 2048 bytes",
	  ERR_NET_PROTOCOL },
	{ "larger than a segment", true, larger_than_a_segment,
	  ": announced a data frame of kind BYTES with 4096 bytes; allowed are 0 to 2048",
	  ERR_NET_PROTOCOL },
	{ "invalid run", true, invalid_run,
	  ": sent invalid records for channel 0: a run says it has", ERR_RECORD_INVALID },
	{ "piece of nothing", true, piece_of_nothing,
	  ": sent invalid records for channel 0: a piece begins at byte 64 of its record; 0 bytes",
	  ERR_RECORD_INVALID },
	{ "piece of too much", true, piece_of_too_much,
	  ": sent invalid records for channel 0: a record \"number\" of 4294967295 bytes was announced; "
	  "allowed here are 100000", ERR_RECORD_TOO_LARGE },
	{ "piece out of turn", true, piece_out_of_turn,
	  ": sent invalid records for channel 0: a piece begins at byte 128 of its record; 64 bytes",
	  ERR_RECORD_INVALID },
	{ "run within a record", true, run_within_a_record,
	  ": sent invalid records for channel 0: a run came after 64 of 4000 bytes of a record that",
	  ERR_RECORD_INVALID },
	{ "end within a record", true, end_within_a_record,
	  ": sent a control element for channel 0 after 64 of 4000 bytes of a record that travels in "
	  "pieces", ERR_NET_PROTOCOL },
	{ "flipped bit", true, flipped_bit,
	  ": sent a data frame of kind BYTES with 96 bytes whose checksum is wrong",
	  ERR_NET_PROTOCOL },
	{ "says nothing", true, says_nothing, ": sent a data frame that says nothing",
	  ERR_NET_PROTOCOL },
	{ "ends nothing", true, ends_nothing, ": channel 0: segment 0 ends before it began",
	  ERR_NET_PROTOCOL },
	{ "too many controls", true, too_many_controls,
	  ": sent more than 32 control elements for channel 0 before any was taken",
	  ERR_CREDIT_EXCEEDED },
	{ "misplaced control", true, misplaced_control,
	  ": sent a control element for channel 0 at segment 0, offset 96, which came at segment 0, offset 0",
	  ERR_NET_PROTOCOL },
	{ "unknown control", true, unknown_control, ": sent a control element of kind 77",
	  ERR_NET_PROTOCOL },
	{ "urgent watermark", true, urgent_watermark, ": sent a control element of kind 1",
	  ERR_NET_PROTOCOL },
	{ "urgent twice", true, urgent_twice,
	  ": sent a second urgent barrier for channel 0 before the first was taken",
	  ERR_NET_PROTOCOL },
	{ "urgent nowhere", true, urgent_nowhere,
	  ": sent an urgent barrier for channel 0 at segment 18446744073709551615, offset 0",
	  ERR_NET_PROTOCOL },
	{ "closed too early", true, closed_too_early,
	  ": sent CLOSE for channel 0 while it was open", ERR_NET_PROTOCOL },
	{ "more after the end", true, more_after_the_end,
	  ": sent BYTES for channel 0 while it was open, after its end", ERR_NET_PROTOCOL },
	{ "refused after OPENED", true, refused_after_opened,
	  ": sent REFUSED for channel 0 while it was open", ERR_NET_PROTOCOL },
	{ "fails with a text", true, fails_with_a_text, NULL, ERR_SINK_UNWRITABLE },
	{ "another dialect", true, another_dialect, NULL, ERR_NET_VERSION },
	{ "packed unasked", true, packed_unasked,
	  ": sent a packed data frame, which was not agreed on", ERR_NET_PROTOCOL },
	{ "packed too much", true, packed_too_much,
	  " packed bytes that become 2049; a segment has 2048", ERR_NET_PROTOCOL },
	{ "packed for nothing", true, packed_for_nothing,
	  ": announced a data frame of 8 packed bytes that become 8;", ERR_NET_PROTOCOL },
	{ "packed nothing", true, packed_nothing,
	  ": announced a data frame of 0 packed bytes that become 100;", ERR_NET_PROTOCOL },
	{ "packed by the number only", true, packed_by_the_number_only,
	  ": announced a data frame of 8 bytes that become 5;", ERR_NET_PROTOCOL },
	{ "packed past the segment", true, packed_past_the_segment,
	  ": channel 0: 2048 bytes at offset 96 do not fit a segment of 2048 bytes",
	  ERR_NET_PROTOCOL },
	{ "packed past the credit", true, packed_past_the_credit,
	  ": sent bytes for segment 2 of channel 0, whose limit is 2", ERR_CREDIT_EXCEEDED },
	{ "packed, a flipped bit", true, packed_flipped_bit, " bytes whose checksum is wrong",
	  ERR_NET_PROTOCOL },
	{ "packed less than announced", true, packed_less,
	  " packed bytes that do not become the 817 announced", ERR_NET_PROTOCOL },
	{ "packed more than announced", true, packed_more,
	  " packed bytes that do not become the 815 announced", ERR_NET_PROTOCOL },
	{ "packed garbage", true, packed_garbage,
	  ": sent 8 packed bytes that do not become the 1000 announced", ERR_NET_PROTOCOL },
	{ "packed, an invalid run", true, packed_invalid_run,
	  ": sent invalid records for channel 0: ", ERR_RECORD_INVALID },
};

/* ---- the runs ------------------------------------------------------------------------------- */

/* Two TaskManagers that go about their work meanwhile: producers and consumers on both. */
static void bed_at_work(struct bed *bed)
{
	struct sim_options options = { .delay_us_min = 50,
				       .delay_us_max = 200,
				       .short_read_ppm = 5000 };

	memset(bed, 0, sizeof(*bed));
	bed->nodes_count = 2;
	bed->producers_count = bed->consumers_count = 2;
	bed->numbers = 3000;
	bed->segment_bytes = 2048;
	bed->exclusive = 2;
	bed->lz4_nodes = 3;
	bed_create(bed, 7, &options);
	for (uint32_t i = 0; i < 2; i++) {
		bed_task_create(bed, &bed->producers[i], true, i, i);
		bed_task_create(bed, &bed->consumers[i], false, i, i);
	}
	bed_start(bed);
	sim_on_event(bed->sim, bed_check, bed);
	log_count = 0;
	buf_clear(&log_lines);
}

static void expect_the_work_was_done(struct bed *bed, const char *name)
{
	if (!sim_run(bed->sim, 60000, bed_over_all, bed, NULL))
		fail_msg("%s: the others did not go on", name);
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t j = 0; j < 2; j++)
			assert_int_equal(bed->consumers[i].fate[j], BED_FINISHED);
}

static void expect_line(const struct evil_case *c, const char *peer)
{
	if (c->log == NULL) {
		assert_int_equal(log_count, 0);
		return;
	}
	if (log_count != 1 || strstr(log_lines.data, c->log) == NULL ||
	    strstr(log_lines.data, peer) == NULL)
		fail_msg("%s: %u lines, not one with \"%s\":\n%s", c->name, log_count, c->log,
			 log_lines.data);
}

static void strangers_and_broken_consumers_are_named_and_cut(void **state)
{
	static struct bed bed;
	struct evil evil;

	for (size_t i = 0; i < ARRAY_COUNT(consumer_cases); i++) {
		const struct evil_case *c = &consumer_cases[i];

		bed_at_work(&bed);
		evil_create(&evil, bed.sim, bed_secret, c->shakes, false);
		c->says(&evil);
		evil_start(&evil, "tm0", shuffle_port(bed.nodes[0].shuffle));
		if (!sim_run(bed.sim, 6000, evil_closed, &evil, NULL))
			fail_msg("%s: the connection stays open", c->name);
		expect_line(c, "closed a data connection: evil:");
		expect_the_work_was_done(&bed, c->name);
		/* Nothing of it is left to come up later. */
		sim_run(bed.sim, SHUFFLE_PARTITION_WAIT_MS + 100, evil_never, NULL, NULL);
		for (uint32_t node = 0; node < 2; node++) {
			assert_true(list_empty(&bed.nodes[node].shuffle->links));
			assert_int_equal(map_count(bed.nodes[node].shuffle->outputs), 0);
		}
		evil_destroy(&evil);
		bed_destroy(&bed);
	}
}

struct victim {
	struct agent agent;
	struct channel *channel;
};

static bool victim_failed(void *context)
{
	return channel_failed(((struct victim *)context)->channel, NULL);
}

static void broken_producers_are_named_and_cut_and_their_channels_fail(void **state)
{
	static struct bed bed;
	struct evil evil;
	struct err why;

	for (size_t i = 0; i < ARRAY_COUNT(producer_cases); i++) {
		const struct evil_case *c = &producer_cases[i];
		struct channel_name name = { .job_id.bytes = { 9 } };
		struct victim victim;

		bed_at_work(&bed);
		evil_create(&evil, bed.sim, bed_secret, c->shakes, true);
		c->says(&evil);
		evil_start(&evil, "tm0", shuffle_port(bed.nodes[0].shuffle));
		fixture_agent(&victim.agent);
		struct gate *gate = gate_create(&victim.agent);
		victim.channel = shuffle_open_input(bed.nodes[0].shuffle, &name, "evil", EVIL_PORT,
						    fixture_number, gate, 0);
		if (!sim_run(bed.sim, 6000, victim_failed, &victim, NULL))
			fail_msg("%s: the channel does not fail", c->name);
		channel_failed(victim.channel, &why);
		if (why.code != c->code)
			fail_msg("%s: failed with %d: %s", c->name, why.code, why.text);
		if (c->log != NULL && strstr(why.text, c->log) == NULL)
			fail_msg("%s: failed with \"%s\"", c->name, why.text);
		expect_line(c, "closed a data connection: evil:666");
		expect_the_work_was_done(&bed, c->name);
		shuffle_close_input(bed.nodes[0].shuffle, &victim.channel);
		gate_destroy(&gate);
		evil_destroy(&evil);
		bed_destroy(&bed);
	}
}

/* Not the peer's breach but ours to say no: it is told, and may go on. */
static void what_cannot_be_is_refused_in_words(void **state)
{
	static struct bed bed;
	struct evil evil;
	struct channel_name name = { .job_id.bytes = { 9 } };
	static const char *const texts[] = {
		"network buffers have 2048 bytes, the consuming one's 1024",
		"edge 0 from subtask 0 to subtask 0: its consumer expects records of another type",
	};

	bed_at_work(&bed);
	struct channel *output =
		shuffle_open_output(bed.nodes[0].shuffle, &name, fixture_number, NULL);
	evil_create(&evil, bed.sim, bed_secret, true, false);
	say_open(&evil, 0, 0, fixture_number->hash, 1024);
	say_open(&evil, 1, 0, fixture_number->hash + 1, 2048);
	evil_start(&evil, "tm0", shuffle_port(bed.nodes[0].shuffle));
	expect_the_work_was_done(&bed, "refused");
	assert_false(evil.closed);
	assert_int_equal(log_count, 0);
	const char *at = evil.heard.data;
	for (uint32_t i = 0; i < 2; i++) {
		struct data_frame frame;
		struct err err;

		assert_int_equal(data_frame_read((const uint8_t *)at, true, 2048, &frame, &err), 0);
		assert_int_equal(frame.kind, DATA_REFUSED);
		assert_int_equal(frame.channel, i);
		data_error_read(bytes_of(at + DATA_FRAME_HEADER_BYTES, frame.size_bytes), &err);
		assert_int_equal(err.code, ERR_NET_PROTOCOL);
		assert_non_null(strstr(err.text, texts[i]));
		at += DATA_FRAME_HEADER_BYTES + frame.size_bytes;
	}
	shuffle_close_output(bed.nodes[0].shuffle, &output, true, NULL);
	evil_destroy(&evil);
	bed_destroy(&bed);
}

static int hostile_setup(void **state)
{
	static wall_t clock;

	buf_init(&log_lines);
	log_to(keep_line, NULL, no_clock, &clock);
	return fixture_setup(state);
}

static int hostile_teardown(void **state)
{
	log_to(NULL, NULL, NULL, NULL);
	buf_fini(&log_lines);
	return fixture_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_and_broken_consumers_are_named_and_cut),
		cmocka_unit_test(broken_producers_are_named_and_cut_and_their_channels_fail),
		cmocka_unit_test(what_cannot_be_is_refused_in_words),
	};
	return cmocka_run_group_tests(tests, hostile_setup, hostile_teardown);
}
