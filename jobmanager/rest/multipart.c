/* SPDX-License-Identifier: Apache-2.0
 * multipart.c - see multipart.h.
 *
 *   --BOUNDARY CRLF  headers CRLF CRLF  content CRLF  --BOUNDARY CRLF …  CRLF --BOUNDARY-- CRLF
 *
 * civetweb has a parser of its own, but it reads from a connection into files, takes what has no
 * CRLF, and knows nothing of parts that must not be there. */
#include "jobmanager/rest/multipart.h"

#include <string.h>
#include <strings.h>

static int broken(struct multipart *multipart, const char *why)
{
	multipart->why = why;
	multipart->ended = true;
	return -1;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static void advance(struct bytes *bytes, size_t size_bytes)
{
	*bytes = bytes_of((const char *)bytes->data + size_bytes, bytes->size_bytes - size_bytes);
}

static bool begins_with(struct bytes bytes, const char *text, size_t size_bytes)
{
	return bytes.size_bytes >= size_bytes && memcmp(bytes.data, text, size_bytes) == 0;
}

static const char *find(struct bytes in, const char *what, size_t what_bytes)
{
	return in.size_bytes >= what_bytes
		       ? memmem(in.data, in.size_bytes, what, what_bytes)
		       : NULL;
}

/* ---- parameters: ; name=token ; name="quoted" ----------------------------------------------- */

static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

struct parameter {
	const char *name;
	size_t name_bytes, value_bytes;
	char value[MULTIPART_NAME_BYTES_MAX + 1];
};

static bool add(struct parameter *parameter, char c)
{
	if (parameter->value_bytes == MULTIPART_NAME_BYTES_MAX)
		return false;
	parameter->value[parameter->value_bytes++] = c;
	parameter->value[parameter->value_bytes] = '\0';
	return true;
}

/* A backslash quotes a quote or itself and is one otherwise: clients on Windows send whole paths.
 * NULL: no end, or too long. */
static const char *take_quoted(const char *at, const char *end, struct parameter *parameter)
{
	for (; at < end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\'))
			at++;
		if (!add(parameter, *at))
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

/* The next one at *at, moving behind it. 1, 0: none is left, -1: malformed. */
static int take_parameter(const char **at, const char *end, struct parameter *parameter)
{
	const char *here = skip_blanks(*at, end);

	parameter->value_bytes = 0;
	parameter->value[0] = '\0';
	if (here == end)
		return 0;
	if (*here != ';')
		return -1;
	here = skip_blanks(here + 1, end);
	parameter->name = here;
	while (here < end && is_token(*here))
		here++;
	parameter->name_bytes = (size_t)(here - parameter->name);
	if (parameter->name_bytes == 0)
		return here == end ? 0 : -1; /* a semicolon at the end */
	here = skip_blanks(here, end);
	if (here == end || *here != '=')
		return -1;
	here = skip_blanks(here + 1, end);
	if (here < end && *here == '"') {
		here = take_quoted(here + 1, end, parameter);
	} else {
		const char *from = here;

		/* Some clients do not quote a name with bytes above 127. */
		while (here < end && (is_token(*here) || (unsigned char)*here >= 0x80))
			if (!add(parameter, *here++))
				return -1;
		if (here == from)
			return -1;
	}
	if (here == NULL)
		return -1;
	*at = here;
	return 1;
}

static bool is_named(const struct parameter *parameter, const char *name)
{
	return parameter->name_bytes == strlen(name) &&
	       strncasecmp(parameter->name, name, parameter->name_bytes) == 0;
}

/* ---- the beginning -------------------------------------------------------------------------- */

bool multipart_is(const char *content_type)
{
	static const char type[] = "multipart/form-data";

	if (strncasecmp(content_type, type, sizeof(type) - 1) != 0)
		return false;
	content_type += sizeof(type) - 1;
	return content_type[0] == '\0' || strchr("; \t", content_type[0]) != NULL;
}

static int take_boundary(struct multipart *multipart, const struct parameter *parameter)
{
	size_t length = parameter->value_bytes;

	if (length == 0 || length > MULTIPART_BOUNDARY_BYTES_MAX)
		return broken(multipart, "its boundary has not 1 to 70 characters");
	for (size_t i = 0; i < length; i++)
		if (parameter->value[i] < ' ' || parameter->value[i] >= 0x7f)
			return broken(multipart, "its boundary has characters that none may have");
	memcpy(multipart->boundary, "\r\n--", 4);
	memcpy(multipart->boundary + 4, parameter->value, length);
	multipart->boundary_bytes = length + 4;
	return 0;
}

/* Behind a boundary: blanks and CRLF before a part, or the two hyphens of the last one. */
static int after_boundary(struct multipart *multipart)
{
	const char *at = multipart->rest.data, *end = at + multipart->rest.size_bytes;

	if (begins_with(multipart->rest, "--", 2)) {
		for (at += 2; at < end; at++)
			if (strchr(" \t\r\n", *at) == NULL || *at == '\0')
				return broken(multipart, "something follows its last boundary");
		multipart->ended = true;
		return 0;
	}
	at = skip_blanks(at, end);
	advance(&multipart->rest, (size_t)(at - (const char *)multipart->rest.data));
	if (!begins_with(multipart->rest, "\r\n", 2))
		return broken(multipart, "a boundary is not followed by the end of its line");
	advance(&multipart->rest, 2);
	return 0;
}

int multipart_open(struct multipart *multipart, const char *content_type, struct bytes body)
{
	const char *at = strchr(content_type, ';'), *end = content_type + strlen(content_type);
	struct parameter parameter;
	int result = 1;

	*multipart = (struct multipart){ .rest = body };
	while (at != NULL && (result = take_parameter(&at, end, &parameter)) == 1) {
		if (!is_named(&parameter, "boundary"))
			continue;
		if (multipart->boundary_bytes > 0)
			return broken(multipart, "it names two boundaries");
		if (take_boundary(multipart, &parameter) < 0)
			return -1;
	}
	if (result < 0)
		return broken(multipart, "its Content-Type cannot be understood");
	if (multipart->boundary_bytes == 0)
		return broken(multipart, "its Content-Type names no boundary");
	if (begins_with(body, "\r\n", 2)) /* some clients begin so */
		advance(&multipart->rest, 2);
	/* The first boundary begins the body: there is no line end to look for. */
	if (!begins_with(multipart->rest, multipart->boundary + 2, multipart->boundary_bytes - 2))
		return broken(multipart, "it does not begin with its boundary");
	advance(&multipart->rest, multipart->boundary_bytes - 2);
	return after_boundary(multipart);
}

/* ---- parts ---------------------------------------------------------------------------------- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* UTF-8''name%20of%20file, which RFC 7578 forbids and clients send. False: malformed. */
static bool take_extended(const struct parameter *parameter, struct multipart_part *part)
{
	const char *at = parameter->value, *end = at + parameter->value_bytes;

	if (strncasecmp(at, "UTF-8'", 6) != 0 || (at = strchr(at + 6, '\'')) == NULL)
		return false;
	part->filename_bytes = 0;
	for (at++; at < end; at++) {
		char c = *at;

		if (c == '%') {
			int high = end - at > 2 ? hex(at[1]) : -1, low = high < 0 ? -1 : hex(at[2]);

			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			at += 2;
		}
		part->filename[part->filename_bytes++] = c;
	}
	part->filename[part->filename_bytes] = '\0';
	return true;
}

static void take_value(const struct parameter *parameter, char *text, size_t *size_bytes)
{
	memcpy(text, parameter->value, parameter->value_bytes + 1);
	*size_bytes = parameter->value_bytes;
}

/* form-data; name="a"; filename="b" */
static int take_disposition(struct multipart *multipart, const char *at, const char *end,
			    struct multipart_part *part)
{
	static const char type[] = "form-data";
	struct parameter parameter;
	bool named = false, plain = false, extended = false;
	int result;

	at = skip_blanks(at, end);
	if ((size_t)(end - at) < sizeof(type) - 1 || strncasecmp(at, type, sizeof(type) - 1) != 0)
		return broken(multipart, "a part is no form-data");
	at += sizeof(type) - 1;
	while ((result = take_parameter(&at, end, &parameter)) == 1) {
		bool twice = false, malformed = false;

		if (is_named(&parameter, "name")) {
			twice = named;
			named = true;
			take_value(&parameter, part->name, &part->name_bytes);
		} else if (is_named(&parameter, "filename")) {
			twice = plain;
			plain = true;
			if (!extended)
				take_value(&parameter, part->filename, &part->filename_bytes);
		} else if (is_named(&parameter, "filename*")) {
			twice = extended;
			extended = true;
			malformed = !take_extended(&parameter, part);
		}
		if (twice || malformed)
			return broken(multipart, "a part has two names, or one that is malformed");
	}
	if (result < 0 || !named)
		return broken(multipart,
			      "the Content-Disposition of a part cannot be understood, or has no name");
	part->is_file = plain || extended;
	return 1;
}

static bool header_is(const char *line, const char *colon, const char *name)
{
	return (size_t)(colon - line) == strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

/* The lines up to the blank one; the only one that means something here is Content-Disposition. */
static int take_headers(struct multipart *multipart, struct multipart_part *part)
{
	bool disposed = false;

	for (size_t taken = 0;;) {
		const char *line = multipart->rest.data;
		const char *end = find(multipart->rest, "\r\n", 2);
		size_t length = end != NULL ? (size_t)(end - line) : 0;

		if (end == NULL)
			return broken(multipart, "the headers of a part have no end");
		advance(&multipart->rest, length + 2);
		taken += length;
		if (taken > MULTIPART_HEADER_BYTES_MAX)
			return broken(multipart, "the headers of a part are longer than 8 KiB");
		if (length == 0)
			break;
		const char *colon = memchr(line, ':', length);

		if (colon == NULL || line[0] == ' ' || line[0] == '\t')
			return broken(multipart, "a part has a line that is no header");
		if (!header_is(line, colon, "Content-Disposition"))
			continue;
		if (disposed)
			return broken(multipart, "a part has two Content-Disposition headers");
		disposed = true;
		if (take_disposition(multipart, colon + 1, end, part) < 0)
			return -1;
	}
	return disposed ? 1 : broken(multipart, "a part has no Content-Disposition");
}

int multipart_next(struct multipart *multipart, struct multipart_part *part)
{
	const char *from, *end;

	part->name_bytes = part->filename_bytes = 0;
	part->name[0] = part->filename[0] = '\0';
	part->is_file = false;
	part->content = BYTES_EMPTY;
	if (multipart->ended)
		return multipart->why == NULL ? 0 : -1;
	if (take_headers(multipart, part) < 0)
		return -1;
	/* The blank line's end may also begin the boundary: an empty part. */
	from = multipart->rest.data;
	struct bytes with_line_end = bytes_of(from - 2, multipart->rest.size_bytes + 2);

	end = find(with_line_end, multipart->boundary, multipart->boundary_bytes);
	if (end == NULL)
		return broken(multipart, "it ends inside a part");
	part->content = bytes_of(from, end < from ? 0 : (size_t)(end - from));
	size_t behind = (size_t)(end - (from - 2)) + multipart->boundary_bytes;

	multipart->rest = bytes_of(from - 2 + behind, with_line_end.size_bytes - behind);
	return after_boundary(multipart) < 0 ? -1 : 1;
}
