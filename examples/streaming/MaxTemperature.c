/* SPDX-License-Identifier: Apache-2.0
 * MaxTemperature.c - the warmest moment of each station so far, by reduce.
 *
 *	bin/flink run examples/streaming/MaxTemperature.jar                  on built-in readings
 *	bin/flink run examples/streaming/MaxTemperature.jar --input FILE     lines as below
 *
 * Every reading gives an update: the warmest one of its station. */
#include <flink/flink.h>

#include <stdlib.h>

static const char *const READINGS[] = {
	"Seoul,2026-08-01T12:00,31.5",	 "Jeju,2026-08-01T12:00,29.0",
	"Seoul,2026-08-01T15:00,34.2",	 "Busan,2026-08-01T15:00,30.1",
	"Seoul,2026-08-01T18:00,32.0",	 "Jeju,2026-08-01T15:00,31.5",
	"Daegu,2026-08-01T15:00,36.9",	 "Daegu,2026-08-01T18:00,35.0",
};
enum { READINGS_COUNT = sizeof(READINGS) / sizeof(READINGS[0]) };

FLINK_RECORD_PRINTED(reading, "{station}: {degrees} at {moment}",
		     FIELD(STRING, station) FIELD(STRING, moment) FIELD(DOUBLE, degrees));

/* "station,moment,degrees"; what is no reading is left out. */
static void parse(const struct line *in, struct collector *out)
{
	const char *text = str_ptr(&in->text), *end = text + in->text.len;
	const char *moment = memchr(text, ',', (size_t)(end - text));
	const char *degrees = moment ? memchr(moment + 1, ',', (size_t)(end - moment - 1)) : NULL;
	char number[32], *rest;

	if (degrees == NULL || end - degrees - 1 >= (long)sizeof(number) || end - degrees < 2)
		return;
	memcpy(number, degrees + 1, (size_t)(end - degrees - 1));
	number[end - degrees - 1] = '\0';
	double value = strtod(number, &rest);

	if (*rest == '\0')
		collect(out, reading, .station = str_of(text, (size_t)(moment - text)),
			.moment = str_of(moment + 1, (size_t)(degrees - moment - 1)),
			.degrees = value);
}

/* a: the warmest so far; b: the next. */
static void warmer(const struct reading *a, const struct reading *b, struct reading *out)
{
	const struct reading *warm = b->degrees > a->degrees ? b : a;

	out->station = str_copy(&warm->station);
	out->moment = str_copy(&warm->moment);
	out->degrees = warm->degrees;
}

int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	const char *input = flink_arg(args, "input");
	struct stream *lines = input != NULL ? read_text_file(env, input)
					     : from_lines(env, READINGS, READINGS_COUNT);
	struct stream *readings = name(flat_map(lines, parse, reading), "parser");

	print(name(reduce(key_by(readings, "station"), warmer, reading), "warmest"));
	return flink_execute(env, "MaxTemperature", err);
}
