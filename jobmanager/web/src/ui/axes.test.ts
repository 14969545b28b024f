// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { numberTicks, timeTicks } from "./axes";

describe("numberTicks", () => {
	it.each([[1, 4, [0, 0.25, 0.5, 0.75, 1]], [97, 4, [0, 25, 50, 75, 100]], [100, 2, [0, 50, 100]], [1234, 4, [0, 500, 1000, 1500]], [0, 4, [0, 1]], [NaN, 4, [0, 1]]])(
		"of %s", (max, count, ticks) => expect(numberTicks(max, count)).toEqual(ticks),
	);
	it("reaches the largest and is never long", () => {
		for (let max = 1e-6; max < 1e15; max *= 3.7) {
			const ticks = numberTicks(max, 4);
			expect(ticks[ticks.length - 1]).toBeGreaterThanOrEqual(max * 0.999);
			expect(ticks.length).toBeLessThanOrEqual(6);
		}
	});
});

describe("timeTicks", () => {
	it("are whole minutes of five", () => expect(timeTicks(1_000, 301_000, 5)).toEqual([60_000, 120_000, 180_000, 240_000, 300_000]));
	it("are whole hours of a day", () => expect(timeTicks(0, 86_400_000, 8).map(at => at / 3_600_000)).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24]));
	it("are none where there is no room", () => expect(timeTicks(0, 1e12, 0).length).toBeLessThanOrEqual(1));
});
