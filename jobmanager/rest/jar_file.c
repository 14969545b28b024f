/* SPDX-License-Identifier: Apache-2.0
 * jar_file.c - see jar_file.h. Of a zip archive only the list of contents at its end is read, with
 * every offset checked; whether its parts can be unpacked is Python's to say. */
#include "jobmanager/rest/jar_file.h"

#include <stdio.h>
#include <string.h>

#include "common/record/record.h"
#include "common/wire/little.h"

#define ENTRIES_MAX 64 /* of one archive */
#define UUID_HYPHENS "00000000-0000-0000-0000-000000000000"

/* ---- names ---------------------------------------------------------------------------------- */

static const char *why_not(const char *name, size_t length)
{
	if (length == 0)
		return "The file has no name.";
	if (name[0] == '.')
		return "The file's name begins with a dot: such files are hidden.";
	if (length > JAR_NAME_BYTES_MAX)
		return "The file's name is longer than 200 bytes.";
	if (!utf8_valid(name, length))
		return "The file's name is not UTF-8.";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return "The file's name has a control character in it.";
	return NULL;
}

const char *jar_name_take(struct bytes given, char name[JAR_NAME_BYTES_MAX + 1])
{
	const char *from = given.data, *end = from + given.size_bytes;

	for (const char *at = from; at < end; at++)
		if (*at == '/' || *at == '\\')
			from = at + 1;
	const char *why = why_not(from, (size_t)(end - from));

	name[0] = '\0';
	if (why == NULL) {
		memcpy(name, from, (size_t)(end - from));
		name[end - from] = '\0';
	}
	return why;
}

void jar_id_make(const struct id *random, const char *name, char id[JAR_ID_SIZE])
{
	struct id version_4 = *random;
	char hex[ID_TEXT_SIZE], *to = id;

	version_4.bytes[6] = (uint8_t)((version_4.bytes[6] & 0x0f) | 0x40);
	version_4.bytes[8] = (uint8_t)((version_4.bytes[8] & 0x3f) | 0x80);
	id_format(&version_4, hex);
	for (size_t i = 0, digit = 0; i < JAR_UUID_BYTES; i++)
		*to++ = UUID_HYPHENS[i] == '-' ? '-' : hex[digit++];
	snprintf(to, JAR_NAME_BYTES_MAX + 2, "_%s", name);
}

const char *jar_id_name(const char *id)
{
	char name[JAR_NAME_BYTES_MAX + 1];

	for (size_t i = 0; i < JAR_UUID_BYTES; i++) {
		bool fits = UUID_HYPHENS[i] == '-'
				    ? id[i] == '-'
				    : id[i] != '\0' && strchr("0123456789abcdef", id[i]) != NULL;

		if (!fits)
			return NULL;
	}
	if (id[JAR_UUID_BYTES] != '_')
		return NULL;
	const char *rest = id + JAR_UUID_BYTES + 1;

	if (jar_name_take(bytes_of_text(rest), name) != NULL || strcmp(name, rest) != 0)
		return NULL;
	return rest;
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t length, const char *ending)
{
	size_t size = strlen(ending);

	return length > size && memcmp(text + length - size, ending, size) == 0;
}

bool jar_kind_of(const char *name, enum jar_kind *kind)
{
	static const struct {
		const char *ending;
		enum jar_kind kind;
	} endings[] = { { ".so", JAR_NATIVE },	{ ".jar", JAR_NATIVE }, { ".c", JAR_C },
			{ ".py", JAR_PYTHON },	{ ".zip", JAR_ARCHIVE } };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(name, strlen(name), endings[i].ending)) {
			*kind = endings[i].kind;
			return true;
		}
	return false;
}

static bool begins_with(struct bytes content, const char *magic, size_t size_bytes)
{
	return content.size_bytes >= size_bytes && memcmp(content.data, magic, size_bytes) == 0;
}

static bool is_zip(struct bytes content)
{
	return begins_with(content, "PK\003\004", 4) || begins_with(content, "PK\005\006", 4);
}

/* ---- zip: the list of contents -------------------------------------------------------------- */

#define END_BYTES 22	/* the record at the end: without its comment */
#define MEMBER_BYTES 46 /* of one member, without its texts */

struct members { /* of an archive, read one after the other */
	const uint8_t *at, *end;
	uint32_t left;
};

/* False: there is no list in the tail. An archive of more than 65534 members, or 4 GiB, has its
 * list elsewhere (zip64) and counts as one without. */
static bool members_open(struct bytes tail, uint64_t size_bytes, struct members *members)
{
	const uint8_t *data = tail.data;
	uint64_t tail_offset = size_bytes - tail.size_bytes;

	if (tail.size_bytes < END_BYTES)
		return false;
	for (size_t at = tail.size_bytes - END_BYTES;; at--) {
		if (memcmp(data + at, "PK\005\006", 4) == 0 &&
		    little_get_u16(data + at + 20) == tail.size_bytes - END_BYTES - at) {
			uint64_t length = little_get_u32(data + at + 12);
			uint64_t from = little_get_u32(data + at + 16);

			if (from < tail_offset || from - tail_offset > at ||
			    length > at - (from - tail_offset))
				return false;
			members->at = data + (from - tail_offset);
			members->end = members->at + length;
			members->left = little_get_u16(data + at + 10);
			return true;
		}
		if (at == 0)
			return false;
	}
}

static bool members_next(struct members *members, const char **name, size_t *length)
{
	if (members->left == 0 || members->end - members->at < MEMBER_BYTES ||
	    memcmp(members->at, "PK\001\002", 4) != 0)
		return false;
	size_t name_bytes = little_get_u16(members->at + 28);
	size_t more = (size_t)little_get_u16(members->at + 30) + little_get_u16(members->at + 32);

	if ((size_t)(members->end - members->at) - MEMBER_BYTES < name_bytes + more)
		return false;
	*name = (const char *)members->at + MEMBER_BYTES;
	*length = name_bytes;
	members->at += MEMBER_BYTES + name_bytes + more;
	members->left--;
	return true;
}

static bool holds(struct bytes tail, uint64_t size_bytes, const char *wanted)
{
	struct members members;
	const char *name;
	size_t length;

	if (!members_open(tail, size_bytes, &members))
		return false;
	while (members_next(&members, &name, &length))
		if (length == strlen(wanted) && memcmp(name, wanted, length) == 0)
			return true;
	return false;
}

/* A Python module at the archive's top, "name.py", whose name can be imported. */
static bool is_module(const char *name, size_t length)
{
	if (!ends_with(name, length, ".py") || length - 3 > JAR_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < length - 3; i++) {
		unsigned char c = (unsigned char)name[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return true;
}

/* ---- what it is ----------------------------------------------------------------------------- */

static struct bytes tail_of(struct bytes content)
{
	size_t left_out = content.size_bytes > JAR_TAIL_BYTES_MAX
				  ? content.size_bytes - JAR_TAIL_BYTES_MAX
				  : 0;

	return bytes_of((const char *)content.data + left_out, content.size_bytes - left_out);
}

static const char *archive_misfit(const char *name, struct bytes content)
{
	struct buf entries;

	buf_init(&entries);
	jar_entries(name, tail_of(content), content.size_bytes, &entries);
	bool enters = entries.size_bytes > 0;

	buf_fini(&entries);
	return enters ? NULL
		      : "There is no Python module at the top of this archive: it needs a "
			"__main__.py, or a module with the script.";
}

static bool is_java(struct bytes content)
{
	return is_zip(content) && holds(tail_of(content), content.size_bytes,
					"META-INF/MANIFEST.MF");
}

const char *jar_misfit(const char *name, struct bytes content)
{
	enum jar_kind kind;

	if (!jar_kind_of(name, &kind))
		return "Only programs are allowed: a shared object (.so), a C file (.c), a Python "
		       "script (.py), or a .zip with a __main__.py (only Jar files are allowed, as "
		       "Flink says; here a .jar is a shared object).";
	if (content.size_bytes == 0)
		return "The file is empty.";
	if (kind == JAR_NATIVE && begins_with(content, "\177ELF", 4))
		return NULL;
	if (is_java(content) || (kind == JAR_NATIVE && is_zip(content)))
		return "This is a Java archive, and there is no Java here: send a C file (.c), a "
		       "shared object (.so), a Python script (.py), or a .zip with a __main__.py.";
	if (kind == JAR_NATIVE)
		return "This is no shared object: link it with the flags that bin/flink-config "
		       "prints, or send the C file (.c) itself.";
	if (kind == JAR_ARCHIVE)
		return is_zip(content) ? archive_misfit(name, content)
				       : "This is no zip archive.";
	return memchr(content.data, '\0', content.size_bytes) == NULL
		       ? NULL
		       : "This is no source text: it has a zero byte in it.";
}

/* ---- entries -------------------------------------------------------------------------------- */

static int rank(const char *name, size_t length)
{
	return length == 8 && memcmp(name, JAR_MAIN, 8) == 0 ? 0
	       : length == 4 && memcmp(name, "main", 4) == 0 ? 1
							      : 2;
}

static void add_entry(struct buf *into, const char *name, size_t length)
{
	buf_add(into, name, length);
	buf_add(into, "", 1);
}

static void add_modules(struct bytes tail, uint64_t size_bytes, struct buf *into)
{
	uint32_t count = 0;

	for (int wanted = 0; wanted <= 2; wanted++) {
		struct members members;
		const char *name;
		size_t length;

		if (!members_open(tail, size_bytes, &members))
			return;
		while (count < ENTRIES_MAX && members_next(&members, &name, &length))
			if (is_module(name, length) && rank(name, length - 3) == wanted) {
				add_entry(into, name, length - 3);
				count++;
			}
	}
}

void jar_entries(const char *name, struct bytes tail, uint64_t size_bytes, struct buf *into)
{
	enum jar_kind kind;

	if (!jar_kind_of(name, &kind))
		return;
	if (kind == JAR_ARCHIVE)
		add_modules(tail, size_bytes, into);
	else if (kind == JAR_PYTHON)
		add_entry(into, name, strlen(name) - 3);
	else
		add_entry(into, "flink_main", strlen("flink_main"));
}

bool jar_enters_alone(struct bytes entries)
{
	size_t first = entries.size_bytes > 0 ? strlen(entries.data) : 0;

	return first > 0 && (first + 1 == entries.size_bytes || rank(entries.data, first) < 2);
}
