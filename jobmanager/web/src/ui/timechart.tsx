// SPDX-License-Identifier: Apache-2.0
// timechart.tsx - what a chart over time is given. The chart itself (chart.tsx) comes when the first one is drawn.
import { lazy } from "./lazy";

export interface Line {
	label: string;
	values: readonly (number | null)[];
	/** 1 to 6: one of the chart's colours. */
	tone?: 1 | 2 | 3 | 4 | 5 | 6;
}

/** Something that happened, as a line across all charts. */
export interface Marker {
	at: number;
	kind: "restart" | "failure" | "checkpoint" | "savepoint";
	text: string;
}

export interface TimeChartProps {
	label: string;
	/** ms since 1970 of the first value, and between two. */
	from: number;
	step: number;
	lines: readonly Line[];
	markers?: readonly Marker[];
	format: (n: number) => string;
	/** Where the axis ends at least: 1 of shares. */
	max?: number;
	height?: number;
	/** Charts of one name share their cursor. */
	sync?: string;
}

export const CHART_HEIGHT = 180;
export const TimeChart = lazy<TimeChartProps>(() => import("./chart"), CHART_HEIGHT + 36);
