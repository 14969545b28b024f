/* SPDX-License-Identifier: Apache-2.0
 * connectors.c - see connectors.h. */
#include "connectors/connectors.h"

#include "common/contract/registry.h"
#include "connectors/discard/discard_sink.h"
#include "connectors/elements/elements_source.h"
#include "connectors/file/text_file_sink.h"
#include "connectors/file/text_file_source.h"
#include "connectors/print/print_sink.h"
#include "connectors/socket/socket_source.h"

void connectors_register_all(void)
{
	registry_add_source(&socket_source);
	registry_add_source(&text_file_source);
	registry_add_source(&elements_source);
	registry_add_sink(&print_sink);
	registry_add_sink(&text_file_sink);
	registry_add_sink(&discard_sink);
}
