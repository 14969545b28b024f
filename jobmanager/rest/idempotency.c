/* SPDX-License-Identifier: Apache-2.0
 * idempotency.c - submits by the keys that clients gave them, with the answers they got. */
#include "jobmanager/rest/idempotency.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "jobmanager/rest/rest_priv.h"

#define HEADER "Idempotency-Key"
#define KEY_BYTES_MAX 255

struct submit {
	struct list_node node; /* in idempotency.done, once it is */
	char *key;
	uint8_t digest[32]; /* of what was asked for */
	bool done;
	mono_t until;
	int status;
	struct buf answer;
	struct list waiters; /* of struct rest_request: the same again, while it is under way */
};

void idempotency_init(struct idempotency *idempotency)
{
	idempotency->by_key = map_create();
	list_init(&idempotency->done);
}

static void forget(struct idempotency *idempotency, struct submit *submit)
{
	map_remove(idempotency->by_key, bytes_of_text(submit->key));
	list_remove(&submit->node);
	mem_free(submit->key);
	buf_fini(&submit->answer);
	mem_free(submit);
}

void idempotency_fini(struct idempotency *idempotency)
{
	size_t at = 0;
	struct bytes key;
	void *value;

	if (idempotency->by_key == NULL)
		return;
	while (map_next(idempotency->by_key, &at, &key, &value)) {
		struct submit *submit = value;

		LIST_FOR_EACH (&submit->waiters, struct rest_request, waiting, waiter) {
			list_remove(&waiter->waiting);
			rest_request_unref(waiter);
		}
		forget(idempotency, submit);
	}
	map_destroy(&idempotency->by_key);
}

/* ---- what is asked for ---------------------------------------------------------------------- */

static bool takes_keys(const struct rest_route *route)
{
	const struct rest_api *api = rest_api_of(route);

	return api != NULL && api->query != NULL && strstr(api->query, HEADER) != NULL;
}

/* Whatever it depends on: the route, its parameters, the query and the body. */
static void digest_of(const struct rest_request *request, uint8_t digest[32])
{
	struct buf text;
	uint8_t body[32];

	buf_init(&text);
	buf_printf(&text, "%s %s\n", request->route->method, request->route->pattern);
	for (uint32_t i = 0; i < request->parameters_count; i++)
		buf_printf(&text, "%s\n", request->parameters[i].value);
	buf_printf(&text, "%s\n", request->query != NULL ? request->query : "");
	hash_sha256(request->body.data, request->body.size_bytes, body);
	buf_add(&text, body, sizeof(body));
	hash_sha256(text.data, text.size_bytes, digest);
	buf_fini(&text);
}

/* ---- the first, and those after it ---------------------------------------------------------- */

static void answer_again(struct rest_request *request, const struct submit *submit)
{
	buf_add(&request->answer, submit->answer.data, submit->answer.size_bytes);
	rest_answer_header(request, "Idempotent-Replayed", "true");
	rest_answer(request, submit->status);
}

static void begin(struct rest *rest, struct rest_request *request, const char *key,
		  const uint8_t digest[32])
{
	struct submit *submit = MEM_NEW(struct submit);

	submit->key = mem_strdup(key);
	memcpy(submit->digest, digest, sizeof(submit->digest));
	buf_init(&submit->answer);
	list_init(&submit->waiters);
	map_put(rest->idempotency.by_key, bytes_of_text(submit->key), submit);
	request->submit = submit;
}

bool idempotency_took(struct rest *rest, struct rest_request *request, mono_t now)
{
	const char *key = rest_header(request, HEADER);
	uint8_t digest[32];
	struct submit *submit;

	if (key == NULL || !takes_keys(request->route))
		return false;
	if (key[0] == '\0' || strlen(key) > KEY_BYTES_MAX) {
		rest_answer_error(request, 400, HEADER " has %zu characters; 1 to %d are allowed.",
				  strlen(key), KEY_BYTES_MAX);
		return true;
	}
	digest_of(request, digest);
	submit = map_get(rest->idempotency.by_key, bytes_of_text(key));
	if (submit != NULL && submit->done && now >= submit->until) {
		forget(&rest->idempotency, submit);
		submit = NULL;
	}
	if (submit == NULL) {
		begin(rest, request, key, digest);
		return false;
	}
	if (memcmp(submit->digest, digest, sizeof(digest)) != 0) {
		rest_answer_error(request, 422,
				  HEADER " \"%s\" was used within the last %d hours for another "
				  "request. Send a new key with new content.",
				  key, IDEMPOTENCY_HOURS);
	} else if (submit->done) {
		answer_again(request, submit);
	} else {
		rest_defer(request);
		list_push_back(&submit->waiters, &request->waiting);
	}
	return true;
}

void idempotency_answered(struct rest_request *request, mono_t now)
{
	struct idempotency *idempotency = &request->rest->idempotency;
	struct submit *submit = request->submit;

	if (submit == NULL)
		return;
	request->submit = NULL;
	submit->status = request->status;
	buf_add(&submit->answer, request->answer.data, request->answer.size_bytes);
	LIST_FOR_EACH (&submit->waiters, struct rest_request, waiting, waiter) {
		list_remove(&waiter->waiting);
		answer_again(waiter, submit);
	}
	if (submit->status >= 400 || submit->answer.size_bytes > IDEMPOTENCY_ANSWER_BYTES_MAX) {
		forget(idempotency, submit);
		return;
	}
	submit->done = true;
	submit->until = mono_after_ms(now, (int64_t)IDEMPOTENCY_HOURS * 3600 * 1000);
	list_push_back(&idempotency->done, &submit->node);
	if (map_count(idempotency->by_key) > IDEMPOTENCY_KEYS_MAX)
		forget(idempotency, LIST_FIRST(&idempotency->done, struct submit, node));
}

void idempotency_step(struct idempotency *idempotency, mono_t now, mono_t *wake_at)
{
	LIST_FOR_EACH (&idempotency->done, struct submit, node, submit) {
		if (now < submit->until) {
			*wake_at = mono_min(*wake_at, submit->until);
			return;
		}
		forget(idempotency, submit);
	}
}
