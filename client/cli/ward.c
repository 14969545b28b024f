/* SPDX-License-Identifier: Apache-2.0
 * ward.c - `flink hand-over`: runs a program that was uploaded to a JobManager, so that nothing of
 * it stays behind, whatever it does and whoever is killed.
 *
 *   JobManager --- this process ---- warden ---- program, and what it starts
 *                  its child; ends   in a session  dies with the warden; has the folder for
 *                  as the program    of its own,   temporary files as its own
 *                  does              sees the JobManager go (the socket ends) and this process
 *                                    die (a pipe ends); inherits orphans; kills them all, removes
 *                                    the folder
 *
 * The folder holds a lock while its warden lives; a folder without one was left by a warden that
 * was killed, and goes with the next order. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "common/base/mem.h"
#include "common/wire/hand_over.h"

#define EXIT_NO_ORDER 70
#define FILES_MAX 1024
#define FILE_BYTES_MAX ((rlim_t)1 << 30)
#define STALE_S 60 /* a younger folder may be about to be locked */
#define LOOK_MS 50 /* where there is no pidfd (before Linux 5.3) */

struct ward {
	char *texts; /* the order's */
	const char **argv;
	int argc;
	const char *folder, *file, *name;
	char *here; /* the file, in the folder */
	int lock_fd, alive_fd;
	pid_t program;
};

static NO_RETURN void fail(const char *what, const char *name)
{
	fprintf(stderr, "error: %s %s: %s\n", what, name, strerror(errno));
	fflush(stderr);
	_exit(EXIT_NO_ORDER);
}

/* ---- the order ------------------------------------------------------------------------------ */

static void receive(char *into, size_t size_bytes)
{
	while (size_bytes > 0) {
		ssize_t got = recv(PROCESS_CONN_FD, into, size_bytes, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			_exit(EXIT_NO_ORDER); /* the JobManager thought better of it */
		into += got;
		size_bytes -= (size_t)got;
	}
}

static void take_order(struct ward *ward)
{
	char bytes[HAND_OVER_HEADER_BYTES];
	struct hand_over_header header;
	int count = 0;

	receive(bytes, sizeof(bytes));
	if (!hand_over_get(bytes, HAND_OVER_ORDER, &header))
		_exit(EXIT_NO_ORDER);
	ward->texts = mem_alloc(header.size_bytes + 1);
	receive(ward->texts, header.size_bytes);
	ward->texts[header.size_bytes] = '\0';
	ward->argv = MEM_NEW_ARRAY(const char *, header.size_bytes + 2);
	for (const char *at = ward->texts; at < ward->texts + header.size_bytes;
	     at += strlen(at) + 1)
		ward->argv[count++] = at;
	if (count <= HAND_OVER_COMMAND)
		_exit(EXIT_NO_ORDER);
	ward->folder = ward->argv[HAND_OVER_FOLDER];
	ward->file = ward->argv[HAND_OVER_FILE];
	ward->name = ward->argv[HAND_OVER_NAME];
	ward->here = mem_printf("%s/%s", ward->folder, ward->name);
	ward->argc = count;
}

/* The program as the flink that is called: its name in front of the order's command line. */
static void make_command_line(struct ward *ward, int *argc, char ***argv)
{
	char **command = MEM_NEW_ARRAY(char *, (size_t)(ward->argc - HAND_OVER_COMMAND) + 2);
	int count = 0;

	command[count++] = (*argv)[0];
	for (int i = HAND_OVER_COMMAND; i < ward->argc; i++)
		command[count++] = strcmp(ward->argv[i], HAND_OVER_HERE) == 0
					   ? ward->here
					   : (char *)(uintptr_t)ward->argv[i];
	*argc = count;
	*argv = command;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
	(void)stat;
	(void)kind;
	(void)walk;
	(void)remove(path);
	return 0;
}

/* A folder that the program has closed to itself is opened again. */
static int open_up(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
	(void)walk;
	if (kind == FTW_D || kind == FTW_DNR)
		(void)chmod(path, (stat->st_mode & 07777) | 0700);
	return 0;
}

static void remove_folder(const char *folder)
{
	(void)nftw(folder, open_up, 16, FTW_PHYS);
	(void)nftw(folder, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

/* Removes it if it is one like ours that nobody holds any more. */
static void remove_if_left(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat seen;

	if (fd < 0)
		return;
	if (fstat(fd, &seen) == 0 && seen.st_uid == geteuid() &&
	    time(NULL) - seen.st_ctime > STALE_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_folder(folder);
	close(fd);
}

static void remove_leftovers(const char *folder)
{
	const char *slash = strrchr(folder, '/'), *hyphen = strrchr(folder, '-');
	char *parent = mem_strndup(folder, (size_t)(slash - folder));
	DIR *directory = opendir(parent);

	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		size_t prefix = (size_t)(hyphen - slash); /* with its hyphen */
		char *path;

		if (strncmp(entry->d_name, slash + 1, prefix) != 0)
			continue;
		path = mem_printf("%s/%s", parent, entry->d_name);
		remove_if_left(path);
		mem_free(path);
	}
	if (directory != NULL)
		closedir(directory);
	mem_free(parent);
}

/* What the program does to its file is not done to the one that was uploaded. */
static void copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	char piece[65536];
	ssize_t got;

	if (in < 0)
		fail("cannot read", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		fail("cannot write", to);
	while ((got = read(in, piece, sizeof(piece))) > 0)
		for (ssize_t put = 0, done = 0; done < got; done += put)
			if ((put = write(out, piece + done, (size_t)(got - done))) < 0)
				fail("cannot write", to);
	if (got < 0)
		fail("cannot read", from);
	close(in);
	close(out);
}

/* The one for temporary files is made by who first needs it. */
static void make_parents(const char *folder)
{
	char *path = mem_strdup(folder);

	for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(path, 0755); /* what is wrong shows in the end */
		*at = '/';
	}
	mem_free(path);
}

static void make_folder(struct ward *ward)
{
	make_parents(ward->folder);
	remove_leftovers(ward->folder);
	if (mkdir(ward->folder, 0700) != 0)
		fail("cannot make the folder", ward->folder);
	ward->lock_fd = open(ward->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ward->lock_fd < 0 || flock(ward->lock_fd, LOCK_EX | LOCK_NB) != 0)
		fail("cannot lock the folder", ward->folder);
}

/* ---- the program ---------------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
	struct rlimit both;

	if (getrlimit(resource, &both) != 0)
		return;
	both.rlim_cur = both.rlim_max < most ? both.rlim_max : most;
	both.rlim_max = both.rlim_cur;
	(void)setrlimit(resource, &both);
}

/* A relative one would be looked for in the folder. */
static void settle_conf_dir(void)
{
	const char *given = getenv("FLINK_CONF_DIR");
	char *path = given != NULL && given[0] != '\0' ? realpath(given, NULL) : NULL;

	if (path != NULL)
		setenv("FLINK_CONF_DIR", path, 1);
	free(path);
}

static void become_program(struct ward *ward, pid_t warden)
{
	/* The limits of time and memory are there already: the JobManager has set them. */
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != warden)
		_exit(EXIT_NO_ORDER);
	settle_conf_dir();
	copy(ward->file, ward->here);
	if (chdir(ward->folder) != 0)
		fail("cannot enter the folder", ward->folder);
	setenv("TMPDIR", ward->folder, 1);
	setenv(HAND_OVER_ENV, "1", 1);
	/* What the program may do is hand over a job; it need not be given more. */
	unsetenv("FLINK_CLUSTER_SECRET");
}

/* ---- the warden ----------------------------------------------------------------------------- */

/* All children, and so, since orphans become ours, all that the program has started. */
static void kill_all(pid_t program, int *status)
{
	char path[64], text[4096];
	int ended, fd;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

		if (fd >= 0)
			close(fd);
		text[length > 0 ? length : 0] = '\0';
		for (char *at = text, *end; (pid = (pid_t)strtol(at, &end, 10)) > 1; at = end)
			kill(pid, SIGKILL);
		if (fd < 0) {
			kill(-program, SIGKILL);
			kill(program, SIGKILL);
		}
		pid = waitpid(-1, &ended, 0);
		if (pid == program)
			*status = ended;
	} while (pid > 0 || (pid < 0 && errno == EINTR));
}

/* Until the program ends, or somebody who wanted it to run. False: it is to be killed. */
static bool watch(struct ward *ward, int *status)
{
	int pid_fd = (int)syscall(SYS_pidfd_open, ward->program, 0);
	bool goes_on = true;
	pid_t ended = 0;

	while (goes_on && ended == 0) {
		struct pollfd look[] = { { .fd = PROCESS_CONN_FD, .events = POLLRDHUP },
					 { .fd = ward->alive_fd, .events = POLLIN },
					 { .fd = pid_fd, .events = POLLIN } };

		(void)poll(look, 3, pid_fd >= 0 ? -1 : LOOK_MS);
		ended = waitpid(ward->program, status, WNOHANG);
		goes_on = (look[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0 &&
			  look[1].revents == 0;
	}
	if (pid_fd >= 0)
		close(pid_fd);
	return ended != 0;
}

static void tell_signal(const char *name, int number)
{
	const char *abbreviation = sigabbrev_np(number);
	struct rlimit allowed;
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	getrlimit(RLIMIT_CPU, &allowed);
	long long tenths = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 10 +
			   (used.ru_utime.tv_usec + used.ru_stime.tv_usec + 50000) / 100000;
	bool too_long = number == SIGKILL && allowed.rlim_cur != RLIM_INFINITY &&
			(rlim_t)tenths + 5 >= allowed.rlim_cur * 10;

	fprintf(stderr, "%s was ended by SIG%s, after %lld.%lld s of CPU time%s\n", name,
		abbreviation != NULL ? abbreviation : "?", tenths / 10, tenths % 10,
		too_long ? ", all that it may take (web.submit.cpu-time)" : "");
	fflush(stderr);
}

static NO_RETURN void ward_on(struct ward *ward)
{
	int status = 0;
	bool ended = watch(ward, &status);

	if (ended && WIFSIGNALED(status))
		tell_signal(ward->name, WTERMSIG(status));
	kill_all(ward->program, &status);
	remove_folder(ward->folder);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* ---- all three ------------------------------------------------------------------------------ */

/* Returns in the program alone. */
static void start_warden(struct ward *ward)
{
	pid_t warden;

	setsid();
	/* The program may have stopped us when the JobManager kills our parent. */
	prctl(PR_SET_PDEATHSIG, SIGCONT);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_folder(ward);
	warden = getpid();
	ward->program = fork();
	if (ward->program < 0) {
		remove_folder(ward->folder);
		fail("cannot start", ward->name);
	}
	if (ward->program > 0)
		ward_on(ward);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	close(ward->alive_fd);
	become_program(ward, warden);
}

void cli_ward(int *argc, char ***argv)
{
	struct ward ward = { .lock_fd = -1 };
	int alive[2], status;
	struct stat seen;

	if (fstat(PROCESS_CONN_FD, &seen) != 0 || !S_ISSOCK(seen.st_mode)) {
		fputs("hand-over is what a JobManager calls; there is none here\n", stderr);
		exit(EXIT_NO_ORDER);
	}
	take_order(&ward);
	if (pipe2(alive, O_CLOEXEC) != 0)
		fail("cannot start", ward.name);
	ward.alive_fd = alive[0];
	pid_t warden = fork();

	if (warden < 0)
		fail("cannot start", ward.name);
	if (warden == 0) {
		close(alive[1]);
		start_warden(&ward);
		make_command_line(&ward, argc, argv);
		return;
	}
	close(alive[0]);
	close(PROCESS_CONN_FD); /* its end is the warden's to see, and the program's */
	while (waitpid(warden, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
