/* SPDX-License-Identifier: Apache-2.0
 * methods.h - every method of every service: wire number, whether it may be sent again, how long an
 * answer may take, and how large a request or an answer may be. Numbers never change; a retired one
 * stays as a comment.
 *
 * X(service, method, wire number, idempotent, deadline ms, largest message bytes). Order within a
 * service is the order of the .proto file: the stubs call by that index.
 *
 * A registration and a heartbeat mean the connection that they are made on: sent again on the next
 * one they would tell what was true before. */
#ifndef PROTO_METHODS_H
#define PROTO_METHODS_H

#define METHODS_DISPATCHER(X) \
	X(Dispatcher, PutArtifact, 101, true, 10000, 2 * 1024 * 1024) \
	X(Dispatcher, SubmitJob, 102, true, 10000, 64 * 1024 * 1024) \
	X(Dispatcher, ListJobs, 103, true, 10000, 16 * 1024 * 1024) \
	X(Dispatcher, CancelJob, 104, true, 10000, 4096) \
	X(Dispatcher, JobStatus, 105, true, 20000, 4 * 1024 * 1024) \
	X(Dispatcher, ClusterOverview, 106, true, 10000, 4096)

#define METHODS_RESOURCE_MANAGER(X) \
	X(ResourceManager, RegisterTaskManager, 201, false, 10000, 1024 * 1024) \
	X(ResourceManager, Heartbeat, 202, false, 10000, 16 * 1024 * 1024) \
	X(ResourceManager, UpdateTaskState, 203, true, 10000, 1024 * 1024) \
	X(ResourceManager, PushOutput, 204, true, 10000, 2 * 1024 * 1024) \
	X(ResourceManager, ReaderReady, 205, true, 10000, 4096) \
	X(ResourceManager, FetchArtifact, 206, true, 10000, 2 * 1024 * 1024)

#define METHODS_TASK_EXECUTOR(X) \
	X(TaskExecutor, RequestSlot, 301, true, 10000, 4096) \
	X(TaskExecutor, FreeSlot, 302, true, 10000, 4096) \
	X(TaskExecutor, SubmitTasks, 310, true, 10000, 64 * 1024 * 1024) /* 303 was SubmitTask */ \
	X(TaskExecutor, CancelTask, 304, true, 10000, 4096) \
	X(TaskExecutor, AddSplits, 305, true, 10000, 16 * 1024 * 1024) \
	X(TaskExecutor, ReleaseJob, 306, true, 10000, 4096) \
	X(TaskExecutor, ListFiles, 307, true, 10000, 1024 * 1024) \
	X(TaskExecutor, ReadFile, 308, true, 10000, 4 * 1024 * 1024) \
	X(TaskExecutor, ThreadDump, 309, true, 10000, 4 * 1024 * 1024) \
	X(TaskExecutor, SampleStacks, 311, true, 45000, 4 * 1024 * 1024) \
	X(TaskExecutor, ReadLines, 312, true, 20000, 4 * 1024 * 1024)

#define METHODS_ALL(X) METHODS_DISPATCHER(X) METHODS_RESOURCE_MANAGER(X) METHODS_TASK_EXECUTOR(X)

#endif
