/* SPDX-License-Identifier: Apache-2.0
 * python_operator.h - the operator "python": its function runs in a Python process of its own, one
 * per subtask, so that whatever it does harms nobody else (docs/adr/0008-python.md). */
#ifndef TASKMANAGER_UDF_PYTHON_OPERATOR_H
#define TASKMANAGER_UDF_PYTHON_OPERATOR_H

#include "common/contract/operator.h"

extern const struct operator_vtable python_operator;

/* Where the package pyflink lies ("HOME/opt/python/pyflink"). Copied; before the runners start. */
void python_operator_set_package(const char *path);

#endif
