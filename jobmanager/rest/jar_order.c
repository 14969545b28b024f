/* SPDX-License-Identifier: Apache-2.0
 * jar_order.c - what a process that runs an uploaded program is told: the command line that a user
 * would have typed, in a folder of its own. */
#include <string.h>

#include "common/base/mem.h"
#include "jobmanager/rest/jar_run.h"

static void add_text(struct buf *into, const char *text)
{
	buf_add(into, text, strlen(text) + 1);
}

/* ---- entries -------------------------------------------------------------------------------- */

static bool has_entry(const struct jar *jar, const char *wanted)
{
	const char *at = jar->entries.data, *end = at + jar->entries.size_bytes;

	for (; at < end; at += strlen(at) + 1)
		if (strcmp(at, wanted) == 0)
			return true;
	return false;
}

/* a.b: also a module in a folder of an archive, which is not in the list. */
static bool is_module_path(const char *name)
{
	for (const char *at = name; *at != '\0'; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			      *at == '_';
		bool begins = at == name || at[-1] == '.';

		if (!letter && (begins || !((*at >= '0' && *at <= '9') || *at == '.')))
			return false;
	}
	return name[0] != '\0' && name[strlen(name) - 1] != '.';
}

static void put_entries(const struct jar *jar, struct buf *into)
{
	const char *at = jar->entries.data, *end = at + jar->entries.size_bytes;

	for (const char *comma = ""; at < end; at += strlen(at) + 1, comma = ", ")
		buf_printf(into, "%s\"%s\"", comma, at);
}

/* The entry to take; NULL: there is none, see why. */
static const char *find_entry(const struct jar_run *run, const struct jar *jar, enum jar_kind kind,
			      struct buf *why)
{
	const char *wanted = run->order.entry;

	if (wanted == NULL && jar_enters_alone(buf_bytes(&jar->entries)))
		return jar->entries.data;
	if (wanted != NULL && (has_entry(jar, wanted) ||
			       (kind == JAR_ARCHIVE && is_module_path(wanted))))
		return wanted;
	if (wanted == NULL)
		buf_printf(why, "%s can be entered at several places: name one as entryClass: ",
			   jar_id_name(jar->id));
	else
		buf_printf(why, "\"%.200s\" is no entry of %s, which has: ", wanted,
			   jar_id_name(jar->id));
	put_entries(jar, why);
	return NULL;
}

/* ---- the command line ----------------------------------------------------------------------- */

static void add_setting(struct buf *into, const char *key, const char *value)
{
	add_text(into, "-D");
	buf_printf(into, "%s=%s", key, value);
	buf_add(into, "", 1);
}

static void add_options(const struct jar_run *run, struct buf *into)
{
	const struct conf *conf = run->look.task.rest->conf;
	const struct buf *settings = &run->order.settings;

	add_text(into, "run");
	add_text(into, "-d");
	if (run->order.parallelism > 0) {
		add_text(into, "-p");
		buf_printf(into, "%u", run->order.parallelism);
		buf_add(into, "", 1);
	} else if (conf_is_set(conf, "parallelism.default")) {
		/* It may be from this process's command line, which the program does not know. */
		add_setting(into, "parallelism.default", conf_text(conf, "parallelism.default"));
	}
	for (size_t at = 0; at < settings->size_bytes; at += strlen(settings->data + at) + 1) {
		add_text(into, "-D");
		add_text(into, settings->data + at);
	}
}

static void add_program(enum jar_kind kind, const char *entry, struct buf *into)
{
	if (kind == JAR_ARCHIVE) {
		add_text(into, "-pyfs");
		add_text(into, HAND_OVER_HERE);
	}
	if (kind == JAR_ARCHIVE && strcmp(entry, JAR_MAIN) != 0) {
		add_text(into, "-pym");
		add_text(into, entry);
		add_text(into, "--");
	} else if (kind == JAR_ARCHIVE || kind == JAR_PYTHON) {
		add_text(into, "-py");
		add_text(into, HAND_OVER_HERE);
		add_text(into, "--");
	} else {
		add_text(into, "--");
		add_text(into, HAND_OVER_HERE);
	}
}

/* A folder that is nobody else's, below the one for temporary files. */
static void choose_folder(struct jar_run *run)
{
	struct rest *rest = run->look.task.rest;
	const char *folders = conf_text(rest->conf, "web.tmpdir");
	char text[ID_TEXT_SIZE];
	struct id random;

	world_random_bytes(rest->world, &random, sizeof(random));
	run->folder = mem_printf("%.*s/flink-submit-%s", (int)strcspn(folders, ",;|:"), folders,
				 id_format(&random, text));
}

bool jar_run_order(struct jar_run *run, const struct jar *jar, struct buf *why)
{
	struct hand_over_header header = { .kind = HAND_OVER_ORDER };
	const char *name = jar_id_name(jar->id), *entry;
	struct buf body;
	enum jar_kind kind;

	if (!jar_kind_of(name, &kind)) {
		buf_printf(why, "%s is no program.", name);
		return false;
	}
	entry = find_entry(run, jar, kind, why);
	if (entry == NULL)
		return false;
	choose_folder(run);
	buf_init(&body);
	add_text(&body, run->folder);
	add_text(&body, jar_task_path(&run->look.task, jar->id));
	/* A comma would part the name in two where archives are named. */
	add_text(&body, kind == JAR_ARCHIVE && strchr(name, ',') != NULL ? "program.zip" : name);
	add_options(run, &body);
	add_program(kind, entry, &body);
	buf_add(&body, run->order.arguments.data, run->order.arguments.size_bytes);
	header.size_bytes = (uint32_t)body.size_bytes; /* bounded by JAR_ORDER_BYTES_MAX */
	hand_over_put(&run->out, &header);
	buf_add(&run->out, body.data, body.size_bytes);
	buf_fini(&body);
	return true;
}
