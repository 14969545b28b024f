/* SPDX-License-Identifier: Apache-2.0
 * registry_test.c - names found, missed, replaced, and loaded from a library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/contract/registry.h"
#include "common/world/world_sim.h"

static struct sim *sim;
static struct world *node;

static int setup(void **state)
{
	struct sim_options calm = { .delay_us_min = 0 };

	sim = sim_create(1, &calm);
	node = sim_node(sim, "node");
	return 0;
}

static int teardown(void **state)
{
	registry_clear();
	world_destroy(&node);
	sim_destroy(&sim);
	return mem_bytes_out() == 0 ? 0 : -1;
}

static const struct operator_vtable flat_map = { .name = "flat-map" };
static const struct source_vtable socket_source = { .name = "socket" };
static const struct source_vtable datagen = { .name = "datagen" };
static const struct sink_vtable print = { .name = "print" };

static void what_was_added_is_found(void **state)
{
	struct err err = ERR_INIT;

	registry_add_operator(&flat_map);
	registry_add_source(&socket_source);
	registry_add_source(&datagen);
	registry_add_sink(&print);
	assert_ptr_equal(registry_operator(node, "flat-map", &err), &flat_map);
	assert_ptr_equal(registry_source(node, "socket", &err), &socket_source);
	assert_ptr_equal(registry_source(node, "datagen", &err), &datagen);
	assert_ptr_equal(registry_sink(node, "print", &err), &print);
}

static void a_miss_names_the_nearest(void **state)
{
	struct err err = ERR_INIT;

	registry_add_source(&socket_source);
	registry_add_source(&datagen);
	assert_null(registry_source(node, "sokcet", &err));
	assert_int_equal(err.code, ERR_CONNECTOR_MISSING);
	assert_string_equal(err.text,
			    "there is no source \"sokcet\"; the nearest name is \"socket\"");
	assert_null(registry_source(node, "something-else", &err));
	assert_string_equal(err.text, "there is no source \"something-else\"");
	assert_null(registry_sink(node, "print", &err));
	assert_string_equal(err.text, "there is no sink \"print\"");
}

static void a_later_one_of_the_same_name_replaces(void **state)
{
	static const struct sink_vtable other = { .name = "print" };
	struct err err = ERR_INIT;

	registry_add_sink(&print);
	registry_add_sink(&other);
	assert_ptr_equal(registry_sink(node, "print", &err), &other);
}

static void names_never_become_paths(void **state)
{
	struct err err = ERR_INIT;

	registry_set_library_directory("/lib");
	sim_module_add(sim, "/lib/flink-../../tmp/evil.so");
	assert_null(registry_source(node, "../../tmp/evil", &err));
	assert_int_equal(err.code, ERR_CONNECTOR_MISSING);
	assert_non_null(strstr(err.text, "is not the name of a source"));
	assert_null(registry_source(node, "", &err));
	assert_non_null(strstr(err.text, "is not the name of a source"));
}

/* ---- libraries ------------------------------------------------------------------------------ */

static uint32_t loads;

static int kafka_entry(uint32_t abi)
{
	static const struct source_vtable source = { .name = "kafka" };
	static const struct sink_vtable sink = { .name = "kafka" };

	loads++;
	registry_add_source(&source);
	registry_add_sink(&sink);
	return abi == CONTRACT_ABI ? 0 : -1;
}

static int old_entry(uint32_t abi)
{
	return -1;
}

static void add_library(const char *path, int (*entry)(uint32_t abi))
{
	void *address;

	memcpy(&address, &entry, sizeof(address));
	sim_module_add(sim, path);
	sim_module_symbol(sim, path, "flink_connector", address);
}

static void a_library_is_opened_on_first_use(void **state)
{
	struct err err = ERR_INIT;

	loads = 0;
	add_library("/lib/flink-kafka.so", kafka_entry);
	assert_null(registry_source(node, "kafka", &err)); /* no directory said */
	registry_set_library_directory("/lib");
	assert_non_null(registry_source(node, "kafka", &err));
	assert_non_null(registry_sink(node, "kafka", &err));
	assert_non_null(registry_source(node, "kafka", &err));
	assert_int_equal(loads, 1);
}

static void a_missing_or_old_library_says_so(void **state)
{
	struct err err = ERR_INIT;

	registry_set_library_directory("/lib");
	registry_add_source(&datagen);
	assert_null(registry_source(node, "datagem", &err));
	assert_int_equal(err.code, ERR_CONNECTOR_MISSING);
	assert_non_null(strstr(
		err.text, "there is no source \"datagem\"; the nearest name is \"datagen\"; "));
	assert_non_null(strstr(err.text, "/lib/flink-datagem.so"));
	add_library("/lib/flink-old.so", old_entry);
	assert_null(registry_sink(node, "old", &err));
	char *said = mem_printf("/lib/flink-old.so was built for another version than %d", CONTRACT_ABI);

	assert_non_null(strstr(err.text, said));
	mem_free(said);
	sim_module_add(sim, "/lib/flink-empty.so");
	assert_null(registry_sink(node, "empty", &err));
	assert_non_null(strstr(err.text, "has no entry function flink_connector"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_added_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_miss_names_the_nearest, setup, teardown),
		cmocka_unit_test_setup_teardown(a_later_one_of_the_same_name_replaces, setup,
						teardown),
		cmocka_unit_test_setup_teardown(names_never_become_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(a_library_is_opened_on_first_use, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_or_old_library_says_so, setup, teardown),
	};
	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
