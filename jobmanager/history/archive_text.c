/* SPDX-License-Identifier: Apache-2.0
 * archive_text.c - writes archives, and reads what a disk says is one: a scanner for the one form
 * that archives have, which builds nothing but a table of where the entries are. */
#include "jobmanager/history/archive_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"

#define HEAD "{\"archive\":["
#define CHECKSUM_KEY "\\\"checksum\\\":\\\""
#define CHECKSUM_DIGITS 16
#define STRING_TAIL "\\\"}" /* of the entry that has it */

/* ---- writing -------------------------------------------------------------------------------- */

static void put_string(struct buf *text, const char *from, size_t size_bytes)
{
	buf_add_text(text, "\"");
	for (size_t i = 0, plain = 0; i <= size_bytes; i++) {
		uint8_t c = i < size_bytes ? (uint8_t)from[i] : 0;

		if (i < size_bytes && c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(text, from + plain, i - plain);
		plain = i + 1;
		if (i == size_bytes)
			break;
		if (c < 0x20)
			buf_printf(text, "\\u%04x", c);
		else
			buf_printf(text, "\\%c", c);
	}
	buf_add_text(text, "\"");
}

void archive_begin(struct buf *text)
{
	buf_add_text(text, HEAD);
}

void archive_add(struct buf *text, const char *path, struct bytes answer)
{
	if (text->data[text->size_bytes - 1] != '[')
		buf_add_text(text, ",\n");
	buf_add_text(text, "{\"path\":");
	put_string(text, path, strlen(path));
	buf_add_text(text, ",\"json\":");
	put_string(text, answer.data, answer.size_bytes);
	buf_add_text(text, "}");
}

/* The checksum is of all that stands before its digits. */
void archive_end(struct buf *text, const struct id *job_id, struct bytes listing)
{
	char id[ID_TEXT_SIZE], path[64];
	struct buf last;

	snprintf(path, sizeof(path), "/jobs/%s/archive", id_format(job_id, id));
	buf_init(&last);
	buf_add_text(&last, "{");
	buf_add(&last, listing.data, listing.size_bytes);
	buf_printf(&last, "%s\"checksum\":\"", listing.size_bytes > 0 ? "," : "");
	archive_add(text, path, buf_bytes(&last));
	text->size_bytes -= strlen("\"}"); /* the string goes on */
	buf_printf(text, "%016llx" STRING_TAIL "\"}]}\n",
		   (unsigned long long)hash_checksum(text->data, text->size_bytes));
	buf_fini(&last);
}

/* ---- scanning ------------------------------------------------------------------------------- */

struct scan {
	const char *start, *at, *end;
	const char *why; /* the first thing wrong; NULL: nothing */
};

static bool wrong(struct scan *scan, const char *why)
{
	if (scan->why == NULL)
		scan->why = why;
	return false;
}

static void skip_blank(struct scan *scan)
{
	while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL && *scan->at != '\0')
		scan->at++;
}

static bool peek(struct scan *scan, char c)
{
	skip_blank(scan);
	return scan->at < scan->end && *scan->at == c;
}

static bool take(struct scan *scan, char c)
{
	bool there = peek(scan, c);

	scan->at += there;
	return there;
}

/* A string with its escapes, without its quotes. */
static bool take_string(struct scan *scan, struct bytes *string)
{
	if (!take(scan, '"'))
		return wrong(scan, "a string is missing");
	string->data = scan->at;
	while (scan->at < scan->end && *scan->at != '"') {
		if ((uint8_t)*scan->at < 0x20)
			return wrong(scan, "a control character stands in a string");
		scan->at += *scan->at == '\\' ? 2 : 1;
	}
	if (scan->at >= scan->end)
		return wrong(scan, "it ends within a string");
	string->size_bytes = (size_t)(scan->at++ - (const char *)string->data);
	return true;
}

static bool is_text(struct bytes bytes, const char *text)
{
	return bytes_equal(bytes, bytes_of_text(text));
}

/* {"path":"…","json":"…"}, in either order. */
static bool take_entry(struct scan *scan, struct archive_entry *entry)
{
	*entry = (struct archive_entry){ { NULL, 0 }, { NULL, 0 } };
	if (!take(scan, '{'))
		return wrong(scan, "an entry is missing");
	do {
		struct bytes key, value;

		if (!take_string(scan, &key))
			return false;
		if (!take(scan, ':'))
			return wrong(scan, "a colon is missing");
		if (!take_string(scan, &value))
			return false;
		if (is_text(key, "path"))
			entry->path = value;
		else if (is_text(key, "json"))
			entry->json = value;
		else
			return wrong(scan, "an entry has a member that is neither path nor json");
	} while (take(scan, ','));
	if (!take(scan, '}'))
		return wrong(scan, "an entry does not end");
	if (entry->path.data == NULL || entry->json.data == NULL)
		return wrong(scan, "an entry lacks its path or its json");
	return entry->path.size_bytes <= ARCHIVE_PATH_BYTES_MAX ||
	       wrong(scan, "a path is too long");
}

/* ---- the checksum --------------------------------------------------------------------------- */

static bool ends_with(struct bytes bytes, const char *text)
{
	size_t length = strlen(text);

	return bytes.size_bytes >= length &&
	       memcmp((const char *)bytes.data + bytes.size_bytes - length, text, length) == 0;
}

/* Of the last entry. One that lacks both is another writer's. */
static bool check_sum(struct scan *scan, const struct archive_entry *last)
{
	const char *json = last->json.data;
	size_t tail = strlen(CHECKSUM_KEY) + CHECKSUM_DIGITS + strlen(STRING_TAIL);
	bool has_sum = last->json.size_bytes >= tail && ends_with(last->json, STRING_TAIL) &&
		       memcmp(json + last->json.size_bytes - tail, CHECKSUM_KEY,
			      strlen(CHECKSUM_KEY)) == 0;
	char digits[CHECKSUM_DIGITS + 1];

	if (!has_sum)
		return !ends_with(last->path, "/archive") || wrong(scan, "its checksum is missing");
	const char *sum = json + last->json.size_bytes - tail + strlen(CHECKSUM_KEY);

	snprintf(digits, sizeof(digits), "%016llx",
		 (unsigned long long)hash_checksum(scan->start, (size_t)(sum - scan->start)));
	return memcmp(digits, sum, CHECKSUM_DIGITS) == 0 ||
	       wrong(scan, "its checksum does not fit");
}

/* ---- the view ------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
	struct bytes x = ((const struct archive_entry *)a)->path;
	struct bytes y = ((const struct archive_entry *)b)->path;
	size_t least = x.size_bytes < y.size_bytes ? x.size_bytes : y.size_bytes;
	int order = memcmp(x.data, y.data, least);

	return order != 0 ? order : (x.size_bytes > y.size_bytes) - (x.size_bytes < y.size_bytes);
}

static bool take_entries(struct scan *scan, struct archive_view *view)
{
	size_t room = 0;

	while (view->count == 0 ? !peek(scan, ']') : take(scan, ',')) {
		if (view->count == ARCHIVE_PATHS_MAX)
			return wrong(scan, "it has more entries than an archive may have");
		if (view->count == room) {
			room = room == 0 ? 64 : room * 2;
			view->entries = mem_realloc(view->entries, room * sizeof(*view->entries));
		}
		if (!take_entry(scan, &view->entries[view->count]))
			return false;
		view->count++;
	}
	if (view->count == 0)
		return wrong(scan, "it has no entries");
	return check_sum(scan, &view->entries[view->count - 1]);
}

static bool take_archive(struct scan *scan, struct archive_view *view)
{
	struct bytes key;

	if (!take(scan, '{'))
		return wrong(scan, "it does not begin with {\"archive\":");
	if (!take_string(scan, &key))
		return false;
	if (!is_text(key, "archive") || !take(scan, ':') || !take(scan, '['))
		return wrong(scan, "it does not begin with {\"archive\":[");
	if (!take_entries(scan, view))
		return false;
	if (!take(scan, ']') || !take(scan, '}'))
		return wrong(scan, "it does not end with ]}");
	skip_blank(scan);
	return scan->at == scan->end || wrong(scan, "something stands behind its end");
}

int archive_view_init(struct archive_view *view, struct bytes text, struct err *err)
{
	struct scan scan = { .start = text.data,
			     .at = text.data,
			     .end = (const char *)text.data + text.size_bytes };

	*view = (struct archive_view){ NULL, 0 };
	if (!take_archive(&scan, view)) {
		archive_view_fini(view);
		return err_set(err, ERR_IO, "it is no whole archive: %s (byte %zu of %zu)",
			       scan.why, (size_t)(scan.at - scan.start), text.size_bytes);
	}
	qsort(view->entries, view->count, sizeof(*view->entries), by_path);
	return 0;
}

void archive_view_fini(struct archive_view *view)
{
	mem_free(view->entries);
	*view = (struct archive_view){ NULL, 0 };
}

/* ---- the answers ---------------------------------------------------------------------------- */

static bool hex4(const char *text, const char *end, uint32_t *value)
{
	*value = 0;
	if (end - text < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = text[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

static void put_utf8(struct buf *into, uint32_t c)
{
	char bytes[4];
	size_t size;

	if (c < 0x80) {
		bytes[0] = (char)c;
		size = 1;
	} else if (c < 0x800) {
		bytes[0] = (char)(0xC0 | c >> 6);
		size = 2;
	} else if (c < 0x10000) {
		bytes[0] = (char)(0xE0 | c >> 12);
		size = 3;
	} else {
		bytes[0] = (char)(0xF0 | c >> 18);
		size = 4;
	}
	for (size_t i = 1; i < size; i++)
		bytes[i] = (char)(0x80 | (c >> (6 * (size - 1 - i)) & 0x3F));
	buf_add(into, bytes, size);
}

/* Behind "\u"; returns what follows. A half of a pair becomes U+FFFD. */
static const char *take_unicode(const char *at, const char *end, struct buf *into)
{
	uint32_t c, low;

	if (!hex4(at, end, &c)) {
		put_utf8(into, 0xFFFD);
		return at;
	}
	at += 4;
	if (c >= 0xD800 && c < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
	    hex4(at + 2, end, &low) && low >= 0xDC00 && low < 0xE000) {
		c = 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
		at += 6;
	} else if (c >= 0xD800 && c < 0xE000) {
		c = 0xFFFD;
	}
	put_utf8(into, c);
	return at;
}

static void unescape(struct bytes json, struct buf *into)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at = json.data, *end = at + json.size_bytes;

	buf_reserve(into, json.size_bytes);
	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));
		const char *named;

		buf_add(into, at, (size_t)((escape != NULL ? escape : end) - at));
		if (escape == NULL || escape + 1 >= end)
			return;
		at = escape + 2;
		named = escape[1] != '\0' ? strchr(from, escape[1]) : NULL;
		if (escape[1] == 'u')
			at = take_unicode(at, end, into);
		else
			buf_add(into, named != NULL ? to + (named - from) : escape + 1, 1);
	}
}

bool archive_view_get(const struct archive_view *view, const char *path, struct buf *answer)
{
	struct archive_entry wanted = { .path = bytes_of_text(path) };
	const struct archive_entry *entry = view->count == 0
						    ? NULL
						    : bsearch(&wanted, view->entries, view->count,
							      sizeof(*view->entries), by_path);

	if (entry != NULL)
		unescape(entry->json, answer);
	return entry != NULL;
}
