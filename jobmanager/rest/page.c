/* SPDX-License-Identifier: Apache-2.0
 * page.c - the files of the page: which path is one, its type, how long a browser may keep it.
 *
 * A path is taken only if every part of it is a plain name, so nothing outside the folder can be
 * spelled; whoever makes the page gives its files such names. civetweb reads the file: with its
 * date and tag, in ranges, and the .gz that lies beside it if the browser takes that. Runs on
 * civetweb's threads. */
#include <civetweb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

#define PATH_BYTES_MAX 512
#define HASH_BYTES_MIN 8

static const struct {
	const char *end, *type;
} types[] = {
	{ ".html", "text/html; charset=UTF-8" },
	{ ".js", "text/javascript; charset=UTF-8" },
	{ ".mjs", "text/javascript; charset=UTF-8" },
	{ ".css", "text/css; charset=UTF-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".woff", "font/woff" },
	{ ".ttf", "font/ttf" },
	{ ".json", "application/json" },
	{ ".map", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".wasm", "application/wasm" },
	{ ".txt", "text/plain; charset=UTF-8" },
};

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("-_.~@+,", c) != NULL);
}

/* Parts of plain names that do not begin with a dot; "/" is the index. NULL: no path of a file. */
static const char *file_of(const char *path)
{
	const char *at = path;

	if (strcmp(path, "/") == 0)
		return "/index.html";
	if (strlen(path) > PATH_BYTES_MAX)
		return NULL;
	while (*at == '/') {
		if (!is_plain(*++at) || *at == '.')
			return NULL;
		while (is_plain(*at))
			at++;
	}
	return *at == '\0' ? path : NULL;
}

static const char *type_of(const char *path)
{
	const char *end = strrchr(strrchr(path, '/'), '.');

	for (size_t i = 0; end != NULL && i < ARRAY_COUNT(types); i++)
		if (strcmp(types[i].end, end) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* "/assets/index-BdR3x_a1.js": its name is of its content, which therefore never changes. */
static bool is_named_by_content(const char *path)
{
	const char *name = strrchr(path, '/') + 1, *dash = strchr(name, '-');
	const char *end = strchr(name, '.');

	/* The first dash: a hash in base64url may have more of them. */
	return strncmp(path, "/assets/", 8) == 0 && dash != NULL && end != NULL &&
	       end - dash > HASH_BYTES_MIN;
}

/* "br, gzip;q=0.5": gzip is in the list, and not with a weight of 0. */
static bool takes_gzip(const char *list)
{
	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		size_t item = strcspn(list, ","), name = strcspn(list, ",; \t");
		const char *weight = memmem(list, item, "q=", 2);

		if (name == 4 && strncasecmp(list, "gzip", 4) == 0)
			return weight == NULL || weight[2] != '0' ||
			       strspn(weight + 2, "0.") < strcspn(weight + 2, ", \t");
		list += item;
	}
	return false;
}

bool rest_page_send(struct mg_connection *connection, const struct rest *rest, const char *path)
{
	const char *file = file_of(path);
	char headers[256];

	if (file == NULL)
		return false;
	char *plain = mem_printf("%s%s", rest->web_directory, file),
	     *packed = mem_printf("%s.gz", plain);
	bool use_packed = takes_gzip(mg_get_header(connection, "Accept-Encoding")) &&
			  access(packed, R_OK) == 0;

	/* The document itself says what it may load; here it says who may frame it. */
	snprintf(headers, sizeof(headers),
		 "Cache-Control: %s\r\nVary: Accept-Encoding\r\n%s"
		 "Content-Security-Policy: frame-ancestors 'none'\r\n",
		 is_named_by_content(file) ? "public, max-age=31536000, immutable" : "no-cache",
		 use_packed ? "Content-Encoding: gzip\r\n" : "");
	mg_send_mime_file2(connection, use_packed ? packed : plain, type_of(file), headers);
	mem_free(plain);
	mem_free(packed);
	return true;
}
