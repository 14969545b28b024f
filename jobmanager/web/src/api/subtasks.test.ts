// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { mergePatch } from "./patch";
import type { JobPicture, Vertex } from "./picture-types";
import { subtasksOf, valuesOf } from "./subtasks";

const picture = {
	states: ["CREATED", "RUNNING"], columns: ["status", "attempt", "records-in", "busy", "watermark", "status-text", "blocking"],
	vertices: { v: { subtasks: { 0: [1, 0, 10, 0.5], 1: [1, 2, 20, 0.25, null, "waiting for localhost:9000", true], 10: [0, 0, 0, 0], 2: [1, 0, 7, 1] } } },
} as unknown as JobPicture;
const vertex = picture.vertices.v as Vertex;

describe("subtasks", () => {
	it("are told by name, in their order, and a short row lacks its end", () => {
		const subtasks = subtasksOf(picture, vertex);
		expect(subtasks.map(subtask => subtask.index)).toEqual([0, 1, 2, 10]);
		expect(subtasks[1]).toMatchObject({ status: "RUNNING", attempt: 2, "records-in": 20, busy: 0.25, watermark: null, "status-text": "waiting for localhost:9000", blocking: true });
		expect(subtasks[0]).toMatchObject({ "status-text": "", blocking: false, watermark: null, "in-queue": null });
		expect(subtasks[3]?.status).toBe("CREATED");
		expect(valuesOf(picture, vertex, "busy")).toEqual([0.5, 0.25, 1, 0]);
		expect(valuesOf(picture, vertex, "in-queue")).toEqual([null, null, null, null]);
	});

	it("stay the same objects until their row changes", () => {
		const before = subtasksOf(picture, vertex);
		const after = subtasksOf(picture, mergePatch(vertex, { subtasks: { 1: [1, 3, 21, 0.3] } }));
		expect(after[0]).toBe(before[0]);
		expect(after[1]).toMatchObject({ attempt: 3, "records-in": 21, "status-text": "" });
	});
});
