/* SPDX-License-Identifier: Apache-2.0
 * socket_source.h - lines from a TCP server, as Flink's socketTextStream. Options: "host", "port".
 *
 * One subtask. While nothing listens it tries again (100 ms … 1 s apart) and says so through
 * reader_status. The server's end of stream ends the source; a broken connection is an error,
 * because lines may be lost. A socket cannot be read again: after a restart the source goes on with
 * what the server sends then. */
#ifndef CONNECTORS_SOCKET_SOCKET_SOURCE_H
#define CONNECTORS_SOCKET_SOCKET_SOURCE_H

#include "common/contract/source.h"

extern const struct source_vtable socket_source; /* "socket" */

#endif
