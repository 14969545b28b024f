/* SPDX-License-Identifier: Apache-2.0
 * adaptive.c - what only Flink's adaptive scheduler does: changing a running job's parallelism.
 * Jobs run by the default scheduler here, and get the answers that Flink gives for it. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

void rest_job_resource_requirements(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct json_out *json = &request->json;

	if (job == NULL)
		return;
	json_out_object(json, NULL);
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		char id[ID_TEXT_SIZE];
		uint32_t parallelism = job->vertices[i].message->parallelism;

		json_out_object(json, id_format(&job->vertices[i].id, id));
		json_out_object(json, "parallelism");
		json_out_int(json, "lowerBound", parallelism);
		json_out_int(json, "upperBound", parallelism);
		json_out_close(json);
		json_out_close(json);
	}
	json_out_close(json);
	rest_answer(request, 200);
}

/* One vertex of the body; false: it cannot be so, and `why` says how. */
static bool is_possible(const struct job *job, const char *vertex_id, const json_t *bounds,
			struct buf *why)
{
	const json_t *parallelism = json_object_get(bounds, "parallelism");
	json_int_t low = json_integer_value(json_object_get(parallelism, "lowerBound"));
	json_int_t high = json_integer_value(json_object_get(parallelism, "upperBound"));
	const struct job_vertex *vertex = NULL;
	struct id id;

	if (id_parse(vertex_id, &id))
		vertex = rest_vertex_of(job, &id);
	if (vertex == NULL)
		buf_printf(why, "Job vertex %.64s was not found in the job.", vertex_id);
	else if (low < 1 || high < low)
		buf_printf(why, "Vertex %s: the bounds are %lld to %lld; they must be 1 or more, "
			   "and the lower one not above the upper one.",
			   vertex_id, (long long)low, (long long)high);
	else if (high > vertex->message->max_parallelism)
		buf_printf(why, "Vertex %s: the upper bound is %lld, its maximum parallelism %u.",
			   vertex_id, (long long)high, vertex->message->max_parallelism);
	return why->size_bytes == 0;
}

static bool are_possible(const struct job *job, const json_t *fields, struct buf *why)
{
	const char *key;
	json_t *bounds;

	json_object_foreach((json_t *)(uintptr_t)fields, key, bounds) if (!is_possible(job, key,
										       bounds, why))
		return false;
	for (size_t i = 0; i < job->graph->n_vertices; i++) {
		char id[ID_TEXT_SIZE];

		if (json_object_get(fields, id_format(&job->vertices[i].id, id)) != NULL)
			continue;
		buf_printf(why, "The request is incomplete: vertex %s is missing.", id);
		return false;
	}
	return true;
}

void rest_put_job_resource_requirements(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	struct buf why;

	if (job == NULL)
		return;
	buf_init(&why);
	if (json_object_size(request->fields) == 0)
		rest_answer_error(request, 400,
				  "Request body does not specify resource requirements.");
	else if (!are_possible(job, request->fields, &why))
		rest_answer_error(request, 400, "%s", why.data);
	else /* Flink's answer, an UnsupportedOperationException with this text */
		rest_answer_error(
			request, 500,
			"The DefaultScheduler does not support changing the parallelism without a job "
			"restart. This feature is currently only expected to work with the "
			"AdaptiveScheduler.");
	buf_fini(&why);
}

/* ---- switched off in Flink since 1.9 -------------------------------------------------------- */

void rest_job_rescaling(struct rest *rest, struct rest_request *request)
{
	rest_answer_error(request, 503, "Rescaling is temporarily disabled. See FLINK-12312.");
}

/* ---- what was rescaled (2.x): nothing, and for a job of this scheduler that is no list ------- */

void rest_job_rescales(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);

	if (job != NULL)
		rest_answer_error(request, 404,
				  "AdaptiveScheduler rescales was not enabled for job %s.",
				  rest_parameter(request, "jobid"));
}
