/* SPDX-License-Identifier: Apache-2.0
 * operators.c - the list of built-in operators. */
#include "taskmanager/operator/operators.h"

#include "common/contract/registry.h"
#include "taskmanager/udf/python_operator.h"

void operators_register(void)
{
	registry_add_operator(&operator_map);
	registry_add_operator(&operator_map_batch);
	registry_add_operator(&operator_filter);
	registry_add_operator(&operator_flat_map);
	registry_add_operator(&operator_reduce);
	registry_add_operator(&operator_sum);
	registry_add_operator(&operator_combine_sum);
	registry_add_operator(&operator_window_sum);
	registry_add_operator(&python_operator);
}
