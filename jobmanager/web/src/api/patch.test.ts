// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { mergePatch } from "./patch";

describe("mergePatch", () => {
	// The table of RFC 7396, appendix A.
	it.each([
		['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
		['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
		['{"a":"b"}', '{"a":null}', "{}"],
		['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
		['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
		['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
		['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
		['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
		['["a","b"]', '["c","d"]', '["c","d"]'],
		['{"a":"b"}', '["c"]', '["c"]'],
		['{"a":"foo"}', "null", "null"],
		['{"a":"foo"}', '"bar"', '"bar"'],
		['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
		["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
		["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
	])("%s with %s is %s", (target, patch, result) => {
		expect(mergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result));
	});

	it("leaves alone what the patch does not name", () => {
		const before = { vertices: { a: { subtasks: { 0: [1], 1: [2] } }, b: { subtasks: { 0: [3] } } }, header: { name: "x" } };
		const after = mergePatch(before, { vertices: { a: { subtasks: { 1: [9] } } } });
		expect(after.vertices.a.subtasks[1]).toEqual([9]);
		expect(after.vertices.a.subtasks[0]).toBe(before.vertices.a.subtasks[0]);
		expect(after.vertices.b).toBe(before.vertices.b);
		expect(after.header).toBe(before.header);
		expect(before.vertices.a.subtasks[1]).toEqual([2]);
	});

	it("is the same object when nothing changes", () => {
		const before = { a: { b: 1 } };
		expect(mergePatch(before, { a: { b: 1 } })).toBe(before);
		expect(mergePatch(before, { c: null })).toBe(before);
	});

	it("takes no key for the prototype", () => {
		const after = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
		expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
		expect(({} as Record<string, unknown>).polluted).toBeUndefined();
	});
});
