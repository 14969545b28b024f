/* SPDX-License-Identifier: Apache-2.0
 * door_priv.h - what the files of the door share.
 *
 *   door.c        the port, who is let in, the queue for civetweb, late answers, the end
 *   door_conn.c   one connection: its machine, reading and writing
 *   door_stream.c an answer that has no end
 *   door_auth.c   the token
 *   door_inner.c  the connections to civetweb
 *
 *   HEAD -> BODY -> QUEUED -> INSIDE -> WRITING -> HEAD …
 *     |       |                 |  `-> LATER ----^
 *     |       |                 |        `-> STREAMING -> WRITING (its rest) -> end
 *     `-------`-> WRITING (a refusal) -> LINGERING -> end
 *
 * All of it is stepped on the door's own runner, whose agents share this struct. */
#ifndef JOBMANAGER_REST_DOOR_PRIV_H
#define JOBMANAGER_REST_DOOR_PRIV_H

#include <pthread.h>

#include "common/base/map.h"
#include "common/base/sm.h"
#include "jobmanager/rest/door.h"
#include "jobmanager/rest/door_http.h"

#define DOOR_LOGGER "RestServer"
#define DOOR_CONNECTIONS_MAX 512

enum door_state {
	DOOR_HEAD,    /* waiting for a request's head */
	DOOR_BODY,    /* … for its body */
	DOOR_QUEUED,  /* … for a connection to civetweb */
	DOOR_INSIDE,  /* … for civetweb's answer */
	DOOR_LATER,   /* … for door_answer */
	DOOR_STREAMING, /* an answer goes out that has no end */
	DOOR_WRITING, /* the answer goes out */
	/* refused in the middle of a body: it is read away, so that the refusal arrives */
	DOOR_LINGERING,
	DOOR_ENDED,
};
extern const struct sm_table door_states;

struct inner {		       /* a kept connection to civetweb */
	struct list_node node; /* in door->inners_idle while nobody uses it */
	struct conn *conn;
	bool used_before;   /* it may have been closed meanwhile: one more try is due */
	struct buf out, in; /* the request's head; the answer */
	size_t written;	    /* of the head, then of the body */
	/* of the answer, once its head is whole */
	size_t head_size; /* 0: not yet */
	int status;
	bool until_close, closes, later;
	uint64_t length; /* of its body, unless until_close */
	struct bytes cache; /* the last Cache-Control line */
};

struct door_conn {
	struct agent agent; /* first */
	struct door *door;
	struct list_node node;	 /* in door->connections, by arrival */
	struct list_node queued; /* in door->queue */
	struct conn *conn;
	uint32_t state; /* enum door_state */
	mono_t deadline;
	bool condemned; /* to be closed in its next step */
	/* reading */
	struct buf in;
	size_t scanned;
	char *head_bytes;
	struct door_head head;
	struct door_chunks chunks;
	struct buf body;
	uint64_t progress; /* bytes moved since the deadline was set */
	/* inside */
	uint64_t number;
	struct inner *inner;
	struct door_answer *early; /* came before civetweb said "later" */
	/* writing */
	struct buf out, answer;
	size_t out_written, answer_written;
	bool close_after, linger_after, without_body; /* HEAD */
	bool own_policy; /* the answer brings its Content-Security-Policy */
	size_t charged;	 /* of door->held_bytes */
	/* streaming */
	bool chunked;
	uint64_t beginning; /* bytes of it that may wait whatever their number */
};

enum move { MOVE_ON, MOVE_WAIT, MOVE_OVER };

struct door {
	struct agent agent; /* first: the port, late answers */
	struct door_options options;
	char *allow_origin, *host_name, *token;
	uint64_t wrong_tokens;
	mono_t say_wrong_at;
	struct runner *runner;
	struct loop *loop;
	struct listener *listener;
	uint16_t port, inner_port;
	struct conn *knock; /* see door_drain */
	struct list connections;
	uint32_t connections_count, connections_max; /* at most the option's; fewer without room */
	struct map *by_number; /* requests inside and later */
	uint64_t numbers;
	size_t held_bytes, held_bytes_max; /* bodies and answers in memory */
	struct list queue;		   /* of struct door_conn */
	struct list inners_idle;	   /* of struct inner */
	uint32_t inners_count;
	struct inbox answers;
	/* draining */
	atomic_bool draining;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool drained; /* under the mutex */
};

/* door_conn.c */
void door_conn_create(struct door *door, struct conn *conn);
void door_conn_condemn(struct door_conn *conn); /* from another agent of the runner */
void door_conn_answer(struct door_conn *conn, struct door_answer *answer); /* takes it */
void door_conn_refuse(struct door_conn *conn, int status, const char *format, ...) PRINTF(3, 4);
/* content_type: of what is in conn->answer; headers: further lines, each with its end. */
void door_conn_begin_answer(struct door_conn *conn, int status, const char *content_type,
			    const char *headers);
void door_conn_go_inside(struct door_conn *conn);
void door_conn_free(struct door_conn *conn);
/* Says how much of the door's memory the connection uses now; false: that is too much. */
bool door_conn_charge(struct door_conn *conn);
void door_conn_set_deadline(struct door_conn *conn, int64_t ms);
/* Writes conn->out and conn->answer as far as they go. MOVE_ON: all of it is written. */
enum move door_conn_write(struct door_conn *conn);
/* -1: closed. What came is added to conn->in. */
ssize_t door_conn_read(struct door_conn *conn, size_t bytes_max);
void door_conn_forget_number(struct door_conn *conn);

/* door_auth.c */
bool door_auth_admits(struct door_conn *conn); /* false: it is answered */

/* door_stream.c */
void door_stream_begin(struct door_conn *conn, struct door_answer *answer); /* takes it */
void door_stream_take(struct door_conn *conn, struct door_answer *answer);  /* takes it */
/* Adds what came before the stream could begin to its beginning. */
void door_stream_add_early(struct door_answer *beginning, struct door_answer *answer);
enum move door_stream_move(struct door_conn *conn);
enum move door_stream_deadline(struct door_conn *conn); /* it is reached */
void door_stream_finish(struct door_conn *conn);	/* the rest is written, then it closes */
void door_stream_over(struct door_conn *conn);		/* tells whoever speaks, once */

/* door.c */
void door_pump(
	struct door *door); /* sends the first in the queue inside, as far as there is room */
/* NULL, or the sentence why a request may not come in, with its status. */
const char *door_forbids(const struct door *door, const struct door_head *head, int *status);
void door_add_headers(const struct door_conn *conn, struct buf *into);

/* door_inner.c */
int door_inner_begin(struct door_conn *conn, struct err *err);
/* 1: the answer is in conn->out and conn->answer, or conn->early is due; 0: not yet; -1: broken. */
int door_inner_step(struct door_conn *conn, bool *later, struct err *err);
void door_inner_end(struct door_conn *conn, bool keep); /* gives it back, or closes it */
void door_inner_free(struct inner *inner);

#endif
