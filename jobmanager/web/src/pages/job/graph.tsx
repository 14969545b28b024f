// SPDX-License-Identifier: Apache-2.0
// graph.tsx - the live graph of a job. Boxes are links over a drawing of the edges; both are moved and scaled as one,
// without drawing anything again. Where they stand is computed once per shape (layout.ts).
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Edge, JobPicture, Operator, Vertex } from "../../api/picture-types";
import { hasEnded } from "../../api/types";
import { count, percent, perSecond } from "../../lib/format";
import { memo } from "../../lib/memo";
import { choose, chosen, link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Choice, classes, Icon, Meter, type Part } from "../../ui";
import { layout, neighbour, type Layout, type Place, type Way } from "./layout";
import { causeOf, edgeWidth, operatorsOf, pressureOf, shapeKey, shapeOf } from "./shape";
import { useView } from "./view";
import "./graph.css";

const t = texts(
	{
		graph: "Job graph: {n} {n|vertex|vertices}. Arrow keys move between them, Enter opens one, plus and minus zoom.", show: "What a box is", tasks: "Tasks", operators: "Operators",
		in: "in", out: "out", busy: "busy", held: "back-pressured", idle: "idle", cause: "Cause", time: "Time, mean of the subtasks",
		zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Fit", edge: "{ship}, {rate}", refused: "refused up to {share} of the time", legend: "Edges are as wide as their records per second.",
		box: "{name}: {state}, parallelism {n}, busy {busy}, back-pressured {held}, {in} in, {out} out",
	},
	{
		graph: "작업 그래프: 버텍스 {n}개. 화살표 키로 이동하고 Enter로 열며 +와 -로 확대·축소합니다.", show: "상자 단위", tasks: "태스크", operators: "연산자",
		in: "입력", out: "출력", busy: "처리", held: "백프레셔", idle: "유휴", cause: "원인", time: "시간 (서브태스크 평균)",
		zoomIn: "확대", zoomOut: "축소", fit: "맞춤", edge: "{ship}, {rate}", refused: "최대 {share}의 시간 동안 받지 않음", legend: "연결선의 굵기는 초당 레코드 수를 나타냅니다.",
		box: "{name}: {state}, 병렬도 {n}, 처리 {busy}, 백프레셔 {held}, 입력 {in}, 출력 {out}",
	},
);

const NARROW_PX = 620;

const partsOf = (vertex: Vertex): Part[] => [
	{ key: "busy", label: t("busy"), value: vertex["busy-mean"], tone: "t-busy" },
	{ key: "held", label: t("held"), value: vertex["backpressured-mean"], tone: "t-held" },
	{ key: "idle", label: t("idle"), value: vertex["idle-mean"], tone: "t-idle" },
];

function OperatorRow(props: { of: Operator; index: number; still: boolean }) {
	const { of, index } = props;
	const rate = of.kind === "sink" && of["records-out-rate"] === undefined ? of["records-in-rate"] : of["records-out-rate"];
	const apart = of.inputs.some(input => input !== index - 1);
	return (
		<span class={classes("op-row", `op-${of.kind}`, apart && "op-apart")}>
			<span class="op-name" title={of.name}>{of.name}</span>
			{!props.still && (
				<span class="op-numbers">
					<span>{perSecond(rate)}</span>
					<span class={(of["busy-max"] ?? 0) > 0.5 ? "t-busy-text" : undefined}>{t("busy")} {percent(of["busy-max"])}</span>
				</span>
			)}
		</span>
	);
}

interface BoxProps {
	vid: string;
	vertex: Vertex;
	place: Place;
	href: string;
	cause: boolean;
	operators: boolean;
	/** The job has ended: totals, no rates. */
	still: boolean;
	/** The one that Tab comes to. */
	here: boolean;
	words: string;
}

const Box = memo(function Box(props: BoxProps) {
	const { vertex, place, still } = props;
	const numbers = still
		? [count(vertex["records-in"]), count(vertex["records-out"])] as const
		: [perSecond(vertex["records-in-rate"]), perSecond(vertex["records-out-rate"])] as const;
	const label = t("box", {
		name: vertex.name, state: vertex.status, n: vertex.parallelism, busy: percent(vertex["busy-max"]), held: percent(vertex["backpressured-max"]), in: numbers[0], out: numbers[1],
	});
	return (
		<a
			class={classes("box", `box-${still ? "calm" : pressureOf(vertex)}`, `s-${vertex.status}`, props.cause && "box-cause", props.operators && "box-operators")}
			href={props.href} data-vid={props.vid} tabIndex={props.here ? 0 : -1} draggable={false} aria-label={props.cause ? `${t("cause")}: ${label}` : label}
			style={{ left: `${place.x}px`, top: `${place.y}px`, width: `${place.width}px`, height: `${place.height}px`, "--load": still ? 0 : Math.max(vertex["busy-max"], vertex["backpressured-max"]) }}
		>
			{props.cause && <span class="box-mark"><Icon name="warning" />{t("cause")}</span>}
			{!props.operators && <span class="box-name" title={vertex.name}>{vertex.name}</span>}
			<span class="box-line">
				<span class="box-state">{vertex.status}</span>
				<span class="box-parallelism">×{vertex.parallelism}</span>
				{props.operators && !still && <span class="box-share">{percent(Math.max(vertex["busy-max"], vertex["backpressured-max"]))}</span>}
			</span>
			{!props.operators && (
				<span class="box-line">
					<span>{t("in")} <b>{numbers[0]}</b></span>
					<span>{t("out")} <b>{numbers[1]}</b></span>
				</span>
			)}
			{!still && !props.operators && (
				<span class="box-line box-shares">
					<span class={vertex["busy-max"] > 0.5 ? "t-busy-text" : undefined}>{t("busy")} {percent(vertex["busy-max"])}</span>
					{vertex["backpressured-max"] > 0.01 && <span class="t-held-text">{t("held")} {percent(vertex["backpressured-max"])}</span>}
				</span>
			)}
			{!still && <Meter label={t("time")} total={1} parts={partsOf(vertex)} />}
			{props.operators && operatorsOf(vertex).map(({ index, operator }) => <OperatorRow key={index} of={operator} index={index} still={still} />)}
		</a>
	);
});

interface EdgeProps {
	edge: Edge;
	way: Way;
	width: number;
	still: boolean;
	words: string;
}

const EdgeLine = memo(function EdgeLine(props: EdgeProps) {
	const { edge, way, still } = props;
	const held = !still && edge.backpressured > 0.1, rate = edge["records-rate"];
	const label = t("edge", { ship: edge.ship_strategy, rate: perSecond(rate) }) + (held ? `, ${t("refused", { share: percent(edge.backpressured) })}` : "");
	return (
		<g class={classes("edge", held && "edge-held", !still && (rate ?? 0) > 0 && "edge-flows")}>
			<title>{label}</title>
			<path class="edge-line" d={way.path} style={{ strokeWidth: props.width }} marker-end={held ? "url(#arrow-held)" : "url(#arrow)"} />
			<text x={way.x} y={way.y - 7 - props.width / 2} class="edge-ship">{edge.ship_strategy}</text>
			{!still && rate !== undefined && <text x={way.x} y={way.y + 14 + props.width / 2} class="edge-rate">{perSecond(rate)}</text>}
		</g>
	);
});

const Arrows = () => (
	<defs>
		{["arrow", "arrow-held"].map(id => (
			<marker key={id} id={id} class={id} viewBox="0 0 8 8" refX={7.5} refY={4} markerWidth={9} markerHeight={9} markerUnits="userSpaceOnUse" orient="auto">
				<path d="M0 0.6L8 4L0 7.4z" />
			</marker>
		))}
	</defs>
);

/** The layout of a shape, kept until the shape is another. */
function useLayout(picture: JobPicture, operators: boolean, down: boolean): Layout {
	const shape = shapeOf(picture.vertices, picture.edges, operators, down);
	const key = shapeKey(shape);
	return useMemo(() => layout(shape), [key]);
}

function Tools(props: { operators: boolean; zoom: (factor: number) => void; fit: () => void }) {
	return (
		<div class="graph-tools">
			<Choice label={t("show")} value={props.operators ? "operators" : "tasks"} onChoose={value => choose({ show: value === "tasks" ? "" : value })}
				of={[{ value: "tasks", label: t("tasks") }, { value: "operators", label: t("operators") }]} />
			<ul class="legend" aria-hidden="true" title={t("legend")}>
				<li><i class="t-busy" />{t("busy")}</li><li><i class="t-held" />{t("held")}</li><li><i class="t-idle" />{t("idle")}</li>
			</ul>
			<span class="graph-zoom">
				<button type="button" class="icon-button" onClick={() => props.zoom(1 / 1.3)} aria-label={t("zoomOut")} title={t("zoomOut")}><Icon name="minus" /></button>
				<button type="button" class="icon-button" onClick={() => props.zoom(1.3)} aria-label={t("zoomIn")} title={t("zoomIn")}><Icon name="plus" /></button>
				<button type="button" class="icon-button" onClick={props.fit} aria-label={t("fit")} title={t("fit")}><Icon name="fit" /></button>
			</span>
		</div>
	);
}

export interface GraphProps {
	picture: JobPicture;
	base: readonly [string, string, string];
}

export default function Graph(props: GraphProps) {
	const { picture, base } = props;
	const operators = chosen("show", "tasks") === "operators";
	const still = hasEnded(picture.job.state);
	const box = useRef<HTMLDivElement>(null), plane = useRef<HTMLDivElement>(null);
	const [down, setDown] = useState(() => innerWidth < NARROW_PX);
	const drawn = useLayout(picture, operators, down);
	const cause = causeOf(picture);
	const [focus, setFocus] = useState("");
	const here = drawn.boxes.has(focus) ? focus : (drawn.boxes.keys().next().value ?? "");
	const view = useView(box, plane, drawn, cause);

	useLayoutEffect(() => {
		const observer = new ResizeObserver(([entry]) => entry && setDown(entry.contentRect.width < NARROW_PX));
		if (box.current) observer.observe(box.current);
		return () => observer.disconnect();
	}, []);
	useEffect(() => {
		if (focus && !drawn.boxes.has(focus)) setFocus("");
	}, [drawn]);

	const onKeyDown = useCallback((event: KeyboardEvent) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const vid = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-vid]")?.dataset.vid : undefined;
		if (event.key === "+" || event.key === "=") view.zoom(1.3);
		else if (event.key === "-") view.zoom(1 / 1.3);
		else if (event.key === "0") view.fit();
		else if (event.key.startsWith("Arrow") && vid) {
			const next = neighbour(drawn.boxes, vid, event.key);
			if (next) {
				setFocus(next);
				plane.current?.querySelector<HTMLElement>(`[data-vid="${next}"]`)?.focus({ preventScroll: true });
				view.show(drawn.boxes.get(next) as Place);
			}
		} else return;
		event.preventDefault();
	}, [drawn, view]);

	const edges = Object.entries(picture.edges), words = t("tasks"); // a box is drawn again in another language
	const largest = still ? 0 : edges.reduce((most, [, edge]) => Math.max(most, edge["records-rate"] ?? 0), 0);
	return (
		<div class="graph-box">
			<Tools operators={operators} zoom={view.zoom} fit={view.fit} />
			<div ref={box} class="graph" role="group" aria-label={t("graph", { n: drawn.boxes.size })} onKeyDown={onKeyDown} {...view.handlers}>
				<div ref={plane} class="plane" style={{ width: `${drawn.width}px`, height: `${drawn.height}px` }}>
					<svg width={drawn.width} height={drawn.height} aria-hidden="true">
						<Arrows />
						{edges.map(([id, edge]) => {
							const way = drawn.edges.get(id);
							return way && <EdgeLine key={id} edge={edge} way={way} width={edgeWidth(edge, largest)} still={still} words={words} />;
						})}
					</svg>
					{Object.entries(picture.vertices).map(([vid, vertex]) => {
						const place = drawn.boxes.get(vid);
						return place && (
							<Box key={vid} vid={vid} vertex={vertex} place={place} href={link(...base, "overview", vid, "subtasks")} cause={vid === cause}
								operators={operators} still={still} here={vid === here} words={words} />
						);
					})}
				</div>
			</div>
		</div>
	);
}
