/* SPDX-License-Identifier: Apache-2.0
 * world_sim.c - the simulation: the heap of events, the seed, the nodes and what befalls them. */
#include "common/world/world_sim.h"

#include <stdio.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/sm.h"
#include "common/world/world_sim_priv.h"

#define WALL_START_MS INT64_C(1767225600000) /* 2026-01-01 */
#define WALL_SKEW_MS_MAX 50
#define CHANCE_SITES_OF_4 2 /* in a given simulation half of the named places never misbehave */

/* ---- chance --------------------------------------------------------------------------------- */

static uint64_t split_mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static uint64_t rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

/* xoshiro256++ (Blackman, Vigna). */
uint64_t sim_random(struct sim *sim)
{
	uint64_t *s = sim->random_state;
	uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t sim_below(struct sim *sim, uint64_t bound)
{
	return bound <= 1 ? 0 : (uint64_t)(((unsigned __int128)sim_random(sim) * bound) >> 64);
}

/* ---- trace ---------------------------------------------------------------------------------- */

void sim_fold(struct sim *sim, uint64_t value)
{
	sim->fingerprint = hash_fold(sim->fingerprint ^ value ^ UINT64_C(0x9E3779B97F4A7C15),
				     UINT64_C(0xD6E8FEB86659FD93)) +
			   value;
}

uint64_t sim_fingerprint(const struct sim *sim)
{
	struct sim next = *sim;

	sim_fold(&next, sim_random(&next));
	return next.fingerprint;
}

void sim_trace(struct sim *sim, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	sim_fold(sim, hash_key(line, strlen(line)));
	if (sim->verbose)
		fprintf(stderr, "%14.6f  %s\n", (double)sim_time(sim) / (double)NS_PER_S, line);
}

void sim_set_verbose(struct sim *sim, bool verbose)
{
	sim->verbose = verbose;
}

static void state_moved(void *context, const struct sm_table *table, const void *subject,
			uint32_t from, uint32_t to)
{
	sim_trace(context, "%s %s -> %s", table->name, sm_name(table, from), sm_name(table, to));
}

/* ---- the heap: four children each, the order in the slots ----------------------------------- */

static bool slot_before(const struct sim_slot *a, const struct sim_slot *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void slot_put(struct sim *sim, uint32_t at, struct sim_slot slot)
{
	sim->heap[at] = slot;
	slot.event->slot = at + 1;
}

static void sift_up(struct sim *sim, uint32_t at, struct sim_slot slot)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 4;

		if (!slot_before(&slot, &sim->heap[parent]))
			break;
		slot_put(sim, at, sim->heap[parent]);
		at = parent;
	}
	slot_put(sim, at, slot);
}

static void sift_down(struct sim *sim, uint32_t at, struct sim_slot slot)
{
	for (;;) {
		uint32_t child = 4 * at + 1, best = child;

		if (child >= sim->heap_count)
			break;
		for (uint32_t i = child + 1; i < child + 4 && i < sim->heap_count; i++)
			if (slot_before(&sim->heap[i], &sim->heap[best]))
				best = i;
		if (!slot_before(&sim->heap[best], &slot))
			break;
		slot_put(sim, at, sim->heap[best]);
		at = best;
	}
	slot_put(sim, at, slot);
}

void sim_event_init(struct sim *sim, struct sim_event *event, enum sim_event_kind kind,
		    void (*fire)(struct sim *sim, struct sim_event *event))
{
	event->fire = fire;
	event->slot = 0;
	event->kind = kind;
	event->subject = ++sim->subjects;
}

void sim_unschedule(struct sim *sim, struct sim_event *event)
{
	if (event->slot == 0)
		return;
	uint32_t at = event->slot - 1;
	struct sim_slot last = sim->heap[--sim->heap_count];

	event->slot = 0;
	if (last.event == event)
		return;
	if (at > 0 && slot_before(&last, &sim->heap[(at - 1) / 4]))
		sift_up(sim, at, last);
	else
		sift_down(sim, at, last);
}

void sim_schedule(struct sim *sim, struct sim_event *event, mono_t at)
{
	sim_unschedule(sim, event);
	CHECK(at >= sim->now, "an event in the past: %lld before %lld", (long long)at,
	      (long long)sim->now);
	if (sim->heap_count == sim->heap_capacity) {
		sim->heap_capacity = sim->heap_capacity == 0 ? 256 : sim->heap_capacity * 2;
		sim->heap = mem_realloc(sim->heap, sim->heap_capacity * sizeof(sim->heap[0]));
	}
	uint64_t order = ++sim->serial;

	if (sim->options.shuffle_ties)
		order = sim_random(sim) << 40 | (order & ((UINT64_C(1) << 40) - 1));
	event->at = at;
	sift_up(sim, sim->heap_count++, (struct sim_slot){ at, order, event });
}

static void happen(struct sim *sim)
{
	struct sim_event *event = sim->heap[0].event;

	sim_unschedule(sim, event);
	sim->now = event->at;
	sim->events_count++;
	sim_fold(sim, (uint64_t)event->at ^ (uint64_t)event->kind << 56 ^
			      (uint64_t)event->subject << 32);
	event->fire(sim, event);
	if (sim->check != NULL)
		sim->check(sim->check_context);
}

bool sim_run(struct sim *sim, int64_t budget_ms, sim_until_fn *until, void *context, bool *stuck)
{
	mono_t deadline = mono_after_ms(sim->now, budget_ms);
	bool nothing_left = false, reached;

	while (!(reached = until != NULL && until(context))) {
		nothing_left = sim->heap_count == 0;
		if (nothing_left || sim->heap[0].at > deadline)
			break;
		happen(sim);
	}
	if (!reached && !nothing_left)
		sim->now = deadline;
	if (stuck != NULL)
		*stuck = !reached && nothing_left;
	return reached;
}

void sim_on_event(struct sim *sim, void (*check)(void *context), void *context)
{
	sim->check = check;
	sim->check_context = context;
}

mono_t sim_now(const struct sim *sim)
{
	return sim->now;
}

/* ---- nodes: the calls of world.h ------------------------------------------------------------ */

static mono_t node_now(struct world *world)
{
	struct sim_node *node = (struct sim_node *)world;

	return sim_time(node->sim) + node->clock_offset;
}

static wall_t node_wall(struct world *world)
{
	struct sim_node *node = (struct sim_node *)world;

	return WALL_START_MS + sim_time(node->sim) / NS_PER_MS + node->wall_offset_ms;
}

static uint64_t node_random(struct world *world)
{
	return sim_random(((struct sim_node *)world)->sim);
}

static void node_random_bytes(struct world *world, void *into, size_t size_bytes)
{
	char *at = into;

	while (size_bytes > 0) {
		uint64_t random = node_random(world);
		size_t part = size_bytes < sizeof(random) ? size_bytes : sizeof(random);

		memcpy(at, &random, part);
		at += part;
		size_bytes -= part;
	}
}

/* Two dice: whether the place misbehaves in this simulation at all, and whether it does now. */
static bool node_chance(struct world *world, const char *name)
{
	struct sim_node *node = (struct sim_node *)world;
	struct sim *sim = node->sim;
	uint64_t place = sim->seed ^ hash_key(name, strlen(name));

	if (node->dead || sim->options.chance_ppm == 0 ||
	    split_mix(&place) % 4 >= CHANCE_SITES_OF_4)
		return false;
	bool yes = sim_roll(sim, sim->options.chance_ppm);

	if (yes)
		sim_trace(sim, "chance on %s: %s", node->name, name);
	return yes;
}

static const char *node_host_name(struct world *world)
{
	return ((struct sim_node *)world)->name;
}

static const char *node_env(struct world *world, const char *name)
{
	return map_get(((struct sim_node *)world)->env, bytes_of_text(name));
}

static uint32_t node_cpu_count(struct world *world)
{
	return 2;
}

static int node_process_start(struct loop *loop, const struct process_options *options,
			      struct agent *wake, struct process **process, struct err *err)
{
	return err_set(err, ERR_RESOURCE, "cannot start %s: a simulated machine runs no processes",
		       options->argv[0]);
}

/* Never called: there is no process to call them for. */
static ssize_t no_process_read(struct process *process, struct slice into)
{
	return -1;
}

static bool no_process_ended(struct process *process, int *exit_status)
{
	return true;
}

static void no_process(struct process *process)
{
}

/* ---- modules: the running program under a name ---------------------------------------------- */

struct sim_module {
	struct module base;
	struct map *symbols; /* name -> address; borrowed from sim.modules */
};

static int node_module_open(struct world *world, const char *path, const uint8_t *sha256,
			    struct module **out, struct err *err)
{
	struct sim_node *node = (struct sim_node *)world;
	struct map *symbols = map_get(node->sim->modules, bytes_of_text(path));

	if (symbols == NULL)
		return err_set(err, ERR_ARTIFACT_UNREADABLE,
			       "cannot open %s: no module of the simulation has that name", path);
	struct sim_module *module = MEM_NEW(struct sim_module);

	module->base.vtable = world->vtable;
	module->base.world = world;
	module->symbols = symbols;
	*out = &module->base;
	return 0;
}

static void *node_module_symbol(struct module *module, const char *name)
{
	void *address = map_get(((struct sim_module *)module)->symbols, bytes_of_text(name));

	return address != NULL ? address : module_os_self_symbol(name);
}

static void *node_module_address(struct module *module, uint64_t offset)
{
	uintptr_t address = module_os_self() + offset;

	return module_os_self_holds(address) ? (void *)address : NULL;
}

static bool node_module_offset(struct module *module, const void *address, uint64_t *offset)
{
	*offset = (uintptr_t)address - module_os_self();
	return module_os_self_holds((uintptr_t)address);
}

static void node_module_close(struct module *module)
{
	mem_free(module);
}

static struct map *modules_map(struct sim *sim, const char *path)
{
	struct map *symbols = map_get(sim->modules, bytes_of_text(path));

	if (symbols == NULL) {
		symbols = map_create();
		map_put(sim->modules, bytes_of_text(path), symbols);
	}
	return symbols;
}

void sim_module_add(struct sim *sim, const char *path)
{
	modules_map(sim, path);
}

void sim_module_symbol(struct sim *sim, const char *path, const char *name, void *address)
{
	map_put(modules_map(sim, path), bytes_of_text(name), address);
}

/* ---- nodes: beginning and end --------------------------------------------------------------- */

static void node_destroy(struct world *world)
{
	struct sim_node *node = (struct sim_node *)world;
	size_t at = 0;
	void *value;

	CHECK(list_empty(&node->runners), "node %s ends before its runners", node->name);
	CHECK(list_empty(&node->listeners), "node %s ends before its listeners", node->name);
	CHECK(node->conns_count == 0, "node %s ends before %u of its connections", node->name,
	      node->conns_count);
	LIST_FOR_EACH(&node->ended, struct sim_runner, node, runner)
		sim_runner_unref(runner);
	sim_links_forget(node);
	sim_node_close_files(node);
	while (map_next(node->env, &at, NULL, &value))
		mem_free(value);
	map_destroy(&node->env);
	list_remove(&node->node);
	mem_free(node->handles);
	mem_free(node->name);
	mem_free(node);
}

static const struct world_vtable sim_vtable = {
	.destroy = node_destroy,
	.now = node_now,
	.wall = node_wall,
	.random = node_random,
	.random_bytes = node_random_bytes,
	.chance = node_chance,
	.host_name = node_host_name,
	.env = node_env,
	.cpu_count = node_cpu_count,
	.print = sim_print,
	.runner_create = sim_runner_create,
	.runner_add = sim_runner_add,
	.runner_remove = sim_runner_remove,
	.runner_wake = sim_runner_wake,
	.runner_evict = sim_runner_evict,
	.runner_current = sim_runner_current,
	.runner_blocking_count = sim_runner_blocking_count,
	.runner_sample_start = sim_runner_sample_start,
	.runner_sample_take = sim_runner_sample_take,
	.runner_sample_stop = sim_runner_sample_stop,
	.runner_destroy = sim_runner_destroy,
	.conn_open = sim_conn_open,
	.conn_connected = sim_conn_connected,
	.conn_read = sim_conn_read,
	.conn_write = sim_conn_write,
	.conn_move = sim_conn_move,
	.conn_close = sim_conn_close,
	.listener_open = sim_listener_open,
	.listener_accept = sim_listener_accept,
	.listener_close = sim_listener_close,
	.file_submit = sim_file_submit,
	.read_file = sim_read_whole,
	.file_mode = sim_file_mode,
	.write_file = sim_write_whole,
	.background_submit = sim_background_submit,
	.process_start = node_process_start,
	.process_read = no_process_read,
	.process_ended = no_process_ended,
	.process_kill = no_process,
	.process_close = no_process,
	.module_open = node_module_open,
	.module_symbol = node_module_symbol,
	.module_address = node_module_address,
	.module_offset = node_module_offset,
	.module_close = node_module_close,
};

struct sim *sim_create(uint64_t seed, const struct sim_options *options)
{
	struct sim *sim = MEM_NEW(struct sim);
	uint64_t state = seed;

	sim->seed = seed;
	sim->options = *options;
	for (size_t i = 0; i < ARRAY_COUNT(sim->random_state); i++)
		sim->random_state[i] = split_mix(&state);
	list_init(&sim->nodes);
	list_init(&sim->links);
	list_init(&sim->cuts);
	list_init(&sim->idle_jobs);
	sim->disks = map_create();
	sim->modules = map_create();
	sm_listen(state_moved, sim);
	return sim;
}

static void forget_cuts(struct sim *sim);

void sim_destroy(struct sim **sim_at)
{
	struct sim *sim = *sim_at;
	size_t at = 0;
	void *value;

	if (sim == NULL)
		return;
	while (!list_empty(&sim->nodes))
		node_destroy(&LIST_FIRST(&sim->nodes, struct sim_node, node)->base);
	CHECK(list_empty(&sim->links), "a simulation ends before its connections");
	sm_listen(NULL, NULL);
	forget_cuts(sim);
	sim_jobs_free(sim);
	while (map_next(sim->disks, &at, NULL, &value))
		sim_disk_destroy(value);
	at = 0;
	while (map_next(sim->modules, &at, NULL, &value)) {
		struct map *symbols = value;

		map_destroy(&symbols);
	}
	map_destroy(&sim->disks);
	map_destroy(&sim->modules);
	mem_free(sim->heap);
	mem_free(sim);
	*sim_at = NULL;
}

struct sim_node *sim_find_node(struct sim *sim, const char *name)
{
	LIST_FOR_EACH(&sim->nodes, struct sim_node, node, node)
		if (!node->dead && strcmp(node->name, name) == 0)
			return node;
	return NULL;
}

struct world *sim_node(struct sim *sim, const char *name)
{
	CHECK(sim_find_node(sim, name) == NULL, "node %s is alive", name);
	struct sim_node *node = MEM_NEW(struct sim_node);
	struct sim_disk *disk = map_get(sim->disks, bytes_of_text(name));

	if (disk == NULL) {
		disk = sim_disk_create();
		map_put(sim->disks, bytes_of_text(name), disk);
	}
	node->base.vtable = &sim_vtable;
	node->base.is_sim = true;
	node->sim = sim;
	node->name = mem_strdup(name);
	node->clock_offset = (mono_t)(1 + sim_below(sim, 3600)) * NS_PER_S;
	node->wall_offset_ms =
		(int64_t)sim_below(sim, 2 * WALL_SKEW_MS_MAX + 1) - WALL_SKEW_MS_MAX;
	node->disk = disk;
	node->env = map_create();
	list_init(&node->runners);
	list_init(&node->ended);
	list_init(&node->listeners);
	list_push_back(&sim->nodes, &node->node);
	sim_trace(sim, "node %s is up", name);
	return &node->base;
}

/* ---- faults --------------------------------------------------------------------------------- */

struct sim_cut_way {
	char *from, *to;
	struct list_node node;
};

static struct sim_cut_way *find_cut(const struct sim *sim, const char *from, const char *to)
{
	LIST_FOR_EACH(&sim->cuts, struct sim_cut_way, node, way)
		if (strcmp(way->from, from) == 0 && strcmp(way->to, to) == 0)
			return way;
	return NULL;
}

static void forget_cut(struct sim_cut_way *way)
{
	list_remove(&way->node);
	mem_free(way->from);
	mem_free(way->to);
	mem_free(way);
}

static void forget_cuts(struct sim *sim)
{
	LIST_FOR_EACH(&sim->cuts, struct sim_cut_way, node, way)
		forget_cut(way);
}

bool sim_is_cut(const struct sim *sim, const struct sim_node *from, const struct sim_node *to)
{
	return !list_empty(&sim->cuts) && from != to && find_cut(sim, from->name, to->name) != NULL;
}

void sim_cut_way(struct world *from, struct world *to, bool cut)
{
	struct sim_node *node = (struct sim_node *)from, *other = (struct sim_node *)to;
	struct sim *sim = node->sim;
	struct sim_cut_way *way = find_cut(sim, node->name, other->name);

	if (cut == (way != NULL))
		return;
	sim_trace(sim, "the way from %s to %s is %s", node->name, other->name,
		  cut ? "cut" : "open again");
	if (cut) {
		way = MEM_NEW(struct sim_cut_way);
		way->from = mem_strdup(node->name);
		way->to = mem_strdup(other->name);
		list_push_back(&sim->cuts, &way->node);
	} else {
		forget_cut(way);
		sim_links_resume(sim);
	}
}

void sim_cut(struct world *a, struct world *b, bool cut)
{
	sim_cut_way(a, b, cut);
	sim_cut_way(b, a, cut);
}

void sim_cut_connections(struct world *a, struct world *b)
{
	struct sim_node *node = (struct sim_node *)a, *other = (struct sim_node *)b;

	sim_trace(node->sim, "connections of %s and %s are reset", node->name, other->name);
	sim_links_reset(node->sim, node, other);
}

void sim_kill(struct world *world)
{
	struct sim_node *node = (struct sim_node *)world;

	if (node->dead)
		return;
	sim_trace(node->sim, "node %s is dead", node->name);
	node->dead = true;
	sim_node_crash_files(node);
	LIST_FOR_EACH(&node->runners, struct sim_runner, node, runner)
		sim_unschedule(node->sim, &runner->event);
	sim_node_unplug(node);
}

bool sim_node_dead(const struct world *world)
{
	return ((const struct sim_node *)world)->dead;
}

void sim_pause(struct world *world, int64_t ms)
{
	struct sim_node *node = (struct sim_node *)world;

	node->paused_until = mono_after_ms(node->sim->now, ms);
	sim_trace(node->sim, "node %s pauses for %lld ms", node->name, (long long)ms);
}

void sim_clock_jump(struct world *world, int64_t wall_ms)
{
	struct sim_node *node = (struct sim_node *)world;

	node->wall_offset_ms += wall_ms;
	sim_trace(node->sim, "the clock of %s jumps by %lld ms", node->name, (long long)wall_ms);
}

void sim_heal(struct sim *sim)
{
	struct sim_options calm = sim->options;

	calm.clog_ppm = calm.connection_cut_ppm = calm.short_read_ppm = calm.chance_ppm = 0;
	sim->options = calm;
	sim_trace(sim, "the world heals");
	forget_cuts(sim);
	LIST_FOR_EACH(&sim->nodes, struct sim_node, node, node) {
		if (node->paused_until <= sim->now)
			continue;
		node->paused_until = 0;
		LIST_FOR_EACH(&node->runners, struct sim_runner, node, runner)
			sim_runner_wake(&runner->base);
	}
	sim_links_resume(sim);
}

/* ---- for scenarios -------------------------------------------------------------------------- */

const char *sim_file(struct world *world, const char *path, size_t *size_bytes)
{
	struct sim_inode *inode = sim_disk_find(((struct sim_node *)world)->disk, path);

	if (inode == NULL || inode->is_directory)
		return NULL;
	*size_bytes = inode->content.size_bytes;
	return inode->content.data != NULL ? inode->content.data : "";
}

void sim_file_put(struct world *world, const char *path, struct bytes content)
{
	struct sim_node *node = (struct sim_node *)world;
	char *directory = sim_path_normal(path);
	struct err err = ERR_INIT;

	*strrchr(directory, '/') = '\0';
	int failed = directory[0] != '\0' ? sim_disk_mkdirs(node->disk, directory) : 0;

	CHECK(failed == 0, "cannot make %s: %s", directory, strerror(failed));
	mem_free(directory);
	failed = sim_write_whole(world, path, 0644, content, &err);
	CHECK(failed == 0, "%s", err.text);
}

void sim_env_put(struct world *world, const char *name, const char *value)
{
	struct sim_node *node = (struct sim_node *)world;

	mem_free(map_put(node->env, bytes_of_text(name), mem_strdup(value)));
}
