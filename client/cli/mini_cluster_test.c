/* SPDX-License-Identifier: Apache-2.0
 * mini_cluster_test.c - a cluster inside this process, on real threads: it starts, answers and
 * ends, again and again. For TSan above all. */
#include "tests/lib/cmocka_header.h"

#include "client/cli/cli.h"
#include "client/cli/mini_cluster.h"
#include "common/base/mem.h"
#include "common/world/world.h"

static void a_cluster_starts_answers_and_ends(void **state)
{
	static const uint32_t slots[] = { 1, 3, LIMIT_SLOTS_PER_TASKMANAGER_MAX + 1 };
	static struct mini_cluster cluster;

	for (uint32_t i = 0; i < 3 * ARRAY_COUNT(slots); i++) {
		struct err err = ERR_INIT;
		struct world *world = world_os_create(&err);
		struct conf *conf = conf_create();
		struct session *session = NULL;

		assert_non_null(world);
		if (mini_cluster_start(&cluster,
				       &(struct mini_cluster_options){
					       .world = world,
					       .conf = conf,
					       .library_directory = ".",
					       .slots = slots[i % ARRAY_COUNT(slots)] },
				       &err) != 0 ||
		    mini_cluster_connect(&cluster, world, &session, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(cluster.taskmanagers_count,
				 i % ARRAY_COUNT(slots) == 2 ? 2 : 1);
		session_close(&session);
		mini_cluster_stop(&cluster);
		conf_destroy(&conf);
		world_destroy(&world);
	}
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cluster_starts_answers_and_ends),
	};

	return cmocka_run_group_tests_name("mini_cluster", tests, NULL, NULL);
}
