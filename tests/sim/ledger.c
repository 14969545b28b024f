/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - the books, and the model that they are held against. */
#include "tests/sim/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/check.h"
#include "common/base/mark.h"
#include "common/base/mem.h"

#define LEDGERS_MAX 64
#define ATTEMPTS_MAX 4096
#define ORIGINS_MAX (2 * PLAN_PARALLELISM_MAX)

const struct field ledger_fields[] = { { "key", FIELD_STRING, 0 },
				       { "value", FIELD_BIGINT, 0 },
				       { "number", FIELD_BIGINT, 0 },
				       { "attempt", FIELD_INT, 0 },
				       { "origin", FIELD_INT, 0 } };
const uint32_t ledger_fields_count = ARRAY_COUNT(ledger_fields);

struct book { /* of one attempt */
	uint64_t entries;
	uint32_t writers; /* bit per subtask that was opened */
	int64_t *last;    /* per key: the last running sum, or what its windows add up to */
	uint16_t *seen;   /* per record: how often it came */
	int64_t order[ORIGINS_MAX][PLAN_PARALLELISM_MAX]; /* the last number, per channel */
};

struct source_parameters { /* no padding: it travels as bytes */
	uint32_t number, source;
};

struct ledger {
	struct id job_id;
	struct plan_job job;
	uint32_t number, attempts_count; /* attempts seen: the last one's number + 1 */
	uint32_t failures_left;
	bool lines_lost, ambiguous;
	int64_t *key_counts; /* the model's: records of each key that arrive */
	struct book *books[ATTEMPTS_MAX];
	struct source_parameters parameters[2];
};

static struct {
	struct sim *sim;
	struct ledger *ledgers[LEDGERS_MAX];
	uint32_t count;
	uint64_t progress;
	struct err breach;
	bool healed;
} all;

static void breach(const struct ledger *ledger, uint32_t attempt, const char *format, ...)
	PRINTF(3, 4);
static void breach(const struct ledger *ledger, uint32_t attempt, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (all.breach.code != ERR_NONE || ledger->ambiguous)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err_set(&all.breach, ERR_BUG, "job %u, attempt %u: %s", ledger->number, attempt, text);
}

/* ---- the model ------------------------------------------------------------------------------ */

size_t ledger_key(const struct plan_job *job, uint32_t key, char text[LEDGER_KEY_SIZE])
{
	const char *begin = key % 7 == 0 ? "key-with-a-tail-" : "k";
	size_t length = strlen(begin);
	size_t least = key % PLAN_LARGE_EVERY == 0 && job->large_bytes > job->key_bytes
			       ? job->large_bytes : job->key_bytes;
	char digits[12];
	size_t count = 0;

	memcpy(text, begin, length);
	do
		digits[count++] = (char)('0' + key % 10);
	while ((key /= 10) > 0);
	while (count > 0)
		text[length++] = digits[--count];
	if (length < least) {
		memset(text + length, 'x', least - length);
		length = least;
	}
	text[length] = '\0';
	return length;
}

static bool is_kept(const struct plan_job *job, uint32_t record)
{
	bool has_filter = job->shape == SHAPE_SUM || job->shape == SHAPE_UNION;

	return !has_filter || job->drop_every == 0 || record % job->drop_every != 0;
}

static void count_keys(struct ledger *ledger)
{
	const struct plan_job *job = &ledger->job;

	ledger->key_counts = MEM_NEW_ARRAY(int64_t, job->keys);
	for (uint32_t record = 0; record < job->records; record++)
		ledger->key_counts[record % job->keys] += is_kept(job, record);
}

static bool is_counted_per_key(const struct plan_job *job)
{
	return job->shape == SHAPE_SUM || job->shape == SHAPE_UNION || job->shape == SHAPE_WINDOW;
}

/* How often each record arrives. */
static uint32_t copies(const struct plan_job *job)
{
	return job->ship == SHIP_BROADCAST ? job->parallelism : 1;
}

/* One channel from where it is made to where it arrives: its records keep their order. */
static bool is_in_order(const struct plan_job *job)
{
	return job->parallelism == job->sink_parallelism;
}

/* ---- life ----------------------------------------------------------------------------------- */

void ledger_begin(struct sim *sim)
{
	ledger_end();
	all.sim = sim;
}

void ledger_end(void)
{
	for (uint32_t i = 0; i < all.count; i++) {
		struct ledger *ledger = all.ledgers[i];

		for (uint32_t a = 0; a < ledger->attempts_count; a++) {
			if (ledger->books[a] == NULL)
				continue;
			mem_free(ledger->books[a]->last);
			mem_free(ledger->books[a]->seen);
			mem_free(ledger->books[a]);
		}
		mem_free(ledger->key_counts);
		mem_free(ledger);
	}
	memset(&all, 0, sizeof(all));
}

struct ledger *ledger_open(const struct plan_job *job, const struct id *job_id)
{
	struct ledger *ledger = MEM_NEW(struct ledger);

	CHECK(all.count < LEDGERS_MAX, "%u submissions", all.count);
	ledger->job = *job;
	ledger->job_id = *job_id;
	ledger->number = all.count;
	ledger->failures_left = job->failures;
	for (uint32_t source = 0; source < ARRAY_COUNT(ledger->parameters); source++)
		ledger->parameters[source] = (struct source_parameters){ ledger->number, source };
	count_keys(ledger);
	all.ledgers[all.count++] = ledger;
	return ledger;
}

uint32_t ledger_number(const struct ledger *ledger)
{
	return ledger->number;
}

struct ledger *ledger_by_number(uint32_t number)
{
	CHECK(number < all.count, "ledger %u of %u", number, all.count);
	return all.ledgers[number];
}

struct ledger *ledger_find(const struct id *job_id)
{
	for (uint32_t i = 0; i < all.count; i++)
		if (id_equal(&all.ledgers[i]->job_id, job_id))
			return all.ledgers[i];
	return NULL;
}

const struct plan_job *ledger_plan(const struct ledger *ledger)
{
	return &ledger->job;
}

struct bytes ledger_source_parameters(struct ledger *ledger, uint32_t source)
{
	return bytes_of(&ledger->parameters[source], sizeof(ledger->parameters[source]));
}

bool ledger_function_fails(struct ledger *ledger)
{
	if (ledger->failures_left == 0 || all.healed ||
	    sim_random(all.sim) % ledger->job.records >= 2)
		return false;
	ledger->failures_left--;
	SOMETIMES("a user function fails");
	return true;
}

void ledger_heal(void)
{
	all.healed = true;
}

bool ledger_ambiguous(const struct ledger *ledger)
{
	return ledger->ambiguous;
}

const struct id *ledger_job_id(const struct ledger *ledger)
{
	return &ledger->job_id;
}

bool ledger_arrivals(const struct ledger *ledger, uint64_t *count)
{
	const struct plan_job *job = &ledger->job;

	if (job->shape == SHAPE_PRINT) { /* the client reads its lines later */
		*count = (uint64_t)job->records * copies(job);
		return true;
	}
	*count = ledger->attempts_count > 0 && ledger->books[0] ? ledger->books[0]->entries : 0;
	return ledger->attempts_count <= 1;
}

bool ledger_healed(void)
{
	return all.healed;
}

/* ---- books ---------------------------------------------------------------------------------- */

static struct book *book_of(struct ledger *ledger, uint32_t attempt)
{
	const struct plan_job *job = &ledger->job;

	CHECK(attempt < ATTEMPTS_MAX, "attempt %u", attempt);
	if (attempt >= ledger->attempts_count)
		ledger->attempts_count = attempt + 1;
	if (ledger->books[attempt] == NULL) {
		struct book *book = MEM_NEW(struct book);

		book->last = MEM_NEW_ARRAY(int64_t, job->keys);
		book->seen = MEM_NEW_ARRAY(uint16_t, job->records);
		memset(book->order, 0xff, sizeof(book->order)); /* -1: nothing came yet */
		ledger->books[attempt] = book;
	}
	return ledger->books[attempt];
}

void ledger_writer_opens(struct ledger *ledger, uint32_t attempt, uint32_t subtask)
{
	struct book *book = book_of(ledger, attempt);

	if (subtask >= ledger->job.sink_parallelism)
		breach(ledger, attempt, "sink %u of %u", subtask, ledger->job.sink_parallelism);
	else if (book->writers & 1u << subtask)
		breach(ledger, attempt, "sink %u was opened twice", subtask);
	book->writers |= 1u << (subtask % 32);
}

static void count_key(struct ledger *ledger, struct book *book, uint32_t attempt,
		      const struct ledger_entry *entry)
{
	uint32_t key = (uint32_t)(entry->number % ledger->job.keys);
	int64_t *last = &book->last[key];

	if (ledger->job.shape == SHAPE_WINDOW) {
		*last += entry->value;
		if (entry->value < 1 || *last > ledger->key_counts[key])
			breach(ledger, attempt, "a window gives %lld to key %u, %lld in all",
			       (long long)entry->value, key, (long long)*last);
		return;
	}
	if (is_in_order(&ledger->job) && entry->value != *last + 1)
		breach(ledger, attempt, "key %u went from %lld to %lld", key, (long long)*last,
		       (long long)entry->value);
	++*last;
	/* Sum v of a key stands for its v-th record, as if none were dropped. */
	if (entry->value < 1 || entry->value > ledger->key_counts[key])
		breach(ledger, attempt, "key %u has a sum of %lld", key, (long long)entry->value);
	else if (book->seen[key + (uint64_t)(entry->value - 1) * ledger->job.keys]++ > 0)
		breach(ledger, attempt, "key %u has the sum %lld twice", key,
		       (long long)entry->value);
}

static void count_record(struct ledger *ledger, struct book *book, uint32_t attempt,
			 uint32_t subtask, const struct ledger_entry *entry)
{
	const struct plan_job *job = &ledger->job;
	int64_t *before = &book->order[entry->origin][subtask];

	if (entry->value != 1)
		breach(ledger, attempt, "record %lld has value %lld", (long long)entry->number,
		       (long long)entry->value);
	if (++book->seen[entry->number] > copies(job))
		breach(ledger, attempt, "record %lld came %u times", (long long)entry->number,
		       book->seen[entry->number]);
	if (is_in_order(job) && entry->number <= *before)
		breach(ledger, attempt, "sink %u: record %lld of origin %d came after %lld", subtask,
		       (long long)entry->number, entry->origin, (long long)*before);
	*before = entry->number;
}

static bool entry_is_sane(const struct ledger *ledger, struct bytes key,
			  const struct ledger_entry *entry)
{
	const struct plan_job *job = &ledger->job;
	char expected[LEDGER_KEY_SIZE];

	if (entry->number < 0 || entry->number >= job->records || entry->origin < 0 ||
	    entry->origin >= ORIGINS_MAX || !is_kept(job, (uint32_t)entry->number))
		return false;
	size_t length = ledger_key(job, (uint32_t)(entry->number % job->keys), expected);

	return key.size_bytes == length && memcmp(key.data, expected, length) == 0;
}

void ledger_entry_arrives(struct ledger *ledger, uint32_t attempt, uint32_t subtask,
			  struct bytes key, const struct ledger_entry *entry)
{
	struct book *book = book_of(ledger, attempt);

	book->entries++;
	all.progress++;
	if (!entry_is_sane(ledger, key, entry) || subtask >= PLAN_PARALLELISM_MAX)
		breach(ledger, attempt, "sink %u got a record that nobody made: %.*s, number %lld",
		       subtask, (int)key.size_bytes, (const char *)key.data,
		       (long long)entry->number);
	else if ((uint32_t)entry->attempt != attempt)
		breach(ledger, attempt, "a record of attempt %d came to sink %u", entry->attempt,
		       subtask);
	else if (is_counted_per_key(&ledger->job))
		count_key(ledger, book, attempt, entry);
	else
		count_record(ledger, book, attempt, subtask, entry);
}

/* ---- printed lines -------------------------------------------------------------------------- */

_Static_assert(LEDGER_KEY_SIZE == 60032, "a key's width stands in the format below");

/* "3> (k12,1,612,0,9)": the subtask's prefix is there if the sink is parallel. */
static bool parse_line(const char *line, size_t size_bytes, char key[LEDGER_KEY_SIZE],
		       uint32_t *subtask, struct ledger_entry *entry)
{
	char text[LEDGER_KEY_SIZE + 128];
	long long value, number;
	int at = 0;

	if (size_bytes >= sizeof(text))
		return false;
	memcpy(text, line, size_bytes);
	text[size_bytes] = '\0';
	*subtask = 1;
	if (sscanf(text, "%u> %n", subtask, &at) < 1)
		at = 0;
	int length = 0, parts = sscanf(text + at, "(%60031[^,],%lld,%lld,%d,%d)%n", key, &value,
				       &number, &entry->attempt, &entry->origin, &length);

	entry->value = value;
	entry->number = number;
	return parts == 5 && text[at + length] == '\0' && entry->attempt >= 0 &&
	       entry->attempt < ATTEMPTS_MAX && (*subtask)-- > 0;
}

void ledger_line(struct ledger *ledger, const char *line, size_t size_bytes)
{
	struct ledger_entry entry = { .value = 0 };
	uint32_t subtask = 0;
	char key[LEDGER_KEY_SIZE];

	if (!parse_line(line, size_bytes, key, &subtask, &entry)) {
		breach(ledger, 0, "the client read a strange line: \"%.*s\"", (int)size_bytes, line);
		return;
	}
	ledger_entry_arrives(ledger, (uint32_t)entry.attempt, subtask, bytes_of_text(key), &entry);
}

void ledger_lines_lost(struct ledger *ledger)
{
	SOMETIMES("printed lines are lost and the client is told");
	ledger->lines_lost = true;
}

void ledger_is_ambiguous(struct ledger *ledger)
{
	SOMETIMES("a submission meets the death of its JobManager");
	ledger->ambiguous = true;
}

/* ---- verdicts ------------------------------------------------------------------------------- */

int ledger_breach(struct err *err)
{
	if (all.breach.code == ERR_NONE)
		return 0;
	*err = all.breach;
	return -1;
}

static int check_keys(const struct ledger *ledger, const struct book *book, struct err *err)
{
	const struct plan_job *job = &ledger->job;

	for (uint32_t key = 0; key < job->keys; key++) {
		int64_t expected = ledger->key_counts[key];
		bool may_miss = job->shape == SHAPE_WINDOW && !job->fire_at_end;

		if (book->last[key] != expected && !(may_miss && book->last[key] < expected))
			return err_set(err, ERR_BUG,
				       "job %u, attempt %u: key %u ended at %lld, the model says %lld",
				       ledger->number, ledger->attempts_count - 1, key,
				       (long long)book->last[key], (long long)expected);
	}
	return 0;
}

static int check_records(const struct ledger *ledger, const struct book *book, struct err *err)
{
	for (uint32_t record = 0; record < ledger->job.records; record++)
		if (book->seen[record] != copies(&ledger->job))
			return err_set(err, ERR_BUG,
				       "job %u, attempt %u: record %u came %u times, the model says %u",
				       ledger->number, ledger->attempts_count - 1, record,
				       book->seen[record], copies(&ledger->job));
	return 0;
}

int ledger_check_finished(const struct ledger *ledger, struct err *err)
{
	const struct book *book =
		ledger->attempts_count > 0 ? ledger->books[ledger->attempts_count - 1] : NULL;

	if (ledger->lines_lost || ledger->ambiguous)
		return 0;
	if (book == NULL)
		return err_set(err, ERR_BUG, "job %u FINISHED and wrote nothing", ledger->number);
	return is_counted_per_key(&ledger->job) ? check_keys(ledger, book, err)
						: check_records(ledger, book, err);
}

uint32_t ledger_attempts(const struct ledger *ledger)
{
	return ledger->attempts_count;
}

uint64_t ledger_progress(void)
{
	return all.progress;
}
