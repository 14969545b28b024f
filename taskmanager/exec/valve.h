/* SPDX-License-Identifier: Apache-2.0
 * valve.h - one watermark out of many inputs: the smallest of those that are active, never falling.
 *
 * Idle channels and channels that ended do not hold the others back. When all that are left are
 * idle the task says so downstream, once; with the first active one it takes that back. */
#ifndef TASKMANAGER_EXEC_VALVE_H
#define TASKMANAGER_EXEC_VALVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/time.h"

struct valve_input {
	event_t watermark;
	bool idle, ended;
};

struct valve {
	struct valve_input *inputs;
	uint32_t inputs_count;
	event_t watermark; /* what went out; EVENT_MIN: nothing yet */
	bool idle;         /* likewise */
};

void valve_init(struct valve *valve, uint32_t inputs_count);
void valve_fini(struct valve *valve);

/* What an element of one input changes; then valve_take says what is to go out. */
void valve_watermark(struct valve *valve, uint32_t input, event_t watermark); /* makes it active */
void valve_idle(struct valve *valve, uint32_t input, bool idle);
void valve_end(struct valve *valve, uint32_t input);

enum valve_out { VALVE_NOTHING, VALVE_WATERMARK, VALVE_IDLE, VALVE_ACTIVE };
/* The next thing to send; call until it says nothing. VALVE_WATERMARK: valve->watermark. */
enum valve_out valve_take(struct valve *valve);

#endif
