/* SPDX-License-Identifier: Apache-2.0
 * leases.c - jobs of attached clients: PATCH /jobs/:jobid/clientHeartbeat says until when the
 * client will have come again. When it has not, nobody waits for the job any more, and it is
 * cancelled. A job that no client ever gave such a time runs as long as it likes. */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

struct lease { /* of a job that runs; at most one each */
	struct list_node node; /* in rest->leases */
	struct id job_id;
	mono_t until;
};

static void lease_free(struct lease *lease)
{
	list_remove(&lease->node);
	mem_free(lease);
}

static struct lease *lease_of(struct rest *rest, const struct id *job_id)
{
	LIST_FOR_EACH (&rest->leases, struct lease, node, lease)
		if (id_equal(&lease->job_id, job_id))
			return lease;
	struct lease *lease = MEM_NEW(struct lease);

	lease->job_id = *job_id;
	list_push_back(&rest->leases, &lease->node);
	return lease;
}

void rest_job_client_heartbeat(struct rest *rest, struct rest_request *request)
{
	struct job *job = rest_find_job(rest, request);
	int64_t until = json_integer_value(json_object_get(request->fields, "expiredTimestamp"));
	wall_t wall = world_wall(rest->world);

	if (job == NULL)
		return;
	/* A moment of the client's clock; from here on only the time in between counts. */
	if (!job_is_final(job))
		lease_of(rest, &job->id)->until =
			mono_after_ms(loop_now(runner_loop(rest->runner)),
				      until > wall ? until - wall : 0);
	agent_wake(&rest->agent);
	rest_answer_empty(request, 202);
}

static void expire(struct rest *rest, const struct job *job)
{
	struct err err = ERR_INIT;
	char id[ID_TEXT_SIZE];

	log_warn(REST_LOGGER,
		 "The client of job %s (%s) has not been heard in the time it named: the job is "
		 "cancelled. Submit it detached to have it run on without a client.",
		 job->name, id_format(&job->id, id));
	if (dispatcher_cancel(rest->dispatcher, &job->id, &err) != 0)
		log_warn(REST_LOGGER, "Job %s was not cancelled: %s", id, err.text);
}

void rest_leases_step(struct rest *rest, mono_t now, mono_t *wake_at)
{
	LIST_FOR_EACH (&rest->leases, struct lease, node, lease) {
		const struct job *job = dispatcher_find(rest->dispatcher, &lease->job_id);
		bool runs = job != NULL && !job_is_final(job);

		if (runs && now < lease->until) {
			*wake_at = mono_min(*wake_at, lease->until);
			continue;
		}
		if (runs)
			expire(rest, job);
		lease_free(lease);
	}
}

void rest_leases_free(struct rest *rest)
{
	LIST_FOR_EACH (&rest->leases, struct lease, node, lease)
		lease_free(lease);
}
