// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { begun, type Line, LINES_MAX, type Page, unpadded, withNext, withPrevious } from "./lines";

const page = (from: number, next: number, lines: Line[], more: Partial<Page> = {}): Page => ({
	name: "x.log", size: 1_000_000, from, next, begin: false, end: false, file: "f", lines, ...more,
});
const many = (n: number, at: number): Line[] => Array.from({ length: n }, (_, i) => ({ at: at + i, text: `line ${at + i}` }));

test("pages before and behind are one text", () => {
	let held = begun(page(10, 20, [{ at: 10, text: "b" }]));
	held = withNext(held, page(20, 30, [{ at: 20, text: "c" }], { end: true }));
	held = withPrevious(held, page(0, 10, [{ at: 0, text: "a" }], { begin: true }));
	expect(held.lines.map(line => line.text)).toEqual(["a", "b", "c"]);
	expect([held.from, held.next, held.begin, held.end, held.before]).toEqual([0, 30, true, true, 1]);
});

test("a line that goes on is one line", () => {
	let held = begun(page(10, 20, [{ at: 10, text: "hal", open: true }]));
	held = withNext(held, page(20, 30, [{ at: 20, text: "f", open: true }]));
	held = withNext(held, page(30, 40, [{ at: 30, text: "!" }, { at: 35, text: "next" }]));
	expect(held.lines).toEqual([{ at: 10, text: "half!", open: undefined }, { at: 35, text: "next" }]);
	held = withPrevious(held, page(0, 10, [{ at: 0, text: "the ", open: true }]));
	expect(held.lines[0]).toEqual({ at: 0, text: "the half!", open: undefined });
	expect(held.before).toBe(0);
});

test("of too many the far end is let go, and can be asked for again", () => {
	let held = begun(page(0, LINES_MAX, many(LINES_MAX, 0), { begin: true }));
	held = withNext(held, page(LINES_MAX, LINES_MAX + 5, many(5, LINES_MAX), { end: true }));
	expect([held.lines.length, held.from, held.begin, held.before]).toEqual([LINES_MAX, 5, false, -5]);
	held = withPrevious(held, page(0, 5, many(5, 0), { begin: true }));
	expect([held.lines.length, held.next, held.end, held.before]).toEqual([LINES_MAX, LINES_MAX, false, 5]);
	expect(held.lines[0]?.at).toBe(0);
});

test("a message stands beside its logger's name", () => {
	expect(unpadded("2026-01-01 10:00:00,000 INFO  JobMaster                          [] - Job x  y")).toBe("2026-01-01 10:00:00,000 INFO  JobMaster [] - Job x  y");
	expect(unpadded("\tat  frame    [1]  text")).toBe("\tat  frame    [1]  text");
});
