// SPDX-License-Identifier: Apache-2.0
// axes.ts - where the lines and numbers of a chart's axes stand.

/** Round numbers from 0 to at least `max`, about `count` of them; the last is where the axis ends. */
export function numberTicks(max: number, count: number): number[] {
	if (!(max > 0) || !Number.isFinite(max)) return [0, 1];
	const rough = max / Math.max(1, count), power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999) ?? 10 * power;
	const last = Math.ceil((max / step) * 0.999);
	return Array.from({ length: last + 1 }, (_, i) => i * step);
}

const S = 1_000, M = 60 * S, H = 60 * M;
const TIME_STEPS = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, 24 * H];

/** Whole seconds, minutes and hours between two times, at most `count`. */
export function timeTicks(from: number, to: number, count: number): number[] {
	const step = TIME_STEPS.find(size => (to - from) / size <= count) ?? 24 * H;
	const ticks: number[] = [];
	for (let at = Math.ceil(from / step) * step; at <= to && ticks.length <= count; at += step) ticks.push(at);
	return ticks;
}
