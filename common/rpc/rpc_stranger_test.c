/* SPDX-License-Identifier: Apache-2.0
 * rpc_stranger_test.c - whoever does not keep to the protocol is closed, with one log line, and
 * disturbs nobody else. */
#include "common/rpc/rpc_test_bed.h"

#include "common/rpc/rpc_priv.h"
#include "common/wire/little.h"

/* ---- a peer made by hand --------------------------------------------------------------------- */

/* Sends `out`, or first shakes hands properly and then sends it; reads what comes. */
struct raw {
	struct agent agent;
	struct runner *runner;
	struct conn *conn;
	struct frame_reader reader;
	struct handshake handshake;
	struct buf shaking, out;
	bool shakes, shaken, deaf, closed;
	uint32_t answers, failures;
	uint32_t failure_code;
	struct err err;
};

static int64_t raw_size_max(void *context, uint16_t kind, uint16_t method)
{
	struct raw *raw = context;

	return raw->shakes && !raw->shaken ? handshake_size_max(&raw->handshake, kind, method) :
					     LIMIT_RPC_FRAME_BYTES_MAX;
}

static int raw_write(struct raw *raw, struct buf *out)
{
	while (out->size_bytes > 0) {
		struct bytes from = buf_bytes(out);
		ssize_t wrote = conn_write(raw->conn, &from, 1, &raw->err);

		if (wrote <= 0)
			return (int)wrote;
		buf_consume(out, (size_t)wrote);
	}
	return 0;
}

static void raw_on_frame(struct raw *raw, const struct frame *frame)
{
	if (raw->shakes && !raw->shaken)
		raw->shaken =
			handshake_frame(&raw->handshake, frame, &raw->shaking, &raw->err) == 1;
	else if (frame->kind == FRAME_ANSWER)
		raw->answers++;
	else if (frame->kind == FRAME_FAILURE)
		raw->failures++;
}

static enum step raw_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct raw *raw = (struct raw *)agent;
	struct frame frame;
	int read = 0;

	(void)now;
	(void)wake_at;
	if (raw->closed)
		return STEP_DONE;
	if (raw_write(raw, &raw->shaking) < 0)
		read = -1;
	while (read >= 0 && !(raw->deaf && raw->shaken) &&
	       (read = frame_read(&raw->reader, raw->conn, &frame, &raw->err)) > 0)
		raw_on_frame(raw, &frame);
	if (read >= 0 && raw_write(raw, &raw->shaking) < 0)
		read = -1;
	if (read >= 0 && (!raw->shakes || raw->shaken) && raw_write(raw, &raw->out) < 0)
		read = -1;
	if (read >= 0)
		return STEP_IDLE;
	raw->closed = true;
	return STEP_DONE;
}

static void raw_open(struct raw *raw, struct bed *bed, bool shakes)
{
	struct id incarnation = { { 9 } };
	struct err err = ERR_INIT;

	*raw = (struct raw){ .runner = bed->client_runner, .shakes = shakes, .err = ERR_INIT };
	agent_init(&raw->agent, "stranger", raw_step);
	frame_reader_init(&raw->reader, raw_size_max, raw);
	buf_init(&raw->shaking);
	buf_init(&raw->out);
	if (shakes)
		handshake_start(&raw->handshake, HANDSHAKE_CONNECTOR, bed->client_world, "client",
				&incarnation, BYTES_EMPTY, &raw->shaking);
	assert_int_equal(conn_open(runner_loop(raw->runner), "server", bed->port, &raw->agent,
				   &raw->conn, &err), 0);
}

static void raw_close(struct raw *raw)
{
	if (!raw->closed)
		runner_remove(raw->runner, &raw->agent);
	conn_close(&raw->conn);
	frame_reader_fini(&raw->reader);
	buf_fini(&raw->shaking);
	buf_fini(&raw->out);
}

static struct raw *raw_of_run;

static bool raw_closed(struct bed *bed)
{
	(void)bed;
	return raw_of_run->closed;
}

/* Runs it to its end; how long that took. */
static int64_t raw_run(struct raw *raw, struct bed *bed, int64_t budget_ms)
{
	mono_t begin = sim_now(bed->sim);

	raw_of_run = raw;
	runner_add(raw->runner, &raw->agent);
	if (!bed_run(bed, budget_ms, raw_closed))
		return -1;
	return (sim_now(bed->sim) - begin) / NS_PER_MS;
}

/* ---- the log --------------------------------------------------------------------------------- */

static uint32_t log_lines;
static char log_last[2048];

static void log_catch(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	size_t length = size_bytes < sizeof(log_last) - 1 ? size_bytes : sizeof(log_last) - 1;

	(void)context;
	(void)level;
	log_lines++;
	memcpy(log_last, line, length);
	log_last[length] = '\0';
}

static wall_t log_clock(void *context)
{
	(void)context;
	return 0;
}

static struct bed *bed_create_logged(void)
{
	struct bed *bed = bed_create(1, NULL);

	bed->server_options.component = "Dispatcher";
	bed_do(bed, bed->server_runner, bed_server_open);
	bed_do(bed, bed->client_runner, bed_client_open);
	assert_true(bed_run(bed, 10000, bed_connected));
	log_lines = 0;
	log_last[0] = '\0';
	return bed;
}

static void call_now(struct bed *bed)
{
	bed_put(bed, "now", 0);
}

/* Another client, connected all the while, noticed nothing. */
static void bed_destroy_undisturbed(struct bed *bed)
{
	bed_do(bed, bed->client_runner, call_now);
	assert_true(bed_run(bed, 1000, bed_all_answered));
	assert_int_equal(bed->calls[bed->calls_count - 1].code, ERR_NONE);
	assert_int_equal(bed->client_downs, 0);
	bed_destroy(bed);
}

/* ---- before the handshake ends -------------------------------------------------------------- */

static void bytes_http(struct buf *out)
{
	buf_add_text(out, "GET /overview HTTP/1.1\r\nHost: localhost:6123\r\n\r\n");
}

static void bytes_tls(struct buf *out)
{
	buf_add(out, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
}

static void bytes_garbage(struct buf *out)
{
	for (uint32_t i = 0; i < 100000; i++)
		buf_add(out, &(uint8_t){ (uint8_t)(i * 2654435761u >> 13) }, 1);
}

static void bytes_magic_one_off(struct buf *out)
{
	frame_write(out, FRAME_HELLO, 0, 0, 0, bytes_of_text("x"));
	out->data[3] = '2';
}

static void bytes_oversized(struct buf *out)
{
	frame_write(out, FRAME_HELLO, 0, 0, 0, BYTES_EMPTY);
	little_put_u32(out->data + 4, 0x7fffffff);
}

static void bytes_request_first(struct buf *out)
{
	uint8_t body[RPC_REQUEST_HEAD_BYTES] = { 0 };

	frame_write(out, FRAME_REQUEST, 101, 1, 0, bytes_of(body, sizeof(body)));
}

static void bytes_old_version(struct buf *out)
{
	uint8_t body[HANDSHAKE_INTRODUCTION_BYTES] = { 0, 0 };

	frame_write(out, FRAME_HELLO, 0, 0, 0, bytes_of(body, sizeof(body)));
}

static void bytes_checksum(struct buf *out)
{
	frame_write(out, FRAME_HELLO, 0, 0, 0, bytes_of_text("some bytes of a HELLO"));
	out->data[FRAME_HEADER_BYTES] ^= 1;
}

static void strangers_are_closed_with_one_line(void **state)
{
	struct {
		void (*bytes)(struct buf *out);
		const char *line;
	} cases[] = {
		{ bytes_http, "sent an HTTP request" },
		{ bytes_tls, "sent a TLS hello" },
		{ bytes_garbage, "no cflink frame" },
		{ bytes_magic_one_off, "they begin with 63 66 6c 32" },
		{ bytes_oversized, "with 2147483647 bytes; at most 256 are allowed" },
		{ bytes_request_first, "kind 10, method 101, which is not expected now" },
		{ bytes_old_version, "protocol version 1, the connecting side version 0" },
		{ bytes_checksum, "whose checksum is wrong" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bed *bed = bed_create_logged();
		struct raw raw;

		raw_open(&raw, bed, false);
		cases[i].bytes(&raw.out);
		int64_t took_ms = raw_run(&raw, bed, 10000);
		if (took_ms < 0 || took_ms > 100)
			fail_msg("case %zu: closed after %lld ms", i, (long long)took_ms);
		if (log_lines != 1 || strstr(log_last, cases[i].line) == NULL)
			fail_msg("case %zu: %u lines, the last \"%s\"", i, log_lines, log_last);
		assert_int_equal(bed->server_ups, 1);
		raw_close(&raw);
		bed_destroy_undisturbed(bed);
	}
}

static void bytes_half_hello(struct buf *out)
{
	uint8_t body[HANDSHAKE_INTRODUCTION_BYTES] = { FRAME_PROTOCOL_VERSION };

	frame_write(out, FRAME_HELLO, 0, 0, 0, bytes_of(body, sizeof(body)));
	out->size_bytes -= 10;
}

static void bytes_none(struct buf *out)
{
	(void)out;
}

static void who_says_nothing_is_closed_after_a_while(void **state)
{
	void (*const cases[])(struct buf *out) = { bytes_none, bytes_half_hello };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bed *bed = bed_create_logged();
		struct raw raw;

		raw_open(&raw, bed, false);
		cases[i](&raw.out);
		assert_in_range(raw_run(&raw, bed, 20000), LIMIT_HANDSHAKE_MS,
				LIMIT_HANDSHAKE_MS + 20);
		assert_int_equal(log_lines, 1);
		assert_non_null(strstr(log_last, "did not finish the handshake within 5000 ms"));
		raw_close(&raw);
		bed_destroy_undisturbed(bed);
	}
}

/* ---- after it -------------------------------------------------------------------------------- */

static void bytes_session(struct buf *out, uint64_t session, uint32_t connection)
{
	uint8_t body[RPC_SESSION_BYTES];

	little_put_u64(body, session);
	little_put_u32(body + 8, connection);
	frame_write(out, FRAME_SESSION, 0, 0, 0, bytes_of(body, sizeof(body)));
}

static void bytes_request(struct buf *out, uint16_t method, uint32_t call, uint32_t flags,
			  const char *message)
{
	uint8_t body[RPC_REQUEST_HEAD_BYTES + 100] = { 0 };
	size_t size_bytes = strlen(message);

	little_put_u32(body + 28, 10000);
	little_put_u32(body + 32, call);
	memcpy(body + RPC_REQUEST_HEAD_BYTES, message, size_bytes);
	frame_write(out, FRAME_REQUEST, method, call, flags,
		    bytes_of(body, RPC_REQUEST_HEAD_BYTES + size_bytes));
}

static void bytes_no_session(struct buf *out)
{
	bytes_request(out, 101, 1, 0, "");
}

static void bytes_two_sessions(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_session(out, 1, 2);
}

static void bytes_short_session(struct buf *out)
{
	frame_write(out, FRAME_SESSION, 0, 0, 0, bytes_of_text("short"));
}

static void bytes_short_request(struct buf *out)
{
	bytes_session(out, 1, 1);
	frame_write(out, FRAME_REQUEST, 101, 1, 0, bytes_of_text("short"));
}

static void bytes_no_message(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_request(out, 101, 1, 0, "\xff\xff\xff\xff");
}

static void bytes_no_text(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_request(out, 101, 1, 0, "\x12\x02\xc3\x28"); /* name, two bytes */
}

static void bytes_call_twice(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_request(out, 102, 5, 0, "\x0a\x03\x48\xcf\x0f"); /* default_parallelism 1999 */
	bytes_request(out, 102, 5, 0, "\x0a\x03\x48\xcf\x0f");
}

static void bytes_call_not_idempotent_again(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_request(out, 102, 5, 0, "\x0a\x03\x48\xcf\x0f");
	bytes_request(out, 102, 5, RPC_FLAG_AGAIN, "\x0a\x03\x48\xcf\x0f");
}

static void bytes_unknown_method(struct buf *out)
{
	bytes_session(out, 1, 1);
	bytes_request(out, 999, 1, 0, "");
}

static void bytes_answer_out_of_the_blue(struct buf *out)
{
	bytes_session(out, 1, 1);
	frame_write(out, FRAME_ANSWER, 101, 1000, 0, BYTES_EMPTY);
}

static void bytes_hello_again(struct buf *out)
{
	uint8_t body[HANDSHAKE_INTRODUCTION_BYTES] = { FRAME_PROTOCOL_VERSION };

	bytes_session(out, 1, 1);
	frame_write(out, FRAME_HELLO, 0, 0, 0, bytes_of(body, sizeof(body)));
}

static void peers_that_break_the_protocol_are_closed(void **state)
{
	struct {
		void (*bytes)(struct buf *out);
		uint32_t executed; /* of call 1999 */
		const char *line;
	} cases[] = {
		{ bytes_no_session, 0, "kind 10, method 101, which is not expected now" },
		{ bytes_two_sessions, 0, "kind 13, method 0, which is not expected now" },
		{ bytes_short_session, 0, "sent a session of 5 bytes instead of 12" },
		{ bytes_short_request, 0, "sent a request of 5 bytes, at least 40" },
		{ bytes_no_message, 0, "sent 4 bytes that are no PutArtifactRequest" },
		{ bytes_no_text, 0, "sent a PutArtifactRequest whose name is not UTF-8" },
		{ bytes_call_twice, 1, "sent call 5 of Dispatcher.SubmitJob a second time" },
		{ bytes_call_not_idempotent_again, 1,
		  "sent call 5 of Dispatcher.SubmitJob a second time" },
		{ bytes_unknown_method, 0, "kind 10, method 999, which is not expected now" },
		{ bytes_answer_out_of_the_blue, 0, "answered call 1000, which was never made" },
		{ bytes_hello_again, 0, "kind 1, method 0, which is not expected now" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bed *bed = bed_create_logged();
		struct raw raw;

		raw_open(&raw, bed, true);
		cases[i].bytes(&raw.out);
		if (raw_run(&raw, bed, 1000) < 0)
			fail_msg("case %zu: not closed", i);
		assert_int_equal(bed->server_ups, 2);
		assert_int_equal(bed->server_downs, 1);
		assert_int_equal(bed->server_down_why.code, ERR_NET_PROTOCOL);
		assert_int_equal(bed->executed[1999], cases[i].executed);
		if (log_lines != 1 || strstr(log_last, cases[i].line) == NULL)
			fail_msg("case %zu: %u lines, the last \"%s\"", i, log_lines, log_last);
		raw_close(&raw);
		bed_destroy_undisturbed(bed);
	}
}

/* Two bytes on the wire become a struct; a message of nothing else must not fill the memory. */
static void message_may_not_grow_without_bound(void **state)
{
	struct arena *arena = arena_create("test");
	struct err err = ERR_INIT;
	size_t size_bytes = 16 * 1024 * 1024;
	uint8_t *bytes = mem_alloc(size_bytes);

	(void)state;
	for (size_t i = 0; i < size_bytes; i += 2)
		bytes[i] = 0x22; /* JobGraph.vertices, each empty */
	assert_null(rpc_unpack(arena, &flink__job_graph__descriptor, bytes_of(bytes, size_bytes),
			       &err));
	assert_int_equal(err.code, ERR_NET_PROTOCOL);
	assert_true(arena_bytes(arena) < 320u * 1024 * 1024);
	arena_destroy(&arena);
	mem_free(bytes);
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- who comes again, and who does not listen ------------------------------------------------ */

static void newer_connection_replaces_the_older(void **state)
{
	struct bed *bed = bed_create_logged();
	struct raw older, newer, oldest;

	(void)state;
	raw_open(&older, bed, true);
	bytes_session(&older.out, 1, 7);
	assert_int_equal(raw_run(&older, bed, 500), -1);
	raw_open(&newer, bed, true);
	bytes_session(&newer.out, 1, 8);
	bytes_request(&newer.out, 101, 1, 0, "");
	assert_int_equal(raw_run(&newer, bed, 500), -1);
	assert_int_equal(newer.answers, 1);
	assert_true(older.closed);
	assert_non_null(strstr(bed->server_down_why.text, "a newer connection of the same client"));
	/* One that was under way for long is too late. */
	raw_open(&oldest, bed, true);
	bytes_session(&oldest.out, 1, 6);
	assert_true(raw_run(&oldest, bed, 500) >= 0);
	assert_false(newer.closed);
	raw_close(&older);
	raw_close(&newer);
	raw_close(&oldest);
	bed_destroy_undisturbed(bed);
}

static void repeated_call_gets_the_kept_answer(void **state)
{
	struct bed *bed = bed_create_logged();
	struct raw raw;

	(void)state;
	raw_open(&raw, bed, true);
	bytes_session(&raw.out, 1, 1);
	bytes_request(&raw.out, 101, 1, 0, "\x20\xcf\x0f"); /* offset 1999 */
	bytes_request(&raw.out, 101, 1, RPC_FLAG_AGAIN, "\x20\xcf\x0f");
	assert_int_equal(raw_run(&raw, bed, 500), -1);
	assert_int_equal(raw.answers, 2);
	assert_int_equal(bed->executed[1999], 1);
	/* Call 2 says that nothing before it is awaited: the answer of call 1 is forgotten. */
	bytes_request(&raw.out, 101, 2, 0, "\x20\xce\x0f");
	bytes_request(&raw.out, 101, 1, RPC_FLAG_AGAIN, "\x20\xcf\x0f");
	agent_wake(&raw.agent);
	bed_pass(bed, 500);
	assert_int_equal(raw.answers, 4);
	assert_int_equal(bed->executed[1999], 2);
	raw_close(&raw);
	bed_destroy_undisturbed(bed);
}

static void who_does_not_read_is_closed(void **state)
{
	struct bed *bed = bed_create_logged();
	struct raw raw;

	(void)state;
	raw_open(&raw, bed, true);
	raw.deaf = true;
	bytes_session(&raw.out, 1, 1);
	for (uint32_t call = 0; call < 40; call++)
		bytes_request(&raw.out, 105, call, 0, "\x30\x80\x89\x7a"); /* 2 000 000 bytes */
	assert_int_equal(raw_run(&raw, bed, 1000), -1);
	assert_int_equal(bed->server_downs, 0); /* 80 MB may wait */
	for (uint32_t call = 40; call < 80; call++)
		bytes_request(&raw.out, 105, call, 0, "\x30\x80\x89\x7a");
	agent_wake(&raw.agent);
	bed_pass(bed, 1000);
	assert_int_equal(bed->server_downs, 1);
	assert_int_equal(bed->server_down_why.code, ERR_NET_CLOSED);
	assert_non_null(strstr(bed->server_down_why.text, "reads too slowly: "));
	assert_int_equal(log_lines, 1);
	raw_close(&raw);
	bed_destroy_undisturbed(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_are_closed_with_one_line),
		cmocka_unit_test(who_says_nothing_is_closed_after_a_while),
		cmocka_unit_test(peers_that_break_the_protocol_are_closed),
		cmocka_unit_test(message_may_not_grow_without_bound),
		cmocka_unit_test(newer_connection_replaces_the_older),
		cmocka_unit_test(repeated_call_gets_the_kept_answer),
		cmocka_unit_test(who_does_not_read_is_closed),
	};

	log_to(log_catch, NULL, log_clock, NULL);
	return cmocka_run_group_tests_name("rpc strangers", tests, NULL, NULL);
}
