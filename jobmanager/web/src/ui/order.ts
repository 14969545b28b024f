// SPDX-License-Identifier: Apache-2.0
// order.ts - which rows of a table are shown, and in which order.
import { compareText } from "../lib/format";

export type Sortable = number | string | null | undefined;

const missing = (value: Sortable): boolean => value === null || value === undefined || (typeof value === "number" && Number.isNaN(value));

/** What is not known comes last, whichever way it is sorted. Equal rows stay in their order. */
export function sorted<Row>(rows: readonly Row[], key: (row: Row) => Sortable, descending: boolean): Row[] {
	const sign = descending ? -1 : 1;
	return rows
		.map((row, index) => ({ row, index, value: key(row) }))
		.sort((a, b) => {
			const lost = Number(missing(a.value)) - Number(missing(b.value));
			if (lost !== 0 || missing(a.value)) return lost || a.index - b.index;
			const order = typeof a.value === "number" && typeof b.value === "number" ? a.value - b.value : compareText(String(a.value), String(b.value));
			return order * sign || a.index - b.index;
		})
		.map(({ row }) => row);
}

/** Rows whose text has every word of the filter. */
export function filtered<Row>(rows: readonly Row[], text: (row: Row) => string, filter: string): readonly Row[] {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	return words.length === 0 ? rows : rows.filter(row => {
		const all = text(row).toLowerCase();
		return words.every(word => all.includes(word));
	});
}

export interface Skew {
	max: number;
	/** Where in the values. */
	at: number;
	median: number;
	/** The largest in medians; infinite when the median is 0 and somebody works. */
	factor: number;
}

/** How unevenly values are spread; null when there are fewer than two or all are 0. */
export function skewOf(values: readonly (number | null)[]): Skew | null {
	const known = values.filter((value): value is number => value !== null).sort((a, b) => a - b);
	const max = known[known.length - 1];
	if (known.length < 2 || max === undefined || max <= 0) return null;
	const middle = known.length >> 1;
	const median = known.length % 2 ? (known[middle] as number) : ((known[middle - 1] as number) + (known[middle] as number)) / 2;
	return { max, at: values.indexOf(max), median, factor: median > 0 ? max / median : Infinity };
}
