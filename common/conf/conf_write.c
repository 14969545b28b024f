/* SPDX-License-Identifier: Apache-2.0
 * conf_write.c - texts made from the table: the sample file, docs/settings.md, --help, and what a
 * check of the settings prints. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/conf/conf_priv.h"

/* The lines that stand in the sample without a '#': those that people edit first. */
static const char *const sample_live[] = {
	"jobmanager.rpc.address", "jobmanager.rpc.port",   "jobmanager.bind-host",
	"taskmanager.bind-host",  "taskmanager.host",	   "taskmanager.numberOfTaskSlots",
	"parallelism.default",	  "rest.address",	   "rest.bind-address",
};

/* Adds the text, each line begun with `indent` and no longer than `width`. */
static void add_wrapped(struct buf *into, const char *text, const char *indent, size_t width)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column > 0 && column + 1 + word > width) {
			buf_add_text(into, "\n");
			column = 0;
		}
		if (column == 0) {
			buf_add_text(into, indent);
			column = strlen(indent);
		} else {
			buf_add_text(into, " ");
			column++;
		}
		buf_add(into, text, word);
		column += word;
		text += word;
		text += *text == ' ';
	}
	buf_add_text(into, "\n");
}

static const char *type_name(const struct conf_spec *spec)
{
	static const char *const names[] = {
		[CONF_TEXT] = "text",	      [CONF_HOST] = "host",	[CONF_PATH] = "path",
		[CONF_PORT] = "port",	      [CONF_PORTS] = "ports",	[CONF_INT] = "number",
		[CONF_DOUBLE] = "number",     [CONF_BOOL] = "true or false",
		[CONF_DURATION] = "duration", [CONF_MEMORY] = "size",	[CONF_ENUM] = "one of",
		[CONF_LIST] = "list",	      [CONF_MAP] = "map",
	};

	return names[spec->type];
}

/* "a|b=alias" -> "a, b". */
static void add_choices(struct buf *into, const char *choices)
{
	for (const char *at = choices; *at != '\0';) {
		buf_add_text(into, at == choices ? "" : ", ");
		buf_add(into, at, strcspn(at, "=|"));
		at += strcspn(at, "|");
		at += *at == '|';
	}
}

static const char *amount(const struct conf_spec *spec, int64_t value, char text[CONF_AMOUNT_SIZE])
{
	if (spec->type == CONF_DURATION)
		return conf_show_duration(value, text);
	if (spec->type == CONF_MEMORY)
		return conf_show_memory(value, text);
	snprintf(text, CONF_AMOUNT_SIZE, "%" PRId64, value);
	return text;
}

/* "number, 1 to 128"; "one of a, b"; "duration, at least 1 ms". */
static void add_allowed(struct buf *into, const struct conf_spec *spec)
{
	char min[CONF_AMOUNT_SIZE], max[CONF_AMOUNT_SIZE];

	buf_add_text(into, type_name(spec));
	if (spec->type == CONF_ENUM) {
		buf_add_text(into, " ");
		add_choices(into, spec->choices);
	} else if (spec->min != 0 || spec->max != 0) {
		amount(spec, spec->min, min);
		if (spec->max < INT32_MAX)
			buf_printf(into, ", %s to %s", min, amount(spec, spec->max, max));
		else if (spec->min > 0)
			buf_printf(into, ", at least %s", min);
	}
}

/* The default as a person would write it. */
static void add_default(struct buf *into, const struct conf_spec *spec)
{
	const char *text = spec->value_default;
	char shown[CONF_AMOUNT_SIZE];
	int64_t value;

	if (spec->type == CONF_DURATION && duration_parse(text, &value))
		text = conf_show_duration(value, shown);
	else if (spec->type == CONF_MEMORY && memory_parse(text, &value))
		text = conf_show_memory(value, shown);
	buf_add_text(into, text);
}

static bool is_live(const char *key)
{
	for (size_t i = 0; i < ARRAY_COUNT(sample_live); i++)
		if (strcmp(sample_live[i], key) == 0)
			return true;
	return false;
}

/* The value a sample line shows: a default that is another key's value shows that one's. */
static void add_sample_value(struct buf *into, const struct conf_spec *spec)
{
	while (spec->value_default[0] == '=')
		spec = conf_spec_of_key(spec->value_default + 1);
	if (spec->value_default[0] == '\0' && strcmp(spec->key, "taskmanager.host") == 0)
		buf_add_text(into,
			     "localhost"); /* as Flink's file says; on one machine it is right */
	else
		add_default(into, spec);
}

static bool section_works(size_t at)
{
	for (at++; at < conf_specs_count && conf_specs[at].key != NULL; at++)
		if (conf_specs[at].effect == CONF_WORKS)
			return true;
	return false;
}

static void add_title(struct buf *into, const char *title)
{
	static const char dashes[] =
		"----------------------------------------------------------------"
		"------------------------------------";
	int length = (int)strlen(title);

	buf_printf(into, "\n# ---- %s %.*s\n", title, 92 - length, dashes);
}

void conf_write_sample(struct buf *into)
{
	buf_add_text(
		into,
		"# flink-conf.yaml - settings of the cluster. Made by scripts/make-docs from the table\n"
		"# common/conf/conf_table.h; edit it freely, an edited copy is never overwritten.\n"
		"#\n"
		"# A line is 'key: value'; '#' begins a comment, also behind a value. A line with '#' in\n"
		"# front shows a default. Durations: 500 ms, 10 s, 5 min, 1 h. Sizes: 32 kb, 64 mb, 1 gb.\n"
		"# docs/settings.md has every setting; 'bin/flink-settings check' tests this file without\n"
		"# starting anything.\n");
	for (size_t i = 0; i < conf_specs_count; i++) {
		const struct conf_spec *spec = &conf_specs[i];

		if (spec->key == NULL && section_works(i))
			add_title(into, spec->section);
		if (spec->key == NULL || spec->effect != CONF_WORKS)
			continue;
		buf_add_text(into, "\n");
		add_wrapped(into, spec->help, "# ", 96);
		buf_printf(into, "%s%s: ", is_live(spec->key) ? "" : "#", spec->key);
		add_sample_value(into, spec);
		if (into->data[into->size_bytes - 1] == ' ')
			into->data[--into->size_bytes] = '\0';
		buf_add_text(into, "\n");
	}
}

/* ---- docs/settings.md ----------------------------------------------------------------------- */

/* Text inside a table cell: '|' would end it. */
static void add_cell(struct buf *into, const char *text)
{
	for (; *text != '\0'; text++)
		buf_add(into, *text == '|' ? "\\|" : text, *text == '|' ? 2 : 1);
}

static void add_old_names(struct buf *into, const struct conf_spec *spec)
{
	if (spec->old[0] == '\0')
		return;
	buf_add_text(into, " (also: `");
	for (const char *at = spec->old; *at != '\0'; at++)
		if (*at == ' ')
			buf_add_text(into, "`, `");
		else
			buf_add(into, at, 1);
	buf_add_text(into, "`)");
}

static void add_rows(struct buf *into, size_t at)
{
	bool head = false;

	for (at++; at < conf_specs_count && conf_specs[at].key != NULL; at++) {
		const struct conf_spec *spec = &conf_specs[at];

		if (spec->effect != CONF_WORKS)
			continue;
		if (!head)
			buf_add_text(into, "\n| Setting | Default | Allowed | Meaning |\n"
					   "| --- | --- | --- | --- |\n");
		head = true;
		buf_printf(into, "| `%s` | ", spec->key);
		if (spec->value_default[0] == '=') {
			buf_printf(into, "that of `%s`", spec->value_default + 1);
		} else if (spec->value_default[0] != '\0') {
			buf_add_text(into, "`");
			add_default(into, spec);
			buf_add_text(into, "`");
		}
		buf_add_text(into, " | ");
		add_allowed(into, spec);
		buf_add_text(into, " | ");
		add_cell(into, spec->help);
		add_old_names(into, spec);
		buf_add_text(into, " |\n");
	}
}

static void add_list(struct buf *into, size_t at, enum conf_effect effect, const char *head)
{
	for (at++; at < conf_specs_count && conf_specs[at].key != NULL; at++) {
		const struct conf_spec *spec = &conf_specs[at];

		if (spec->effect != effect)
			continue;
		if (head != NULL)
			buf_printf(into, "\n%s\n\n", head);
		head = NULL;
		buf_printf(into, "- `%s`: %s", spec->key, spec->help);
		add_old_names(into, spec);
		buf_add_text(into, "\n");
	}
}

void conf_write_docs(struct buf *into)
{
	buf_add_text(
		into,
		"# Settings\n\n"
		"Made by `scripts/make-docs` from `common/conf/conf_table.h`; do not edit.\n\n"
		"Settings are read, in this order and the later winning, from `conf/masters` (the port behind\n"
		"the host is `rest.port`), `conf/config.yaml`, `conf/flink-conf.yaml`, the variables\n"
		"`JOB_MANAGER_RPC_ADDRESS`, `TASK_MANAGER_NUMBER_OF_TASK_SLOTS`, `ROOT_LOG_LEVEL`, `FLINK_LOG_DIR`,\n"
		"`FLINK_PID_DIR`, `MAX_LOG_FILE_NUMBER` and `FLINK_PROPERTIES`, and `-D key=value` on a command line.\n"
		"Either file is enough. `flink-conf.yaml` is read as YAML where it is YAML, and line by line, with a\n"
		"warning, where it is not; a value keeps a `#` that no blank precedes. In `config.yaml` a mistake in\n"
		"the grammar or a setting given twice is an error.\n\n"
		"`bin/flink-settings check` tests the settings without starting anything, `bin/flink-settings\n"
		"explain` shows each value that somebody set and where it came from. An unknown setting is a warning\n"
		"that names the nearest known one; a value that is not allowed is an error that says what is.\n\n"
		"A duration is a whole number and a unit (`ns`, `us`, `ms`, `s`, `min`, `h`, `d`; none: `ms`), a size a\n"
		"whole number and a unit (`b`, `kb`, `mb`, `gb`, `tb`, each 1024 of the one before; none: bytes). Ports\n"
		"are one port, a list or a range of them; the first free one is taken.\n");
	for (size_t i = 0; i < conf_specs_count; i++) {
		if (conf_specs[i].key != NULL)
			continue;
		buf_printf(into, "\n## %s\n", conf_specs[i].section);
		add_rows(into, i);
		add_list(into, i, CONF_LATER,
			 "Known, but without effect in this version; setting one warns:");
		add_list(
			into, i, CONF_SILENT,
			"Accepted without a word, because it steers what is not here (the Java machine above all):");
	}
}

void conf_write_help(struct buf *into)
{
	for (size_t i = 0; i < conf_specs_count; i++) {
		const struct conf_spec *spec = &conf_specs[i];

		if (spec->key == NULL && section_works(i))
			buf_printf(into, "%s%s:\n", into->size_bytes > 0 ? "\n" : "",
				   spec->section);
		if (spec->key == NULL || spec->effect != CONF_WORKS)
			continue;
		buf_printf(into, "  %s (", spec->key);
		add_allowed(into, spec);
		if (spec->value_default[0] == '=')
			buf_printf(into, "; default: that of %s", spec->value_default + 1);
		else if (spec->value_default[0] != '\0') {
			buf_add_text(into, "; default: ");
			add_default(into, spec);
		}
		buf_add_text(into, ")\n");
		add_wrapped(into, spec->help, "      ", 90);
	}
}

/* ---- what a check says ---------------------------------------------------------------------- */

int conf_write_check(const struct conf *conf, int outcome, const struct err *err, struct buf *into)
{
	char text[2048];
	size_t set = conf->entries_count, warnings = conf->warnings_count;

	for (size_t i = 0; i < warnings; i++)
		buf_printf(into, "warning: %s\n", conf->warnings[i]);
	if (outcome != 0) {
		err_format(err, text, sizeof(text));
		buf_add_text(into, text);
		return 1;
	}
	buf_printf(into, "The settings are good: %zu set, %zu warning%s.\n", set, warnings,
		   warnings == 1 ? "" : "s");
	return 0;
}

void conf_write_explain(const struct conf *conf, struct buf *into)
{
	for (size_t i = 0; i < conf->entries_count; i++) {
		const struct conf_entry *entry = &conf->entries[i];

		buf_printf(into, "%s: %s  # %s", entry->key, conf_mask(entry->key, entry->value),
			   entry->origin);
		if (entry->name != NULL)
			buf_printf(into, " as %s", entry->name);
		if (entry->spec == NULL)
			buf_add_text(into, ", unknown");
		else if (entry->spec->effect != CONF_WORKS)
			buf_add_text(into, ", without effect");
		buf_add_text(into, "\n");
	}
}
