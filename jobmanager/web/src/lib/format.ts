// SPDX-License-Identifier: Apache-2.0
// format.ts - numbers, sizes, durations and times as people read them, in the language and the zone of the page.
import { computed } from "@preact/signals";
import { stored } from "./page";
import { language } from "./texts";

/** Whose time is shown. */
export const zoneChoice = stored("zone", ["local", "utc"] as const, "local");
export const localZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const zone = computed(() => (zoneChoice.value === "utc" ? "UTC" : localZone));

export const NONE = "–";
const known = (n: number | null | undefined): n is number => typeof n === "number" && Number.isFinite(n);

const grouped = computed(() => new Intl.NumberFormat(language.value, { maximumFractionDigits: 0 }));
/** All digits: 1,234,567. */
export const count = (n: number | null | undefined): string => (known(n) ? grouped.value.format(n) : NONE);

const STEPS: [number, string][] = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** Three digits and a unit: 1.23 M. */
export function short(n: number | null | undefined): string {
	if (!known(n)) return NONE;
	const size = Math.abs(n);
	for (const [step, unit] of STEPS) if (size >= step * 0.9995) return `${(n / step).toPrecision(3)} ${unit}`;
	return size >= 99.95 || Number.isInteger(n) ? n.toFixed(0) : size >= 9.995 ? n.toFixed(1) : n.toFixed(size >= 0.095 ? 1 : size > 0 ? 2 : 0);
}
export const perSecond = (n: number | null | undefined): string => (known(n) ? `${short(n)}/s` : NONE);

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
export function bytes(n: number | null | undefined): string {
	if (!known(n) || n < 0) return NONE;
	let unit = 0;
	while (n >= 1023.95 && unit < UNITS.length - 1) {
		n /= 1024;
		unit++;
	}
	return `${unit === 0 || n >= 99.95 ? n.toFixed(0) : n.toFixed(n < 9.995 ? 2 : 1)} ${UNITS[unit]}`;
}
export const bytesPerSecond = (n: number | null | undefined): string => (known(n) ? `${bytes(n)}/s` : NONE);

/** A share between 0 and 1. */
export const percent = (share: number | null | undefined): string =>
	known(share) ? `${Math.min(100, Math.max(0, Math.round(share * 100)))} %` : NONE;

const WORDS = { en: { ms: " ms", s: " s", m: " m", h: " h", d: " d" }, ko: { ms: "ms", s: "초", m: "분", h: "시간", d: "일" } };
/** A duration in its two largest units; `fine` shows tenths of seconds and milliseconds. */
export function duration(ms: number | null | undefined, fine = true): string {
	if (!known(ms) || ms < 0) return NONE;
	const word = WORDS[language.value];
	if (ms < 1_000 && fine) return `${Math.round(ms)}${word.ms}`;
	const s = Math.floor(ms / 1_000);
	if (s < 60) return `${fine && s < 10 ? (Math.floor(ms / 100) / 10).toFixed(1) : s}${word.s}`;
	if (s < 3_600) return `${Math.floor(s / 60)}${word.m} ${s % 60}${word.s}`;
	if (s < 86_400) return `${Math.floor(s / 3_600)}${word.h} ${Math.floor(s / 60) % 60}${word.m}`;
	return `${Math.floor(s / 86_400)}${word.d} ${Math.floor(s / 3_600) % 24}${word.h}`;
}

// Year, month, day: the order that sorts, and that nobody reads the wrong way round, in both languages.
const dayFormat = computed(() => new Intl.DateTimeFormat("sv-SE", { timeZone: zone.value, year: "numeric", month: "2-digit", day: "2-digit" }));
const clockFormat = computed(() => new Intl.DateTimeFormat("sv-SE", { timeZone: zone.value, hour: "2-digit", minute: "2-digit", second: "2-digit" }));
const longFormat = computed(() => new Intl.DateTimeFormat(language.value, {
	timeZone: zone.value, dateStyle: "full", timeStyle: "long", hourCycle: "h23",
}));

const reached = (ms: number | null | undefined): ms is number => known(ms) && ms > 0;
/** 2026-11-24 14:35:25 */
export const time = (ms: number | null | undefined): string =>
	reached(ms) ? `${dayFormat.value.format(ms)} ${clockFormat.value.format(ms)}` : NONE;
/** 14:35:25 */
export const timeOfDay = (ms: number | null | undefined): string => (reached(ms) ? clockFormat.value.format(ms) : NONE);
/** For a title: the whole date with its zone, and the milliseconds. */
export const timeExactly = (ms: number | null | undefined): string =>
	reached(ms) ? `${longFormat.value.format(ms)} (${zone.value}) · ${Math.floor(ms)} ms` : "";
/** 14:35:25 today, otherwise with its day. */
export const timeShort = (ms: number | null | undefined, now: number): string =>
	reached(ms) && dayFormat.value.format(ms) === dayFormat.value.format(now) ? timeOfDay(ms) : time(ms);

const order = computed(() => new Intl.Collator(language.value, { numeric: true, sensitivity: "base" }));
/** For sorting names: Map 2 before Map 10. */
export const compareText = (a: string, b: string): number => order.value.compare(a, b);
