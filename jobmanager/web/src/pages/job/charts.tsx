// SPDX-License-Identifier: Apache-2.0
// charts.tsx - a job over time: what its sources read and its sinks wrote, and how busy or held back its vertices were,
// with restarts and failures marked. The JobManager remembers it: a chart is not empty when it is opened.
import { useMemo, useRef } from "preact/hooks";
import { at } from "../../api/client";
import type { JobPicture, Vertex } from "../../api/picture-types";
import { type Series, useSeries } from "../../api/series";
import { hasEnded } from "../../api/types";
import { percent, perSecond } from "../../lib/format";
import { texts } from "../../lib/texts";
import { chosenRange, Failure, type Line, RangeChoice, Section, Skeleton, TimeChart } from "../../ui";
import { CHART_HEIGHT } from "../../ui/timechart";

const t = texts(
	{
		title: "Over time", read: "Records read by sources", wrote: "Records written by sinks",
		busy: "Busy (worst subtask)", held: "Back-pressured (worst subtask)", brief: "Nothing was recorded: the job ended before its first numbers came.", none: "Nothing has been recorded in this time yet.",
		some: "{n} of {all} vertices: those that were busiest when this page was opened.",
	},
	{
		title: "시간별 추이", read: "소스가 읽은 레코드", wrote: "싱크가 쓴 레코드",
		busy: "처리 (최대 서브태스크)", held: "백프레셔 (최대 서브태스크)", brief: "첫 수치가 오기 전에 작업이 끝나 기록된 것이 없습니다.", none: "이 구간에는 아직 기록된 것이 없습니다.",
		some: "버텍스 {all}개 중 이 페이지를 열었을 때 가장 바빴던 {n}개입니다.",
	},
);

export const LINES_MAX = 6;

const has = (vertex: Vertex, kind: "source" | "sink"): boolean => Object.values(vertex.operators).some(operator => operator.kind === kind);

/** Whose lines are drawn. Of many the busiest, chosen once: lines that come and go cannot be read. */
export function chosenVertices(picture: JobPicture): { all: string[]; sources: string[]; sinks: string[] } {
	const vids = Object.keys(picture.vertices), of = (vid: string) => picture.vertices[vid] as Vertex;
	const load = (vid: string) => Math.max(of(vid)["busy-max"], of(vid)["backpressured-max"]);
	const busiest = vids.length <= LINES_MAX ? vids : [...vids].sort((a, b) => load(b) - load(a)).slice(0, LINES_MAX);
	return {
		all: busiest,
		sources: vids.filter(vid => has(of(vid), "source")).slice(0, LINES_MAX),
		sinks: vids.filter(vid => has(of(vid), "sink")).slice(0, LINES_MAX),
	};
}

const NAME_MAX = 44;
const shortName = (name: string): string => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);
const shares = (values: readonly (number | null)[] | undefined): (number | null)[] => (values ?? []).map(value => (value === null ? null : value / 1_000));

function linesOf(picture: JobPicture, data: Series, vids: readonly string[], metric: string, share: boolean): Line[] {
	return vids.map((vid, i) => {
		const values = data.series[`${vid}.${metric}`];
		return { label: shortName(picture.vertices[vid]?.name ?? vid), values: share ? shares(values) : (values ?? []), tone: ((i % LINES_MAX) + 1) as Line["tone"] };
	});
}

const recorded = (data: Series): boolean => Object.values(data.series).some(values => values.some(value => value !== null));

function Drawn(props: { picture: JobPicture; data: Series; of: ReturnType<typeof chosenVertices> }) {
	const { picture, data, of } = props;
	const charts = useMemo(() => ([
		[t("read"), linesOf(picture, data, of.sources, "numRecordsInPerSecond", false), perSecond],
		[t("wrote"), linesOf(picture, data, of.sinks, "numRecordsOutPerSecond", false), perSecond],
		[t("busy"), linesOf(picture, data, of.all, "busyTimeMsPerSecond", true), percent],
		[t("held"), linesOf(picture, data, of.all, "backPressuredTimeMsPerSecond", true), percent],
	] as const), [data, t("read")]);
	return (
		<div class="charts">
			{charts.map(([label, lines, format]) => lines.length > 0 && (
				<TimeChart key={label} label={label} from={data.from} step={data.step} lines={lines} markers={data.markers} format={format} max={format === percent ? 1 : undefined} sync="job" />
			))}
		</div>
	);
}

export function JobCharts(props: { jid: string; picture: JobPicture }) {
	const { picture, jid } = props;
	const first = useRef(picture);
	const count = Object.keys(picture.vertices).length;
	const of = useMemo(() => chosenVertices(first.current), [jid, count]);
	const names = useMemo(() => [
		...of.sources.map(vid => `${vid}.numRecordsInPerSecond`), ...of.sinks.map(vid => `${vid}.numRecordsOutPerSecond`),
		...of.all.flatMap(vid => [`${vid}.busyTimeMsPerSecond`, `${vid}.backPressuredTimeMsPerSecond`]),
	], [of]);
	const ended = hasEnded(picture.job.state);
	const { data, error } = useSeries(`${at("jobs", jid)}/series`, names, chosenRange(), ended ? picture.job["end-time"] : undefined);
	return (
		<Section title={t("title")} aside={<RangeChoice />}>
			{error && !data && <Failure of={error} />}
			{data && !recorded(data) ? <p class="sub">{t(ended ? "brief" : "none")}</p> : data ? <Drawn picture={picture} data={data} of={of} /> : !error && <Skeleton height={2 * (CHART_HEIGHT + 60)} />}
			{count > of.all.length && <p class="sub">{t("some", { n: of.all.length, all: count })}</p>}
			{data?.missing?.map(text => <p key={text} class="sub" lang="en">{text}</p>)}
		</Section>
	);
}
