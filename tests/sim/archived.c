/* SPDX-License-Identifier: Apache-2.0
 * archived.c - notes what is archived, damages files, looks at what is known and reads it. */
#include "tests/sim/archived.h"

#include <jansson.h>
#include <stdio.h>

#include "common/base/list.h"
#include "common/base/mark.h"
#include "common/base/mem.h"
#include "common/world/world_sim.h"
#include "jobmanager/dispatcher/dispatcher.h"
#include "jobmanager/history/history.h"

struct noted { /* an archive that was there when the JobManager died */
	struct list_node node;
	struct id job_id;
	uint32_t status;
};

struct archived {
	struct list noted;
	bool reading;
	struct id read_id; /* whose answer is being read */
};

struct archived *archived_create(void)
{
	struct archived *archived = MEM_NEW(struct archived);

	list_init(&archived->noted);
	return archived;
}

static void forget(struct noted *noted)
{
	list_remove(&noted->node);
	mem_free(noted);
}

void archived_destroy(struct archived **archived)
{
	LIST_FOR_EACH (&(*archived)->noted, struct noted, node, noted)
		forget(noted);
	mem_free(*archived);
	*archived = NULL;
}

static struct history *history_of(const struct cluster *cluster)
{
	return dispatcher_history(jobmanager_dispatcher(cluster->jobmanager));
}

static struct noted *find(const struct archived *archived, const struct id *job_id)
{
	LIST_FOR_EACH (&archived->noted, struct noted, node, noted)
		if (id_equal(&noted->job_id, job_id))
			return noted;
	return NULL;
}

/* One that dies before it has read the folder leaves the notes as they are. */
void archived_before_kill(struct cluster *cluster)
{
	struct archived *archived = cluster->archived;

	archived->reading = false;
	LIST_FOR_EACH (history_jobs(history_of(cluster)), struct history_job, node, job) {
		struct noted *noted = find(archived, &job->id);

		if (noted == NULL) {
			noted = MEM_NEW(struct noted);
			noted->job_id = job->id;
			list_push_back(&archived->noted, &noted->node);
		}
		noted->status = job->status;
	}
}

static void put_file(struct cluster *cluster, const struct id *job_id, const char *more,
		     struct bytes content)
{
	char path[64], id[ID_TEXT_SIZE];

	snprintf(path, sizeof(path), ARCHIVED_DIRECTORY "/%s%s", id_format(job_id, id), more);
	sim_file_put(cluster->jm_world, path, content);
}

/* Half of it is left, or a byte is another. */
static void damage(struct cluster *cluster, struct noted *noted)
{
	char path[64], id[ID_TEXT_SIZE];
	const char *content;
	size_t size;

	snprintf(path, sizeof(path), ARCHIVED_DIRECTORY "/%s", id_format(&noted->job_id, id));
	content = sim_file(cluster->jm_world, path, &size);
	if (content == NULL) {
		err_set(&cluster->breach, ERR_BUG, "the archive of job %s is lost", id);
		return;
	}
	char *copy = mem_dup(content, size);

	if (sim_random(cluster->sim) % 2 == 0)
		size /= 2;
	else
		copy[size / 3] ^= 1;
	put_file(cluster, &noted->job_id, "", bytes_of(copy, size));
	mem_free(copy);
	forget(noted);
}

void archived_before_start(struct cluster *cluster)
{
	static const char torn[] = "{\"archive\":[{\"path\":\"/jobs/overview\",\"js";
	const struct id stranger = { { 0xbb, (uint8_t)cluster->jm_lives } };
	struct noted *first = LIST_FIRST(&cluster->archived->noted, struct noted, node);

	if (cluster->jm_lives == 0 || plan_is_calm(cluster->plan))
		return;
	if (sim_random(cluster->sim) % 2 == 0)
		put_file(cluster, &stranger, "", bytes_of_text(torn));
	if (sim_random(cluster->sim) % 4 == 0)
		put_file(cluster, &stranger, ".tmp", bytes_of_text(torn));
	if (first != NULL && sim_random(cluster->sim) % 2 == 0) {
		SOMETIMES("the archive of a job is damaged between two lives of the JobManager");
		damage(cluster, first);
	}
}

/* ---- looking -------------------------------------------------------------------------------- */

static void was_read(void *context, struct buf *answer, const char *not_kept, const struct err *err)
{
	struct cluster *cluster = context;
	struct archived *archived = cluster->archived;
	json_t *root =
		answer == NULL ? NULL : json_loadb(answer->data, answer->size_bytes, 0, NULL);
	char id[ID_TEXT_SIZE];

	archived->reading = false;
	id_format(&archived->read_id, id);
	if (root == NULL)
		err_set(&cluster->breach, ERR_BUG, "the archive of job %s: %s", id,
			answer != NULL	   ? "an answer is no JSON"
			: not_kept != NULL ? not_kept
					   : err->text);
	else if (strcmp(json_string_value(json_object_get(root, "jid")), id) != 0)
		err_set(&cluster->breach, ERR_BUG, "the archive of job %s is of another", id);
	else
		SOMETIMES("a job is read from its archive");
	json_decref(root);
}

static void read_one(struct cluster *cluster, unsigned long long number)
{
	struct archived *archived = cluster->archived;
	char path[64], id[ID_TEXT_SIZE];
	const struct history_job *chosen = NULL;

	LIST_FOR_EACH (history_jobs(history_of(cluster)), struct history_job, node, job) {
		chosen = job;
		if (number-- % 3 == 0)
			break;
	}
	if (chosen == NULL || archived->reading)
		return;
	archived->reading = true;
	archived->read_id = chosen->id;
	snprintf(path, sizeof(path), "/jobs/%s", id_format(&chosen->id, id));
	history_read(history_of(cluster), &chosen->id, path, NULL, NULL, was_read, cluster);
}

void archived_look(struct cluster *cluster, unsigned long long number)
{
	struct history *history = history_of(cluster);
	char id[ID_TEXT_SIZE];

	if (history_is_loaded(history)) {
		LIST_FOR_EACH (&cluster->archived->noted, struct noted, node, noted) {
			const struct history_job *job = history_find(history, &noted->job_id);

			if (job == NULL)
				err_set(&cluster->breach, ERR_BUG,
					"job %s was archived, and is forgotten",
					id_format(&noted->job_id, id));
		}
	}
	read_one(cluster, number);
}
