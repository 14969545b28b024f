// SPDX-License-Identifier: Apache-2.0
// types.ts - what the JobManager answers, as docs/rest.md describes it. Times are ms since 1970, durations ms, sizes
// bytes; -1 is "not reached" or "unknown".

export type JobStatus =
	| "INITIALIZING" | "CREATED" | "RUNNING" | "FAILING" | "FAILED" | "CANCELLING" | "CANCELED"
	| "FINISHED" | "RESTARTING" | "SUSPENDED" | "RECONCILING";

export type ExecutionState =
	| "CREATED" | "SCHEDULED" | "DEPLOYING" | "INITIALIZING" | "RUNNING" | "FINISHED"
	| "CANCELING" | "CANCELED" | "FAILED" | "RECONCILING";

export const hasEnded = (state: string): boolean => state === "FINISHED" || state === "FAILED" || state === "CANCELED";

/** `GET /config` */
export interface Config {
	"refresh-interval": number;
	"flink-version": string;
	"flink-revision": string;
	features: { "web-submit": boolean; "web-cancel": boolean; "web-rescale": boolean; "web-history": boolean };
	"ended-jobs-shown": number;
}

/** `GET /overview` */
export interface Overview {
	taskmanagers: number;
	"slots-total": number;
	"slots-available": number;
	"jobs-running": number;
	"jobs-finished": number;
	"jobs-cancelled": number;
	"jobs-failed": number;
	"flink-version": string;
	"flink-commit": string;
}

export type TaskCounts = Record<Lowercase<ExecutionState> | "total", number>;

/** One of `GET /jobs/overview` */
export interface JobSummary {
	jid: string;
	name: string;
	state: JobStatus;
	"start-time": number;
	"end-time": number;
	duration: number;
	tasks: TaskCounts;
	/** What it waits for. */
	note?: string;
	/** Who holds whom back. */
	bottleneck?: string;
}
