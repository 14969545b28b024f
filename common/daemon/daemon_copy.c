/* SPDX-License-Identifier: Apache-2.0
 * daemon_copy.c - in the foreground with --out: printed lines go to the screen and to the file.
 *
 *   worker ── stdout, stderr ──> two pipes ──> supervisor ──> the .out file
 *                                                       └──> its own stdout, stderr
 *
 * A container's log is what process 1 writes to its stdout, and the web page shows the file; a job
 * prints once. Both get whole lines, since the worker's stdout and stderr meet there. The
 * supervisor holds both ends of the pipes, so that they outlive every worker. It writes to the
 * screen only when that takes a line, and reads no further meanwhile: a screen that stands still
 * (ctrl-S) holds up who prints, as it does without the file, but no signal. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/time.h"
#include "common/daemon/daemon_priv.h"

#define LAST_LINES_MS 1000

struct stream {
	int number;        /* 1 or 2 */
	int from, give;    /* the pipe: the supervisor's end, the worker's end */
	bool screen_gone;
	size_t used, due;  /* in text; due: whole lines, which the screen gets next */
	char text[PIPE_BUF]; /* as much as a pipe that is writable takes without a wait */
};

static struct {
	bool active;
	bool told; /* that the file lacks lines */
	int file_fd;
	int64_t file_bytes;
	struct stream streams[2];
} copy;

static int out_of_the_way(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (moved >= 0)
		close(fd);
	return moved;
}

int daemon_copy_begin(int file_fd, struct err *err)
{
	for (int i = 0; i < 2; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) != 0)
			return err_set_errno(err, ERR_RESOURCE, errno, "cannot make a pipe");
		copy.streams[i] = (struct stream){
			.number = i + 1,
			.from = out_of_the_way(fds[0]),
			.give = out_of_the_way(fds[1]),
		};
		if (fcntl(copy.streams[i].from, F_SETFL, O_NONBLOCK) != 0 ||
		    copy.streams[i].give < 0)
			return err_set_errno(err, ERR_RESOURCE, errno, "cannot set up a pipe");
	}
	copy.file_fd = out_of_the_way(file_fd);
	if (copy.file_fd < 0)
		return err_set_errno(err, ERR_RESOURCE, errno, "cannot keep %s open",
				     daemon_self.out_path);
	copy.active = true;
	return 0;
}

void daemon_copy_enter_worker(void)
{
	if (!copy.active)
		return;
	for (int i = 0; i < 2; i++) {
		dup2(copy.streams[i].give, copy.streams[i].number);
		close(copy.streams[i].from);
		close(copy.streams[i].give);
	}
	close(copy.file_fd);
	copy.active = false;
}

/* ---- one step: from a pipe to the file, from the buffer to the screen ------------------------ */

static void lines_are_missing(void)
{
	if (!copy.told)
		log_warn("Supervisor", "%s lacks printed lines from here on: %s",
			 daemon_self.out_path, strerror(errno));
	copy.told = true;
}

static void file_write(const char *text, size_t size_bytes)
{
	struct err err = ERR_INIT;
	int fresh;

	if (copy.file_bytes >= DAEMON_LOG_BYTES_MAX) {
		daemon_rotate(daemon_self.out_path, daemon_self.options.log_files_max);
		if (daemon_open_append(daemon_self.out_path, &fresh, &err) == 0) {
			dup3(fresh, copy.file_fd, O_CLOEXEC);
			close(fresh);
		}
		copy.file_bytes = 0;
	}
	if (!daemon_write_all(copy.file_fd, text, size_bytes))
		lines_are_missing();
	copy.file_bytes += (int64_t)size_bytes;
}

static void forget(struct stream *stream, size_t size_bytes)
{
	stream->used -= size_bytes;
	memmove(stream->text, stream->text + size_bytes, stream->used);
}

/* The beginning of the text: to the file now, to the screen next. */
static void hand_on(struct stream *stream, size_t size_bytes)
{
	file_write(stream->text, size_bytes);
	if (stream->screen_gone)
		forget(stream, size_bytes);
	else
		stream->due = size_bytes;
}

/* False: nothing is there. */
static bool take(struct stream *stream)
{
	char *fresh = stream->text + stream->used, *newline;
	ssize_t got = read(stream->from, fresh, sizeof(stream->text) - stream->used);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	stream->used += (size_t)got;
	newline = memrchr(fresh, '\n', (size_t)got);
	if (newline != NULL)
		hand_on(stream, (size_t)(newline + 1 - stream->text));
	else if (stream->used == sizeof(stream->text))
		hand_on(stream, stream->used); /* a line longer than that comes in pieces */
	return true;
}

static void show(struct stream *stream)
{
	ssize_t done = write(stream->number, stream->text, stream->due);

	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done < 0) {
		stream->screen_gone = true;
		done = (ssize_t)stream->due;
	}
	stream->due -= (size_t)done;
	forget(stream, (size_t)done);
}

/* ---- in the supervisor's loop --------------------------------------------------------------- */

nfds_t daemon_copy_wait(struct pollfd *wait)
{
	if (!copy.active)
		return 0;
	for (int i = 0; i < 2; i++) {
		const struct stream *stream = &copy.streams[i];

		wait[i] = stream->due > 0 ? (struct pollfd){ stream->number, POLLOUT, 0 }
					  : (struct pollfd){ stream->from, POLLIN, 0 };
	}
	return 2;
}

void daemon_copy_step(const struct pollfd *wait)
{
	for (int i = 0; i < 2 && copy.active; i++) {
		if (wait[i].revents == 0)
			continue;
		if (copy.streams[i].due > 0)
			show(&copy.streams[i]);
		else
			take(&copy.streams[i]);
	}
}

/* Bounded: a child that a worker left behind may print for ever, and a screen may stand still. */
void daemon_copy_end(void)
{
	struct timespec now;
	mono_t end = 0;

	for (int i = 0; i < 2 && copy.active; i++) {
		struct stream *stream = &copy.streams[i];

		for (;;) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			mono_t at = (mono_t)now.tv_sec * NS_PER_S + now.tv_nsec;

			if (end == 0)
				end = mono_after_ms(at, LAST_LINES_MS);
			if (at >= end)
				break;
			if (stream->due == 0 && !take(stream)) {
				if (stream->used == 0)
					break;
				hand_on(stream, stream->used); /* its end will not come */
			}
			struct pollfd wait = { stream->number, POLLOUT, 0 };

			if (stream->due > 0 && poll(&wait, 1, (int)((end - at) / NS_PER_MS)) > 0)
				show(stream);
		}
	}
}
