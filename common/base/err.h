/* SPDX-License-Identifier: Apache-2.0
 * err.h - an error as a value: no heap, so it survives when memory does not.
 *
 * Functions return 0 or -1 and take `struct err *err` last, never NULL. The text says what went
 * wrong with the user's own names and numbers (file, line, setting, value found, values allowed,
 * job, subtask, peer); the code's row in err_table.h gives the class and one hint on how to mend.
 *  */
#ifndef COMMON_BASE_ERR_H
#define COMMON_BASE_ERR_H

#include <stddef.h>

#include "common/base/compiler.h"
#include "common/base/err_table.h"

enum err_code {
	ERR_NONE = 0,
#define ERR_ENUM(name, number, class, http, sentence, hint) name = number,
	ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

enum err_class { ERR_CLASS_USER, ERR_CLASS_RETRY, ERR_CLASS_FAIL, ERR_CLASS_FATAL, ERR_CLASS_BUG };

struct err {
	enum err_code code;
	char origin[64]; /* where it happened: "TaskManager h:1234-ab12cd", or empty */
	char text[952];
};

#define ERR_INIT ((struct err){ .code = ERR_NONE })

/* Texts are UTF-8 without control characters (utf8_clean), whatever they are made of: they travel
 * in messages, and stand in logs and on terminals.
 *
 * All always return -1, so that callers may write `return err_set(...)`. */
int err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF(3, 4);
int err_wrap(struct err *err, const char *format, ...) PRINTF(2, 3); /* puts "text: " in front */
/* err_set with strerror(saved_errno) appended after ": ". */
int err_set_errno(struct err *err, enum err_code code, int saved_errno, const char *format, ...)
	PRINTF(4, 5);
void err_clear(struct err *err);

/* An unknown number (from a newer peer) counts as ERR_BUG's row. */
enum err_class err_class_of(enum err_code code);
const char *err_name(enum err_code code);
const char *err_sentence(enum err_code code);
const char *err_hint(enum err_code code);
int err_http_status(enum err_code code);
int err_exit_code(enum err_code code); /* what the CLI exits with: 1, as Flink's */

/* "error E1001: text\n hint: hint\n", what the CLI and the daemons print. Returns the length. */
size_t err_format(const struct err *err, char *text, size_t size_bytes);

#endif
