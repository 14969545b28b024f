/* SPDX-License-Identifier: Apache-2.0
 * python.c - `flink run -py`: the process becomes Python, with this home's pyflink on its path. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "common/base/compiler.h"
#include "common/base/mem.h"

static void add_setting(struct buf *into, const char *key, const char *value)
{
	buf_printf(into, "%s=%s\n", key, value);
}

/* What execute() must know, one key=value a line; -D comes last and wins. */
static int client_settings(const struct cli *cli, struct buf *into, struct err *err)
{
	const struct cli_options *options = cli->options;
	struct cli_address address;
	bool local;

	if (cli_is_local(cli, &local, err) < 0 ||
	    cli_address(cli->conf, options, &address, err) < 0)
		return -1;
	add_setting(into, "execution.target", local ? "local" : "remote");
	add_setting(into, "execution.attached", options->detached ? "false" : "true");
	add_setting(into, "rest.address",
		    address.rest ? address.host : conf_text(cli->conf, "rest.address"));
	buf_printf(into, "rest.port=%lld\n",
		   address.rest ? (long long)address.port
				: (long long)conf_int(cli->conf, "rest.port"));
	if (!local || conf_is_set(cli->conf, "parallelism.default"))
		add_setting(into, "parallelism.default",
			    conf_text(cli->conf, "parallelism.default"));
	if (options->python_files != NULL)
		add_setting(into, "python.files", options->python_files);
	if (options->python_executable != NULL)
		add_setting(into, "python.executable", options->python_executable);
	for (uint32_t i = 0; i < options->pairs_count; i++) {
		if (strchr(options->pairs[i], '\n') != NULL)
			return err_set(err, ERR_USAGE,
				       "-D%s: a setting for a Python program is one line",
				       options->pairs[i]);
		buf_printf(into, "%s\n", options->pairs[i]);
	}
	return 0;
}

static bool is_archive(const char *path, size_t length)
{
	static const char *const endings[] = { ".zip", ".whl", ".egg" };

	for (size_t i = 0; length > 4 && i < ARRAY_COUNT(endings); i++)
		if (strncmp(path + length - 4, endings[i], 4) == 0)
			return true;
	return false;
}

/* One of -pyfs, as the script itself finds it: a module by its folder. */
static int add_to_path(const char *text, size_t length, struct buf *path, struct err *err)
{
	char *file = mem_strndup(text, length);
	struct stat seen;
	int result = stat(file, &seen);

	if (result < 0)
		err_set_errno(err, ERR_ARTIFACT_UNREADABLE, errno, "%s (-pyfs)", file);
	else if (S_ISREG(seen.st_mode) && !is_archive(file, length))
		buf_printf(path, ":%s", dirname(file));
	else
		buf_printf(path, ":%s", file);
	mem_free(file);
	return result;
}

static int set_path(const struct cli *cli, struct err *err)
{
	const char *before = getenv("PYTHONPATH"), *files = cli->options->python_files;
	struct buf path;
	int result = 0;

	buf_init(&path);
	buf_printf(&path, "%s/../opt/python", cli->program_directory);
	while (result == 0 && files != NULL && *files != '\0') {
		size_t length = strcspn(files, ",");

		if (length > 0)
			result = add_to_path(files, length, &path, err);
		files += length + (files[length] == ',' ? 1 : 0);
	}
	if (before != NULL && before[0] != '\0')
		buf_printf(&path, ":%s", before);
	if (result == 0)
		setenv("PYTHONPATH", path.data, 1);
	buf_fini(&path);
	return result;
}

/* Python runs a folder that has __main__.py. One without has most likely been made by Docker. */
static int check_script(const char *path, struct err *err)
{
	struct stat status;
	char *main_file;
	bool runs;

	if (stat(path, &status) != 0 || access(path, R_OK) != 0)
		return err_set_errno(err, ERR_ARTIFACT_UNREADABLE, errno, "%s", path);
	if (!S_ISDIR(status.st_mode))
		return 0;
	main_file = mem_printf("%s/__main__.py", path);
	runs = access(main_file, R_OK) == 0;
	mem_free(main_file);
	if (runs)
		return 0;
	return err_set(err, ERR_USAGE,
		       "%s is a folder without __main__.py; Docker makes a folder when the file to be "
		       "mounted is not on the host: remove it there (rmdir), put the file there, and "
		       "start the container again",
		       path);
}

int cli_run_python(struct cli *cli, struct err *err)
{
	const struct cli_options *options = cli->options;
	const char *python = options->python_client
				     ? options->python_client
				     : conf_text(cli->conf, "python.client.executable");
	const char **argv;
	struct buf settings;
	int count = 0;

	if (!options->python_is_module && check_script(options->python, err) < 0)
		return -1;
	buf_init(&settings);
	if (client_settings(cli, &settings, err) < 0 || set_path(cli, err) < 0) {
		buf_fini(&settings);
		return -1;
	}
	setenv("FLINK_CLIENT_SETTINGS", settings.data, 1);
	buf_fini(&settings);
	argv = MEM_NEW_ARRAY(const char *, (size_t)options->arguments_count + 5);
	argv[count++] = python;
	if (options->python_is_module)
		argv[count++] = "-m";
	argv[count++] = options->python;
	if (options->program != NULL)
		argv[count++] = options->program;
	for (int i = 0; i < options->arguments_count; i++)
		argv[count++] = options->arguments[i];
	fflush(NULL);
	execvp(python, (char *const *)(uintptr_t)argv);
	int reason = errno;

	mem_free(argv);
	return err_set_errno(err, ERR_RESOURCE, reason, "cannot start %s (python.client.executable)",
			     python);
}
