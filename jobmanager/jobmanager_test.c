/* SPDX-License-Identifier: Apache-2.0
 * jobmanager_test.c - the JobManager in the real world: it listens, answers from another thread,
 * says who holds its port, and ends cleanly. What it decides is tested in the simulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dispatcher.pb-c.h"

#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "jobmanager/jobmanager.h"

struct asker { /* an agent of the client's runner */
	struct agent agent;
	struct rpc_client *client;
	bool asked;
	atomic_bool answered;
	char version[1000]; /* or the error */
	uint32_t rest_port, taskmanagers;
};

static void overview(const Flink__ClusterOverviewResponse *answer, void *data)
{
	struct asker *asker = data;

	snprintf(asker->version, sizeof(asker->version), "%s",
		 answer ? answer->version : rpc_error()->text);
	asker->rest_port = answer ? answer->rest_port : 0;
	asker->taskmanagers = answer ? answer->taskmanagers : 0;
	atomic_store(&asker->answered, true);
}

static enum step asker_step(struct agent *agent, mono_t now, mono_t *wake_at)
{
	struct asker *asker = CONTAINER_OF(agent, struct asker, agent);
	struct rpc_peer *peer = asker->client ? rpc_client_peer(asker->client) : NULL;
	Flink__ClusterOverviewRequest request = FLINK__CLUSTER_OVERVIEW_REQUEST__INIT;
	struct rpc_stub stub;

	if (peer != NULL && !asker->asked) {
		asker->asked = true;
		rpc_stub_init(&stub, peer, &flink__dispatcher__descriptor, NULL);
		flink__dispatcher__cluster_overview(rpc_stub_service(&stub), &request, overview,
						    asker);
	}
	*wake_at = mono_after_ms(now, 1);
	return STEP_IDLE;
}

static struct conf *conf_of(const char *rpc_port)
{
	struct conf *conf = conf_create();
	struct err err = ERR_INIT;

	if (conf_set(conf, "jobmanager.rpc.bind-port", rpc_port, "-D", &err) != 0 ||
	    conf_set(conf, "rest.bind-port", "0", "-D", &err) != 0)
		fail_msg("%s", err.text);
	return conf;
}

static void it_answers_in_the_real_world_and_ends(void **state)
{
	struct timespec pause = { 0, 1000000 };
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct conf *conf = conf_of("0");
	struct jobmanager_options options = { .world = world, .conf = conf };
	struct jobmanager *jobmanager, *second;
	struct rpc_options client = { .role = "client" };
	struct asker *asker = MEM_NEW(struct asker);
	struct runner *runner;
	char port[8];

	if (jobmanager_create(&options, &jobmanager, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_not_equal(jobmanager_rpc_port(jobmanager), 0);
	assert_int_not_equal(jobmanager_rest_port(jobmanager), 0);
	runner = runner_create(world, "client", &err);
	assert_int_equal(rpc_client_open(runner, "localhost", jobmanager_rpc_port(jobmanager),
					 &client, &asker->client, &err), 0);
	agent_init(&asker->agent, "asker", asker_step);
	runner_add(runner, &asker->agent);
	for (int i = 0; i < 20000 && !atomic_load(&asker->answered); i++)
		nanosleep(&pause, NULL); /* until it answers, at most 20 s */
	assert_true(atomic_load(&asker->answered));
	assert_string_equal(asker->version, "1.19.3");
	assert_int_equal(asker->rest_port, jobmanager_rest_port(jobmanager));
	assert_int_equal(asker->taskmanagers, 0);

	/* A second one on the same port is told who has it. */
	snprintf(port, sizeof(port), "%u", jobmanager_rpc_port(jobmanager));
	struct conf *taken = conf_of(port);

	options.conf = taken;
	assert_int_equal(jobmanager_create(&options, &second, &err), -1);
	assert_int_equal(err.code, ERR_CONF_PORT_TAKEN);
	assert_non_null(strstr(err.text, port));
	assert_null(second);

	runner_destroy(&runner);
	rpc_client_close(&asker->client);
	mem_free(asker);
	jobmanager_destroy(&jobmanager);
	conf_destroy(&taken);
	conf_destroy(&conf);
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
}

static void beyond_this_machine_it_wants_a_secret(void **state)
{
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct conf *conf = conf_of("0");
	struct jobmanager_options options = { .world = world, .conf = conf, .without_rest = true };
	struct jobmanager *jobmanager;

	options.rpc_bind_host = "0.0.0.0";
	assert_int_equal(jobmanager_create(&options, &jobmanager, &err), -1);
	assert_non_null(strstr(err.text, "secret"));
	conf_destroy(&conf);
	world_destroy(&world);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_in_the_real_world_and_ends),
		cmocka_unit_test(beyond_this_machine_it_wants_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
