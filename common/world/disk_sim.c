/* SPDX-License-Identifier: Apache-2.0
 * disk_sim.c - a node's disk: names to contents in memory, and what a power cut leaves of them.
 *
 * Content up to synced_bytes survives. The rest is lost, kept, or kept in part; the last bytes kept
 * may be zeros, as of a block that was allocated and never written. A new file whose first sync has
 * not come may be gone altogether. Rename and link are durable when they are done, as in
 * world_os. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/world/world_sim_priv.h"

#define TORN_ZEROS_MAX 512

struct sim_disk *sim_disk_create(void)
{
	struct sim_disk *disk = MEM_NEW(struct sim_disk);
	int failed;

	disk->entries = map_create();
	failed = sim_disk_mkdirs(disk, "/tmp");
	CHECK(failed == 0, "an empty disk has no room for /tmp: errno %d", failed);
	return disk;
}

void sim_inode_unref(struct sim_inode *inode)
{
	if (--inode->refs > 0)
		return;
	buf_fini(&inode->content);
	mem_free(inode);
}

void sim_disk_destroy(struct sim_disk *disk)
{
	size_t at = 0;
	void *inode;

	while (map_next(disk->entries, &at, NULL, &inode))
		sim_inode_unref(inode);
	map_destroy(&disk->entries);
	mem_free(disk);
}

static void inode_crash(struct sim *sim, struct sim_inode *inode)
{
	size_t unsynced = inode->content.size_bytes - inode->synced_bytes, kept = 0;

	if (unsynced == 0)
		return;
	switch (sim_below(sim, 3)) {
	case 0:
		break;
	case 1:
		kept = unsynced;
		break;
	default:
		kept = sim_below(sim, unsynced + 1);
		break;
	}
	inode->content.size_bytes = inode->synced_bytes + kept;
	if (kept > 0 && sim_below(sim, 4) == 0) {
		size_t zeros = 1 + sim_below(sim, kept < TORN_ZEROS_MAX ? kept : TORN_ZEROS_MAX);

		memset(inode->content.data + inode->content.size_bytes - zeros, 0, zeros);
	}
	inode->content.data[inode->content.size_bytes] = '\0';
	inode->synced_bytes = inode->content.size_bytes; /* what is there now is on the disk */
}

void sim_disk_crash(struct sim *sim, struct sim_disk *disk)
{
	size_t at = 0;
	struct bytes path;
	void *value;

	while (map_next(disk->entries, &at, &path, &value)) {
		struct sim_inode *inode = value;

		if (inode->is_directory)
			continue;
		if (!inode->entry_synced && sim_below(sim, 2) == 0) {
			map_remove(disk->entries, path);
			sim_inode_unref(inode);
			continue;
		}
		inode->entry_synced = true;
		inode_crash(sim, inode);
	}
}

/* ---- names ---------------------------------------------------------------------------------- */

char *sim_path_normal(const char *path)
{
	char *normal = mem_alloc(strlen(path) + 2);
	size_t length = 0;

	for (const char *at = path; *at != '\0';) {
		size_t part = strcspn(at, "/");

		if (part > 0 && !(part == 1 && at[0] == '.')) {
			normal[length++] = '/';
			memcpy(normal + length, at, part);
			length += part;
		}
		at += part + (at[part] == '/');
	}
	if (length == 0)
		normal[length++] = '/';
	normal[length] = '\0';
	return normal;
}

static struct sim_inode *find_normal(struct sim_disk *disk, const char *normal)
{
	return map_get(disk->entries, bytes_of_text(normal));
}

struct sim_inode *sim_disk_find(struct sim_disk *disk, const char *path)
{
	char *normal = sim_path_normal(path);
	struct sim_inode *inode = find_normal(disk, normal);

	mem_free(normal);
	return inode;
}

/* The root is always there. */
static bool has_parent(struct sim_disk *disk, const char *normal)
{
	const char *slash = strrchr(normal, '/');

	if (slash == normal)
		return true;
	struct sim_inode *parent =
		map_get(disk->entries, bytes_of(normal, (size_t)(slash - normal)));

	return parent != NULL && parent->is_directory;
}

static struct sim_inode *add_entry(struct sim_disk *disk, const char *normal, bool is_directory)
{
	struct sim_inode *inode = MEM_NEW(struct sim_inode);

	buf_init(&inode->content);
	inode->is_directory = is_directory;
	inode->refs = 1;
	map_put(disk->entries, bytes_of_text(normal), inode);
	return inode;
}

int sim_disk_create_file(struct sim_disk *disk, const char *path, bool exclusive,
			 struct sim_inode **inode)
{
	char *normal = sim_path_normal(path);
	int failed = 0;

	*inode = find_normal(disk, normal);
	if (*inode != NULL)
		failed = exclusive ? EEXIST : (*inode)->is_directory ? EISDIR : 0;
	else if (!has_parent(disk, normal))
		failed = ENOENT;
	else
		*inode = add_entry(disk, normal, false);
	mem_free(normal);
	return failed;
}

int sim_disk_mkdirs(struct sim_disk *disk, const char *path)
{
	char *normal = sim_path_normal(path);
	int failed = 0;

	for (char *at = normal + 1; failed == 0 && normal[1] != '\0'; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		struct sim_inode *inode = find_normal(disk, normal);

		if (inode == NULL)
			add_entry(disk, normal, true);
		else if (!inode->is_directory)
			failed = ENOTDIR;
		*at = end;
		if (end == '\0')
			break;
	}
	mem_free(normal);
	return failed;
}

/* Does the name lie directly in the directory? The rest of it, or NULL. */
static const char *child_name(struct bytes path, const char *directory)
{
	size_t length = strlen(directory) - (directory[1] == '\0');

	if (path.size_bytes <= length + 1 || memcmp(path.data, directory, length) != 0)
		return NULL;
	const char *rest = (const char *)path.data + length;

	return rest[0] == '/' ? rest + 1 : NULL;
}

static bool is_empty(struct sim_disk *disk, const char *normal)
{
	size_t at = 0;
	struct bytes path;
	void *inode;

	while (map_next(disk->entries, &at, &path, &inode))
		if (child_name(path, normal) != NULL)
			return false;
	return true;
}

/* Directories move with what is in them. */
static void rename_children(struct sim_disk *disk, const char *from, const char *to)
{
	size_t at = 0, moved = 0, capacity = 0;
	struct bytes path, *old = NULL;
	void *inode;

	while (map_next(disk->entries, &at, &path, &inode)) {
		if (child_name(path, from) == NULL)
			continue;
		if (moved == capacity) {
			capacity = capacity == 0 ? 16 : capacity * 2;
			old = mem_realloc(old, capacity * sizeof(old[0]));
		}
		old[moved++] = bytes_of(mem_dup(path.data, path.size_bytes), path.size_bytes);
	}
	for (size_t i = 0; i < moved; i++) {
		const char *rest = (const char *)old[i].data + strlen(from);
		char *name =
			mem_printf("%s%.*s", to, (int)(old[i].size_bytes - strlen(from)), rest);

		inode = map_remove(disk->entries, old[i]);
		map_put(disk->entries, bytes_of_text(name), inode);
		mem_free(name);
		mem_free((void *)(uintptr_t)old[i].data);
	}
	mem_free(old);
}

static int rename_normal(struct sim_disk *disk, const char *from, const char *to)
{
	struct sim_inode *inode = find_normal(disk, from), *target = find_normal(disk, to);

	if (inode == NULL || !has_parent(disk, to))
		return ENOENT;
	if (inode == target)
		return 0;
	if (target != NULL && target->is_directory != inode->is_directory)
		return target->is_directory ? EISDIR : ENOTDIR;
	if (target != NULL && target->is_directory && !is_empty(disk, to))
		return ENOTEMPTY;
	if (inode->is_directory && strncmp(to, from, strlen(from)) == 0 && to[strlen(from)] == '/')
		return EINVAL;
	if (inode->is_directory)
		rename_children(disk, from, to);
	inode->entry_synced = true;
	map_remove(disk->entries, bytes_of_text(from));
	target = map_put(disk->entries, bytes_of_text(to), inode);
	if (target != NULL)
		sim_inode_unref(target);
	return 0;
}

static int link_normal(struct sim_disk *disk, const char *from, const char *to)
{
	struct sim_inode *inode = find_normal(disk, from);

	if (inode == NULL || !has_parent(disk, to))
		return ENOENT;
	if (inode->is_directory)
		return EPERM;
	if (find_normal(disk, to) != NULL)
		return EEXIST;
	inode->refs++;
	inode->entry_synced = true;
	map_put(disk->entries, bytes_of_text(to), inode);
	return 0;
}

static int with_two(struct sim_disk *disk, const char *path, const char *path_to,
		    int (*call)(struct sim_disk *disk, const char *from, const char *to))
{
	char *from = sim_path_normal(path), *to = sim_path_normal(path_to);
	int failed = call(disk, from, to);

	mem_free(from);
	mem_free(to);
	return failed;
}

int sim_disk_rename(struct sim_disk *disk, const char *path, const char *path_to)
{
	return with_two(disk, path, path_to, rename_normal);
}

int sim_disk_link(struct sim_disk *disk, const char *path, const char *path_to)
{
	return with_two(disk, path, path_to, link_normal);
}

int sim_disk_remove(struct sim_disk *disk, const char *path)
{
	char *normal = sim_path_normal(path);
	struct sim_inode *inode = find_normal(disk, normal);
	int failed =
		inode != NULL && inode->is_directory && !is_empty(disk, normal) ? ENOTEMPTY : 0;

	if (inode != NULL && failed == 0) {
		map_remove(disk->entries, bytes_of_text(normal));
		sim_inode_unref(inode);
	}
	mem_free(normal);
	return failed;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The children's names, NUL-separated, not sorted. */
static size_t collect_names(struct sim_disk *disk, const char *normal, struct buf *names)
{
	size_t at = 0, count = 0;
	struct bytes path;
	void *inode;

	while (map_next(disk->entries, &at, &path, &inode)) {
		const char *name = child_name(path, normal);
		size_t length = name != NULL
					? path.size_bytes - (size_t)(name - (const char *)path.data)
					: 0;

		if (name == NULL || memchr(name, '/', length) != NULL)
			continue;
		buf_add(names, name, length);
		buf_add(names, "", 1);
		count++;
	}
	return count;
}

int sim_disk_list(struct sim_disk *disk, const char *path, char **names, int64_t *count)
{
	char *normal = sim_path_normal(path);
	struct sim_inode *inode = find_normal(disk, normal);
	struct buf found, sorted;

	if (normal[1] != '\0' && (inode == NULL || !inode->is_directory)) {
		mem_free(normal);
		return inode == NULL ? ENOENT : ENOTDIR;
	}
	buf_init(&found);
	buf_init(&sorted);
	*count = (int64_t)collect_names(disk, normal, &found);
	const char **order = MEM_NEW_ARRAY(const char *, (size_t)*count);
	const char *at = found.data;

	for (int64_t i = 0; i < *count; i++, at += strlen(at) + 1)
		order[i] = at;
	if (*count > 0)
		qsort(order, (size_t)*count, sizeof(order[0]), by_name);
	for (int64_t i = 0; i < *count; i++)
		buf_add(&sorted, order[i], strlen(order[i]) + 1);
	buf_add(&sorted, "", 1);
	*names = buf_take(&sorted);
	mem_free(order);
	buf_fini(&found);
	mem_free(normal);
	return 0;
}
