/* SPDX-License-Identifier: Apache-2.0
 * secret.h - the cluster secret that RPC and data connections prove to each other. */
#ifndef COMMON_RPC_SECRET_H
#define COMMON_RPC_SECRET_H

#include "common/base/bytes.h"
#include "common/world/world.h"

/* From FLINK_CLUSTER_SECRET, else from the file (path "" = none); white space around it is cut.
 * Neither: empty. A file that is named but unreadable, empty, or readable by others:
 * ERR_CONF_BAD_VALUE. */
MUST_USE int secret_load(struct world *world, const char *path, struct bytes *secret,
			 struct err *err);
void secret_free(struct bytes *secret); /* wipes it */

#endif
