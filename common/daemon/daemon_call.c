/* SPDX-License-Identifier: Apache-2.0
 * daemon_call.c - what must outlive a worker that is falling apart: its crash note, and who was
 * calling which function of whose job.
 *
 * Mapped before the first fork and shared, so that the supervisor reads it when the worker is gone,
 * whatever the worker's descriptors, heap and thread-local variables look like by then. Pages that
 * nobody may touch lie on both sides: a function that runs over its memory stops there. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/daemon/daemon_priv.h"

#define CALLS_MAX 4096
#define FENCE_BYTES (1024 * 1024)

/* Entry 0 is nobody's. Touched lazily: what is not used costs nothing. */
struct calls {
	char note[DAEMON_NOTE_SIZE];
	uint32_t note_bytes;
	atomic_uint used[CALLS_MAX];
	atomic_uint thread[CALLS_MAX]; /* which one is in it; 0: none */
	char text[CALLS_MAX][DAEMON_CALL_SIZE];
};

static struct calls *calls; /* NULL: not a daemon, or no room for it */
static atomic_uint next_free = 1;
static _Thread_local uint32_t thread_here;

static uint32_t thread_id(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

void daemon_calls_open(void)
{
	size_t bytes = (sizeof(struct calls) + FENCE_BYTES - 1) / FENCE_BYTES * FENCE_BYTES;
	char *memory = mmap(NULL, bytes + 2 * (size_t)FENCE_BYTES, PROT_NONE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory != MAP_FAILED &&
	    mprotect(memory + FENCE_BYTES, bytes, PROT_READ | PROT_WRITE) == 0)
		calls = (struct calls *)(void *)(memory + FENCE_BYTES);
}

void daemon_calls_forget(void)
{
	if (calls == NULL)
		return;
	calls->note_bytes = 0;
	for (uint32_t i = 1; i < CALLS_MAX; i++) {
		if (atomic_load(&calls->used[i]) == 0)
			continue;
		atomic_store(&calls->thread[i], 0);
		atomic_store(&calls->used[i], 0);
	}
}

/* ---- the worker's side ---------------------------------------------------------------------- */

uint32_t daemon_call_add(const char *text)
{
	for (uint32_t tried = 1; calls != NULL && tried < CALLS_MAX; tried++) {
		uint32_t call = atomic_fetch_add(&next_free, 1) % CALLS_MAX;

		if (call == 0 || atomic_exchange(&calls->used[call], 1) != 0)
			continue;
		snprintf(calls->text[call], DAEMON_CALL_SIZE - 1, "%s", text);
		return call;
	}
	return 0;
}

void daemon_call_remove(uint32_t call)
{
	if (calls == NULL || call == 0)
		return;
	atomic_store(&calls->thread[call], 0);
	atomic_store(&calls->used[call], 0);
}

void daemon_call_enter(uint32_t call)
{
	if (calls == NULL || call == 0)
		return;
	if (thread_here == 0)
		thread_here = thread_id();
	atomic_store_explicit(&calls->thread[call], thread_here, memory_order_relaxed);
}

void daemon_call_leave(uint32_t call)
{
	if (calls != NULL && call != 0)
		atomic_store_explicit(&calls->thread[call], 0, memory_order_relaxed);
}

/* ---- after something went wrong ------------------------------------------------------------- */

void daemon_calls_save(const char *note, size_t size_bytes)
{
	if (calls == NULL)
		return;
	memcpy(calls->note, note, size_bytes);
	calls->note_bytes = (uint32_t)size_bytes;
}

size_t daemon_calls_saved(char *note, size_t size_bytes)
{
	size_t saved = calls ? calls->note_bytes : 0;

	if (saved > size_bytes)
		saved = size_bytes;
	if (saved > 0)
		memcpy(note, calls->note, saved);
	return saved;
}

const char *daemon_calls_here(void)
{
	uint32_t thread = thread_id();

	for (uint32_t i = 1; calls != NULL && i < CALLS_MAX; i++)
		if (atomic_load(&calls->thread[i]) == thread)
			return calls->text[i];
	return NULL;
}

const char *daemon_calls_only(void)
{
	const char *only = NULL;

	for (uint32_t i = 1; calls != NULL && i < CALLS_MAX; i++) {
		const char *text = calls->text[i];

		if (atomic_load(&calls->thread[i]) == 0)
			continue;
		if (only != NULL && strncmp(only, text, strcspn(only, "\n") + 1) != 0)
			return NULL;
		only = text;
	}
	return only;
}
