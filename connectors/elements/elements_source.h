/* SPDX-License-Identifier: Apache-2.0
 * elements_source.h - a fixed list of records that travels in the job graph (from_elements): the
 * elements of OperatorParameters, each the image that record_copy writes. One subtask, as Flink's
 * "Collection Source". */
#ifndef CONNECTORS_ELEMENTS_ELEMENTS_SOURCE_H
#define CONNECTORS_ELEMENTS_ELEMENTS_SOURCE_H

#include "common/contract/source.h"

extern const struct source_vtable elements_source; /* "elements" */

#endif
