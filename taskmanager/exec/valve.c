/* SPDX-License-Identifier: Apache-2.0
 * valve.c - see valve.h. Each question walks over all inputs: control elements are rare. */
#include "taskmanager/exec/valve.h"

#include "common/base/check.h"
#include "common/base/mem.h"

void valve_init(struct valve *valve, uint32_t inputs_count)
{
	*valve = (struct valve){ .inputs = MEM_NEW_ARRAY(struct valve_input, inputs_count),
				 .inputs_count = inputs_count,
				 .watermark = EVENT_MIN };
	for (uint32_t i = 0; i < inputs_count; i++)
		valve->inputs[i].watermark = EVENT_MIN;
}

void valve_fini(struct valve *valve)
{
	mem_free(valve->inputs);
	*valve = (struct valve){ .inputs = NULL };
}

void valve_watermark(struct valve *valve, uint32_t input, event_t watermark)
{
	CHECK(input < valve->inputs_count, "input %u of %u", input, valve->inputs_count);
	if (watermark > valve->inputs[input].watermark)
		valve->inputs[input].watermark = watermark;
	valve->inputs[input].idle = false;
}

void valve_idle(struct valve *valve, uint32_t input, bool idle)
{
	CHECK(input < valve->inputs_count, "input %u of %u", input, valve->inputs_count);
	valve->inputs[input].idle = idle;
}

void valve_end(struct valve *valve, uint32_t input)
{
	CHECK(input < valve->inputs_count, "input %u of %u", input, valve->inputs_count);
	valve->inputs[input].ended = true;
}

enum valve_out valve_take(struct valve *valve)
{
	event_t smallest = EVENT_MAX;
	uint32_t active = 0, open = 0;

	for (uint32_t i = 0; i < valve->inputs_count; i++) {
		const struct valve_input *input = &valve->inputs[i];

		if (input->ended)
			continue;
		open++;
		if (input->idle)
			continue;
		active++;
		if (input->watermark < smallest)
			smallest = input->watermark;
	}
	if (open == 0)
		return VALVE_NOTHING; /* the end of input is told by its own element */
	if (active == 0) {
		if (valve->idle)
			return VALVE_NOTHING;
		valve->idle = true;
		return VALVE_IDLE;
	}
	if (valve->idle) {
		valve->idle = false;
		return VALVE_ACTIVE;
	}
	if (smallest <= valve->watermark)
		return VALVE_NOTHING;
	valve->watermark = smallest;
	return VALVE_WATERMARK;
}
