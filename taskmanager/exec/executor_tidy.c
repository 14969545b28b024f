/* SPDX-License-Identifier: Apache-2.0
 * executor_tidy.c - the folder of artifacts stays as small as the jobs that run: a job's files go
 * with the job, the folder goes with the TaskManager, and what a life that crashed left behind goes
 * when the next one begins. Nothing waits for any of it, and what fails is only logged. */
#include <string.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/daemon.h"
#include "taskmanager/exec/executor_priv.h"

/* One file, or a folder with the files in it: that is listed, then they go, then itself. */
struct removal {
	struct list_node node;
	struct file_op op;
	char *path;
	struct removal *folder; /* that it lies in, if that goes too */
	uint32_t left;          /* a folder: files still in it */
};

char *executor_artifact_folder(const struct conf *conf, const char *resource_id)
{
	/* io.tmp.dirs is a list; artifacts need one folder. */
	const char *folders = conf_text(conf, "io.tmp.dirs");
	int length = (int)strcspn(folders, ",;|:");
	char *path = mem_printf("%.*s/flink-%s", length, folders, resource_id);

	for (char *c = path + length; *c != '\0'; c++)
		if (*c == ':')
			*c = '-';
	return path;
}

static void submit(struct task_executor *executor, struct removal *removal, enum file_op_kind kind)
{
	removal->op = (struct file_op){ .kind = kind, .path = removal->path };
	list_push_back(&executor->removals, &removal->node);
	file_submit(runner_loop(executor->options.runner), &removal->op, &executor->agent);
}

static struct removal *removal_create(char *path)
{
	struct removal *removal = MEM_NEW(struct removal);

	removal->path = path;
	return removal;
}

static void removal_destroy(struct removal *removal)
{
	mem_free(removal->path);
	mem_free(removal);
}

void executor_remove_file(struct task_executor *executor, char *path)
{
	submit(executor, removal_create(path), FILE_REMOVE);
}

void executor_remove_folder(struct task_executor *executor, char *path)
{
	submit(executor, removal_create(path), FILE_LIST);
}

/* The folder was listed; its names end with an empty one. */
static void remove_files_in(struct task_executor *executor, struct removal *folder)
{
	char *names = folder->op.names;

	for (const char *name = names; *name != '\0'; name += strlen(name) + 1) {
		struct removal *file =
			removal_create(mem_printf("%s/%s", folder->path, name));

		file->folder = folder;
		folder->left++;
		submit(executor, file, FILE_REMOVE);
	}
	if (folder->left == 0)
		submit(executor, folder, FILE_REMOVE);
	mem_free(names);
}

static void removal_step(struct task_executor *executor, struct removal *removal)
{
	struct removal *folder = removal->folder;

	list_remove(&removal->node);
	if (removal->op.kind == FILE_LIST && removal->op.result >= 0) {
		remove_files_in(executor, removal);
		return;
	}
	if (removal->op.kind == FILE_REMOVE && removal->op.result < 0)
		log_warn(EXECUTOR_LOGGER, "What an ended job left behind stays: %s",
			 removal->op.err.text);
	removal_destroy(removal); /* a folder that cannot be listed was never made */
	if (folder != NULL && --folder->left == 0)
		submit(executor, folder, FILE_REMOVE);
}

void executor_tidy_step(struct task_executor *executor)
{
	LIST_FOR_EACH(&executor->removals, struct removal, node, removal)
		if (atomic_load(&removal->op.done))
			removal_step(executor, removal);
}

void executor_tidy_begin(struct task_executor *executor)
{
	const char *note = executor->base.crash_note;
	char name[256];

	if (note != NULL && daemon_note_field(note, "name", name, sizeof(name)) &&
	    strchr(name, '/') == NULL && strcmp(name, executor->options.resource_id) != 0)
		executor_remove_folder(executor, executor_artifact_folder(executor->conf, name));
}

void executor_tidy_end(struct task_executor *executor)
{
	/* Without a runner everything is carried out at once. */
	executor_remove_folder(executor, mem_strdup(executor->artifact_directory));
	while (!list_empty(&executor->removals)) {
		struct removal *first = LIST_FIRST(&executor->removals, struct removal, node);

		CHECK(atomic_load(&first->op.done), "%s is still being removed", first->path);
		removal_step(executor, first);
	}
}
