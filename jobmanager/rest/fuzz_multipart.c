/* SPDX-License-Identifier: Apache-2.0
 * fuzz_multipart.c - bytes from anybody as a multipart form, and as a program that was uploaded:
 * the first line is the Content-Type, the rest the body. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "jobmanager/rest/jar_file.h"
#include "jobmanager/rest/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes part, struct bytes body)
{
	const char *from = part.data, *whole = body.data;

	CHECK(part.size_bytes == 0 ||
		      (from >= whole && from + part.size_bytes <= whole + body.size_bytes),
	      "a part of %zu bytes lies outside", part.size_bytes);
}

static void fuzz_file(const struct multipart_part *part)
{
	static const char *const names[] = { "a.so", "a.jar", "a.c", "a.py", "a.zip", "a" };
	char name[JAR_NAME_BYTES_MAX + 1], id[JAR_ID_SIZE];
	struct id random = ID_NONE;
	struct buf entries;

	if (jar_name_take(bytes_of(part->filename, part->filename_bytes), name) == NULL) {
		CHECK(strpbrk(name, "/\\") == NULL && name[0] != '.', "the name \"%s\"", name);
		jar_id_make(&random, name, id);
		CHECK(jar_id_name(id) != NULL && strcmp(jar_id_name(id), name) == 0, "%s", id);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)jar_misfit(names[i], part->content);
	buf_init(&entries);
	jar_entries("a.zip", part->content, part->content.size_bytes + 7, &entries);
	buf_clear(&entries);
	jar_entries("a.zip", part->content, part->content.size_bytes, &entries);
	CHECK(entries.size_bytes == 0 || entries.data[entries.size_bytes - 1] == '\0', "no end");
	(void)jar_enters_alone(buf_bytes(&entries));
	buf_fini(&entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
	struct multipart multipart;
	struct multipart_part part;
	int result;

	if (line_end == NULL)
		return 0;
	char *type = mem_strndup((const char *)data, (size_t)(line_end - data));
	struct bytes body = bytes_of(line_end + 1, size - (size_t)(line_end + 1 - data));

	(void)multipart_is(type);
	result = multipart_open(&multipart, type, body);
	while (result >= 0 && (result = multipart_next(&multipart, &part)) == 1) {
		check_inside(part.content, body);
		fuzz_file(&part);
	}
	CHECK((result < 0) == (multipart.why != NULL), "%d without a reason", result);
	mem_free(type);
	return 0;
}
