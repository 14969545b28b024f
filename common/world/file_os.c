/* SPDX-License-Identifier: Apache-2.0
 * file_os.c - file operations on two background threads, in order per handle; whole small files.
 *
 * A handle has at most one operation in the pool; the others wait in its list, so any thread may
 * take the next one. Names are durable when their operation is done: rename, link and the first
 * sync of a new file also sync the directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_os_priv.h"

struct os_file {
	int64_t number; /* serial << 32 | index: a closed number never comes back */
	int fd;
	bool busy;       /* one of its operations is in the pool */
	bool is_new;     /* its directory entry has not been synced */
	char *path;
	struct list waiting; /* file_op.node_ */
};

struct files_os {
	pthread_mutex_t lock;
	struct os_file **handles; /* by index; NULL: closed */
	uint32_t count;
	int64_t serial;
};

void files_os_create(struct world_os *world)
{
	world->files = MEM_NEW(struct files_os);
	pthread_mutex_init(&world->files->lock, NULL);
}

void files_os_destroy(struct world_os *world)
{
	struct files_os *files = world->files;

	for (uint32_t i = 0; i < files->count; i++) {
		struct os_file *handle = files->handles[i];

		if (handle == NULL)
			continue;
		close(handle->fd); /* an owner that ended without closing */
		mem_free(handle->path);
		mem_free(handle);
	}
	mem_free(files->handles);
	pthread_mutex_destroy(&files->lock);
	mem_free(files);
}

static struct files_os *files_of(const struct file_op *op)
{
	return ((struct world_os *)op->loop_->world)->files;
}

/* With the lock held. */
static struct os_file *handle_of(struct files_os *files, int64_t number)
{
	uint32_t index = (uint32_t)(number & UINT32_MAX);
	struct os_file *handle = index < files->count ? files->handles[index] : NULL;

	return handle != NULL && handle->number == number ? handle : NULL;
}

static bool uses_handle(enum file_op_kind kind)
{
	return kind == FILE_READ || kind == FILE_APPEND || kind == FILE_SYNC || kind == FILE_CLOSE;
}

/* ---- the operations, on a pool's thread ----------------------------------------------------- */

static void op_failed(struct file_op *op, const char *what, const char *path)
{
	op->result = -1;
	err_set_errno(&op->err, ERR_IO, errno, "cannot %s %s", what, path);
}

static void sync_directory_of(struct file_op *op, const char *path)
{
	char *directory = mem_strdup(path);
	char *slash = strrchr(directory, '/');

	if (slash == directory)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	int fd = open(slash != NULL ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Some filesystems do not sync directories; they say EINVAL. */
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		op_failed(op, "sync the directory of", path);
	if (fd >= 0)
		close(fd);
	mem_free(directory);
}

static void do_open(struct file_op *op)
{
	struct files_os *files = files_of(op);
	struct stat stat;
	int flags = O_CLOEXEC | (op->kind == FILE_OPEN_READ     ? O_RDONLY | O_NONBLOCK
				 : op->kind == FILE_OPEN_APPEND ? O_WRONLY | O_CREAT | O_APPEND
				 : op->exclusive		? O_WRONLY | O_CREAT | O_EXCL
								: O_WRONLY | O_CREAT | O_TRUNC);
	int fd = open(op->path, flags, 0644);

	if (fd < 0 || fstat(fd, &stat) != 0) {
		op_failed(op, op->kind == FILE_OPEN_READ ? "open" : "create", op->path);
		if (fd >= 0)
			close(fd);
		return;
	}
	if (S_ISDIR(stat.st_mode)) {
		errno = EISDIR;
		op_failed(op, "open", op->path);
		close(fd);
		return;
	}
	/* Opening one waits for who writes to it, for ever if need be, and a thread with it: hence
	 * O_NONBLOCK, which means nothing for files. */
	if (op->kind == FILE_OPEN_READ && S_ISFIFO(stat.st_mode)) {
		op->result = -1;
		err_set(&op->err, ERR_IO, "cannot open %s: it is a pipe, not a file", op->path);
		close(fd);
		return;
	}
	struct os_file *handle = MEM_NEW(struct os_file);
	uint32_t index = 0;

	handle->fd = fd;
	handle->is_new = op->kind != FILE_OPEN_READ;
	handle->path = mem_strdup(op->path);
	list_init(&handle->waiting);
	pthread_mutex_lock(&files->lock);
	while (index < files->count && files->handles[index] != NULL)
		index++;
	if (index == files->count) {
		files->count = files->count == 0 ? 16 : files->count * 2;
		files->handles =
			mem_realloc(files->handles, files->count * sizeof(files->handles[0]));
		for (uint32_t i = index; i < files->count; i++)
			files->handles[i] = NULL;
	}
	files->handles[index] = handle;
	handle->number = ++files->serial << 32 | index;
	pthread_mutex_unlock(&files->lock);
	op->handle = handle->number;
	op->size_bytes = stat.st_size;
}

static void do_read(struct file_op *op, struct os_file *handle)
{
	size_t done = 0;

	while (done < op->into.size_bytes) {
		ssize_t got =
			pread(handle->fd, (char *)op->into.data + done, op->into.size_bytes - done,
			      (off_t)(op->offset + (int64_t)done));

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			op_failed(op, "read", handle->path);
			return;
		}
		done += (size_t)got;
	}
	op->result = (int64_t)done;
}

static void do_append(struct file_op *op, struct os_file *handle)
{
	size_t done = 0;

	while (done < op->from.size_bytes) {
		ssize_t put = write(handle->fd, (const char *)op->from.data + done,
				    op->from.size_bytes - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			op_failed(op, "write", handle->path);
			return;
		}
		done += (size_t)put;
	}
	op->result = (int64_t)done;
}

static void do_sync(struct file_op *op, struct os_file *handle)
{
	if (fsync(handle->fd) != 0) {
		op_failed(op, "sync", handle->path);
	} else if (handle->is_new) {
		handle->is_new = false;
		sync_directory_of(op, handle->path);
	}
}

static void do_close(struct file_op *op, struct os_file *handle)
{
	struct files_os *files = files_of(op);

	if (close(handle->fd) != 0 && errno != EINTR)
		op_failed(op, "close", handle->path);
	pthread_mutex_lock(&files->lock);
	files->handles[op->handle & UINT32_MAX] = NULL;
	pthread_mutex_unlock(&files->lock);
	/* Freed by run_next, after the operations that came too late have been told. */
}

static void do_stat(struct file_op *op)
{
	struct stat stat_of;

	if (stat(op->path, &stat_of) != 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			op_failed(op, "look at", op->path);
		return;
	}
	op->result = 1;
	op->size_bytes = stat_of.st_size;
	op->modified = stat_of.st_mtim.tv_sec * MS_PER_S + stat_of.st_mtim.tv_nsec / NS_PER_MS;
	op->is_directory = S_ISDIR(stat_of.st_mode);
}

/* What somebody else made, or may write to, is no place for what we trust. */
static void check_private(struct file_op *op)
{
	struct stat stat_of;

	if (lstat(op->path, &stat_of) != 0)
		op_failed(op, "look at", op->path);
	else if (!S_ISDIR(stat_of.st_mode) || stat_of.st_uid != geteuid() ||
		 (stat_of.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		op->result = err_set(&op->err, ERR_IO,
				     "%s is no directory of this user alone; remove it, or close "
				     "it to others (chmod 700)",
				     op->path);
}

static void do_mkdirs(struct file_op *op)
{
	char *path = mem_strdup(op->path);

	for (char *at = path + 1; op->result == 0 && path[0] != '\0'; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char end = *at;
		struct stat stat_of;

		*at = '\0';
		if (mkdir(path, end == '\0' && op->exclusive ? 0700 : 0755) != 0 &&
		    (errno != EEXIST || stat(path, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode)))
			op_failed(op, "make the directory", path);
		*at = end;
		if (end == '\0')
			break;
	}
	mem_free(path);
	if (op->result == 0 && op->exclusive)
		check_private(op);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void do_list(struct file_op *op)
{
	DIR *directory = opendir(op->path);
	char **names = NULL;
	size_t count = 0, capacity = 0;
	struct buf buf;

	if (directory == NULL) {
		op_failed(op, "list", op->path);
		return;
	}
	for (struct dirent *at; (at = readdir(directory)) != NULL;) {
		if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
			continue;
		if (count == capacity) {
			capacity = capacity == 0 ? 64 : capacity * 2;
			names = mem_realloc(names, capacity * sizeof(names[0]));
		}
		names[count++] = mem_strdup(at->d_name);
	}
	closedir(directory);
	if (count > 0)
		qsort(names, count, sizeof(names[0]), by_name);
	buf_init(&buf);
	for (size_t i = 0; i < count; i++) {
		buf_add(&buf, names[i], strlen(names[i]) + 1);
		mem_free(names[i]);
	}
	buf_add(&buf, "", 1);
	mem_free(names);
	op->names = buf_take(&buf);
	op->result = (int64_t)count;
}

static void do_names(struct file_op *op)
{
	if (op->kind == FILE_RENAME) {
		if (rename(op->path, op->path_to) != 0)
			op_failed(op, "rename", op->path);
	} else if (op->kind == FILE_LINK) {
		if (link(op->path, op->path_to) != 0)
			op_failed(op, "link", op->path);
	} else if (remove(op->path) != 0 && errno != ENOENT) {
		op_failed(op, "remove", op->path);
	}
	if (op->result == 0 && op->kind != FILE_REMOVE)
		sync_directory_of(op, op->path_to);
}

static void run_op(struct file_op *op, struct os_file *handle)
{
	if (uses_handle(op->kind) && handle == NULL) {
		op->result = -1;
		err_set(&op->err, ERR_BUG, "file handle %lld is not open", (long long)op->handle);
		return;
	}
	switch (op->kind) {
	case FILE_OPEN_READ:
	case FILE_OPEN_WRITE:
	case FILE_OPEN_APPEND:
		do_open(op);
		break;
	case FILE_READ:
		do_read(op, handle);
		break;
	case FILE_APPEND:
		do_append(op, handle);
		break;
	case FILE_SYNC:
		do_sync(op, handle);
		break;
	case FILE_CLOSE:
		do_close(op, handle);
		break;
	case FILE_STAT:
		do_stat(op);
		break;
	case FILE_MKDIRS:
		do_mkdirs(op);
		break;
	case FILE_RENAME:
	case FILE_LINK:
	case FILE_REMOVE:
		do_names(op);
		break;
	case FILE_LIST:
		do_list(op);
		break;
	}
}

/* ---- order per handle ----------------------------------------------------------------------- */

/* The handle's operation is done: the next one, or, if it was closed, its end. */
static void run_next(struct world_os *world, struct os_file *handle, bool closed)
{
	struct files_os *files = world->files;
	struct list_node *node;

	if (!closed) {
		pthread_mutex_lock(&files->lock);
		node = list_pop_front(&handle->waiting);
		handle->busy = node != NULL;
		pthread_mutex_unlock(&files->lock);
		if (node != NULL)
			pool_submit(&world->files_pool, node);
		return;
	}
	while ((node = list_pop_front(&handle->waiting)) != NULL) {
		struct file_op *late = CONTAINER_OF(node, struct file_op, node_);

		run_op(late, NULL);
		loop_os_file_done((struct loop_os *)late->loop_, late);
	}
	mem_free(handle->path);
	mem_free(handle);
}

void file_os_run(struct list_node *job)
{
	struct file_op *op = CONTAINER_OF(job, struct file_op, node_);
	struct world_os *world = (struct world_os *)op->loop_->world;
	struct os_file *handle = NULL;
	bool closes = op->kind == FILE_CLOSE;

	if (uses_handle(op->kind)) {
		pthread_mutex_lock(&world->files->lock);
		handle = handle_of(world->files, op->handle);
		pthread_mutex_unlock(&world->files->lock);
	}
	run_op(op, handle);
	loop_os_file_done((struct loop_os *)op->loop_, op);
	if (handle != NULL)
		run_next(world, handle, closes);
}

void file_os_submit(struct loop *base, struct file_op *op)
{
	struct loop_os *loop = (struct loop_os *)base;
	struct world_os *world = (struct world_os *)base->world;

	pthread_mutex_lock(&loop->lock);
	bool driven = loop->driven;

	if (driven)
		loop->under_way++;
	pthread_mutex_unlock(&loop->lock);
	if (!driven) { /* the runner is gone: destroy functions closing their files */
		pthread_mutex_lock(&world->files->lock);
		struct os_file *handle =
			uses_handle(op->kind) ? handle_of(world->files, op->handle) : NULL;

		pthread_mutex_unlock(&world->files->lock);
		run_op(op, handle);
		if (handle != NULL && op->kind == FILE_CLOSE)
			run_next(world, handle, true);
		atomic_store(&op->done, true);
		return;
	}
	bool waits = false;

	if (uses_handle(op->kind)) {
		pthread_mutex_lock(&world->files->lock);
		struct os_file *handle = handle_of(world->files, op->handle);

		if (handle != NULL && handle->busy) {
			list_push_back(&handle->waiting, &op->node_);
			waits = true;
		} else if (handle != NULL) {
			handle->busy = true;
		}
		pthread_mutex_unlock(&world->files->lock);
	}
	if (!waits)
		pool_submit(&world->files_pool, &op->node_);
}

/* ---- background work ------------------------------------------------------------------------ */

void background_os_run(struct list_node *job)
{
	struct background *work = CONTAINER_OF(job, struct background, node_);

	work->run(work);
	loop_os_background_done((struct loop_os *)work->loop_, work);
}

void background_os_submit(struct loop *base, struct background *work)
{
	struct loop_os *loop = (struct loop_os *)base;

	pthread_mutex_lock(&loop->lock);
	bool driven = loop->driven;

	if (driven)
		loop->under_way++;
	pthread_mutex_unlock(&loop->lock);
	CHECK(driven, "background work for a runner that is gone");
	pool_submit(&((struct world_os *)base->world)->background_pool, &work->node_);
}

/* ---- whole small files ---------------------------------------------------------------------- */

int file_os_mode(struct world *world, const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (int)(status.st_mode & 07777) : -1;
}

int file_os_read_whole(struct world *world, const char *path, size_t max_bytes, char **text,
		       size_t *size_bytes, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	struct buf buf;
	ssize_t got = 1;

	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "cannot read %s", path);
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
		close(fd); /* a pipe has its text when somebody writes it, a device perhaps never */
		return err_set(err, ERR_IO, "%s is %s, not an ordinary file", path,
			       S_ISFIFO(status.st_mode) ? "a pipe" : "a device");
	}
	buf_init(&buf);
	while (got != 0 && buf.size_bytes <= max_bytes) {
		char *at = buf_reserve(&buf, 64 * 1024);

		got = read(fd, at, 64 * 1024);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		buf.size_bytes += (size_t)got;
	}
	int reason = errno;

	close(fd);
	if (got < 0)
		err_set_errno(err, ERR_IO, reason, "cannot read %s", path);
	else if (buf.size_bytes > max_bytes)
		err_set(err, ERR_IO, "%s is larger than %zu bytes, the most allowed", path, max_bytes);
	if (got < 0 || buf.size_bytes > max_bytes) {
		buf_fini(&buf);
		return -1;
	}
	*size_bytes = buf.size_bytes;
	*text = buf_take(&buf);
	return 0;
}

static int write_all(int fd, struct bytes text)
{
	const char *at = text.data;

	while (text.size_bytes > 0) {
		ssize_t put = write(fd, at, text.size_bytes);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		text.size_bytes -= (size_t)put;
	}
	return 0;
}

int file_os_write_whole(struct world *world, const char *path, uint32_t mode, struct bytes text,
			struct err *err)
{
	char *temporary = mem_printf("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		err_set_errno(err, ERR_IO, errno, "cannot create %s", path);
		mem_free(temporary);
		return -1;
	}
	bool written = write_all(fd, text) == 0 && fchmod(fd, (mode_t)mode) == 0 && fsync(fd) == 0;
	int reason = errno;

	if (close(fd) != 0 && written) {
		written = false;
		reason = errno;
	}
	if (written && rename(temporary, path) != 0) {
		written = false;
		reason = errno;
	}
	if (!written) {
		unlink(temporary);
		err_set_errno(err, ERR_IO, reason, "cannot write %s", path);
	}
	mem_free(temporary);
	return written ? 0 : -1;
}
