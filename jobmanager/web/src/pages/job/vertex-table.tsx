// SPDX-License-Identifier: Apache-2.0
// vertex-table.tsx - the vertices of a job in a table, with how evenly their subtasks share the work.
import { useMemo } from "preact/hooks";
import type { JobPicture, Vertex } from "../../api/picture-types";
import { hasEnded } from "../../api/types";
import { valuesOf } from "../../api/subtasks";
import { count, duration, percent } from "../../lib/format";
import { clock } from "../../lib/page";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { type Column, DataTable, DistributionStrip, Elapsed, Name, State } from "../../ui";
import { flowColumns, shareColumn } from "./cells";

const t = texts(
	{
		label: "Vertices", name: "Name", status: "Status", tasks: "Subtasks that run or have finished, of all",
		busy: "Busy", busyHint: "Share of time in which a subtask worked: each of them, and the largest", held: "Back-pressured", heldHint: "Share of time in which its worst subtask was held back by those behind it",
		lag: "Watermark lag", lagHint: "How far its slowest subtask's event time is behind the clock", duration: "Duration",
	},
	{
		label: "버텍스", name: "이름", status: "상태", tasks: "전체 서브태스크 가운데 실행 중이거나 끝난 것",
		busy: "처리", busyHint: "서브태스크별로 일하고 있던 시간의 비율과 그중 최댓값", held: "백프레셔", heldHint: "가장 심한 서브태스크가 뒤쪽 때문에 기다린 시간의 비율",
		lag: "워터마크 지연", lagHint: "가장 느린 서브태스크의 이벤트 시간이 현재보다 늦은 정도", duration: "기간",
	},
);

export interface VertexRow {
	vid: string;
	of: Vertex;
	picture: JobPicture;
	/** In the order of the job. */
	index: number;
}

const rowsSeen = new WeakMap<Vertex, VertexRow>();

export function vertexRows(picture: JobPicture): VertexRow[] {
	return Object.entries(picture.vertices).map(([vid, of], index) => {
		let row = rowsSeen.get(of);
		if (!row) rowsSeen.set(of, (row = { vid, of, picture, index }));
		return row;
	});
}

/** The smallest watermark, where every subtask that tells one counts; undefined: none has one. */
const slowest = (row: VertexRow): number | undefined => {
	const known = valuesOf(row.picture, row.of, "watermark").filter((value): value is number => value !== null);
	return known.length > 0 ? known.reduce((least, value) => Math.min(least, value)) : undefined;
};
const lagOf = (row: VertexRow): number | undefined => {
	const watermark = slowest(row);
	return watermark === undefined ? undefined : Math.max(0, clock.peek() - watermark);
};

const doneOf = (row: VertexRow): string =>
	count((["RUNNING", "FINISHED"] as const).reduce((sum, state) => sum + (row.of.tasks[row.picture.states.indexOf(state)] ?? 0), 0));

/** The busy share of each subtask, and the largest in a number. */
const Busy = (props: { row: VertexRow }) => {
	const { of, picture } = props.row;
	return (
		<span class="busy-cell">
			<DistributionStrip values={valuesOf(picture, of, "busy")} label={t("busy")} format={percent} max={1} />
			<span>{percent(of["busy-max"])}</span>
		</span>
	);
};

const columnsOf = (href: (vid: string) => string, watermarks: boolean, ended: boolean): Column<VertexRow>[] => [
	{ key: "name", title: t("name"), main: true, width: "20rem", sort: row => row.index, cell: row => <a class="row-name" href={href(row.vid)} title={row.of.name}><Name of={row.of.name} /></a> },
	{
		key: "status", title: t("status"), hint: t("tasks"), width: "11rem", sort: row => row.of.status,
		cell: row => <span class="status-cell"><State of={row.of.status} /><small title={t("tasks")}>{doneOf(row)} / {count(row.of.parallelism)}</small></span>,
	},
	...(ended ? [] : [
		{ key: "busy", title: t("busy"), hint: t("busyHint"), width: "11rem", sort: (row: VertexRow) => row.of["busy-max"], cell: (row: VertexRow) => <Busy row={row} /> },
		shareColumn<VertexRow>("held", t("held"), t("heldHint"), "t-held", row => row.of["backpressured-max"]),
	]),
	...flowColumns<VertexRow>(row => row.of, row => row.of["end-time"] > 0),
	...(watermarks ? [{ key: "lag", title: t("lag"), hint: t("lagHint"), align: "end" as const, width: "9rem", sort: lagOf, cell: (row: VertexRow) => duration(lagOf(row)) }] : []),
	{
		key: "duration", title: t("duration"), align: "end", width: "8rem", sort: row => -row.of["start-time"],
		cell: row => <Elapsed from={row.of["start-time"]} to={row.of["end-time"] > 0 ? row.of["end-time"] : undefined} />,
	},
];

export function VertexTable(props: { picture: JobPicture; base: readonly [string, string, string] }) {
	const { picture, base } = props;
	const rows = useMemo(() => vertexRows(picture), [picture.vertices]);
	const watermarks = useMemo(() => rows.some(row => slowest(row) !== undefined), [rows]);
	const ended = hasEnded(picture.job.state), name = t("name");
	const columns = useMemo(() => columnsOf(vid => link(...base, "overview", vid, "subtasks"), watermarks, ended), [name, base[1], base[2], watermarks, ended]);
	return (
		<div class="dense"><DataTable
			label={t("label")} columns={columns} rows={rows} rowKey={row => row.vid} sort="name"
			text={rows.length > 3 ? row => `${row.of.name} ${row.of.status}` : undefined}
		/></div>
	);
}
