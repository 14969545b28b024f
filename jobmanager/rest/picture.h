/* SPDX-License-Identifier: Apache-2.0
 * picture.h - the picture of a job, or of the cluster, as one JSON object: whole, or as the merge
 * patch (RFC 7396) from what was told last (docs/adr/0020-one-picture.md).
 *
 * A picture is made of units: each is told whole when it has changed. Who follows a picture keeps
 * a hash per unit, not its text. No member of a picture is null, because in a patch that means
 * "gone": what is not known is left out. */
#ifndef JOBMANAGER_REST_PICTURE_H
#define JOBMANAGER_REST_PICTURE_H

#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/rest/json_out.h"

/* What was told last. */
struct picture_memory;
struct picture_memory *picture_memory_create(void);
void picture_memory_destroy(struct picture_memory **memory);
size_t picture_memory_bytes(const struct picture_memory *memory);

struct picture_out {
	struct json_out *json;
	struct picture_memory *memory; /* NULL: nothing is remembered */
	bool whole;                    /* false: only what differs from the memory */
	uint32_t told, drawn;          /* units */
	/* private to picture_out.c */
	uint32_t unit; /* number of the next one that has its place */
	struct json_mark start;
	uint32_t depth;
	struct picture_level {
		struct json_mark mark;
		uint32_t told;
	} levels[4];
};

/* Members of an object that is open on `json`. */
void picture_begin(struct picture_out *out, struct json_out *json, struct picture_memory *memory,
		   bool whole);
void picture_of_job(const struct job *job, struct picture_out *out);
void picture_of_cluster(struct dispatcher *dispatcher, struct picture_out *out);

/* ---- for those who draw one (picture_out.c) -------------------------------------------------- */

/* An object whose members are units, and the end of it. In a patch it is not there without any. */
void picture_open(struct picture_out *out, const char *name);
void picture_close(struct picture_out *out);
/* What is written between the two is one unit. Units come in the same order each time. */
void picture_unit(struct picture_out *out);
void picture_unit_end(struct picture_out *out);
/* The same for things that come and go: members of the object that is open, told apart by name. */
enum picture_set { PICTURE_JOBS, PICTURE_TASKMANAGERS, PICTURE_SETS };
void picture_named_end(struct picture_out *out, enum picture_set set, const char *name);
void picture_forget_gone(struct picture_out *out, enum picture_set set);

/* ---- what pictures share --------------------------------------------------------------------- */

enum picture_flow { FLOW_RECORDS_IN, FLOW_RECORDS_OUT, FLOW_BYTES_IN, FLOW_BYTES_OUT, FLOWS };
extern const char *const picture_totals[FLOWS], *const picture_rates[FLOWS];

struct picture_flows { /* of a subtask or operator, or of several */
	uint64_t totals[FLOWS];
	double rates[FLOWS]; /* per second */
};
/* figures: the first of the four that a task and an operator both have, in this order. */
void picture_add_flows(struct picture_flows *sum, const struct figure *figures, double per_second);
void picture_put_flows(struct json_out *json, const struct picture_flows *flows);
/* As enum execution_state numbers them; a picture names them once. */
void picture_put_states(struct json_out *json, const char *key);
void picture_put_tasks(struct json_out *json, const char *key,
		       const uint32_t counts[EXECUTION_STATE_COUNT]);
#define PICTURE_RATE_DIGITS 4
#define PICTURE_SHARE_DIGITS 4 /* 0.123 */

#endif
