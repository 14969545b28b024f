/* SPDX-License-Identifier: Apache-2.0
 * client.h - somebody who submits the planned jobs, follows them, cancels some, and whose machine
 * may die: what the user remembers (ids, how far the output was read) survives, the connection does
 * not. */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "common/base/err.h"
#include "common/base/sm.h"
#include "common/world/world_sim.h"
#include "tests/sim/plan.h"

struct client;

/* secret: borrowed. All planned jobs are noted; nothing is sent before client_start. */
struct client *client_create(struct sim *sim, const struct plan *plan, const char *secret);
void client_destroy(struct client **client);
void client_start(struct client *client);
void client_kill(struct client *client);
struct world *client_world(const struct client *client);

/* One more job, to be submitted at once. */
void client_add_job(struct client *client, const struct plan_job *job);
/* The JobManager died: the jobs that have not ended may be forgotten. */
void client_jobs_are_lost(struct client *client);
/* No planned cancellation comes any more. */
void client_heal(struct client *client);
bool client_has_ended(const struct client *client); /* all jobs */
/* The id of a job that runs, by chance or the first; false: none, or not that one. */
bool client_any_job(struct client *client, bool only_first, struct id *job_id);
bool client_is_submitting(const struct client *client); /* no answer yet */
/* The job that cancels itself by what happens in the JobManager. */
void client_job_moved(struct client *client, const struct sm_table *table, const void *subject,
		      uint32_t to);
/* What the client found wrong: 0, or -1. After every event. */
int client_breach(const struct client *client, struct err *err);
/* How each job ended against how it may end. calm: nothing befell the cluster; may_lack_slots: a
 * job may fail because it waited for them too long. */
int client_check_ends(const struct client *client, bool calm, bool may_lack_slots,
		      struct err *err);
/* One line of each job that has not ended. */
void client_describe(const struct client *client, char *text, size_t size_bytes);
uint32_t client_attempts(const struct client *client);

#endif
