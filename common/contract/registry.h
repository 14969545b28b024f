/* SPDX-License-Identifier: Apache-2.0
 * registry.h - from the names in a JobGraph to vtables. Filled at start by the daemons
 * (taskmanager/operator, connectors), by lib/flink-*.so on first use, and by tests. */
#ifndef COMMON_CONTRACT_REGISTRY_H
#define COMMON_CONTRACT_REGISTRY_H

#include "common/contract/operator.h"
#include "common/contract/sink.h"
#include "common/contract/source.h"

#define CONTRACT_ABI 4 /* goes up whenever a struct of common/contract or common/record changes */

/* Adding a name twice replaces it (tests). Not thread-safe: before the runners start. */
void registry_add_operator(const struct operator_vtable *vtable);
void registry_add_source(const struct source_vtable *vtable);
void registry_add_sink(const struct sink_vtable *vtable);

/* Where lib/flink-NAME.so are looked for ("" or NULL: nowhere). Copied. */
void registry_set_library_directory(const char *path);

/* NULL with ERR_CONNECTOR_MISSING naming the nearest. A source or sink that is not there is looked
 * for in lib/flink-NAME.so, whose entry `int flink_connector(uint32_t abi)` adds it. Any thread. */
const struct operator_vtable *registry_operator(struct world *world, const char *name,
						struct err *err);
const struct source_vtable *registry_source(struct world *world, const char *name, struct err *err);
const struct sink_vtable *registry_sink(struct world *world, const char *name, struct err *err);

/* Forgets everything and closes the libraries: for tests, when nothing uses a vtable any more. */
void registry_clear(void);

#endif
