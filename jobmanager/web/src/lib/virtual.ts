// SPDX-License-Identifier: Apache-2.0
// virtual.ts - which rows of a long list are drawn: those in view, and some on either side.
import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export interface Rows {
	from: number;
	/** Behind the last one. */
	to: number;
}

export function window(rows: number, rowHeight: number, scrollTop: number, height: number, more = 10): Rows {
	const visible = Math.ceil(height / rowHeight);
	const first = Math.max(0, Math.min(Math.floor(scrollTop / rowHeight), rows - visible));
	return { from: Math.max(0, first - more), to: Math.min(rows, first + visible + more) };
}

/** Follows the scrolling of a box whose rows are all of one height. */
export function useWindow(box: RefObject<HTMLElement | null>, rows: number, rowHeight: number, active: boolean): Rows {
	const [seen, setSeen] = useState<Rows>({ from: 0, to: 40 });
	useLayoutEffect(() => {
		const element = box.current;
		if (!element || !active) return;
		let frame = 0;
		const look = () => {
			frame = 0;
			const next = window(rows, rowHeight, element.scrollTop, element.clientHeight);
			setSeen(now => (now.from === next.from && now.to === next.to ? now : next));
		};
		const soon = () => {
			if (frame === 0) frame = requestAnimationFrame(look);
		};
		look();
		element.addEventListener("scroll", soon, { passive: true });
		const observer = new ResizeObserver(soon);
		observer.observe(element);
		return () => {
			cancelAnimationFrame(frame);
			element.removeEventListener("scroll", soon);
			observer.disconnect();
		};
	}, [rows, rowHeight, active]);
	return active ? { from: Math.min(seen.from, rows), to: Math.min(seen.to, rows) } : { from: 0, to: rows };
}
