/* SPDX-License-Identifier: Apache-2.0
 * secret.c - where the cluster secret comes from. */
#include "common/rpc/secret.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"

int secret_load(struct world *world, const char *path, struct bytes *secret, struct err *err)
{
	const char *text = world_env(world, "FLINK_CLUSTER_SECRET");
	char *file_text = NULL;
	size_t size = 0;

	*secret = BYTES_EMPTY;
	if (text == NULL && path[0] == '\0')
		return 0;
	if (text == NULL) {
		if (world_read_file(world, path, RPC_SECRET_BYTES_MAX + 2, &file_text, &size,
				    err) != 0) {
			err->code = ERR_CONF_BAD_VALUE;
			return err_wrap(err, "security.cluster.secret-file");
		}
		text = file_text;
	}
	static const char blanks[] = " \t\r\n";
	size_t begin = strspn(text, blanks), end = strlen(text);

	while (end > begin && strchr(blanks, text[end - 1]) != NULL)
		end--;
	if (end == begin || end - begin > RPC_SECRET_BYTES_MAX) {
		err_set(err, ERR_CONF_BAD_VALUE,
			"the cluster secret in %s has %zu bytes; 1 to %d are allowed",
			file_text ? path : "FLINK_CLUSTER_SECRET", end - begin,
			RPC_SECRET_BYTES_MAX);
		mem_free(file_text);
		return -1;
	}
	*secret = bytes_of(mem_strndup(text + begin, end - begin), end - begin);
	mem_free(file_text);
	return 0;
}

void secret_free(struct bytes *secret)
{
	if (secret->data == NULL)
		return;
	explicit_bzero((void *)(uintptr_t)secret->data, secret->size_bytes);
	mem_free((void *)(uintptr_t)secret->data);
	*secret = BYTES_EMPTY;
}
