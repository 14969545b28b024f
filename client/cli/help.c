/* SPDX-License-Identifier: Apache-2.0
 * help.c - the help texts, laid out as Flink's. Options come from the table that parses them. */
#include <string.h>

#include "client/cli/cli.h"

#define WIDTH 80
#define INDENT 5
#define NAMES_WIDTH 34

static const struct {
	enum cli_action action;
	const char *sentence, *syntax; /* syntax NULL: not in this version */
} actions[] = {
	{ CLI_RUN, "compiles and runs a program.",
	  "run [OPTIONS] <program.so | program.c | example.jar> <arguments>" },
	{ CLI_INFO, "shows the optimized execution plan of the program (JSON).",
	  "info [OPTIONS] <program.so | program.c | example.jar> <arguments>" },
	{ CLI_LIST, "lists running and scheduled programs.", "list [OPTIONS]" },
	{ CLI_CANCEL, "cancels a running program.",
	  "cancel [OPTIONS] <Job ID, the beginning of one, or a job's name>" },
	{ CLI_STOP, "stops a running program with a savepoint.", NULL },
	{ CLI_SAVEPOINT, "triggers savepoints of a running job, or disposes of one.", NULL },
	{ CLI_CHECKPOINT, "triggers a checkpoint of a running job.", NULL },
	{ CLI_RUN_APPLICATION, "runs an application in Application Mode.", NULL },
};

/* Words of `text` in the right column, on as many lines as they need. */
static void wrap(const char *text, struct buf *into)
{
	size_t column = INDENT + NAMES_WIDTH;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column + 1 + length > WIDTH && column > INDENT + NAMES_WIDTH) {
			buf_printf(into, "\n%*s", INDENT + NAMES_WIDTH, "");
			column = INDENT + NAMES_WIDTH;
		}
		buf_printf(into, "%s%.*s", column > INDENT + NAMES_WIDTH ? " " : "", (int)length,
			   text);
		column += length + (column > INDENT + NAMES_WIDTH);
		text += length + strspn(text + length, " ");
	}
	buf_add_text(into, "\n");
}

static void add_options(enum cli_action action, struct buf *into)
{
	struct cli_option_help option;

	for (uint32_t i = 0; cli_option_help(action, i, &option); i++) {
		buf_printf(into, "%*s%-*s", INDENT, "", NAMES_WIDTH, option.names);
		if (strlen(option.names) >= NAMES_WIDTH)
			buf_printf(into, "\n%*s", INDENT + NAMES_WIDTH, "");
		wrap(option.text, into);
	}
}

static void add_action(size_t i, struct buf *into)
{
	const char *name = cli_action_name(actions[i].action);

	if (actions[i].syntax == NULL) {
		buf_printf(into, "Action \"%s\" %s Not in this version.\n\n", name,
			   actions[i].sentence);
		return;
	}
	buf_printf(into, "Action \"%s\" %s\n\n  Syntax: %s\n  \"%s\" action options:\n", name,
		   actions[i].sentence, actions[i].syntax, name);
	add_options(actions[i].action, into);
	buf_add_text(into, "\n");
}

void cli_help(enum cli_action action, struct buf *into)
{
	if (action == CLI_NONE)
		buf_add_text(into,
			     "./flink <ACTION> [OPTIONS] [ARGUMENTS]\n\nThe following actions are "
			     "available:\n\n");
	else
		buf_add_text(into, "\n");
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		if (action == CLI_NONE || actions[i].action == action)
			add_action(i, into);
}
