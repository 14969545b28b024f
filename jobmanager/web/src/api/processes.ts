// SPDX-License-Identifier: Apache-2.0
// processes.ts - what the JobManager tells of TaskManagers, and of itself (docs/rest.md).

export interface SlotTask {
	vertex: string;
	name: string;
	subtask: number;
	status: string;
}

/** `GET /taskmanagers/:taskmanagerid` */
export interface TaskManagerDetail {
	id: string;
	path: string;
	dataPort: number;
	timeSinceLastHeartbeat: number;
	slotsNumber: number;
	freeSlots: number;
	assignedTasks: number;
	hardware: { cpuCores: number; physicalMemory: number; freeMemory: number; managedMemory: number };
	memoryConfiguration: Record<MemoryPart | "totalFlinkMemory" | "totalProcessMemory", number>;
	allocatedSlots: { index: number; jobId: string; jobName: string; assignedTasks: number; tasks: SlotTask[] }[];
	metrics: Record<string, number>;
}

export const MEMORY_PARTS = [
	"frameworkHeap", "taskHeap", "managedMemory", "networkMemory", "frameworkOffHeap", "taskOffHeap", "jvmMetaspace", "jvmOverhead",
] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

/** One of `GET …/logs` */
export interface LogFile {
	name: string;
	size: number;
	mtime: number;
	kind: "log" | "out" | "other";
}

/** `GET …/thread-dump` */
export interface Threads {
	threadInfos: { threadName: string; stringifiedThreadInfo: string }[];
}

/** One of `GET /jobmanager/config` */
export interface Setting {
	key: string;
	value: string;
	origin?: string;
}
