/* SPDX-License-Identifier: Apache-2.0
 * time.c - wall times as text, in local time. */
#include "common/base/time.h"

#include <stdio.h>
#include <time.h>

static struct tm local(wall_t at)
{
	time_t seconds = (time_t)(at >= 0 ? at / 1000 : -((999 - at) / 1000));
	struct tm parts = { 0 };

	localtime_r(&seconds, &parts);
	return parts;
}

const char *wall_format_log(wall_t at, char text[TIME_TEXT_SIZE])
{
	struct tm parts = local(at);
	size_t used = strftime(text, TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &parts);

	snprintf(text + used, TIME_TEXT_SIZE - used, ",%03d", (int)(((at % 1000) + 1000) % 1000));
	return text;
}

const char *wall_format_list(wall_t at, char text[TIME_TEXT_SIZE])
{
	struct tm parts = local(at);

	strftime(text, TIME_TEXT_SIZE, "%d.%m.%Y %H:%M:%S", &parts);
	return text;
}
