/* SPDX-License-Identifier: Apache-2.0
 * conf_errors.h - docs/errors.md, made from common/base/err_table.h. */
#ifndef COMMON_CONF_CONF_ERRORS_H
#define COMMON_CONF_CONF_ERRORS_H

#include "common/base/buf.h"

void conf_write_errors(struct buf *into);

#endif
