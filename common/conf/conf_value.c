/* SPDX-License-Identifier: Apache-2.0
 * conf_value.c - the types of settings: what a text means, and what to say when it means nothing.
 *  */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/conf/conf_priv.h"

/* A whole number at the front of text, no sign games; *rest: what follows. */
static bool number_take(const char *text, int64_t *number, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	*rest = end;
	return errno == 0;
}

/* "  a b " -> "a b" in place of a copy: start and length. */
static const char *trim(const char *text, size_t *length)
{
	while (isspace((unsigned char)*text))
		text++;
	*length = strlen(text);
	while (*length > 0 && isspace((unsigned char)text[*length - 1]))
		(*length)--;
	return text;
}

struct unit {
	const char *names; /* separated by blanks */
	int64_t factor;
};

static bool unit_find(const struct unit *units, size_t count, const char *text, int64_t *factor)
{
	size_t length;

	text = trim(text, &length);
	for (size_t i = 0; i < count; i++) {
		for (const char *at = units[i].names; *at != '\0';) {
			size_t word = strcspn(at, " ");

			if (word == length && strncasecmp(at, text, length) == 0) {
				*factor = units[i].factor;
				return true;
			}
			at += word;
			at += strspn(at, " ");
		}
	}
	return false;
}

bool duration_parse(const char *text, int64_t *ms)
{
	static const struct unit units[] = { /* in ns */
		{ "ms milli millis millisecond milliseconds", 1000000 },
		{ "s sec secs second seconds", 1000000000 },
		{ "m min minute minutes", INT64_C(60000000000) },
		{ "h hour hours", INT64_C(3600000000000) },
		{ "d day days", INT64_C(86400000000000) },
		{ "\xc2\xb5s us micro micros microsecond microseconds", 1000 },
		{ "ns nano nanos nanosecond nanoseconds", 1 },
	};
	int64_t number, factor = 1000000, ms_per_unit;
	const char *rest;
	size_t length;

	text = trim(text, &length);
	if (!number_take(text, &number, &rest))
		return false;
	if (*rest != '\0' && trim(rest, &length) && length > 0 &&
	    !unit_find(units, ARRAY_COUNT(units), rest, &factor))
		return false;
	ms_per_unit = factor / 1000000;
	if (ms_per_unit == 0) { /* µs and ns: up to the next millisecond, so that some stays some */
		int64_t per_ms = 1000000 / factor;

		*ms = number / per_ms + (number % per_ms > 0);
		return true;
	}
	return !__builtin_mul_overflow(number, ms_per_unit, ms);
}

bool memory_parse(const char *text, int64_t *bytes)
{
	static const struct unit units[] = {
		{ "b bytes", 1 },
		{ "k kb kib kibibytes", INT64_C(1) << 10 },
		{ "m mb mib mebibytes", INT64_C(1) << 20 },
		{ "g gb gib gibibytes", INT64_C(1) << 30 },
		{ "t tb tib tebibytes", INT64_C(1) << 40 },
	};
	int64_t number, factor = 1;
	const char *rest;
	size_t length;

	text = trim(text, &length);
	if ((length == 8 && strncasecmp(text, "infinite", 8) == 0) ||
	    (length == 3 && strncasecmp(text, "inf", 3) == 0)) {
		*bytes = INT64_MAX;
		return true;
	}
	if (!number_take(text, &number, &rest) || number < 0)
		return false;
	if (*rest != '\0' && trim(rest, &length) && length > 0 &&
	    !unit_find(units, ARRAY_COUNT(units), rest, &factor))
		return false;
	return !__builtin_mul_overflow(number, factor, bytes);
}

/* One "8081" or "50100-50110" of a list. */
static bool ports_piece(const char *text, size_t length, int64_t *first, int64_t *last)
{
	char piece[32];
	const char *rest;

	while (length > 0 && isspace((unsigned char)*text))
		text++, length--;
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	if (length == 0 || length >= sizeof(piece))
		return false;
	memcpy(piece, text, length);
	piece[length] = '\0';
	if (piece[0] == '-' || !number_take(piece, first, &rest))
		return false;
	*last = *first;
	rest += strspn(rest, " ");
	if (*rest == '-') {
		rest++;
		rest += strspn(rest, " ");
		if (*rest == '-' || !number_take(rest, last, &rest))
			return false;
	}
	return *rest == '\0' && *first >= 0 && *first <= *last && *last <= 65535;
}

int32_t ports_get(const char *text, uint32_t n)
{
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		int64_t first, last;

		if (!ports_piece(text, length, &first, &last))
			return -1;
		if (n <= last - first)
			return (int32_t)(first + n);
		n -= (uint32_t)(last - first + 1);
		text += length;
		text += *text == ',';
	}
	return -1;
}

static bool ports_ok(const char *text)
{
	int64_t first, last;

	for (;; text++) {
		size_t length = strcspn(text, ",");

		if (!ports_piece(text, length, &first, &last))
			return false;
		text += length;
		if (*text == '\0')
			return true;
	}
}

const char *conf_show_duration(int64_t ms, char text[CONF_AMOUNT_SIZE])
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 } };

	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		if (ms != 0 && ms % units[i].ms == 0) {
			snprintf(text, CONF_AMOUNT_SIZE, "%" PRId64 " %s", ms / units[i].ms,
				 units[i].name);
			return text;
		}
	snprintf(text, CONF_AMOUNT_SIZE, "%" PRId64 " ms", ms);
	return text;
}

const char *conf_show_memory(int64_t bytes, char text[CONF_AMOUNT_SIZE])
{
	static const char *const names[] = { "tb", "gb", "mb", "kb" };

	for (int i = 0; i < 4; i++) {
		int64_t unit = INT64_C(1) << (40 - 10 * i);

		if (bytes != 0 && bytes % unit == 0) {
			snprintf(text, CONF_AMOUNT_SIZE, "%" PRId64 " %s", bytes / unit, names[i]);
			return text;
		}
	}
	snprintf(text, CONF_AMOUNT_SIZE, "%" PRId64 " bytes", bytes);
	return text;
}

/* ---- checking ------------------------------------------------------------------------------- */

/* "not WHAT from 1 to 128", "not WHAT of at least 1". */
static bool refuse_range(const struct conf_spec *spec, const char *what, const char *min,
			 const char *max, char why[CONF_WHY_SIZE])
{
	if (spec->max >= INT32_MAX)
		snprintf(why, CONF_WHY_SIZE, "not %s of at least %s", what, min);
	else
		snprintf(why, CONF_WHY_SIZE, "not %s from %s to %s", what, min, max);
	return false;
}

static bool check_int(const struct conf_spec *spec, const char *value, char why[CONF_WHY_SIZE])
{
	bool port = spec->type == CONF_PORT;
	int64_t number, min = port ? 0 : spec->min, max = port ? 65535 : spec->max;
	const char *rest;
	char min_text[CONF_AMOUNT_SIZE], max_text[CONF_AMOUNT_SIZE];
	struct conf_spec bounds = { .max = max };

	if (number_take(value, &number, &rest) && *rest == '\0' && number >= min && number <= max)
		return true;
	snprintf(min_text, sizeof(min_text), "%" PRId64, min);
	snprintf(max_text, sizeof(max_text), "%" PRId64, max);
	return refuse_range(&bounds, port ? "a port" : "a whole number", min_text, max_text, why);
}

static bool check_double(const struct conf_spec *spec, const char *value, char why[CONF_WHY_SIZE])
{
	char *end;
	double number = strtod(value, &end);

	if (end != value && *end == '\0' && isfinite(number) && number >= (double)spec->min &&
	    number <= (double)spec->max)
		return true;
	snprintf(why, CONF_WHY_SIZE, "not a number from %" PRId64 " to %" PRId64, spec->min,
		 spec->max);
	return false;
}

static bool check_amount(const struct conf_spec *spec, const char *value, char why[CONF_WHY_SIZE])
{
	bool duration = spec->type == CONF_DURATION;
	int64_t amount;
	char min[CONF_AMOUNT_SIZE], max[CONF_AMOUNT_SIZE];

	if ((duration ? duration_parse(value, &amount) : memory_parse(value, &amount)) &&
	    amount >= spec->min && amount <= spec->max)
		return true;
	if (duration)
		return refuse_range(spec, "a duration such as 10 s or 500 ms",
				    conf_show_duration(spec->min, min),
				    conf_show_duration(spec->max, max), why);
	return refuse_range(spec, "a size such as 64 mb or 1 gb", conf_show_memory(spec->min, min),
			    conf_show_memory(spec->max, max), why);
}

/* Alternatives are "a=alias=alias|b": the first spelling is the one that is kept. */
static bool check_enum(const struct conf_spec *spec, const char *value, char **kept,
		       char why[CONF_WHY_SIZE])
{
	size_t used = (size_t)snprintf(why, CONF_WHY_SIZE, "none of");
	const char *separator = " ";

	for (const char *choice = spec->choices; *choice != '\0';) {
		size_t choice_length = strcspn(choice, "|"), first_length = strcspn(choice, "=|");

		for (const char *at = choice; at < choice + choice_length;) {
			size_t length = strcspn(at, "=|");

			if (strlen(value) == length && strncasecmp(at, value, length) == 0) {
				*kept = mem_strndup(choice, first_length);
				return true;
			}
			at += length + 1;
		}
		used += (size_t)snprintf(why + used, CONF_WHY_SIZE - used, "%s%.*s", separator,
					 (int)first_length, choice);
		separator = ", ";
		choice += choice_length;
		choice += *choice == '|';
	}
	return false;
}

static bool has_blank(const char *text)
{
	for (; *text != '\0'; text++)
		if (isspace((unsigned char)*text) || iscntrl((unsigned char)*text))
			return true;
	return false;
}

static bool check_plain(const struct conf_spec *spec, const char *value, char why[CONF_WHY_SIZE])
{
	const char *what = NULL;

	switch (spec->type) {
	case CONF_HOST:
		if (has_blank(value) || strlen(value) > 255)
			what = "not a host name or address";
		break;
	case CONF_PORTS:
		if (!ports_ok(value))
			what = "not a port, a list (50100,50101) or a range (50100-50200) of ports up to 65535";
		break;
	case CONF_BOOL:
		if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
			what = "neither true nor false";
		break;
	default:
		break;
	}
	if (what == NULL)
		return true;
	snprintf(why, CONF_WHY_SIZE, "%s", what);
	return false;
}

bool conf_value_check(const struct conf_spec *spec, const char *value, char **kept,
		      char why[CONF_WHY_SIZE])
{
	bool allowed;

	*kept = NULL;
	switch (spec->type) {
	case CONF_PORT:
	case CONF_INT:
		allowed = check_int(spec, value, why);
		break;
	case CONF_DOUBLE:
		allowed = check_double(spec, value, why);
		break;
	case CONF_DURATION:
	case CONF_MEMORY:
		allowed = check_amount(spec, value, why);
		break;
	case CONF_ENUM:
		allowed = check_enum(spec, value, kept, why);
		break;
	default:
		allowed = check_plain(spec, value, why);
		break;
	}
	if (allowed && *kept == NULL)
		*kept = mem_strdup(value);
	return allowed;
}
