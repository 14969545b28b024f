/* SPDX-License-Identifier: Apache-2.0
 * token.c - where the token of the REST API is. */
#include "common/conf/token.h"

#include <string.h>

#include "common/base/mem.h"

#define RANDOM_BYTES 32
#define DEFAULT_NAME "rest-token"

static const char blanks[] = " \t\r\n";

char *token_path(const struct conf *conf, struct world *world)
{
	const char *path = conf_text(conf, "rest.auth.token-file");
	const char *directory = world_env(world, "FLINK_CONF_DIR");

	if (path[0] != '\0')
		return mem_strdup(path);
	return mem_printf("%s/" DEFAULT_NAME, directory != NULL ? directory : "conf");
}

bool token_host_is_loopback(const char *host)
{
	return host[0] == '\0' || strcmp(host, "localhost") == 0 ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "[::1]") == 0;
}

bool token_wanted(const struct conf *conf)
{
	const char *auth = conf_text(conf, "rest.auth");

	return strcmp(auth, "token") == 0 ||
	       (strcmp(auth, "auto") == 0 &&
		!token_host_is_loopback(conf_text(conf, "rest.bind-address")));
}

/* The token in a text with white space around it, in place; NULL: none is there. */
static char *cut_out(char *text)
{
	char *begin = text + strspn(text, blanks);
	size_t length = strspn(begin, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~");

	if (length < TOKEN_BYTES_MIN || length > TOKEN_BYTES_MAX ||
	    begin[length + strspn(begin + length, blanks)] != '\0')
		return NULL;
	begin[length] = '\0';
	return begin;
}

static int read_token(struct world *world, const char *path, char **token, struct err *err)
{
	char *text, *found;

	if (world_read_file(world, path, TOKEN_BYTES_MAX + 64, &text, NULL, err) != 0)
		return err_wrap(err, "rest.auth.token-file");
	found = cut_out(text);
	*token = mem_strdup(found);
	mem_free(text);
	if (*token == NULL)
		return err_set(err, ERR_CONF_BAD_VALUE,
			       "%s of rest.auth.token-file holds no token: one line of %d to %d "
			       "letters, digits or -._~ is wanted; without the file a token is made",
			       path, TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
	return 0;
}

static int make_token(struct world *world, const char *path, char **token, struct err *err)
{
	uint8_t bytes[RANDOM_BYTES];
	struct buf text;

	buf_init(&text);
	world_random_bytes(world, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&text, "%02x", bytes[i]);
	*token = mem_strdup(text.data);
	buf_add_text(&text, "\n");
	int result = world_write_file(world, path, 0600, buf_bytes(&text), err);

	explicit_bzero(bytes, sizeof(bytes));
	buf_fini(&text);
	if (result == 0)
		return 0;
	mem_free(*token);
	*token = NULL;
	return err_wrap(err, "rest.auth.token-file cannot be made");
}

int token_load(const struct conf *conf, struct world *world, char **token, struct err *err)
{
	char *path = token_path(conf, world);
	int mode = world_file_mode(world, path);
	int result;

	*token = NULL;
	if (mode < 0)
		result = make_token(world, path, token, err);
	else if ((mode & 077) != 0)
		result = err_set(err, ERR_CONF_BAD_VALUE,
				 "%s of rest.auth.token-file may be read by others (mode %04o), and "
				 "whoever has the token runs programs here: chmod 600 it, and put "
				 "another token in if somebody may have seen this one",
				 path, (unsigned)mode);
	else
		result = read_token(world, path, token, err);
	mem_free(path);
	return result;
}

char *token_find(const struct conf *conf, struct world *world, const char *host)
{
	const char *given = world_env(world, "FLINK_REST_TOKEN");
	struct err ignored = ERR_INIT;
	char *token = NULL;

	if (given != NULL) {
		char *copy = mem_strdup(given);

		token = mem_strdup(cut_out(copy));
		mem_free(copy);
		return token;
	}
	if (!conf_is_set(conf, "rest.auth.token-file") && !token_host_is_loopback(host) &&
	    strcmp(host, conf_text(conf, "rest.address")) != 0)
		return NULL;
	char *path = token_path(conf, world);

	if (world_file_mode(world, path) >= 0 && read_token(world, path, &token, &ignored) != 0)
		token = NULL;
	mem_free(path);
	return token;
}
