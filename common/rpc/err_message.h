/* SPDX-License-Identifier: Apache-2.0
 * err_message.h - the one error object on RPC, REST and CLI, and ids in messages. */
#ifndef COMMON_RPC_ERR_MESSAGE_H
#define COMMON_RPC_ERR_MESSAGE_H

#include "common.pb-c.h"

#include "common/base/err.h"
#include "common/base/id.h"

/* The message borrows err's text: keep err as long as the message. */
void err_to_message(const struct err *err, Flink__ErrorMessage *message);
void err_from_message(struct err *err, const Flink__ErrorMessage *message);

/* ProtobufCBinaryData that borrows the id's bytes, and back (false: not 16 bytes). */
ProtobufCBinaryData id_to_message(const struct id *id);
bool id_from_message(const ProtobufCBinaryData *data, struct id *id);

#endif
