/* SPDX-License-Identifier: Apache-2.0
 * print_sink.h - print(): one line per record to the TaskManager's .out file, the attached client
 * and the dashboard. No parameters. */
#ifndef CONNECTORS_PRINT_PRINT_SINK_H
#define CONNECTORS_PRINT_PRINT_SINK_H

#include "common/contract/sink.h"

extern const struct sink_vtable print_sink; /* "print" */

#endif
