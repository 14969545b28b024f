// SPDX-License-Identifier: Apache-2.0
// vertex-subtasks.tsx - the subtasks of a vertex: how evenly they share their work, and each in a row.
import { useMemo } from "preact/hooks";
import type { JobPicture, Place } from "../../api/picture-types";
import { subtasksOf, type Subtask, type SubtaskNumber } from "../../api/subtasks";
import { bytesPerSecond, count, percent, perSecond } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { type Column, DataTable, DistributionStrip, Elapsed, Quoted, State, Time } from "../../ui";
import { flowColumns, shareColumn } from "./cells";
import { SubtaskPage } from "./subtask";
import type { VertexTabProps } from "./tab";

const t = texts(
	{
		label: "Subtasks", index: "Subtask", status: "Status", attempt: "Attempt", attemptHint: "1: it was never restarted", taskManager: "TaskManager",
		busy: "Busy", busyHint: "Share of its time in which it worked", backpressured: "Back-pressured", backpressuredHint: "Share of its time in which those behind it did not take more",
		idle: "Idle", idleHint: "Share of its time in which it had nothing to do", waiting: "Waiting outside", waitingHint: "Part of busy: it waited for what lies outside, as a broker or a disk",
		inQueue: "In queue", inQueueHint: "Buffers that wait to be read", outQueue: "Out queue", outQueueHint: "Buffers that wait to be sent",
		inUsage: "In pool", inUsageHint: "Share of the buffers for input that are held", outUsage: "Out pool", outUsageHint: "Share of the buffers for output that are held",
		watermark: "Watermark", start: "Start", duration: "Duration", blocking: "user functions keep its thread busy for long", unassigned: "not assigned",
		even: "Work by subtask", read: "Records in", wrote: "Records out", readBytes: "Bytes in",
	},
	{
		label: "서브태스크", index: "서브태스크", status: "상태", attempt: "시도", attemptHint: "1: 재시작된 적이 없음", taskManager: "TaskManager",
		busy: "처리", busyHint: "일하고 있던 시간의 비율", backpressured: "백프레셔", backpressuredHint: "뒤쪽이 받아 주지 않아 기다린 시간의 비율",
		idle: "유휴", idleHint: "할 일이 없던 시간의 비율", waiting: "외부 대기", waitingHint: "처리 시간 중 브로커나 디스크 등 외부를 기다린 부분",
		inQueue: "입력 대기", inQueueHint: "읽기를 기다리는 버퍼 수", outQueue: "출력 대기", outQueueHint: "전송을 기다리는 버퍼 수",
		inUsage: "입력 풀", inUsageHint: "사용 중인 입력 버퍼의 비율", outUsage: "출력 풀", outUsageHint: "사용 중인 출력 버퍼의 비율",
		watermark: "워터마크", start: "시작", duration: "기간", blocking: "사용자 함수가 스레드를 오래 붙잡고 있습니다", unassigned: "할당되지 않음",
		even: "서브태스크별 작업량", read: "입력 레코드", wrote: "출력 레코드", readBytes: "입력 바이트",
	},
);

/** Where a subtask runs, as a link to its TaskManager. */
export const Where = (props: { place: Place | undefined }) =>
	props.place?.endpoint
		? props.place.id
			? <a href={link("task-manager", props.place.id, "metrics")} title={props.place.id}>{props.place.endpoint}</a>
			: <>{props.place.endpoint}</>
		: <span class="none">{t("unassigned")}</span>;

const share = (key: SubtaskNumber, title: string, hint: string, tone: string) => shareColumn<Subtask>(key, title, hint, tone, subtask => subtask[key]);
const number = (key: SubtaskNumber, title: string, hint: string, format: (n: number | null) => string): Column<Subtask> => ({
	key, title, hint, align: "end", width: "6.5rem", sort: subtask => subtask[key], cell: subtask => format(subtask[key]),
});

const columnsOf = (places: JobPicture["taskmanagers"], href: (index: number) => string, watermarks: boolean): Column<Subtask>[] => [
	{
		key: "index", title: t("index"), main: true, width: "15rem", sort: subtask => subtask.index,
		cell: subtask => (
			<>
				<a class="row-name" href={href(subtask.index)}>{subtask.index}</a>
				{(subtask["status-text"] || subtask.blocking) && (
					<span class="row-note t-warn-text" title={subtask["status-text"]}>{subtask["status-text"] ? <Quoted text={subtask["status-text"]} /> : t("blocking")}</span>
				)}
			</>
		),
	},
	{ key: "status", title: t("status"), width: "9rem", sort: subtask => subtask.status, cell: subtask => <State of={subtask.status} /> },
	{ key: "attempt", title: t("attempt"), hint: t("attemptHint"), align: "end", width: "6rem", sort: subtask => subtask.attempt, cell: subtask => count((subtask.attempt ?? 0) + 1) },
	{ key: "taskmanager", title: t("taskManager"), width: "12rem", sort: subtask => places[String(subtask.taskmanager)]?.endpoint, cell: subtask => <Where place={places[String(subtask.taskmanager)]} /> },
	...flowColumns<Subtask>(subtask => subtask, subtask => (subtask["end-time"] ?? 0) > 0),
	share("busy", t("busy"), t("busyHint"), "t-busy"),
	share("backpressured", t("backpressured"), t("backpressuredHint"), "t-held"),
	share("idle", t("idle"), t("idleHint"), "t-idle"),
	share("waiting", t("waiting"), t("waitingHint"), "t-calm"),
	number("in-queue", t("inQueue"), t("inQueueHint"), count),
	number("out-queue", t("outQueue"), t("outQueueHint"), count),
	number("in-usage", t("inUsage"), t("inUsageHint"), percent),
	number("out-usage", t("outUsage"), t("outUsageHint"), percent),
	...(watermarks ? [{ key: "watermark", title: t("watermark"), width: "12rem", sort: (subtask: Subtask) => subtask.watermark, cell: (subtask: Subtask) => <Time at={subtask.watermark} /> }] : []),
	{ key: "start", title: t("start"), width: "10rem", sort: subtask => subtask["start-time"], cell: subtask => <Time at={subtask["start-time"]} brief /> },
	{
		key: "duration", title: t("duration"), align: "end", width: "8rem", sort: subtask => -(subtask["start-time"] ?? 0),
		cell: subtask => <Elapsed from={subtask["start-time"] ?? 0} to={(subtask["end-time"] ?? 0) > 0 ? (subtask["end-time"] ?? 0) : undefined} />,
	},
];

/** How evenly the subtasks share what comes in, what goes out, and the time it takes. */
function Strips(props: { subtasks: readonly Subtask[] }) {
	const rows: [SubtaskNumber, string, (n: number) => string, number?][] = [
		["records-in-rate", t("read"), perSecond], ["records-out-rate", t("wrote"), perSecond], ["bytes-in-rate", t("readBytes"), bytesPerSecond],
		["busy", t("busy"), percent, 1], ["backpressured", t("backpressured"), percent, 1],
	];
	return (
		<div class="strips" role="group" aria-label={t("even")}>
			{rows.map(([key, label, format, max]) => {
				const values = props.subtasks.map(subtask => subtask[key]);
				return (
					<div key={key}>
						<span class="card-label">{label}</span>
						<DistributionStrip values={values} label={label} format={format} max={max} verdict />
					</div>
				);
			})}
		</div>
	);
}

export default function Subtasks(props: VertexTabProps) {
	const { picture, vertex, base, vid, rest } = props;
	const subtasks = useMemo(() => subtasksOf(picture, vertex), [picture.columns, vertex.subtasks]);
	const watermarks = subtasks.some(subtask => subtask.watermark !== null);
	const name = t("index");
	const columns = useMemo(
		() => columnsOf(picture.taskmanagers, index => link(...base, "overview", vid, "subtasks", index), watermarks),
		[name, picture.taskmanagers, base[1], base[2], vid, watermarks],
	);
	const one = rest[0] !== undefined ? subtasks[Number(rest[0])] : undefined;
	if (one) return <SubtaskPage {...props} subtask={one} />;
	return (
		<>
			{subtasks.length > 1 && <Strips subtasks={subtasks} />}
			<div class="dense"><DataTable
				label={t("label")} columns={columns} rows={subtasks} rowKey={subtask => subtask.index} sort="index"
				text={subtasks.length > 1 ? subtask => `${subtask.index} ${subtask.status} ${picture.taskmanagers[String(subtask.taskmanager)]?.endpoint ?? ""} ${subtask["status-text"]}` : undefined}
			/></div>
		</>
	);
}
