/* SPDX-License-Identifier: Apache-2.0
 * mark.h - marks: places that the simulator's runs must reach at least once in a night.
 *
 * A test that never comes to the interesting place passes for the wrong reason. SOMETIMES("a report
 * of an earlier attempt is refused") says that this place is interesting; `sim --marks` lists those
 * that no run has reached, and a night that leaves one out fails. A mark costs one relaxed
 * increment, so it does not belong where records pass.
 *
 * Each mark names itself in a section of the program, so those that were never reached are known
 * too. A name may stand at several places: they count as one. */
#ifndef COMMON_BASE_MARK_H
#define COMMON_BASE_MARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mark {
	const char *name;
	_Atomic uint64_t hits;
};

#ifdef __clang__
#define MARK_PLAIN_ __attribute__((no_sanitize("address"))) /* no red zones in the section */
#else
#define MARK_PLAIN_
#endif

#define SOMETIMES(text) \
	do { \
		static struct mark mark_ = { text, 0 }; \
		static struct mark *mark_at_ MARK_PLAIN_ \
			__attribute__((section("cflink_marks"), used)) = &mark_; \
		atomic_fetch_add_explicit(&mark_.hits, 1, memory_order_relaxed); \
	} while (0)

/* Only what comes before is judged; nothing follows from it. */
#define SOMETIMES_IF(condition, text) \
	do { \
		if (condition) \
			SOMETIMES(text); \
	} while (0)

/* size_t at = 0; while ((mark = mark_next(&at)) != NULL) …: all marks that are linked into this
 * program, hit or not. */
const struct mark *mark_next(size_t *at);

#endif
