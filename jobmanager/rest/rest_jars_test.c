/* SPDX-License-Identifier: Apache-2.0
 * rest_jars_test.c - programs over REST: uploading, listing, deleting, and what is refused. */
#include "jobmanager/rest/rest_test_bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define TYPE "Content-Type: multipart/form-data; boundary=xYz\r\n"

static struct reply upload_part(const char *disposition, const char *content, size_t size)
{
	struct buf body;
	struct reply reply;

	buf_init(&body);
	buf_printf(&body, "--xYz\r\nContent-Disposition: form-data; %s\r\n\r\n", disposition);
	buf_add(&body, content, size);
	buf_add_text(&body, "\r\n--xYz--\r\n");
	reply = ask_with("POST", "/jars/upload", TYPE, body.data, body.size_bytes);
	buf_fini(&body);
	return reply;
}

static struct reply upload(const char *filename, const char *content, size_t size)
{
	return upload_part(url_of("name=\"jarfile\"; filename=\"%s\"", filename), content, size);
}

static const char *upload_text(const char *filename, const char *text)
{
	struct reply reply = upload(filename, text, strlen(text));
	const char *path = text_at(&reply, "/filename"), *id = strrchr(path, '/');

	if (reply.status != 200 || id == NULL)
		fail_msg("%d %s", reply.status, reply.body.data);
	assert_string_equal(text_at(&reply, "/status"), "success");
	id = arena_strdup(arena, id + 1);
	reply_free(&reply);
	return id;
}

static int files_in_folder(void)
{
	char *path = url_of("%s/upload", directory);
	DIR *folder = opendir(path);
	int count = 0;

	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (folder != NULL)
		closedir(folder);
	return count;
}

static void programs_are_uploaded_listed_and_deleted(void **state)
{
	const char *first, *second;
	struct reply reply = get("/jars");
	struct stat seen;

	expect_shape(&reply, "{address:s files:[]}");
	first = upload_text("../../job.py", "print('hello')\n");
	second = upload_text("C:\\\\work\\\\count.c", "int x;\n");
	assert_string_equal(strchr(first, '_') + 1, "job.py");
	assert_string_equal(strchr(second, '_') + 1, "count.c");
	/* Two of the same moment stand in the order of their ids; this is the later one. */
	assert_int_equal(
		utimensat(AT_FDCWD, url_of("%s/upload/%s", directory, first),
			  (const struct timespec[]){ { .tv_sec = 1000 }, { .tv_sec = 1000 } }, 0),
		0);
	reply = get("/v1/jars");
	assert_string_equal(text_at(&reply, "/files/0/id"), second);
	assert_string_equal(text_at(&reply, "/files/0/name"), "count.c");
	assert_string_equal(text_at(&reply, "/files/0/entry/0/name"), "flink_main");
	assert_string_equal(text_at(&reply, "/files/1/name"), "job.py");
	assert_string_equal(text_at(&reply, "/files/1/entry/0/name"), "job");
	assert_int_equal(int_at(&reply, "/files/1/uploaded"), 1000000);
	expect_shape(&reply,
		     "{address:s files:[{id:s name:s uploaded:i entry:[{name:s description:n}]}]}");
	assert_int_equal(stat(url_of("%s/upload", directory), &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0700);
	reply = ask("DELETE", url_of("/jars/%s", first));
	expect_body(&reply, 200, "{}");
	reply = ask("DELETE", url_of("/jars/%s", first));
	expect_error(&reply, 400, "does not exist in");
	reply = get("/jars");
	assert_int_equal(json_array_size(at(reply.json, "/files")), 1);
	reply_free(&reply);
	assert_int_equal(files_in_folder(), 1);
}

static void uploads_outlive_the_jobmanager(void **state)
{
	const char *id = upload_text("job.py", "print('hello')\n");
	struct err err = ERR_INIT;
	struct reply reply;

	jobmanager_destroy(&jobmanager);
	if (create_jobmanager(&err) != 0)
		fail_msg("%s", err.text);
	port = jobmanager_rest_port(jobmanager);
	reply = get("/jars");
	assert_string_equal(text_at(&reply, "/files/0/id"), id);
	reply_free(&reply);
}

static void files_that_are_none_of_ours_are_not_shown(void **state)
{
	char *folder = url_of("%s/upload", directory);
	struct reply reply;

	upload_text("job.py", "x");
	write_file(folder, "notes.txt", "x", 1);
	write_file(folder, ".upload-of-another", "x", 1);
	write_file(folder, "01234567-89ab-4def-8123-456789abcdef_", "x", 1);
	assert_int_equal(
		mkdir(url_of("%s/01234567-89ab-4def-8123-456789abcdef_a.py", folder), 0700), 0);
	reply = get("/jars");
	assert_int_equal(json_array_size(at(reply.json, "/files")), 1);
	reply_free(&reply);
	reply = ask("DELETE", "/jars/notes.txt");
	expect_error(&reply, 400, "does not exist");
	reply = ask("DELETE", "/jars/..%2fsecret");
	expect_error(&reply, 400, "does not exist");
	assert_int_equal(files_in_folder(), 5);
	/* One that nobody has written to for an hour was left behind. */
	assert_int_equal(
		utimensat(AT_FDCWD, url_of("%s/.upload-of-another", folder),
			  (const struct timespec[]){ { .tv_sec = 1000 }, { .tv_sec = 1000 } }, 0),
		0);
	reply = get("/jars");
	reply_free(&reply);
	assert_int_equal(files_in_folder(), 4);
}

static void bad_names_are_refused_with_their_reason(void **state)
{
	static const char *const names[] = {
		"",	     "/",	    "dir/",	   ".",	     "..",	 "../..",
		".x.py",     "/.x.py",	    "a\x01.py",	   "\x1b.py", "a\x7f.py", "a\t.py",
		"\xff.py",   "\xc0\xaf.py", "a\xed\xa0\x80.py", "noending", "a.",	 "a.exe",
		"a.sh",	     "a.pyc",	    "a.py.txt",	   "a.SO",   "a.Py",	 ".py",
		".so",	     "py",	    "a.tar",	   "a.whl",  "a.egg",	 "a.class",
		"a.py/",     "a.py\\\\",    "a.h",	   "a.o",    "a.so.1",	 "a.zip ",
		"CON\\\\..", "..\\\\..",
	};
	struct reply reply;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		reply = upload(names[i], "text", 4);
		if (reply.status != 400)
			fail_msg("\"%s\": %d %s", names[i], reply.status, reply.body.data);
		expect_error(&reply, 400, "RestHandlerException: ");
	}
	char *long_name = arena_alloc(arena, 300);

	memset(long_name, 'n', 299);
	long_name[299] = '\0';
	reply = upload(long_name, "text", 4);
	expect_error(&reply, 400, "longer than 200 bytes");
	assert_int_equal(files_in_folder(), 0);
}

static void bad_contents_are_refused_with_what_to_send(void **state)
{
	static const char java[] = "PK\005\006\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct reply reply = upload("a.jar", java, sizeof(java) - 1);

	expect_error(&reply, 400, "there is no Java here: send a C file");
	reply = upload("a.py", "", 0);
	expect_error(&reply, 400, "empty");
	reply = upload("a.py", "a\0b", 3);
	expect_error(&reply, 400, "zero byte");
	reply = upload("a.so", "text", 4);
	expect_error(&reply, 400, "no shared object");
	reply = upload("a.zip", "text", 4);
	expect_error(&reply, 400, "no zip archive");
	reply = upload_part("name=\"foo\"", "bar", 3);
	expect_error(&reply, 400, "Received unknown attribute foo.");
	assert_int_equal(files_in_folder(), 0);
}

static void exactly_one_file_is_sent(void **state)
{
	static const char two[] =
		"--xYz\r\nContent-Disposition: form-data; name=a; filename=a.py\r\n\r\nx\r\n"
		"--xYz\r\nContent-Disposition: form-data; name=b; filename=b.py\r\n\r\nx\r\n--xYz--";
	static const char field[] =
		"--xYz\r\nContent-Disposition: form-data; name=a; filename=a.py\r\n\r\nx\r\n"
		"--xYz\r\nContent-Disposition: form-data; name=foo\r\n\r\nx\r\n--xYz--";
	static const char broken[] =
		"--xYz\r\nContent-Disposition: form-data; name=a; filename=a.py\r\n\r\nx\r\n";
	struct reply reply = ask_with("POST", "/jars/upload", TYPE, two, sizeof(two) - 1);

	expect_error(&reply, 400, "Exactly 1 file must be sent, received 2.");
	reply = ask_with("POST", "/jars/upload", TYPE, "--xYz--", 7);
	expect_error(&reply, 400, "Exactly 1 file must be sent, received 0.");
	reply = ask_with("POST", "/jars/upload", "Content-Type: application/json\r\n", "{}", 2);
	expect_error(&reply, 400, "Exactly 1 file must be sent, received 0.");
	reply = ask("POST", "/jars/upload");
	expect_error(&reply, 400, "Exactly 1 file must be sent, received 0.");
	reply = ask_with("POST", "/jars/upload", TYPE, field, sizeof(field) - 1);
	expect_error(&reply, 400, "Received unknown attribute foo.");
	reply = ask_with("POST", "/jars/upload", TYPE, broken, sizeof(broken) - 1);
	assert_int_equal(reply.status, 500);
	if (strstr(text_at(&reply, "/errors/1"), "File upload failed: it ends inside a part.") ==
	    NULL)
		fail_msg("%s", reply.body.data);
	reply_free(&reply);
	assert_int_equal(files_in_folder(), 0);
}

/* A folder that somebody else may write to is no place for programs. */
static void a_folder_open_to_others_is_refused(void **state)
{
	char *folder = url_of("%s/upload", directory);
	struct reply reply;

	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	reply = upload("a.py", "x", 1);
	expect_error(&reply, 500, "Internal server error");
	assert_int_equal(files_in_folder(), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	upload_text("a.py", "x");
}

static int start_without_submit(void **state)
{
	static const char *const settings[] = { "web.submit.enable=false", NULL };

	start_with(settings);
	return 0;
}

static void without_submit_there_are_no_such_routes(void **state)
{
	struct reply reply = get("/config");

	assert_true(json_is_false(at(reply.json, "/features/web-submit")));
	reply_free(&reply);
	reply = get("/jars");
	assert_int_equal(reply.status, 404);
	reply_free(&reply);
	reply = upload("a.py", "x", 1);
	expect_error(&reply, 404, "Not found: /jars/upload");
	reply = ask("DELETE", "/v1/jars/x");
	expect_error(&reply, 404, "Not found: /v1/jars/x");
	assert_int_equal(files_in_folder(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(programs_are_uploaded_listed_and_deleted),
		WITH_SERVER(uploads_outlive_the_jobmanager),
		WITH_SERVER(files_that_are_none_of_ours_are_not_shown),
		WITH_SERVER(bad_names_are_refused_with_their_reason),
		WITH_SERVER(bad_contents_are_refused_with_what_to_send),
		WITH_SERVER(exactly_one_file_is_sent),
		WITH_SERVER(a_folder_open_to_others_is_refused),
		cmocka_unit_test_setup_teardown(without_submit_there_are_no_such_routes,
						start_without_submit, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
