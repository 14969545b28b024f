/* SPDX-License-Identifier: Apache-2.0
 * snapshot.c - /snapshot and /jobs/:jobid/snapshot: one picture, whole. */
#include <stdio.h>

#include "common/base/hash.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

/* Opens the object; what follows from the clock alone is in front of what the picture is. Returns
 * where that begins. */
static size_t begin(struct rest *rest, struct rest_request *request, struct picture_out *out)
{
	json_out_object(&request->json, NULL);
	json_out_int(&request->json, "now", world_wall(rest->world));
	picture_begin(out, &request->json, NULL, true);
	return request->answer.size_bytes;
}

/* Who has this very picture gets 304 and no body. */
static void answer(struct rest_request *request, size_t from)
{
	const struct buf *text = &request->answer;
	char etag[24];

	json_out_close(&request->json);
	snprintf(etag, sizeof(etag), "\"%016llx\"",
		 (unsigned long long)hash_checksum(text->data + from, text->size_bytes - from));
	rest_answer_header(request, "ETag", etag);
	rest_answer_header(request, "Cache-Control", "no-cache");
	rest_answer(request, rest_etag_matches(request, etag) ? 304 : 200);
}

void rest_job_snapshot(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct picture_out out;
	size_t from;

	if (job == NULL)
		return;
	from = begin(rest, request, &out);
	picture_of_job(job, &out);
	answer(request, from);
}

void rest_snapshot(struct rest *rest, struct rest_request *request)
{
	struct picture_out out;
	size_t from;

	from = begin(rest, request, &out);
	picture_of_cluster(rest->dispatcher, &out);
	answer(request, from);
}
