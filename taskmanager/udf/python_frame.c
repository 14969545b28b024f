/* SPDX-License-Identifier: Apache-2.0
 * python_frame.c - see python_frame.h. */
#include "taskmanager/udf/python_frame.h"

#include <string.h>

void python_frame_add(struct buf *into, Flink__PythonFrame kind, const void *body,
		      size_t size_bytes)
{
	uint32_t header[2] = { (uint32_t)size_bytes, (uint32_t)kind };

	buf_add(into, header, sizeof(header));
	buf_add(into, body, size_bytes);
}

int python_frame_parse(struct bytes data, size_t body_bytes_max, Flink__PythonFrame *kind,
		       struct bytes *body, size_t *whole_bytes)
{
	uint32_t header[2];

	if (data.size_bytes < sizeof(header))
		return 0;
	memcpy(header, data.data, sizeof(header));
	if (header[0] > body_bytes_max ||
	    header[1] < FLINK__PYTHON_FRAME__PYTHON_FRAME_OPEN ||
	    header[1] > FLINK__PYTHON_FRAME__PYTHON_FRAME_FAILED)
		return -1;
	*whole_bytes = sizeof(header) + header[0];
	if (data.size_bytes < *whole_bytes)
		return 0;
	*kind = header[1];
	*body = bytes_of((const char *)data.data + sizeof(header), header[0]);
	return 1;
}
