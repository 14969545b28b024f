/* SPDX-License-Identifier: Apache-2.0
 * door_http.c - strict reading of HTTP/1.1 requests. Lines may end in LF alone, as RFC 9112 §2.2
 * allows; everything else that is not exactly by the rules is refused with a sentence. */
#include "jobmanager/rest/door_http.h"

#include <string.h>
#include <strings.h>

#include "common/base/mem.h"

#define CHUNK_DIGITS_MAX 8
#define CHUNK_LINE_BYTES_MAX 256
#define TRAILER_BYTES_MAX 4096
#define METHOD_BYTES_MAX 16

/* ---- the head ------------------------------------------------------------------------------- */

size_t door_head_size(const char *bytes, size_t size_bytes, size_t *scanned)
{
	/* The blank line may have begun before what was scanned. */
	size_t at = *scanned > 3 ? *scanned - 3 : 0;

	for (; at < size_bytes; at++) {
		if (bytes[at] != '\n')
			continue;
		if (at + 1 < size_bytes && bytes[at + 1] == '\n')
			return at + 2;
		if (at + 2 < size_bytes && bytes[at + 1] == '\r' && bytes[at + 2] == '\n')
			return at + 3;
	}
	*scanned = size_bytes;
	return 0;
}

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

const char *door_not_http(const char *bytes, size_t size_bytes)
{
	if (size_bytes == 0 ||
	    (is_token(bytes[0]) && (size_bytes < 4 || memcmp(bytes, "cfl1", 4) != 0)))
		return NULL;
	if (bytes[0] == '\x16') /* a TLS record with a ClientHello */
		return "This port speaks plain HTTP; write http:// instead of https://.";
	if (bytes[0] == 'c')
		return "This port speaks HTTP; cflink's own protocol is spoken at jobmanager.rpc.port.";
	return "These bytes are no HTTP request.";
}

static size_t token_length(const char *text)
{
	size_t length = 0;

	while (is_token(text[length]))
		length++;
	return length;
}

/* Takes the next line off, without its end; NULL: none is left. */
static char *next_line(char **at, const char *end)
{
	char *line = *at, *feed;

	if (line >= end)
		return NULL;
	feed = memchr(line, '\n', (size_t)(end - line));
	if (feed == NULL)
		return NULL;
	*at = feed + 1;
	if (feed > line && feed[-1] == '\r')
		feed--;
	*feed = '\0';
	return line;
}

/* "http://host/path" means "/path" (RFC 9112 §3.2.2). NULL: neither form. */
static char *origin_form(char *target)
{
	char *slash;

	if (target[0] == '/' || strcmp(target, "*") == 0)
		return target;
	if (strncasecmp(target, "http://", 7) != 0 || target[7] == '\0')
		return NULL;
	slash = strchr(target + 7, '/');
	return slash;
}

static int parse_request_line(char *line, struct door_head *head, const char **why)
{
	size_t length = token_length(line);
	char *target = line + length + 1, *space;

	*why = "The first line is not METHOD PATH HTTP/1.1.";
	if (length == 0 || length > METHOD_BYTES_MAX || line[length] != ' ')
		return 400;
	line[length] = '\0';
	head->method = line;
	space = strchr(target, ' ');
	if (space == NULL || space == target)
		return 400;
	*space = '\0';
	for (const char *c = target; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '#')
			return *why = "The path has bytes that must be percent-encoded.", 400;
	head->target = origin_form(target);
	if (head->target == NULL)
		return *why = "The path does not begin with a slash.", 400;
	const char *version = space + 1;

	if (strncmp(version, "HTTP/", 5) != 0)
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return *why = "Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505;
	head->minor = version[7] - '0';
	return 0;
}

static int parse_header(char *line, struct door_head *head, const char **why)
{
	size_t length = token_length(line);
	char *value = line + length + 1, *end;

	if (length == 0 || line[length] != ':')
		return *why = "A header is not NAME: VALUE on one line.", 400;
	if (strlen(value) + length + 1 > DOOR_HEADER_BYTES_MAX)
		return *why = "A header has more than 8192 bytes.", 431;
	if (head->headers_count == DOOR_HEADERS_MAX)
		return *why = "There are more than 64 headers.", 431;
	line[length] = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (const char *c = value; *c != '\0'; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return *why = "A header's value has control characters.", 400;
	head->headers[head->headers_count++] = (struct door_header){ line, value };
	return 0;
}

/* Digits only, at most 18 of them. */
static bool parse_length(const char *text, uint64_t *length)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return false;
	*length = 0;
	for (size_t i = 0; i < digits; i++)
		*length = *length * 10 + (uint64_t)(text[i] - '0');
	return true;
}

/* The header that may be there once; false: twice. */
static bool find_once(const struct door_head *head, const char *name, const char **value)
{
	*value = NULL;
	for (uint32_t i = 0; i < head->headers_count; i++) {
		if (strcasecmp(head->headers[i].name, name) != 0)
			continue;
		if (*value != NULL)
			return false;
		*value = head->headers[i].value;
	}
	return true;
}

static int settle_framing(struct door_head *head, const char **why)
{
	const char *length, *coding;

	if (!find_once(head, "Content-Length", &length) ||
	    !find_once(head, "Transfer-Encoding", &coding))
		return *why = "The body's length is given twice.", 400;
	if (length != NULL && coding != NULL)
		return *why = "The body has both a length and a transfer coding.", 400;
	if (coding != NULL && head->minor == 0)
		return *why = "HTTP/1.0 has no transfer codings.", 400;
	if (coding != NULL && strcasecmp(coding, "chunked") != 0)
		return *why = "The only transfer coding taken is chunked.", 501;
	if (length != NULL && !parse_length(length, &head->length))
		return *why = "Content-Length is not a number.", 400;
	head->framing = coding != NULL	   ? DOOR_CHUNKED
			: head->length > 0 ? DOOR_LENGTH
					   : DOOR_NO_BODY;
	return 0;
}

/* Whether a list of words, as in Connection, has this one. */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		size_t item = strcspn(list, ", \t");

		if (item == length && strncasecmp(list, word, length) == 0)
			return true;
		list += item;
	}
	return false;
}

static int settle(struct door_head *head, const char **why)
{
	const char *connection = door_header_value(head, "Connection"), *expect;

	if (!find_once(head, "Host", &head->host) || (head->host == NULL && head->minor == 1))
		return *why = "HTTP/1.1 wants exactly one Host header.", 400;
	if (head->host == NULL)
		head->host = "";
	if (!find_once(head, "Expect", &expect) ||
	    (expect != NULL && strcasecmp(expect, "100-continue") != 0))
		return *why = "Nothing but 100-continue can be expected.", 417;
	head->expects_continue = expect != NULL && head->minor == 1;
	head->keep_alive = head->minor == 1 ? !has_word(connection, "close")
					    : has_word(connection, "keep-alive");
	return settle_framing(head, why);
}

int door_head_parse(char *bytes, size_t size_bytes, struct door_head *head, const char **why)
{
	char *at = bytes, *line;
	const char *end = bytes + size_bytes;
	int status;

	memset(head, 0, sizeof(*head));
	if (memchr(bytes, '\0', size_bytes) != NULL)
		return *why = "There is a NUL in the head.", 400;
	line = next_line(&at, end);
	status = line ? parse_request_line(line, head, why) : 400;
	if (line == NULL)
		*why = "The first line is not METHOD PATH HTTP/1.1.";
	while (status == 0 && (line = next_line(&at, end)) != NULL && *line != '\0')
		status = parse_header(line, head, why);
	return status != 0 ? status : settle(head, why);
}

const char *door_header_value(const struct door_head *head, const char *name)
{
	for (uint32_t i = 0; i < head->headers_count; i++)
		if (strcasecmp(head->headers[i].name, name) == 0)
			return head->headers[i].value;
	return NULL;
}

/* ---- bodies in chunks ----------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int take_size(struct door_chunks *chunks, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (chunks->digits++ == CHUNK_DIGITS_MAX)
			return -1;
		chunks->left = chunks->left * 16 + (uint64_t)digit;
		return 0;
	}
	if (chunks->digits == 0)
		return -1;
	chunks->line_bytes = 0;
	if (c == '\r')
		chunks->state = DOOR_CHUNK_SIZE_LF;
	else if (c == ';')
		chunks->state = DOOR_CHUNK_EXTENSION;
	else if (c == ' ' || c == '\t')
		chunks->state = DOOR_CHUNK_BLANK;
	else
		return -1;
	return 0;
}

static int take_blank(struct door_chunks *chunks, char c)
{
	if (++chunks->line_bytes > CHUNK_LINE_BYTES_MAX)
		return -1;
	if (c == '\r')
		chunks->state = DOOR_CHUNK_SIZE_LF;
	else if (c == ';')
		chunks->state = DOOR_CHUNK_EXTENSION;
	return c == '\r' || c == ';' || c == ' ' || c == '\t' ? 0 : -1;
}

static int take_trailer(struct door_chunks *chunks, char c)
{
	if (++chunks->trailer_bytes > TRAILER_BYTES_MAX || c == '\n' || c == '\0')
		return -1;
	if (c == '\r')
		chunks->state = chunks->state == DOOR_CHUNK_TRAILER ? DOOR_CHUNK_LAST_LF
								    : DOOR_CHUNK_TRAILER_LF;
	else
		chunks->state = DOOR_CHUNK_TRAILER_LINE;
	return 0;
}

/* One byte outside a chunk's data. */
static int take_byte(struct door_chunks *chunks, char c)
{
	switch (chunks->state) {
	case DOOR_CHUNK_SIZE: return take_size(chunks, c);
	case DOOR_CHUNK_BLANK: return take_blank(chunks, c);
	case DOOR_CHUNK_EXTENSION:
		if (++chunks->line_bytes > CHUNK_LINE_BYTES_MAX || c == '\n' || c == '\0')
			return -1;
		if (c == '\r')
			chunks->state = DOOR_CHUNK_SIZE_LF;
		return 0;
	case DOOR_CHUNK_SIZE_LF:
		chunks->state = chunks->left > 0 ? DOOR_CHUNK_DATA : DOOR_CHUNK_TRAILER;
		break;
	case DOOR_CHUNK_CR: chunks->state = DOOR_CHUNK_LF; return c == '\r' ? 0 : -1;
	case DOOR_CHUNK_LF:
		chunks->state = DOOR_CHUNK_SIZE;
		chunks->digits = 0;
		break;
	case DOOR_CHUNK_TRAILER:
	case DOOR_CHUNK_TRAILER_LINE: return take_trailer(chunks, c);
	case DOOR_CHUNK_TRAILER_LF: chunks->state = DOOR_CHUNK_TRAILER; break;
	case DOOR_CHUNK_LAST_LF: chunks->state = DOOR_CHUNKS_END; break;
	default: return -1;
	}
	return c == '\n' ? 0 : -1;
}

int door_chunks_take(struct door_chunks *chunks, const char *bytes, size_t size_bytes,
		     uint64_t bytes_max, struct buf *into, size_t *taken)
{
	*taken = 0;
	while (chunks->state != DOOR_CHUNKS_END && *taken < size_bytes) {
		if (chunks->state != DOOR_CHUNK_DATA) {
			if (take_byte(chunks, bytes[(*taken)++]) != 0)
				return -1;
			if (chunks->state == DOOR_CHUNK_DATA &&
			    chunks->left > bytes_max - into->size_bytes)
				return -2;
			continue;
		}
		size_t piece = size_bytes - *taken;

		if (piece > chunks->left)
			piece = (size_t)chunks->left;
		buf_add(into, bytes + *taken, piece);
		*taken += piece;
		chunks->left -= piece;
		if (chunks->left == 0)
			chunks->state = DOOR_CHUNK_CR;
	}
	return chunks->state == DOOR_CHUNKS_END;
}

/* ---- odds and ends -------------------------------------------------------------------------- */

char *door_decode(const char *text, size_t length, bool form)
{
	char *out = mem_alloc(length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] != '%') {
			out[used++] = form && text[i] == '+' ? ' ' : text[i];
			continue;
		}
		int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
		int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;

		if (high < 0 || low < 0 || (high == 0 && low == 0)) {
			mem_free(out);
			return NULL;
		}
		out[used++] = (char)(high * 16 + low);
		i += 2;
	}
	return out;
}

const char *door_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return status < 400 ? "OK" : "Error";
}
