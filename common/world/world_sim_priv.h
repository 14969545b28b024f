/* SPDX-License-Identifier: Apache-2.0
 * world_sim_priv.h - the simulation inside.
 *
 * One heap of events ordered by (time, order); an event is embedded in the thing it happens to, so
 * scheduling allocates nothing and destroying a thing takes its event along. While an agent is
 * stepped, time goes on for it alone (sim.elapsed); what it causes happens at that later time. */
#ifndef COMMON_WORLD_WORLD_SIM_PRIV_H
#define COMMON_WORLD_WORLD_SIM_PRIV_H

#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/world/world_priv.h"
#include "common/world/world_sim.h"

enum sim_event_kind { /* part of the fingerprint */
	SIM_RUN = 1,
	SIM_DIAL,
	SIM_CHUNK,
	SIM_SPACE,
	SIM_RESET,
	SIM_FILE,
	SIM_BACKGROUND,
};

struct sim_event {
	void (*fire)(struct sim *sim, struct sim_event *event);
	mono_t at;
	uint32_t slot;    /* its place in the heap + 1; 0: not scheduled */
	uint32_t subject; /* number of the thing it happens to */
	enum sim_event_kind kind;
};

struct sim_slot {
	mono_t at;
	uint64_t order;
	struct sim_event *event;
};

struct sim {
	struct sim_options options;
	uint64_t seed, random_state[4];
	mono_t now, elapsed;
	uint64_t serial, fingerprint, events_count;
	uint32_t subjects;
	struct sim_slot *heap;
	uint32_t heap_count, heap_capacity;
	struct list nodes;    /* sim_node.node, also dead ones until world_destroy */
	struct list links;    /* sim_link.node */
	struct list cuts;     /* struct sim_cut_way.node */
	struct list idle_jobs; /* struct sim_job.node: for reuse */
	struct map *disks;    /* name -> struct sim_disk */
	struct map *modules;  /* path -> map of names to addresses */
	void (*check)(void *context);
	void *check_context;
	bool verbose;
};

/* The time at which what happens now happens: within a step, the step's own. */
static inline mono_t sim_time(const struct sim *sim)
{
	return sim->now + sim->elapsed;
}

void sim_event_init(struct sim *sim, struct sim_event *event, enum sim_event_kind kind,
		    void (*fire)(struct sim *sim, struct sim_event *event));
/* moves it if it is scheduled */
void sim_schedule(struct sim *sim, struct sim_event *event, mono_t at);
void sim_unschedule(struct sim *sim, struct sim_event *event);
void sim_fold(struct sim *sim, uint64_t value);
uint64_t sim_below(struct sim *sim, uint64_t bound); /* 0 … bound - 1 */
static inline bool sim_roll(struct sim *sim, uint32_t per_million)
{
	return per_million != 0 && sim_below(sim, 1000000) < per_million;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

struct sim_node {
	struct world base;
	struct sim *sim;
	char *name;
	uint32_t number;
	mono_t clock_offset;      /* its monotonic clock minus the simulation's */
	int64_t wall_offset_ms;
	mono_t paused_until;
	bool dead;
	struct sim_disk *disk;
	struct map *env;
	struct list runners;      /* sim_runner.node */
	struct list ended;        /* sim_runner.node: destroyed; their loops may still be named */
	struct list listeners;    /* sim_listener.node */
	uint32_t conns_count;
	uint16_t port_next;
	struct sim_handle **handles;
	uint32_t handles_count, handles_serial;
	struct list_node node;
};

static inline struct sim_node *sim_node_of(const struct loop *loop)
{
	return (struct sim_node *)loop->world;
}

struct sim_node *sim_find_node(struct sim *sim, const char *name); /* alive; NULL: none */
bool sim_is_cut(const struct sim *sim, const struct sim_node *from, const struct sim_node *to);

/* ---- runner_sim.c --------------------------------------------------------------------------- */

struct sim_runner {
	struct runner base;
	struct loop loop;
	struct sim_node *owner;
	char *name;
	struct list agents;
	struct list_node *cursor;
	struct agent *current;
	mono_t busy_until; /* it cannot run again before */
	bool in_round, current_gone, ended;
	struct sim_event event;
	struct list jobs; /* struct sim_job.of_runner */
	uint32_t refs;    /* itself, and the objects that may outlive it */
	struct list_node node;
	/* samples of its steps; NULL: nobody wants them */
	struct sample *samples;
	uint32_t samples_written, samples_taken;
	struct sample_options sampling;
	mono_t sampled_at;
};

struct runner *sim_runner_create(struct world *world, const char *name, struct err *err);
void sim_runner_add(struct runner *runner, struct agent *agent);
void sim_runner_remove(struct runner *runner, struct agent *agent);
void sim_runner_wake(struct runner *runner);
int sim_runner_evict(struct runner *runner, struct agent *stuck, struct err *err);
struct agent *sim_runner_current(const struct runner *runner, mono_t *since);
uint32_t sim_runner_blocking_count(const struct runner *runner);
int sim_runner_sample_start(struct runner *runner, const struct sample_options *options,
			    struct err *err);
bool sim_runner_sample_take(struct runner *runner, struct sample *into);
void sim_runner_sample_stop(struct runner *runner);
void sim_runner_destroy(struct runner *runner);
void sim_runner_unref(struct sim_runner *runner);
static inline struct sim_runner *sim_runner_of(const struct loop *loop)
{
	return (struct sim_runner *)loop->runner;
}

/* ---- conn_sim.c ----------------------------------------------------------------------------- */

int sim_conn_open(struct loop *loop, const char *host, uint16_t port, struct agent *wake,
		  struct conn **conn, struct err *err);
bool sim_conn_connected(struct conn *conn);
ssize_t sim_conn_read(struct conn *conn, const struct slice *into, uint32_t count, struct err *err);
ssize_t sim_conn_write(struct conn *conn, const struct bytes *from, uint32_t count,
		       struct err *err);
void sim_conn_move(struct conn *conn, struct loop *to);
void sim_conn_close(struct conn *conn);
int sim_listener_open(struct loop *loop, const struct listen_options *options, struct agent *wake,
		      struct listener **listener, struct err *err);
struct conn *sim_listener_accept(struct listener *listener, struct agent *wake);
void sim_listener_close(struct listener *listener);
void sim_node_unplug(struct sim_node *node);      /* its connections are reset */
void sim_links_reset(struct sim *sim, const struct sim_node *a, const struct sim_node *b);
void sim_links_forget(struct sim_node *node);
void sim_links_resume(struct sim *sim); /* after a cut has ended: what was held goes on */

/* ---- disk_sim.c, file_sim.c ----------------------------------------------------------------- */

struct sim_inode {
	struct buf content;
	size_t synced_bytes;
	uint32_t refs; /* entries and handles */
	bool is_directory, entry_synced;
	wall_t modified;
};

struct sim_disk {
	struct map *entries; /* normal path -> struct sim_inode */
};

struct sim_handle {
	int64_t number;
	struct sim_inode *inode;
	char *path;
	mono_t last_at; /* operations of a handle keep their order */
};

/* One file operation or background work under way. */
struct sim_job {
	struct sim_event event;
	struct file_op *op;
	struct background *work;
	struct sim_runner *runner;
	struct list_node node; /* sim.idle_jobs, or the runner's jobs */
};

struct sim_disk *sim_disk_create(void);
void sim_disk_destroy(struct sim_disk *disk);
/* The power is cut: what was not synced is lost, or kept in part, as the seed has it. */
void sim_disk_crash(struct sim *sim, struct sim_disk *disk);
char *sim_path_normal(const char *path); /* absolute, no "//", no "/" at the end; the caller's */
struct sim_inode *sim_disk_find(struct sim_disk *disk, const char *path);
/* With the errno values of POSIX: 0, or why not. */
int sim_disk_create_file(struct sim_disk *disk, const char *path, bool exclusive,
			 struct sim_inode **inode);
int sim_disk_mkdirs(struct sim_disk *disk, const char *path);
int sim_disk_rename(struct sim_disk *disk, const char *path, const char *path_to);
int sim_disk_link(struct sim_disk *disk, const char *path, const char *path_to);
int sim_disk_remove(struct sim_disk *disk, const char *path);
int sim_disk_list(struct sim_disk *disk, const char *path, char **names, int64_t *count);
void sim_inode_unref(struct sim_inode *inode);

void sim_file_submit(struct loop *loop, struct file_op *op);
void sim_background_submit(struct loop *loop, struct background *work);
int sim_file_mode(struct world *world, const char *path);
int sim_read_whole(struct world *world, const char *path, size_t max_bytes, char **text,
		   size_t *size_bytes, struct err *err);
int sim_write_whole(struct world *world, const char *path, uint32_t mode, struct bytes text,
		    struct err *err);
void sim_print(struct world *world, const char *text, size_t size_bytes);
/* The runner ends: files under way are carried out, background work is not; all are `done`. */
void sim_jobs_settle(struct sim_runner *runner);
void sim_node_crash_files(struct sim_node *node);
void sim_node_close_files(struct sim_node *node);
void sim_jobs_free(struct sim *sim);

#endif
