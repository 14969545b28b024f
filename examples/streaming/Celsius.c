/* SPDX-License-Identifier: Apache-2.0
 * Celsius.c - readings of weather stations, from degrees Fahrenheit to degrees Celsius: a function
 * that takes many records at once, because a call for each would cost more than its work.
 *
 *	bin/flink run examples/streaming/Celsius.jar                    a few built-in readings
 *	bin/flink run examples/streaming/Celsius.jar --input FILE       lines "station,degrees" */
#include <flink/flink.h>

FLINK_RECORD(reading, FIELD(BIGINT, station) FIELD(DOUBLE, degrees));

static const char *const READINGS[] = { "1,32", "2,68", "1,30.5", "3,-40" };
enum { READINGS_COUNT = sizeof(READINGS) / sizeof(READINGS[0]) };

static void parse(const struct line *in, struct reading *out)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)in->text.len, str_ptr(&in->text));
	if (sscanf(text, "%ld,%lf", &out->station, &out->degrees) != 2)
		flink_fail("\"%s\" is not \"station,degrees\"", text);
}

/* The compiler makes vector instructions of this loop, which a call for each record forbids. */
static void to_celsius(const struct reading *in, struct reading *out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		out[i].station = in[i].station;
		out[i].degrees = (in[i].degrees - 32) * 5 / 9;
	}
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *input = flink_arg(args, "input");
	struct stream *lines = input != NULL ? read_text_file(env, input) :
					       from_lines(env, READINGS, READINGS_COUNT);
	struct stream *fahrenheit = name(map(lines, parse, reading), "parse");

	print(name(map_batch(fahrenheit, to_celsius, reading), "to-celsius"));
	return flink_execute(env, "Celsius", err);
}
