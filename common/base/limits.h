/* SPDX-License-Identifier: Apache-2.0
 * limits.h - every bound of the project in one place. Sizes from outside are checked against these
 * before anything is allocated. */
#ifndef COMMON_BASE_LIMITS_H
#define COMMON_BASE_LIMITS_H

#define LIMIT_RPC_FRAME_BYTES_MAX (64 * 1024 * 1024)   /* one RPC message with its header */
#define LIMIT_RPC_CALLS_MAX 1024                       /* under way per peer and direction */
#define LIMIT_HANDSHAKE_MS 5000 /* a stranger has this long to prove itself */
#define LIMIT_CONNECTIONS_MAX 1024                     /* accepted and open, per listener */
#define LIMIT_ARTIFACT_BYTES_MAX (256 * 1024 * 1024)
#define LIMIT_ARTIFACT_CHUNK_BYTES (1024 * 1024)
#define LIMIT_JOB_NAME_BYTES_MAX 1024
#define LIMIT_JOB_VERTICES_MAX 1000
#define LIMIT_CHAIN_OPERATORS_MAX 64
#define LIMIT_PARALLELISM_MAX 32768                    /* Flink's upper bound of max parallelism */
#define LIMIT_SLOTS_PER_TASKMANAGER_MAX 128
#define LIMIT_TASKMANAGERS_MAX 10000
#define LIMIT_RECORD_FIELDS_MAX 1024
#define LIMIT_RECORD_DEPTH_MAX 16
#define LIMIT_FIELD_NAME_BYTES_MAX 255
#define LIMIT_SEGMENT_BYTES_MIN 2048
#define LIMIT_SEGMENT_BYTES_MAX 32768 /* offsets inside a run are 32 bits, positions 24 */
#define LIMIT_CHANNEL_SEGMENTS_MAX 256
#define LIMIT_OVERDRAFT_BYTES_MAX (64 * 1024 * 1024)   /* per task, inside one user call */
#define LIMIT_RECORD_BYTES_MAX (1024 * 1024 * 1024)    /* what the setting may allow at most */
#define LIMIT_OUTPUT_RING_BYTES (1024 * 1024)          /* print() lines kept per job */
#define LIMIT_SETTINGS_FILE_BYTES_MAX (1024 * 1024)
#define LIMIT_HTTP_BODY_BYTES_MAX (100 * 1024 * 1024)
#define LIMIT_ERROR_TEXT_BYTES_MAX 4096
#define LIMIT_JOB_METRICS_MAX 1000000         /* numbers of all subtasks of a job */
#define LIMIT_TASK_EDGE_METRICS_MAX 32        /* output edges of a task that are told one by one */
#define LIMIT_TASK_METRICS_MAX 512            /* numbers of one task */
#define LIMIT_HEARTBEAT_METRICS_MAX 65536     /* numbers in one heartbeat: half a MiB */
#define LIMIT_SAMPLING_MS 30000 /* stacks are sampled at most this long for one request */

#endif
