// SPDX-License-Identifier: Apache-2.0
// uplot.tsx - lines over time, drawn by uPlot in the page's own colours, with what happened marked across them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { time, timeOfDay, zone } from "../lib/format";
import { texts } from "../lib/texts";
import { dark } from "./theme";
import { CHART_HEIGHT, type Marker, type TimeChartProps } from "./timechart";

const t = texts(
	{ chart: "{label}, from {from} to {to}", nothing: "No values in this time yet." },
	{ chart: "{label}, {from}부터 {to}까지", nothing: "이 시간대에는 아직 값이 없습니다." },
);

const MARK_TONES: Record<Marker["kind"], string> = { restart: "--amber", failure: "--red", checkpoint: "--blue", savepoint: "--purple" };
const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const toneOf = (tone: number | undefined, i: number): string => `--chart-${tone ?? (i % 6) + 1}`;

function drawMarkers(plot: uPlot, markers: readonly Marker[]): void {
	const { ctx, bbox } = plot;
	ctx.save();
	ctx.lineWidth = devicePixelRatio;
	for (const marker of markers) {
		const x = Math.round(plot.valToPos(marker.at / 1_000, "x", true));
		if (x < bbox.left || x > bbox.left + bbox.width) continue;
		ctx.strokeStyle = ctx.fillStyle = colour(MARK_TONES[marker.kind]);
		ctx.setLineDash(marker.kind === "checkpoint" ? [2 * devicePixelRatio, 3 * devicePixelRatio] : []);
		ctx.globalAlpha = marker.kind === "checkpoint" ? 0.45 : 0.9;
		ctx.beginPath();
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
		ctx.stroke();
		ctx.beginPath();
		ctx.arc(x, bbox.top, 3 * devicePixelRatio, 0, 2 * Math.PI);
		ctx.fill();
	}
	ctx.restore();
}

function optionsOf(props: TimeChartProps, width: number, now: { current: TimeChartProps }, onCursor: (index: number | null) => void): uPlot.Options {
	const axis: uPlot.Axis = {
		stroke: () => colour("--soft"),
		grid: { stroke: () => colour("--line"), width: 1 },
		ticks: { show: false },
		font: `11px ${getComputedStyle(document.body).fontFamily}`,
	};
	return {
		width,
		height: props.height ?? CHART_HEIGHT,
		padding: [8, 8, 0, 0],
		legend: { show: false },
		cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, sync: props.sync ? { key: props.sync } : undefined },
		scales: {
			x: { time: true },
			y: { range: (_, __, max) => [0, Math.max(now.current.max ?? 0, max > 0 ? max * 1.08 : 1)] },
		},
		axes: [
			{ ...axis, values: (_, seconds) => seconds.map(at => timeOfDay(at * 1_000)), space: 80 },
			{ ...axis, values: (_, values) => values.map(value => now.current.format(value)), size: 62, space: 36 },
		],
		series: [
			{},
			...props.lines.map((line, i): uPlot.Series => ({
				label: line.label,
				stroke: () => colour(toneOf(line.tone, i)),
				width: 1.5,
				points: { show: false },
				spanGaps: false,
			})),
		],
		hooks: {
			draw: [plot => drawMarkers(plot, now.current.markers ?? [])],
			setCursor: [plot => onCursor(plot.cursor.idx ?? null)],
		},
	};
}

export default function Chart(props: TimeChartProps) {
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const now = useRef(props);
	const [cursor, setCursor] = useState<number | null>(null);
	now.current = props;
	const data = useMemo((): uPlot.AlignedData => {
		const points = Math.max(0, ...props.lines.map(line => line.values.length));
		return [
			Array.from({ length: points }, (_, i) => (props.from + i * props.step) / 1_000),
			...props.lines.map(line => line.values as (number | null)[]),
		];
	}, [props.lines, props.from, props.step]);
	const shape = props.lines.map(line => `${line.label}\t${line.tone ?? ""}`).join("\n");

	useEffect(() => {
		const element = box.current;
		if (!element) return;
		const made = new uPlot(optionsOf(props, element.clientWidth || 320, now, setCursor), data, element);
		const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: props.height ?? CHART_HEIGHT }));
		observer.observe(element);
		plot.current = made;
		return () => {
			observer.disconnect();
			made.destroy();
			plot.current = null;
		};
	}, [shape, props.height, props.sync]);
	useEffect(() => plot.current?.setData(data), [data]);
	useEffect(() => plot.current?.redraw(false), [dark.value, zone.value, props.markers]);

	const points = data[0].length;
	const index = cursor !== null && cursor < points ? cursor : points - 1;
	const at = props.from + index * props.step;
	const near = (props.markers ?? []).filter(marker => cursor !== null && Math.abs(marker.at - at) <= props.step * Math.max(1, points / 100));
	return (
		<figure class="chart" aria-label={t("chart", { label: props.label, from: time(props.from), to: time(props.from + points * props.step) })}>
			<figcaption>
				<b>{props.label}</b>
				{props.lines.map((line, i) => {
					const value = line.values[index];
					return (
						<span key={line.label}>
							{props.lines.length > 1 && <><i class={`chart-${line.tone ?? (i % 6) + 1}`} />{line.label} </>}
							<b>{value === null || value === undefined ? "–" : props.format(value)}</b>
						</span>
					);
				})}
				<span class="chart-at">{cursor !== null && timeOfDay(at)}{near.map(marker => ` · ${marker.text}`)}</span>
			</figcaption>
			<div ref={box} class="chart-box" style={{ height: `${props.height ?? CHART_HEIGHT}px` }} />
			{points === 0 && <p class="sub">{t("nothing")}</p>}
		</figure>
	);
}
