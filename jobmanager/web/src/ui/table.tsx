// SPDX-License-Identifier: Apache-2.0
// table.tsx - a table that can be sorted, filtered and walked with the arrow keys. Order and filter are in the address.
// Long ones draw only the rows in view. On a narrow screen each row of a short one becomes a block.
import type { ComponentChildren, VNode } from "preact";
import { useCallback, useId, useMemo, useRef } from "preact/hooks";
import { count } from "../lib/format";
import { memo } from "../lib/memo";
import { choose, chosen } from "../lib/route";
import { texts } from "../lib/texts";
import { useWindow } from "../lib/virtual";
import { classes } from "./basics";
import { Icon } from "./icons";
import { filtered, sorted, type Sortable } from "./order";

const t = texts(
	{ filter: "Filter", of: "{shown} of {all}", none: "No row matches “{filter}”.", clear: "Show all", sort: "Sort by {name}" },
	{ filter: "필터", of: "{all}개 중 {shown}개", none: "“{filter}”와 일치하는 행이 없습니다.", clear: "모두 보기", sort: "{name} 기준으로 정렬" },
);

const VIRTUAL_FROM = 120;
const ROW_HEIGHT = 40;

export interface Column<Row> {
	/** In the address, when it is sorted by this. */
	key: string;
	title: string;
	cell: (row: Row) => ComponentChildren;
	/** Can be sorted by it. Numbers begin with the largest. */
	sort?: (row: Row) => Sortable;
	/** Numbers stand at the end. */
	align?: "end";
	/** Of a long table, whose columns must not follow what is in view; "8rem", "20%". */
	width?: string;
	/** May break, and names the row on a narrow screen. */
	main?: boolean;
	/** Explains the title. */
	hint?: string;
}

interface Props<Row> {
	/** Say it once outside of the component or in useMemo: rows that did not change are then not drawn again. */
	columns: readonly Column<Row>[];
	rows: readonly Row[];
	rowKey: (row: Row) => string | number;
	label: string;
	/** Tells tables of one page apart in the address. */
	id?: string;
	/** "-busy": by the column "busy", largest first. */
	sort?: string;
	/** What the filter looks at; without it there is no filter. */
	text?: (row: Row) => string;
	/** Instead of rows when there are none. */
	empty?: ComponentChildren;
	tools?: ComponentChildren;
	rowClass?: (row: Row) => string | undefined;
}

interface RowProps<Row> {
	row: Row;
	columns: readonly Column<Row>[];
	index: number;
	class?: string;
}

const TableRow = memo(function TableRow<Row>({ row, columns, index, class: name }: RowProps<Row>) {
	return (
		<tr class={name} data-row={index} aria-rowindex={index + 2} tabIndex={-1}>
			{columns.map(column => (
				<td key={column.key} class={classes(column.align === "end" && "end", column.main && "main")} data-label={column.title}>
					{column.cell(row)}
				</td>
			))}
		</tr>
	);
}) as <Row>(props: RowProps<Row> & { key?: string | number }) => VNode;

function Head<Row>(props: { columns: readonly Column<Row>[]; by: string; descending: boolean; onSort: (column: Column<Row>) => void }) {
	return (
		<thead>
			<tr aria-rowindex={1}>
				{props.columns.map(column => {
					const here = column.key === props.by;
					return (
						<th
							key={column.key}
							scope="col"
							class={classes(column.align === "end" && "end")}
							aria-sort={here ? (props.descending ? "descending" : "ascending") : undefined}
							title={column.hint}
						>
							{column.sort
								? (
									<button type="button" onClick={() => props.onSort(column)} title={column.hint ?? t("sort", { name: column.title })}>
										{column.title}
										<span class="sort-mark"><Icon name={here && !props.descending ? "up" : "down"} /></span>
									</button>
								)
								: column.title}
						</th>
					);
				})}
			</tr>
		</thead>
	);
}

/** What an arrow key does to the row that has the focus. */
const STEPS: Record<string, (row: number, last: number) => number> = {
	ArrowDown: (row, last) => Math.min(row + 1, last),
	ArrowUp: row => Math.max(row - 1, 0),
	PageDown: (row, last) => Math.min(row + 10, last),
	PageUp: row => Math.max(row - 10, 0),
	Home: () => 0,
	End: (_, last) => last,
};

export function DataTable<Row>(props: Props<Row>) {
	const { columns, rows, id = "" } = props;
	const box = useRef<HTMLDivElement>(null);
	const filterId = useId();
	const sortKey = `${id}sort`, filterKey = `${id}filter`;
	const order = chosen(sortKey, props.sort ?? "");
	const descending = order.startsWith("-"), by = order.replace(/^-/, "");
	const filter = props.text ? chosen(filterKey) : "";
	const shown = useMemo(() => {
		const left = props.text ? filtered(rows, props.text, filter) : rows;
		const key = columns.find(column => column.key === by)?.sort;
		return key ? sorted(left, key, descending) : left;
	}, [rows, columns, by, descending, filter]);
	const long = rows.length > VIRTUAL_FROM;
	const { from, to } = useWindow(box, shown.length, ROW_HEIGHT, long);

	const onSort = useCallback((column: Column<Row>) => {
		const sample = rows[0];
		const first = sample !== undefined && typeof column.sort?.(sample) === "number" ? `-${column.key}` : column.key;
		const other = first.startsWith("-") ? column.key : `-${column.key}`;
		const next = order === first ? other : first;
		choose({ [sortKey]: next === (props.sort ?? "") ? "" : next });
	}, [rows, order, sortKey, props.sort]);

	const onKeyDown = (event: KeyboardEvent) => {
		const step = STEPS[event.key];
		const row = event.target instanceof Element ? event.target.closest("tr[data-row]") : null;
		if (!step || !row || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
		event.preventDefault();
		const next = step(Number(row.getAttribute("data-row")), shown.length - 1);
		const find = () => box.current?.querySelector<HTMLElement>(`tr[data-row="${next}"]`);
		const focus = () => {
			const found = find();
			const target = found?.querySelector<HTMLElement>("a, button") ?? found;
			target?.focus({ preventScroll: true });
			found?.scrollIntoView({ block: "nearest" });
		};
		if (find() || !box.current) return focus();
		box.current.scrollTop = Math.max(0, next * ROW_HEIGHT - box.current.clientHeight / 2);
		requestAnimationFrame(() => requestAnimationFrame(focus)); // drawn in the frame after the one that scrolls
	};

	return (
		<div class="table-box">
			{(props.text || props.tools) && (
				<div class="table-tools">
					{props.text && (
						<label class="filter" htmlFor={filterId}>
							<Icon name="search" />
							<span class="visually-hidden">{t("filter")}</span>
							<input
								id={filterId}
								type="search"
								value={filter}
								placeholder={t("filter")}
								spellcheck={false}
								autocomplete="off"
								onInput={event => choose({ [filterKey]: event.currentTarget.value })}
							/>
						</label>
					)}
					{filter && <span class="filter-count" role="status">{t("of", { shown: count(shown.length), all: count(rows.length) })}</span>}
					{props.tools}
				</div>
			)}
			{rows.length === 0 && props.empty !== undefined ? props.empty : shown.length === 0 && filter ? (
				<div class="empty">
					<p>{t("none", { filter })}</p>
					<button type="button" class="link" onClick={() => choose({ [filterKey]: "" })}>{t("clear")}</button>
				</div>
			) : (
				<div ref={box} class={classes("scroll", long ? "long" : "stack")} onKeyDown={onKeyDown} tabIndex={long ? 0 : undefined}
					role="region" aria-label={props.label}>
					<table aria-label={props.label} aria-rowcount={shown.length + 1}>
						{long && <colgroup>{columns.map(column => <col key={column.key} style={column.width ? { width: column.width } : undefined} />)}</colgroup>}
						<Head columns={columns} by={by} descending={descending} onSort={onSort} />
						<tbody>
							{from > 0 && <tr key="above" aria-hidden="true"><td class="spacer" colSpan={columns.length} style={{ height: `${from * ROW_HEIGHT}px` }} /></tr>}
							{shown.slice(from, to).map((row, i) => (
								<TableRow key={`r${props.rowKey(row)}`} row={row} columns={columns} index={from + i} class={props.rowClass?.(row)} />
							))}
							{to < shown.length && (
								<tr key="below" aria-hidden="true"><td class="spacer" colSpan={columns.length} style={{ height: `${(shown.length - to) * ROW_HEIGHT}px` }} /></tr>
							)}
						</tbody>
					</table>
				</div>
			)}
		</div>
	);
}
