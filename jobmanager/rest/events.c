/* SPDX-License-Identifier: Apache-2.0
 * events.c - /events: pictures of jobs and of the cluster, and patches to them as they change, as
 * server-sent events (docs/adr/0020-one-picture.md).
 *
 * A hub stands for one picture that somebody follows: however many they are, what changed is found
 * and written once, and goes to each as the same bytes. Nobody follows: there is no hub, and no
 * work. Who joins gets a whole picture; before that, all others are brought to the same moment, so
 * that one memory does for all.
 *
 *   event: picture | patch   data: {"jid", "version", "now", "picture" | "patch"}
 *   event: gone              data: {"jid"}: there is no such job (any more) */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/picture.h"
#include "jobmanager/rest/rest_priv.h"

#define PATCH_MS 1000
#define QUIET_MS 5000 /* of a job that has ended and whose picture stood still */
/* A picture of so many units may be drawn each millisecond that passes: about 2 % of a core. */
#define UNITS_PER_MS 20
#define JOBS_MAX 32 /* of one reader */

struct rest_hub {
	struct list_node node; /* of rest->hubs */
	struct id job_id;      /* none: the cluster's */
	struct picture_memory *memory;
	uint64_t version;
	struct list follows;
	mono_t due;
};

struct reader {
	struct rest_stream *stream;
	struct list follows;
};

struct follow { /* a reader follows a hub */
	struct list_node of_hub, of_reader;
	struct reader *reader;
	struct rest_hub *hub;
};

/* ---- events --------------------------------------------------------------------------------- */

static void begin_event(struct rest *rest, const struct rest_hub *hub, const char *kind,
			struct json_out *json)
{
	buf_printf(json->into, "event: %s\ndata: ", kind);
	json_out_object(json, NULL);
	if (!id_is_none(&hub->job_id))
		json_out_id(json, "jid", &hub->job_id);
	json_out_count(json, "version", hub->version);
	json_out_int(json, "now", world_wall(rest->world));
}

static void end_event(struct json_out *json)
{
	json_out_close(json);
	json_out_check(json);
	buf_add_text(json->into, "\n\n");
}

/* What the picture is, or what it has become. out: counts units. False: the job is gone. */
static bool add_picture(struct rest *rest, const struct rest_hub *hub, bool whole,
			struct buf *into, struct picture_out *out)
{
	struct job *job = NULL;
	struct json_out json;

	if (!id_is_none(&hub->job_id) &&
	    (job = dispatcher_find(rest->dispatcher, &hub->job_id)) == NULL)
		return false;
	json_out_init(&json, into);
	begin_event(rest, hub, whole ? "picture" : "patch", &json);
	json_out_object(&json, whole ? "picture" : "patch");
	picture_begin(out, &json, hub->memory, whole);
	if (job != NULL)
		picture_of_job(job, out);
	else
		picture_of_cluster(rest->dispatcher, out);
	json_out_close(&json);
	end_event(&json);
	return true;
}

static void send_gone(struct rest_stream *stream, const struct id *job_id)
{
	struct json_out json;
	struct buf text;

	buf_init(&text);
	json_out_init(&json, &text);
	buf_add_text(&text, "event: gone\ndata: ");
	json_out_object(&json, NULL);
	json_out_id(&json, "jid", job_id);
	end_event(&json);
	rest_stream_send(stream, text.data, text.size_bytes);
	buf_fini(&text);
}

/* ---- hubs ----------------------------------------------------------------------------------- */

static struct rest_hub *hub_of(struct rest *rest, const struct id *job_id)
{
	struct rest_hub *hub;

	LIST_FOR_EACH (&rest->hubs, struct rest_hub, node, known)
		if (id_equal(&known->job_id, job_id))
			return known;
	hub = MEM_NEW(struct rest_hub);
	hub->job_id = *job_id;
	hub->memory = picture_memory_create();
	list_init(&hub->follows);
	list_push_back(&rest->hubs, &hub->node);
	return hub;
}

static void hub_free(struct rest_hub *hub)
{
	list_remove(&hub->node);
	picture_memory_destroy(&hub->memory);
	mem_free(hub);
}

static void unfollow(struct follow *follow)
{
	struct rest_hub *hub = follow->hub;

	list_remove(&follow->of_hub);
	list_remove(&follow->of_reader);
	mem_free(follow);
	if (list_empty(&hub->follows))
		hub_free(hub);
}

static void tell_gone(struct rest_hub *hub)
{
	struct id job_id = hub->job_id;

	/* The hub goes with the last of them. */
	for (bool last = false; !last;) {
		struct follow *follow = LIST_FIRST(&hub->follows, struct follow, of_hub);

		last = follow->of_hub.next == &hub->follows.head;
		send_gone(follow->reader->stream, &job_id);
		unfollow(follow);
	}
}

static bool has_ended(const struct rest *rest, const struct rest_hub *hub)
{
	const struct job *job = id_is_none(&hub->job_id)
					? NULL
					: dispatcher_find(rest->dispatcher, &hub->job_id);

	return job != NULL && job_is_final(job);
}

/* All who follow it are told what has changed. False: its job, and so the hub, is gone. */
static bool hub_advance(struct rest *rest, struct rest_hub *hub, mono_t now)
{
	struct picture_out out;
	struct buf text;
	int64_t pause_ms;

	if (list_empty(&hub->follows))
		return true; /* it is being made */
	buf_init(&text);
	hub->version++;
	if (!add_picture(rest, hub, false, &text, &out)) {
		buf_fini(&text);
		tell_gone(hub);
		return false;
	}
	if (out.told > 0)
		LIST_FOR_EACH (&hub->follows, struct follow, of_hub, follow)
			rest_stream_send(follow->reader->stream, text.data, text.size_bytes);
	else
		hub->version--;
	pause_ms = out.drawn / UNITS_PER_MS;
	if (pause_ms < PATCH_MS)
		pause_ms = out.told == 0 && has_ended(rest, hub) ? QUIET_MS : PATCH_MS;
	hub->due = mono_after_ms(now, pause_ms);
	buf_fini(&text);
	return true;
}

void rest_events_step(struct rest *rest, mono_t now, mono_t *wake_at)
{
	bool advanced = false;

	/* One in a step: other agents of the runner have their turn between two. */
	LIST_FOR_EACH (&rest->hubs, struct rest_hub, node, hub) {
		if (now >= hub->due && !advanced) {
			advanced = true;
			if (!hub_advance(rest, hub, now))
				continue;
		}
		*wake_at = mono_min(*wake_at, hub->due);
	}
}

/* ---- readers -------------------------------------------------------------------------------- */

static void join(struct rest *rest, struct reader *reader, const struct id *job_id, mono_t now)
{
	struct rest_hub *hub = hub_of(rest, job_id);
	bool is_new = list_empty(&hub->follows);
	struct follow *follow;
	struct picture_out out;
	struct buf text;

	buf_init(&text);
	if (!hub_advance(rest, hub, now) || !add_picture(rest, hub, true, &text, &out)) {
		send_gone(reader->stream, job_id);
		if (is_new)
			hub_free(hub);
		buf_fini(&text);
		return;
	}
	if (is_new)
		hub->due = mono_after_ms(now, PATCH_MS);
	rest_stream_send(reader->stream, text.data, text.size_bytes);
	buf_fini(&text);
	follow = MEM_NEW(struct follow);
	follow->reader = reader;
	follow->hub = hub;
	list_push_back(&hub->follows, &follow->of_hub);
	list_push_back(&reader->follows, &follow->of_reader);
}

static bool follows(const struct reader *reader, const struct id *job_id)
{
	LIST_FOR_EACH (&reader->follows, struct follow, of_reader, follow)
		if (id_equal(&follow->hub->job_id, job_id))
			return true;
	return false;
}

static void reader_gone(void *context)
{
	struct reader *reader = context;

	LIST_FOR_EACH (&reader->follows, struct follow, of_reader, follow)
		unfollow(follow);
	mem_free(reader);
}

/* The ids in `jobs`, at most JOBS_MAX. -1: it is no list of those; answered. */
static int read_jobs(struct rest_request *request, struct id ids[JOBS_MAX])
{
	char *jobs = rest_query(request, "jobs");
	const char *at = jobs, *item;
	size_t length;
	int count = 0;

	while (at != NULL && rest_list_next(&at, &item, &length)) {
		char text[ID_TEXT_SIZE] = "";

		if (length < sizeof(text))
			memcpy(text, item, length);
		if (count == JOBS_MAX || !id_parse(text, &ids[count])) {
			rest_bad_parameter(request, "query", "jobs", jobs);
			count = -1;
			break;
		}
		count++;
	}
	mem_free(jobs);
	return count;
}

/* -1: neither true nor false; answered. */
static int read_flag(struct rest_request *request, const char *name)
{
	char *text = rest_query(request, name);
	int flag = text == NULL || strcmp(text, "false") == 0 ? 0
		   : strcmp(text, "true") == 0		      ? 1
							      : -1;

	if (flag < 0)
		rest_bad_parameter(request, "query", name, text);
	mem_free(text);
	return flag;
}

void rest_events(struct rest *rest, struct rest_request *request)
{
	mono_t now = world_now(rest->world);
	struct id ids[JOBS_MAX];
	int count = read_jobs(request, ids);
	int cluster = count < 0 ? -1 : read_flag(request, "cluster");
	struct reader *reader;

	if (cluster < 0)
		return;
	if (cluster == 0 && count == 0) {
		rest_answer_error(request, 400,
				  "Nothing is asked for: name jobs (jobs=<id>,<id>) or cluster=true.");
		return;
	}
	reader = MEM_NEW(struct reader);
	list_init(&reader->follows);
	reader->stream = rest_stream_begin(request, REST_EVENTS, reader_gone, reader);
	if (reader->stream == NULL) {
		mem_free(reader);
		return;
	}
	if (cluster > 0)
		join(rest, reader, &ID_NONE, now);
	for (int i = 0; i < count; i++)
		if (!id_is_none(&ids[i]) && !follows(reader, &ids[i]))
			join(rest, reader, &ids[i], now);
}
