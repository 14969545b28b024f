// SPDX-License-Identifier: Apache-2.0
// vertex-taskmanagers.tsx - the subtasks of a vertex by the TaskManager that runs them.
import { useMemo } from "preact/hooks";
import type { Flows, JobPicture, Place } from "../../api/picture-types";
import { subtasksOf, type Subtask } from "../../api/subtasks";
import type { ExecutionState } from "../../api/types";
import { count } from "../../lib/format";
import { texts } from "../../lib/texts";
import { type Column, DataTable, Elapsed } from "../../ui";
import { Tasks } from "../jobs";
import { flowColumns, shareColumn } from "./cells";
import type { VertexTabProps } from "./tab";
import { Where } from "./vertex-subtasks";

const t = texts(
	{ label: "Subtasks by TaskManager", name: "TaskManager", subtasks: "Subtasks", tasks: "States", busy: "Busy, worst", held: "Back-pressured, worst", worst: "The largest of the subtasks there", duration: "Duration" },
	{ label: "TaskManager별 서브태스크", name: "TaskManager", subtasks: "서브태스크", tasks: "상태", busy: "처리 (최대)", held: "백프레셔 (최대)", worst: "그곳 서브태스크 중 가장 큰 값", duration: "기간" },
);

interface Row {
	number: string;
	place: Place | undefined;
	subtasks: number;
	tasks: number[];
	flows: Flows;
	busy: number;
	held: number;
	start: number;
	/** -1: some are not there yet. */
	end: number;
}

const FLOWS = ["records-in", "records-out", "bytes-in", "bytes-out", "records-in-rate", "records-out-rate", "bytes-in-rate", "bytes-out-rate"] as const;

function add(row: Row, subtask: Subtask, states: readonly ExecutionState[]): void {
	const start = subtask["start-time"] ?? -1, end = subtask["end-time"] ?? -1, state = states.indexOf(subtask.status);
	row.subtasks++;
	row.tasks[state] = (row.tasks[state] ?? 0) + 1;
	for (const key of FLOWS) row.flows[key] += subtask[key] ?? 0;
	row.busy = Math.max(row.busy, subtask.busy ?? 0);
	row.held = Math.max(row.held, subtask.backpressured ?? 0);
	if (start > 0) row.start = row.start > 0 ? Math.min(row.start, start) : start;
	row.end = end <= 0 || row.end < 0 ? -1 : Math.max(row.end, end);
}

export function byTaskManager(picture: Pick<JobPicture, "states" | "columns" | "taskmanagers">, vertex: VertexTabProps["vertex"]): Row[] {
	const rows = new Map<string, Row>();
	for (const subtask of subtasksOf(picture, vertex)) {
		const number = String(subtask.taskmanager);
		let row = rows.get(number);
		if (!row) {
			const flows = Object.fromEntries(FLOWS.map(key => [key, 0])) as unknown as Flows;
			row = { number, place: picture.taskmanagers[number], subtasks: 0, tasks: picture.states.map(() => 0), flows, busy: 0, held: 0, start: -1, end: 0 };
			rows.set(number, row);
		}
		add(row, subtask, picture.states);
	}
	return [...rows.values()];
}

export default function TaskManagers(props: VertexTabProps) {
	const { picture, vertex } = props;
	const rows = useMemo(() => byTaskManager(picture, vertex), [picture.taskmanagers, vertex.subtasks]);
	const name = t("label");
	const columns = useMemo((): Column<Row>[] => [
		{ key: "name", title: t("name"), main: true, width: "14rem", sort: row => row.place?.endpoint, cell: row => <span class="row-name"><Where place={row.place} /></span> },
		{ key: "subtasks", title: t("subtasks"), align: "end", width: "7rem", sort: row => row.subtasks, cell: row => count(row.subtasks) },
		{ key: "tasks", title: t("tasks"), width: "9rem", cell: row => <Tasks of={row.tasks} states={picture.states} /> },
		...flowColumns<Row>(row => row.flows, row => row.end > 0),
		shareColumn<Row>("busy", t("busy"), t("worst"), "t-busy", row => row.busy),
		shareColumn<Row>("held", t("held"), t("worst"), "t-held", row => row.held),
		{ key: "duration", title: t("duration"), align: "end", width: "8rem", sort: row => -row.start, cell: row => <Elapsed from={row.start} to={row.end > 0 ? row.end : undefined} /> },
	], [name, picture.states]);
	return <div class="dense"><DataTable label={t("label")} columns={columns} rows={rows} rowKey={row => row.number} sort="name" text={rows.length > 8 ? row => row.place?.endpoint ?? "" : undefined} /></div>;
}
