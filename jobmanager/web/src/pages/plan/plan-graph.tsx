// SPDX-License-Identifier: Apache-2.0
// plan-graph.tsx - a plan as a drawing: what will run, how parallel, and how records get from one to the next.
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../../lib/format";
import type { Plan, PlanNode } from "../../lib/plan";
import { texts } from "../../lib/texts";
import { Icon } from "../../ui";
import { layout, neighbour, type Place, type ShapeBox } from "../job/layout";
import { useView } from "../job/view";
import "../job/graph.css";
import "./plan.css";

const t = texts(
	{ graph: "Plan: {n} {n|node|nodes}. Arrow keys move between them.", zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Fit", node: "{name}, parallelism {n}" },
	{ graph: "실행 계획: 노드 {n}개. 화살표 키로 이동합니다.", zoomIn: "확대", zoomOut: "축소", fit: "맞춤", node: "{name}, 병렬도 {n}" },
);

const WIDTH = 250, LINE = 17, HEAD = 62, NARROW_PX = 620;
const LINES_MAX = 12;

const heightOf = (node: PlanNode): number => HEAD + Math.min(node.chain.length, LINES_MAX) * LINE + (node.chain.length ? 8 : 0);

function PlanBox(props: { node: PlanNode; place: Place; here: boolean }) {
	const { node, place } = props;
	return (
		<div
			class={`box plan-box plan-${node.kind.split(" ").pop()?.toLowerCase() || "operator"}`} data-vid={node.id} tabIndex={props.here ? 0 : -1} role="listitem"
			aria-label={t("node", { name: node.name, n: node.parallelism })}
			style={{ left: `${place.x}px`, top: `${place.y}px`, width: `${place.width}px`, height: `${place.height}px` }}
		>
			<span class="box-name" title={node.name}>{node.name}</span>
			<span class="box-line"><span>{node.kind}</span><span class="box-parallelism">×{count(node.parallelism)}</span></span>
			{node.chain.length > 0 && <pre class="plan-chain">{node.chain.slice(0, LINES_MAX).join("\n")}</pre>}
		</div>
	);
}

export default function PlanGraph(props: { plan: Plan }) {
	const { plan } = props;
	const box = useRef<HTMLDivElement>(null), plane = useRef<HTMLDivElement>(null);
	const [down, setDown] = useState(() => innerWidth < NARROW_PX);
	const drawn = useMemo(() => layout({
		boxes: plan.nodes.map((node): ShapeBox => ({ id: node.id, width: WIDTH, height: heightOf(node) })),
		edges: plan.edges.map(({ id, source, target }) => ({ id, source, target })),
		down,
	}), [plan, down]);
	const view = useView(box, plane, drawn, undefined);
	const [here, setHere] = useState(plan.nodes[0]?.id ?? "");

	useLayoutEffect(() => {
		const observer = new ResizeObserver(([entry]) => entry && setDown(entry.contentRect.width < NARROW_PX));
		if (box.current) observer.observe(box.current);
		return () => observer.disconnect();
	}, []);

	const onKeyDown = useCallback((event: KeyboardEvent) => {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const id = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-vid]")?.dataset.vid : undefined;
		if (event.key === "+" || event.key === "=") view.zoom(1.3);
		else if (event.key === "-") view.zoom(1 / 1.3);
		else if (event.key === "0") view.fit();
		else if (event.key.startsWith("Arrow") && id) {
			const next = neighbour(drawn.boxes, id, event.key);
			if (!next) return;
			setHere(next);
			plane.current?.querySelector<HTMLElement>(`[data-vid="${CSS.escape(next)}"]`)?.focus({ preventScroll: true });
			view.show(drawn.boxes.get(next) as Place);
		} else return;
		event.preventDefault();
	}, [drawn, view]);

	return (
		<div class="graph-box">
			<div class="graph-tools">
				<span class="graph-zoom">
					<button type="button" class="icon-button" onClick={() => view.zoom(1 / 1.3)} aria-label={t("zoomOut")} title={t("zoomOut")}><Icon name="minus" /></button>
					<button type="button" class="icon-button" onClick={() => view.zoom(1.3)} aria-label={t("zoomIn")} title={t("zoomIn")}><Icon name="plus" /></button>
					<button type="button" class="icon-button" onClick={view.fit} aria-label={t("fit")} title={t("fit")}><Icon name="fit" /></button>
				</span>
			</div>
			<div ref={box} class="graph" role="list" aria-label={t("graph", { n: plan.nodes.length })} onKeyDown={onKeyDown} {...view.handlers}>
				<div ref={plane} class="plane" style={{ width: `${drawn.width}px`, height: `${drawn.height}px` }}>
					<svg width={drawn.width} height={drawn.height} aria-hidden="true">
						<defs><marker id="plan-arrow" class="arrow" viewBox="0 0 8 8" refX={7.5} refY={4} markerWidth={9} markerHeight={9} markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.6L8 4L0 7.4z" /></marker></defs>
						{plan.edges.map(edge => {
							const way = drawn.edges.get(edge.id);
							return way && (
								<g key={edge.id} class="edge">
									<path class="edge-line" d={way.path} style={{ strokeWidth: 1.5 }} marker-end="url(#plan-arrow)" />
									<text x={way.x} y={way.y - 7} class="edge-ship">{edge.ship}</text>
								</g>
							);
						})}
					</svg>
					{plan.nodes.map(node => {
						const place = drawn.boxes.get(node.id);
						return place && <PlanBox key={node.id} node={node} place={place} here={node.id === here} />;
					})}
				</div>
			</div>
		</div>
	);
}
