/* SPDX-License-Identifier: Apache-2.0
 * mark.c - the list of marks, made by the linker. */
#include "common/base/mark.h"

/* Weak: a program without a mark has no such section. Hidden: each shared object has its own. */
extern struct mark *mark_section_first[] __asm__("__start_cflink_marks")
	__attribute__((weak, visibility("hidden")));
extern struct mark *mark_section_end[] __asm__("__stop_cflink_marks")
	__attribute__((weak, visibility("hidden")));

const struct mark *mark_next(size_t *at)
{
	size_t count = (size_t)((uintptr_t)mark_section_end - (uintptr_t)mark_section_first) /
		       sizeof(mark_section_first[0]);

	return *at < count ? mark_section_first[(*at)++] : NULL;
}
