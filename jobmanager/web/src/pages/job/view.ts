// SPDX-License-Identifier: Apache-2.0
// view.ts - which part of a large drawing is seen, and how large: dragged, pinched, zoomed. It changes one transform of
// one element; nothing is drawn again.
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Layout, Place } from "./layout";

const SCALE_MIN = 0.05, SCALE_MAX = 2, READABLE = 0.55; // smaller than that, a first look shows a part
const MARGIN = 16, DRAG_FROM = 4;
const HEIGHT_MIN = 170, HEIGHT_MAX = 560;
const FAR = 0.45; // a box is its name and its colour only

interface State {
	x: number;
	y: number;
	scale: number;
	/** The reader has moved it: it stays as it is when the window changes. */
	moved: boolean;
}

/** The scale at which all is seen, within what is still of use. */
export const fitScale = (width: number, height: number, of: { width: number; height: number }): number =>
	Math.max(SCALE_MIN, Math.min(1, (width - 2 * MARGIN) / of.width, (height - 2 * MARGIN) / of.height));

/** How high the frame is for a drawing that fits into its width. */
export function frameHeight(width: number, of: { width: number; height: number }, most: number): number {
	const scale = Math.max(READABLE, Math.min(1, (width - 2 * MARGIN) / of.width));
	return Math.round(Math.min(most, Math.max(HEIGHT_MIN, of.height * scale + 2 * MARGIN)));
}

export function useView(box: RefObject<HTMLDivElement | null>, plane: RefObject<HTMLDivElement | null>, drawn: Layout, first: string | undefined) {
	const state = useRef<State>({ x: 0, y: 0, scale: 1, moved: false });
	const now = useRef({ drawn, first });
	now.current = { drawn, first };

	const view = useMemo(() => {
		const pointers = new Map<number, { x: number; y: number }>();
		let dragged = false;

		const apply = () => {
			const { x, y, scale } = state.current;
			if (!plane.current) return;
			plane.current.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) scale(${scale.toFixed(4)})`;
			plane.current.classList.toggle("far", scale < FAR);
		};
		/** Keeps some of the drawing in sight. */
		const bounded = () => {
			const element = box.current, of = now.current.drawn, s = state.current;
			if (!element) return;
			const keep = 60;
			s.x = Math.min(element.clientWidth - keep, Math.max(keep - of.width * s.scale, s.x));
			s.y = Math.min(element.clientHeight - keep, Math.max(keep - of.height * s.scale, s.y));
			apply();
		};
		const zoomAt = (factor: number, x: number, y: number) => {
			const s = state.current, scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, s.scale * factor));
			s.x = x - ((x - s.x) * scale) / s.scale;
			s.y = y - ((y - s.y) * scale) / s.scale;
			s.scale = scale;
			s.moved = true;
			bounded();
		};
		const centre = (scale: number, on?: Place) => {
			const element = box.current, of = now.current.drawn;
			if (!element) return;
			const width = element.clientWidth, height = element.clientHeight, s = state.current;
			s.scale = scale;
			const place = (room: number, size: number, at: number, length: number) =>
				size * scale + 2 * MARGIN <= room ? (room - size * scale) / 2
					: Math.min(MARGIN, Math.max(room - MARGIN - size * scale, room / 2 - (at + length / 2) * scale));
			s.x = place(width, of.width, on?.x ?? 0, on?.width ?? 0);
			s.y = place(height, of.height, on?.y ?? of.height / 2, on?.height ?? 0);
			apply();
		};
		const fit = () => {
			const element = box.current;
			if (!element) return;
			state.current.moved = false;
			centre(fitScale(element.clientWidth, element.clientHeight, now.current.drawn));
		};
		/** All of it, or, where that would be too small to read, the part around the cause. */
		const begin = () => {
			const element = box.current, { drawn: of, first: vid } = now.current;
			if (!element) return;
			const top = element.getBoundingClientRect().top + scrollY;
			element.style.height = `${frameHeight(element.clientWidth, of, Math.max(320, Math.min(HEIGHT_MAX, innerHeight - Math.min(top, innerHeight / 3))))}px`;
			if (state.current.moved) return bounded();
			centre(Math.max(READABLE, fitScale(element.clientWidth, element.clientHeight, of)), vid ? of.boxes.get(vid) : undefined);
		};
		/** Brings a box into sight. */
		const show = (place: Place) => {
			const element = box.current, s = state.current;
			if (!element) return;
			const left = place.x * s.scale + s.x, top = place.y * s.scale + s.y;
			const right = left + place.width * s.scale, bottom = top + place.height * s.scale;
			if (left < MARGIN) s.x += MARGIN - left;
			else if (right > element.clientWidth - MARGIN) s.x -= right - element.clientWidth + MARGIN;
			if (top < MARGIN) s.y += MARGIN - top;
			else if (bottom > element.clientHeight - MARGIN) s.y -= bottom - element.clientHeight + MARGIN;
			apply();
		};

		const spread = () => {
			const [a, b] = [...pointers.values()];
			return a && b ? { length: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } : null;
		};
		const handlers = {
			onPointerDown: (event: PointerEvent) => {
				if (event.button !== 0) return;
				if (pointers.size === 0) dragged = false;
				pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
			},
			onPointerMove: (event: PointerEvent) => {
				const before = pointers.get(event.pointerId);
				if (!before || !box.current) return;
				const two = spread(), dx = event.clientX - before.x, dy = event.clientY - before.y;
				if (!dragged && Math.hypot(dx, dy) < DRAG_FROM) return;
				if (!dragged) box.current.setPointerCapture(event.pointerId); // earlier, a click would not come to the box
				dragged = true;
				pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
				const after = spread();
				state.current.x += dx / pointers.size;
				state.current.y += dy / pointers.size;
				state.current.moved = true;
				const frame = box.current.getBoundingClientRect();
				if (two && after && two.length > 0) zoomAt(after.length / two.length, after.x - frame.left, after.y - frame.top);
				else bounded();
			},
			onPointerUp: (event: PointerEvent) => pointers.delete(event.pointerId),
			onPointerCancel: (event: PointerEvent) => pointers.delete(event.pointerId),
			onClickCapture: (event: MouseEvent) => {
				if (!dragged) return;
				dragged = false;
				event.preventDefault();
				event.stopPropagation();
			},
		};
		const zoom = (factor: number) => box.current && zoomAt(factor, box.current.clientWidth / 2, box.current.clientHeight / 2);
		return { begin, fit, show, zoom, zoomAt, handlers };
	}, []);

	useLayoutEffect(() => {
		state.current.moved = false; // another drawing
		view.begin();
	}, [drawn]);
	useLayoutEffect(() => {
		const element = box.current;
		if (!element) return;
		let width = element.clientWidth;
		const observer = new ResizeObserver(() => {
			if (element.clientWidth !== width) view.begin();
			width = element.clientWidth;
		});
		observer.observe(element);
		// Preact's listener would be passive. The wheel alone scrolls the page; with Ctrl, or pinched, it zooms.
		const onWheel = (event: WheelEvent) => {
			if (!event.ctrlKey && !event.metaKey) return;
			event.preventDefault();
			const frame = element.getBoundingClientRect();
			view.zoomAt(Math.exp(-Math.max(-50, Math.min(50, event.deltaY)) * 0.01), event.clientX - frame.left, event.clientY - frame.top);
		};
		element.addEventListener("wheel", onWheel, { passive: false });
		return () => {
			observer.disconnect();
			element.removeEventListener("wheel", onWheel);
		};
	}, []);
	return view;
}
