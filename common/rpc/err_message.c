/* SPDX-License-Identifier: Apache-2.0
 * err_message.c - errors and ids as parts of messages. */
#include "common/rpc/err_message.h"

#include <string.h>

#include "common/base/utf8.h"

void err_to_message(const struct err *err, Flink__ErrorMessage *message)
{
	flink__error_message__init(message);
	message->code = (uint32_t)err->code;
	message->text = (char *)(uintptr_t)err->text;
	message->origin = (char *)(uintptr_t)err->origin;
}

/* A newer peer may say more than fits: cut between characters, not inside one. */
static void err_copy_text(char *to, size_t size_bytes, const char *from)
{
	size_t length = from ? strlen(from) : 0;

	if (length >= size_bytes) {
		length = size_bytes - 1;
		while (length > 0 && ((uint8_t)from[length] & 0xc0) == 0x80)
			length--;
	}
	if (length > 0)
		memcpy(to, from, length);
	to[length] = '\0';
	utf8_clean(to);
}

void err_from_message(struct err *err, const Flink__ErrorMessage *message)
{
	err->code = (enum err_code)message->code;
	err_copy_text(err->text, sizeof(err->text), message->text);
	err_copy_text(err->origin, sizeof(err->origin), message->origin);
}

ProtobufCBinaryData id_to_message(const struct id *id)
{
	return (ProtobufCBinaryData){ sizeof(id->bytes), (uint8_t *)(uintptr_t)id->bytes };
}

bool id_from_message(const ProtobufCBinaryData *data, struct id *id)
{
	if (data->len != sizeof(id->bytes))
		return false;
	memcpy(id->bytes, data->data, sizeof(id->bytes));
	return true;
}
