/* SPDX-License-Identifier: Apache-2.0
 * file_sim.c - file operations and background work as events: carried out, whole, at the moment
 * they complete; in order per handle. */
#include <errno.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_sim_priv.h"

/* ---- handles -------------------------------------------------------------------------------- */

static struct sim_handle *handle_of(struct sim_node *node, int64_t number)
{
	uint32_t index = (uint32_t)(number & UINT32_MAX);
	struct sim_handle *handle = index < node->handles_count ? node->handles[index] : NULL;

	return handle != NULL && handle->number == number ? handle : NULL;
}

static int64_t handle_open(struct sim_node *node, struct sim_inode *inode, const char *path)
{
	struct sim_handle *handle = MEM_NEW(struct sim_handle);
	uint32_t index = 0;

	while (index < node->handles_count && node->handles[index] != NULL)
		index++;
	if (index == node->handles_count) {
		node->handles_count = node->handles_count == 0 ? 16 : node->handles_count * 2;
		node->handles = mem_realloc(node->handles,
					    node->handles_count * sizeof(node->handles[0]));
		for (uint32_t i = index; i < node->handles_count; i++)
			node->handles[i] = NULL;
	}
	handle->number = (int64_t)++node->handles_serial << 32 | index;
	handle->inode = inode;
	handle->path = mem_strdup(path);
	inode->refs++;
	node->handles[index] = handle;
	return handle->number;
}

static void handle_close(struct sim_node *node, struct sim_handle *handle)
{
	node->handles[handle->number & UINT32_MAX] = NULL;
	sim_inode_unref(handle->inode);
	mem_free(handle->path);
	mem_free(handle);
}

void sim_node_close_files(struct sim_node *node)
{
	for (uint32_t i = 0; i < node->handles_count; i++)
		if (node->handles[i] != NULL)
			handle_close(node, node->handles[i]);
}

static bool uses_handle(enum file_op_kind kind)
{
	return kind == FILE_READ || kind == FILE_APPEND || kind == FILE_SYNC || kind == FILE_CLOSE;
}

/* ---- the operations ------------------------------------------------------------------------- */

static void tell(struct file_op *op, int failed, const char *what, const char *path)
{
	if (failed == 0)
		return;
	op->result = -1;
	err_set_errno(&op->err, ERR_IO, failed, "cannot %s %s", what, path);
}

static void do_open(struct sim_node *node, struct file_op *op)
{
	struct sim_inode *inode = sim_disk_find(node->disk, op->path);
	int failed = 0;

	if (op->kind == FILE_OPEN_READ)
		failed = inode == NULL ? ENOENT : inode->is_directory ? EISDIR : 0;
	else
		failed = sim_disk_create_file(node->disk, op->path,
					      op->kind == FILE_OPEN_WRITE && op->exclusive, &inode);
	tell(op, failed, op->kind == FILE_OPEN_READ ? "open" : "create", op->path);
	if (failed != 0)
		return;
	if (op->kind == FILE_OPEN_WRITE) {
		buf_clear(&inode->content);
		inode->synced_bytes = 0;
		inode->modified = world_wall(&node->base);
	}
	op->handle = handle_open(node, inode, op->path);
	op->size_bytes = (int64_t)inode->content.size_bytes;
}

static void do_handle(struct sim_node *node, struct file_op *op)
{
	struct sim_handle *handle = handle_of(node, op->handle);

	if (handle == NULL) {
		op->result = -1;
		err_set(&op->err, ERR_BUG, "file handle %lld is not open", (long long)op->handle);
		return;
	}
	struct sim_inode *inode = handle->inode;

	if (op->kind == FILE_READ) {
		size_t size_bytes = inode->content.size_bytes, at = (size_t)op->offset;
		size_t left = at < size_bytes ? size_bytes - at : 0;

		op->result = (int64_t)(left < op->into.size_bytes ? left : op->into.size_bytes);
		if (op->result > 0)
			memcpy(op->into.data, inode->content.data + at, (size_t)op->result);
	} else if (op->kind == FILE_APPEND) {
		buf_add(&inode->content, op->from.data, op->from.size_bytes);
		inode->modified = world_wall(&node->base);
		op->result = (int64_t)op->from.size_bytes;
	} else if (op->kind == FILE_SYNC) {
		inode->synced_bytes = inode->content.size_bytes;
		inode->entry_synced = true;
	} else {
		handle_close(node, handle);
	}
}

static void do_stat(struct sim_node *node, struct file_op *op)
{
	struct sim_inode *inode = sim_disk_find(node->disk, op->path);

	if (inode == NULL)
		return;
	op->result = 1;
	op->size_bytes = (int64_t)inode->content.size_bytes;
	op->modified = inode->modified;
	op->is_directory = inode->is_directory;
}

static void run_op(struct sim_node *node, struct file_op *op)
{
	switch (op->kind) {
	case FILE_OPEN_READ:
	case FILE_OPEN_WRITE:
	case FILE_OPEN_APPEND:
		do_open(node, op);
		break;
	case FILE_READ:
	case FILE_APPEND:
	case FILE_SYNC:
	case FILE_CLOSE:
		do_handle(node, op);
		break;
	case FILE_STAT:
		do_stat(node, op);
		break;
	case FILE_MKDIRS:
		tell(op, sim_disk_mkdirs(node->disk, op->path), "make the directory", op->path);
		break;
	case FILE_RENAME:
		tell(op, sim_disk_rename(node->disk, op->path, op->path_to), "rename", op->path);
		break;
	case FILE_LINK:
		tell(op, sim_disk_link(node->disk, op->path, op->path_to), "link", op->path);
		break;
	case FILE_REMOVE:
		tell(op, sim_disk_remove(node->disk, op->path), "remove", op->path);
		break;
	case FILE_LIST:
		tell(op, sim_disk_list(node->disk, op->path, &op->names, &op->result), "list",
		     op->path);
		break;
	}
	sim_fold(node->sim, (uint64_t)op->result);
}

/* ---- jobs under way ------------------------------------------------------------------------- */

static void job_end(struct sim *sim, struct sim_job *job)
{
	sim_unschedule(sim, &job->event);
	list_remove(&job->node);
	list_push_back(&sim->idle_jobs, &job->node);
}

static void job_fire(struct sim *sim, struct sim_event *event)
{
	struct sim_job *job = CONTAINER_OF(event, struct sim_job, event);
	struct sim_node *node = job->runner->owner;
	struct agent *wake = job->op != NULL ? job->op->wake_ : job->work->wake_;
	struct file_op *op = job->op;
	struct background *work = job->work;

	job_end(sim, job);
	if (op != NULL) {
		run_op(node, op);
		atomic_store(&op->done, true);
	} else {
		work->run(work);
		atomic_store(&work->done, true);
	}
	if (wake != NULL)
		agent_wake(wake);
}

static void job_begin(struct loop *loop, struct file_op *op, struct background *work, mono_t at)
{
	struct sim_runner *runner = sim_runner_of(loop);
	struct sim *sim = runner->owner->sim;
	struct list_node *idle = list_pop_front(&sim->idle_jobs);
	struct sim_job *job = idle != NULL ? CONTAINER_OF(idle, struct sim_job, node) : NULL;

	if (job == NULL)
		job = MEM_NEW(struct sim_job);
	sim_event_init(sim, &job->event, op != NULL ? SIM_FILE : SIM_BACKGROUND, job_fire);
	job->op = op;
	job->work = work;
	job->runner = runner;
	list_push_back(&runner->jobs, &job->node);
	sim_schedule(sim, &job->event, at);
}

static mono_t job_time(struct sim *sim)
{
	return sim_time(sim) +
	       (mono_t)sim_below(sim, (uint64_t)sim->options.file_delay_us_max + 1) * NS_PER_US;
}

/* Of a runner that ended; nothing is done on a machine that is off. */
static void run_op_at_the_end(struct sim_node *node, struct file_op *op)
{
	if (!node->dead)
		run_op(node, op);
	else if (op->kind != FILE_CLOSE)
		tell(op, EIO, "reach", "the disk of a machine that is off");
}

void sim_file_submit(struct loop *loop, struct file_op *op)
{
	struct sim_node *node = sim_node_of(loop);

	if (node->dead || sim_runner_of(loop)->ended) {
		run_op_at_the_end(node, op);
		atomic_store(&op->done, true);
		return;
	}
	mono_t at = job_time(node->sim);
	struct sim_handle *handle = uses_handle(op->kind) ? handle_of(node, op->handle) : NULL;

	if (handle != NULL) {
		if (at <= handle->last_at)
			at = handle->last_at + 1;
		handle->last_at = at;
	}
	job_begin(loop, op, NULL, at);
}

void sim_background_submit(struct loop *loop, struct background *work)
{
	struct sim_node *node = sim_node_of(loop);

	if (node->dead)
		atomic_store(&work->done, true);
	else
		job_begin(loop, NULL, work, job_time(node->sim));
}

void sim_jobs_settle(struct sim_runner *runner)
{
	struct list_node *first;

	while ((first = list_pop_front(&runner->jobs)) != NULL) {
		struct sim_job *job = CONTAINER_OF(first, struct sim_job, node);
		struct file_op *op = job->op;
		struct background *work = job->work;

		job_end(runner->owner->sim, job);
		if (op != NULL)
			run_op_at_the_end(runner->owner, op);
		atomic_store(op != NULL ? &op->done : &work->done, true);
	}
}

/* Appends under way may have reached the disk in part, or not at all; nothing else has. */
void sim_node_crash_files(struct sim_node *node)
{
	LIST_FOR_EACH(&node->runners, struct sim_runner, node, runner) {
		LIST_FOR_EACH(&runner->jobs, struct sim_job, node, job) {
			struct file_op *op = job->op;
			struct sim_handle *handle = op != NULL && op->kind == FILE_APPEND
							    ? handle_of(node, op->handle)
							    : NULL;

			if (handle == NULL || sim_below(node->sim, 2) == 0)
				continue;
			buf_add(&handle->inode->content, op->from.data,
				sim_below(node->sim, op->from.size_bytes + 1));
		}
		sim_jobs_settle(runner);
	}
	sim_node_close_files(node);
	sim_disk_crash(node->sim, node->disk);
}

void sim_jobs_free(struct sim *sim)
{
	struct list_node *node;

	while ((node = list_pop_front(&sim->idle_jobs)) != NULL)
		mem_free(CONTAINER_OF(node, struct sim_job, node));
}

/* ---- whole files ---------------------------------------------------------------------------- */

int sim_file_mode(struct world *world, const char *path)
{
	struct sim_node *node = (struct sim_node *)world;
	const struct sim_inode *inode = node->dead ? NULL : sim_disk_find(node->disk, path);

	return inode == NULL ? -1 : 0600; /* there is but one user */
}

int sim_read_whole(struct world *world, const char *path, size_t max_bytes, char **text,
		   size_t *size_bytes, struct err *err)
{
	struct sim_node *node = (struct sim_node *)world;
	struct sim_inode *inode = node->dead ? NULL : sim_disk_find(node->disk, path);

	if (inode == NULL || inode->is_directory)
		return err_set_errno(err, ERR_IO, inode == NULL ? ENOENT : EISDIR, "cannot read %s",
				     path);
	if (inode->content.size_bytes > max_bytes)
		return err_set(err, ERR_IO, "%s is larger than %zu bytes, the most allowed", path,
			       max_bytes);
	*size_bytes = inode->content.size_bytes;
	*text = mem_alloc(*size_bytes + 1);
	if (*size_bytes > 0)
		memcpy(*text, inode->content.data, *size_bytes);
	return 0;
}

int sim_write_whole(struct world *world, const char *path, uint32_t mode, struct bytes text,
		    struct err *err)
{
	struct sim_node *node = (struct sim_node *)world;
	struct sim_inode *inode;

	if (node->dead)
		return 0;
	int failed = sim_disk_create_file(node->disk, path, false, &inode);

	if (failed != 0)
		return err_set_errno(err, ERR_IO, failed, "cannot create %s", path);
	buf_clear(&inode->content);
	buf_add(&inode->content, text.data, text.size_bytes);
	inode->synced_bytes = text.size_bytes;
	inode->entry_synced = true;
	inode->modified = world_wall(world);
	return 0;
}

void sim_print(struct world *world, const char *text, size_t size_bytes)
{
	struct sim_node *node = (struct sim_node *)world;
	struct sim_inode *inode;
	int failed = node->dead ? 0 : sim_disk_create_file(node->disk, "stdout", false, &inode);

	CHECK(failed == 0, "stdout of %s is a directory", node->name);
	if (node->dead)
		return;
	buf_add(&inode->content, text, size_bytes);
	inode->synced_bytes = inode->content.size_bytes;
	inode->entry_synced = true;
}
