/* SPDX-License-Identifier: Apache-2.0
 * connectors.h - the sources and sinks that are built in. The others are lib/flink-NAME.so, which
 * the registry opens on first use. */
#ifndef CONNECTORS_CONNECTORS_H
#define CONNECTORS_CONNECTORS_H

/* Adds socket, file and elements sources, print and text-file sinks to the registry. Before the
 * runners start (registry.h). */
void connectors_register_all(void);

#endif
