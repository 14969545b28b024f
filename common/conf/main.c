/* SPDX-License-Identifier: Apache-2.0
 * main.c - flink-settings: tests and shows the settings, and tells the start scripts what they
 * need.
 *
 *   flink-settings check              every warning and the first error; exit 1 if there is one
 *   flink-settings get KEY…           the values in force, one a line
 *   flink-settings explain            what somebody set, where
 *   flink-settings help               every setting that has an effect
 *   flink-settings sample | docs | errors   the generated texts, for scripts/make-docs
 *
 * The settings are those of FLINK_CONF_DIR, else of the home that this program lies in, wherever it
 * is called. -D key=value counts as it does for the daemons. Small on purpose: start-cluster.sh
 * waits for it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/conf/conf_errors.h"
#include "common/world/world.h"

#define PATH_SIZE 4096

static const char usage[] =
	"usage: flink-settings check | get KEY... | explain | help [-D key=value]...\n";

static int say_error(const struct err *err)
{
	char text[2048];

	err_format(err, text, sizeof(text));
	fputs(text, stderr);
	return 1;
}

static int get(const struct conf *conf, int argc, char **argv, struct buf *into, struct err *err)
{
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-D") == 0) {
			i++;
			continue;
		}
		if (strncmp(argv[i], "-D", 2) == 0)
			continue;
		if (!conf_known(argv[i]))
			return err_set(err, ERR_USAGE, "there is no setting \"%.200s\"", argv[i]);
		buf_printf(into, "%s\n", conf_text(conf, argv[i]));
	}
	return 0;
}

/* The folder conf beside the one that this program lies in; NULL: there is none, or another is
 * asked for. */
static const char *conf_of_home(struct world *world, char path[PATH_SIZE])
{
	static const char tail[] = "/conf";
	const char *given = world_env(world, "FLINK_CONF_DIR");
	ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE - sizeof(tail));
	char *slash = NULL;

	if ((given != NULL && given[0] != '\0') || length <= 0)
		return NULL;
	path[length] = '\0';
	for (int up = 0; up < 2; up++)
		if ((slash = strrchr(path, '/')) != NULL)
			*slash = '\0';
	if (slash == NULL)
		return NULL;
	memcpy(slash, tail, sizeof(tail));
	return access(path, F_OK) == 0 ? path : NULL;
}

/* The verbs that need the settings. */
static int run(const char *verb, int argc, char **argv, struct buf *into)
{
	struct err err = ERR_INIT;
	struct world *world = world_os_create(&err);
	struct conf *conf = conf_create();
	int outcome, status = 0;
	char home[PATH_SIZE];

	if (world == NULL) {
		conf_destroy(&conf);
		return say_error(&err);
	}
	outcome = conf_load_all(conf, world, conf_of_home(world, home), argc, argv, &err);
	if (strcmp(verb, "check") == 0) {
		status = conf_write_check(conf, outcome, &err, into);
	} else {
		for (size_t i = 0; i < conf_warnings_count(conf); i++)
			fprintf(stderr, "warning: %s\n", conf_warning(conf, i));
		if (outcome != 0)
			status = say_error(&err);
		else if (strcmp(verb, "explain") == 0)
			conf_write_explain(conf, into);
		else if (get(conf, argc, argv, into, &err) != 0)
			status = say_error(&err);
	}
	conf_destroy(&conf);
	world_destroy(&world);
	return status;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct buf text;
	int status = 0;

	buf_init(&text);
	if (strcmp(verb, "check") == 0 || strcmp(verb, "get") == 0 ||
	    strcmp(verb, "explain") == 0) {
		status = run(verb, argc, argv, &text);
	} else if (strcmp(verb, "sample") == 0) {
		conf_write_sample(&text);
	} else if (strcmp(verb, "docs") == 0) {
		conf_write_docs(&text);
	} else if (strcmp(verb, "errors") == 0) {
		conf_write_errors(&text);
	} else if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 ||
		   strcmp(verb, "-h") == 0) {
		buf_add_text(&text, usage);
		conf_write_help(&text);
	} else {
		fputs(usage, stderr);
		status = 2;
	}
	if (text.size_bytes > 0)
		fwrite(text.data, 1, text.size_bytes, stdout);
	if (fflush(stdout) != 0)
		status = 1;
	buf_fini(&text);
	return status;
}
