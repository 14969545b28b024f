/* SPDX-License-Identifier: Apache-2.0
 * conf_errors.c - writes the error table as a page: what each number means, what happens, how to
 * mend. It stands here because here is the program that writes generated pages. */
#include "common/conf/conf_errors.h"

#include <string.h>

#include "common/base/err.h"

static const char *section_of(int number)
{
	switch (number / 1000) {
	case 1: return "Settings and start";
	case 2: return "Submitting and planning";
	case 3: return "Running";
	case 4: return "Sources, sinks and data";
	case 5: return "Network";
	case 6: return "State and checkpoints";
	default: return "The machine, and bugs";
	}
}

static const char *class_text(enum err_class class)
{
	static const char *const texts[] = {
		[ERR_CLASS_USER] = "told; nothing changes",
		[ERR_CLASS_RETRY] = "the job restarts as its strategy allows",
		[ERR_CLASS_FAIL] = "the job ends",
		[ERR_CLASS_FATAL] = "the daemon ends",
		[ERR_CLASS_BUG] = "a bug: please report it",
	};

	return texts[class];
}

void conf_write_errors(struct buf *into)
{
#define ROW(name, number, class, http, sentence, hint) name,
	static const enum err_code codes[] = { ERR_TABLE(ROW) };
#undef ROW
	const char *section = "";

	buf_add_text(
		into,
		"# Errors\n\n"
		"Made by `scripts/make-docs` from `common/base/err_table.h`; do not edit.\n\n"
		"An error is shown as `error E1001: what happened, with your own names and numbers`, then one\n"
		"line with a hint. The number, the text and the hint are the same on the command line, in logs\n"
		"and over REST, which answers with the HTTP status of the table.\n");
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		const char *of = section_of((int)codes[i]);

		if (strcmp(of, section) != 0)
			buf_printf(
				into,
				"\n## %s\n\n| Number | Means | What happens | HTTP | How to mend |\n"
				"| --- | --- | --- | --- | --- |\n",
				of);
		section = of;
		buf_printf(into, "| E%d | %s | %s | %d | %s |\n", (int)codes[i],
			   err_sentence(codes[i]), class_text(err_class_of(codes[i])),
			   err_http_status(codes[i]), err_hint(codes[i]));
	}
}
