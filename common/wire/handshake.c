/* SPDX-License-Identifier: Apache-2.0
 * handshake.c - who is there, which version, and does it know the secret: before anything else.
 *
 * The ports behind it accept code. The machine reads fixed layouts only; it never allocates by a
 * number from outside, and every answer to a stranger is one small frame. */
#include "common/wire/frame.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/wire/little.h"

#define FLAG_SECRET_REQUIRED 1u
#define INTRODUCTION_BYTES_MAX 256 /* room for what a later version says about itself */
#define HMAC_BYTES 32
#define REFUSED_TEXT_BYTES_MAX 512
#define FLAGS_AT 2
#define DIALECT_AT 3
#define ROLE_AT 4
#define INCARNATION_AT 20
#define NONCE_AT 36

static const struct sm_state states[] = {
	[HANDSHAKE_HELLO] = { "HELLO", SM_TO(HANDSHAKE_PROOF) | SM_TO(HANDSHAKE_REFUSED), false },
	[HANDSHAKE_CHALLENGE] = { "CHALLENGE", SM_TO(HANDSHAKE_WELCOME) | SM_TO(HANDSHAKE_REFUSED),
				  false },
	[HANDSHAKE_PROOF] = { "PROOF", SM_TO(HANDSHAKE_DONE) | SM_TO(HANDSHAKE_REFUSED), false },
	[HANDSHAKE_WELCOME] = { "WELCOME", SM_TO(HANDSHAKE_DONE) | SM_TO(HANDSHAKE_REFUSED),
				false },
	[HANDSHAKE_DONE] = { "DONE", 0, true },
	[HANDSHAKE_REFUSED] = { "REFUSED", 0, true },
};
const struct sm_table handshake_states = { "handshake", ARRAY_COUNT(states), states };

static uint8_t *handshake_hello(struct handshake *handshake)
{
	return handshake->transcript + 1;
}

static uint8_t *handshake_challenge(struct handshake *handshake)
{
	return handshake->transcript + 1 + HANDSHAKE_INTRODUCTION_BYTES;
}

static uint8_t *handshake_introduction_mine(struct handshake *handshake)
{
	return handshake->side == HANDSHAKE_CONNECTOR ? handshake_hello(handshake) :
							handshake_challenge(handshake);
}

static void handshake_introduce(struct handshake *handshake, uint16_t kind, struct buf *out)
{
	bool required = handshake->side == HANDSHAKE_ACCEPTOR &&
			(handshake->secret.size_bytes > 0 || handshake->require_secret);
	uint8_t *mine = handshake_introduction_mine(handshake);

	little_put_u16(mine, handshake->version);
	mine[FLAGS_AT] = (uint8_t)(handshake->offers | (required ? FLAG_SECRET_REQUIRED : 0));
	mine[DIALECT_AT] = handshake->dialect;
	memcpy(mine + ROLE_AT, handshake->role, HANDSHAKE_ROLE_BYTES);
	memcpy(mine + INCARNATION_AT, handshake->incarnation.bytes,
	       sizeof(handshake->incarnation.bytes));
	memcpy(mine + NONCE_AT, handshake->nonce_mine, sizeof(handshake->nonce_mine));
	frame_write(out, kind, 0, 0, 0, bytes_of(mine, HANDSHAKE_INTRODUCTION_BYTES));
}

void handshake_start(struct handshake *handshake, enum handshake_side side, struct world *world,
		     const char *role, const struct id *incarnation, struct bytes secret,
		     struct buf *out)
{
	handshake_start_with(handshake, side, world, role, 0, 0, incarnation, secret, out);
}

void handshake_start_with(struct handshake *handshake, enum handshake_side side,
			  struct world *world, const char *role, uint8_t dialect, uint8_t offers,
			  const struct id *incarnation, struct bytes secret, struct buf *out)
{
	size_t role_bytes = strlen(role);

	CHECK((offers & FLAG_SECRET_REQUIRED) == 0, "an offer in the place of a flag");
	CHECK(role_bytes < HANDSHAKE_ROLE_BYTES, "role \"%s\" is too long", role);
	*handshake = (struct handshake){
		.side = side,
		.state = side == HANDSHAKE_CONNECTOR ? HANDSHAKE_CHALLENGE : HANDSHAKE_HELLO,
		.secret = secret,
		.version = FRAME_PROTOCOL_VERSION,
		.dialect = dialect,
		.offers = offers,
		.incarnation = *incarnation,
	};
	memcpy(handshake->role, role, role_bytes);
	world_random_bytes(world, handshake->nonce_mine, sizeof(handshake->nonce_mine));
	if (side == HANDSHAKE_CONNECTOR)
		handshake_introduce(handshake, FRAME_HELLO, out);
}

/* Always -1. The acceptor says why; a connector that is not content just leaves. */
static int handshake_refuse(struct handshake *handshake, struct buf *out, const struct err *err)
{
	uint8_t body[4 + REFUSED_TEXT_BYTES_MAX];
	size_t text_bytes = strnlen(err->text, REFUSED_TEXT_BYTES_MAX);

	sm_move(&handshake_states, &handshake->state, HANDSHAKE_REFUSED, handshake);
	if (handshake->side == HANDSHAKE_ACCEPTOR) {
		little_put_u32(body, (uint32_t)err->code);
		memcpy(body + 4, err->text, text_bytes);
		frame_write(out, FRAME_REFUSED, 0, 0, 0, bytes_of(body, 4 + text_bytes));
	}
	return -1;
}

/* The other side's REFUSED. Its text is shown to people, so it is made one harmless line. */
static int handshake_refused(struct handshake *handshake, struct bytes body, struct err *err)
{
	enum err_code code = body.size_bytes < 4 ? ERR_NET_PROTOCOL :
						   (enum err_code)little_get_u32(body.data);
	char text[REFUSED_TEXT_BYTES_MAX + 1];
	size_t length = 0;

	for (size_t i = 4; i < body.size_bytes && length < REFUSED_TEXT_BYTES_MAX; i++) {
		uint8_t byte = ((const uint8_t *)body.data)[i];
		text[length++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
	}
	text[length] = '\0';
	if (code != ERR_NET_VERSION && code != ERR_NET_SECRET)
		code = ERR_NET_PROTOCOL;
	sm_move(&handshake_states, &handshake->state, HANDSHAKE_REFUSED, handshake);
	return err_set(err, code, "refused the connection: %s",
		       length > 0 ? text : "no reason given");
}

static bool handshake_role_valid(const char role[HANDSHAKE_ROLE_BYTES])
{
	size_t length = strnlen(role, HANDSHAKE_ROLE_BYTES);

	if (length == 0 || length == HANDSHAKE_ROLE_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = role[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	for (size_t i = length; i < HANDSHAKE_ROLE_BYTES; i++) {
		if (role[i] != '\0')
			return false;
	}
	return true;
}

/* HELLO or CHALLENGE: the version is looked at before the size, which it may have changed. */
static int handshake_introduced(struct handshake *handshake, struct bytes body, uint8_t *flags,
				struct err *err)
{
	const char *const sides[] = { "connecting side", "listening side" };
	const uint8_t *at = body.data;
	char role[HANDSHAKE_ROLE_BYTES];

	if (body.size_bytes < 2)
		return err_set(err, ERR_NET_PROTOCOL, "introduced itself with %zu bytes",
			       body.size_bytes);
	if (little_get_u16(at) != handshake->version)
		return err_set(err, ERR_NET_VERSION,
			       "the %s speaks protocol version %u, the %s version %u",
			       sides[handshake->side], handshake->version, sides[!handshake->side],
			       little_get_u16(at));
	if (body.size_bytes != HANDSHAKE_INTRODUCTION_BYTES)
		return err_set(err, ERR_NET_PROTOCOL,
			       "introduced itself with %zu bytes instead of %d", body.size_bytes,
			       HANDSHAKE_INTRODUCTION_BYTES);
	memcpy(role, at + ROLE_AT, HANDSHAKE_ROLE_BYTES);
	if (!handshake_role_valid(role))
		return err_set(err, ERR_NET_PROTOCOL,
			       "introduced itself with a role that is no name");
	if (strcmp(role, handshake->role) == 0 && at[DIALECT_AT] != handshake->dialect)
		return err_set(err, ERR_NET_VERSION,
			       "the %s sends frames of the %s in version %u, the %s in version %u",
			       sides[handshake->side], role, handshake->dialect,
			       sides[!handshake->side], at[DIALECT_AT]);
	memcpy(handshake->peer_role, role, HANDSHAKE_ROLE_BYTES);
	memcpy(handshake->peer_incarnation.bytes, at + INCARNATION_AT,
	       sizeof(handshake->peer_incarnation.bytes));
	memcpy(handshake->nonce_theirs, at + NONCE_AT, sizeof(handshake->nonce_theirs));
	memcpy(handshake->side == HANDSHAKE_CONNECTOR ? handshake_challenge(handshake) :
							handshake_hello(handshake),
	       at, HANDSHAKE_INTRODUCTION_BYTES);
	*flags = at[FLAGS_AT];
	handshake->peer_offers = (uint8_t)(*flags & ~FLAG_SECRET_REQUIRED);
	return 0;
}

static void handshake_hmac(struct handshake *handshake, char side, uint8_t hmac[HMAC_BYTES])
{
	handshake->transcript[0] = (uint8_t)side;
	hash_hmac_sha256(handshake->secret.data, handshake->secret.size_bytes,
			 handshake->transcript, sizeof(handshake->transcript), hmac);
}

/* In time that does not depend on where the difference is. */
static bool handshake_hmac_matches(struct handshake *handshake, char side, struct bytes theirs)
{
	uint8_t mine[HMAC_BYTES];
	const volatile uint8_t *at = theirs.data;
	uint8_t difference = 0;

	if (theirs.size_bytes != HMAC_BYTES)
		return false;
	handshake_hmac(handshake, side, mine);
	for (size_t i = 0; i < HMAC_BYTES; i++)
		difference |= (uint8_t)(mine[i] ^ at[i]);
	return difference == 0;
}

static int handshake_on_hello(struct handshake *handshake, struct bytes body, struct buf *out,
			      struct err *err)
{
	uint8_t flags;

	if (handshake_introduced(handshake, body, &flags, err) != 0)
		return handshake_refuse(handshake, out, err);
	handshake_introduce(handshake, FRAME_CHALLENGE, out);
	sm_move(&handshake_states, &handshake->state, HANDSHAKE_PROOF, handshake);
	return 0;
}

static int handshake_proof_check(struct handshake *handshake, struct bytes proof, struct err *err)
{
	if (handshake->secret.size_bytes == 0 && handshake->require_secret)
		return err_set(err, ERR_NET_SECRET,
			       "the %s has no cluster secret, so it takes connections of its own "
			       "host only",
			       handshake->role);
	if (handshake->secret.size_bytes == 0)
		return 0;
	if (proof.size_bytes == 0)
		return err_set(err, ERR_NET_SECRET,
			       "the %s wants the cluster secret, and the %s has none",
			       handshake->role, handshake->peer_role);
	if (!handshake_hmac_matches(handshake, 'c', proof))
		return err_set(err, ERR_NET_SECRET,
			       "the %s has another cluster secret than the %s",
			       handshake->peer_role, handshake->role);
	return 0;
}

/* PROOF or WELCOME. */
static void handshake_prove(struct handshake *handshake, uint16_t kind, struct buf *out)
{
	char side = handshake->side == HANDSHAKE_CONNECTOR ? 'c' : 's';
	uint8_t hmac[HMAC_BYTES];

	if (handshake->secret.size_bytes == 0) {
		frame_write(out, kind, 0, 0, 0, BYTES_EMPTY);
		return;
	}
	handshake_hmac(handshake, side, hmac);
	frame_write(out, kind, 0, 0, 0, bytes_of(hmac, sizeof(hmac)));
}

static int handshake_on_challenge(struct handshake *handshake, struct bytes body, struct buf *out,
				  struct err *err)
{
	uint8_t flags;

	if (handshake_introduced(handshake, body, &flags, err) != 0)
		return handshake_refuse(handshake, out, err);
	if (handshake->secret.size_bytes > 0 && !(flags & FLAG_SECRET_REQUIRED)) {
		err_set(err, ERR_NET_SECRET,
			"this process has a cluster secret, but the %s has none",
			handshake->peer_role);
		return handshake_refuse(handshake, out, err);
	}
	handshake_prove(handshake, FRAME_PROOF, out);
	sm_move(&handshake_states, &handshake->state, HANDSHAKE_WELCOME, handshake);
	return 0;
}

static int handshake_on_proof(struct handshake *handshake, struct bytes body, struct buf *out,
			      struct err *err)
{
	if (handshake_proof_check(handshake, body, err) != 0)
		return handshake_refuse(handshake, out, err);
	handshake_prove(handshake, FRAME_WELCOME, out);
	sm_move(&handshake_states, &handshake->state, HANDSHAKE_DONE, handshake);
	return 1;
}

static int handshake_on_welcome(struct handshake *handshake, struct bytes body, struct buf *out,
				struct err *err)
{
	if (handshake->secret.size_bytes > 0 && !handshake_hmac_matches(handshake, 's', body)) {
		err_set(err, ERR_NET_SECRET,
			"the %s did not prove that it knows the cluster secret",
			handshake->peer_role);
		return handshake_refuse(handshake, out, err);
	}
	sm_move(&handshake_states, &handshake->state, HANDSHAKE_DONE, handshake);
	return 1;
}

int handshake_frame(struct handshake *handshake, const struct frame *frame, struct buf *out,
		    struct err *err)
{
	int64_t size_bytes_max = handshake_size_max(handshake, frame->kind, frame->method);

	CHECK(!sm_is_final(&handshake_states, handshake->state), "frame after the handshake");
	if (size_bytes_max < 0 || frame->body.size_bytes > (uint64_t)size_bytes_max) {
		err_set(err, ERR_NET_PROTOCOL,
			"sent a frame of kind %u with %zu bytes instead of %s", frame->kind,
			frame->body.size_bytes, sm_name(&handshake_states, handshake->state));
		return handshake_refuse(handshake, out, err);
	}
	switch (frame->kind) {
	case FRAME_HELLO:
		return handshake_on_hello(handshake, frame->body, out, err);
	case FRAME_CHALLENGE:
		return handshake_on_challenge(handshake, frame->body, out, err);
	case FRAME_PROOF:
		return handshake_on_proof(handshake, frame->body, out, err);
	case FRAME_WELCOME:
		return handshake_on_welcome(handshake, frame->body, out, err);
	default:
		return handshake_refused(handshake, frame->body, err);
	}
}

int64_t handshake_size_max(void *context, uint16_t kind, uint16_t method)
{
	static const struct {
		uint16_t kind;
		int64_t size_bytes_max;
	} expected[] = {
		[HANDSHAKE_HELLO] = { FRAME_HELLO, INTRODUCTION_BYTES_MAX },
		[HANDSHAKE_CHALLENGE] = { FRAME_CHALLENGE, INTRODUCTION_BYTES_MAX },
		[HANDSHAKE_PROOF] = { FRAME_PROOF, HMAC_BYTES },
		[HANDSHAKE_WELCOME] = { FRAME_WELCOME, HMAC_BYTES },
		[HANDSHAKE_DONE] = { 0, 0 },
		[HANDSHAKE_REFUSED] = { 0, 0 },
	};
	const struct handshake *handshake = context;

	if (method != 0 || sm_is_final(&handshake_states, handshake->state))
		return -1;
	if (kind == expected[handshake->state].kind)
		return expected[handshake->state].size_bytes_max;
	if (kind == FRAME_REFUSED && handshake->side == HANDSHAKE_CONNECTOR)
		return 4 + REFUSED_TEXT_BYTES_MAX;
	return -1;
}
