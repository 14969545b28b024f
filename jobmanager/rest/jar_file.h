/* SPDX-License-Identifier: Apache-2.0
 * jar_file.h - programs that are uploaded over REST: what they may be called, what they are, and
 * where they can be entered. Flink says jar to all of them, and so do paths and answers. Pure
 * functions over bytes. */
#ifndef JOBMANAGER_REST_JAR_FILE_H
#define JOBMANAGER_REST_JAR_FILE_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/id.h"

#define JAR_NAME_BYTES_MAX 200 /* the id is longer, and a file's name has at most 255 */
#define JAR_UUID_BYTES 36
#define JAR_ID_SIZE (JAR_UUID_BYTES + 1 + JAR_NAME_BYTES_MAX + 1)
/* So much of an archive's end is looked at: its list of contents is there. */
#define JAR_TAIL_BYTES_MAX (1024 * 1024)
#define JAR_MAIN "__main__" /* the entry of an archive that runs as a whole */

enum jar_kind { JAR_NATIVE, JAR_C, JAR_PYTHON, JAR_ARCHIVE };

/* The last part of the name that a client gave, whichever system it is from. NULL: it can be used;
 * else why not, a sentence. */
const char *jar_name_take(struct bytes given, char name[JAR_NAME_BYTES_MAX + 1]);
/* "a3f6…-…_job.py" */
void jar_id_make(const struct id *random, const char *name, char id[JAR_ID_SIZE]);
/* The name in an id; NULL: that is no id. */
const char *jar_id_name(const char *id);

/* By the name's ending. False: none of ours. */
bool jar_kind_of(const char *name, enum jar_kind *kind);
/* Whether it is what its name says. NULL: yes; else what to send instead, a sentence. */
const char *jar_misfit(const char *name, struct bytes content);

/* Adds where the program can be entered, each with its NUL: "flink_main", or Python modules; the
 * first is taken when nobody names one. tail: the last bytes of a file of size_bytes (all of it, or
 * JAR_TAIL_BYTES_MAX). Nothing is added if there is none. */
void jar_entries(const char *name, struct bytes tail, uint64_t size_bytes, struct buf *into);
/* Whether the program is entered without being told where: false for an archive of several modules
 * of which none is __main__ or main. */
bool jar_enters_alone(struct bytes entries);

#endif
