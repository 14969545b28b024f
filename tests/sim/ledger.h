/* SPDX-License-Identifier: Apache-2.0
 * ledger.h - what a job must do, and what it did: a source whose records are known, a sink that
 * writes down what reached it, and a reader of printed lines, with one book per attempt.
 *
 * Record n (0 … records-1) has key n mod keys (every seventh key is long, with a tail, and some are
 * larger than a network segment where the plan has it so), value 1,
 * its number n, the attempt that made it, and its origin. Source s of S, subtask i of P, makes the
 * records with n mod S = s and n / S mod P = i, in order. From that everything follows: the running
 * sums of a key are 1, 2, 3 …; the sums of its windows add up to its count; each record arrives as
 * often as its edge says, in order on each channel, and never in another attempt.
 *
 * The ledger stands outside of the simulated world: it survives everything, and tasks that a
 * partition hides from their JobManager go on writing into the book of their own attempt. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "common/contract/registry.h"
#include "tests/sim/plan.h"

struct ledger; /* of one submission of a job */

extern const struct field ledger_fields[];
extern const uint32_t ledger_fields_count;

struct ledger_entry { /* the C struct of ledger_fields */
	struct str key;
	int64_t value, number;
	int32_t attempt, origin;
};

void ledger_register(void); /* "sim-source" and "sim-ledger" */
/* Before a run and after it. */
void ledger_begin(struct sim *sim);
void ledger_end(void);

struct ledger *ledger_open(const struct plan_job *job, const struct id *job_id);
/* What the functions of a job know of it: flink_parameters() is this number. */
uint32_t ledger_number(const struct ledger *ledger);
struct ledger *ledger_by_number(uint32_t number);
/* Of the source with this index; valid until ledger_end. */
struct bytes ledger_source_parameters(struct ledger *ledger, uint32_t source);
/* A line that the job printed, without its newline, as the client got it. */
void ledger_line(struct ledger *ledger, const char *line, size_t size_bytes);
/* Printed lines were lost on the way, and the client was told so. */
void ledger_lines_lost(struct ledger *ledger);
/* The job may have been started by a JobManager that died, and again by the next: tasks of both may
 * call themselves the same attempt, so its books say nothing. */
void ledger_is_ambiguous(struct ledger *ledger);
/* Shall the user function that asks fail now? */
bool ledger_function_fails(struct ledger *ledger);
void ledger_heal(void); /* no function fails any more */

/* The first thing that was wrong in any book: 0, or -1. After every event. */
int ledger_breach(struct err *err);
/* The last attempt's book against the model, for a job that FINISHED. */
int ledger_check_finished(const struct ledger *ledger, struct err *err);
uint32_t ledger_attempts(const struct ledger *ledger);
uint64_t ledger_progress(void); /* records written and lines read so far, of all jobs */

/* ---- for ledger_io.c ------------------------------------------------------------------------ */

struct ledger *ledger_find(const struct id *job_id); /* NULL: nobody's */
const struct plan_job *ledger_plan(const struct ledger *ledger);
bool ledger_healed(void);
bool ledger_ambiguous(const struct ledger *ledger);
const struct id *ledger_job_id(const struct ledger *ledger);
/* Records that came to the sinks of the first attempt; false: they go on arriving after its end, or
 * how many they are depends on time. */
bool ledger_arrivals(const struct ledger *ledger, uint64_t *count);
#define LEDGER_KEY_SIZE (PLAN_LARGE_BYTES_MAX + 32)
size_t ledger_key(const struct plan_job *job, uint32_t key, char text[LEDGER_KEY_SIZE]);
/* A writer of this attempt begins. */
void ledger_writer_opens(struct ledger *ledger, uint32_t attempt, uint32_t subtask);
/* key: its bytes, because a str that is not in a record cannot be read. */
void ledger_entry_arrives(struct ledger *ledger, uint32_t attempt, uint32_t subtask,
			  struct bytes key, const struct ledger_entry *entry);

#endif
