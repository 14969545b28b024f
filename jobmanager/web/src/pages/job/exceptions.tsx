// SPDX-License-Identifier: Apache-2.0
// exceptions.tsx - what went wrong, newest first, cause first; and when, along the job's life.
import { useMemo, useState } from "preact/hooks";
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import { hasEnded } from "../../api/types";
import { count, time } from "../../lib/format";
import { clock } from "../../lib/page";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Button, CodeBlock, Empty, Failure, Quoted, Section, Skeleton, Time } from "../../ui";
import { withoutFrames } from "../jobs";
import type { JobTabProps } from "./tab";
import "./parts.css";

const t = texts(
	{
		timeline: "Failures over the job's life", history: "Failures", none: "No failures", noneWhy: "What makes a task fail will be told here, with its cause first.",
		task: "Task", place: "On", log: "Its log at that moment", more: "Load more", trace: "The whole text", times: "{n} times, first at {first}", also: "{n} {n|other task|other tasks} at the same time",
		start: "Start", now: "Now", end: "End", job: "The job as a whole", restarts: "{n} {n|restart|restarts}",
	},
	{
		timeline: "작업 기간 중 실패", history: "실패 기록", none: "실패가 없습니다", noneWhy: "태스크가 실패하면 원인부터 여기에 표시됩니다.",
		task: "태스크", place: "위치", log: "그 시점의 로그", more: "더 보기", trace: "전체 내용", times: "{n}회, 처음 {first}", also: "같은 때 실패한 다른 태스크 {n}개",
		start: "시작", now: "현재", end: "종료", job: "작업 전체", restarts: "재시작 {n}회",
	},
);

interface Cause {
	exceptionName: string;
	stacktrace: string;
	timestamp: number;
	taskName?: string;
	endpoint?: string;
	taskManagerId?: string;
	failureLabels: Record<string, string>;
	concurrentExceptions?: Cause[];
}

interface Exceptions {
	exceptionHistory: { entries: Cause[]; truncated: boolean };
}

const PAGE = 20;

/** Without the class names that Flink's clients expect in front. */
const plainly = (text: string): string => withoutFrames(text).replace(/^[\w.$]+(?:Exception|Error): /, "").trim();

interface Group {
	cause: Cause;
	count: number;
	first: number;
}

/** The same words from the same task, one after the other, are one entry. */
export function grouped(entries: readonly Cause[]): Group[] {
	const groups: Group[] = [];
	for (const cause of entries) {
		const last = groups[groups.length - 1];
		if (last && last.cause.stacktrace === cause.stacktrace && last.cause.taskName === cause.taskName) {
			last.count++;
			last.first = cause.timestamp;
		} else groups.push({ cause, count: 1, first: cause.timestamp });
	}
	return groups;
}

function Life(props: { from: number; to: number; ended: boolean; failures: readonly Cause[]; restarts: number }) {
	const span = Math.max(1, props.to - props.from);
	const label = `${t("timeline")}: ${count(props.failures.length)}`;
	return (
		<Section title={t("timeline")} aside={t("restarts", { n: count(props.restarts) })}>
			<div class="life">
				<svg viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label={label}>
					<rect class="life-line" x="0" y="10" width="1000" height="4" rx="2" />
					{props.failures.map(({ timestamp }, i) => (
						<rect key={i} class="life-mark" x={Math.min(997, Math.max(0, ((timestamp - props.from) / span) * 1000))} y="3" width="3" height="18"><title>{time(timestamp)}</title></rect>
					))}
				</svg>
				<p class="life-ends"><span>{t("start")} <Time at={props.from} /></span><span>{props.ended ? t("end") : t("now")} <Time at={props.to} /></span></p>
			</div>
		</Section>
	);
}

function Entry(props: { of: Group }) {
	const { cause, count: times, first } = props.of;
	const text = plainly(cause.stacktrace) || cause.exceptionName;
	const [head = "", ...more] = text.split("\n");
	const others = cause.concurrentExceptions ?? [];
	return (
		<li class="failure">
			<p class="failure-when">
				<Time at={cause.timestamp} />
				{times > 1 && <span class="t-warn-text">{t("times", { n: count(times), first: time(first) })}</span>}
			</p>
			<p class="failure-cause"><Quoted text={head} /></p>
			{more.length > 0 && <p class="failure-more" lang="en">{more.slice(0, 3).join("\n")}</p>}
			<p class="failure-where">
				<span>{t("task")}: <b>{cause.taskName ?? t("job")}</b></span>
				{cause.taskManagerId && (
					<>
						<span>{t("place")}: <a href={link("task-manager", cause.taskManagerId, "metrics")}>{cause.endpoint ?? cause.taskManagerId}</a></span>
						<a href={`${link("task-manager", cause.taskManagerId, "logs")}?level=WARN`}>{t("log")}</a>
					</>
				)}
				{Object.entries(cause.failureLabels).map(([key, value]) => <span key={key}>{key}: {value}</span>)}
			</p>
			<details>
				<summary>{t("trace")}{others.length > 0 && ` · ${t("also", { n: others.length })}`}</summary>
				<CodeBlock text={[cause, ...others].map(one => (one.taskName ? `${one.taskName}\n` : "") + one.stacktrace.trimEnd()).join("\n\n")} />
			</details>
		</li>
	);
}

export default function Exceptions(props: JobTabProps) {
	const [most, setMost] = useState(PAGE);
	const { job } = props.picture;
	const { data, error } = useAnswer<Exceptions>(`${at("jobs", props.jid)}/exceptions?maxExceptions=${most}`);
	const groups = useMemo(() => grouped(data?.exceptionHistory.entries ?? []), [data]);
	if (error && !data) return <Failure of={error} />;
	if (!data) return <Skeleton height={240} />;
	const { entries, truncated } = data.exceptionHistory;
	if (entries.length === 0) return <Empty title={t("none")}>{t("noneWhy")}</Empty>;
	const ended = hasEnded(job.state);
	return (
		<>
			<Life from={job["start-time"]} to={ended ? job["end-time"] : clock.value} ended={ended} failures={entries} restarts={job.restarts} />
			<Section title={t("history")}>
				<ol class="failures">{groups.map(group => <Entry key={`${group.cause.timestamp}${group.cause.taskName ?? ""}`} of={group} />)}</ol>
				{truncated && <p><Button onClick={() => setMost(most + PAGE)}>{t("more")}</Button></p>}
			</Section>
		</>
	);
}
