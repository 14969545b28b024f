/* SPDX-License-Identifier: Apache-2.0
 * compiler.h - the few compiler attributes the project uses, under one spelling. */
#ifndef COMMON_BASE_COMPILER_H
#define COMMON_BASE_COMPILER_H

#define PRINTF(text_at, arguments_at) __attribute__((__format__(__printf__, text_at, arguments_at)))
#define MUST_USE __attribute__((warn_unused_result))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
/* Where a caller's constants make the loop: the compiler may not decide otherwise. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define HOT __attribute__((hot))
#define COLD __attribute__((cold, noinline))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#define CACHE_LINE_BYTES 64

#endif
