// SPDX-License-Identifier: Apache-2.0
// charts.tsx - small drawings that stand in tables and cards: a line over time, shares of a whole, how evenly subtasks
// share their work. Each says in words what it shows.
import type { ComponentChildren } from "preact";
import { percent } from "../lib/format";
import { texts } from "../lib/texts";
import { classes } from "./basics";
import { skewOf } from "./order";

const t = texts(
	{
		skew: "{label}: the largest is {max} (subtask {at}), the median {median}",
		even: "{label}: all of {n} subtasks",
		factor: "{factor} × the median",
		alone: "one subtask does it all",
		last: "{label}: {value}",
	},
	{
		skew: "{label}: 최댓값 {max} (서브태스크 {at}), 중앙값 {median}",
		even: "{label}: 서브태스크 {n}개 전체",
		factor: "중앙값의 {factor}배",
		alone: "서브태스크 하나가 모두 처리",
		last: "{label}: {value}",
	},
);

type Points = readonly (number | null)[];

/** Points of one unit each, gaps where there is none. */
export function linePath(values: Points, width: number, height: number, max: number): string {
	const step = values.length > 1 ? width / (values.length - 1) : 0;
	let path = "", drawing = false;
	values.forEach((value, i) => {
		if (value === null) {
			drawing = false;
			return;
		}
		const y = height - (max > 0 ? Math.min(value / max, 1) : 0) * height;
		path += `${drawing ? "L" : "M"}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
		drawing = true;
	});
	return path;
}

export function Sparkline(props: { values: Points; label: string; format: (n: number) => string; max?: number; width?: number; height?: number; tone?: string }) {
	const { width = 96, height = 22 } = props;
	const known = props.values.filter((value): value is number => value !== null);
	const last = known[known.length - 1];
	const label = t("last", { label: props.label, value: last === undefined ? "–" : props.format(last) });
	return (
		<svg class={classes("sparkline", props.tone)} viewBox={`0 -2 ${width} ${height + 4}`} width={width} height={height + 4} role="img" aria-label={label}>
			<title>{label}</title>
			<path d={linePath(props.values, width, height, props.max ?? Math.max(...known, 0))} />
		</svg>
	);
}

export interface Part {
	key: string;
	label: string;
	value: number;
	/** A class of style/tokens.css: "s-RUNNING", "t-busy", … */
	tone: string;
}

/** Shares of a whole, side by side. What is left of `total` stays empty. */
export function Meter(props: { parts: readonly Part[]; total?: number; label: string; format?: (n: number) => string; legend?: boolean }) {
	const sum = props.parts.reduce((all, part) => all + part.value, 0);
	const total = Math.max(props.total ?? sum, sum, Number.MIN_VALUE);
	const format = props.format ?? (n => percent(n / total));
	const shown = props.parts.filter(part => part.value > 0);
	return (
		<div class="meter-box">
			<div class="meter" role="img" aria-label={`${props.label}: ${shown.map(part => `${part.label} ${format(part.value)}`).join(", ")}`}>
				{shown.map(part => (
					<i key={part.key} class={part.tone} style={{ flexGrow: part.value / total }} title={`${part.label}: ${format(part.value)}`} />
				))}
				{total > sum && <i class="rest" style={{ flexGrow: (total - sum) / total }} />}
			</div>
			{props.legend && (
				<ul class="legend">
					{props.parts.map(part => <li key={part.key}><i class={part.tone} />{part.label} <b>{format(part.value)}</b></li>)}
				</ul>
			)}
		</div>
	);
}

const BARS_MAX = 120;

/** A bar per subtask, in their order; of many, the largest of each few. Who does more than twice the median stands out. */
export function DistributionStrip(props: { values: Points; label: string; format: (n: number) => string; /** What a full bar is; otherwise the largest. */ max?: number; verdict?: boolean }) {
	const { values } = props;
	const skew = skewOf(values);
	const per = Math.max(1, Math.ceil(values.length / BARS_MAX));
	const bars: number[] = [];
	for (let i = 0; i < values.length; i += per) bars.push(Math.max(...values.slice(i, i + per).map(value => value ?? 0)));
	const max = props.max ?? Math.max(...bars, Number.MIN_VALUE), far = skew !== null && skew.factor > 2 ? skew.median * 2 : Infinity;
	const label = skew
		? t("skew", { label: props.label, max: props.format(skew.max), at: skew.at, median: props.format(skew.median) })
		: t("even", { label: props.label, n: values.length });
	return (
		<span class="strip-box">
			<svg class="strip" viewBox={`0 0 ${bars.length} 20`} preserveAspectRatio="none" role="img" aria-label={label}>
				<title>{label}</title>
				{bars.map((value, i) => {
					const height = Math.max(value > 0 ? 1 : 0.4, Math.min(1, value / max) * 20);
					return <rect key={i} x={i + 0.08} width={0.84} y={20 - height} height={height} class={value > far ? "far" : undefined} />;
				})}
			</svg>
			{props.verdict && skew && skew.factor > 2 && (
				<small class="t-warn-text">{Number.isFinite(skew.factor) ? t("factor", { factor: skew.factor.toFixed(1) }) : t("alone")}</small>
			)}
		</span>
	);
}

/** A share as a bar with its number. */
export const Share = (props: { of: number | null; tone?: string; label: string; children?: ComponentChildren }) => (
	<span class="share" title={props.label}>
		<span class="share-bar" aria-hidden="true"><i class={props.tone ?? "t-busy"} style={{ width: `${Math.min(100, Math.max(0, (props.of ?? 0) * 100))}%` }} /></span>
		<span>{percent(props.of)}</span>
		{props.children}
	</span>
);
