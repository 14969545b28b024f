// SPDX-License-Identifier: Apache-2.0
// timeline.tsx - when the job, its vertices and their subtasks were in which state.
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import type { Vertex } from "../../api/picture-types";
import { hasEnded } from "../../api/types";
import { count, duration, time } from "../../lib/format";
import { clock } from "../../lib/page";
import { choose, chosen } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Failure, Name, Section, Skeleton, Time } from "../../ui";
import type { JobTabProps } from "./tab";
import "./parts.css";

const t = texts(
	{ job: "The job", vertices: "Vertices", open: "Show its subtasks", close: "Hide its subtasks", subtask: "Subtask {n}", some: "The first {n} of {all} subtasks are drawn.", vertexFrom: "{state} for {time}, from {at}" },
	{ job: "작업", vertices: "버텍스", open: "서브태스크 보기", close: "서브태스크 숨기기", subtask: "서브태스크 {n}", some: "서브태스크 {all}개 가운데 처음 {n}개를 표시합니다.", vertexFrom: "{state}, {at}부터 {time} 동안" },
);

interface Span {
	state: string;
	from: number;
	to: number;
}

interface Times {
	subtasks: { subtask: number; timestamps: Record<string, number> }[];
}

const SUBTASKS_MAX = 500;
const FINAL = new Set(["FINISHED", "CANCELED", "FAILED"]);

/** From each state to the one entered next; the last lasts until `end`, unless it is a final one. */
export function spansOf(entered: Record<string, number>, end: number): Span[] {
	const states = Object.entries(entered).filter(([, from]) => from > 0).sort((a, b) => a[1] - b[1]);
	return states.flatMap(([state, from], i) => {
		const to = states[i + 1]?.[1] ?? (FINAL.has(state) ? from : end);
		return to > from || FINAL.has(state) ? [{ state, from, to }] : [];
	});
}

function Bar(props: { spans: readonly Span[]; from: number; to: number; label: string }) {
	const all = Math.max(1, props.to - props.from);
	return (
		<div class="gantt-bar" role="img" aria-label={`${props.label}: ${props.spans.map(span => `${span.state} ${duration(span.to - span.from)}`).join(", ")}`}>
			{props.spans.map(span => (
				<i key={`${span.state}${span.from}`} class={`s-${span.state}`}
					style={{ left: `${((span.from - props.from) / all) * 100}%`, width: `${((span.to - span.from) / all) * 100}%` }}
					title={t("vertexFrom", { state: span.state, time: duration(span.to - span.from), at: time(span.from) })} />
			))}
		</div>
	);
}

function Subtasks(props: { jid: string; vid: string; from: number; to: number }) {
	const { data, error } = useAnswer<Times>(`${at("jobs", props.jid, "vertices", props.vid)}/subtasktimes`);
	if (error && !data) return <Failure of={error} />;
	if (!data) return <Skeleton height={80} />;
	return (
		<>
			{data.subtasks.slice(0, SUBTASKS_MAX).map(one => (
				<div key={one.subtask} class="gantt-row subtask">
					<span class="gantt-name">{t("subtask", { n: one.subtask })}</span>
					<Bar spans={spansOf(one.timestamps, props.to)} from={props.from} to={props.to} label={t("subtask", { n: one.subtask })} />
				</div>
			))}
			{data.subtasks.length > SUBTASKS_MAX && <p class="hint">{t("some", { n: count(SUBTASKS_MAX), all: count(data.subtasks.length) })}</p>}
		</>
	);
}

const spanOf = (vertex: Vertex, to: number): Span[] =>
	(vertex["start-time"] > 0 ? [{ state: vertex.status, from: vertex["start-time"], to: vertex["end-time"] > 0 ? vertex["end-time"] : to }] : []);

export default function Timeline(props: JobTabProps) {
	const { job, vertices } = props.picture;
	const open = chosen("vertex");
	const from = job["start-time"], to = hasEnded(job.state) ? job["end-time"] : Math.max(clock.value, from + 1_000);
	return (
		<div class="gantt">
			<Section title={t("job")}>
				<div class="gantt-row">
					<span class="gantt-name"><Name of={job.name} /></span>
					<Bar spans={spansOf(job.timestamps, to)} from={from} to={to} label={job.name} />
				</div>
			</Section>
			<Section title={t("vertices")}>
				{Object.entries(vertices).map(([vid, vertex]) => (
					<div key={vid}>
						<div class="gantt-row">
							<button type="button" class="gantt-name link" aria-expanded={open === vid} onClick={() => choose({ vertex: open === vid ? "" : vid })}
								title={open === vid ? t("close") : t("open")}><Name of={vertex.name} /></button>
							<Bar spans={spanOf(vertex, to)} from={from} to={to} label={vertex.name} />
						</div>
						{open === vid && <Subtasks jid={props.jid} vid={vid} from={from} to={to} />}
					</div>
				))}
				<p class="life-ends gantt-ends"><Time at={from} /><Time at={to} /></p>
			</Section>
		</div>
	);
}
