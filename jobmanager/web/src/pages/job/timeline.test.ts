// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { spansOf } from "./timeline";

test("a state lasts until the next one is entered, the last until now", () => {
	expect(spansOf({ CREATED: 10, SCHEDULED: 10, DEPLOYING: 20, RUNNING: 30, FINISHED: 0 }, 100)).toEqual([
		{ state: "SCHEDULED", from: 10, to: 20 }, { state: "DEPLOYING", from: 20, to: 30 }, { state: "RUNNING", from: 30, to: 100 },
	]);
});

test("a final state is a moment", () => {
	expect(spansOf({ RUNNING: 30, FAILED: 50 }, 100)).toEqual([{ state: "RUNNING", from: 30, to: 50 }, { state: "FAILED", from: 50, to: 50 }]);
});
