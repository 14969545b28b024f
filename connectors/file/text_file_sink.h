/* SPDX-License-Identifier: Apache-2.0
 * text_file_sink.h - one line per record into a file, as Flink's writeAsText. Option: "path",
 * absolute.
 *
 * Parallelism 1: the file itself; else a folder with files 1, 2, … per subtask. What is there
 * already is never overwritten: ERR_SINK_EXISTS. A restarted attempt begins anew and first moves
 * the file of the attempt before it aside, to NAME.attempt-N. At least once; lines are complete
 * when the job has FINISHED. */
#ifndef CONNECTORS_FILE_TEXT_FILE_SINK_H
#define CONNECTORS_FILE_TEXT_FILE_SINK_H

#include "common/contract/sink.h"

extern const struct sink_vtable text_file_sink; /* "text-file" */

#endif
