/* SPDX-License-Identifier: Apache-2.0
 * snapshot.c - /snapshot and /jobs/:jobid/snapshot: one picture, whole. */
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

/* Opens the object; what follows from the clock alone is in front of what the picture is. */
static void begin(struct rest *rest, struct rest_request *request, struct picture_out *out)
{
	json_out_object(&request->json, NULL);
	json_out_int(&request->json, "now", world_wall(rest->world));
	picture_begin(out, &request->json, NULL, true);
}

static void answer(struct rest_request *request)
{
	json_out_close(&request->json);
	rest_answer(request, 200);
}

void rest_job_snapshot(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct picture_out out;

	if (job == NULL)
		return;
	begin(rest, request, &out);
	picture_of_job(job, &out);
	answer(request);
}

void rest_snapshot(struct rest *rest, struct rest_request *request)
{
	struct picture_out out;

	begin(rest, request, &out);
	picture_of_cluster(rest->dispatcher, &out);
	answer(request);
}
