// SPDX-License-Identifier: Apache-2.0
// subtasks.ts - rows of subtasks by name. A row that did not change is the same array in the next picture, and gives
// the same object: whoever draws it sees at once that there is nothing to draw.
import type { JobPicture, Row, Vertex } from "./picture-types";
import type { ExecutionState } from "./types";

const NUMBERS = [
	"attempt", "taskmanager", "start-time", "end-time", "records-in", "records-out", "bytes-in", "bytes-out",
	"records-in-rate", "records-out-rate", "bytes-in-rate", "bytes-out-rate", "busy", "idle", "backpressured", "waiting",
	"in-queue", "out-queue", "in-usage", "out-usage", "watermark",
] as const;
export type SubtaskNumber = (typeof NUMBERS)[number];

export interface Subtask extends Record<SubtaskNumber, number | null> {
	index: number;
	status: ExecutionState;
	/** What it waits for. */
	"status-text": string;
	/** User functions have kept its thread for longer than they should. */
	blocking: boolean;
}

type Named = Pick<JobPicture, "columns" | "states">;
const places = new WeakMap<readonly string[], Map<string, number>>();
const seen = new WeakMap<Row, Subtask>();

function placesOf(columns: readonly string[]): Map<string, number> {
	let found = places.get(columns);
	if (!found) places.set(columns, (found = new Map(columns.map((name, i) => [name, i]))));
	return found;
}

function read(picture: Named, index: number, row: Row): Subtask {
	const at = placesOf(picture.columns);
	const value = (name: string) => row[at.get(name) ?? -1];
	const subtask = { index, status: picture.states[Number(value("status"))] ?? "CREATED" } as Subtask;
	for (const name of NUMBERS) {
		const number = value(name);
		subtask[name] = typeof number === "number" ? number : null;
	}
	const text = value("status-text");
	subtask["status-text"] = typeof text === "string" ? text : "";
	subtask.blocking = value("blocking") === true;
	return subtask;
}

/** The subtasks of a vertex, in their order. */
export function subtasksOf(picture: Named, vertex: Vertex): Subtask[] {
	return Object.entries(vertex.subtasks).map(([index, row]) => {
		let subtask = seen.get(row);
		if (!subtask) seen.set(row, (subtask = read(picture, Number(index), row)));
		return subtask;
	});
}

/** One number of each subtask, without looking at the others. */
export function valuesOf(picture: Named, vertex: Vertex, name: SubtaskNumber): (number | null)[] {
	const at = placesOf(picture.columns).get(name) ?? -1;
	return Object.values(vertex.subtasks).map(row => {
		const value = row[at];
		return typeof value === "number" ? value : null;
	});
}
