/* SPDX-License-Identifier: Apache-2.0
 * archive_text.h - the text of a job's archive file, in the form of Flink's archives:
 *
 *   {"archive":[{"path":"/jobs/<id>","json":"<an answer, as a JSON string>"},…]}
 *
 * so that Flink's own history server can read the folder. Ours end with one entry more,
 * "/jobs/<id>/archive": how the job is listed, what was left out, and a checksum of all that stands
 * before it. An archive without that entry is one that Flink wrote; it is taken as it is. */
#ifndef JOBMANAGER_HISTORY_ARCHIVE_TEXT_H
#define JOBMANAGER_HISTORY_ARCHIVE_TEXT_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/id.h"

#define ARCHIVE_PATHS_MAX 16384
#define ARCHIVE_PATH_BYTES_MAX 512

/* ---- writing -------------------------------------------------------------------------------- */

/* Begins, continues and ends a text. Answers are JSON in UTF-8. */
void archive_begin(struct buf *text);
void archive_add(struct buf *text, const char *path, struct bytes answer);
/* listing: members of a JSON object, "\"a\":1,\"b\":2". */
void archive_end(struct buf *text, const struct id *job_id, struct bytes listing);

/* ---- reading -------------------------------------------------------------------------------- */

struct archive_entry {
	struct bytes path, json; /* in the text; json as it is escaped there */
};

struct archive_view {		       /* of a text that stays where it is */
	struct archive_entry *entries; /* sorted by path */
	size_t count;
};

/* Looks at every byte: the form, and the checksum where there is one. The text is whatever a disk
 * gave. */
MUST_USE int archive_view_init(struct archive_view *view, struct bytes text, struct err *err);
void archive_view_fini(struct archive_view *view);
/* The answer that is kept under a path; false: there is none. */
bool archive_view_get(const struct archive_view *view, const char *path, struct buf *answer);

#endif
