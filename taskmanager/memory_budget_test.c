/* SPDX-License-Identifier: Apache-2.0
 * memory_budget_test.c - the numbers that Flink shows for the same settings, those of a machine and
 * of a container, and what is said when the parts do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "taskmanager/memory_budget.h"

#define MIB UINT64_C(1048576)

static struct conf *settings(const char *const *pairs)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;

	for (; *pairs != NULL; pairs++)
		if (conf_set_pair(conf, *pairs, "-D", &err) != 0)
			fail_msg("%s", err.text);
	return conf;
}

static struct memory_budget derive(const char *const *pairs, uint64_t machine_bytes)
{
	struct machine_memory machine = { .bytes = machine_bytes };
	struct conf *conf = settings(pairs);
	struct memory_budget budget;
	struct err err = ERR_INIT;

	if (memory_budget_derive(conf, &machine, &budget, &err) != 0)
		fail_msg("%s", err.text);
	conf_destroy(&conf);
	assert_int_equal(budget.process_bytes,
			 budget.flink_bytes + budget.metaspace_bytes + budget.overhead_bytes);
	assert_int_equal(budget.flink_bytes,
			 budget.framework_heap_bytes + budget.framework_off_heap_bytes +
				 budget.task_heap_bytes + budget.task_off_heap_bytes +
				 budget.network_bytes + budget.managed_bytes);
	return budget;
}

static void refuses(const char *const *pairs, uint64_t machine_bytes, const char *words)
{
	struct machine_memory machine = { .bytes = machine_bytes };
	struct conf *conf = settings(pairs);
	struct memory_budget budget;
	struct err err = ERR_INIT;

	assert_int_equal(memory_budget_derive(conf, &machine, &budget, &err), -1);
	assert_int_equal(err.code, ERR_CONF_BAD_VALUE);
	assert_string_equal(err.text, words);
	conf_destroy(&conf);
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING_SET ((const char *const[]){ NULL })

static void nothing_is_left(void)
{
	assert_int_equal(mem_bytes_out(), 0);
}

/* What Flink 1.19 prints for its own sample, and for the others. */
static void the_parts_are_flinks(void **state)
{
	struct memory_budget budget =
		derive(PAIRS("taskmanager.memory.process.size=1728m",
			     "taskmanager.numberOfTaskSlots=4"), 0);

	assert_int_equal(budget.flink_bytes, 1280 * MIB);
	assert_int_equal(budget.metaspace_bytes, 256 * MIB);
	assert_int_equal(budget.overhead_bytes, 192 * MIB);
	assert_int_equal(budget.framework_heap_bytes, 128 * MIB);
	assert_int_equal(budget.framework_off_heap_bytes, 128 * MIB);
	assert_int_equal(budget.task_heap_bytes, 384 * MIB);
	assert_int_equal(budget.network_bytes, 128 * MIB);
	assert_int_equal(budget.managed_bytes, 512 * MIB);
	assert_int_equal(budget.slot_state_bytes, 128 * MIB);
	assert_int_equal(budget.overdraft_bytes, 64 * MIB);

	budget = derive(PAIRS("taskmanager.memory.flink.size=1280m"), 0);
	assert_int_equal(budget.process_bytes, 1728 * MIB);
	assert_int_equal(budget.overhead_bytes, 192 * MIB); /* the least */
	assert_int_equal(budget.network_bytes, 128 * MIB);

	budget = derive(PAIRS("taskmanager.memory.flink.size=8g"), 0);
	assert_int_equal(budget.managed_bytes, (uint64_t)(8192 * 0.4 * (double)MIB));
	assert_true(budget.overhead_bytes == (8192 + 256) * MIB / 9); /* a tenth of the whole */
	nothing_is_left();
}

static void sizes_that_are_set_count(void **state)
{
	struct memory_budget budget =
		derive(PAIRS("taskmanager.memory.process.size=4g",
			     "taskmanager.memory.managed.size=1g",
			     "taskmanager.memory.network.min=300m",
			     "taskmanager.memory.jvm-metaspace.size=96m"), 0);

	assert_int_equal(budget.managed_bytes, 1024 * MIB);
	assert_int_equal(budget.metaspace_bytes, 96 * MIB);
	assert_true(budget.network_bytes > 350 * MIB); /* the share is more than the least */

	budget = derive(PAIRS("taskmanager.memory.process.size=4g",
			      "taskmanager.memory.network.fraction=0.5",
			      "taskmanager.memory.managed.fraction=0.1",
			      "taskmanager.memory.network.max=512m"), 0);
	assert_int_equal(budget.network_bytes, 512 * MIB);

	budget = derive(PAIRS("taskmanager.memory.task.heap.size=256m",
			      "taskmanager.memory.managed.size=512m"), 0);
	assert_int_equal(budget.task_heap_bytes, 256 * MIB);
	assert_int_equal(budget.managed_bytes, 512 * MIB);
	assert_int_equal(budget.network_bytes, (uint64_t)(1024 / 9.0 * (double)MIB));

	budget = derive(PAIRS("taskmanager.memory.flink.size=1280m",
			      "taskmanager.memory.task.heap.size=400m"), 0);
	assert_int_equal(budget.network_bytes, 112 * MIB); /* what the others leave */

	budget = derive(PAIRS("taskmanager.memory.process.size=1728m",
			      "taskmanager.memory.managed.size=0",
			      "taskmanager.numberOfTaskSlots=2"), 0);
	assert_int_equal(budget.slot_state_bytes, budget.task_heap_bytes / 2);
	nothing_is_left();
}

/* Where Flink says no there is no Java machine to say no for. */
static void a_small_process_does_without_javas_parts(void **state)
{
	struct memory_budget budget =
		derive(PAIRS("taskmanager.memory.process.size=256m"), 0);

	assert_int_equal(budget.flink_bytes, 256 * MIB);
	assert_int_equal(budget.network_bytes, 64 * MIB);
	assert_int_equal(budget.managed_bytes, (uint64_t)(256 * 0.4 * (double)MIB));

	budget = derive(PAIRS("taskmanager.memory.process.size=100m"), 0);
	assert_int_equal(budget.network_bytes, 25 * MIB);

	budget = derive(PAIRS("taskmanager.memory.process.size=512m",
			      "taskmanager.memory.jvm-metaspace.size=100m"), 0);
	assert_int_equal(budget.flink_bytes, 412 * MIB); /* it was asked for */
	nothing_is_left();
}

static void nothing_set_means_the_machine(void **state)
{
	struct memory_budget budget = derive(NOTHING_SET, 8192 * MIB);

	assert_int_equal(budget.process_bytes, 8192 * MIB);
	assert_int_equal(derive(NOTHING_SET, 512 * MIB).process_bytes, 512 * MIB);
	assert_int_equal(derive(NOTHING_SET, 0).process_bytes, 1728 * MIB);
	nothing_is_left();
}

static void what_does_not_fit_is_told_with_all_its_parts(void **state)
{
	refuses(PAIRS("taskmanager.memory.process.size=1g", "taskmanager.memory.network.min=700m"),
		0,
		"the parts of the TaskManager's memory are more than its 1024 MiB "
		"(taskmanager.memory.process.size, -D): 409 MiB managed "
		"(taskmanager.memory.managed.fraction) + 700 MiB network "
		"(taskmanager.memory.network.min, -D); raise the whole, or lower or remove one of "
		"the parts");
	refuses(PAIRS("taskmanager.memory.flink.size=1g", "taskmanager.memory.managed.size=2g"), 0,
		"the parts of the TaskManager's memory are more than its 1024 MiB "
		"(taskmanager.memory.flink.size, -D): 2048 MiB managed "
		"(taskmanager.memory.managed.size, -D) + 102 MiB network "
		"(taskmanager.memory.network.fraction); raise the whole, or lower or remove one of "
		"the parts");
	refuses(PAIRS("taskmanager.memory.process.size=64g",
		      "taskmanager.memory.network.min=16g"), 8192 * MIB,
		"network buffers of 16384 MiB are more than this machine or container has: lower "
		"taskmanager.memory.network.min, taskmanager.memory.network.fraction or the size "
		"that they are a share of");
	refuses(PAIRS("taskmanager.memory.process.size=256m", "taskmanager.memory.flink.size=512m"),
		0,
		"taskmanager.memory.flink.size (512 MiB, -D) with what is beside it is more than "
		"taskmanager.memory.process.size (256 MiB, -D); raise that, or lower or remove one "
		"of the two");
	/* Nonsense of any size is refused in words. */
	refuses(PAIRS("taskmanager.memory.process.size=infinite",
		      "taskmanager.memory.network.min=infinite"), 0,
		"the parts of the TaskManager's memory are more than its 274877906944 MiB "
		"(taskmanager.memory.process.size, -D): 109951162777 MiB managed "
		"(taskmanager.memory.managed.fraction) + 274877906944 MiB network "
		"(taskmanager.memory.network.min, -D); raise the whole, or lower or remove one of "
		"the parts");
	nothing_is_left();
}

/* ---- machines -------------------------------------------------------------------------------- */

struct file {
	const char *path, *text;
};

static struct machine_memory machine_with(const struct file *files)
{
	struct sim_options options = { 0 };
	struct sim *sim = sim_create(1, &options);
	struct world *world = sim_node(sim, "machine");
	struct machine_memory memory;

	for (; files->path != NULL; files++)
		sim_file_put(world, files->path, bytes_of_text(files->text));
	memory = machine_memory_of(world);
	world_destroy(&world);
	sim_destroy(&sim);
	return memory;
}

#define FILES(...) ((const struct file[]){ __VA_ARGS__, { NULL, NULL } })
#define MEMINFO { "/proc/meminfo", "MemFree: 5 kB\nMemTotal:       8388608 kB\nSwap: 1 kB\n" }

static void the_smallest_limit_on_the_way_up_counts(void **state)
{
	struct machine_memory memory = machine_with(
		FILES(MEMINFO, { "/proc/self/cgroup", "0::/user.slice/job/worker\n" },
		      { "/sys/fs/cgroup/user.slice/job/worker/memory.max", "max\n" },
		      { "/sys/fs/cgroup/user.slice/job/memory.max", "1073741824\n" },
		      { "/sys/fs/cgroup/user.slice/memory.max", "4294967296\n" }));

	assert_int_equal(memory.physical_bytes, 8192 * MIB);
	assert_int_equal(memory.cgroup_bytes, 1024 * MIB);
	assert_int_equal(memory.bytes, 1024 * MIB);
	nothing_is_left();
}

static void version_1_is_read_too(void **state)
{
	/* In a container the path is the host's; its own group is the mount's root. */
	struct machine_memory memory = machine_with(
		FILES(MEMINFO, { "/proc/self/cgroup", "12:cpu,cpuacct:/docker/ab\n"
						      "5:hugetlb,memory:/docker/ab\n0::/\n" },
		      { "/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n" }));

	assert_int_equal(memory.bytes, 512 * MIB);
	memory = machine_with(
		FILES(MEMINFO, { "/proc/self/cgroup", "5:memory:/\n" },
		      { "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n" }));
	assert_int_equal(memory.cgroup_bytes, 0); /* no limit */
	assert_int_equal(memory.bytes, 8192 * MIB);
	nothing_is_left();
}

static void strange_files_are_no_limit(void **state)
{
	struct machine_memory memory = machine_with(
		FILES(MEMINFO, { "/proc/self/cgroup", "nonsense\n7:\n:::\n0::\n" },
		      { "/sys/fs/cgroup/memory.max", "-1" }));

	assert_int_equal(memory.bytes, 8192 * MIB);
	memory = machine_with(FILES({ "/proc/meminfo", "nothing here\n" }));
	assert_int_equal(memory.bytes, 0);
	assert_int_equal(machine_with(FILES({ "/other", "" })).bytes, 0);
	nothing_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_are_flinks),
		cmocka_unit_test(sizes_that_are_set_count),
		cmocka_unit_test(a_small_process_does_without_javas_parts),
		cmocka_unit_test(nothing_set_means_the_machine),
		cmocka_unit_test(what_does_not_fit_is_told_with_all_its_parts),
		cmocka_unit_test(the_smallest_limit_on_the_way_up_counts),
		cmocka_unit_test(version_1_is_read_too),
		cmocka_unit_test(strange_files_are_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
