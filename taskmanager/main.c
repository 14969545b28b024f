/* SPDX-License-Identifier: Apache-2.0
 * main.c - the program `taskmanager`: settings, the real world, one struct taskmanager. Thin; all
 * else is a library that the simulator and the mini cluster use too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "common/contract/registry.h"
#include "common/daemon/daemon.h"
#include "connectors/connectors.h"
#include "taskmanager/exec/crash.h"
#include "taskmanager/operator/operators.h"
#include "taskmanager/taskmanager.h"
#include "taskmanager/udf/python_operator.h"

#define STOP_MS_MAX 700 /* the supervisor kills after 1 s */
#define POLL_MS 5
#define PATH_SIZE 4096

static const char usage[] =
	"usage: taskmanager [-D key=value]... [--daemon --out FILE --log FILE --pid FILE --ready-fd N]\n"
	"       taskmanager --version | --help\n"
	"Settings come from FLINK_CONF_DIR (or ./conf); 'flink-settings help' lists them.\n";

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

static void pause_ms(int ms)
{
	struct timespec time = { 0, ms * 1000000L };

	nanosleep(&time, NULL);
}

struct crash {
	char operator[256];
};

/* Hands the last life's crash note over with the registration. */
static void take_crash_note(struct taskmanager_options *options, struct crash *crash)
{
	const char *note = daemon_crash_note();
	char job[64];

	if (note[0] == '\0')
		return;
	options->crash_note = note;
	options->crash_at = world_wall(options->world);
	if (daemon_note_field(note, "operator", crash->operator, sizeof(crash->operator)))
		options->crash_operator = crash->operator;
	if (daemon_note_field(note, "job", job, sizeof(job)))
		id_parse(job, &options->crash_job_id);
}

/* The supervisor starts a new process at once; the JobManager sees the connection close. */
static void stuck(void *context, const char *why)
{
	daemon_start_again(why);
}

/* Told at the start, not by the first job that wants to lie there. The folder itself is made when
 * it is needed, so of one that is missing the nearest parent that exists must let us. */
static int check_tmp(const struct conf *conf, struct err *err)
{
	const char *folders = conf_text(conf, "io.tmp.dirs");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(folders, ",;|:"), folders);
	while (access(path, W_OK | X_OK) != 0) {
		char *slash = strrchr(path, '/');

		if (errno != ENOENT || slash == NULL || slash == path)
			return err_set(err, ERR_CONF_BAD_VALUE,
				       "%s: io.tmp.dirs is \"%s\", where nothing can be written "
				       "(%s: %s)",
				       conf_origin(conf, "io.tmp.dirs"), folders, path,
				       strerror(errno));
		*slash = '\0';
	}
	return 0;
}

/* Tells what keeps it from registering when that is another thing than before. True: waiting will
 * not mend it, because the JobManager is there and does not want this TaskManager. */
static bool say_trouble(struct taskmanager *taskmanager, struct err *told)
{
	struct err trouble;

	if (!taskmanager_trouble(taskmanager, &trouble) || strcmp(trouble.text, told->text) == 0)
		return false;
	*told = trouble;
	daemon_note("waiting for the JobManager: %s", trouble.text);
	return trouble.code == ERR_NET_SECRET || trouble.code == ERR_NET_VERSION;
}

static int run(const struct daemon_options *daemon, struct world *world, struct conf *conf,
	       struct err *err)
{
	struct taskmanager *taskmanager = NULL;
	char directory[4096] = "";
	struct crash crash = { "" };
	struct taskmanager_options options = {
		.world = world,
		.conf = conf,
		.log_name = base_name(daemon_path(DAEMON_LOG)),
		.out_name = base_name(daemon_path(DAEMON_OUT)),
		.stuck = stuck,
	};
	long long slots = conf_int(conf, "taskmanager.numberOfTaskSlots");
	bool ready = false;
	struct err trouble = ERR_INIT;

	if (options.log_name != NULL) {
		snprintf(directory, sizeof(directory), "%.*s",
			 (int)(options.log_name - daemon_path(DAEMON_LOG)),
			 daemon_path(DAEMON_LOG));
		size_t length = strlen(directory);
		if (length > 1)
			directory[length - 1] = '\0';
		options.log_directory = length > 0 ? directory : ".";
	}
	if (check_tmp(conf, err) != 0)
		return -1;
	take_crash_note(&options, &crash);
	if (taskmanager_create(&options, &taskmanager, err) != 0)
		return -1;
	daemon_name(taskmanager_resource_id(taskmanager));
	daemon_note("waiting for the JobManager at %s:%lld",
		    conf_text(conf, "jobmanager.rpc.address"),
		    (long long)conf_int(conf, "jobmanager.rpc.port"));
	while (!daemon_stop_requested()) {
		if (!ready && taskmanager_registered(taskmanager)) {
			ready = true;
			if (options.crash_note != NULL)
				daemon_crash_note_taken();
			daemon_ready("%lld slot%s", slots, slots == 1 ? "" : "s");
		} else if (!ready && say_trouble(taskmanager, &trouble)) {
			*err = trouble;
			taskmanager_destroy(&taskmanager);
			return -1;
		}
		if (ready)
			daemon_wait_stop();
		else
			pause_ms(POLL_MS);
	}
	log_info("TaskManager", "Stopping.");
	taskmanager_stop(taskmanager);
	for (int waited = 0; waited < STOP_MS_MAX && !taskmanager_stopped(taskmanager);
	     waited += POLL_MS)
		pause_ms(POLL_MS);
	taskmanager_destroy(&taskmanager);
	return 0;
}

/* lib/flink-*.so and opt/python lie beside bin, where this program is. */
static void find_libraries(struct world *world)
{
	const char *home = world_env(world, "FLINK_HOME");
	char program[PATH_SIZE], path[PATH_SIZE + 32];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[length > 0 ? length : 0] = '\0';
	for (int up = 0; up < 2; up++)
		if (strrchr(program, '/') != NULL)
			*strrchr(program, '/') = '\0';
	snprintf(path, sizeof(path), "%s/lib", home != NULL && home[0] != '\0' ? home : program);
	registry_set_library_directory(path);
	snprintf(path, sizeof(path), "%s/opt/python/pyflink",
		 home != NULL && home[0] != '\0' ? home : program);
	python_operator_set_package(path);
}

int main(int argc, char **argv)
{
	struct daemon_options daemon;
	struct err err = ERR_INIT;
	struct world *world;
	struct conf *conf;
	char text[2048];

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("Version: %s, Commit ID: %s (%s)\n", FLINK_VERSION, CFLINK_COMMIT,
		       CFLINK_VERSION);
		return 0;
	}
	if (daemon_options_take(&daemon, "taskexecutor", &argc, argv, &err) != 0 ||
	    daemon_start(&daemon, &err) != 0) {
		err_format(&err, text, sizeof(text));
		fputs(text, stderr);
		return 1;
	}
	conf = conf_create();
	world = world_os_create(&err);
	if (world == NULL || conf_load_all(conf, world, NULL, argc, argv, &err) != 0)
		daemon_fail(&err);
	daemon_log_level(conf_text(conf, "env.log.level"));
	for (size_t i = 0; i < conf_warnings_count(conf); i++)
		log_warn("Configuration", "%s", conf_warning(conf, i));
	operators_register();
	connectors_register_all();
	find_libraries(world);
	daemon_crash_describe(crash_describe);
	if (run(&daemon, world, conf, &err) != 0)
		daemon_fail(&err);
	world_destroy(&world);
	conf_destroy(&conf);
	return 0;
}
