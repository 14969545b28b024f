/* SPDX-License-Identifier: Apache-2.0
 * shuffle_sizes.c - of what segments the channels of a job are made, and how many each has for
 * itself: what the settings say, or less, if a job with many channels was placed here. */
#include "common/base/check.h"
#include "taskmanager/shuffle/shuffle_priv.h"

struct shuffle_sizes shuffle_sizes_of(const struct shuffle *shuffle, const struct id *job_id)
{
	const struct shuffle_sizes *sizes = map_get(shuffle->sizes, map_key_id(job_id));

	if (sizes != NULL)
		return *sizes;
	return (struct shuffle_sizes){ .size_class = SEGMENT_WHOLE,
				       .exclusive_segments = shuffle->exclusive_segments };
}

void shuffle_size_job(struct shuffle *shuffle, const struct id *job_id, uint32_t segment_bytes,
		      uint32_t exclusive_segments_max)
{
	struct shuffle_sizes sizes = { .exclusive_segments = shuffle->exclusive_segments };

	if (segment_bytes != 0)
		sizes.size_class = segment_pool_class_for(shuffle->pool, segment_bytes);
	if (exclusive_segments_max != 0 && sizes.exclusive_segments > exclusive_segments_max)
		sizes.exclusive_segments = exclusive_segments_max;
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_sizes *kept = map_get(shuffle->sizes, map_key_id(job_id));

	if (kept == NULL) {
		kept = MEM_NEW(struct shuffle_sizes);
		map_put(shuffle->sizes, map_key_id(job_id), kept);
	}
	*kept = sizes;
	pthread_mutex_unlock(&shuffle->lock);
}

uint32_t shuffle_segment_bytes(struct shuffle *shuffle, const struct id *job_id)
{
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_sizes sizes = shuffle_sizes_of(shuffle, job_id);

	pthread_mutex_unlock(&shuffle->lock);
	return segment_pool_class_bytes(shuffle->pool, sizes.size_class);
}

int shuffle_room(struct shuffle *shuffle, const struct id *job_id, uint32_t channels,
		 struct err *err)
{
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_sizes sizes = shuffle_sizes_of(shuffle, job_id);

	pthread_mutex_unlock(&shuffle->lock);
	return segment_pool_room(shuffle->pool, sizes.size_class,
				 channels * sizes.exclusive_segments, err);
}

void shuffle_sizes_forget(struct shuffle *shuffle, const struct id *job_id)
{
	pthread_mutex_lock(&shuffle->lock);
	struct shuffle_sizes *sizes = map_remove(shuffle->sizes, map_key_id(job_id));

	pthread_mutex_unlock(&shuffle->lock);
	mem_free(sizes);
}

void shuffle_sizes_fini(struct shuffle *shuffle)
{
	size_t at = 0;
	void *sizes;

	while (map_next(shuffle->sizes, &at, NULL, &sizes))
		mem_free(sizes);
	map_destroy(&shuffle->sizes);
}
