/* SPDX-License-Identifier: Apache-2.0
 * text_line.h - what every text source does with a line: one rule for line ends, encoding and
 * length.
 *
 * A line ends in "\n" or "\r\n"; the last one may have no end. NUL bytes stay. Text is UTF-8; what
 * is not becomes U+FFFD, as Java's decoder has it. A line that makes a larger record than is
 * allowed (taskmanager.network.max-record-size) fails the job with its number and place: it is
 * never cut or dropped in silence. */
#ifndef CONNECTORS_TEXT_LINE_H
#define CONNECTORS_TEXT_LINE_H

#include "common/contract/operator.h"

/* Checks that records of this type can carry a line: exactly one STRING field. */
MUST_USE int text_line_type_check(const struct record_type *type, struct err *err);

/* The longest line, without its end, that the source's task may emit. */
uint32_t text_line_bytes_max(const struct operator_context *context);

/* Appends `text` to `into` with every malformed sequence replaced by U+FFFD (one per maximal part
 * of a sequence, as Java and browsers do). */
void text_line_repair(const char *text, size_t size_bytes, struct buf *into);

/* Emits one line without its end: drops one trailing '\r', repairs the encoding (through
 * `scratch`). ascii: the caller knows that there is nothing to repair. False: longer than
 * bytes_max, nothing was emitted. */
MUST_USE bool text_line_emit(struct outbox *out, const char *text, size_t size_bytes,
			     uint32_t bytes_max, bool ascii, struct buf *scratch);
/* The same for a text that is no line of a stream: a '\r' at its end stays. */
MUST_USE bool text_line_emit_whole(struct outbox *out, const char *text, size_t size_bytes,
				   uint32_t bytes_max, bool ascii, struct buf *scratch);
/* True if no byte has its top bit set. */
bool text_line_is_ascii(const char *text, size_t size_bytes);
/* The error for a line that is too long; always -1. Line numbers begin at 1. */
int text_line_too_long(struct err *err, const char *place, uint64_t line, uint32_t bytes_max);

#endif
