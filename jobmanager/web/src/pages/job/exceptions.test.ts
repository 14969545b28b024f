// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { grouped } from "./exceptions";

const cause = (timestamp: number, stacktrace: string, taskName = "Map (1/1)") => ({ exceptionName: "E", stacktrace, timestamp, taskName, failureLabels: {} });

test("the same failure, again and again, is one entry with its first time", () => {
	const groups = grouped([cause(50, "a"), cause(40, "a"), cause(30, "b"), cause(20, "a"), cause(10, "a", "Map (2/2)")]);
	expect(groups.map(group => [group.cause.stacktrace, group.count, group.first])).toEqual([["a", 2, 40], ["b", 1, 30], ["a", 1, 20], ["a", 1, 10]]);
});
