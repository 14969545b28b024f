/* SPDX-License-Identifier: Apache-2.0
 * token.h - the token of the REST API: one line in a file that the JobManager makes and clients of
 * the same settings read (docs/adr/0021-access.md). */
#ifndef COMMON_CONF_TOKEN_H
#define COMMON_CONF_TOKEN_H

#include "common/conf/conf.h"

/* Letters, digits and "-._~": a token is sent in a header, a cookie and an address. */
#define TOKEN_BYTES_MIN 16
#define TOKEN_BYTES_MAX 256

/* rest.auth.token-file; unset: rest-token in the settings' folder. mem_free. */
char *token_path(const struct conf *conf, struct world *world);
/* Whether rest.auth asks for a token where rest.bind-address is. */
bool token_wanted(const struct conf *conf);
/* For the JobManager: what is in the file; without one it is made, of mode 0600. A file that others
 * may read, and one without a token, are ERR_CONF_BAD_VALUE. mem_free. */
MUST_USE int token_load(const struct conf *conf, struct world *world, char **token,
			struct err *err);
/* For a client of the REST API at `host`: from FLINK_REST_TOKEN, else from the file. The token of a
 * file that no setting names goes only to this machine and to rest.address. NULL: there is none;
 * a file that cannot be read is none too, since the address may want no token. mem_free. */
char *token_find(const struct conf *conf, struct world *world, const char *host);
/* "localhost", "127.…", "::1". */
bool token_host_is_loopback(const char *host);

#endif
