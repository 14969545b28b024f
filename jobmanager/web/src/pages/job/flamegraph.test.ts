// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { boxesOf, type Frame, matching } from "./flamegraph";

const leaf = (name: string, value: number): Frame => ({ name, value, children: [] });
const root: Frame = { name: "root", value: 100, children: [{ name: "a", value: 60, children: [leaf("x", 30), leaf("y", 20)] }, leaf("b", 40)] };

test("frames are as wide as their samples, children below their callers", () => {
	expect(boxesOf(root, "").map(box => [box.frame.name, box.depth, box.left, Number(box.width.toFixed(3))])).toEqual([
		["root", 0, 0, 1], ["a", 1, 0, 0.6], ["x", 2, 0, 0.3], ["y", 2, 0.3, 0.2], ["b", 1, 0.6, 0.4],
	]);
});

test("one that is looked at is as wide as the page, and so are its callers", () => {
	const zoom = boxesOf(root, "").find(box => box.frame.name === "y")?.path ?? "";
	expect(boxesOf(root, zoom).map(box => [box.frame.name, box.left, box.width])).toEqual([["root", 0, 1], ["a", 0, 1], ["y", 0, 1]]);
});

test("what lies below a match is not counted twice", () => {
	const twice: Frame = { name: "root", value: 10, children: [{ name: "map", value: 8, children: [leaf("map2", 5)] }, leaf("z", 2)] };
	expect(matching(twice, "map")).toBe(8);
	expect(matching(root, "q")).toBe(0);
});
