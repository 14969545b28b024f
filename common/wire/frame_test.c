/* SPDX-License-Identifier: Apache-2.0
 * frame_test.c - frames survive any cut and no change; the handshake lets in who knows the
 * secret. */
#include "common/wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/wire/little.h"
#include "common/world/world_sim.h"

#define BODY_BYTES_MAX 5000

static int64_t size_max(void *context, uint16_t kind, uint16_t method)
{
	(void)context;
	return kind == FRAME_REQUEST && method < 10 ? BODY_BYTES_MAX : -1;
}

static int parse(struct bytes bytes, struct frame *frame, size_t *used, struct err *err)
{
	*err = ERR_INIT;
	return frame_parse(bytes, size_max, NULL, frame, used, err);
}

/* ---- cutting --------------------------------------------------------------------------------- */

static void frame_is_read_back(void **state)
{
	struct buf out;
	struct frame frame;
	struct err err;
	size_t used;

	(void)state;
	buf_init(&out);
	frame_write(&out, FRAME_REQUEST, 7, 0xfffffffe, 3, bytes_of_text("hello"));
	frame_write(&out, FRAME_REQUEST, 8, 1, 0, BYTES_EMPTY);
	assert_int_equal(parse(buf_bytes(&out), &frame, &used, &err), 1);
	assert_int_equal(used, FRAME_HEADER_BYTES + 5);
	assert_int_equal(frame.kind, FRAME_REQUEST);
	assert_int_equal(frame.method, 7);
	assert_true(frame.call == 0xfffffffe && frame.flags == 3);
	assert_true(bytes_equal(frame.body, bytes_of_text("hello")));
	buf_consume(&out, used);
	assert_int_equal(parse(buf_bytes(&out), &frame, &used, &err), 1);
	assert_int_equal(used, FRAME_HEADER_BYTES);
	assert_int_equal(frame.body.size_bytes, 0);
	buf_fini(&out);
}

static void every_beginning_of_a_frame_waits_for_more(void **state)
{
	struct buf out;
	struct frame frame;
	struct err err;
	size_t used;

	(void)state;
	buf_init(&out);
	frame_write(&out, FRAME_REQUEST, 7, 1, 0, bytes_of_text("hello"));
	for (size_t length = 0; length < out.size_bytes; length++) {
		assert_int_equal(parse(bytes_of(out.data, length), &frame, &used, &err), 0);
		assert_int_equal(used, 0);
	}
	buf_fini(&out);
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct buf out;
	struct frame frame;
	struct err err;
	size_t used;

	(void)state;
	buf_init(&out);
	frame_write(&out, FRAME_REQUEST, 3, 12345, 1, bytes_of_text("some bytes of a message"));
	for (size_t bit = 0; bit < 8 * out.size_bytes; bit++) {
		out.data[bit / 8] ^= (char)(1 << bit % 8);
		int result = parse(buf_bytes(&out), &frame, &used, &err);
		if (result > 0)
			fail_msg("bit %zu was flipped and the frame accepted", bit);
		if (result < 0)
			assert_int_equal(err.code, ERR_NET_PROTOCOL);
		out.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	buf_fini(&out);
}

static void header_is_refused_before_its_body_comes(void **state)
{
	struct {
		const char *what;
		uint32_t size_bytes;
		uint16_t kind, method;
		const char *text;
	} cases[] = {
		{ "one byte too large", BODY_BYTES_MAX + 1, FRAME_REQUEST, 1,
		  "5001 bytes; at most 5000" },
		{ "4 GiB", UINT32_MAX, FRAME_REQUEST, 1, "4294967295 bytes; at most 5000" },
		{ "unknown kind", 0, 99, 1, "kind 99, method 1, which is not expected" },
		{ "unknown method", 0, FRAME_REQUEST, 10,
		  "kind 10, method 10, which is not expected" },
	};
	uint8_t header[FRAME_HEADER_BYTES];
	struct frame frame;
	struct err err;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		frame_header(header, cases[i].kind, cases[i].method, 0, 0, BYTES_EMPTY);
		little_put_u32(header + 4, cases[i].size_bytes);
		assert_int_equal(parse(bytes_of(header, sizeof(header)), &frame, &used, &err), -1);
		assert_int_equal(err.code, ERR_NET_PROTOCOL);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("%s: \"%s\"", cases[i].what, err.text);
	}
}

static void strangers_are_named(void **state)
{
	struct {
		const char *bytes, *text;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", "sent an HTTP request" },
		{ "POST /jobs", "sent an HTTP request" },
		{ "\x16\x03\x01\x02\x00\x01", "sent a TLS hello" },
		{ "x", "begin with 78)" },
		{ "cfl2", "begin with 63 66 6c 32)" },
		{ "hello world and more", "begin with 68 65 6c 6c)" },
	};
	struct frame frame;
	struct err err;
	size_t used;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(parse(bytes_of_text(cases[i].bytes), &frame, &used, &err), -1);
		assert_int_equal(err.code, ERR_NET_PROTOCOL);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("\"%s\": \"%s\"", cases[i].bytes, err.text);
	}
}

/* ---- reading from a connection ------------------------------------------------------------- */

#define FRAMES 300

/* One agent on each of two nodes: the first writes frames of many sizes, the second reads them. */
struct line {
	struct agent agent;
	struct loop *loop;
	struct conn *conn;
	struct listener *listener;
	struct buf out;
	struct frame_reader reader;
	uint32_t frames;
	size_t buffer_bytes_max;
	bool ended;
	struct err err;
};

static uint8_t line_body[BODY_BYTES_MAX];

static size_t line_body_bytes(uint32_t frame)
{
	return (size_t)frame * frame % BODY_BYTES_MAX;
}

static enum step line_write(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct line *line = (struct line *)agent;

	(void)now;
	(void)wake_at;
	while (line->out.size_bytes > 0) {
		struct bytes from = buf_bytes(&line->out);
		ssize_t wrote = conn_write(line->conn, &from, 1, &line->err);

		if (wrote < 0)
			return STEP_DONE;
		if (wrote == 0)
			return STEP_BLOCKED;
		buf_consume(&line->out, (size_t)wrote);
	}
	if (line->ended)
		conn_close(&line->conn);
	return line->ended ? STEP_DONE : STEP_IDLE;
}

static enum step line_read(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct line *line = (struct line *)agent;
	struct frame frame;
	int result = 0;

	(void)now;
	(void)wake_at;
	if (line->conn == NULL)
		line->conn = listener_accept(line->listener, agent);
	while (line->conn != NULL &&
	       (result = frame_read(&line->reader, line->conn, &frame, &line->err)) > 0) {
		assert_int_equal(frame.call, line->frames);
		assert_int_equal(frame.body.size_bytes, line_body_bytes(line->frames));
		assert_memory_equal(frame.body.data, line_body, frame.body.size_bytes);
		line->frames++;
		if (line->reader.buffer.capacity_bytes > line->buffer_bytes_max)
			line->buffer_bytes_max = line->reader.buffer.capacity_bytes;
	}
	if (result < 0) {
		line->ended = true;
		return STEP_DONE;
	}
	return STEP_IDLE;
}

static bool line_ended(void *context)
{
	return ((struct line *)context)->ended;
}

/* Writes `content` from one node to the other, then closes; *reader is what came of it. */
static void line_run(uint64_t seed, struct bytes content, frame_size_max_fn *allowed,
		     struct line *reader)
{
	struct sim_options options = { .delay_us_max = 500, .short_read_ppm = 300000 };
	struct sim *sim = sim_create(seed, &options);
	struct world *a = sim_node(sim, "a"), *b = sim_node(sim, "b");
	struct err err = ERR_INIT;
	struct runner *runner_a = runner_create(a, "a", &err);
	struct runner *runner_b = runner_create(b, "b", &err);
	struct line writer = { .loop = runner_loop(runner_a), .ended = true };
	struct listen_options listen = { .host = "b", .port = 1 };

	*reader = (struct line){ .loop = runner_loop(runner_b), .err = ERR_INIT };
	agent_init(&writer.agent, "writer", line_write);
	agent_init(&reader->agent, "reader", line_read);
	frame_reader_init(&reader->reader, allowed, NULL);
	buf_init(&writer.out);
	buf_add(&writer.out, content.data, content.size_bytes);
	assert_int_equal(listener_open(reader->loop, &listen, &reader->agent, &reader->listener,
				       &err), 0);
	assert_int_equal(conn_open(writer.loop, "b", 1, &writer.agent, &writer.conn, &err), 0);
	runner_add(runner_a, &writer.agent);
	runner_add(runner_b, &reader->agent);
	assert_true(sim_run(sim, 60000, line_ended, reader, NULL));
	conn_close(&writer.conn);
	conn_close(&reader->conn);
	listener_close(&reader->listener);
	frame_reader_fini(&reader->reader);
	buf_fini(&writer.out);
	runner_destroy(&runner_a);
	runner_destroy(&runner_b);
	world_destroy(&a);
	world_destroy(&b);
	sim_destroy(&sim);
}

static void frames_come_whole_through_short_reads(void **state)
{
	struct line reader;
	struct buf out;

	(void)state;
	buf_init(&out);
	for (size_t i = 0; i < sizeof(line_body); i++)
		line_body[i] = (uint8_t)(i * 31);
	for (uint32_t i = 0; i < FRAMES; i++)
		frame_write(&out, FRAME_REQUEST, 1, i, 0, bytes_of(line_body, line_body_bytes(i)));
	for (uint64_t seed = 1; seed <= 5; seed++) {
		line_run(seed, buf_bytes(&out), size_max, &reader);
		assert_int_equal(reader.frames, FRAMES);
		assert_int_equal(reader.err.code, ERR_NET_CLOSED);
	}
	buf_fini(&out);
	assert_int_equal(mem_bytes_out(), 0);
}

static void half_frame_names_how_much_came(void **state)
{
	struct line reader;
	struct buf out;

	(void)state;
	buf_init(&out);
	frame_write(&out, FRAME_REQUEST, 1, 0, 0, bytes_of(line_body, 0));
	frame_write(&out, FRAME_REQUEST, 1, 1, 0, bytes_of(line_body, 1000));
	line_run(1, bytes_of(out.data, out.size_bytes - 100), size_max, &reader);
	assert_int_equal(reader.frames, 1);
	assert_int_equal(reader.err.code, ERR_NET_CLOSED);
	assert_non_null(strstr(reader.err.text, "after 924 of the 1024 bytes of a frame"));
	buf_fini(&out);
	assert_int_equal(mem_bytes_out(), 0);
}

static int64_t size_max_huge(void *context, uint16_t kind, uint16_t method)
{
	(void)context;
	(void)kind;
	(void)method;
	return 64 * 1024 * 1024;
}

static void announced_bytes_cost_no_memory(void **state)
{
	struct line reader;
	uint8_t content[FRAME_HEADER_BYTES + 100] = { 0 };

	(void)state;
	frame_header(content, FRAME_REQUEST, 1, 0, 0, BYTES_EMPTY);
	little_put_u32(content + 4, 64 * 1024 * 1024);
	line_run(1, bytes_of(content, sizeof(content)), size_max_huge, &reader);
	assert_int_equal(reader.frames, 0);
	assert_int_equal(reader.err.code, ERR_NET_CLOSED);
	assert_true(reader.buffer_bytes_max < 64 * 1024);
	assert_int_equal(mem_bytes_out(), 0);
}

static void stranger_is_named_with_its_address(void **state)
{
	struct line reader;

	(void)state;
	line_run(1, bytes_of_text("GET / HTTP/1.1\r\n\r\n"), size_max, &reader);
	assert_int_equal(reader.err.code, ERR_NET_PROTOCOL);
	/* The address comes first, then what it did. */
	assert_non_null(strstr(reader.err.text, ": sent "));
	assert_int_equal(reader.err.text[0], 'a');
	assert_int_equal(mem_bytes_out(), 0);
}

/* ---- the handshake --------------------------------------------------------------------------- */

struct pair {
	struct sim *sim;
	struct world *world;
	struct handshake connector, acceptor;
	struct buf to_acceptor, to_connector;
	struct err connector_err, acceptor_err;
	int connector_result, acceptor_result;
};

static void pair_open(struct pair *pair, const char *connector_secret, const char *acceptor_secret,
		      bool required)
{
	struct sim_options calm = { 0 };
	struct id a = { { 1, 2, 3 } }, b = { { 4, 5, 6 } };

	memset(pair, 0, sizeof(*pair));
	pair->sim = sim_create(1, &calm);
	pair->world = sim_node(pair->sim, "a");
	buf_init(&pair->to_acceptor);
	buf_init(&pair->to_connector);
	handshake_start(&pair->connector, HANDSHAKE_CONNECTOR, pair->world, "taskmanager", &a,
			bytes_of_text(connector_secret), &pair->to_acceptor);
	handshake_start(&pair->acceptor, HANDSHAKE_ACCEPTOR, pair->world, "jobmanager", &b,
			bytes_of_text(acceptor_secret), &pair->to_connector);
	pair->acceptor.require_secret = required;
}

/* Hands one frame over, if there is one. */
static bool pair_pass(struct buf *from, struct handshake *handshake, struct buf *out, int *result,
		      struct err *err)
{
	struct frame frame;
	size_t used;
	int cut;

	if (*result != 0)
		return false;
	*err = ERR_INIT;
	cut = frame_parse(buf_bytes(from), handshake_size_max, handshake, &frame, &used, err);
	if (cut <= 0) {
		*result = cut;
		return false;
	}
	*result = handshake_frame(handshake, &frame, out, err);
	buf_consume(from, used);
	return true;
}

static void pair_run(struct pair *pair)
{
	bool went_on = true;

	while (went_on) {
		went_on = pair_pass(&pair->to_acceptor, &pair->acceptor, &pair->to_connector,
				    &pair->acceptor_result, &pair->acceptor_err);
		went_on |= pair_pass(&pair->to_connector, &pair->connector, &pair->to_acceptor,
				     &pair->connector_result, &pair->connector_err);
	}
}

static void pair_close(struct pair *pair)
{
	buf_fini(&pair->to_acceptor);
	buf_fini(&pair->to_connector);
	world_destroy(&pair->world);
	sim_destroy(&pair->sim);
	assert_int_equal(mem_bytes_out(), 0);
}

/* Whose side it is whose frames are of another version: both find it out. */
static void another_dialect_is_refused_by_either_side(void **state)
{
	for (int patched = 0; patched < 2; patched++) {
		struct pair pair;

		pair_open(&pair, "", "", false);
		buf_clear(&pair.to_acceptor);
		handshake_start_with(&pair.connector, HANDSHAKE_CONNECTOR, pair.world, "shuffle", 2,
				     4, &ID_NONE, BYTES_EMPTY, &pair.to_acceptor);
		handshake_start_with(&pair.acceptor, HANDSHAKE_ACCEPTOR, pair.world, "shuffle", 2,
				     4, &ID_NONE, BYTES_EMPTY, &pair.to_connector);
		if (patched)
			pair.connector.dialect = 7; /* after its HELLO: it alone minds */
		else
			pair.acceptor.dialect = 7;
		pair_run(&pair);
		assert_int_equal(pair.connector_result, -1);
		assert_int_equal(pair.connector_err.code, ERR_NET_VERSION);
		assert_non_null(strstr(pair.connector_err.text,
				       patched ? "the connecting side sends frames of the shuffle in "
						 "version 7, the listening side in version 2" :
						 "refused the connection: the listening side sends "
						 "frames of the shuffle in version 7, the connecting "
						 "side in version 2"));
		pair_close(&pair);
	}
}

static void what_is_offered_is_heard_and_other_roles_have_no_dialect(void **state)
{
	struct pair pair;

	pair_open(&pair, "", "", false);
	buf_clear(&pair.to_acceptor);
	handshake_start_with(&pair.connector, HANDSHAKE_CONNECTOR, pair.world, "shuffle", 2, 6,
			     &ID_NONE, BYTES_EMPTY, &pair.to_acceptor);
	handshake_start_with(&pair.acceptor, HANDSHAKE_ACCEPTOR, pair.world, "other", 3, 10,
			     &ID_NONE, BYTES_EMPTY, &pair.to_connector);
	pair_run(&pair);
	assert_int_equal(pair.connector_result, 1);
	assert_int_equal(pair.acceptor_result, 1);
	assert_int_equal(pair.connector.peer_offers, 10);
	assert_int_equal(pair.acceptor.peer_offers, 6);
	pair_close(&pair);
}

static void who_knows_the_secret_comes_in(void **state)
{
	struct {
		const char *connector, *acceptor;
		bool required;
		int connector_result, acceptor_result;
		const char *text; /* what the connector is told */
	} cases[] = {
		{ "", "", false, 1, 1, NULL },
		{ "s3cret", "s3cret", false, 1, 1, NULL },
		{ "s3cret", "s3creT", false, -1, -1, "another cluster secret than the jobmanager" },
		{ "", "s3cret", false, -1, -1,
		  "wants the cluster secret, and the taskmanager has none" },
		{ "s3cret", "", false, -1, 0, "has a cluster secret, but the jobmanager has none" },
		{ "", "", true, -1, -1, "takes connections of its own host only" },
	};
	struct pair pair;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		pair_open(&pair, cases[i].connector, cases[i].acceptor, cases[i].required);
		pair_run(&pair);
		if (pair.connector_result != cases[i].connector_result ||
		    pair.acceptor_result != cases[i].acceptor_result)
			fail_msg("case %zu: connector %d (%s), acceptor %d (%s)", i,
				 pair.connector_result, pair.connector_err.text,
				 pair.acceptor_result, pair.acceptor_err.text);
		if (cases[i].text != NULL) {
			assert_int_equal(pair.connector_err.code, ERR_NET_SECRET);
			if (strstr(pair.connector_err.text, cases[i].text) == NULL)
				fail_msg("case %zu: \"%s\"", i, pair.connector_err.text);
		} else {
			assert_string_equal(pair.connector.peer_role, "jobmanager");
			assert_string_equal(pair.acceptor.peer_role, "taskmanager");
			assert_true(id_equal(&pair.connector.peer_incarnation,
					     &pair.acceptor.incarnation));
			assert_true(id_equal(&pair.acceptor.peer_incarnation,
					     &pair.connector.incarnation));
		}
		pair_close(&pair);
	}
}

/* Replaces the frame at the front by one with a changed body. */
static void pair_tamper(struct buf *buf, size_t at, uint8_t value)
{
	struct buf changed;
	uint16_t kind = little_get_u16(buf->data + 8);

	buf_init(&changed);
	buf->data[FRAME_HEADER_BYTES + at] = (char)value;
	frame_write(&changed, kind, 0, 0, 0,
		    bytes_of(buf->data + FRAME_HEADER_BYTES, buf->size_bytes - FRAME_HEADER_BYTES));
	buf_fini(buf);
	*buf = changed;
}

static void other_version_is_answered_by_name(void **state)
{
	struct pair pair;

	(void)state;
	pair_open(&pair, "", "", false);
	pair_tamper(&pair.to_acceptor, 0, 9);
	pair_run(&pair);
	assert_int_equal(pair.acceptor_err.code, ERR_NET_VERSION);
	assert_int_equal(pair.connector_err.code, ERR_NET_VERSION);
	assert_non_null(strstr(pair.connector_err.text,
			       "the listening side speaks protocol version 1, the connecting side "
			       "version 9"));
	pair_close(&pair);

	/* A later version may have said more about itself: still its number is what counts. */
	uint8_t later[200] = { 2, 0, 1, 2, 3 };
	pair_open(&pair, "", "", false);
	buf_clear(&pair.to_acceptor);
	frame_write(&pair.to_acceptor, FRAME_HELLO, 0, 0, 0, bytes_of(later, sizeof(later)));
	pair_run(&pair);
	assert_int_equal(pair.acceptor_err.code, ERR_NET_VERSION);
	pair_close(&pair);

	pair_open(&pair, "", "", false);
	assert_true(pair_pass(&pair.to_acceptor, &pair.acceptor, &pair.to_connector,
			      &pair.acceptor_result, &pair.acceptor_err));
	pair_tamper(&pair.to_connector, 0, 7);
	pair_run(&pair);
	assert_int_equal(pair.connector_err.code, ERR_NET_VERSION);
	assert_non_null(strstr(pair.connector_err.text, "the listening side version 7"));
	pair_close(&pair);
}

static void changed_introduction_breaks_the_proof(void **state)
{
	struct pair pair;

	(void)state;
	for (size_t at = 2; at < HANDSHAKE_INTRODUCTION_BYTES; at++) {
		pair_open(&pair, "s3cret", "s3cret", false);
		pair_tamper(&pair.to_acceptor, at,
			    (uint8_t)(pair.to_acceptor.data[FRAME_HEADER_BYTES + at] ^ 1));
		pair_run(&pair);
		if (pair.acceptor_result != -1 || pair.connector_result != -1)
			fail_msg("byte %zu of HELLO was changed on the way and nobody noticed", at);
		pair_close(&pair);
	}
}

static void proof_cannot_be_reflected(void **state)
{
	struct pair pair;
	struct buf proof;

	(void)state;
	/* A stranger without the secret gives the connector's own proof back as WELCOME. */
	pair_open(&pair, "s3cret", "s3cret", false);
	assert_true(pair_pass(&pair.to_acceptor, &pair.acceptor, &pair.to_connector,
			      &pair.acceptor_result, &pair.acceptor_err));
	assert_true(pair_pass(&pair.to_connector, &pair.connector, &pair.to_acceptor,
			      &pair.connector_result, &pair.connector_err));
	buf_init(&proof);
	buf_add(&proof, pair.to_acceptor.data, pair.to_acceptor.size_bytes);
	little_put_u16(proof.data + 8, FRAME_WELCOME);
	pair_tamper(&proof, 0, (uint8_t)proof.data[FRAME_HEADER_BYTES]);
	assert_true(pair_pass(&proof, &pair.connector, &pair.to_acceptor, &pair.connector_result,
			      &pair.connector_err));
	assert_int_equal(pair.connector_result, -1);
	assert_int_equal(pair.connector_err.code, ERR_NET_SECRET);
	assert_non_null(strstr(pair.connector_err.text, "did not prove"));
	buf_fini(&proof);
	pair_close(&pair);
}

static void nonsense_in_the_handshake_is_refused(void **state)
{
	struct {
		uint16_t kind;
		size_t size_bytes;
		const char *text;
	} cases[] = {
		{ FRAME_HELLO, 0, "introduced itself with 0 bytes" },
		{ FRAME_HELLO, 30, "introduced itself with 30 bytes instead of 68" },
		{ FRAME_HELLO, 68, "a role that is no name" },
		{ FRAME_HELLO, 1000, "kind 1 with 1000 bytes instead of HELLO" },
		{ FRAME_PROOF, 32, "kind 3 with 32 bytes instead of HELLO" },
		{ FRAME_REQUEST, 0, "kind 10 with 0 bytes instead of HELLO" },
		{ FRAME_REFUSED, 4, "kind 5 with 4 bytes instead of HELLO" },
	};
	uint8_t body[1000] = { FRAME_PROTOCOL_VERSION };
	struct pair pair;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct frame frame = { .kind = cases[i].kind,
				       .body = bytes_of(body, cases[i].size_bytes) };

		pair_open(&pair, "", "", false);
		assert_int_equal(handshake_frame(&pair.acceptor, &frame, &pair.to_connector,
						 &pair.acceptor_err), -1);
		assert_int_equal(pair.acceptor_err.code, ERR_NET_PROTOCOL);
		if (strstr(pair.acceptor_err.text, cases[i].text) == NULL)
			fail_msg("case %zu: \"%s\"", i, pair.acceptor_err.text);
		pair_run(&pair); /* and the connector is told */
		assert_int_equal(pair.connector_result, -1);
		pair_close(&pair);
	}
}

static void refusal_of_a_stranger_is_one_harmless_line(void **state)
{
	uint8_t body[] = { 0xff, 0xff, 0xff, 0xff, 'n', 'o', '\n', 0x1b, '[', '2', 'J', 0 };
	struct frame frame = { .kind = FRAME_REFUSED, .body = bytes_of(body, sizeof(body)) };
	struct pair pair;

	(void)state;
	pair_open(&pair, "", "", false);
	assert_int_equal(handshake_frame(&pair.connector, &frame, &pair.to_acceptor,
					 &pair.connector_err), -1);
	assert_int_equal(pair.connector_err.code, ERR_NET_PROTOCOL);
	assert_string_equal(pair.connector_err.text, "refused the connection: no??[2J?");
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_is_read_back),
		cmocka_unit_test(every_beginning_of_a_frame_waits_for_more),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(header_is_refused_before_its_body_comes),
		cmocka_unit_test(strangers_are_named),
		cmocka_unit_test(frames_come_whole_through_short_reads),
		cmocka_unit_test(half_frame_names_how_much_came),
		cmocka_unit_test(announced_bytes_cost_no_memory),
		cmocka_unit_test(stranger_is_named_with_its_address),
		cmocka_unit_test(another_dialect_is_refused_by_either_side),
		cmocka_unit_test(what_is_offered_is_heard_and_other_roles_have_no_dialect),
		cmocka_unit_test(who_knows_the_secret_comes_in),
		cmocka_unit_test(other_version_is_answered_by_name),
		cmocka_unit_test(changed_introduction_breaks_the_proof),
		cmocka_unit_test(proof_cannot_be_reflected),
		cmocka_unit_test(nonsense_in_the_handshake_is_refused),
		cmocka_unit_test(refusal_of_a_stranger_is_one_harmless_line),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
