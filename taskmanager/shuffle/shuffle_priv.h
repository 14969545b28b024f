/* SPDX-License-Identifier: Apache-2.0
 * shuffle_priv.h - the registry of channels by name, and links: data connections to other
 * TaskManagers. Nobody outside this folder includes it.
 *
 * Each link is an agent with its channels' far sides, and nobody else touches what is in it. It is
 * served where its channels' tasks are (place.c), so links run on several threads. What they share,
 * the registry and the lists of links and places, is guarded by one short lock, taken when a
 * channel or a link begins, ends or moves, never for bytes. Who wants something of a link puts an
 * entry into its list of work and wakes it. */
#ifndef TASKMANAGER_SHUFFLE_SHUFFLE_PRIV_H
#define TASKMANAGER_SHUFFLE_SHUFFLE_PRIV_H

#include <pthread.h>

#include "common/base/map.h"
#include "common/wire/frame.h"
#include "taskmanager/shuffle/channel_priv.h"
#include "taskmanager/shuffle/data_frame.h"
#include "taskmanager/shuffle/shuffle.h"

#define LINK_CHANNELS_MAX 65536
#define LINK_FRAMES 32 /* under way: two pieces each, and a write takes 64 */
#define LINK_STAGED_BYTES 16384
#define LINK_BYTES_PER_STEP (512 * 1024)
#define LINK_TURN_BYTES 32768 /* what a channel may send before the next one has its turn */
#define LINK_ROLE "shuffle"

/* ---- the registry --------------------------------------------------------------------------- */

struct link;

enum side { SIDE_NONE, SIDE_OPEN, SIDE_CLOSED };

/* One channel by its name. An entry lives until both sides are closed, or one is and the other will
 * not come; a side that nobody opened is held by the entry. */
struct shuffle_entry {
	struct channel_name name;
	bool is_far_input;      /* its producer is on another TaskManager: a link holds that side */
	bool expired;           /* its producer did not come in time */
	bool released;          /* its job is over: who comes now comes in vain */
	enum side producer, consumer;
	struct channel *channel; /* NULL: only a far consumer has asked so far */
	struct link_channel *asker; /* the far consumer that waits, or has just met its producer */
	mono_t wait_until;
	struct list_node waiting_node;
	struct list_node work_node; /* in the work of its link, or of the shuffle if it needs one */
	/* far input: where its producer is, and a copy of the type for those who check its bytes,
	 * because the task that gave the type may be gone before they are */
	char *host, *address; /* "host:port" */
	uint16_t port;
	struct record_type *type_copy;
	uint64_t type_hash; /* of the channel's type */
};

/* A runner on which links may be served. */
struct shuffle_place {
	struct runner *runner;
	struct list_node node;
	uint32_t links; /* served there */
	uint64_t weight; /* while a place is looked for: what one link's channels carried for it */
};

struct shuffle {
	/* first: accepts and opens connections, lets waits expire */
	struct agent agent;
	struct runner *runner;
	struct world *world;
	struct listener *listener;
	uint16_t port;
	struct bytes secret;
	struct id incarnation;
	struct segment_pool *pool;
	uint32_t exclusive_segments, floating_segments, record_bytes_max;
	bool takes_lz4;
	struct debloat_options debloat;
	bool restless; /* for tests: links go to any runner, all the time */
	pthread_mutex_t lock; /* guards: */
	struct map *outputs;  /* name -> entry whose producer is (to be) here */
	struct map *inputs;   /* name -> far input */
	struct map *sizes;    /* job -> struct shuffle_sizes; those not in it have whole segments */
	struct list waiting;  /* by deadline */
	struct list work;     /* far inputs to whose producer no link leads yet */
	struct list links;
	struct map *links_by_address; /* "host:port" -> connecting link that takes more channels */
	struct shuffle_place io;      /* the agent's runner: serves who has no better place */
	struct list places;           /* the others */
};

/* shuffle.c, with the lock held */
struct bytes shuffle_entry_key(const struct channel_name *name);
struct shuffle_entry *shuffle_entry_create(struct shuffle *shuffle,
					   const struct channel_name *name, bool is_far_input);
/* Frees the entry once nobody needs it. */
void shuffle_entry_settle(struct shuffle *shuffle, struct shuffle_entry *entry);
void shuffle_entry_wait(struct shuffle *shuffle, struct shuffle_entry *entry);

/* ---- the registry and links: far.c ----------------------------------------------------------- */

/* With the lock held: its link has something to do for it; without a link, the agent. */
void shuffle_entry_work(struct shuffle *shuffle, struct shuffle_entry *entry);
/* The agent's: connects to whom far inputs need, and lets waits expire. */
void shuffle_far_connect(struct shuffle *shuffle);
void shuffle_far_expire(struct shuffle *shuffle, mono_t now, mono_t *wake_at);
/* A link's, on its own thread, like all below. The next entry that wants something of it. It stays:
 * its far side is open, or it waits for this link's channel. */
struct shuffle_entry *shuffle_far_work(struct link *link);
/* From now on no work comes. False: some has come already, if `only_idle`. */
bool shuffle_far_retire(struct link *link, bool only_idle);
/* What the entry wanted that the link's channel waits for: 0 = link_out_attach; -1 = refused. */
MUST_USE int shuffle_far_meet(struct shuffle *shuffle, struct link_channel *asker,
			      struct err *err);
/* A far consumer asks: 1 = it has entry->channel now; 0 = it waits, and its entry will be in the
 * link's work; -1 = refused. */
MUST_USE int shuffle_far_open(struct shuffle *shuffle, struct link_channel *asker,
			      const struct data_open *open, struct err *err);
void shuffle_far_give_up(struct shuffle *shuffle, struct link_channel *asker); /* while it waits */
/* The link's side of a channel is over. */
void shuffle_far_consumer_close(struct shuffle *shuffle, struct shuffle_entry *entry);
void shuffle_far_producer_close(struct shuffle *shuffle, struct shuffle_entry *entry);

/* ---- sizes ---------------------------------------------------------------------------------- */

struct shuffle_sizes { /* of the channels of a job */
	uint32_t size_class, exclusive_segments;
};

struct shuffle_sizes shuffle_sizes_of(const struct shuffle *shuffle,
				      const struct id *job_id); /* under the lock */
void shuffle_sizes_forget(struct shuffle *shuffle, const struct id *job_id);
void shuffle_sizes_fini(struct shuffle *shuffle);

/* ---- links ---------------------------------------------------------------------------------- */

enum link_channel_state {
	/* incoming: this end consumes, and has asked for it */
	IN_OPENING,   /* OPEN is out, or about to be */
	IN_OPEN,
	IN_CANCELLED, /* CANCEL likewise: what still comes is thrown away until the last frame */
	/* outgoing: this end produces */
	OUT_WAITING,  /* for its producer */
	OUT_OPEN,
	OUT_ENDING,   /* the last frame is to be written; then the number is free */
};

enum link_owes { OWES_OPEN = 1, OWES_CREDIT = 2, OWES_CANCEL = 4, OWES_OPENED = 8, OWES_LAST = 16,
		 OWES_URGENT = 32 };

struct link_channel {
	struct link *link;
	uint64_t carried_bytes; /* since its link looked for a place */
	uint32_t number;
	uint32_t state;
	uint32_t owes; /* enum link_owes */
	struct list_node owes_node;
	struct shuffle_entry *entry; /* outgoing and waiting: the entry that knows it */
	struct channel *channel;     /* our side of it; NULL: none (yet, any more) */
	/* incoming */
	uint64_t limit_told, head_told;
	bool urgent_given; /* to the consumer; taken is to be told */
	bool ended;        /* the end of input came */
	/* outgoing */
	uint64_t type_hash; /* while it waits: what its consumer expects … */
	uint32_t segment_bytes; /* … and takes at a time */
	uint64_t limit;
	uint32_t controls_sent, controls_limit; /* modulo 2^32 */
	uint16_t allowed_units; /* what the far consumer wants on its way: see data_frame.h */
	bool urgent_under_way, urgent_waits;
	bool cancelled; /* by the consumer */
	struct control urgent;
	uint8_t last_kind; /* CLOSE, FAIL or REFUSED */
	struct err *last_error;
};

/* A frame on its way out. Its body lies in `small`, in `owned` or in a segment that it holds. */
struct link_frame {
	uint8_t header[DATA_FRAME_HEADER_BYTES];
	uint8_t small[DATA_FRAME_OPEN_BYTES];
	struct bytes body;
	void *owned;
	struct segment *segment;
	struct link_channel *channel; /* NULL: nothing follows from having written it */
	struct position release_to;
	bool releases, is_last;
};

struct link_input { /* the frame under way, and bytes read ahead */
	uint8_t header[DATA_FRAME_HEADER_BYTES];
	uint32_t header_bytes, body_bytes; /* of it there so far */
	bool in_body, wants_room;
	struct data_frame frame;
	struct link_channel *channel; /* of a BYTES frame; NULL: thrown away */
	char *body;                   /* where it goes; NULL: nowhere */
	char *room;                   /* where the bytes go in the end, if body is packed */
	_Alignas(8) uint8_t small[DATA_FRAME_SMALL_BYTES_MAX];
	uint32_t staged_first, staged_end;
	uint8_t staged[LINK_STAGED_BYTES];
};

enum link_state { LINK_HANDSHAKE, LINK_UP, LINK_DOWN };

struct link {
	struct agent agent; /* first */
	struct shuffle *shuffle;
	struct list_node node;
	struct list work;            /* the lock's: entry.work_node */
	struct shuffle_place *place; /* the link's own; written under the lock */
	mono_t look_at;              /* when to look for a better place; 0: now */
	bool is_consumer; /* this end connected, and consumes */
	uint32_t state;
	char *address; /* consumer: key in links_by_address */
	char name[96]; /* the peer, for texts */
	struct conn *conn;
	struct handshake handshake;
	struct frame_reader reader;
	struct buf handshake_out;
	size_t handshake_sent_bytes;
	mono_t handshake_until;
	struct ready_list *ready; /* incoming channels with news from their consumers */
	struct gate *gate;        /* outgoing channels with something to take */
	struct link_channel *turn; /* whose turn it is among those, and what is left of it */
	uint32_t turn_bytes;
	struct link_channel **channels;
	uint32_t channels_size, channels_count; /* places; used ones */
	uint32_t numbers_seen;                  /* numbers below were used before */
	char *packed; /* both offered LZ4: room for one packed body; else NULL */
	struct list owing;
	struct link_frame frames[LINK_FRAMES];
	uint32_t frames_first, frames_count;
	size_t sent_bytes; /* of the first frame */
	struct link_input input;
};

/* link.c: the connection itself, alike at both ends. */
/* The entry is its first work. -1: no connection can be begun. */
MUST_USE int link_connect(struct shuffle *shuffle, struct shuffle_entry *entry, struct err *err);
void link_accept(struct shuffle *shuffle, struct conn *conn);
/* Fails and leaves every channel, closes the socket. The memory goes with link_free. */
void link_down(struct link *link, const struct err *why);
void link_free(struct link *link);
struct link_channel *link_channel_create(struct link *link, uint32_t number, uint32_t state);
void link_channel_free(struct link_channel *channel); /* after its side was left */
struct link_channel *link_channel_find(const struct link *link, uint32_t number);
void link_owe(struct link_channel *channel, uint32_t what);
/* The next free place in the queue of frames, cleared; NULL: it is full. */
struct link_frame *link_frame_next(struct link *link);
void link_frame_put(struct link *link, struct link_frame *frame, const struct data_frame *what,
		    struct bytes body);
void link_frame_put_error(struct link *link, struct link_frame *frame,
			  const struct data_frame *what, const struct err *error);

/* link_pack.c: a body that is worth packing goes into link->packed. Its size there; 0: none. */
uint32_t link_pack(struct link *link, const char *data, uint32_t size_bytes);
MUST_USE int link_unpack(struct link *link, uint32_t size_bytes, char *into, uint32_t raw_bytes,
			 struct err *err);

/* link_read.c, link_write.c: 1 = there may be more; 0 = not now; -1 = the link must go down. */
MUST_USE int link_read(struct link *link, struct err *err);
MUST_USE int link_write(struct link *link, struct err *err);
void link_input_begin(struct link *link, struct bytes read_ahead);

/* link_in.c: incoming channels, at the consumer's end. */
/* The link takes the producer's side of the entry's channel. */
void link_in_add(struct link *link, struct shuffle_entry *entry);
MUST_USE int link_in_frame(struct link *link, const struct data_frame *frame, struct bytes body,
			   struct err *err);
/* Where the body of a BYTES frame goes: 1 = input.body and input.channel are set, 0 = later. */
MUST_USE int link_in_room(struct link *link, struct err *err);
MUST_USE int link_in_bytes_done(struct link *link, struct err *err);
void link_in_attend(struct link *link);             /* news from consumers */
bool link_in_pay(struct link_channel *channel);     /* false: no room for a frame */
void link_in_fail(struct link_channel *channel, const struct err *why);

/* link_out.c: outgoing channels, at the producer's end. */
/* What the channel waits for is here, or will not come. */
void link_out_meet(struct link_channel *channel);
MUST_USE int link_out_frame(struct link *link, const struct data_frame *frame, struct bytes body,
			    struct err *err);
void link_out_serve(struct link *link); /* frames from ready channels, as long as there is room */
bool link_out_pay(struct link_channel *channel);
void link_out_written(struct link_channel *channel, const struct link_frame *frame);
void link_out_fail(struct link_channel *channel, const struct err *why);

/* ---- places: place.c ------------------------------------------------------------------------- */

#define PLACE_LOOK_MS 100 /* how often a busy link looks whether it should be elsewhere */

/* It has a new channel. */
static inline void place_link_look(struct link *link)
{
	if (link->place == &link->shuffle->io)
		link->look_at = 0;
}
/* In the link's step, as its last thing: goes where most of what it carries comes from or goes to.
 * True: it has gone, or may even have ended there; it must not be touched any more. */
bool place_link_settle(struct link *link, mono_t now);

#endif
