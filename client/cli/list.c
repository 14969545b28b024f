/* SPDX-License-Identifier: Apache-2.0
 * list.c - `flink list`, in Flink's layout. Why a job waits is ours and goes to stderr. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli/cli.h"
#include "common/base/mem.h"
#include "common/base/time.h"

#define SECTION_END "--------------------------------------------------------------\n"

enum section { SECTION_RUNNING, SECTION_SCHEDULED, SECTION_TERMINATED };

static enum section section_of(const struct job_summary *job)
{
	if (strcmp(job->status, "CREATED") == 0 || strcmp(job->status, "INITIALIZING") == 0)
		return SECTION_SCHEDULED;
	if (strcmp(job->status, "FINISHED") == 0 || strcmp(job->status, "CANCELED") == 0 ||
	    strcmp(job->status, "FAILED") == 0)
		return SECTION_TERMINATED;
	return SECTION_RUNNING;
}

/* By start, and those of one millisecond by status: Flink sorts by status, then stably by start. */
static int by_start(const void *a, const void *b)
{
	const struct job_summary *first = *(const struct job_summary *const *)a;
	const struct job_summary *second = *(const struct job_summary *const *)b;

	if (first->start_ms != second->start_ms)
		return first->start_ms < second->start_ms ? -1 : 1;
	return strcasecmp(first->status, second->status);
}

static void add_row(const struct job_summary *job, struct buf *into, struct buf *notes)
{
	char time_text[TIME_TEXT_SIZE], id[ID_TEXT_SIZE];

	buf_printf(into, "%s : %s : %s (%s)\n", wall_format_list(job->start_ms, time_text),
		   id_format(&job->id, id), job->name, job->status);
	if (job->note[0] == '\0')
		return;
	buf_printf(notes, "%s (%.8s…): ", job->name, id);
	for (const char *c = job->note; *c != '\0'; c++) /* a line each */
		buf_add(notes, *c == '\n' ? " " : c, 1);
	buf_add_text(notes, "\n");
}

static void add_section(const struct job_summary *const *sorted, size_t count, enum section section,
			const char *header, const char *none, struct buf *into, struct buf *notes)
{
	size_t shown = 0;

	for (size_t i = 0; i < count; i++) {
		if (section_of(sorted[i]) != section)
			continue;
		if (shown++ == 0)
			buf_add_text(into, header);
		add_row(sorted[i], into, notes);
	}
	buf_add_text(into, shown > 0 ? SECTION_END : none);
}

void cli_list_format(const struct job_summary *jobs, size_t count,
		     const struct cli_options *options, struct buf *into, struct buf *notes)
{
	const struct job_summary **sorted = MEM_NEW_ARRAY(const struct job_summary *, count);
	bool all = options->list_all || (!options->list_running && !options->list_scheduled);

	for (size_t i = 0; i < count; i++)
		sorted[i] = &jobs[i];
	qsort(sorted, count, sizeof(*sorted), by_start);
	if (all || options->list_running)
		add_section(sorted, count, SECTION_RUNNING,
			    "------------------ Running/Restarting Jobs -------------------\n",
			    "No running jobs.\n", into, notes);
	if (all || options->list_scheduled)
		add_section(sorted, count, SECTION_SCHEDULED,
			    "----------------------- Scheduled Jobs -----------------------\n",
			    "No scheduled jobs.\n", into, notes);
	if (options->list_all)
		add_section(sorted, count, SECTION_TERMINATED,
			    "---------------------- Terminated Jobs -----------------------\n", "",
			    into, notes);
	mem_free(sorted);
}

int cli_list(struct cli *cli, struct err *err)
{
	struct session *session;
	struct call call;
	struct buf text, notes;

	if (cli_connect(cli, &session, err) < 0)
		return -1;
	cli_print(cli, "Waiting for response...\n");
	call_init(&call, CALL_LIST, NULL, NULL);
	int result = cli_call(session, &call, err);

	if (result == 0) {
		buf_init(&text);
		buf_init(&notes);
		cli_list_format(call.jobs, call.jobs_count, cli->options, &text, &notes);
		cli_print(cli, "%s", text.data);
		if (notes.size_bytes > 0)
			cli_note("%.*s", (int)notes.size_bytes - 1, notes.data);
		buf_fini(&text);
		buf_fini(&notes);
	}
	session_close(&session);
	call_fini(&call);
	return result;
}
