// SPDX-License-Identifier: Apache-2.0
// series.ts - numbers over time, as docs/rest.md describes them: asked for again as time goes on, while they are shown.
import { useEffect, useState } from "preact/hooks";
import { clock, visible } from "../lib/page";
import type { Marker } from "../ui/timechart";
import { get } from "./client";
import { ApiError } from "./errors";

/** The answer of `…/series` with `get`. */
export interface Series {
	from: number;
	step: number;
	series: Record<string, (number | null)[]>;
	markers: Marker[];
	missing: string[];
}

export const RANGES = ["5m", "15m", "1h", "6h", "24h"] as const;
export type Range = (typeof RANGES)[number];
const RANGE_MS: Record<Range, number> = { "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "6h": 21_600_000, "24h": 86_400_000 };
export const isRange = (text: string): text is Range => text in RANGE_MS;

const POINTS = 300; // about as many as a chart has pixels for

interface Held {
	data?: Series;
	error?: ApiError;
}

/**
 * The series of those names at `path` ("/jobs/x/series"), over the last of `range`, or over the `range` before
 * `until`, which does not move then. With null nothing is asked for.
 */
export function useSeries(path: string | null, names: readonly string[], range: Range, until?: number): Held {
	const [held, setHeld] = useState<Held>({});
	const list = names.join(",");
	const seen = visible.value;
	useEffect(() => {
		if (path === null || list === "" || !seen) return;
		const control = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const step = Math.max(1_000, Math.ceil(RANGE_MS[range] / POINTS / 1_000) * 1_000);
		const ask = async () => {
			const to = until ?? clock.peek();
			const query = new URLSearchParams({ get: list, from: String(Math.max(0, to - RANGE_MS[range])), to: String(to), step: String(step) });
			try {
				setHeld({ data: await get<Series>(`${path}?${query.toString()}`, { signal: control.signal }) });
			} catch (failure) {
				if (control.signal.aborted) return;
				if (failure instanceof ApiError) setHeld(now => ({ ...now, error: failure }));
			}
			if (until === undefined && !control.signal.aborted) timer = setTimeout(() => void ask(), Math.max(2_000, step));
		};
		void ask();
		return () => {
			control.abort();
			clearTimeout(timer);
		};
	}, [path, list, range, until, seen]);
	return held;
}
