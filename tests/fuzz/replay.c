/* SPDX-License-Identifier: Apache-2.0
 * replay.c - runs a fuzzer's kept corpus through it, as an ordinary test.
 *
 * Called with files or folders; with none, the folder tests/fuzz/corpus/NAME of this program's
 * NAME. Exit 0 = every input was survived; the sanitizers of the build decide what survival is. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int files_run;

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
		perror(path);
		return 1;
	}
	rewind(file);
	uint8_t *data = malloc((size_t)size + 1);
	size_t got = fread(data, 1, (size_t)size, file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	files_run++;
	return 0;
}

static int run_path(const char *path)
{
	struct stat status;
	int failed = 0;

	if (stat(path, &status) != 0) {
		perror(path);
		return 1;
	}
	if (!S_ISDIR(status.st_mode))
		return run_file(path);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		char inner[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		failed |= run_path(inner);
	}
	closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	char folder[4096];
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];

	for (int i = 1; i < argc; i++)
		failed |= run_path(argv[i]);
	if (argc == 1) {
		snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name);
		failed = run_path(folder);
	}
	printf("[==========] 1 test(s) run.\n%s %s: %d inputs\n",
	       failed ? "[  FAILED  ]" : "[  PASSED  ] 1 test(s).", name, files_run);
	return failed;
}
