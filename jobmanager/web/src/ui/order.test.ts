// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { filtered, skewOf, sorted } from "./order";

describe("sorted", () => {
	const rows = [{ n: 2, s: "Map 10" }, { n: null, s: "Map 2" }, { n: 10, s: "map 2" }, { n: NaN, s: "Sink" }, { n: 2, s: "" }];
	const names = (of: typeof rows) => of.map(row => rows.indexOf(row)).join();
	it("compares numbers as numbers; unknown ones are last either way", () => {
		expect(names(sorted(rows, row => row.n, false))).toBe("0,4,2,1,3");
		expect(names(sorted(rows, row => row.n, true))).toBe("2,0,4,1,3");
	});
	it("compares names as people do and keeps equal ones in order", () => {
		expect(names(sorted(rows, row => row.s, false))).toBe("4,1,2,0,3");
	});
});

describe("filtered", () => {
	it("wants every word", () => {
		expect(filtered(["Source: Kafka", "Sink: Kafka", "Map"], row => row, " kafka  SINK")).toEqual(["Sink: Kafka"]);
		expect(filtered(["a"], row => row, " ")).toEqual(["a"]);
	});
});

describe("skewOf", () => {
	it("compares the largest with the median", () => {
		expect(skewOf([1, 1, 4, 1])).toEqual({ max: 4, at: 2, median: 1, factor: 4 });
		expect(skewOf([0, 0, 7])?.factor).toBe(Infinity);
		expect(skewOf([1, 3])?.median).toBe(2);
	});
	it("says nothing about one, or about nothing", () => {
		expect(skewOf([5])).toBeNull();
		expect(skewOf([0, 0])).toBeNull();
		expect(skewOf([null, 5])).toBeNull();
	});
});
