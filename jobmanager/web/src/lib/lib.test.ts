// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "vitest";
import { bytes, compareText, count, duration, percent, perSecond, short, time, timeShort, zoneChoice } from "./format";
import { link, match, parse, withQuery } from "./route";
import { allTexts, languageChoice, texts } from "./texts";
import { window as rowsInView } from "./virtual";

beforeEach(() => {
	languageChoice.value = "en";
	zoneChoice.value = "utc";
});

describe("format", () => {
	it.each([
		[0, "0"], [7, "7"], [0.5, "0.5"], [0.04, "0.04"], [12.34, "12.3"], [999, "999"], [999.6, "1.00 k"], [1000, "1.00 k"], [12345, "12.3 k"],
		[999_999, "1.00 M"], [1.5e9, "1.50 G"], [-1, "-1"], [NaN, "–"], [null, "–"], [undefined, "–"],
	])("short(%s) is %s", (n, text) => expect(short(n)).toBe(text));
	it.each([
		[0, "0 B"], [1023, "1023 B"], [1024, "1.00 KiB"], [10 * 1024, "10.0 KiB"], [1048575, "1.00 MiB"], [1.5 * 2 ** 40, "1.50 TiB"], [-1, "–"],
	])("bytes(%s) is %s", (n, text) => expect(bytes(n)).toBe(text));
	it.each([
		[0, "0 ms"], [999, "999 ms"], [1_000, "1.0 s"], [9_999, "9.9 s"], [59_999, "59 s"], [60_000, "1 m 0 s"], [3_600_000, "1 h 0 m"],
		[90_061_000, "1 d 1 h"], [-1, "–"],
	])("duration(%s) is %s", (n, text) => expect(duration(n)).toBe(text));
	it("speaks Korean", () => {
		languageChoice.value = "ko";
		expect(duration(61_000)).toBe("1분 1초");
	});
	it("tells times in the zone", () => {
		expect(time(1_700_000_000_000)).toBe("2023-11-14 22:13:20");
		expect(time(-1)).toBe("–");
		expect(timeShort(1_700_000_000_000, 1_700_000_001_000)).toBe("22:13:20");
	});
	it("tells the rest", () => {
		expect(count(1234567)).toBe("1,234,567");
		expect(percent(0.956)).toBe("96 %");
		expect(perSecond(1500)).toBe("1.50 k/s");
		expect(["Map 10", "Map 2"].sort(compareText)).toEqual(["Map 2", "Map 10"]);
	});
});

describe("route", () => {
	it("reads and writes addresses", () => {
		const { parts, query } = parse("#/task-manager/localhost%3A1-a%2Fb/logs?sort=-busy");
		expect(parts).toEqual(["task-manager", "localhost:1-a/b", "logs"]);
		expect(query.get("sort")).toBe("-busy");
		expect(link(...parts)).toBe("#/task-manager/localhost%3A1-a%2Fb/logs");
		expect(withQuery("#/x", { a: "1 2", b: "", c: undefined })).toBe("#/x?a=1+2");
		expect(parse("#/100%").parts).toEqual(["100%"]);
		expect(parse("").parts).toEqual([]);
	});
	it("matches patterns", () => {
		expect(match("job/:kind/:jid/:tab?/*", ["job", "running", "a"])).toEqual({ kind: "running", jid: "a", "*": "" });
		expect(match("job/:kind/:jid/:tab?/*", ["job", "running", "a", "overview", "v", "x"])).toEqual({
			kind: "running", jid: "a", tab: "overview", "*": "v/x",
		});
		expect(match("job/:kind", ["job", "running", "a"])).toBeNull();
		expect(match("job/:kind/:jid", ["job", "running"])).toBeNull();
		expect(match("overview", ["job"])).toBeNull();
	});
});

describe("texts", () => {
	const t = texts({ slots: "{n} {n|slot|slots} of {name}" }, { slots: "{name}의 슬롯 {n}개" });
	it("fills places, counts, and changes language", () => {
		expect(t("slots", { n: 1, name: "a" })).toBe("1 slot of a");
		expect(t("slots", { n: 2, name: "a" })).toBe("2 slots of a");
		expect(t.rich("slots", { n: 1, name: "b" }).join("")).toContain("b");
		languageChoice.value = "ko";
		expect(t("slots", { n: 3, name: "a" })).toBe("a의 슬롯 3개");
	});
});

describe("every text of the page", async () => {
	await Promise.all(Object.values(import.meta.glob(["../**/*.tsx", "!../main.tsx"])).map(load => load()));
	const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map(match => match[1]))].sort().join();
	it("is there in both languages with the same places", () => {
		expect(allTexts.length).toBeGreaterThan(3);
		for (const { en, ko } of allTexts) {
			expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
			for (const [key, text] of Object.entries(en)) {
				expect(`${key} ${places(ko[key] as string)}`).toBe(`${key} ${places(text)}`);
				expect(text.trim(), key).not.toBe("");
				expect((ko[key] as string).trim(), key).not.toBe("");
			}
		}
	});
});

describe("rows in view", () => {
	it("draws what is seen and a little more", () => {
		expect(rowsInView(10_000, 32, 0, 640, 5)).toEqual({ from: 0, to: 25 });
		expect(rowsInView(10_000, 32, 3200, 640, 5)).toEqual({ from: 95, to: 125 });
		expect(rowsInView(10_000, 32, 999_999_999, 640, 5)).toEqual({ from: 9_975, to: 10_000 });
		expect(rowsInView(3, 32, 0, 640, 5)).toEqual({ from: 0, to: 3 });
		expect(rowsInView(0, 32, 0, 640, 5)).toEqual({ from: 0, to: 0 });
	});
});
