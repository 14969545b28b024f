/* SPDX-License-Identifier: Apache-2.0
 * daemon_files.c - the pid file and its companion, log rotation, and where log lines go.
 *
 * PID_FILE        one pid a line, the newest last, as Flink's scripts keep it
 * PID_FILE.info   a line each: pid, start time (ticks), boot id, index, what it said when ready
 *
 * A pid alone says little: after a crash it may be another program's. The start time and the boot
 * tell whether the process is still the one that was written down. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/daemon/daemon_priv.h"

#define LOCK_WAIT_MS 5000
#define SCREEN_WAIT_MS 100
#define BOOT_SIZE 40
#define ENTRIES_MAX LIMIT_TASKMANAGERS_MAX
#define READ_BYTES_MAX (4 * 1024 * 1024)

struct entry {
	pid_t pid;
	uint64_t started; /* 0: not known */
	char boot[BOOT_SIZE];
	uint32_t index;
	char text[256];
};

struct entries {
	struct entry *list;
	size_t count;
};

bool daemon_write_all(int fd, const char *text, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t done = write(fd, text, size_bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		size_bytes -= (size_t)done;
	}
	return true;
}

/* ---- folders -------------------------------------------------------------------------------- */

/* mkdir -p of everything before the last slash. */
int daemon_make_folder_of(const char *path, struct err *err)
{
	char folder[DAEMON_PATH_SIZE];
	size_t length = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) : 0;

	if (length == 0 || length >= sizeof(folder))
		return 0;
	memcpy(folder, path, length);
	folder[length] = '\0';
	for (char *slash = strchr(folder + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(folder, 0777) != 0 && errno != EEXIST)
			return err_set_errno(err, ERR_IO, errno, "cannot make the folder %s",
					     folder);
		if (slash == NULL)
			return 0;
		*slash = '/';
	}
}

int daemon_pids_lock(const char *pid_path, struct err *err)
{
	const char *slash = strrchr(pid_path, '/');
	char folder[DAEMON_PATH_SIZE];
	struct timespec pause = { 0, 10 * 1000 * 1000 };
	int fd;

	if (daemon_make_folder_of(pid_path, err))
		return -1;
	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - pid_path + (slash == pid_path)) : 1, slash ? pid_path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "cannot open the folder of pid files %s",
				     folder);
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += 10) {
		if (waited_ms >= LOCK_WAIT_MS) {
			close(fd);
			return err_set(err, ERR_IO,
				       "another start or stop has held the lock on %s for %d s",
				       folder, LOCK_WAIT_MS / 1000);
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* ---- processes ------------------------------------------------------------------------------ */

static size_t read_small(const char *path, char *into, size_t size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, into, size_bytes - 1) : 0;

	if (fd >= 0)
		close(fd);
	into[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static void read_boot(char boot[BOOT_SIZE])
{
	read_small("/proc/sys/kernel/random/boot_id", boot, BOOT_SIZE);
	boot[strcspn(boot, "\n ")] = '\0';
	if (boot[0] == '\0')
		snprintf(boot, BOOT_SIZE, "-");
}

/* Field 22 of /proc/PID/stat; the second field is in brackets and may hold anything. 0: gone, also
 * when it is dead and only not buried yet (in a container the first process may never bury). */
static uint64_t read_started(pid_t pid)
{
	char path[64], stat[1024], *at;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	read_small(path, stat, sizeof(stat));
	at = strrchr(stat, ')');
	if (at != NULL && (at[1] != ' ' || at[2] == 'Z' || at[2] == 'X'))
		return 0;
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

static bool is_alive(const struct entry *entry)
{
	char boot[BOOT_SIZE];

	if (kill(entry->pid, 0) != 0 && errno == ESRCH)
		return false;
	if (entry->started == 0)
		return true; /* written by somebody else: the pid is all there is */
	read_boot(boot);
	return strcmp(boot, entry->boot) == 0 && read_started(entry->pid) == entry->started;
}

/* ---- the two files -------------------------------------------------------------------------- */

/* The whole text (mem_free); NULL: no such file. */
static int read_text(const char *path, char **text, struct err *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got;

	*text = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_set_errno(err, ERR_IO, errno, "cannot read %s", path);
	if (fstat(fd, &status) != 0 || status.st_uid != geteuid()) {
		close(fd);
		return err_set(err, ERR_IO,
			       "%s belongs to another user; set env.pid.dir to a folder of yours",
			       path);
	}
	if (status.st_size > READ_BYTES_MAX) {
		close(fd);
		return err_set(err, ERR_IO, "%s is too large for a pid file", path);
	}
	*text = mem_alloc((size_t)status.st_size + 1);
	got = read(fd, *text, (size_t)status.st_size);
	close(fd);
	if (got >= 0)
		return 0;
	mem_free(*text);
	*text = NULL;
	return err_set(err, ERR_IO, "cannot read %s", path);
}

/* The next line of *at, cut off from the rest; NULL after the last. */
static char *next_line(char **at)
{
	char *line = *at;

	if (line == NULL || *line == '\0')
		return NULL;
	*at += strcspn(line, "\n");
	if (**at == '\n')
		*(*at)++ = '\0';
	return line;
}

static void parse_info(struct entries *entries, char *text)
{
	for (char *line = next_line(&text); line != NULL; line = next_line(&text)) {
		struct entry entry = { 0 };
		long pid;

		if (sscanf(line, "%ld %" SCNu64 " %39s %u %255[^\n]", &pid, &entry.started,
			   entry.boot, &entry.index, entry.text) < 4)
			continue;
		entry.pid = (pid_t)pid;
		for (size_t i = 0; i < entries->count; i++)
			if (entries->list[i].pid == entry.pid)
				entries->list[i] = entry;
	}
}

static struct entry *entries_push(struct entries *entries, pid_t pid)
{
	struct entry *entry;

	entries->list = mem_realloc(entries->list, (entries->count + 1) * sizeof(*entries->list));
	entry = &entries->list[entries->count];
	*entry = (struct entry){ .pid = pid, .index = (uint32_t)entries->count };
	entries->count++;
	return entry;
}

static int read_entries(const char *pid_path, struct entries *entries, struct err *err)
{
	char info_path[DAEMON_PATH_SIZE + 8], *pids = NULL, *info = NULL, *at;

	*entries = (struct entries){ 0 };
	snprintf(info_path, sizeof(info_path), "%s.info", pid_path);
	if (read_text(pid_path, &pids, err))
		return -1;
	if (read_text(info_path, &info, err)) {
		mem_free(pids);
		return -1;
	}
	at = pids;
	for (char *line = next_line(&at); line != NULL && entries->count < ENTRIES_MAX;
	     line = next_line(&at)) {
		long pid = strtol(line, NULL, 10);

		if (pid > 1)
			entries_push(entries, (pid_t)pid);
	}
	parse_info(entries, info);
	mem_free(pids);
	mem_free(info);
	return 0;
}

static int replace_file(const char *path, const char *text, size_t size_bytes, struct err *err)
{
	char temporary[DAEMON_PATH_SIZE + 16];
	int fd;

	if (size_bytes == 0) {
		if (unlink(path) != 0 && errno != ENOENT)
			return err_set_errno(err, ERR_IO, errno, "cannot remove %s", path);
		return 0;
	}
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary); /* left by a crash; or laid there by somebody else */
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "cannot write %s", temporary);
	/* On a full disk the file would be there and empty, and its daemon could not be stopped. */
	bool whole = daemon_write_all(fd, text, size_bytes);
	int failed = whole ? 0 : errno;

	if (close(fd) != 0 && failed == 0)
		failed = errno;
	if (failed == 0 && rename(temporary, path) != 0)
		failed = errno;
	if (failed == 0)
		return 0;
	unlink(temporary);
	return err_set_errno(err, ERR_IO, failed, "cannot write %s", path);
}

static int write_entries(const char *pid_path, const struct entries *entries, struct err *err)
{
	char info_path[DAEMON_PATH_SIZE + 8], *pids, *info;
	size_t size_bytes = entries->count * 400 + 1, pids_used = 0, info_used = 0;
	int result = -1;

	snprintf(info_path, sizeof(info_path), "%s.info", pid_path);
	pids = mem_alloc(size_bytes);
	info = mem_alloc(size_bytes);
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *entry = &entries->list[i];

		pids_used += (size_t)snprintf(pids + pids_used, size_bytes - pids_used, "%ld\n",
					      (long)entry->pid);
		if (entry->started != 0)
			info_used += (size_t)snprintf(info + info_used, size_bytes - info_used,
						      "%ld %" PRIu64 " %s %u %s\n",
						      (long)entry->pid, entry->started, entry->boot,
						      entry->index, entry->text);
	}
	if (replace_file(pid_path, pids, pids_used, err) == 0 &&
	    replace_file(info_path, info, info_used, err) == 0)
		result = 0;
	mem_free(pids);
	mem_free(info);
	return result;
}

int daemon_pids_index(const char *pid_path, uint32_t *index, struct err *err)
{
	struct entries entries;
	size_t alive = 0;
	bool taken = true;
	int result = 0;

	if (read_entries(pid_path, &entries, err))
		return -1;
	for (size_t i = 0; i < entries.count; i++)
		if (is_alive(&entries.list[i]))
			entries.list[alive++] = entries.list[i];
	if (alive != entries.count) {
		entries.count = alive;
		result = write_entries(pid_path, &entries, err);
	}
	for (*index = 0; taken; *index += taken) {
		taken = false;
		for (size_t i = 0; i < alive; i++)
			taken |= entries.list[i].index == *index;
	}
	mem_free(entries.list);
	return result;
}

int daemon_pids_add(const char *pid_path, pid_t pid, uint32_t index, struct err *err)
{
	struct entries entries;
	int result;

	if (read_entries(pid_path, &entries, err))
		return -1;
	if (entries.count == ENTRIES_MAX) {
		mem_free(entries.list);
		return err_set(err, ERR_RESOURCE, "%s lists %zu processes; that is too many",
			       pid_path, entries.count);
	}
	struct entry *entry = entries_push(&entries, pid);

	entry->index = index;
	entry->started = read_started(pid);
	read_boot(entry->boot);
	result = write_entries(pid_path, &entries, err);
	mem_free(entries.list);
	return result;
}

/* Reads, changes and writes under the lock: drops the pid, or sets its text. */
static void change_entry(const char *pid_path, pid_t pid, const char *text)
{
	struct err err = ERR_INIT;
	struct entries entries;
	size_t kept = 0;
	int lock = daemon_pids_lock(pid_path, &err);

	if (lock < 0)
		return;
	if (read_entries(pid_path, &entries, &err) == 0) {
		for (size_t i = 0; i < entries.count; i++) {
			if (entries.list[i].pid != pid)
				entries.list[kept++] = entries.list[i];
			else if (text != NULL) {
				entries.list[kept] = entries.list[i];
				snprintf(entries.list[kept].text, sizeof(entries.list[kept].text),
					 "%s", text);
				kept++;
			}
		}
		entries.count = kept;
		if (write_entries(pid_path, &entries, &err) != 0)
			log_warn("Supervisor", "%s", err.text);
		mem_free(entries.list);
	}
	close(lock);
}

void daemon_pids_set_text(const char *pid_path, pid_t pid, const char *text)
{
	change_entry(pid_path, pid, text);
}

void daemon_pids_remove(const char *pid_path, pid_t pid)
{
	change_entry(pid_path, pid, NULL);
}

/* ---- log files ------------------------------------------------------------------------------ */

void daemon_rotate(const char *path, uint32_t files_max)
{
	char from[DAEMON_PATH_SIZE + 16], to[DAEMON_PATH_SIZE + 16];
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return;
	if (files_max == 0) {
		unlink(path);
		return;
	}
	for (uint32_t i = files_max; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%u", path, i);
		snprintf(from, sizeof(from), i > 1 ? "%s.%u" : "%s", path, i - 1);
		rename(from, to); /* most of them are not there */
	}
}

int daemon_open_append(const char *path, int *fd, struct err *err)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (*fd < 0)
		return err_set_errno(err, ERR_IO, errno, "cannot write %s", path);
	return 0;
}

/* Bytes written to the current file; whoever crosses the limit changes the file under the others:
 * dup2 is atomic, so each line is whole, in one file or the other. */
static _Atomic int64_t log_bytes;

static void log_rotate_if_full(size_t size_bytes)
{
	int64_t before = atomic_fetch_add(&log_bytes, (int64_t)size_bytes);
	struct err err = ERR_INIT;
	int fresh;

	if (before >= DAEMON_LOG_BYTES_MAX ||
	    before + (int64_t)size_bytes < DAEMON_LOG_BYTES_MAX)
		return;
	daemon_rotate(daemon_self.log_path, daemon_self.options.log_files_max);
	if (daemon_open_append(daemon_self.log_path, &fresh, &err) == 0) {
		dup3(fresh, daemon_self.log_fd, O_CLOEXEC);
		close(fresh);
	}
	atomic_store(&log_bytes, 0);
}

/* A screen that stands still holds up the worker's lines, but not the supervisor's signals. */
static bool screen_takes_a_line(void)
{
	struct pollfd wait = { .fd = daemon_self.screen_fd, .events = POLLOUT };

	return daemon_self.worker_pid != 0 || poll(&wait, 1, SCREEN_WAIT_MS) != 0;
}

static void log_sink(void *context, enum log_level level, const char *line, size_t size_bytes)
{
	(void)context;
	(void)level;
	if (daemon_self.log_fd >= 0) {
		daemon_write_all(daemon_self.log_fd, line, size_bytes);
		log_rotate_if_full(size_bytes);
	}
	if ((!daemon_self.options.background || daemon_self.log_fd < 0) && screen_takes_a_line())
		daemon_write_all(daemon_self.screen_fd, line, size_bytes);
}

static wall_t log_clock(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &now);
	return (wall_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *daemon_path(enum daemon_file file)
{
	const char *path = file == DAEMON_LOG ? daemon_self.log_path : daemon_self.out_path;

	return path[0] != '\0' ? path : NULL;
}

void daemon_log_level(const char *name)
{
	static const char *const names[] = { [LOG_TRACE] = "TRACE",
					     [LOG_DEBUG] = "DEBUG",
					     [LOG_INFO] = "INFO",
					     [LOG_WARN] = "WARN",
					     [LOG_ERROR] = "ERROR" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcasecmp(names[i], name) == 0)
			log_set_level((enum log_level)i);
}

void daemon_log_begin(void)
{
	log_to(log_sink, NULL, log_clock, NULL);
}
