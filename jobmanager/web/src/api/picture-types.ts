// SPDX-License-Identifier: Apache-2.0
// picture-types.ts - the pictures of a job and of the cluster, as docs/rest.md ("Pictures") describes them. What is not
// known is left out; what is of varying number is an object, keyed.
import type { ExecutionState, JobStatus, Overview } from "./types";

/** Records and bytes, in total and per second of the last seconds. */
export interface Flows {
	"records-in": number;
	"records-out": number;
	"bytes-in": number;
	"bytes-out": number;
	"records-in-rate": number;
	"records-out-rate": number;
	"bytes-in-rate": number;
	"bytes-out-rate": number;
}
export type Rates = Pick<Flows, "records-in-rate" | "records-out-rate" | "bytes-in-rate" | "bytes-out-rate">;

export interface JobHeader {
	jid: string;
	name: string;
	state: JobStatus;
	"job-type": string;
	"start-time": number;
	"end-time": number;
	"all-running-time": number;
	"last-modification": number;
	parallelism: number;
	maxParallelism: number;
	/** That it needs. */
	slots: number;
	restarts: number;
	failures: number;
	/** What it waits for, or what it failed of. */
	note?: string;
	/** Who holds whom back; the `cause` of the vertex that it is about says the same. */
	bottleneck?: string;
	"waiting-for"?: string;
	/** Behind the last byte that it printed. */
	"output-end": number;
	"metrics-dropped": number;
	/** When it entered each state; 0: never. */
	timestamps: Record<string, number>;
}

export interface Operator extends Partial<Flows> {
	name: string;
	kind: "source" | "operator" | "sink";
	/** Operators of the same chain; the head has none. */
	inputs: number[];
	"busy-max"?: number;
	"busy-mean"?: number;
}

export interface Vertex extends Flows {
	name: string;
	parallelism: number;
	maxParallelism: number;
	status: ExecutionState;
	/** How many subtasks are in each of the picture's `states`. */
	tasks: number[];
	"start-time": number;
	"end-time": number;
	/** Numbers of edges. */
	inputs: number[];
	"busy-max": number;
	"busy-mean": number;
	"idle-max": number;
	"idle-mean": number;
	"backpressured-max": number;
	"backpressured-mean": number;
	"waiting-max": number;
	"waiting-mean": number;
	cause?: string;
	operators: Record<string, Operator>;
	/** A row each, in the order of the picture's `columns`. */
	subtasks: Record<string, Row>;
}
export type Row = readonly (number | string | boolean | null)[];

export interface Edge {
	source: string;
	"source-operator": number;
	target: string;
	"target-operator": number;
	input: number;
	ship_strategy: string;
	exchange: string;
	"records-rate"?: number;
	/** The most that it refuses a subtask. */
	backpressured: number;
}

export interface JobPicture {
	now?: number;
	states: ExecutionState[];
	columns: string[];
	job: JobHeader;
	vertices: Record<string, Vertex>;
	edges: Record<string, Edge>;
	checkpoints: { counts: Record<"restored" | "total" | "in_progress" | "completed" | "failed", number> };
	/** By the numbers that rows name. */
	taskmanagers: Record<string, Place>;
}

export interface Place {
	id: string;
	endpoint: string;
}

export interface ClusterJob extends Rates {
	name: string;
	state: JobStatus;
	"job-type": string;
	"start-time": number;
	"end-time": number;
	"last-modification": number;
	tasks: number[];
	restarts: number;
	note?: string;
	bottleneck?: string;
}

export interface ClusterTaskManager {
	endpoint: string;
	path: string;
	available: boolean;
	registered: number;
	"last-heartbeat": number;
	slots: number;
	"free-slots": number;
	"cpu-cores": number;
	"cpu-time": number;
	threads: number;
	"physical-memory": number;
	"physical-memory-free": number;
	"process-memory": number;
	"heap-used": number;
	"managed-memory": number;
	"managed-memory-used": number;
	"network-memory": number;
	"network-memory-used": number;
}

export interface ClusterPicture {
	now?: number;
	states: ExecutionState[];
	cluster: Overview;
	jobs: Record<string, ClusterJob>;
	taskmanagers: Record<string, ClusterTaskManager>;
}
