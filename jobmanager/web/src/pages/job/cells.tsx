// SPDX-License-Identifier: Apache-2.0
// cells.tsx - columns that the tables of vertices, operators and subtasks have in common.
import type { Flows } from "../../api/picture-types";
import { bytes, bytesPerSecond, count, percent, perSecond } from "../../lib/format";
import { texts } from "../../lib/texts";
import { type Column, Share } from "../../ui";

const t = texts(
	{
		"records-in": "Records in", "records-out": "Records out", "bytes-in": "Bytes in", "bytes-out": "Bytes out",
		recordsInHint: "Records that came in, and per second; of a source: that it read", recordsOutHint: "Records that went out, and per second; of a sink: that it wrote",
		bytesInHint: "Bytes that came in, and per second", bytesOutHint: "Bytes that went out, and per second",
	},
	{
		"records-in": "입력 레코드", "records-out": "출력 레코드", "bytes-in": "입력 바이트", "bytes-out": "출력 바이트",
		recordsInHint: "들어온 레코드 수와 초당 레코드 수 (소스는 읽은 수)", recordsOutHint: "나간 레코드 수와 초당 레코드 수 (싱크는 쓴 수)",
		bytesInHint: "들어온 바이트와 초당 바이트", bytesOutHint: "나간 바이트와 초당 바이트",
	},
);

type Known<K extends string> = { [key in K]?: number | null };
export type SomeFlows = Known<keyof Flows>;

/** A total with what is added per second below it. */
export function Flow(props: { total: number | null | undefined; rate: number | null | undefined; of: "records" | "bytes"; still?: boolean }) {
	const { total, rate } = props, records = props.of === "records";
	return (
		<span class="flow" title={records ? undefined : `${count(total)} B`}>
			<span>{records ? count(total) : bytes(total)}</span>
			{!props.still && <small class={rate ? undefined : "none"}>{records ? perSecond(rate) : bytesPerSecond(rate)}</small>}
		</span>
	);
}

const FLOWS = [["records-in", "recordsInHint"], ["records-out", "recordsOutHint"], ["bytes-in", "bytesInHint"], ["bytes-out", "bytesOutHint"]] as const;

/** Records and bytes, in and out. `still`: it has ended, and rates are of no interest. */
export const flowColumns = <R,>(of: (row: R) => SomeFlows, still: (row: R) => boolean): Column<R>[] =>
	FLOWS.map(([key, hint]) => ({
		key, title: t(key), hint: t(hint), align: "end", width: "8rem", sort: row => of(row)[key],
		cell: row => <Flow total={of(row)[key]} rate={of(row)[`${key}-rate`]} of={key.startsWith("records") ? "records" : "bytes"} still={still(row)} />,
	}));

/** A share of time as a bar. */
export const shareColumn = <R,>(key: string, title: string, hint: string, tone: string, of: (row: R) => number | null | undefined): Column<R> => ({
	key, title, hint, width: "9rem", sort: of, cell: row => <Share of={of(row) ?? null} tone={tone} label={`${title}: ${percent(of(row))}`} />,
});
