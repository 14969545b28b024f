// SPDX-License-Identifier: Apache-2.0
// lines.ts - a long file of which some pages of lines are held (`…/lines` of docs/rest.md): pages are added before and
// behind what is there, the far end is let go.

export interface Line {
	/** Its first byte in the file. */
	at: number;
	text: string;
	/** It goes on where this ends. */
	open?: boolean;
}

/** The answer of `…/logs/:filename/lines`. The page is what lies in the bytes [from, next). */
export interface Page {
	name: string;
	size: number;
	from: number;
	next: number;
	begin: boolean;
	end: boolean;
	/** Names the file, so that another one under its name is known. */
	file: string | number;
	restarted?: boolean;
	lines: Line[];
}

export interface Held extends Omit<Page, "restarted" | "name"> {
	/** Lines that were put in front by the last step: what is in view moved down by them. */
	before: number;
}

/** A line as it is shown: the blanks that bring the logger's name to a fixed width push the message out of sight. */
export const unpadded = (line: string): string => line.replace(/ {2,}(?=\[.{0,99}\] - )/, " ");

export const LINES_MAX = 20_000;

const joined = (first: readonly Line[], second: readonly Line[]): Line[] => {
	const last = first[first.length - 1], next = second[0];
	if (!last?.open || !next) return [...first, ...second];
	return [...first.slice(0, -1), { at: last.at, text: last.text + next.text, open: next.open }, ...second.slice(1)];
};

export const begun = ({ size, from, next, begin, end, file, lines }: Page): Held => ({ size, from, next, begin, end, file, lines, before: 0 });

/** With the page behind what is held. What was known at the other end is forgotten when it is too much. */
export function withNext(held: Held, page: Page): Held {
	const lines = joined(held.lines, page.lines);
	const over = Math.max(0, lines.length - LINES_MAX);
	const kept = over ? lines.slice(over) : lines;
	return {
		...held, size: page.size, next: page.next, end: page.end, lines: kept, before: -over,
		from: over ? (kept[0]?.at ?? page.from) : held.from, begin: over ? false : held.begin,
	};
}

/** With the page before it. */
export function withPrevious(held: Held, page: Page): Held {
	const lines = joined(page.lines, held.lines);
	const over = Math.max(0, lines.length - LINES_MAX);
	const cut = lines[LINES_MAX];
	return {
		...held, size: page.size, from: page.from, begin: page.begin, before: lines.length - held.lines.length,
		lines: over ? lines.slice(0, LINES_MAX) : lines, next: cut ? cut.at : held.next, end: cut ? false : held.end,
	};
}
