// SPDX-License-Identifier: Apache-2.0
// vertex-backpressure.tsx - where the time of each subtask goes, and which edge it is that refuses.
import { useMemo } from "preact/hooks";
import type { Edge } from "../../api/picture-types";
import { subtasksOf, type Subtask } from "../../api/subtasks";
import { hasEnded } from "../../api/types";
import { percent } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { type Column, DataTable, Empty, Meter, Name, Quoted, Section, Share, State } from "../../ui";
import type { VertexTabProps } from "./tab";

const t = texts(
	{
		subtasks: "Time of its subtasks", index: "Subtask", status: "Status", level: "Back-pressure", levelHint: "OK up to 10 %, LOW up to 50 %, HIGH above", time: "Time",
		busy: "Busy", held: "Back-pressured", idle: "Idle", waiting: "Waiting outside", waitingHint: "Part of busy: it waited for what lies outside, as a broker or a disk",
		edges: "Its edges", out: "to", in: "from", edge: "Edge", ship: "Ship strategy", refused: "Refused, worst", refusedHint: "Share of a sending subtask's time in which this edge took no more",
		over: "The job has ended", overWhy: "Where the time of its subtasks goes is measured while they run.", sink: "Nothing leaves this vertex, and nothing comes to it, through an edge.",
	},
	{
		subtasks: "서브태스크의 시간", index: "서브태스크", status: "상태", level: "백프레셔", levelHint: "10 %까지 OK, 50 %까지 LOW, 그 이상은 HIGH", time: "시간",
		busy: "처리", held: "백프레셔", idle: "유휴", waiting: "외부 대기", waitingHint: "처리 시간 중 브로커나 디스크 등 외부를 기다린 부분",
		edges: "연결선", out: "보냄", in: "받음", edge: "연결선", ship: "전송 방식", refused: "거부 (최대)", refusedHint: "보내는 서브태스크의 시간 중 이 연결선이 더 받지 않은 비율",
		over: "끝난 작업입니다", overWhy: "서브태스크의 시간 사용은 실행 중에만 측정합니다.", sink: "이 버텍스에는 들어오거나 나가는 연결선이 없습니다.",
	},
);

/** Flink's three levels. */
export const levelOf = (share: number): "OK" | "LOW" | "HIGH" => (share <= 0.1 ? "OK" : share <= 0.5 ? "LOW" : "HIGH");
const LEVEL_TONES = { OK: "s-RUNNING", LOW: "t-warn", HIGH: "s-FAILED" } as const;

interface EdgeRow {
	id: string;
	of: Edge;
	leaves: boolean;
	/** At the other end. */
	other: string;
	name: string;
}

const shareOf = (key: "busy" | "backpressured" | "idle", title: string, tone: string): Column<Subtask> => ({
	key, title, align: "end", width: "8rem", sort: subtask => subtask[key],
	cell: subtask => <span class="legend"><span><i class={tone} />{percent(subtask[key])}</span></span>,
});

const subtaskColumns = (href: (index: number) => string): Column<Subtask>[] => [
	{ key: "index", title: t("index"), main: true, width: "8rem", sort: subtask => subtask.index, cell: subtask => <a class="row-name" href={href(subtask.index)}>{subtask.index}</a> },
	{ key: "status", title: t("status"), width: "9rem", sort: subtask => subtask.status, cell: subtask => <State of={subtask.status} /> },
	{
		key: "level", title: t("level"), hint: t("levelHint"), width: "9rem", sort: subtask => subtask.backpressured,
		cell: subtask => <span class={`state ${LEVEL_TONES[levelOf(subtask.backpressured ?? 0)]}`}>{levelOf(subtask.backpressured ?? 0)}</span>,
	},
	{
		key: "time", title: t("time"), width: "12rem",
		cell: subtask => (
			<Meter label={t("time")} total={1} parts={[
				{ key: "busy", label: t("busy"), value: subtask.busy ?? 0, tone: "t-busy" },
				{ key: "held", label: t("held"), value: subtask.backpressured ?? 0, tone: "t-held" },
				{ key: "idle", label: t("idle"), value: subtask.idle ?? 0, tone: "t-idle" },
			]} />
		),
	},
	shareOf("busy", t("busy"), "t-busy"),
	shareOf("backpressured", t("held"), "t-held"),
	shareOf("idle", t("idle"), "t-idle"),
	{ key: "waiting", title: t("waiting"), hint: t("waitingHint"), align: "end", width: "9rem", sort: subtask => subtask.waiting, cell: subtask => percent(subtask.waiting) },
];

const edgeColumns = (href: (vid: string) => string): Column<EdgeRow>[] => [
	{ key: "name", title: t("edge"), main: true, sort: row => row.name, cell: row => <>{t(row.leaves ? "out" : "in")} <a class="row-name" href={href(row.other)}><Name of={row.name} /></a></> },
	{ key: "ship", title: t("ship"), sort: row => row.of.ship_strategy, cell: row => row.of.ship_strategy },
	{ key: "refused", title: t("refused"), hint: t("refusedHint"), sort: row => row.of.backpressured, cell: row => <Share of={row.of.backpressured} tone="t-held" label={t("refusedHint")} /> },
];

export default function Backpressure(props: VertexTabProps) {
	const { picture, vertex, vid, base } = props;
	const subtasks = useMemo(() => subtasksOf(picture, vertex), [picture.columns, vertex.subtasks]);
	const edges = useMemo(() => Object.entries(picture.edges).filter(([, edge]) => edge.source === vid || edge.target === vid).map(([id, of]): EdgeRow => {
		const leaves = of.source === vid, other = leaves ? of.target : of.source;
		return { id, of, leaves, other, name: picture.vertices[other]?.name ?? other };
	}), [picture.edges, vid]);
	const name = t("index");
	const [columns, ofEdges] = useMemo(() => [
		subtaskColumns(index => link(...base, "overview", vid, "subtasks", index)), edgeColumns(other => link(...base, "overview", other, "backpressure")),
	], [name, base[1], base[2], vid]);
	if (hasEnded(picture.job.state)) return <Empty title={t("over")}>{t("overWhy")}</Empty>;
	return (
		<>
			{vertex.cause && <p class="sub"><Quoted text={vertex.cause} /></p>}
			<Section title={t("edges")}>
				{edges.length > 0 ? <DataTable id="edges-" label={t("edges")} columns={ofEdges} rows={edges} rowKey={row => row.id} sort="-refused" /> : <p class="sub">{t("sink")}</p>}
			</Section>
			<Section title={t("subtasks")}>
				<div class="dense"><DataTable label={t("subtasks")} columns={columns} rows={subtasks} rowKey={subtask => subtask.index} sort="-level" /></div>
			</Section>
		</>
	);
}
