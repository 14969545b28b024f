/* SPDX-License-Identifier: Apache-2.0
 * look.c - an answer of REST without HTTP, for checkers. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

int rest_look(struct dispatcher *dispatcher, const char *path, struct buf *answer)
{
	struct rest rest = { .dispatcher = dispatcher,
			     .world = dispatcher_world(dispatcher),
			     .conf = dispatcher_conf(dispatcher) };
	struct rest_request *request = rest_request_create(&rest);
	int status = 0;
	bool crooked;

	request->uri = mem_strndup(path, strcspn(path, "?"));
	if (path[strcspn(path, "?")] == '?')
		request->query = mem_strdup(strchr(path, '?') + 1);
	request->route = rest_route_find("GET", request->uri, request, &crooked);
	if (request->route != NULL) {
		atomic_fetch_add(&request->holders, 1); /* the handler lets go of its own */
		request->route->handler(&rest, request);
		status = request->stage == REST_ANSWERED ? request->status : 0;
		buf_add(answer, request->answer.data, request->answer.size_bytes);
	}
	rest_request_unref(request);
	mem_free(rest.openapi);
	return status;
}
