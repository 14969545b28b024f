/* SPDX-License-Identifier: Apache-2.0
 * cpu_test.c - the times are found whatever the process is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/metric/cpu.h"

#define BEHIND " S 1 2 3 4 5 6 7 8 9 10 150 25 13 14 20\n"

static void times_are_found_behind_any_name(void **state)
{
	assert_int_equal(cpu_ms_of_stat("42 (taskmanager)" BEHIND, 100), 1750);
	assert_int_equal(cpu_ms_of_stat("42 (a) b (c)" BEHIND, 100), 1750);
	assert_int_equal(cpu_ms_of_stat("42 (taskmanager)" BEHIND, 1000), 175);
}

static void what_is_of_another_form_is_nothing(void **state)
{
	assert_int_equal(cpu_ms_of_stat("", 100), 0);
	assert_int_equal(cpu_ms_of_stat("42 (taskmanager", 100), 0);
	assert_int_equal(cpu_ms_of_stat("42 (taskmanager) S 1 2 3", 100), 0);
	assert_int_equal(cpu_ms_of_stat("1 (x) S 1 2 3 4 5 6 7 8 9 10 many 25", 100), 0);
	assert_int_equal(cpu_ms_of_stat("1 (x) S 1 2 3 4 5 6 7 8 9 10 99999999999999999999 25", 100),
			 0);
	assert_int_equal(cpu_ms_of_stat("42 (taskmanager)" BEHIND, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_found_behind_any_name),
		cmocka_unit_test(what_is_of_another_form_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
