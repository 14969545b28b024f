/* SPDX-License-Identifier: Apache-2.0
 * symbols.h - names for addresses of code: of the program, the libraries and the jobs' modules.
 *
 * Names come from the symbol table of the object's file, which has static functions too; from its
 * dynamic one if that is stripped; and where neither covers the address, the object's name stands
 * for it: "[libc.so.6]". Nothing is guessed. What was looked up is kept until the end, so a name
 * costs a search the first time only. Reads local files; not for handlers. One thread at a time. */
#ifndef COMMON_WORLD_SYMBOLS_H
#define COMMON_WORLD_SYMBOLS_H

#include "common/world/world.h"

struct symbols;

struct symbols *symbols_create(void);
void symbols_destroy(struct symbols **symbols);
/* Borrowed until the end. A return address is looked up as the call before it. Never NULL. */
const char *symbols_name(struct symbols *symbols, uintptr_t address, bool is_return);
/* The names of a sample's stack, innermost first, at most `max`, with the callers that functions
 * without frame pointers hide. */
uint32_t symbols_stack(struct symbols *symbols, const struct sample *sample, const char **names,
		       uint32_t max);

#endif
