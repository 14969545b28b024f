// SPDX-License-Identifier: Apache-2.0
// flamegraph.tsx - where the time of a vertex goes: callers above, as wide as their samples. A click on a frame makes it
// as wide as the page; a word marks the frames that have it.
import { useEffect, useMemo, useState } from "preact/hooks";
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import { count, percent } from "../../lib/format";
import { choose, chosen } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Choice, Empty, Failure, Icon, Sentence, Skeleton, Time } from "../../ui";
import type { VertexTabProps } from "./tab";
import "./parts.css";

const t = texts(
	{
		kind: "Samples", FULL: "All", ON_CPU: "On CPU", OFF_CPU: "Waiting", subtask: "Subtask", all: "all", find: "Find a function", matches: "{share} of the samples",
		ended: "The task has ended", endedWhy: "Samples are taken while it runs.", off: "Flame graphs are switched off", offWhy: "This setting turns them on:", wait: "Taking samples; this takes a few seconds …",
		none: "No samples of this kind", samples: "{n} samples of {subtasks} {subtasks|subtask|subtasks}, until", back: "Show all", frame: "{name}: {n} samples, {share}",
	},
	{
		kind: "샘플", FULL: "전체", ON_CPU: "CPU 사용", OFF_CPU: "대기", subtask: "서브태스크", all: "전체", find: "함수 찾기", matches: "샘플의 {share}",
		ended: "태스크가 끝났습니다", endedWhy: "샘플은 실행 중에 수집됩니다.", off: "플레임 그래프가 꺼져 있습니다", offWhy: "다음 설정으로 켭니다:", wait: "샘플을 모으는 중입니다. 몇 초 걸립니다…",
		none: "이 종류의 샘플이 없습니다", samples: "서브태스크 {subtasks}개의 샘플 {n}개, 기준 시각", back: "전체 보기", frame: "{name}: 샘플 {n}개, {share}",
	},
);

export interface Frame {
	name: string;
	value: number;
	children: Frame[];
}

interface FlameGraph {
	/** -1: the task has ended; -2: switched off; -3: samples are being taken. */
	endTimestamp: number;
	data?: Frame;
	subtasks?: number;
	note?: string;
}

interface Box {
	frame: Frame;
	/** Names from the root, which names the place. */
	path: string;
	depth: number;
	left: number;
	width: number;
}

const KINDS = ["FULL", "ON_CPU", "OFF_CPU"] as const;
const NARROWEST = 0.001; // of the page: below it a frame cannot be seen
const ROW_REM = 1.35;
const SEPARATOR = "\u001f";

/** Every frame that can be seen, when `zoom` (a path) is as wide as the page. */
export function boxesOf(root: Frame, zoom: string): Box[] {
	const boxes: Box[] = [];
	const place = (frame: Frame, path: string, depth: number, left: number, width: number): void => {
		if (width < NARROWEST) return;
		boxes.push({ frame, path, depth, left, width });
		let from = left;
		for (const child of frame.children) {
			const below = path + SEPARATOR + child.name;
			const share = zoom.startsWith(below + SEPARATOR) || zoom === below ? 1 : zoom.startsWith(path + SEPARATOR) ? 0 : child.value / Math.max(1, frame.value);
			place(child, below, depth + 1, from, width * share);
			from += width * share;
		}
	};
	place(root, root.name, 0, 0, 1);
	return boxes;
}

/** The share of the samples below frames that match; what lies below one is not counted again. */
export function matching(frame: Frame, word: string): number {
	if (frame.name.toLowerCase().includes(word)) return frame.value;
	return frame.children.reduce((sum, child) => sum + matching(child, word), 0);
}

const tintOf = (name: string): number => {
	let sum = 0;
	for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) % 6;
	return sum + 1;
};

function Flames(props: { root: Frame; word: string }) {
	const [zoom, setZoom] = useState("");
	const boxes = useMemo(() => boxesOf(props.root, zoom), [props.root, zoom]);
	const depth = boxes.reduce((most, box) => Math.max(most, box.depth), 0) + 1;
	return (
		<>
			{zoom && <p><button type="button" class="link" onClick={() => setZoom("")}>{t("back")}</button></p>}
			<div class="flames" style={{ height: `${depth * ROW_REM}rem` }}>
				{boxes.map(box => {
					const label = t("frame", { name: box.frame.name, n: count(box.frame.value), share: percent(box.frame.value / props.root.value) });
					return (
						<button
							key={box.path} type="button" title={label} aria-label={label} onClick={() => setZoom(box.depth === 0 ? "" : box.path)}
							class={`flame tint-${tintOf(box.frame.name)}${props.word && box.frame.name.toLowerCase().includes(props.word) ? " found" : ""}`}
							style={{ left: `${box.left * 100}%`, width: `${box.width * 100}%`, top: `${box.depth * ROW_REM}rem` }}
						>{box.frame.name}</button>
					);
				})}
			</div>
		</>
	);
}

export default function FlameGraphTab(props: VertexTabProps) {
	const kind = KINDS.find(one => one === chosen("type", "FULL")) ?? "FULL", subtask = chosen("subtask");
	const [word, setWord] = useState("");
	const query = new URLSearchParams({ type: kind, ...(subtask ? { subtaskindex: subtask } : {}) });
	const [everyMs, setEveryMs] = useState(2_000);
	const { data, error } = useAnswer<FlameGraph>(`${at("jobs", props.jid, "vertices", props.vid)}/flamegraph?${query.toString()}`, everyMs);
	useEffect(() => setEveryMs(data?.data ? 15_000 : 2_000), [data]);
	const wanted = word.trim().toLowerCase();
	const found = useMemo(() => (wanted && data?.data ? matching(data.data, wanted) / Math.max(1, data.data.value) : null), [data, wanted]);
	return (
		<>
			<div class="table-tools">
				<Choice label={t("kind")} value={kind} onChoose={value => choose({ type: value === "FULL" ? "" : value })} of={KINDS.map(value => ({ value, label: t(value) }))} />
				{props.vertex.parallelism > 1 && (
					<label class="select inline">
						<span>{t("subtask")}</span>
						<select value={subtask} onChange={event => choose({ subtask: event.currentTarget.value })}>
							<option value="">{t("all")}</option>
							{Array.from({ length: props.vertex.parallelism }, (_, i) => <option key={i} value={String(i)}>{i}</option>)}
						</select>
					</label>
				)}
				<label class="filter">
					<Icon name="search" /><span class="visually-hidden">{t("find")}</span>
					<input type="search" value={word} placeholder={t("find")} spellcheck={false} onInput={event => setWord(event.currentTarget.value)} />
				</label>
				{found !== null && <span class="filter-count" role="status">{t("matches", { share: percent(found) })}</span>}
			</div>
			{error && !data && <Failure of={error} />}
			{!data && !error && <Skeleton height={280} />}
			<Sentence text={data?.note} tone="warn" />
			{data && !data.data && (
				data.endTimestamp === -1 ? <Empty title={t("ended")}>{t("endedWhy")}</Empty>
					: data.endTimestamp === -2 ? <Empty title={t("off")} commands={["rest.flamegraph.enabled: true"]}>{t("offWhy")}</Empty>
						: <Empty title={t("wait")} />
			)}
			{data?.data && (data.data.value === 0 ? <Empty title={t("none")} /> : (
				<>
					<p class="hint">{t("samples", { n: count(data.data.value), subtasks: data.subtasks ?? 1 })} <Time at={data.endTimestamp} brief /></p>
					<Flames root={data.data} word={wanted} />
				</>
			))}
		</>
	);
}
