// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { layout, neighbour, type Place, type Shape, spread } from "./layout";

const shape = (edges: readonly (readonly [string, string])[], down = false): Shape => ({
	down,
	boxes: [...new Set(edges.flat())].map(id => ({ id, width: 200, height: 100 })),
	edges: edges.map(([source, target], i) => ({ id: String(i), source, target })),
});
const overlap = (a: Place, b: Place) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** A job of many vertices with edges from a few layers back, by a small generator of numbers that are always the same. */
function many(vertices: number): [string, string][] {
	let seed = 7;
	const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
	const edges: [string, string][] = [];
	for (let v = 1; v < vertices; v++) for (let e = 0; e <= random(2); e++) edges.push([`v${Math.max(0, v - 1 - random(9))}`, `v${v}`]);
	return edges;
}

describe("layout", () => {
	it.each([false, true])("puts what is fed behind what feeds it (down: %s)", down => {
		const { boxes, width, height, edges } = layout(shape([["a", "b"], ["b", "c"], ["a", "c"], ["x", "c"]], down));
		const along = (id: string) => boxes.get(id)?.[down ? "y" : "x"] as number;
		expect(along("a")).toBeLessThan(along("b"));
		expect(along("b")).toBeLessThan(along("c"));
		expect(along("x")).toBe(along("b")); // a source stands right before what it feeds
		for (const place of boxes.values()) {
			expect(place.x).toBeGreaterThanOrEqual(0);
			expect(place.y).toBeGreaterThanOrEqual(0);
			expect(place.x + place.width).toBeLessThanOrEqual(width);
			expect(place.y + place.height).toBeLessThanOrEqual(height);
		}
		expect(edges.size).toBe(4);
	});

	it("keeps a chain straight", () => {
		const { boxes, edges } = layout(shape([["a", "b"], ["b", "c"]]));
		expect(new Set([...boxes.values()].map(place => place.y)).size).toBe(1);
		expect(edges.get("0")?.y).toBeCloseTo((boxes.get("a")?.y as number) + 50);
	});

	it("has no crossing where none is needed", () => {
		const { boxes } = layout(shape([["s", "a"], ["s", "b"], ["s", "c"], ["c", "z"], ["b", "y"], ["a", "x"]]));
		const row = (ids: string[]) => ids.map(id => boxes.get(id)?.y as number);
		const [a, b, c] = row(["a", "b", "c"]), [x, y, z] = row(["x", "y", "z"]);
		expect(Math.sign((a as number) - (b as number))).toBe(Math.sign((x as number) - (y as number)));
		expect(Math.sign((b as number) - (c as number))).toBe(Math.sign((y as number) - (z as number)));
	});

	it("draws two edges between the same boxes apart", () => {
		const { edges } = layout(shape([["a", "b"], ["a", "b"]]));
		expect(Math.abs((edges.get("0")?.y as number) - (edges.get("1")?.y as number))).toBeGreaterThanOrEqual(30);
	});

	it("survives a circle, an edge to nowhere, and nothing", () => {
		expect(layout(shape([["a", "b"], ["b", "a"], ["b", "b"]])).boxes.size).toBe(2);
		expect(layout({ down: false, boxes: [{ id: "a", width: 1, height: 1 }], edges: [{ id: "0", source: "a", target: "gone" }] }).edges.size).toBe(0);
		expect(layout({ down: false, boxes: [], edges: [] }).boxes.size).toBe(0);
	});

	it("lays out 200 vertices without two of them on one place, the same each time", () => {
		const of = shape(many(200));
		const { boxes } = layout(of);
		const places = [...boxes.values()];
		expect(places.length).toBe(200);
		for (let i = 0; i < places.length; i++) for (let j = 0; j < i; j++) expect(overlap(places[i] as Place, places[j] as Place)).toBe(false);
		expect([...layout(of).boxes]).toEqual([...boxes]);
	}, 60_000);

	it("is no deeper than the stack of calls allows", () => {
		const chain = Array.from({ length: 2_000 }, (_, i) => [`v${i}`, `v${i + 1}`] as const);
		expect(layout(shape(chain)).boxes.size).toBe(2_001);
	}, 60_000);
});

describe("spread", () => {
	it("gives everybody their wish when there is room", () => expect(spread([0, 100, 200], [10, 10], [])).toEqual([0, 100, 200]));
	it("shares what is missing", () => expect(spread([50, 50], [20], [])).toEqual([40, 60]));
	it("moves the lighter one further", () => expect(spread([0, 0], [40], [3, 1])).toEqual([-10, 30]));
});

describe("neighbour", () => {
	const { boxes } = layout(shape([["a", "b"], ["a", "c"], ["b", "d"]]));
	it("goes along the edges and across them", () => {
		expect(["b", "c"]).toContain(neighbour(boxes, "a", "ArrowRight"));
		expect(neighbour(boxes, "d", "ArrowLeft")).toBe("b");
		expect(neighbour(boxes, "a", "ArrowLeft")).toBeUndefined();
		expect([neighbour(boxes, "b", "ArrowDown"), neighbour(boxes, "b", "ArrowUp")]).toContain("c");
	});
});
