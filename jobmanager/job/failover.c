/* SPDX-License-Identifier: Apache-2.0
 * failover.c - what happens when something goes wrong: which cause is told, who is charged, whether
 * and when the job starts again. Without blocking edges a job is one pipelined region, so all its
 * tasks are cancelled and start anew.
 *
 * Two kinds of failure explain themselves only later. A task whose peer is gone reports a broken
 * connection; the peer's TaskManager is missed a moment later (CAUSE_SYMPTOM). A TaskManager that
 * breaks off may have crashed in a user function, and its next life hands in a note that names the
 * job (CAUSE_TASKMANAGER_LOST, then CAUSE_CRASH). Where the restart strategy allows a restart
 * anyway it begins at once and is refunded if the note names another job; where it does not, the
 * job waits for the note a little while, RESTARTING, before it fails. */
#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/utf8.h"
#include "common/daemon/daemon.h"
#include "jobmanager/job/attempts.h"
#include "jobmanager/job/job_priv.h"
#include "jobmanager/job/latencies.h"

/* Before a job fails for want of a better explanation. Longer than the longest pause of a
 * supervisor (common/daemon/daemon.h) and a start after it. */
#define CRASH_NOTE_WAIT_MS 4000
#define LOSS_KEPT_MS 60000        /* a note that comes later is not looked up any more */
#define CRASHES_WITHIN_MS 60000   /* so many crashes of one job in this time end it */
#define LOSSES_MAX 64

/* ---- the exception history ------------------------------------------------------------------ */

static void failure_free(struct job_master *master, struct job_failure *failure)
{
	if (master->cause_entry == failure)
		master->cause_entry = NULL;
	list_remove(&failure->node);
	master->job.failures_count--;
	mem_free(failure->task_name);
	mem_free(failure->endpoint);
	mem_free(failure->resource_id);
	mem_free(failure);
}

static void loss_free(struct job_loss *loss)
{
	list_remove(&loss->node);
	mem_free(loss->resource_id);
	mem_free(loss);
}

void job_failures_fini(struct job_master *master)
{
	LIST_FOR_EACH(&master->job.failures, struct job_failure, node, failure)
		failure_free(master, failure);
	LIST_FOR_EACH(&master->losses, struct job_loss, node, loss)
		loss_free(loss);
}

static struct job_failure *failure_add(struct job_master *master)
{
	struct job_failure *failure = MEM_NEW(struct job_failure);
	uint32_t kept = (uint32_t)conf_int(master->job.conf, "web.exception-history-size");

	list_push_back(&master->job.failures, &failure->node);
	master->job.failures_count++;
	master->job.failures_total++;
	while (master->job.failures_count > (kept > 0 ? kept : 1))
		failure_free(master, LIST_FIRST(&master->job.failures, struct job_failure, node));
	return failure;
}

static void set_text(char **text, const char *value)
{
	mem_free(*text);
	*text = mem_strdup(value);
}

/* Makes this the cause of the failover under way, in front of what was thought before. */
static void set_cause(struct job_master *master, enum cause_rank rank, const struct err *why,
		      const struct execution *execution)
{
	struct buf name;

	buf_init(&name);
	if (execution != NULL)
		execution_name(execution, &name);
	size_t name_length = name.size_bytes;

	if (execution != NULL) /* as Flink writes it in exceptions */
		buf_printf(&name, " - execution #%u", execution->attempt);
	master->cause_rank = rank;
	master->cause = *why;
	if (execution != NULL && rank != CAUSE_TASKMANAGER_LOST)
		err_wrap(&master->cause, "%.*s", (int)name_length, name.data);
	if (master->cause_entry == NULL)
		master->cause_entry = failure_add(master);
	master->cause_entry->err = *why;
	master->cause_entry->at = world_wall(master->options.world);
	set_text(&master->cause_entry->task_name, execution ? name.data : NULL);
	set_text(&master->cause_entry->endpoint, execution ? execution->endpoint : NULL);
	set_text(&master->cause_entry->resource_id, execution ? execution->resource_id : NULL);
	buf_fini(&name);
}

/* ---- deciding ------------------------------------------------------------------------------- */

/* No restart can mend it. A symptom is never such: its cause is elsewhere. */
static bool ends_the_job(const struct job_master *master)
{
	enum err_class class = err_class_of(master->cause.code);

	if (master->cause_rank <= CAUSE_SYMPTOM)
		return false;
	return class == ERR_CLASS_FAIL || class == ERR_CLASS_USER;
}

/* The cause first, then why there is no further attempt. */
static void compose_failure(struct job_master *master, const char *policy)
{
	struct err *failure = &master->job.failure;

	*failure = master->cause;
	if (policy == NULL)
		return;
	if (master->restart.kind != RESTART_NONE) /* else the cause's own hint says more */
		failure->code = ERR_RESTARTS_USED_UP;
	size_t length = strlen(failure->text), room = sizeof(failure->text) - strlen(policy) - 32;

	if (length > room)
		length = room; /* a long cause may not push the policy out */
	failure->text[length] = '\0';
	utf8_clean(failure->text); /* a character may have been cut */
	length = strlen(failure->text);
	snprintf(failure->text + length, sizeof(failure->text) - length,
		 "; no %srestart (restart-strategy.type: %s)",
		 master->job.restarts ? "further " : "", policy);
}

static void fail_for_good(struct job_master *master, const char *policy)
{
	char id[ID_TEXT_SIZE];

	compose_failure(master, policy);
	master->verdict_open = false;
	log_error(JOB_LOGGER, "Job %s (%s) fails: %s", master->job.name, job_id_text(master, id),
		  master->job.failure.text);
	job_say(master, NULL);
	job_move(master, JOB_FAILING);
}

static void be_restarting(struct job_master *master)
{
	master->job.all_running_ms = -1;
	if (master->job.status != JOB_RESTARTING)
		job_move(master, JOB_RESTARTING);
}

static void restart_after(struct job_master *master, mono_t now, int64_t delay_ms)
{
	struct buf text;

	be_restarting(master);
	master->verdict_open = false;
	master->restart_at = mono_after_ms(now, delay_ms);
	buf_init(&text);
	buf_printf(&text, "restarts after %lld ms (", (long long)delay_ms);
	if (master->charged)
		restart_describe(&master->restart, &text);
	else
		buf_add_text(&text, "not charged");
	buf_printf(&text, "): %s", master->cause.text);
	log_info(JOB_LOGGER, "Job %s %s", master->job.name, text.data);
	job_say(master, buf_take(&text));
	agent_wake(&master->agent);
}

/* Restart or fail? may_wait: a better explanation may still come. */
static void decide(struct job_master *master, mono_t now, bool charged, bool may_wait)
{
	int64_t delay_ms = restart_delay_ms(&master->restart);
	bool allowed = master->restart.kind != RESTART_NONE || !master->restart.chosen;
	struct buf policy;

	if (charged)
		allowed = restart_charge(
			&master->restart, now,
			(double)(world_random(master->options.world) >> 11) * 0x1p-53, &delay_ms);
	master->charged = charged && allowed;
	if (allowed) {
		restart_after(master, now, delay_ms);
		return;
	}
	if (may_wait) {
		SOMETIMES("a job waits for what its TaskManager died of");
		be_restarting(master);
		job_say(master, mem_printf("finding out what happened: %s",
					   master->cause.text));
		return;
	}
	buf_init(&policy);
	restart_describe(&master->restart, &policy);
	fail_for_good(master, policy.data);
	buf_fini(&policy);
}

/* The first trouble of an attempt: everything else stops too. */
static void begin_failover(struct job_master *master, mono_t now, int64_t wait_ms)
{
	job_sources_close(master);
	if (ends_the_job(master)) {
		fail_for_good(master, NULL);
	} else {
		master->verdict_open = true;
		master->verdict_at = mono_after_ms(now, wait_ms);
		decide(master, now, true, wait_ms > 0);
	}
	job_cancel_executions(master);
}

void job_fail(struct job_master *master, enum cause_rank rank, const struct err *why,
	      const struct execution *execution, int64_t wait_ms)
{
	mono_t now = loop_now(master->loop);

	switch ((enum job_status)master->job.status) {
	case JOB_RUNNING:
		master->cause_entry = NULL;
		set_cause(master, rank, why, execution);
		begin_failover(master, now, wait_ms);
		break;
	case JOB_RESTARTING:
		SOMETIMES_IF(rank > master->cause_rank, "a better cause replaces the first one");
		if (rank <= master->cause_rank)
			break; /* an effect of the first trouble */
		set_cause(master, rank, why, execution);
		if (!master->verdict_open)
			break; /* decided and charged already; the history tells the better cause */
		if (ends_the_job(master)) {
			fail_for_good(master, NULL);
			break;
		}
		master->verdict_at = mono_after_ms(now, wait_ms);
		decide(master, now, true, wait_ms > 0);
		break;
	default:
		break; /* cancelling, failing, or at its end: nothing changes any more */
	}
}

/* ---- TaskManagers go and come --------------------------------------------------------------- */

static void remember_loss(struct job_master *master, const struct job_place *place)
{
	struct job_loss *loss = MEM_NEW(struct job_loss);
	uint32_t count = 0;

	loss->resource_id = mem_strdup(place->resource_id);
	loss->at = loop_now(master->loop);
	loss->attempt = master->job.job_attempt;
	loss->charged = master->job.status == JOB_RESTARTING && master->charged;
	list_push_back(&master->losses, &loss->node);
	LIST_FOR_EACH(&master->losses, struct job_loss, node, each)
		count++;
	if (count > LOSSES_MAX)
		loss_free(LIST_FIRST(&master->losses, struct job_loss, node));
}

static struct job_place *place_find(struct job_master *master,
				    const struct taskmanager_info *taskmanager)
{
	LIST_FOR_EACH(&master->places, struct job_place, node, place) {
		if (place->taskmanager == taskmanager)
			return place;
	}
	return NULL;
}

void job_master_taskmanager_gone(struct job *job, struct taskmanager_info *taskmanager,
				 const struct err *why, bool note_may_follow)
{
	struct job_master *master = job_master_of(job);
	struct job_place *place = place_find(master, taskmanager);
	struct execution *hurt = NULL;

	for (uint32_t i = 0; i < master->slots_needed; i++)
		if (master->slots[i] != NULL && master->slots[i]->taskmanager == taskmanager)
			master->slots[i] = NULL;
	if (place == NULL)
		return;
	place->taskmanager = NULL;
	if (!job_is_final(job)) {
		FOR_EACH_EXECUTION(master, execution) {
			if (execution->place != place)
				continue;
			hurt = hurt ? hurt : execution;
			execution_move(execution,
				       execution->state == EXECUTION_CANCELING ? EXECUTION_CANCELED
									       : EXECUTION_FAILED,
				       why);
		}
	}
	if (hurt != NULL) {
		job_fail(master, CAUSE_TASKMANAGER_LOST, why, hurt,
			 note_may_follow ? CRASH_NOTE_WAIT_MS : 0);
		if (note_may_follow)
			remember_loss(master, place);
	}
	agent_wake(&master->agent);
	job_place_unref(place);
}

/* The job's own function crashed the TaskManager. Returns true if it did so too often. */
static bool count_crash(struct job_master *master, mono_t now)
{
	size_t last = ARRAY_COUNT(master->crashes) - 1;

	memmove(master->crashes, master->crashes + 1, last * sizeof(master->crashes[0]));
	master->crashes[last] = now;
	return master->crashes[0] != 0 && now - master->crashes[0] <= CRASHES_WITHIN_MS * NS_PER_MS;
}

/* Is the loss what the cause of the last failover is about? */
static bool is_last_trouble(const struct job_master *master, const struct job_loss *loss)
{
	bool runs_again = master->job.status == JOB_RUNNING;

	return loss->attempt + runs_again == master->job.job_attempt;
}

void job_name_origin(struct err *err, const char *taskmanager)
{
	snprintf(err->origin, sizeof(err->origin), "TaskManager %.40s", taskmanager);
	utf8_clean(err->origin);
}

/* What a supervisor's note says in one sentence; a note that has another form is told as it is. */
static void crash_err(const struct job_master *master, const char *former, bool too_often,
		      const Flink__RegisterTaskManagerRequest *request, struct err *err)
{
	const char *note = request->crash_note;
	char how[64], suspected[8], function[256] = "", why[128];

	daemon_note_field(note, "function", function, sizeof(function));
	const char *subject = function[0] ? "function " : "a function";

	bool is_signal = daemon_note_field(note, "signal", how, sizeof(how)), is_exit = false;

	if (!is_signal)
		is_exit = daemon_note_field(note, "exit", how, sizeof(how));
	if (daemon_note_field(note, "why", why, sizeof(why)))
		err_set(err, ERR_USER_FUNCTION_CRASHED, "%s%s %s", subject, function, why);
	else if (daemon_note_field(note, "suspected", suspected, sizeof(suspected)) &&
	    (is_signal || is_exit))
		err_set(err, ERR_USER_FUNCTION_CRASHED, "%s%s ran when its TaskManager %s %s",
			subject, function,
			is_signal ? "crashed with signal" : "ended unasked with exit code", how);
	else if (is_signal)
		err_set(err, ERR_USER_FUNCTION_CRASHED, "%s%s crashed with signal %s", subject,
			function, how);
	else if (is_exit)
		err_set(
			err, ERR_USER_FUNCTION_CRASHED,
			"%s%s called exit(%s), which ends the whole TaskManager", subject, function,
			how);
	else
		err_set(err, ERR_USER_FUNCTION_CRASHED, "%s", note);
	if (request->crash_operator[0] != '\0')
		err_wrap(err, "%s", request->crash_operator);
	job_name_origin(err, former);
	if (too_often)
		err_wrap(err, "crashed %zu TaskManagers within %d s, the last time",
			 ARRAY_COUNT(master->crashes), CRASHES_WITHIN_MS / 1000);
}

/* The note knows how the TaskManager ended, but not in whose function: that could not be written
 * down any more. False: it does not even know how. */
static bool death_err(const char *former, const char *note, struct err *err)
{
	char how[512];

	if (daemon_note_field(note, "reason", how, sizeof(how)))
		err_set(err, ERR_TASKMANAGER_LOST, "TaskManager %s started anew: %s", former, how);
	else if (daemon_note_field(note, "exit", how, sizeof(how)))
		err_set(err, ERR_TASKMANAGER_LOST,
			"TaskManager %s is gone: its process ended unasked with exit code %s", former,
			how);
	else if (!daemon_note_field(note, "signal", how, sizeof(how)))
		return false;
	else
		err_set(err, ERR_TASKMANAGER_LOST,
			"TaskManager %s is gone: its process was ended by signal %s%s", former, how,
			strncmp(how, "9 ", 2) == 0
				? ", by somebody or by the kernel for want of memory (dmesg tells)"
				: "");
	job_name_origin(err, former);
	return true;
}

static void is_guilty(struct job_master *master, const struct job_loss *loss,
		      const Flink__RegisterTaskManagerRequest *request, mono_t now)
{
	bool too_often = count_crash(master, now), last = is_last_trouble(master, loss);
	uint32_t status = master->job.status;
	struct err err = ERR_INIT;

	crash_err(master, loss->resource_id, too_often, request, &err);
	if (last)
		set_cause(master, CAUSE_CRASH, &err, NULL);
	if (status != JOB_RUNNING && status != JOB_RESTARTING) {
		if (last && status != JOB_CANCELLING && status != JOB_CANCELED)
			compose_failure(master, NULL); /* it failed before its reason was known */
		return;
	}
	if (too_often) {
		SOMETIMES("a job that crashes too often ends");
		set_cause(master, CAUSE_CRASH, &err, NULL);
		fail_for_good(master, NULL);
		job_cancel_executions(master);
	} else if (status == JOB_RESTARTING && master->verdict_open) {
		decide(master, now, true, false);
	}
}

/* Another job did it. */
static void is_innocent(struct job_master *master, const struct job_loss *loss, mono_t now)
{
	struct err err = master->cause;

	if (loss->charged) {
		SOMETIMES("a restart is refunded, for another job was to blame");
		restart_refund(&master->restart);
		master->charged = false;
	}
	if (master->job.status != JOB_RESTARTING || !is_last_trouble(master, loss))
		return;
	if (master->cause_rank <= CAUSE_TASKMANAGER_LOST) {
		err_set(&err, ERR_TASKMANAGER_LOST,
			"TaskManager %s is gone: a function of another job crashed in it",
			loss->resource_id);
		set_cause(master, CAUSE_TASKMANAGER_LOST, &err, NULL);
	}
	if (master->verdict_open)
		decide(master, now, false, false);
}

/* Nobody is known to be guilty, and more will not be said. */
static void is_unexplained(struct job_master *master, const struct job_loss *loss, const char *note,
			   mono_t now)
{
	struct err err = ERR_INIT;

	if (master->job.status != JOB_RESTARTING || master->cause_rank > CAUSE_TASKMANAGER_LOST)
		return;
	if (is_last_trouble(master, loss) && death_err(loss->resource_id, note, &err))
		set_cause(master, CAUSE_TASKMANAGER_LOST, &err, NULL);
	if (master->verdict_open)
		decide(master, now, true, false);
}

const char *job_master_last_loss(const struct job *job)
{
	const struct job_master *master = job_master_of(job);
	const struct list *losses = &master->losses;
	const struct job_loss *last;

	if (list_empty(losses))
		return NULL;
	last = CONTAINER_OF(losses->head.previous, struct job_loss, node);
	return mono_after_ms(last->at, LOSS_KEPT_MS) > loop_now(master->loop) ? last->resource_id
									      : NULL;
}

void job_master_taskmanager_here(struct job *job, const char *former,
				 const Flink__RegisterTaskManagerRequest *request)
{
	struct job_master *master = job_master_of(job);
	mono_t now = loop_now(master->loop);
	struct id crash_job_id;
	bool known = request->crash_note[0] != '\0' &&
		     id_from_message(&request->crash_job_id, &crash_job_id) &&
		     !id_is_none(&crash_job_id);

	LIST_FOR_EACH(&master->losses, struct job_loss, node, loss) {
		if (mono_after_ms(loss->at, LOSS_KEPT_MS) <= now) {
			loss_free(loss);
			continue;
		}
		if (strcmp(loss->resource_id, former) != 0)
			continue;
		if (known && id_equal(&crash_job_id, &job->id))
			is_guilty(master, loss, request, now);
		else if (known)
			is_innocent(master, loss, now);
		else
			is_unexplained(master, loss, request->crash_note, now);
		loss_free(loss);
		break;
	}
}

/* ---- starting again ------------------------------------------------------------------------- */

static void next_attempt(struct job_master *master, struct execution *execution,
			 const struct id *id, uint32_t attempts_kept)
{
	struct job_vertex *vertex = execution->vertex;

	attempts_keep(execution, attempts_kept);
	map_remove(master->options.executions, map_key_id(&execution->id));
	figures_next_attempt(&vertex->figures, execution_subtask(execution));
	latencies_free(&execution->latencies);
	vertex->counts[execution->state]--;
	vertex->counts[EXECUTION_CREATED]++;
	/* A new machine: its first state is not a move of the old one. */
	execution->state = EXECUTION_CREATED;
	execution->attempt++;
	execution->submitted = false;
	memset(execution->entered_ms, 0, sizeof(execution->entered_ms));
	execution->entered_ms[EXECUTION_CREATED] = world_wall(master->options.world);
	execution->id = *id;
	map_put(master->options.executions, map_key_id(&execution->id), execution);
	master->slot_users[execution_slot_number(execution)]++;
}

static void restart(struct job_master *master)
{
	struct id *ids = job_draw_ids(master, master->executions_count), *next = ids;
	uint32_t kept = (uint32_t)conf_int(master->job.conf,
					   "jobmanager.execution.attempts-history-size");

	FOR_EACH_EXECUTION(master, execution)
		next_attempt(master, execution, next++, kept);
	mem_free(ids);
	master->final_count = master->running_count = 0;
	master->idle_next = MONO_NEVER;
	master->cancel_until = MONO_NEVER;
	master->job.job_attempt++;
	master->job.restarts++;
	job_say(master, NULL);
	job_move(master, JOB_RUNNING);
	job_schedule(master);
}

void job_failover_step(struct job_master *master, mono_t now, mono_t *wake_at)
{
	if (master->verdict_open) {
		if (now < master->verdict_at) {
			*wake_at = mono_min(*wake_at, master->verdict_at);
			return;
		}
		decide(master, now, true, false);
		if (master->job.status != JOB_RESTARTING)
			return; /* waked again by the move */
	}
	if (master->final_count < master->executions_count)
		return;
	if (now >= master->restart_at)
		restart(master);
	else
		*wake_at = mono_min(*wake_at, master->restart_at);
}
