/* SPDX-License-Identifier: Apache-2.0
 * discard_sink.h - discard(): takes every record and does nothing with it, as Flink's
 * DiscardingSink. For measuring what lies in front of a sink. No parameters. */
#ifndef CONNECTORS_DISCARD_DISCARD_SINK_H
#define CONNECTORS_DISCARD_DISCARD_SINK_H

#include "common/contract/sink.h"

extern const struct sink_vtable discard_sink; /* "discard" */

#endif
