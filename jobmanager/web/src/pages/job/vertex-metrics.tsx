// SPDX-License-Identifier: Apache-2.0
// vertex-metrics.tsx - any metric of a vertex, chosen by its id, over time. What the JobManager remembers is there at
// once; the others are drawn from when they were chosen. The choice is in the address.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { at, get } from "../../api/client";
import { config } from "../../api/config";
import { useAnswer } from "../../api/poll";
import { type Series, useSeries } from "../../api/series";
import { hasEnded } from "../../api/types";
import { bytes, bytesPerSecond, count, percent, perSecond, short } from "../../lib/format";
import { clock, visible } from "../../lib/page";
import { choose, chosen } from "../../lib/route";
import { texts } from "../../lib/texts";
import { chosenRange, Empty, Failure, Icon, type Line, RangeChoice, Skeleton, TimeChart } from "../../ui";
import { CHART_HEIGHT } from "../../ui/timechart";
import type { VertexTabProps } from "./tab";

const t = texts(
	{
		choose: "Metrics", filter: "Find a metric", chosen: "Chosen metrics", none: "No metric is chosen", noneWhy: "Choose up to {n} from the list; the choice is kept in the address.",
		more: "{n} more: say more of the name", full: "{n} at once; take one away first", remove: "Remove {id}", noMatch: "No metric has that in its id.",
		sum: "sum", max: "largest", avg: "mean", min: "smallest", since: "recorded since it was chosen", over: "The job has ended: only what was recorded is shown.",
	},
	{
		choose: "메트릭", filter: "메트릭 찾기", chosen: "선택한 메트릭", none: "선택한 메트릭이 없습니다", noneWhy: "목록에서 최대 {n}개까지 선택할 수 있으며, 선택은 주소에 남습니다.",
		more: "{n}개 더 있음: 이름을 더 입력하세요", full: "한 번에 {n}개까지입니다. 먼저 하나를 빼세요", remove: "{id} 빼기", noMatch: "ID에 그 글자가 있는 메트릭이 없습니다.",
		sum: "합계", max: "최대", avg: "평균", min: "최소", since: "선택한 때부터 기록", over: "작업이 끝나 기록된 값만 표시합니다.",
	},
);

const CHOSEN_MAX = 6, LISTED_MAX = 60, POINTS_MAX = 450;
const RECORDED = /^(num(Records|Bytes)(In|Out)PerSecond|(busy|idle|backPressured|waiting)TimeMsPerSecond)$/;
const isShare = (id: string): boolean => /TimeMsPerSecond$/.test(id);

/** How the values of a metric are written, by its id. */
function formatOf(id: string): (n: number) => string {
	if (isShare(id)) return n => percent(n / 1_000);
	if (/Bytes\w*PerSecond$/.test(id)) return bytesPerSecond;
	if (/PerSecond$/.test(id)) return perSecond;
	if (/numBytes(In|Out)$|Size$/.test(id)) return bytes;
	if (/Usage$/.test(id)) return percent;
	return n => (Number.isInteger(n) ? count(n) : short(n));
}

interface Aggregated {
	id: string;
	min?: number;
	max?: number;
	avg?: number;
}
type Kept = { from: number; step: number; points: Map<string, Record<"min" | "max" | "avg", (number | null)[]>>; length: number };

/** Asks for those that are not remembered elsewhere, and keeps what it has heard. */
function usePolled(path: string, ids: readonly string[]): Kept | undefined {
	const kept = useRef<Kept | undefined>(undefined);
	const [, draw] = useState(0);
	const list = ids.join(","), seen = visible.value;
	useEffect(() => {
		if (!list || !seen) return;
		const stop = new AbortController();
		let timer: ReturnType<typeof setTimeout> | undefined;
		const step = Math.max(1_000, config.peek()["refresh-interval"]);
		kept.current ??= { from: clock.peek(), step, points: new Map(), length: 0 };
		const of = kept.current;
		const ask = async () => {
			try {
				const told = await get<Aggregated[]>(`${path}?get=${ids.map(encodeURIComponent).join(",")}&agg=min,max,avg`, { signal: stop.signal });
				const index = Math.min(POINTS_MAX, Math.max(0, Math.round((clock.peek() - of.from) / of.step)));
				for (const { id, min, max, avg } of told) {
					const lines = of.points.get(id) ?? { min: [], max: [], avg: [] };
					of.points.set(id, lines);
					for (const [key, value] of [["min", min], ["max", max], ["avg", avg]] as const) {
						while (lines[key].length < index) lines[key].push(null);
						lines[key][index] = value ?? null;
					}
				}
				of.length = index + 1;
				if (index === POINTS_MAX) {
					of.from += of.step;
					for (const lines of of.points.values()) for (const line of Object.values(lines)) line.shift();
				}
				draw(n => n + 1);
			} catch {
				// The banner of the page tells that nobody answers; the gap in the lines stays.
			}
			if (!stop.signal.aborted) timer = setTimeout(() => void ask(), step);
		};
		void ask();
		return () => {
			stop.abort();
			clearTimeout(timer);
		};
	}, [path, list, seen]);
	return kept.current;
}

function Recorded(props: { id: string; vid: string; data: Series }) {
	const { id, vid, data } = props, share = isShare(id);
	const lines = useMemo((): Line[] => {
		const of = (name: string) => data.series[name] ?? [];
		return share
			? [{ label: t("max"), values: of(`${vid}.${id}`), tone: 2 }, { label: t("avg"), values: of(`${vid}.${id}.avg`), tone: 1 }]
			: [{ label: t("sum"), values: of(`${vid}.${id}`), tone: 1 }];
	}, [data, id, vid, t("sum")]);
	return <TimeChart label={share ? id : `${id} (${t("sum")})`} from={data.from} step={data.step} lines={lines} markers={data.markers} format={formatOf(id)} max={share ? 1_000 : undefined} sync="vertex" />;
}

function Polled(props: { id: string; kept: Kept }) {
	const { id, kept } = props, points = kept.points.get(id);
	const lines: Line[] = (["max", "avg", "min"] as const).map((key, i) => ({ label: t(key), values: [...(points?.[key] ?? [])], tone: ([2, 1, 3] as const)[i] }));
	const even = lines.every(line => line.values.every((value, i) => value === lines[0]?.values[i]));
	return (
		<TimeChart label={id} from={kept.from} step={kept.step} lines={even ? lines.slice(0, 1) : lines} format={formatOf(id)}
			max={isShare(id) ? 1_000 : /Usage$/.test(id) ? 1 : undefined} sync="polled" />
	);
}

const toggle = (ids: readonly string[], id: string) => choose({ metrics: (ids.includes(id) ? ids.filter(other => other !== id) : [...ids, id]).join(",") });

function Chooser(props: { all: readonly string[]; ids: readonly string[] }) {
	const [find, setFind] = useState("");
	const words = find.toLowerCase().split(/\s+/).filter(Boolean);
	const found = props.all.filter(id => words.every(word => id.toLowerCase().includes(word)));
	const full = props.ids.length >= CHOSEN_MAX;
	return (
		<fieldset class="metric-chooser">
			<legend class="visually-hidden">{t("choose")}</legend>
			<label class="filter">
				<Icon name="search" />
				<span class="visually-hidden">{t("filter")}</span>
				<input type="search" value={find} placeholder={`${t("filter")} (${count(props.all.length)})`} spellcheck={false} autocomplete="off" onInput={event => setFind(event.currentTarget.value)} />
			</label>
			<ul translate={false}>
				{found.slice(0, LISTED_MAX).map(id => (
					<li key={id}>
						<label class="check">
							<input type="checkbox" checked={props.ids.includes(id)} disabled={full && !props.ids.includes(id)} onChange={() => toggle(props.ids, id)} />{id}
						</label>
					</li>
				))}
			</ul>
			<p class="sub" role="status">
				{found.length === 0 ? t("noMatch") : full ? t("full", { n: CHOSEN_MAX }) : found.length > LISTED_MAX ? t("more", { n: count(found.length - LISTED_MAX) }) : ""}
			</p>
		</fieldset>
	);
}

export default function Metrics(props: VertexTabProps) {
	const { jid, vid, picture } = props;
	const path = at("jobs", jid, "vertices", vid, "subtasks", "metrics");
	const names = useAnswer<{ id: string }[]>(path, 60_000);
	const all = useMemo(() => (names.data ?? []).map(({ id }) => id), [names.data]);
	const ids = chosen("metrics", "numRecordsInPerSecond,busyTimeMsPerSecond").split(",").filter(Boolean).slice(0, CHOSEN_MAX);
	const ended = hasEnded(picture.job.state);
	const recorded = ids.filter(id => RECORDED.test(id)), others = ids.filter(id => !RECORDED.test(id));
	const series = useSeries(`${at("jobs", jid)}/series`, recorded.flatMap(id => (isShare(id) ? [`${vid}.${id}`, `${vid}.${id}.avg`] : [`${vid}.${id}`])),
		chosenRange(), ended ? picture.job["end-time"] : undefined);
	const kept = usePolled(path, ended ? [] : others);
	const failure = names.error ?? series.error;
	return (
		<div class="metrics">
			<Chooser all={all.length > 0 ? all : ids} ids={ids} />
			<div class="metric-charts" role="group" aria-label={t("chosen")}>
				{failure && !series.data && <Failure of={failure} />}
				{ids.length === 0 && <Empty title={t("none")}>{t("noneWhy", { n: CHOSEN_MAX })}</Empty>}
				{recorded.length > 0 && <div class="section-head"><span /><RangeChoice /></div>}
				{ids.map(id => (
					<div key={id} class="metric-chart">
						{recorded.includes(id) ? (series.data ? <Recorded id={id} vid={vid} data={series.data} /> : <Skeleton height={CHART_HEIGHT + 36} />)
							: kept && !ended ? <Polled id={id} kept={kept} /> : <p class="sub"><b>{id}</b>: {t("over")}</p>}
						<button type="button" class="icon-button" onClick={() => toggle(ids, id)} aria-label={t("remove", { id })} title={t("remove", { id })}><Icon name="close" /></button>
					</div>
				))}
				{others.length > 0 && !ended && <p class="sub">{others.join(", ")}: {t("since")}</p>}
			</div>
		</div>
	);
}
