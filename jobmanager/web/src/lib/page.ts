// SPDX-License-Identifier: Apache-2.0
// page.ts - the page as a whole: whether anybody sees it, and the clock it shows.
import { effect, signal } from "@preact/signals";

const inBrowser = typeof document !== "undefined"; // not in unit tests
export const visible = signal(inBrowser && !document.hidden);
if (inBrowser) document.addEventListener("visibilitychange", () => (visible.value = !document.hidden));

let offsetMs = 0;
/** What the JobManager's clock shows, in ms since 1970; steps once a second. Durations of what runs count from it. */
export const clock = signal(Date.now());

/** `now` of an answer: the clocks of two machines differ. */
export function setServerNow(now: number): void {
	const offset = now - Date.now();
	// The way takes time too; a correction below that is none.
	if (Math.abs(offset - offsetMs) > 500) offsetMs = offset;
}

let ticking: ReturnType<typeof setInterval> | undefined;
const tick = () => (clock.value = Date.now() + offsetMs);
effect(() => {
	clearInterval(ticking);
	if (!visible.value) return;
	tick();
	ticking = setInterval(tick, 1_000);
});

/** Something the reader chose, kept in this browser. */
export function stored<T extends string>(key: string, allowed: readonly T[], otherwise: T) {
	let value = otherwise;
	try {
		const kept = localStorage.getItem(`cflink.${key}`);
		if (kept !== null && (allowed as readonly string[]).includes(kept)) value = kept as T;
	} catch {
		// a browser that keeps nothing: the choice holds until the page is left
	}
	const choice = signal<T>(value);
	choice.subscribe(now => {
		try {
			if (now === otherwise) localStorage.removeItem(`cflink.${key}`);
			else localStorage.setItem(`cflink.${key}`, now);
		} catch {
			// as above
		}
	});
	return choice;
}
