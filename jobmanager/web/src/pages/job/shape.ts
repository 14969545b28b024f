// SPDX-License-Identifier: Apache-2.0
// shape.ts - what of a job's picture decides where its graph's boxes stand, and who in it is the cause.
import type { Edge, JobPicture, Vertex } from "../../api/picture-types";
import { hasEnded } from "../../api/types";
import type { Shape } from "./layout";

export const BOX_WIDTH = 222, BOX_HEIGHT = 134;
const HEAD_HEIGHT = 53, ROW_HEIGHT = 42, FOOT_HEIGHT = 8; // of a box that shows its operators

export const operatorsOf = (vertex: Vertex) => Object.entries(vertex.operators).map(([key, operator]) => ({ index: Number(key), operator }));

export function shapeOf(vertices: JobPicture["vertices"], edges: JobPicture["edges"], operators: boolean, down: boolean): Shape {
	return {
		down,
		boxes: Object.entries(vertices).map(([id, vertex]) => {
			const rows = Object.keys(vertex.operators).length;
			if (!operators || rows === 0) return { id, width: BOX_WIDTH, height: BOX_HEIGHT };
			const exits = Array.from({ length: rows }, (_, i) => HEAD_HEIGHT + (i + 0.5) * ROW_HEIGHT);
			return { id, width: BOX_WIDTH + 10, height: HEAD_HEIGHT + rows * ROW_HEIGHT + FOOT_HEIGHT, exits, entry: exits[0] };
		}),
		edges: Object.entries(edges).map(([id, edge]) => ({ id, source: edge.source, target: edge.target, exit: edge["source-operator"] })),
	};
}

/** The same text for the same shape. */
export const shapeKey = (shape: Shape): string =>
	`${shape.down}|${shape.boxes.map(box => `${box.id}:${box.height}`).join()}|${shape.edges.map(edge => `${edge.id}:${edge.source}.${edge.exit}>${edge.target}`).join()}`;

const HELD_MIN = 0.1, BUSY_MIN = 0.8; // below, nobody is slow enough to be marked

/** Whom the job's sentence is about, when somebody is at the limit or held back. */
export function causeOf(picture: JobPicture): string | undefined {
	const said = picture.job.bottleneck;
	if (!said || hasEnded(picture.job.state)) return undefined;
	const found = Object.entries(picture.vertices).find(([, vertex]) => vertex.cause === said);
	if (!found) return undefined;
	const [vid, vertex] = found;
	const holds = vertex.inputs.some(number => (picture.edges[number]?.backpressured ?? 0) > HELD_MIN);
	return holds || vertex["backpressured-max"] > HELD_MIN || vertex["busy-max"] >= BUSY_MIN ? vid : undefined;
}

/** Who is at the limit, and who waits for somebody else: Flink's two colours. */
export function pressureOf(vertex: Vertex): "busy" | "held" | "calm" {
	if (vertex.status !== "RUNNING") return "calm";
	if (vertex["backpressured-max"] > 0.5) return "held";
	return vertex["busy-max"] >= BUSY_MIN ? "busy" : "calm";
}

/** How wide an edge is drawn: by the root of its part of the largest rate. */
export const edgeWidth = (edge: Edge, largest: number): number => 1.25 + 4 * Math.sqrt(largest > 0 ? (edge["records-rate"] ?? 0) / largest : 0);
