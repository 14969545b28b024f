// SPDX-License-Identifier: Apache-2.0
// chart.tsx - lines over time, with what happened marked across them. Charts of one name share their cursor.
import { type Signal, signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { time, timeOfDay, zone } from "../lib/format";
import { texts } from "../lib/texts";
import { numberTicks, timeTicks } from "./axes";
import { linePath } from "./charts";
import { CHART_HEIGHT, type Marker, type TimeChartProps } from "./timechart";

const t = texts(
	{ chart: "{label}, from {from} to {to}", nothing: "No values in this time yet." },
	{ chart: "{label}, {from}부터 {to}까지", nothing: "이 시간대에는 아직 값이 없습니다." },
);

const LEFT = 62, RIGHT = 8, TOP = 8, BOTTOM = 22;
const MARKER_TONES: Record<Marker["kind"], string> = { restart: "t-warn", failure: "t-bad", checkpoint: "t-calm", savepoint: "s-SCHEDULED" };

/** Where the pointer is, in ms since 1970; one for all charts of a name. */
const cursors = new Map<string, Signal<number | null>>();
function cursorOf(name: string): Signal<number | null> {
	let cursor = cursors.get(name);
	if (!cursor) cursors.set(name, (cursor = signal<number | null>(null)));
	return cursor;
}

function useWidth() {
	const box = useRef<HTMLDivElement>(null);
	const [width, setWidth] = useState(0);
	useLayoutEffect(() => {
		const element = box.current;
		if (!element) return;
		const observer = new ResizeObserver(() => setWidth(element.clientWidth));
		observer.observe(element);
		setWidth(element.clientWidth);
		return () => observer.disconnect();
	}, []);
	return { box, width };
}

interface Plane {
	width: number;
	height: number;
	x: (at: number) => number;
	y: (value: number) => number;
	rows: number[];
	columns: number[];
	top: number;
}

function planeOf(props: TimeChartProps, points: number, width: number): Plane {
	const height = (props.height ?? CHART_HEIGHT) - TOP - BOTTOM, across = Math.max(0, width - LEFT - RIGHT);
	const largest = props.lines.reduce((most, line) => line.values.reduce<number>((max, value) => Math.max(max, value ?? 0), most), 0);
	const rows = numberTicks(Math.max(largest, props.max ?? 0), Math.max(2, Math.floor(height / 40))), top = rows[rows.length - 1] as number;
	const span = Math.max(1, points - 1) * props.step;
	return {
		width: across, height, rows, top,
		x: at => LEFT + ((at - props.from) / span) * across,
		y: value => TOP + height - (value / top) * height,
		columns: timeTicks(props.from, props.from + span, Math.max(1, Math.floor(across / 84))),
	};
}

function Axes(props: { plane: Plane; format: (n: number) => string; zone: string }) {
	const { plane } = props;
	return (
		<g class="chart-axes">
			{plane.rows.map(value => (
				<g key={`y${value}`}>
					<path d={`M${LEFT} ${Math.round(plane.y(value)) + 0.5}h${plane.width}`} />
					<text x={LEFT - 8} y={plane.y(value) + 4} class="end">{props.format(value)}</text>
				</g>
			))}
			{plane.columns.map(at => (
				<g key={`x${at}`}>
					<path d={`M${Math.round(plane.x(at)) + 0.5} ${TOP}v${plane.height}`} />
					<text x={Math.min(plane.x(at), LEFT + plane.width + RIGHT - 26)} y={TOP + plane.height + 16}>{timeOfDay(at)}</text>
				</g>
			))}
		</g>
	);
}

const Markers = (props: { plane: Plane; of: readonly Marker[] }) => (
	<>
		{props.of.map(marker => {
			const x = props.plane.x(marker.at);
			if (!(x >= LEFT && x <= LEFT + props.plane.width)) return null;
			return (
				<g key={`${marker.at} ${marker.kind} ${marker.text}`} class={`chart-marker ${MARKER_TONES[marker.kind]} marker-${marker.kind}`}>
					<title>{`${time(marker.at)} ${marker.text}`}</title>
					<path d={`M${x} ${TOP}v${props.plane.height}`} />
					<circle cx={x} cy={TOP} r={3.5} />
				</g>
			);
		})}
	</>
);

export default function Chart(props: TimeChartProps) {
	const { box, width } = useWidth();
	const own = useMemo(() => signal<number | null>(null), []);
	const cursor = props.sync ? cursorOf(props.sync) : own;
	const points = Math.max(0, ...props.lines.map(line => line.values.length));
	const plane = useMemo(() => planeOf(props, points, width), [props.lines, props.from, props.step, props.max, props.height, width]);
	const lines = useMemo(() => props.lines.map(line => linePath(line.values, plane.width, plane.height, plane.top)), [props.lines, plane]);

	const pointed = cursor.value === null ? null : Math.round((cursor.value - props.from) / props.step);
	const seen = pointed !== null && pointed >= 0 && pointed < points;
	const index = seen ? pointed : points - 1, at = props.from + index * props.step;
	const near = seen ? (props.markers ?? []).filter(marker => Math.abs(marker.at - at) <= props.step * Math.max(1, points / 100)) : [];
	const onPointerMove = (event: PointerEvent) => {
		const frame = box.current?.getBoundingClientRect();
		if (!frame || plane.width <= 0) return;
		const share = (event.clientX - frame.left - LEFT) / plane.width;
		cursor.value = share < -0.02 || share > 1.02 ? null : props.from + Math.min(1, Math.max(0, share)) * Math.max(1, points - 1) * props.step;
	};
	const toneOf = (i: number) => `chart-${props.lines[i]?.tone ?? (i % 6) + 1}`;
	return (
		<figure class="chart" aria-label={t("chart", { label: props.label, from: time(props.from), to: time(props.from + points * props.step) })}>
			<figcaption>
				<b>{props.label}</b>
				{props.lines.map((line, i) => {
					const value = line.values[index];
					return (
						<span key={line.label}>
							{props.lines.length > 1 && <><i class={toneOf(i)} />{line.label} </>}
							<b>{value === null || value === undefined ? "–" : props.format(value)}</b>
						</span>
					);
				})}
				<span class="chart-at">{seen && timeOfDay(at)}{near.map(marker => ` · ${marker.text}`)}</span>
			</figcaption>
			<div ref={box} class="chart-box" style={{ height: `${props.height ?? CHART_HEIGHT}px` }} onPointerMove={onPointerMove} onPointerLeave={() => (cursor.value = null)}>
				<svg width={width} height={props.height ?? CHART_HEIGHT} aria-hidden="true">
					<Axes plane={plane} format={props.format} zone={zone.value} />
					<g transform={`translate(${LEFT} ${TOP})`}>
						{lines.map((path, i) => <path key={props.lines[i]?.label} class={`chart-line ${toneOf(i)}`} d={path} />)}
					</g>
					<Markers plane={plane} of={props.markers ?? []} />
					{seen && (
						<g class="chart-cursor">
							<path d={`M${plane.x(at)} ${TOP}v${plane.height}`} />
							{props.lines.map((line, i) => {
								const value = line.values[index];
								return typeof value === "number" && <circle key={line.label} class={toneOf(i)} cx={plane.x(at)} cy={plane.y(value)} r={3} />;
							})}
						</g>
					)}
				</svg>
			</div>
			{points === 0 && <p class="sub">{t("nothing")}</p>}
		</figure>
	);
}
