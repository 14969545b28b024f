/* SPDX-License-Identifier: Apache-2.0
 * rest_door_test.c - strangers at the REST port: malformed, oversized, slow and silent requests,
 * foreign origins, paths that want out of their folder. After each the server answers others as
 * before. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "jobmanager/rest/rest_test_bed.h"

#define HOST "Host: localhost\r\n"

static void expect_alive(void)
{
	struct reply reply = get("/config");

	assert_int_equal(reply.status, 200);
	reply_free(&reply);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

struct raw {
	int status; /* 0: closed without an answer */
	const char *bytes;
	size_t size; /* 0: up to the NUL */
};

static void expect_raw(const struct raw *raw)
{
	size_t size = raw->size != 0 ? raw->size : strlen(raw->bytes);
	struct reply reply;
	int fd = dial(port);

	send_all(fd, raw->bytes, size);
	if (raw->status == 0)
		shutdown(fd, SHUT_WR);
	read_reply(fd, false, &reply);
	close(fd);
	if (reply.status != raw->status)
		fail_msg("%d instead of %d for %.200s", reply.status, raw->status, raw->bytes);
	if (reply.status >= 400 && json_array_size(at(reply.json, "/errors")) == 0)
		fail_msg("no errors in %s", reply.body.data);
	reply_free(&reply);
}

static const struct raw malformed[] = {
	{ 0, "GET", 0 },
	{ 0, "GET /config HTTP/1.1\r\n" HOST, 0 },
	{ 0, "\r\n\r\n\r\n", 0 },
	{ 0, "PUT /artifacts/00 HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nhalf", 0 },
	{ 0, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", 0 },
	{ 200, "\r\n\r\nGET /config HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 200, "GET /config HTTP/1.0\n\n", 0 },
	{ 200, "GET http://localhost/config HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 200, "GET /config?x=%zz&&=&a HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /config#part HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /config\r\n\r\n", 0 },
	{ 400, "HELO localhost\r\n\r\n", 0 },
	{ 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 13 }, /* TLS knocks */
	{ 400, "\0\0\0\0\0\0\n\n", 8 },
	{ 400, "GET /con\0fig HTTP/1.1\r\n" HOST "\r\n", 42 },
	{ 400, "GET /config HTTP/1.1\r\n\r\n", 0 },
	{ 400, "GET /config HTTP/1.1\r\n" HOST HOST "\r\n", 0 },
	{ 400, "GET /config HTTP/1.1\r\n" HOST "Fold: a\r\n b\r\n\r\n", 0 },
	{ 400, "GET /config HTTP/1.1\r\n" HOST "Na me: a\r\n\r\n", 0 },
	{ 400, "GET /con fig HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET \\config HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /\xff HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
	{ 505, "GET /config HTTP/3.0\r\n" HOST "\r\n", 0 },
	{ 501, "BREW /pot HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 501, "CONNECT /x HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 501, "TRACE /config HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 417, "PUT /jobs HTTP/1.1\r\n" HOST "Expect: a lot\r\n\r\n", 0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n", 0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n", 0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
	  0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n",
	  0 },
	{ 413, "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 999999999999999999\r\n\r\n", 0 },
	{ 413, "GET /config HTTP/1.1\r\n" HOST "Content-Length: 104857601\r\n\r\n", 0 },
	{ 400,
	  "POST /jobs HTTP/1.1\r\n" HOST
	  "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
	  0 },
	{ 501, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 0 },
	{ 413, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFF\r\n",
	  0 },
	{ 400, "POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 0 },
	{ 404, "GET /jobs/00000000000000000000000000000000 HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /jobs/zz HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	  0 },
	{ 404, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 404, "DELETE / HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 404, "PUT /index.html HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\noops", 0 },
	{ 404, "POST /app.js HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /jobs/%00 HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ 400, "GET /jobs/%f HTTP/1.1\r\n" HOST "\r\n", 0 },
};

static void malformed_requests_are_refused_and_hurt_nobody(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(malformed); i++)
		expect_raw(&malformed[i]);
	expect_alive();
}

static void a_head_is_bounded(void **state)
{
	struct raw raw = { .status = 431 };
	struct buf text;

	buf_init(&text);
	buf_add_text(&text, "GET /");
	while (text.size_bytes < 99000)
		buf_add_text(&text,
			     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	raw.bytes = text.data;
	expect_raw(&raw); /* it does not end at all */
	buf_clear(&text);
	buf_add_text(&text, "GET /config HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 64; i++)
		buf_printf(&text, "X-%d: y\r\n", i);
	buf_add_text(&text, "\r\n");
	raw.bytes = text.data;
	expect_raw(&raw); /* too many headers */
	buf_clear(&text);
	buf_add_text(&text, "GET /config HTTP/1.1\r\n" HOST "X-Long: ");
	for (int i = 0; i < 8184; i++)
		buf_add_text(&text, "y");
	raw = (struct raw){ 200, text.data, 0 };
	struct buf longer;

	buf_init(&longer);
	buf_printf(&longer, "%sy\r\n\r\n", text.data);
	buf_add_text(&text, "\r\n\r\n");
	raw.bytes = text.data;
	expect_raw(&raw);
	raw = (struct raw){ 431, longer.data, 0 };
	expect_raw(&raw); /* a header of one byte too many */
	buf_fini(&longer);
	buf_clear(&text);
	buf_add_text(&text, "GET /config?");
	while (text.size_bytes < 80000)
		buf_add_text(&text, "a=b&");
	buf_add_text(&text, " HTTP/1.1\r\n" HOST "\r\n");
	raw = (struct raw){ 200, text.data, 0 };
	expect_raw(&raw);
	buf_fini(&text);
	expect_alive();
}

/* ---- connections ---------------------------------------------------------------------------- */

static void requests_share_a_connection(void **state)
{
	static const char one[] = "GET /jobs HTTP/1.1\r\n" HOST "\r\n";
	static const char two[] =
		"GET /taskmanagers HTTP/1.1\r\n" HOST "\r\nHEAD /jobs HTTP/1.1\r\n" HOST
		"\r\nGET /jobs HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
	struct reply reply;
	int fd = dial(port);

	for (size_t i = 0; i < strlen(one); i++)
		send_all(fd, one + i, 1);
	read_reply(fd, false, &reply);
	assert_non_null(strstr(reply.head.data, "Connection: keep-alive"));
	expect_body(&reply, 200, "{\"jobs\":[]}");
	send_all(fd, two, strlen(two)); /* three at once: answered in their order */
	read_reply(fd, false, &reply);
	expect_body(&reply, 200, "{\"taskmanagers\":[]}");
	read_reply(fd, true, &reply);
	assert_int_equal(content_length(&reply.head), 11);
	reply_free(&reply);
	read_reply(fd, false, &reply);
	assert_non_null(strstr(reply.head.data, "Connection: close"));
	expect_body(&reply, 200, "{\"jobs\":[]}");
	assert_true(is_closed(fd));
	close(fd);
	fd = dial(port);
	send_all(fd, "GET /jobs HTTP/1.0\r\n\r\n", 22);
	shutdown(fd, SHUT_WR); /* as nc does at the end of its input */
	read_reply(fd, false, &reply);
	expect_body(&reply, 200, "{\"jobs\":[]}");
	assert_true(is_closed(fd));
	close(fd);
}

static int start_small(void **state)
{
	static const char *const settings[] = { "rest.server.max-content-length=2000",
						"rest.server.numThreads=1", NULL };

	start_with(settings);
	return 0;
}

static void bodies_over_the_limit_are_refused_while_they_come(void **state)
{
	static const char head[] = "POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n";
	static const char chunked[] =
		"POST /jobs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
	char piece[1000] = "3de\r\n"; /* 990 bytes */
	struct reply reply;
	int fd = dial(port);

	send_all(fd, head, strlen(head));
	for (int i = 0; i < 100; i++)
		send_all(fd, piece, sizeof(piece));
	read_reply(fd, false, &reply);
	expect_error(&reply, 413, "rest.server.max-content-length allows 2000");
	close(fd);
	memset(piece + 5, 'x', 990);
	memcpy(piece + 995, "\r\n", 2);
	fd = dial(port);
	send_all(fd, chunked, strlen(chunked));
	for (int i = 0; i < 5; i++)
		send_all(fd, piece, 997);
	read_reply(fd, false, &reply);
	expect_error(&reply, 413, "2000 bytes");
	close(fd);
	expect_alive();
}

static void a_body_may_come_in_chunks_and_be_waited_for(void **state)
{
	static const char head[] = "PUT /artifacts/00 HTTP/1.1\r\n" HOST
				   "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char body[] = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nDone: yes\r\n\r\n";
	struct reply reply;
	int fd = dial(port);

	send_all(fd, head, strlen(head));
	read_reply(fd, false, &reply);
	assert_int_equal(reply.status, 100);
	reply_free(&reply);
	for (size_t i = 0; i < strlen(body); i++)
		send_all(fd, body + i, 1);
	read_reply(fd, false, &reply);
	expect_error(&reply, 400, "64 hex digits"); /* it arrived, and was looked at */
	send_all(fd, "GET /jobs HTTP/1.1\r\n" HOST "\r\n", 39);
	read_reply(fd, false, &reply);
	expect_body(&reply, 200, "{\"jobs\":[]}");
	close(fd);
}

/* More than are let in stay half open in every way there is; one who asks is answered all the same.
 *  */
static void slow_and_silent_clients_starve_nobody(void **state)
{
	static const char *const halves[] = {
		"",
		"GET /con",
		"GET /config HTTP/1.1\r\nHost: local",
		"POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nfirst bytes",
		"POST /jobs HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n3e8\r\nfirst bytes",
	};
	int fds[700];
	struct rlimit files;

	/* Both ends of every connection are in this process; an ordinary user begins with 1024. */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = dial(port);
		send_all(fds[i], halves[i % ARRAY_COUNT(halves)],
			 strlen(halves[i % ARRAY_COUNT(halves)]));
		if (i % 100 == 99)
			expect_alive();
	}
	for (int i = 0; i < 20; i++)
		expect_alive();
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
		close(fds[i]);
}

static int largest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* Not 0: what went wrong. Of a process of its own, so that its descriptors are its own too. */
static int crowd(uint16_t to_port)
{
	static const char request[] =
		"GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(to_port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = DEADLINE_S };
	char answer[13];
	int first = -1;

	for (int i = 0; i < 300; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool asks = i % 3 == 2;

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			return 1;
		first = first < 0 ? fd : first;
		if (!asks) /* and stays */
			continue;
		if (send_all(fd, request, strlen(request)) != strlen(request))
			return 2;
		if (recv(fd, answer, 12, MSG_WAITALL) != 12 || memcmp(answer, "HTTP/1.1 200", 12))
			return 3;
		close(fd);
	}
	return recv(first, answer, 1, 0) == 0 ? 0 : 4; /* the oldest had to go */
}

static void without_descriptors_the_idle_go_and_all_who_ask_are_served(void **state)
{
	struct rlimit files;
	int status = 0;

	expect_alive(); /* the connections inside are there */
	getrlimit(RLIMIT_NOFILE, &files);
	rlim_t before = files.rlim_cur;
	files.rlim_cur = (rlim_t)largest_fd() + 40;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
	pid_t child = fork();

	if (child == 0) {
		files.rlim_cur = files.rlim_max;
		_exit(setrlimit(RLIMIT_NOFILE, &files) == 0 ? crowd(port) : 5);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	files.rlim_cur = before;
	setrlimit(RLIMIT_NOFILE, &files);
	if (status != 0)
		fail_msg("a client was not served: %d", WEXITSTATUS(status));
	expect_alive();
}

#define BIG (16 * 1024 * 1024) /* more than the kernel takes in for a client that does not read */

static void who_does_not_read_its_answer_starves_nobody(void **state)
{
	static const char request[] = "GET /jobmanager/logs/big HTTP/1.1\r\n" HOST "\r\n";
	char *big = mem_alloc(BIG);
	struct reply reply;
	int fds[3]; /* more than the threads that serve files; each is read whole below */

	memset(big, 'x', BIG);
	write_file(log_directory, "big", big, BIG);
	mem_free(big);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = dial(port);
		send_all(fds[i], request, strlen(request));
		expect_alive();
	}
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		read_reply(fds[i], false, &reply);
		assert_int_equal(reply.body.size_bytes, BIG);
		reply_free(&reply);
		close(fds[i]);
	}
}

static void ignore_files(void *context)
{
	taskmanager->ignore_files = true;
}

/* One thread inside, and it is never held by a request that waits. */
static void requests_that_wait_hold_no_thread(void **state)
{
	int fds[60];
	char request[256];
	const char *job = submit("waits", 1, 1);

	start_taskmanager("tm1", 1);
	await_text(url_of("/jobs/%s/status", job), "/status", "RUNNING");
	on_taskmanager(ignore_files, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		fds[i] = dial(port);
		if (i < 5)
			snprintf(request, sizeof(request),
				 "GET /taskmanagers/tm1/log HTTP/1.1\r\n" HOST "\r\n");
		else
			snprintf(request, sizeof(request),
				 "GET /jobs/%s/output?wait_ms=9000&status=RUNNING HTTP/1.1\r\n" HOST
				 "\r\n",
				 job);
		send_all(fds[i], request, strlen(request));
	}
	for (int i = 0; i < 5; i++)
		expect_alive();
	for (size_t i = 0; i < 5; i++)
		close(fds[i]); /* nobody is there any more when the answer comes */
	struct reply reply = ask("PATCH", url_of("/jobs/%s", job));

	assert_int_equal(reply.status, 202);
	reply_free(&reply);
	for (size_t i = 5; i < ARRAY_COUNT(fds); i++) {
		read_reply(fds[i], false, &reply);
		assert_int_equal(reply.status, 200);
		assert_string_not_equal(text_at(&reply, "/status"), "RUNNING");
		reply_free(&reply);
		close(fds[i]);
	}
}

/* ---- who may call --------------------------------------------------------------------------- */

struct caller {
	const char *method, *path, *headers;
	int status;
};

static void expect_callers(const struct caller *callers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct reply reply;
		struct buf request;

		buf_init(&request);
		buf_printf(&request, "%s %s HTTP/1.1\r\n%s\r\n", callers[i].method, callers[i].path,
			   callers[i].headers);
		exchange(request.data, request.size_bytes, &reply);
		buf_fini(&request);
		if (reply.status != callers[i].status)
			fail_msg("%d for %s %s %s", reply.status, callers[i].method,
				 callers[i].path, callers[i].headers);
		reply_free(&reply);
	}
}

#define NOBODY "/jobs/00000000000000000000000000000001"

static void pages_of_other_sites_change_nothing(void **state)
{
	static const struct caller callers[] = {
		{ "PATCH", NOBODY, "Host: localhost:8081\r\n", 404 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nOrigin: http://localhost:8081\r\n",
		  404 },
		{ "PATCH", NOBODY, "Host: LOCALHOST:8081\r\nOrigin: http://localhost:8081\r\n",
		  404 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nOrigin: https://localhost:8081\r\n",
		  404 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nOrigin: http://localhost:9000\r\n",
		  403 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nOrigin: http://evil.example\r\n", 403 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nOrigin: null\r\n", 403 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "PATCH", NOBODY, "Host: localhost:8081\r\nSec-Fetch-Site: same-origin\r\n", 404 },
		{ "POST", "/jobs", "Host: localhost\r\nOrigin: http://evil.example\r\n", 403 },
		{ "PUT", "/artifacts/00", "Host: localhost\r\nOrigin: http://evil.example\r\n",
		  403 },
		{ "GET", NOBODY "/yarn-cancel",
		  "Host: localhost\r\nOrigin: http://evil.example\r\n", 403 },
		{ "GET", NOBODY "/yarn-cancel?x",
		  "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "GET", "/v1" NOBODY "/yarn-cancel",
		  "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "GET", NOBODY "/yarn-cancel", "Host: localhost\r\n", 404 },
		{ "GET", NOBODY "/yarn-stop?mode=stop",
		  "Host: localhost\r\nOrigin: http://evil.example\r\n", 403 },
		{ "HEAD", NOBODY "/yarn-stop",
		  "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "GET", NOBODY "/yarn-stop", "Host: localhost\r\n", 404 },
		{ "GET", "/v1/jars/00_a.c/plan?program-args=x",
		  "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403 },
		{ "GET", "/jars/%41/plan", "Host: localhost\r\nOrigin: null\r\n", 403 },
		{ "GET", "/jars", "Host: localhost\r\nOrigin: http://evil.example\r\n", 200 },
		{ "GET", NOBODY "/plan",
		  "Host: localhost\r\nOrigin: http://evil.example\r\n", 404 },
		{ "GET", "/config", "Host: localhost\r\nOrigin: http://evil.example\r\n", 200 },
		/* a name of theirs with an address of ours */
		{ "GET", "/config", "Host: evil.example:8081\r\n", 421 },
		{ "PATCH", NOBODY,
		  "Host: evil.example:8081\r\nOrigin: http://evil.example:8081\r\n", 421 },
		{ "GET", "/config", "Host: localhost.evil.example\r\n", 421 },
		{ "GET", "/config", "Host: 127.0.0.1:8081\r\n", 200 },
		{ "GET", "/config", "Host: 127.1.evil.example\r\n", 421 },
		{ "GET", "/config", "Host: 127.evil.example\r\n", 421 },
		{ "GET", "/config", "Host: [::1]:8081\r\n", 200 },
		{ "GET", "/config", "Host: app.localhost\r\n", 200 },
		{ "GET", "/config", "Host: \r\n", 200 },
	};

	expect_callers(callers, ARRAY_COUNT(callers));
}

static int start_with_origin(void **state)
{
	static const char *const settings[] = {
		"web.access-control-allow-origin=https://ui.example", "rest.address=flink.example",
		NULL
	};

	start_with(settings);
	return 0;
}

static void one_other_site_can_be_allowed(void **state)
{
	static const struct caller callers[] = {
		{ "PATCH", NOBODY, "Host: localhost\r\nOrigin: https://ui.example\r\n", 404 },
		{ "PATCH", NOBODY, "Host: localhost\r\nOrigin: https://other.example\r\n", 403 },
		{ "GET", "/config", "Host: flink.example:8081\r\n", 200 },
	};
	struct reply reply = ask_with("GET", "/config", "Origin: https://ui.example\r\n", NULL, 0);

	expect_callers(callers, ARRAY_COUNT(callers));
	assert_non_null(
		strstr(reply.head.data, "\r\nAccess-Control-Allow-Origin: https://ui.example\r\n"));
	assert_non_null(strstr(reply.head.data, "\r\nVary: Origin\r\n"));
	reply_free(&reply);
	reply = ask_with("GET", "/config", "Origin: https://other.example\r\n", NULL, 0);
	assert_null(strstr(reply.head.data, "Access-Control"));
	reply_free(&reply);
	reply = ask_with("OPTIONS", NOBODY,
			 "Origin: https://ui.example\r\nAccess-Control-Request-Method: PATCH\r\n",
			 NULL, 0);
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.head.data,
			       "\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH"));
	reply_free(&reply);
	reply = ask_with(
		"OPTIONS", NOBODY,
		"Origin: https://other.example\r\nAccess-Control-Request-Method: PATCH\r\n", NULL,
		0);
	assert_null(strstr(reply.head.data, "Access-Control-Allow"));
	reply_free(&reply);
}

/* Whether a socket's inode is one of this process's. */
static bool is_ours(unsigned long inode)
{
	char path[64], target[64], wanted[64];
	bool found = false;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	for (int fd = 0; fd < 1024 && !found; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	return found;
}

/* The ports of 127.0.0.1 on which this process listens beside the door's. */
static void on_inner_ports(void (*visit)(uint16_t inner))
{
	FILE *file = fopen("/proc/net/tcp", "r");
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned address, here, state;
		unsigned long inode;

		if (sscanf(line, " %*d: %8X:%X %*8X:%*X %X %*X:%*X %*X:%*X %*X %*u %*u %lu",
			   &address, &here, &state, &inode) == 4 &&
		    state == 0x0A && address == htonl(INADDR_LOOPBACK) && here != port &&
		    is_ours(inode))
			visit((uint16_t)here);
	}
	fclose(file);
}

static uint32_t refusals;

static void ask_inside(uint16_t inner)
{
	static const char *const requests[] = {
		"GET /config HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
		"GET /app.js HTTP/1.1\r\n" HOST
		"Connection: close\r\nX-Door-Key: 00000000000000000000000000000000\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		struct reply reply;
		int fd = dial(inner);

		send_all(fd, requests[i], strlen(requests[i]));
		read_reply(fd, false, &reply);
		close(fd);
		expect_error(&reply, 403, "This port is the JobManager's own.");
		refusals++;
	}
}

static void only_the_door_is_answered_inside(void **state)
{
	refusals = 0;
	expect_alive();
	on_inner_ports(ask_inside);
	assert_int_equal(refusals, 2);
	expect_alive();
}

/* ---- files ---------------------------------------------------------------------------------- */

static void nothing_outside_its_folder_can_be_asked_for(void **state)
{
	static const char *const paths[] = {
		"/jobmanager/logs/../secret",
		"/jobmanager/logs/..%2Fsecret",
		"/jobmanager/logs/%2e%2e%2fsecret",
		"/jobmanager/logs/..%252fsecret",
		"/jobmanager/logs/%252e%252e%252fsecret",
		"/jobmanager/logs/..%5Csecret",
		"/jobmanager/logs/folder%2f..%2f..%2fsecret",
		"/jobmanager/logs/.",
		"/jobmanager/logs/..",
		"/jobmanager/logs/folder",
		"/jobmanager/logs/%2F",
		"/jobmanager/logs/jobmanager.log%2F..%2F..%2Fsecret",
		"/jobmanager/logs/%2Fetc%2Fpasswd",
		"/v1/jobmanager/logs/..%2Fsecret",
		"/../secret",
		"/..%2fsecret",
		"/%2e%2e/secret",
		"/%252e%252e/secret",
		"/web/../../secret",
		"/./../secret",
		"//secret",
		"/....//secret",
		"/..\\secret",
		"/app.js/../../secret",
		"/.%2e/secret",
		"/../web/../secret",
		"/log/",
		"/secret",
	};

	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		struct reply reply = get("%s", paths[i]);

		if (reply.status != 404 || strstr(reply.body.data, BED_SECRET) != NULL)
			fail_msg("%s: %d %s", paths[i], reply.status, reply.body.data);
		assert_true(json_array_size(at(reply.json, "/errors")) >= 1);
		reply_free(&reply);
	}
}

static void the_page_is_served_with_its_dates(void **state)
{
	struct reply reply = get("/");
	char header[256], *etag;

	assert_non_null(strstr(reply.head.data, "\r\nContent-Type: text/html"));
	assert_non_null(strstr(reply.head.data, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(
		strstr(reply.head.data, "\r\nContent-Security-Policy: frame-ancestors 'none'\r\n"));
	assert_non_null(strstr(reply.head.data, "\r\nCache-Control: no-cache\r\n"));
	expect_body(&reply, 200, "<!doctype html>page");
	reply = get("/app.js?v=1");
	assert_non_null(strstr(reply.head.data, "\r\nCache-Control: no-cache\r\n"));
	assert_non_null(strstr(reply.head.data, "\r\nLast-Modified: "));
	etag = strstr(reply.head.data, "\r\nEtag: ");
	assert_non_null(etag);
	snprintf(header, sizeof(header), "If-None-Match: %.*s\r\n", (int)strcspn(etag + 8, "\r"),
		 etag + 8);
	expect_body(&reply, 200, "let it;");
	reply = ask_with("GET", "/app.js", header, NULL, 0);
	/* A browser would obey it, and load nothing of a page that it has already. */
	assert_null(strstr(reply.head.data, "Content-Security-Policy"));
	expect_body(&reply, 304, "");
	reply = ask_with("GET", "/app.js", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
			 NULL, 0);
	assert_null(strstr(reply.head.data, "Cache-Control"));
	expect_body(&reply, 304, "");
	reply = ask_with("GET", "/app.js", "Range: bytes=4-5\r\n", NULL, 0);
	expect_body(&reply, 206, "it");
	reply = ask("HEAD", "/app.js");
	assert_int_equal(reply.status, 200);
	assert_int_equal(content_length(&reply.head), 7);
	reply_free(&reply);
}

static void expect_file(const char *path, const char *more, int status, const char *header)
{
	struct reply reply = ask_with("GET", path, more, NULL, 0);
	const char *line = strstr(reply.head.data, header);

	if (reply.status != status || line == NULL || strstr(line + 1, header) != NULL)
		fail_msg("%s: %d, \"%s\" is not there once: %s", path, reply.status, header,
			 reply.head.data);
	reply_free(&reply);
}

static void files_have_their_types_and_ages(void **state)
{
	static const char *const types[][2] = {
		{ "a.css", "text/css; charset=UTF-8" },
		{ "a.b.js", "text/javascript; charset=UTF-8" },
		{ "a.svg", "image/svg+xml" },
		{ "a.woff2", "font/woff2" },
		{ "a.json", "application/json" },
		{ "a.js.map", "application/json" },
		{ "a.webmanifest", "application/manifest+json" },
		{ "favicon.ico", "image/x-icon" },
		{ "odd", "application/octet-stream" },
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		write_file(web_directory, types[i][0], "x", 1);
		snprintf(text, sizeof(text), "/%s", types[i][0]);
		char header[96];

		snprintf(header, sizeof(header), "\r\nContent-Type: %s\r\n", types[i][1]);
		expect_file(text, NULL, 200, header);
	}
	snprintf(text, sizeof(text), "mkdir %s/assets", web_directory);
	assert_int_equal(system(text), 0);
	write_file(web_directory, "assets/index-BdR3x_a1.js", "x", 1);
	write_file(web_directory, "assets/font-one.css", "x", 1);
	write_file(web_directory, "index-BdR3x_a1.js", "x", 1);
	expect_file("/assets/index-BdR3x_a1.js", NULL, 200,
		    "\r\nCache-Control: public, max-age=31536000, immutable\r\n");
	expect_file("/assets/font-one.css", NULL, 200, "\r\nCache-Control: no-cache\r\n");
	expect_file("/index-BdR3x_a1.js", NULL, 200, "\r\nCache-Control: no-cache\r\n");
	expect_file("/assets", NULL, 404, "\r\nContent-Type: application/json");
	expect_file("/assets/", NULL, 404, "\r\nContent-Type: application/json");
	expect_file("/.hidden", NULL, 404, "\r\nContent-Type: application/json");
}

static void a_packed_file_beside_is_sent_to_who_takes_it(void **state)
{
	struct reply reply;

	write_file(web_directory, "app.js.gz", "packed", 6);
	reply = ask_with("GET", "/app.js", "Accept-Encoding: br, gzip\r\n", NULL, 0);
	assert_non_null(strstr(reply.head.data, "\r\nContent-Encoding: gzip\r\n"));
	assert_non_null(strstr(reply.head.data, "\r\nVary: Accept-Encoding\r\n"));
	assert_non_null(strstr(reply.head.data, "\r\nContent-Type: text/javascript"));
	expect_body(&reply, 200, "packed");
	reply = get("/app.js");
	assert_null(strstr(reply.head.data, "Content-Encoding"));
	assert_non_null(strstr(reply.head.data, "\r\nVary: Accept-Encoding\r\n"));
	expect_body(&reply, 200, "let it;");
	reply = ask_with("GET", "/app.js", "Accept-Encoding: xgzip, gzip;q=0.0, br\r\n", NULL, 0);
	expect_body(&reply, 200, "let it;");
	reply = ask_with("GET", "/app.js", "Accept-Encoding: gzip; q=0.1\r\n", NULL, 0);
	expect_body(&reply, 200, "packed");
	reply = ask_with("GET", "/", "Accept-Encoding: gzip\r\n", NULL, 0);
	assert_null(strstr(reply.head.data, "Content-Encoding"));
	expect_body(&reply, 200, "<!doctype html>page");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(malformed_requests_are_refused_and_hurt_nobody),
		WITH_SERVER(a_head_is_bounded),
		WITH_SERVER(requests_share_a_connection),
		cmocka_unit_test_setup_teardown(bodies_over_the_limit_are_refused_while_they_come,
						start_small, stop),
		WITH_SERVER(a_body_may_come_in_chunks_and_be_waited_for),
		WITH_SERVER(slow_and_silent_clients_starve_nobody),
		WITH_SERVER(without_descriptors_the_idle_go_and_all_who_ask_are_served),
		WITH_SERVER(who_does_not_read_its_answer_starves_nobody),
		cmocka_unit_test_setup_teardown(requests_that_wait_hold_no_thread, start_small,
						stop),
		WITH_SERVER(pages_of_other_sites_change_nothing),
		cmocka_unit_test_setup_teardown(one_other_site_can_be_allowed, start_with_origin,
						stop),
		WITH_SERVER(only_the_door_is_answered_inside),
		WITH_SERVER(nothing_outside_its_folder_can_be_asked_for),
		WITH_SERVER(the_page_is_served_with_its_dates),
		WITH_SERVER(files_have_their_types_and_ages),
		WITH_SERVER(a_packed_file_beside_is_sent_to_who_takes_it),
	};

	cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests_name("rest door", tests, NULL, NULL);
}
