// SPDX-License-Identifier: Apache-2.0
// plan.tsx - draws a plan that somebody has as text: pasted, dropped in, or opened from a file.
import { signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { count } from "../../lib/format";
import { isPlan, type NoPlan, type PlanNode, planIn } from "../../lib/plan";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { classes, type Column, CommandLine, DataTable, lazy, Name, PageHead, Section, Sentence } from "../../ui";
import type { Plan } from "../../lib/plan";
import "./plan.css";

const t = texts(
	{
		title: "Plan", sub: "Draws what get_execution_plan() or flink info prints. Nothing is sent anywhere.", paste: "Paste a plan here, or drop a file with one", file: "Open a file …",
		clear: "Clear", drawn: "Drawn", nodes: "Nodes", id: "ID", name: "Name", kind: "Kind", parallelism: "Parallelism", inputs: "Inputs", get: "To get one:",
		"no-json": "There is no plan in this text: a plan is JSON and begins with {.", "bad-json": "The plan is not whole: {at}", "no-nodes": "This is JSON, but no plan: a plan has “nodes”.",
		"bad-node": "Node number {at} of the plan has no “id”.", "unknown-input": "The plan names an input that it does not have: {at}", "too-many": "The plan has {at} nodes; at most 5000 are drawn.",
		example: "Draw an example",
	},
	{
		title: "실행 계획", sub: "get_execution_plan()이나 flink info의 출력을 그립니다. 어디에도 전송하지 않습니다.", paste: "실행 계획을 붙여 넣거나 파일을 끌어다 놓으세요", file: "파일 열기…",
		clear: "지우기", drawn: "그림", nodes: "노드", id: "ID", name: "이름", kind: "종류", parallelism: "병렬도", inputs: "입력", get: "실행 계획을 얻으려면:",
		"no-json": "이 텍스트에는 실행 계획이 없습니다. 실행 계획은 {로 시작하는 JSON입니다.", "bad-json": "실행 계획이 온전하지 않습니다: {at}", "no-nodes": "JSON이지만 실행 계획이 아닙니다. 실행 계획에는 “nodes”가 있습니다.",
		"bad-node": "실행 계획의 {at}번째 노드에 “id”가 없습니다.", "unknown-input": "실행 계획에 없는 입력을 가리킵니다: {at}", "too-many": "노드가 {at}개입니다. 최대 5000개까지 그립니다.",
		example: "예제 그리기",
	},
);

const FILE_BYTES_MAX = 16 * 1024 * 1024;
const PlanGraph = lazy<{ plan: Plan }>(() => import("./plan-graph"), 320);

/** Kept while other pages are looked at. */
const text = signal("");

const EXAMPLE = JSON.stringify({ nodes: [
	{ id: 1, type: "Source: Kafka", pact: "Data Source", contents: "Source: Kafka", parallelism: 2 },
	{ id: 2, type: "Flat Map", pact: "Operator", contents: "Flat Map", parallelism: 2, predecessors: [{ id: 1, ship_strategy: "FORWARD", side: "second" }] },
	{ id: 4, type: "Keyed Aggregation", pact: "Operator", contents: "Keyed Aggregation", parallelism: 4, predecessors: [{ id: 2, ship_strategy: "HASH", side: "second" }] },
	{ id: 5, type: "Sink: Print to Std. Out", pact: "Data Sink", contents: "Sink: Print to Std. Out", parallelism: 1, predecessors: [{ id: 4, ship_strategy: "REBALANCE", side: "second" }] },
] }, null, 2);

const sayWhy = (of: NoPlan): string | null => {
	const at = of.at ?? "";
	switch (of.problem) {
		case "empty": return null;
		case "no-json": case "no-nodes": return t(of.problem);
		default: return t(of.problem, { at });
	}
};

interface Row extends PlanNode {
	inputs: string;
}

const columnsOf = (): Column<Row>[] => [
	{ key: "id", title: t("id"), sort: row => row.id, cell: row => <code>{row.id.length > 12 ? `${row.id.slice(0, 8)}…` : row.id}</code>, width: "8rem" },
	{ key: "name", title: t("name"), main: true, sort: row => row.name, cell: row => <Name of={row.name} /> },
	{ key: "kind", title: t("kind"), sort: row => row.kind, cell: row => row.kind || "–", width: "9rem" },
	{ key: "parallelism", title: t("parallelism"), align: "end", sort: row => row.parallelism, cell: row => count(row.parallelism), width: "7rem" },
	{ key: "inputs", title: t("inputs"), cell: row => row.inputs || "–", width: "16rem" },
];

export function PlanTable(props: { plan: Plan }) {
	const name = t("name");
	const columns = useMemo(columnsOf, [name]);
	const rows = useMemo(() => {
		const names = new Map(props.plan.nodes.map(node => [node.id, node.name]));
		return props.plan.nodes.map(node => ({
			...node, inputs: props.plan.edges.filter(edge => edge.target === node.id).map(edge => `${edge.ship} ← ${names.get(edge.source) ?? edge.source}`).join(", "),
		}));
	}, [props.plan]);
	return <DataTable label={t("nodes")} columns={columns} rows={rows} rowKey={row => row.id} />;
}

export default function PlanPage() {
	useTitle(t("title"));
	const [over, setOver] = useState(false);
	const of = useMemo(() => planIn(text.value), [text.value]);
	const take = async (file: File | null | undefined) => {
		if (file) text.value = await file.slice(0, FILE_BYTES_MAX).text();
	};
	const why = isPlan(of) ? null : sayWhy(of);
	return (
		<>
			<PageHead title={t("title")} sub={t("sub")} />
			<div
				class={classes("paste", over && "drop-over")}
				onDragOver={event => {
					event.preventDefault();
					setOver(true);
				}}
				onDragLeave={() => setOver(false)}
				onDrop={event => {
					event.preventDefault();
					setOver(false);
					void take(event.dataTransfer?.files[0]);
				}}
			>
				<textarea aria-label={t("paste")} placeholder={t("paste")} spellcheck={false} value={text.value} onInput={event => (text.value = event.currentTarget.value)} />
				<div class="table-tools">
					<label class="button">{t("file")}<input type="file" class="visually-hidden" onChange={event => void take(event.currentTarget.files?.[0])} /></label>
					{text.value ? <button type="button" class="button" onClick={() => (text.value = "")}>{t("clear")}</button>
						: <button type="button" class="button" onClick={() => (text.value = EXAMPLE)}>{t("example")}</button>}
				</div>
			</div>
			{why && <Sentence text={why} tone="bad" />}
			{isPlan(of) ? (
				<>
					<Section title={of.name || t("drawn")}><PlanGraph plan={of} /></Section>
					<Section title={t("nodes")}><PlanTable plan={of} /></Section>
				</>
			) : !why && (
				<Section title={t("get")}>
					<div class="commands">
						<CommandLine text="./bin/flink info examples/streaming/WordCount.jar" />
						<CommandLine text="print(env.get_execution_plan())" />
					</div>
				</Section>
			)}
		</>
	);
}
