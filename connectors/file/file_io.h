/* SPDX-License-Identifier: Apache-2.0
 * file_io.h - file operations of a source or sink that may be closed while some are under way.
 *
 * An operation's memory must stay until it is done, and a close cannot wait. So operations wake an
 * agent of their own, which passes the wake on to the task while that lives, and frees the owner
 * when the last operation is done after it. */
#ifndef CONNECTORS_FILE_FILE_IO_H
#define CONNECTORS_FILE_FILE_IO_H

#include "common/world/world.h"

#define FILE_IO_OPERATIONS_MAX 8

struct file_io { /* embedded in its owner */
	struct agent agent;
	struct loop *loop;
	struct agent *task;
	struct file_op *operations[FILE_IO_OPERATIONS_MAX]; /* submitted, not yet seen done */
	uint32_t operations_count;
	bool (*settle)(struct file_io *io);
	void (*release)(struct file_io *io);
};

/* release frees the owner; it is called exactly once, by file_io_close or some time after it, on
 * the loop's thread. settle (NULL: nothing) is called before that while nothing is under way, and
 * may submit what is left to do, a FILE_CLOSE; true: it did, and is asked again later. loop and
 * task are borrowed until file_io_close. */
void file_io_open(struct file_io *io, struct loop *loop, struct agent *task,
		  bool (*settle)(struct file_io *io), void (*release)(struct file_io *io));
/* The task is woken when it is done. At most FILE_IO_OPERATIONS_MAX at a time (CHECKed). */
void file_io_submit(struct file_io *io, struct file_op *operation);
/* The owner is no longer the caller's after this. */
void file_io_close(struct file_io *io);

#endif
