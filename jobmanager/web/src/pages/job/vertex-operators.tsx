// SPDX-License-Identifier: Apache-2.0
// vertex-operators.tsx - the operators that are chained in a vertex, each with its own numbers.
import { useMemo } from "preact/hooks";
import type { Operator } from "../../api/picture-types";
import { texts } from "../../lib/texts";
import { type Column, DataTable, Name } from "../../ui";
import { flowColumns, shareColumn } from "./cells";
import type { VertexTabProps } from "./tab";

const t = texts(
	{
		label: "Operators of the chain", name: "Operator", kind: "Kind", source: "source", operator: "operator", sink: "sink", from: "after {name}",
		busy: "Busy, worst", busyHint: "Share of time of the busiest subtask that this operator itself used, without those behind it",
		mean: "Busy, mean", meanHint: "The same, mean of the subtasks that run",
		dropped: "This job has more numbers than are told: operators without numbers are those left out (metrics-dropped).",
	},
	{
		label: "체인의 연산자", name: "연산자", kind: "종류", source: "소스", operator: "연산자", sink: "싱크", from: "{name} 다음",
		busy: "처리 (최대)", busyHint: "가장 바쁜 서브태스크의 시간 중 뒤 연산자를 뺀 이 연산자만의 비율",
		mean: "처리 (평균)", meanHint: "실행 중인 서브태스크의 평균",
		dropped: "이 작업의 수치가 너무 많아 일부 연산자의 수치는 전달되지 않습니다 (metrics-dropped).",
	},
);

interface Row {
	index: number;
	of: Operator;
	/** Whose output it takes, where that is not the one above. */
	after: string;
}

export default function Operators(props: VertexTabProps) {
	const { operators } = props.vertex;
	const ended = props.vertex["end-time"] > 0;
	const rows = useMemo(() => Object.entries(operators).map(([key, of]): Row => {
		const index = Number(key);
		const after = of.inputs.filter(input => input !== index - 1).map(input => operators[input]?.name ?? "").join(", ");
		return { index, of, after };
	}), [operators]);
	const name = t("name");
	const columns = useMemo((): Column<Row>[] => [
		{
			key: "index", title: t("name"), main: true, width: "18rem", sort: row => row.index,
			cell: row => <><span class="row-name"><Name of={row.of.name} /></span>{row.after && <span class="row-note">{t("from", { name: row.after })}</span>}</>,
		},
		{ key: "kind", title: t("kind"), width: "7rem", sort: row => row.of.kind, cell: row => t(row.of.kind) },
		...flowColumns<Row>(row => row.of, () => ended),
		shareColumn<Row>("busy", t("busy"), t("busyHint"), "t-busy", row => row.of["busy-max"]),
		shareColumn<Row>("mean", t("mean"), t("meanHint"), "t-busy", row => row.of["busy-mean"]),
	], [name, ended]);
	return (
		<>
			<div class="dense"><DataTable label={t("label")} columns={columns} rows={rows} rowKey={row => row.index} sort="index" /></div>
			{props.picture.job["metrics-dropped"] > 0 && <p class="sub">{t("dropped")}</p>}
		</>
	);
}
