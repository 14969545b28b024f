/* SPDX-License-Identifier: Apache-2.0
 * world_os_bed.h - what the tests of the real world share: a world with one runner, a directory of
 * its own, and waiting for a condition with a deadline. Included by one *_test.c each. */
#ifndef TESTS_LIB_WORLD_OS_BED_H
#define TESTS_LIB_WORLD_OS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/world/world.h"

#define DEADLINE_MS 20000

static struct world *world;
static struct runner *runner;
static struct loop *loop;
static char directory[64];

static UNUSED int begin(void **state)
{
	struct err err = ERR_INIT;

	world = world_os_create(&err);
	assert_non_null(world);
	runner = runner_create(world, "test", &err);
	assert_non_null(runner);
	loop = runner_loop(runner);
	snprintf(directory, sizeof(directory), "/tmp/world_os.XXXXXX");
	assert_non_null(mkdtemp(directory));
	return 0;
}

static UNUSED int end(void **state)
{
	char command[128];

	runner_destroy(&runner);
	world_destroy(&world);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(mem_bytes_out(), 0);
	return 0;
}

static UNUSED mono_t deadline_from_now(void)
{
	return mono_after_ms(world_now(world), DEADLINE_MS);
}

static UNUSED void look_again(mono_t deadline, const char *waiting_for)
{
	struct timespec moment = { .tv_nsec = 200 * 1000 };

	if (world_now(world) > deadline)
		fail_msg("after %d ms still no %s", DEADLINE_MS, waiting_for);
	nanosleep(&moment, NULL);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
