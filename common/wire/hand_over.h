/* SPDX-License-Identifier: Apache-2.0
 * hand_over.h - what the JobManager and a program that it runs in a process of its own say to each
 * other, over the socket that is the process's descriptor PROCESS_CONN_FD.
 *
 *   JobManager -> program   ORDER    what to run: texts, each with its NUL
 *   program -> JobManager   JOB      a SubmitJobRequest (proto/dispatcher.proto), then its artifact
 *   JobManager -> program   OUTCOME  of a JOB: an error's number (0: taken), and its text
 *
 *   offset 0  magic       4     The program has no secret and no address: what it may do with the
 *          4  kind        4     cluster is to hand over a job. Both ends stand on one machine, but
 *          8  size_bytes  4     what comes from the program is a stranger's all the same.
 *         12  more        4     JOB: bytes of the artifact behind the body; OUTCOME: the number
 *         16  body …            size_bytes of it; numbers are little endian
 *
 * ORDER: folder for temporary files, file to run, name to run it as, then the command line, from
 * "run" on. */
#ifndef COMMON_WIRE_HAND_OVER_H
#define COMMON_WIRE_HAND_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

#define HAND_OVER_HEADER_BYTES 16
#define HAND_OVER_VERB "hand-over" /* of the flink program */
#define HAND_OVER_ENV "FLINK_HAND_OVER" /* set where a session is to hand over */
#define HAND_OVER_ORDER_BYTES_MAX (1024 * 1024)
#define HAND_OVER_JOB_BYTES_MAX (64 * 1024 * 1024)
#define HAND_OVER_TEXT_BYTES_MAX 4096 /* of an OUTCOME */
/* Texts before the command line. */
#define HAND_OVER_FOLDER 0
#define HAND_OVER_FILE 1
#define HAND_OVER_NAME 2
#define HAND_OVER_COMMAND 3
/* In the command line: the file, under its name in the folder. */
#define HAND_OVER_HERE "\x01"

enum hand_over_kind { HAND_OVER_ORDER = 1, HAND_OVER_JOB = 2, HAND_OVER_OUTCOME = 3 };

struct hand_over_header {
	enum hand_over_kind kind;
	uint32_t size_bytes, more;
};

void hand_over_put(struct buf *into, const struct hand_over_header *header);
/* False: it is none of that kind, or larger than such a message may be. */
bool hand_over_get(const char bytes[HAND_OVER_HEADER_BYTES], enum hand_over_kind kind,
		   struct hand_over_header *header);

#endif
