/* SPDX-License-Identifier: Apache-2.0
 * main.c - the jobmanager program: options, settings, the real world, and the JobManager in it.
 *
 *   jobmanager [options] [-Dkey=value]…     runs until SIGTERM or SIGINT
 *   jobmanager check-conf [-Dkey=value]…    reads the settings, tells what is wrong, starts nothing
 *   jobmanager --version | --help           */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/version.h"
#include "common/contract/registry.h"
#include "common/daemon/daemon.h"
#include "connectors/connectors.h"
#include "jobmanager/jobmanager.h"

#define LOGGER "ClusterEntrypoint"
#define PATH_SIZE 4096

static const char usage[] =
	"usage: jobmanager [--daemon] [--log FILE] [--out FILE] [--pid FILE] [-D key=value]...\n"
	"       jobmanager check-conf [-D key=value]...\n"
	"       jobmanager --version | --help\n"
	"\n"
	"The scripts bin/start-cluster.sh and bin/jobmanager.sh call it with the right files. Settings\n"
	"come from $FLINK_CONF_DIR (conf), then the environment, then -D:\n"
	"\n";

static int say_error(const struct err *err)
{
	char text[2048];

	err_format(err, text, sizeof(text));
	fputs(text, stderr);
	return 1;
}

static int print_and_free(struct buf *text)
{
	fwrite(text->data, 1, text->size_bytes, stdout);
	buf_fini(text);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int help(void)
{
	struct buf text;

	buf_init(&text);
	buf_add_text(&text, usage);
	conf_write_help(&text);
	return print_and_free(&text);
}

static int version(void)
{
	printf("Version: %s, Commit ID: %s (%s)\n", FLINK_VERSION, CFLINK_COMMIT, CFLINK_VERSION);
	return 0;
}

static int check_conf(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct conf *conf;
	struct buf text;
	int status;

	if (world == NULL)
		return say_error(&err);
	conf = conf_create();
	buf_init(&text);
	int outcome = conf_load_all(conf, world, NULL, argc, argv, &err);

	status = conf_write_check(conf, outcome, &err, &text);
	if (print_and_free(&text) != 0)
		status = 1;
	conf_destroy(&conf);
	world_destroy(&world);
	return status;
}

/* The Flink home: FLINK_HOME, else the folder above the one this program lies in. */
static void find_home(struct world *world, char home[PATH_SIZE])
{
	const char *given = world_env(world, "FLINK_HOME");
	char *slash;

	if (given != NULL && given[0] != '\0') {
		snprintf(home, PATH_SIZE, "%s", given);
		return;
	}
	ssize_t length = readlink("/proc/self/exe", home, PATH_SIZE - 1);

	home[length > 0 ? length : 0] = '\0';
	for (int up = 0; up < 2; up++) {
		slash = strrchr(home, '/');
		if (slash != NULL)
			*slash = '\0';
	}
}

/* Splits a path into its folder (mem_free) and the name in it; NULL gives NULL twice. */
static char *folder_of(const char *path, const char **name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	*name = slash ? slash + 1 : path;
	if (path == NULL)
		return NULL;
	return slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
}

static void say_settings(const struct conf *conf)
{
	const char *key, *value;
	size_t at = 0;

	for (size_t i = 0; i < conf_warnings_count(conf); i++)
		log_warn(LOGGER, "%s", conf_warning(conf, i));
	while (conf_next(conf, &at, &key, &value))
		log_info(LOGGER, "Setting %s = %s (%s)", key, conf_mask(key, value),
			 conf_origin(conf, key));
}

static int serve(struct world *world, const struct conf *conf, struct err *err)
{
	char home[PATH_SIZE], path[PATH_SIZE + 8], archive[PATH_SIZE + 16];
	struct jobmanager_options options = { .world = world,
					      .conf = conf,
					      .ask_stop = daemon_ask_stop };
	struct jobmanager *jobmanager;
	char *log_directory, *out_directory, web[PATH_SIZE + 8];

	find_home(world, home);
	snprintf(path, sizeof(path), "%s/lib", home);
	registry_set_library_directory(path);
	connectors_register_all();
	snprintf(web, sizeof(web), "%s/web", home);
	options.web_directory = web;
	snprintf(archive, sizeof(archive), "%s/history", home);
	options.archive_directory = archive;
	options.home_directory = home;
	log_directory = folder_of(daemon_path(DAEMON_LOG), &options.log_name);
	out_directory = folder_of(daemon_path(DAEMON_OUT), &options.out_name);
	options.log_directory = log_directory;
	if (log_directory == NULL ||
	    (out_directory != NULL && strcmp(log_directory, out_directory) != 0))
		options.out_name = NULL; /* REST shows files of one folder */

	int result = jobmanager_create(&options, &jobmanager, err);

	if (result == 0) {
		daemon_ready("http://%s:%u", conf_text(conf, "rest.address"),
			     jobmanager_rest_port(jobmanager));
		daemon_wait_stop();
		log_info(LOGGER, "Shutting down: asked to stop");
		jobmanager_destroy(&jobmanager);
	}
	mem_free(log_directory);
	mem_free(out_directory);
	return result;
}

static int run(int argc, char **argv)
{
	struct daemon_options daemon;
	struct err err = ERR_INIT;
	struct world *world;
	struct conf *conf;

	if (daemon_options_take(&daemon, "standalonesession", &argc, argv, &err) != 0 ||
	    daemon_start(&daemon, &err) != 0)
		return say_error(&err);
	world = world_os_create(&err);
	if (world == NULL)
		daemon_fail(&err);
	conf = conf_create();
	if (conf_load_all(conf, world, NULL, argc, argv, &err) != 0)
		daemon_fail(&err);
	daemon_log_level(conf_text(conf, "env.log.level"));
	log_info(LOGGER, "Starting the JobManager: %s, commit %s", CFLINK_VERSION, CFLINK_COMMIT);
	if (daemon_crash_note()[0] != '\0') {
		log_error(LOGGER, "The JobManager before this one crashed:\n%s",
			  daemon_crash_note());
		daemon_crash_note_taken();
	}
	say_settings(conf);
	if (serve(world, conf, &err) != 0)
		daemon_fail(&err);
	conf_destroy(&conf);
	world_destroy(&world);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "check-conf") == 0)
		return check_conf(argc, argv);
	if (strcmp(verb, "--version") == 0 || strcmp(verb, "-v") == 0)
		return version();
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
		return help();
	return run(argc, argv);
}
