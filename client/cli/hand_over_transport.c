/* SPDX-License-Identifier: Apache-2.0
 * hand_over_transport.c - a session of a program that a JobManager runs for a REST client: its job
 * goes back to that JobManager over an inherited socket (common/wire/hand_over.h), and that is all
 * that can be asked. The program waits meanwhile, so the socket may block the session's thread. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cli/session.h"
#include "common/base/mem.h"
#include "common/wire/hand_over.h"
#include "dispatcher.pb-c.h"

static int send_all(struct bytes bytes, struct err *err)
{
	const char *at = bytes.data;

	for (size_t left = bytes.size_bytes; left > 0;) {
		ssize_t sent = send(PROCESS_CONN_FD, at, left, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return err_set_errno(err, ERR_NET_CLOSED, errno,
					     "the job cannot be handed to the JobManager");
		at += sent;
		left -= (size_t)sent;
	}
	return 0;
}

static int receive(char *into, size_t size_bytes, struct err *err)
{
	while (size_bytes > 0) {
		ssize_t got = recv(PROCESS_CONN_FD, into, size_bytes, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, ERR_NET_CLOSED,
				       "the JobManager has ended while it took the job");
		into += got;
		size_bytes -= (size_t)got;
	}
	return 0;
}

static int send_job(const struct call *call, struct err *err)
{
	Flink__SubmitJobRequest message = FLINK__SUBMIT_JOB_REQUEST__INIT;
	struct hand_over_header header = { .kind = HAND_OVER_JOB };
	struct buf body;
	int result = 0;

	message.graph = (Flink__JobGraph *)(uintptr_t)call->graph;
	size_t size_bytes = flink__submit_job_request__get_packed_size(&message);

	if (size_bytes > HAND_OVER_JOB_BYTES_MAX || call->artifact.size_bytes > UINT32_MAX)
		return err_set(err, ERR_TOO_LARGE, "the job has %zu bytes, at most %d are allowed",
			       size_bytes, HAND_OVER_JOB_BYTES_MAX);
	header.size_bytes = (uint32_t)size_bytes;
	header.more = (uint32_t)call->artifact.size_bytes;
	buf_init(&body);
	hand_over_put(&body, &header);
	flink__submit_job_request__pack(&message, (uint8_t *)buf_reserve(&body, size_bytes));
	body.size_bytes += size_bytes;
	result = send_all(buf_bytes(&body), err);
	buf_fini(&body);
	return result == 0 ? send_all(call->artifact, err) : -1;
}

static int receive_outcome(struct err *err)
{
	char bytes[HAND_OVER_HEADER_BYTES], text[HAND_OVER_TEXT_BYTES_MAX + 1];
	struct hand_over_header header;

	if (receive(bytes, sizeof(bytes), err) < 0)
		return -1;
	if (!hand_over_get(bytes, HAND_OVER_OUTCOME, &header))
		return err_set(err, ERR_NET_PROTOCOL,
			       "the JobManager's answer is none that is known");
	if (receive(text, header.size_bytes, err) < 0)
		return -1;
	text[header.size_bytes] = '\0';
	return header.more == 0 ? 0 : err_set(err, (enum err_code)header.more, "%s", text);
}

static void begin(struct transport *transport, struct call *call)
{
	if (call->kind != CALL_SUBMIT)
		err_set(&call->err, ERR_NOT_YET,
			"a program that runs for the REST API hands over its job and does not "
			"follow it; leave execution.attached out");
	else if (send_job(call, &call->err) == 0)
		(void)receive_outcome(&call->err);
	call_finish(call);
}

static void step(struct transport *transport, mono_t now, mono_t *wake_at)
{
}

static void close_transport(struct transport *transport)
{
	mem_free(transport);
}

static const struct transport_vtable hand_over_vtable = {
	.begin = begin,
	.step = step,
	.close = close_transport,
};

int hand_over_transport_open(struct session *session, struct transport **transport, struct err *err)
{
	/* Programs that this one starts have no business with it. */
	if (fcntl(PROCESS_CONN_FD, F_SETFD, FD_CLOEXEC) != 0)
		return err_set_errno(err, ERR_RESOURCE, errno,
				     "there is no JobManager to hand the job to");
	*transport = MEM_NEW(struct transport);
	**transport = (struct transport){ &hand_over_vtable, session };
	return 0;
}
