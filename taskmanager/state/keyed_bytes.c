/* SPDX-License-Identifier: Apache-2.0
 * keyed_bytes.c - memory for what values point to and what changes with them.
 *
 *	head 8 bytes: capacity, view | bytes …
 *
 * Blocks come in four sizes per doubling, so that at most a fifth is lost, from the table's arena;
 * what is given back serves the next of its size. Large ones are the heap's. A block that a frozen
 * view may read (it was there at the freeze) waits until the view is released, aside and untouched:
 * no more than what was there then can wait. */
#include "common/base/check.h"
#include "taskmanager/state/keyed_table_priv.h"

#define STEP_BYTES 16
#define LARGE_BYTES (32 * 1024 - 8) /* with its head a size of ours; larger ones are the heap's */

struct bytes_head {
	uint32_t capacity_bytes; /* behind the head */
	uint32_t view;           /* how many views there had been when it was given out */
};
_Static_assert(sizeof(struct bytes_head) == 8, "the bytes are aligned to 8");

struct free_block {
	struct bytes_head head;
	struct free_block *next;
};

struct large_block {
	struct list_node node;
	struct bytes_head head;
};
_Static_assert(sizeof(struct large_block) % 8 == 0, "the bytes are aligned to 8");

static struct bytes_head *head_of(void *memory)
{
	return (struct bytes_head *)memory - 1;
}

/* The block's size with its head, and the list of its size: 64, 80, 96, 112, 128, 160, … */
static uint32_t block_size(uint32_t size_bytes, uint32_t *class)
{
	uint32_t whole = size_bytes + (uint32_t)sizeof(struct bytes_head);

	if (whole <= 4 * STEP_BYTES) {
		*class = (whole - 1) / STEP_BYTES;
		return (*class + 1) * STEP_BYTES;
	}
	uint32_t log = 31 - (uint32_t)__builtin_clz(whole - 1), shift = log - 2;
	uint32_t quarter = (whole - 1) >> shift; /* 4 … 7 */

	*class = 4 + (log - 6) * 4 + quarter - 4;
	return (quarter + 1) << shift;
}

static void *give_out(const struct keyed_table *table, struct bytes_head *head,
		      uint32_t capacity_bytes)
{
	*head = (struct bytes_head){ capacity_bytes, table->views };
	return head + 1;
}

static void *take_large(struct keyed_table *table, uint32_t size_bytes)
{
	struct keyed_bytes *bytes = &table->arena->bytes;
	struct large_block *block = mem_alloc(sizeof(*block) + size_bytes);

	list_push_back(&bytes->large, &block->node);
	bytes->large_bytes += size_bytes;
	table->uncounted_bytes += size_bytes;
	return give_out(table, &block->head, size_bytes);
}

void *keyed_table_take(struct keyed_table *table, uint32_t size_bytes)
{
	struct keyed_bytes *bytes = &table->arena->bytes;
	uint32_t class;

	if (size_bytes > LARGE_BYTES)
		return take_large(table, size_bytes);
	uint32_t whole = block_size(size_bytes, &class);
	struct free_block *block = bytes->free[class];

	CHECK(class < KEYED_BYTES_CLASSES, "%u bytes of a value", size_bytes);
	if (block != NULL) {
		bytes->free[class] = block->next;
	} else {
		block = arena_alloc(table->arena->arena, whole);
		table->uncounted_bytes += whole;
	}
	return give_out(table, &block->head, whole - (uint32_t)sizeof(block->head));
}

static void free_now(struct keyed_bytes *bytes, void *memory)
{
	struct bytes_head *head = head_of(memory);
	uint32_t class;

	if (head->capacity_bytes > LARGE_BYTES) {
		struct large_block *block = CONTAINER_OF(head, struct large_block, head);

		bytes->large_bytes -= head->capacity_bytes;
		list_remove(&block->node);
		mem_free(block);
		return;
	}
	struct free_block *block = CONTAINER_OF(head, struct free_block, head);

	block_size(head->capacity_bytes, &class);
	block->next = bytes->free[class];
	bytes->free[class] = block;
}

/* The view that is out may read it. */
static bool is_seen(const struct keyed_table *table, void *memory)
{
	return table->frozen != NULL && head_of(memory)->view != table->views;
}

void keyed_table_give(struct keyed_table *table, void *memory)
{
	struct keyed_bytes *bytes = &table->arena->bytes;

	if (memory == NULL)
		return;
	if (!is_seen(table, memory)) {
		free_now(bytes, memory);
		return;
	}
	if (bytes->waiting_count == bytes->waiting_room) {
		bytes->waiting_room = bytes->waiting_room ? bytes->waiting_room * 2 : 64;
		bytes->waiting = mem_realloc(bytes->waiting,
					     bytes->waiting_room * sizeof(*bytes->waiting));
	}
	bytes->waiting[bytes->waiting_count++] = memory;
}

void *keyed_table_retake(struct keyed_table *table, void *memory, uint32_t size_bytes)
{
	if (memory != NULL && !is_seen(table, memory)) {
		uint32_t capacity = head_of(memory)->capacity_bytes;

		if (size_bytes <= capacity && size_bytes >= capacity / 2)
			return memory;
	}
	void *fresh = keyed_table_take(table, size_bytes);

	keyed_table_give(table, memory);
	return fresh;
}

/* ---- for the table --------------------------------------------------------------------------- */

void keyed_bytes_init(struct keyed_bytes *bytes)
{
	*bytes = (struct keyed_bytes){ .large_bytes = 0 };
	list_init(&bytes->large);
}

void keyed_bytes_settle(struct keyed_bytes *bytes)
{
	for (uint32_t i = 0; i < bytes->waiting_count; i++)
		free_now(bytes, bytes->waiting[i]);
	mem_free(bytes->waiting);
	bytes->waiting = NULL;
	bytes->waiting_count = bytes->waiting_room = 0;
}

void keyed_bytes_fini(struct keyed_bytes *bytes)
{
	struct list_node *node;

	while ((node = list_pop_front(&bytes->large)) != NULL)
		mem_free(CONTAINER_OF(node, struct large_block, node));
	mem_free(bytes->waiting);
	keyed_bytes_init(bytes);
}
