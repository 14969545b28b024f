/* SPDX-License-Identifier: Apache-2.0
 * data_frame.c - reading and writing the frames of a data connection. The reading half takes bytes
 * from anybody who passed the handshake, so it trusts none of them. */
#include "taskmanager/shuffle/data_frame.h"

#include "common/base/hash.h"
#include "common/wire/little.h"

#define CHECKSUM_AT 24

struct kind_rule {
	const char *name; /* NULL: no such kind */
	bool from_producer;
	uint8_t flags;
	uint32_t size_bytes_min, size_bytes_max; /* BYTES: at most a segment */
};

static const struct kind_rule rules[] = {
	[DATA_OPEN] = { "OPEN", false, 0, DATA_FRAME_OPEN_BYTES, DATA_FRAME_OPEN_BYTES },
	[DATA_CREDIT] = { "CREDIT", false, DATA_URGENT_TAKEN, 0, 0 },
	[DATA_CANCEL] = { "CANCEL", false, 0, 0, 0 },
	[DATA_OPENED] = { "OPENED", true, 0, 0, 0 },
	[DATA_REFUSED] = { "REFUSED", true, 0, 4, DATA_FRAME_ERROR_BYTES_MAX },
	[DATA_BYTES] = { "BYTES", true, DATA_ENDS_SEGMENT | DATA_LZ4, 0, UINT32_MAX },
	[DATA_CONTROL] = { "CONTROL", true, DATA_URGENT, DATA_FRAME_CONTROL_BYTES,
			   DATA_FRAME_CONTROL_BYTES },
	[DATA_CLOSE] = { "CLOSE", true, 0, 0, 0 },
	[DATA_FAIL] = { "FAIL", true, 0, 4, DATA_FRAME_ERROR_BYTES_MAX },
};

const char *data_frame_kind_name(uint8_t kind)
{
	return kind < ARRAY_COUNT(rules) && rules[kind].name ? rules[kind].name : "?";
}

static uint32_t data_frame_checksum(const uint8_t header[DATA_FRAME_HEADER_BYTES],
				    struct bytes body)
{
	uint8_t covered[DATA_FRAME_HEADER_BYTES];

	memcpy(covered, header, sizeof(covered));
	memset(covered + CHECKSUM_AT, 0, 4);
	return (uint32_t)(hash_checksum(body.data, body.size_bytes) ^
			  hash_checksum(covered, sizeof(covered)));
}

void data_frame_write(uint8_t header[DATA_FRAME_HEADER_BYTES], const struct data_frame *frame,
		      struct bytes body)
{
	little_put_u32(header, frame->channel);
	little_put_u32(header + 4, (uint32_t)body.size_bytes);
	little_put_u64(header + 8, frame->segment);
	little_put_u32(header + 16, frame->offset_bytes);
	little_put_u16(header + 20, frame->backlog_segments);
	header[22] = frame->kind;
	header[23] = frame->flags;
	little_put_u32(header + 28, frame->raw_bytes);
	little_put_u32(header + CHECKSUM_AT, data_frame_checksum(header, body));
}

/* A packed body is smaller than what it becomes, which fits a segment. */
static int data_frame_check_packed(const struct data_frame *frame, uint32_t segment_bytes,
				   struct err *err)
{
	if ((frame->flags & DATA_LZ4) == 0 && frame->raw_bytes == 0)
		return 0;
	if ((frame->flags & DATA_LZ4) != 0 && frame->size_bytes > 0 &&
	    frame->raw_bytes > frame->size_bytes && frame->raw_bytes <= segment_bytes)
		return 0;
	return err_set(err, ERR_NET_PROTOCOL,
		       "announced a data frame of %u %sbytes that become %u; a segment has %u",
		       frame->size_bytes, frame->flags & DATA_LZ4 ? "packed " : "",
		       frame->raw_bytes, segment_bytes);
}

int data_frame_read(const uint8_t header[DATA_FRAME_HEADER_BYTES], bool from_producer,
		    uint32_t segment_bytes, struct data_frame *frame, struct err *err)
{
	*frame = (struct data_frame){
		.channel = little_get_u32(header),
		.size_bytes = little_get_u32(header + 4),
		.segment = little_get_u64(header + 8),
		.offset_bytes = little_get_u32(header + 16),
		.backlog_segments = little_get_u16(header + 20),
		.kind = header[22],
		.flags = header[23],
		.raw_bytes = little_get_u32(header + 28),
	};
	const struct kind_rule *rule = frame->kind < ARRAY_COUNT(rules) && rules[frame->kind].name
					       ? &rules[frame->kind]
					       : NULL;

	if (rule == NULL || rule->from_producer != from_producer)
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a data frame of kind %u, which a %s does not send",
			       frame->kind, from_producer ? "producing side" : "consuming side");
	if ((frame->flags & ~rule->flags) != 0)
		return err_set(err, ERR_NET_PROTOCOL,
			       "sent a data frame of kind %s with flags 0x%x", rule->name,
			       frame->flags);
	uint32_t size_bytes_max =
		rule->size_bytes_max < segment_bytes ? rule->size_bytes_max : segment_bytes;

	if (frame->size_bytes < rule->size_bytes_min || frame->size_bytes > size_bytes_max)
		return err_set(
			err, ERR_NET_PROTOCOL,
			"announced a data frame of kind %s with %u bytes; allowed are %u to %u",
			rule->name, frame->size_bytes, rule->size_bytes_min, size_bytes_max);
	if (frame->kind == DATA_BYTES && frame->size_bytes == 0 && frame->flags == 0)
		return err_set(err, ERR_NET_PROTOCOL, "sent a data frame that says nothing");
	return data_frame_check_packed(frame, segment_bytes, err);
}

bool data_frame_intact(const uint8_t header[DATA_FRAME_HEADER_BYTES], struct bytes body)
{
	return data_frame_checksum(header, body) == little_get_u32(header + CHECKSUM_AT);
}

/* ---- bodies --------------------------------------------------------------------------------- */

void data_open_write(uint8_t body[DATA_FRAME_OPEN_BYTES], const struct data_open *open)
{
	memcpy(body, open->name.job_id.bytes, sizeof(open->name.job_id.bytes));
	little_put_u32(body + 16, open->name.job_attempt);
	little_put_u32(body + 20, open->name.edge);
	little_put_u32(body + 24, open->name.producer);
	little_put_u32(body + 28, open->name.consumer);
	little_put_u64(body + 32, open->type_hash);
	little_put_u32(body + 40, open->segment_bytes);
	little_put_u32(body + 44, 0);
}

void data_open_read(const uint8_t body[DATA_FRAME_OPEN_BYTES], struct data_open *open)
{
	memset(open, 0, sizeof(*open));
	memcpy(open->name.job_id.bytes, body, sizeof(open->name.job_id.bytes));
	open->name.job_attempt = little_get_u32(body + 16);
	open->name.edge = little_get_u32(body + 20);
	open->name.producer = little_get_u32(body + 24);
	open->name.consumer = little_get_u32(body + 28);
	open->type_hash = little_get_u64(body + 32);
	open->segment_bytes = little_get_u32(body + 40);
}

void data_control_write(uint8_t body[DATA_FRAME_CONTROL_BYTES], const struct control *control)
{
	memset(body, 0, DATA_FRAME_CONTROL_BYTES);
	body[0] = control->kind;
	little_put_u64(body + 8, (uint64_t)control->watermark);
	little_put_u64(body + 16, control->checkpoint);
}

int data_control_read(const struct data_frame *frame, const uint8_t body[DATA_FRAME_CONTROL_BYTES],
		      struct control *control, struct err *err)
{
	*control = (struct control){
		.kind = body[0],
		.urgent = (frame->flags & DATA_URGENT) != 0,
		.watermark = (event_t)little_get_u64(body + 8),
		.checkpoint = little_get_u64(body + 16),
		.at = { frame->segment, frame->offset_bytes },
	};
	if (control->kind < CONTROL_WATERMARK || control->kind > CONTROL_LATENCY ||
	    (control->urgent && control->kind != CONTROL_BARRIER))
		return err_set(err, ERR_NET_PROTOCOL, "sent a control element of kind %u",
			       control->kind);
	return 0;
}

uint32_t data_error_write(uint8_t body[DATA_FRAME_ERROR_BYTES_MAX], const struct err *error)
{
	size_t length = strnlen(error->text, DATA_FRAME_ERROR_BYTES_MAX - 4);

	little_put_u32(body, (uint32_t)error->code);
	memcpy(body + 4, error->text, length);
	return 4 + (uint32_t)length;
}

void data_error_read(struct bytes body, struct err *error)
{
	const uint8_t *at = body.data;
	size_t length = 0;

	memset(error, 0, sizeof(*error));
	error->code = (enum err_code)little_get_u32(at);
	if (error->code == ERR_NONE)
		error->code = ERR_BUG;
	for (size_t i = 4; i < body.size_bytes && length + 1 < sizeof(error->text); i++)
		error->text[length++] = at[i] < 0x20 || at[i] == 0x7f ? '?' : (char)at[i];
}
